//! What `legwork inspect` shows: of ordinary tokens, of broken ones, and of anything else without a panic.

use std::ops::Range;

use legwork::{
    inspect::{
        CITED, Format, Input, InputError, Inspection, Kind, Node, command, fields, fields_as, inspect, inspect_as, json,
        read_input,
        text::tree,
    },
    render,
};
use legwork_engine::{
    codec::utf16::Text,
    ntlm::messages::{
        Authenticate, AvId, AvPairs, AvPairsBuf, Challenge, ClientChallenge, Negotiate, NegotiateFlags, NtlmV2Response,
        Version,
    },
};
use legwork_vectors::{Outcome, Vector};
use pretty_assertions::assert_eq;
use proptest::prelude::*;

const AGREED: NegotiateFlags = NegotiateFlags::UNICODE
    .union(NegotiateFlags::REQUEST_TARGET)
    .union(NegotiateFlags::SIGN)
    .union(NegotiateFlags::SEAL)
    .union(NegotiateFlags::NTLM)
    .union(NegotiateFlags::ALWAYS_SIGN)
    .union(NegotiateFlags::EXTENDED_SESSIONSECURITY)
    .union(NegotiateFlags::VERSION)
    .union(NegotiateFlags::NEGOTIATE_128)
    .union(NegotiateFlags::KEY_EXCH)
    .union(NegotiateFlags::NEGOTIATE_56);

/// 2024-01-15, in 100 ns units since 1601-01-01.
const NOW: u64 = 133_497_504_000_000_000;

fn utf16(text: &str) -> Vec<u8> {
    Text::from(text).to_le_bytes()
}

fn negotiate() -> Negotiate<'static> {
    Negotiate {
        flags: AGREED | NegotiateFlags::OEM | NegotiateFlags::OEM_DOMAIN_SUPPLIED,
        domain: b"DOMAIN".as_slice().into(),
        workstation: b"".as_slice().into(),
        version: Some(Version::OURS),
    }
}

fn pairs() -> AvPairsBuf {
    let mut pairs = AvPairsBuf::default();
    pairs.push(AvId::NB_DOMAIN_NAME, &utf16("DOMAIN"));
    pairs.push(AvId::NB_COMPUTER_NAME, &utf16("SERVER"));
    pairs.push(AvId::DNS_COMPUTER_NAME, &utf16("server.domain.example"));
    pairs.push(AvId::TIMESTAMP, &NOW.to_le_bytes());
    pairs
}

fn challenge() -> Challenge<'static> {
    Challenge {
        target_name: utf16("DOMAIN").into(),
        flags: AGREED | NegotiateFlags::TARGET_INFO | NegotiateFlags::TARGET_TYPE_DOMAIN,
        server_challenge: *b"challeng",
        reserved: [0; 8],
        target_info: pairs().terminate().into(),
        version: Some(Version::OURS),
    }
}

fn authenticate() -> Authenticate<'static> {
    let mut pairs = pairs();
    pairs.push(AvId::FLAGS, &2u32.to_le_bytes());
    pairs.push(AvId::CHANNEL_BINDINGS, &[0; 16]);
    pairs.push(AvId::TARGET_NAME, &utf16("HTTP/server.domain.example"));
    let response = NtlmV2Response {
        proof: [0x11; 16],
        client_challenge: ClientChallenge {
            response_type: 1,
            highest_response_type: 1,
            reserved: [0; 6],
            timestamp: NOW,
            challenge: [0x22; 8],
            reserved3: [0; 4],
            av_pairs: pairs.terminate().into(),
            trailer: [0; 4].as_slice().into(),
        },
    };
    Authenticate {
        lm_response: vec![0; 24].into(),
        nt_response: response.emit().into(),
        domain: utf16("Domain").into(),
        user: utf16("User").into(),
        workstation: utf16("COMPUTER").into(),
        encrypted_session_key: vec![0x33; 16].into(),
        flags: AGREED | NegotiateFlags::TARGET_INFO,
        version: Some(Version::OURS),
        mic: Some([0x44; 16]),
    }
}

/// The rules that the warnings of a token name, and the warnings that name none.
fn remarks(inspection: &Inspection) -> Vec<String> {
    let shown = inspection
        .warnings()
        .map(|warning| warning.rule.unwrap_or(&warning.text).to_owned());
    shown.collect()
}

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
        .map(|(index, part)| if index == 0 { part } else { part.split_once('m').unwrap().1 })
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
        let errors: Vec<String> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
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
    let marks = [(12..16, "flags"), (28..40, "over two lines"), (46..46, "end"), (90..99, "outside")];
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
    assert!(shown.contains("^^^^^^^^^^^^^^^^^^^^^^^ server-challenge\n"), "{shown}");
}

