//! What implementations are known to do otherwise, as a page: made from their expectations, never written by hand.

use std::collections::BTreeMap;

use crate::{
    expectations::{Entry, ExpectationsFile},
    protocol::Role,
    rules_command::word,
    subject::description::Origin,
    suite::{Suite, rule::Effect},
    words::counted,
};

use super::{expectation_update::NO_REASON, text::push_line};

/// A subject with its public expectations.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its known deviations.
    pub file: ExpectationsFile,
}

/// The page.
#[must_use]
pub fn page(suite: &Suite, subjects: &[Subject]) -> String {
    let mut text = String::from(
        "# Findings\n\nWhat implementations are known to do otherwise than the documentation says, by their `expectations.yaml`. \
         `legwork findings`\nwrites this page. A deviation stands here after it was looked at: by the specification, and by what other \
         implementations do.\n`legwork rules show RULE` has the text of a rule. Findings that let somebody in or touch memory are not here before their authors have answered \
         (`.github/SECURITY.md`).\n\n",
    );
    overview(&mut text, suite, subjects);
    confirmed(&mut text, suite, subjects);
    for subject in subjects {
        one(&mut text, suite, subject);
    }
    text
}

fn overview(text: &mut String, suite: &Suite, subjects: &[Subject]) {
    push_line(
        text,
        "| subject | seen with | findings | effects | classes of defects |",
    );
    push_line(text, "|---|---|---|---|---|");
    for subject in subjects {
        let entries = &subject.file.expectations;
        let effects = tally(
            entries
                .iter()
                .filter_map(|entry| effect(suite, entry))
                .map(|effect| word(&effect)),
        );
        let classes = tally(
            entries
                .iter()
                .flat_map(|entry| classes(suite, entry))
                .map(str::to_owned),
        );
        let row = format!(
            "| [{0}](#{0}) | {1} | {2} | {3} | {4} |",
            subject.name,
            subject.file.seen_with,
            entries.len(),
            listed(&effects),
            listed(&classes),
        );
        push_line(text, &row);
    }
}

/// How many findings are confirmed, by subject, class of defects and role.
fn confirmed(text: &mut String, suite: &Suite, subjects: &[Subject]) {
    let all = || {
        let entries = |subject| confirmed_of(subject).map(move |entry| (subject, entry));
        subjects.iter().flat_map(entries)
    };
    let by_subject = tally(all().map(|(subject, _)| subject.name.clone()));
    let by_class = tally(
        all()
            .flat_map(|(_, entry)| classes(suite, entry))
            .map(str::to_owned),
    );
    let by_role = tally(all().flat_map(|(_, entry)| {
        let roles = entry.role.map_or_else(|| Role::BOTH.to_vec(), |role| vec![role]);
        roles.into_iter().map(|role| role.name().to_owned())
    }));
    text.push_str("\n## Confirmed\n\n");
    push_line(
        text,
        "Of these the specification was read again, other implementations were held beside, and blame or the accepting twin says \
         whose\nfault it is. They come first in each list.",
    );
    text.push('\n');
    push_line(text, "| | confirmed |");
    push_line(text, "|---|---|");
    for (what, counts) in [
        ("all", &BTreeMap::from([(String::new(), all().count())])),
        ("subjects", &by_subject),
        ("classes of defects", &by_class),
        ("roles", &by_role),
    ] {
        push_line(text, &format!("| {what} | {} |", listed(counts).trim()));
    }
}

fn confirmed_of(subject: &Subject) -> impl Iterator<Item = &Entry> {
    let entries = subject.file.expectations.iter();
    entries.filter(|entry| entry.confirmed.is_some())
}

fn tally(words: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in words {
        let count: &mut usize = counts.entry(word).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

fn listed(counts: &BTreeMap<String, usize>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(word, count)| format!("{word} {count}"))
        .collect();
    parts.join(", ")
}

fn one(text: &mut String, suite: &Suite, subject: &Subject) {
    text.push_str(&format!("\n## {}\n\n", subject.name));
    let seen = &subject.file.seen_with;
    let Origin { homepage, language } = &subject.origin;
    let language = language.as_deref().map(|language| format!(", {language}"));
    let home = homepage.as_deref().map(|home| format!(", <{home}>"));
    let home = language.into_iter().chain(home).collect::<String>();
    let count = counted(subject.file.expectations.len(), "finding");
    let sure = confirmed_of(subject).count();
    push_line(text, &format!("{seen}{home}: {count}, {sure} of them confirmed."));
    let mut entries: Vec<&Entry> = subject.file.expectations.iter().collect();
    entries.sort_by_key(|entry| (entry.confirmed.is_none(), effect(suite, entry)));
    for entry in entries {
        finding(text, suite, entry);
    }
}

fn finding(text: &mut String, suite: &Suite, entry: &Entry) {
    let rule = suite.rule(&entry.rule);
    let role = entry.role.map_or("both roles", |role| role.name());
    let effect = rule.map(|(_, rule)| word(&rule.rule.effect)).unwrap_or_default();
    text.push_str(&format!("\n### {} ({role}; at worst {effect})\n\n", entry.rule));
    let reason = entry.reason.split_whitespace().collect::<Vec<_>>().join(" ");
    push_line(
        text,
        if reason == NO_REASON {
            "Not looked at yet."
        } else {
            &reason
        },
    );
    if let Some(evidence) = &entry.confirmed {
        let evidence = evidence.split_whitespace().collect::<Vec<_>>().join(" ");
        push_line(text, &format!("\n**Confirmed.** {evidence}"));
    }
    let cases: Vec<String> = entry.cases.iter().map(|case| format!("`{case}`")).collect();
    let cases = if cases.is_empty() {
        "wherever it is checked".to_owned()
    } else {
        cases.join(", ")
    };
    let classes = classes(suite, entry).collect::<Vec<_>>().join(", ");
    let classes = if classes.is_empty() {
        String::new()
    } else {
        format!(" Class: {classes}.")
    };
    let versions = match entry.versions.is_empty() {
        true => String::new(),
        false => format!(" Versions: {}.", entry.versions.join(", ")),
    };
    let link = match &entry.link {
        Some(link) => format!(" Upstream: <{link}>."),
        None => String::new(),
    };
    let source = rule.map(|(_, rule)| format!("{}, {}", rule.page, rule.rule.source.section));
    let source = source.unwrap_or_default();
    push_line(
        text,
        &format!("\nRule of {source}. Seen in {cases}.{classes}{versions}{link}"),
    );
}

fn effect(suite: &Suite, entry: &Entry) -> Option<Effect> {
    suite.rule(&entry.rule).map(|(_, rule)| rule.rule.effect)
}

/// Classes of defects whose checks are of the entry's rule.
fn classes<'s>(suite: &'s Suite, entry: &Entry) -> impl Iterator<Item = &'s str> {
    let rule = entry.rule.clone();
    let of_rule = move |rules: &Vec<String>| rules.contains(&rule);
    suite
        .bug_classes
        .iter()
        .filter(move |(_, class)| class.packages.iter().any(|(_, rules)| of_rule(rules)))
        .map(|(id, _)| id)
}
