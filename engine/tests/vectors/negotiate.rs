//! Vectors of Negotiate: fields, bytes, every prefix, every defect, codes over the list, and whole exchanges.

use std::borrow::Cow;

use legwork_engine::{
    crypto::{Rc4, Secret, hmac_md5},
    environment::Environment,
    error::{TokenError, TokenErrorKind},
    negotiate::messages::{
        InitForm, MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags, Token,
        negoex::{self, Body},
    },
    ntlm::{
        keys::{self, Sender},
        messages::{Authenticate, MessageType, message_type},
        protection::Protection,
    },
};
use legwork_vectors::{Outcome, Vector};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::{
    exchanges,
    fields::{self, Members, array, bytes, text},
    keys::side,
    token, vectors, vectors_with,
};

/// How a reader of a kind of token takes bytes: what it reads, or the class of the defect.
type Read<T> = Result<T, &'static str>;

/// A first token of Negotiate, and whether it is framed. Any other token is none.
fn first(token: &[u8]) -> Read<(NegTokenInit<'_>, bool)> {
    match Token::parse(token).map_err(|error| reason(&error))? {
        Token::Framed(init) => Ok((init, true)),
        Token::Bare(init) => Ok((init, false)),
        Token::Kerberos(_) | Token::Other(..) => Err("wrong-mechanism"),
        _ => Err("unexpected-tag"),
    }
}

fn later(token: &[u8]) -> Read<NegTokenResp<'_>> {
    NegTokenResp::parse(token).map_err(|error| reason(&error))
}

fn extended(token: &[u8]) -> Read<Vec<negoex::Message<'_>>> {
    let messages: Result<Vec<_>, _> = negoex::messages(token).collect();
    match messages {
        Ok(messages) if messages.is_empty() => Err("truncated"),
        messages => messages.map_err(|error| reason(&error)),
    }
}

/// The class of an error in the words of the vectors. A field out of its order, and one that is there twice, show as
/// an element that is not due.
fn reason(error: &TokenError) -> &'static str {
    match error.kind {
        TokenErrorKind::Truncated | TokenErrorKind::Missing => "truncated",
        TokenErrorKind::UnexpectedTag(_) => "unexpected-tag",
        TokenErrorKind::IndefiniteLength => "indefinite-length",
        TokenErrorKind::TrailingBytes(_) => "trailing-bytes",
        TokenErrorKind::BadValue => "bad-value",
        TokenErrorKind::BadSignature => "bad-signature",
        TokenErrorKind::OutOfBounds => "field-out-of-bounds",
        TokenErrorKind::BadLength(_) => "bad-length",
        _ => "unknown class",
    }
}

fn matches(found: &str, named: &str) -> bool {
    match named {
        "field-order" | "field-repeated" => found == "unexpected-tag",
        "length-too-wide" => found == "bad-length",
        _ => found == named,
    }
}

fn part(members: &Members, name: &str) -> Option<Cow<'static, [u8]>> {
    text(members, name).map(|digits| Cow::Owned(hex::decode(digits).unwrap()))
}

fn oid(text: &Value) -> Oid<'static> {
    Oid::from_text(text.as_str().unwrap()).unwrap()
}

/// The first token that the members of a vector describe.
fn described_first(members: &Members, form: InitForm) -> NegTokenInit<'static> {
    let types = members["mech_types"].as_array();
    let hints = members.get("neg_hints").and_then(Value::as_object);
    NegTokenInit {
        form,
        mech_types: types.map(|types| MechTypes::new(&types.iter().map(oid).collect::<Vec<_>>())),
        req_flags: part(members, "req_flags").map(ReqFlags),
        mech_token: part(members, "mech_token"),
        hints: hints.map(|hints| NegHints {
            hint_name: text(hints, "hint_name").map(|name| name.as_bytes().to_vec().into()),
            hint_address: part(hints, "hint_address"),
        }),
        mech_list_mic: part(members, "mech_list_mic"),
        extensions: part(members, "extensions").unwrap_or_default(),
        ..NegTokenInit::default()
    }
}