#[test]
fn every_rule_that_warnings_name_exists() {
    let wire = include_str!("../rules/wire/ntlm.yaml");
    let message = include_str!("../rules/message/ntlm.yaml");
    for id in CITED {
        let (place, name) = id.rsplit_once('/').unwrap();
        let file = if place == "wire/ntlm" { wire } else { message };
        assert!(file.contains(&format!("\n  {name}:\n")), "{id}");
    }
}

#[test]
fn ordinary_tokens_raise_no_warning() {
    for token in [challenge().emit(), authenticate().emit()] {
        assert_eq!(remarks(&inspect(&token)), Vec::<String>::new());
    }
}

#[test]
fn warns_of_odd_negotiates() {
    let check = |change: fn(&mut Negotiate<'_>), expected: &[&str]| {
        let mut message = negotiate();
        change(&mut message);
        assert_eq!(remarks(&inspect(&message.emit())), expected);
    };
    check(|_| {}, &[]);
    check(|it| it.flags.remove(NegotiateFlags::NTLM), &["wire/ntlm/negotiate-mandatory-flags"]);
    check(|it| it.flags |= NegotiateFlags::RESERVED, &["wire/ntlm/negotiate-reserved-bits"]);
    check(
        |it| it.flags |= NegotiateFlags::TARGET_TYPE_DOMAIN,
        &["wire/ntlm/negotiate-reserved-bits"],
    );
    check(
        |it| it.flags.remove(NegotiateFlags::OEM | NegotiateFlags::UNICODE),
        &["wire/ntlm/negotiate-character-set"],
    );
    check(|it| it.domain = b"".as_slice().into(), &["wire/ntlm/negotiate-names-flagged"]);
    check(|it| it.workstation = b"W".as_slice().into(), &["wire/ntlm/negotiate-names-flagged"]);
    check(
        |it| it.flags.remove(NegotiateFlags::EXTENDED_SESSIONSECURITY),
        &["wire/ntlm/negotiate-extended-session-security"],
    );
    check(|it| it.version = None, &["wire/ntlm/version-filled"]);
    check(|it| it.flags.remove(NegotiateFlags::VERSION), &["wire/ntlm/version-filled"]);
}

#[test]
fn warns_of_odd_challenges() {
    let check = |change: fn(&mut Challenge<'_>), expected: &[&str]| {
        let mut message = challenge();
        change(&mut message);
        assert_eq!(remarks(&inspect(&message.emit())), expected);
    };
    check(
        |it| it.flags |= NegotiateFlags::OEM,
        &["wire/ntlm/challenge-one-character-set"],
    );
    check(
        |it| it.flags |= NegotiateFlags::LM_KEY,
        &["wire/ntlm/challenge-lm-key-excluded"],
    );
    check(
        |it| it.flags |= NegotiateFlags::TARGET_TYPE_SERVER,
        &["wire/ntlm/challenge-one-target-type"],
    );
    check(
        |it| it.target_name = b"".as_slice().into(),
        &["wire/ntlm/challenge-target-name"],
    );
    check(
        |it| it.flags.remove(NegotiateFlags::TARGET_INFO),
        &["wire/ntlm/challenge-target-info-flagged"],
    );
    check(|it| it.reserved = [1; 8], &["wire/ntlm/challenge-reserved-zero"]);
    check(
        |it| it.target_info = AvPairsBuf::default().terminate().into(),
        &[
            "wire/ntlm/challenge-names-present",
            "wire/ntlm/challenge-names-present",
            "wire/ntlm/challenge-timestamp",
        ],
    );
    check(
        |it| it.version.as_mut().unwrap().revision = 10,
        &["wire/ntlm/version-filled"],
    );
}

#[test]
fn warns_of_odd_authenticates() {
    let check = |change: fn(&mut Authenticate<'_>), expected: &[&str]| {
        let mut message = authenticate();
        change(&mut message);
        assert_eq!(remarks(&inspect(&message.emit())), expected);
    };
    check(|it| it.lm_response = vec![1; 24].into(), &["wire/ntlm/lm-response"]);
    check(|it| it.mic = None, &["wire/ntlm/mic-announced"]);
    check(|it| it.mic = Some([0; 16]), &["wire/ntlm/mic-announced"]);
    check(
        |it| it.nt_response = vec![1; 24].into(),
        &["wire/ntlm/mic-announced", "24 bytes: an NTLMv1 response"],
    );
    check(
        |it| it.encrypted_session_key = b"".as_slice().into(),
        &["wire/ntlm/encrypted-key-present"],
    );
    check(
        |it| it.flags.remove(NegotiateFlags::KEY_EXCH),
        &["wire/ntlm/encrypted-key-present"],
    );
    check(|it| it.user = b"".as_slice().into(), &["wire/ntlm/authenticate-user"]);
    check(
        |it| it.flags |= NegotiateFlags::TARGET_TYPE_SERVER,
        &["TARGET_TYPE_SERVER is set outside a CHALLENGE"],
    );
    check(|it| it.nt_response.to_mut()[18] = 1, &["wire/ntlm/nt-response-header"]);
    check(|it| it.nt_response.to_mut()[24] ^= 1, &["wire/ntlm/timestamp-copied"]);
}

