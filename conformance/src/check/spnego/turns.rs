//! Whose turn it is: the mechanism's tokens in answers, and what becomes of the token that comes with an offer.

use legwork_engine::{
    negotiate::messages::{NegState, NegTokenResp, Token},
    ntlm::messages::{MessageType, message_type},
};

use super::{View, is_of, named};
use crate::{
    check::Judge,
    protocol::Role,
    run::{inner::mechanism_token, trace::Event},
    suite::mapping::Class,
};

/// An answer of either side, and what its maker had seen before.
pub(super) fn check(judge: &mut Judge<'_>, at: usize, event: &Event, before: &View, resp: &NegTokenResp<'_>) {
    let failed = judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class == Class::Failure);
    if failed {
        refusal(judge, at, event, resp);
        return;
    }
    if event.altered_input || before.lost || resp.neg_state == Some(NegState::REJECT) {
        return;
    }
    if event.side == Role::Acceptor && before.answers == 0 {
        offer(judge, at, event, resp);
    }
    mechanism(judge, at, event, before, resp);
}

/// The token of a leg that failed says so, and nothing else.
fn refusal(judge: &mut Judge<'_>, at: usize, event: &Event, resp: &NegTokenResp<'_>) {
    if event.side == Role::Initiator {
        return;
    }
    let rejects = resp.neg_state == Some(NegState::REJECT);
    let alone = resp.supported_mech.is_none() && resp.mech_list_mic.is_none();
    judge.check("asc/negotiate/reject-token", at, rejects && alone, || {
        format!("the leg failed, rejects: {rejects}, selects and signs nothing: {alone}")
    });
}

/// The token that comes with an offer is answered if it is one of the mechanism that is chosen.
fn offer(judge: &mut Judge<'_>, at: usize, event: &Event, resp: &NegTokenResp<'_>) {
    let Ok(Token::Framed(init) | Token::Bare(init)) = Token::parse(event.input().unwrap_or_default()) else {
        return;
    };
    let first = init.mech_types.as_ref().and_then(|list| list.iter().next());
    let guessed = resp.supported_mech.is_none() || first == resp.supported_mech;
    let brings = init.mech_token.as_ref().is_some_and(|token| !token.is_empty());
    let answered = resp
        .response_token
        .as_ref()
        .is_some_and(|token| !token.is_empty());
    let rule = match (brings, guessed) {
        (false, _) => "asc/negotiate/optimistic-token-absent",
        (true, true) => "asc/negotiate/optimistic-token-used",
        (true, false) => "asc/negotiate/optimistic-token-ignored",
    };
    judge.check(rule, at, answered == (brings && guessed), || {
        format!(
            "the offer brings a token: {brings}, of the mechanism that is chosen: {guessed}, answered: {answered}"
        )
    });
}

/// While the mechanism is not done, whoever's turn it is sends its token, which is one of the mechanism.
fn mechanism(judge: &mut Judge<'_>, at: usize, event: &Event, before: &View, resp: &NegTokenResp<'_>) {
    let token = resp.response_token.as_deref().unwrap_or_default();
    let asked = mechanism_token(event.input().unwrap_or_default()).unwrap_or_default();
    let due = before.agreed.is_none()
        && match event.side {
            Role::Initiator => true,
            Role::Acceptor => message_type(&asked).ok() == Some(MessageType::NEGOTIATE),
        };
    if due {
        judge.check(
            "wire/negotiate/mechanism-token-due",
            at,
            !token.is_empty(),
            || "the mechanism is not done, and the answer has no token of it".to_owned(),
        );
    }
    let chosen = before.chosen.as_ref().or(resp.supported_mech.as_ref());
    if let (Some(chosen), false) = (chosen, token.is_empty())
        && let Some(fits) = is_of(chosen, token)
    {
        judge.check("wire/negotiate/mechanism-token-present", at, fits, || {
            format!("the token inside is not one of {}", named(chosen))
        });
    }
}
