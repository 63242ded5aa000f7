//! Tags, lengths and contents (X.690): a reader that borrows and says where it stands, and a writer of the
//! distinguished form.
//!
//! Read is what the distinguished rules (DER) allow. What is looser and met in the field is read as well, and the
//! reader says so ([`Tolerances`]): whoever parses decides and reports. An element knows its place in the token. The
//! reader never follows an element by itself, so nothing recurses, and nothing is allocated.
//!
//! Indefinite lengths, tags of more than one byte, and lengths of more than four bytes are refused: none of the formats
//! that are read here has them.

use std::fmt;

use crate::error::{TokenError, TokenErrorKind};

/// An identifier octet: class, form and number in one byte. Any byte can be held.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u8);

impl Tag {
    /// BIT STRING, primitive.
    pub const BIT_STRING: Self = Self(0x03);
    /// OCTET STRING, primitive.
    pub const OCTET_STRING: Self = Self(0x04);
    /// OBJECT IDENTIFIER.
    pub const OBJECT_IDENTIFIER: Self = Self(0x06);
    /// ENUMERATED.
    pub const ENUMERATED: Self = Self(0x0A);
    /// GeneralString, primitive.
    pub const GENERAL_STRING: Self = Self(0x1B);
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: Self = Self(0x30);

    /// `[APPLICATION number]`, constructed; numbers up to 30.
    #[must_use]
    pub const fn application(number: u8) -> Self {
        Self(0x60 | (number & 0x1F))
    }

    /// `[number]`, constructed; numbers up to 30.
    #[must_use]
    pub const fn context(number: u8) -> Self {
        Self(0xA0 | (number & 0x1F))
    }

    /// Whether the number of the tag stands in further bytes.
    const fn is_long(self) -> bool {
        self.0 & 0x1F == 0x1F
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Tag(0x{:02x})", self.0)
    }
}

bitflags::bitflags! {
    /// What a token has that the distinguished rules or its own format forbid, and that is read all the same.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Tolerances: u16 {
        /// A length is written in more bytes than it needs (X.690 section 10.1 wants the fewest).
        const LONG_LENGTH = 1;
        /// A first token without the framing of RFC 2743 section 3.1.
        const UNFRAMED = 2;
        /// A list of mechanisms is missing where RFC 4178 section 4.2.1 has one; MS-SPNG section 2.2.1 has it optional.
        const NO_MECH_TYPES = 4;
    }
}

impl Tolerances {
    /// Every tolerance by the name that rules use.
    pub const NAMED: &'static [(&'static str, Self)] = &[
        ("long-length", Self::LONG_LENGTH),
        ("unframed", Self::UNFRAMED),
        ("no-mech-types", Self::NO_MECH_TYPES),
    ];
}

/// One element: its tag, its content, and where in the token they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The tag.
    pub tag: Tag,
    /// Offset of the tag in the token.
    pub offset: usize,
    /// Tag, length and content as they came.
    pub bytes: &'a [u8],
    /// The content.
    pub content: &'a [u8],
}

impl<'a> Element<'a> {
    /// Offset of the content in the token.
    #[must_use]
    pub fn content_offset(&self) -> usize {
        self.offset
            .saturating_add(self.bytes.len().saturating_sub(self.content.len()))
    }

    /// A reader of what is inside.
    #[must_use]
    pub fn inside(&self) -> Reader<'a> {
        Reader {
            rest: self.content,
            offset: self.content_offset(),
        }
    }

    /// Whether the length is written in more bytes than it needs.
    #[must_use]
    pub fn has_long_length(&self) -> bool {
        self.bytes.len() > size(self.content.len())
    }
}

