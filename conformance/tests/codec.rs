//! Vectors judge a library's codec and key functions by themselves: decode, encode and derive.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

use std::{path::PathBuf, time::Duration};

use legwork::{
    check::Verdict,
    protocol::{Buffer, Hello, Outcome, Reply, ReplyLine, Request, Role},
    run::{
        case::{self, Case},
        driver::Foreign,
        spent::Spent,
        trace::End,
    },
    runner::{self, CaseResult, Options},
    serve::serve,
    subject::{
        Answer, Subject,
        description::{Description, Located},
        isolation,
        reference::{HELLO, Reference},
    },
    suite::{Suite, vectors},
};
use serde_json::{Value, json};

fn suite() -> Suite {
    Suite::embedded().unwrap()
}

fn cases<'a>(suite: &'a Suite, pattern: &str) -> Vec<Case<'a>> {
    let all = case::expand(suite).into_iter();
    let chosen: Vec<_> = all.filter(|case| case::matches(pattern, &case.id)).collect();
    assert!(!chosen.is_empty(), "{pattern}");
    chosen
}

/// Another answer than the reference's.
type Change = fn(Answer) -> Answer;

/// The reference with other answers.
struct Changed {
    reference: Reference,
    hello: Hello,
    change: Change,
}

impl Subject for Changed {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn call(&mut self, request: &Request) -> Answer {
        let answer = self.reference.call(request);
        match request {
            Request::Decode { .. } | Request::Encode { .. } | Request::Derive { .. } => (self.change)(answer),
            _ => answer,
        }
    }
}

/// One case of a vector, with a subject whose answer is changed.
fn judged_as(id: &str, role: Role, hello: Hello, change: Change) -> CaseResult {
    let suite = suite();
    let cases = cases(&suite, id);
    assert_eq!(cases.len(), 1, "{id}");
    let mut foreign = Foreign {
        subject: Box::new(Changed {
            reference: Reference::default(),
            hello,
            change,
        }),
        name: "changed".to_owned(),
        spent: Spent::default(),
    };
    runner::run_subject(&suite, &cases[0], &Options::default(), &mut foreign, role)
}

fn judged(id: &str, role: Role, change: Change) -> CaseResult {
    judged_as(id, role, HELLO.clone(), change)
}

/// Rules that failed, and what was said.
fn failures(result: &CaseResult) -> Vec<(&str, &str)> {
    let findings = result.findings.iter();
    findings
        .filter(|finding| finding.verdict.is_failure())
        .map(|finding| (finding.rule.as_str(), finding.message.as_str()))
        .collect()
}

fn outcome(answer: Answer, change: impl FnOnce(&mut Outcome)) -> Answer {
    match answer {
        Answer::Outcome(mut outcome) => {
            change(&mut outcome);
            Answer::Outcome(outcome)
        }
        other => other,
    }
}

fn value(answer: Answer, name: &str, value: Value) -> Answer {
    outcome(answer, |outcome| {
        outcome.values.insert(name.to_owned(), value);
    })
}

fn as_they_are(answer: Answer) -> Answer {
    answer
}

/// A CHALLENGE of the specification, read by an initiator.
const CHALLENGE: &str = "ntlm/vectors/decode-challenge/vector:3";
/// An AUTHENTICATE of the specification, written by an initiator.
const AUTHENTICATE: &str = "ntlm/vectors/encode-authenticate/vector:3";
const NTOWF: &str = "ntlm/vectors/derive/vector:2-ntowf-v1";

#[test]
fn the_served_reference_answers_every_vector_that_counts_for_others() {
    let suite = suite();
    let cases = cases(&suite, "ntlm/vectors");
    isolation::install(PathBuf::from(env!("CARGO_BIN_EXE_legwork")));
    let served = Located {
        description: Description {
            name: "reference".to_owned(),
            command: vec![env!("CARGO_BIN_EXE_legwork").to_owned(), "serve".to_owned()],
            ..Description::default()
        },
        ..Located::default()
    };
    let options = Options {
        deadline: Duration::from_secs(20),
        ..Options::default()
    };
    let run = runner::run_foreign(&suite, &cases, &options, &served, &Role::BOTH, |_| {}).unwrap();
    let results = run.results;
    let mut rules = std::collections::BTreeMap::new();
    for result in &results {
        let expected = match &result.trace.end {
            End::NotApplicable(_) => Verdict::NotApplicable,
            _ => Verdict::Pass,
        };
        assert_eq!(result.verdict, expected, "{} {:?}", result.key(), result.findings);
        let own = result
            .findings
            .iter()
            .filter(|finding| finding.rule.starts_with("codec/"));
        own.for_each(|finding| *rules.entry(finding.rule.clone()).or_insert(0) += 1);
    }
    // Every malformed vector is our own work, so no other implementation is held to it.
    let names: Vec<_> = rules.into_keys().collect();
    assert_eq!(
        names,
        ["codec/ntlm/decodes", "codec/ntlm/derives", "codec/ntlm/encodes"]
    );
}

