//! Runs of the reference, with a saboteur or without, for tests of what is made of runs.

#![allow(dead_code, reason = "each test file needs some of it")]

use std::time::Duration;

use legwork::{
    edit::plan::Plan,
    expectations::Expectations,
    report::{Run, Who, log},
    run::case::{self, Case},
    runner::{self, CaseResult, Options, Saboteurs},
    subject::reference::HELLO,
    suite::Suite,
    yaml,
};

pub(crate) fn suite() -> Suite {
    Suite::embedded()
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<String>()))
}

/// A run with everything that it borrows.
pub(crate) struct Staged<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) cases: Vec<Case<'a>>,
    pub(crate) options: Options,
    pub(crate) who: Who,
    pub(crate) results: Vec<CaseResult>,
    pub(crate) expectations: Expectations,
    pub(crate) outcome: legwork::expectations::Outcome,
}

impl<'a> Staged<'a> {
    pub(crate) fn new(suite: &'a Suite, pattern: &str, saboteur: Option<&str>) -> Self {
        let cases: Vec<Case<'a>> = case::expand(suite)
            .into_iter()
            .filter(|case| case::matches(pattern, &case.id))
            .collect();
        let options = Options::default();
        let results: Vec<CaseResult> = cases
            .iter()
            .map(|case| runner::run_sabotaged(suite, case, &options, &saboteurs(suite, saboteur)))
            .collect();
        let expectations = Expectations::default();
        let outcome = expectations.judge(&results, false);
        Self {
            suite,
            cases,
            options,
            who: Who::reference(),
            results,
            expectations,
            outcome,
        }
    }

    /// Gives the run expectations: public ones and private ones. The run counts as the whole suite.
    pub(crate) fn expect(&mut self, public: &str, private: &str) {
        self.expectations = expectations(public, private);
        self.outcome = self.expectations.judge(&self.results, true);
    }

    pub(crate) fn run(&'a self) -> Run<'a> {
        Run {
            suite: self.suite,
            cases: &self.cases,
            options: &self.options,
            who: &self.who,
            results: &self.results,
            expectations: &self.expectations,
            outcome: &self.outcome,
            strict: false,
            elapsed: Duration::from_millis(10),
            spent: None,
        }
    }
}

pub(crate) fn saboteurs(suite: &Suite, name: Option<&str>) -> Saboteurs {
    let plan = |name| Plan::of(suite.saboteurs.get(name).expect("the suite has the saboteur"));
    Saboteurs {
        initiator: name.and_then(plan),
        ..Saboteurs::default()
    }
}

/// Expectations of texts, with the private ones after the public ones.
pub(crate) fn expectations(public: &str, private: &str) -> Expectations {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (
        folder.path().join("public.yaml"),
        folder.path().join("private.yaml"),
    );
    std::fs::write(&one, public).unwrap();
    std::fs::write(&other, private).unwrap();
    let shown = |errors: Vec<yaml::Located>| yaml::render_all(&errors, false);
    let mut expectations = Expectations::load(&one).map_err(shown).unwrap();
    expectations.add_private(&other).map_err(shown).unwrap();
    expectations
}

/// The log of a run.
pub(crate) fn logged(run: &Run<'_>, whole: bool) -> String {
    let keys: Vec<String> = run.results.iter().map(CaseResult::key).collect();
    let plan = log::Plan {
        who: run.who,
        cases: run.cases,
        keys: &keys,
        suite: run.suite,
        options: run.options,
        strict: run.strict,
        whole,
        expectations: run.expectations,
    };
    let mut bytes = Vec::new();
    let mut writer = log::Writer::begin(&mut bytes, plan);
    for result in run.results {
        writer.case(result);
    }
    writer.subject(&HELLO, &run.who.control);
    writer.finish(run).unwrap();
    String::from_utf8(bytes).unwrap()
}
