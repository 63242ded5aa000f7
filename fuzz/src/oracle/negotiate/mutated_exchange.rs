//! An exchange of Negotiate with edits on its way, or none.
//!
//! Untouched, or with tokens in another legal form or in fragments, it comes to what the forecast says. Touched, every answer is a documented
//! one, what must be refused is refused ([`super::conduct`]), and if both sides are done:
//!
//! - the acceptor takes nobody for more than NTLM lets it, and whoever is in has the channel that it requires;
//! - if NTLM's messages have a code, they arrived as they were sent, and both sides have the same names, key, attributes
//!   and mechanism, and understand each other;
//! - if a side got a code over the list of mechanisms, the list arrived as it was sent, and both sides have the same key;
//! - a side that requires such a code got one: an initiator whose first mechanism was not taken or that is asked for codes,
//!   an acceptor that asks for them or whose mechanism demands them.
//!
//! What cannot be noticed, and is not asked for:
//!
//! - states, requirements, hints and elements of later versions: nothing covers them;
//! - the list of mechanisms, where its first one is taken and nobody sends a code: RFC 4178 section 5 does not want one;
//! - anything, with a side whose policy has no codes, without wrapper, and with nobody or a guest, who have no key;
//! - the list and the key without extended session security: codes are checksums that whoever knows the plain text can
//!   change, under keys that need not take in all bytes of the session key;
//! - names and attributes, where NTLM's messages have no code of their own.

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    call::AttributeValue,
    environment::MechListMic,
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes},
    negotiate::messages::{MechTypes, NegState, NegTokenResp, Oid, Token},
    ntlm::messages::{Authenticate, NegotiateFlags},
};

use super::super::{
    forecast::Guise,
    mutated_exchange::{announces_mic, guise, within_policy},
    talk::talk,
    unlocked::without_crypto,
    world::{Logon, Pair, View},
};
use super::{
    conduct,
    edits::Mutation,
    exchange::{Course, End, Leg, has_code},
    forecast::{effective, forecast},
    world::{Choices, REQUESTS_CODES},
};

/// Runs the exchange that the bytes describe.
///
/// # Panics
/// As [`completes`].
pub fn mutated_exchange(bytes: &[u8]) {
    if let Ok(mutation) = Mutation::arbitrary(&mut Unstructured::new(bytes)) {
        let _ = completes(&mutation);
    }
}

