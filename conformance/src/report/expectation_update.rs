//! New entries for a file of expectations: one for each rule, side and scenario that fails unexpectedly.
//!
//! The file keeps its text; entries are added at its end, and a person writes the reasons. Findings that let somebody
//! in, weaken what is agreed or end a process go to the private file, never to the public one. Entries that match
//! nothing any more are named by the report; a person takes them out.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    check::Verdict,
    expectations::ExpectationsFile,
    protocol::Role,
    suite::rule::Effect,
    words::counted,
    yaml::{Document, Located},
};

use super::{Run, text::push_line};

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

/// The text of a file of expectations with new entries; `old` is its text, empty if there is none yet.
///
/// # Errors
/// The old text is no file of expectations, or ends in a way that nothing can be added to.
pub fn extend(run: &Run<'_>, audience: Audience, file: &str, old: &str) -> Result<String, Box<Located>> {
    let mut text = old.trim_end().to_owned();
    if text.is_empty() {
        text = format!(
            "seen-with: {}\n\nexpectations: []",
            quoted(format!("{} {}", run.who.name, run.who.version).trim())
        );
    }
    let read: ExpectationsFile = Document::new(file, &text).read()?;
    if read.expectations.is_empty() {
        text = text.trim_end_matches(['[', ']', ' ']).to_owned();
    }
    text.push('\n');
    for ((rule, side, scenario), Failures { cases, count, shape }) in entries(run, audience) {
        // Numbers of checks vary where a subject draws its own random numbers: they are a remark, no condition.
        let seen = format!("{}, {}", counted(count, "check"), counted(cases.len(), "case"));
        push_line(&mut text, &format!("  - rule: {rule}\n    role: {}", side.name()));
        push_line(&mut text, &format!("    cases: [{}] # {seen}", quoted(&scenario)));
        if !shape.is_empty() {
            push_line(&mut text, &format!("    shape: {}", quoted(&shape)));
        }
        push_line(&mut text, &format!("    reason: {}", quoted(NO_REASON)));
    }
    Document::new(file, &text).read::<ExpectationsFile>()?;
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
