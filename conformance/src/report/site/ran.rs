//! What the log of a run says of its subject, as far as pages show it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, Seek},
};

use super::{
    anomaly::{self, Anomaly, Failed},
    exchange::Call,
    place,
};
use crate::{
    check::Verdict,
    protocol::{Hello, Role},
    report::{
        log::{Check, Index, Known, ReadError, Record, Span, records},
        share::{Answered, Tables},
    },
    subject::description::Origin,
    suite::Suite,
};

/// A subject with what came of its run.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What the harness calls it.
    pub label: String,
    /// Name and version in its own words.
    pub title: String,
    /// Name of its files.
    pub(super) slug: String,
    /// Whether it stands behind an adapter; the reference does not.
    pub(super) foreign: bool,
    /// Whether the site has a newer version of it.
    pub(super) older: bool,
    pub(super) seed: u64,
    pub(super) hello: Hello,
    /// Where it comes from; a home page is one of the web.
    pub(super) origin: Origin,
    /// Cases by verdict, for each choice of judged sides.
    pub(super) roles: BTreeMap<Vec<Role>, BTreeMap<Verdict, usize>>,
    /// How much the adapter declares and answers.
    pub(super) tables: Tables,
    /// Decided checks.
    pub(super) checks: usize,
    /// Rules that they decided.
    pub(super) rules: usize,
    /// Failed checks that are not public; nothing else of them is in the log.
    pub(super) withheld: usize,
    /// Checks that the harness could not make.
    pub(super) harness_faults: usize,
    /// Cases that never ran.
    pub(super) missing: usize,
    /// Known deviations that do not hold any more.
    pub(super) complaints: usize,
    /// Failures by rule and side, worst effect first.
    pub(super) anomalies: Vec<Anomaly>,
    /// What it cannot do, with the number of cases that need it.
    pub(super) unsupported: Vec<(String, usize)>,
    /// What it does not show, with the number of checks that need it.
    pub(super) unseen: Vec<(String, usize)>,
    /// Cases that have a page.
    pub(super) kept: Vec<Kept>,
    /// Cases whose calls are not told.
    secret: BTreeSet<String>,
}

/// A case with its calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) key: String,
    pub(super) scenario: String,
    pub(super) axes: BTreeMap<String, String>,
    pub(super) judged: Vec<Role>,
    pub(super) end: String,
    pub(super) calls: Vec<Call>,
    pub(super) failed: Vec<Failed>,
}

impl Subject {
    /// Reads a log.
    ///
    /// # Errors
    /// It cannot be read, or is no run log.
    pub fn read(suite: &Suite, log: &mut (impl BufRead + Seek)) -> Result<Self, ReadError> {
        let index = Index::of(&mut *log)?;
        let mut reading = Reading::default();
        for key in index.start.planned() {
            if let Some(span) = index.cases.get(key) {
                reading.case(key, span, &index, log)?;
            }
        }
        let Reading { failed, secret, .. } = &mut reading;
        let failed = std::mem::take(failed);
        let chosen = anomaly::chosen(&failed, secret);
        let mut kept = Vec::new();
        for key in &chosen {
            if let Some(span) = index.cases.get(key) {
                kept.push(keep(key, span, &failed, log)?);
            }
        }
        let anomalies = anomaly::groups(suite, &index, failed, &chosen);
        Ok(reading.subject(&index, anomalies, kept))
    }

    /// Gives more failed cases a page, read from the log that the subject was read from.
    ///
    /// # Errors
    /// The log cannot be read, or is no run log.
    pub fn show(
        &mut self,
        keys: &BTreeSet<String>,
        log: &mut (impl BufRead + Seek),
    ) -> Result<(), ReadError> {
        let is_shown = |key: &String| self.kept.iter().any(|kept| kept.key == *key);
        let more: Vec<&String> = keys
            .iter()
            .filter(|key| !is_shown(key) && !self.secret.contains(*key))
            .collect();
        if more.is_empty() {
            return Ok(());
        }
        let index = Index::of(&mut *log)?;
        let checks = self.anomalies.iter().flat_map(|anomaly| &anomaly.checks);
        let failed: Vec<Failed> = checks
            .filter(|failed| more.contains(&&failed.case))
            .cloned()
            .collect();
        for key in more {
            let is_failed = failed.iter().any(|failed| failed.case == *key);
            let Some(span) = index.cases.get(key).filter(|_| is_failed) else {
                continue;
            };
            self.kept.push(keep(key, span, &failed, log)?);
            for anomaly in &mut self.anomalies {
                anomaly.show(key);
            }
        }
        Ok(())
    }

