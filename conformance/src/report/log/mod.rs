//! The run log: one JSON object a line, written case by case, so that an interrupted run leaves what it did.
//!
//! Every record has the version of the format, a kind and a key that is the same in every run of the same thing.
//! Times, process ids and paths stand in `timing` records alone, which a comparison of two logs leaves out. Cases stand
//! in the order in which they ended. A log without `run-end` is that of an interrupted run; `run` names every case that
//! was to be run, so that what is missing can be told.

mod reader;
mod writer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    check::Verdict,
    protocol::{Hello, Role},
};

pub use reader::{Digest, ReadError, read};
pub use writer::{Plan, Writer};

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Record {
    /// The first record.
    Run {
        /// Id of the run.
        run: String,
        /// What the harness calls the subject.
        subject: String,
        /// Version of this program.
        version: String,
        /// Seed of all randomness that the harness controls.
        seed: u64,
        /// Keys of all cases that are to be run.
        cases: Vec<String>,
    },
    /// Who is under test.
    Subject {
        /// Its own words.
        hello: Box<Hello>,
    },
    /// A case; its calls, checks and `case-end` follow at once.
    CaseStart {
        /// The scenario.
        scenario: String,
        /// The values of its axes.
        axes: BTreeMap<String, String>,
        /// The sides that are judged.
        judged: Vec<Role>,
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
    Check {
        /// The case.
        case: String,
        /// The rule; none if it is withheld.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// Whose conduct.
        side: Role,
        /// The verdict.
        verdict: Verdict,
        /// Number of the call, from 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<usize>,
        /// What was expected and what came.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
        /// The bytes of the output token: from, up to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        range: Option<[usize; 2]>,
        /// What was known of it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known: Option<Known>,
    },
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
    /// The last record.
    RunEnd {
        /// Cases by verdict.
        cases: BTreeMap<String, usize>,
        /// Whether everything is as it should be, or as it is known to be.
        good: bool,
    },
}

/// What was known of a failed check before the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// It is expected.
    Expected,
    /// It is expected and not public: neither the rule nor the calls are told.
    Withheld,
}
