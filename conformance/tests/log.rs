//! The run log: what it holds, that it breaks off at any place, and that parts of a run make the whole.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod staged;

use std::{collections::BTreeMap, fs, io::Cursor, path::Path, process::Command};

use legwork::{
    report::{
        Run,
        log::{self, MergeError, Merged},
    },
    run::portion::Shard,
    runner::{self, CaseResult, Options},
    subject::{description::Origin, reference::HELLO},
};
use pretty_assertions::assert_eq;

use staged::{Staged, logged, suite};

const CASE: &str = "ntlm/good/default";

#[test]
fn a_log_that_breaks_off_says_what_never_ran() {
    let suite = suite();
    let staged = Staged::new(&suite, "ntlm/bindings", None);
    let whole = logged(&staged.run(), false);
    let digest = log::read(whole.as_bytes()).unwrap();
    assert!(digest.complete && digest.never_ran().is_empty());
    for cut in (0..whole.len()).step_by(whole.len() / 50) {
        match log::read(&whole.as_bytes()[..cut]) {
            Ok(digest) => {
                assert_eq!(digest.complete, cut + 1 == whole.len());
                assert_eq!(digest.never_ran().len() + digest.ended.len(), staged.cases.len());
            }
            Err(error) => assert!(matches!(error, log::ReadError::NoRun), "{cut}: {error}"),
        }
    }
}

#[test]
fn logs_of_equal_runs_differ_in_their_timing_records_alone() {
    let suite = suite();
    let lasting = || {
        let staged = Staged::new(&suite, CASE, None);
        let log = logged(&staged.run(), false);
        let lines: Vec<String> = log
            .lines()
            .filter(|line| !line.contains("\"record\":\"timing\""))
            .map(str::to_owned)
            .collect();
        lines
    };
    assert_eq!(lasting(), lasting());
}

#[test]
fn what_is_withheld_does_not_show_in_the_log() {
    let suite = suite();
    let mut staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let private = "expectations:\n  - {rule: wire/ntlm/mic-value, reason: told upstream}\n";
    staged.expect("expectations: []", private);
    let log = logged(&staged.run(), true);
    assert!(!log.contains("wire/ntlm/mic-value"));
    assert!(!log.contains("\"record\":\"call\""));
    assert!(
        !log.contains("wire/ntlm/mic-present"),
        "the rules of a case that are told show which one is not"
    );
    assert_eq!(
        log::read(log.as_bytes()).unwrap().failed.get("withheld"),
        Some(&1)
    );
}

