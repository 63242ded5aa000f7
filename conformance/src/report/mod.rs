//! Reports: what a run comes to, for people and for machines.
//!
//! | module | makes |
//! |---|---|
//! | `tally` | counts |
//! | `share` | how much of the suite an adapter declares and answers |
//! | `failure` | failed checks, grouped by rule, worst effect first |
//! | `doubts` | what must be known before anything else is believed |
//! | `evidence` | what is shown of one failed check: where, the bytes, what differs |
//! | `text` | the report on a terminal |
//! | `summary`, `junit`, `markdown` | the same for machines and pages |
//! | `log` | the run log, one JSON object a line, its reader, and the merging of logs |
//! | `diff`, `diff_text` | what two runs differ in |
//! | `findings` | the page of known deviations |
//! | `matrix` | what came of pairing implementations |
//! | `repro` | a folder that replays a case |
//! | `site` | a static site of runs and a matrix |
//! | `expectation_update`, `expectation_edit` | a file of expectations brought up to date |
//! | `coverage`, `kill_matrix` | how well the rules are proven |

pub mod bug_classes;
pub mod cells;
pub mod coverage;
pub mod diff;
pub mod diff_text;
pub mod doubts;
mod evidence;
mod expectation_edit;
pub mod expectation_update;
pub mod failure;
pub mod findings;
pub mod junit;
pub mod kill_matrix;
pub mod log;
pub mod markdown;
pub mod matrix;
mod paint;
pub mod repro;
pub mod share;
pub mod site;
pub mod summary;
pub mod tally;
pub mod text;

use std::time::Duration;

use crate::{
    check::{Finding, Verdict},
    control::Control,
    expectations::{Expectations, Outcome},
    protocol::{Hello, Request},
    run::{
        case::Case,
        spent::Spent,
        trace::{End, Event},
    },
    runner::{CaseResult, Options},
    subject::{Answer, Subject, description::Origin, reference::Reference},
    suite::Suite,
};

/// Who was run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// What the harness calls it: the name in its description.
    pub label: String,
    /// Name of the implementation.
    pub name: String,
    /// Version of the implementation.
    pub version: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What `--subject` was; none for the reference.
    pub argument: Option<String>,
    /// What is steered of it.
    pub control: Control,
}

impl Who {
    /// The reference.
    #[must_use]
    pub fn reference() -> Self {
        Self::of("reference", Reference::default().hello(), None)
    }

    /// A subject by its own words.
    #[must_use]
    pub fn of(label: &str, hello: &Hello, argument: Option<String>) -> Self {
        let (name, version) = (hello.name.clone(), hello.version.clone());
        Self {
            label: label.to_owned(),
            name,
            version,
            origin: Origin::default(),
            argument,
            control: Control::of(hello),
        }
    }
}

/// A run, with everything that a report needs of it.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// What was judged by.
    pub suite: &'a Suite,
    /// What was run.
    pub cases: &'a [Case<'a>],
    /// How.
    pub options: &'a Options,
    /// Who.
    pub who: &'a Who,
    /// What came of it.
    pub results: &'a [CaseResult],
    /// What was known before.
    pub expectations: &'a Expectations,
    /// What that makes of the results.
    pub outcome: &'a Outcome,
    /// Whether a warning is a failure.
    pub strict: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// Where the time of its cases went, if a process was driven.
    pub spent: Option<Spent>,
}

