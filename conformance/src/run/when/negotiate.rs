//! Conditions on the tokens of Negotiate, and by way of them on the mechanism's tokens inside.

use legwork_engine::{
    codec::der::Tolerances,
    error::{TokenError, TokenErrorKind},
    negotiate::messages::{NegState, NegTokenInit, NegTokenResp, Oid, Token},
    ntlm::messages::{Authenticate, MessageType, NegotiateFlags, message_type},
};

use super::{Due, Seen, holds as of_mechanism};
use crate::{
    protocol::Role,
    run::{fragments, inner::mechanism_token, trace::Trace},
    suite::scenario::When,
};

/// The message that is due: of the kind that was sent.
pub(super) fn due(sent: &[u8], role: Role) -> Due {
    match (Token::parse(sent), role) {
        (Ok(Token::Framed(_) | Token::Bare(_)), _) => Due::NegTokenInit,
        (_, Role::Initiator) => Due::Reply,
        (_, Role::Acceptor) => Due::Answer,
    }
}

/// Whether the acceptor has other mechanisms than the initiator sent. Who writes the list anew before the code is
/// verified does not mind how it is written.
pub(super) fn list_altered(trace: &Trace) -> bool {
    let list = |token: Option<&[u8]>| match Token::parse(token?).ok()? {
        Token::Framed(init) | Token::Bare(init) => {
            let list = init.mech_types?;
            Some(list.iter().map(Oid::into_owned).collect::<Vec<_>>())
        }
        _ => None,
    };
    let of = |role| trace.legs().filter(move |(_, event)| event.side == role);
    let sent = of(Role::Initiator).find_map(|(_, event)| list(event.output()));
    let received = of(Role::Acceptor).find_map(|(_, event)| list(event.input()));
    received.is_some() && sent != received
}

/// Whether the acceptor said request-mic: an initiator without a code is then none that it must bear.
pub(super) fn code_requested(trace: &Trace) -> bool {
    let answers = trace.legs().filter(|(_, event)| event.side == Role::Acceptor);
    let mut states = answers.filter_map(|(_, event)| NegTokenResp::parse(event.output()?).ok()?.neg_state);
    states.any(|state| state == NegState::REQUEST_MIC)
}

pub(super) fn holds(when: When, seen: &Seen<'_>) -> bool {
    if when == When::CutShort {
        return fragments::is_cut_short(seen.token);
    }
    let token = match Token::parse(seen.token) {
        Ok(token) => token,
        Err(error) => return unreadable(when, &error, seen),
    };
    if when == When::LongLengths {
        return token.tolerated().contains(Tolerances::LONG_LENGTH);
    }
    match (token, seen.due) {
        (Token::Framed(init) | Token::Bare(init), Due::NegTokenInit) => offer(when, seen, &init),
        (Token::Resp(resp), Due::Reply | Due::Answer) => answer(when, seen, &resp),
        _ => when == When::Malformed,
    }
}

/// Bytes behind a token, and hints, are nothing that every reader looks at.
fn unreadable(when: When, error: &TokenError, seen: &Seen<'_>) -> bool {
    let whole = matches!(error.field, "InitialContextToken" | "NegTokenResp");
    let ends = match error.kind {
        TokenErrorKind::TrailingBytes(more) => error.offset.saturating_add(more) == seen.token.len(),
        _ => false,
    };
    let behind = whole && ends && first_element(seen.token) == Some(error.offset);
    let hints = matches!(error.field, "negHints" | "hintName" | "hintAddress");
    let overlong = is_overlong(error, seen.token);
    match when {
        When::OverlongLengths => overlong,
        When::TrailingBytes => behind,
        When::FlagsMalformed => error.field == "reqFlags" && error.kind == TokenErrorKind::BadValue,
        When::HintsMalformed => hints,
        When::Malformed => !behind && !hints && !overlong,
        _ => false,
    }
}

/// Whether what cannot be read is a length in more than five bytes that reaches no further than the token does.
fn is_overlong(error: &TokenError, token: &[u8]) -> bool {
    let TokenErrorKind::BadLength(digits @ 5..=126) = error.kind else {
        return false;
    };
    let from = error.offset.saturating_add(1);
    let Some((written, rest)) = token.get(from..).and_then(|rest| rest.split_at_checked(digits)) else {
        return false;
    };
    let (zeros, number) = written.split_at(digits.saturating_sub(4));
    let number = number
        .iter()
        .fold(0_u64, |number, digit| (number << 8) | u64::from(*digit));
    zeros.iter().all(|digit| *digit == 0) && usize::try_from(number).is_ok_and(|length| length <= rest.len())
}

/// Where the first element of a token ends.
fn first_element(token: &[u8]) -> Option<usize> {
    let mut reader = legwork_engine::codec::der::Reader::new(token);
    reader.any("token", &mut Tolerances::empty()).ok()?;
    Some(reader.offset())
}

fn offer(when: When, seen: &Seen<'_>, init: &NegTokenInit<'_>) -> bool {
    let list: Vec<Oid<'_>> = init.mech_types.iter().flat_map(|list| list.iter()).collect();
    let token = init.mech_token.as_deref().unwrap_or_default();
    let begun = list.first() == Some(&Oid::NTLM);
    match when {
        When::CodeTooEarly => init.mech_list_mic.is_some(),
        When::NothingAcceptable => !list.contains(&Oid::NTLM),
        When::MechanismTokenMalformed => begun && !token.is_empty() && is_malformed(seen, token),
        When::MechanismTokenAbsent => begun && init.mech_token.is_none(),
        _ => false,
    }
}

