//! The audit of documentation pages: every status, flag and argument that a page names is a matter of some rule or
//! erratum, and some check of such a rule saw it.
//!
//! Rules that cite a page answer for it; for a page about a function in general, those of all its packages. If no rule
//! cites the page, all rules answer.

mod page;
mod seen;

use std::collections::{BTreeMap, BTreeSet};

pub use page::{Place, names};
pub use seen::{Seen, Sight};

use crate::{
    report::text::push_line,
    suite::{RuleEntry, Suite},
    words::counted,
};

/// Behind the name of a function, in what rules and errata cite: every page of its name.
const EVERY: &str = "(all packages)";
/// Behind the name of a function, in the title of the page about it without a package.
const GENERAL: &str = "(General)";

/// What a page names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The file.
    pub file: String,
    /// The page as rules cite it, if any does.
    pub title: Option<String>,
    /// The names in order.
    pub names: BTreeMap<String, Name>,
}

/// A name on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its row on the page.
    pub place: Place,
    /// Rules that name it, or whose scenarios expect it.
    pub rules: BTreeMap<String, Judged>,
    /// Errata that name it.
    pub errata: BTreeSet<String>,
}

/// How a rule is checked where it has to do with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Its checks saw the value as often.
    Checked(Sight),
    /// It says why nothing checks it.
    Unchecked,
}

impl Name {
    /// What is wrong with it: nothing of the suite is about it, or none of the checks of its rules saw it.
    #[must_use]
    pub fn defect(&self) -> Option<&'static str> {
        if self.rules.is_empty() && self.errata.is_empty() {
            return Some("NO RULE, NO ERRATUM");
        }
        let checked = self.rules.values().filter_map(|judged| match judged {
            Judged::Checked(sight) => Some(sight.checks),
            Judged::Unchecked => None,
        });
        let checked: Vec<usize> = checked.collect();
        let unseen = !checked.is_empty() && checked.iter().all(|checks| *checks == 0);
        unseen.then_some("SEEN BY NO CHECK")
    }
}

impl Page {
    /// Whether every name is a matter of some rule or erratum, and was seen by a check where rules are checked.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.names.values().all(|name| name.defect().is_none())
    }
}

/// Audits a page.
#[must_use]
pub fn audit(suite: &Suite, seen: &Seen, file: &str, text: &str) -> Page {
    let cited: BTreeSet<&str> = suite
        .rules
        .values()
        .flat_map(|entry| entry.page.split("; "))
        .collect();
    let title = page::title(text, cited.into_iter());
    let (rules, errata) = matters(suite, title);
    let names = page::places(text).into_iter().map(|(name, place)| {
        let of = |id: &&str| (id.to_string(), judged(suite, seen, id, &name));
        let about = Name {
            place,
            rules: rules
                .get(&name)
                .into_iter()
                .flatten()
                .map(|id| of(&id.as_str()))
                .collect(),
            errata: errata.get(&name).cloned().unwrap_or_default(),
        };
        (name, about)
    });
    Page {
        file: file.to_owned(),
        title: title.map(str::to_owned),
        names: names.collect(),
    }
}

fn judged(suite: &Suite, seen: &Seen, rule: &str, name: &str) -> Judged {
    match suite.rule(rule).is_some_and(|(_, entry)| entry.is_checked()) {
        true => Judged::Checked(seen.sight(rule, name)),
        false => Judged::Unchecked,
    }
}

/// Ids by name.
type Matters = BTreeMap<String, BTreeSet<String>>;

/// The names that rules of a page, or all rules, have to do with; and those that errata have.
fn matters(suite: &Suite, title: Option<&str>) -> (Matters, Matters) {
    let mut rules = Matters::new();
    let answers = |entry: &RuleEntry| title.is_none_or(|title| cites(&entry.page, title));
    for (id, entry) in suite.rules.iter().filter(|(_, entry)| answers(entry)) {
        let note = entry
            .rule
            .unchecked
            .as_ref()
            .map(|unchecked| unchecked.note.as_str());
        let texts = [
            entry.rule.text.as_str(),
            entry.rule.source.section.as_str(),
            note.unwrap_or_default(),
        ];
        for name in texts.iter().flat_map(|text| names(text)) {
            rules.entry(name).or_default().insert(id.clone());
        }
    }
    for (rule, status) in suite.scenarios.iter().flat_map(|scenario| scenario.statuses()) {
        if suite.rules.get(rule).is_some_and(answers) {
            rules
                .entry(status.to_owned())
                .or_default()
                .insert(rule.to_owned());
        }
    }
    let mut errata = Matters::new();
    for (id, erratum) in suite.errata.iter() {
        let texts = [&erratum.page, &erratum.printed, &erratum.holds, &erratum.evidence];
        for name in texts.iter().flat_map(|text| names(text)) {
            errata.entry(name).or_default().insert(id.to_owned());
        }
    }
    (rules, errata)
}

/// Whether a list of pages has a page, or every page of its function; for the general page, any page of it.
fn cites(pages: &str, title: &str) -> bool {
    let function = |page: &'_ str| page.split(" (").next().map(str::to_owned);
    pages.split("; ").any(|page| {
        let related = page.ends_with(EVERY) || title.ends_with(GENERAL);
        page == title || (related && function(page) == function(title))
    })
}

/// The pages as text: every name with its row, what is about it, and what checks saw of it; then what is wrong.
#[must_use]
pub fn text(pages: &[Page]) -> String {
    let mut text = String::new();
    for page in pages {
        let title = page
            .title
            .as_deref()
            .unwrap_or("no rule cites it: all rules answer");
        let names = counted(page.names.len(), "name");
        push_line(&mut text, &format!("{} ({title}): {names}", page.file));
        for (name, about) in &page.names {
            row(&mut text, name, about);
        }
        text.push('\n');
    }
    let all: BTreeSet<&String> = pages.iter().flat_map(|page| page.names.keys()).collect();
    let wrong = |defect: &str| -> BTreeSet<&String> {
        let names = pages.iter().flat_map(|page| &page.names);
        let wrong = names.filter(|(_, about)| about.defect() == Some(defect));
        wrong.map(|(name, _)| name).collect()
    };
    let (unknown, unseen) = (wrong("NO RULE, NO ERRATUM"), wrong("SEEN BY NO CHECK"));
    let (names, files) = (counted(all.len(), "name"), counted(pages.len(), "page"));
    push_line(
        &mut text,
        &format!(
            "{names} on {files}, {} without rule or erratum, {} seen by no check",
            unknown.len(),
            unseen.len()
        ),
    );
    for name in unknown.union(&unseen) {
        push_line(&mut text, &format!("  {name}"));
    }
    text
}

fn row(text: &mut String, name: &str, about: &Name) {
    let defect = about
        .defect()
        .map(|defect| format!("  {defect}"))
        .unwrap_or_default();
    let place = match about.place.heading.as_str() {
        "" => format!("line {}", about.place.line),
        heading => format!("line {}, {heading}", about.place.line),
    };
    push_line(text, &format!("  {name:32}  {place}{defect}"));
    for (rule, judged) in &about.rules {
        let sight = match judged {
            Judged::Unchecked => "not checked, and says why".to_owned(),
            Judged::Checked(sight) => format!(
                "{} in {}",
                counted(sight.checks, "check"),
                counted(sight.cases.len(), "case")
            ),
        };
        push_line(text, &format!("    {rule:46}  {sight}"));
    }
    for id in &about.errata {
        push_line(text, &format!("    erratum {id}"));
    }
}
