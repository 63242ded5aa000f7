//! Whole exchanges: the engine plays its own to the last byte, and derives the secrets of the others.

use legwork_engine::{
    codec::utf16::Text,
    crypto::{self, Secret},
    ntlm::{
        keys::{self, ResponseKeyV2, Sender, v1},
        messages::{Authenticate, Challenge, NegotiateFlags, NtlmV2Response},
    },
};
use legwork_vectors::Vector;
use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::{
    fields::{Members, array, bytes, text},
    replay::Replay,
    vectors,
};

#[test]
fn own_exchange_is_played_to_the_last_byte() {
    let mut replay = Replay::own();
    let negotiate = replay.initiate(&[]).unwrap();
    assert_eq!(hex::encode(&negotiate), hex::encode(replay.leg(0)));
    let challenge = replay.accept(&negotiate).unwrap();
    assert_eq!(hex::encode(&challenge), hex::encode(replay.leg(1)));
    let authenticate = replay.initiate(&challenge).unwrap();
    assert_eq!(hex::encode(&authenticate), hex::encode(replay.leg(2)));
    assert_eq!(replay.accept(&authenticate), Ok(Vec::new()));
    let secrets = replay.vector.fields["secrets"].as_object().unwrap().clone();
    let key = bytes(&secrets, "exported_session_key");
    assert_eq!(replay.initiator.session().unwrap().session_key(), key);
    assert_eq!(replay.acceptor.session().unwrap().session_key(), key);
    for message in replay.vector.fields["messages"].as_array().unwrap().clone() {
        protected(&mut replay, message.as_object().unwrap());
    }
}

/// A message of an exchange: what the sender makes of it is what the vector says, and the receiver takes it.
fn protected(replay: &mut Replay, message: &Members) {
    let (initiator, acceptor) = (&replay.initiator_environment, &replay.acceptor_environment);
    let (one, other) = (
        replay.initiator.session().unwrap(),
        replay.acceptor.session().unwrap(),
    );
    let (sender, receiver, environment) = match text(message, "side") {
        Some("initiator") => (one, other, initiator),
        _ => (other, one, acceptor),
    };
    let plain = bytes(message, "message");
    let mut data = plain.clone();
    let signature = match text(message, "operation") {
        Some("seal") => sender.seal(&mut [&mut data], 0, environment).unwrap(),
        _ => sender.sign([&*plain], 0, environment).unwrap(),
    };
    assert_eq!(hex::encode(signature), text(message, "signature").unwrap());
    if let Some(ciphertext) = text(message, "ciphertext") {
        assert_eq!(hex::encode(&data), ciphertext);
        receiver
            .unseal(&mut [&mut data], &signature, 0, environment)
            .unwrap();
        assert_eq!(data, plain);
    } else {
        receiver.verify([&*plain], &signature, 0, environment).unwrap();
    }
}

/// A leg of an exchange by the name of its token.
fn leg(members: &Members, token: &str) -> Option<Vec<u8>> {
    let legs = members["legs"].as_array().unwrap();
    let leg = legs.iter().find(|leg| leg["token"] == token)?;
    Some(bytes(leg.as_object().unwrap(), "bytes"))
}

#[test]
fn secrets_of_every_exchange_follow_from_its_inputs() {
    for vector in vectors("exchanges/ntlm.json") {
        let (initiator, secrets) = (&vector.inputs["initiator"], &vector.fields["secrets"]);
        let derived = derive(initiator.as_object().unwrap(), &vector.fields);
        for (name, value) in secrets.as_object().unwrap() {
            let own = derived.iter().find(|(known, _)| known == name);
            let own = own.unwrap_or_else(|| panic!("{}: {name} is not derived", vector.id));
            assert_eq!(Some(&*own.1), value.as_str(), "{}: {name}", vector.id);
        }
    }
}

fn version_one(vector: &Vector) -> bool {
    !vector.fields["secrets"]
        .as_object()
        .unwrap()
        .contains_key("ntowf_v2")
}

/// The published messages contradict their flags (N3), so that responses and keys are compared and not bytes.
#[test]
fn exchanges_of_version_one_are_played() {
    let exchanges: Vec<_> = vectors("exchanges/ntlm.json")
        .into_iter()
        .filter(version_one)
        .collect();
    assert_eq!(exchanges.len(), 2);
    for vector in exchanges {
        let id = vector.id.clone();
        let secrets = vector.fields["secrets"].as_object().unwrap().clone();
        let key = bytes(&secrets, "exported_session_key");
        let mut replay = Replay::version_one(vector);
        let published = replay.leg(1);
        let negotiate = replay.initiate(&[]).unwrap();
        let own = replay.initiate(&replay.leg(0)).unwrap();
        let parse = |token| Authenticate::parse(token).unwrap();
        let (own, theirs) = (parse(&own), parse(&published));
        assert_eq!(own.lm_response, theirs.lm_response, "{id}");
        assert_eq!(own.nt_response, theirs.nt_response, "{id}");
        assert_eq!(own.encrypted_session_key, theirs.encrypted_session_key, "{id}");
        assert_eq!(replay.initiator.session().unwrap().session_key(), key, "{id}");
        replay.accept(&negotiate).unwrap();
        assert_eq!(replay.accept(&published), Ok(Vec::new()), "{id}");
        assert_eq!(replay.acceptor.session().unwrap().session_key(), key, "{id}");
    }
}

