//! The search: a page, and an index as a script, for a page that is a file may not read another file.

use std::{collections::BTreeSet, io};

use askama::Template;
use serde_json::json;

use super::{Page, Sink, Site, Subject, escape::plain, page, place, version};
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
    let subjects = site.subjects.iter().map(|subject| {
        let label = format!("subject {}", subject.label);
        let href = place::subject(&subject.slug);
        ("subject", subject.title.clone(), href, label)
    });
    let rules = site.suite.rules.iter().map(|(id, entry)| {
        let (rule, page) = (&entry.rule, &entry.page);
        let effect = word(&rule.effect);
        let text = format!("{} {page}; {}; {effect}", rule.text, rule.source.section);
        ("rule", id.clone(), place::rule(id), text)
    });
    let classes = site.suite.bug_classes.iter().map(|(id, class)| {
        let href = place::bug_class(id);
        ("bug class", id.to_owned(), href, class.text.clone())
    });
    let failures = site.subjects.iter().flat_map(failures);
    let versions = version::titles(site).map(|(title, href)| {
        let text = "what differs between two versions".to_owned();
        ("versions", title, href, text)
    });
    subjects
        .chain(versions)
        .chain(rules)
        .chain(classes)
        .chain(failures)
        .collect()
}

/// The pages of a subject's failures and cases.
fn failures(subject: &Subject) -> impl Iterator<Item = Entry> {
    let Subject { title, slug, .. } = subject;
    let anomalies = subject.anomalies.iter().map(move |anomaly| {
        let title = format!("{title}: {} as {}", anomaly.rule, anomaly.side.name());
        let href = place::anomaly(slug, &anomaly.rule, anomaly.side);
        let message = anomaly.checks.first().map(|failed| failed.message.clone());
        ("anomaly", title, href, message.unwrap_or_default())
    });
    let cases = subject.kept.iter().map(move |kept| {
        let rules: BTreeSet<&str> = kept.failed.iter().map(|failed| failed.rule.as_str()).collect();
        let rules: Vec<&str> = rules.into_iter().collect();
        let title = format!("{title}: {}", kept.key);
        ("case", title, place::case(slug, &kept.key), rules.join(", "))
    });
    anomalies.chain(cases)
}
