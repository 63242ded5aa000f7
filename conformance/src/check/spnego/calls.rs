//! Statuses, arguments and attributes of Negotiate's calls, where nothing is wrong with what goes in.

use legwork_engine::{
    negotiate::messages::{NegState, NegTokenResp},
    ntlm::messages::{MessageType, NegotiateFlags, message_type},
};

use super::View;
use crate::{
    check::{Judge, attributes, call, calls},
    protocol::{Attributes, Namespace, Request, Role},
    run::{
        inner::mechanism_token,
        trace::{Event, Purpose, TOKEN},
    },
    suite::{mapping::Class, names},
};

/// What holds for a leg of either side.
pub(super) fn leg(judge: &mut Judge<'_>, at: usize, event: &Event, view: &View) {
    let Some(class) = judge.meaning(event).map(|meaning| meaning.class) else {
        return;
    };
    let asked = event.completed.is_some() || matches!(class, Class::Complete | Class::CompleteAndContinue);
    judge.check(&of(event, "no-completion-asked"), at, !asked, || {
        calls::told(event.side.name(), event)
    });
    if event.expect.is_none() && !event.altered_input {
        status(judge, at, event, view);
    }
    context_kept(judge, at, event);
    if calls::requires(event, "datagram") {
        without_datagrams(judge, at, event, class);
    }
    if matches!(class, Class::Ok | Class::Continue) {
        went_well(judge, at, event);
    }
    if class == Class::Ok && !view.raw {
        granted(judge, at, event, view);
    }
}

/// Whoever goes on although datagrams are required begins as without: the initiator's mechanism is first.
fn without_datagrams(judge: &mut Judge<'_>, at: usize, event: &Event, class: Class) {
    let rule = of(event, "datagram-unsupported");
    let brings = |token: Option<&[u8]>| {
        let inside = mechanism_token(token.unwrap_or_default());
        inside.is_some_and(|token| !token.is_empty())
    };
    let optimistic = judge.trace.world.side(Role::Initiator).switch("optimistic");
    let begins = match event.side {
        Role::Initiator => event.purpose == Purpose::Leg(0) && optimistic && !brings(event.output()),
        Role::Acceptor => brings(event.output()) && !brings(event.input()),
    };
    let goes_on = matches!(class, Class::Ok | Class::Continue);
    judge.check(&rule, at, !(goes_on && begins), || {
        "the acceptor's mechanism is to begin, as in datagram mode".to_owned()
    });
    let shown = judge.shows(event.side, "attributes") && class == Class::Ok;
    let word = event.attributes().filter(|_| shown);
    if let Some(reported) = attributes::granted(judge.mapping(), event.side, word, "datagram") {
        judge.check(&rule, at, !reported, || "datagram mode is reported".to_owned());
    }
}

/// The context that the first call gave out is there for the next one.
fn context_kept(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let Purpose::Leg(1) = event.purpose else { return };
    let given = event.leg().is_some_and(|leg| leg.context.is_some());
    let plain = event.expect.is_none() && !event.altered_input;
    if given && plain {
        let gone = calls::fits(judge, event, "SEC_E_INVALID_HANDLE");
        judge.check(&of(event, "new-context-given"), at, !gone, || {
            calls::told(event.side.name(), event)
        });
    }
}

/// The name of a rule of the event's call.
pub(super) fn of(event: &Event, name: &str) -> String {
    format!("{}/negotiate/{name}", call(event.side))
}

