//! What a scenario says must come back from a call.

use legwork_engine::ntlm::messages::{Authenticate, MessageType, NegotiateFlags, message_type};

use super::{Judge, attributes::granted, calls, ntlm::exchange, readable};
use crate::{
    inspect,
    run::trace::{Event, Purpose},
    suite::scenario::{Expect, TokenForm},
};

pub(super) fn check(judge: &mut Judge<'_>) {
    for (at, event) in judge.trace.events.iter().enumerate() {
        if let Some(expect) = event.expect.as_ref().filter(|_| event.outcome().is_some()) {
            if !in_datagram_mode(judge, &expect.rule) {
                judge.not_applicable(&expect.rule, at, "datagram mode");
                continue;
            }
            if is_unwrapped(judge, at, event) && needs_wrapper(event, &expect.rule) {
                judge.not_applicable(&expect.rule, at, "bare messages of the mechanism");
                continue;
            }
            status(judge, at, event, expect);
            token(judge, at, event, expect);
            attributes(judge, at, event, expect);
            fields(judge, at, event, expect);
            values(judge, at, event, expect);
        }
    }
}

/// Whether datagram mode was agreed on, for the rule that is about messages in it.
fn in_datagram_mode(judge: &Judge<'_>, rule: &str) -> bool {
    let agreed = || {
        let last = exchange::made(judge.trace, MessageType::AUTHENTICATE).last()?;
        let flags = Authenticate::parse(last.token).ok()?.flags;
        Some(flags.contains(NegotiateFlags::DATAGRAM))
    };
    rule != "message/ntlm/datagram-any-order" || agreed() == Some(true)
}

fn status(judge: &mut Judge<'_>, at: usize, event: &Event, expect: &Expect) {
    if expect.status.is_empty() {
        return;
    }
    let goes_on = expect.status.iter().any(|name| name == "SEC_I_CONTINUE_NEEDED");
    let last = bare(judge, event) == Some(MessageType::AUTHENTICATE);
    if goes_on && last && calls::fits(judge, event, "SEC_E_OK") {
        judge.not_applicable(
            &expect.rule,
            at,
            "nothing is negotiated behind a bare last message",
        );
        return;
    }
    let expected: Vec<&str> = expect.status.iter().map(String::as_str).collect();
    calls::one_of(judge, &expect.rule, at, event, &expected);
}

/// Whether a side has sent the mechanism's messages without a wrapper before.
fn is_unwrapped(judge: &Judge<'_>, at: usize, event: &Event) -> bool {
    let earlier = judge.trace.events.iter().take(at);
    let mut own = earlier.filter(|earlier| earlier.side == event.side && earlier.leg().is_some());
    own.any(|earlier| bare(judge, earlier).is_some())
}

/// Whether a rule is about tokens with a wrapper: fragments are told by its length, and a bare CHALLENGE is due where a
/// bare message was sent.
fn needs_wrapper(event: &Event, rule: &str) -> bool {
    let challenge = || event.input().map(message_type) == Some(Ok(MessageType::CHALLENGE));
    rule.contains("/negotiate/fragment") || rule == "isc/negotiate/invalid-token" && challenge()
}

/// The mechanism's message that a leg of a negotiation made without a wrapper: who has one mechanism may do so.
fn bare(judge: &Judge<'_>, event: &Event) -> Option<MessageType> {
    let token = event.output().filter(|_| judge.trace.package == "negotiate")?;
    message_type(token).ok()
}

fn token(judge: &mut Judge<'_>, at: usize, event: &Event, expect: &Expect) {
    let Some(form) = expect.token else { return };
    let output = event.output();
    let holds = match form {
        TokenForm::None => output.is_none(),
        TokenForm::Empty => output.is_some_and(<[u8]>::is_empty),
        TokenForm::Bytes => output.is_some_and(|token| !token.is_empty()),
    };
    judge.check(&expect.rule, at, holds, || {
        let found = output.map_or_else(|| "none".to_owned(), |token| format!("{} bytes", token.len()));
        format!("expected a token of form {form:?}, got {found}")
    });
}

fn attributes(judge: &mut Judge<'_>, at: usize, event: &Event, expect: &Expect) {
    let listed = expect.granted.iter().map(|name| (name, true));
    let listed: Vec<(&String, bool)> = listed
        .chain(expect.not_granted.iter().map(|name| (name, false)))
        .collect();
    for (name, wanted) in listed {
        let attributes = event
            .attributes()
            .filter(|_| judge.shows(event.side, "attributes"));
        match granted(judge.mapping(), event.side, attributes, name) {
            Some(found) => judge.check(&expect.rule, at, found == wanted, || {
                format!("attribute {name}: expected {wanted}, got {found}")
            }),
            None => judge.not_applicable(&expect.rule, at, "attributes"),
        }
    }
}

fn fields(judge: &mut Judge<'_>, at: usize, event: &Event, expect: &Expect) {
    if expect.fields.is_empty() {
        return;
    }
    // A call that fails owes no token, unless the expectation says so.
    if event.output().is_none() && expect.token.is_none() && calls::fits(judge, event, "any-failure") {
        judge.not_applicable(&expect.rule, at, "the call fails without a token");
        return;
    }
    let decoded = event.output().map(inspect::fields).unwrap_or_default();
    for (path, wanted) in expect.fields.iter() {
        let found = decoded.iter().find(|(name, ..)| name == path);
        if found.is_none() && bare(judge, event).is_some() {
            judge.not_applicable(&expect.rule, at, "a bare message of the mechanism");
            continue;
        }
        let holds = found.is_some_and(|(_, value, _)| value == wanted);
        let range = found.map(|(.., range)| range.clone());
        judge.check_at(&expect.rule, at, range, holds, || {
            format!(
                "field {path}: expected {wanted}, got {}",
                found.map_or("nothing", |(_, value, _)| value.as_str())
            )
        });
    }
}

fn values(judge: &mut Judge<'_>, at: usize, event: &Event, expect: &Expect) {
    if event.purpose != Purpose::Query {
        return;
    }
    let answers = event
        .outcome()
        .map(|outcome| outcome.values.clone())
        .unwrap_or_default();
    for (name, wanted) in expect.values.iter() {
        let found = answers.get(name);
        // An interface may have no place for one of several values.
        if found.is_none() && !answers.is_empty() {
            judge.not_applicable(&expect.rule, at, name);
            continue;
        }
        let same = found == Some(wanted)
            || found
                .and_then(readable)
                .is_some_and(|text| wanted.as_str() == Some(text));
        judge.check(&expect.rule, at, same, || {
            format!(
                "{name}: expected {wanted}, got {}",
                found.map_or_else(|| "nothing".to_owned(), ToString::to_string)
            )
        });
    }
}
