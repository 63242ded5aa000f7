//! What a program that calls the packages owes them. Here the caller is the harness itself.

use super::{Finding, Judge, Verdict};
use crate::{
    protocol::{Request, Role},
    run::trace::{End, Event, Purpose},
    suite::{
        mapping::Class,
        scenario::{Scenario, Step},
    },
};

pub(super) fn check(judge: &mut Judge<'_>, scenario: &Scenario) {
    if judge.trace.end != End::Done && judge.trace.end != End::Stopped {
        return;
    }
    tokens_sent(judge);
    if !scenario.steps.iter().any(|step| matches!(step, Step::Delete(_))) {
        released(judge);
    }
    for (at, event) in judge.trace.events.iter().enumerate() {
        if event.expect.is_some() {
            continue;
        }
        if let Some(leg) = event.leg() {
            let zero = leg.reserved == [0, 0];
            note(judge, "caller/general/reserved-zero", at, zero, || {
                format!("reserved arguments {:?}", leg.reserved)
            });
            same_handle(judge, at, event);
        }
        if event.purpose == Purpose::Query {
            let complete = completed(judge, event.side, at);
            // Where the other side's package went astray, the steps behind it are taken all the same.
            if !complete && strayed(judge, at) {
                continue;
            }
            note(
                judge,
                "caller/general/attributes-after-success",
                at,
                complete,
                || "an attribute is asked for before the exchange is complete".to_owned(),
            );
        }
    }
}

/// Caller rules are judged whoever's package is called. With a subject in the game the harness itself is the caller:
/// keeping them is no merit of the subject's, and breaking them is the harness's fault.
fn note(judge: &mut Judge<'_>, rule: &str, at: usize, holds: bool, message: impl FnOnce() -> String) {
    let Some(side) = judge.trace.events.get(at).map(|event| event.side) else {
        return;
    };
    let foreign = judge.sides.iter().any(|seen| seen.name != "reference");
    let verdict = match (holds, foreign) {
        (true, true) => return,
        (true, false) => Verdict::Pass,
        (false, true) => Verdict::HarnessFault,
        (false, false) => judge.severity(rule),
    };
    let message = if holds { String::new() } else { message() };
    judge
        .findings
        .push(Finding::new(rule, side, verdict, Some(at), message));
}

/// Every token that came out goes into the peer's next leg.
fn tokens_sent(judge: &mut Judge<'_>) {
    let legs: Vec<(usize, &Event)> = judge.trace.legs().collect();
    for pair in legs.windows(2) {
        let [(at, from), (_, to)] = pair else { continue };
        let token = from.output().unwrap_or_default();
        if from.side == to.side || to.altered_input || to.expect.is_some() || token.is_empty() {
            continue;
        }
        note(
            judge,
            "caller/general/send-every-token",
            *at,
            to.input() == Some(token),
            || format!("a token of {} bytes was not passed on", token.len()),
        );
    }
}

/// A later leg names the context that the leg before gave.
fn same_handle(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let Some(leg) = event.leg() else { return };
    let before = judge.trace.events.get(..at).unwrap_or_default();
    let last = before
        .iter()
        .rev()
        .find(|earlier| earlier.side == event.side && earlier.leg().is_some());
    let given = last.and_then(Event::leg).map(|leg| leg.new_context);
    let usable = last.is_some_and(|last| {
        judge
            .meaning(last)
            .is_some_and(|meaning| meaning.class == Class::Continue)
    });
    if usable {
        note(
            judge,
            "caller/general/same-context-handle",
            at,
            leg.context == given,
            || format!("context {:?} is passed, {given:?} was given", leg.context),
        );
    }
}

/// Whether something is already wrong with the exchange up to an event.
fn strayed(judge: &Judge<'_>, before: usize) -> bool {
    let wrong =
        |finding: &Finding| finding.verdict >= Verdict::Fail && finding.event.is_some_and(|at| at < before);
    judge.findings.iter().any(wrong)
}

/// Whether the last leg of a side before an event came to its end. Of one that is silent nothing else is known.
fn completed(judge: &Judge<'_>, side: Role, before: usize) -> bool {
    let events = judge.trace.events.get(..before).unwrap_or_default();
    let last = events
        .iter()
        .rfind(|event| event.side == side && event.leg().is_some());
    last.and_then(|event| judge.meaning(event))
        .is_some_and(|meaning| matches!(meaning.class, Class::Ok | Class::Silent))
}

/// What was given out is given back: buffers, contexts, credentials.
fn released(judge: &mut Judge<'_>) {
    for side in Role::BOTH {
        let Some(drive) = judge.drive(side) else { continue };
        let can = |operation: &str| drive.operations.iter().any(|name| name == operation);
        let events: Vec<(usize, &Event)> = judge
            .trace
            .events
            .iter()
            .enumerate()
            .filter(|(_, event)| event.side == side)
            .collect();
        let asked =
            |wanted: fn(&Request) -> bool| events.iter().filter(|(_, event)| wanted(&event.request)).count();
        let got: Vec<usize> = events
            .iter()
            .filter(|(_, event)| event.outcome().is_some_and(|outcome| outcome.allocated))
            .map(|(at, _)| *at)
            .collect();
        if let (Some(at), true) = (got.last(), can("free-buffers")) {
            let freed = asked(|request| matches!(request, Request::FreeBuffers { .. }));
            note(
                judge,
                "caller/general/free-allocated-buffers",
                *at,
                freed == got.len(),
                || format!("{} buffers were allocated, {freed} freed", got.len()),
            );
        }
        let begun = events.iter().find(|(_, event)| {
            event.leg().is_some()
                && judge
                    .meaning(event)
                    .is_some_and(|meaning| matches!(meaning.class, Class::Continue | Class::Ok))
        });
        if let (Some((at, _)), true) = (begun, can("delete")) {
            let deleted = asked(|request| matches!(request, Request::Delete { .. }));
            note(judge, "caller/general/delete-context", *at, deleted > 0, || {
                "the context was not deleted".to_owned()
            });
        }
        let acquired = events.iter().find(|(_, event)| {
            event.purpose == Purpose::Acquire
                && judge
                    .meaning(event)
                    .is_some_and(|meaning| meaning.class != Class::Failure)
        });
        if let (Some((at, _)), true) = (acquired, can("free-credential")) {
            let freed = asked(|request| matches!(request, Request::FreeCredential { .. }));
            note(judge, "caller/general/free-credential", *at, freed > 0, || {
                "the credential was not freed".to_owned()
            });
        }
    }
}