/// Whether a token can be emitted from its fields, by what the vectors' README says.
fn is_canonical(vector: &Vector) -> bool {
    !vector.fields.contains_key("long_lengths")
}

/// Every strict prefix of a token is refused.
fn prefixes<'v, T>(vector: &'v Vector, read: impl Fn(&'v [u8]) -> Read<T>) {
    for length in 0..token(vector).len() {
        assert!(
            read(&token(vector)[..length]).is_err(),
            "{} cut at {length}",
            vector.id
        );
    }
}

#[test]
fn first_tokens_are_read_and_written() {
    for (file, form) in [
        ("neg_token_init", InitForm::Rfc),
        ("neg_token_init2", InitForm::Microsoft),
    ] {
        for vector in vectors_with(&format!("negotiate/{file}.json"), Outcome::Valid) {
            let expected = described_first(&vector.fields, form);
            let (parsed, framed) = first(token(&vector)).unwrap();
            assert_eq!(Some(framed), vector.fields["framed"].as_bool(), "{}", vector.id);
            let own = if framed {
                expected.emit_framed()
            } else {
                expected.emit()
            };
            let shortest = if framed {
                parsed.emit_framed()
            } else {
                parsed.emit()
            };
            if is_canonical(&vector) {
                assert_eq!(hex::encode(&own), hex::encode(token(&vector)), "{}", vector.id);
                assert_eq!(own, shortest, "{}", vector.id);
            } else {
                assert_ne!(
                    own,
                    token(&vector),
                    "{} says that its lengths are long",
                    vector.id
                );
                let list = |token: &NegTokenInit<'_>| -> Option<Vec<String>> {
                    let types = token.mech_types.as_ref()?;
                    Some(types.iter().map(|oid| oid.to_string()).collect())
                };
                assert_eq!(list(&parsed), list(&expected), "{}", vector.id);
                assert_eq!(parsed.mech_token, expected.mech_token, "{}", vector.id);
            }
            prefixes(&vector, first);
        }
    }
}

#[test]
fn later_tokens_are_read_and_written() {
    for vector in vectors_with("negotiate/neg_token_resp.json", Outcome::Valid) {
        let members = &vector.fields;
        let state = members["neg_state"].as_i64();
        let expected = NegTokenResp {
            neg_state: state.map(|state| NegState(state.try_into().unwrap())),
            supported_mech: members.get("supported_mech").filter(|it| it.is_string()).map(oid),
            response_token: part(members, "response_token"),
            mech_list_mic: part(members, "mech_list_mic"),
            extensions: part(members, "extensions").unwrap_or_default(),
            ..NegTokenResp::default()
        };
        let mut parsed = later(token(&vector)).unwrap();
        assert_eq!(
            !parsed.tolerated.is_empty(),
            !is_canonical(&vector),
            "{}",
            vector.id
        );
        parsed.tolerated = expected.tolerated;
        assert_eq!(parsed, expected, "{}", vector.id);
        if is_canonical(&vector) {
            assert_eq!(
                hex::encode(expected.emit()),
                hex::encode(token(&vector)),
                "{}",
                vector.id
            );
        }
        prefixes(&vector, later);
    }
}

#[test]
fn negoex_is_read() {
    for vector in vectors_with("negotiate/negoex.json", Outcome::Valid) {
        let parsed = extended(token(&vector)).unwrap();
        let messages = vector.fields["messages"].as_array().unwrap();
        assert_eq!(parsed.len(), messages.len(), "{}", vector.id);
        for (parsed, expected) in parsed.iter().zip(messages) {
            assert_eq!(said(parsed), *expected, "{}", vector.id);
        }
        // A token may be cut between two messages.
        if messages.len() == 1 {
            prefixes(&vector, extended);
        }
    }
}

