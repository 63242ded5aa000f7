//! The tokens of Negotiate, one by one (RFC 4178 section 4, MS-SPNG section 2.2.1).

use legwork_engine::{
    codec::der::Tolerances,
    negotiate::messages::{MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, Token},
    ntlm::messages::{MessageType, message_type},
};

use super::exchange::{self, Made};
use crate::{
    check::{Judge, calls::completed_before},
    protocol::Role,
    run::trace::Trace,
};

pub(super) fn check(judge: &mut Judge<'_>, inside: &Trace) {
    due(judge);
    let made = exchange::made(judge);
    for made in &made {
        encoding(judge, made);
        if let Some(init) = made.init() {
            list(judge, made, init);
        }
        if let Some(response) = made.response() {
            answer(judge, made, response);
        }
        token_due(judge, made, inside);
    }
}

/// The message that is due, and its framing. Who left the wrapper out at first has none later.
fn due(judge: &mut Judge<'_>) {
    let mut seen = [false; 2];
    for (at, event) in judge.trace.legs() {
        let token = event.output().filter(|token| !token.is_empty());
        let Some(token) = token.filter(|_| exchange::went_on(judge, event)) else {
            continue;
        };
        let [initiator, acceptor] = &mut seen;
        let first = if event.side == Role::Initiator {
            initiator
        } else {
            acceptor
        };
        let begins = !std::mem::replace(first, true);
        if event.altered_output || completed_before(judge, at, event.side) {
            continue;
        }
        let lists = begins && (event.side == Role::Initiator || event.input().is_none());
        let read = Token::parse(token);
        let holds = match &read {
            Ok(Token::Framed(_) | Token::Bare(_)) => lists,
            Ok(Token::Resp(_)) => !lists,
            Ok(Token::Ntlm(_) | Token::Kerberos(_)) => is_bare(judge.trace),
            _ => false,
        };
        judge.check("wire/negotiate/message-due", at, holds, || {
            let what = read
                .as_ref()
                .map_or_else(ToString::to_string, |token| kind(token).to_owned());
            format!("the token is not the one that is due: {what}")
        });
        let Ok(read) = read else { continue };
        let framed = matches!(read, Token::Framed(_));
        if lists && event.side == Role::Initiator {
            judge.check("wire/negotiate/first-token-framed", at, framed, || {
                format!("the first token is {}", kind(&read))
            });
        } else if !lists && !is_bare(judge.trace) {
            let bare = matches!(read, Token::Resp(_));
            judge.check("wire/negotiate/later-tokens-bare", at, bare, || {
                format!("a later token is {}", kind(&read))
            });
        }
    }
}

/// Whether the exchange began with a mechanism's own token.
fn is_bare(trace: &Trace) -> bool {
    let mut tokens = trace
        .legs()
        .filter_map(|(_, event)| event.output().or_else(|| event.input()));
    let first = tokens.find(|token| !token.is_empty());
    first.is_some_and(|token| matches!(Token::parse(token), Ok(Token::Ntlm(_) | Token::Kerberos(_))))
}