fn validator(name: &str) -> jsonschema::Validator {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(name);
    let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// Holds every line against the schema; the number of records by kind.
fn validated(log: &str) -> BTreeMap<String, usize> {
    let validator = validator("log.json");
    let mut kinds = BTreeMap::new();
    for line in log.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{line}\n{errors:?}");
        *kinds
            .entry(value["record"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    kinds
}

#[test]
fn logs_fulfil_their_schema() {
    let suite = suite();
    let well = Staged::new(&suite, "ntlm/bindings", None);
    let kinds = validated(&logged(&well.run(), true));
    for kind in [
        "run",
        "case-start",
        "call",
        "check",
        "unique",
        "case-end",
        "timing",
        "run-end",
    ] {
        assert!(kinds.contains_key(kind), "{kind}");
    }
    let mut failing = Staged::new(&suite, "ntlm/good", Some("authenticate-wrong-mic"));
    let public = "expectations:\n  - {rule: wire/ntlm/mic-value, reason: x, count: 1}\n";
    failing.expect(public, "expectations:\n  - {rule: no/such/rule, reason: y}\n");
    let log = logged(&failing.run(), true);
    assert_eq!(validated(&log).get("expectation"), Some(&2));
    assert!(
        log.contains("\"known\":\"expected\"") && log.contains("\"trouble\":"),
        "{log}"
    );
}

#[test]
fn the_schema_refuses_what_is_no_record() {
    let validator = validator("log.json");
    let wrong = [
        serde_json::json!({"schema": 1, "key": "run", "record": "no-such-record"}),
        serde_json::json!({"schema": 1, "key": "run", "record": "run-end", "cases": {}, "good": true}),
        serde_json::json!({"schema": 1, "record": "case-end", "verdict": "pass", "end": "done"}),
        serde_json::json!({"schema": 1, "key": "a", "record": "case-end", "verdict": "green", "end": "done"}),
    ];
    for value in wrong {
        assert!(!validator.is_valid(&value), "{value}");
    }
}

/// Runs the program with a log, and reads the log.
fn log_of(folder: &Path, name: &str, arguments: &[&str]) -> Vec<u8> {
    let path = folder.join(name);
    let ended = Command::new(env!("CARGO_BIN_EXE_legwork"))
        .args([
            "run",
            "--filter",
            "ntlm/good",
            "--filter",
            "ntlm/bindings",
            "--jobs",
            "2",
            "--log",
        ])
        .arg(&path)
        .args(arguments)
        .output()
        .unwrap();
    assert_eq!(
        ended.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    fs::read(path).unwrap()
}

fn merged(logs: &[Vec<u8>]) -> Result<(String, Merged), MergeError> {
    let named = |(number, log): (usize, &Vec<u8>)| (format!("log {number}"), Cursor::new(log.clone()));
    let mut logs: Vec<log::Named<Cursor<Vec<u8>>>> = logs.iter().enumerate().map(named).collect();
    let mut out = Vec::new();
    let merged = log::merge(&mut logs, &mut out)?;
    Ok((String::from_utf8(out).unwrap(), merged))
}

/// The arguments that make the served reference the subject.
fn served(folder: &Path) -> String {
    let description = format!(
        "name: reference\ncommand: [{:?}, serve]\n",
        env!("CARGO_BIN_EXE_legwork")
    );
    fs::write(folder.join("subject.yaml"), description).unwrap();
    folder.display().to_string()
}

#[test]
fn shuffled_parts_merge_to_the_log_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let subject = served(folder.path());
    for subject in [vec![], vec!["--subject", &subject]] {
        let run = |name: &str, more: &[&str]| log_of(folder.path(), name, &[&subject, more].concat());
        let whole = run("whole", &[]);
        let parts: Vec<Vec<u8>> = [("2/3", "7"), ("3/3", "8"), ("1/3", "9")]
            .iter()
            .map(|(part, seed)| run("part", &["--shard", part, "--shuffle", seed]))
            .collect();
        for part in &parts {
            let digest = log::read(part.as_slice()).unwrap();
            assert!(digest.complete && digest.never_ran().is_empty() && !digest.ended.is_empty());
        }
        let (one, what) = merged(std::slice::from_ref(&whole)).unwrap();
        assert!(what.complete && what.good && what.missing == 0, "{what:?}");
        assert_eq!(merged(&[run("shuffled", &["--shuffle", "3"])]).unwrap().0, one);
        let (three, again) = merged(&parts).unwrap();
        assert_eq!(again, what);
        assert!(
            three == one,
            "the merged log of three parts is another one than that of the whole run"
        );
        validated(&one);
        let sorted = |text: &str| {
            let lasting = text
                .lines()
                .filter(|line| !line.contains("\"record\":\"timing\""));
            let mut lines: Vec<String> = lasting.map(str::to_owned).collect();
            lines.sort_unstable();
            lines
        };
        let whole = String::from_utf8(whole).unwrap();
        assert_eq!(
            sorted(&whole),
            sorted(&one),
            "a merged log has the records of the run, in order"
        );
        let order: Vec<&str> = one.lines().filter(|line| line.contains("\"case-end\"")).collect();
        let digest = log::read(one.as_bytes()).unwrap();
        for (line, key) in order.iter().zip(&digest.planned) {
            assert!(line.contains(&format!("\"key\":\"{key}\"")), "{key}: {line}");
        }
    }
}

#[test]
fn a_part_that_is_missing_or_broken_off_leaves_the_run_without_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let part = |part: &str| log_of(folder.path(), "part", &["--shard", part]);
    let (one, other) = (part("1/2"), part("2/2"));
    let (text, what) = merged(std::slice::from_ref(&one)).unwrap();
    assert!(!what.complete && !what.good && what.missing > 0, "{what:?}");
    assert!(!log::read(text.as_bytes()).unwrap().complete);
    let cut = other[..other.len() * 2 / 3].to_vec();
    let (text, what) = merged(&[one.clone(), cut]).unwrap();
    let digest = log::read(text.as_bytes()).unwrap();
    assert!(!digest.complete && digest.never_ran().len() == what.missing && what.missing > 0);
    assert!(merged(&[one, other]).unwrap().1.complete);
}

#[test]
fn a_part_may_have_no_case() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut sizes = Vec::new();
    for part in ["1/2", "2/2"] {
        let ended = Command::new(env!("CARGO_BIN_EXE_legwork"))
            .args(["run", "--filter", CASE, "--shard", part, "--log"])
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
        sizes.push(
            log::read(fs::read(&path).unwrap().as_slice())
                .unwrap()
                .ended
                .len(),
        );
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 1]);
}

