//! Object identifiers of mechanisms, and the list of mechanisms (RFC 4178 section 4.1).
//!
//! ```text
//! MechType     ::= OBJECT IDENTIFIER
//! MechTypeList ::= SEQUENCE OF MechType
//! ```
//!
//! A list is held as the bytes that came, its tag and length included: the code over the list is computed over these
//! (RFC 4178 section 5, a).

use std::borrow::Cow;

pub use crate::codec::oid::Oid;
use crate::{
    codec::der::{self, Element, Reader, Tag, Tolerances},
    error::TokenError,
};

macro_rules! oids {
    ($($(#[$doc:meta])* $name:ident = $kebab:literal, [$($byte:literal),*];)*) => {
        impl Oid<'static> {
            $($(#[$doc])* pub const $name: Self = Self(Cow::Borrowed(&[$($byte),*]));)*

            /// Every known identifier with its name.
            pub const NAMED: &'static [(&'static str, Self)] = &[$(($kebab, Self::$name)),*];
        }
    };
}

oids! {
    /// SPNEGO itself, 1.3.6.1.5.5.2.
    SPNEGO = "spnego", [0x2B, 0x06, 0x01, 0x05, 0x05, 0x02];
    /// Kerberos V5, 1.2.840.113554.1.2.2 (RFC 4121).
    KERBEROS = "kerberos", [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02];
    /// Kerberos V5 as old Windows writes it, 1.2.840.48018.1.2.2 (RFC 4178 appendix C).
    MS_KERBEROS = "ms-kerberos", [0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02];
    /// Kerberos user to user, 1.2.840.113554.1.2.2.3.
    KERBEROS_USER_TO_USER = "kerberos-user-to-user",
        [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x03];
    /// NTLM, 1.3.6.1.4.1.311.2.2.10.
    NTLM = "ntlm", [0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A];
    /// NEGOEX, 1.3.6.1.4.1.311.2.2.30.
    NEGOEX = "negoex", [0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E];
}

impl Oid<'_> {
    /// The name, if the identifier is known.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        let found = Oid::NAMED.iter().find(|(_, known)| known == self);
        found.map(|(name, _)| *name)
    }

    /// The identifier of a name or in dotted form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Oid<'static>> {
        let named = Oid::NAMED.iter().find(|(name, _)| *name == text);
        named
            .map(|(_, oid)| oid.clone())
            .or_else(|| Oid::from_dotted(text))
    }
}

/// A list of mechanisms: the bytes of the SEQUENCE OF as they came, tag and length included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MechTypes<'a>(pub Cow<'a, [u8]>);

impl<'a> MechTypes<'a> {
    /// A list of these mechanisms, in this order.
    #[must_use]
    pub fn new<'i>(mechanisms: impl IntoIterator<Item = &'i Oid<'i>> + Clone) -> MechTypes<'static> {
        let length = mechanisms
            .clone()
            .into_iter()
            .map(|oid| der::size(oid.0.len()))
            .sum();
        let mut out = Vec::with_capacity(der::size(length));
        der::header(&mut out, Tag::SEQUENCE, length);
        for oid in mechanisms {
            der::element(&mut out, Tag::OBJECT_IDENTIFIER, &oid.0);
        }
        MechTypes(Cow::Owned(out))
    }

    /// The list that an element holds. It may be empty.
    ///
    /// # Errors
    /// An element is none, or no identifier.
    #[inline]
    pub(super) fn of(element: &Element<'a>, seen: &mut Tolerances) -> Result<Self, TokenError> {
        let mut inside = element.inside();
        while !inside.is_empty() {
            let mechanism = inside.expect(Tag::OBJECT_IDENTIFIER, "MechType", seen)?;
            Oid::of(&mechanism, "MechType")?;
        }
        Ok(Self(Cow::Borrowed(element.bytes)))
    }

    /// The mechanisms in order. What is malformed ends the list.
    pub fn iter(&self) -> impl Iterator<Item = Oid<'_>> {
        let mut seen = Tolerances::empty();
        let list = Reader::new(&self.0).any("mechTypes", &mut seen);
        let mut inside = list.map_or(Reader::new(&[]), |list| list.inside());
        std::iter::from_fn(move || {
            let mechanism = inside.expect(Tag::OBJECT_IDENTIFIER, "MechType", &mut seen);
            Some(Oid(Cow::Borrowed(mechanism.ok()?.content)))
        })
    }

    /// The same list, owning its bytes.
    #[must_use]
    pub fn into_owned(self) -> MechTypes<'static> {
        MechTypes(Cow::Owned(self.0.into_owned()))
    }
}
