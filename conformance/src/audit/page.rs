//! Names on a documentation page: statuses, flags and arguments, and where they stand.
//!
//! A page is Markdown or HTML, in any language. Where it has the English beside a machine translation (spans of class
//! `sxs-lookup`), only the English counts, for a translation changes names. Names are found also where their underscores
//! are escaped, and in the identifiers of anchors, which no translation touches.

use std::collections::{BTreeMap, BTreeSet};

/// How the names of statuses and flags begin.
const PREFIXES: [&str; 6] = ["SEC_E_", "SEC_I_", "ISC_REQ_", "ISC_RET_", "ASC_REQ_", "ASC_RET_"];

/// The arguments of InitializeSecurityContext and AcceptSecurityContext, as pages spell them, each with its one name
/// (erratum F16).
const ARGUMENTS: [(&str, &str); 14] = [
    ("phCredential", "phCredential"),
    ("phContext", "phContext"),
    ("pszTargetName", "pszTargetName"),
    ("fContextReq", "fContextReq"),
    ("Reserved1", "Reserved1"),
    ("TargetDataRep", "TargetDataRep"),
    ("pInput", "pInput"),
    ("Reserved2", "Reserved2"),
    ("phNewContext", "phNewContext"),
    ("pOutput", "pOutput"),
    ("pfContextAttr", "pfContextAttr"),
    ("pfContextAttributes", "pfContextAttr"),
    ("ptsExpiry", "ptsExpiry"),
    ("ptsTimeStamp", "ptsTimeStamp"),
];

/// The span that holds the English beside a translation, and the one with the translation before it.
const ENGLISH: &str = "class=\"sxs-lookup\"";
const TRANSLATION: &str = "<span data-ttu-id=";

/// Where a name stands on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The heading above it, in English if the page has that; empty if there is none.
    pub heading: String,
}

/// The names of a page in order, each with its row: where it stands for itself at the beginning of a row or a
/// paragraph, or else where it stands first.
#[must_use]
pub(super) fn places(text: &str) -> BTreeMap<String, Place> {
    let mut found: BTreeMap<String, (bool, Place)> = BTreeMap::new();
    let mut heading = String::new();
    for (index, line) in english(text).lines().enumerate() {
        if line.starts_with('#') {
            heading = plain(line.trim_start_matches('#'));
        }
        for name in names(line) {
            let row = is_row(line, &name);
            let place = Place {
                line: index.saturating_add(1),
                heading: heading.clone(),
            };
            match found.get(&name) {
                Some((known_row, _)) if *known_row || !row => {}
                _ => {
                    found.insert(name, (row, place));
                }
            }
        }
    }
    found
        .into_iter()
        .map(|(name, (_, place))| (name, place))
        .collect()
}

/// The title of a page as rules cite it, if one of these titles is the page's: compared with its first heading and the
/// anchor there.
#[must_use]
pub(super) fn title<'a>(text: &str, titles: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let english = english(text);
    let line = english.lines().find(|line| line.starts_with('#'))?;
    let heading = slug(&plain(line.trim_start_matches('#')));
    let anchor = line
        .split("<a name=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let own = [heading, anchor.map(slug).unwrap_or_default()];
    let same = |title: &&str| {
        own.iter()
            .any(|own| own.trim_end_matches("-function") == slug(title))
    };
    titles.into_iter().find(same)
}

/// The names in a text: statuses and flags in upper case, arguments as the function declares them.
#[must_use]
pub fn names(text: &str) -> BTreeSet<String> {
    let plain = text.replace("\\_", "_").replace("&#95;", "_");
    let words = plain.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    words
        .filter_map(|word| argument(word).or_else(|| name(word)))
        .collect()
}

fn argument(word: &str) -> Option<String> {
    let known = ARGUMENTS.iter().find(|(spelled, _)| *spelled == word);
    known.map(|(_, name)| (*name).to_owned())
}

/// The name that a word is, or begins with where an anchor has a number behind it.
fn name(word: &str) -> Option<String> {
    let upper = word.trim_start_matches('_').to_ascii_uppercase();
    let name = upper.split("__").next().unwrap_or_default().trim_end_matches('_');
    let rest = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    (!rest.is_empty()).then(|| name.to_owned())
}

/// Whether a line is about the name: it begins a row of a table or the entry of a parameter.
fn is_row(line: &str, name: &str) -> bool {
    let line = line.replace("\\_", "_");
    [format!("<strong>{name}</strong></dt>"), format!("**{name}**")]
        .iter()
        .any(|mark| line.contains(mark.as_str()))
        || plain(&line).trim_start_matches(['*', ' ']).starts_with(name)
}

