//! The eight bytes that describe a part of the payload (MS-NLMP section 2.2.1, "fields").
//!
//! ```text
//! 0  Len           u16
//! 2  MaxLen        u16   receivers ignore it
//! 4  BufferOffset  u32   from the start of the message
//! ```

use crate::{
    codec,
    error::{TokenError, TokenErrorKind},
};

/// Length and offset of a part of the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Length of the part in bytes.
    pub length: u16,
    /// Length that the sender reserved; receivers ignore it.
    pub max_length: u16,
    /// Offset of the part from the start of the message.
    pub offset: u32,
}

impl Descriptor {
    /// Size on the wire.
    pub const SIZE: usize = 8;

    /// Reads a descriptor.
    ///
    /// # Errors
    /// The token ends too early.
    pub fn parse(token: &[u8], at: usize, field: &'static str) -> Result<Self, TokenError> {
        Ok(Self {
            length: codec::u16_le(token, at, field)?,
            max_length: codec::u16_le(token, at.saturating_add(2), field)?,
            offset: codec::u32_le(token, at.saturating_add(4), field)?,
        })
    }

    /// The descriptor as a receiver takes it: one that does not count, by its flag, is ignored if it points nowhere.
    #[must_use]
    pub(super) fn unless_ignored(self, token: &[u8], header: usize, counts: bool) -> Self {
        if counts || self.bytes(token, header, 0, "").is_ok() {
            self
        } else {
            Self::default()
        }
    }

    /// The described bytes. An empty part is empty wherever its offset points.
    ///
    /// # Errors
    /// The part does not lie within the token, or it begins within the first `header` bytes.
    pub fn bytes<'a>(
        &self,
        token: &'a [u8],
        header: usize,
        at: usize,
        field: &'static str,
    ) -> Result<&'a [u8], TokenError> {
        if self.length == 0 {
            return Ok(&[]);
        }
        let start = codec::index(self.offset);
        if start < header {
            return Err(TokenError::new(field, at, TokenErrorKind::InHeader));
        }
        token
            .get(start..)
            .and_then(|rest| rest.get(..usize::from(self.length)))
            .ok_or_else(|| TokenError::new(field, at, TokenErrorKind::OutOfBounds))
    }
}

/// Appends a part to the payload and writes its descriptor.
pub(super) fn append(out: &mut Vec<u8>, at: usize, part: &[u8]) {
    let offset = codec::saturated_u32(out.len());
    append_described(out, at, part, offset);
}

/// As [`append`], but an empty part has offset zero, as Windows writes it for a part that its flag says
/// is not there.
pub(super) fn append_or_zero(out: &mut Vec<u8>, at: usize, part: &[u8]) {
    let offset = if part.is_empty() {
        0
    } else {
        codec::saturated_u32(out.len())
    };
    append_described(out, at, part, offset);
}

fn append_described(out: &mut Vec<u8>, at: usize, part: &[u8], offset: u32) {
    let length = codec::saturated_u16(part.len());
    codec::put(out, at, &length.to_le_bytes());
    codec::put(out, at.saturating_add(2), &length.to_le_bytes());
    codec::put(out, at.saturating_add(4), &offset.to_le_bytes());
    out.extend_from_slice(part.get(..usize::from(length)).unwrap_or(part));
}
