//! Where fuzzing starts: every vector for the targets that read such a token, every token of exchanges that the
//! engine runs, and scripts that lead each model to its end.

mod negotiate;
#[cfg(feature = "texts")]
mod texts;

pub use negotiate::{mutations, recipe as recipe_of_negotiate, scripts};

use legwork_engine::{flags::AcceptRequirements, ntlm::messages::NegotiateFlags};
use legwork_vectors::Vector;

use crate::oracle::{
    mutated_exchange::Mutation,
    world::{Choices, EVERYTHING, Logon, Pair, token},
};

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
        "baseline" => vec![Seed::new("nothing", [0])],
        "codec_der" => negotiate::elements(),
        target if target.starts_with("negotiate_") => negotiate::of(target),
        "ntlm_mutated_exchange" | "ntlm_unlocked_exchange" => worlds(),
        "ntlm_protection" => protection_scripts(),
        #[cfg(feature = "texts")]
        "texts_protocol" | "texts_suite" | "texts_vectors" => texts::of(target),
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
            initiator: if policy & 128 == 0 { EVERYTHING } else { 0 },
            policy: policy & 0b0100_1111,
            initiator_bindings: (policy & 16 != 0).then_some(1),
            withheld: u32::from(policy & 32 != 0),
            ..Choices::default()
        };
        add_tokens(&format!("exchange-{policy}"), choices, &mut tokens);
    }
    for (number, choices) in (0_u8..).zip(kinds()) {
        add_tokens(&format!("kind-{number}"), choices, &mut tokens);
    }
    tokens
}

fn add_tokens(name: &str, choices: Choices, tokens: &mut Vec<(&'static str, Seed)>) {
    let mut pair = Pair::new(choices);
    let first = pair.initialize(None, None);
    let second = pair.accept(None, Some(&token(&first.output)));
    let third = pair.initialize(first.context, Some(&token(&second.output)));
    for (kind, output) in [
        ("negotiate", first.output),
        ("challenge", second.output),
        ("authenticate", third.output),
    ] {
        tokens.push((kind, Seed::new(name, token(&output))));
    }
}

/// Choices of each kind of exchange: every level, with and without extended session security, datagrams, each
/// character set, and everybody who may log on.
fn kinds() -> Vec<Choices> {
    let (unicode, ess) = (
        NegotiateFlags::UNICODE.bits(),
        NegotiateFlags::EXTENDED_SESSIONSECURITY.bits(),
    );
    let mut kinds = Vec::new();
    for leniency in 0..6 {
        for (withheld, datagram) in [(0, 0), (unicode, 0), (ess, 0), (0, 0x400), (ess, 0x400)] {
            for logon in [Logon::Owner, Logon::Stranger, Logon::Nobody] {
                kinds.push(Choices {
                    initiator: EVERYTHING | datagram,
                    acceptor: AcceptRequirements::ALLOW_NULL_SESSION.bits() | datagram,
                    withheld,
                    policy: 128,
                    initiator_leniency: leniency,
                    acceptor_leniency: leniency,
                    logon,
                    ..Choices::default()
                });
            }
        }
    }
    kinds.extend(refused_kinds());
    kinds
}

/// Choices that are refused, or nearly, each for one reason: another password, closed accounts, versions that a level
/// refuses, bindings of another channel and none, weak keys, no null session, nobody who is asked for.
fn refused_kinds() -> Vec<Choices> {
    let plain = || Choices {
        initiator: EVERYTHING,
        ..Choices::default()
    };
    let mut kinds = vec![
        Choices {
            logon: Logon::Impostor,
            ..plain()
        },
        Choices {
            logon: Logon::Stranger,
            ..plain()
        },
        Choices {
            logon: Logon::Nobody,
            ..plain()
        },
        Choices {
            acceptor_bindings: Some(1),
            ..plain()
        },
        Choices {
            initiator_bindings: Some(1),
            acceptor_bindings: Some(1),
            ..plain()
        },
        Choices {
            initiator_bindings: Some(1),
            acceptor_bindings: Some(2),
            ..plain()
        },
        Choices {
            acceptor: AcceptRequirements::ALLOW_MISSING_BINDINGS.bits(),
            acceptor_bindings: Some(1),
            ..plain()
        },
        Choices {
            initiator: 0,
            ..plain()
        },
        Choices {
            initiator: EVERYTHING | 0x400,
            ..plain()
        },
        Choices {
            initiator: EVERYTHING | 0x400,
            acceptor: 0x400,
            denied: 0x4000_0040,
            ..plain()
        },
    ];
    kinds.extend((0..5).map(|account| Choices { account, ..plain() }));
    kinds.extend((0..6).map(|initiator_leniency| Choices {
        initiator_leniency,
        ..plain()
    }));
    let weak = NegotiateFlags::NEGOTIATE_128.bits();
    kinds.extend([0, 16, 32].map(|policy| Choices {
        policy,
        denied: weak,
        ..plain()
    }));
    kinds
}

/// Inputs of the mutated exchange: each kind untouched, and with an edit of each token.
fn worlds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (number, choices) in (0_u8..).zip(kinds()) {
        for leg in 0..4 {
            let mutation = Mutation {
                choices: choices.clone(),
                leg,
                at: u16::from(number).wrapping_mul(7),
                removed: 1,
                inserted: vec![number],
            };
            seeds.push(Seed::new(format!("kind-{number}-edit-{leg}"), recipe(&mutation)));
        }
    }
    seeds
}

