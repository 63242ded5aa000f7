//! The judge of programs: every mistake is found by the check of its own rule, and by no other.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::{collections::BTreeSet, fs, process::Command};

use legwork::{
    caller::{self, Check, Entry, LookedAt, Trace, TraceVector},
    check::Verdict,
    suite::{Suite, rule::Binds},
    yaml::render_all,
};
use pretty_assertions::assert_eq;

fn suite() -> Suite {
    Suite::embedded().unwrap_or_else(|errors| panic!("{}", render_all(&errors, false)))
}

fn checks(suite: &Suite, text: &str) -> Vec<Check> {
    caller::judge(suite, &Trace::parse(text).unwrap())
}

/// The rules that are broken in a trace.
fn broken(suite: &Suite, vector: &TraceVector) -> BTreeSet<&'static str> {
    let checks = checks(suite, &vector.text).into_iter();
    checks.filter(Check::is_broken).map(|check| check.rule).collect()
}

#[test]
fn every_trace_breaks_its_own_rule_and_no_other() {
    let suite = suite();
    let traces = caller::traces();
    assert!(traces.len() >= 34, "{}", traces.len());
    for vector in &traces {
        let expected: BTreeSet<&str> = vector.breaks.as_deref().into_iter().collect();
        assert_eq!(
            broken(&suite, vector),
            expected,
            "{}: {}",
            vector.id,
            vector.comment
        );
    }
}

#[test]
fn every_checked_rule_for_programs_is_kept_in_one_trace_and_broken_in_another() {
    let suite = suite();
    let traces = caller::traces();
    let kept: BTreeSet<&str> = traces
        .iter()
        .filter(|vector| vector.breaks.is_none())
        .flat_map(|vector| checks(&suite, &vector.text))
        .map(|check| check.rule)
        .collect();
    let broken: BTreeSet<&str> = traces
        .iter()
        .filter_map(|vector| vector.breaks.as_deref())
        .collect();
    let bound = suite
        .rules
        .iter()
        .filter(|(_, entry)| entry.rule.binds == Binds::Caller);
    let checked = bound
        .filter(|(_, entry)| entry.is_checked())
        .map(|(id, _)| id.as_str());
    let checked: BTreeSet<&str> = checked.collect();
    assert_eq!(kept, checked);
    assert_eq!(broken, checked);
}

#[test]
fn a_finding_stands_in_the_line_of_the_call_that_it_is_about() {
    let suite = suite();
    let traces = caller::traces();
    let of = |rule: &str| {
        let vector = traces
            .iter()
            .find(|vector| vector.breaks.as_deref() == Some(rule))
            .unwrap();
        let checks = checks(&suite, &vector.text);
        let check = checks.into_iter().find(Check::is_broken).unwrap();
        (
            vector.text.lines().nth(check.line - 1).unwrap().to_owned(),
            check.message,
        )
    };
    let (line, message) = of("caller/general/send-every-token");
    assert!(line.contains("\"op\":\"initialize\""), "{line}");
    assert_eq!(message, "a token of 12 bytes was not sent");
    let (line, _) = of("caller/general/attributes-after-success");
    assert_eq!(line, "{\"looked-at\":\"attributes\"}");
    let (line, message) = of("caller/general/same-context-handle");
    assert!(line.contains("\"context\":7"), "{line}");
    assert_eq!(message, "context 7 was not given out, or is deleted");
}

#[test]
fn a_rule_that_is_no_must_warns() {
    let suite = suite();
    let traces = caller::traces();
    let rule = "caller/general/target-name-given";
    let vector = traces
        .iter()
        .find(|vector| vector.breaks.as_deref() == Some(rule))
        .unwrap();
    let verdicts: BTreeSet<Verdict> = checks(&suite, &vector.text)
        .iter()
        .map(|check| check.verdict)
        .collect();
    assert_eq!(verdicts, BTreeSet::from([Verdict::Pass, Verdict::Warn]));
}

#[test]
fn lines_that_are_none_of_a_trace_are_located() {
    let request = r#"{"seq":1,"op":"delete","context":1}"#;
    for (text, line, said) in [
        ("{", 1, "EOF while parsing"),
        ("\n\n{\"sent\":\"0\"}", 3, "sent: Odd number of digits"),
        ("{\"looked-at\":\"weather\"}", 1, "unknown variant `weather`"),
        ("{\"felt\":\"well\"}", 1, "unknown variant `felt`"),
        (
            r#"{"seq":1,"outcome":{}}"#,
            1,
            "a reply to 1, which is no open request",
        ),
        (request, 1, "a request without a reply"),
        (
            &format!("{request}\n{request}"),
            2,
            "request 1 is under way already",
        ),
        (r#"{"seq":1,"op":"invent"}"#, 1, "unknown variant `invent`"),
    ] {
        let error = Trace::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}");
        assert!(error.message.contains(said), "{text}: {error}");
    }
    let trace = Trace::parse("{\"looked-at\":\"expiry\"}").unwrap();
    let what = LookedAt::Expiry;
    assert_eq!(trace.entries, [Entry::LookedAt { line: 1, what }]);
}

#[test]
fn a_call_that_was_not_made_is_judged_by_nothing() {
    let text = r#"{"seq":1,"op":"query","context":1,"attribute":"names"}
{"seq":1,"unsupported":{"what":"query"}}"#;
    assert_eq!(checks(&suite(), text), []);
}

#[test]
fn the_command_tells_rules_and_chooses_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let traces = caller::traces();
    let judged = |breaks: Option<&str>| {
        let vector = traces
            .iter()
            .find(|vector| vector.breaks.as_deref() == breaks)
            .unwrap();
        let path = folder.path().join("trace.ndjson");
        fs::write(&path, &vector.text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        let output = command.arg("judge").arg(&path).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = judged(None);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("0 failed, 0 warned\n"), "{text}");
    let (code, text) = judged(Some("caller/general/delete-context"));
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("fail caller/general/delete-context: the context of the initiator is not deleted"),
        "{text}"
    );
    assert!(
        text.contains("A context that was given out is deleted in the end"),
        "{text}"
    );
    let (code, _) = judged(Some("caller/general/target-name-given"));
    assert_eq!(code, Some(0));
}