/// Reads one element after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// A reader of a whole token.
    #[must_use]
    pub const fn new(token: &'a [u8]) -> Self {
        Self {
            rest: token,
            offset: 0,
        }
    }

    /// Offset in the token of what comes next.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag that comes next, if there is another element.
    #[must_use]
    pub fn next_tag(&self) -> Option<Tag> {
        self.rest.first().copied().map(Tag)
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// There is none, it is cut off, or its tag or length is written in a form that is refused.
    pub fn any(&mut self, field: &'static str, seen: &mut Tolerances) -> Result<Element<'a>, TokenError> {
        let fault = |at: usize, kind| TokenError::new(field, self.offset.saturating_add(at), kind);
        let (&tag, behind) = self
            .rest
            .split_first()
            .ok_or_else(|| fault(0, TokenErrorKind::Truncated))?;
        let tag = Tag(tag);
        if tag.is_long() {
            return Err(fault(0, TokenErrorKind::UnexpectedTag(tag.0)));
        }
        let (length, behind) = length(behind).map_err(|kind| fault(1, kind))?;
        let content = behind
            .get(..length)
            .ok_or_else(|| fault(1, TokenErrorKind::Truncated))?;
        let header = self.rest.len().saturating_sub(behind.len());
        let (bytes, rest) = self
            .rest
            .split_at_checked(header.saturating_add(length))
            .unwrap_or((self.rest, &[]));
        let element = Element {
            tag,
            offset: self.offset,
            bytes,
            content,
        };
        if element.has_long_length() {
            seen.insert(Tolerances::LONG_LENGTH);
        }
        self.rest = rest;
        self.offset = self.offset.saturating_add(bytes.len());
        Ok(element)
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Self::any`]; or the tag is another.
    pub fn expect(
        &mut self,
        tag: Tag,
        field: &'static str,
        seen: &mut Tolerances,
    ) -> Result<Element<'a>, TokenError> {
        match self.next_tag() {
            Some(next) if next != tag => Err(TokenError::new(
                field,
                self.offset,
                TokenErrorKind::UnexpectedTag(next.0),
            )),
            _ => self.any(field, seen),
        }
    }

    /// The next element if it has this tag.
    ///
    /// # Errors
    /// As [`Self::any`].
    pub fn optional(
        &mut self,
        tag: Tag,
        field: &'static str,
        seen: &mut Tolerances,
    ) -> Result<Option<Element<'a>>, TokenError> {
        if self.next_tag() != Some(tag) {
            return Ok(None);
        }
        self.any(field, seen).map(Some)
    }

    /// That nothing follows.
    ///
    /// # Errors
    /// [`TokenErrorKind::TrailingBytes`].
    pub fn end(&self, field: &'static str) -> Result<(), TokenError> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(TokenError::new(
                field,
                self.offset,
                TokenErrorKind::TrailingBytes(more),
            )),
        }
    }

    /// The only element within an element: what an explicit tag holds.
    ///
    /// # Errors
    /// As [`Self::expect`] and [`Self::end`].
    pub fn only(
        mut self,
        tag: Tag,
        field: &'static str,
        seen: &mut Tolerances,
    ) -> Result<Element<'a>, TokenError> {
        let element = self.expect(tag, field, seen)?;
        self.end(field)?;
        Ok(element)
    }
}

/// The length that bytes begin with, and what follows it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), TokenErrorKind> {
    let (&first, rest) = bytes.split_first().ok_or(TokenErrorKind::Truncated)?;
    match first {
        short @ 0..0x80 => Ok((usize::from(short), rest)),
        0x80 => Err(TokenErrorKind::IndefiniteLength),
        0x81..=0x84 => {
            let (digits, rest) = rest
                .split_at_checked(usize::from(first & 0x7F))
                .ok_or(TokenErrorKind::Truncated)?;
            let value = digits
                .iter()
                .fold(0_u32, |value, digit| (value << 8) | u32::from(*digit));
            Ok((super::index(value), rest))
        }
        long => Err(TokenErrorKind::BadLength(usize::from(long & 0x7F))),
    }
}

/// Bytes that a length takes in the shortest form.
const fn length_size(length: usize) -> usize {
    match length {
        0..0x80 => 1,
        0x80..=0xFF => 2,
        0x100..=0xFFFF => 3,
        0x1_0000..=0xFF_FFFF => 4,
        _ => 5,
    }
}

/// Bytes that an element with this much content takes.
#[must_use]
pub const fn size(content: usize) -> usize {
    content.saturating_add(1).saturating_add(length_size(content))
}

/// Writes tag and length of an element whose content follows.
pub fn header(out: &mut Vec<u8>, tag: Tag, content: usize) {
    out.push(tag.0);
    let digits = super::saturated_u32(content).to_be_bytes();
    let count = length_size(content).saturating_sub(1);
    match u8::try_from(count) {
        Ok(0) | Err(_) => out.extend(digits.last()),
        Ok(count) => out.push(0x80 | count),
    }
    if count > 0 {
        out.extend_from_slice(
            digits
                .get(digits.len().saturating_sub(count)..)
                .unwrap_or_default(),
        );
    }
}

/// Writes an element.
pub fn element(out: &mut Vec<u8>, tag: Tag, content: &[u8]) {
    header(out, tag, content.len());
    out.extend_from_slice(content);
}

/// Writes an element within an explicit tag.
pub fn explicit(out: &mut Vec<u8>, outer: Tag, inner: Tag, content: &[u8]) {
    header(out, outer, size(content.len()));
    element(out, inner, content);
}

/// Bytes that [`explicit`] writes.
#[must_use]
pub const fn explicit_size(content: usize) -> usize {
    size(size(content))
}
