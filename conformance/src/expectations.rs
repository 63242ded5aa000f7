//! Expectations: what a subject is known to do otherwise. A failure that no entry matches is unexpected, and an entry
//! that does not hold any more is out of date; both fail a run.

mod counts;

use std::path::Path as FilePath;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::{Finding, Verdict},
    protocol::Role,
    run::case,
    runner::CaseResult,
    suite::{Suite, rule::Effect},
    yaml::{Document, End, Located, Path},
};

pub use counts::{Complaint, Counts, Trouble};

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
    /// Versions that it holds for: patterns such as `0.12.*`; all if absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Whether it is not for the version that is run.
    #[serde(skip)]
    pub set_aside: bool,
    /// Whether it answers for whatever must not be told, if there is anything: crashes only, or all failures.
    #[serde(skip)]
    pub withholds: Option<Withheld>,
    /// What is deviant, and why we believe that it is not us: the evidence.
    pub reason: String,
    /// Why it counts as a deviation of theirs and not of ours: the sections of the specification that were read, what at
    /// least two other implementations do in the same cases, and what blame or the accepting twin shows. Absent until
    /// somebody has done that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<String>,
    /// Where it is discussed with the people who can change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Fails in some runs only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flaky: bool,
}

/// What must not be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// Every failure of a rule.
    Failures,
    /// Ends of the subject's process, and calls that went on where an acceptor, or who checks a message, was to refuse.
    Symptoms,
}

/// Public and private expectations of a subject.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    entries: Vec<(Entry, bool)>,
    seen_with: String,
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
    /// What is wrong with entries.
    pub complaints: Vec<Complaint>,
    /// What each entry matches; nothing unless the whole suite was run.
    pub counts: Vec<Counts>,
}

impl Outcome {
    /// Whether everything is as expected.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.unexpected.is_empty() && self.complaints.is_empty()
    }
}

impl Expectations {
    /// The expectations of a file.
    ///
    /// # Errors
    /// The file cannot be read, or is malformed.
    pub fn load(path: &FilePath) -> Result<Self, Vec<Located>> {
        let mut expectations = Self::default();
        expectations.add(path, false)?;
        Ok(expectations)
    }

    /// Adds a file of private expectations: findings that are not public yet.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn add_private(&mut self, path: &FilePath) -> Result<(), Vec<Located>> {
        self.add(path, true)
    }

    fn add(&mut self, path: &FilePath, private: bool) -> Result<(), Vec<Located>> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| vec![Located::whole_file(&shown, format!("cannot be read: {error}"))])?;
        let document = Document::new(&shown, &text);
        let file: ExpectationsFile = document.read().map_err(|error| vec![*error])?;
        let wrong = contradictions(&document, &file.expectations);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        if !private {
            self.seen_with = file.seen_with;
        }
        // Private entries are looked at first, so that no wider public one shows what they withhold.
        let place = if private { 0 } else { self.entries.len() };
        self.entries.splice(
            place..place,
            file.expectations.into_iter().map(|entry| (entry, private)),
        );
        Ok(())
    }

    /// Sets the entries aside that are not for a version.
    #[must_use]
    pub fn for_version(mut self, version: Option<&str>) -> Self {
        for (entry, _) in &mut self.entries {
            let holds = |version: &str| {
                entry
                    .versions
                    .iter()
                    .any(|pattern| case::component(pattern, version))
            };
            entry.set_aside = !entry.versions.is_empty() && version.is_some_and(|version| !holds(version));
        }
        self
    }

    /// Withholds what private entries would: failures of rules whose breach can let somebody in, acceptors and checks of
    /// messages that go on where they were to refuse, and crashes. What an entry of the file is about stays its own.
    pub fn withhold(&mut self, suite: &Suite) {
        let entry = |rule: &str, withholds| Entry {
            rule: rule.to_owned(),
            withholds: Some(withholds),
            ..Entry::default()
        };
        let bypass = suite
            .rules
            .iter()
            .filter(|(_, entry)| entry.rule.effect == Effect::Bypass);
        let bypass = bypass.map(|(id, _)| entry(id, Withheld::Failures));
        let crashes = suite.rules.keys().map(|id| entry(id, Withheld::Symptoms));
        self.entries
            .extend(bypass.chain(crashes).map(|entry| (entry, true)));
    }

    /// The implementation and version that the public entries were seen with; empty if the file does not say.
    #[must_use]
    pub fn seen_with(&self) -> &str {
        &self.seen_with
    }

    /// Holds the failures of a run against the entries. Whether entries are out of date shows only in a run of the
    /// whole suite.
    #[must_use]
    pub fn judge(&self, results: &[CaseResult], whole_suite: bool) -> Outcome {
        let mut outcome = Outcome::default();
        let mut counts = self.no_counts();
        for (place, result) in results.iter().enumerate() {
            let taken = self.count(result, &mut counts);
            for (number, entry) in taken.into_iter().enumerate() {
                match entry {
                    Taken::Passes => {}
                    Taken::Nobody => outcome.unexpected.push((place, number)),
                    Taken::By(entry) if self.is_private(entry) => {
                        outcome.withheld = outcome.withheld.saturating_add(1);
                    }
                    Taken::By(entry) => outcome.expected.push((place, number, entry)),
                }
            }
        }
        if whole_suite {
            outcome.complaints = self.complaints(&counts);
            outcome.counts = counts;
        }
        outcome
    }

    /// A count for each entry, of nothing yet.
    #[must_use]
    pub fn no_counts(&self) -> Vec<Counts> {
        let patterns = |(entry, _): &(Entry, bool)| Counts {
            patterns: vec![0; entry.cases.len()],
            ..Counts::default()
        };
        self.entries.iter().map(patterns).collect()
    }

    /// Adds the checks of a case to the counts, and says of each finding which entry takes it: the first that matches.
    pub fn count(&self, result: &CaseResult, counts: &mut [Counts]) -> Vec<Taken> {
        let one = |finding: &Finding| {
            let taken = self.taken(&result.case, finding);
            for (number, ((entry, _), counts)) in self.entries.iter().zip(counts.iter_mut()).enumerate() {
                counts.add(entry, number, &result.case, finding, taken);
            }
            taken
        };
        result.findings.iter().map(one).collect()
    }

    /// Which entry takes a finding of a case.
    #[must_use]
    pub fn taken(&self, case: &str, finding: &Finding) -> Taken {
        let matches = |(entry, _): &(Entry, bool)| {
            entry.selects(case, finding) && entry.has_shape(finding) && entry.may_withhold(finding)
        };
        match counts_against(finding) {
            false => Taken::Passes,
            true => match self.entries.iter().position(matches) {
                Some(entry) => Taken::By(entry),
                None => Taken::Nobody,
            },
        }
    }

    /// Whether an entry is not public.
    #[must_use]
    pub fn is_private(&self, number: usize) -> bool {
        self.entries.get(number).is_some_and(|(_, private)| *private)
    }

    /// The entries of the public file or of the private one, in its order, with their numbers.
    pub fn entries(&self, private: bool) -> impl Iterator<Item = (usize, &Entry)> {
        let all = self.entries.iter().enumerate();
        all.filter(move |(_, (_, it))| *it == private)
            .map(|(number, (entry, _))| (number, entry))
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn complaints(&self, counts: &[Counts]) -> Vec<Complaint> {
        let all = self.entries.iter().zip(counts);
        all.flat_map(|((entry, private), counts)| Complaint::of(entry, *private, counts))
            .collect()
    }

    /// The entry behind a number of [`Outcome::expected`].
    #[must_use]
    pub fn entry(&self, number: usize) -> Option<&Entry> {
        self.entries.get(number).map(|(entry, _)| entry)
    }
}

