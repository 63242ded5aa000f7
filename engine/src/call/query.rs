//! QueryContextAttributes.

use super::{CtxtHandle, Refusal, SecurityInterface};
use crate::{codec::utf16::Text, error::CallerMisuse, package::Package, session::Sizes};

/// The expiry of a context that does not expire.
pub(super) const NEVER: u64 = 0x7FFF_FFFF_FFFF_FFFF;

/// What can be asked of a context (SECPKG_ATTR_*). Any number can be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContextAttribute(pub u32);

impl ContextAttribute {
    /// `SECPKG_ATTR_SIZES`.
    pub const SIZES: Self = Self(0);
    /// `SECPKG_ATTR_NAMES`.
    pub const NAMES: Self = Self(1);
    /// `SECPKG_ATTR_LIFESPAN`.
    pub const LIFESPAN: Self = Self(2);
    /// `SECPKG_ATTR_SESSION_KEY`.
    pub const SESSION_KEY: Self = Self(9);
    /// `SECPKG_ATTR_PACKAGE_INFO`.
    pub const PACKAGE_INFO: Self = Self(10);
    /// `SECPKG_ATTR_FLAGS`.
    pub const FLAGS: Self = Self(14);
    /// `SECPKG_ATTR_TARGET_INFORMATION`.
    pub const TARGET_INFORMATION: Self = Self(17);

    /// Every supported attribute by the name that the adapter protocol uses.
    pub const NAMED: &[(&str, Self)] = &[
        ("sizes", Self::SIZES),
        ("names", Self::NAMES),
        ("lifespan", Self::LIFESPAN),
        ("session-key", Self::SESSION_KEY),
        ("package-info", Self::PACKAGE_INFO),
        ("flags", Self::FLAGS),
        ("target-information", Self::TARGET_INFORMATION),
    ];

    /// The attribute of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, attribute)| *attribute)
    }
}

/// An answer.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributeValue {
    /// Sizes of tokens.
    Sizes(Sizes),
    /// The user that is logged on: `DOMAIN\user`, or `user` if there is no domain.
    Names(Text),
    /// When the context expires: 100 ns units since 1601-01-01.
    Lifespan(u64),
    /// The session key.
    SessionKey(Vec<u8>),
    /// The package.
    PackageInfo(Package),
    /// What the acceptor told of itself.
    TargetInformation(Vec<u8>),
    /// The attributes that were granted, as the bits of the side's call.
    Flags(u32),
}

impl std::fmt::Debug for AttributeValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sizes(sizes) => write!(formatter, "{sizes:?}"),
            Self::Names(name) => write!(formatter, "Names({name:?})"),
            Self::Lifespan(expiry) => write!(formatter, "Lifespan({expiry})"),
            Self::SessionKey(key) => write!(formatter, "SessionKey({} bytes)", key.len()),
            Self::TargetInformation(pairs) => write!(formatter, "TargetInformation({} bytes)", pairs.len()),
            Self::Flags(bits) => write!(formatter, "Flags(0x{bits:08x})"),
            Self::PackageInfo(package) => write!(formatter, "PackageInfo({package:?})"),
        }
    }
}

impl SecurityInterface {
    /// QueryContextAttributes on an established context.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`: the handle is not that of an established context. `SEC_E_UNSUPPORTED_FUNCTION`: the
    /// package has no such attribute.
    pub fn query_context_attributes(
        &mut self,
        handle: CtxtHandle,
        attribute: ContextAttribute,
    ) -> Result<AttributeValue, Refusal> {
        self.answer(handle, attribute)
            .map_err(|misuse| self.refusal(misuse))
    }

    fn answer(
        &mut self,
        handle: CtxtHandle,
        attribute: ContextAttribute,
    ) -> Result<AttributeValue, CallerMisuse> {
        let granted = self.context(handle)?.granted;
        let (session, environment) = self.session(handle)?;
        match attribute {
            ContextAttribute::FLAGS => {
                let forgotten = deviates!(environment, FlagsForgotten);
                Ok(AttributeValue::Flags(if forgotten { 0 } else { granted }))
            }
            ContextAttribute::SIZES => Ok(AttributeValue::Sizes(session.sizes())),
            ContextAttribute::NAMES => {
                let (domain, user) = session.names();
                let bare = domain.is_empty() || deviates!(environment, NamesWithoutDomain);
                let separator: &[u16] = if bare { &[] } else { &[0x5C] };
                let domain: &[u16] = if bare { &[] } else { domain.units() };
                Ok(AttributeValue::Names(Text::from_units(
                    [domain, separator, user.units()].concat(),
                )))
            }
            ContextAttribute::TARGET_INFORMATION if !session.target_info().is_empty() => {
                Ok(AttributeValue::TargetInformation(session.target_info().to_vec()))
            }
            ContextAttribute::LIFESPAN => Ok(AttributeValue::Lifespan(NEVER)),
            ContextAttribute::SESSION_KEY
                if session.has_key() && !deviates!(environment, SessionKeyNotExported) =>
            {
                Ok(AttributeValue::SessionKey(session.session_key().to_vec()))
            }
            ContextAttribute::PACKAGE_INFO => Ok(AttributeValue::PackageInfo(Package::Ntlm)),
            _ => Err(CallerMisuse::UnknownAttribute),
        }
    }
}
