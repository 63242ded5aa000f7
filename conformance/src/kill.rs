//! The kill matrix: every rule's check is shown able to fail, by the saboteur that is made for it.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::{
    check::Verdict,
    edit::plan::Plan,
    run::{case::Case, driver::CallerDeviation},
    runner::{self, Options, Saboteurs},
    suite::{
        Suite,
        saboteur::{Sabotage, Saboteur, SaboteurRole},
    },
};

/// What came of one saboteur.
#[derive(Clone, Debug)]
pub struct Killed {
    /// Its name.
    pub name: String,
    /// The rule that it is made for.
    pub rule: String,
    /// Rules whose checks failed, with the number of checks.
    pub failed: BTreeMap<String, usize>,
}

impl Killed {
    /// Whether the check of its own rule failed.
    #[must_use]
    pub fn caught(&self) -> bool {
        self.failed.contains_key(&self.rule)
    }
}

/// The matrix of saboteurs and rules.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Every saboteur, in order of writing.
    pub saboteurs: Vec<Killed>,
    /// Rules that are checked and have no saboteur that only their own check is needed for.
    pub open: Vec<String>,
    /// Such rules of files that are not finished.
    pub unfinished: Vec<String>,
    /// Saboteurs that their own rule's check did not catch.
    pub survivors: Vec<String>,
    /// Rules whose checks fail for more than a tenth of all saboteurs.
    pub noisy: BTreeSet<String>,
    /// Rules whose checks fail without any saboteur: the reference itself breaks them.
    pub broken: BTreeSet<String>,
}

impl Matrix {
    /// Whether every checked rule has a saboteur that its check catches, and every saboteur is caught.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.open.is_empty() && self.survivors.is_empty() && self.broken.is_empty()
    }
}

/// Runs every saboteur: on the first case of each scenario of its rule's package, which shows what else it trips, and, if its own rule's check
/// did not fail there, on the other cases until it does, those first that check the rule.
#[must_use]
pub fn matrix(suite: &Suite, cases: &[Case<'_>], options: &Options, done: impl Fn(&Killed) + Sync) -> Matrix {
    let clean = runner::run_reference(suite, cases, options, |_| {});
    let broken = failed(&clean).into_keys().collect();
    let hunt = Hunt::new(suite, cases, options, &clean);
    let saboteurs: Vec<(&str, &Saboteur)> = suite.saboteurs.iter().collect();
    let killed: Vec<Killed> = saboteurs
        .par_iter()
        .map(|(name, saboteur)| {
            let killed = Killed {
                name: (*name).to_owned(),
                rule: saboteur.rule.clone(),
                failed: hunt.unleash(saboteur),
            };
            done(&killed);
            killed
        })
        .collect();
    let checked: BTreeSet<String> = hunt.checked.keys().map(|rule| (*rule).to_owned()).collect();
    let mut matrix = summarise(killed, &checked, broken);
    let unfinished = |id: &String| {
        suite
            .rule(id)
            .is_some_and(|(_, entry)| entry.unfinished.is_some())
    };
    (matrix.unfinished, matrix.open) = matrix.open.into_iter().partition(unfinished);
    matrix
}

/// What the saboteurs are let loose on.
struct Hunt<'a> {
    suite: &'a Suite,
    cases: &'a [Case<'a>],
    options: &'a Options,
    /// The first case of each scenario.
    sample: BTreeSet<usize>,
    /// The cases that check a rule when nobody deviates.
    checked: BTreeMap<&'a str, BTreeSet<usize>>,
}

