//! Where fuzzing starts: every vector for the targets that read such a token, every token of exchanges that the
//! engine runs, and scripts that lead each model to its end.

use legwork_vectors::Vector;

use crate::oracle::world::{Choices, Pair, token};

/// A file of a corpus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Name of the file.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Seed {
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            bytes: bytes.into(),
        }
    }
}

/// The seeds of a target.
///
/// # Panics
/// The vectors that are compiled in cannot be read.
#[must_use]
pub fn of(target: &str) -> Vec<Seed> {
    match target {
        "call_order" => call_scripts(),
        "ntlm_mutated_exchange" => worlds(24),
        "ntlm_protection" => protection_scripts(),
        _ => tokens_of(target),
    }
}

/// Which target reads the tokens of a vector file.
fn readers(token: &str) -> &'static [&'static str] {
    match token {
        "negotiate" => &["ntlm_negotiate", "ntlm_hostile_peer"],
        "challenge" => &["ntlm_challenge", "ntlm_hostile_peer"],
        "authenticate" => &["ntlm_authenticate", "ntlm_hostile_peer"],
        "nt_response" => &["ntlm_nt_response"],
        "av_pair" => &["ntlm_av_pairs"],
        "signature" => &["ntlm_signature"],
        _ => &[],
    }
}

fn tokens_of(target: &str) -> Vec<Seed> {
    let mut seeds: Vec<Seed> = vector_tokens()
        .into_iter()
        .chain(exchange_tokens())
        .filter(|(token, _)| readers(token).contains(&target))
        .map(|(_, seed)| seed)
        .collect();
    seeds.dedup_by(|left, right| left.name == right.name);
    seeds
}

/// Every token that the vectors hold, with the kind it is of.
///
/// # Panics
/// The vectors that are compiled in cannot be read.
#[must_use]
pub fn vector_tokens() -> Vec<(&'static str, Seed)> {
    let mut tokens = Vec::new();
    for (_, vector) in legwork_vectors::all().expect("the vectors are compiled in and checked") {
        tokens.extend(parts(&vector));
    }
    tokens
}

/// The tokens of a vector: itself, and what it holds.
fn parts(vector: &Vector) -> Vec<(&'static str, Seed)> {
    const KINDS: [&str; 4] = ["negotiate", "challenge", "authenticate", "av_pair"];
    let name = vector.id.replace('/', "-");
    let kind = KINDS
        .iter()
        .find(|kind| vector.id.split('/').nth(1) == Some(kind));
    let own = kind.zip(vector.bytes.as_ref());
    let mut found: Vec<_> = own
        .map(|(kind, bytes)| (*kind, Seed::new(name.clone(), bytes.clone())))
        .into_iter()
        .collect();
    for (member, kind) in [
        ("nt_response", "nt_response"),
        ("signature", "signature"),
        ("av_pairs", "av_pair"),
    ] {
        for members in [&vector.fields, &vector.inputs] {
            let text = members.get(member).and_then(|value| value.as_str());
            if let Some(bytes) = text.and_then(|text| hex::decode(text).ok()) {
                found.push((kind, Seed::new(format!("{name}-{member}"), bytes)));
            }
        }
    }
    found
}

/// The tokens of exchanges with all choices that lead through different code.
fn exchange_tokens() -> Vec<(&'static str, Seed)> {
    let mut tokens = Vec::new();
    for policy in 0..=u8::MAX {
        let choices = Choices {
            initiator: if policy & 128 == 0 { u32::MAX } else { 0 },
            policy: policy & 0b0100_1111,
            initiator_bindings: (policy & 16 != 0).then_some(1),
            withheld: u32::from(policy & 32 != 0),
            ..Choices::default()
        };
        let mut pair = Pair::new(choices);
        let first = pair.initialize(None, None);
        let second = pair.accept(None, Some(&token(&first.output)));
        let third = pair.initialize(first.context, Some(&token(&second.output)));
        for (kind, output) in [
            ("negotiate", first.output),
            ("challenge", second.output),
            ("authenticate", third.output),
        ] {
            tokens.push((kind, Seed::new(format!("exchange-{policy}"), token(&output))));
        }
    }
    tokens
}

/// Inputs of the mutated exchange: choices of both sides, and edits of each token.
fn worlds(count: u8) -> Vec<Seed> {
    (0..count)
        .map(|number| {
            let requirements = if number.is_multiple_of(4) { 0 } else { u32::MAX };
            let mut bytes = requirements.to_le_bytes().to_vec();
            bytes.extend([0; 12]);
            bytes.extend([number & 0x0F, 0, 0, number % 3, number, 0, 1, number]);
            bytes.extend([number; 8]);
            Seed::new(format!("world-{number}"), bytes)
        })
        .collect()
}

/// Calls that lead an exchange to its end and use the contexts, four bytes each.
fn call_scripts() -> Vec<Seed> {
    let exchange: &[[u8; 4]] = &[
        [0, 0, 0, 0],
        [0, 1, 0, 0],
        [2, 0, 0, 0],
        [4, 1, 2, 0],
        [3, 0, 3, 0],
        [5, 1, 4, 0],
    ];
    let messages: &[[u8; 4]] = &[
        [8, 0, 1, 0],
        [9, 1, 0, 0],
        [10, 1, 2, 0],
        [11, 0, 1, 0],
        [12, 0, 0, 0],
    ];
    let goodbye: &[[u8; 4]] = &[[6, 0, 0, 0], [6, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]];
    vec![
        Seed::new("exchange", exchange.concat()),
        Seed::new("messages", [exchange.concat(), messages.concat()].concat()),
        Seed::new(
            "goodbye",
            [exchange.concat(), messages.concat(), goodbye.concat()].concat(),
        ),
    ]
}

/// Flags, key and steps for each strength of protection.
fn protection_scripts() -> Vec<Seed> {
    let words: [u32; 6] = [
        0xE208_8235,
        0x8208_8235,
        0x0208_8235,
        0xE200_8235,
        0x6008_8215,
        0x0000_8205,
    ];
    words
        .iter()
        .map(|flags| {
            let mut bytes = flags.to_le_bytes().to_vec();
            bytes.extend([0x55; 16]);
            bytes.extend((0..96_u8).map(|step| step.wrapping_mul(37)));
            Seed::new(format!("flags-{flags:08x}"), bytes)
        })
        .collect()
}