/// A page without its translations, line for line.
fn english(text: &str) -> String {
    if !text.contains(ENGLISH) {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(TRANSLATION) {
        let (before, span) = rest.split_at(at);
        kept.push_str(before);
        let (dropped, behind) = span.split_at(span_length(span));
        kept.extend(dropped.matches('\n'));
        rest = behind;
    }
    kept.push_str(rest);
    kept
}

/// The bytes of a span with all spans in it; all that is left if it has no end.
fn span_length(text: &str) -> usize {
    const END: &str = "</span>";
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let open = rest.find("<span");
        let Some(close) = rest.find(END) else { break };
        match open.filter(|open| *open < close) {
            Some(open) => {
                depth = depth.saturating_add(1);
                at = at.saturating_add(open).saturating_add(1);
            }
            None => {
                depth = depth.saturating_sub(1);
                at = at.saturating_add(close).saturating_add(END.len());
                if depth == 0 {
                    return at;
                }
            }
        }
    }
    text.len()
}

/// A line without tags.
fn plain(line: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for character in line.chars() {
        match character {
            '<' => inside = true,
            '>' => inside = false,
            _ if inside => {}
            other => text.push(other),
        }
    }
    text.trim().to_owned()
}

/// Letters and digits in lower case, with hyphens between.
fn slug(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::{names, places, title};

    #[test]
    fn finds_names_however_a_page_writes_them() {
        for (text, expected) in [
            ("**SEC\\_E\\_OK**</dt>", "SEC_E_OK"),
            ("<span id=\"isc_req_stream\"></span>", "ISC_REQ_STREAM"),
            ("<span id=\"ASC_REQ_HTTP__0x10000000_\">", "ASC_REQ_HTTP"),
            ("(SEC_I_CONTINUE_NEEDED)", "SEC_I_CONTINUE_NEEDED"),
            ("*pInput* \\[in, optional\\]", "pInput"),
            ("the *pfContextAttributes* parameter", "pfContextAttr"),
        ] {
            assert_eq!(names(text).into_iter().collect::<Vec<_>>(), [expected], "{text}");
        }
    }

    #[test]
    fn leaves_prefixes_and_other_words_alone() {
        let text = "ISC\\_REQ\\_, SEC_Entry, SECBUFFER_TOKEN, SEC_CHAR, SEC_READWRITE, PINPUT, pInputs";
        assert!(names(text).is_empty());
    }

    #[test]
    fn only_the_english_counts_where_it_stands_beside_a_translation() {
        let text = "## <span data-ttu-id=\"a\">Werte</span><span class=\"sxs-lookup\"><span data-stu-id=\"a\">Values</span></span>\n\
            <span data-ttu-id=\"b\">SEC_E_FALSCH <span>\nund</span> mehr</span><span class=\"sxs-lookup\"><span data-stu-id=\"b\">SEC_E_OK</span></span>\n\
            pInput";
        let found = places(text);
        let found: Vec<_> = found
            .iter()
            .map(|(name, place)| (name.as_str(), place.line, place.heading.as_str()))
            .collect();
        assert_eq!(found, [("SEC_E_OK", 3, "Values"), ("pInput", 4, "Values")]);
        // A span without an end hides what is behind it, and nothing else.
        let open = "class=\"sxs-lookup\" SEC_E_OK <span data-ttu-id=\"b\">SEC_E_NOT";
        assert_eq!(places(open).into_keys().collect::<Vec<_>>(), ["SEC_E_OK"]);
    }

    #[test]
    fn a_row_of_its_own_comes_before_a_mention() {
        let text = "see SEC_E_OK and ISC_REQ_STREAM\n| **SEC_E_OK** | fine |\n| **SEC_E_OK** | again |";
        let line = |name: &str| places(text).get(name).map(|place| place.line);
        assert_eq!(line("SEC_E_OK"), Some(2));
        assert_eq!(line("ISC_REQ_STREAM"), Some(1));
    }

    #[test]
    fn a_page_is_known_by_heading_or_anchor() {
        let titles = ["Open (General)", "Open (Round)"];
        let of = |text: &str| title(text, titles.into_iter());
        assert_eq!(of("# Open (Round) function"), Some("Open (Round)"));
        assert_eq!(
            of("# <a name=\"open-round-function\"></a>Öffnen (rund)"),
            Some("Open (Round)")
        );
        assert_eq!(of("# Close (Round)"), None);
        assert_eq!(of("no heading"), None);
    }
}
