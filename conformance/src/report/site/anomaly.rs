//! Failures of a subject by rule and side, and the choice of cases that are shown in full.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::{
    check::{Finding, Verdict},
    expectations::{Expectations, Taken},
    protocol::Role,
    report::log::{Check, Index},
    suite::{Suite, rule::Effect},
};

/// Cases of one rule and side that have a page of their own; of the others the command that replays them is listed.
pub const SHOWN_IN_FULL: usize = 3;

/// A failed check that is public.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    /// Key of the case.
    pub(super) case: String,
    pub(super) rule: String,
    pub(super) side: Role,
    pub(super) verdict: Verdict,
    /// Number of the call, from 1.
    pub(super) call: Option<usize>,
    pub(super) message: String,
    /// Bytes of the output token.
    pub(super) range: Option<Range<usize>>,
    pub(super) is_known: bool,
}

impl Failed {
    /// A check of a log; none if it does not say its rule.
    pub(super) fn of(check: Check) -> Option<Self> {
        Some(Self {
            rule: check.rule?,
            case: check.case,
            side: check.side,
            verdict: check.verdict,
            call: check.call,
            message: check.message,
            range: check.range.map(|[start, end]| start..end),
            is_known: check.known.is_some(),
        })
    }
}

/// Failed checks of one rule on one side.
#[derive(Clone, Debug)]
pub(super) struct Anomaly {
    pub(super) rule: String,
    pub(super) side: Role,
    /// What breaking the rule does; none for a rule that the suite does not have.
    pub(super) effect: Option<Effect>,
    /// The worst verdict.
    pub(super) verdict: Verdict,
    /// The checks in order of the run.
    pub(super) checks: Vec<Failed>,
    /// Keys of its cases in order: those that have a page, and the others.
    pub(super) shown: Vec<String>,
    pub(super) listed: Vec<String>,
    /// What is known of it.
    pub(super) reasons: Vec<Reason>,
}

impl Anomaly {
    pub(super) fn case_count(&self) -> usize {
        self.shown.len().saturating_add(self.listed.len())
    }

    /// A case that was listed has a page now.
    pub(super) fn show(&mut self, key: &str) {
        if let Some(place) = self.listed.iter().position(|listed| listed == key) {
            self.shown.push(self.listed.remove(place));
        }
    }

    pub(super) fn known_count(&self) -> usize {
        self.checks.iter().filter(|failed| failed.is_known).count()
    }
}

/// Why a deviation is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) text: String,
    pub(super) link: Option<String>,
    pub(super) flaky: bool,
    /// Number of checks that it answers for.
    pub(super) checks: usize,
}

type Key<'a> = (&'a str, Role);

/// Keys of the cases that get a page, so few that every rule and side has its share: rare failures choose first. Cases
/// whose calls are not told are not among them.
pub(super) fn chosen(failed: &[Failed], secret: &BTreeSet<String>) -> BTreeSet<String> {
    let mut groups: BTreeMap<Key<'_>, Vec<&str>> = BTreeMap::new();
    for failed in failed.iter().filter(|failed| !secret.contains(&failed.case)) {
        let cases = groups.entry((&failed.rule, failed.side)).or_default();
        if cases.last() != Some(&failed.case.as_str()) {
            cases.push(&failed.case);
        }
    }
    let mut groups: Vec<Vec<&str>> = groups.into_values().collect();
    groups.sort_by_key(Vec::len);
    let mut chosen: BTreeSet<String> = BTreeSet::new();
    for cases in groups {
        let there = cases.iter().filter(|case| chosen.contains(**case)).count();
        let new: Vec<&str> = cases
            .into_iter()
            .filter(|case| !chosen.contains(*case))
            .take(SHOWN_IN_FULL.saturating_sub(there))
            .collect();
        chosen.extend(new.into_iter().map(str::to_owned));
    }
    chosen
}

/// The failures by rule and side: worst effect first, then what nobody expects, then worst verdict, then most checks.
pub(super) fn groups(
    suite: &Suite,
    index: &Index,
    failed: Vec<Failed>,
    chosen: &BTreeSet<String>,
) -> Vec<Anomaly> {
    let entries = index.expectations.iter().filter_map(|known| known.entry.clone());
    let expectations: Expectations = entries.collect();
    let mut groups: BTreeMap<(String, Role), Vec<Failed>> = BTreeMap::new();
    for failed in failed {
        let key = (failed.rule.clone(), failed.side);
        groups.entry(key).or_default().push(failed);
    }
    let groups = groups.into_iter().map(|((rule, side), checks)| {
        let (shown, listed) = cases(&checks, chosen);
        let worst = checks.iter().map(|failed| failed.verdict).max();
        Anomaly {
            effect: suite.rule(&rule).map(|(_, entry)| entry.rule.effect),
            verdict: worst.unwrap_or(Verdict::Warn),
            reasons: reasons(&expectations, &checks),
            rule,
            side,
            checks,
            shown,
            listed,
        }
    });
    let mut anomalies: Vec<Anomaly> = groups.collect();
    anomalies.sort_by_key(|anomaly| {
        let effect = (anomaly.effect.is_none(), anomaly.effect);
        let checks = anomaly.checks.len();
        let is_known = anomaly.known_count() == checks;
        (effect, is_known, Reverse(anomaly.verdict), Reverse(checks))
    });
    anomalies
}

/// The cases of checks, each once: those that have a page, and the others.
fn cases(checks: &[Failed], chosen: &BTreeSet<String>) -> (Vec<String>, Vec<String>) {
    let mut keys: Vec<String> = checks.iter().map(|failed| failed.case.clone()).collect();
    keys.dedup();
    keys.into_iter().partition(|key| chosen.contains(key))
}

/// The entries that answer for checks, those that answer for most first.
fn reasons(expectations: &Expectations, checks: &[Failed]) -> Vec<Reason> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for failed in checks.iter().filter(|failed| failed.is_known) {
        let finding = Finding::new(
            &failed.rule,
            failed.side,
            failed.verdict,
            None,
            failed.message.clone(),
        );
        // Entries are about ids of cases; a key may have the judged side behind it.
        let id = failed.case.split('@').next().unwrap_or_default();
        if let Taken::By(entry) = expectations.taken(id, &finding) {
            let count = counts.entry(entry).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut reasons: Vec<Reason> = counts
        .into_iter()
        .filter_map(|(number, checks)| {
            let entry = expectations.entry(number)?;
            Some(Reason {
                text: entry.reason.split_whitespace().collect::<Vec<_>>().join(" "),
                link: entry.link.clone().filter(|link| is_web(link)),
                flaky: entry.flaky,
                checks,
            })
        })
        .collect();
    reasons.sort_by_key(|reason| Reverse(reason.checks));
    reasons
}

/// Whether a link leads to a page of the web: a log can hold any other scheme, and a browser runs some.
pub(super) fn is_web(link: &str) -> bool {
    ["https://", "http://"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
}
