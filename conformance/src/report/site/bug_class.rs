//! Classes of defects: a list, and a page for each with its rules and those who break them, by role.

use std::io;

use askama::Template;

use super::{Breaker, Page, Sink, Site, matrix::Cited, page, place};
use crate::{protocol::Role, suite::bug_class::BugClass};

/// The list.
#[derive(Debug, Template)]
#[template(path = "classes.html")]
struct Classes {
    page: Page,
    classes: Vec<Listed>,
}

/// A class in a row.
#[derive(Debug)]
struct Listed {
    id: String,
    href: String,
    text: String,
    rules: usize,
    /// Subjects that break one of its rules.
    breakers: Vec<String>,
}

/// A page of a class.
#[derive(Debug, Template)]
#[template(path = "class.html")]
struct ClassPage {
    page: Page,
    id: String,
    text: String,
    packages: Vec<(String, Vec<Row>)>,
    /// Packages in which it can occur that nothing drives yet.
    undriven: Vec<String>,
}

/// A rule of a class, with who breaks it in each role.
#[derive(Debug)]
struct Row {
    rule: Cited,
    text: String,
    saboteurs: usize,
    roles: Vec<(&'static str, Vec<Breaker>)>,
}

/// Writes the list and the pages.
pub(super) fn write(site: &Site<'_>, out: &mut Sink<'_>) -> io::Result<()> {
    let mut classes = Vec::new();
    for (id, class) in site.suite.bug_classes.iter() {
        let rules = || class.packages.iter().flat_map(|(_, rules)| rules);
        let mut breakers: Vec<String> = rules()
            .flat_map(|rule| site.breakers_now(rule))
            .map(|(subject, _)| subject.title.clone())
            .collect();
        breakers.sort();
        breakers.dedup();
        classes.push(Listed {
            id: id.to_owned(),
            href: place::bug_class(id),
            text: class.text.clone(),
            rules: rules().count(),
            breakers,
        });
        out(&place::bug_class(id), &page(&class_page(site, id, class))?)?;
    }
    let classes = Classes {
        page: Page::new("", "classes", "Bug classes"),
        classes,
    };
    out("classes.html", &page(&classes)?)
}

fn class_page(site: &Site<'_>, id: &str, class: &BugClass) -> ClassPage {
    let (driven, undriven): (Vec<_>, Vec<_>) =
        class.packages.iter().partition(|(_, rules)| !rules.is_empty());
    let rows = |rules: &[String]| rules.iter().map(|rule| row(site, rule)).collect::<Vec<_>>();
    ClassPage {
        page: Page::new("../", "classes", id),
        id: id.to_owned(),
        text: class.text.clone(),
        packages: driven
            .into_iter()
            .map(|(package, rules)| (package.to_owned(), rows(rules)))
            .collect(),
        undriven: undriven
            .into_iter()
            .map(|(package, _)| package.to_owned())
            .collect(),
    }
}

fn row(site: &Site<'_>, rule: &str) -> Row {
    let entry = site.suite.rule(rule);
    let made_for = site
        .suite
        .saboteurs
        .iter()
        .filter(|(_, saboteur)| saboteur.rule == rule);
    let roles = Role::BOTH.map(|role| {
        let here = site
            .breakers_now(rule)
            .filter(|(_, anomaly)| anomaly.side == role);
        (role.name(), here.map(Breaker::of).collect())
    });
    Row {
        rule: site.cite(rule),
        text: entry
            .map(|(_, entry)| entry.rule.text.clone())
            .unwrap_or_default(),
        saboteurs: made_for.count(),
        roles: roles.into(),
    }
}