/// A token in words.
fn kind(token: &Token<'_>) -> &'static str {
    match token {
        Token::Framed(_) => "a list of mechanisms",
        Token::Bare(_) => "a list of mechanisms without framing",
        Token::Resp(_) => "an answer",
        Token::Ntlm(_) => "a message of NTLM without wrapper",
        Token::Kerberos(_) => "a token of Kerberos without wrapper",
        Token::Negoex(_) => "messages of NEGOEX without wrapper",
        Token::Other(..) => "a token of another mechanism",
    }
}

fn encoding(judge: &mut Judge<'_>, made: &Made<'_>) {
    let emitted = match &made.read {
        Token::Framed(init) => init.emit_framed(),
        Token::Bare(init) => init.emit(),
        Token::Resp(response) => response.emit(),
        _ => return,
    };
    let loose = made.read.tolerated() & Tolerances::LONG_LENGTH;
    let differs = emitted
        .iter()
        .zip(made.token)
        .position(|(canonical, sent)| canonical != sent);
    let same = emitted == made.token;
    judge.check(
        "wire/negotiate/encoding-distinguished",
        made.at,
        same && loose.is_empty(),
        || {
            let at = differs.unwrap_or_else(|| emitted.len().min(made.token.len()));
            format!("the distinguished form differs from byte {at} on")
        },
    );
}

fn list(judge: &mut Judge<'_>, made: &Made<'_>, init: &NegTokenInit<'_>) {
    let at = made.at;
    let mechanisms: Vec<Oid<'_>> = init.mech_types.iter().flat_map(MechTypes::iter).collect();
    let twice = mechanisms
        .iter()
        .enumerate()
        .any(|(index, oid)| mechanisms.iter().take(index).any(|other| other == oid));
    judge.check(
        "wire/negotiate/list-not-empty",
        at,
        !mechanisms.is_empty() && !twice,
        || format!("the list is {mechanisms:?}"),
    );
    let mic = init.mech_list_mic.is_none();
    judge.check("wire/negotiate/no-mic-in-first-token", at, mic, || {
        "the list has a mechListMIC".to_owned()
    });
    if made.event.side == Role::Acceptor {
        hints(judge, at, &mechanisms, init.hints.as_ref());
        return;
    }
    judge.check(
        "wire/negotiate/hints-of-acceptor-only",
        at,
        init.hints.is_none(),
        || "the initiator's list has hints".to_owned(),
    );
    judge.check(
        "wire/negotiate/request-flags-omitted",
        at,
        init.req_flags.is_none(),
        || "the list has reqFlags".to_owned(),
    );
    let inside = init.mech_token.as_deref();
    judge.check(
        "wire/negotiate/optimistic-token-present",
        at,
        inside.is_some(),
        || "the list has no token of its first mechanism".to_owned(),
    );
    let negoex = inside.is_some_and(|token| matches!(Token::parse(token), Ok(Token::Negoex(_))));
    judge.check(
        "wire/negotiate/list-without-negoex",
        at,
        negoex || !mechanisms.contains(&Oid::NEGOEX),
        || "NEGOEX is offered and its token is not there".to_owned(),
    );
    if let (Some(first), Some(token)) = (mechanisms.first(), inside) {
        judge.check(
            "wire/negotiate/list-first-is-optimistic",
            at,
            is_of(token, first),
            || format!("the token is none of {first:?}, which is the first of the list"),
        );
    }
}

/// Whether a token may be of a mechanism: those that are known begin as theirs do.
fn is_of(token: &[u8], mechanism: &Oid<'_>) -> bool {
    let kerberos = [Oid::KERBEROS, Oid::MS_KERBEROS, Oid::KERBEROS_USER_TO_USER];
    match Token::parse(token) {
        Ok(Token::Ntlm(_)) => *mechanism == Oid::NTLM,
        Ok(Token::Negoex(_)) => *mechanism == Oid::NEGOEX,
        Ok(Token::Kerberos(_)) => kerberos.contains(mechanism),
        _ => ![Oid::NTLM, Oid::NEGOEX].contains(mechanism),
    }
}

fn hints(judge: &mut Judge<'_>, at: usize, mechanisms: &[Oid<'_>], hints: Option<&NegHints<'_>>) {
    judge.check("wire/negotiate/hint-list", at, !mechanisms.is_empty(), || {
        "the acceptor's list is empty".to_owned()
    });
    let name = hints.and_then(|hints| hints.hint_name.as_deref());
    judge.check(
        "wire/negotiate/hint-name",
        at,
        name == Some(NegHints::NAME),
        || format!("the hint is {:?}", name.map(String::from_utf8_lossy)),
    );
    let address = hints.is_some_and(|hints| hints.hint_address.is_some());
    judge.check("wire/negotiate/hint-address-absent", at, !address, || {
        "the hint has an address".to_owned()
    });
}

fn answer(judge: &mut Judge<'_>, made: &Made<'_>, response: &NegTokenResp<'_>) {
    let at = made.at;
    if let Some(state) = response.neg_state {
        judge.check("wire/negotiate/state-known", at, state.name().is_some(), || {
            format!("the negState is {}", state.0)
        });
    }
    let first = made.event.side == Role::Acceptor && is_first_answer(judge.trace, at);
    let late_request = response.neg_state == Some(NegState::REQUEST_MIC) && !first;
    judge.check(
        "wire/negotiate/request-mic-in-first-reply-only",
        at,
        !late_request,
        || "request-mic stands in a token that is not the acceptor's first answer".to_owned(),
    );
    if response.neg_state == Some(NegState::REJECT) {
        let bare = response.supported_mech.is_none() && response.mech_list_mic.is_none();
        judge.check("wire/negotiate/reject-carries-nothing", at, bare, || {
            "a reject has a supportedMech or a mechListMIC".to_owned()
        });
        return;
    }
    if first {
        first_answer(judge, made, response);
    } else {
        let none = response.supported_mech.is_none();
        judge.check("wire/negotiate/selection-in-first-reply-only", at, none, || {
            "a supportedMech stands in a token that is not the acceptor's first answer".to_owned()
        });
    }
    if made.event.side == Role::Acceptor {
        state(judge, made, response);
    }
    if let Some(token) = response
        .response_token
        .as_deref()
        .filter(|token| !token.is_empty())
    {
        let ntlm = super::chosen(judge.trace, made.event.side).is_none_or(|oid| oid == Oid::NTLM);
        let whole = !ntlm || message_type(token).is_ok();
        judge.check("wire/negotiate/mechanism-token-present", at, whole, || {
            "the responseToken is no message of NTLM".to_owned()
        });
    }
}

