//! NEGOEX messages (draft-zhu-negoex-04 section 6): read, never sent.
//!
//! ```text
//!  0  Signature       8 bytes, "NEGOEXTS"     40  by type:
//!  8  MessageType     u32                         NEGO       Random 32, ProtocolVersion u64, AuthSchemes, Extensions
//! 12  SequenceNum     u32                         EXCHANGE   AuthScheme 16, Exchange
//! 16  cbHeaderLength  u32                         VERIFY     AuthScheme 16, Checksum
//! 20  cbMessageLength u32                         ALERT      AuthScheme 16, ErrorCode u32, Alerts
//! 24  ConversationId  16 bytes
//! ```
//!
//! Vectors are an offset from the start of the message, u32, and a count of elements, u16 (of bytes, u32). A token is
//! one message behind the other.

use crate::{
    codec,
    error::{TokenError, TokenErrorKind},
};

/// The first eight bytes of every message.
pub const SIGNATURE: [u8; 8] = *b"NEGOEXTS";

/// A message type. Any number can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageType(pub u32);

impl MessageType {
    /// What the initiator offers.
    pub const INITIATOR_NEGO: Self = Self(0);
    /// What the acceptor offers.
    pub const ACCEPTOR_NEGO: Self = Self(1);
    /// The initiator's meta data for a scheme.
    pub const INITIATOR_META_DATA: Self = Self(2);
    /// The acceptor's meta data for a scheme.
    pub const ACCEPTOR_META_DATA: Self = Self(3);
    /// A token of the acceptor.
    pub const CHALLENGE: Self = Self(4);
    /// A token of the initiator.
    pub const AP_REQUEST: Self = Self(5);
    /// A checksum over the messages.
    pub const VERIFY: Self = Self(6);
    /// An error.
    pub const ALERT: Self = Self(7);
}

/// Identifier of an authentication scheme, as it came.
pub type AuthScheme = [u8; 16];

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its type.
    pub message_type: MessageType,
    /// Its number within the conversation, from zero.
    pub sequence: u32,
    /// The conversation.
    pub conversation: [u8; 16],
    /// What it says.
    pub body: Body<'a>,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body<'a> {
    /// An offer of schemes.
    Nego {
        /// Randomness of the sender.
        random: [u8; 32],
        /// Version of the protocol; zero is the only one.
        version: u64,
        /// The schemes, the preferred one first.
        schemes: &'a [AuthScheme],
        /// Extensions: type, and offset and length of the value, all u32.
        extensions: &'a [[u8; 12]],
    },
    /// A token or meta data of a scheme.
    Exchange {
        /// The scheme.
        scheme: AuthScheme,
        /// The token.
        token: &'a [u8],
    },
    /// A checksum over the messages so far.
    Verify {
        /// The scheme.
        scheme: AuthScheme,
        /// Whose checksum types; 1 is RFC 3961.
        checksum_scheme: u32,
        /// Type of the checksum.
        checksum_type: u32,
        /// The checksum.
        checksum: &'a [u8],
    },
    /// An error.
    Alert {
        /// The scheme.
        scheme: AuthScheme,
        /// An NTSTATUS.
        error: u32,
    },
    /// A message of another type.
    Other(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Reads the message that a token begins with; returns it and what follows.
    ///
    /// # Errors
    /// The message is malformed, of another version of the protocol, or has a critical extension.
    pub fn parse(token: &'a [u8]) -> Result<(Self, &'a [u8]), TokenError> {
        if codec::array(token, 0, "Signature")? != SIGNATURE {
            return Err(TokenError::new("Signature", 0, TokenErrorKind::BadSignature));
        }
        let header = codec::index(codec::u32_le(token, 16, "cbHeaderLength")?);
        let length = codec::index(codec::u32_le(token, 20, "cbMessageLength")?);
        let message_type = MessageType(codec::u32_le(token, 8, "MessageType")?);
        let conversation = codec::array(token, 24, "ConversationId")?;
        if header < least_header(message_type) || header > length {
            let kind = TokenErrorKind::BadLength(header);
            return Err(TokenError::new("cbHeaderLength", 16, kind));
        }
        let (message, rest) = token
            .split_at_checked(length)
            .ok_or_else(|| TokenError::new("cbMessageLength", 20, TokenErrorKind::Truncated))?;
        let parsed = Self {
            message_type,
            sequence: codec::u32_le(token, 12, "SequenceNum")?,
            conversation,
            body: body(message_type, message)?,
        };
        Ok((parsed, rest))
    }
}

/// The messages of a token.
///
/// # Errors
/// A message is malformed; the offset is that in the token.
pub fn messages(token: &[u8]) -> impl Iterator<Item = Result<Message<'_>, TokenError>> {
    let mut rest = token;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let base = token.len().saturating_sub(rest.len());
        let parsed = Message::parse(rest).map_err(|error| error.shifted(base));
        rest = parsed.as_ref().map_or(&[], |(_, rest)| rest);
        Some(parsed.map(|(message, _)| message))
    })
}