/// Every secret of an exchange by the name that vectors give it.
pub(crate) fn derive(initiator: &Members, exchange: &Members) -> Vec<(&'static str, String)> {
    let named = |name| Text::from(text(initiator, name).unwrap());
    let token = leg(exchange, "authenticate").unwrap();
    let message = Authenticate::parse(&token).unwrap();
    if message.nt_response.len() == NtlmV2Response::V1_LENGTH {
        let challenge = leg(exchange, "challenge").unwrap();
        let asked = Challenge::parse(&challenge).unwrap().server_challenge;
        return derive_version_one(&named("password"), &message, asked);
    }
    let challenge_token = leg(exchange, "challenge").unwrap();
    let challenge = Challenge::parse(&challenge_token).unwrap();
    let token = leg(exchange, "authenticate").unwrap();
    let message = Authenticate::parse(&token).unwrap();
    let response = NtlmV2Response::parse(&message.nt_response).unwrap();
    let nt_hash = keys::nt_hash(&named("password"));
    let ntowf_v2 = keys::ntowf_v2(&nt_hash, &named("user"), &named("domain"));
    let key = ResponseKeyV2::new(&ntowf_v2);
    let proof = key.nt_proof(challenge.server_challenge, &message.nt_response[16..]);
    assert_eq!(proof, response.proof);
    let base = key.session_base_key(&proof);
    let exported = match <[u8; 16]>::try_from(&*message.encrypted_session_key) {
        Ok(encrypted) => Secret(crypto::rc4_once(&base.0, encrypted)),
        Err(_) => base.clone(),
    };
    let mut derived = vec![
        ("ntowf_v1", hex::encode(nt_hash.0)),
        ("ntowf_v2", hex::encode(ntowf_v2.0)),
        ("nt_proof", hex::encode(proof)),
        ("session_base_key", hex::encode(base.0)),
        ("key_exchange_key", hex::encode(base.0)),
        ("exported_session_key", hex::encode(exported.0)),
    ];
    derived.extend(protection_keys(message.flags, &exported));
    if let (Some(mic), Some(negotiate)) = (message.mic, leg(exchange, "negotiate")) {
        let mut zeroed = token.clone();
        zeroed[72..88].fill(0);
        let own = keys::mic(&exported, [&negotiate, &challenge_token, &zeroed]);
        assert_eq!(own, mic);
        derived.push(("mic", hex::encode(own)));
    }
    derived
}

/// Every secret of an exchange of version 1.
fn derive_version_one(
    password: &Text,
    message: &Authenticate<'_>,
    asked: [u8; 8],
) -> Vec<(&'static str, String)> {
    let hashes = keys::password_hashes(password);
    let base = v1::session_base_key(&hashes.nt);
    let lm_response = (*message.lm_response).try_into().unwrap();
    let exchange = v1::key_exchange_key(message.flags, &base, hashes.lm.as_ref(), &lm_response, asked);
    let exported = match <[u8; 16]>::try_from(&*message.encrypted_session_key) {
        Ok(encrypted) => Secret(crypto::rc4_once(&exchange.0, encrypted)),
        Err(_) => exchange.clone(),
    };
    let mut derived = vec![
        ("session_base_key", hex::encode(base.0)),
        ("key_exchange_key", hex::encode(exchange.0)),
        ("exported_session_key", hex::encode(exported.0)),
    ];
    derived.extend(protection_keys(message.flags, &exported));
    derived
}

/// The keys of both directions by the names that vectors give them.
fn protection_keys(flags: NegotiateFlags, exported: &Secret<16>) -> Vec<(&'static str, String)> {
    let signing = |sender| hex::encode(keys::signing_key(exported, sender).0);
    let sealing = |sender| hex::encode(&*keys::sealing_key(flags, exported, sender));
    vec![
        ("initiator_signing_key", signing(Sender::Initiator)),
        ("initiator_sealing_key", sealing(Sender::Initiator)),
        ("acceptor_signing_key", signing(Sender::Acceptor)),
        ("acceptor_sealing_key", sealing(Sender::Acceptor)),
    ]
}

#[test]
fn legs_are_the_vectors_they_name() {
    let messages: Vec<_> = ["negotiate", "challenge", "authenticate"]
        .iter()
        .flat_map(|token| vectors(&format!("ntlm/{token}.json")))
        .collect();
    for vector in vectors("exchanges/ntlm.json") {
        for leg in vector.fields["legs"].as_array().unwrap() {
            let Some(id) = leg.get("vector").and_then(Value::as_str) else {
                continue;
            };
            let message = messages.iter().find(|message| message.id == id).unwrap();
            assert_eq!(
                message.bytes,
                Some(bytes(leg.as_object().unwrap(), "bytes")),
                "{id}"
            );
            let _: [u8; 8] = array(vector.inputs["acceptor"].as_object().unwrap(), "server_challenge");
        }
    }
}
