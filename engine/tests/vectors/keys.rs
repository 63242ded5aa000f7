//! Known answers of the key functions.

use legwork_engine::{
    buffer::ChannelBindings,
    codec::utf16::Text,
    crypto::{self, Secret},
    ntlm::{
        keys::{self, ResponseKeyV2, Sender, v1},
        messages::ClientChallenge,
    },
};
use pretty_assertions::assert_eq;

use crate::{
    fields::{self, Members, array, bytes, text},
    vectors,
};

fn secret(members: &Members, name: &str) -> Secret<16> {
    Secret(array(members, name))
}

pub(crate) fn side(members: &Members) -> Sender {
    match text(members, "side").unwrap() {
        "initiator" => Sender::Initiator,
        "acceptor" => Sender::Acceptor,
        other => panic!("there is no side {other}"),
    }
}

/// The answer of the engine, if it has the function.
fn answer(function: &str, inputs: &Members) -> Option<Vec<u8>> {
    let named = |name| Text::from(text(inputs, name).unwrap());
    let exported = || secret(inputs, "exported_session_key");
    Some(match function {
        "ntowf-v1" => keys::nt_hash(&named("password")).0.to_vec(),
        "lmowf-v1" => v1::lm_hash(&named("password"))?.0.to_vec(),
        "session-base-key-v1" => v1::session_base_key(&secret(inputs, "ntowf_v1")).0.to_vec(),
        "nt-response-v1" => {
            v1::response(&secret(inputs, "ntowf_v1"), array(inputs, "server_challenge")).to_vec()
        }
        "lm-response-v1" => {
            v1::response(&secret(inputs, "lmowf_v1"), array(inputs, "server_challenge")).to_vec()
        }
        "lm-response-ess" => v1::session_lm_response(array(inputs, "client_challenge")).to_vec(),
        "nt-response-ess" => v1::session_response(
            &secret(inputs, "ntowf_v1"),
            array(inputs, "server_challenge"),
            array(inputs, "client_challenge"),
        )
        .to_vec(),
        "key-exchange-key" => v1::key_exchange_key(
            fields::flags(inputs),
            &secret(inputs, "session_base_key"),
            Some(&secret(inputs, "lmowf_v1")),
            &array(inputs, "lm_response"),
            array(inputs, "server_challenge"),
        )
        .0
        .to_vec(),
        "ntowf-v2" | "lmowf-v2" => {
            let hash = keys::nt_hash(&named("password"));
            keys::ntowf_v2(&hash, &named("user"), &named("domain")).0.to_vec()
        }
        "session-base-key-v2" | "nt-proof" | "nt-response-v2" | "lm-response-v2" => {
            response(function, inputs)
        }
        "key-exchange-key-v2" => bytes(inputs, "session_base_key"),
        "client-challenge-v2" => client_challenge(inputs),
        "encrypted-session-key" => {
            crypto::rc4_once(&secret(inputs, "key_exchange_key").0, exported().0).to_vec()
        }
        "signing-key" => keys::signing_key(&exported(), side(inputs)).0.to_vec(),
        "sealing-key" => keys::sealing_key(fields::flags(inputs), &exported(), side(inputs)).to_vec(),
        "mic" => mic(inputs),
        "channel-binding-hash" => keys::channel_bindings_hash(ChannelBindings {
            application_data: &bytes(inputs, "application_data"),
            ..ChannelBindings::default()
        })
        .to_vec(),
        _ => return None,
    })
}

fn response(function: &str, inputs: &Members) -> Vec<u8> {
    let key = ResponseKeyV2::new(&secret(inputs, "ntowf_v2"));
    let challenge = || array(inputs, "server_challenge");
    let temp = bytes(inputs, "client_challenge_v2");
    match function {
        "session-base-key-v2" => key.session_base_key(&array(inputs, "nt_proof")).0.to_vec(),
        "lm-response-v2" => key
            .lm_response(challenge(), array(inputs, "client_challenge"))
            .to_vec(),
        "nt-proof" => key.nt_proof(challenge(), &temp).to_vec(),
        _ => [&key.nt_proof(challenge(), &temp)[..], &temp].concat(),
    }
}

fn client_challenge(inputs: &Members) -> Vec<u8> {
    let mut out = Vec::new();
    let structure = ClientChallenge {
        response_type: 1,
        highest_response_type: 1,
        reserved: [0; 6],
        timestamp: u64::from_le_bytes(array(inputs, "timestamp")),
        challenge: array(inputs, "client_challenge"),
        reserved3: [0; 4],
        av_pairs: bytes(inputs, "av_pairs").into(),
        trailer: vec![0; 4].into(),
    };
    structure.emit_into(&mut out);
    out
}

fn mic(inputs: &Members) -> Vec<u8> {
    let mut authenticate = bytes(inputs, "authenticate");
    authenticate[72..88].fill(0);
    let messages = [
        bytes(inputs, "negotiate"),
        bytes(inputs, "challenge"),
        authenticate,
    ];
    let views = [&*messages[0], &*messages[1], &*messages[2]];
    keys::mic(&secret(inputs, "exported_session_key"), views).to_vec()
}

#[test]
fn known_answers_are_given() {
    for vector in vectors("ntlm/keys.json") {
        let expected = hex::encode(vector.bytes.as_deref().unwrap());
        let own = answer(vector.function.as_deref().unwrap(), &vector.inputs);
        let own = own.unwrap_or_else(|| panic!("{} has no function in the engine", vector.id));
        assert_eq!(hex::encode(own), expected, "{} {}", vector.id, vector.comment);
    }
}