/// Whether no answer of the acceptor stands before this one.
fn is_first_answer(trace: &Trace, at: usize) -> bool {
    let before = trace
        .legs()
        .filter(|(place, event)| *place < at && event.side == Role::Acceptor);
    let mut answers = before.filter_map(|(_, event)| Token::parse(event.output()?).ok());
    !answers.any(|token| matches!(token, Token::Resp(_)))
}

fn first_answer(judge: &mut Judge<'_>, made: &Made<'_>, response: &NegTokenResp<'_>) {
    let at = made.at;
    judge.check(
        "wire/negotiate/state-in-first-reply",
        at,
        response.neg_state.is_some(),
        || "the first answer has no negState".to_owned(),
    );
    let chosen = response.supported_mech.as_ref();
    judge.check(
        "wire/negotiate/selection-in-first-reply",
        at,
        chosen.is_some(),
        || "the first answer names no mechanism".to_owned(),
    );
    let list = exchange::list(judge.trace, Role::Acceptor);
    let offered: Vec<Oid<'_>> = list.iter().flat_map(MechTypes::iter).collect();
    let (Some(chosen), Some(first)) = (chosen, offered.first()) else {
        return;
    };
    judge.check(
        "wire/negotiate/selection-offered",
        at,
        offered.contains(chosen),
        || format!("{chosen:?} is chosen, offered were {offered:?}"),
    );
    let asks = response.neg_state == Some(NegState::REQUEST_MIC);
    if chosen != first {
        judge.check("wire/negotiate/request-mic-when-not-preferred", at, asks, || {
            format!(
                "{chosen:?} is chosen, the initiator's first is {first:?}, and the state is not request-mic"
            )
        });
    } else if offered.len() == 1 {
        judge.check("wire/negotiate/no-request-mic-when-preferred", at, !asks, || {
            "request-mic is said where there is nothing else to choose".to_owned()
        });
    }
}

/// What the acceptor says of itself is what its call says.
fn state(judge: &mut Judge<'_>, made: &Made<'_>, response: &NegTokenResp<'_>) {
    if judge.meaning(made.event).is_none() || !judge.shows(Role::Acceptor, "status") {
        return;
    }
    let done = exchange::is_done(judge, made.event);
    match response.neg_state {
        Some(NegState::ACCEPT_COMPLETED) => {
            judge.check("wire/negotiate/completed-only-when-done", made.at, done, || {
                "the token says accept-completed, the call that a token is due".to_owned()
            });
        }
        Some(NegState::ACCEPT_INCOMPLETE) => {
            judge.check("wire/negotiate/incomplete-while-due", made.at, !done, || {
                "the token says accept-incomplete, the call that nothing is due".to_owned()
            });
        }
        _ => {}
    }
}

/// Who gets a message of NTLM that has an answer sends the answer.
fn token_due(judge: &mut Judge<'_>, made: &Made<'_>, inside: &Trace) {
    let Some(event) = inside
        .events
        .get(made.at)
        .filter(|event| exchange::went_on(judge, event))
    else {
        return;
    };
    let asked = event.input().and_then(|token| message_type(token).ok());
    let wanted = match (event.side, asked) {
        (Role::Acceptor, Some(MessageType::NEGOTIATE)) => MessageType::CHALLENGE,
        (Role::Initiator, Some(MessageType::CHALLENGE)) => MessageType::AUTHENTICATE,
        _ => return,
    };
    let sent = event.output().and_then(|token| message_type(token).ok());
    judge.check(
        "wire/negotiate/mechanism-token-due",
        made.at,
        sent == Some(wanted),
        || "the mechanism's answer is not in the token".to_owned(),
    );
}