/// The status by the token that goes in.
fn status(judge: &mut Judge<'_>, at: usize, event: &Event, view: &View) {
    let Purpose::Leg(number) = event.purpose else {
        return;
    };
    let input = event.input().unwrap_or_default();
    let inner = mechanism_token(input).unwrap_or_default();
    let message = message_type(&inner).ok();
    let token = event.output().is_some_and(|token| !token.is_empty());
    match (event.side, message) {
        (Role::Initiator, _) if number == 0 => {
            let rule = of(event, "first-leg-continues");
            calls::status(judge, &rule, at, event, "SEC_I_CONTINUE_NEEDED");
            judge.check(&rule, at, token, || "the first leg made no token".to_owned());
        }
        (Role::Initiator, Some(MessageType::CHALLENGE)) if !view.raw => {
            calls::status(
                judge,
                &of(event, "further-leg-continues"),
                at,
                event,
                "SEC_I_CONTINUE_NEEDED",
            );
        }
        (Role::Initiator, None) if completes(input) => {
            calls::status(judge, &of(event, "completes"), at, event, "SEC_E_OK");
        }
        (Role::Acceptor, Some(MessageType::NEGOTIATE)) => {
            let rule = of(event, "first-leg-continues");
            calls::status(judge, &rule, at, event, "SEC_I_CONTINUE_NEEDED");
            judge.check(&rule, at, token, || "the leg made no token".to_owned());
        }
        (Role::Acceptor, Some(MessageType::AUTHENTICATE)) => {
            calls::status(judge, &of(event, "valid-logon-accepted"), at, event, "SEC_E_OK");
            if !view.raw {
                judge.check(&of(event, "completion-token-sent"), at, token, || {
                    "the initiator waits for an answer, and there is none".to_owned()
                });
            }
        }
        _ => {}
    }
}

/// Whether a token says that the acceptor is done.
fn completes(token: &[u8]) -> bool {
    NegTokenResp::parse(token).is_ok_and(|resp| resp.neg_state == Some(NegState::ACCEPT_COMPLETED))
}

/// What a leg that succeeds brings with it.
fn went_well(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let rule = of(event, "attributes-on-success");
    if judge.shows(event.side, "attributes") {
        let written = event.attributes().is_some();
        judge.check(&rule, at, written, || {
            "the call succeeded and has no attributes".to_owned()
        });
    } else {
        judge.not_applicable(&rule, at, "attributes");
    }
    if event.side != Role::Initiator {
        return;
    }
    allocation(judge, at, event);
    output(judge, at, event);
}

/// Who allocated the output is who was asked to.
fn allocation(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let asked = calls::requires(event, "allocate-memory");
    let rule = match asked {
        true => "isc/negotiate/allocated-memory-reported",
        false => "isc/negotiate/allocated-memory-only-when-asked",
    };
    let token = event.output().is_some_and(|token| !token.is_empty());
    let attributes = event
        .attributes()
        .filter(|word| word.namespace == Namespace::Sspi);
    match attributes.filter(|_| judge.shows(event.side, "buffers")) {
        Some(attributes) if token || !asked => {
            let bit = names::attribute(event.side, "allocated-memory").unwrap_or_default();
            let reported = attributes.bits & bit != 0;
            judge.check(rule, at, reported == asked, || {
                format!("allocation asked for: {asked}; reported: {reported}")
            });
        }
        Some(_) => {}
        None => judge.not_applicable(rule, at, "buffers, attributes"),
    }
}

/// The token is in the one buffer for it.
fn output(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let Some(outcome) = event.outcome() else { return };
    let kinds: Vec<u32> = outcome.buffers.iter().map(|buffer| buffer.kind).collect();
    if judge.shows(event.side, "buffers") && !kinds.is_empty() {
        judge.check("isc/negotiate/output-token-buffer", at, kinds == [TOKEN], || {
            format!("the output has buffers of the kinds {kinds:?}")
        });
    }
}

/// The attributes of a side that is complete: those that the mechanism agreed on.
fn granted(judge: &mut Judge<'_>, at: usize, event: &Event, view: &View) {
    let Some((flags, anonymous)) = view.agreed else {
        return;
    };
    let shown = event
        .attributes()
        .filter(|_| judge.shows(event.side, "attributes"))
        .cloned();
    let shown = shown.as_ref();
    let has = |judge: &Judge<'_>, name: &str| attributes::granted(judge.mapping(), event.side, shown, name);
    // Whoever signs the list signs messages as well; that nobody asked for it is no reason to report nothing.
    let asked = |name: &str| calls::requires(event, name);
    let no_integrity = asked("no-integrity");
    for (name, flag) in [
        ("confidentiality", NegotiateFlags::SEAL),
        ("integrity", NegotiateFlags::SIGN),
        ("replay-detect", NegotiateFlags::SIGN),
        ("sequence-detect", NegotiateFlags::SIGN),
    ] {
        let guest = event.side == Role::Acceptor && judge.trace.world.makes_guest();
        if guest || anonymous || no_integrity || !asked(name) || !flags.contains(flag) {
            continue;
        }
        let rule = of(event, &format!("{name}-granted"));
        verdict(
            judge,
            at,
            &rule,
            has(judge, name).map(|found| (found, name, shown)),
            true,
        );
    }
    let mut nothing_more = true;
    for (name, flag) in [
        ("confidentiality", NegotiateFlags::SEAL),
        ("integrity", NegotiateFlags::SIGN),
    ] {
        nothing_more &= flags.contains(flag) || has(judge, name) != Some(true);
    }
    judge.check(&of(event, "attributes-of-mechanism"), at, nothing_more, || {
        format!(
            "the attributes {} have more than the mechanism agreed on",
            attributes::show(shown)
        )
    });
    let delegate = has(judge, "delegate").map(|found| (found, "delegate", shown));
    verdict(judge, at, &of(event, "delegate-not-granted"), delegate, false);
    if event.side == Role::Initiator {
        initiator_granted(judge, at, event, flags, shown);
    }
}

