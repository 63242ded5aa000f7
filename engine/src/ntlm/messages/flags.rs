//! NegotiateFlags (MS-NLMP section 2.2.2.5): what both sides agree on.

bitflags::bitflags! {
    /// The negotiation flags. Unknown bits survive.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct NegotiateFlags: u32 {
        /// A: strings are UTF-16LE.
        const UNICODE = 0x00000001;
        /// B: strings are in the OEM character set.
        const OEM = 0x00000002;
        /// C: the CHALLENGE must name the target.
        const REQUEST_TARGET = 0x00000004;
        /// D: messages can be signed.
        const SIGN = 0x00000010;
        /// E: messages can be sealed.
        const SEAL = 0x00000020;
        /// F: connectionless.
        const DATAGRAM = 0x00000040;
        /// G: LAN Manager session key; excluded by ESS.
        const LM_KEY = 0x00000080;
        /// H: NTLM v1 session security or better; always set in NEGOTIATE and CHALLENGE.
        const NTLM = 0x00000200;
        /// J: the connection is anonymous.
        const ANONYMOUS = 0x00000800;
        /// K: the NEGOTIATE message has a domain name.
        const OEM_DOMAIN_SUPPLIED = 0x00001000;
        /// L: the NEGOTIATE message has a workstation name.
        const OEM_WORKSTATION_SUPPLIED = 0x00002000;
        /// M: always set in NEGOTIATE and CHALLENGE.
        const ALWAYS_SIGN = 0x00008000;
        /// N: the target name is a domain's.
        const TARGET_TYPE_DOMAIN = 0x00010000;
        /// O: the target name is a server's.
        const TARGET_TYPE_SERVER = 0x00020000;
        /// P: extended session security (ESS).
        const EXTENDED_SESSIONSECURITY = 0x00080000;
        /// Q: identify-level token.
        const IDENTIFY = 0x00100000;
        /// R: session key from the LAN Manager hash.
        const REQUEST_NON_NT_SESSION_KEY = 0x00400000;
        /// S: the CHALLENGE has target information.
        const TARGET_INFO = 0x00800000;
        /// T: the VERSION structure is filled.
        const VERSION = 0x02000000;
        /// U: 128-bit keys.
        const NEGOTIATE_128 = 0x20000000;
        /// V: a random session key is exchanged.
        const KEY_EXCH = 0x40000000;
        /// W: 56-bit keys.
        const NEGOTIATE_56 = 0x80000000;
        // Unknown bits survive: they are evidence.
        const _ = !0;
    }
}

impl NegotiateFlags {
    /// Bits that the specification reserves; zero from a conforming sender.
    pub const RESERVED: Self = Self::from_bits_retain(0x1D244508);

    /// Those of the reserved flags that must be zero; of r8 section 2.2.2.5 says that it should be.
    pub const MUST_BE_ZERO: Self = Self::from_bits_retain(0x1D244108);

    /// Bits that only a CHALLENGE may carry.
    pub const TARGET_TYPES: Self = Self::TARGET_TYPE_DOMAIN.union(Self::TARGET_TYPE_SERVER);

    /// Every named flag, lowest bit first, by the name of the specification without its prefix.
    pub fn named(self) -> impl Iterator<Item = &'static str> {
        self.iter_names().map(|(name, _)| name)
    }
}
