//! The kill matrix: every rule's check is shown able to fail, by the saboteur that is made for it.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::{
    check::Verdict,
    edit::plan::Plan,
    protocol::Role,
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

/// Runs every saboteur: with every case that is written out, and if those let it pass, with the generated ones.
#[must_use]
pub fn matrix(suite: &Suite, cases: &[Case<'_>], options: &Options, done: impl Fn(&Killed) + Sync) -> Matrix {
    let clean = runner::run_reference(suite, cases, options, |_| {});
    let broken = failed(&clean).into_keys().collect();
    let saboteurs: Vec<(&str, &Saboteur)> = suite.saboteurs.iter().collect();
    let killed: Vec<Killed> = saboteurs
        .par_iter()
        .map(|(name, saboteur)| {
            let killed = Killed {
                name: (*name).to_owned(),
                rule: saboteur.rule.clone(),
                failed: unleash(suite, cases, options, saboteur),
            };
            done(&killed);
            killed
        })
        .collect();
    let checked: BTreeSet<String> = clean
        .iter()
        .flat_map(|result| &result.findings)
        .map(|f| f.rule.clone())
        .collect();
    summarise(killed, &checked, broken)
}

fn unleash(
    suite: &Suite,
    cases: &[Case<'_>],
    options: &Options,
    saboteur: &Saboteur,
) -> BTreeMap<String, usize> {
    let plan = Plan::of(saboteur);
    let caller = match &saboteur.does {
        Sabotage::Caller(name) => CallerDeviation::from_name(name),
        _ => None,
    };
    if plan.is_none() && caller.is_none() {
        return BTreeMap::new();
    }
    let saboteurs = Saboteurs {
        initiator: plan.clone().filter(|_| saboteur.role == SaboteurRole::Initiator),
        acceptor: plan.filter(|_| saboteur.role == SaboteurRole::Acceptor),
        caller,
    };
    let sides = [
        (Role::Initiator, &saboteurs.initiator),
        (Role::Acceptor, &saboteurs.acceptor),
    ];
    // A case that judges nobody who misbehaves finds nothing.
    let judges = |case: &&&Case<'_>| {
        let judged = |(role, plan): &(Role, &Option<Plan>)| plan.is_some() && case.judges(*role);
        caller.is_some() || sides.iter().any(judged)
    };
    let play = |cases: &[&Case<'_>]| {
        let judging = cases.iter().filter(judges);
        let results = judging.map(|case| runner::run_sabotaged(suite, case, options, &saboteurs));
        failed(&runner::across_cases(suite, results.collect()))
    };
    // Generated cases are many: they are for the saboteurs that the others let pass.
    let (written, generated): (Vec<_>, Vec<_>) = cases.iter().partition(|case| !case.is_generated());
    let mut found = play(&written);
    if !found.contains_key(&saboteur.rule) {
        for (rule, count) in play(&generated) {
            *found.entry(rule).or_insert(0) += count;
        }
    }
    found
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
        survivors,
        noisy,
        broken,
        saboteurs,
    }
}
