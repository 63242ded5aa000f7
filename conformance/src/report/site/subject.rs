//! The pages of a subject: what it is, its shares, its failures by effect, and a page for each of those.

use std::io;

use askama::Template;

use super::{
    Page, Share, Sink, Site, Subject,
    anomaly::{Anomaly, Reason, SHOWN_IN_FULL},
    grouped, judged,
    matrix::Cited,
    page, place, shares, version,
};
use crate::{
    check::Verdict,
    protocol::Drive,
    report::{
        diff,
        share::{Share as Answers, Shares},
    },
    rules_command::word,
    subject::description::Origin,
    words::counted,
};

/// Characters of a message in a list.
const SHORT: usize = 220;

/// A page of a subject.
#[derive(Debug, Template)]
#[template(path = "subject.html")]
struct SubjectPage<'a> {
    page: Page,
    subject: &'a Subject,
    badge: String,
    passed: String,
    decided: String,
    checks: String,
    unexpected: usize,
    known: usize,
    versions: Vec<version::Listed>,
    roles: Vec<RoleShares>,
    declared: Vec<Declared>,
    drives: Vec<Driven>,
    effects: Vec<(String, Vec<Entry>)>,
}

/// Shares of one choice of judged sides.
#[derive(Debug)]
struct RoleShares {
    name: String,
    cases: String,
    shares: Vec<Share>,
}