impl<'a> Run<'a> {
    /// Whether everything is as it should be, or as it is known to be. A run in which nothing was decided is not, and
    /// neither is one of an adapter that says what is not so; a part of a run may have no case.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let decided = match self.options.shard {
            Some(_) => true,
            None => self.results.iter().any(|result| result.verdict >= Verdict::Pass),
        };
        decided
            && self.who.control.broken_claim.is_none()
            && self.outcome.complaints.is_empty()
            && !self.unforeseen().any(|(_, finding)| self.counts(finding))
    }

    /// Whether a finding fails the run.
    #[must_use]
    pub fn counts(&self, finding: &Finding) -> bool {
        finding.verdict.is_failure() || (self.strict && finding.verdict == Verdict::Warn)
    }

    /// Failed checks that nobody expects, in order of the run. Faults of the harness are never expected.
    pub fn unforeseen(&self) -> impl Iterator<Item = (&'a CaseResult, &'a Finding)> + use<'a> {
        let (results, outcome) = (self.results, self.outcome);
        let places = outcome.unexpected.iter();
        let unexpected = places.filter_map(move |(result, finding)| {
            let result = results.get(*result)?;
            Some((result, result.findings.get(*finding)?))
        });
        let all = results
            .iter()
            .flat_map(|result| result.findings.iter().map(move |finding| (result, finding)));
        unexpected.chain(all.filter(|(_, finding)| finding.verdict == Verdict::HarnessFault))
    }

    /// Cases after which an adapter had to be started again.
    #[must_use]
    pub fn restarts(&self) -> usize {
        let lost = |end: &End| matches!(end, End::Crash(..) | End::Hang(..) | End::AdapterFault(..));
        let results = self.results.iter().filter(|result| lost(&result.trace.end));
        results.count()
    }

    /// The case of a result.
    #[must_use]
    pub fn case(&self, result: &CaseResult) -> Option<&'a Case<'a>> {
        self.cases.iter().find(|case| case.id == result.case)
    }

    /// The command that replays a case.
    #[must_use]
    pub fn repro(&self, result: &CaseResult) -> String {
        let mut command = format!("legwork repro {}", result.key());
        if let Some(argument) = &self.who.argument {
            command.push_str(&format!(" --subject {argument}"));
        }
        if self.options.seed != 0 {
            command.push_str(&format!(" --seed {}", self.options.seed));
        }
        command
    }
}

/// The name of a request in the adapter protocol.
#[must_use]
pub fn operation(request: &Request) -> &'static str {
    match request {
        Request::Hello { .. } => "hello",
        Request::Reset { .. } => "reset",
        Request::Acquire { .. } => "acquire",
        Request::FreeCredential { .. } => "free-credential",
        Request::Initialize(_) => "initialize",
        Request::Accept(_) => "accept",
        Request::Complete { .. } => "complete",
        Request::Export { .. } => "export",
        Request::Import { .. } => "import",
        Request::Delete { .. } => "delete",
        Request::FreeBuffers { .. } => "free-buffers",
        Request::Query { .. } => "query",
        Request::Sign(_) => "sign",
        Request::Verify(_) => "verify",
        Request::Seal(_) => "seal",
        Request::Unseal(_) => "unseal",
        Request::Decode { .. } => "decode",
        Request::Encode { .. } => "encode",
        Request::Derive { .. } => "derive",
        Request::Bye => "bye",
    }
}

/// An answer as JSON: a reply of the adapter protocol, or what came instead of one.
pub(crate) fn answer_json(answer: &Answer) -> serde_json::Value {
    use serde_json::json;
    match answer {
        Answer::Outcome(outcome) => json!({ "outcome": outcome }),
        Answer::Unsupported(unsupported) => json!({ "unsupported": unsupported }),
        Answer::Fault(message) => json!({ "fault": { "message": message } }),
        Answer::Crash(message) => json!({ "crash": { "message": message } }),
        Answer::Excess(message) => json!({ "hang": { "message": message } }),
        Answer::Hang(deadline) => json!({ "hang": { "seconds": deadline.as_secs() } }),
    }
}

/// The name of the status of an event, or its code where it has none.
pub(crate) fn status_name(suite: &Suite, event: &Event) -> Option<String> {
    let status = event.status()?;
    let rows = suite.mapping.rows(status.namespace);
    let known = rows
        .filter(|(code, row)| *code == status.code && !row.name.is_empty())
        .map(|(_, row)| row.name.clone());
    Some(known.last().unwrap_or_else(|| status.code.clone()))
}

/// Text from a subject, made harmless: control characters cannot steer a terminal.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push('\n'),
            control if control.is_control() => out.extend(control.escape_default()),
            other => out.push(other),
        }
    }
    out
}
