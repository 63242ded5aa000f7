//! What `legwork inspect` shows: of ordinary tokens, of broken ones, and of anything else without a panic.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

#[path = "inspect/input.rs"]
mod input;
#[path = "inspect/properties.rs"]
mod properties;
#[path = "inspect/spnego.rs"]
mod spnego;
#[path = "inspect/tokens.rs"]
mod tokens;
#[path = "inspect/warnings.rs"]
mod warnings;

use std::ops::Range;

use legwork::{
    inspect::{Format, Input, Kind, command, fields, fields_as, inspect, inspect_as, json, text::tree},
    render,
};
use legwork_engine::ntlm::messages::{AvId, Challenge, NegotiateFlags};
use legwork_vectors::{Outcome, Vector};
use pretty_assertions::assert_eq;

use tokens::{authenticate, challenge, negotiate, pairs, utf16};

fn value_of(fields: &[(String, String, Range<usize>)], path: &str) -> Option<String> {
    let mut found = fields.iter().filter(|(field, ..)| field == path);
    found.next().map(|(_, value, _)| value.clone())
}

#[test]
fn shows_a_negotiate() {
    insta::assert_snapshot!(tree(&inspect(&negotiate().emit()), false));
}

#[test]
fn shows_a_challenge() {
    insta::assert_snapshot!(tree(&inspect(&challenge().emit()), false));
}

#[test]
fn shows_an_authenticate() {
    insta::assert_snapshot!(tree(&inspect(&authenticate().emit()), false));
}

#[test]
fn shows_a_negotiate_whose_name_points_behind_the_end() {
    let mut message = negotiate();
    message.flags |= NegotiateFlags::TARGET_TYPE_SERVER | NegotiateFlags::OEM_WORKSTATION_SUPPLIED;
    let mut token = message.emit();
    token.truncate(44);
    insta::assert_snapshot!(tree(&inspect(&token), false));
}

#[test]
fn shows_a_challenge_with_a_broken_list() {
    let mut info = pairs();
    info.push(AvId(77), b"?");
    info.push(AvId::NB_DOMAIN_NAME, &[0x3d, 0xd8]);
    info.push(AvId::DNS_TREE_NAME, b"odd");
    info.push(AvId::TIMESTAMP, b"short");
    let mut info = info.terminate();
    info.truncate(info.len() - 5);
    let message = Challenge {
        target_info: info.into(),
        reserved: [9; 8],
        ..challenge()
    };
    insta::assert_snapshot!(tree(&inspect(&message.emit()), false));
}

#[test]
fn shows_an_authenticate_that_is_cut_off() {
    let mut token = authenticate().emit();
    token.truncate(200);
    insta::assert_snapshot!(tree(&inspect(&token), false));
}