#[test]
fn what_a_library_shows_must_be_what_the_vector_has() {
    let flags = |answer| value(answer, "flags", json!("0x00000001"));
    let nested = |answer| value(answer, "version", json!({"major": 5}));
    let shorter = |answer| value(answer, "target_info", json!([]));
    let nothing = |answer| outcome(answer, |outcome| outcome.values.clear());
    let unknown = |answer| {
        outcome(answer, |outcome| {
            outcome.values = [("Flags".to_owned(), json!("0xe28a8233"))].into();
        })
    };
    let changes: [(Change, &str); 5] = [
        (flags, "flags: expected \"0xe28a8233\", got \"0x00000001\""),
        (nested, "version.major: expected 6, got 5"),
        (shorter, "target_info: expected"),
        (nothing, "no field of the vector is shown"),
        (unknown, "no field of the vector is shown"),
    ];
    for (change, said) in changes {
        let result = judged(CHALLENGE, Role::Initiator, change);
        let [("codec/ntlm/decodes", message)] = failures(&result)[..] else {
            panic!("{said}: {:?}", result.findings);
        };
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn what_a_library_does_not_show_is_not_judged() {
    let one = |answer| {
        outcome(answer, |outcome| {
            outcome.values.retain(|name, _| name == "server_challenge");
        })
    };
    let partly = |answer| value(answer, "version", json!({"minor": 0}));
    let changes: [Change; 3] = [as_they_are, one, partly];
    for change in changes {
        let result = judged(CHALLENGE, Role::Initiator, change);
        assert_eq!(result.verdict, Verdict::Pass, "{:?}", result.findings);
    }
}

#[test]
fn a_token_must_have_the_fields_in_whatever_layout() {
    let longer = |answer| outcome(answer, |outcome| outcome.buffers[0].bytes.push(0));
    let result = judged(AUTHENTICATE, Role::Initiator, longer);
    assert_eq!(result.verdict, Verdict::Pass, "{:?}", result.findings);
    let flipped = |answer| outcome(answer, |outcome| outcome.buffers[0].bytes[60] ^= 0x40);
    let cut = |answer| outcome(answer, |outcome| outcome.buffers[0].bytes.truncate(40));
    let none = |answer| outcome(answer, |outcome| outcome.buffers.clear());
    let data = |answer| outcome(answer, |outcome| outcome.buffers = vec![Buffer::new(1, b"NTLM")]);
    let changes: [(Change, &str); 4] = [
        (flipped, "flags: expected"),
        (cut, "the token cannot be read"),
        (none, "no token came"),
        (data, "no token came"),
    ];
    for (change, said) in changes {
        let result = judged(AUTHENTICATE, Role::Initiator, change);
        let [("codec/ntlm/encodes", message)] = failures(&result)[..] else {
            panic!("{said}: {:?}", result.findings);
        };
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn a_value_must_be_the_known_one_in_either_role() {
    let other = |answer| value(answer, "value", json!("a4f49c406510bdcab6824ee7c30fd853"));
    let none = |answer| outcome(answer, |outcome| outcome.values.clear());
    let changes: [Change; 2] = [other, none];
    for role in Role::BOTH {
        for change in changes {
            let result = judged(NTOWF, role, change);
            let failed: Vec<_> = failures(&result).into_iter().map(|(rule, _)| rule).collect();
            assert_eq!(failed, ["codec/ntlm/derives"], "{:?}", result.findings);
        }
        assert_eq!(judged(NTOWF, role, as_they_are).verdict, Verdict::Pass);
    }
}

/// A refusal of a good token, in a status of the library.
fn refused(answer: Answer) -> Answer {
    outcome(answer, |outcome| {
        outcome.status.as_mut().unwrap().code = "0x80090308".to_owned();
        outcome.values.clear();
    })
}

#[test]
fn a_good_token_must_be_taken() {
    let result = judged(CHALLENGE, Role::Initiator, refused);
    let rules: Vec<_> = failures(&result).into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["codec/ntlm/decodes"], "{:?}", result.findings);
}

#[test]
fn a_malformed_token_of_our_own_proves_nothing_but_must_not_kill() {
    let id = "ntlm/vectors/refuse-challenge/vector:31-bad-signature";
    let taken = |answer| {
        outcome(answer, |outcome| {
            outcome.status.as_mut().unwrap().code = "0x00000000".to_owned();
        })
    };
    let dead = |_| Answer::Crash("signal 11".to_owned());
    let undocumented = |answer| {
        outcome(answer, |outcome| {
            outcome.status.as_mut().unwrap().code = "0xdeadbeef".to_owned();
        })
    };
    let changes: [(Change, Verdict); 4] = [
        (as_they_are, Verdict::NotApplicable),
        (taken, Verdict::NotApplicable),
        (dead, Verdict::Crash),
        (undocumented, Verdict::Fail),
    ];
    for (change, verdict) in changes {
        assert_eq!(judged(id, Role::Initiator, change).verdict, verdict);
    }
}

#[test]
fn what_is_declared_and_refused_is_unsupported_and_so_is_what_is_not_declared() {
    let refuses = |_| {
        Answer::Unsupported(legwork::protocol::Unsupported {
            what: "derive:ntowf-v1".to_owned(),
            link: None,
        })
    };
    assert_eq!(
        judged(NTOWF, Role::Acceptor, refuses).verdict,
        Verdict::Unsupported
    );
    let mut hello = HELLO.clone();
    for drive in &mut hello.drives {
        drive.derive.retain(|name| name != "ntowf-v1");
    }
    let result = judged_as(NTOWF, Role::Acceptor, hello, as_they_are);
    assert_eq!(result.verdict, Verdict::Unsupported);
    let asked = result
        .trace
        .events
        .iter()
        .any(|event| event.side == Role::Acceptor && matches!(event.request, Request::Derive { .. }));
    assert!(!asked, "what is not declared is not asked for");
}

/// What the served reference replies to one request.
fn reply(request: &Value) -> Reply {
    let mut out = Vec::new();
    serve(format!("{request}\n").as_bytes(), &mut out).unwrap();
    serde_json::from_slice::<ReplyLine>(&out).unwrap().reply
}

#[test]
fn a_request_that_cannot_be_understood_is_a_fault() {
    let hash = json!("00000000000000000000000000000000");
    for (request, said) in [
        (
            json!({"op": "decode", "token": "chalenge", "bytes": ""}),
            "no token of `ntlm` is called `chalenge`",
        ),
        (
            json!({"op": "encode", "token": "keys", "values": {}}),
            "no token of `ntlm` is called `keys`",
        ),
        (
            json!({"op": "encode", "token": "challenge", "values": {}}),
            "`flags` is missing",
        ),
        (
            json!({"op": "derive", "function": "ntowf-v3", "values": {}}),
            "no function is called `ntowf-v3`",
        ),
        (
            json!({"op": "derive", "function": "ntowf-v1", "values": {}}),
            "`password` is missing",
        ),
        (
            json!({"op": "derive", "function": "session-base-key-v1", "values": {"ntowf_v1": "00"}}),
            "`ntowf_v1` has 1 bytes, not 16",
        ),
        (
            json!({"op": "derive", "function": "signing-key",
                "values": {"exported_session_key": hash, "side": "client"}}),
            "there is no side \"client\"",
        ),
        (
            json!({"op": "encode", "token": "av_pair", "values": {"pairs": [{"id": 1, "text": "A"}]}}),
            "end mark",
        ),
    ] {
        let mut request = request;
        request["seq"] = json!(1);
        request["package"] = json!("ntlm");
        let Reply::Fault { message } = reply(&request) else {
            panic!("{request}");
        };
        assert!(message.contains(said), "{request}: {message}");
    }
    let other = json!({"seq": 1, "op": "decode", "package": "kerberos", "token": "challenge", "bytes": ""});
    assert!(matches!(reply(&other), Reply::Fault { .. }));
}

#[test]
fn the_reference_writes_the_usual_layout_to_the_byte() {
    let suite = suite();
    let mut reference = Reference::default();
    let mut count = 0;
    for case in cases(&suite, "ntlm/vectors/encode-*") {
        let known = case.vector("vector").unwrap();
        let answer = reference.call(&Request::Encode {
            package: "ntlm".to_owned(),
            token: known.token().to_owned(),
            values: known.vector.fields.clone(),
        });
        let token = &answer.outcome().unwrap().buffers[0].bytes;
        let expected = vectors::bytes(&known.vector.id).unwrap();
        assert_eq!(hex::encode(token), hex::encode(expected), "{}", known.vector.id);
        count += 1;
    }
    assert!(count > 40, "{count}");
}
