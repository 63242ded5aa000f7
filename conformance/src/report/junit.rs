//! The report as JUnit XML, for build systems: a test case for each case and role. It holds no time and no path of this
//! machine.
//!
//! A case with a failure that nobody expects is failed, or in error if the subject, its adapter or the harness came
//! down. One whose failures are known, and one that could not be decided, is skipped, with the reason. Expectations that
//! do not hold are failed test cases of their own, and so is what an adapter says that it steers and does not.

use std::collections::BTreeMap;

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::{
    check::{Finding, Verdict},
    protocol::Role,
    rules_command::word,
    runner::CaseResult,
};

use super::Run;

/// The report.
///
/// # Errors
/// The writer of XML fails.
pub fn report(run: &Run<'_>) -> Result<String, SerializeError> {
    let mut report = Report::new("legwork");
    let statuses = Statuses::of(run);
    let subject = format!("{} {}", run.who.name, run.who.version);
    let subject = subject.trim();
    let parts: Vec<(String, Option<Role>)> = match run.who.argument {
        None => vec![(subject.to_owned(), None)],
        Some(_) => Role::BOTH
            .map(|role| (format!("{subject} as {}", role.name()), Some(role)))
            .into(),
    };
    for (name, role) in parts {
        let mut suite = TestSuite::new(name);
        let mine = |result: &&CaseResult| role.is_none_or(|role| result.judged == [role]);
        for result in run.results.iter().filter(mine) {
            let mut case = TestCase::new(result.key(), statuses.status(run, result));
            case.set_classname(topic(&result.case));
            suite.add_test_case(case);
        }
        if !suite.test_cases.is_empty() {
            report.add_test_suite(suite);
        }
    }
    report.add_test_suites(controls(run));
    report.add_test_suites(expectations(run));
    report.to_string()
}

/// Package and file of the scenario: the first two parts of the id.
fn topic(case: &str) -> String {
    case.split('/').take(2).collect::<Vec<_>>().join(".")
}

fn controls(run: &Run<'_>) -> Option<TestSuite> {
    let wrong = run.who.control.broken_claim.clone()?;
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(wrong);
    let mut case = TestCase::new("randomness", status);
    case.set_classname("controls");
    let mut suite = TestSuite::new("controls");
    suite.add_test_case(case);
    Some(suite)
}

fn expectations(run: &Run<'_>) -> Option<TestSuite> {
    let complaints = &run.outcome.complaints;
    let mut suite = TestSuite::new("expectations");
    for complaint in complaints {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(word(&complaint.trouble));
        status.set_message(complaint.message.clone());
        let mut case = TestCase::new(complaint.entry.clone(), status);
        case.set_classname("expectations");
        suite.add_test_case(case);
    }
    (!complaints.is_empty()).then_some(suite)
}

/// What is known of the failures of each case.
struct Statuses<'a> {
    /// Failures that fail the run, by key of the case.
    unexpected: BTreeMap<String, Vec<&'a Finding>>,
    /// Known failures, by key of the case.
    known: BTreeMap<String, Vec<&'a Finding>>,
}

impl<'a> Statuses<'a> {
    fn of(run: &Run<'a>) -> Self {
        let mut statuses = Self {
            unexpected: BTreeMap::new(),
            known: BTreeMap::new(),
        };
        for (result, finding) in run.unforeseen() {
            // A warning that does not count is told nowhere, and does not stand for something that is withheld.
            let told = statuses.unexpected.entry(result.key()).or_default();
            told.push(finding);
        }
        for (result, finding, _) in &run.outcome.expected {
            let Some(result) = run.results.get(*result) else {
                continue;
            };
            let known = statuses.known.entry(result.key()).or_default();
            known.extend(result.findings.get(*finding));
        }
        statuses
    }

    fn status(&self, run: &Run<'_>, result: &CaseResult) -> TestCaseStatus {
        let key = result.key();
        let of = |map: &BTreeMap<String, Vec<&'a Finding>>| map.get(&key).cloned().unwrap_or_default();
        let (unexpected, known) = (of(&self.unexpected), of(&self.known));
        let counted: Vec<&Finding> = unexpected.iter().copied().filter(|it| run.counts(it)).collect();
        if let Some(worst) = counted.iter().max_by_key(|finding| finding.verdict) {
            return failed(run, result, worst, &counted);
        }
        let failures = result
            .findings
            .iter()
            .filter(|finding| finding.verdict >= Verdict::Warn);
        let withheld = failures.count() > unexpected.len().saturating_add(known.len());
        match (result.verdict, known.first()) {
            (Verdict::Unsupported | Verdict::NotApplicable, _) => skipped(&undecided(result)),
            (_, Some(first)) => skipped(&format!("known: {}", first.rule)),
            _ if withheld => skipped("withheld"),
            _ => TestCaseStatus::success(),
        }
    }
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(message);
    status
}

/// Why a case could not be decided.
fn undecided(result: &CaseResult) -> String {
    let reason = result
        .findings
        .iter()
        .find(|finding| finding.verdict == result.verdict);
    let message = reason.map(|finding| finding.message.as_str()).unwrap_or_default();
    format!("{}: {message}", result.verdict.name())
}

fn failed(run: &Run<'_>, result: &CaseResult, worst: &Finding, all: &[&Finding]) -> TestCaseStatus {
    let kind = match worst.verdict {
        Verdict::Hang | Verdict::Crash | Verdict::AdapterFault | Verdict::HarnessFault => {
            NonSuccessKind::Error
        }
        _ => NonSuccessKind::Failure,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(worst.verdict.name());
    status.set_message(format!("{}: {}", worst.rule, worst.message));
    let one = |finding: &&Finding| {
        let call = finding.event.map(|at| format!(", call {}", at.saturating_add(1)));
        let rule = run.suite.rule(&finding.rule).map(|(_, entry)| &entry.rule);
        let effect = rule.map(|rule| format!(", effect {}", word(&rule.effect)));
        let text = rule.map(|rule| rule.text.trim().replace('\n', " "));
        format!(
            "{} {} ({}{}{})\n{}\nfound: {}\n",
            finding.verdict.name(),
            finding.rule,
            finding.side.name(),
            call.unwrap_or_default(),
            effect.unwrap_or_default(),
            text.unwrap_or_default(),
            finding.message,
        )
    };
    let told: Vec<String> = all.iter().map(one).collect();
    status.set_description(format!("{}\nreplay: {}", told.join("\n"), run.repro(result)));
    status
}
