//! The attributes that a side reports when it is done: requirements × what the tokens say was agreed.

use legwork_engine::ntlm::messages::{Authenticate, Challenge, MessageType, NegotiateFlags, message_type};

use super::{exchange, recompute::ResponseForm};
use crate::{
    check::{
        Judge,
        attributes::{granted, show},
        call, calls,
    },
    protocol::Role,
    run::trace::{Event, Purpose},
    suite::mapping::Class,
};

pub(super) fn check(judge: &mut Judge<'_>) {
    for (at, event) in judge.trace.legs() {
        let done = judge
            .meaning(event)
            .is_some_and(|meaning| meaning.class == Class::Ok);
        let last = matches!(event.purpose, Purpose::Leg(number) if number > 0);
        if done
            && last
            && let Some((flags, anonymous)) = agreed(judge, at, event)
        {
            side(judge, at, event, flags, anonymous);
        }
    }
}

/// The flags that both messages have, which hold on the context, and whether nobody in particular logs on.
fn agreed(judge: &Judge<'_>, at: usize, event: &Event) -> Option<(NegotiateFlags, bool)> {
    let is = |kind, token: Option<&[u8]>| token.is_some_and(|token| message_type(token) == Ok(kind));
    let legs = judge
        .trace
        .legs()
        .filter(|(place, leg)| *place <= at && leg.side == event.side);
    let (challenge, authenticate) = match event.side {
        Role::Initiator => {
            let (_, last) = legs
                .filter(|(_, leg)| is(MessageType::AUTHENTICATE, leg.output()))
                .last()?;
            (last.input()?, last.output()?)
        }
        Role::Acceptor => {
            let (place, last) = legs
                .filter(|(_, leg)| is(MessageType::AUTHENTICATE, leg.input()))
                .last()?;
            let challenge = exchange::own_last(judge.trace, Role::Acceptor, place, MessageType::CHALLENGE)?;
            (challenge, last.input()?)
        }
    };
    let challenge = Challenge::parse(challenge).ok()?;
    let authenticate = Authenticate::parse(authenticate).ok()?;
    let anonymous = ResponseForm::of(&authenticate) == ResponseForm::Anonymous;
    Some((challenge.flags & authenticate.flags, anonymous))
}

fn side(judge: &mut Judge<'_>, at: usize, event: &Event, flags: NegotiateFlags, anonymous: bool) {
    if anonymous {
        // A null session is reported as one, and as unprotected: there is no secret that only the two sides know.
        let nobody = "nobody is logged on";
        attribute(
            judge,
            at,
            event,
            "null-session-reported",
            ("null-session", true),
            nobody,
        );
        for name in ["integrity", "confidentiality"] {
            attribute(
                judge,
                at,
                event,
                "null-session-unprotected",
                (name, false),
                nobody,
            );
        }
    }
    // What both agreed on is not what an acceptor has for a guest.
    let guest = event.side == Role::Acceptor && judge.trace.world.makes_guest();
    for (rule, name, flag) in [
        ("confidentiality-granted", "confidentiality", NegotiateFlags::SEAL),
        ("integrity-granted", "integrity", NegotiateFlags::SIGN),
        ("replay-detect-granted", "replay-detect", NegotiateFlags::SIGN),
        ("sequence-detect-granted", "sequence-detect", NegotiateFlags::SIGN),
        ("datagram-granted", "datagram", NegotiateFlags::DATAGRAM),
    ] {
        if !guest && !anonymous && calls::requires(event, name) && flags.contains(flag) {
            attribute(
                judge,
                at,
                event,
                rule,
                (name, true),
                "it was asked for and agreed",
            );
        }
    }
    let sealed = flags.contains(NegotiateFlags::SEAL) || anonymous;
    for (rule, name, provided) in [
        ("confidentiality-only-when-negotiated", "confidentiality", sealed),
        ("delegate-not-granted", "delegate", false),
        ("mutual-auth-not-granted", "mutual-auth", false),
    ] {
        if !provided {
            attribute(judge, at, event, rule, (name, false), "nothing provides it");
        }
    }
}

/// One check of one attribute.
fn attribute(
    judge: &mut Judge<'_>,
    at: usize,
    event: &Event,
    rule: &str,
    (name, wanted): (&str, bool),
    why: &str,
) {
    let rule = format!("{}/ntlm/{rule}", call(event.side));
    let attributes = event
        .attributes()
        .filter(|_| judge.shows(event.side, "attributes"));
    match granted(judge.mapping(), event.side, attributes, name) {
        Some(found) => judge.check(&rule, at, found == wanted, || {
            let is = if found { "is" } else { "is not" };
            format!("{why}, and {name} {is} among the attributes {}", show(attributes))
        }),
        None => judge.not_applicable(&rule, at, "attributes"),
    }
}