#[test]
fn shows_colour_only_when_asked() {
    let inspection = inspect(&negotiate().emit()[..30]);
    let plain = tree(&inspection, false);
    let coloured = tree(&inspection, true);
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[31m"));
    let parts = coloured.split('\u{1b}').enumerate();
    let stripped: String = parts
        .map(|(index, part)| {
            if index == 0 {
                part
            } else {
                part.split_once('m').unwrap().1
            }
        })
        .collect();
    assert_eq!(stripped, plain);
}

#[test]
fn text_of_a_token_cannot_steer_the_terminal() {
    let message = Challenge {
        target_name: utf16("\u{1b}[2J\n").into(),
        ..challenge()
    };
    let shown = tree(&inspect(&message.emit()), false);
    assert!(shown.contains(r#""\u{1b}[2J\n""#), "{shown}");
}

#[test]
fn shows_a_message_inside_another_token() {
    let mut token = vec![0x60, 0x30];
    token.extend(negotiate().emit());
    let shown = tree(&inspect(&token), false);
    assert!(shown.contains("begins as a GSS-API token does"), "{shown}");
    assert!(shown.contains("NEGOTIATE_MESSAGE"), "{shown}");
    let found = fields(&token);
    assert_eq!(value_of(&found, "domain").as_deref(), Some("DOMAIN"));
    let domain = found.iter().find(|(path, ..)| path == "domain").unwrap();
    assert_eq!(&token[domain.2.clone()], b"DOMAIN");
}

#[test]
fn shows_a_signature_when_asked_for() {
    let token = [1u32, 0xddcc_bbaa, 0x1122_3344, 7].map(u32::to_le_bytes).concat();
    assert_eq!(inspect(&token).kind, Kind::Unknown);
    assert!(inspect(&token).is_malformed());
    let found = fields_as(Kind::Signature, &token);
    assert_eq!(value_of(&found, "version").as_deref(), Some("0x00000001"));
    assert_eq!(value_of(&found, "checksum").as_deref(), Some("aabbccdd44332211"));
    assert_eq!(value_of(&found, "sequence").as_deref(), Some("0x00000007"));
    assert!(inspect_as(Kind::Signature, &token[..15]).is_malformed());
}

#[test]
fn fields_have_the_paths_of_scenarios() {
    let lists = [negotiate().emit(), challenge().emit(), authenticate().emit()].map(|token| {
        let shown = fields(&token).into_iter().map(|(path, value, range)| {
            let value = if value.len() > 40 { "…".to_owned() } else { value };
            format!("{path} = {value:?} at {range:?}")
        });
        shown.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(lists.join("\n\n"));
}

#[test]
fn an_empty_field_has_the_range_of_its_descriptor() {
    let found = fields(&negotiate().emit());
    assert!(found.contains(&("workstation".to_owned(), String::new(), 24..32)));
}

#[test]
fn json_has_a_stable_shape() {
    let token = challenge().emit();
    let report = serde_json::to_value(json::report(Kind::Challenge, &token)).unwrap();
    insta::assert_json_snapshot!(report);
}

#[test]
fn json_obeys_its_schema() {
    let schema = serde_json::to_value(json::schema()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let mut broken = authenticate().emit();
    broken.truncate(150);
    for token in [negotiate().emit(), authenticate().emit(), broken, b"?".to_vec()] {
        let report = serde_json::to_value(json::report(inspect(&token).kind, &token)).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn diff_of_the_same_token_is_empty() {
    let token = authenticate().emit();
    assert_eq!(render::decoded_diff(&token, &token), "no difference\n");
}

#[test]
fn diff_shows_fields_flags_and_layout() {
    let mut other = authenticate();
    other.flags.remove(NegotiateFlags::SEAL);
    other.flags |= NegotiateFlags::IDENTIFY;
    other.user = utf16("Usher").into();
    other.workstation = b"".as_slice().into();
    other.encrypted_session_key = vec![0x34; 16].into();
    insta::assert_snapshot!(render::decoded_diff(&authenticate().emit(), &other.emit()));
}

#[test]
fn diff_of_two_kinds_says_so() {
    let shown = render::decoded_diff(&negotiate().emit(), &challenge().emit());
    assert!(shown.starts_with("expected NEGOTIATE_MESSAGE, actual CHALLENGE_MESSAGE\n"));
}

#[test]
fn hex_marks_ranges() {
    let token = negotiate().emit();
    let marks = [
        (12..16, "flags"),
        (28..40, "over two lines"),
        (46..46, "end"),
        (90..99, "outside"),
    ];
    insta::assert_snapshot!(render::annotated_hex(&token, &marks));
}

#[test]
fn hex_of_a_long_token_leaves_lines_out() {
    let shown = render::annotated_hex(&vec![0xaa; 4096], &[(2048..2050, "here")]);
    assert_eq!(shown.lines().count(), 8, "{shown}");
    assert_eq!(shown.matches('…').count(), 2);
}

#[test]
fn hex_of_one_field_is_named_by_its_path() {
    let shown = render::field_hex(&challenge().emit(), "server-challenge");
    assert!(
        shown.contains("^^^^^^^^^^^^^^^^^^^^^^^ server-challenge\n"),
        "{shown}"
    );
}

fn vectors(token: &str) -> Vec<Vector> {
    let file = legwork_vectors::load(&format!("{token}.json")).unwrap();
    file.groups.into_iter().flat_map(|group| group.vectors).collect()
}

#[test]
fn agrees_with_the_vector_files() {
    for (token, kind) in [
        ("ntlm/negotiate", Kind::Negotiate),
        ("ntlm/challenge", Kind::Challenge),
        ("ntlm/authenticate", Kind::Authenticate),
        ("ntlm/av_pair", Kind::AvPairs),
        ("negotiate/neg_token_init", Kind::NegTokenInit),
        ("negotiate/neg_token_init2", Kind::NegTokenInit2),
        ("negotiate/neg_token_resp", Kind::NegTokenResp),
        ("negotiate/negoex", Kind::Negoex),
    ] {
        for vector in vectors(token) {
            let bytes = vector.bytes.unwrap();
            let report = json::report(kind, &bytes);
            if vector.result == Outcome::Valid {
                let expected = serde_json::Value::Object(vector.fields);
                assert_eq!(report.fields, Some(expected), "{}", vector.id);
                continue;
            }
            // What is wrong with a semantic vector only shows beside keys and other messages, or breaks a rule.
            let semantic = vector.flags.contains(&"semantic".to_owned());
            let warned = inspect_as(kind, &bytes)
                .warnings()
                .any(|warning| warning.rule.is_some());
            assert!(report.malformed || warned || semantic, "{}", vector.id);
        }
    }
}

#[test]
fn the_command_writes_every_format() {
    let input = Input::Text(hex::encode(negotiate().emit()));
    let text = command(&input, Format::Text, None, false).unwrap();
    assert_eq!(text, tree(&inspect(&negotiate().emit()), false));
    let json: serde_json::Value =
        serde_json::from_str(&command(&input, Format::Json, None, false).unwrap()).unwrap();
    assert_eq!(json["fields"]["domain"], "DOMAIN");
    insta::assert_snapshot!(command(&input, Format::Hex, None, false).unwrap());
    let other = command(&input, Format::Text, Some(Kind::Challenge), false).unwrap();
    assert!(other.contains("wrong message type 1"), "{other}");
}
