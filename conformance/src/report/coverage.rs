//! What checks each rule, read off a run: how many checks, in how many cases, and the saboteurs that prove them. Rules for
//! programs are checked by traces as well, each of which counts as a case, and as a saboteur if a rule is broken in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    caller,
    check::Verdict,
    rules_command::word,
    runner::CaseResult,
    suite::{RuleEntry, Suite},
    words::counted,
};

use super::text::push_line;

/// Most rules of a file that may be unchecked, in percent.
const MOST_UNCHECKED: usize = 15;

/// Coverage of the rules, by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The files in order.
    pub files: Vec<FileCoverage>,
}

/// Coverage of one file's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileCoverage {
    /// Path of the file from the suite's root.
    pub file: String,
    /// Title of the file.
    pub title: String,
    /// What is still to come before its rules are held to this.
    pub unfinished: Option<String>,
    /// The rules in order of ids.
    pub rules: Vec<RuleCoverage>,
}

/// Coverage of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCoverage {
    /// The rule.
    pub id: String,
    /// Checks that decided it.
    pub checks: usize,
    /// Cases with such a check.
    pub cases: usize,
    /// Saboteurs that are made for it.
    pub saboteurs: Vec<String>,
    /// Why nothing checks it, if it says so.
    pub unchecked: Option<String>,
}

impl RuleCoverage {
    /// What is wrong with it.
    #[must_use]
    pub fn defect(&self) -> Option<&'static str> {
        match (self.checks, &self.unchecked) {
            (0, None) => Some("neither checked nor said to be unchecked"),
            (0, Some(_)) => None,
            (_, Some(_)) => Some("said to be unchecked, and checked"),
            (_, None) => None,
        }
    }
}

impl FileCoverage {
    /// Number of rules that nothing checks.
    #[must_use]
    pub fn unchecked(&self) -> usize {
        self.rules.iter().filter(|rule| rule.checks == 0).count()
    }

    /// Whether too many of its rules are unchecked.
    #[must_use]
    pub fn is_thin(&self) -> bool {
        self.unfinished.is_none()
            && self.unchecked().saturating_mul(100) > self.rules.len().saturating_mul(MOST_UNCHECKED)
    }
}

impl Coverage {
    /// Reads the coverage off a run. With a package, only files of that package count.
    #[must_use]
    pub fn of(suite: &Suite, results: &[CaseResult], package: Option<&str>) -> Self {
        let mut checks: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
        for result in results {
            let decided = result
                .findings
                .iter()
                .filter(|finding| finding.verdict >= Verdict::Pass);
            for finding in decided {
                let (count, cases) = checks.entry(&finding.rule).or_default();
                *count = count.saturating_add(1);
                cases.insert(&result.case);
            }
        }
        let traces = caller::traces();
        for vector in &traces {
            for check in vector.trace.iter().flat_map(|trace| caller::judge(suite, trace)) {
                let (count, cases) = checks.entry(check.rule).or_default();
                *count = count.saturating_add(1);
                cases.insert(&vector.id);
            }
        }
        let mut files: BTreeMap<&str, FileCoverage> = BTreeMap::new();
        for (id, entry) in &suite.rules {
            if package.is_some_and(|package| !id.split('/').any(|part| part == package)) {
                continue;
            }
            let file = files.entry(&entry.file).or_default();
            (file.file, file.title) = (entry.file.clone(), entry.title.clone());
            file.unfinished.clone_from(&entry.unfinished);
            let (count, cases) = checks
                .get(id.as_str())
                .map_or((0, 0), |(count, cases)| (*count, cases.len()));
            let broken_in = traces
                .iter()
                .filter(|vector| vector.breaks.as_deref() == Some(id));
            let broken_in = broken_in.map(|vector| vector.id.clone());
            file.rules.push(rule(suite, id, entry, (count, cases), broken_in));
        }
        Self {
            files: files.into_values().collect(),
        }
    }

    /// Whether every rule is checked or says why not, and no file is thin.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let defects = self.held().any(|rule| rule.defect().is_some());
        !defects && !self.files.iter().any(FileCoverage::is_thin)
    }

    /// The rules of files that are finished.
    fn held(&self) -> impl Iterator<Item = &RuleCoverage> {
        let finished = self.files.iter().filter(|file| file.unfinished.is_none());
        finished.flat_map(|file| &file.rules)
    }

    fn rules(&self) -> impl Iterator<Item = &RuleCoverage> {
        self.files.iter().flat_map(|file| &file.rules)
    }

    /// The table as text, with totals and what is wrong at its end.
    #[must_use]
    pub fn text(&self) -> String {
        let width = self.rules().map(|rule| rule.id.len()).max().unwrap_or_default();
        let mut text = String::new();
        push_line(&mut text, &format!("{:width$}  checks  cases  saboteurs", "rule"));
        for file in &self.files {
            push_line(
                &mut text,
                &format!("\n{} ({}): {}", file.title, file.file, share(&file.rules)),
            );
            if let Some(unfinished) = &file.unfinished {
                push_line(&mut text, &format!("not finished: {unfinished}"));
            }
            for rule in &file.rules {
                let why = match &rule.unchecked {
                    Some(why) => format!("not checked: {why}"),
                    None => rule.saboteurs.join(", "),
                };
                push_line(
                    &mut text,
                    &format!("{:width$}  {:6}  {:5}  {why}", rule.id, rule.checks, rule.cases),
                );
            }
        }
        self.defects(&mut text);
        let all: Vec<RuleCoverage> = self.rules().cloned().collect();
        push_line(&mut text, &format!("\n{} in all", share(&all)));
        let unfinished = all.len().saturating_sub(self.held().count());
        if unfinished > 0 {
            let rules = counted(unfinished, "rule");
            push_line(&mut text, &format!("{rules} in files that are not finished"));
        }
        text
    }

    fn defects(&self, text: &mut String) {
        let mut lines: Vec<String> = self
            .held()
            .filter_map(|rule| Some(format!("{}: {}", rule.id, rule.defect()?)))
            .collect();
        let thin = self.files.iter().filter(|file| file.is_thin());
        lines.extend(thin.map(|file| {
            format!(
                "{}: more than {MOST_UNCHECKED} % of the rules are unchecked",
                file.file
            )
        }));
        if !lines.is_empty() {
            push_line(text, "\nwrong");
        }
        for line in lines {
            push_line(text, &format!("  {line}"));
        }
    }
}

fn rule(
    suite: &Suite,
    id: &str,
    entry: &RuleEntry,
    (checks, cases): (usize, usize),
    broken_in: impl Iterator<Item = String>,
) -> RuleCoverage {
    let made_for = suite.saboteurs.iter().filter(|(_, saboteur)| saboteur.rule == id);
    let why = entry.rule.unchecked.as_ref();
    RuleCoverage {
        id: id.to_owned(),
        checks,
        cases,
        saboteurs: made_for
            .map(|(name, _)| name.to_owned())
            .chain(broken_in)
            .collect(),
        unchecked: why.map(|unchecked| format!("{}, {}", word(&unchecked.why), unchecked.note.trim())),
    }
}

/// How many rules are checked.
fn share(rules: &[RuleCoverage]) -> String {
    let checked = rules.iter().filter(|rule| rule.checks > 0).count();
    let percent = checked
        .saturating_mul(100)
        .checked_div(rules.len())
        .unwrap_or(100);
    format!("{checked} of {} rules checked ({percent} %)", rules.len())
}
