//! An exchange with one edit in transit, or none.
//!
//! Untouched, it comes to what [`forecast`] says, leg by leg and attribute by attribute. Touched, every answer is a
//! documented one, and the acceptor takes nobody for more than it knows:
//!
//! - for the owner of the account: only if the account is open, the initiator knows its password, the response is of
//!   a version that the acceptor's level takes, the challenge arrived as it was sent, and no message changed that a
//!   code protects;
//! - for a guest: only where strangers are guests, and then nothing is protected;
//! - for nobody: only where the acceptor allows a null session.

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    call::{AcceptReply, CtxtHandle, InitializeReply},
    codec::utf16::Text,
    environment::AccountState,
    flags::{AcceptAttributes, AcceptRequirements},
    ntlm::messages::{Authenticate, AvPairs, Challenge, MSV_AV_FLAG_MIC, NegotiateFlags, NtlmV2Response},
    status::SecurityStatus as Status,
};

use super::{
    documented::{OF_ACCEPTOR, OF_INITIATOR, documented},
    forecast::{Forecast, Guise, Refusal, forecast},
    talk::talk,
    unlocked::without_crypto,
    world::{Choices, Logon, Pair, View, token},
};

/// One edit of one token: some bytes are taken out at a place and others put in.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Mutation {
    /// What both sides choose.
    pub choices: Choices,
    /// Number of the token, from 0 to 2; no other token is changed.
    pub leg: u8,
    /// Where the edit begins, modulo the length of the token.
    pub at: u16,
    /// How many bytes are taken out.
    pub removed: u8,
    /// What is put in.
    pub inserted: Vec<u8>,
}

/// Runs the exchange that the bytes describe.
///
/// # Panics
/// As [`completes`].
pub fn mutated_exchange(bytes: &[u8]) {
    if let Ok(mutation) = Mutation::arbitrary(&mut Unstructured::new(bytes)) {
        let _ = completes(&mutation);
    }
}

/// Runs the exchange that the bytes describe without cryptography, so that an edit gets past codes and proofs. What
/// does not hang on a secret still holds.
///
/// # Panics
/// An answer is not documented, or policy lets somebody in that it does not allow.
pub fn unlocked_exchange(bytes: &[u8]) {
    if let Ok(mutation) = Mutation::arbitrary(&mut Unstructured::new(bytes)) {
        without_crypto(|| {
            let mut pair = Pair::new(mutation.choices.clone());
            let course = Course::run(&mut pair, &mutation);
            if let Some(end) = course.end {
                within_policy(&end.arrived, end.guise, &mutation.choices);
                talk(
                    &mut pair,
                    end.initiator,
                    end.acceptor,
                    end.initiator_granted,
                    None,
                );
            }
        });
    }
}

impl Mutation {
    /// The token as it arrives.
    fn deliver(&self, leg: u8, token: &[u8]) -> Vec<u8> {
        let mut arrived = token.to_vec();
        if leg == self.leg && !token.is_empty() {
            let at = usize::from(self.at) % token.len();
            let end = at.saturating_add(usize::from(self.removed)).min(token.len());
            arrived.splice(at..end, self.inserted.iter().copied());
        }
        arrived
    }
}

/// What happened: whether a token changed on its way, and how it ended.
struct Course {
    changed: bool,
    challenge_kept: bool,
    refusal: Option<Refusal>,
    end: Option<End>,
}

/// Both sides are done.
struct End {
    initiator: CtxtHandle,
    acceptor: CtxtHandle,
    initiator_granted: legwork_engine::flags::InitAttributes,
    acceptor_granted: AcceptAttributes,
    sent: Vec<u8>,
    arrived: Vec<u8>,
    guise: Guise,
}

impl Course {
    fn run(pair: &mut Pair, mutation: &Mutation) -> Self {
        let mut course = Self {
            changed: false,
            challenge_kept: true,
            refusal: None,
            end: None,
        };
        course.refusal = course.legs(pair, mutation).err();
        course
    }

    /// A token on its way.
    fn carry(&mut self, mutation: &Mutation, leg: u8, sent: &[u8]) -> Vec<u8> {
        let arrived = mutation.deliver(leg, sent);
        self.changed |= sent != arrived;
        arrived
    }