    /// The command that replays a case, without the folder of this machine that the adapter lies in.
    pub(super) fn repro(&self, key: &str) -> String {
        let mut command = format!("legwork repro '{key}'");
        if self.foreign {
            let version = match self.older {
                true => format!("@{}", self.hello.version),
                false => String::new(),
            };
            let folder = format!("conformance/adapters/{}{version}", self.label);
            command.push_str(&format!(" --subject {}", word(&folder)));
        }
        if self.seed != 0 {
            command.push_str(&format!(" --seed {}", self.seed));
        }
        command
    }

    /// Cases by verdict, whichever side they judge.
    pub(super) fn cases(&self) -> BTreeMap<Verdict, usize> {
        let mut all = BTreeMap::new();
        for (verdict, count) in self.roles.values().flatten() {
            let sum: &mut usize = all.entry(*verdict).or_default();
            *sum = sum.saturating_add(*count);
        }
        all
    }

    /// Cases that pass, and cases that were decided.
    pub(super) fn score(&self) -> (usize, usize) {
        let cases = self.cases();
        let decided = |verdict: &Verdict| *verdict >= Verdict::Pass && *verdict != Verdict::HarnessFault;
        let decided = cases.iter().filter(|(verdict, _)| decided(verdict));
        let passed = cases.get(&Verdict::Pass).copied().unwrap_or(0);
        (passed, decided.map(|(_, count)| count).sum())
    }

    /// Failed checks that nobody expects, and those that are known.
    pub(super) fn unexpected_and_known(&self) -> (usize, usize) {
        let all = || self.anomalies.iter().flat_map(|anomaly| &anomaly.checks);
        let known = all().filter(|failed| failed.is_known).count();
        (all().count().saturating_sub(known), known)
    }

    /// Whether its log says openly that it broke a rule on a side.
    pub(super) fn openly_broke(&self, rule: &str, side: Role) -> bool {
        let same = |anomaly: &Anomaly| anomaly.rule == rule && anomaly.side == side;
        self.anomalies.iter().any(same)
    }

    /// Whether its log tells a failure of a side openly, by its first line.
    pub(super) fn openly_says(&self, message: &str, side: Role) -> bool {
        let mut checks = self.anomalies.iter().flat_map(|anomaly| &anomaly.checks);
        checks.any(|failed| failed.side == side && failed.message.lines().next() == Some(message))
    }
}

#[derive(Debug, Default)]
struct Reading {
    roles: BTreeMap<Vec<Role>, BTreeMap<Verdict, usize>>,
    checks: usize,
    rules: BTreeSet<String>,
    withheld: usize,
    harness_faults: usize,
    /// Cases whose calls are not told.
    secret: BTreeSet<String>,
    failed: Vec<Failed>,
    tables: Tables,
    unsupported: BTreeMap<String, usize>,
    unseen: BTreeMap<String, usize>,
}

impl Reading {
    fn case(
        &mut self,
        key: &str,
        span: &Span,
        index: &Index,
        log: &mut (impl BufRead + Seek),
    ) -> Result<(), ReadError> {
        let mut roles = Vec::new();
        let mut worst = Verdict::NotApplicable;
        let (mut declared, mut cut_short) = (true, false);
        for record in records(log, span, |kind| kind != "call" && kind != "timing")? {
            match record {
                Record::CaseStart {
                    judged, undeclared, ..
                } => (roles, declared) = (judged, undeclared.is_empty()),
                Record::CaseEnd { verdict, end } => {
                    worst = worst.max(verdict);
                    cut_short = end == "unsupported";
                }
                Record::Check(check) => self.check(key, *check),
                _ => {}
            }
        }
        for check in index.late.get(key).into_iter().flatten() {
            if check.verdict > Verdict::Pass {
                worst = worst.max(check.verdict);
            }
            self.check(key, check.clone());
        }
        for role in &roles {
            self.tables
                .add(key, *role, Answered::new(declared, worst, cut_short));
        }
        add(self.roles.entry(roles).or_default(), worst);
        Ok(())
    }