/// The bytes that a mutation is read from.
#[must_use]
pub fn recipe(mutation: &Mutation) -> Vec<u8> {
    let mut bytes = recipe_of(&mutation.choices);
    bytes.push(mutation.leg);
    bytes.extend(mutation.at.to_le_bytes());
    bytes.push(mutation.removed);
    bytes.extend(list_of(&mutation.inserted));
    bytes
}

/// The bytes that a list of bytes is read from: each behind one that says that there is another.
fn list_of(list: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = list.iter().flat_map(|byte| [1, *byte]).collect();
    bytes.push(0);
    bytes
}

/// The bytes that choices are read from.
fn recipe_of(choices: &Choices) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in [
        choices.initiator,
        choices.acceptor,
        choices.withheld,
        choices.denied,
    ] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.push(choices.policy);
    for bindings in [choices.initiator_bindings, choices.acceptor_bindings] {
        bytes.push(bindings.is_some().into());
        bytes.extend(bindings);
    }
    bytes.extend([choices.initiator_leniency, choices.acceptor_leniency]);
    // A variant is read from a number between zero and the largest, in proportion.
    let quarter = match choices.logon {
        Logon::Owner => 0,
        Logon::Impostor => 1,
        Logon::Stranger => 2,
        Logon::Nobody => 3_u32,
    };
    bytes.extend((quarter << 30).to_le_bytes());
    bytes.push(choices.account);
    bytes
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
    let negotiated: &[[u8; 4]] = &[
        [0, 0, 0, 16],
        [0, 1, 0, 16],
        [2, 0, 0, 0],
        [4, 1, 2, 0],
        [3, 0, 3, 0],
        [8, 0, 1, 0],
        [5, 1, 4, 0],
        [3, 0, 5, 0],
    ];
    let messages: &[[u8; 4]] = &[
        [8, 0, 1, 0],
        [9, 1, 0, 0],
        [10, 1, 2, 0],
        [11, 0, 1, 0],
        [12, 0, 5, 0],
        [10, 0, 3, 8],
        [11, 1, 2, 0],
        [12, 1, 5, 0],
    ];
    let goodbye: &[[u8; 4]] = &[[6, 0, 0, 0], [6, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]];
    vec![
        Seed::new("exchange", exchange.concat()),
        Seed::new(
            "negotiated",
            [negotiated.concat(), messages.concat(), goodbye.concat()].concat(),
        ),
        Seed::new("messages", [exchange.concat(), messages.concat()].concat()),
        Seed::new(
            "goodbye",
            [exchange.concat(), messages.concat(), goodbye.concat()].concat(),
        ),
    ]
}

/// Flags, key and steps for each strength of protection.
fn protection_scripts() -> Vec<Seed> {
    let words: [u32; 9] = [
        0xE208_8235,
        0x8208_8235,
        0x0208_8235,
        0xE200_8235,
        0x8200_82B5,
        0x6008_8215,
        0xE208_8275,
        0xE200_8275,
        0x0000_8205,
    ];
    words
        .iter()
        .map(|flags| {
            let mut bytes = flags.to_le_bytes().to_vec();
            bytes.extend([0x55; 16]);
            bytes.extend((0..=u8::MAX).map(|step| step.wrapping_mul(37)));
            Seed::new(format!("flags-{flags:08x}"), bytes)
        })
        .collect()
}
