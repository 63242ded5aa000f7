//! The audit of documentation pages: every status and flag that a page names is a matter of some rule or erratum.
//!
//! A page is Markdown or HTML, in any language: names are looked for as such, also where their underscores are escaped,
//! and in the identifiers of anchors.

use std::collections::{BTreeMap, BTreeSet};

use crate::{report::text::push_line, suite::Suite, words::counted};

/// How the names begin that are looked for.
const PREFIXES: [&str; 6] = ["SEC_E_", "SEC_I_", "ISC_REQ_", "ISC_RET_", "ASC_REQ_", "ASC_RET_"];

/// Rules that are named for one name.
const NAMED: usize = 3;

/// What a page names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The file.
    pub file: String,
    /// The names in order.
    pub names: BTreeMap<String, Name>,
}

/// A name on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// The first line that has it, from 1.
    pub line: usize,
    /// Rules that name it, or whose scenarios expect it.
    pub rules: BTreeSet<String>,
    /// Errata that name it.
    pub errata: BTreeSet<String>,
}

impl Name {
    /// Whether something of the suite is about it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !(self.rules.is_empty() && self.errata.is_empty())
    }
}

impl Page {
    /// Whether every name is a matter of some rule or erratum.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.names.values().all(Name::is_known)
    }
}

/// Audits a page.
#[must_use]
pub fn audit(suite: &Suite, file: &str, text: &str) -> Page {
    let known = known(suite);
    let mut page = Page {
        file: file.to_owned(),
        names: BTreeMap::new(),
    };
    for (index, line) in text.lines().enumerate() {
        for found in names(line) {
            let fresh = || Name {
                line: index.saturating_add(1),
                ..known.get(&found).cloned().unwrap_or_default()
            };
            page.names.entry(found.clone()).or_insert_with(fresh);
        }
    }
    page
}

/// The names that the suite knows, with what is about them.
fn known(suite: &Suite) -> BTreeMap<String, Name> {
    let mut known: BTreeMap<String, Name> = BTreeMap::new();
    for (id, entry) in &suite.rules {
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
            known.entry(name).or_default().rules.insert(id.clone());
        }
    }
    for scenario in &suite.scenarios {
        for (rule, status) in scenario.statuses() {
            known
                .entry(status.to_owned())
                .or_default()
                .rules
                .insert(rule.to_owned());
        }
    }
    for (id, erratum) in suite.errata.iter() {
        let texts = [&erratum.page, &erratum.printed, &erratum.holds, &erratum.evidence];
        for name in texts.iter().flat_map(|text| names(text)) {
            known.entry(name).or_default().errata.insert(id.to_owned());
        }
    }
    known
}

/// The names in a text, in upper case.
#[must_use]
pub fn names(text: &str) -> BTreeSet<String> {
    let plain = text.replace("\\_", "_").replace("&#95;", "_");
    let words = plain.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words.filter_map(name).collect()
}

/// The name that a word is, or begins with where an anchor has a number behind it.
fn name(word: &str) -> Option<String> {
    let upper = word.trim_start_matches('_').to_ascii_uppercase();
    let name = upper.split("__").next().unwrap_or_default().trim_end_matches('_');
    let rest = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    (!rest.is_empty()).then(|| name.to_owned())
}

/// The pages as text: every name with what is about it, and those that nothing is about.
#[must_use]
pub fn text(pages: &[Page]) -> String {
    let mut text = String::new();
    let all = || pages.iter().flat_map(|page| page.names.keys());
    let width = all().map(String::len).max().unwrap_or_default();
    for page in pages {
        push_line(
            &mut text,
            &format!("{}: {}", page.file, counted(page.names.len(), "name")),
        );
        for (name, about) in &page.names {
            push_line(&mut text, &format!("  {name:width$}  {}", matter(about)));
        }
        text.push('\n');
    }
    let unknown: BTreeSet<&String> = pages
        .iter()
        .flat_map(|page| {
            page.names
                .iter()
                .filter(|(_, about)| !about.is_known())
                .map(|(name, _)| name)
        })
        .collect();
    let distinct: BTreeSet<&String> = all().collect();
    push_line(
        &mut text,
        &format!(
            "{} on {}, {} without rule or erratum",
            counted(distinct.len(), "name"),
            counted(pages.len(), "page"),
            unknown.len()
        ),
    );
    for name in unknown {
        push_line(&mut text, &format!("  {name}"));
    }
    text
}

fn matter(about: &Name) -> String {
    if !about.is_known() {
        return format!("NOTHING, first in line {}", about.line);
    }
    let rules = about.rules.iter().take(NAMED).cloned();
    let errata = about.errata.iter().map(|id| format!("erratum {id}"));
    let mut parts: Vec<String> = rules.chain(errata).collect();
    let unnamed = about.rules.len().saturating_sub(NAMED);
    if unnamed > 0 {
        parts.push(format!("and {unnamed} more rules"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn finds_names_however_a_page_writes_them() {
        for (text, expected) in [
            ("**SEC\\_E\\_OK**</dt>", "SEC_E_OK"),
            ("<span id=\"isc_req_stream\"></span>", "ISC_REQ_STREAM"),
            ("<span id=\"ASC_REQ_HTTP__0x10000000_\">", "ASC_REQ_HTTP"),
            ("(SEC_I_CONTINUE_NEEDED)", "SEC_I_CONTINUE_NEEDED"),
        ] {
            assert_eq!(names(text).into_iter().collect::<Vec<_>>(), [expected], "{text}");
        }
    }

    #[test]
    fn leaves_prefixes_and_other_words_alone() {
        assert!(names("ISC\\_REQ\\_, SEC_Entry, SECBUFFER_TOKEN, SEC_CHAR, SEC_READWRITE").is_empty());
    }
}
