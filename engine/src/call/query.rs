//! QueryContextAttributes.

use super::{CtxtHandle, Refusal, SecurityInterface};
use crate::{
    codec::utf16::Text,
    environment::Environment,
    error::CallerMisuse,
    mechanism::Mechanism,
    negotiate::Progress,
    package::Package,
    session::{Session, Sizes},
};

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
    /// `SECPKG_ATTR_NEGOTIATION_INFO`.
    pub const NEGOTIATION_INFO: Self = Self(12);
    /// `SECPKG_ATTR_NATIVE_NAMES`.
    pub const NATIVE_NAMES: Self = Self(13);
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
        ("negotiation-info", Self::NEGOTIATION_INFO),
        ("native-names", Self::NATIVE_NAMES),
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
    /// The package that is negotiated, Negotiate itself while there is none, and NegotiationState.
    NegotiationInfo(Package, u32),
    /// The names of initiator and target as the mechanism has them. An acceptor does not know what it was called.
    NativeNames(Text, Text),
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
            Self::NegotiationInfo(package, state) => {
                write!(formatter, "NegotiationInfo({package:?}, {state})")
            }
            Self::NativeNames(client, server) => write!(formatter, "NativeNames({client:?}, {server:?})"),
            Self::PackageInfo(package) => write!(formatter, "PackageInfo({package:?})"),
        }
    }
}

impl SecurityInterface {
    /// QueryContextAttributes on a context that has keys; of a negotiation, on any.
    ///
    /// # Errors
    /// `SEC_E_INVALID_HANDLE`: the handle is not that of such a context. `SEC_E_UNSUPPORTED_FUNCTION`: the
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
        if attribute == ContextAttribute::NEGOTIATION_INFO {
            return self.negotiation_info(handle);
        }
        let context = self.context(handle)?;
        let (granted, target) = (context.granted, context.target.clone());
        let (session, environment) = self.session(handle)?;
        match attribute {
            ContextAttribute::FLAGS => {
                let forgotten = deviates!(environment, FlagsForgotten);
                Ok(AttributeValue::Flags(if forgotten { 0 } else { granted }))
            }
            ContextAttribute::SIZES if deviates!(environment, SizesForgotten) => {
                Ok(AttributeValue::Sizes(Sizes::default()))
            }
            ContextAttribute::SIZES => Ok(AttributeValue::Sizes(session.sizes())),
            ContextAttribute::NAMES => Ok(AttributeValue::Names(name(session, environment))),
            ContextAttribute::NATIVE_NAMES => {
                let target = target.filter(|_| !deviates!(environment, TargetForgotten));
                let target = target.unwrap_or_default();
                Ok(AttributeValue::NativeNames(name(session, environment), target))
            }
            ContextAttribute::TARGET_INFORMATION if !session.target_info().is_empty() => {
                Ok(AttributeValue::TargetInformation(session.target_info().to_vec()))
            }
            ContextAttribute::LIFESPAN if deviates!(environment, LifespanForgotten) => {
                Ok(AttributeValue::Lifespan(0))
            }
            ContextAttribute::LIFESPAN => Ok(AttributeValue::Lifespan(NEVER)),
            ContextAttribute::SESSION_KEY
                if session.has_key() && !deviates!(environment, SessionKeyNotExported) =>
            {
                Ok(AttributeValue::SessionKey(session.session_key().to_vec()))
            }
            ContextAttribute::PACKAGE_INFO if deviates!(environment, PackageInfoOfNegotiation) => {
                Ok(AttributeValue::PackageInfo(Package::Negotiate))
            }
            ContextAttribute::PACKAGE_INFO => Ok(AttributeValue::PackageInfo(session.mechanism().package())),
            _ => Err(CallerMisuse::UnknownAttribute),
        }
    }

    /// The state of the negotiation can be asked for before it is over (page "SecPkgContext_NegotiationInfo").
    fn negotiation_info(&mut self, handle: CtxtHandle) -> Result<AttributeValue, CallerMisuse> {
        let context = self.context(handle)?;
        let negotiation = context.side.negotiation().filter(|_| context.pending.is_none());
        let (progress, mechanism) = negotiation.ok_or(CallerMisuse::NotEstablished)?;
        let mechanism = mechanism.filter(|_| !deviates!(self.environment, ChosenPackageNotTold));
        let package = mechanism.map_or(Package::Negotiate, Mechanism::package);
        let unfinished = deviates!(self.environment, NegotiationNeverComplete);
        let progress = if unfinished {
            Progress::InProgress
        } else {
            progress
        };
        Ok(AttributeValue::NegotiationInfo(package, progress.number()))
    }
}

/// The user that is logged on, with its domain.
fn name(session: &Session, environment: &Environment) -> Text {
    let (domain, user) = session.names();
    let bare = domain.is_empty() || deviates!(environment, NamesWithoutDomain);
    let separator: &[u16] = if bare { &[] } else { &[0x5C] };
    let domain: &[u16] = if bare { &[] } else { domain.units() };
    Text::from_units([domain, separator, user.units()].concat())
}
