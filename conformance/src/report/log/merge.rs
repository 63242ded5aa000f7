//! One log in the order of the run, of one log or of several that hold parts of the same run. It has no times, so that
//! it is the same whatever the order in which cases were run, and wherever.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Seek, Write},
};

use thiserror::Error;

use super::{
    Check, Expectation, Finish, Index, Known, Line, Record, SCHEMA, Unique,
    index::part,
    lines::{Lines, ReadError},
};
use crate::{check::Verdict, expectations::Complaint, runner::repeated};

/// Why logs cannot be merged.
#[derive(Debug, Error)]
pub enum MergeError {
    /// A log cannot be read.
    #[error("{0}: {1}")]
    Read(String, ReadError),
    /// A log is of another run than the first one.
    #[error("{0} is of another run than {1}: subject, seed, version and choice of cases have to be the same")]
    OtherRun(String, String),
    /// The same case stands in two logs.
    #[error("case {case} stands in {one} and in {other}")]
    Twice {
        /// The case.
        case: String,
        /// One log.
        one: String,
        /// The other.
        other: String,
    },
    /// The merged log cannot be written.
    #[error("{0}")]
    Write(io::Error),
}

/// What a merged log comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Whether every part of the run is there and came to its end.
    pub complete: bool,
    /// Whether everything is as it should be, or as it is known to be.
    pub good: bool,
    /// Number of cases.
    pub cases: usize,
    /// Number of cases that were to be run and did not come to an end.
    pub missing: usize,
}

/// A log with its name.
pub type Named<R> = (String, R);

/// Merges logs of parts of a run. Checks that need several cases are made anew, over all of them.
///
/// # Errors
/// A log cannot be read, they are not of one run, or the result cannot be written.
pub fn merge<R: BufRead + Seek>(logs: &mut [Named<R>], out: impl Write) -> Result<Merged, MergeError> {
    let mut indexes = Vec::new();
    for (name, log) in logs.iter_mut() {
        let index = Index::of(log).map_err(|error| MergeError::Read(name.clone(), error))?;
        indexes.push((name.clone(), index));
    }
    let places = places(&indexes)?;
    let mut merger = Merger::new(out, &indexes);
    merger.begin().map_err(MergeError::Write)?;
    for key in merger.order() {
        let Some(place) = places.get(key) else { continue };
        if let (Some((name, log)), Some((_, index))) = (logs.get_mut(*place), indexes.get(*place)) {
            let moved = merger.case(key, index, log);
            moved.map_err(|error| match error {
                CaseError::Read(error) => MergeError::Read(name.clone(), error),
                CaseError::Write(error) => MergeError::Write(error),
            })?;
        }
    }
    merger.finish().map_err(MergeError::Write)
}

/// In which log each case stands.
fn places(indexes: &[(String, Index)]) -> Result<BTreeMap<&str, usize>, MergeError> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let Some((first, whole)) = indexes.first() else {
        return Ok(places);
    };
    for (place, (name, index)) in indexes.iter().enumerate() {
        let mut same = index.start.clone();
        same.shard = whole.start.shard;
        let hello = index.hello.as_ref().zip(whole.hello.as_ref());
        if same != whole.start || hello.is_some_and(|(one, other)| one != other) {
            return Err(MergeError::OtherRun(name.clone(), first.clone()));
        }
        for case in index.cases.keys() {
            if let Some((other, _)) = places.insert(case, place).and_then(|at| indexes.get(at)) {
                return Err(MergeError::Twice {
                    case: case.clone(),
                    one: other.clone(),
                    other: name.clone(),
                });
            }
        }
    }
    Ok(places)
}

enum CaseError {
    Read(ReadError),
    Write(io::Error),
}

struct Merger<'a, W> {
    out: W,
    indexes: &'a [(String, Index)],
    /// The last case that has a value, by rule and value.
    seen: BTreeMap<(&'a str, &'a [u8]), &'a str>,
    verdicts: BTreeMap<Verdict, usize>,
    unexpected: usize,
    expectations: BTreeMap<usize, Expectation>,
    complaints: Vec<Complaint>,
}

impl<'a, W: Write> Merger<'a, W> {
    fn new(out: W, indexes: &'a [(String, Index)]) -> Self {
        let strict = indexes.first().is_some_and(|(_, index)| index.start.strict);
        // What failed only across the cases of one part is counted again below.
        let unexpected = indexes.iter().map(|(_, index)| {
            let late = index
                .late
                .values()
                .flatten()
                .filter(|check| check.fails_run(strict));
            let all = index.end.as_ref().map_or(0, |end| end.unexpected);
            all.saturating_sub(late.count())
        });
        Self {
            unexpected: unexpected.sum(),
            out,
            indexes,
            seen: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            expectations: added(indexes),
            complaints: Vec::new(),
        }
    }

