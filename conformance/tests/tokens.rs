//! `legwork tokens`, on records made of the vectors.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::{fs, process::Command};

use legwork::tokens::{self, Finding, Report};
use legwork_vectors::{Vector, load};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};
use tempfile::TempDir;

fn vector(path: &str, id: &str) -> Vector {
    let groups = load(path).unwrap().groups.into_iter();
    let mut vectors = groups.flat_map(|group| group.vectors);
    vectors.find(|vector| vector.id == id).unwrap()
}

/// A record of the AUTHENTICATE message of an exchange, with everything that its recomputation needs.
fn of_exchange(id: &str) -> Value {
    let exchange = vector("exchanges/ntlm.json", id);
    let initiator = &exchange.inputs["initiator"];
    let legs = exchange.fields["legs"].as_array().unwrap();
    let leg = |token: &str| {
        let found = legs.iter().find(|leg| leg["token"] == token);
        found.map_or(Value::Null, |leg| leg["bytes"].clone())
    };
    json!({
        "id": id,
        "kind": "ntlm-authenticate",
        "token_hex": leg("authenticate"),
        "context": {
            "password": initiator["password"],
            "negotiate_hex": leg("negotiate"),
            "challenge_hex": leg("challenge"),
        },
        "ground_truth": {
            "user": initiator["user"],
            "exported_session_key": exchange.fields["secrets"]["exported_session_key"],
            "fields": { "message_type": 3, "domain": initiator["domain"], "workstation": initiator["workstation"] },
        },
        "valid": true,
        "a member that nobody knows": [1, 2],
    })
}

fn folder(records: &Value) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("records.json"), records.to_string()).unwrap();
    folder
}

fn report(records: &Value) -> Report {
    tokens::run(folder(records).path()).unwrap()
}

fn differences(report: &Report) -> Vec<String> {
    let findings = report.records.iter().flat_map(|record| &record.findings);
    let different = findings.filter_map(|finding| match finding {
        Finding::Difference { field, .. } => Some(field.clone()),
        _ => None,
    });
    different.collect()
}

fn recomputed(report: &Report) -> Vec<String> {
    let findings = report.records.iter().flat_map(|record| &record.findings);
    let equal = findings.filter_map(|finding| match finding {
        Finding::Recomputed { field } => Some(field.clone()),
        _ => None,
    });
    equal.collect()
}

#[test]
fn recomputes_every_exchange() {
    let ids: Vec<String> = (1..=5).map(|number| format!("exchanges/ntlm/{number}")).collect();
    for id in &ids {
        let report = report(&json!([of_exchange(id)]));
        assert_eq!(differences(&report), Vec::<String>::new(), "{id}");
        let equal = recomputed(&report);
        assert!(
            equal.contains(&"recomputed lm_response".to_owned()),
            "{id}: {equal:?}"
        );
        assert!(
            equal.contains(&"recomputed exported_session_key (source)".to_owned()),
            "{id}: {equal:?}"
        );
    }
}

#[test]
fn recomputes_the_code() {
    let ids = (1..=5).map(|number| format!("exchanges/ntlm/{number}"));
    let equal = ids.flat_map(|id| recomputed(&report(&json!([of_exchange(&id)]))));
    assert!(equal.into_iter().any(|field| field == "recomputed mic"));
}

#[test]
fn finds_a_wrong_secret() {
    let mut record = of_exchange("exchanges/ntlm/3");
    record["context"]["password"] = json!("another");
    let found = differences(&report(&json!([record])));
    assert!(found.contains(&"recomputed nt_proof_str".to_owned()), "{found:?}");
}

#[test]
fn finds_a_wrong_field() {
    let mut record = of_exchange("exchanges/ntlm/3");
    record["ground_truth"]["fields"]["flags"] = json!("0x00000001");
    record["ground_truth"]["tshark"] = json!({
        "ntlmssp.negotiateunicode": "0",
        "ntlmssp.auth.username": "User",
        "ntlmssp.string.length": ["12", "8", "16"],
    });
    let report = report(&json!([record]));
    let expected = ["fields.flags", "ntlmssp.negotiateunicode"];
    assert_eq!(differences(&report), expected);
    let text = report.text(false);
    assert!(
        text.contains("fields.flags: expected 0x00000001, got 0xe2888235"),
        "{text}"
    );
}

#[test]
fn ignores_a_dissector_that_stumbled() {
    let mut record = of_exchange("exchanges/ntlm/3");
    record["ground_truth"]["tshark"] = json!({ "ntlmssp.auth.username": "nobody" });
    record["ground_truth"]["tshark_malformed"] = json!(true);
    assert_eq!(differences(&report(&json!([record]))), Vec::<String>::new());
}

