//! The program: what it writes, and how it ends.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod numbers;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use insta::assert_snapshot;

use numbers::without_numbers;

fn legwork(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("NO_COLOR");
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = legwork(arguments).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("it writes UTF-8");
    (status.code(), text(stdout), text(stderr))
}

/// A copy of the suite's own files.
fn copy_of_suite(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["mappings", "rules", "scenarios"] {
        copy(&root.join(folder), &to.join(folder));
    }
    for file in ["errata.yaml", "saboteurs.yaml"] {
        fs::copy(root.join(file), to.join(file)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target)
        } else {
            fs::copy(&path, &target).map(|_| ()).unwrap()
        }
    }
}

#[test]
fn a_filter_chooses_cases() {
    let (code, out, err) = run(&["run", "--filter", "ntlm/bindings/match"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_snapshot!(without_numbers(&out));
    let (code, listed, _) = run(&["run", "--filter", "ntlm/bindings/match", "--list"]);
    assert_eq!(code, Some(0));
    assert_eq!(listed, run(&["list", "ntlm/bindings/match"]).1);
    assert_snapshot!("list", listed);
}

#[test]
fn a_filter_that_matches_nothing_is_an_error() {
    let (code, out, err) = run(&["run", "--filter", "ntlm", "--filter", "ntlm/nothing"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_snapshot!(err);
}

#[test]
fn a_broken_suite_shows_every_error_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    copy_of_suite(folder.path());
    let wrong = "title: x\npackage: ntlm\nscenarios:\n  a:\n    text: x\n    stepz: []\n";
    fs::write(folder.path().join("scenarios/ntlm/a-broken.yaml"), wrong).unwrap();
    let unknown = "title: y\npackage: ntlm\nscenarios:\n  b:\n    text: y\n    steps:\n      - legs: 3\n      \
                   - accept: {expect: {rule: asc/ntlm/no-such-rule, status: [SEC_E_OKAY]}}\n";
    fs::write(folder.path().join("scenarios/ntlm/b-broken.yaml"), unknown).unwrap();
    let (code, out, err) = run(&["run", "--suite", &folder.path().display().to_string()]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert_snapshot!(err.replace(&folder.path().display().to_string(), "DIR"));
}

#[test]
fn an_empty_suite_is_no_green() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = run(&["run", "--suite", &folder.path().display().to_string()]);
    assert_eq!(code, Some(2));
    assert!(err.contains("no scenario"), "{err}");
}

#[test]
fn the_reference_behind_the_protocol_passes_in_both_roles() {
    let folder = tempfile::tempdir().unwrap();
    let command = format!(
        "name: reference\ncommand: [{:?}, serve]\n",
        env!("CARGO_BIN_EXE_legwork")
    );
    fs::write(folder.path().join("subject.yaml"), command).unwrap();
    let subject = folder.path().display().to_string();
    let log = folder.path().join("run.log").display().to_string();
    let (code, out, err) = run(&[
        "run",
        "--filter",
        "ntlm/good",
        "--subject",
        &subject,
        "--log",
        &log,
        "--jobs",
        "2",
    ]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert_snapshot!(without_numbers(&out));
    let (code, digest, _) = run(&["log", "summary", &log]);
    assert_eq!(code, Some(0));
    assert!(
        !digest.contains("interrupted") && digest.contains(" pass"),
        "{digest}"
    );
}

#[test]
fn an_adapter_that_does_not_start_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("subject.yaml"),
        "name: gone\ncommand: [./gone]\nsetup: [[make]]\n",
    )
    .unwrap();
    let (code, out, err) = run(&["run", "--subject", &folder.path().display().to_string()]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.contains("adapter-fault: gone") && err.contains("--setup"),
        "{err}"
    );
    let (code, _, err) = run(&["run", "--subject", "no/such/place"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("no/such/place"), "{err}");
}

#[test]
fn json_is_all_that_goes_to_the_standard_output() {
    let (code, out, _) = run(&["run", "--filter", "ntlm/good/default", "--json"]);
    assert_eq!(code, Some(0));
    let summary: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["good"], true);
    assert_eq!(summary["failures"].as_array().unwrap().len(), 0);
}

#[test]
fn repro_writes_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("case");
    let (code, _, _) = run(&["repro", "ntlm/good/default", "--out", &out.display().to_string()]);
    assert_eq!(code, Some(0));
    for file in [
        "README.md",
        "case.json",
        "trace.jsonl",
        "requests-initiator.jsonl",
        "requests-acceptor.jsonl",
    ] {
        assert!(out.join(file).is_file(), "{file}");
    }
    let (code, _, err) = run(&["repro", "ntlm/good/never"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("legwork list"), "{err}");
}

#[test]
fn a_text_that_is_no_token_is_an_error() {
    let (code, _, err) = run(&["inspect", "?!"]);
    assert_eq!(code, Some(2));
    assert!(err.starts_with("legwork: "), "{err}");
}

#[cfg(target_os = "linux")]
fn full() -> fs::File {
    fs::OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn whatever_reads_or_writes_logs_tells_of_a_full_disk() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log").display().to_string();
    assert_eq!(
        run(&["run", "--filter", "ntlm/good/default", "--log", &log]).0,
        Some(0)
    );
    for arguments in [
        vec!["merge", &log],
        vec!["merge", &log, "--out", "/dev/full"],
        vec!["diff", &log, &log],
        vec!["log", "summary", &log],
        vec!["run", "--filter", "ntlm/good/default", "--json"],
    ] {
        let ended = legwork(&arguments).stdout(full()).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert!(
            told.contains("cannot write to") && !told.contains("panicked"),
            "{arguments:?}: {told}"
        );
    }
    let (code, _, told) = run(&["merge", &log, "--out", &log]);
    assert_eq!(code, Some(2), "{told}");
    assert_eq!(
        run(&["log", "summary", &log]).0,
        Some(0),
        "the log is still there"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_a_closed_pipe_end_with_a_message() {
    let ended = legwork(&["list"]).stdout(full()).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("cannot write to the standard output"));
    let ended = legwork(&["list"]).stdout(full()).stderr(full()).output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let ended = legwork(&["run", "--filter", "ntlm/good/default", "--log", "/dev/full"])
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&ended.stderr).contains("panicked"));
    let mut child = legwork(&["list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("Broken pipe"));
}

#[test]
fn the_token_in_the_readme_is_decoded_as_it_stands_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let (_, sample) = readme.split_once("$ legwork inspect ").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    let (token, decoded) = sample.split_once('\n').unwrap();
    assert_eq!(run(&["inspect", token]).1, decoded);
}
