//! AUTHENTICATE_MESSAGE (MS-NLMP section 2.2.1.3): the initiator's second token.
//!
//! ```text
//!  0  Signature                        8 bytes, "NTLMSSP\0"
//!  8  MessageType                      u32, 3
//! 12  LmChallengeResponseFields        descriptor
//! 20  NtChallengeResponseFields        descriptor
//! 28  DomainNameFields                 descriptor
//! 36  UserNameFields                   descriptor
//! 44  WorkstationFields                descriptor
//! 52  EncryptedRandomSessionKeyFields  descriptor
//! 60  NegotiateFlags                   u32
//! 64  Version                          8 bytes, absent in old forms
//! 72  MIC                              16 bytes, absent in older forms
//! ```

use std::borrow::Cow;

use super::{
    Descriptor, FixedField, MessageType, NegotiateFlags, Version, described, descriptor, expect_type, fixed,
    optional_version, payload_start, start,
};
use crate::{codec, error::TokenError};

/// An AUTHENTICATE message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticate<'a> {
    /// Response of the LAN Manager family.
    pub lm_response: Cow<'a, [u8]>,
    /// Response of the NT family.
    pub nt_response: Cow<'a, [u8]>,
    /// Domain of the user, in the character set that the flags name.
    pub domain: Cow<'a, [u8]>,
    /// Name of the user.
    pub user: Cow<'a, [u8]>,
    /// Name of the initiator's machine.
    pub workstation: Cow<'a, [u8]>,
    /// The session key, encrypted with the key exchange key; empty without key exchange.
    pub encrypted_session_key: Cow<'a, [u8]>,
    /// What both sides agreed on.
    pub flags: NegotiateFlags,
    /// Version of the sender, if the fixed part has one.
    pub version: Option<Version>,
    /// Message integrity code, if the fixed part has room for one. A code implies a version; `emit` writes zeros for
    /// an absent one.
    pub mic: Option<[u8; 16]>,
}

impl<'a> Authenticate<'a> {
    /// The fields of the fixed part.
    pub const FIELDS: &'static [FixedField] = &[
        fixed("Signature", 0, 8),
        fixed("MessageType", 8, 4),
        described("LmChallengeResponse", 12),
        described("NtChallengeResponse", 20),
        described("DomainName", 28),
        described("UserName", 36),
        described("Workstation", 44),
        described("EncryptedRandomSessionKey", 52),
        fixed("NegotiateFlags", 60, 4),
        fixed("Version", 64, 8),
        fixed("MIC", 72, 16),
    ];

    /// Offset of the message integrity code.
    pub const MIC_OFFSET: usize = 72;

    const HEADER: usize = 64;

    /// Reads a message.
    ///
    /// # Errors
    /// The message is malformed.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        expect_type(token, MessageType::AUTHENTICATE)?;
        let describe = |at, field| Descriptor::parse(token, at, field);
        let parts = [
            (describe(12, "LmChallengeResponse")?, 12, "LmChallengeResponse"),
            (describe(20, "NtChallengeResponse")?, 20, "NtChallengeResponse"),
            (describe(28, "DomainName")?, 28, "DomainName"),
            (describe(36, "UserName")?, 36, "UserName"),
            (describe(44, "Workstation")?, 44, "Workstation"),
            (
                describe(52, "EncryptedRandomSessionKey")?,
                52,
                "EncryptedRandomSessionKey",
            ),
        ];
        let flags = NegotiateFlags::from_bits_retain(codec::u32_le(token, 60, "NegotiateFlags")?);
        let payload = payload_start(token, &parts.map(|(part, ..)| part));
        let bytes = |(part, at, field): (Descriptor, usize, &'static str)| {
            part.bytes(token, Self::HEADER, at, field).map(Cow::Borrowed)
        };
        let [
            lm_response,
            nt_response,
            domain,
            user,
            workstation,
            encrypted_session_key,
        ] = parts;
        let mic = (payload >= Self::MIC_OFFSET + 16).then(|| codec::array(token, Self::MIC_OFFSET, "MIC"));
        Ok(Self {
            lm_response: bytes(lm_response)?,
            nt_response: bytes(nt_response)?,
            domain: bytes(domain)?,
            user: bytes(user)?,
            workstation: bytes(workstation)?,
            encrypted_session_key: bytes(encrypted_session_key)?,
            flags,
            version: optional_version(token, Self::HEADER, payload),
            mic: mic.transpose()?,
        })
    }

    /// Writes the message in canonical layout: names, responses, session key.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let header = match (self.version, self.mic) {
            (_, Some(_)) => Self::MIC_OFFSET + 16,
            (Some(_), None) => Self::HEADER + Version::SIZE,
            (None, None) => Self::HEADER,
        };
        let parts: [(usize, &[u8]); 6] = [
            (28, &self.domain),
            (36, &self.user),
            (44, &self.workstation),
            (12, &self.lm_response),
            (20, &self.nt_response),
            (52, &self.encrypted_session_key),
        ];
        let mut out = start(
            MessageType::AUTHENTICATE,
            header,
            parts.iter().map(|(_, part)| part.len()).sum(),
        );
        codec::put(&mut out, 60, &self.flags.bits().to_le_bytes());
        if let Some(version) = self.version {
            codec::put(&mut out, Self::HEADER, &version.to_bytes());
        }
        if let Some(mic) = self.mic {
            codec::put(&mut out, Self::MIC_OFFSET, &mic);
        }
        for (at, part) in parts {
            descriptor::append(&mut out, at, part);
        }
        out
    }

    /// The same message, owning its bytes.
    #[must_use]
    pub fn into_owned(self) -> Authenticate<'static> {
        let own = |part: Cow<'a, [u8]>| Cow::Owned(part.into_owned());
        Authenticate {
            lm_response: own(self.lm_response),
            nt_response: own(self.nt_response),
            domain: own(self.domain),
            user: own(self.user),
            workstation: own(self.workstation),
            encrypted_session_key: own(self.encrypted_session_key),
            flags: self.flags,
            version: self.version,
            mic: self.mic,
        }
    }
}
