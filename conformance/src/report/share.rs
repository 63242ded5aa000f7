//! How much of the suite an adapter declares, and how much of that it answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{check::Verdict, protocol::Role, run::trace::End, runner::CaseResult};

/// Groups of cases that have a line of their own: the second component of their ids. Of `credentials` most are the wrong
/// secrets beside the right ones.
pub const GROUPS: [&str; 4] = ["good", "credentials", "mutation", "malformed"];

/// Groups that a subject declares at least a half of in every role that it drives, or it does not count.
const NEEDED: [&str; 3] = ["good", "credentials", "mutation"];

/// Of a hundred declared cases, how many a subject that counts answers in every role.
const ANSWERED: usize = 95;

/// Cases, and what of them is declared and answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Share {
    /// All of them.
    pub cases: usize,
    /// Those that need nothing but what `hello` declares.
    pub declared: usize,
    /// Of those, the ones that ended otherwise than in `unsupported` or `adapter-fault`.
    pub answered: usize,
}

impl Share {
    fn add(&mut self, one: Answered) {
        self.cases = self.cases.saturating_add(1);
        self.declared = self.declared.saturating_add(usize::from(one.declared));
        let answered = one.declared && one.answered;
        self.answered = self.answered.saturating_add(usize::from(answered));
    }

    /// The share of the declared cases that was answered, in percent, rounded down; none if nothing is declared.
    #[must_use]
    pub fn percent(&self) -> Option<usize> {
        self.answered.saturating_mul(100).checked_div(self.declared)
    }

    /// Declared of all cases, answered of those, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let Self {
            cases,
            declared,
            answered,
        } = self;
        let percent = self.percent().map(|percent| format!(" ({percent} %)"));
        format!(
            "{declared} of {cases} declared, {answered} answered{}",
            percent.unwrap_or_default()
        )
    }
}

/// Whether a case is declared, and answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// It needs nothing but what `hello` declares.
    pub declared: bool,
    /// It ended otherwise than in `unsupported` or `adapter-fault`.
    pub answered: bool,
}

impl Answered {
    /// Of a case by its verdict and whether its exchange ended for want of something.
    #[must_use]
    pub fn new(declared: bool, verdict: Verdict, cut_short: bool) -> Self {
        let answered = !cut_short && !matches!(verdict, Verdict::Unsupported | Verdict::AdapterFault);
        Self { declared, answered }
    }
}

/// Shares of a subject in one role of one package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Shares {
    /// The package.
    pub package: String,
    /// The role.
    #[schemars(with = "String")]
    pub role: Option<Role>,
    /// All cases that judge the role.
    pub all: Share,
    /// Those of the groups that have a line of their own.
    pub groups: BTreeMap<&'static str, Share>,
}

impl Shares {
    /// Whether the role has what a subject that counts has: at least a half of the good paths, of the credentials and of
    /// the mutations declared, and 95 % of everything declared answered.
    #[must_use]
    pub fn count(&self) -> bool {
        let declared = NEEDED.into_iter().all(|group| {
            let share = self.groups.get(group).copied().unwrap_or_default();
            share.declared > 0 && share.declared.saturating_mul(2) >= share.cases
        });
        declared && self.all.answered.saturating_mul(100) >= self.all.declared.saturating_mul(ANSWERED)
    }

    /// The package and the role.
    #[must_use]
    pub fn title(&self) -> String {
        let role = self.role.map(|role| format!(" {}", role.name()));
        format!("{}{}", self.package, role.unwrap_or_default())
    }

    /// All cases, then the groups, each with its name.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, Share)> {
        let groups = GROUPS
            .into_iter()
            .filter_map(|group| Some((group, *self.groups.get(group)?)));
        std::iter::once(("all", self.all)).chain(groups)
    }
}

/// Shares by package and role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables(BTreeMap<(String, Role), Shares>);

