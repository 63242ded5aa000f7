//! A run's summary as JSON, for machines. It holds no time, no path and no process id: equal runs have equal ones.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    check::{Finding, Verdict},
    control::Control,
    expectations::Complaint,
};

use super::{
    Run,
    doubts::doubts,
    share::{Shares, Tables},
    tally::Tally,
};

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Summary {
    /// Version of the format.
    pub schema: u32,
    /// Id of the run: equal for equal subject, suite, seed and choice of cases.
    pub run: String,
    /// Name of the subject.
    pub subject: String,
    /// Version of the subject.
    pub version: String,
    /// Seed of all randomness that the harness controls.
    pub seed: u64,
    /// What is steered of the subject.
    pub control: Control,
    /// Whether everything is as it should be, or as it is known to be.
    pub good: bool,
    /// What must be known before anything else is believed.
    pub doubts: Vec<String>,
    /// Cases by verdict.
    pub cases: BTreeMap<&'static str, usize>,
    /// Checks by verdict.
    pub checks: BTreeMap<&'static str, usize>,
    /// How much the adapter declares and answers, by package and role; none of the reference.
    pub shares: Vec<Shares>,
    /// Whether it counts as an implementation under test, by package; a package whose run lacks the cases that this takes
    /// is left out.
    pub counts: BTreeMap<String, bool>,
    /// Cases after which an adapter had to be started again.
    pub restarts: usize,
    /// Failed checks that are known.
    pub expected: usize,
    /// Failed checks that are known and not public.
    pub withheld: usize,
    /// Expectations that do not hold.
    pub complaints: Vec<Complaint>,
    /// Checks that did not pass and are not withheld.
    pub failures: Vec<Failure>,
}

/// A check that did not pass.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// Key of the case.
    pub case: String,
    /// The rule.
    pub rule: String,
    /// Whose conduct it is.
    pub side: &'static str,
    /// The verdict.
    pub verdict: &'static str,
    /// What breaking the rule does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// The call, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<usize>,
    /// What was expected and what came.
    pub message: String,
    /// The bytes of the output token: from, up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[usize; 2]>,
    /// Whether it is known.
    pub expected: bool,
}

/// The summary of a run.
#[must_use]
pub fn summary(run: &Run<'_>) -> Summary {
    let tally = Tally::of(run.results);
    let foreign = run.who.argument.is_some();
    let tables = Tables::of(run.results.iter().filter(|_| foreign));
    Summary {
        schema: SCHEMA,
        run: run_id(run),
        subject: run.who.name.clone(),
        version: run.who.version.clone(),
        seed: run.options.seed,
        control: run.who.control.clone(),
        good: run.is_good(),
        doubts: doubts(run),
        cases: named(&tally.cases),
        checks: named(&tally.checks),
        counts: tables
            .count()
            .into_iter()
            .filter_map(|(package, counts)| Some((package.to_owned(), counts?)))
            .collect(),
        shares: tables.iter().cloned().collect(),
        restarts: run.restarts(),
        expected: run.outcome.expected.len(),
        withheld: run.outcome.withheld,
        complaints: run.outcome.complaints.clone(),
        failures: failures(run),
    }
}

fn named(counts: &BTreeMap<Verdict, usize>) -> BTreeMap<&'static str, usize> {
    counts
        .iter()
        .map(|(verdict, count)| (verdict.name(), *count))
        .collect()
}

fn failures(run: &Run<'_>) -> Vec<Failure> {
    let known = run.outcome.expected.iter().filter_map(|(result, finding, _)| {
        let result = run.results.get(*result)?;
        Some((result, result.findings.get(*finding)?, true))
    });
    let unforeseen = run.unforeseen().map(|(result, finding)| (result, finding, false));
    let one = |(result, finding, expected): (&crate::runner::CaseResult, &Finding, bool)| Failure {
        case: result.key(),
        rule: finding.rule.clone(),
        side: finding.side.name(),
        verdict: finding.verdict.name(),
        effect: run
            .suite
            .rule(&finding.rule)
            .map(|(_, entry)| crate::rules_command::word(&entry.rule.effect)),
        call: finding.event.map(|at| at.saturating_add(1)),
        message: finding.message.clone(),
        range: finding.range.as_ref().map(|range| [range.start, range.end]),
        expected,
    };
    unforeseen.chain(known).map(one).collect()
}

/// Id of a run.
#[must_use]
pub fn run_id(run: &Run<'_>) -> String {
    id(
        &run.who.label,
        run.options.seed,
        run.cases.iter().map(|case| case.id.as_str()),
    )
}

/// Id of a run: a digest (FNV-1a) of what makes it what it is.
pub(super) fn id<'a>(label: &str, seed: u64, cases: impl Iterator<Item = &'a str>) -> String {
    let seed = seed.to_string();
    let fixed = [env!("CARGO_PKG_VERSION"), label, &seed]
        .into_iter()
        .fold(0xCBF2_9CE4_8422_2325, digest);
    format!("{:016x}", cases.fold(fixed, digest))
}

fn digest(state: u64, part: &str) -> u64 {
    let step = |state: u64, byte| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    part.bytes().chain([0]).fold(state, step)
}
