//! Tokens in fragments: what is said to each, and that the rest is judged by whole tokens.

use super::calls::of;
use crate::{
    check::{Finding, Judge, calls},
    run::fragments,
    suite::mapping::Class,
};

/// A leg that has got a part of a token neither completes nor makes a token. Who refuses may say so in one.
pub(super) fn check(judge: &mut Judge<'_>) {
    let trace = judge.trace;
    for at in fragments::incomplete(trace) {
        let Some(event) = trace.events.get(at) else {
            continue;
        };
        let Some(class) = judge.meaning(event).map(|meaning| meaning.class) else {
            continue;
        };
        let token = event.output().is_some_and(|token| !token.is_empty());
        let waits = class == Class::Continue && !token;
        let rule = of(event, "fragment-answers-nothing");
        if class == Class::Silent && !token {
            judge.not_applicable(&rule, at, "status");
            continue;
        }
        judge.check(&rule, at, waits || class == Class::Failure, || {
            format!(
                "a part of a token, and {}; a token came: {token}",
                calls::told(event.side.name(), event)
            )
        });
        if class == Class::Ok {
            judge.went_on(at);
        }
    }
}

/// Judges by whole tokens. What is found is of no bytes in particular where a token came in parts.
pub(super) fn of_whole_tokens(judge: &mut Judge<'_>, check: fn(&mut Judge<'_>)) {
    let goes_on = |event: &_| {
        let meaning = judge.meaning(event);
        meaning.is_some_and(|meaning| meaning.class == Class::Continue)
    };
    let Some(trace) = fragments::assembled(judge.trace, goes_on) else {
        return check(judge);
    };
    let mut whole = Judge {
        suite: judge.suite,
        trace: &trace,
        sides: judge.sides,
        findings: Vec::new(),
    };
    check(&mut whole);
    let placeless = |finding| Finding {
        range: None,
        ..finding
    };
    judge.findings.extend(whole.findings.into_iter().map(placeless));
}
