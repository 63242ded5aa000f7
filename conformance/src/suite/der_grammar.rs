//! The mutation grammar of tokens in DER: each element's tag, length, content and presence.
//!
//! | path | place |
//! |---|---|
//! | `frame`, `this-mech`, `token`, `fields` | the elements that every token has: framing, its identifier, `[0]` or `[1]`, the sequence |
//! | `mech-token` … | a field with its explicit tag |
//! | `mech-token.outer-tag`, `.outer-length` | tag and length of the explicit tag |
//! | `mech-token.tag`, `.length`, `.value` | tag, length and content of the element inside; of `frame` and the like of the element itself |
//! | `mech-types.0`, `hint-name` | an element of the list, a hint |
//!
//! Lengths around a place follow it, so that one thing is wrong at a time.

use legwork_engine::negotiate::messages::{NegTokenInit, NegTokenResp};

use super::grammar::{Mutant, Mutation, Structure};

/// A field of a token by its name in the specification, and that in scenarios.
const FIELD_NAMES: &[(&str, &str)] = &[
    ("mechTypes", "mech-types"),
    ("reqFlags", "req-flags"),
    ("mechToken", "mech-token"),
    ("negHints", "hints"),
    ("mechListMIC", "mech-list-mic"),
    ("negState", "neg-state"),
    ("supportedMech", "supported-mech"),
    ("responseToken", "response-token"),
];

/// Elements without an explicit tag of their own.
const PLAIN: &[&str] = &["frame", "this-mech", "token", "fields", "mech-types.0"];

/// A hint, which stands in the field of all hints.
pub(crate) const HINTS: &[(&str, u8)] = &[("hint-name", 0), ("hint-address", 1)];

/// What can be wrong in one element.
const PARTS: &[&str] = &["tag", "length", "value"];

/// The same of the explicit tag around it.
const OUTER_PARTS: &[&str] = &["outer-tag", "outer-length"];

const TAG: &[Mutant] = &[
    Mutant::Zero,
    Mutant::PlusOne,
    Mutant::MinusOne,
    Mutant::AllOnes,
    Mutant::Bit(5),
];
const LENGTH: &[Mutant] = &[
    Mutant::Zero,
    Mutant::PlusOne,
    Mutant::MinusOne,
    Mutant::LongForm,
    Mutant::LongestForm,
    Mutant::Indefinite,
    Mutant::TooWide,
    Mutant::Half,
    Mutant::Huge,
    Mutant::BeyondLowByte,
    Mutant::BeyondLowHalf,
];
/// Of an element of one byte, which is empty with one byte less.
const LENGTH_OF_STATE: &[Mutant] = &[
    Mutant::Zero,
    Mutant::PlusOne,
    Mutant::LongForm,
    Mutant::LongestForm,
    Mutant::Indefinite,
    Mutant::TooWide,
    Mutant::Half,
    Mutant::Huge,
    Mutant::BeyondLowByte,
    Mutant::BeyondLowHalf,
];
/// Of an element that fills another one: its absence and its end are the other's.
const FILLING: &[Mutant] = &[Mutant::Twice, Mutant::CutBefore];
const PRESENCE: &[Mutant] = &[
    Mutant::Absent,
    Mutant::Twice,
    Mutant::CutBefore,
    Mutant::CutWithin,
];
const BYTES: &[Mutant] = &[Mutant::Zero, Mutant::AllOnes, Mutant::LastByte, Mutant::Empty];
const STATE: &[Mutant] = &[
    Mutant::Zero,
    Mutant::PlusOne,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::Empty,
];
/// For a state that is zero already, or is the only thing that is told.
const ONLY_STATE: &[Mutant] = &[
    Mutant::Bit(0),
    Mutant::Bit(1),
    Mutant::Bit(2),
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::Empty,
];
const LIST: &[Mutant] = &[Mutant::Empty, Mutant::TenThousand, Mutant::Nested];

/// The name that scenarios have for a field of the specification.
pub(crate) fn field_name(name: &str) -> Option<&'static str> {
    let known = FIELD_NAMES.iter().find(|(theirs, _)| *theirs == name);
    known.map(|(_, ours)| *ours)
}

