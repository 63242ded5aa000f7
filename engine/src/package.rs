//! The security packages.

/// A security package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Package {
    /// NTLM (MS-NLMP).
    Ntlm,
}

impl Package {
    /// The package of a name; case does not matter.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        name.eq_ignore_ascii_case("ntlm").then_some(Self::Ntlm)
    }

    /// The name that QuerySecurityPackageInfo gives.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ntlm => "NTLM",
        }
    }
}
