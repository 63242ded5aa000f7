//! A subject in two versions, with the known deviations of one: a run of the other, a comparison, and an update of the
//! file say exactly what has changed.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with a suite of three cases, and a subject whose version 2.0 is at home in it.
struct Stage {
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        let stage = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in ["mappings", "rules"] {
            copy(&root.join(part), &stage.path("suite").join(part));
        }
        for (from, to) in [
            ("errata.yaml", "suite/errata.yaml"),
            ("saboteurs.yaml", "suite/saboteurs.yaml"),
            ("tests/versions/scenarios.yaml", "suite/scenarios/ntlm/good.yaml"),
            ("tests/versions/adapter.py", "moving/adapter.py"),
            ("tests/versions/expectations.yaml", "moving/expectations.yaml"),
        ] {
            let to = stage.path(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(root.join(from), to).unwrap();
        }
        let description = format!(
            "name: moving\nversion: \"2.0\"\npins: [pinned]\ncommand: [python3, -B, adapter.py, {:?}]\n",
            env!("CARGO_BIN_EXE_legwork")
        );
        fs::write(stage.path("moving/subject.yaml"), description).unwrap();
        fs::write(stage.path("moving/pinned"), "2.0\n").unwrap();
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Exit code and output of a run of the whole suite.
    fn run(&self, subject: &str, more: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        command.current_dir(self.folder.path());
        command
            .args(["run", "--suite", "suite", "--subject", subject])
            .args(more);
        let output = command.env_remove("LEGWORK_PRELOAD").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }

    fn summary(&self, subject: &str, more: &[&str]) -> (Option<i32>, Value) {
        let (code, said) = self.run(subject, &[&["--json"], more].concat());
        (
            code,
            serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}")),
        )
    }

    /// Exit code of a comparison, and what has changed: kind and rule.
    fn diff(&self, old: &str, new: &str) -> (Option<i32>, Vec<(String, String)>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        command.current_dir(self.folder.path());
        let output = command
            .args(["diff", old, new, "--format", "json"])
            .output()
            .unwrap();
        let diff: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let changes = diff["changes"].as_array().unwrap().iter();
        let mut changes: Vec<_> = changes
            .map(|change| (text(&change["kind"]), text(&change["rule"])))
            .collect();
        changes.sort();
        changes.dedup();
        (output.status.code(), changes)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// The rules of failures that no entry answers for.
fn unexpected(summary: &Value) -> Vec<&str> {
    let failures = summary["failures"].as_array().unwrap().iter();
    let failures = failures.filter(|failure| failure["expected"] != json!(true));
    failures.filter_map(|failure| failure["rule"].as_str()).collect()
}

const GRANTED: [&str; 4] = [
    "isc/ntlm/confidentiality-granted",
    "isc/ntlm/integrity-granted",
    "isc/ntlm/replay-detect-granted",
    "isc/ntlm/sequence-detect-granted",
];

#[test]
fn known_deviations_of_one_version_tell_what_is_different_in_another() {
    let stage = Stage::new();
    let (code, summary) = stage.summary("moving", &[]);
    assert_eq!((code, unexpected(&summary)), (Some(0), Vec::new()));
    let (code, summary) = stage.summary("moving@1.0", &[]);
    assert_eq!(
        (code, unexpected(&summary)),
        (Some(1), vec!["isc/ntlm/invalid-token"])
    );
    assert_eq!(
        summary["doubts"],
        json!([
            "The known deviations were seen with moving 2.0, and this is moving 1.0: what differs is 1 unexpected failure \
             of 1 rule, 5 expectations out of date."
        ])
    );
    let (_, report) = stage.run("moving@1.0", &[]);
    assert!(
        report.contains("  changed-shape  isc/ntlm/invalid-token as initiator"),
        "{report}"
    );
    for rule in GRANTED {
        let line = format!("  unexpected-pass  {rule} as initiator\n");
        assert!(report.contains(&line), "{report}");
    }
    assert!(!report.contains("asc/ntlm/unknown-user"), "{report}");
}

#[test]
fn a_comparison_of_two_versions_tells_what_is_different() {
    let stage = Stage::new();
    for (subject, log) in [("moving@1.0", "old"), ("moving", "new")] {
        stage.run(subject, &["--log", log]);
    }
    let of = |kind: &str| GRANTED.map(|rule| (kind.to_owned(), rule.to_owned()));
    let changed = ("changed".to_owned(), "isc/ntlm/invalid-token".to_owned());
    let forward = [vec![changed.clone()], of("newly-failing").to_vec()].concat();
    assert_eq!(stage.diff("old", "new"), (Some(1), forward));
    let back = [vec![changed], of("newly-passing").to_vec()].concat();
    assert_eq!(stage.diff("new", "old"), (Some(0), back));
    assert_eq!(stage.diff("new", "new"), (Some(0), Vec::new()));
}

#[test]
fn an_update_brings_known_deviations_to_another_version() {
    let stage = Stage::new();
    let home = stage.path("moving/expectations.yaml");
    let before = fs::read_to_string(&home).unwrap();
    fs::write(stage.path("copy.yaml"), &before).unwrap();
    let copied = ["--expectations", "copy.yaml"];
    let (code, _) = stage.run("moving@1.0", &[&copied[..], &["--update-expectations"]].concat());
    assert_eq!(code, Some(1));
    let after = fs::read_to_string(stage.path("copy.yaml")).unwrap();
    let start = before.find("  - rule: isc/ntlm/integrity-granted").unwrap();
    let expected = before[..start]
        .replace("moving 2.0", "moving 1.0")
        .replace("of the token.\"\n", "of the token.\"\n    versions: [\"2.0\"]\n");
    let (kept, new) = after.split_at(expected.len().min(after.len()));
    assert_eq!(kept, expected);
    assert!(
        new.starts_with("  - rule: isc/ntlm/invalid-token # 1 check, 1 case\n")
            && new.matches("rule:").count() == 1,
        "{new}"
    );
    let (code, report) = stage.run("moving@1.0", &copied);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(fs::read_to_string(&home).unwrap(), before);
}
