//! Everything the engine would otherwise take from its machine: clock, randomness, names, accounts, policy, faults.
//!
//! The same environment and the same inputs give the same bytes.

use std::fmt;

use crate::codec::{oid::Oid, utf16::Text};
use crate::crypto::Secret;

/// The world of one side.
#[derive(Debug)]
pub struct Environment {
    /// Current time: 100 ns units since 1601-01-01 UTC (FILETIME).
    pub clock: u64,
    /// Where randomness comes from.
    pub random: Box<dyn Random + Send>,
    /// Names of the machine.
    pub host: HostNames,
    /// Accounts that logons can be verified against.
    pub directory: Directory,
    /// What a side may choose within the protocol.
    pub policy: Policy,
    /// Faults to provoke.
    pub faults: Faults,
    /// The deliberate deviation, if any.
    #[cfg(feature = "sabotage")]
    pub sabotage: crate::sabotage::Sabotage,
}

impl Environment {
    /// An environment with a seed for its randomness, the clock at zero, no accounts and default policy.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            clock: 0,
            random: Box::new(Seeded(seed)),
            host: HostNames::default(),
            directory: Directory::default(),
            policy: Policy::default(),
            faults: Faults::default(),
            #[cfg(feature = "sabotage")]
            sabotage: crate::sabotage::Sabotage::default(),
        }
    }

    /// Without feature `sabotage` nothing deviates.
    #[cfg(not(feature = "sabotage"))]
    #[allow(clippy::unused_self, reason = "the form with the feature needs it")]
    pub(crate) fn deviates(&self) -> bool {
        false
    }

    /// Random bytes for a purpose within a context. A new purpose moves no other bytes.
    #[must_use]
    pub fn draw<const N: usize>(&mut self, label: &'static str, context: u32) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(label, context, &mut bytes);
        bytes
    }
}

/// A source of randomness that is asked by label and index.
pub trait Random: fmt::Debug {
    /// Fills `out` for the purpose `label` within the context number `index`.
    fn fill(&mut self, label: &'static str, index: u32, out: &mut [u8]);
}

/// Repeatable bytes from a seed, label and index. For tests: the bytes are no secret to anyone who knows the seed.
#[derive(Clone, Copy, Debug)]
pub struct Seeded(pub u64);

impl Random for Seeded {
    fn fill(&mut self, label: &'static str, index: u32, out: &mut [u8]) {
        let mut state = label.bytes().fold(self.0 ^ 0xCBF2_9CE4_8422_2325, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        state ^= u64::from(index) << 32;
        for chunk in out.chunks_mut(8) {
            let block = splitmix(&mut state).to_le_bytes();
            chunk
                .iter_mut()
                .zip(block)
                .for_each(|(place, byte)| *place = byte);
        }
    }
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014).
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Names of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames {
    /// NetBIOS computer name.
    pub netbios_computer: Text,
    /// NetBIOS domain name.
    pub netbios_domain: Text,
    /// DNS name of the computer.
    pub dns_computer: Text,
    /// DNS name of the domain.
    pub dns_domain: Text,
    /// DNS name of the forest.
    pub dns_tree: Text,
}

/// The accounts that an acceptor verifies logons against.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    accounts: Vec<Account>,
}

impl Directory {
    /// A directory of these accounts.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        Self { accounts }
    }

    /// The account of a user in a domain; case does not matter. An empty domain is any domain.
    #[must_use]
    pub fn find(&self, user: &Text, domain: &Text) -> Option<&Account> {
        self.accounts.iter().find(|account| {
            account.user.same_name(user) && (domain.is_empty() || account.domain.same_name(domain))
        })
    }
}

/// An account and its secrets.
#[derive(Clone, Debug)]
pub struct Account {
    /// User name.
    pub user: Text,
    /// Domain name.
    pub domain: Text,
    /// What the password leaves.
    pub hashes: PasswordHashes,
    /// Whether somebody can log on to it.
    pub state: AccountState,
}

