//! The tokens of Negotiate: what is shown of them, where their fields stand, and what is odd.

use std::borrow::Cow;

use legwork::{
    inspect::{Kind, fields, inspect, inspect_as, json, text::tree},
    render,
};
use legwork_engine::negotiate::messages::{
    ContextFlags, InitForm, MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags, negoex,
};
use pretty_assertions::assert_eq;

use super::{value_of, warnings::remarks};
use crate::tokens::{challenge, negotiate};

/// An initiator's first token: NTLM alone, with its first message.
pub(crate) fn init() -> NegTokenInit<'static> {
    NegTokenInit {
        mech_types: Some(MechTypes::new(&[Oid::NTLM])),
        mech_token: Some(Cow::Owned(negotiate().emit())),
        ..NegTokenInit::default()
    }
}

/// An acceptor's first token without an input.
pub(crate) fn hints() -> NegTokenInit<'static> {
    NegTokenInit {
        form: InitForm::Microsoft,
        mech_types: Some(MechTypes::new(&[Oid::MS_KERBEROS, Oid::KERBEROS, Oid::NTLM])),
        hints: Some(NegHints {
            hint_name: Some(NegHints::NAME.into()),
            hint_address: None,
        }),
        ..NegTokenInit::default()
    }
}

/// An acceptor's first answer.
pub(crate) fn answer() -> NegTokenResp<'static> {
    NegTokenResp {
        neg_state: Some(NegState::ACCEPT_INCOMPLETE),
        supported_mech: Some(Oid::NTLM),
        response_token: Some(Cow::Owned(challenge().emit())),
        ..NegTokenResp::default()
    }
}

/// A side's last token: the code is a signature of NTLM.
fn last() -> NegTokenResp<'static> {
    let signature = [1_u32, 0xddcc_bbaa, 0x1122_3344, 0]
        .map(u32::to_le_bytes)
        .concat();
    NegTokenResp {
        neg_state: Some(NegState::ACCEPT_COMPLETED),
        mech_list_mic: Some(Cow::Owned(signature)),
        ..NegTokenResp::default()
    }
}

/// A message of NEGOEX with one scheme.
pub(crate) fn offer() -> Vec<u8> {
    let mut message = negoex::SIGNATURE.to_vec();
    for number in [0_u32, 0, 96, 112] {
        message.extend(number.to_le_bytes());
    }
    message.extend([0xC0; 16]);
    message.extend([0x5A; 32]);
    message.extend([0; 8]);
    for number in [96_u32, 1, 0, 0] {
        message.extend(number.to_le_bytes());
    }
    message.extend([0xA5; 16]);
    message
}

#[test]
fn shows_a_first_token() {
    insta::assert_snapshot!(tree(&inspect(&init().emit_framed()), false));
}

#[test]
fn shows_hints() {
    insta::assert_snapshot!(tree(&inspect(&hints().emit_framed()), false));
}

#[test]
fn shows_an_answer_and_a_last_token() {
    insta::assert_snapshot!(tree(&inspect(&answer().emit()), false));
    insta::assert_snapshot!(tree(&inspect(&last().emit()), false));
}

#[test]
fn shows_negoex() {
    let token = [offer(), offer()].concat();
    assert_eq!(inspect(&token).kind, Kind::Negoex);
    insta::assert_snapshot!(tree(&inspect(&token), false));
}

#[test]
fn shows_a_first_token_that_is_cut_off() {
    let mut token = init().emit_framed();
    token.truncate(60);
    insta::assert_snapshot!(tree(&inspect(&token), false));
    let paths: Vec<_> = fields(&token).into_iter().map(|(path, ..)| path).collect();
    assert_eq!(
        paths,
        ["mech-types", "mech-types.0"],
        "no part of a field counts as the field"
    );
}

#[test]
fn shows_long_lengths_where_they_are() {
    let mut token = last().emit();
    token.splice(1..2, [0x82, 0x00, token[1]]);
    insta::assert_snapshot!(tree(&inspect(&token), false));
}

