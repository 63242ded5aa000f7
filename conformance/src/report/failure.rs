//! Failed checks, grouped by rule and side, worst effect first.

use std::collections::BTreeMap;

use crate::{
    check::{Finding, Verdict},
    protocol::Role,
    runner::CaseResult,
    suite::{Suite, rule::Effect},
};

/// Failed checks of one rule on one side.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The rule.
    pub rule: &'a str,
    /// Whose conduct it is.
    pub side: Role,
    /// What breaking the rule does; none for a rule that the suite does not have.
    pub effect: Option<Effect>,
    /// The worst verdict.
    pub verdict: Verdict,
    /// The checks in order of the run, with their cases.
    pub members: Vec<(&'a CaseResult, &'a Finding)>,
}

impl Group<'_> {
    /// Number of cases that have such a check.
    #[must_use]
    pub fn case_count(&self) -> usize {
        let mut keys: Vec<String> = self.members.iter().map(|(result, _)| result.key()).collect();
        keys.dedup();
        keys.len()
    }
}

/// Groups failed checks, worst first.
#[must_use]
pub fn groups<'a>(
    suite: &Suite,
    failures: impl IntoIterator<Item = (&'a CaseResult, &'a Finding)>,
) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<(&str, Role), Vec<(&CaseResult, &Finding)>> = BTreeMap::new();
    for (result, finding) in failures {
        groups
            .entry((&finding.rule, finding.side))
            .or_default()
            .push((result, finding));
    }
    let group = |((rule, side), members): ((&'a str, Role), Vec<(&'a CaseResult, &'a Finding)>)| Group {
        rule,
        side,
        effect: suite.rule(rule).map(|(_, entry)| entry.rule.effect),
        verdict: members
            .iter()
            .map(|(_, finding)| finding.verdict)
            .max()
            .unwrap_or(Verdict::Pass),
        members,
    };
    let mut groups: Vec<Group<'a>> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| {
        (
            std::cmp::Reverse(group.verdict.is_failure()),
            group.effect.is_none(),
            group.effect,
        )
    });
    groups
}
