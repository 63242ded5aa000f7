//! Known answers of signing and sealing.

use legwork_engine::{
    crypto::Secret,
    environment::Environment,
    error::Error,
    ntlm::{keys::Sender, messages::NegotiateFlags, protection::Protection},
};
use legwork_vectors::Vector;
use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::{
    fields::{self, Members, array, bytes, text},
    keys::side,
    reasons, vectors,
};

/// Both ends of a context: the side that sends, and its peer.
struct Ends {
    sender: Protection,
    receiver: Protection,
    environment: Environment,
}

fn ends(inputs: &Members) -> Ends {
    let environment = Environment::seeded(0);
    let (flags, key) = (
        fields::flags(inputs),
        Secret(array(inputs, "exported_session_key")),
    );
    let end = |side| Protection::new(flags, key.clone(), side);
    let (own, peer) = match side(inputs) {
        Sender::Initiator => (Sender::Initiator, Sender::Acceptor),
        Sender::Acceptor => (Sender::Acceptor, Sender::Initiator),
    };
    Ends {
        sender: end(own),
        receiver: end(peer),
        environment,
    }
}

impl Ends {
    /// Sends a message; returns its signature and what it became. The receiver must take it.
    fn send(&mut self, operation: &str, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut data = message.to_vec();
        let environment = &self.environment;
        if operation == "sign" {
            let signature = self
                .sender
                .sign([message], 0, environment)
                .unwrap()
                .emit()
                .to_vec();
            self.receiver
                .verify([message], &signature, 0, environment)
                .unwrap();
            return (signature, data);
        }
        let signature = self
            .sender
            .seal(&mut [&mut data], 0, environment)
            .unwrap()
            .emit()
            .to_vec();
        let mut opened = data.clone();
        self.receiver
            .unseal(&mut [&mut opened], &signature, 0, environment)
            .unwrap();
        assert_eq!(opened, message);
        (signature, data)
    }
}

/// The part of a signature that is compared: without ESS, four bytes of it are random.
fn compared(flags: NegotiateFlags, signature: &str) -> String {
    let pad = if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        8..8
    } else {
        8..16
    };
    let mut compared = signature.to_owned();
    compared.replace_range(pad, "");
    compared
}

fn number(inputs: &Members) -> u64 {
    inputs["sequence_number"].as_u64().unwrap()
}

fn check_valid(vector: &Vector, operation: &str) {
    let mut ends = ends(&vector.inputs);
    let earlier = vector.inputs.get("earlier_messages").and_then(Value::as_array);
    let earlier = earlier.cloned().unwrap_or_default();
    assert_eq!(
        u64::try_from(earlier.len()).unwrap(),
        number(&vector.inputs),
        "{}",
        vector.id
    );
    for message in &earlier {
        let message = message.as_object().unwrap();
        ends.send(text(message, "operation").unwrap(), &bytes(message, "message"));
    }
    let (signature, data) = ends.send(operation, &bytes(&vector.inputs, "message"));
    let flags = fields::flags(&vector.inputs);
    let expected = text(&vector.fields, "signature").unwrap();
    assert_eq!(
        compared(flags, &hex::encode(signature)),
        compared(flags, expected),
        "{}",
        vector.id
    );
    if operation == "seal" {
        assert_eq!(
            hex::encode(data),
            text(&vector.fields, "ciphertext").unwrap(),
            "{}",
            vector.id
        );
    }
}

/// What the receiver says to a message that is to be refused. One that is not the first follows its own twin.
fn refusal(vector: &Vector, all: &[Vector]) -> Option<Error> {
    let mut ends = ends(&vector.inputs);
    if number(&vector.inputs) > 0 {
        let twin = all
            .iter()
            .find(|known| Some(&known.id) == vector.twin.as_ref())
            .unwrap();
        ends.send("seal", &bytes(&twin.inputs, "message"));
    }
    let mut data = bytes(&vector.inputs, "ciphertext");
    let signature = bytes(&vector.inputs, "signature");
    ends.receiver
        .unseal(&mut [&mut data], &signature, 0, &ends.environment)
        .err()
}

#[test]
fn messages_are_protected_as_the_vectors_say() {
    let all = vectors("ntlm/protection.json");
    for vector in &all {
        match vector.function.as_deref().unwrap() {
            "unseal" => {
                let error = refusal(vector, &all).unwrap_or_else(|| panic!("{} is taken", vector.id));
                let named = vector.reason.as_deref().unwrap();
                assert!(
                    reasons::matches(&error, named),
                    "{} ({named}): {error}",
                    vector.id
                );
            }
            operation => check_valid(vector, operation),
        }
    }
}
