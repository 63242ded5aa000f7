//! What the bytes of a token mean: a tree of fields with byte ranges, values, errors and warnings.
//!
//! Inspection judges nothing that needs a second token, a secret or a clock; that is what checks are for. It reads as
//! much as it can of any bytes, and says at the place what a reader refuses (an error, in the words of the engine's
//! parsers) and what is odd (a warning, with the rule that a sender breaks if there is one).
//!
//! | module | holds |
//! |---|---|
//! | `model` | the tree |
//! | `part`, `time` | a stretch of a token, and values of bytes |
//! | `frame`, `layout`, `message` | what the three messages have in common |
//! | `negotiate`, `challenge`, `authenticate`, `response`, `av_pairs`, `signature`, `unknown` | one structure of NTLM each |
//! | `element`, `spnego`, `spnego_remarks`, `negoex`, `mechanism` | elements of DER, the tokens of Negotiate, and what is inside |
//! | `text`, `hexdump`, `json`, `vector`, `spnego_vector`, `diff` | renderings |
//! | `input`, `command` | the command line |

mod authenticate;
mod av_pairs;
mod challenge;
pub mod command;
pub mod diff;
mod element;
mod frame;
pub mod hexdump;
pub mod input;
pub mod json;
mod layout;
mod mechanism;
mod message;
pub mod model;
mod negoex;
mod negotiate;
mod part;
mod response;
mod rules;
mod signature;
mod spnego;
mod spnego_remarks;
mod spnego_vector;
pub mod text;
pub(crate) mod time;
mod unknown;
mod vector;

use std::ops::Range;

use legwork_engine::{
    negotiate::messages::negoex::SIGNATURE as NEGOEX,
    ntlm::messages::{MessageType, message_type},
};

pub use command::{Format, Input, command};
pub use input::{InputError, read_input};
pub use model::{Inspection, Kind, Node, Problem, Span, Value, Warning};
pub use rules::CITED;

use part::Part;

use crate::suite::vectors::TokenKind;

/// Decodes a token, recognised by its signature and message type, or by its outer elements.
#[must_use]
pub fn inspect(bytes: &[u8]) -> Inspection {
    inspect_as(token_kind(bytes).unwrap_or(Kind::Unknown), bytes)
}

/// Decodes a token as what the caller says that it is.
#[must_use]
pub fn inspect_as(kind: Kind, bytes: &[u8]) -> Inspection {
    Inspection {
        kind,
        length: bytes.len(),
        tree: decode(kind, Part::whole(bytes)),
    }
}

/// The decoded fields of a token: path in scenarios, value as an edit would spell it, and byte range. A field whose
/// bytes are not all there is left out; an empty one has the range of its descriptor.
#[must_use]
pub fn fields(bytes: &[u8]) -> Vec<(String, String, Range<usize>)> {
    fields_as(token_kind(bytes).unwrap_or(Kind::Unknown), bytes)
}

/// What a token means in the words of the vector files; none if it cannot be read or its kind has no vector file.
pub(crate) fn vector_fields(kind: Kind, bytes: &[u8]) -> Option<serde_json::Value> {
    vector::fields(kind, bytes)
}

/// As [`fields`], of a token of a known kind.
#[must_use]
pub fn fields_as(kind: Kind, bytes: &[u8]) -> Vec<(String, String, Range<usize>)> {
    let inspection = inspect_as(kind, bytes);
    let spelled = inspection.nodes().filter_map(|node| {
        let path = node.path.clone()?;
        Some((path, spelled(node, bytes), node.span.range()))
    });
    spelled.collect()
}

/// A value as an edit of a scenario spells it: text as it is, numbers and flag words in hex, else hex of the bytes.
fn spelled(node: &Node, bytes: &[u8]) -> String {
    match &node.value {
        Some(Value::Text { text, .. }) => text.clone(),
        Some(Value::Number { hex, .. } | Value::Flags { hex, .. }) => hex.clone(),
        Some(Value::Descriptor { .. }) => String::new(),
        Some(Value::Oid { oid, name }) => name.map_or_else(|| oid.clone(), str::to_owned),
        Some(Value::Enumerated { number, name }) => name.map_or_else(|| number.to_string(), str::to_owned),
        _ if node.name == MECH_TYPE_LIST => mechanisms(node, bytes),
        _ if is_pair(node) => String::new(),
        _ => hex::encode(bytes.get(node.span.range()).unwrap_or_default()),
    }
}

/// The list of mechanisms: the field in scenarios is the sequence with its tag and length.
const MECH_TYPE_LIST: &str = "MechTypeList";

/// The mechanisms of a list by their names, or in dotted form.
fn mechanisms(list: &Node, bytes: &[u8]) -> String {
    let mechanisms = list.children.iter().filter(|node| node.name == "MechType");
    let names: Vec<String> = mechanisms.map(|node| spelled(node, bytes)).collect();
    names.join(" ")
}

/// Whether a node is an AV pair; only one without a value has a path itself.
fn is_pair(node: &Node) -> bool {
    node.children.first().is_some_and(|child| child.name == "AvId")
}

/// The kind of a token, from how it begins.
fn token_kind(bytes: &[u8]) -> Option<Kind> {
    message_kind(bytes).or_else(|| match bytes.starts_with(&NEGOEX) {
        true => Some(Kind::Negoex),
        false => spnego::kind(Part::whole(bytes)),
    })
}

/// The kind of a message of NTLM, from its first twelve bytes.
fn message_kind(bytes: &[u8]) -> Option<Kind> {
    match message_type(bytes).ok()? {
        MessageType::NEGOTIATE => Some(Kind::Negotiate),
        MessageType::CHALLENGE => Some(Kind::Challenge),
        MessageType::AUTHENTICATE => Some(Kind::Authenticate),
        _ => None,
    }
}

impl From<TokenKind> for Kind {
    fn from(token: TokenKind) -> Self {
        match token {
            TokenKind::Negotiate => Self::Negotiate,
            TokenKind::Challenge => Self::Challenge,
            TokenKind::Authenticate => Self::Authenticate,
            TokenKind::AvPair => Self::AvPairs,
            TokenKind::NegTokenInit => Self::NegTokenInit,
            TokenKind::NegTokenInit2 => Self::NegTokenInit2,
            TokenKind::NegTokenResp => Self::NegTokenResp,
        }
    }
}

fn decode(kind: Kind, token: Part<'_>) -> Node {
    match kind {
        Kind::Negotiate => negotiate::decode(token),
        Kind::Challenge => challenge::decode(token),
        Kind::Authenticate => authenticate::decode(token),
        Kind::AvPairs => av_pairs::decode(token, kind.structure(), "av-pairs").node,
        Kind::NtResponse => named(response::nt(token).node, kind),
        Kind::ClientChallenge => response::client_challenge(token, "").0,
        Kind::Signature => signature::decode(token),
        Kind::NegTokenInit | Kind::NegTokenInit2 => spnego::first(kind, token),
        Kind::NegTokenResp => spnego::later(token),
        Kind::Negoex => negoex::decode(token),
        Kind::InitialContextToken => spnego::other(token),
        Kind::Unknown => unknown::decode(token),
    }
}

fn named(mut node: Node, kind: Kind) -> Node {
    kind.structure().clone_into(&mut node.name);
    node
}
