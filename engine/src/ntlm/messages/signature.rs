//! NTLMSSP_MESSAGE_SIGNATURE (MS-NLMP sections 2.2.2.9.1 and 2.2.2.9.2): what protects a message.
//!
//! ```text
//!             with ESS               without
//!  0  Version     u32, 1             u32, 1
//!  4  Checksum    8 bytes            RandomPad 4 bytes, Checksum 4 bytes
//! 12  SeqNum      u32                4 bytes, encrypted
//! ```

use crate::{
    codec,
    error::{TokenError, TokenErrorKind},
};

/// A signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Version, 1.
    pub version: u32,
    /// Checksum with ESS; RandomPad and CRC-32 without.
    pub checksum: [u8; 8],
    /// Sequence number with ESS; its encrypted form without.
    pub sequence: [u8; 4],
}

impl Signature {
    /// Size on the wire.
    pub const SIZE: usize = 16;

    /// Reads a signature.
    ///
    /// # Errors
    /// The token has not exactly sixteen bytes.
    pub fn parse(token: &[u8]) -> Result<Self, TokenError> {
        if token.len() != Self::SIZE {
            return Err(TokenError::new(
                "Signature",
                0,
                TokenErrorKind::BadLength(token.len()),
            ));
        }
        Ok(Self {
            version: codec::u32_le(token, 0, "Version")?,
            checksum: codec::array(token, 4, "Checksum")?,
            sequence: codec::array(token, 12, "SeqNum")?,
        })
    }

    /// The sixteen bytes on the wire.
    #[must_use]
    pub fn emit(&self) -> [u8; 16] {
        let mut out = [0; Self::SIZE];
        codec::put(&mut out, 0, &self.version.to_le_bytes());
        codec::put(&mut out, 4, &self.checksum);
        codec::put(&mut out, 12, &self.sequence);
        out
    }
}
