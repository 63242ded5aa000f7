//! The attributes that a side reports when it is done: requirements × what the tokens say was agreed.

use legwork_engine::ntlm::messages::{Authenticate, Challenge, MessageType, NegotiateFlags};

use super::{exchange, recompute::ResponseForm};
use crate::{
    check::{
        Judge,
        attributes::{granted, show},
        call, calls,
    },
    protocol::{Attributes, Role},
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
    let (challenge, authenticate) = match event.side {
        Role::Initiator => (event.input()?, event.output()?),
        Role::Acceptor => (
            exchange::own_last(judge.trace, Role::Acceptor, at, MessageType::CHALLENGE)?,
            event.input()?,
        ),
    };
    let challenge = Challenge::parse(challenge).ok()?;
    let authenticate = Authenticate::parse(authenticate).ok()?;
    let anonymous = ResponseForm::of(&authenticate) == ResponseForm::Anonymous;
    Some((challenge.flags & authenticate.flags, anonymous))
}

fn side(judge: &mut Judge<'_>, at: usize, event: &Event, flags: NegotiateFlags, anonymous: bool) {
    let prefix = call(event.side);
    let rule = |name: &str| format!("{prefix}/ntlm/{name}");
    let attributes = event
        .attributes()
        .filter(|_| judge.shows(event.side, "attributes"))
        .cloned();
    if anonymous {
        null_session(judge, at, event, attributes.as_ref());
    }
    for (name, flag) in [
        ("confidentiality", NegotiateFlags::SEAL),
        ("integrity", NegotiateFlags::SIGN),
        ("replay-detect", NegotiateFlags::SIGN),
        ("sequence-detect", NegotiateFlags::SIGN),
        ("datagram", NegotiateFlags::DATAGRAM),
    ] {
        let rule = rule(&format!("{name}-granted"));
        // What both agreed on is not what an acceptor has for a guest.
        let guest = event.side == Role::Acceptor && judge.trace.world.makes_guest();
        if guest || anonymous || !calls::requires(event, name) || !flags.contains(flag) {
            continue;
        }
        match granted(judge.mapping(), event.side, attributes.as_ref(), name) {
            Some(granted) => judge.check(&rule, at, granted, || {
                format!(
                    "{name} was asked for and agreed, and is not among the attributes {}",
                    show(attributes.as_ref())
                )
            }),
            None => judge.not_applicable(&rule, at, "attributes"),
        }
    }
    let never = [
        (
            "confidentiality-only-when-negotiated",
            "confidentiality",
            !flags.contains(NegotiateFlags::SEAL) && !anonymous,
        ),
        ("delegate-not-granted", "delegate", true),
        ("mutual-auth-not-granted", "mutual-auth", true),
    ];
    for (rule_name, name, applies) in never {
        if !applies {
            continue;
        }
        match granted(judge.mapping(), event.side, attributes.as_ref(), name) {
            Some(granted) => judge.check(&rule(rule_name), at, !granted, || {
                format!(
                    "{name} is among the attributes {} although nothing provides it",
                    show(attributes.as_ref())
                )
            }),
            None => judge.not_applicable(&rule(rule_name), at, "attributes"),
        }
    }
}

/// A null session is reported as one, and as unprotected: there is no secret that only the two sides know.
fn null_session(judge: &mut Judge<'_>, at: usize, event: &Event, attributes: Option<&Attributes>) {
    let rule = format!("{}/ntlm/null-session-reported", call(event.side));
    match granted(judge.mapping(), event.side, attributes, "null-session") {
        Some(reported) => judge.check(&rule, at, reported, || {
            format!(
                "nobody is logged on, and the attributes {} do not say so",
                show(attributes)
            )
        }),
        None => judge.not_applicable(&rule, at, "attributes"),
    }
    let rule = format!("{}/ntlm/null-session-unprotected", call(event.side));
    for name in ["integrity", "confidentiality"] {
        match granted(judge.mapping(), event.side, attributes, name) {
            Some(reported) => judge.check(&rule, at, !reported, || {
                format!(
                    "nobody is logged on, and {name} is among the attributes {}",
                    show(attributes)
                )
            }),
            None => judge.not_applicable(&rule, at, "attributes"),
        }
    }
}
