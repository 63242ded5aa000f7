//! `legwork adapter`: a good adapter passes, each planted mistake is found and named, and what `new` writes runs.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use insta::assert_snapshot;
use rayon::prelude::*;
use serde_json::Value;

fn legwork(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_legwork"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// The exit code and the report of `adapter check` for a command line.
fn check(command: &[&str]) -> (Option<i32>, Value) {
    let arguments = [&["adapter", "check", "--json", "--"], command].concat();
    let (code, out, err) = legwork(&arguments);
    let report = serde_json::from_str(&out);
    assert!(report.is_ok(), "{command:?}: {out}{err}");
    (code, report.unwrap())
}

/// The probes of a verdict.
fn probes(report: &Value, verdict: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["verdict"] == verdict)
        .map(|finding| finding["probe"].as_str().unwrap().to_owned())
        .collect()
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_served_reference_passes_every_probe() {
    let (code, out, err) = legwork(&["adapter", "check", "--", env!("CARGO_BIN_EXE_legwork"), "serve"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    let untimed: Vec<&str> = out.lines().filter(|line| !line.contains("timing")).collect();
    assert_snapshot!(untimed.join("\n"));
}

/// Each mistake of `planted/proxy.py` with the probe that names it: that one and no other fails.
const PLANTED: [(&str, &[&str]); 30] = [
    ("SpeaksAnotherVersion", &["hello"]),
    ("MisspellsObservable", &["hello"]),
    ("CountsForItself", &["seq"]),
    ("AnswersTwice", &["one-reply"]),
    // What is misspelt does not show either.
    ("MisspellsField", &["promises", "messages"]),
    ("UpperCaseHex", &["messages"]),
    ("DecimalCodes", &["statuses"]),
    ("IgnoresPolicy", &["unknown-policy"]),
    ("IgnoresFaults", &["unknown-fault"]),
    ("DrawsOfItsOwn", &["controls"]),
    ("KeepsItsName", &["controls"]),
    ("FaultsOnUnknownRequest", &["unknown-request"]),
    ("KeepsHandles", &["reset-forgets"]),
    ("FaultsOnForeignHandle", &["never-given"]),
    ("InventsHandles", &["stale"]),
    ("AcceptsAnyone", &["wrong-secret"]),
    ("SwapsBytesOfText", &["smoke-initiator"]),
    ("SwallowsLastStatus", &["smoke-acceptor"]),
    ("TakesFirstBuffer", &["buffer-kinds"]),
    ("NoneIsAFault", &["tokens"]),
    ("DiesOfSurrogates", &["text"]),
    ("DiesOfGarbage", &["garbage"]),
    ("BreaksPromise", &["promises"]),
    ("InventsPackages", &["unknown-name"]),
    ("MisnamesSettings", &["hello"]),
    ("HonoursOnPaper", &["honours"]),
    ("MisnamesFunctions", &["hello"]),
    ("MisnamesTokens", &["hello"]),
    ("PrintsBeforeReplies", &["output"]),
    ("StaysAfterBye", &["bye"]),
];

fn planted(mistake: &str) -> (Option<i32>, Value) {
    let proxy = here("tests/planted/proxy.py").display().to_string();
    check(&["python3", &proxy, mistake, env!("CARGO_BIN_EXE_legwork"), "serve"])
}

#[test]
fn each_planted_mistake_is_found_and_named() {
    PLANTED.par_iter().for_each(|(mistake, expected)| {
        let (code, report) = planted(mistake);
        assert_eq!(probes(&report, "fail"), *expected, "{mistake}: {report:#}");
        assert_eq!(code, Some(1), "{mistake}");
    });
}

#[test]
fn the_proxy_without_a_mistake_passes() {
    let (code, report) = planted("none");
    assert_eq!((code, probes(&report, "fail").len()), (Some(0), 0), "{report:#}");
}

#[test]
fn every_mistake_of_the_proxy_is_in_the_table() {
    let proxy = std::fs::read_to_string(here("tests/planted/proxy.py")).unwrap();
    let written = proxy
        .lines()
        .filter_map(|line| line.strip_prefix("class ")?.strip_suffix("(Proxy):"));
    let listed = PLANTED.map(|(mistake, _)| mistake);
    assert_eq!(written.collect::<Vec<_>>(), listed);
}

#[test]
fn a_program_that_is_no_adapter_is_told() {
    for command in [
        &["true"][..],
        &["cat"],
        &["echo", "{\"hello\": 1}"],
        &["./no-such-program"],
    ] {
        let (code, report) = check(command);
        assert_eq!(code, Some(1), "{command:?}");
        assert_eq!(probes(&report, "fail"), ["hello"], "{command:?}: {report:#}");
    }
    let (code, _, err) = legwork(&["adapter", "check"]);
    assert_eq!(code, Some(2), "{err}");
}

/// A library for the adapter in the README: it has a first token, and refuses what comes after.
const MYSTACK: &str = r#"
VERSION = "0"
class Error(Exception): pass
class Initiator:
    complete = False
    def __init__(self, user=None, domain=None, password=None, target=None, requirements=0): self.legs = 0
    def step(self, token):
        self.legs += 1
        if self.legs > 1 or token is not None: raise Error("refused")
        return b"NTLMSSP\0\1\0\0\0\x05\x02\x08\0" + bytes(16)
"#;

#[test]
fn the_adapter_in_the_readme_makes_none_of_the_mistakes() {
    let readme = std::fs::read_to_string(here("../README.md")).unwrap();
    let (_, sample) = readme.split_once("```python\n").unwrap();
    let (adapter, _) = sample.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adapter.py");
    std::fs::write(&file, adapter).unwrap();
    std::fs::write(folder.path().join("mystack.py"), MYSTACK).unwrap();
    let (_, report) = check(&["python3", &file.display().to_string()]);
    assert_eq!(probes(&report, "fail"), ["smoke-initiator"], "{report:#}");
}
