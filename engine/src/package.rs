//! The security packages.

/// A security package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Package {
    /// NTLM (MS-NLMP).
    Ntlm,
    /// Negotiate: SPNEGO over the others (RFC 4178, MS-SPNG).
    Negotiate,
}

impl Package {
    /// The package of a name; case does not matter.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = [Self::Ntlm, Self::Negotiate].into_iter();
        all.find(|package| name.eq_ignore_ascii_case(package.name()))
    }

    /// The name that QuerySecurityPackageInfo gives.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ntlm => "NTLM",
            Self::Negotiate => "Negotiate",
        }
    }

    /// Bytes of the longest token (cbMaxToken), as Windows has it since Server 2012.
    #[must_use]
    pub const fn max_token(self) -> usize {
        match self {
            Self::Ntlm => 2888,
            Self::Negotiate => 48_256,
        }
    }
}
