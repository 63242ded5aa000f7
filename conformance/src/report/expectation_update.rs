//! A file of expectations brought up to date with a run.
//!
//! The text is edited, never written anew: comments and order stay. New entries come at its end, one for each rule, side
//! and scenario that fails unexpectedly, and a person writes the reasons. An entry all of whose checks pass is taken out,
//! and a number of checks that is another one is replaced. Entries that are out of date in another way are named by the
//! report and left to a person: a run in which little could be decided must not empty the file. Findings that let
//! somebody in, weaken what is agreed or end a process go to the private file, never to the public one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    check::Verdict,
    expectations::{Entry, ExpectationsFile},
    protocol::Role,
    suite::rule::Effect,
    words::counted,
    yaml::{Document, Located},
};

use super::{Run, expectation_edit as edit, text::push_line};

/// What stands as the reason of a new entry.
pub const NO_REASON: &str = "Not looked at yet.";

/// Where findings belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody may read them.
    Public,
    /// Nobody but the maintainers, until upstream has answered.
    Private,
}

/// Number of unexpected failures that belong to an audience.
#[must_use]
pub fn count(run: &Run<'_>, audience: Audience) -> usize {
    run.unforeseen()
        .filter(|(_, finding)| of(run, &finding.rule, finding.verdict) == Some(audience))
        .count()
}

/// The text of a file of expectations, up to date; `old` is its text, empty if there is none yet.
///
/// # Errors
/// The old text is no file of expectations, or ends in a way that nothing can be added to.
pub fn update(run: &Run<'_>, audience: Audience, file: &str, old: &str) -> Result<String, Box<Located>> {
    let mut text = revised(run, audience, file, old);
    let new = entries(run, audience);
    if !new.is_empty() {
        text = extended(run, file, &text, new)?;
    }
    if text != old {
        let seen = quoted(format!("{} {}", run.who.name, run.who.version).trim());
        text = edit::with_seen(file, &text, &seen).unwrap_or(text);
    }
    Document::new(file, &text).read::<ExpectationsFile>()?;
    Ok(text)
}

/// The text with its entries taken out or recounted, from the last to the first, so that the places of others hold.
fn revised(run: &Run<'_>, audience: Audience, file: &str, old: &str) -> String {
    let mut text = old.to_owned();
    let entries: Vec<(usize, &Entry)> = run.expectations.entries(audience == Audience::Private).collect();
    let mut left = entries.len();
    for (at, (number, entry)) in entries.into_iter().enumerate().rev() {
        let Some(counts) = run.outcome.counts.get(number) else {
            continue;
        };
        let all_pass = counts.checks > 0 && counts.passed == counts.checks;
        let edited = match entry.count {
            _ if all_pass && !entry.flaky => {
                let without = edit::without_entry(file, &text, at);
                left = left.saturating_sub(usize::from(without.is_some()));
                without
            }
            Some(count) if counts.taken > 0 && counts.taken != count => {
                edit::with_count(file, &text, at, counts.taken)
            }
            _ => None,
        };
        text = edited.unwrap_or(text);
    }
    match left {
        0 => edit::with_empty_list(&text),
        _ => text,
    }
}

fn extended(run: &Run<'_>, file: &str, old: &str, new: Entries) -> Result<String, Box<Located>> {
    let mut text = old.trim_end().to_owned();
    if text.is_empty() {
        text = format!(
            "seen-with: {}\n\nexpectations: []",
            quoted(format!("{} {}", run.who.name, run.who.version).trim())
        );
    }
    let read: ExpectationsFile = Document::new(file, &text).read()?;
    if read.expectations.is_empty() {
        text = edit::with_open_list(&text);
    }
    text.push('\n');
    for ((rule, side, scenario), Failures { cases, count, shape }) in new {
        // Numbers of checks vary where a subject draws its own random numbers: they are a remark, no condition.
        let seen = format!("{}, {}", counted(count, "check"), counted(cases.len(), "case"));
        push_line(&mut text, &format!("  - rule: {rule}\n    role: {}", side.name()));
        push_line(&mut text, &format!("    cases: [{}] # {seen}", quoted(&scenario)));
        if !shape.is_empty() {
            push_line(&mut text, &format!("    shape: {}", quoted(&shape)));
        }
        push_line(&mut text, &format!("    reason: {}", quoted(NO_REASON)));
    }
    Ok(text)
}

type Entries = BTreeMap<(String, Role, String), Failures>;

/// What one entry stands for.
#[derive(Debug, Default)]
struct Failures {
    cases: BTreeSet<String>,
    count: usize,
    /// What all messages begin with: a failure of another shape is a change.
    shape: String,
}

fn entries(run: &Run<'_>, audience: Audience) -> Entries {
    let mut entries = Entries::new();
    for (result, finding) in run.unforeseen() {
        if of(run, &finding.rule, finding.verdict) != Some(audience) {
            continue;
        }
        let scenario = run
            .case(result)
            .map_or(result.case.as_str(), |case| case.entry.id.as_str());
        let key = (finding.rule.clone(), finding.side, scenario.to_owned());
        let failures = entries.entry(key).or_default();
        let first = failures.count == 0;
        let known = if first {
            finding.message.as_str()
        } else {
            failures.shape.as_str()
        };
        failures.shape = common_shape(known, &finding.message);
        failures.cases.insert(result.key());
        failures.count = failures.count.saturating_add(1);
    }
    entries
}

/// What two messages begin with, up to the first number: numbers vary from run to run.
fn common_shape(known: &str, message: &str) -> String {
    let same = known
        .chars()
        .zip(message.chars())
        .take_while(|(left, right)| left == right);
    let words: String = same
        .map(|(letter, _)| letter)
        .take_while(|letter| !letter.is_ascii_digit())
        .collect();
    words.trim_end().to_owned()
}

/// Who may read of a failure; nobody expects a fault of the harness.
fn of(run: &Run<'_>, rule: &str, verdict: Verdict) -> Option<Audience> {
    let effect = run.suite.rule(rule).map(|(_, entry)| entry.rule.effect);
    match (verdict, effect) {
        (Verdict::HarnessFault, _) => None,
        (Verdict::Crash, _) | (_, Some(Effect::Bypass)) => Some(Audience::Private),
        _ => Some(Audience::Public),
    }
}

/// A text as a YAML scalar; JSON's form is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
