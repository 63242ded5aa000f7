//! The judge: what a trace is held against. Every check is one judgement of one rule at one place of one case.
//!
//! Expected values are recomputed here from the known secrets, with the engine's codec and primitives only: never
//! taken from its negotiation, attribute or verification code.

mod attributes;
mod caller;
mod calls;
mod codec;
mod expectation;
pub mod ntlm;
mod spnego;

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    protocol::{Drive, Hello, Role},
    run::trace::{Event, Trace},
    suite::{
        Suite,
        mapping::{Mapping, StatusMeaning},
        rule::{Evidence, Level},
        scenario::Scenario,
    },
};

/// Checks that a case rarely exceeds.
const FINDINGS: usize = 64;

/// The verdict of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The observable that the check needs is missing, or the case has no meaning here.
    NotApplicable,
    /// The subject cannot do what the case needs.
    Unsupported,
    /// The rule is kept.
    Pass,
    /// A rule that is no MUST is broken.
    Warn,
    /// The rule is broken.
    Fail,
    /// The subject did not answer in time.
    Hang,
    /// The subject's process died.
    Crash,
    /// The adapter broke the protocol.
    AdapterFault,
    /// The harness could not do its part; never counts against a subject.
    HarnessFault,
}

impl Verdict {
    /// The word used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Unsupported => "unsupported",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Hang => "hang",
            Self::Crash => "crash",
            Self::AdapterFault => "adapter-fault",
            Self::HarnessFault => "harness-fault",
        }
    }

    /// Whether the verdict counts against somebody.
    #[must_use]
    pub fn is_failure(self) -> bool {
        self >= Self::Fail
    }
}

/// One check: a rule, a place, a verdict.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// Whose conduct was judged.
    pub side: Role,
    /// The verdict.
    pub verdict: Verdict,
    /// The event in the trace.
    pub event: Option<usize>,
    /// What was expected and what came, for failures.
    pub message: String,
    /// The bytes of the output token that the check is about.
    pub range: Option<Range<usize>>,
    /// Whether the subject went on where it was to refuse.
    pub went_on: bool,
}

impl Finding {
    /// Whether an acceptor, or whoever checks a message, went on where it was to refuse.
    #[must_use]
    pub fn let_in(&self) -> bool {
        self.went_on && (self.side == Role::Acceptor || self.rule.starts_with("message/"))
    }

    /// A check of a rule at an event, about no bytes in particular.
    #[must_use]
    pub fn new(rule: &str, side: Role, verdict: Verdict, event: Option<usize>, message: String) -> Self {
        Self {
            rule: rule.to_owned(),
            side,
            verdict,
            event,
            message,
            range: None,
            went_on: false,
        }
    }
}

/// What is known about one side besides the trace.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The subject's description of itself.
    pub hello: &'a Hello,
    /// Name of its mapping table.
    pub name: &'a str,
    /// Whether its conduct is judged.
    pub judged: bool,
}

/// Judges a trace; findings are in order of the trace.
#[must_use]
pub fn judge(
    suite: &Suite,
    scenario: &Scenario,
    trace: &Trace,
    initiator: Seen<'_>,
    acceptor: Seen<'_>,
) -> Vec<Finding> {
    let mut judge = Judge {
        suite,
        trace,
        sides: [initiator, acceptor],
        findings: Vec::with_capacity(FINDINGS),
    };
    calls::check(&mut judge);
    match trace.package.as_str() {
        "negotiate" => spnego::check(&mut judge),
        _ => ntlm::check(&mut judge),
    }
    codec::check(&mut judge);
    expectation::check(&mut judge);
    caller::check(&mut judge, scenario);
    judge.findings.sort_by_key(|finding| finding.event);
    judge.findings
}

/// A trace under judgement.
struct Judge<'a> {
    suite: &'a Suite,
    trace: &'a Trace,
    sides: [Seen<'a>; 2],
    findings: Vec<Finding>,
}

impl<'a> Judge<'a> {
    fn seen(&self, side: Role) -> Seen<'a> {
        let [initiator, acceptor] = self.sides;
        match side {
            Role::Initiator => initiator,
            Role::Acceptor => acceptor,
        }
    }

    fn drive(&self, side: Role) -> Option<&'a Drive> {
        crate::subject::drive(self.seen(side).hello, &self.trace.package, side)
    }

    fn shows(&self, side: Role, observable: &str) -> bool {
        self.drive(side)
            .is_some_and(|drive| drive.observables.iter().any(|name| name == observable))
    }

    fn controls(&self, side: Role, control: &str) -> bool {
        self.seen(side).hello.controls.iter().any(|name| name == control)
    }

    fn mapping(&self) -> &'a Mapping {
        &self.suite.mapping
    }

    /// What the status of an event means.
    fn meaning(&self, event: &Event) -> Option<StatusMeaning> {
        event
            .status()
            .and_then(|status| self.mapping().meaning(status, self.seen(event.side).name))
    }

    /// One check at an event, if the side is judged.
    fn check(&mut self, rule: &str, at: usize, holds: bool, message: impl FnOnce() -> String) {
        self.check_at(rule, at, None, holds, message);
    }

    /// One check at bytes of an event's output token.
    fn check_at(
        &mut self,
        rule: &str,
        at: usize,
        range: Option<Range<usize>>,
        holds: bool,
        message: impl FnOnce() -> String,
    ) {
        let Some(side) = self.trace.events.get(at).map(|event| event.side) else {
            return;
        };
        if !self.seen(side).judged {
            return;
        }
        let verdict = if holds { Verdict::Pass } else { self.severity(rule) };
        let message = if holds { String::new() } else { message() };
        self.findings.push(Finding {
            range,
            ..Finding::new(rule, side, verdict, Some(at), message)
        });
    }

    /// Says of the check that was made last, if it was made at this event, that the subject went on.
    fn went_on(&mut self, at: usize) {
        if let Some(last) = self.findings.last_mut().filter(|last| last.event == Some(at)) {
            last.went_on = true;
        }
    }

    /// The observable that a check needs is missing.
    fn not_applicable(&mut self, rule: &str, at: usize, what: &str) {
        let Some(side) = self.trace.events.get(at).map(|event| event.side) else {
            return;
        };
        if self.seen(side).judged {
            let message = format!("the subject does not show: {what}");
            self.findings.push(Finding::new(
                rule,
                side,
                Verdict::NotApplicable,
                Some(at),
                message,
            ));
        }
    }

    /// The id of the package's rule of a name.
    fn rule_of_package(&self, call: &str, name: &str) -> String {
        format!("{call}/{}/{name}", self.trace.package)
    }

    fn severity(&self, rule: &str) -> Verdict {
        severity(self.suite, rule)
    }
}

/// What breaking a rule is worth: a warning unless it is a MUST on undisputed evidence.
#[must_use]
pub fn severity(suite: &Suite, rule: &str) -> Verdict {
    match suite.rule(rule).map(|(_, entry)| &entry.rule) {
        Some(rule)
            if rule.level != Level::Must
                || matches!(rule.evidence, Evidence::Disputed | Evidence::Consensus) =>
        {
            Verdict::Warn
        }
        _ => Verdict::Fail,
    }
}

/// The prefix of the rules of a side's call.
fn call(side: Role) -> &'static str {
    match side {
        Role::Initiator => "isc",
        Role::Acceptor => "asc",
    }
}

/// A value as text: TEXT has a readable form.
fn readable(value: &serde_json::Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("text")?.as_str())
}
