//! Reads a run log, also one that breaks off.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
};

use super::{
    Check, Known, Line, Record,
    lines::{Lines, ReadError},
};
use crate::{
    check::Verdict,
    report::{tally::Tally, text::push_line},
    run::portion::Shard,
    words::counted,
};

/// Cases that never ran that are named.
const NAMED: usize = 20;

/// What a log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Id of the run.
    pub run: String,
    /// The subject, with its version if the run came so far.
    pub subject: String,
    /// The part of the run that the log holds; none for all of it.
    pub shard: Option<Shard>,
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

/// Hands out the records of a log, one by one. A last line that breaks off is no error.
///
/// # Errors
/// The log cannot be read, or is no run log.
pub fn each(input: impl BufRead, mut with: impl FnMut(Record)) -> Result<(), ReadError> {
    let mut lines = Lines::new(input);
    let mut begun = false;
    while lines.next()?.is_some() {
        let record = lines.record()?.record;
        begun |= matches!(record, Record::Run(_));
        with(record);
    }
    if begun { Ok(()) } else { Err(ReadError::NoRun) }
}

/// Reads a log.
///
/// # Errors
/// It cannot be read, or is no run log. A last line that breaks off is no error.
pub fn read(input: impl BufRead) -> Result<Digest, ReadError> {
    let mut digest = Digest::default();
    let mut begun = false;
    let mut lines = Lines::new(input);
    while lines.next()?.is_some() {
        // Most of a log are calls, which count for nothing here.
        if matches!(lines.head()?.record.as_ref(), "call" | "timing") {
            continue;
        }
        let line = lines.record()?;
        begun |= matches!(line.record, Record::Run(_));
        digest.add(line);
    }
    digest.breaks_off = lines.breaks_off;
    if begun { Ok(digest) } else { Err(ReadError::NoRun) }
}

impl Digest {
    fn add(&mut self, line: Line) {
        match line.record {
            Record::Run(start) => {
                self.planned = start.planned().map(str::to_owned).collect();
                (self.run, self.subject, self.shard) = (start.run, start.subject, start.shard);
            }
            Record::Subject { hello, .. } => self.subject = format!("{} {}", hello.name, hello.version),
            Record::CaseEnd { verdict, .. } => {
                self.ended.insert(line.key, verdict);
            }
            Record::Check(check) => {
                let Check {
                    rule, verdict, known, ..
                } = *check;
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
            Record::RunEnd(_) => self.complete = true,
            Record::CaseStart { .. }
            | Record::Call { .. }
            | Record::Unique(_)
            | Record::Expectation(_)
            | Record::Timing { .. } => {}
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
        let shard = self
            .shard
            .map(|shard| format!(", part {shard}"))
            .unwrap_or_default();
        push_line(
            &mut text,
            &format!("run {} of {}{shard}{end}", self.run, self.subject),
        );
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
