//! The static site: every link leads somewhere, text of others is no markup, what is withheld is not told, and equal
//! runs give equal pages.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod staged;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Cursor,
};

use legwork::{
    check::Verdict,
    pairs::{
        Ending, Player,
        blame::{Blame, By},
    },
    protocol::Role,
    report::{
        diff,
        matrix::{CellSummary, MatrixSummary, SCHEMA},
        site::{self, Site, Subject, Upgrade},
    },
    suite::Suite,
};
use staged::{Staged, logged, suite};

/// Files of a site by path.
type Files = BTreeMap<String, String>;

/// The deviation that the staged subject has: its MIC is wrong.
const PATTERN: &str = "ntlm/mic/**";
const SABOTEUR: &str = "authenticate-wrong-mic";

/// Known deviations, public and private.
const PUBLIC: &str = "expectations:\n- {rule: wire/ntlm/mic-value, reason: It is <b>known</b>., link: 'https://issues.example/1'}\n";

fn files(suite: &Suite, logs: &[&str], matrix: Option<MatrixSummary>) -> Files {
    let subjects = logs
        .iter()
        .map(|log| Subject::read(suite, &mut Cursor::new(log)).unwrap());
    written(&Site::new(suite, subjects.collect(), Vec::new(), matrix).unwrap())
}

fn written(site: &Site<'_>) -> Files {
    let mut files = Files::new();
    site.write(&mut |path, text| {
        let former = files.insert(path.to_owned(), text.to_owned());
        assert!(former.is_none(), "{path} is written twice");
        Ok(())
    })
    .unwrap();
    files
}

/// The log of a deviant run. Its subject is behind an adapter.
fn log(suite: &Suite, public: &str, private: &str) -> String {
    let mut staged = Staged::new(suite, PATTERN, Some(SABOTEUR));
    staged.who.label = "deviant".to_owned();
    staged.who.argument = Some("/nowhere/adapter".to_owned());
    staged.expect(public, private);
    logged(&staged.run(), true)
}

/// Exchanges of two implementations: one that is refused and should not be, and one that completes and should not.
fn matrix() -> MatrixSummary {
    let player = |label: &str| Player {
        label: label.to_owned(),
        title: format!("{label} 1"),
        roles: Role::BOTH.to_vec(),
    };
    let profile = |name: &str| (name.to_owned(), "What is asked.".to_owned());
    MatrixSummary {
        schema: SCHEMA,
        players: vec![player("deviant"), player("other")],
        profiles: vec![profile("default"), profile("wrong-password")],
        cells: vec![
            cell("deviant", "deviant", Ending::Deviant, None),
            cell(
                "deviant",
                "other",
                Ending::Bad,
                Some((Role::Initiator, "wire/ntlm/mic-value", REFUSED)),
            ),
            cell("other", "deviant", Ending::Good, None),
            CellSummary {
                profile: "wrong-password".to_owned(),
                ..cell(
                    "other",
                    "deviant",
                    Ending::Bad,
                    Some((Role::Acceptor, "asc/ntlm/wrong-password", LET_IN)),
                )
            },
            cell("other", "other", Ending::Unsupported, None),
        ],
    }
}

const REFUSED: &str = "the acceptor refuses <i>it</i>";
const LET_IN: &str = "expected SEC_E_LOGON_DENIED, got SEC_E_OK";

fn cell(initiator: &str, acceptor: &str, end: Ending, fault: Option<(Role, &str, &str)>) -> CellSummary {
    CellSummary {
        initiator: initiator.to_owned(),
        acceptor: acceptor.to_owned(),
        profile: "default".to_owned(),
        end,
        stage: None,
        blame: fault.map(|(side, rule, message)| Blame {
            side: Some(side),
            by: By::Legality,
            rules: vec![rule.to_owned()],
            message: message.to_owned(),
        }),
        broken: fault
            .map(|(side, rule, _)| (side, BTreeMap::from([(rule.to_owned(), 2)])))
            .into_iter()
            .collect(),
    }
}

/// The values of an attribute, wherever it stands in a page.
fn values<'t>(text: &'t str, attribute: &str) -> Vec<&'t str> {
    let start = format!(" {attribute}=\"");
    let parts = text.split(start.as_str()).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