impl FromIterator<Entry> for Expectations {
    /// Public expectations.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().map(|entry| (entry, false)).collect(),
            seen_with: String::new(),
        }
    }
}

/// Who answers for a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is no failure.
    Passes,
    /// It is a failure that no entry matches.
    Nobody,
    /// It is a failure that the entry with this number matches first.
    By(usize),
}

/// Whether a finding needs an entry: failures and warnings.
fn counts_against(finding: &Finding) -> bool {
    finding.verdict >= Verdict::Warn && finding.verdict != Verdict::HarnessFault
}

impl Entry {
    /// Whether a check is one of those that the entry is about, whatever came of it.
    fn selects(&self, case: &str, finding: &Finding) -> bool {
        !self.set_aside
            && self.rule == finding.rule
            && self.role.is_none_or(|role| role == finding.side)
            && (self.cases.is_empty() || self.cases.iter().any(|pattern| case::matches(pattern, case)))
    }

    fn may_withhold(&self, finding: &Finding) -> bool {
        let crash = finding.verdict == Verdict::Crash;
        self.withholds != Some(Withheld::Symptoms) || crash || finding.let_in()
    }

    /// Whether it says something about a subject, so that it can be wrong.
    #[must_use]
    pub fn is_a_claim(&self) -> bool {
        !self.set_aside && self.withholds.is_none()
    }

    fn has_shape(&self, finding: &Finding) -> bool {
        let shape = self.shape.as_ref();
        shape.is_none_or(|shape| finding.message.contains(shape.as_str()))
    }

    /// What the entry is called in reports.
    #[must_use]
    pub fn name(&self) -> String {
        let role = self
            .role
            .map(|role| format!(" as {}", role.name()))
            .unwrap_or_default();
        let cases = if self.cases.is_empty() {
            String::new()
        } else {
            format!(" in {}", self.cases.join(", "))
        };
        let shape = self.shape.as_ref().map(|shape| format!(" with `{shape}`"));
        format!("{}{role}{cases}{}", self.rule, shape.unwrap_or_default())
    }
}

/// Entries that cannot hold: each by itself, or beside an earlier one.
fn contradictions(document: &Document<'_>, entries: &[Entry]) -> Vec<Located> {
    let mut wrong = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let mut tell = |field: &str, message: &str| {
            let place = Path::root().at("expectations").at(number).at(field);
            wrong.push(document.error(&place, End::Value, message));
        };
        if entry.count == Some(0) {
            tell(
                "count",
                "an entry is about checks that fail, and this one says that none does",
            );
        }
        if entry.flaky && entry.count.is_some() {
            tell(
                "count",
                "what fails in some runs only has no fixed number of checks",
            );
        }
        if entry.reason.trim().is_empty() {
            tell("reason", "the reason is empty");
        }
        let same = |earlier: &Entry| {
            (
                &earlier.rule,
                earlier.role,
                &earlier.cases,
                &earlier.shape,
                &earlier.versions,
            ) == (
                &entry.rule,
                entry.role,
                &entry.cases,
                &entry.shape,
                &entry.versions,
            )
        };
        if entries.iter().take(number).any(same) {
            tell("rule", "an earlier entry is about the same checks");
        }
    }
    wrong
}
