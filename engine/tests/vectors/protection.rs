//! Known answers of signing and sealing, and broken messages that are refused.

use std::collections::BTreeSet;

use legwork_engine::{
    crypto::Secret,
    environment::Environment,
    error::Error,
    ntlm::{messages::NegotiateFlags, protection::Protection},
};
use legwork_vectors::{Outcome, Vector};
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
    /// What the caller of a connectionless context numbers the message.
    number: u32,
}

impl Ends {
    /// Both ends before the message that the inputs describe: earlier messages have gone through.
    fn before(inputs: &Members) -> Self {
        let (flags, key) = (
            fields::flags(inputs),
            Secret(array(inputs, "exported_session_key")),
        );
        let end = |side| Protection::new(flags, key.clone(), side);
        let mut ends = Self {
            sender: end(side(inputs)),
            receiver: end(side(inputs).peer()),
            environment: Environment::seeded(0),
            number: inputs
                .get("sequence_number")
                .and_then(Value::as_u64)
                .map_or(0, |number| number.try_into().unwrap()),
        };
        let earlier = inputs.get("earlier_messages").and_then(Value::as_array);
        for message in earlier.into_iter().flatten() {
            let message = message.as_object().unwrap();
            ends.pass(text(message, "operation").unwrap(), &bytes(message, "message"));
        }
        ends
    }

    /// What the sender makes of a message: its signature, and what it became.
    fn send(&mut self, operation: &str, message: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut data = message.to_vec();
        let signature = match operation {
            "sign" => self.sender.sign([message], self.number, &self.environment),
            "seal" => self.sender.seal(&mut [&mut data], self.number, &self.environment),
            other => panic!("nothing is sent by {other}"),
        };
        (signature.unwrap().emit().to_vec(), data)
    }

    /// What the receiver makes of a message: the plain text.
    fn receive(&mut self, operation: &str, data: &[u8], signature: &[u8]) -> Result<Vec<u8>, Error> {
        let mut data = data.to_vec();
        match operation {
            "verify" => self
                .receiver
                .verify([&*data], signature, self.number, &self.environment)?,
            "unseal" => self
                .receiver
                .unseal(&mut [&mut data], signature, self.number, &self.environment)?,
            other => panic!("nothing is received by {other}"),
        }
        Ok(data)
    }

    /// A message that is sent and taken.
    fn pass(&mut self, operation: &str, message: &[u8]) {
        let (signature, data) = self.send(operation, message);
        let taken = self.receive(counterpart(operation), &data, &signature);
        assert_eq!(taken, Ok(message.to_vec()));
    }
}

/// What a receiver does with a message of this operation.
fn counterpart(operation: &str) -> &'static str {
    match operation {
        "sign" => "verify",
        "seal" => "unseal",
        other => panic!("nothing is sent by {other}"),
    }
}

/// The part of a signature that is compared: without ESS, four bytes of it are random.
fn compared(flags: NegotiateFlags, signature: &[u8]) -> String {
    let mut compared = hex::encode(signature);
    if !flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        compared.replace_range(8..16, "");
    }
    compared
}

/// The sender makes exactly this of the message, and a receiver takes it.
fn known_answer(vector: &Vector, operation: &str) {
    let (inputs, expected) = (&vector.inputs, &vector.fields);
    let (message, signature) = (bytes(inputs, "message"), bytes(expected, "signature"));
    let flags = fields::flags(inputs);
    let mut ends = Ends::before(inputs);
    let (own, data) = ends.send(operation, &message);
    assert_eq!(
        compared(flags, &own),
        compared(flags, &signature),
        "{} {}",
        vector.id,
        vector.comment
    );
    let sealed = if operation == "seal" {
        bytes(expected, "ciphertext")
    } else {
        message.clone()
    };
    assert_eq!(hex::encode(data), hex::encode(&sealed), "{}", vector.id);
    let taken = ends.receive(counterpart(operation), &sealed, &signature);
    assert_eq!(taken, Ok(message), "{} {}", vector.id, vector.comment);
}

/// The message of a vector as it is received: what came, and its signature.
fn received(vector: &Vector, operation: &str) -> (Vec<u8>, Vec<u8>) {
    let body = if operation == "unseal" {
        "ciphertext"
    } else {
        "message"
    };
    (bytes(&vector.inputs, body), bytes(&vector.inputs, "signature"))
}

/// The receiver takes the message and has its plain text.
fn acceptance(vector: &Vector, operation: &str) {
    let (data, signature) = received(vector, operation);
    let plain = vector.bytes.clone().unwrap_or_else(|| data.clone());
    let taken = Ends::before(&vector.inputs).receive(operation, &data, &signature);
    assert_eq!(taken, Ok(plain), "{} {}", vector.id, vector.comment);
}

/// The receiver refuses the message for the reason named, and still takes the genuine one that is due.
fn refusal(vector: &Vector, operation: &str, twin: &Vector) {
    let mut ends = Ends::before(&vector.inputs);
    let (data, signature) = received(vector, operation);
    let error = ends
        .receive(operation, &data, &signature)
        .expect_err(&format!("{} {} is taken", vector.id, vector.comment));
    let named = vector.reason.as_deref().unwrap();
    assert!(
        reasons::matches(&error, named),
        "{} ({named}): {error}",
        vector.id
    );
    let sent = twin.function.as_deref().unwrap();
    ends.pass(sent, &bytes(&twin.inputs, "message"));
}

#[test]
fn messages_are_protected_as_the_vectors_say() {
    let all = vectors("ntlm/protection.json");
    let mut played = BTreeSet::new();
    for vector in &all {
        let function = vector.function.as_deref().unwrap();
        match (function, vector.result) {
            ("sign" | "seal", Outcome::Valid) => known_answer(vector, function),
            ("verify" | "unseal", Outcome::Valid) => acceptance(vector, function),
            ("verify" | "unseal", Outcome::Invalid) => {
                let twin = all.iter().find(|known| Some(&known.id) == vector.twin.as_ref());
                refusal(vector, function, twin.unwrap());
            }
            other => panic!("{}: {other:?} is not played", vector.id),
        }
        played.insert((function, vector.result == Outcome::Valid));
    }
    let functions = [
        ("seal", true),
        ("sign", true),
        ("unseal", false),
        ("unseal", true),
        ("verify", false),
        ("verify", true),
    ];
    assert_eq!(played, BTreeSet::from(functions));
}