/// How much an adapter declares and answers in a role.
#[derive(Debug)]
struct Declared {
    title: String,
    rows: Vec<(&'static str, Answers, String)>,
}

impl Declared {
    fn of(shares: &Shares) -> Self {
        let percent = |share: &Answers| share.percent().map(|percent| format!("{percent} %"));
        Self {
            title: shares.title(),
            rows: shares
                .rows()
                .map(|(group, share)| (group, share, percent(&share).unwrap_or_default()))
                .collect(),
        }
    }
}

/// What can be driven and seen.
#[derive(Debug)]
struct Driven {
    what: String,
    operations: String,
    observables: String,
    honours: Option<String>,
}

impl Driven {
    fn of(drive: &Drive) -> Self {
        Self {
            what: format!("{} as {}", drive.package, drive.role.name()),
            operations: drive.operations.join(", "),
            observables: drive.observables.join(", "),
            honours: drive.honours.as_ref().map(|honours| honours.join(", ")),
        }
    }
}

/// Failures of one rule on one side.
#[derive(Debug)]
struct Entry {
    rule: String,
    text: String,
    side: &'static str,
    verdict: &'static str,
    href: String,
    spread: String,
    unexpected: usize,
    known: usize,
    message: String,
    reasons: Vec<Reason>,
}

impl Entry {
    fn of(site: &Site<'_>, subject: &Subject, anomaly: &Anomaly) -> Self {
        let rule = site.suite.rule(&anomaly.rule);
        let known = anomaly.known_count();
        let first = anomaly
            .checks
            .first()
            .map_or("", |failed| failed.message.as_str());
        Self {
            rule: anomaly.rule.clone(),
            text: rule.map(|(_, entry)| entry.rule.text.clone()).unwrap_or_default(),
            side: anomaly.side.name(),
            verdict: anomaly.verdict.name(),
            href: place::anomaly(&subject.slug, &anomaly.rule, anomaly.side),
            spread: spread(anomaly),
            unexpected: anomaly.checks.len().saturating_sub(known),
            known,
            message: first.chars().take(SHORT).collect(),
            reasons: anomaly.reasons.clone(),
        }
    }
}

fn spread(anomaly: &Anomaly) -> String {
    let (checks, cases) = (anomaly.checks.len(), anomaly.case_count());
    format!("{} in {}", counted(checks, "check"), counted(cases, "case"))
}

/// Failures by effect, worst first.
pub(super) fn effects(subject: &Subject) -> Vec<(String, Vec<&Anomaly>)> {
    let mut groups: Vec<(String, Vec<&Anomaly>)> = Vec::new();
    for anomaly in &subject.anomalies {
        let effect = anomaly.effect.map_or_else(
            || "rules that this suite does not have".to_owned(),
            |effect| word(&effect).replace('-', " "),
        );
        match groups.last_mut().filter(|(name, _)| *name == effect) {
            Some((_, members)) => members.push(anomaly),
            None => groups.push((effect, vec![anomaly])),
        }
    }
    groups
}

/// Writes the pages of a subject.
pub(super) fn write(site: &Site<'_>, subject: &Subject, out: &mut Sink<'_>) -> io::Result<()> {
    let (passed, decided) = subject.score();
    let (unexpected, known) = subject.unexpected_and_known();
    let roles = subject.roles.iter().map(|(roles, counts)| RoleShares {
        name: judged(roles),
        cases: counted(counts.values().sum(), "case"),
        shares: shares(counts),
    });
    let entries = |anomalies: Vec<&Anomaly>| {
        let entries = anomalies
            .into_iter()
            .map(|anomaly| Entry::of(site, subject, anomaly));
        entries.collect::<Vec<_>>()
    };
    let effects = effects(subject)
        .into_iter()
        .map(|(effect, members)| (effect, entries(members)));
    let text = page(&SubjectPage {
        page: Page::new("../", "index", &subject.title),
        subject,
        badge: place::badge(&subject.slug),
        passed: grouped(passed),
        decided: grouped(decided),
        checks: grouped(subject.checks),
        unexpected,
        known,
        versions: version::listed(site, subject),
        roles: roles.collect(),
        declared: subject
            .tables
            .iter()
            .filter(|_| subject.foreign)
            .map(Declared::of)
            .collect(),
        drives: subject.hello.drives.iter().map(Driven::of).collect(),
        effects: effects.collect(),
    })?;
    out(&place::subject(&subject.slug), &text)?;
    for anomaly in &subject.anomalies {
        let path = place::anomaly(&subject.slug, &anomaly.rule, anomaly.side);
        out(&path, &page(&AnomalyPage::new(site, subject, anomaly))?)?;
    }
    Ok(())
}

/// A page of a subject's failures of one rule on one side.
#[derive(Debug, Template)]
#[template(path = "anomaly.html")]
struct AnomalyPage {
    page: Page,
    subject: String,
    subject_href: String,
    rule: Cited,
    text: String,
    effect: String,
    side: &'static str,
    verdict: &'static str,
    spread: String,
    unexpected: usize,
    known: usize,
    reasons: Vec<Reason>,
    /// Messages with their number, those that come most often first.
    messages: Vec<(String, usize)>,
    more_messages: usize,
    shown: Vec<Shown>,
    most_shown: usize,
    listed: String,
    listed_count: usize,
}

/// A case that has a page.
#[derive(Debug)]
struct Shown {
    key: String,
    href: String,
    message: String,
}

/// Messages that are listed.
const MESSAGES: usize = 20;

impl AnomalyPage {
    fn new(site: &Site<'_>, subject: &Subject, anomaly: &Anomaly) -> Self {
        let rule = site.suite.rule(&anomaly.rule).map(|(_, entry)| &entry.rule);
        let known = anomaly.known_count();
        let mut messages = messages(anomaly);
        let more_messages = messages.len().saturating_sub(MESSAGES);
        messages.truncate(MESSAGES);
        let title = format!("{} in {}", anomaly.rule, subject.title);
        Self {
            page: Page::new("../../", "index", title),
            subject: subject.title.clone(),
            subject_href: place::subject(&subject.slug),
            rule: site.cite(&anomaly.rule),
            text: rule.map(|rule| rule.text.clone()).unwrap_or_default(),
            effect: rule
                .map(|rule| word(&rule.effect).replace('-', " "))
                .unwrap_or_default(),
            side: anomaly.side.name(),
            verdict: anomaly.verdict.name(),
            spread: spread(anomaly),
            unexpected: anomaly.checks.len().saturating_sub(known),
            known,
            reasons: anomaly.reasons.clone(),
            messages,
            more_messages,
            shown: anomaly
                .shown
                .iter()
                .map(|key| Shown::of(subject, anomaly, key))
                .collect(),
            most_shown: SHOWN_IN_FULL,
            listed: anomaly
                .listed
                .iter()
                .map(|key| subject.repro(key) + "\n")
                .collect(),
            listed_count: anomaly.listed.len(),
        }
    }
}

impl Shown {
    fn of(subject: &Subject, anomaly: &Anomaly, key: &str) -> Self {
        let first = anomaly.checks.iter().find(|failed| failed.case == key);
        Self {
            key: key.to_owned(),
            href: place::case(&subject.slug, key),
            message: first.map(|failed| failed.message.clone()).unwrap_or_default(),
        }
    }
}

/// What was said, those that differ in bytes and numbers alone counted together under the first of them.
fn messages(anomaly: &Anomaly) -> Vec<(String, usize)> {
    let mut counts: std::collections::BTreeMap<String, (&str, usize)> = std::collections::BTreeMap::new();
    for failed in &anomaly.checks {
        let same = counts.entry(diff::shape(&failed.message));
        let (_, count) = same.or_insert((&failed.message, 0));
        *count = count.saturating_add(1);
    }
    let mut messages: Vec<(String, usize)> = counts
        .into_values()
        .map(|(message, count)| (message.to_owned(), count))
        .collect();
    messages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    messages
}

impl SubjectPage<'_> {
    /// Whether nothing at all went wrong.
    fn is_clean(&self) -> bool {
        let cases = self.subject.cases();
        let bad = cases.keys().any(|verdict| *verdict > Verdict::Pass);
        !bad && self.subject.withheld == 0
    }
}
