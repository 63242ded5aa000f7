//! Reads a run log, also one that breaks off.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead},
};

use thiserror::Error;

use super::{Known, Line, Record, SCHEMA};
use crate::{
    check::Verdict,
    report::{tally::Tally, text::push_line},
    words::counted,
};

/// Cases that never ran that are named.
const NAMED: usize = 20;

/// Why a log cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line that is not the last is no record.
    #[error("line {line}: {message}")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// There is no `run` record.
    #[error("is no run log: it has no `run` record")]
    NoRun,
}

/// What a log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Id of the run.
    pub run: String,
    /// The subject, with its version if the run came so far.
    pub subject: String,
    /// Keys of the cases that were to be run.
    pub planned: Vec<String>,
    /// Cases that ended, with their verdicts.
    pub ended: BTreeMap<String, Verdict>,
    /// Checks by verdict.
    pub checks: BTreeMap<Verdict, usize>,
    /// Failed checks by rule; those that are not public under `withheld`.
    pub failed: BTreeMap<String, usize>,
    /// Whether the run came to its end.
    pub complete: bool,
    /// Whether the last line breaks off.
    pub breaks_off: bool,
}

/// Reads a log.
///
/// # Errors
/// It cannot be read, or is no run log. A last line that breaks off is no error.
pub fn read(mut input: impl BufRead) -> Result<Digest, ReadError> {
    let mut digest = Digest::default();
    let mut begun = false;
    let mut number: usize = 0;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        number = number.saturating_add(1);
        match serde_json::from_slice::<Line>(&bytes) {
            Ok(line) if line.schema == SCHEMA => {
                begun |= matches!(line.record, Record::Run { .. });
                digest.add(line);
            }
            Ok(line) => {
                let message = format!("format {}, not {SCHEMA}", line.schema);
                return Err(ReadError::Malformed {
                    line: number,
                    message,
                });
            }
            Err(_) if !bytes.ends_with(b"\n") => digest.breaks_off = true,
            Err(error) => {
                return Err(ReadError::Malformed {
                    line: number,
                    message: error.to_string(),
                });
            }
        }
    }
    if begun { Ok(digest) } else { Err(ReadError::NoRun) }
}

impl Digest {
    fn add(&mut self, line: Line) {
        match line.record {
            Record::Run {
                run, subject, cases, ..
            } => {
                (self.run, self.subject, self.planned) = (run, subject, cases);
            }
            Record::Subject { hello } => self.subject = format!("{} {}", hello.name, hello.version),
            Record::CaseEnd { verdict, .. } => {
                self.ended.insert(line.key, verdict);
            }
            Record::Check {
                rule, verdict, known, ..
            } => {
                let count = self.checks.entry(verdict).or_default();
                *count = count.saturating_add(1);
                if verdict >= Verdict::Warn {
                    let withheld = known == Some(Known::Withheld);
                    let name = if withheld {
                        "withheld".to_owned()
                    } else {
                        rule.unwrap_or_default()
                    };
                    let count = self.failed.entry(name).or_default();
                    *count = count.saturating_add(1);
                }
            }
            Record::RunEnd { .. } => self.complete = true,
            Record::CaseStart { .. } | Record::Call { .. } | Record::Timing { .. } => {}
        }
    }

    /// Cases that never ran, in order of the plan.
    #[must_use]
    pub fn never_ran(&self) -> Vec<&str> {
        let ended: BTreeSet<&str> = self.ended.keys().map(String::as_str).collect();
        self.planned
            .iter()
            .map(String::as_str)
            .filter(|key| !ended.contains(key))
            .collect()
    }

    /// The digest as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let end = if self.complete { "" } else { " (interrupted)" };
        push_line(&mut text, &format!("run {} of {}{end}", self.run, self.subject));
        let mut cases = BTreeMap::new();
        for verdict in self.ended.values() {
            let count: &mut usize = cases.entry(*verdict).or_default();
            *count = count.saturating_add(1);
        }
        for (what, counts) in [("cases", &cases), ("checks", &self.checks)] {
            let words: Vec<String> = Tally::words(counts).into_iter().map(|(_, words)| words).collect();
            push_line(&mut text, &format!("{what}: {}", words.join(", ")));
        }
        if !self.failed.is_empty() {
            push_line(&mut text, "failed checks by rule");
        }
        for (rule, count) in &self.failed {
            push_line(&mut text, &format!("  {rule} {count}"));
        }
        self.missing(&mut text);
        text
    }

    fn missing(&self, text: &mut String) {
        let missing = self.never_ran();
        if missing.is_empty() {
            return;
        }
        let all = self.planned.len();
        push_line(
            text,
            &format!("{} of {all} never ran", counted(missing.len(), "case")),
        );
        for key in missing.iter().take(NAMED) {
            push_line(text, &format!("  {key}"));
        }
        let unnamed = missing.len().saturating_sub(NAMED);
        if unnamed > 0 {
            push_line(text, &format!("  and {unnamed} more"));
        }
    }
}
