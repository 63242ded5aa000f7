//! CHALLENGE_MESSAGE (MS-NLMP section 2.2.1.2): the acceptor's token.
//!
//! ```text
//!  0  Signature            8 bytes, "NTLMSSP\0"
//!  8  MessageType          u32, 2
//! 12  TargetNameFields     descriptor, valid with flag C
//! 20  NegotiateFlags       u32
//! 24  ServerChallenge      8 bytes
//! 32  Reserved             8 bytes, zero
//! 40  TargetInfoFields     descriptor of a list of AV pairs, valid with flag S
//! 48  Version              8 bytes, absent in old forms
//! ```

use std::borrow::Cow;

use super::{
    Descriptor, FixedField, MessageType, NegotiateFlags, Version, described, descriptor, expect_type, fixed,
    optional_version, payload_start, start,
};
use crate::{codec, error::TokenError};

/// A CHALLENGE message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Name of the target, in the character set that the flags name.
    pub target_name: Cow<'a, [u8]>,
    /// What the acceptor chose.
    pub flags: NegotiateFlags,
    /// The challenge.
    pub server_challenge: [u8; 8],
    /// Reserved, zero from a conforming sender.
    pub reserved: [u8; 8],
    /// Target information: a list of AV pairs, raw.
    pub target_info: Cow<'a, [u8]>,
    /// Version of the sender, if the fixed part has one.
    pub version: Option<Version>,
}

impl<'a> Challenge<'a> {
    /// The fields of the fixed part.
    pub const FIELDS: &'static [FixedField] = &[
        fixed("Signature", 0, 8),
        fixed("MessageType", 8, 4),
        described("TargetName", 12),
        fixed("NegotiateFlags", 20, 4),
        fixed("ServerChallenge", 24, 8),
        fixed("Reserved", 32, 8),
        described("TargetInfo", 40),
        fixed("Version", 48, 8),
    ];

    const HEADER: usize = 48;
    const OLDEST_HEADER: usize = 32;

    /// Reads a message. Old acceptors end the fixed part after the challenge (32 bytes) or the reserved bytes (40);
    /// what they leave out reads as zero.
    ///
    /// # Errors
    /// The message is malformed. A part whose flag is clear is ignored if its descriptor points nowhere.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        expect_type(token, MessageType::CHALLENGE)?;
        let target_name = Descriptor::parse(token, 12, "TargetName")?;
        let flags = NegotiateFlags::from_bits_retain(codec::u32_le(token, 20, "NegotiateFlags")?);
        let server_challenge = codec::array(token, 24, "ServerChallenge")?;
        let with_name = flags.contains(NegotiateFlags::REQUEST_TARGET);
        let with_info = flags.contains(NegotiateFlags::TARGET_INFO);
        let target_name = target_name.unless_ignored(token, Self::OLDEST_HEADER, with_name);
        let header = payload_start(token, &[target_name]).min(Self::HEADER);
        let reserved = if header >= 40 {
            codec::array(token, 32, "Reserved")?
        } else {
            [0; 8]
        };
        let target_info = match Descriptor::parse(token, 40, "TargetInfo") {
            Err(error) if with_info => return Err(error),
            Ok(part) if with_info || header >= Self::HEADER => {
                part.unless_ignored(token, Self::HEADER, with_info)
            }
            _ => Descriptor::default(),
        };
        let payload = payload_start(token, &[target_name, target_info]);
        Ok(Self {
            target_name: Cow::Borrowed(target_name.bytes(token, Self::OLDEST_HEADER, 12, "TargetName")?),
            flags,
            server_challenge,
            reserved,
            target_info: Cow::Borrowed(target_info.bytes(token, Self::HEADER, 40, "TargetInfo")?),
            version: optional_version(token, Self::HEADER, payload),
        })
    }

    /// Writes the message in canonical layout.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let header = Self::HEADER + self.version.map_or(0, |_| Version::SIZE);
        let mut out = start(
            MessageType::CHALLENGE,
            header,
            self.target_name.len() + self.target_info.len(),
        );
        codec::put(&mut out, 20, &self.flags.bits().to_le_bytes());
        codec::put(&mut out, 24, &self.server_challenge);
        codec::put(&mut out, 32, &self.reserved);
        if let Some(version) = self.version {
            codec::put(&mut out, Self::HEADER, &version.to_bytes());
        }
        descriptor::append(&mut out, 12, &self.target_name);
        if self.flags.contains(NegotiateFlags::TARGET_INFO) {
            descriptor::append(&mut out, 40, &self.target_info);
        } else {
            descriptor::append_or_zero(&mut out, 40, &self.target_info);
        }
        out
    }

    /// The same message, owning its bytes.
    #[must_use]
    pub fn into_owned(self) -> Challenge<'static> {
        Challenge {
            target_name: Cow::Owned(self.target_name.into_owned()),
            flags: self.flags,
            server_challenge: self.server_challenge,
            reserved: self.reserved,
            target_info: Cow::Owned(self.target_info.into_owned()),
            version: self.version,
        }
    }
}