impl Account {
    /// An account that somebody can log on to.
    #[must_use]
    pub fn new(user: impl Into<Text>, domain: impl Into<Text>, hashes: PasswordHashes) -> Self {
        Self {
            user: user.into(),
            domain: domain.into(),
            hashes,
            state: AccountState::Enabled,
        }
    }
}

/// What NTLM keeps of a password (MS-NLMP section 3.3.1).
#[derive(Clone, Debug)]
pub struct PasswordHashes {
    /// The NT hash (NTOWFv1).
    pub nt: Secret<16>,
    /// The LAN Manager hash (LMOWFv1); not every password has one.
    pub lm: Option<Secret<16>>,
}

/// Whether somebody can log on to an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountState {
    /// Logons are allowed.
    #[default]
    Enabled,
    /// An administrator closed the account.
    Disabled,
    /// The account's last day is over.
    Expired,
    /// Too many logons failed.
    LockedOut,
    /// The password's last day is over.
    PasswordExpired,
}

impl AccountState {
    /// Every state by the name that scenarios use.
    pub const NAMED: &[(&str, Self)] = &[
        ("enabled", Self::Enabled),
        ("disabled", Self::Disabled),
        ("expired", Self::Expired),
        ("locked-out", Self::LockedOut),
        ("password-expired", Self::PasswordExpired),
    ];

    /// The state of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, state)| *state)
    }
}

/// What a side may choose within the protocol. Personas are made of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Choices within NTLM.
    pub ntlm: NtlmPolicy,
    /// Choices within Negotiate.
    pub negotiate: NegotiatePolicy,
}

/// Choices within Negotiate (RFC 4178; MS-SPNG).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiatePolicy {
    /// The mechanisms that are allowed, the preferred one first; all that there are if none is named. An initiator
    /// offers what is named here even if it does not have it.
    pub mechanisms: Option<Vec<Oid<'static>>>,
    /// The acceptor chooses by its own order; otherwise by the initiator's (RFC 4178 section 3.1).
    pub own_order: bool,
    /// The initiator sends the first token of its preferred mechanism with its offer.
    pub optimistic: bool,
    /// What the initiator sends as that token if its preferred mechanism is one that it does not have.
    pub foreign_token: Option<Vec<u8>>,
    /// The initiator leaves the wrapper out if NTLM is all that it has.
    pub unwrapped: bool,
    /// The acceptor takes tokens of mechanisms without wrapper.
    pub takes_unwrapped: bool,
    /// When codes over the list of mechanisms are exchanged.
    pub mech_list_mic: MechListMic,
    /// The acceptor requests that codes are exchanged, also where it need not.
    pub request_mic: bool,
    /// The acceptor begins with a hint if it is called without a token.
    pub send_hint: bool,
    /// The initiator tells its requirements in reqFlags, which nobody looks at.
    pub send_req_flags: bool,
    /// Tells negState where it may be left out.
    pub send_state: bool,
    /// The acceptor answers what it refuses with a token that says so.
    pub send_reject: bool,
    /// The acceptor repeats its token in the place of the code, where it has none, as Windows 2000 does.
    pub token_as_mic: bool,
}

impl Default for NegotiatePolicy {
    fn default() -> Self {
        Self {
            mechanisms: None,
            own_order: false,
            optimistic: true,
            foreign_token: None,
            unwrapped: false,
            takes_unwrapped: true,
            mech_list_mic: MechListMic::Demanded,
            request_mic: false,
            send_hint: true,
            send_req_flags: false,
            send_state: true,
            send_reject: true,
            token_as_mic: false,
        }
    }
}

/// When codes over the list of mechanisms are exchanged (RFC 4178 section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MechListMic {
    /// Never; what the peer sends is not looked at (RFC 4178 appendix C: Windows 2000 to Server 2003).
    Never,
    /// Where RFC 4178 requires it.
    Required,
    /// Where RFC 4178 requires it or the mechanism demands it.
    #[default]
    Demanded,
    /// Wherever the mechanism can sign.
    Always,
}

impl MechListMic {
    /// Every choice by the name that scenarios use.
    pub const NAMED: &[(&str, Self)] = &[
        ("never", Self::Never),
        ("required", Self::Required),
        ("demanded", Self::Demanded),
        ("always", Self::Always),
    ];
}

