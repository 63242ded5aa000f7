//! Signed and sealed messages: every combination that can be negotiated is there, and a broken message differs from
//! its twin in one member.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests")]

use legwork_vectors::{Outcome, Vector, load};
use pretty_assertions::assert_eq;
use serde_json::{Map, Value};

const SIGN: u32 = 0x0000_0010;
const SEAL: u32 = 0x0000_0020;
const DATAGRAM: u32 = 0x0000_0040;
const LM_KEY: u32 = 0x0000_0080;
const ESS: u32 = 0x0008_0000;
const NEGOTIATE_128: u32 = 0x2000_0000;
const KEY_EXCH: u32 = 0x4000_0000;
const NEGOTIATE_56: u32 = 0x8000_0000;
/// The bits that protection depends on.
const PROTECTION: u32 = SIGN | SEAL | DATAGRAM | LM_KEY | ESS | NEGOTIATE_128 | KEY_EXCH | NEGOTIATE_56;

fn vectors(result: Outcome) -> Vec<Vector> {
    let document = load("ntlm/protection.json").unwrap();
    let all = document.groups.into_iter().flat_map(|group| group.vectors);
    all.filter(|vector| vector.result == result).collect()
}

fn flags(vector: &Vector) -> u32 {
    let text = vector.inputs["flags"].as_str().unwrap();
    u32::from_str_radix(text.strip_prefix("0x").unwrap(), 16).unwrap() & PROTECTION
}

/// Strength of the key and whether it is exchanged, on connection-oriented contexts.
fn keys() -> Vec<u32> {
    let strengths = [
        ESS | NEGOTIATE_128,
        ESS | NEGOTIATE_56,
        ESS,
        LM_KEY | NEGOTIATE_56,
        LM_KEY,
        NEGOTIATE_128,
        0,
    ];
    let exchanged = |strength| [strength, strength | KEY_EXCH];
    strengths.into_iter().flat_map(exchanged).collect()
}

/// Flags, sender and function of every combination. Connectionless contexts have ESS and a key exchange.
fn combinations() -> Vec<(u32, &'static str, &'static str)> {
    let mut combinations = Vec::new();
    for keys in keys()
        .into_iter()
        .chain([ESS | NEGOTIATE_128 | KEY_EXCH | DATAGRAM])
    {
        for side in ["initiator", "acceptor"] {
            combinations.extend([
                (keys | SIGN, side, "sign"),
                (keys | SIGN | SEAL, side, "sign"),
                (keys | SIGN | SEAL, side, "seal"),
            ]);
        }
    }
    combinations
}

#[test]
fn every_combination_has_an_empty_a_short_and_a_long_message() {
    let valid = vectors(Outcome::Valid);
    for (wanted, side, function) in combinations() {
        let matching = valid.iter().filter(|vector| {
            flags(vector) == wanted
                && vector.inputs["side"] == side
                && vector.function.as_deref() == Some(function)
        });
        let mut found: Vec<(u64, usize)> = matching
            .map(|vector| {
                let message = vector.inputs["message"].as_str().unwrap();
                let number = vector.inputs["sequence_number"].as_u64().unwrap();
                (number, message.len() / 2)
            })
            .collect();
        found.sort_unstable();
        let third = if wanted & DATAGRAM == 0 { 2 } else { 100 };
        let series = [(0, 0), (1, 5), (third, 70)];
        assert!(
            series.iter().all(|message| found.contains(message)),
            "{wanted:#010x} {side} {function}: {found:?}"
        );
    }
}

#[test]
fn a_pad_that_is_not_compared_is_marked() {
    for vector in vectors(Outcome::Valid) {
        let marked = vector.notes.iter().any(|note| note.starts_with("N1:"));
        assert_eq!(marked, flags(&vector) & ESS == 0, "{}", vector.id);
    }
}

/// Names of the members in which two maps differ. The earlier messages come with the number of the message.
fn differing<'a>(left: &'a Map<String, Value>, right: &'a Map<String, Value>) -> Vec<&'a str> {
    let names = left.keys().filter(|name| *name != "earlier_messages");
    names
        .filter(|name| left.get(*name) != right.get(*name))
        .map(String::as_str)
        .collect()
}

#[test]
fn a_broken_message_differs_from_its_twin_in_one_member() {
    let valid = vectors(Outcome::Valid);
    for vector in vectors(Outcome::Invalid) {
        let twin = valid.iter().find(|known| Some(&known.id) == vector.twin.as_ref());
        let twin = twin.unwrap();
        let pair = (twin.function.as_deref(), vector.function.as_deref());
        assert!(
            [(Some("seal"), Some("unseal")), (Some("sign"), Some("verify"))].contains(&pair),
            "{}: {pair:?}",
            vector.id
        );
        let mut sent = twin.inputs.clone();
        sent.extend(twin.fields.clone());
        let differing = differing(&vector.inputs, &sent);
        assert_eq!(differing.len(), 1, "{}: {differing:?}", vector.id);
    }
}

#[test]
fn earlier_messages_are_as_many_as_the_number_says() {
    for vector in vectors(Outcome::Valid).iter().chain(&vectors(Outcome::Invalid)) {
        let earlier = vector.inputs.get("earlier_messages").and_then(Value::as_array);
        let connectionless = flags(vector) & DATAGRAM != 0;
        let wanted = if connectionless {
            0
        } else {
            vector.inputs["sequence_number"].as_u64().unwrap()
        };
        assert_eq!(
            u64::try_from(earlier.map_or(0, Vec::len)).unwrap(),
            wanted,
            "{}",
            vector.id
        );
    }
}

#[test]
fn every_kind_of_key_has_each_defect() {
    const DEFECTS: [&str; 4] = [
        "checksum-mismatch",
        "out-of-sequence",
        "signature-version",
        "truncated",
    ];
    let families: [(u32, u32); 5] = [
        (ESS | KEY_EXCH, ESS | KEY_EXCH | DATAGRAM),
        (ESS, ESS | KEY_EXCH | DATAGRAM),
        (LM_KEY, ESS | LM_KEY),
        (0, ESS | LM_KEY),
        (ESS | DATAGRAM, ESS | DATAGRAM),
    ];
    let invalid = vectors(Outcome::Invalid);
    for (wanted, mask) in families {
        for function in ["verify", "unseal"] {
            for defect in DEFECTS {
                let found = invalid.iter().any(|vector| {
                    flags(vector) & mask == wanted
                        && vector.function.as_deref() == Some(function)
                        && vector.reason.as_deref() == Some(defect)
                });
                assert!(found, "{wanted:#010x}: no {function} with {defect}");
            }
        }
    }
}
