//! What an entry matches in a run, and what that says of the entry.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Entry, Taken};
use crate::{
    check::{Finding, Verdict},
    run::case,
    words::counted,
};

/// How many checks an entry has to do with. Counts of parts of a run add up to those of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Checks that it is about, whatever came of them.
    pub checks: usize,
    /// Those that passed.
    pub passed: usize,
    /// Failures that it matches.
    pub matched: usize,
    /// Failures that it answers for: no earlier entry matches them.
    pub taken: usize,
    /// Failures of another shape, for which no entry answers.
    pub reshaped: usize,
    /// Failures that it matches in the cases of each of its patterns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<usize>,
}

impl Counts {
    /// Counts a check.
    pub(super) fn add(&mut self, entry: &Entry, number: usize, case: &str, finding: &Finding, taken: Taken) {
        let up = |count: &mut usize, holds: bool| *count = count.saturating_add(usize::from(holds));
        if !entry.selects(case, finding) {
            return;
        }
        let shaped = taken != Taken::Passes && entry.has_shape(finding);
        up(&mut self.checks, true);
        up(&mut self.passed, finding.verdict == Verdict::Pass);
        up(&mut self.matched, shaped);
        up(&mut self.taken, taken == Taken::By(number));
        up(&mut self.reshaped, taken == Taken::Nobody && !shaped);
        for (pattern, count) in entry.cases.iter().zip(&mut self.patterns) {
            up(count, shaped && case::matches(pattern, case));
        }
    }

    /// Counts a check that comes after all cases, of which is known that the entry answers for its failure.
    pub fn add_late(&mut self, failed: bool) {
        let up = |count: &mut usize, holds: bool| *count = count.saturating_add(usize::from(holds));
        up(&mut self.checks, true);
        up(&mut self.passed, !failed);
        up(&mut self.matched, failed);
        up(&mut self.taken, failed);
    }

    /// Whether the entry as a whole does not hold.
    #[must_use]
    pub fn contradict(&self, entry: &Entry) -> bool {
        entry.is_a_claim() && troubled(entry, self).is_some()
    }

    /// Adds the counts of another part of the run.
    pub fn merge(&mut self, other: &Self) {
        let pairs = [
            (&mut self.checks, other.checks),
            (&mut self.passed, other.passed),
            (&mut self.matched, other.matched),
            (&mut self.taken, other.taken),
            (&mut self.reshaped, other.reshaped),
        ];
        for (count, more) in pairs {
            *count = count.saturating_add(more);
        }
        for (count, more) in self.patterns.iter_mut().zip(&other.patterns) {
            *count = count.saturating_add(*more);
        }
    }
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// What should fail passes.
    UnexpectedPass,
    /// More fails than it says.
    NewMatch,
    /// What it is about fails in another way.
    ChangedShape,
    /// It, or one of its patterns, is about no check of the run that fails.
    Unmatched,
    /// Its checks are there, and none of them fails as it says.
    Stale,
    /// Earlier entries answer for everything that it matches.
    Contradictory,
}

/// An entry that does not hold in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Complaint {
    /// What is wrong.
    pub trouble: Trouble,
    /// The entry; of one that is not public, only that there is one.
    pub entry: String,
    /// What was expected and what came.
    pub message: String,
}

impl Complaint {
    /// What is wrong with an entry by its counts.
    #[must_use]
    pub fn of(entry: &Entry, private: bool, counts: &Counts) -> Vec<Self> {
        let one = |(trouble, message): (Trouble, String)| Self {
            trouble,
            entry: if private {
                "a private entry".to_owned()
            } else {
                entry.name()
            },
            message: if private { String::new() } else { message },
        };
        if !entry.is_a_claim() {
            return Vec::new();
        }
        let found = match troubled(entry, counts) {
            Some(found) => vec![found],
            None => unmatched_patterns(entry, counts),
        };
        found.into_iter().map(one).collect()
    }
}

/// What is wrong with the whole of an entry.
fn troubled(entry: &Entry, counts: &Counts) -> Option<(Trouble, String)> {
    if counts.checks == 0 {
        return Some((Trouble::Unmatched, "it is about no check of this run".to_owned()));
    }
    if entry.flaky {
        return None;
    }
    if counts.matched == 0 {
        return Some(nothing_matched(entry, counts));
    }
    if counts.taken == 0 {
        let all = counted(counts.matched, "failure");
        return Some((
            Trouble::Contradictory,
            format!("earlier entries answer for its {all}"),
        ));
    }
    let expected = entry.count.filter(|expected| *expected != counts.taken)?;
    let trouble = if counts.taken > expected {
        Trouble::NewMatch
    } else {
        Trouble::UnexpectedPass
    };
    let message = format!(
        "{} expected to fail, {} failed",
        counted(expected, "check"),
        counts.taken
    );
    Some((trouble, message))
}

/// Why nothing fails as an entry says, of the checks that it is about.
fn nothing_matched(entry: &Entry, counts: &Counts) -> (Trouble, String) {
    let checks = counted(counts.checks, "check");
    if counts.reshaped > 0 {
        let shape = entry.shape.as_deref().unwrap_or_default();
        let others = counted(counts.reshaped, "check");
        let message = format!("nothing fails with `{shape}`, and {others} otherwise");
        return (Trouble::ChangedShape, message);
    }
    match counts.passed == counts.checks {
        true => (Trouble::UnexpectedPass, format!("{checks} passed")),
        false => (Trouble::Stale, format!("none of {checks} fails as it says")),
    }
}

/// Patterns in whose cases nothing fails as the entry says.
fn unmatched_patterns(entry: &Entry, counts: &Counts) -> Vec<(Trouble, String)> {
    let pairs = entry.cases.iter().zip(&counts.patterns);
    pairs
        .filter(|(_, count)| **count == 0 && !entry.flaky)
        .map(|(pattern, _)| {
            (
                Trouble::Unmatched,
                format!("nothing fails as it says in {pattern}"),
            )
        })
        .collect()
}
