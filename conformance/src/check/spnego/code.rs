//! mechListMIC: the code over the list of mechanisms (RFC 4178 section 5), made with the mechanism's keys.

use legwork_engine::ntlm::messages::{Authenticate, MessageType, message_type};

use super::exchange::{self, Made};
use crate::{
    check::{Judge, ntlm::WrapperCode},
    protocol::Role,
    run::trace::{Event, Trace},
};

/// The codes of both sides: the initiator's is over the list that it sent, the acceptor's over the one that it got.
pub(super) fn codes(trace: &Trace) -> Vec<WrapperCode> {
    let lists = Role::BOTH.map(|role| (role, exchange::list(trace, role)));
    let made = trace.legs().filter_map(|(at, event)| {
        let (_, list) = lists.iter().find(|(role, _)| *role == event.side)?;
        let token = event.output()?;
        let code = exchange::code(token)?;
        Some(WrapperCode {
            at,
            judged: !event.altered_output,
            covered: list.as_ref()?.0.to_vec(),
            range: exchange::place(token, &code),
            code: code.into_owned(),
        })
    });
    made.collect()
}

/// When codes are sent. `inside` is the same exchange with the mechanism's tokens.
pub(super) fn check(judge: &mut Judge<'_>, inside: &Trace) {
    let made = exchange::made(judge);
    let codes: Vec<&Made<'_>> = made
        .iter()
        .filter(|made| exchange::code(made.token).is_some())
        .collect();
    let last = |of: &(usize, &Event)| is(of.1.output(), MessageType::AUTHENTICATE);
    let done_from = inside.legs().find(last).map(|(at, _)| at);
    for (index, made) in codes.iter().enumerate() {
        let earlier = codes.iter().take(index);
        let repeated = earlier
            .filter(|other| other.event.side == made.event.side)
            .count();
        judge.check("wire/negotiate/no-mic-repeated", made.at, repeated == 0, || {
            "the side has sent a mechListMIC before".to_owned()
        });
        let late = done_from.is_some_and(|from| made.at >= from);
        judge.check("wire/negotiate/mic-when-mechanism-is-done", made.at, late, || {
            "the mechanism has not made its last token".to_owned()
        });
    }
    for (at, event) in judge.trace.legs() {
        answered(judge, at, event);
        required(judge, at, event);
    }
    if let Some((at, event)) = inside.legs().find(last) {
        with_ntlm_mic(judge, at, event);
    }
}

fn is(token: Option<&[u8]>, kind: MessageType) -> bool {
    token.is_some_and(|token| message_type(token) == Ok(kind))
}

/// Whether a side has sent a code, up to and with an event.
fn sent(trace: &Trace, side: Role, at: usize) -> bool {
    let legs = trace
        .legs()
        .filter(|(place, event)| *place <= at && event.side == side);
    legs.filter_map(|(_, event)| event.output())
        .any(|token| exchange::code(token).is_some())
}

/// Whether a side has got a code, up to and with an event.
fn got(trace: &Trace, side: Role, at: usize) -> bool {
    let legs = trace
        .legs()
        .filter(|(place, event)| *place <= at && event.side == side);
    legs.filter_map(|(_, event)| event.input())
        .any(|token| exchange::code(token).is_some())
}

/// Who gets a code and takes it answers with its own.
fn answered(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let code = event.input().and_then(exchange::code);
    if event.altered_output || code.is_none_or(|code| code.is_empty()) || !exchange::is_done(judge, event) {
        return;
    }
    let own = sent(judge.trace, event.side, at);
    judge.check("wire/negotiate/mic-answered", at, own, || {
        "a mechListMIC was taken and none sent".to_owned()
    });
}

/// Where the acceptor did not choose the initiator's first mechanism, or asked for codes, nobody is done without both.
fn required(judge: &mut Judge<'_>, at: usize, event: &Event) {
    if !exchange::is_done(judge, event) || !super::needs_codes(judge.trace, event.side) {
        return;
    }
    let both = sent(judge.trace, event.side, at) && got(judge.trace, event.side, at);
    judge.check("wire/negotiate/mic-required", at, both, || {
        format!(
            "the {} is done, and not both sides sent a mechListMIC",
            event.side.name()
        )
    });
}

/// An initiator whose last message of NTLM has a code of its own sends a mechListMIC with it.
fn with_ntlm_mic(judge: &mut Judge<'_>, at: usize, inside: &Event) {
    let message = inside.output().and_then(|token| Authenticate::parse(token).ok());
    let has_mic = message.is_some_and(|message| message.mic.is_some_and(|mic| mic != [0; 16]));
    let outer = judge.trace.events.get(at).and_then(Event::output);
    let wrapped = outer.is_some_and(|token| Some(token) != inside.output());
    if !has_mic || !wrapped || inside.altered_output {
        return;
    }
    let holds = outer.and_then(exchange::code).is_some();
    judge.check("wire/negotiate/mic-needs-ntlm-mic", at, holds, || {
        "the message of NTLM has a MIC, and the token around it no mechListMIC".to_owned()
    });
}