#[test]
fn logs_of_other_runs_do_not_merge() {
    let folder = tempfile::tempdir().unwrap();
    let log = |more: &[&str]| log_of(folder.path(), "log", more);
    let one = log(&["--shard", "1/2"]);
    let other = log(&["--shard", "2/2", "--seed", "5"]);
    assert!(matches!(
        merged(&[one.clone(), other]),
        Err(MergeError::OtherRun(..))
    ));
    assert!(matches!(
        merged(&[one.clone(), one]),
        Err(MergeError::Twice { .. })
    ));
    assert!(matches!(merged(&[b"{}\n".to_vec()]), Err(MergeError::Read(..))));
}

#[test]
fn the_same_challenge_in_two_parts_fails_the_merged_run() {
    let folder = tempfile::tempdir().unwrap();
    let part = |part: &str| String::from_utf8(log_of(folder.path(), "part", &["--shard", part])).unwrap();
    let (one, other) = (part("1/2"), part("2/2"));
    let value = |log: &str| {
        let (_, rest) = log.split_once("\"value\":\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let forged = other.replace(
        &format!("\"value\":\"{}\"", value(&other)),
        &format!("\"value\":\"{}\"", value(&one)),
    );
    let (text, what) = merged(&[one.into_bytes(), forged.into_bytes()]).unwrap();
    assert!(what.complete && !what.good);
    let failed = log::read(text.as_bytes()).unwrap().failed;
    assert_eq!(failed.get("wire/ntlm/challenge-fresh"), Some(&1));
    assert!(text.contains("the same challenge as in ntlm/"));
}

/// The log of a part of a staged run, with its own outcome; of all of it without one.
fn part_of(staged: &Staged<'_>, shard: Option<Shard>) -> Vec<u8> {
    let keys: Vec<String> = staged.results.iter().map(CaseResult::key).collect();
    let mine = |result: &&CaseResult| shard.is_none_or(|shard| shard.has(&result.key()));
    let early: Vec<CaseResult> = staged.results.iter().filter(mine).cloned().collect();
    let results = runner::across_cases(staged.suite, early.clone());
    let options = Options {
        shard,
        ..staged.options.clone()
    };
    let run = Run {
        options: &options,
        results: &results,
        outcome: &staged.expectations.judge(&results, shard.is_none()),
        ..staged.run()
    };
    let plan = log::Plan {
        who: run.who,
        cases: run.cases,
        keys: &keys,
        suite: run.suite,
        options: &options,
        strict: false,
        whole: true,
        expectations: run.expectations,
    };
    let mut bytes = Vec::new();
    let mut writer = log::Writer::begin(&mut bytes, plan);
    early.iter().rev().for_each(|result| writer.case(result));
    writer.subject(&HELLO, &run.who.control);
    writer.finish(&run).unwrap();
    bytes
}

/// What came of one case as if it had come of another.
fn with_id(mut result: CaseResult, case: &str) -> CaseResult {
    case.clone_into(&mut result.case);
    result
}

fn finish(log: &[u8]) -> log::Finish {
    log::Index::of(log).unwrap().end.unwrap()
}

#[test]
fn what_expectations_match_adds_up_over_the_parts() {
    let suite = suite();
    let rule = "wire/ntlm/mic-value";
    let mut staged = Staged::new(&suite, "ntlm/good", Some("authenticate-wrong-mic"));
    for (public, private, good) in [
        (format!("  - {{rule: {rule}, reason: x}}"), String::new(), true),
        (String::new(), format!("  - {{rule: {rule}, reason: x}}"), true),
        (
            format!("  - {{rule: {rule}, cases: [ntlm/good/default, ntlm/no], reason: x}}"),
            String::new(),
            false,
        ),
        (
            format!("  - {{rule: {rule}, count: 3, reason: x}}"),
            String::new(),
            false,
        ),
        (
            String::new(),
            format!("  - {{rule: {rule}, count: 3, reason: x}}"),
            false,
        ),
        (
            format!("  - {{rule: {rule}, reason: x}}\n  - {{rule: no/rule, reason: y}}"),
            String::new(),
            false,
        ),
        (
            String::new(),
            format!("  - {{rule: {rule}, cases: [ntlm/good, ntlm/no], reason: x}}"),
            false,
        ),
    ] {
        let file = |entries: &str| match entries.is_empty() {
            true => "expectations: []".to_owned(),
            false => format!("expectations:\n{entries}\n"),
        };
        staged.expect(&file(&public), &file(&private));
        let whole = part_of(&staged, None);
        let parts = [1, 2].map(|part| part_of(&staged, Some(Shard { part, of: 2 })));
        let (one, what) = merged(std::slice::from_ref(&whole)).unwrap();
        let (two, again) = merged(&parts).unwrap();
        assert!(one == two && what == again, "{public} {private}");
        assert_eq!(finish(one.as_bytes()), finish(&whole));
        assert_eq!((what.complete, what.good), (true, good), "{public} {private}");
        validated(&one);
    }
}

#[test]
fn a_repeated_challenge_that_is_known_is_known_in_every_form_of_the_log() {
    let suite = suite();
    let rule = "wire/ntlm/challenge-fresh";
    let mut staged = Staged::new(&suite, "ntlm/bindings", None);
    let again = staged.results[0].clone();
    staged.results[1] = with_id(again, &staged.results[1].case);
    for (public, private, known) in [
        ("[]".to_owned(), "[]".to_owned(), None),
        (
            format!("[{{rule: {rule}, reason: x, count: 1}}]"),
            "[]".to_owned(),
            Some("\"expected\""),
        ),
        (
            "[]".to_owned(),
            format!("[{{rule: {rule}, reason: x}}]"),
            Some("\"withheld\""),
        ),
    ] {
        staged.expect(
            &format!("expectations: {public}"),
            &format!("expectations: {private}"),
        );
        let whole = part_of(&staged, None);
        let parts = [1, 2, 3].map(|part| part_of(&staged, Some(Shard { part, of: 3 })));
        let (one, what) = merged(std::slice::from_ref(&whole)).unwrap();
        let (three, again) = merged(&parts).unwrap();
        assert!(one == three && what == again, "{public} {private}");
        assert_eq!(finish(one.as_bytes()), finish(&whole), "{public} {private}");
        assert_eq!(what.good, known.is_some());
        let failed = one
            .lines()
            .find(|line| line.contains(" across") && line.contains("\"fail\""))
            .unwrap();
        match known {
            Some(known) => assert!(failed.contains(&format!("\"known\":{known}")), "{failed}"),
            None => assert!(
                failed.contains("the same challenge as in ntlm/bindings/"),
                "{failed}"
            ),
        }
        assert_eq!(failed.contains(rule), known != Some("\"withheld\""), "{failed}");
    }
}

#[test]
fn a_log_tells_where_a_subject_comes_from_and_need_not() {
    let suite = suite();
    let mut staged = Staged::new(&suite, CASE, None);
    let old = logged(&staged.run(), false);
    assert!(!old.contains("homepage") && !old.contains("language"));
    assert_eq!(log::Index::of(old.as_bytes()).unwrap().origin, Origin::default());
    staged.who.origin = Origin {
        homepage: Some("https://example.org".to_owned()),
        language: Some("Ada".to_owned()),
    };
    let told = logged(&staged.run(), false);
    assert_eq!(log::Index::of(told.as_bytes()).unwrap().origin, staged.who.origin);
    let mut merged = Vec::new();
    log::merge(&mut [("log".to_owned(), Cursor::new(told))], &mut merged).unwrap();
    assert_eq!(
        log::Index::of(merged.as_slice()).unwrap().origin,
        staged.who.origin
    );
}

#[test]
fn a_log_of_a_described_subject_has_its_home_page() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let program = env!("CARGO_BIN_EXE_legwork");
    let description = format!(
        "name: described\nhomepage: https://example.org\nlanguage: Ada\ncommand: [{program:?}, serve]\n"
    );
    fs::write(folder.path().join("subject.yaml"), description).unwrap();
    let ended = Command::new(program)
        .args(["run", "--filter", CASE, "--subject"])
        .arg(folder.path())
        .arg("--log")
        .arg(&file)
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let origin = log::Index::of(fs::read(&file).unwrap().as_slice())
        .unwrap()
        .origin;
    assert_eq!(origin.homepage.as_deref(), Some("https://example.org"));
    assert_eq!(origin.language.as_deref(), Some("Ada"));
}
