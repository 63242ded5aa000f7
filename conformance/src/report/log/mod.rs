//! The run log: one JSON object a line, written case by case, so that an interrupted run leaves what it did.
//!
//! Every record has the version of the format, a kind and a key that is the same in every run of the same thing.
//! Times, process ids and paths stand in `timing` records alone, which a comparison of two logs leaves out. Cases stand
//! in the order in which they ended; `merge` brings them into the order of the run. A log without `run-end` is that of
//! an interrupted run; `run` names every case that was to be run, so that what is missing can be told.

mod index;
mod lines;
mod merge;
mod reader;
mod writer;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    check::Verdict,
    control::Control,
    expectations::{Complaint, Counts, Entry},
    protocol::{Hello, Role},
    run::portion::Shard,
    subject::description::Origin,
};

pub use index::{Index, Span};
pub(super) use index::{checks, records};
pub use lines::ReadError;
pub use merge::{MergeError, Merged, Named, merge};
pub use reader::{Digest, each, read};
pub use writer::{Plan, Writer};

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Version of the format.
    pub schema: u32,
    /// What the record is about, the same in every run: `run`, a subject, a case, or a call or check of a case.
    pub key: String,
    /// The record.
    #[serde(flatten)]
    pub record: Record,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "record", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Record {
    /// The first record.
    Run(Box<Start>),
    /// Who is under test.
    Subject {
        /// Its own words, with what is steered as it was measured.
        hello: Box<Hello>,
        /// What is steered of it.
        #[serde(default)]
        control: Box<Control>,
        /// Where it comes from.
        #[serde(flatten)]
        origin: Box<Origin>,
    },
    /// A case; its calls, checks and `case-end` follow at once.
    CaseStart {
        /// The scenario.
        scenario: String,
        /// The values of its axes.
        axes: BTreeMap<String, String>,
        /// The sides that are judged.
        judged: Vec<Role>,
        /// What the case needs of the side and `hello` does not declare.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        undeclared: Vec<String>,
    },
    /// A call.
    Call {
        /// The case.
        case: String,
        /// Number, from 1.
        call: usize,
        /// Whose call.
        side: Role,
        /// The request, as the adapter protocol has it.
        request: Value,
        /// The reply, as the adapter protocol has it, or `crash` or `hang`.
        reply: Value,
        /// The reply to `complete`, if the status asked for that call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        completed: Option<Value>,
        /// Whether the input is not what the peer sent.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        altered_input: bool,
        /// Whether the side was made to send something else than it would.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        altered_output: bool,
    },
    /// A check. One that needs several cases comes after all of them.
    Check(Box<Check>),
    /// A value that no two cases of a run may have in common. The check of it comes after all cases.
    Unique(Box<Unique>),
    /// The end of a case. The last one of a case holds.
    CaseEnd {
        /// The verdict.
        verdict: Verdict,
        /// How the exchange ended.
        end: String,
    },
    /// Times, process ids and paths.
    Timing {
        /// Seconds since 1970-01-01 UTC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started: Option<u64>,
        /// How long it took, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        milliseconds: Option<u64>,
        /// Time of all cases together that went into calls of the subject, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject_milliseconds: Option<u64>,
        /// Time of all cases together that the harness took for itself, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        harness_milliseconds: Option<u64>,
        /// How long a leg took, in microseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        microseconds: Option<u64>,
        /// Processor time that the adapter's process had used when a leg was over, in milliseconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cpu_milliseconds: Option<u64>,
        /// The most memory that the adapter's process had until then, in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peak_memory: Option<u64>,
        /// Id of this process.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        process: Option<u32>,
        /// Where the subject lies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// A known deviation.
    Expectation(Box<Expectation>),
    /// The last record.
    RunEnd(Box<Finish>),
}

/// A known deviation, and the checks that it has to do with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Expectation {
    /// Number of the entry, from 1.
    pub number: usize,
    /// The entry, unless it is not public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// Of an entry that is not public: how many checks are expected to fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Of an entry that is not public: whether it fails in some runs only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
    /// Checks, without those that come after all cases.
    pub counts: Counts,
}