/// What a message says, as the vectors spell it.
fn said(message: &negoex::Message<'_>) -> Value {
    let mut said = match message.body {
        Body::Nego {
            random,
            version,
            schemes,
            extensions,
        } => json!({
            "random": hex::encode(random), "version": version,
            "schemes": schemes.iter().map(hex::encode).collect::<Vec<_>>(),
            "extensions": extensions.iter().map(hex::encode).collect::<Vec<_>>(),
        }),
        Body::Exchange { scheme, token } => {
            json!({ "scheme": hex::encode(scheme), "token": hex::encode(token) })
        }
        Body::Verify {
            scheme,
            checksum_scheme,
            checksum_type,
            checksum,
        } => json!({
            "scheme": hex::encode(scheme), "checksum_scheme": checksum_scheme,
            "checksum_type": checksum_type, "checksum": hex::encode(checksum),
        }),
        Body::Alert { scheme, error } => {
            json!({ "scheme": hex::encode(scheme), "error": format!("0x{error:08x}") })
        }
        Body::Other(message) => json!({ "message": hex::encode(message) }),
        _ => json!({}),
    };
    said["message_type"] = json!(message.message_type.0);
    said["sequence"] = json!(message.sequence);
    said["conversation"] = json!(hex::encode(message.conversation));
    said
}

#[test]
fn defects_of_negotiate_are_refused_for_what_they_are() {
    let mut semantic = Vec::new();
    for file in ["neg_token_init", "neg_token_init2", "neg_token_resp", "negoex"] {
        for vector in vectors_with(&format!("negotiate/{file}.json"), Outcome::Invalid) {
            let bytes = token(&vector);
            let found = match file {
                "neg_token_resp" => later(bytes).err(),
                "negoex" => extended(bytes).err(),
                _ => first(bytes).err(),
            };
            if vector.flags.contains(&"semantic".to_owned()) {
                assert_eq!(found, None, "{} is well formed", vector.id);
                semantic.push(vector.id);
                continue;
            }
            let found = found.unwrap_or_else(|| panic!("{} ({}) is taken", vector.id, vector.comment));
            let named = vector.reason.as_deref().unwrap();
            assert!(
                matches(found, named),
                "{} ({named}) is refused as {found}: {}",
                vector.id,
                vector.comment
            );
        }
    }
    // Whoever negotiates refuses them, not who reads bytes.
    assert_eq!(semantic.len(), 1, "{semantic:?}");
}

#[test]
fn codes_over_the_list_are_those_of_the_vectors() {
    let (mut made, mut refused) = (0, 0);
    for vector in vectors("negotiate/mech_list_mic.json") {
        let inputs = &vector.inputs;
        let flags = fields::flags(inputs);
        let end = |sender| Protection::new(flags, Secret(array(inputs, "exported_session_key")), sender);
        let environment = Environment::seeded(0);
        let list = bytes(inputs, "mech_types");
        if vector.function.as_deref() == Some("mech-list-mic") {
            let code = end(side(inputs)).sign([&*list], 0, &environment).unwrap();
            assert_eq!(
                hex::encode(code.emit()),
                hex::encode(token(&vector)),
                "{}",
                vector.id
            );
            made += 1;
        }
        let taken = end(side(inputs).peer()).verify([&*list], token(&vector), 0, &environment);
        assert_eq!(
            taken.is_ok(),
            vector.result == Outcome::Valid,
            "{}: {taken:?}",
            vector.id
        );
        refused += usize::from(taken.is_err());
    }
    assert!(made >= 12 && refused >= 12, "{made} made, {refused} refused");
}

/// The mechanism's token in a leg.
fn unwrapped(leg: &Value) -> Option<Vec<u8>> {
    let token = bytes(leg.as_object().unwrap(), "bytes");
    let inner = match leg["token"].as_str() {
        Some("neg_token_init") => first(&token).unwrap().0.mech_token,
        _ => later(&token).unwrap().response_token,
    };
    inner.map(Cow::into_owned)
}

