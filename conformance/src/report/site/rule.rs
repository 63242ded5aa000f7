//! The rules: a list, and a page for each.

use std::io;

use askama::Template;

use super::{Breaker, Page, Sink, Site, page, place};
use crate::{
    rules_command::{deed, word},
    suite::{RuleEntry, errata::Erratum, rule::Binds},
};

/// The list.
#[derive(Debug, Template)]
#[template(path = "rules.html")]
struct Rules {
    page: Page,
    files: Vec<(String, Vec<Listed>)>,
    count: usize,
}

/// A rule in a row.
#[derive(Debug)]
struct Listed {
    id: String,
    href: String,
    text: String,
    level: String,
    effect: String,
    is_checked: bool,
    /// Subjects that break it.
    breakers: usize,
}

/// A page of a rule.
#[derive(Debug, Template)]
#[template(path = "rule.html")]
struct RulePage<'a> {
    page: Page,
    id: &'a str,
    text: &'a str,
    facts: Vec<(&'static str, String)>,
    unchecked: Option<(String, &'a str)>,
    errata: Vec<(&'a str, &'a Erratum)>,
    saboteurs: Vec<Proof<'a>>,
    scenarios: Vec<&'a str>,
    classes: Vec<(&'a str, String)>,
    breakers: Vec<Breaker>,
    has_subjects: bool,
}

/// A saboteur that a check of the rule must catch.
#[derive(Debug)]
struct Proof<'a> {
    name: &'a str,
    role: String,
    deed: String,
    note: Option<&'a str>,
}

/// Writes the list and the pages.
pub(super) fn write(site: &Site<'_>, out: &mut Sink<'_>) -> io::Result<()> {
    let mut files: Vec<(String, Vec<Listed>)> = Vec::new();
    for (id, entry) in &site.suite.rules {
        let listed = listed(site, id, entry);
        let title = format!("{} ({})", entry.title, entry.file);
        match files.last_mut().filter(|(name, _)| *name == title) {
            Some((_, rules)) => rules.push(listed),
            None => files.push((title, vec![listed])),
        }
        out(&place::rule(id), &page(&RulePage::new(site, id, entry))?)?;
    }
    let rules = Rules {
        page: Page::new("", "rules", "Rules"),
        files,
        count: site.suite.rules.len(),
    };
    out("rules.html", &page(&rules)?)
}

fn listed(site: &Site<'_>, id: &str, entry: &RuleEntry) -> Listed {
    let mut breakers: Vec<&str> = site
        .breakers_now(id)
        .map(|(subject, _)| subject.slug.as_str())
        .collect();
    breakers.dedup();
    Listed {
        id: id.to_owned(),
        href: place::rule(id),
        text: entry.rule.text.clone(),
        level: word(&entry.rule.level),
        effect: word(&entry.rule.effect),
        is_checked: entry.is_checked(),
        breakers: breakers.len(),
    }
}

impl<'a> RulePage<'a> {
    fn new(site: &Site<'a>, id: &'a str, entry: &'a RuleEntry) -> Self {
        let suite = site.suite;
        let rule = &entry.rule;
        let errata = rule
            .errata
            .iter()
            .filter_map(|id| Some((id.as_str(), suite.errata.get(id)?)));
        let made_for = suite.saboteurs.iter().filter(|(_, saboteur)| saboteur.rule == id);
        let naming = suite
            .scenarios
            .iter()
            .filter(|entry| entry.rules().any(|rule| rule == id));
        let holding = suite.bug_classes.iter().filter(|(_, class)| {
            let mut packages = class.packages.iter();
            packages.any(|(_, rules)| rules.iter().any(|rule| rule == id))
        });
        Self {
            page: Page::new("../", "rules", id),
            id,
            text: &rule.text,
            facts: facts(entry),
            unchecked: rule
                .unchecked
                .as_ref()
                .map(|unchecked| (word(&unchecked.why), unchecked.note.as_str())),
            errata: errata.collect(),
            saboteurs: made_for
                .map(|(name, saboteur)| Proof {
                    name,
                    role: word(&saboteur.role),
                    deed: deed(saboteur),
                    note: saboteur.note.as_deref(),
                })
                .collect(),
            scenarios: naming.map(|entry| entry.id.as_str()).collect(),
            classes: holding.map(|(id, _)| (id, place::bug_class(id))).collect(),
            breakers: site.breakers(id).map(Breaker::of).collect(),
            has_subjects: !site.subjects.is_empty(),
        }
    }
}

fn facts(entry: &RuleEntry) -> Vec<(&'static str, String)> {
    let rule = &entry.rule;
    let level = rule.level.consequence();
    let binds = match rule.binds {
        Binds::Package => "the package",
        Binds::Caller => "the calling program",
    };
    let anchor = rule.source.anchor.as_ref().map(|anchor| format!(" (#{anchor})"));
    let rows = [
        (
            "source",
            format!(
                "{}; {}{}",
                entry.page,
                rule.source.section,
                anchor.unwrap_or_default()
            ),
        ),
        ("level", level.to_owned()),
        ("evidence", word(&rule.evidence)),
        ("effect", word(&rule.effect).replace('-', " ")),
        ("about", word(&rule.about)),
        ("binds", binds.to_owned()),
        ("formerly", rule.aliases.join(", ")),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
