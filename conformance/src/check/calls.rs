//! Statuses of calls that nothing is wrong with, and what comes with them.

use super::Judge;
use crate::{
    protocol::{Namespace, Request, Role},
    run::trace::{Event, Purpose},
    suite::{mapping::Class, names},
};

pub(super) fn check(judge: &mut Judge<'_>) {
    for (at, event) in judge.trace.events.iter().enumerate() {
        documented(judge, at, event);
        if event.expect.is_some() || event.outcome().is_none() {
            continue;
        }
        match event.purpose {
            Purpose::Acquire => acquire(judge, at, event),
            Purpose::Release if matches!(event.request, Request::Delete { .. }) => {
                let rule = judge.rule_of_package("context", "delete-succeeds");
                status(judge, &rule, at, event, "SEC_E_OK");
            }
            _ => {}
        }
    }
}

/// Without an identity the credential is that of whoever is logged on: a package may have none.
fn acquire(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let rule = "acquire/general/succeeds";
    let nobody_given = matches!(&event.request, Request::Acquire { identity: None, .. });
    if nobody_given && event.side == Role::Initiator && fits(judge, event, "SEC_E_NO_CREDENTIALS") {
        judge.not_applicable(rule, at, "credential of the logged-on user");
        return;
    }
    status(judge, rule, at, event, "SEC_E_OK");
}

/// Whether a side had completed its exchange before an event. What a further call makes belongs to no exchange of the
/// case.
pub(super) fn completed_before(judge: &Judge<'_>, at: usize, side: Role) -> bool {
    let before = judge.trace.legs().take_while(|(place, _)| *place < at);
    let own = before.filter(|(_, leg)| leg.side == side);
    // A first leg begins another exchange.
    own.fold(false, |done, (_, leg)| {
        let meaning = judge.meaning(leg);
        let ok = meaning.is_some_and(|meaning| meaning.class == Class::Ok);
        leg.purpose != Purpose::Leg(0) && (done || ok)
    })
}

/// Whether the caller of a leg requires something.
pub(super) fn requires(event: &Event, name: &str) -> bool {
    let bit = names::requirement(event.side, name).unwrap_or_default();
    event.leg().is_some_and(|leg| leg.requirements & bit != 0)
}

/// A documented status, or an error that the implementation documents.
fn documented(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let Some(status) = event.status() else { return };
    let meaning = judge.meaning(event);
    if meaning
        .as_ref()
        .is_some_and(|meaning| meaning.class == Class::Silent)
    {
        return;
    }
    let documented = meaning.as_ref().is_some_and(|meaning| meaning.documented);
    judge.check("call/errors-are-documented", at, documented, || {
        let message = status.message.as_deref().unwrap_or_default();
        format!("{} is no documented answer: {message}", describe(status))
    });
}

/// A status must be the expected one: the very number in the namespace of SSPI, the same meaning in others.
pub(super) fn status(judge: &mut Judge<'_>, rule: &str, at: usize, event: &Event, expected: &str) {
    one_of(judge, rule, at, event, &[expected]);
}

/// A status must be one of the expected ones. Where the subject shows none, a token tells that it did not refuse; that
/// there is none tells nothing.
pub(super) fn one_of(judge: &mut Judge<'_>, rule: &str, at: usize, event: &Event, expected: &[&str]) {
    let text = || expected.join(" or ");
    if !status_shown(judge, event) {
        let refusals = expected.iter().all(|name| judge.mapping().is_refusal(name));
        let token = event.output().is_some_and(|token| !token.is_empty());
        if refusals && token {
            let message = || format!("expected {}, got a token from the {}", text(), event.side.name());
            judge.check(rule, at, false, message);
            judge.went_on(at);
        } else {
            judge.not_applicable(rule, at, "status");
        }
        return;
    }
    let holds = expected.iter().any(|name| fits(judge, event, name));
    judge.check(rule, at, holds, || {
        format!("expected {}, got {}", text(), told(event.side.name(), event))
    });
    let succeeded = judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class != Class::Failure);
    if !holds && succeeded && expected.iter().all(|name| judge.mapping().is_refusal(name)) {
        judge.went_on(at);
    }
}

/// Whether the subject shows a status for this call: on every leg, or on the last one only. Other calls show one if
/// they bring it.
fn status_shown(judge: &Judge<'_>, event: &Event) -> bool {
    if judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class == Class::Silent)
    {
        return false;
    }
    match event.purpose {
        Purpose::Leg(0) => judge.shows(event.side, "status"),
        Purpose::Leg(_) => judge.shows(event.side, "status") || judge.shows(event.side, "final-status"),
        _ => event.status().is_some() || judge.shows(event.side, "status"),
    }
}

/// Whether the status of an event is what a name stands for.
pub(super) fn fits(judge: &Judge<'_>, event: &Event, expected: &str) -> bool {
    let Some(status) = event.status() else {
        return false;
    };
    let meaning = judge.meaning(event);
    if expected == names::ANY_FAILURE {
        return meaning.is_some_and(|meaning| meaning.class == Class::Failure);
    }
    if status.namespace == Namespace::Sspi {
        let code = u32::from_str_radix(status.code.trim_start_matches("0x"), 16).ok();
        return code.is_some() && code == judge.mapping().number(expected);
    }
    let wanted = judge.mapping().by_name(expected).map(|(_, row)| row);
    matches!((meaning, wanted), (Some(meaning), Some(wanted)) if meaning.documented && meaning.stands_for(wanted))
}

/// The status of an event in words.
pub(super) fn told(side: &str, event: &Event) -> String {
    match event.status() {
        Some(status) => {
            let text = status
                .message
                .as_deref()
                .map(|message| format!(" ({message})"))
                .unwrap_or_default();
            format!("{}{text} from the {side}", describe(status))
        }
        None => format!("no status from the {side}"),
    }
}

/// A status by its documented name if it is one of SSPI's.
pub(super) fn describe(status: &crate::protocol::Status) -> String {
    let code = u32::from_str_radix(status.code.trim_start_matches("0x"), 16).ok();
    let name = code
        .map(legwork_engine::status::SecurityStatus)
        .and_then(|status| status.name());
    match (status.namespace, name, &status.minor) {
        (Namespace::Sspi, Some(name), _) => name.to_owned(),
        (_, _, Some(minor)) => format!("{} / {minor}", status.code),
        _ => status.code.clone(),
    }
}