/// The exchange of the mechanism inside an exchange of Negotiate.
fn of_ntlm(legs: &[Value]) -> Members {
    let name = |token: &[u8]| match message_type(token).unwrap() {
        MessageType::NEGOTIATE => "negotiate",
        MessageType::CHALLENGE => "challenge",
        _ => "authenticate",
    };
    let inner = legs.iter().filter_map(unwrapped);
    let legs: Vec<Value> = inner
        .map(|token| json!({ "token": name(&token), "bytes": hex::encode(&token) }))
        .collect();
    json!({ "legs": legs }).as_object().unwrap().clone()
}

#[test]
fn secrets_and_codes_of_every_recorded_exchange_follow_from_its_inputs() {
    let all = vectors("exchanges/negotiate.json");
    for vector in &all {
        let legs = vector.fields["legs"].as_array().unwrap();
        let inner = of_ntlm(legs);
        let derived = exchanges::derive(vector.inputs["initiator"].as_object().unwrap(), &inner);
        let secrets = vector.fields["secrets"].as_object().unwrap();
        for (name, value) in secrets {
            let own = derived.iter().find(|(known, _)| known == name).unwrap();
            assert_eq!(Some(&*own.1), value.as_str(), "{}: {name}", vector.id);
        }
        let list = bytes(legs[0].as_object().unwrap(), "bytes");
        let list = first(&list).unwrap().0.mech_types.unwrap().into_owned();
        let authenticate = inner["legs"]
            .as_array()
            .unwrap()
            .iter()
            .find(|leg| leg["token"] == "authenticate");
        let authenticate = bytes(authenticate.unwrap().as_object().unwrap(), "bytes");
        let flags = Authenticate::parse(&authenticate).unwrap().flags;
        let key = Secret(array(secrets, "exported_session_key"));
        let mut codes = 0;
        for leg in &legs[1..] {
            let sent = bytes(leg.as_object().unwrap(), "bytes");
            let Some(code) = later(&sent).unwrap().mech_list_mic else {
                continue;
            };
            let sender = side(leg.as_object().unwrap());
            let own =
                Protection::new(flags, key.clone(), sender).sign([&*list.0], 0, &Environment::seeded(0));
            assert_eq!(
                hex::encode(own.unwrap().emit()),
                hex::encode(code),
                "{}",
                vector.id
            );
            codes += 1;
        }
        assert_eq!(codes, 2, "{}: one code of either side", vector.id);
        for message in vector
            .fields
            .get("messages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let message = message.as_object().unwrap();
            let own = sealed_behind_the_code(&keys_of(flags, &key, message), &bytes(message, "message"));
            let sent = [bytes(message, "ciphertext"), bytes(message, "signature")];
            assert_eq!(own.map(hex::encode), sent.map(hex::encode), "{}", vector.id);
        }
    }
    assert!(all.len() >= 4, "{}", all.len());
}

/// Signing and sealing key of the side that sends a message.
fn keys_of(
    flags: legwork_engine::ntlm::messages::NegotiateFlags,
    key: &Secret<16>,
    message: &Members,
) -> ([u8; 16], Vec<u8>) {
    let sender: Sender = side(message);
    let sealing = keys::sealing_key(flags, key, sender);
    (keys::signing_key(key, sender).0, sealing.to_vec())
}

/// A side's first message behind its code: the cipher stream is that of a new context, the number is 1 (MS-SPNG section
/// 3.3.5.1).
fn sealed_behind_the_code((signing, sealing): &([u8; 16], Vec<u8>), plain: &[u8]) -> [Vec<u8>; 2] {
    let number = 1_u32.to_le_bytes();
    let mut stream = Rc4::new(sealing);
    let mut data = plain.to_vec();
    stream.apply(&mut data);
    let code = hmac_md5(signing, &[&number, plain]);
    let mut checksum: [u8; 8] = *code.first_chunk().unwrap();
    stream.apply(&mut checksum);
    let signature = [1_u32.to_le_bytes().as_slice(), &checksum, &number].concat();
    [data, signature]
}
