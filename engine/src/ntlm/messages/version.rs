//! VERSION (MS-NLMP section 2.2.2.10): for debugging only, no decision may hang on it.
//!
//! ```text
//! 0  ProductMajorVersion   u8
//! 1  ProductMinorVersion   u8
//! 2  ProductBuild          u16
//! 4  Reserved              3 bytes, zero
//! 7  NTLMRevisionCurrent   u8, 0x0F
//! ```

/// Version of the sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Major version of the product.
    pub major: u8,
    /// Minor version of the product.
    pub minor: u8,
    /// Build of the product.
    pub build: u16,
    /// Reserved, zero from a conforming sender.
    pub reserved: [u8; 3],
    /// Revision of the protocol.
    pub revision: u8,
}

impl Version {
    /// Size on the wire.
    pub const SIZE: usize = 8;

    /// The protocol revision that conforming senders state (`NTLMSSP_REVISION_W2K3`).
    pub const REVISION: u8 = 0x0F;

    /// What the reference engine states of itself.
    pub const OURS: Self = Self {
        major: 10,
        minor: 0,
        build: 20348,
        reserved: [0; 3],
        revision: Self::REVISION,
    };

    pub(super) fn parse(token: &[u8], at: usize) -> Option<Self> {
        let [major, minor, build_low, build_high, r0, r1, r2, revision] =
            *token.get(at..)?.first_chunk::<8>()?;
        let build = u16::from_le_bytes([build_low, build_high]);
        Some(Self {
            major,
            minor,
            build,
            reserved: [r0, r1, r2],
            revision,
        })
    }

    /// The eight bytes on the wire.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        let [build_low, build_high] = self.build.to_le_bytes();
        let [r0, r1, r2] = self.reserved;
        [
            self.major,
            self.minor,
            build_low,
            build_high,
            r0,
            r1,
            r2,
            self.revision,
        ]
    }
}
