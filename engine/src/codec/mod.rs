//! Bytes: reading with places, writing, DER and object identifiers, and UTF-16 text. Nothing here knows a protocol.

pub mod der;
pub mod oid;
pub mod utf16;

use crate::error::{TokenError, TokenErrorKind};

/// The bytes of a fixed-size item at an offset.
///
/// # Errors
/// [`TokenErrorKind::Truncated`] if the token ends before the item does.
pub fn array<const N: usize>(token: &[u8], at: usize, field: &'static str) -> Result<[u8; N], TokenError> {
    token
        .get(at..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .ok_or_else(|| TokenError::new(field, at, TokenErrorKind::Truncated))
}

/// A little-endian 16-bit number.
///
/// # Errors
/// As [`array()`].
pub fn u16_le(token: &[u8], at: usize, field: &'static str) -> Result<u16, TokenError> {
    array(token, at, field).map(u16::from_le_bytes)
}

/// A little-endian 32-bit number.
///
/// # Errors
/// As [`array()`].
pub fn u32_le(token: &[u8], at: usize, field: &'static str) -> Result<u32, TokenError> {
    array(token, at, field).map(u32::from_le_bytes)
}

/// A little-endian 64-bit number.
///
/// # Errors
/// As [`array()`].
pub fn u64_le(token: &[u8], at: usize, field: &'static str) -> Result<u64, TokenError> {
    array(token, at, field).map(u64::from_le_bytes)
}

/// Overwrites bytes at an offset; bytes that do not fit are left alone.
pub fn put(out: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = out.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len())) {
        place.copy_from_slice(bytes);
    }
}

/// A length as a 16-bit number, saturated: no message of ours is longer, and a peer can never choose one.
#[must_use]
pub fn saturated_u16(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A length as a 32-bit number, saturated.
#[must_use]
pub fn saturated_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// A 32-bit number from the wire as an index.
#[must_use]
pub fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
