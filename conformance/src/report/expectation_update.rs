//! A file of expectations brought up to date with a run.
//!
//! The text is edited, never written anew: comments and order stay. New entries come at its end, one for each rule, side
//! and kind of message that fails unexpectedly, and a person writes the reasons. An entry all of whose checks pass is
//! taken out, and a number of checks that is another one is replaced. An entry that is out of date in another way, in a
//! run of another version than the file was seen with, is bound to the version that it was seen with. What is left is named
//! by the report and left to a person: a run in which little could be decided must not empty the file. Findings that let
//! somebody in, weaken what is agreed or end a process go to the private file, never to the public one.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    check::{Finding, Verdict},
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
        .filter(|(_, finding)| of(run, finding) == Some(audience))
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
    let private = audience == Audience::Private;
    let earlier = earlier_version(run, file, old);
    let entries: Vec<(usize, &Entry)> = run.expectations.entries(private).collect();
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
            _ if entry.versions.is_empty() && counts.contradict(entry) => earlier
                .as_ref()
                .and_then(|version| edit::with_version(file, &text, at, version)),
            _ => None,
        };
        text = edited.unwrap_or(text);
    }
    match left {
        0 => edit::with_empty_list(&text),
        _ => text,
    }
}

/// The version that a file was seen with, as a YAML scalar, if it is another one than that of the run.
fn earlier_version(run: &Run<'_>, file: &str, text: &str) -> Option<String> {
    let read: ExpectationsFile = Document::new(file, text).read().ok()?;
    let (_, version) = read.seen_with.rsplit_once(' ')?;
    (version != run.who.version).then(|| quoted(version))
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
    for (
        (rule, side, shape),
        Failures {
            scenarios,
            cases,
            count,
        },
    ) in new
    {
        // Numbers of checks vary where a subject draws its own random numbers: they are a remark, no condition.
        let seen = format!("{}, {}", counted(count, "check"), counted(cases.len(), "case"));
        push_line(
            &mut text,
            &format!("  - rule: {rule} # {seen}\n    role: {}", side.name()),
        );
        let patterns: Vec<String> = patterns(&scenarios).into_iter().map(quoted).collect();
        push_line(&mut text, &format!("    cases: [{}]", patterns.join(", ")));
        if !shape.is_empty() {
            push_line(&mut text, &format!("    shape: {}", quoted(&shape)));
        }
        push_line(&mut text, &format!("    reason: {}", quoted(NO_REASON)));
    }
    Ok(text)
}

/// Failures by rule, side and shape.
type Entries = BTreeMap<(String, Role, String), Failures>;

/// What one entry stands for.
#[derive(Debug, Default)]
struct Failures {
    scenarios: BTreeSet<String>,
    cases: BTreeSet<String>,
    count: usize,
}

/// What fails unexpectedly. The shape of a scenario is what all its messages begin with: a failure of another one is a
/// change. Scenarios of one shape are one entry.
fn entries(run: &Run<'_>, audience: Audience) -> Entries {
    let mut shapes: BTreeMap<(&str, Role, &str), String> = BTreeMap::new();
    let failures: Vec<_> = run
        .unforeseen()
        .filter(|(_, finding)| of(run, finding) == Some(audience))
        .map(|(result, finding)| {
            let case = run.case(result);
            (
                result,
                finding,
                case.map_or(result.case.as_str(), |case| case.entry.id.as_str()),
            )
        })
        .collect();
    for (_, finding, scenario) in &failures {
        let shape = shapes.entry((&finding.rule, finding.side, scenario));
        let shape = shape.or_insert_with(|| finding.message.clone());
        *shape = common_shape(shape, &finding.message);
    }
    let mut entries = Entries::new();
    for (result, finding, scenario) in &failures {
        let shape = shapes.get(&(finding.rule.as_str(), finding.side, *scenario));
        let key = (
            finding.rule.clone(),
            finding.side,
            shape.cloned().unwrap_or_default(),
        );
        let entry = entries.entry(key).or_default();
        entry.scenarios.insert((*scenario).to_owned());
        entry.cases.insert(result.key());
        entry.count = entry.count.saturating_add(1);
    }
    entries
}

/// Patterns for the cases of scenarios: the scenarios or, where those are many, their topics.
fn patterns(scenarios: &BTreeSet<String>) -> BTreeSet<&str> {
    const MANY: usize = 6;
    let topic = |scenario: &'_ str| scenario.match_indices('/').nth(1).map(|(end, _)| end);
    let pattern = |scenario| match topic(scenario).filter(|_| scenarios.len() > MANY) {
        Some(end) => scenario.get(..end).unwrap_or(scenario),
        None => scenario,
    };
    scenarios.iter().map(String::as_str).map(pattern).collect()
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
fn of(run: &Run<'_>, finding: &Finding) -> Option<Audience> {
    let effect = run.suite.rule(&finding.rule).map(|(_, entry)| entry.rule.effect);
    match (finding.verdict, effect) {
        (Verdict::HarnessFault, _) => None,
        (Verdict::Crash, _) | (_, Some(Effect::Bypass)) => Some(Audience::Private),
        _ if finding.let_in() => Some(Audience::Private),
        _ => Some(Audience::Public),
    }
}

/// A text as a YAML scalar; JSON's form is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