/// The mutations of a token.
pub(crate) fn mutations(structure: Structure) -> Vec<Mutation> {
    let (fields, plain): (&[_], &[&str]) = match structure {
        Structure::NegTokenInit => (NegTokenInit::FIELDS, PLAIN),
        Structure::NegTokenResp | Structure::NegTokenAnswer | Structure::NegTokenState => {
            (NegTokenResp::FIELDS, &["token", "fields"])
        }
        Structure::MechListMic => (NegTokenResp::FIELDS, &[]),
        _ => (NegTokenInit::FIELDS, &[]),
    };
    let mut mutations = Vec::new();
    for name in plain {
        element(&mut mutations, name);
    }
    let names = fields.iter().filter_map(|(name, _)| field_name(name));
    for name in names.filter(|name| has(structure, name)) {
        add(&mut mutations, name, PRESENCE);
        field(&mut mutations, name, values(structure, name));
        if !is_last(structure, name) {
            add(
                &mut mutations,
                &format!("{name}.outer-length"),
                &[Mutant::PastTheEnd],
            );
        }
    }
    if structure == Structure::NegTokenInit2 {
        add(&mut mutations, "hint-name", FILLING);
        field(&mut mutations, "hint-name", BYTES);
    }
    mutations
}

/// Whether a token of this structure has a field that is to be mutated.
fn has(structure: Structure, field: &str) -> bool {
    match structure {
        Structure::NegTokenInit => matches!(field, "mech-types" | "mech-token"),
        Structure::NegTokenInit2 => matches!(field, "mech-types" | "hints"),
        Structure::NegTokenInitFlags => field == "req-flags",
        Structure::NegTokenInitCode => field == "mech-list-mic",
        Structure::NegTokenResp => field != "mech-list-mic",
        Structure::NegTokenAnswer => matches!(field, "neg-state" | "response-token"),
        Structure::NegTokenState => field == "neg-state",
        Structure::MechListMic => field == "mech-list-mic",
        _ => false,
    }
}

/// Whether no field follows: to end past the end of what it stands in is one byte more, then.
fn is_last(structure: Structure, field: &str) -> bool {
    match structure {
        Structure::NegTokenInit => field == "mech-token",
        Structure::NegTokenResp => field == "response-token",
        _ => matches!(field, "hints" | "mech-list-mic"),
    }
}

fn add(mutations: &mut Vec<Mutation>, at: &str, to: &[Mutant]) {
    mutations.extend(to.iter().map(|to| Mutation {
        at: at.to_owned(),
        to: *to,
    }));
}

/// An element without an explicit tag. A token is not there twice, and bytes behind it are the frame's business.
fn element(mutations: &mut Vec<Mutation>, name: &str) {
    add(mutations, &format!("{name}.tag"), TAG);
    add(mutations, &format!("{name}.length"), LENGTH);
    match name {
        "this-mech" => {
            add(mutations, name, PRESENCE);
            add(mutations, "this-mech.length", &[Mutant::PastTheEnd]);
            add(mutations, "this-mech.value", BYTES);
        }
        "mech-types.0" => {
            add(mutations, name, FILLING);
            add(mutations, "mech-types.0.value", BYTES);
        }
        "token" => add(mutations, name, &[Mutant::Nested]),
        _ => {}
    }
}

/// What the content of a field comes to.
fn values(structure: Structure, name: &str) -> &'static [Mutant] {
    match name {
        "neg-state" if structure == Structure::NegTokenState => ONLY_STATE,
        "neg-state" => STATE,
        "mech-types" => LIST,
        "hints" => &[Mutant::Empty],
        _ => BYTES,
    }
}

/// A field: its explicit tag, and the element inside.
fn field(mutations: &mut Vec<Mutation>, name: &str, values: &[Mutant]) {
    let lengths = if name == "neg-state" {
        LENGTH_OF_STATE
    } else {
        LENGTH
    };
    add(mutations, &format!("{name}.outer-tag"), TAG);
    add(mutations, &format!("{name}.outer-length"), LENGTH);
    add(mutations, &format!("{name}.tag"), TAG);
    add(mutations, &format!("{name}.length"), lengths);
    add(mutations, &format!("{name}.value"), values);
}

/// Whether a path names a place of some token.
pub(super) fn is_place(path: &str) -> bool {
    let is_field = |name: &str| {
        FIELD_NAMES.iter().any(|(_, ours)| *ours == name) || HINTS.iter().any(|(hint, _)| *hint == name)
    };
    let (name, part) = split(path);
    match part {
        "" => is_field(name) || PLAIN.contains(&name),
        part if OUTER_PARTS.contains(&part) => is_field(name),
        _ => is_field(name) || PLAIN.contains(&name),
    }
}

/// The element that a path names, and the part of it; empty for the element as a whole.
pub(crate) fn split(path: &str) -> (&str, &str) {
    match path.rsplit_once('.') {
        Some((name, part)) if PARTS.contains(&part) || OUTER_PARTS.contains(&part) => (name, part),
        _ => (path, ""),
    }
}