impl Tables {
    /// The shares of results.
    #[must_use]
    pub fn of<'a>(results: impl IntoIterator<Item = &'a CaseResult>) -> Self {
        let mut tables = Self::default();
        for result in results {
            let cut_short = matches!(result.trace.end, End::Unsupported(..));
            let one = Answered::new(result.undeclared.is_empty(), result.verdict, cut_short);
            for role in &result.judged {
                tables.add(&result.case, *role, one);
            }
        }
        tables
    }

    /// Adds a case.
    pub fn add(&mut self, case: &str, role: Role, one: Answered) {
        let mut parts = case.split('/');
        let package = parts.next().unwrap_or_default();
        let topic = parts.next().unwrap_or_default();
        let shares = self
            .0
            .entry((package.to_owned(), role))
            .or_insert_with(|| Shares {
                package: package.to_owned(),
                role: Some(role),
                ..Shares::default()
            });
        shares.all.add(one);
        if let Some(group) = GROUPS.into_iter().find(|group| *group == topic) {
            shares.groups.entry(group).or_default().add(one);
        }
    }

    /// The tables in order.
    pub fn iter(&self) -> impl Iterator<Item = &Shares> {
        self.0.values()
    }

    /// Whether the subject counts with each package that it declares something of: every role that was run has what that
    /// takes. None of a package whose run lacks the groups that it takes.
    #[must_use]
    pub fn count(&self) -> BTreeMap<&str, Option<bool>> {
        let ran = |shares: &&Shares| NEEDED.into_iter().all(|group| shares.groups.contains_key(group));
        let mut packages: BTreeMap<&str, Vec<&Shares>> = BTreeMap::new();
        for shares in self.iter() {
            packages.entry(&shares.package).or_default().push(shares);
        }
        let driven = packages
            .into_iter()
            .filter(|(_, all)| all.iter().any(|shares| shares.all.declared > 0));
        driven
            .map(|(package, all)| {
                let whole = all.iter().all(ran);
                (package, whole.then(|| all.iter().all(|shares| shares.count())))
            })
            .collect()
    }

    /// That in words, package by package.
    #[must_use]
    pub fn verdict(&self) -> Option<String> {
        let counts = self.count();
        let known = counts
            .iter()
            .filter_map(|(package, counts)| Some((*package, (*counts)?)));
        let (with, without): (Vec<_>, Vec<_>) = known.partition(|(_, counts)| *counts);
        let names = |packages: Vec<(&str, bool)>| {
            let names: Vec<&str> = packages.into_iter().map(|(package, _)| package).collect();
            names.join(", ")
        };
        Some(match (with.is_empty(), without.is_empty()) {
            (true, true) => return None,
            (false, true) => format!("counts ({})", names(with)),
            (true, false) => format!("does not count ({})", names(without)),
            (false, false) => format!("counts with {}, not with {}", names(with), names(without)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(declared: usize, answered: usize) -> Tables {
        let mut tables = Tables::default();
        for group in GROUPS {
            for number in 0..100 {
                let one = Answered {
                    declared: number < declared,
                    answered: number < answered,
                };
                tables.add(&format!("ntlm/{group}/{number}"), Role::Acceptor, one);
            }
        }
        tables
    }

    #[test]
    fn a_subject_counts_by_what_it_declares_and_answers() {
        for (declared, answered, counts) in [
            (100, 100, true),
            (100, 95, true),
            (100, 94, false),
            (50, 50, true),
            (49, 49, false),
        ] {
            let table = table(declared, answered);
            let expected = BTreeMap::from([("ntlm", Some(counts))]);
            assert_eq!(table.count(), expected, "{declared} {answered}");
        }
        assert_eq!(table(0, 0).verdict(), None, "what is not driven is not asked for");
        assert_eq!(Tables::default().verdict(), None);
    }

    #[test]
    fn one_role_that_does_not_makes_the_subject_not_count() {
        let mut tables = table(100, 100);
        let mut one = Answered {
            declared: true,
            answered: true,
        };
        tables.add("ntlm/good/default", Role::Initiator, one);
        assert_eq!(tables.verdict(), None, "the other groups never ran");
        one.declared = false;
        for group in GROUPS {
            tables.add(&format!("ntlm/{group}/other"), Role::Initiator, one);
        }
        assert_eq!(tables.verdict().as_deref(), Some("does not count (ntlm)"));
    }

    #[test]
    fn what_is_not_declared_is_never_answered() {
        let one = Answered::new(false, Verdict::Pass, false);
        let mut share = Share::default();
        share.add(one);
        assert_eq!((share.declared, share.answered, share.percent()), (0, 0, None));
        let cut = Answered::new(true, Verdict::Fail, true);
        share.add(cut);
        assert_eq!(share.words(), "1 of 2 declared, 0 answered (0 %)");
    }
}