    fn legs(&mut self, pair: &mut Pair, mutation: &Mutation) -> Result<(), Refusal> {
        let first = of_initiator(0, pair.initialize(None, None))?;
        let arrived = self.carry(mutation, 0, &token(&first.output));
        let second = of_acceptor(1, pair.accept(None, Some(&arrived)))?;
        let sent = token(&second.output);
        let arrived = self.carry(mutation, 1, &sent);
        let third = of_initiator(2, pair.initialize(first.context, Some(&arrived)))?;
        self.challenge_kept = server_challenge(&sent) == server_challenge(&arrived);
        let sent = token(&third.output);
        let arrived = self.carry(mutation, 2, &sent);
        let last = of_acceptor(3, pair.accept(second.context, Some(&arrived)))?;
        self.end = Some(End {
            initiator: first.context.expect("a first leg makes a context"),
            acceptor: second.context.expect("a first leg makes a context"),
            initiator_granted: third.attributes,
            acceptor_granted: last.attributes,
            guise: guise(pair, last.attributes, &arrived),
            sent,
            arrived,
        });
        Ok(())
    }
}

fn of_initiator(leg: u8, reply: InitializeReply) -> Result<InitializeReply, Refusal> {
    documented(reply.status, reply.error.as_ref(), OF_INITIATOR);
    due(leg, reply.status).map(|()| reply)
}

fn of_acceptor(leg: u8, reply: AcceptReply) -> Result<AcceptReply, Refusal> {
    documented(reply.status, reply.error.as_ref(), OF_ACCEPTOR);
    due(leg, reply.status).map(|()| reply)
}

/// The first call of each side asks for more; the second completes.
fn due(leg: u8, status: Status) -> Result<(), Refusal> {
    let due = if leg < 2 {
        Status::SEC_I_CONTINUE_NEEDED
    } else {
        Status::SEC_E_OK
    };
    if status == due { Ok(()) } else { Err((leg, status)) }
}

fn server_challenge(token: &[u8]) -> Option<[u8; 8]> {
    Challenge::parse(token)
        .ok()
        .map(|challenge| challenge.server_challenge)
}

/// Whom an acceptor that is done takes the sender of an AUTHENTICATE message for.
///
/// # Panics
/// The message cannot be read.
pub fn guise(pair: &mut Pair, granted: AcceptAttributes, arrived: &[u8]) -> Guise {
    if granted.contains(AcceptAttributes::NULL_SESSION) {
        return Guise::Nobody;
    }
    let message = Authenticate::parse(arrived).expect("what is accepted can be read");
    let text = |bytes: &[u8]| match message.flags.contains(NegotiateFlags::UNICODE) {
        true => Text::from_le_bytes(bytes, "name").expect("what is accepted can be read"),
        false => Text::from_oem(bytes),
    };
    let (user, domain) = (text(&message.user), text(&message.domain));
    let known = pair
        .acceptor
        .environment()
        .directory
        .find(&user, &domain)
        .is_some();
    if known { Guise::Owner } else { Guise::Guest }
}

/// Whether an AUTHENTICATE message says that it has a message integrity code.
pub(super) fn announces_mic(token: &[u8]) -> bool {
    let announced = |token| {
        let message = Authenticate::parse(token).ok()?;
        let response = NtlmV2Response::parse(&message.nt_response).ok()?;
        let (pairs, _) = AvPairs::parse(&response.client_challenge.av_pairs).ok()?;
        pairs.flags().ok()?
    };
    announced(token).is_some_and(|flags| flags & MSV_AV_FLAG_MIC != 0)
}

/// Runs an exchange with one edit; says whether both sides complete.
///
/// # Panics
/// The exchange is untouched and comes to something else than its forecast; or it is touched and the acceptor takes
/// the initiator for somebody whom it must not.
#[must_use]
pub fn completes(mutation: &Mutation) -> bool {
    completes_between(&mut Pair::new(mutation.choices.clone()), mutation)
}

