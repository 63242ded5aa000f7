//! NTLMv2_RESPONSE and NTLMv2_CLIENT_CHALLENGE (MS-NLMP sections 2.2.2.8 and 2.2.2.7).
//!
//! ```text
//!  0  Response             16 bytes (NTProofStr)
//! 16  RespType             u8, 1
//! 17  HiRespType           u8, 1
//! 18  Reserved1            u16, zero
//! 20  Reserved2            u32, zero
//! 24  TimeStamp            u64
//! 32  ChallengeFromClient  8 bytes
//! 40  Reserved3            u32, zero
//! 44  AvPairs              list
//!     trailer              four zero bytes from most senders
//! ```

use std::borrow::Cow;

use super::AvPairs;
use crate::{
    codec,
    error::{TokenError, TokenErrorKind},
};

/// An NTLMv2 response: the proof and what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtlmV2Response<'a> {
    /// The proof (NTProofStr).
    pub proof: [u8; 16],
    /// What the proof covers, together with the server challenge.
    pub client_challenge: ClientChallenge<'a>,
}

/// The client challenge structure ("temp" in the formulas of the specification).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientChallenge<'a> {
    /// Version of the response, 1.
    pub response_type: u8,
    /// Highest version that the sender understands, 1.
    pub highest_response_type: u8,
    /// Reserved1 and Reserved2, zero.
    pub reserved: [u8; 6],
    /// Time of the response: 100 ns units since 1601-01-01 UTC.
    pub timestamp: u64,
    /// The initiator's challenge.
    pub challenge: [u8; 8],
    /// Reserved3, zero.
    pub reserved3: [u8; 4],
    /// AV pairs, raw, terminator included.
    pub av_pairs: Cow<'a, [u8]>,
    /// What follows the list.
    pub trailer: Cow<'a, [u8]>,
}

impl<'a> NtlmV2Response<'a> {
    /// Length of an NTLMv1 response: a response of this length is no NTLMv2 response.
    pub const V1_LENGTH: usize = 24;

    const MINIMUM: usize = 44;

    /// Reads a response. Offsets of errors count from the start of the response.
    ///
    /// # Errors
    /// The response is shorter than its fixed part, or its list is malformed. Any version is kept.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TokenError> {
        if bytes.len() < Self::MINIMUM {
            return Err(TokenError::new(
                "NtChallengeResponse",
                0,
                TokenErrorKind::BadLength(bytes.len()),
            ));
        }
        let proof = codec::array(bytes, 0, "NTProofStr")?;
        let temp = bytes.get(16..).unwrap_or_default();
        let client_challenge = ClientChallenge::parse(temp).map_err(|error| error.shifted(16))?;
        Ok(Self {
            proof,
            client_challenge,
        })
    }

    /// Writes the response.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.client_challenge.size().saturating_add(16));
        out.extend_from_slice(&self.proof);
        self.client_challenge.emit_into(&mut out);
        out
    }
}

impl<'a> ClientChallenge<'a> {
    /// Reads the structure. Offsets of errors count from its start.
    ///
    /// # Errors
    /// The fixed part is cut off, or the list is malformed. Any version is kept.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TokenError> {
        let [response_type, highest_response_type] = codec::array(bytes, 0, "RespType")?;
        let reserved3 = codec::array(bytes, 24, "Reserved3")?;
        let list = bytes.get(28..).unwrap_or_default();
        let (pairs, trailer) = AvPairs::parse(list).map_err(|error| error.shifted(28))?;
        Ok(Self {
            response_type,
            highest_response_type,
            reserved: codec::array(bytes, 2, "Reserved1")?,
            timestamp: codec::u64_le(bytes, 8, "TimeStamp")?,
            challenge: codec::array(bytes, 16, "ChallengeFromClient")?,
            reserved3,
            av_pairs: Cow::Borrowed(pairs.as_bytes()),
            trailer: Cow::Borrowed(trailer),
        })
    }

    /// Size on the wire.
    #[must_use]
    pub fn size(&self) -> usize {
        self.av_pairs
            .len()
            .saturating_add(self.trailer.len())
            .saturating_add(28)
    }

    /// Appends the structure.
    pub fn emit_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.response_type, self.highest_response_type]);
        out.extend_from_slice(&self.reserved);
        out.extend_from_slice(&self.timestamp.to_le_bytes());
        out.extend_from_slice(&self.challenge);
        out.extend_from_slice(&self.reserved3);
        out.extend_from_slice(&self.av_pairs);
        out.extend_from_slice(&self.trailer);
    }
}
