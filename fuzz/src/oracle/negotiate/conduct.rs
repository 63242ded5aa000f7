//! What each side does leg by leg, whatever the exchange comes to (RFC 4178 sections 4.2 and 5).

use legwork_engine::{
    negotiate::messages::{NegState, NegTokenResp, Token},
    ntlm::messages::Challenge,
    status::SecurityStatus as Status,
};

use super::super::world::{Pair, token};
use super::{
    exchange::{Course, End, Leg, is_cut_short},
    forecast::wants_datagrams,
    world::{Choices, SILENT_REFUSAL},
};

/// An acceptor's first token alone has a mechanism, and always a state; an initiator's tokens name no mechanism.
///
/// # Panics
/// A token is otherwise.
pub fn of_senders(course: &Course) {
    let later = |leg: &Leg| NegTokenResp::parse(&leg.sent).ok().map(|resp| named(&resp));
    let mut answers = course.legs.iter().filter(|leg| !leg.initiates).filter_map(later);
    if let Some(first) = answers.next() {
        assert_eq!(first, (true, true), "of a first answer");
        assert!(
            answers.all(|(mechanism, _)| !mechanism),
            "a mechanism is named twice"
        );
    }
    let mut own = course.legs.iter().filter(|leg| leg.initiates).filter_map(later);
    assert!(
        own.all(|(mechanism, _)| !mechanism),
        "an initiator names a mechanism"
    );
}

/// Whether a token has a mechanism and a state.
fn named(resp: &NegTokenResp<'_>) -> (bool, bool) {
    (resp.supported_mech.is_some(), resp.neg_state.is_some())
}

/// What a token says that its receiver must refuse, if there is such a thing.
///
/// # Panics
/// It was not refused.
pub fn of_receivers(course: &Course) {
    let mut answered = false;
    for (number, leg) in course.legs.iter().enumerate() {
        let next = course.legs.get(number.saturating_add(1));
        if let Some(next) = next.filter(|_| is_cut_short(&leg.arrived)) {
            let waits = next.status == Status::SEC_I_CONTINUE_NEEDED && next.sent.is_empty();
            assert!(waits, "a part of a token is taken: {next:?}");
        }
        let fault = match Token::parse(&leg.arrived) {
            Ok(Token::Framed(init) | Token::Bare(init)) if leg.initiates => {
                let list = init.mech_types.as_ref();
                list.is_some_and(|list| list.iter().next().is_none())
                    .then_some("an empty list")
            }
            Ok(Token::Resp(resp)) => {
                let first = !leg.initiates && !answered;
                answered |= first;
                fault_of(&resp, first, course)
            }
            _ => None,
        };
        if let Some(fault) = fault {
            let next = course.legs.get(number.saturating_add(1));
            assert!(next.is_none(), "{fault} is taken: {next:?}");
            assert!(
                !course.is_done(!leg.initiates) || done_before(course, number),
                "{fault} is taken"
            );
        }
    }
}

/// Whether the receiver of a token was done before it came.
fn done_before(course: &Course, number: usize) -> bool {
    let before = course.legs.iter().take(number);
    let receiver = course.legs.get(number).map(|leg| !leg.initiates);
    let mut own = before.filter(|leg| Some(leg.initiates) == receiver);
    own.any(|leg| leg.status == Status::SEC_E_OK)
}

/// What is wrong with a later token.
fn fault_of(resp: &NegTokenResp<'_>, first: bool, course: &Course) -> Option<&'static str> {
    match resp.neg_state {
        None if first => return Some("a first answer without state"),
        Some(NegState::REJECT) => return Some("a rejection"),
        Some(NegState::REQUEST_MIC) if !first => return Some("a late request for codes"),
        Some(NegState(..0 | 4..)) => return Some("an unknown state"),
        _ => {}
    }
    let offer = course.legs.iter().find(|leg| leg.initiates)?;
    let Ok(Token::Framed(offer)) = Token::parse(&offer.sent) else {
        return None;
    };
    if let (true, Some(named), Some(list)) = (first, &resp.supported_mech, &offer.mech_types)
        && !list.iter().any(|oid| oid == *named)
    {
        return Some("a mechanism that was not offered");
    }
    let goes_on = resp
        .response_token
        .as_deref()
        .is_some_and(|token| Challenge::parse(token).is_ok());
    (goes_on && resp.neg_state == Some(NegState::ACCEPT_COMPLETED)).then_some("an early end")
}

/// An acceptor that refuses what is well formed says so in a token, if its policy wants that; not where it is its own caller
/// whom it refuses.
///
/// # Panics
/// It does otherwise.
pub fn of_a_refusal(course: &Course, choices: &Choices) {
    let offer = course.legs.iter().find(|leg| leg.initiates);
    let wrapped = offer.is_some_and(|leg| matches!(Token::parse(&leg.sent), Ok(Token::Framed(_))));
    if let Some((false, status, token)) = &course.refusal
        && wrapped
    {
        let silent = choices.acceptor.has(SILENT_REFUSAL) || wants_datagrams(choices);
        assert_eq!(token.is_empty(), silent, "{status:?}: {choices:?}");
    }
}

/// A complete context authenticates again: the initiator without a token, the acceptor with an offer.
///
/// # Panics
/// It does not.
pub fn of_complete_contexts(pair: &mut Pair, course: &Course, end: &End) {
    let offer = course.legs.iter().find(|leg| leg.initiates);
    if !offer.is_some_and(|leg| matches!(Token::parse(&leg.sent), Ok(Token::Framed(_)))) {
        return;
    }
    let again = pair.initialize(Some(end.initiator), None);
    assert_eq!(again.status, Status::SEC_I_CONTINUE_NEEDED);
    let offer = token(&again.output);
    let answer = pair.accept(Some(end.acceptor), Some(&offer));
    assert_eq!(answer.status, Status::SEC_I_CONTINUE_NEEDED);
}