/// A later token. The mechanism is NTLM, whose second message is the initiator's to read and the third the acceptor's.
fn answer(when: When, seen: &Seen<'_>, resp: &NegTokenResp<'_>) -> bool {
    let sent = NegTokenResp::parse(seen.sent).ok().unwrap_or_default();
    let token = resp.response_token.as_deref().unwrap_or_default();
    let due = sent.response_token.as_deref().unwrap_or_default();
    let code = |resp: &NegTokenResp<'_>| resp.mech_list_mic.as_deref().map(<[u8]>::to_vec);
    let mechanism_begins = message_type(due) == Ok(MessageType::CHALLENGE);
    match when {
        When::Rejected => resp.neg_state == Some(NegState::REJECT),
        When::StateUnknown => resp.neg_state.is_some_and(|state| state.name().is_none()),
        When::CompletedTooEarly => {
            seen.due == Due::Reply && mechanism_begins && resp.neg_state == Some(NegState::ACCEPT_COMPLETED)
        }
        When::NotOffered => {
            let chosen = resp.supported_mech.as_ref();
            seen.due == Due::Reply
                && chosen.is_some_and(|chosen| sent.supported_mech.as_ref() != Some(chosen))
        }
        When::MechanismTokenAbsent => !due.is_empty() && token.is_empty(),
        When::MechanismTokenMalformed => token != due && is_malformed(seen, token),
        When::MechanismTokenAltered => token != due,
        When::CodeMissing => {
            let made = code(&sent).is_some_and(|code| !code.is_empty());
            let due = made || seen.code_requested && signs(token);
            due && code(resp).is_none_or(|code| code.is_empty())
        }
        When::CodeBroken => {
            let altered = seen.list_altered || code(resp) != code(&sent);
            code(resp).is_some_and(|code| !code.is_empty()) && altered
        }
        When::MechanismCodeBroken => {
            message_type(token) == Ok(MessageType::AUTHENTICATE)
                && seen.altered_before
                && announced(seen, token)
        }
        _ => false,
    }
}

/// Whether the mechanism's MIC covers what was altered.
fn announced(seen: &Seen<'_>, token: &[u8]) -> bool {
    seen.mechanism_altered
        && of_mechanism(
            When::MicBroken,
            &Seen {
                due: Due::Authenticate,
                token,
                sent: token,
                ..*seen
            },
        )
}

/// Whether integrity was agreed on, by the mechanism's last message: without it no code is made, asked for or not.
fn signs(token: &[u8]) -> bool {
    Authenticate::parse(token).is_ok_and(|message| message.flags.contains(NegotiateFlags::SIGN))
}

/// Whether NTLM cannot read one of its messages, or finds in it what it needs to be impossible.
fn is_malformed(seen: &Seen<'_>, token: &[u8]) -> bool {
    let (due, conditions): (_, &[When]) = match seen.due {
        Due::NegTokenInit => (Due::Negotiate, &[When::Malformed, When::NoCharacterSet]),
        Due::Reply => (Due::Challenge, &[When::Malformed, When::NoCharacterSet]),
        _ => (Due::Authenticate, &[When::Malformed]),
    };
    let inside = Seen {
        due,
        token,
        sent: token,
        ..*seen
    };
    conditions.iter().any(|when| of_mechanism(*when, &inside))
}

/// Whether a mechanism's token was altered before. What somebody took from a token that cannot be read, nobody can tell.
pub(super) fn mechanism_altered(trace: &Trace) -> bool {
    let mut last: Option<Vec<u8>> = None;
    for (_, event) in trace.legs() {
        let token = event.input().and_then(mechanism_token);
        // What stands in a token that cannot be read, nobody can tell.
        let readable = event.input().is_some_and(|token| {
            let known = Token::parse(token);
            matches!(
                known,
                Ok(Token::Framed(_) | Token::Bare(_) | Token::Resp(_) | Token::Ntlm(_))
            )
        });
        if let Some(sent) = &last
            && event.altered_input
            && readable
            && token.as_deref().unwrap_or_default() != sent.as_slice()
        {
            return true;
        }
        last = Some(
            event
                .output()
                .and_then(mechanism_token)
                .map_or_else(Vec::new, std::borrow::Cow::into_owned),
        );
    }
    false
}

#[cfg(test)]
mod tests {
    use super::mechanism_altered;
    use crate::{
        protocol::Request,
        run::{case, trace::Trace},
        runner::{self, Options},
        suite::Suite,
    };

    fn exchange() -> Trace {
        let suite = Suite::embedded().expect("the embedded suite is sound");
        let mut cases = case::expand(&suite);
        cases.retain(|case| case.id == "negotiate/good/default");
        let mut results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
        results.pop().expect("one case").trace
    }

    /// Has the acceptor hear another first token.
    fn with_first_token(change: impl FnOnce(&mut Vec<u8>)) -> Trace {
        let mut trace = exchange();
        let event = trace
            .events
            .iter_mut()
            .find_map(|event| match &mut event.request {
                Request::Accept(leg) => Some((&mut event.altered_input, leg)),
                _ => None,
            });
        let (altered, leg) = event.expect("a leg of the acceptor");
        *altered = true;
        change(&mut leg.input[0].bytes);
        trace
    }

    #[test]
    fn a_token_that_cannot_be_read_tells_nothing_of_the_mechanism() {
        assert!(!mechanism_altered(&exchange()));
        assert!(mechanism_altered(&with_first_token(|token| {
            *token.last_mut().expect("a byte") ^= 1;
        })));
        assert!(!mechanism_altered(&with_first_token(|token| {
            token.truncate(30);
        })));
    }
}
