//! OBJECT IDENTIFIER (X.690 section 8.19): content bytes, and the dotted form.

use std::{borrow::Cow, fmt};

use super::der::Element;
use crate::error::{TokenError, TokenErrorKind};

/// An object identifier: its content bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Oid<'a>(pub Cow<'a, [u8]>);

impl<'a> Oid<'a> {
    /// The identifier that an element holds.
    ///
    /// # Errors
    /// [`TokenErrorKind::BadValue`]: an arc is missing, cut off, or written in more bytes than it needs.
    #[inline]
    pub fn of(element: &Element<'a>, field: &'static str) -> Result<Self, TokenError> {
        let bytes = element.content;
        // An arc begins where the byte before it has no higher bit, and must not begin with a zero septet.
        let (mut begins, mut padded) = (true, bytes.is_empty());
        for byte in bytes {
            padded |= begins && *byte == 0x80;
            begins = byte & 0x80 == 0;
        }
        if padded || !begins {
            let at = element.content_offset();
            return Err(TokenError::new(field, at, TokenErrorKind::BadValue));
        }
        Ok(Self(Cow::Borrowed(bytes)))
    }

    /// The identifier of a dotted form; arcs fit 64 bits.
    #[must_use]
    pub fn from_dotted(text: &str) -> Option<Oid<'static>> {
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
        write!(formatter, "Oid({self})")
    }
}
