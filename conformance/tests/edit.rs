//! Edits of the tokens of Negotiate: on their way, through to the mechanism's token, and as they are sent.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use legwork::{
    edit::{Token, fields::FieldError, in_transit, plan::Plan, plan::token_name},
    inspect::fields,
    suite::{
        names,
        scenario::{Edit, FieldEdit},
    },
};
use legwork_engine::{
    negotiate::messages::{MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid},
    ntlm::messages::{Authenticate, Challenge, Negotiate, NegotiateFlags},
};
use pretty_assertions::assert_eq;

fn negotiate() -> Negotiate<'static> {
    Negotiate {
        flags: NegotiateFlags::UNICODE | NegotiateFlags::NTLM,
        domain: b"".as_slice().into(),
        workstation: b"".as_slice().into(),
        version: None,
    }
}

fn challenge() -> Challenge<'static> {
    Challenge {
        target_name: b"".as_slice().into(),
        flags: NegotiateFlags::UNICODE | NegotiateFlags::TARGET_INFO,
        server_challenge: [7; 8],
        reserved: [0; 8],
        target_info: [0; 4].as_slice().to_vec().into(),
        version: None,
    }
}

fn init() -> NegTokenInit<'static> {
    NegTokenInit {
        mech_types: Some(MechTypes::new(&[Oid::NTLM, Oid::KERBEROS])),
        mech_token: Some(negotiate().emit().into()),
        ..NegTokenInit::default()
    }
}

fn resp() -> NegTokenResp<'static> {
    NegTokenResp {
        neg_state: Some(NegState::ACCEPT_INCOMPLETE),
        supported_mech: Some(Oid::NTLM),
        response_token: Some(challenge().emit().into()),
        ..NegTokenResp::default()
    }
}

fn set(field: &str, value: &str) -> Edit {
    Edit::Set(of(field, value))
}

fn of(field: &str, value: &str) -> FieldEdit {
    FieldEdit {
        field: field.to_owned(),
        value: value.to_owned(),
    }
}

fn edited(token: Vec<u8>, edits: &[Edit]) -> Result<Vec<u8>, FieldError> {
    match in_transit(&Token::Bytes(token), edits)? {
        Token::Bytes(bytes) => Ok(bytes),
        Token::None => Ok(Vec::new()),
    }
}

/// The value of a field behind edits, as an inspection spells it; none if the field is not there.
fn value(token: Vec<u8>, edits: &[Edit], path: &str) -> Option<String> {
    let changed = edited(token, edits).unwrap();
    let mut found = fields(&changed).into_iter().filter(|(field, ..)| field == path);
    found.next().map(|(_, value, _)| value)
}

#[test]
fn fields_of_first_tokens_are_changed() {
    let of_init = |edits: &[Edit], path: &str| value(init().emit_framed(), edits, path);
    let list = |edit: Edit| of_init(&[edit], "mech-types").unwrap();
    assert_eq!(list(set("mech-types", "negoex 1.2.3 ntlm")), "negoex 1.2.3 ntlm");
    assert_eq!(list(set("mech-types", "")), "");
    assert_eq!(list(set("mech-types", "0x30020500")), "");
    assert_eq!(list(set("mech-types.0", "ms-kerberos")), "ms-kerberos kerberos");
    assert_eq!(list(set("mech-types.2", "negoex")), "ntlm kerberos negoex");
    assert_eq!(
        list(Edit::Append(of("mech-types", "2.5.4.3"))),
        "ntlm kerberos 2.5.4.3"
    );
    assert_eq!(list(Edit::Append(of("mech-types", "ntlm"))), "ntlm kerberos ntlm");
    assert_eq!(list(Edit::Remove("mech-types.0".to_owned())), "kerberos");
    let swap = Edit::Swap(["mech-types.0", "mech-types.1"].map(str::to_owned));
    assert_eq!(list(swap), "kerberos ntlm");
    assert_eq!(
        of_init(&[Edit::Remove("mech-types".to_owned())], "mech-types"),
        None
    );
    assert_eq!(
        of_init(&[Edit::Remove("mech-token".to_owned())], "mech-token"),
        None
    );
    let flags = [
        set("req-flags", "0x40000000"),
        Edit::SetBits(of("req-flags", "0x02000000")),
    ];
    assert_eq!(of_init(&flags, "req-flags").as_deref(), Some("0x42000000"));
    assert_eq!(
        of_init(&[set("hint-name", "name")], "hint-name").as_deref(),
        Some("name")
    );
    assert_eq!(
        of_init(&[set("mech-list-mic", "0102")], "mech-list-mic").as_deref(),
        Some("0102")
    );
    let gone = [set("hint-name", "name"), Edit::Remove("hint-name".to_owned())];
    assert_eq!(edited(init().emit_framed(), &gone), Ok(init().emit_framed()));
}

