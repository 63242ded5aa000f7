//! The report on a terminal.

use std::{fmt::Write as _, time::Duration};

use crate::{
    check::Finding,
    protocol::Role,
    rules_command::{word, wrap},
    runner::CaseResult,
    suite::RuleEntry,
    words::counted,
};

use super::{
    Run, Who,
    doubts::doubts,
    evidence,
    failure::{Group, groups},
    harmless,
    paint::{Paint, QUIET, STRONG},
    share::Tables,
    tally::Tally,
};

/// Further cases of a group that are named.
const NAMED: usize = 5;

/// How a report is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// With ANSI colour.
    pub colour: bool,
    /// Every failed check in full, and every expected one; else one of each rule and side.
    pub verbose: bool,
}

/// The whole report: failures worst first, what is out of date, and the summary at the end.
#[must_use]
pub fn report(run: &Run<'_>, style: Style) -> String {
    let mut writer = Writer {
        run,
        style,
        paint: Paint(style.colour),
        out: String::new(),
    };
    writer.doubts();
    for group in groups(run.suite, run.unforeseen()) {
        writer.group(&group);
    }
    writer.expected();
    writer.out_of_date();
    writer.summary();
    writer.out
}

/// The line or lines that say how it went.
#[must_use]
pub fn summary(run: &Run<'_>, style: Style) -> String {
    let mut writer = Writer {
        run,
        style,
        paint: Paint(style.colour),
        out: String::new(),
    };
    writer.summary();
    writer.out
}

struct Writer<'a> {
    run: &'a Run<'a>,
    style: Style,
    paint: Paint,
    out: String,
}

