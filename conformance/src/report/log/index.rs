//! Where everything stands in a log, so that cases can be read in any order without holding the log in memory.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Read, Seek, SeekFrom},
    ops::Range,
};

use super::{
    Check, Expectation, Finish, Record, Start, Unique,
    lines::{Lines, ReadError},
};
use crate::{control::Control, protocol::Hello, subject::description::Origin};

/// A place in a log, in bytes.
pub type Span = Range<u64>;

/// What a log holds, and where its cases stand.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// What was to be run.
    pub start: Start,
    /// Who was under test; none if the run did not come so far.
    pub hello: Option<Hello>,
    /// What was steered of it.
    pub control: Control,
    /// Where it comes from.
    pub origin: Origin,
    /// From `case-start` up to and with `case-end`, for cases that came to an end.
    pub cases: BTreeMap<String, Span>,
    /// Values that no two cases may have in common, by case.
    pub unique: BTreeMap<String, Unique>,
    /// Checks that came after all cases, by case.
    pub late: BTreeMap<String, Vec<Check>>,
    /// Known deviations.
    pub expectations: Vec<Expectation>,
    /// The last record; none if the run was interrupted.
    pub end: Option<Finish>,
}

impl Index {
    /// Reads a log through.
    ///
    /// # Errors
    /// It cannot be read, or is no run log. A last line that breaks off is no error, and neither is a case that does.
    pub fn of(input: impl BufRead) -> Result<Self, ReadError> {
        let mut index = Self::default();
        let mut lines = Lines::new(input);
        let mut open: Option<(String, u64)> = None;
        let mut begun = false;
        while let Some(span) = lines.next()? {
            let head = lines.head()?;
            match head.record.as_ref() {
                "case-start" => open = Some((head.key.into_owned(), span.start)),
                "case-end" => {
                    let closed = open.take().filter(|(key, _)| *key == head.key);
                    if let Some((key, start)) = closed
                        && index.cases.insert(key.clone(), start..span.end).is_some()
                    {
                        return Err(lines.malformed(&format!("case {key} stands here a second time")));
                    }
                }
                "check" if open.is_some() => {}
                "call" | "timing" => {}
                _ => {
                    begun |= head.record == "run";
                    index.add(lines.record()?.record);
                }
            }
        }
        if begun { Ok(index) } else { Err(ReadError::NoRun) }
    }

    fn add(&mut self, record: Record) {
        match record {
            Record::Run(start) => self.start = *start,
            Record::Subject {
                hello,
                control,
                origin,
            } => (self.hello, self.control, self.origin) = (Some(*hello), *control, *origin),
            Record::Unique(unique) => {
                self.unique.insert(unique.case.clone(), *unique);
            }
            Record::Check(check) => self.late.entry(check.case.clone()).or_default().push(*check),
            Record::Expectation(expectation) => self.expectations.push(*expectation),
            Record::RunEnd(end) => self.end = Some(*end),
            Record::CaseStart { .. }
            | Record::Call { .. }
            | Record::CaseEnd { .. }
            | Record::Timing { .. } => {}
        }
    }

    /// The keys of cases that were to be run and did not come to an end, in order.
    pub fn never_ran(&self) -> impl Iterator<Item = &str> {
        self.start.planned().filter(|key| !self.cases.contains_key(*key))
    }
}

/// A part of a log.
pub(super) fn part<'a, R: Read + Seek>(input: &'a mut R, span: &Span) -> io::Result<io::Take<&'a mut R>> {
    input.seek(SeekFrom::Start(span.start))?;
    Ok(input.take(span.end.saturating_sub(span.start)))
}

/// The checks of a case, without those that came after all cases.
pub(in crate::report) fn checks(
    input: &mut (impl Read + Seek),
    span: &Span,
) -> Result<Vec<Check>, ReadError> {
    let records = records(input, span, |kind| kind == "check")?;
    let checks = records.into_iter().filter_map(|record| match record {
        Record::Check(check) => Some(*check),
        _ => None,
    });
    Ok(checks.collect())
}

/// The records of a case whose kind is wanted, in order.
pub(in crate::report) fn records(
    input: &mut (impl Read + Seek),
    span: &Span,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    let mut lines = Lines::new(io::BufReader::new(part(input, span)?));
    while lines.next()?.is_some() {
        if wanted(&lines.head()?.record) {
            records.push(lines.record()?.record);
        }
    }
    Ok(records)
}
