//! Counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::{check::Verdict, runner::CaseResult};

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases by verdict.
    pub cases: BTreeMap<Verdict, usize>,
    /// Checks by verdict.
    pub checks: BTreeMap<Verdict, usize>,
    /// Rules that at least one check decided.
    pub rules: BTreeSet<String>,
    /// What subjects do not show, with the number of checks that need it.
    pub unseen: BTreeMap<String, usize>,
    /// What subjects cannot do, with the number of cases that need it.
    pub unsupported: BTreeMap<String, usize>,
}

impl Tally {
    /// The counts of results.
    #[must_use]
    pub fn of<'a>(results: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut tally = Self::default();
        for result in results {
            add(&mut tally.cases, result.verdict);
            for finding in &result.findings {
                add(&mut tally.checks, finding.verdict);
                match finding.verdict {
                    Verdict::NotApplicable => add(&mut tally.unseen, finding.message.clone()),
                    Verdict::Unsupported => add(&mut tally.unsupported, finding.message.clone()),
                    _ => {
                        if !tally.rules.contains(&finding.rule) {
                            tally.rules.insert(finding.rule.clone());
                        }
                    }
                }
            }
        }
        tally
    }

    /// Number of cases.
    #[must_use]
    pub fn case_count(&self) -> usize {
        self.cases.values().sum()
    }

    /// Number of checks that were decided.
    #[must_use]
    pub fn check_count(&self) -> usize {
        let decided = self
            .checks
            .iter()
            .filter(|(verdict, _)| **verdict >= Verdict::Pass);
        decided.map(|(_, count)| count).sum()
    }

    /// Counts by verdict in words, worst first, passes before everything that was not decided.
    #[must_use]
    pub fn words(counts: &BTreeMap<Verdict, usize>) -> Vec<(Verdict, String)> {
        let order = |verdict: &Verdict| match verdict {
            Verdict::Pass => 0,
            Verdict::Unsupported => 2,
            Verdict::NotApplicable => 3,
            _ => 1,
        };
        let mut rows: Vec<(Verdict, usize)> = counts
            .iter()
            .rev()
            .map(|(verdict, count)| (*verdict, *count))
            .collect();
        rows.sort_by_key(|(verdict, _)| order(verdict));
        rows.into_iter()
            .map(|(verdict, count)| (verdict, format!("{count} {}", verdict.name())))
            .collect()
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}