/// As [`completes`], between two sides that were made with the choices of the mutation.
///
/// # Panics
/// As [`completes`].
#[must_use]
pub fn completes_between(pair: &mut Pair, mutation: &Mutation) -> bool {
    let course = Course::run(pair, mutation);
    if !course.changed {
        as_forecast(pair, &course, mutation);
    } else if let Some(end) = &course.end {
        within_policy(&end.arrived, end.guise, &mutation.choices);
        if end.guise == Guise::Owner {
            knows_the_secret(&course, end, mutation);
        }
    }
    course.end.is_some()
}

/// Holds an untouched exchange against its forecast; then each side sends a message.
fn as_forecast(pair: &mut Pair, course: &Course, mutation: &Mutation) {
    let foretold = forecast(&mutation.choices);
    assert_eq!(course.refusal, foretold.as_ref().err().copied(), "{mutation:?}");
    let (Ok(foretold), Some(end)) = (foretold, &course.end) else {
        return;
    };
    assert_eq!(end.guise, foretold.guise, "{mutation:?}");
    attributes(pair, end, &foretold, mutation);
    talk(
        pair,
        end.initiator,
        end.acceptor,
        end.initiator_granted,
        Some(&foretold),
    );
}

fn attributes(pair: &mut Pair, end: &End, foretold: &Forecast, mutation: &Mutation) {
    use legwork_engine::call::AttributeValue::Flags;
    let choices = &mutation.choices;
    assert_eq!(
        end.initiator_granted,
        foretold.init_attributes(choices),
        "{mutation:?}"
    );
    assert_eq!(
        end.acceptor_granted,
        foretold.accept_attributes(choices),
        "{mutation:?}"
    );
    let one = View::of(&mut pair.initiator, end.initiator);
    let other = View::of(&mut pair.acceptor, end.acceptor);
    assert_eq!(one.flags, Flags(end.initiator_granted.bits()), "{mutation:?}");
    assert_eq!(other.flags, Flags(end.acceptor_granted.bits()), "{mutation:?}");
    if foretold.guise == Guise::Guest {
        assert_eq!(other.session_key, None, "{mutation:?}");
        assert_ne!(one.names, other.names, "{mutation:?}");
    } else {
        assert!(one.session_key.is_some(), "{mutation:?}");
        assert_eq!(one.session_key, other.session_key, "{mutation:?}");
        assert_eq!(one.names, other.names, "{mutation:?}");
    }
}

/// What holds of an acceptor that is done, whatever was on the wire and whoever knows what.
pub(super) fn within_policy(arrived: &[u8], guise: Guise, choices: &Choices) {
    let message = Authenticate::parse(arrived).expect("what is accepted can be read");
    let level = choices.acceptor_level();
    match guise {
        Guise::Nobody => {
            let allows = AcceptRequirements::ALLOW_NULL_SESSION;
            assert!(choices.accept_requirements().contains(allows), "{choices:?}");
            assert!(message.nt_response.is_empty(), "{choices:?}");
            return;
        }
        Guise::Guest => assert!(choices.guests(), "a stranger is let in: {choices:?}"),
        Guise::Owner => {
            let open = choices.account_state() == AccountState::Enabled;
            assert!(open, "a closed account is opened: {choices:?}");
        }
    }
    let taken = match message.nt_response.len() {
        0 => level < 4,
        24 => level < 5,
        _ => true,
    };
    assert!(taken, "a version that level {level} refuses: {choices:?}");
    let strong = message.flags.contains(NegotiateFlags::NEGOTIATE_128);
    assert!(
        strong || choices.policy & 32 == 0,
        "weak keys are taken: {choices:?}"
    );
}

/// What holds of an acceptor that takes its peer for the owner of the account after a token changed.
fn knows_the_secret(course: &Course, end: &End, mutation: &Mutation) {
    assert_eq!(
        mutation.choices.who(),
        Logon::Owner,
        "without the password: {mutation:?}"
    );
    assert!(
        course.challenge_kept,
        "a response to another challenge: {mutation:?}"
    );
    assert!(!announces_mic(&end.sent), "a change is not noticed: {mutation:?}");
}
