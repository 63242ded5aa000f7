//! A static site of runs and pairings: plain pages that need no network, no server, and no script but for the search; one
//! more makes the bytes of tokens easier to walk through.
//!
//! | module | makes |
//! |---|---|
//! | `ran`, `anomaly`, `exchange` | what logs say: subjects, their failures, the calls of cases |
//! | `matrix`, `drawing` | the first page: the subjects, and who understands whom; the matrix as a drawing |
//! | `subject` | a page for each subject, and for each of its failures by rule and side |
//! | `version` | a page for what differs between two versions of a subject |
//! | `rule`, `bug_class` | a page for each rule and each class of defects, with those who break it |
//! | `case`, `token`, `sequence` | a page for a case: the exchange drawn, its tokens, what differs |
//! | `search` | the search page and its index |
//! | `badge` | a drawing for the front page of a subject |
//! | `place`, `escape` | names of files; text of others made harmless |
//!
//! The pages of equal logs and matrices are equal: no time and no path of a machine stands in them. Of findings that are
//! withheld a log has the number alone, and so have the pages.

mod anomaly;
mod badge;
mod bug_class;
mod case;
mod drawing;
pub(crate) mod escape;
mod exchange;
mod matrix;
mod place;
mod ran;
mod rule;
mod search;
mod sequence;
mod subject;
mod token;
mod version;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use askama::Template;

pub use anomaly::SHOWN_IN_FULL;
pub use ran::Subject;
pub use version::{Upgrade, successions};

use crate::{
    check::Verdict,
    protocol::Role,
    report::matrix::MatrixSummary,
    run::case::{self as cases, Case},
    suite::Suite,
};
use anomaly::Anomaly;
use matrix::Cited;

/// Everything that a site is made of.
#[derive(Debug)]
pub struct Site<'a> {
    suite: &'a Suite,
    /// Subjects in order of their names, those of one name from old to new.
    subjects: Vec<Subject>,
    upgrades: Vec<Upgrade>,
    matrix: Option<MatrixSummary>,
    /// The cases of the suite by id.
    cases: BTreeMap<String, Case<'a>>,
}

/// Takes a file: its path in the site, with slashes, and its text.
pub type Sink<'s> = dyn FnMut(&str, &str) -> io::Result<()> + 's;

/// What every page has.
#[derive(Clone, Debug)]
struct Page {
    /// The way from the page to the top of the site.
    root: &'static str,
    title: String,
    /// The part of the site that it belongs to.
    here: &'static str,
}

impl Page {
    fn new(root: &'static str, here: &'static str, title: impl Into<String>) -> Self {
        Self {
            root,
            title: title.into(),
            here,
        }
    }
}

/// A verdict with a number, for bars and lists.
#[derive(Clone, Debug)]
struct Share {
    verdict: &'static str,
    count: usize,
}

/// Shares in the order of bars: what passes first, what was not decided last.
fn shares(counts: &BTreeMap<Verdict, usize>) -> Vec<Share> {
    let order = |verdict: &Verdict| match verdict {
        Verdict::Pass => 0,
        Verdict::Unsupported => 2,
        Verdict::NotApplicable => 3,
        _ => 1,
    };
    let mut shares: Vec<(&Verdict, &usize)> = counts.iter().filter(|(_, count)| **count > 0).collect();
    shares.sort_by_key(|(verdict, _)| (order(verdict), **verdict));
    let shares = shares.into_iter().map(|(verdict, count)| Share {
        verdict: verdict.name(),
        count: *count,
    });
    shares.collect()
}

/// A number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Two logs of the same subject and version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two logs are of {0}")]
pub struct SameSubject(String);

impl<'a> Site<'a> {
    /// A site of subjects, what differs between their versions, and, if there is one, a matrix. The newest version of a
    /// subject has the pages that are named by the subject alone.
    ///
    /// # Errors
    /// Two subjects are the same in the same version.
    pub fn new(
        suite: &'a Suite,
        mut subjects: Vec<Subject>,
        upgrades: Vec<Upgrade>,
        matrix: Option<MatrixSummary>,
    ) -> Result<Self, SameSubject> {
        subjects.sort_by(version::order);
        let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
        let mut newer: Option<String> = None;
        for subject in subjects.iter_mut().rev() {
            let version = subject.hello.version.clone();
            if newer.as_ref() == Some(&subject.label) {
                subject.slug = place::name(&format!("{}/{version}", subject.label));
                subject.older = true;
            }
            newer = Some(subject.label.clone());
            if !seen.insert((subject.label.clone(), version)) {
                return Err(SameSubject(subject.title.clone()));
            }
        }
        let all = cases::expand(suite).into_iter();
        Ok(Self {
            suite,
            subjects,
            upgrades,
            matrix,
            cases: all.map(|case| (case.id.clone(), case)).collect(),
        })
    }

    /// Writes every file.
    ///
    /// # Errors
    /// Those of the sink.
    pub fn write(&self, out: &mut Sink<'_>) -> io::Result<()> {
        out("style.css", include_str!("../../../templates/style.css"))?;
        out("bytes.js", include_str!("../../../templates/bytes.js"))?;
        out("search.js", include_str!("../../../templates/search.js"))?;
        matrix::write(self, out)?;
        rule::write(self, out)?;
        bug_class::write(self, out)?;
        for subject in &self.subjects {
            subject::write(self, subject, out)?;
            case::write(self, subject, out)?;
            out(&place::badge(&subject.slug), &page(&badge::Badge::new(subject))?)?;
        }
        version::write(self, out)?;
        search::write(self, out)
    }

    /// A rule, with its page if the suite has it.
    fn cite(&self, id: &str) -> Cited {
        Cited {
            id: id.to_owned(),
            href: self.suite.rules.contains_key(id).then(|| place::rule(id)),
        }
    }

    /// Who breaks a rule, in the newest version that there is.
    fn breakers_now(&self, rule: &str) -> impl Iterator<Item = (&Subject, &Anomaly)> {
        self.breakers(rule).filter(|(subject, _)| !subject.older)
    }

    /// Who breaks a rule, or has broken it in an older version.
    fn breakers(&self, rule: &str) -> impl Iterator<Item = (&Subject, &Anomaly)> {
        let of = move |anomaly: &&Anomaly| anomaly.rule == rule;
        let subjects = self.subjects.iter();
        subjects.flat_map(move |subject| {
            let anomalies = subject.anomalies.iter().filter(of);
            anomalies.map(move |anomaly| (subject, anomaly))
        })
    }
}

/// A subject's failures of a rule on a side, as a row.
#[derive(Clone, Debug)]
struct Breaker {
    subject: String,
    side: &'static str,
    verdict: &'static str,
    checks: usize,
    cases: usize,
    unexpected: usize,
    href: String,
}

impl Breaker {
    fn of((subject, anomaly): (&Subject, &Anomaly)) -> Self {
        let Anomaly { rule, side, .. } = anomaly;
        Self {
            subject: subject.title.clone(),
            side: side.name(),
            verdict: anomaly.verdict.name(),
            checks: anomaly.checks.len(),
            cases: anomaly.case_count(),
            unexpected: anomaly.checks.len().saturating_sub(anomaly.known_count()),
            href: place::anomaly(&subject.slug, rule, *side),
        }
    }
}

/// The text of a page.
fn page(template: &impl Template) -> io::Result<String> {
    template.render().map_err(io::Error::other)
}

/// The sides that a case judges, in words.
fn judged(roles: &[Role]) -> String {
    match roles {
        [role] => format!("as {}", role.name()),
        _ => "both sides".to_owned(),
    }
}
