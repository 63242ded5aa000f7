//! What two runs differ in.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod staged;

use std::{fs, io::Cursor, path::Path, process::Command};

use insta::assert_snapshot;
use legwork::{
    check::Verdict,
    report::{
        diff::{self, Kind, RunDiff},
        diff_text,
    },
};
use pretty_assertions::assert_eq;

use staged::{Staged, logged, suite};

const CASE: &str = "ntlm/good/default";
const RULE: &str = "wire/ntlm/mic-value";

fn compared(old: &str, new: &str) -> RunDiff {
    diff::diff(&mut Cursor::new(old), &mut Cursor::new(new)).unwrap()
}

fn log(staged: &Staged<'_>) -> String {
    logged(&staged.run(), false)
}

/// The changes of a rule.
fn kinds(diff: &RunDiff, rule: &str) -> Vec<(Kind, bool)> {
    let changes = diff.changes.iter().filter(|change| change.rule == rule);
    changes.map(|change| (change.kind, change.worse)).collect()
}

/// A run of one case in which the check of the rule is something else.
fn altered(suite: &legwork::suite::Suite, verdict: Verdict, message: &str) -> String {
    let mut staged = Staged::new(suite, CASE, Some("authenticate-wrong-mic"));
    let finding = staged.results[0]
        .findings
        .iter_mut()
        .find(|finding| finding.rule == RULE);
    let finding = finding.unwrap();
    (finding.verdict, finding.message) = (verdict, message.to_owned());
    log(&staged)
}

#[test]
fn equal_runs_do_not_differ() {
    let suite = suite();
    let one = log(&Staged::new(&suite, "ntlm/bindings", None));
    let diff = compared(&one, &one);
    assert!(
        !diff.worse && diff.changes.is_empty() && diff.same > 100,
        "{diff:?}"
    );
    assert_eq!((diff.appeared, diff.gone), (0, 0));
}

#[test]
fn what_fails_now_and_did_not_is_worse_and_the_other_way_round_is_not() {
    let suite = suite();
    let well = altered(&suite, Verdict::Pass, "");
    let wrong = log(&Staged::new(&suite, CASE, Some("authenticate-wrong-mic")));
    let diff = compared(&well, &wrong);
    assert_eq!(kinds(&diff, RULE), [(Kind::NewlyFailing, true)]);
    assert!(diff.worse);
    let diff = compared(&wrong, &well);
    assert_eq!(kinds(&diff, RULE), [(Kind::NewlyPassing, false)]);
    assert!(!diff.worse, "{diff:?}");
}

#[test]
fn every_kind_of_change_is_told() {
    let suite = suite();
    let run = |verdict, message| altered(&suite, verdict, message);
    let pass = || run(Verdict::Pass, "");
    let table = [
        (pass(), run(Verdict::Warn, "a"), Kind::NewlyFailing, true),
        (
            run(Verdict::NotApplicable, "a"),
            run(Verdict::Fail, "a"),
            Kind::NewlyFailing,
            true,
        ),
        (
            run(Verdict::Unsupported, "a"),
            run(Verdict::Fail, "a"),
            Kind::NewlyDriven,
            false,
        ),
        (
            run(Verdict::Fail, "a"),
            run(Verdict::Fail, "b"),
            Kind::Changed,
            false,
        ),
        (
            run(Verdict::Warn, "a"),
            run(Verdict::Fail, "a"),
            Kind::Changed,
            true,
        ),
        (
            run(Verdict::Crash, "a"),
            run(Verdict::Fail, "a"),
            Kind::Changed,
            false,
        ),
        (pass(), run(Verdict::NotApplicable, "a"), Kind::Undecided, true),
        (
            pass(),
            run(Verdict::Unsupported, "a"),
            Kind::NoLongerDriven,
            false,
        ),
        (
            run(Verdict::Fail, "a"),
            run(Verdict::Unsupported, "a"),
            Kind::NoLongerDriven,
            false,
        ),
        (
            run(Verdict::Fail, "a"),
            run(Verdict::NotApplicable, "a"),
            Kind::Undecided,
            false,
        ),
        (
            run(Verdict::Unsupported, "a"),
            run(Verdict::Unsupported, "b"),
            Kind::OtherReason,
            false,
        ),
        (run(Verdict::NotApplicable, "a"), pass(), Kind::Decided, false),
        (run(Verdict::Hang, "a"), pass(), Kind::NewlyPassing, false),
    ];
    for (old, new, kind, worse) in table {
        let diff = compared(&old, &new);
        assert_eq!(kinds(&diff, RULE), [(kind, worse)]);
        assert_eq!((diff.changes.len(), diff.worse), (1, worse), "{kind:?}");
    }
}

