//! Expectations: what a subject is known to do otherwise. An entry that matches nothing is stale, and a failure that
//! no entry matches is unexpected; both fail a run.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::{Finding, Verdict},
    protocol::Role,
    run::case,
    runner::CaseResult,
    yaml::{Document, Located},
};

/// One file of expectations.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectationsFile {
    /// The implementation and version that the entries were seen with.
    #[serde(default)]
    pub seen_with: String,
    /// The entries.
    #[serde(default)]
    pub expectations: Vec<Entry>,
}

/// A known deviation.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Entry {
    /// The rule that is broken.
    pub rule: String,
    /// The role in which it is broken; both if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Cases in which it shows: patterns over ids; all if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<String>,
    /// What the failure says, as a part of its message: a failure of another shape is a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<String>,
    /// How many checks fail because of it; another number is a change. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// What is deviant, and why we believe that it is not us: the evidence.
    pub reason: String,
    /// Where it is discussed with the people who can change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Fails in some runs only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
}

/// Public and private expectations of a subject.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    entries: Vec<(Entry, bool)>,
}

/// What the expectations make of a run's failures.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Failed checks that no entry matches: result and finding.
    pub unexpected: Vec<(usize, usize)>,
    /// Failed checks that a public entry matches: result, finding and entry.
    pub expected: Vec<(usize, usize, usize)>,
    /// Number of failed checks that a private entry matches; nothing else of them may show.
    pub withheld: usize,
    /// Entries that match no failure, in words.
    pub stale: Vec<String>,
    /// Entries that match another number of failures than they say, in words.
    pub changed: Vec<String>,
}

impl Outcome {
    /// Whether everything is as expected.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unexpected.is_empty() && self.stale.is_empty() && self.changed.is_empty()
    }
}

impl Expectations {
    /// The expectations of a file.
    ///
    /// # Errors
    /// The file cannot be read, or is malformed.
    pub fn load(path: &Path) -> Result<Self, Vec<Located>> {
        let mut expectations = Self::default();
        expectations.add(path, false)?;
        Ok(expectations)
    }

    /// Adds a file of private expectations: findings that are not public yet.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn add_private(&mut self, path: &Path) -> Result<(), Vec<Located>> {
        self.add(path, true)
    }

    fn add(&mut self, path: &Path, private: bool) -> Result<(), Vec<Located>> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| vec![Located::whole_file(&shown, format!("cannot be read: {error}"))])?;
        let file: ExpectationsFile = Document::new(&shown, &text)
            .read()
            .map_err(|error| vec![*error])?;
        // Private entries are looked at first, so that no wider public one shows what they withhold.
        let place = if private { 0 } else { self.entries.len() };
        self.entries.splice(
            place..place,
            file.expectations.into_iter().map(|entry| (entry, private)),
        );
        Ok(())
    }

    /// Holds the failures of a run against the entries.
    #[must_use]
    pub fn judge(&self, results: &[CaseResult], whole_suite: bool) -> Outcome {
        let mut outcome = Outcome::default();
        let mut counts = vec![0usize; self.entries.len()];
        for (place, result) in results.iter().enumerate() {
            for (number, finding) in result
                .findings
                .iter()
                .enumerate()
                .filter(|(_, finding)| counts_against(finding))
            {
                match self
                    .entries
                    .iter()
                    .position(|(entry, _)| entry.matches(result, finding))
                {
                    None => outcome.unexpected.push((place, number)),
                    Some(entry) => {
                        if let Some(count) = counts.get_mut(entry) {
                            *count = count.saturating_add(1);
                        }
                        match self.entries.get(entry) {
                            Some((_, true)) => outcome.withheld = outcome.withheld.saturating_add(1),
                            _ => outcome.expected.push((place, number, entry)),
                        }
                    }
                }
            }
        }
        if whole_suite {
            self.compare_counts(&counts, &mut outcome);
        }
        outcome
    }

    /// The entry behind a number of [`Outcome::expected`].
    #[must_use]
    pub fn entry(&self, number: usize) -> Option<&Entry> {
        self.entries.get(number).map(|(entry, _)| entry)
    }

    fn compare_counts(&self, counts: &[usize], outcome: &mut Outcome) {
        for ((entry, private), count) in self.entries.iter().zip(counts) {
            let name = if *private {
                "a private entry".to_owned()
            } else {
                entry.name()
            };
            if *count == 0 && !entry.flaky {
                outcome.stale.push(name);
            } else if let Some(expected) = entry.count.filter(|expected| expected != count && !entry.flaky) {
                outcome.changed.push(format!(
                    "{name}: {expected} checks were expected to fail, {count} do"
                ));
            }
        }
    }
}

/// Whether a finding needs an entry: failures and warnings.
fn counts_against(finding: &Finding) -> bool {
    finding.verdict >= Verdict::Warn && finding.verdict != Verdict::HarnessFault
}

impl Entry {
    fn matches(&self, result: &CaseResult, finding: &Finding) -> bool {
        self.rule == finding.rule
            && self.role.is_none_or(|role| role == finding.side)
            && (self.cases.is_empty()
                || self
                    .cases
                    .iter()
                    .any(|pattern| case::matches(pattern, &result.case)))
            && self
                .shape
                .as_ref()
                .is_none_or(|shape| finding.message.contains(shape.as_str()))
    }

    fn name(&self) -> String {
        let role = self
            .role
            .map(|role| format!(" as {}", role.name()))
            .unwrap_or_default();
        let cases = if self.cases.is_empty() {
            String::new()
        } else {
            format!(" in {}", self.cases.join(", "))
        };
        format!("{}{role}{cases}", self.rule)
    }
}