/// Runs the exchange that the bytes describe without cryptography, so that an edit gets past codes and proofs. What does
/// not hang on a secret still holds.
///
/// # Panics
/// An answer is not documented, or policy lets somebody in that it does not allow.
pub fn unlocked_exchange(bytes: &[u8]) {
    if let Ok(mutation) = Mutation::arbitrary(&mut Unstructured::new(bytes)) {
        without_crypto(|| {
            let mut pair = mutation.choices.pair();
            let course = run(&mut pair, &mutation);
            if let (Some(end), [_, Some(arrived)]) = (course.end, course.authenticate()) {
                let guise = guise(&mut pair, end.acceptor_granted, &arrived);
                within_policy(&arrived, guise, &effective(&mutation.choices));
                codes_arrived(&course, &end, &arrived, &mutation.choices);
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

/// Runs an exchange with edits; says whether both sides complete.
///
/// # Panics
/// The exchange is untouched and comes to something else than its forecast; or it is touched, and both sides are done with
/// what they must not have.
#[must_use]
pub fn completes(mutation: &Mutation) -> bool {
    completes_between(&mut mutation.choices.pair(), mutation)
}

/// As [`completes`], between two sides that were made with the choices of the mutation.
///
/// # Panics
/// As [`completes`].
#[must_use]
pub fn completes_between(pair: &mut Pair, mutation: &Mutation) -> bool {
    let choices = &mutation.choices;
    let course = run(pair, mutation);
    judge(pair, &course, choices, mutation.is_harmless());
    if let Some(end) = course.end.filter(|_| mutation.is_harmless()) {
        conduct::of_complete_contexts(pair, &course, &end);
    }
    course.end.is_some()
}

fn run(pair: &mut Pair, mutation: &Mutation) -> Course {
    let carry = |legs: &[Leg]| mutation.deliver(legs);
    Course::run_in_fragments(pair, mutation.choices.hinted, mutation.fragments, carry)
}

/// Holds an exchange against what is known of it; it is as good as untouched if what happened to it is harmless.
///
/// # Panics
/// As [`completes`].
pub fn judge(pair: &mut Pair, course: &Course, choices: &Choices, harmless: bool) {
    conduct::of_senders(course);
    conduct::of_receivers(course);
    if harmless || !course.changed() {
        as_forecast(pair, course, choices);
        return;
    }
    let Some(end) = course.end else { return };
    let [sent, arrived] = course.authenticate();
    let arrived = arrived.expect("an acceptor that is done has got an AUTHENTICATE message");
    let guise = guise(pair, end.acceptor_granted, &arrived);
    within_policy(&arrived, guise, &effective(choices));
    codes_arrived(course, &end, &arrived, choices);
    if guise != Guise::Owner {
        return;
    }
    assert_eq!(
        choices.ntlm.who(),
        Logon::Owner,
        "without the password: {choices:?}"
    );
    same_channel(choices);
    if sent.is_some_and(|sent| announces_mic(&sent)) {
        undisturbed(pair, course, &end, choices);
    }
    if announces_ess(&arrived) && codes_got(course, &end, choices).contains(&true) {
        let [sent, arrived] = lists(course);
        assert_eq!(sent, arrived, "another list is noticed by no code: {choices:?}");
        let [one, other] = views(pair, &end);
        assert_eq!(one.session_key, other.session_key, "{choices:?}");
    }
}

/// Holds an untouched exchange against its forecast; then each side sends a message.
fn as_forecast(pair: &mut Pair, course: &Course, choices: &Choices) {
    let foretold = forecast(choices);
    let status = course.refusal.as_ref().map(|(_, status, _)| *status);
    assert_eq!(status, foretold.as_ref().err().copied(), "{choices:?}");
    conduct::of_a_refusal(course, choices);
    let Ok(foretold) = foretold else { return };
    let end = course.end.expect("an exchange that is not refused completes");
    let got = [true, false].map(|initiates| course.arrived_at(initiates).any(has_code));
    assert_eq!(got, foretold.codes, "{choices:?}");
    let [_, arrived] = course.authenticate();
    let guise = guise(pair, end.acceptor_granted, &arrived.expect("NTLM has run"));
    assert_eq!(guise, foretold.ntlm.guise, "{choices:?}");
    let ntlm = effective(choices);
    assert_eq!(
        end.initiator_granted,
        foretold.ntlm.init_attributes(&ntlm),
        "{choices:?}"
    );
    assert_eq!(
        end.acceptor_granted,
        foretold.ntlm.accept_attributes(&ntlm),
        "{choices:?}"
    );
    let [one, other] = views(pair, &end);
    assert_eq!(one.negotiation, complete(), "{choices:?}");
    assert_eq!(other.negotiation, complete(), "{choices:?}");
    if guise != Guise::Guest {
        assert!(one.session_key.is_some(), "{choices:?}");
        assert_eq!(
            (one.session_key, one.names),
            (other.session_key, other.names),
            "{choices:?}"
        );
    }
    // A side whose code is not looked at is one message ahead.
    let [answered, sent] = foretold.codes;
    let strictly = (answered == sent).then_some(&foretold.ntlm);
    talk(pair, end.initiator, end.acceptor, end.initiator_granted, strictly);
}

/// NTLM is the one mechanism that there is.
fn complete() -> AttributeValue {
    AttributeValue::NegotiationInfo(legwork_engine::package::Package::Ntlm, 0)
}

fn views(pair: &mut Pair, end: &End) -> [View; 2] {
    [
        View::of(&mut pair.initiator, end.initiator),
        View::of(&mut pair.acceptor, end.acceptor),
    ]
}

/// Who is in has the channel that the acceptor requires.
fn same_channel(choices: &Choices) {
    let allows = AcceptRequirements::ALLOW_MISSING_BINDINGS;
    if let Some(own) = choices.ntlm.acceptor_bindings
        && !choices.ntlm.accept_requirements().contains(allows)
    {
        assert_eq!(
            choices.ntlm.initiator_bindings,
            Some(own),
            "another channel: {choices:?}"
        );
    }
}

/// With a code of NTLM's own both sides have the same view.
fn undisturbed(pair: &mut Pair, course: &Course, end: &End, choices: &Choices) {
    // Before them there may be one that nobody reads, for it came with an offer of another first mechanism.
    let [sent, arrived] = course.messages();
    assert!(arrived.ends_with(&sent), "a change is not noticed: {choices:?}");
    let [one, other] = views(pair, end);
    assert_eq!(one.names, other.names, "{choices:?}");
    assert_eq!(one.session_key, other.session_key, "{choices:?}");
    assert_eq!(one.negotiation, other.negotiation, "{choices:?}");
    let [initiator, acceptor] = protection(end);
    assert_eq!(initiator, acceptor, "{choices:?}");
}

/// Whether each side was granted integrity and confidentiality.
fn protection(end: &End) -> [[bool; 2]; 2] {
    let (initiator, acceptor) = (end.initiator_granted, end.acceptor_granted);
    [
        [InitAttributes::INTEGRITY, InitAttributes::CONFIDENTIALITY].map(|bit| initiator.contains(bit)),
        [AcceptAttributes::INTEGRITY, AcceptAttributes::CONFIDENTIALITY].map(|bit| acceptor.contains(bit)),
    ]
}

fn announces_ess(authenticate: &[u8]) -> bool {
    Authenticate::parse(authenticate)
        .is_ok_and(|message| message.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY))
}

/// Whether a side got a code that it looks at, the initiator first.
fn codes_got(course: &Course, end: &End, choices: &Choices) -> [bool; 2] {
    let [initiator, acceptor] = protection(end);
    let got = |initiates: bool, protection: [bool; 2], codes: MechListMic| {
        protection.contains(&true)
            && codes != MechListMic::Never
            && course.arrived_at(initiates).any(has_code)
    };
    [
        got(true, initiator, choices.initiator.codes()),
        got(false, acceptor, choices.acceptor.codes()),
    ]
}

/// A side that is done has got the code that it requires.
fn codes_arrived(course: &Course, end: &End, authenticate: &[u8], choices: &Choices) {
    let offered = |token: &[u8]| !matches!(Token::parse(token), Ok(Token::Ntlm(_)));
    let sent = course.legs.iter().find(|leg| leg.initiates);
    let Some(sent) = sent.filter(|leg| offered(&leg.sent) && offered(&leg.arrived)) else {
        return;
    };
    let [got_initiator, got_acceptor] = codes_got(course, end, choices);
    let [initiator, acceptor] = protection(end).map(|protection| protection.contains(&true));
    let first_reply = course.arrived_at(true).nth(usize::from(choices.hinted));
    let asked = first_reply.is_some_and(|token| {
        NegTokenResp::parse(token).is_ok_and(|resp| resp.neg_state == Some(NegState::REQUEST_MIC))
    });
    if initiator && choices.initiator.codes() != MechListMic::Never {
        let required = asked || first(&sent.sent) != Some(Oid::NTLM);
        assert!(
            got_initiator || !required,
            "the initiator misses a code: {choices:?}"
        );
    }
    if acceptor {
        let asks = choices.acceptor.has(REQUESTS_CODES) || first(&sent.arrived) != Some(Oid::NTLM);
        let required = match choices.acceptor.codes() {
            MechListMic::Never => false,
            MechListMic::Required => asks,
            MechListMic::Demanded | MechListMic::Always => asks || announces_mic(authenticate),
        };
        assert!(
            got_acceptor || !required,
            "the acceptor misses a code: {choices:?}"
        );
    }
}

/// The list of a first token.
fn list(token: &[u8]) -> Option<MechTypes<'static>> {
    match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_types.map(MechTypes::into_owned),
        _ => None,
    }
}

/// The preferred mechanism of a first token.
fn first(token: &[u8]) -> Option<Oid<'static>> {
    let list = list(token)?;
    let first = list.iter().next()?;
    Some(first.into_owned())
}

/// The list as it was sent and as it arrived.
fn lists(course: &Course) -> [Option<MechTypes<'static>>; 2] {
    let offer = course.legs.iter().find(|leg| leg.initiates);
    let of = |token: fn(&Leg) -> &[u8]| offer.and_then(|leg| list(token(leg)));
    [of(|leg| &leg.sent), of(|leg| &leg.arrived)]
}