#[test]
fn warns_of_odd_layouts() {
    let mut trailing = challenge().emit();
    trailing.push(0);
    assert_eq!(remarks(&inspect(&trailing)), ["bytes behind the last field"]);

    let mut maximum = challenge().emit();
    maximum[14] += 1;
    assert_eq!(remarks(&inspect(&maximum)), ["MaxLen differs from Len"]);

    let mut gap = challenge().emit();
    gap[12] -= 2;
    gap[14] -= 2;
    assert_eq!(remarks(&inspect(&gap)), ["bytes that no field describes"]);

    let mut overlap = challenge().emit();
    overlap[12] += 2;
    overlap[14] += 2;
    assert_eq!(remarks(&inspect(&overlap)), ["wire/ntlm/fields-within-message"]);
}

fn vectors(token: &str) -> Vec<Vector> {
    let file = legwork_vectors::load(&format!("ntlm/{token}.json")).unwrap();
    file.groups.into_iter().flat_map(|group| group.vectors).collect()
}

#[test]
fn agrees_with_the_vector_files() {
    for (token, kind) in [
        ("negotiate", Kind::Negotiate),
        ("challenge", Kind::Challenge),
        ("authenticate", Kind::Authenticate),
        ("av_pair", Kind::AvPairs),
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
            let warned = inspect_as(kind, &bytes).warnings().any(|warning| warning.rule.is_some());
            assert!(report.malformed || warned || semantic, "{}", vector.id);
        }
    }
}

#[test]
fn reads_tokens_in_every_spelling() {
    let token = negotiate().emit();
    let hex = hex::encode(&token);
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]).collect();
    let lines: Vec<String> = pairs.chunks(16).map(|line| line.join(" ")).collect();
    use base64::{Engine as _, engine::general_purpose};
    let base64 = general_purpose::STANDARD.encode(&token);
    let url_safe = general_purpose::URL_SAFE_NO_PAD.encode(&token);
    for text in [
        hex.clone(),
        hex.to_uppercase(),
        format!("0x{hex}\n"),
        pairs.join(":"),
        lines.join("\r\n"),
        format!("0x{}", pairs.join(", 0x")),
        base64.clone(),
        format!("\u{feff}{base64}\n"),
        base64.trim_end_matches('=').to_owned(),
        url_safe.clone(),
        format!("NTLM {base64}"),
        format!("Negotiate {base64}"),
        format!("WWW-Authenticate: NTLM {base64}\r\n"),
        format!("< www-authenticate: negotiate {url_safe}"),
        format!("Proxy-Authorization: NTLM {base64}"),
    ] {
        assert_eq!(read_input(&text).as_deref(), Ok(token.as_slice()), "{text}");
    }
    assert_eq!(read_input(&token).as_deref(), Ok(token.as_slice()));
}

#[test]
fn a_text_that_is_hex_is_hex() {
    assert_eq!(read_input("deadbeef"), Ok(vec![0xde, 0xad, 0xbe, 0xef]));
    assert_eq!(read_input("NTLM deadbeef").unwrap().len(), 6);
}

#[test]
fn says_what_is_wrong_with_an_input() {
    let message = |text: &str| read_input(text).unwrap_err().to_string();
    assert_eq!(message(" \n"), "the input is empty");
    assert_eq!(message("abc"), "3 hex digits make no whole number of bytes");
    assert_eq!(
        message("4e54\n4c4d 5?"),
        "'?' at line 2, column 7 belongs neither to hex nor to base64"
    );
    assert_eq!(
        message("WWW-Authenticate: NTLM TlRM%"),
        "'%' at line 1, column 28 belongs neither to hex nor to base64"
    );
    assert_eq!(message("WWW-Authenticate: NTLM"), "there is no token behind the scheme `NTLM`");
    assert_eq!(message("ab+_"), "not base64: it mixes the standard and the url-safe alphabet");
    assert!(message("TlRMT").starts_with("not base64: "));
    assert_eq!(
        read_input("00".repeat((1 << 20) + 1)),
        Err(InputError::TooLong { limit: 1 << 20 })
    );
    let argument = Input::of_argument(Some("no-such-file.bin"));
    assert_eq!(
        argument.token().unwrap_err().to_string(),
        "'.' at line 1, column 13 belongs neither to hex nor to base64 (and there is no file of that name)"
    );
}