/// A case that lacks an operation ends there: its other checks are not there, neither those that pass nor those that fail.
#[test]
fn what_one_version_cannot_drive_is_neither_better_nor_worse() {
    let suite = suite();
    let wrong = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let mut lacking = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let findings = &mut lacking.results[0].findings;
    findings.truncate(1);
    let returns = "call/every-call-returns";
    (findings[0].rule, findings[0].verdict) = (returns.to_owned(), Verdict::Unsupported);
    let (wrong, lacking) = (log(&wrong), log(&lacking));
    let driven = compared(&lacking, &wrong);
    assert_eq!(kinds(&driven, RULE), [(Kind::NewlyDriven, false)]);
    assert!(!driven.worse, "{driven:?}");
    let lost = compared(&wrong, &lacking);
    assert_eq!(kinds(&lost, RULE), [(Kind::NoLongerDriven, false)]);
    assert!(!lost.worse, "{lost:?}");
    for (diff, words) in [
        (&driven, "Newly driven, and failing: "),
        (&lost, "No longer driven: "),
    ] {
        let shown = diff_text::text(diff, false);
        assert!(shown.contains(words) && shown.contains("Not worse"), "{shown}");
    }
}

#[test]
fn checks_and_cases_appear_and_go() {
    let suite = suite();
    let one = log(&Staged::new(&suite, "ntlm/good/default", None));
    let all = log(&Staged::new(&suite, "ntlm/good", None));
    let diff = compared(&one, &all);
    assert!(!diff.worse && !diff.cases_appeared.is_empty() && diff.appeared > 0);
    let back = compared(&all, &one);
    assert_eq!(back.cases_gone, diff.cases_appeared);
    assert!(!back.worse);
    let without = |saboteur| {
        let mut staged = Staged::new(&suite, CASE, saboteur);
        staged.results[0].findings.retain(|finding| finding.rule != RULE);
        log(&staged)
    };
    let wrong = log(&Staged::new(&suite, CASE, Some("authenticate-wrong-mic")));
    let diff = compared(&without(Some("authenticate-wrong-mic")), &wrong);
    assert_eq!(kinds(&diff, RULE), [(Kind::AppearedFailing, true)]);
    let diff = compared(&wrong, &without(Some("authenticate-wrong-mic")));
    assert_eq!(kinds(&diff, RULE), [(Kind::GoneFailing, false)]);
    assert_eq!(compared(&one, &without(None)).gone, 1);
}

#[test]
fn a_run_that_breaks_off_is_worse_and_says_what_did_not_run() {
    let suite = suite();
    let all = log(&Staged::new(&suite, "ntlm/good", None));
    let diff = compared(&all, &all[..all.len() / 2]);
    assert!(diff.worse && !diff.new.complete && !diff.never_ran.is_empty());
    assert!(diff.changes.is_empty(), "{:?}", diff.changes);
}

#[test]
fn what_is_withheld_shows_as_a_number_alone() {
    let suite = suite();
    let well = altered(&suite, Verdict::Pass, "");
    let mut staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    staged.expect(
        "expectations: []",
        &format!("expectations:\n  - {{rule: {RULE}, reason: x}}\n"),
    );
    let diff = compared(&well, &log(&staged));
    assert!(diff.worse);
    assert_eq!((diff.old.withheld, diff.new.withheld), (0, 1));
    assert!(!format!("{diff:?}").contains("mic-"), "{diff:?}");
}

