//! Subjects whose tokens travel in header fields of HTTP, and subjects that show nothing but tokens.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

use std::{fs, path::Path, process::Command};

use serde_json::Value;

const GOOD: &str = "ntlm/good/default";
const WRONG_SECRET: &str = "ntlm/credentials/wrong-password/who:plain/secret:other";
const MALFORMED: &str = "ntlm/malformed/challenge/defect:cut-at-8";

/// Runs cases with the reference behind HTTP, changed by words; the summary.
fn run(words: &[&str], filters: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layers/http.py");
    let mut command = vec![
        "python3".to_owned(),
        "-B".to_owned(),
        script.display().to_string(),
    ];
    command.push(env!("CARGO_BIN_EXE_legwork").to_owned());
    command.extend(words.iter().map(|word| (*word).to_owned()));
    let description = format!("name: header\ncommand: {}\n", serde_json::json!(command));
    fs::write(folder.path().join("subject.yaml"), description).unwrap();
    let mut legwork = Command::new(env!("CARGO_BIN_EXE_legwork"));
    legwork.args(["run", "--json", "--subject"]).arg(folder.path());
    for filter in filters {
        legwork.args(["--filter", filter]);
    }
    let output = legwork.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| said.into())
}

#[test]
fn tokens_travel_in_header_fields() {
    let summary = run(&[], &[GOOD]);
    assert_eq!(summary["cases"], serde_json::json!({"pass": 2}), "{summary:#}");
}

#[test]
fn what_is_no_header_field_is_not_the_message_that_is_due() {
    let summary = run(&["mangled"], &[&format!("{GOOD}@initiator")]);
    assert_eq!(
        summary["failures"][0]["rule"], "wire/ntlm/message-due",
        "{summary:#}"
    );
}

#[test]
fn a_silent_subject_completes() {
    let summary = run(&["silent"], &[GOOD]);
    assert_eq!(summary["cases"], serde_json::json!({"pass": 2}), "{summary:#}");
}

#[test]
fn a_silent_subject_may_tell_its_key() {
    let summary = run(&["silent", "keyed"], &[GOOD]);
    assert_eq!(summary["cases"], serde_json::json!({"pass": 2}), "{summary:#}");
}

/// That nothing came is no proof that a token was refused.
#[test]
fn silence_is_never_taken_for_a_refusal() {
    let refused = |key: &str| {
        let all = run(&["silent"], &[key]);
        assert_eq!(all["failures"], serde_json::json!([]), "{all:#}");
        let checks = all["checks"]["not-applicable"].as_u64();
        assert!(checks > Some(0), "{all:#}");
    };
    refused(&format!("{WRONG_SECRET}@acceptor"));
    refused(&format!("{MALFORMED}@initiator"));
}

#[test]
fn a_silent_subject_that_goes_on_has_not_refused() {
    let summary = run(&["silent", "careless"], &[&format!("{MALFORMED}@initiator")]);
    let failures = summary["failures"].as_array().unwrap().iter();
    let said: Vec<&str> = failures
        .filter_map(|failure| failure["message"].as_str())
        .collect();
    assert!(
        said.iter()
            .any(|said| said.ends_with("got a token from the initiator")),
        "{summary:#}"
    );
}

#[test]
fn who_shows_no_protection_is_asked_for_none() {
    let all = run(&["silent", "unprotected"], &[GOOD]);
    assert_eq!(all["cases"], serde_json::json!({"pass": 2}), "{all:#}");
    let shown = run(&["unprotected"], &[GOOD]);
    assert_eq!(shown["cases"], serde_json::json!({"unsupported": 2}), "{shown:#}");
}