#[test]
fn reads_files_and_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let token = challenge().emit();
    for (name, content) in [("raw", token.clone()), ("hex", hex::encode(&token).into_bytes())] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let input = Input::of_argument(path.to_str());
        assert_eq!(input, Input::File(path));
        assert_eq!(input.token().as_deref(), Ok(token.as_slice()));
    }
    assert_eq!(Input::of_argument(None), Input::Stdin);
    assert_eq!(Input::of_argument(Some("-")), Input::Stdin);
    let missing = Input::File(folder.path().join("missing"));
    assert!(matches!(missing.token(), Err(InputError::Unreadable { .. })));
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

/// Ranges lie within the token, children within their parents.
fn assert_nested(node: &Node, within: Range<usize>) {
    let range = node.span.range();
    assert!(range.start <= range.end, "{} {range:?}", node.name);
    assert!(
        within.start <= range.start && range.end <= within.end,
        "{} {range:?} outside {within:?}",
        node.name
    );
    for child in &node.children {
        assert_nested(child, range.clone());
    }
}

/// What holds of the inspection of any bytes.
fn assert_sound(kind: Kind, bytes: &[u8]) {
    let inspection = inspect_as(kind, bytes);
    assert_eq!(inspection.tree.span.range(), 0..bytes.len());
    assert_nested(&inspection.tree, 0..bytes.len());
    let marks: Vec<_> = fields_as(kind, bytes)
        .into_iter()
        .map(|(path, _, range)| (range, path))
        .collect();
    assert!(marks.iter().all(|(range, _)| range.end <= bytes.len()));
    assert!(tree(&inspection, true).len() >= tree(&inspection, false).len());
    assert!(!render::annotated_hex(bytes, &marks).is_empty());
    assert!(!render::decoded_diff_as(kind, bytes, &bytes[bytes.len() / 2..]).is_empty());
    assert!(serde_json::to_string(&json::report(kind, bytes)).is_ok());
    let refused = match kind {
        Kind::Negotiate => Negotiate::parse(bytes).err(),
        Kind::Challenge => Challenge::parse(bytes).err(),
        Kind::Authenticate => Authenticate::parse(bytes).err(),
        Kind::AvPairs => AvPairs::parse(bytes).err(),
        Kind::NtResponse if bytes.len() != 24 => {
            assert!(NtlmV2Response::parse(bytes).is_ok() || inspection.is_malformed());
            return;
        }
        _ => return,
    };
    if let Some(error) = refused {
        let found = inspection
            .errors()
            .any(|found| (found.field, found.offset, &found.message) == (error.field, error.offset, &error.kind.to_string()));
        assert!(found, "the engine says: {error}\n{}", tree(&inspection, false));
    }
}

const KINDS: [Kind; 8] = [
    Kind::Negotiate,
    Kind::Challenge,
    Kind::Authenticate,
    Kind::AvPairs,
    Kind::NtResponse,
    Kind::ClientChallenge,
    Kind::Signature,
    Kind::Unknown,
];

/// A message with some bytes changed and perhaps its end cut off.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let sources = [negotiate().emit(), challenge().emit(), authenticate().emit()];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (0..sources.len(), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        move |(source, changes, end, cut)| {
            let mut token = sources[source].clone();
            for (place, byte) in changes {
                // Half of the changes hit the fixed part, where the lengths and offsets are.
                let bound = if byte % 2 == 0 { 64.min(token.len()) } else { token.len() };
                let place = place.index(bound);
                token[place] = byte;
            }
            if cut {
                token.truncate(end.index(token.len() + 1));
            }
            token
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_can_be_inspected(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        assert_nested(&inspect(&bytes).tree, 0..bytes.len());
        for kind in KINDS {
            assert_sound(kind, &bytes);
        }
    }

    #[test]
    fn any_damaged_message_can_be_inspected(bytes in damaged()) {
        assert_sound(inspect(&bytes).kind, &bytes);
        for kind in KINDS {
            assert_sound(kind, &bytes);
        }
    }

    #[test]
    fn any_damaged_list_can_be_inspected(bytes in damaged(), start in any::<prop::sample::Index>()) {
        let part = &bytes[start.index(bytes.len() + 1)..];
        assert_sound(Kind::AvPairs, part);
        assert_sound(Kind::NtResponse, part);
    }

    #[test]
    fn any_input_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "\\PC{0,60}") {
        let _ = read_input(&bytes);
        let _ = read_input(&text);
        prop_assert_eq!(read_input(hex::encode(&bytes)).ok(), (!bytes.is_empty()).then_some(bytes));
    }
}