impl Expectation {
    /// What is wrong with the entry.
    #[must_use]
    pub fn complaints(&self) -> Vec<Complaint> {
        let private = || Entry {
            cases: vec![String::new(); self.counts.patterns.len()],
            count: self.count,
            flaky: self.flaky,
            ..Entry::default()
        };
        match &self.entry {
            Some(entry) => Complaint::of(entry, false, &self.counts),
            None => Complaint::of(&private(), true, &self.counts),
        }
    }
}

/// What a run comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Finish {
    /// Cases by verdict.
    pub cases: BTreeMap<String, usize>,
    /// Checks that fail the run: failures that nobody expects, and warnings where they count.
    pub unexpected: usize,
    /// Known deviations that do not hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub complaints: Vec<Complaint>,
    /// Whether everything is as it should be, or as it is known to be.
    pub good: bool,
}

/// One judgement of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The case.
    pub case: String,
    /// The rule; none if it is withheld, or would tell what is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Whose conduct.
    pub side: Role,
    /// The verdict.
    pub verdict: Verdict,
    /// Number of the call, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<usize>,
    /// What was expected and what came.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The bytes of the output token: from, up to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[usize; 2]>,
    /// What was known of it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

impl Check {
    /// Whether the check fails the run.
    #[must_use]
    pub fn fails_run(&self, strict: bool) -> bool {
        let counts = self.verdict.is_failure() || (strict && self.verdict == Verdict::Warn);
        counts && self.known.is_none()
    }

    /// The key of the check: case, rule and side, and its number among those of the case that have both in common.
    #[must_use]
    pub fn key(&self, number: usize) -> String {
        let Self { case, rule, side, .. } = self;
        let rule = rule.as_deref().unwrap_or("withheld");
        format!("{case} check {rule} {} {number}", side.name())
    }

    /// The key of a check that comes after all cases.
    #[must_use]
    pub fn late_key(&self) -> String {
        format!("{} across", self.key(1))
    }
}

/// What is to be run, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Start {
    /// Id of the run: equal for equal subject, seed, version of this program and choice of cases.
    pub run: String,
    /// What the harness calls the subject.
    pub subject: String,
    /// Version of this program.
    pub version: String,
    /// Seed of all randomness that the harness controls.
    pub seed: u64,
    /// Whether a warning fails the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whether it is the whole suite, so that expectations that nothing matches are out of date.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// The part of the run that the log holds; none for all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Keys of all cases of the run in their order, those of other parts included.
    pub cases: Vec<String>,
}

impl Start {
    /// Keys of the cases that are to be run in this part, in their order.
    pub fn planned(&self) -> impl Iterator<Item = &str> {
        let shard = self.shard;
        let mine = move |key: &&str| shard.is_none_or(|shard| shard.has(key));
        self.cases.iter().map(String::as_str).filter(mine)
    }
}

/// A value that no two cases of a run may have in common, and what a check is that finds it a second time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Unique {
    /// The case.
    pub case: String,
    /// The rule.
    pub rule: String,
    /// Whose value it is.
    pub side: Role,
    /// Number of the call, from 1.
    pub call: usize,
    /// The bytes of the output token that hold it: from, up to.
    pub range: [usize; 2],
    /// The value.
    #[serde(with = "hex")]
    #[schemars(with = "String")]
    pub value: Vec<u8>,
    /// The verdict of a check that finds it a second time.
    pub verdict: Verdict,
    /// What is known of such a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// Number of the expectation that knows it, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectation: Option<usize>,
}

/// What was known of a failed check before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// It is expected.
    Expected,
    /// It is expected and not public: neither the rule nor the calls are told.
    Withheld,
}
