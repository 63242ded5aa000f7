//! The report as Markdown, for the page of a build. It holds no time and no path of this machine.

use std::collections::BTreeSet;

use crate::{check::Verdict, protocol::Role, rules_command::word, runner::CaseResult, words::counted};

use super::{
    Run,
    doubts::doubts,
    failure::{Group, groups},
    harmless,
    share::Tables,
    tally::Tally,
    text::push_line,
};

/// The report.
#[must_use]
pub fn report(run: &Run<'_>) -> String {
    let mut text = String::new();
    let subject = format!("{} {}", run.who.name, run.who.version);
    paragraph(&mut text, &format!("# {}", code(subject.trim())));
    for doubt in doubts(run) {
        paragraph(&mut text, &format!("> {}", code(&doubt)));
    }
    paragraph(&mut text, &headline(run));
    control(&mut text, run);
    paragraph(&mut text, &verdicts(run));
    shares(&mut text, run);
    unexpected(&mut text, run);
    complaints(&mut text, run);
    known(&mut text, run);
    text
}

/// Adds a line and a blank one.
fn paragraph(text: &mut String, line: &str) {
    push_line(text, line);
    push_line(text, "");
}

/// Text from a run as code: it cannot be read as markup.
pub(super) fn code(text: &str) -> String {
    let text = harmless(text).replace('\n', " ").replace('`', "'");
    format!("`{text}`")
}

/// Text from a run as code in a table, whose cells end at a bar.
fn cell(text: &str) -> String {
    code(text).replace('|', "\\|")
}

fn headline(run: &Run<'_>) -> String {
    let outcome = run.outcome;
    let counts = [
        ("unexpected", run.unforeseen().count()),
        ("known", outcome.expected.len()),
        ("withheld", outcome.withheld),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    let known = outcome.expected.len().saturating_add(outcome.withheld) > 0;
    let mut text = match (run.is_good(), known) {
        (true, false) => "**As it should be.**",
        (true, true) => "**As it is known to be.**",
        (false, _) => "**Not as it should be.**",
    }
    .to_owned();
    if !parts.is_empty() {
        text.push_str(&format!(" Failures and warnings: {}.", parts.join(", ")));
    }
    if !outcome.complaints.is_empty() {
        text.push_str(&format!(
            " Expectations out of date: {}.",
            outcome.complaints.len()
        ));
    }
    text
}

/// What is steered of a subject, and what its adapter says of that and is not so.
fn control(text: &mut String, run: &Run<'_>) {
    let control = &run.who.control;
    if let Some(wrong) = &control.broken_claim {
        paragraph(
            text,
            &format!("**The adapter says that it steers randomness: {wrong}.**"),
        );
    }
    if run.who.argument.is_some() {
        paragraph(text, &format!("With {}.", harmless(&control.words())));
    }
}

/// Cases by verdict, one row for each role that is judged by itself.
fn verdicts(run: &Run<'_>) -> String {
    let all = Tally::of(run.results);
    let order: Vec<Verdict> = Tally::words(&all.cases)
        .into_iter()
        .map(|(verdict, _)| verdict)
        .collect();
    let names: Vec<&str> = order.iter().map(|verdict| verdict.name()).collect();
    let mut text = format!("| cases | {} | checks | rules |\n", names.join(" | "));
    text.push_str(&"|---".repeat(order.len().saturating_add(3)));
    text.push_str("|\n");
    let mut row = |name: &str, chosen: &dyn Fn(&&CaseResult) -> bool| {
        let tally = Tally::of(run.results.iter().filter(chosen));
        let count = |verdict: &Verdict| tally.cases.get(verdict).copied().unwrap_or(0).to_string();
        let counts: Vec<String> = order.iter().map(count).collect();
        let (checks, rules) = (tally.check_count(), tally.rules.len());
        text.push_str(&format!(
            "| {name} | {} | {checks} | {rules} |\n",
            counts.join(" | ")
        ));
    };
    match run.who.argument {
        None => row("both sides", &|_| true),
        Some(_) => {
            for role in Role::BOTH {
                if run.results.iter().any(|result| result.judged == [role]) {
                    row(&format!("as {}", role.name()), &|result| result.judged == [role]);
                }
            }
        }
    }
    text
}

/// How much an adapter declares, and how much of that it answers.
fn shares(text: &mut String, run: &Run<'_>) {
    if run.who.argument.is_none() {
        return;
    }
    let tables = Tables::of(run.results);
    push_line(text, "| cases | all | declared | answered | |");
    push_line(text, "|---|---|---|---|---|");
    for shares in tables.iter() {
        for (group, share) in shares.rows() {
            let percent = share.percent().map(|percent| format!("{percent} %"));
            push_line(
                text,
                &format!(
                    "| {} {group} | {} | {} | {} | {} |",
                    shares.title(),
                    share.cases,
                    share.declared,
                    share.answered,
                    percent.unwrap_or_default()
                ),
            );
        }
    }
    push_line(text, "");
    if let Some(verdict) = tables.verdict() {
        paragraph(text, &format!("The adapter **{verdict}**."));
    }
}

fn unexpected(text: &mut String, run: &Run<'_>) {
    let groups = groups(run.suite, run.unforeseen());
    if groups.is_empty() {
        return;
    }
    paragraph(text, "## Unexpected");
    push_line(
        text,
        "| verdict | rule | side | effect | checks | first | found |",
    );
    push_line(text, "|---|---|---|---|---|---|---|");
    for group in &groups {
        let Some((result, finding)) = group.members.first() else {
            continue;
        };
        let row = format!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            group.verdict.name(),
            cell(group.rule),
            group.side.name(),
            effect(group),
            spread(group),
            cell(&result.key()),
            cell(&finding.message),
        );
        push_line(text, &row);
    }
    push_line(text, "");
}

fn effect(group: &Group<'_>) -> String {
    group.effect.map(|effect| word(&effect)).unwrap_or_default()
}

fn spread(group: &Group<'_>) -> String {
    format!(
        "{} in {}",
        group.members.len(),
        counted(group.case_count(), "case")
    )
}

fn complaints(text: &mut String, run: &Run<'_>) {
    if run.outcome.complaints.is_empty() {
        return;
    }
    paragraph(text, "## Expectations that do not hold");
    for complaint in &run.outcome.complaints {
        let message = match complaint.message.is_empty() {
            true => String::new(),
            false => format!(": {}", code(&complaint.message)),
        };
        let entry = code(&complaint.entry);
        push_line(text, &format!("- {}, {entry}{message}", word(&complaint.trouble)));
    }
    push_line(text, "");
}

/// Known deviations with their reasons. What is withheld is not among them.
fn known(text: &mut String, run: &Run<'_>) {
    let numbers: BTreeSet<usize> = run.outcome.expected.iter().map(|(.., entry)| *entry).collect();
    if numbers.is_empty() {
        return;
    }
    paragraph(text, "## Known deviations");
    for number in numbers {
        let Some(entry) = run.expectations.entry(number) else {
            continue;
        };
        let count = run
            .outcome
            .expected
            .iter()
            .filter(|(.., entry)| *entry == number)
            .count();
        let link = entry
            .link
            .as_ref()
            .map(|link| format!(" <{link}>"))
            .unwrap_or_default();
        let reason = entry.reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let flaky = if entry.flaky { ", in some runs only" } else { "" };
        let name = code(&entry.name());
        push_line(
            text,
            &format!("- {name}, {}{flaky}: {reason}{link}", counted(count, "check")),
        );
    }
}