fn initiator_granted(
    judge: &mut Judge<'_>,
    at: usize,
    event: &Event,
    flags: NegotiateFlags,
    shown: Option<&Attributes>,
) {
    let has = |judge: &Judge<'_>, name: &'static str| {
        attributes::granted(judge.mapping(), event.side, shown, name).map(|found| (found, name, shown))
    };
    let asked = |name: &str| calls::requires(event, name);
    if asked("mutual-auth") {
        let found = has(judge, "mutual-auth");
        verdict(judge, at, "isc/negotiate/mutual-auth-not-performed", found, false);
    }
    if asked("delegate") && !asked("mutual-auth") {
        let found = has(judge, "delegate");
        verdict(
            judge,
            at,
            "isc/negotiate/delegate-needs-mutual-auth",
            found,
            false,
        );
    }
    if !flags.contains(NegotiateFlags::SEAL) {
        let found = has(judge, "confidentiality");
        verdict(
            judge,
            at,
            "isc/negotiate/confidentiality-only-when-negotiated",
            found,
            false,
        );
    }
    if asked("no-integrity")
        && !asked("replay-detect")
        && !asked("sequence-detect")
        && !asked("confidentiality")
    {
        let found = has(judge, "integrity");
        verdict(judge, at, "isc/negotiate/no-integrity-overrides", found, false);
    }
    if asked("stream") {
        let found = has(judge, "stream");
        verdict(judge, at, "isc/negotiate/stream-not-refused", found, false);
    }
    if let Some(expiry) = event.outcome().and_then(|outcome| outcome.expiry) {
        let clock = judge.trace.clock;
        judge.check("isc/negotiate/expiry-reported", at, expiry > clock, || {
            format!("the context expires at {expiry}, and it is {clock}")
        });
    } else {
        judge.not_applicable("isc/negotiate/expiry-reported", at, "expiry");
    }
}

/// One check of an attribute, if it shows.
fn verdict(
    judge: &mut Judge<'_>,
    at: usize,
    rule: &str,
    found: Option<(bool, &str, Option<&Attributes>)>,
    wanted: bool,
) {
    match found {
        Some((found, name, attributes)) => judge.check(rule, at, found == wanted, || {
            format!(
                "{name} among the attributes {}: expected {wanted}, got {found}",
                attributes::show(attributes)
            )
        }),
        None => judge.not_applicable(rule, at, "attributes"),
    }
}

/// A context whose later leg failed can be deleted as any.
pub(super) fn deletions(judge: &mut Judge<'_>) {
    let trace = judge.trace;
    let mut failed = false;
    for (at, event) in trace.events.iter().enumerate() {
        let class = judge.meaning(event).map(|meaning| meaning.class);
        if event.side == Role::Initiator && event.leg().is_some() {
            let begun = event.leg().is_some_and(|leg| leg.context.is_some());
            failed = begun && class == Some(Class::Failure);
        }
        let releases = event.purpose == Purpose::Release && matches!(event.request, Request::Delete { .. });
        if releases && failed && event.side == Role::Initiator {
            let rule = "isc/negotiate/context-deletable-after-failure";
            calls::status(judge, rule, at, event, "SEC_E_OK");
        }
    }
}