impl Writer<'_> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn indented(&mut self, text: &str, indent: usize) {
        for line in text.lines() {
            self.line(&format!("{:indent$}{line}", ""));
        }
    }

    /// What must be known before anything below is believed.
    fn doubts(&mut self) {
        for doubt in doubts(self.run) {
            let mut text = String::new();
            wrap(&mut text, &doubt, 0);
            self.out.push_str(&text);
            self.line("");
        }
    }

    fn group(&mut self, group: &Group<'_>) {
        let entry = self.run.suite.rule(group.rule).map(|(_, entry)| entry);
        self.heading(group, entry);
        if let Some(entry) = entry {
            self.rule(entry);
        }
        let full = if self.style.verbose {
            group.members.len()
        } else {
            1
        };
        for (result, finding) in group.members.iter().take(full) {
            self.failure(result, finding);
        }
        let rest = group.members.get(full..).unwrap_or_default();
        if !rest.is_empty() {
            self.line("  also");
        }
        for (result, finding) in rest.iter().take(NAMED) {
            self.line(&format!(
                "    {}: {}",
                result.key(),
                first_line(&harmless(&finding.message))
            ));
        }
        let unnamed = rest.len().saturating_sub(NAMED);
        if unnamed > 0 {
            self.line(&format!("    and {unnamed} more (--verbose shows all)"));
        }
        self.line("");
    }

    fn heading(&mut self, group: &Group<'_>, entry: Option<&RuleEntry>) {
        let verdict = self.paint.verdict(group.verdict, group.verdict.name());
        let rule = self.paint.paint(STRONG, group.rule);
        let kind = entry.map(|entry| {
            format!(
                ", {}, effect {}",
                word(&entry.rule.level),
                word(&entry.rule.effect)
            )
        });
        let checks = counted(group.members.len(), "check");
        let cases = counted(group.case_count(), "case");
        let side = group.side.name();
        self.line(&format!(
            "{verdict} {rule}  {side}{}, {checks} in {cases}",
            kind.unwrap_or_default()
        ));
    }

    fn rule(&mut self, entry: &RuleEntry) {
        wrap(&mut self.out, &entry.rule.text, 2);
        let source = format!(
            "{}; {} ({})",
            entry.page,
            entry.rule.source.section,
            word(&entry.rule.evidence)
        );
        let mut text = String::new();
        wrap(&mut text, &source, 2);
        let text = self.paint.paint(QUIET, text.trim_end());
        self.line(&text);
        self.line("");
    }

    fn failure(&mut self, result: &CaseResult, finding: &Finding) {
        let key = self.paint.paint(STRONG, &result.key());
        self.line(&format!("  {key}"));
        self.line(&format!(
            "    at      {}",
            evidence::place(self.run, result, finding)
        ));
        self.line(&format!(
            "    found   {}",
            harmless(&finding.message).replace('\n', "\n            ")
        ));
        for (heading, text) in evidence::paragraphs(self.run, result, finding) {
            self.line(&format!("    {heading}"));
            self.indented(&text, 6);
        }
        let command = self.run.repro(result);
        self.line(&format!("    replay  {command}"));
    }

    /// Failures that are known, one line a rule and side.
    fn expected(&mut self) {
        let (results, outcome) = (self.run.results, self.run.outcome);
        let places = outcome.expected.iter().filter_map(|(result, finding, entry)| {
            let result = results.get(*result)?;
            Some((result, result.findings.get(*finding)?, *entry))
        });
        let known: Vec<_> = places.collect();
        if known.is_empty() || !self.style.verbose {
            return;
        }
        self.line("Known deviations");
        for group in groups(
            self.run.suite,
            known.iter().map(|(result, finding, _)| (*result, *finding)),
        ) {
            let checks = counted(group.members.len(), "check");
            self.line(&format!("  {}  {}, {checks}", group.rule, group.side.name()));
            let entry = known
                .iter()
                .find(|(_, finding, _)| finding.rule == group.rule && finding.side == group.side);
            if let Some(entry) = entry.and_then(|(_, _, entry)| self.run.expectations.entry(*entry)) {
                wrap(&mut self.out, &entry.reason, 4);
            }
        }
        self.line("");
    }

    fn out_of_date(&mut self) {
        let complaints = &self.run.outcome.complaints;
        if complaints.is_empty() {
            return;
        }
        self.line("Expectations that do not hold");
        for complaint in complaints {
            let trouble = word(&complaint.trouble);
            self.line(&format!("  {trouble}  {}", complaint.entry));
            if !complaint.message.is_empty() {
                self.line(&format!("    {}", complaint.message));
            }
        }
        self.line("");
    }

    fn summary(&mut self) {
        let Who {
            name,
            version,
            argument,
            ..
        } = self.run.who;
        let title = harmless(&format!("{name} {version}"));
        let title = self.paint.paint(STRONG, title.trim());
        match argument {
            None => self.block(&title, None),
            Some(_) => {
                for role in Role::BOTH {
                    if self.run.results.iter().any(|result| result.judged == [role]) {
                        self.block(&format!("{title} as {}", role.name()), Some(role));
                    }
                }
            }
        }
        if argument.is_some() {
            let words = harmless(&self.run.who.control.words());
            self.line(&words);
            self.shares();
        }
        self.known();
        let restarts = self.run.restarts();
        if restarts > 0 {
            self.line(&format!(
                "adapter started again: after {}",
                counted(restarts, "case")
            ));
        }
        let count = self.run.results.len();
        let rate = rate(count, self.run.elapsed);
        let shares = self.run.spent.and_then(|spent| spent.share()).map(shares);
        self.line(&format!(
            "{} in {}{rate}{}",
            counted(count, "case"),
            seconds(self.run.elapsed),
            shares.unwrap_or_default()
        ));
    }

    fn block(&mut self, title: &str, role: Option<Role>) {
        let chosen = self
            .run
            .results
            .iter()
            .filter(|result| role.is_none_or(|role| result.judged == [role]));
        let tally = Tally::of(chosen);
        let words = Tally::words(&tally.cases);
        let cases: Vec<String> = words
            .iter()
            .map(|(verdict, text)| self.paint.verdict(*verdict, text))
            .collect();
        self.line(&format!("{title}: {}", cases.join(", ")));
        let (checks, rules) = (
            counted(tally.check_count(), "check"),
            counted(tally.rules.len(), "rule"),
        );
        self.line(&format!("  {checks} of {rules}"));
        self.undecided("not shown by the subject", "check", tally.unseen);
        self.undecided("not supported by the subject", "case", tally.unsupported);
    }

    /// How much is declared, and how much of that was answered.
    fn shares(&mut self) {
        let tables = Tables::of(self.run.results);
        for shares in tables.iter() {
            let rows = shares
                .rows()
                .map(|(group, share)| format!("{group} {}", share.words()));
            let rows: Vec<String> = rows.collect();
            let mut text = String::new();
            wrap(&mut text, &format!("{}: {}", shares.title(), rows.join("; ")), 0);
            self.out.push_str(&text);
        }
        if let Some(verdict) = tables.verdict() {
            self.line(&format!("the adapter {verdict}"));
        }
    }

    /// What could not be decided, and why.
    fn undecided(&mut self, title: &str, unit: &str, reasons: std::collections::BTreeMap<String, usize>) {
        let total: usize = reasons.values().sum();
        if total == 0 {
            return;
        }
        let mut rows: Vec<(String, usize)> = reasons.into_iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let short = |text: &str| harmless(text.rsplit(": ").next().unwrap_or(text));
        let rows: Vec<String> = rows
            .iter()
            .map(|(what, count)| format!("{} {count}", short(what)))
            .collect();
        let mut text = String::new();
        wrap(
            &mut text,
            &format!("{title}: {} ({})", counted(total, unit), rows.join(", ")),
            2,
        );
        self.out.push_str(&text);
    }

    fn known(&mut self) {
        let outcome = self.run.outcome;
        let stale = outcome.complaints.len();
        let parts = [
            (outcome.expected.len(), "known"),
            (outcome.withheld, "withheld"),
            (self.run.unforeseen().count(), "unexpected"),
        ];
        let parts: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if !parts.is_empty() {
            self.line(&format!("failures and warnings: {}", parts.join(", ")));
        }
        if stale > 0 {
            self.line(&format!("expectations out of date: {stale}"));
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.2} s", elapsed.as_secs_f64())
}

/// Cases a second.
fn rate(count: usize, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if seconds > 0.0 {
        format!(" ({:.0} cases/s)", f64::from(count) / seconds)
    } else {
        String::new()
    }
}

/// Whose the time was, by the harness's share of it.
fn shares(harness: f64) -> String {
    let percent = harness * 100.0;
    format!(
        "; harness {percent:.0} %, subject {:.0} % of the time",
        100.0 - percent.round()
    )
}

/// Adds a line to a text that grows.
pub(crate) fn push_line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", line.trim_end());
}