#[test]
fn fields_of_later_tokens_are_changed() {
    let of_resp = |edit: Edit, path: &str| value(resp().emit(), &[edit], path);
    let state = |edit: Edit| of_resp(edit, "neg-state");
    assert_eq!(state(set("neg-state", "reject")).as_deref(), Some("reject"));
    assert_eq!(state(set("neg-state", "77")).as_deref(), Some("77"));
    assert_eq!(state(set("neg-state", "-1")).as_deref(), Some("-1"));
    assert_eq!(state(Edit::Remove("neg-state".to_owned())), None);
    assert_eq!(
        state(Edit::Flip("neg-state".to_owned())).as_deref(),
        Some("accept-completed")
    );
    let mechanism = of_resp(set("supported-mech", "kerberos"), "supported-mech");
    assert_eq!(mechanism.as_deref(), Some("kerberos"));
    assert_eq!(
        of_resp(set("response-token", ""), "response-token").as_deref(),
        Some("")
    );
    let other = Edit::Swap(["response-token", "mech-list-mic"].map(str::to_owned));
    assert_eq!(
        edited(resp().emit(), &[other]),
        Err(FieldError::Unknown("mech-list-mic".to_owned()))
    );
}

#[test]
fn edits_reach_the_token_of_the_mechanism() {
    let changed = edited(
        resp().emit(),
        &[
            set("response-token.server-challenge", "0102030405060708"),
            set("response-token.target-info.domain-name", "DOMAIN"),
        ],
    );
    let changed = changed.unwrap();
    let read = NegTokenResp::parse(&changed).unwrap();
    assert_eq!(read.neg_state, resp().neg_state);
    let inner = read.response_token.unwrap();
    let inner = Challenge::parse(&inner).unwrap();
    assert_eq!(inner.server_challenge, [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(inner.target_info.len(), 20);
    let flags = value(
        init().emit_framed(),
        &[Edit::ClearBits(of("mech-token.flags", "0x00000001"))],
        "mech-token.flags",
    );
    assert_eq!(flags.as_deref(), Some("0x00000200"));
    let signed = NegTokenResp {
        mech_list_mic: Some([[1, 0, 0, 0], [9; 4], [8; 4], [0; 4]].concat().into()),
        ..resp()
    };
    let sequence = value(
        signed.emit(),
        &[set("mech-list-mic.sequence", "5")],
        "mech-list-mic.sequence",
    );
    assert_eq!(sequence.as_deref(), Some("0x00000005"));
}

#[test]
fn what_a_token_has_not_cannot_be_changed() {
    for path in [
        "flags",
        "mech-types.7",
        "mech-token.server-challenge",
        "response-token",
        "mech-list-mic.version",
        "mech-types.x",
    ] {
        let found = edited(init().emit_framed(), &[Edit::Remove(path.to_owned())]);
        assert!(matches!(found, Err(FieldError::Unknown(_))), "{path}: {found:?}");
    }
    let bad = [
        ("mech-types", "ntlm nobody"),
        ("mech-types.0", "1"),
        ("req-flags", "4"),
    ];
    for (path, value) in bad {
        assert!(
            edited(init().emit_framed(), &[set(path, value)]).is_err(),
            "{path}"
        );
    }
    let bad = edited(resp().emit(), &[set("neg-state", "accepted")]);
    assert_eq!(bad, Err(FieldError::BadValue("neg-state".to_owned())));
}

#[test]
fn tokens_have_their_names() {
    let mut hints = init();
    hints.hints = Some(NegHints::default());
    for (token, name) in [
        (init().emit_framed(), "neg-token-init"),
        (init().emit(), "neg-token-init"),
        (hints.emit_framed(), "neg-token-init2"),
        (resp().emit(), "neg-token-resp"),
        (negotiate().emit(), "negotiate"),
        (vec![1; 16], "signature"),
    ] {
        assert_eq!(token_name(&token), name);
    }
}

#[test]
fn scenarios_can_name_every_path() {
    for (token, path, known) in [
        ("neg-token-init", "mech-types.3", true),
        ("neg-token-init", "mech-token.flags", true),
        ("neg-token-init", "hint-name", false),
        ("neg-token-init2", "hint-name", true),
        ("neg-token-resp", "response-token.server-challenge", true),
        ("neg-token-resp", "response-token.av-pairs.timestamp", true),
        ("neg-token-resp", "mech-list-mic.sequence", true),
        ("neg-token-resp", "mech-list-mic.flags", false),
        ("neg-token-resp", "mech-types.0", false),
        ("neg-token-resp", "response-token.response-token", false),
        ("challenge", "response-token.server-challenge", false),
    ] {
        assert_eq!(names::is_field(Some(token), path), known, "{token} {path}");
    }
}

#[test]
fn without_a_token_any_path_of_some_token_is_known() {
    assert!(names::is_field(None, "response-token.server-challenge"));
    assert!(!names::is_field(None, "response-token.nothing"));
}

/// A plan's edits of the next token, as the engine calls for them: the mechanism's token first, the one around it then.
fn shaped(edits: &[Edit], token: Option<&str>) -> (Challenge<'static>, NegTokenResp<'static>, usize) {
    let mut plan = Plan::default();
    plan.set_next(token, edits);
    let mut shaper = plan.sabotage().shaper.unwrap();
    let mut inner = challenge();
    shaper.shape("challenge", &mut inner);
    let mut outer = NegTokenResp {
        response_token: Some(inner.emit().into()),
        ..resp()
    };
    shaper.shape("neg-token-resp", &mut outer);
    (inner, outer, plan.unapplied())
}

#[test]
fn as_sent_each_edit_reaches_the_token_that_it_names() {
    let edits = [
        set("neg-state", "request-mic"),
        set("response-token.server-challenge", "0101010101010101"),
    ];
    let (inner, outer, left) = shaped(&edits, None);
    assert_eq!(left, 0, "each took effect once");
    assert_eq!(inner.server_challenge, [1; 8], "the mechanism believes it");
    assert_eq!(outer.neg_state, Some(NegState::REQUEST_MIC));
    assert_eq!(outer.response_token.unwrap().into_owned(), inner.emit());
}

#[test]
fn as_sent_an_edit_of_a_named_token_leaves_the_mechanism_alone() {
    let edits = [set("response-token.server-challenge", "0101010101010101")];
    let (inner, outer, left) = shaped(&edits, Some("neg-token-resp"));
    assert_eq!(left, 0);
    assert_eq!(inner, challenge(), "the mechanism does not know");
    let token = outer.response_token.unwrap();
    assert_eq!(Challenge::parse(&token).unwrap().server_challenge, [1; 8]);
}

#[test]
fn as_sent_an_edit_of_the_mechanism_spares_its_signature() {
    let mut plan = Plan::default();
    plan.set_next(None, &[Edit::Remove("response-token.version".to_owned())]);
    let mut shaper = plan.sabotage().shaper.unwrap();
    let mut message = Authenticate::parse(
        &legwork_vectors::load("ntlm/authenticate.json").unwrap().groups[0].vectors[0]
            .bytes
            .clone()
            .unwrap(),
    )
    .unwrap()
    .into_owned();
    assert!(message.version.is_some());
    shaper.shape("authenticate", &mut message);
    assert!(message.version.is_none());
    let mut signature = legwork_engine::ntlm::messages::Signature {
        version: 1,
        checksum: [2; 8],
        sequence: [3; 4],
    };
    shaper.shape("signature", &mut signature);
    assert_eq!(signature.version, 1);
}
