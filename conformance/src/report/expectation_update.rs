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
    yaml::{Document, Located},
};

use super::{
    Run,
    text::{counted, push_line},
};

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
    for ((rule, side, scenario), (cases, count)) in entries(run, audience) {
        // Numbers of checks vary where a subject draws its own random numbers: they are a remark, no condition.
        let seen = format!("{}, {}", counted(count, "check"), counted(cases.len(), "case"));
        push_line(&mut text, &format!("  - rule: {rule}\n    role: {}", side.name()));
        push_line(&mut text, &format!("    cases: [{}] # {seen}", quoted(&scenario)));
        push_line(&mut text, &format!("    reason: {}", quoted(NO_REASON)));
    }
    Document::new(file, &text).read::<ExpectationsFile>()?;
    Ok(text)
}

type Entries = BTreeMap<(String, Role, String), (BTreeSet<String>, usize)>;

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
        let (cases, count) = entries.entry(key).or_default();
        cases.insert(result.key());
        *count = count.saturating_add(1);
    }
    entries
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
