//! The NTLM messages as bytes (MS-NLMP section 2.2). No state, no clock, no randomness, no cryptography.
//!
//! Every message starts with the signature `NTLMSSP\0` and a message type; numbers are little-endian; variable parts
//! are described by length and offset and lie in a payload behind the fixed part. `parse` borrows and allocates
//! nothing; `emit` writes the canonical layout: payload in the order written by Windows, no gaps, MaxLen equal to Len.

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod authenticate;
mod av_pair;
mod challenge;
mod descriptor;
mod flags;
mod negotiate;
mod nt_response;
mod signature;
mod version;

pub use authenticate::Authenticate;
pub use av_pair::{
    AvId, AvPair, AvPairs, AvPairsBuf, AvValues, MSV_AV_FLAG_MIC, MSV_AV_FLAG_UNTRUSTED_TARGET,
};
pub use challenge::Challenge;
pub use descriptor::Descriptor;
pub use flags::NegotiateFlags;
pub use negotiate::Negotiate;
pub use nt_response::{ClientChallenge, NtlmV2Response};
pub use signature::Signature;
pub use version::Version;

use crate::{
    codec,
    error::{TokenError, TokenErrorKind},
};

/// The first eight bytes of every message.
pub const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// A message type. Any number can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageType(pub u32);

impl MessageType {
    /// The initiator's first message.
    pub const NEGOTIATE: Self = Self(1);
    /// The acceptor's message.
    pub const CHALLENGE: Self = Self(2);
    /// The initiator's second message.
    pub const AUTHENTICATE: Self = Self(3);
}

/// The message type of a token.
///
/// # Errors
/// The signature is wrong or the token shorter than 12 bytes.
pub fn message_type(token: &[u8]) -> Result<MessageType, TokenError> {
    let signature: [u8; 8] = codec::array(token, 0, "Signature")?;
    if signature != SIGNATURE {
        return Err(TokenError::new("Signature", 0, TokenErrorKind::BadSignature));
    }
    codec::u32_le(token, 8, "MessageType").map(MessageType)
}

/// A field of a message's fixed part: its name in the specification, offset and size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedField {
    /// Name in the specification.
    pub name: &'static str,
    /// Offset from the start of the message.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// Whether the field is a length, maximum length and offset that describe a part of the payload.
    pub describes_payload: bool,
}

const fn fixed(name: &'static str, offset: usize, size: usize) -> FixedField {
    FixedField {
        name,
        offset,
        size,
        describes_payload: false,
    }
}

const fn described(name: &'static str, offset: usize) -> FixedField {
    FixedField {
        name,
        offset,
        size: Descriptor::SIZE,
        describes_payload: true,
    }
}

fn expect_type(token: &[u8], expected: MessageType) -> Result<(), TokenError> {
    let found = message_type(token)?;
    if found != expected {
        return Err(TokenError::new(
            "MessageType",
            8,
            TokenErrorKind::WrongMessageType(found.0),
        ));
    }
    Ok(())
}

fn start(expected: MessageType, header: usize, payload: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(header.saturating_add(payload));
    out.extend_from_slice(&SIGNATURE);
    out.extend_from_slice(&expected.0.to_le_bytes());
    out.resize(header, 0);
    out
}

/// Where the payload begins: the lowest offset of a part that has bytes, or else the end of the token. It decides
/// which optional fields the fixed part has; flags alone do not, for they and the layout disagree in the field.
fn payload_start(token: &[u8], descriptors: &[Descriptor]) -> usize {
    let lowest = descriptors
        .iter()
        .filter(|descriptor| descriptor.length > 0)
        .map(|descriptor| descriptor.offset)
        .min();
    lowest.map_or(token.len(), codec::index).min(token.len())
}

/// A version in the fixed part, if the payload leaves room for it.
fn optional_version(token: &[u8], at: usize, payload_start: usize) -> Option<Version> {
    (payload_start >= at.saturating_add(Version::SIZE))
        .then(|| Version::parse(token, at))
        .flatten()
}