/// Choices within NTLM (MS-NLMP sections 3.1.1 and 3.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NtlmPolicy {
    /// Negotiation flags that the initiator may offer.
    pub offer: u32,
    /// Negotiation flags that the acceptor may grant.
    pub grant: u32,
    /// Fill the VERSION structure.
    pub send_version: bool,
    /// The acceptor sends its time.
    pub send_timestamp: bool,
    /// The initiator sends a message integrity code when it may.
    pub send_mic: bool,
    /// The initiator puts its domain and workstation into the NEGOTIATE message, and no version: a message has only
    /// one of the two (MS-NLMP section 3.1.5.1.1).
    pub send_names: bool,
    /// Which responses are sent and taken.
    pub level: LmCompatibilityLevel,
    /// The acceptor logs a user whom its directory does not have on as a guest.
    pub guest: bool,
    /// Refuse a peer that does not agree to 128-bit keys.
    pub require_128_bit: bool,
    /// Largest difference between a response's timestamp and the acceptor's clock, in seconds.
    pub max_clock_skew: u64,
    /// AV pairs that the acceptor appends to its own before the terminator, in wire form.
    pub extra_av_pairs: Vec<u8>,
    /// Zero bytes that the initiator sends behind the AV pairs of its response: four by MS-NLMP section 3.3.2; section
    /// 2.2.2.7 has none of them, and there are peers that send none or more.
    pub response_trailer: u8,
}

impl Default for NtlmPolicy {
    fn default() -> Self {
        Self {
            offer: u32::MAX,
            grant: u32::MAX,
            send_version: true,
            send_timestamp: true,
            send_mic: true,
            send_names: false,
            level: LmCompatibilityLevel::STRICTEST,
            guest: false,
            require_128_bit: false,
            max_clock_skew: 36 * 60 * 60,
            extra_av_pairs: Vec::new(),
            response_trailer: 4,
        }
    }
}

/// LmCompatibilityLevel: which versions of the response a side sends and takes (MS-NLMP sections 3.1.1.1 and 3.2.1.1).
///
/// | level | an initiator sends | extended session security | an acceptor refuses |
/// |---|---|---|---|
/// | 0 | LM and NT responses of version 1 | not offered | nothing |
/// | 1 | the same | offered | nothing |
/// | 2 | NT responses of version 1 | offered | nothing |
/// | 3 | responses of version 2 | offered | nothing |
/// | 4 | the same | offered | LM |
/// | 5 | the same | offered | LM and version 1 |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LmCompatibilityLevel(u8);

impl LmCompatibilityLevel {
    /// Version 2 alone, in both roles.
    pub const STRICTEST: Self = Self(5);

    /// A level from 0 to 5.
    #[must_use]
    pub fn new(level: u8) -> Option<Self> {
        (level <= Self::STRICTEST.0).then_some(Self(level))
    }

    /// Whether an initiator answers with the LAN Manager's response too.
    #[must_use]
    pub fn sends_lm(self) -> bool {
        self.0 < 2
    }

    /// Whether an initiator answers with version 2.
    #[must_use]
    pub fn sends_v2(self) -> bool {
        self.0 >= 3
    }

    /// Whether an initiator offers extended session security.
    #[must_use]
    pub fn offers_extended_session_security(self) -> bool {
        self.0 > 0
    }

    /// Whether an acceptor takes a LAN Manager response for want of another.
    #[must_use]
    pub fn takes_lm(self) -> bool {
        self.0 < 4
    }

    /// Whether an acceptor takes version 1.
    #[must_use]
    pub fn takes_v1(self) -> bool {
        self.0 < 5
    }
}

/// Faults to provoke, so that the statuses for them can be seen.
///
/// Without memory, and with an internal error, a leg does not begin: its context stays as it was, and once the fault
/// is gone the same leg can be made. That there is no directory is found in the middle of a leg: the context is failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Memory runs out at the next leg.
    pub memory: bool,
    /// Something unforeseen happens at the next leg.
    pub internal: bool,
    /// The account directory cannot be reached.
    pub authority: bool,
}