    fn first(&self) -> Option<&'a Index> {
        self.indexes.first().map(|(_, index)| index)
    }

    fn order(&self) -> impl Iterator<Item = &'a str> + use<'a, W> {
        let cases = self
            .first()
            .map(|index| index.start.cases.iter().map(String::as_str));
        cases.into_iter().flatten()
    }

    fn begin(&mut self) -> io::Result<()> {
        let Some(first) = self.first() else { return Ok(()) };
        let mut start = first.start.clone();
        start.shard = None;
        self.record("run", Record::Run(Box::new(start)))?;
        let known = |(_, index): &'a (String, Index)| Some((index.hello.clone()?, index));
        match self.indexes.iter().find_map(known) {
            Some((hello, index)) => {
                let key = format!("subject {}", hello.name);
                let subject = Record::Subject {
                    hello: Box::new(hello),
                    control: Box::new(index.control.clone()),
                    origin: Box::new(index.origin.clone()),
                };
                self.record(&key, subject)
            }
            None => Ok(()),
        }
    }

    /// Moves a case. The check that needs several cases stands before its end.
    fn case(
        &mut self,
        key: &'a str,
        index: &'a Index,
        log: &mut (impl BufRead + Seek),
    ) -> Result<(), CaseError> {
        let Some(span) = index.cases.get(key) else {
            return Ok(());
        };
        let strict = index.start.strict;
        let text = part(log, span).map_err(|error| CaseError::Read(error.into()))?;
        let mut lines = Lines::new(BufReader::new(text));
        let mut late = index.unique.get(key).map(|unique| self.late(unique));
        while lines.next().map_err(CaseError::Read)?.is_some() {
            let head = lines.head().map_err(CaseError::Read)?;
            if head.record == "timing" {
                continue;
            }
            if head.record != "case-end" {
                self.out.write_all(lines.bytes()).map_err(CaseError::Write)?;
                continue;
            }
            let Record::CaseEnd { mut verdict, end } = lines.record().map_err(CaseError::Read)?.record else {
                continue;
            };
            if let Some(check) = late.take() {
                // A check that passes does not make a case green that could not be played to its end.
                if check.verdict > Verdict::Pass {
                    verdict = verdict.max(check.verdict);
                }
                self.unexpected = self
                    .unexpected
                    .saturating_add(usize::from(check.fails_run(strict)));
                self.record(&check.late_key(), Record::Check(Box::new(check)))
                    .map_err(CaseError::Write)?;
            }
            let count = self.verdicts.entry(verdict).or_default();
            *count = count.saturating_add(1);
            self.record(key, Record::CaseEnd { verdict, end })
                .map_err(CaseError::Write)?;
        }
        Ok(())
    }

    /// The check of a value, over all cases up to this one.
    fn late(&mut self, unique: &'a Unique) -> Check {
        let earlier = self.seen.insert((&unique.rule, &unique.value), &unique.case);
        let known = unique.known.filter(|_| earlier.is_some());
        if let Some(expectation) = unique
            .expectation
            .and_then(|number| self.expectations.get_mut(&number))
        {
            expectation.counts.add_late(earlier.is_some());
        }
        let open = known != Some(Known::Withheld);
        Check {
            case: unique.case.clone(),
            rule: open.then(|| unique.rule.clone()),
            side: unique.side,
            verdict: earlier.map_or(Verdict::Pass, |_| unique.verdict),
            call: open.then_some(unique.call),
            message: earlier.filter(|_| open).map(repeated).unwrap_or_default(),
            range: open.then_some(unique.range),
            known,
        }
    }

    /// Writes the end, if every part of the run came to its own.
    fn finish(mut self) -> io::Result<Merged> {
        let cases: usize = self.verdicts.values().sum();
        let missing = self.order().count().saturating_sub(cases);
        let complete = self.is_complete();
        let mut good = false;
        if complete {
            for expectation in std::mem::take(&mut self.expectations).into_values() {
                let key = format!("expectation {}", expectation.number);
                self.complaints.extend(expectation.complaints());
                self.record(&key, Record::Expectation(Box::new(expectation)))?;
            }
            let decided = self.verdicts.keys().any(|verdict| *verdict >= Verdict::Pass);
            let mut controls = self.indexes.iter().map(|(_, index)| &index.control);
            let kept = controls.all(|control| control.broken_claim.is_none());
            good = decided && kept && self.unexpected == 0 && self.complaints.is_empty();
            let names = self.verdicts.iter();
            let end = Finish {
                cases: names
                    .map(|(verdict, count)| (verdict.name().to_owned(), *count))
                    .collect(),
                unexpected: self.unexpected,
                complaints: std::mem::take(&mut self.complaints),
                good,
            };
            self.record("run", Record::RunEnd(Box::new(end)))?;
        }
        self.out.flush()?;
        Ok(Merged {
            complete,
            good,
            cases,
            missing,
        })
    }

    /// Whether every log came to its end, and every case belongs to one of them.
    fn is_complete(&self) -> bool {
        let mine = |key: &str| {
            let mut shards = self.indexes.iter().map(|(_, index)| index.start.shard);
            shards.any(|shard| shard.is_none_or(|shard| shard.has(key)))
        };
        let ended = self.indexes.iter().all(|(_, index)| index.end.is_some());
        ended && self.order().all(mine)
    }

    fn record(&mut self, key: &str, record: Record) -> io::Result<()> {
        let line = Line {
            schema: SCHEMA,
            key: key.to_owned(),
            record,
        };
        let text = serde_json::to_string(&line).map_err(io::Error::other)?;
        writeln!(self.out, "{text}")
    }
}

/// The counts of all parts, by number of the entry.
fn added(indexes: &[(String, Index)]) -> BTreeMap<usize, Expectation> {
    let mut all: BTreeMap<usize, Expectation> = BTreeMap::new();
    for expectation in indexes.iter().flat_map(|(_, index)| &index.expectations) {
        match all.get_mut(&expectation.number) {
            Some(known) => known.counts.merge(&expectation.counts),
            None => {
                all.insert(expectation.number, expectation.clone());
            }
        }
    }
    all
}
