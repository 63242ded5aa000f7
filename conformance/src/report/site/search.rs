//! The search: a page, and an index as a script, for a page that is a file may not read another file.

use std::{collections::BTreeSet, io};

use askama::Template;
use serde_json::json;

use super::{Page, Sink, Site, escape::plain, page, place};
use crate::rules_command::word;

/// The page.
#[derive(Debug, Template)]
#[template(path = "search.html")]
struct Search {
    page: Page,
}

/// What can be found: kind, title, page, and other text that is searched.
type Entry = (&'static str, String, String, String);

/// Writes the page and the index.
pub(super) fn write(site: &Site<'_>, out: &mut Sink<'_>) -> io::Result<()> {
    let search = Search {
        page: Page::new("", "search", "Search"),
    };
    out("search.html", &page(&search)?)?;
    let lines: Vec<String> = entries(site)
        .into_iter()
        .map(|(kind, title, href, text)| json!([kind, plain(&title), href, plain(&text)]).to_string())
        .collect();
    out(
        "search-index.js",
        &format!("\"use strict\";\nconst entries = [\n{}\n];\n", lines.join(",\n")),
    )
}

fn entries(site: &Site<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for subject in &site.subjects {
        let label = format!("subject {}", subject.label);
        entries.push((
            "subject",
            subject.title.clone(),
            place::subject(&subject.slug),
            label,
        ));
    }
    for (id, entry) in &site.suite.rules {
        let rule = &entry.rule;
        let text = format!(
            "{} {}; {}; {}",
            rule.text,
            entry.page,
            rule.source.section,
            word(&rule.effect)
        );
        entries.push(("rule", id.clone(), place::rule(id), text));
    }
    for (id, class) in site.suite.bug_classes.iter() {
        entries.push((
            "bug class",
            id.to_owned(),
            place::bug_class(id),
            class.text.clone(),
        ));
    }
    for subject in &site.subjects {
        for anomaly in &subject.anomalies {
            let title = format!("{}: {} as {}", subject.title, anomaly.rule, anomaly.side.name());
            let href = place::anomaly(&subject.slug, &anomaly.rule, anomaly.side);
            let message = anomaly.checks.first().map(|failed| failed.message.clone());
            entries.push(("anomaly", title, href, message.unwrap_or_default()));
        }
        for kept in &subject.kept {
            let rules: BTreeSet<&str> = kept.failed.iter().map(|failed| failed.rule.as_str()).collect();
            let rules: Vec<&str> = rules.into_iter().collect();
            let title = format!("{}: {}", subject.title, kept.key);
            entries.push((
                "case",
                title,
                place::case(&subject.slug, &kept.key),
                rules.join(", "),
            ));
        }
    }
    entries
}
