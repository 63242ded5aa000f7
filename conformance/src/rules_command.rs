//! `legwork rules list` and `legwork rules show`: the rules as text.

use std::{collections::BTreeMap, fmt::Write as _};

use thiserror::Error;

use crate::suite::{
    RuleEntry, Suite,
    rule::Binds,
    saboteur::{Sabotage, Saboteur},
};

/// A rule that does not exist, or a filter that matches none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RulesError {
    /// No rule has the id.
    #[error("no rule `{id}`{}", like(.similar))]
    UnknownRule {
        /// The id that was asked for.
        id: String,
        /// Ids that contain one of its parts.
        similar: Vec<String>,
    },
    /// The filter matches nothing.
    #[error("no rule matches `{0}`")]
    NoMatch(String),
}

fn like(similar: &[String]) -> String {
    if similar.is_empty() {
        String::new()
    } else {
        format!("; there are {}", similar.join(", "))
    }
}

/// The rules whose id matches a filter, one a line, by file. A filter is a part of the id, or a pattern with `*`.
///
/// # Errors
///
/// A filter that matches nothing.
pub fn list(suite: &Suite, filter: Option<&str>) -> Result<String, RulesError> {
    let mut files: BTreeMap<&str, Vec<(&str, &RuleEntry)>> = BTreeMap::new();
    for (id, entry) in &suite.rules {
        if filter.is_none_or(|filter| matches(filter, id)) {
            files.entry(&entry.file).or_default().push((id, entry));
        }
    }
    if files.is_empty() {
        return Err(RulesError::NoMatch(filter.unwrap_or("*").to_owned()));
    }
    Ok(render_list(&files))
}

fn render_list(files: &BTreeMap<&str, Vec<(&str, &RuleEntry)>>) -> String {
    let rules = || files.values().flatten();
    let width = rules().map(|(id, _)| id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for entries in files.values() {
        if let Some((_, first)) = entries.first() {
            let _ = writeln!(text, "{} ({})", first.title, first.file);
        }
        for (id, entry) in entries {
            let _ = writeln!(text, "  {id:width$}  {}", summary(entry));
        }
        text.push('\n');
    }
    let unchecked = rules().filter(|(_, entry)| !entry.is_checked()).count();
    let _ = writeln!(text, "{} rules, {unchecked} of them not checked", rules().count());
    text
}

/// Level, subject, effect and evidence in a few words.
fn summary(entry: &RuleEntry) -> String {
    let rule = &entry.rule;
    let mut words = vec![
        word(&rule.level),
        word(&rule.about),
        word(&rule.effect),
        word(&rule.evidence),
    ];
    if rule.binds == Binds::Caller {
        words.push("caller".to_owned());
    }
    if let Some(unchecked) = &rule.unchecked {
        words.push(format!("not checked: {}", word(&unchecked.why)));
    }
    words.join(", ")
}

/// Everything about one rule: text, source, errata, saboteurs and the scenarios that name it.
///
/// # Errors
///
/// An id that no rule has, nor had.
pub fn show(suite: &Suite, id: &str) -> Result<String, RulesError> {
    let (now, entry) = suite.rule(id).ok_or_else(|| unknown(suite, id))?;
    let mut text = format!("{now}\n\n");
    wrap(&mut text, &entry.rule.text, 2);
    text.push('\n');
    facts(&mut text, entry);
    errata(&mut text, suite, entry);
    unchecked(&mut text, entry);
    names(&mut text, "saboteurs", &saboteurs(suite, now));
    names(&mut text, "scenarios", &scenarios(suite, now));
    Ok(text)
}

fn unknown(suite: &Suite, id: &str) -> RulesError {
    let last = id.rsplit('/').next().unwrap_or(id);
    let similar = suite
        .rules
        .keys()
        .filter(|known| !last.is_empty() && known.contains(last))
        .cloned()
        .collect();
    RulesError::UnknownRule {
        id: id.to_owned(),
        similar,
    }
}

fn facts(text: &mut String, entry: &RuleEntry) {
    let rule = &entry.rule;
    let level = rule.level.consequence();
    let binds = match rule.binds {
        Binds::Package => "the package",
        Binds::Caller => "the caller",
    };
    let rows = [
        ("source", format!("{}; {}", entry.page, rule.source.section)),
        ("level", level.to_owned()),
        ("about", word(&rule.about)),
        ("binds", binds.to_owned()),
        ("effect", word(&rule.effect)),
        ("evidence", word(&rule.evidence)),
        ("file", entry.file.clone()),
        ("formerly", rule.aliases.join(", ")),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {name:10}{value}");
    }
}

fn errata(text: &mut String, suite: &Suite, entry: &RuleEntry) {
    for id in &entry.rule.errata {
        if let Some(erratum) = suite.errata.get(id) {
            let _ = writeln!(text, "\n  erratum {id}, {}", erratum.page);
            wrap(text, &format!("printed: {}", erratum.printed), 4);
            wrap(text, &format!("holds: {}", erratum.holds), 4);
            wrap(text, &format!("evidence: {}", erratum.evidence), 4);
        }
    }
}

fn unchecked(text: &mut String, entry: &RuleEntry) {
    if let Some(unchecked) = &entry.rule.unchecked {
        let _ = writeln!(text, "\n  not checked ({})", word(&unchecked.why));
        wrap(text, &unchecked.note, 4);
    }
}

fn saboteurs(suite: &Suite, id: &str) -> Vec<String> {
    let made_for = suite.saboteurs.iter().filter(|(_, saboteur)| saboteur.rule == id);
    made_for
        .map(|(name, saboteur)| format!("{name} ({})", deed(saboteur)))
        .collect()
}

pub(crate) fn deed(saboteur: &Saboteur) -> String {
    match &saboteur.does {
        Sabotage::Deviation(name) => format!("deviation {name}"),
        Sabotage::Subject(name) => format!("subject {name}"),
        Sabotage::Caller(name) => format!("caller {name}"),
        Sabotage::AsSent(edits) => format!("changes its {} as sent", edits.token),
        Sabotage::InTransit(edits) => format!("changes its {} in transit", edits.token),
    }
}

fn scenarios(suite: &Suite, id: &str) -> Vec<String> {
    let naming = suite
        .scenarios
        .iter()
        .filter(|entry| entry.rules().any(|rule| rule == id));
    naming.map(|entry| entry.id.clone()).collect()
}

fn names(text: &mut String, title: &str, names: &[String]) {
    if !names.is_empty() {
        let _ = writeln!(text, "\n  {title}");
    }
    for name in names {
        let _ = writeln!(text, "    {name}");
    }
}

/// The word that YAML has for a value.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Whether an id matches a filter: a pattern if it has a `*`, which stands for any characters, or a part of it.
fn matches(filter: &str, id: &str) -> bool {
    let mut parts = filter.split('*');
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let Some((last, middle)) = rest.split_last() else {
        return id.contains(filter);
    };
    let Some(mut left) = id.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

/// Adds a paragraph, indented and broken into lines of at most a hundred characters.
pub fn wrap(text: &mut String, paragraph: &str, indent: usize) {
    let mut width = 0;
    for word in paragraph.split_whitespace() {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > 100 {
            text.push('\n');
            width = 0;
        }
        let gap = if width == 0 { indent } else { 1 };
        let _ = write!(text, "{:gap$}{word}", "");
        width += gap + length;
    }
    text.push('\n');
}