#[test]
fn the_framed_token_of_another_mechanism_is_read_as_far_as_the_framing_goes() {
    let mut token = [&[0x60, 13, 6, 9], &*Oid::KERBEROS.0, &[1, 0]].concat();
    let found = inspect(&token);
    assert!(!found.is_malformed());
    token.push(0);
    assert_eq!(found.kind, Kind::InitialContextToken);
    assert!(tree(&found, false).contains("kerberos (1.2.840.113554.1.2.2)"));
    assert!(inspect(&token).is_malformed(), "bytes stand behind the frame");
}

#[test]
fn fields_of_negotiate_have_the_paths_of_scenarios() {
    let mut second = hints();
    second.req_flags = Some(ReqFlags::new(ContextFlags::MUTUAL | ContextFlags::INTEGRITY));
    second.mech_list_mic = Some(b"code".as_slice().into());
    let tokens = [
        init().emit_framed(),
        second.emit_framed(),
        answer().emit(),
        last().emit(),
    ];
    let lists = tokens.map(|token| {
        let shown = fields(&token).into_iter().map(|(path, value, range)| {
            let value = if value.len() > 60 { "…".to_owned() } else { value };
            format!("{path} = {value:?} at {range:?}")
        });
        shown.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(lists.join("\n\n"));
}

#[test]
fn fields_of_the_mechanism_stand_where_they_are_in_the_outer_token() {
    let token = answer().emit();
    let found = fields(&token);
    let field = |name: &str| {
        let found = found.iter().find(|(path, ..)| path == name).unwrap();
        &token[found.2.clone()]
    };
    assert_eq!(field("response-token"), challenge().emit());
    assert_eq!(
        field("response-token.server-challenge"),
        challenge().server_challenge
    );
    assert_eq!(field("response-token.target-info"), &*challenge().target_info);
    assert_eq!(
        value_of(&found, "neg-state").as_deref(),
        Some("accept-incomplete")
    );
    assert_eq!(value_of(&found, "supported-mech").as_deref(), Some("ntlm"));
}

#[test]
fn json_of_a_last_token_has_a_stable_shape() {
    let token = last().emit();
    let report = serde_json::to_value(json::report(Kind::NegTokenResp, &token)).unwrap();
    insta::assert_json_snapshot!(report);
}

#[test]
fn json_of_negotiate_obeys_its_schema() {
    let schema = serde_json::to_value(json::schema()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for token in [
        init().emit_framed(),
        hints().emit(),
        answer().emit(),
        last().emit(),
        offer(),
    ] {
        let report = serde_json::to_value(json::report(inspect(&token).kind, &token)).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&report)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, Vec::<String>::new());
        assert!(report["fields"].is_object());
    }
}

#[test]
fn diff_shows_fields_of_negotiate() {
    let mut inner = challenge();
    inner.server_challenge = [9; 8];
    let other = NegTokenResp {
        neg_state: Some(NegState::REQUEST_MIC),
        supported_mech: Some(Oid::KERBEROS),
        response_token: Some(inner.emit().into()),
        ..NegTokenResp::default()
    };
    insta::assert_snapshot!(render::decoded_diff(&answer().emit(), &other.emit()));
    let short = last().emit();
    let mut long = short.clone();
    long.splice(1..2, [0x81, short[1]]);
    insta::assert_snapshot!(render::decoded_diff(&short, &long));
}

#[test]
fn ordinary_tokens_of_negotiate_raise_no_warning() {
    for token in [
        init().emit_framed(),
        hints().emit_framed(),
        answer().emit(),
        last().emit(),
        offer(),
    ] {
        assert_eq!(remarks(&inspect(&token)), Vec::<String>::new());
        assert!(!inspect(&token).is_malformed());
    }
}

#[test]
fn warns_of_odd_first_tokens() {
    let both = |change: fn(&mut NegTokenInit<'_>), expected: &str| {
        for mut token in [init(), hints()] {
            change(&mut token);
            let found = remarks(&inspect(&token.emit_framed()));
            assert!(
                found.iter().any(|found| found == expected),
                "{expected}: {found:?}"
            );
        }
    };
    both(
        |it| it.mech_types = Some(MechTypes::new(&[])),
        "wire/negotiate/list-not-empty",
    );
    both(
        |it| it.mech_types = Some(MechTypes::new(&[Oid::NTLM, Oid::KERBEROS, Oid::NTLM])),
        "wire/negotiate/list-not-empty",
    );
    both(|it| it.mech_types = None, "wire/negotiate/message-due");
    both(
        |it| it.req_flags = Some(ReqFlags::new(ContextFlags::empty())),
        "wire/negotiate/request-flags-omitted",
    );
    both(
        |it| it.mech_list_mic = Some(b"code".as_slice().into()),
        "wire/negotiate/no-mic-in-first-token",
    );
    both(
        |it| it.mech_types = Some(MechTypes::new(&[Oid::SPNEGO])),
        "Negotiate offers itself",
    );
}

#[test]
fn warns_of_what_only_one_form_has() {
    let of = |token: &NegTokenInit<'_>| remarks(&inspect(&token.emit_framed()));
    let mut token = init();
    token.mech_types = Some(MechTypes::new(&[Oid::KERBEROS, Oid::NTLM]));
    assert_eq!(of(&token), ["wire/negotiate/list-first-is-optimistic"]);
    token.mech_token = None;
    assert_eq!(of(&token), ["wire/negotiate/optimistic-token-present"]);
    assert_eq!(
        remarks(&inspect(&init().emit())),
        ["wire/negotiate/first-token-framed"]
    );
    let mut token = hints();
    token.hints = Some(NegHints {
        hint_name: Some(b"other".as_slice().into()),
        hint_address: Some(b"".as_slice().into()),
    });
    assert_eq!(
        of(&token),
        ["wire/negotiate/hint-name", "wire/negotiate/hint-address-absent"]
    );
    let mut token = hints();
    token.mech_types = init().mech_types;
    token.mech_token = init().mech_token;
    assert_eq!(of(&token), ["wire/negotiate/hints-of-acceptor-only"]);
}

#[test]
fn warns_of_odd_later_tokens() {
    let check = |token: NegTokenResp<'_>, expected: &[&str]| {
        assert_eq!(remarks(&inspect(&token.emit())), expected);
    };
    let neg_state = Some(NegState(77));
    check(
        NegTokenResp {
            neg_state,
            ..answer()
        },
        &["wire/negotiate/state-known"],
    );
    let neg_state = Some(NegState::REJECT);
    check(
        NegTokenResp {
            neg_state,
            ..answer()
        },
        &["wire/negotiate/reject-carries-nothing"],
    );
    let code = |code: &[u8]| NegTokenResp {
        mech_list_mic: Some(code.to_vec().into()),
        ..last()
    };
    check(code(b""), &["wire/negotiate/mic-over-list"]);
    let mut signature = last().mech_list_mic.unwrap().into_owned();
    signature[12] = 1;
    check(code(&signature), &["wire/negotiate/mic-sequence-zero"]);
    let repeats = NegTokenResp {
        mech_list_mic: answer().response_token,
        ..answer()
    };
    check(repeats, &["wire/negotiate/mic-over-list"]);
    let mut long = last().emit();
    long.splice(1..2, [0x81, long[1]]);
    assert_eq!(
        remarks(&inspect(&long)),
        ["wire/negotiate/encoding-distinguished"]
    );
}

#[test]
fn a_token_of_another_kind_is_an_error() {
    assert!(inspect_as(Kind::NegTokenInit, &answer().emit()).is_malformed());
    assert!(inspect_as(Kind::NegTokenResp, &init().emit()).is_malformed());
    assert!(inspect_as(Kind::InitialContextToken, &init().emit_framed()).is_malformed());
    assert!(inspect_as(Kind::Negoex, b"NTLMSSP\0").is_malformed());
}

#[test]
fn what_is_left_of_a_token_is_told_in_its_own_terms() {
    for (cut, place) in [
        (&[0x60][..], "InitialContextToken at byte 1"),
        (&[0xa1], "NegTokenResp at byte 1"),
        (&[0x60, 3, 2, 1, 0], "thisMech at byte 2"),
    ] {
        let shown = tree(&inspect(cut), false);
        assert!(shown.contains(place), "{shown}");
    }
}