impl<'a> Hunt<'a> {
    fn new(
        suite: &'a Suite,
        cases: &'a [Case<'a>],
        options: &'a Options,
        clean: &'a [runner::CaseResult],
    ) -> Self {
        let mut scenarios = BTreeSet::new();
        let first =
            |(place, case): (usize, &Case<'_>)| scenarios.insert(case.entry.id.clone()).then_some(place);
        let sample = cases.iter().enumerate().filter_map(first).collect();
        let mut checked: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (place, result) in clean.iter().enumerate() {
            for finding in &result.findings {
                checked.entry(&finding.rule).or_default().insert(place);
            }
        }
        Self {
            suite,
            cases,
            options,
            sample,
            checked,
        }
    }

    /// The sample of a package; all of it if the name is none of a package.
    fn sample_of(&self, package: Option<&str>) -> impl Iterator<Item = &usize> {
        let is_of = move |place: &&usize| {
            self.cases
                .get(**place)
                .is_some_and(|case| Some(case.entry.package.as_str()) == package)
        };
        let named = self.sample.iter().any(|place| is_of(&place));
        self.sample.iter().filter(move |place| !named || is_of(place))
    }

    fn unleash(&self, saboteur: &Saboteur) -> BTreeMap<String, usize> {
        let Some(saboteurs) = cast(saboteur) else {
            return BTreeMap::new();
        };
        let run = |place: &usize| {
            // A case that does not judge who misbehaves finds nothing.
            let case = self.cases.get(*place)?;
            let side = saboteur.role.side();
            if side.is_some_and(|side| !case.judges(side)) {
                return None;
            }
            Some(runner::run_sabotaged(self.suite, case, self.options, &saboteurs))
        };
        let package = saboteur.rule.split('/').nth(1);
        let results = self.sample_of(package).filter_map(run).collect();
        let mut trips = failed(&runner::across_cases(self.suite, results));
        if !trips.contains_key(&saboteur.rule) {
            let own = self.checked.get(saboteur.rule.as_str());
            let likely = own.into_iter().flatten().copied();
            let seen: BTreeSet<&usize> = self.sample_of(package).collect();
            let rest = likely
                .chain(0..self.cases.len())
                .filter(|place| !seen.contains(place));
            let caught = rest.filter_map(|place| run(&place)).find_map(|result| {
                let count = failed(&[result]).remove(&saboteur.rule)?;
                Some((saboteur.rule.clone(), count))
            });
            trips.extend(caught);
        }
        trips
    }
}

/// Who sits where with a saboteur; none if it deviates in nothing.
fn cast(saboteur: &Saboteur) -> Option<Saboteurs> {
    let plan = Plan::of(saboteur);
    let caller = match &saboteur.does {
        Sabotage::Caller(name) => CallerDeviation::from_name(name),
        _ => None,
    };
    if plan.is_none() && caller.is_none() {
        return None;
    }
    Some(Saboteurs {
        initiator: plan.clone().filter(|_| saboteur.role == SaboteurRole::Initiator),
        acceptor: plan.filter(|_| saboteur.role == SaboteurRole::Acceptor),
        caller,
    })
}

/// Rules whose checks failed, with the number of checks. A warning is a failed check of a rule that is no MUST.
fn failed(results: &[runner::CaseResult]) -> BTreeMap<String, usize> {
    let mut failed = BTreeMap::new();
    for finding in results.iter().flat_map(|result| &result.findings) {
        if finding.verdict >= Verdict::Warn && finding.verdict != Verdict::HarnessFault {
            *failed.entry(finding.rule.clone()).or_insert(0) += 1;
        }
    }
    failed
}

fn summarise(saboteurs: Vec<Killed>, checked: &BTreeSet<String>, broken: BTreeSet<String>) -> Matrix {
    let mut failing: BTreeMap<&str, usize> = BTreeMap::new();
    for rule in saboteurs.iter().flat_map(|killed| killed.failed.keys()) {
        *failing.entry(rule).or_insert(0) += 1;
    }
    let tenth = saboteurs.len() / 10;
    let noisy: BTreeSet<String> = failing
        .iter()
        .filter(|(_, count)| **count > tenth)
        .map(|(rule, _)| (*rule).to_owned())
        .collect();
    // A check that fails for everything proves nothing: a noisy one is no proof of its rule.
    let proven: BTreeSet<&str> = saboteurs
        .iter()
        .filter(|killed| killed.caught() && !noisy.contains(&killed.rule))
        .map(|killed| killed.rule.as_str())
        .collect();
    let open = checked
        .iter()
        .filter(|rule| !proven.contains(rule.as_str()))
        .cloned()
        .collect();
    let survivors = saboteurs
        .iter()
        .filter(|killed| !killed.caught())
        .map(|killed| killed.name.clone())
        .collect();
    Matrix {
        open,
        unfinished: Vec::new(),
        survivors,
        noisy,
        broken,
        saboteurs,
    }
}