/// A path of a link in a page, from the top of the site.
fn resolved(page: &str, link: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            ".." => assert!(parts.pop().is_some(), "{page}: {link} leads out of the site"),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A link leads to a file of the site, and to a part that this has.
fn follow(files: &Files, page: &str, link: &str) {
    let (path, part) = link.split_once('#').unwrap_or((link, ""));
    let target = match path.is_empty() {
        true => page.to_owned(),
        false => resolved(page, path),
    };
    let there = files
        .get(&target)
        .unwrap_or_else(|| panic!("{page}: {link} leads nowhere"));
    let is_there = part.is_empty() || values(there, "id").contains(&part);
    assert!(is_there, "{page}: {link}: no such part");
}

#[test]
fn links_lead_somewhere_and_ids_are_unique() {
    let suite = suite();
    let files = files(&suite, &[&log(&suite, PUBLIC, "")], Some(matrix()));
    for (page, text) in files.iter().filter(|(path, _)| path.ends_with(".html")) {
        let here = values(text, "id");
        let unique: BTreeSet<&&str> = here.iter().collect();
        assert_eq!(unique.len(), here.len(), "{page}: an id stands twice");
        let links = ["href", "src", "action"]
            .into_iter()
            .flat_map(|name| values(text, name));
        for link in links.filter(|link| !link.starts_with("https://") && !link.starts_with("data:")) {
            follow(&files, page, link);
        }
        for id in values(text, "popovertarget") {
            assert!(here.contains(&id), "{page}: nothing is told as {id}");
        }
    }
    for kind in [
        "subjects/",
        "anomalies/",
        "cases/",
        "rules/",
        "classes/",
        "badges/",
        "search-index.js",
        "matrix.svg",
    ] {
        assert!(files.keys().any(|path| path.starts_with(kind)), "no page {kind}");
    }
}

#[test]
fn every_page_can_be_found() {
    let suite = suite();
    let files = files(&suite, &[&log(&suite, "", "")], None);
    let index = &files["search-index.js"];
    for path in files
        .keys()
        .filter(|path| path.contains('/') && path.ends_with(".html"))
    {
        assert!(
            index.contains(&format!("\"{path}\"")),
            "{path} is not in the index"
        );
    }
}

#[test]
fn a_failure_is_told_from_the_subject_to_the_byte() {
    let suite = suite();
    let files = files(&suite, &[&log(&suite, PUBLIC, "")], None);
    let subject = &files["subjects/deviant.html"];
    assert!(subject.contains("anomalies/deviant/wire.ntlm.mic-value.initiator.html"));
    assert!(subject.contains("It is &lt;b&gt;known&lt;/b&gt;."));
    let rule = &files["rules/wire.ntlm.mic-value.html"];
    assert!(rule.contains("anomalies/deviant/wire.ntlm.mic-value.initiator.html") && rule.contains(SABOTEUR));
    let anomaly = &files["anomalies/deviant/wire.ntlm.mic-value.initiator.html"];
    assert!(anomaly.contains("cases/deviant/") && anomaly.contains("https://issues.example/1"));
    let case = files
        .iter()
        .find(|(path, text)| path.starts_with("cases/") && text.contains("wire/ntlm/mic-value"))
        .map(|(_, text)| text)
        .expect("a case shows the failure");
    for part in [
        "<svg class=\"sequence\"",
        "AUTHENTICATE_MESSAGE",
        "class=\"x\"",
        "legwork repro &#39;ntlm/mic/",
        "--subject conformance/adapters/deviant",
        "<td class=\"old\">",
    ] {
        assert!(case.contains(part), "the case has no {part}");
    }
}

#[test]
fn what_is_withheld_is_not_told() {
    let suite = suite();
    let rule = "wire/ntlm/mic-value";
    let private = format!("expectations:\n- {{rule: {rule}, reason: Secret reason.}}\n");
    let open = files(&suite, &[&log(&suite, "", "")], Some(matrix()));
    let files = files(&suite, &[&log(&suite, "", &private)], Some(matrix()));
    assert!(
        open.keys()
            .any(|path| path.contains("wire.ntlm.mic-value.initiator"))
    );
    assert!(
        !files
            .keys()
            .any(|path| path.contains("wire.ntlm.mic-value.initiator"))
    );
    for (path, text) in &files {
        assert!(!text.contains("Secret reason"), "{path}");
        let of_suite = path.starts_with("rules") || path.starts_with("classes") || path == "search-index.js";
        assert!(of_suite || !text.contains(rule), "{path} tells the rule");
        assert!(
            of_suite || !text.contains("asc/ntlm/wrong-password"),
            "{path} tells who is let in"
        );
        assert!(!text.contains(LET_IN), "{path} tells what happened");
    }
    assert!(open["index.html"].contains(LET_IN) && files["index.html"].contains("◼ withheld"));
    assert!(files["index.html"].contains("the acceptor refuses &lt;i&gt;it&lt;/i&gt;"));
    assert!(files["subjects/deviant.html"].contains(" withheld</span>"));
    let page = &files["rules/wire.ntlm.mic-value.html"];
    assert!(page.contains("None of the subjects of this site, as far as is public."));
    assert!(
        !files.keys().any(|path| path.starts_with("cases/")),
        "a case shows calls that are withheld"
    );
}

#[test]
fn text_of_others_is_harmless() {
    let suite = suite();
    let evil = "<script>alert(1)</script>\\u001b[2J\\u202e";
    let log = log(&suite, "", "")
        .replace("\"name\":\"reference\"", &format!("\"name\":\"{evil}\""))
        .replace("\"subject\":\"deviant\"", "\"subject\":\"../../deviant\"")
        .replace("\"message\":\"", &format!("\"message\":\"{evil}"))
        .replace("https://issues.example/1", "javascript:alert(1)");
    let files = files(&suite, &[&log], None);
    let marks = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    let mut told = 0;
    for (path, text) in &files {
        assert!(!path.contains(".."), "{path}");
        assert!(
            !text.contains("<script>alert") || path.ends_with(".js"),
            "{path} has markup of a log"
        );
        assert!(!text.contains("javascript:") && !text.contains(marks), "{path}");
        told += usize::from(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{1b}[2J\\u{202e}"));
    }
    assert!(told > 2, "the text is told nowhere");
}

#[test]
fn equal_runs_have_equal_pages_without_times_and_paths() {
    let suite = suite();
    let once = log(&suite, PUBLIC, "");
    let files_once = files(&suite, &[&once], Some(matrix()));
    let later: String = once
        .lines()
        .filter(|line| !line.contains("\"record\":\"timing\""))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(files_once, files(&suite, &[&later], Some(matrix())));
    for (path, text) in &files_once {
        assert!(
            !text.contains("/nowhere") && !text.contains(env!("CARGO_MANIFEST_DIR")),
            "{path}"
        );
    }
}

/// The same log as if another version had been run.
fn of_version(log: &str, version: &str) -> String {
    let other = log.replace(
        "\"version\":\"0.1.0\",\"drives\"",
        &format!("\"version\":\"{version}\",\"drives\""),
    );
    assert_ne!(log, other);
    other
}

/// The log of the deviant run as if every check had passed.
fn mended(suite: &Suite) -> String {
    let mut staged = Staged::new(suite, PATTERN, Some(SABOTEUR));
    staged.who.label = "deviant".to_owned();
    for result in &mut staged.results {
        result.verdict = Verdict::Pass;
        let findings = result.findings.iter_mut();
        for finding in findings.filter(|finding| finding.verdict > Verdict::Pass) {
            (finding.verdict, finding.message) = (Verdict::Pass, String::new());
        }
    }
    logged(&staged.run(), true)
}

/// The pages of two versions of a subject, with what differs between them.
fn upgraded(suite: &Suite, old: &str, new: &str) -> Files {
    let read = |log: &str| Subject::read(suite, &mut Cursor::new(log)).unwrap();
    // The order of logs is not that of versions.
    let mut subjects = vec![read(new), read(old)];
    assert_eq!(site::successions(&subjects), [(1, 0)]);
    let diff = diff::diff(&mut Cursor::new(old), &mut Cursor::new(new)).unwrap();
    let upgrade = Upgrade::new(&subjects[1], &subjects[0], diff);
    for (place, keys) in [1, 0].into_iter().zip(upgrade.examples()) {
        let log = if place == 1 { old } else { new };
        subjects[place].show(&keys, &mut Cursor::new(log)).unwrap();
    }
    written(&Site::new(suite, subjects, vec![upgrade], None).unwrap())
}

#[test]
fn other_versions_of_a_subject_have_pages_of_their_own() {
    let suite = suite();
    let one = log(&suite, "", "");
    let files = files(&suite, &[&one, &of_version(&one, "0.0.9")], None);
    let pages = files.keys().filter(|path| path.starts_with("subjects/"));
    assert_eq!(pages.count(), 2);
    let newest = &files["subjects/deviant.html"];
    assert!(newest.contains("<h1>reference 0.1.0</h1>") && newest.contains("reference 0.0.9</a>"));
    assert!(files["index.html"].contains("Earlier: <a href=\"subjects/deviant.0-0-9"));
    let older = files.iter().find(|(path, text)| {
        path.starts_with("cases/deviant.0-0-9")
            && text.contains("--subject conformance/adapters/deviant@0.0.9")
    });
    assert!(older.is_some(), "the command replays another version");
    let subjects = [&one, &one].map(|log| Subject::read(&suite, &mut Cursor::new(log)).unwrap());
    assert!(Site::new(&suite, subjects.into(), Vec::new(), None).is_err());
}

#[test]
fn what_differs_between_versions_has_a_page_that_leads_to_rule_and_case() {
    let suite = suite();
    let bad = log(&suite, PUBLIC, "");
    let good = mended(&suite);
    for (old, new, heading, run) in [
        (&good, &bad, "<h2 id=\"worse\">", "cases/deviant/"),
        (&bad, &good, "<h2 id=\"fixed\">", "cases/deviant.0-0-9"),
    ] {
        let files = upgraded(&suite, &of_version(old, "0.0.9"), new);
        let page = &files["changes/deviant.html"];
        let told = |words: &str| page.contains(words);
        assert!(told(heading) && told("reference 0.0.9 → 0.1.0"), "{page}");
        assert!(
            told("rules/wire.ntlm.mic-value.html") && told(&format!("href=\"../{run}")),
            "{page}"
        );
        assert_eq!(page.matches("<h2 ").count(), 1, "{page}");
        assert!(
            told("class=\"tag v-pass\"") && told("class=\"tag v-fail\""),
            "{page}"
        );
        assert!(files["subjects/deviant.html"].contains("href=\"../changes/deviant.html\""));
        assert!(files["search-index.js"].contains("\"changes/deviant.html\""));
        for link in values(page, "href").into_iter().filter(|link| *link != "data:,") {
            follow(&files, "changes/deviant.html", link);
        }
    }
}

#[test]
fn what_is_withheld_of_a_version_is_not_told_by_the_other() {
    let suite = suite();
    let private = "expectations:\n- {rule: wire/ntlm/mic-value, reason: Secret reason.}\n";
    let secret = log(&suite, "", private);
    let good = mended(&suite);
    for (old, new, counts) in [(&secret, &good, " → 0<"), (&good, &secret, "withheld: 0 → ")] {
        let files = upgraded(&suite, &of_version(old, "0.0.9"), new);
        let page = &files["changes/deviant.html"];
        assert!(page.contains(counts), "{page}");
        assert!(!page.contains("wire/ntlm/mic-value"), "{page}");
        assert!(!files.keys().any(|path| path.starts_with("cases/")));
    }
}

#[test]
fn a_subject_has_its_language_and_home_page_and_no_other_link() {
    let suite = suite();
    let mut staged = Staged::new(&suite, "ntlm/good/default", None);
    let mut pages = |homepage: &str| {
        staged.who.origin.language = Some("<Ada>".to_owned());
        staged.who.origin.homepage = Some(homepage.to_owned());
        let files = files(&suite, &[&logged(&staged.run(), false)], None);
        ["index.html", "subjects/reference.html"].map(|page| files[page].clone())
    };
    for page in pages("https://example.org/ada") {
        assert!(
            page.contains("&lt;Ada&gt;, <a href=\"https://example.org/ada\""),
            "{page}"
        );
    }
    for page in pages("javascript:alert(1)") {
        assert!(
            page.contains("&lt;Ada&gt;") && !page.contains("javascript:"),
            "{page}"
        );
    }
}

#[test]
fn names_in_the_drawing_have_room() {
    let suite = suite();
    let name = "an-implementation-of-a-long-name";
    let mut matrix = matrix();
    matrix.players[0].label = name.to_owned();
    let drawing = &files(&suite, &[], Some(matrix))["matrix.svg"];
    let places: Vec<usize> = drawing
        .lines()
        .filter(|line| line.starts_with("<text class=\"head\"") && line.contains("y=\"42\""))
        .map(|line| values(line, "x")[0].parse().unwrap())
        .collect();
    // A character of the widest of the usual typefaces, in bold at 12 units.
    let needed = name.len() * 8 + 8;
    assert!(
        places[0] >= needed && places[1] >= places[0] + needed,
        "{places:?}"
    );
}

#[test]
fn a_badge_counts_cases_that_were_decided() {
    let suite = suite();
    let files = files(&suite, &[&log(&suite, "", "")], None);
    insta::assert_snapshot!(files["badges/deviant.svg"]);
}
