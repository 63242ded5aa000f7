//! Tags, lengths and contents (X.690): a reader that borrows and says where it stands, and a writer of the
//! distinguished form.
//!
//! Read is what the distinguished rules (DER) allow. What is looser and met in the field is read as well, and the
//! reader says so ([`Tolerances`]): whoever parses decides and reports. An element knows its place in the token. The
//! reader never follows an element by itself, so nothing recurses, and nothing is allocated.
//!
//! Indefinite lengths, tags of more than one byte, and lengths of more than five bytes (four figures) are refused: none of
//! the formats that are read here needs them.

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
    /// What a token has that the distinguished rules forbid, and that is read all the same.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Tolerances: u16 {
        /// A length is written in more bytes than it needs (X.690 section 10.1 wants the fewest).
        const LONG_LENGTH = 1;
    }
}

impl Tolerances {
    /// Every tolerance by the name that rules use.
    pub const NAMED: &'static [(&'static str, Self)] = &[("long-length", Self::LONG_LENGTH)];
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
    #[inline(always)]
    pub fn content_offset(&self) -> usize {
        self.offset
            .saturating_add(self.bytes.len().saturating_sub(self.content.len()))
    }

    /// A reader of what is inside.
    #[must_use]
    #[inline(always)]
    pub fn inside(&self) -> Reader<'a> {
        Reader {
            rest: self.content,
            offset: self.content_offset(),
        }
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
    #[inline]
    pub const fn new(token: &'a [u8]) -> Self {
        Self {
            rest: token,
            offset: 0,
        }
    }

    /// Offset in the token of what comes next.
    #[must_use]
    #[inline]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// What has not been read yet.
    #[must_use]
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything has been read.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag that comes next, if there is another element.
    #[must_use]
    #[inline]
    pub fn next_tag(&self) -> Option<Tag> {
        self.rest.first().copied().map(Tag)
    }

    /// The next element, whatever it is.
    ///
    /// # Errors
    /// There is none, it is cut off, or its tag or length is written in a form that is refused.
    #[inline(always)]
    pub fn any(&mut self, field: &'static str, seen: &mut Tolerances) -> Result<Element<'a>, TokenError> {
        let (tag, length, header) = match *self.rest {
            [tag, length @ 0..=0x7F, ..] if !Tag(tag).is_long() => (Tag(tag), usize::from(length), 2),
            [tag, 0x81, length @ 0x80..=0xFF, ..] if !Tag(tag).is_long() => {
                (Tag(tag), usize::from(length), 3)
            }
            [tag, 0x82, high @ 1..=0xFF, low, ..] if !Tag(tag).is_long() => {
                (Tag(tag), usize::from(u16::from_be_bytes([high, low])), 4)
            }
            _ => self.long_header(field, seen)?,
        };
        let whole = header.saturating_add(length);
        let Some((bytes, rest)) = self.rest.split_at_checked(whole) else {
            return Err(self.fault(1, field, TokenErrorKind::Truncated));
        };
        let element = Element {
            tag,
            offset: self.offset,
            bytes,
            content: bytes.get(header..).unwrap_or_default(),
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(whole);
        Ok(element)
    }

    /// Tag, length, and how many bytes both take, where they are not of a usual form.
    #[inline(never)]
    fn long_header(
        self,
        field: &'static str,
        seen: &mut Tolerances,
    ) -> Result<(Tag, usize, usize), TokenError> {
        let Some((&tag, behind)) = self.rest.split_first() else {
            return Err(self.fault(0, field, TokenErrorKind::Truncated));
        };
        if Tag(tag).is_long() {
            return Err(self.fault(0, field, TokenErrorKind::UnexpectedTag(tag)));
        }
        let (length, digits) = length(behind).map_err(|kind| self.fault(1, field, kind))?;
        if digits > length_size(length) {
            seen.insert(Tolerances::LONG_LENGTH);
        }
        Ok((Tag(tag), length, digits.saturating_add(1)))
    }

    #[cold]
    fn fault(self, at: usize, field: &'static str, kind: TokenErrorKind) -> TokenError {
        TokenError::new(field, self.offset.saturating_add(at), kind)
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Self::any`]; or the tag is another.
    #[inline(always)]
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
    #[inline(always)]
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

    /// The element within an explicit tag, if that tag comes next.
    ///
    /// # Errors
    /// As [`Self::any`] and [`Self::only`].
    #[inline(always)]
    pub fn explicit(
        &mut self,
        outer: Tag,
        inner: Tag,
        field: &'static str,
        seen: &mut Tolerances,
    ) -> Result<Option<Element<'a>>, TokenError> {
        match self.optional(outer, field, seen)? {
            Some(element) => element.inside().only(inner, field, seen).map(Some),
            None => Ok(None),
        }
    }

    /// That nothing follows.
    ///
    /// # Errors
    /// [`TokenErrorKind::TrailingBytes`].
    #[inline(always)]
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
    #[inline(always)]
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

/// Bytes of the element that bytes begin with by its tag and length, if both are there in a form that is read.
#[must_use]
#[inline]
pub fn announced(bytes: &[u8]) -> Option<usize> {
    let (tag, behind) = bytes.split_first()?;
    let (length, digits) = length(behind).ok()?;
    (!Tag(*tag).is_long()).then(|| length.saturating_add(digits).saturating_add(1))
}

/// The length that bytes begin with, and how many bytes it takes.
fn length(bytes: &[u8]) -> Result<(usize, usize), TokenErrorKind> {
    let (&first, rest) = bytes.split_first().ok_or(TokenErrorKind::Truncated)?;
    match first {
        short @ 0..0x80 => Ok((usize::from(short), 1)),
        0x80 => Err(TokenErrorKind::IndefiniteLength),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7F);
            let digits = rest.get(..count).ok_or(TokenErrorKind::Truncated)?;
            let value = digits
                .iter()
                .fold(0_u32, |value, digit| (value << 8) | u32::from(*digit));
            Ok((super::index(value), count.saturating_add(1)))
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
pub fn header(out: &mut Vec<u8>, Tag(tag): Tag, content: usize) {
    match super::saturated_u32(content).to_be_bytes() {
        [0, 0, 0, short @ 0..0x80] => out.extend_from_slice(&[tag, short]),
        [0, 0, 0, low] => out.extend_from_slice(&[tag, 0x81, low]),
        [0, 0, high, low] => out.extend_from_slice(&[tag, 0x82, high, low]),
        [0, high, middle, low] => out.extend_from_slice(&[tag, 0x83, high, middle, low]),
        [first, second, third, last] => {
            out.extend_from_slice(&[tag, 0x84, first, second, third, last]);
        }
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