    fn check(&mut self, key: &str, check: Check) {
        self.checks = self
            .checks
            .saturating_add(usize::from(check.verdict >= Verdict::Pass));
        if check.known == Some(Known::Withheld) {
            self.withheld = self.withheld.saturating_add(1);
            self.secret.insert(key.to_owned());
            return;
        }
        match check.verdict {
            Verdict::Unsupported => add(&mut self.unsupported, reason(&check)),
            Verdict::NotApplicable => add(&mut self.unseen, reason(&check)),
            Verdict::HarnessFault => self.harness_faults = self.harness_faults.saturating_add(1),
            verdict => {
                let Some(rule) = &check.rule else { return };
                if !self.rules.contains(rule) {
                    self.rules.insert(rule.clone());
                }
                if verdict > Verdict::Pass {
                    self.failed.extend(Failed::of(check));
                }
            }
        }
    }

    fn subject(self, index: &Index, anomalies: Vec<Anomaly>, kept: Vec<Kept>) -> Subject {
        let hello = index.hello.clone().unwrap_or_default();
        let title = format!("{} {}", hello.name, hello.version);
        let label = index.start.subject.clone();
        let title = match title.trim() {
            "" => label.clone(),
            title => title.to_owned(),
        };
        Subject {
            slug: place::name(&label),
            foreign: label != "reference",
            older: false,
            label,
            title,
            seed: index.start.seed,
            hello,
            origin: origin(&index.origin),
            roles: self.roles,
            tables: self.tables,
            checks: self.checks,
            rules: self.rules.len(),
            withheld: self.withheld,
            harness_faults: self.harness_faults,
            missing: missing(index),
            complaints: index.end.as_ref().map_or(0, |end| end.complaints.len()),
            anomalies,
            unsupported: most_first(self.unsupported),
            unseen: most_first(self.unseen),
            kept,
            secret: self.secret,
        }
    }
}

/// Cases that a run which was interrupted left; one that came to its end left none but those of a side that is not played.
fn missing(index: &Index) -> usize {
    match index.end {
        Some(_) => 0,
        None => index.never_ran().count(),
    }
}

fn origin(told: &Origin) -> Origin {
    let web = |page: &String| anomaly::is_web(page);
    Origin {
        homepage: told.homepage.clone().filter(web),
        language: told.language.clone(),
    }
}

/// A text as a word of a shell.
fn word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/.@_-+:".contains(character);
    match text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Why a check was not decided, without what belongs to one case.
fn reason(check: &Check) -> String {
    let message = check.message.as_str();
    let short = message.rsplit(": ").next().unwrap_or(message);
    match short {
        "" => "the case has no meaning here".to_owned(),
        short => short.to_owned(),
    }
}

fn most_first(counts: BTreeMap<String, usize>) -> Vec<(String, usize)> {
    let mut rows: Vec<(String, usize)> = counts.into_iter().collect();
    rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    rows
}

fn add<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

/// Reads the calls of a case.
fn keep(
    key: &str,
    span: &Span,
    failed: &[Failed],
    log: &mut (impl BufRead + Seek),
) -> Result<Kept, ReadError> {
    let mut kept = Kept {
        key: key.to_owned(),
        failed: failed
            .iter()
            .filter(|failed| failed.case == key)
            .cloned()
            .collect(),
        ..Kept::default()
    };
    // Checks across cases stand at the end of a log, and others in the order of their rules.
    kept.failed
        .sort_by_key(|failed| (failed.call.is_none(), failed.call));
    for record in records(log, span, |kind| {
        matches!(kind, "call" | "case-start" | "case-end")
    })? {
        match record {
            Record::CaseStart {
                scenario,
                axes,
                judged,
                ..
            } => (kept.scenario, kept.axes, kept.judged) = (scenario, axes, judged),
            Record::CaseEnd { end, .. } => kept.end = end,
            call => kept.calls.extend(Call::of(call)),
        }
    }
    Ok(kept)
}
