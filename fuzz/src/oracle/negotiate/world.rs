//! Two interfaces that negotiate, and what each of them may choose.

use arbitrary::Arbitrary;
use legwork_engine::{
    environment::{MechListMic, NegotiatePolicy},
    negotiate::messages::Oid,
};

use super::super::world::{self, Pair};

/// What both sides may choose within the protocol.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Choices {
    /// What the initiator chooses.
    pub initiator: Policy,
    /// What the acceptor chooses.
    pub acceptor: Policy,
    /// Whether the acceptor begins, with a hint.
    pub hinted: bool,
    /// What both sides choose within NTLM.
    pub ntlm: world::Choices,
}

/// What one side may choose.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Policy {
    /// Bit by bit: no token with the offer, no wrapper, the own order, only what is wrapped, codes are requested,
    /// requirements are told, no state where it may be left out, no token for a refusal.
    pub bits: u8,
    /// The mechanisms: a place in [`Self::lists`], modulo their number.
    pub mechanisms: u8,
    /// When codes are exchanged: a place in [`Self::CODES`], modulo their number.
    pub codes: u8,
    /// Begins the token of a mechanism that the initiator does not have.
    pub foreign: Option<u8>,
}

impl Policy {
    /// When codes are exchanged.
    pub const CODES: [MechListMic; 4] = [
        MechListMic::Demanded,
        MechListMic::Required,
        MechListMic::Always,
        MechListMic::Never,
    ];

    /// Lists of mechanisms, the preferred one first.
    #[must_use]
    pub fn lists() -> [Option<Vec<Oid<'static>>>; 9] {
        let unknown = Oid::from_dotted("1.2.3.4");
        let list = |mechanisms: &[Oid<'static>]| Some(mechanisms.to_vec());
        [
            None,
            list(&[Oid::NTLM]),
            list(&[Oid::KERBEROS, Oid::NTLM]),
            list(&[Oid::MS_KERBEROS, Oid::KERBEROS, Oid::NEGOEX, Oid::NTLM]),
            list(&[Oid::NEGOEX, Oid::NTLM]),
            unknown.map(|unknown| vec![unknown, Oid::NTLM]),
            list(&[Oid::NTLM, Oid::KERBEROS]),
            list(&[Oid::KERBEROS]),
            list(&[]),
        ]
    }

    /// The mechanisms; NTLM is all that there is if none is named.
    #[must_use]
    pub fn list(&self) -> Vec<Oid<'static>> {
        self.named().unwrap_or_else(|| vec![Oid::NTLM])
    }

    fn named(&self) -> Option<Vec<Oid<'static>>> {
        let lists = Self::lists();
        let place = usize::from(self.mechanisms) % lists.len();
        lists.into_iter().nth(place).flatten()
    }

    /// When codes are exchanged.
    #[must_use]
    pub fn codes(&self) -> MechListMic {
        let place = usize::from(self.codes) % Self::CODES.len();
        Self::CODES.get(place).copied().unwrap_or_default()
    }

    /// A choice of the bits.
    #[must_use]
    pub fn has(&self, bit: u8) -> bool {
        self.bits & bit != 0
    }

    fn policy(&self) -> NegotiatePolicy {
        NegotiatePolicy {
            mechanisms: self.named(),
            own_order: self.has(4),
            optimistic: !self.has(1),
            foreign_token: self.foreign.map(|first| vec![first, 0]),
            unwrapped: self.has(UNWRAPPED),
            takes_unwrapped: !self.has(WRAPPED_ALONE),
            mech_list_mic: self.codes(),
            request_mic: self.has(REQUESTS_CODES),
            send_hint: true,
            send_req_flags: self.has(32),
            send_state: !self.has(64),
            send_reject: !self.has(SILENT_REFUSAL),
            token_as_mic: false,
        }
    }
}

/// The initiator leaves the wrapper out if it can.
pub const UNWRAPPED: u8 = 2;
/// The acceptor takes nothing without wrapper.
pub const WRAPPED_ALONE: u8 = 8;
/// The acceptor does not say that it refuses.
pub const SILENT_REFUSAL: u8 = 128;
/// The acceptor requests codes.
pub const REQUESTS_CODES: u8 = 16;

impl Choices {
    /// Two interfaces with these choices.
    ///
    /// # Panics
    /// A credential cannot be acquired.
    #[must_use]
    pub fn pair(&self) -> Pair {
        let mut pair = Pair::of("Negotiate", self.ntlm.clone());
        pair.initiator.environment().policy.negotiate = self.initiator.policy();
        pair.acceptor.environment().policy.negotiate = self.acceptor.policy();
        pair
    }
}