#[test]
fn refuses_what_must_be_refused() {
    let challenge = vector("ntlm/challenge.json", "ntlm/challenge/3").bytes.unwrap();
    let unterminated = {
        let mut token = challenge.clone();
        let length = token.len();
        token[length - 4] = 9;
        token
    };
    let no_characters = [b"NTLMSSP\0\x01\0\0\0".as_slice(), &[0; 28]].concat();
    let record = |id: &str, kind: &str, token: &[u8]| json!({ "id": id, "kind": kind, "token_hex": hex::encode(token), "valid": false });
    let refused = report(&json!([
        record("type", "ntlm-negotiate", &challenge),
        record("list", "ntlm-challenge", &unterminated),
        record("characters", "ntlm-negotiate", &no_characters),
    ]));
    assert_eq!(differences(&refused), Vec::<String>::new());
    assert_eq!(refused.counts().refused, 3);
    let text = refused.text(false);
    for part in ["wrong message type 2", "no terminator", "no common character set"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let accepted = report(&json!([record("good", "ntlm-challenge", &challenge)]));
    assert_eq!(differences(&accepted), ["valid"]);
}

#[test]
fn ends_with_the_code_that_fits() {
    let run = |records: &str| {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("records.json"), records).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        let done = command.arg("tokens").arg(folder.path()).output().unwrap();
        let told = [done.stdout, done.stderr].concat();
        (done.status.code(), String::from_utf8(told).unwrap())
    };
    let mut record = of_exchange("exchanges/ntlm/1");
    assert_eq!(run(&json!([record]).to_string()).0, Some(0));
    record["ground_truth"]["user"] = json!("Other");
    assert_eq!(run(&json!([record]).to_string()).0, Some(1));
    let (code, told) = run("[\n{\"id\": 7}]");
    assert_eq!(code, Some(2));
    assert!(told.contains("records.json") && told.contains("line 2"), "{told}");
    let (code, told) = run("[]");
    assert_eq!(code, Some(2));
    assert!(told.contains("no record of NTLM or Negotiate"), "{told}");
}

/// A record of a vector of Negotiate.
fn of_negotiate(file: &str, number: usize, kind: &str, truth: Value) -> Value {
    let path = format!("negotiate/{file}.json");
    let vector = vector(&path, &format!("negotiate/{file}/{number}"));
    json!({
        "id": vector.id, "kind": kind, "token_hex": hex::encode(vector.bytes.unwrap()), "ground_truth": truth,
        "valid": true,
    })
}

#[test]
fn decodes_tokens_of_negotiate_and_what_is_inside() {
    let first = json!({
        "fields": {
            "outer_oid": "1.3.6.1.5.5.2",
            "mech_types": ["1.3.6.1.4.1.311.2.2.10"],
            "inner_ntlm": { "message_type": 1, "flags": "0xe2088237", "domain": null },
        },
        "tshark": { "spnego.mechTypes": "1", "ntlmssp.negotiateunicode": "1", "kerberos.pvno": "5" },
    });
    let later =
        json!({ "neg_state_name": "accept-incomplete", "fields": { "neg_state": 1, "mech_list_mic": null } });
    let extended = json!({ "message_type": "INITIATOR_NEGO (0)", "sequence_num": 0, "cb_header": 96,
        "auth_schemes": ["0f".repeat(16), "a5".repeat(16)], "extensions": [] });
    let records = [
        of_negotiate("neg_token_init", 1, "spnego-init", first),
        of_negotiate("neg_token_resp", 1, "spnego-resp", later),
        of_negotiate("negoex", 1, "negoex", extended),
    ];
    let report = report(&json!(records));
    assert_eq!(differences(&report), Vec::<String>::new());
    let counts = report.counts();
    assert_eq!(
        (counts.decoded, counts.fields_equal, counts.not_comparable),
        (3, 15, 1)
    );
}

#[test]
fn finds_what_differs_in_tokens_of_negotiate() {
    let truth = json!({ "fields": { "mech_types": ["1.2.840.113554.1.2.2"], "inner_ntlm": { "flags": "0x00000001" } } });
    let mut wrong = of_negotiate("neg_token_init", 1, "spnego-init", truth);
    assert_eq!(
        differences(&report(&json!([wrong]))),
        ["fields.mech_types", "fields.inner_ntlm.flags"]
    );
    wrong = of_negotiate("neg_token_init", 1, "spnego-init", json!({}));
    wrong["valid"] = json!(false);
    assert_eq!(differences(&report(&json!([wrong]))), ["valid"]);
    wrong["kind"] = json!("spnego-resp");
    assert_eq!(
        differences(&report(&json!([wrong]))),
        Vec::<String>::new(),
        "it is refused as that"
    );
}
