//! Reports for machines and pages: JUnit XML, Markdown and JSON, all of the same run.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod numbers;
mod staged;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use insta::assert_snapshot;
use legwork::{
    check::Verdict,
    protocol::Role,
    report::{junit, markdown, summary, text},
};
use pretty_assertions::assert_eq;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

use numbers::without_numbers;
use staged::{Staged, suite};

const RULE: &str = "wire/ntlm/mic-value";

fn read(staged: &Staged<'_>) -> Report {
    let text = junit::report(&staged.run()).unwrap();
    Report::deserialize_from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The kind of each test case that is no success, and its message.
fn told(report: &Report) -> BTreeSet<(String, String)> {
    let cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    let one = |status: &TestCaseStatus| match status {
        TestCaseStatus::Success { .. } => None,
        TestCaseStatus::NonSuccess { kind, message, .. } => Some((
            format!("{kind:?}"),
            message
                .as_ref()
                .map(|it| it.as_str().to_owned())
                .unwrap_or_default(),
        )),
        TestCaseStatus::Skipped { message, .. } => Some((
            "Skipped".to_owned(),
            message
                .as_ref()
                .map(|it| it.as_str().to_owned())
                .unwrap_or_default(),
        )),
    };
    cases.filter_map(|case| one(&case.status)).collect()
}

/// Makes something else of the check of the rule in every case.
fn alter(staged: &mut Staged<'_>, verdict: Verdict, message: &str) {
    for result in &mut staged.results {
        for finding in result.findings.iter_mut().filter(|finding| finding.rule == RULE) {
            (finding.verdict, finding.message) = (verdict, message.to_owned());
            result.verdict = verdict;
        }
    }
    staged.outcome = staged.expectations.judge(&staged.results, false);
}

#[test]
fn junit_has_a_test_case_for_each_case_by_topic() {
    let suite = suite();
    let staged = Staged::new(&suite, "ntlm/bindings", None);
    let report = read(&staged);
    assert_eq!(
        (report.tests, report.failures, report.errors),
        (staged.results.len(), 0, 0)
    );
    let cases: Vec<_> = report
        .test_suites
        .iter()
        .flat_map(|suite| &suite.test_cases)
        .collect();
    for (case, result) in cases.iter().zip(&staged.results) {
        assert_eq!(case.name.as_str(), result.key());
        assert_eq!(case.classname.as_ref().unwrap().as_str(), "ntlm.bindings");
    }
    assert!(told(&report).is_empty());
}

#[test]
fn junit_fails_where_the_run_does_and_says_how_to_see_it_again() {
    let suite = suite();
    let staged = Staged::new(&suite, "ntlm/bindings/match", Some("authenticate-wrong-mic"));
    let report = read(&staged);
    assert_eq!(report.failures, staged.results.len());
    let TestCaseStatus::NonSuccess {
        kind,
        message,
        ty,
        description,
        ..
    } = &report.test_suites[0].test_cases[0].status
    else {
        panic!("{report:?}")
    };
    assert_eq!(*kind, NonSuccessKind::Failure);
    assert!(message.as_ref().unwrap().starts_with(RULE));
    assert_eq!(ty.as_ref().unwrap().as_str(), "fail");
    let description = description.as_ref().unwrap();
    assert!(
        description
            .as_str()
            .contains("replay: legwork repro ntlm/bindings/match"),
        "{description:?}"
    );
}

#[test]
fn junit_tells_errors_known_and_undecided_cases_apart() {
    let suite = suite();
    let mut staged = Staged::new(&suite, "ntlm/bindings/match", Some("authenticate-wrong-mic"));
    let is = |staged: &Staged<'_>| {
        let mut kinds: Vec<(String, String)> = told(&read(staged)).into_iter().collect();
        assert_eq!(kinds.len(), 1, "{kinds:?}");
        kinds.remove(0)
    };
    alter(&mut staged, Verdict::Crash, "signal 11");
    assert_eq!(is(&staged), ("Error".to_owned(), format!("{RULE}: signal 11")));
    alter(&mut staged, Verdict::HarnessFault, "port lost");
    assert_eq!(is(&staged), ("Error".to_owned(), format!("{RULE}: port lost")));
    alter(&mut staged, Verdict::Unsupported, "no MIC");
    assert_eq!(
        is(&staged),
        ("Skipped".to_owned(), "unsupported: no MIC".to_owned())
    );
    alter(&mut staged, Verdict::Warn, "a");
    assert!(told(&read(&staged)).is_empty());
    alter(&mut staged, Verdict::Fail, "a");
    staged.expect(
        &format!("expectations:\n  - {{rule: {RULE}, reason: x}}\n"),
        "expectations: []",
    );
    assert_eq!(is(&staged), ("Skipped".to_owned(), format!("known: {RULE}")));
    staged.expect(
        "expectations: []",
        &format!("expectations:\n  - {{rule: {RULE}, reason: x}}\n"),
    );
    assert_eq!(is(&staged), ("Skipped".to_owned(), "withheld".to_owned()));
    staged.expect(
        &format!("expectations:\n  - {{rule: {RULE}, reason: x, count: 1}}\n"),
        "expectations: []",
    );
    let report = read(&staged);
    assert_eq!(report.failures, 1, "an entry that does not hold is a failure");
    assert!(!staged.run().is_good());
}