#[test]
fn what_is_known_is_told() {
    let suite = suite();
    let well = altered(&suite, Verdict::Pass, "");
    let mut staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let open = compared(&well, &log(&staged));
    staged.expect(
        &format!("expectations:\n  - {{rule: {RULE}, reason: x}}\n"),
        "expectations: []",
    );
    let known = compared(&well, &log(&staged));
    assert_eq!((open.worse, open.is_worse_as_known()), (true, false));
    assert_eq!((known.worse, known.is_worse_as_known()), (true, true));
    let shown = |diff| diff_text::text(diff, false);
    assert!(!shown(&open).contains("known"), "{}", shown(&open));
    for words in ["Newly failing: 1 check (known)\n", "in known deviations alone."] {
        assert!(shown(&known).contains(words), "{}", shown(&known));
    }
}

/// Bytes that one version drew are no difference from those of another, nor are those of a subject that draws its own.
#[test]
fn bytes_count_in_runs_of_one_steered_subject_alone() {
    let suite = suite();
    let run = |byte: &str| altered(&suite, Verdict::Fail, &format!("the code is {}", byte.repeat(16)));
    let (old, new) = (run("25"), run("26"));
    let foreign = |log: &str| {
        log.replace(r#""randomness","#, "")
            .replace(r#","randomness""#, "")
    };
    let other = |log: &str| log.replace(r#""version":"0.1.0""#, r#""version":"0.2.0""#);
    for (old, new, changes, steered) in [
        (old.clone(), new.clone(), 1, true),
        (old.clone(), other(&new), 0, true),
        (foreign(&old), foreign(&new), 0, false),
    ] {
        let diff = compared(&old, &new);
        assert_eq!((diff.changes.len(), diff.old.steered), (changes, steered));
        let note = diff_text::text(&diff, false).contains("random numbers of its own");
        assert_eq!(note, !steered);
    }
}

#[test]
fn a_difference_is_shown() {
    let suite = suite();
    let old = Staged::new(&suite, "ntlm/bindings/match", Some("authenticate-wrong-proof"));
    let mut new = Staged::new(&suite, "ntlm/bindings/match", Some("authenticate-wrong-mic"));
    new.cases.remove(0);
    new.results.remove(0);
    let finding = new.results[0]
        .findings
        .iter_mut()
        .find(|finding| finding.verdict == Verdict::Fail);
    finding.unwrap().message = "`code`\n\u{1b}[2J | of another".to_owned();
    let diff = compared(&log(&old), &log(&new));
    let same = format!("\n{} checks the same", diff.same);
    let shown = |markdown| diff_text::text(&diff, markdown).replace(&same, "\nN checks the same");
    assert_snapshot!(shown(false));
    assert_snapshot!("a_difference_as_markdown", shown(true));
}

#[test]
fn the_command_writes_every_format_and_its_exit_code_tells() {
    let suite = suite();
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    fs::write(&old, log(&Staged::new(&suite, CASE, None))).unwrap();
    fs::write(
        &new,
        log(&Staged::new(&suite, CASE, Some("authenticate-wrong-mic"))),
    )
    .unwrap();
    let run = |old: &Path, new: &Path, format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        command.arg("diff").args([old, new]).args(["--format", format]);
        let ended = command.output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
    };
    for format in ["text", "markdown", "json"] {
        assert_eq!(run(&old, &new, format).0, Some(1), "{format}");
        assert_eq!(run(&new, &old, format).0, Some(0), "{format}");
    }
    let (_, text) = run(&old, &new, "json");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/diff.json");
    let schema = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&value), "{text}");
    assert!(!validator.is_valid(&serde_json::json!({"schema": 1})));
    let (code, _) = run(
        &old,
        Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").as_path(),
        "text",
    );
    assert_eq!(code, Some(2));
}
