//! Statuses of legs that nothing is wrong with, and the tokens that are due.

use legwork_engine::ntlm::messages::{Authenticate, Challenge, Negotiate};

use crate::{
    check::{
        Judge, call,
        calls::{completed_before, requires, status},
    },
    protocol::{Namespace, Role},
    run::trace::{Event, Purpose},
    suite::{mapping::Class, names},
};

pub(super) fn check(judge: &mut Judge<'_>) {
    for (at, event) in judge.trace.legs() {
        completion(judge, at, event);
        message_due(judge, at, event);
        if let (Purpose::Leg(number), None, Some(_)) = (event.purpose, &event.expect, event.outcome()) {
            leg(judge, at, event, number);
        }
    }
}

fn leg(judge: &mut Judge<'_>, at: usize, event: &Event, number: usize) {
    match (event.side, number) {
        (side, 0) => first_leg(judge, at, event, side),
        (Role::Initiator, _) => last_leg(judge, at, event),
        (Role::Acceptor, _) => status(judge, "asc/ntlm/valid-logon-accepted", at, event, "SEC_E_OK"),
    }
    allocation(judge, at, event);
}

fn first_leg(judge: &mut Judge<'_>, at: usize, event: &Event, side: Role) {
    let first = match side {
        Role::Acceptor if requires(event, "datagram") && event.input().is_none() => "datagram-begins",
        _ => "first-leg-continues",
    };
    let rule = format!("{}/ntlm/{first}", call(side));
    status(judge, &rule, at, event, "SEC_I_CONTINUE_NEEDED");
    let token = event.output().is_some_and(|token| !token.is_empty());
    if side == Role::Initiator && requires(event, "datagram") {
        judge.check("isc/ntlm/datagram-begins-without-token", at, !token, || {
            "the initiator made a token, although the acceptor begins".to_owned()
        });
        return;
    }
    judge.check(&rule, at, token, || "the first leg made no token".to_owned());
}

fn last_leg(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let rule = "isc/ntlm/second-leg-completes";
    status(judge, rule, at, event, "SEC_E_OK");
    let token = event.output().is_some_and(|token| !token.is_empty());
    judge.check(rule, at, token, || "the second leg made no token".to_owned());
}

/// The acceptor's last leg has no token.
fn completion(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let done = judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class == Class::Ok);
    let last = matches!(event.purpose, Purpose::Leg(number) if number > 0);
    if event.side != Role::Acceptor || !last || !done || completed_before(judge, at, event.side) {
        return;
    }
    let token = event.output().unwrap_or_default();
    judge.check("asc/ntlm/completion-without-token", at, token.is_empty(), || {
        format!("the last leg made a token of {} bytes", token.len())
    });
}

/// Every token that a side makes of its own will is the message that is due, and well formed.
fn message_due(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let went_on = judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class != Class::Failure);
    let Purpose::Leg(number) = event.purpose else {
        return;
    };
    if completed_before(judge, at, event.side) {
        return;
    }
    let Some(token) = event
        .output()
        .filter(|token| !token.is_empty() && went_on && !event.altered_output)
    else {
        return;
    };
    let parsed = match (event.side, number) {
        (Role::Initiator, 0) => Negotiate::parse(token).map(|_| ()),
        (Role::Acceptor, 0) => Challenge::parse(token).map(|_| ()),
        (Role::Initiator, _) => Authenticate::parse(token).map(|_| ()),
        (Role::Acceptor, _) => return,
    };
    judge.check("wire/ntlm/message-due", at, parsed.is_ok(), || {
        format!(
            "the token is not the message that is due: {}",
            parsed.map_or_else(|error| error.to_string(), |()| String::new())
        )
    });
}

/// The package says that it allocated the output if it was asked to.
fn allocation(judge: &mut Judge<'_>, at: usize, event: &Event) {
    if !requires(event, "allocate-memory") || event.side != Role::Initiator {
        return;
    }
    let rule = "isc/ntlm/allocated-memory-reported";
    match event
        .attributes()
        .filter(|attributes| attributes.namespace == Namespace::Sspi)
    {
        Some(attributes) if judge.shows(event.side, "buffers") => {
            let reported = names::attribute(event.side, "allocated-memory").unwrap_or_default();
            judge.check(rule, at, attributes.bits & reported != 0, || {
                format!(
                    "allocation was asked for; attributes 0x{:08x} do not have it",
                    attributes.bits
                )
            });
        }
        _ => judge.not_applicable(rule, at, "buffers, attributes"),
    }
}
