//! NEGOTIATE_MESSAGE (MS-NLMP section 2.2.1.1): the initiator's first token.
//!
//! ```text
//!  0  Signature            8 bytes, "NTLMSSP\0"
//!  8  MessageType          u32, 1
//! 12  NegotiateFlags       u32
//! 16  DomainNameFields     descriptor, OEM characters, valid with flag K
//! 24  WorkstationFields    descriptor, OEM characters, valid with flag L
//! 32  Version              8 bytes, absent in the short form
//! ```

use std::borrow::Cow;

use super::{
    Descriptor, FixedField, MessageType, NegotiateFlags, Version, described, descriptor, expect_type, fixed,
    optional_version, payload_start, start,
};
use crate::{codec, error::TokenError};

/// A NEGOTIATE message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiate<'a> {
    /// What the initiator offers.
    pub flags: NegotiateFlags,
    /// Domain of the initiator's machine, OEM characters.
    pub domain: Cow<'a, [u8]>,
    /// Name of the initiator's machine, OEM characters.
    pub workstation: Cow<'a, [u8]>,
    /// Version of the sender, if the fixed part has one.
    pub version: Option<Version>,
}

impl<'a> Negotiate<'a> {
    /// The fields of the fixed part.
    pub const FIELDS: &'static [FixedField] = &[
        fixed("Signature", 0, 8),
        fixed("MessageType", 8, 4),
        fixed("NegotiateFlags", 12, 4),
        described("DomainName", 16),
        described("Workstation", 24),
        fixed("Version", 32, 8),
    ];

    const HEADER: usize = 32;

    /// Reads a message.
    ///
    /// # Errors
    /// The message is malformed. A name whose flag is clear is ignored if its descriptor points nowhere.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        expect_type(token, MessageType::NEGOTIATE)?;
        let flags = NegotiateFlags::from_bits_retain(codec::u32_le(token, 12, "NegotiateFlags")?);
        let describe = |at, field, flag| {
            let part = Descriptor::parse(token, at, field)?;
            Ok(part.unless_ignored(token, Self::HEADER, flags.contains(flag)))
        };
        let domain = describe(16, "DomainName", NegotiateFlags::OEM_DOMAIN_SUPPLIED)?;
        let workstation = describe(24, "Workstation", NegotiateFlags::OEM_WORKSTATION_SUPPLIED)?;
        let payload = payload_start(token, &[domain, workstation]);
        Ok(Self {
            flags,
            domain: Cow::Borrowed(domain.bytes(token, Self::HEADER, 16, "DomainName")?),
            workstation: Cow::Borrowed(workstation.bytes(token, Self::HEADER, 24, "Workstation")?),
            version: optional_version(token, Self::HEADER, payload),
        })
    }

    /// Writes the message in canonical layout.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let header = Self::HEADER + self.version.map_or(0, |_| Version::SIZE);
        let mut out = start(
            MessageType::NEGOTIATE,
            header,
            self.domain.len() + self.workstation.len(),
        );
        codec::put(&mut out, 12, &self.flags.bits().to_le_bytes());
        if let Some(version) = self.version {
            codec::put(&mut out, Self::HEADER, &version.to_bytes());
        }
        descriptor::append_or_zero(&mut out, 16, &self.domain);
        descriptor::append_or_zero(&mut out, 24, &self.workstation);
        out
    }

    /// The same message, owning its bytes.
    #[must_use]
    pub fn into_owned(self) -> Negotiate<'static> {
        Negotiate {
            flags: self.flags,
            domain: Cow::Owned(self.domain.into_owned()),
            workstation: Cow::Owned(self.workstation.into_owned()),
            version: self.version,
        }
    }
}
