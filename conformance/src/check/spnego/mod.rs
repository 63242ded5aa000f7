//! Exchanges of Negotiate: what the calls answer, every token against the rules of SPNEGO, and the mechanism's exchange
//! inside as if it stood alone.

mod code;
mod view;

use super::{Judge, ntlm};
use view::View;

pub(super) fn check(judge: &mut Judge<'_>) {
    mechanism(judge);
}

/// The mechanism's tokens and keys. What is found is told of the tokens around them.
fn mechanism(judge: &mut Judge<'_>) {
    let view = View::of(judge.trace);
    let codes = code::codes(judge.trace);
    let mut inside = Judge {
        suite: judge.suite,
        trace: &view.trace,
        sides: judge.sides,
        findings: Vec::new(),
    };
    ntlm::check_tokens(&mut inside, &codes);
    for mut finding in inside.findings {
        let start = finding
            .event
            .and_then(|at| view.starts.get(at))
            .copied()
            .unwrap_or_default();
        finding.range = finding
            .range
            .map(|range| start.saturating_add(range.start)..start.saturating_add(range.end));
        judge.findings.push(finding);
    }
}