/// Bytes of the fixed part.
const fn least_header(message_type: MessageType) -> usize {
    match message_type {
        MessageType::INITIATOR_NEGO | MessageType::ACCEPTOR_NEGO => 96,
        MessageType::INITIATOR_META_DATA
        | MessageType::ACCEPTOR_META_DATA
        | MessageType::CHALLENGE
        | MessageType::AP_REQUEST => 64,
        MessageType::VERIFY => 76,
        MessageType::ALERT => 68,
        _ => 40,
    }
}

fn body(message_type: MessageType, message: &[u8]) -> Result<Body<'_>, TokenError> {
    let scheme = || codec::array(message, 40, "AuthScheme");
    Ok(match message_type {
        MessageType::INITIATOR_NEGO | MessageType::ACCEPTOR_NEGO => nego(message)?,
        MessageType::INITIATOR_META_DATA
        | MessageType::ACCEPTOR_META_DATA
        | MessageType::CHALLENGE
        | MessageType::AP_REQUEST => Body::Exchange {
            scheme: scheme()?,
            token: bytes(message, 56, "Exchange")?,
        },
        MessageType::VERIFY => Body::Verify {
            scheme: scheme()?,
            checksum_scheme: codec::u32_le(message, 60, "ChecksumScheme")?,
            checksum_type: codec::u32_le(message, 64, "ChecksumType")?,
            checksum: bytes(message, 68, "ChecksumValue")?,
        },
        MessageType::ALERT => Body::Alert {
            scheme: scheme()?,
            error: codec::u32_le(message, 56, "ErrorCode")?,
        },
        _ => Body::Other(message),
    })
}

fn nego(message: &[u8]) -> Result<Body<'_>, TokenError> {
    let version = codec::u64_le(message, 72, "ProtocolVersion")?;
    if version != 0 {
        return Err(TokenError::new("ProtocolVersion", 72, TokenErrorKind::BadValue));
    }
    let extensions: &[[u8; 12]] = elements(message, 88, "Extensions")?;
    for (place, extension) in extensions.iter().enumerate() {
        let at = codec::index(codec::u32_le(message, 88, "Extensions")?) + place * 12;
        bytes(message, at + 4, "ExtensionValue")?;
        // Types below zero are critical (section 6.2), and none is known.
        if extension.get(3).is_some_and(|highest| highest & 0x80 != 0) {
            return Err(TokenError::new("ExtensionType", at, TokenErrorKind::BadValue));
        }
    }
    Ok(Body::Nego {
        random: codec::array(message, 40, "Random")?,
        version,
        schemes: elements(message, 80, "AuthSchemes")?,
        extensions,
    })
}

/// The bytes that a vector describes.
fn bytes<'a>(message: &'a [u8], at: usize, field: &'static str) -> Result<&'a [u8], TokenError> {
    let offset = codec::index(codec::u32_le(message, at, field)?);
    let length = codec::index(codec::u32_le(message, at.saturating_add(4), field)?);
    part(message, at, offset, length, field)
}

/// The elements of a size that a vector describes.
fn elements<'a, const N: usize>(
    message: &'a [u8],
    at: usize,
    field: &'static str,
) -> Result<&'a [[u8; N]], TokenError> {
    let offset = codec::index(codec::u32_le(message, at, field)?);
    let count = u16::from_le_bytes(codec::array(message, at.saturating_add(4), field)?);
    let length = usize::from(count).saturating_mul(N);
    Ok(part(message, at, offset, length, field)?.as_chunks().0)
}

/// A part of a message; an empty one is empty wherever it points.
fn part<'a>(
    message: &'a [u8],
    at: usize,
    offset: usize,
    length: usize,
    field: &'static str,
) -> Result<&'a [u8], TokenError> {
    if length == 0 {
        return Ok(&[]);
    }
    message
        .get(offset..)
        .and_then(|rest| rest.get(..length))
        .ok_or_else(|| TokenError::new(field, at, TokenErrorKind::OutOfBounds))
}
