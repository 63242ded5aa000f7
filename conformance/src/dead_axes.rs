//! Dead axes: axis values that change nothing. A value counts only if some token byte, status, attribute or expected
//! value differs because of it.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::{
    check::{self, Seen},
    protocol::Role,
    run::{
        case::Case,
        driver::{self, Seat, Settings},
        trace::{Event, Trace},
    },
    runner::Options,
    subject::{Subject, reference::Reference},
    suite::Suite,
};

/// An axis value that makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadAxis {
    /// The scenario.
    pub scenario: String,
    /// The axis.
    pub axis: String,
    /// The value.
    pub value: String,
    /// Another value of the axis under which everything is the same.
    pub same_as: String,
}

/// All axis values whose every case has a twin that differs in nothing but the value, and behaves the same.
///
/// Every case is played with the same seed, so that only the axes can make a difference.
#[must_use]
pub fn find(suite: &Suite, cases: &[Case<'_>]) -> Vec<DeadAxis> {
    let seen: Vec<String> = cases.par_iter().map(|case| behaviour(suite, case)).collect();
    let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (index, case) in cases.iter().enumerate() {
        for value in &case.values {
            groups
                .entry((&case.entry.id, value.axis))
                .or_default()
                .push(index);
        }
    }
    let mut dead: Vec<DeadAxis> = groups
        .into_iter()
        .flat_map(|((_, axis), indices)| dead_values(cases, &seen, axis, &indices))
        .collect();
    dead.sort();
    dead
}

/// The values of one axis of one scenario that behave like another value in every combination with the other axes.
fn dead_values(cases: &[Case<'_>], seen: &[String], axis: &str, indices: &[usize]) -> Vec<DeadAxis> {
    let mut twins: BTreeMap<(String, String), bool> = BTreeMap::new();
    for (place, left) in indices.iter().enumerate() {
        for right in indices.iter().take(place) {
            let (Some(one), Some(other)) = (cases.get(*left), cases.get(*right)) else {
                continue;
            };
            let (Some(value), Some(earlier)) = (twin_value(one, other, axis), twin_value(other, one, axis))
            else {
                continue;
            };
            let same = seen.get(*left) == seen.get(*right);
            *twins
                .entry((value.to_owned(), earlier.to_owned()))
                .or_insert(true) &= same;
        }
    }
    let scenario = indices
        .first()
        .and_then(|index| cases.get(*index))
        .map(|case| case.entry.id.clone());
    let scenario = scenario.unwrap_or_default();
    let dead = twins
        .into_iter()
        .filter(|(_, same)| *same)
        .map(|((value, same_as), _)| DeadAxis {
            scenario: scenario.clone(),
            axis: axis.to_owned(),
            value,
            same_as,
        });
    dead.collect()
}

/// The value of the axis in a case, if the other case differs from it in this axis alone.
fn twin_value<'a>(case: &Case<'a>, other: &Case<'_>, axis: &str) -> Option<&'a str> {
    let mut found = None;
    for (own, its) in case.values.iter().zip(&other.values) {
        match (own.axis == axis, own.value == its.value) {
            (true, false) => found = Some(own.value),
            (true, true) | (false, false) => return None,
            (false, true) => {}
        }
    }
    found
}

/// Everything that shows of a case, as text: what is expected, what goes in and what comes out.
fn behaviour(suite: &Suite, case: &Case<'_>) -> String {
    let (mut initiator, mut acceptor) = (Reference::default(), Reference::default());
    let clock = Options::default().clock;
    let settings = Settings {
        mapping: &suite.mapping,
        clock,
        seed: 0,
        measure: false,
        caller: None,
    };
    let trace = driver::run(
        case,
        Seat::Reference(&mut initiator),
        Seat::Reference(&mut acceptor),
        settings,
    );
    let hello = initiator.hello().clone();
    let seen = |role| Seen {
        hello: &hello,
        name: "reference",
        judged: case.judges(role),
    };
    let scenario = &case.entry.scenario;
    let findings = check::judge(
        suite,
        scenario,
        &trace,
        seen(Role::Initiator),
        seen(Role::Acceptor),
    );
    let checks: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {:?}", finding.rule, finding.event))
        .collect();
    // The acceptor's account decides which response is the right one, although no byte shows it.
    let account = trace
        .world
        .account()
        .map(|account| (&account.domain.utf16, &account.password.utf16));
    format!("{} {checks:?} {account:?}", show(&trace))
}

fn show(trace: &Trace) -> String {
    let event = |event: &Event| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            event.side,
            event.purpose,
            event.input(),
            event.protect().map(|protect| &protect.buffers),
            event.answer,
            event.expect
        )
    };
    let events: Vec<String> = trace.events.iter().map(event).collect();
    format!("{events:?} {:?}", trace.end)
}
