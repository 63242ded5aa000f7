//! What must be known before anything else in a report is believed.

use std::collections::BTreeSet;

use crate::{
    check::Verdict,
    protocol::Role,
    run::trace::Event,
    runner::CaseResult,
    suite::{mapping::Class, scenario::Step},
    words::counted,
};

use super::{Run, harmless};

/// The plainest exchange of a package, without the package's name: where it fails, most failures have its cause.
const SMOKE: &str = "/good/default";

/// Status of an acceptor that was shown a wrong secret.
const DENIED: &str = "SEC_E_LOGON_DENIED";

/// Sentences, most weighty first; none where there is nothing to doubt.
#[must_use]
pub fn doubts(run: &Run<'_>) -> Vec<String> {
    if run.who.argument.is_none() {
        return Vec::new();
    }
    let by_role = Role::BOTH.into_iter().flat_map(|role| {
        let nothing = no_end(run, role);
        let smoke = smoke(run, role).filter(|_| nothing.is_none());
        [nothing, smoke]
    });
    let broken = run.who.control.broken_claim.as_ref();
    let broken = broken.map(|wrong| format!("The adapter says that it steers randomness: {wrong}."));
    let first = [everybody_gets_in(run), broken, another_version(run)];
    first.into_iter().chain(by_role).flatten().collect()
}

/// Known deviations of another version tell what has changed between the two.
fn another_version(run: &Run<'_>) -> Option<String> {
    let seen_with = run.expectations.seen_with();
    let this = format!("{} {}", run.who.name, run.who.version);
    let differs = !seen_with.is_empty() && seen_with != this.trim();
    differs.then(|| {
        format!(
            "The known deviations were seen with {seen_with}, and this is {}: {}.",
            harmless(this.trim()),
            differences(run),
        )
    })
}

/// What the known deviations do not answer for, and those that do not hold.
fn differences(run: &Run<'_>) -> String {
    let unexpected = |what: &str, is_failure: bool| {
        let findings = run.unforeseen().map(|(_, finding)| finding);
        let findings = findings.filter(|finding| finding.verdict.is_failure() == is_failure);
        let rules: Vec<&str> = findings.map(|finding| finding.rule.as_str()).collect();
        let distinct = rules.iter().collect::<BTreeSet<_>>().len();
        let (count, rules) = (counted(rules.len(), what), counted(distinct, "rule"));
        (distinct > 0).then(|| format!("{count} of {rules}"))
    };
    let stale = run.outcome.complaints.len();
    let parts = [
        unexpected("unexpected failure", true),
        unexpected("unexpected warning", false),
        (stale > 0).then(|| format!("{} out of date", counted(stale, "expectation"))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let whole = !run.outcome.counts.is_empty();
    match (parts.is_empty(), whole) {
        (true, true) => "they hold for it as well".to_owned(),
        (true, false) => "nothing else fails in what was run".to_owned(),
        (false, true) => format!("what differs is {}", parts.join(", ")),
        (false, false) => format!("what differs in what was run is {}", parts.join(", ")),
    }
}

fn judged<'a>(run: &Run<'a>, role: Role) -> impl Iterator<Item = (usize, &'a CaseResult)> {
    let results = run.results.iter().enumerate();
    results.filter(move |(_, result)| result.judged == [role])
}

fn no_end(run: &Run<'_>, role: Role) -> Option<String> {
    let mut all = judged(run, role).peekable();
    all.peek()?;
    let finished = all.any(|(_, result)| result.verdict >= Verdict::Pass);
    (!finished).then(|| format!("No case came to an end with the subject as {}.", role.name()))
}

/// The smoke exchange decides nothing: every case is run all the same.
fn smoke(run: &Run<'_>, role: Role) -> Option<String> {
    let (place, result) = judged(run, role).find(|(_, result)| result.case.ends_with(SMOKE))?;
    let seen = shown(run);
    let failed = |(at, finding): &(usize, &crate::check::Finding)| {
        finding.verdict.is_failure() && seen.contains(&(place, *at))
    };
    let (_, finding) = result.findings.iter().enumerate().find(failed)?;
    Some(format!(
        "The plainest exchange fails with the subject as {} ({}): {}: {}. Further failures may have the same cause.",
        role.name(),
        result.key(),
        finding.rule,
        harmless(finding.message.lines().next().unwrap_or_default()),
    ))
}

/// An acceptor that lets in everybody who does not know the secret is more likely an adapter that answers for its
/// library. If it refuses some, each of the others is a failure like any other.
fn everybody_gets_in(run: &Run<'_>) -> Option<String> {
    let seen: BTreeSet<usize> = shown(run).into_iter().map(|(result, _)| result).collect();
    let decided = |result: &CaseResult| (Verdict::Pass..=Verdict::Fail).contains(&result.verdict);
    let twins: Vec<(usize, &CaseResult)> = judged(run, Role::Acceptor)
        .filter(|(_, result)| decided(result) && shows_wrong_secret(run, result))
        .collect();
    let got_in = |(place, result): &(usize, &CaseResult)| seen.contains(place) && completed(run, result);
    let all = !twins.is_empty() && twins.iter().all(got_in);
    all.then(|| {
        format!(
            "The adapter is suspect: the acceptor lets in everybody who does not know the secret ({} of {}).",
            twins.len(),
            counted(twins.len(), "case")
        )
    })
}

/// Failed checks that may be told: result and finding.
fn shown(run: &Run<'_>) -> BTreeSet<(usize, usize)> {
    let expected = run.outcome.expected.iter();
    let expected = expected.map(|(result, finding, _)| (*result, *finding));
    run.outcome.unexpected.iter().copied().chain(expected).collect()
}

/// Whether a case differs from a completing one in nothing but the secret, and the account is to be refused.
fn shows_wrong_secret(run: &Run<'_>, result: &CaseResult) -> bool {
    let Some(scenario) = run.case(result).map(|case| &case.entry.scenario) else {
        return false;
    };
    let denied = |step: &Step| match step {
        Step::Accept(step) => {
            let expect = step.expect.as_ref();
            expect.is_some_and(|expect| expect.status.iter().any(|status| status == DENIED))
        }
        _ => false,
    };
    scenario.twin.is_some() && scenario.steps.iter().any(denied)
}

fn completed(run: &Run<'_>, result: &CaseResult) -> bool {
    let legs = result.trace.legs().map(|(_, event)| event);
    let last = legs.filter(|event| event.side == Role::Acceptor).last();
    let meaning = last
        .and_then(Event::status)
        .and_then(|status| run.suite.mapping.meaning(status, &run.who.label));
    meaning.is_some_and(|meaning| matches!(meaning.class, Class::Ok | Class::Complete))
}
