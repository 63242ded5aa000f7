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
//!
//! The version structure is zero where its flag is not set (section 2.2.2.10). Several stacks leave it out instead
//! (pyspnego, WinPR, Samba, sspi-rs), and the code then stands at offset 64: a payload that begins between 80 and 88
//! is that form.

use std::borrow::Cow;

use super::{
    Descriptor, FixedField, MessageType, NegotiateFlags, Version, described, descriptor, expect_type, fixed,
    payload_start, start,
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
    /// Message integrity code, if the fixed part has room for one.
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

    const WITH_MIC: usize = Self::HEADER + 16;
    const WITH_VERSION: usize = Self::HEADER + Version::SIZE;
    const WITH_BOTH: usize = Self::WITH_VERSION + 16;

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
        let (has_version, mic_at) = match payload {
            Self::WITH_BOTH.. => (true, Some(Self::WITH_VERSION)),
            Self::WITH_MIC.. => (false, Some(Self::HEADER)),
            Self::WITH_VERSION.. => (true, None),
            _ => (false, None),
        };
        Ok(Self {
            lm_response: bytes(lm_response)?,
            nt_response: bytes(nt_response)?,
            domain: bytes(domain)?,
            user: bytes(user)?,
            workstation: bytes(workstation)?,
            encrypted_session_key: bytes(encrypted_session_key)?,
            flags,
            version: has_version.then(|| Version::parse(token, Self::HEADER)).flatten(),
            mic: mic_at.map(|at| codec::array(token, at, "MIC")).transpose()?,
        })
    }

    /// Writes the message in canonical layout: names, responses, session key.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let header = match (self.version, self.mic) {
            (Some(_), Some(_)) => Self::WITH_BOTH,
            (None, Some(_)) => Self::WITH_MIC,
            (Some(_), None) => Self::WITH_VERSION,
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
        if let (Some(mic), Some(at)) = (self.mic, self.mic_offset()) {
            codec::put(&mut out, at, &mic);
        }
        for (at, part) in parts {
            descriptor::append(&mut out, at, part);
        }
        out
    }

    /// Offset of the message integrity code, if there is one.
    #[must_use]
    pub fn mic_offset(&self) -> Option<usize> {
        let version = self.version.map_or(0, |_| Version::SIZE);
        self.mic.map(|_| Self::HEADER.saturating_add(version))
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