#[test]
fn junit_is_xml_whatever_a_subject_says() {
    let suite = suite();
    let mut staged = Staged::new(&suite, "ntlm/bindings/match", Some("authenticate-wrong-mic"));
    alter(
        &mut staged,
        Verdict::Fail,
        "]]> <a & \"b\"> \u{1b}[2J \u{0} \u{ffff}",
    );
    let told = told(&read(&staged));
    assert!(
        told.iter()
            .all(|(_, message)| message.contains("]]> <a & \"b\">")),
        "{told:?}"
    );
}

/// How much an adapter declares and answers stands in every report of a subject, and in none of the reference.
#[test]
fn shares_are_those_of_what_hello_declares() {
    let suite = suite();
    let mut staged = Staged::new(&suite, "ntlm/bindings/match", None);
    let whole = staged.results.len();
    let reference = summary::summary(&staged.run());
    assert!(reference.shares.is_empty() && reference.counts.is_empty());
    staged.who.argument = Some("folder".to_owned());
    for result in &mut staged.results {
        result.judged = vec![Role::Acceptor];
    }
    staged.results[0].undeclared = vec!["bindings".to_owned()];
    staged.results[1].verdict = Verdict::Unsupported;
    let run = staged.run();
    let share = summary::summary(&run).shares[0].all;
    assert_eq!(
        (share.cases, share.declared, share.answered),
        (whole, whole - 1, whole - 2)
    );
    let text = text::report(&run, text::Style::default());
    let page = markdown::report(&run);
    assert!(
        text.contains(&format!("ntlm acceptor: all {}", share.words())),
        "{text}"
    );
    let row = format!("| ntlm acceptor all | {whole} | {} | {} |", whole - 1, whole - 2);
    assert!(page.contains(&row), "{page}");
}

#[test]
fn markdown_is_a_page() {
    let suite = suite();
    let well = Staged::new(&suite, "ntlm/bindings/match", None);
    assert_snapshot!(
        "markdown_of_a_good_run",
        without_numbers(&markdown::report(&well.run()))
    );
    let mut staged = Staged::new(&suite, "ntlm/bindings/match", Some("authenticate-wrong-mic"));
    let public = "expectations:\n  - rule: wire/ntlm/mic-value\n    cases: [ntlm/bindings/match/bindings:long]\n    \
                  reason: >-\n      Two lines\n      of reason.\n    link: https://example.org/1\n  \
                  - {rule: no/such/rule, reason: y}\n";
    let private = "expectations:\n  - {rule: wire/ntlm/mic-value, cases: [ntlm/bindings/match/bindings:unique], reason: z}\n";
    staged.results[0]
        .findings
        .iter_mut()
        .filter(|finding| finding.rule == RULE)
        .for_each(|finding| {
            finding.message = "`a` | b\n# c".to_owned();
        });
    staged.expect(public, private);
    let page = markdown::report(&staged.run());
    assert!(!page.contains("bindings:unique"), "{page}");
    assert_snapshot!("markdown_of_a_bad_run", without_numbers(&page));
}

#[test]
fn the_summary_fulfils_its_schema() {
    let suite = suite();
    let mut staged = Staged::new(&suite, "ntlm/bindings/match", Some("authenticate-wrong-mic"));
    staged.expect(
        "expectations:\n  - {rule: no/such/rule, reason: y}\n",
        "expectations: []",
    );
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/summary.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut value = serde_json::to_value(summary::summary(&staged.run())).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    value["failures"][0]["verdict"] = 1.into();
    assert!(!validator.is_valid(&value));
}

#[test]
fn one_run_writes_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let run = |junit: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        command
            .args(["run", "--filter", "ntlm/good/default", "--json"])
            .arg(path("run.json"));
        command
            .arg("--markdown")
            .arg(path("run.md"))
            .arg("--junit")
            .arg(junit);
        command.output().unwrap()
    };
    let ended = run(&path("run.xml"));
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(
        String::from_utf8_lossy(&ended.stdout).contains("1 case in"),
        "{ended:?}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(path("run.json")).unwrap()).unwrap();
    assert_eq!(json["good"], true);
    assert!(
        fs::read_to_string(path("run.md"))
            .unwrap()
            .starts_with("# `reference")
    );
    Report::deserialize_from_str(&fs::read_to_string(path("run.xml")).unwrap()).unwrap();
    for nowhere in [Path::new("/dev/full"), &path("no/such/folder")] {
        let ended = run(nowhere);
        assert_eq!(ended.status.code(), Some(2), "{}", nowhere.display());
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(
            told.contains("cannot write to") && !told.contains("panicked"),
            "{told}"
        );
    }
}
