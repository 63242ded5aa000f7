//! Object identifiers and the list of mechanisms (RFC 4178 section 4.1).
//!
//! ```text
//! MechType     ::= OBJECT IDENTIFIER
//! MechTypeList ::= SEQUENCE OF MechType
//! ```
//!
//! An identifier is held as its content bytes, a list as the bytes that came, its tag and length included: the code over
//! the list is computed over these (RFC 4178 section 5, a).

use std::{borrow::Cow, fmt};

use crate::{
    codec::der::{self, Element, Reader, Tag, Tolerances},
    error::{TokenError, TokenErrorKind},
};

/// An object identifier: its content bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Oid<'a>(pub Cow<'a, [u8]>);

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

impl<'a> Oid<'a> {
    /// The identifier that an element holds.
    ///
    /// # Errors
    /// [`TokenErrorKind::BadValue`]: an arc is missing, cut off, or written in more bytes than it needs.
    pub fn of(element: &Element<'a>, field: &'static str) -> Result<Self, TokenError> {
        let bytes = element.content;
        let starts = std::iter::once(&0).chain(bytes).zip(bytes);
        let padded = starts
            .into_iter()
            .any(|(before, byte)| before & 0x80 == 0 && *byte == 0x80);
        let ends = bytes.last().is_some_and(|last| last & 0x80 == 0);
        if !ends || padded {
            let at = element.content_offset();
            return Err(TokenError::new(field, at, TokenErrorKind::BadValue));
        }
        Ok(Self(Cow::Borrowed(bytes)))
    }

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
        named.map(|(_, oid)| oid.clone()).or_else(|| Oid::from_arcs(text))
    }

    fn from_arcs(text: &str) -> Option<Oid<'static>> {
        let arcs: Vec<u64> = text
            .split('.')
            .map(|arc| arc.parse().ok())
            .collect::<Option<_>>()?;
        let (&[first, second], rest) = arcs.split_first_chunk::<2>()?;
        let head = first.checked_mul(40)?.checked_add(second)?;
        if first > 2 || (first < 2 && second > 39) {
            return None;
        }
        let mut bytes = Vec::new();
        for arc in std::iter::once(&head).chain(rest) {
            let septets = 1.max((64 - arc.leading_zeros()).div_ceil(7));
            for place in (0..septets).rev() {
                let septet = u8::try_from((arc >> (7 * place)) & 0x7F).unwrap_or_default();
                bytes.push(septet | if place > 0 { 0x80 } else { 0 });
            }
        }
        Some(Oid(Cow::Owned(bytes)))
    }

    /// The same identifier, owning its bytes.
    #[must_use]
    pub fn into_owned(self) -> Oid<'static> {
        Oid(Cow::Owned(self.0.into_owned()))
    }
}

/// Dotted form; arcs that do not fit 64 bits are cut off.
impl fmt::Display for Oid<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut arc, mut first) = (0_u64, true);
        for byte in &*self.0 {
            arc = (arc << 7) | u64::from(byte & 0x7F);
            if byte & 0x80 != 0 {
                continue;
            }
            if first {
                let root = (arc / 40).min(2);
                write!(formatter, "{root}.{}", arc.saturating_sub(root * 40))?;
            } else {
                write!(formatter, ".{arc}")?;
            }
            (arc, first) = (0, false);
        }
        Ok(())
    }
}

impl fmt::Debug for Oid<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "Oid({self})"),
        }
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
