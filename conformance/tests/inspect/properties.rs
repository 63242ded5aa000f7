//! What holds of the inspection of any bytes.

use std::ops::Range;

use legwork::{
    inspect::{Kind, Node, fields_as, inspect, inspect_as, json, read_input, text::tree},
    render,
};
use legwork_engine::{
    negotiate::messages::{NegTokenResp, Token as NegotiateToken, negoex},
    ntlm::messages::{Authenticate, AvPairs, Challenge, Negotiate, NtlmV2Response},
};
use proptest::prelude::*;

use crate::{
    spnego::{answer, hints, init, offer},
    tokens::{authenticate, challenge, negotiate},
};

/// Ranges lie within the token, children within their parents.
fn assert_nested(node: &Node, within: Range<usize>) {
    let range = node.span.range();
    assert!(range.start <= range.end, "{} {range:?}", node.name);
    assert!(
        within.start <= range.start && range.end <= within.end,
        "{} {range:?} outside {within:?}",
        node.name
    );
    for child in &node.children {
        assert_nested(child, range.clone());
    }
}

/// What holds of the inspection of any bytes.
fn assert_sound(kind: Kind, bytes: &[u8]) {
    let inspection = inspect_as(kind, bytes);
    assert_eq!(inspection.tree.span.range(), 0..bytes.len());
    assert_nested(&inspection.tree, 0..bytes.len());
    let marks: Vec<_> = fields_as(kind, bytes)
        .into_iter()
        .map(|(path, _, range)| (range, path))
        .collect();
    assert!(marks.iter().all(|(range, _)| range.end <= bytes.len()));
    assert!(tree(&inspection, true).len() >= tree(&inspection, false).len());
    assert!(!render::annotated_hex(bytes, &marks).is_empty());
    assert!(!render::decoded_diff_as(kind, bytes, &bytes[bytes.len() / 2..]).is_empty());
    assert!(serde_json::to_string(&json::report(kind, bytes)).is_ok());
    let refused = match kind {
        Kind::Negotiate => Negotiate::parse(bytes).err(),
        Kind::Challenge => Challenge::parse(bytes).err(),
        Kind::Authenticate => Authenticate::parse(bytes).err(),
        Kind::AvPairs => AvPairs::parse(bytes).err(),
        Kind::NegTokenInit | Kind::NegTokenInit2 => match NegotiateToken::parse(bytes) {
            Err(error) => Some(error),
            Ok(NegotiateToken::Framed(_) | NegotiateToken::Bare(_)) => None,
            Ok(_) => {
                assert!(inspection.is_malformed());
                None
            }
        },
        Kind::NegTokenResp => NegTokenResp::parse(bytes).err(),
        Kind::Negoex => negoex::messages(bytes).find_map(Result::err),
        Kind::NtResponse if bytes.len() != 24 => {
            assert!(NtlmV2Response::parse(bytes).is_ok() || inspection.is_malformed());
            return;
        }
        _ => return,
    };
    if let Some(error) = refused {
        let found = inspection.errors().any(|found| {
            (found.field, found.offset, &found.message)
                == (error.field, error.offset, &error.kind.to_string())
        });
        assert!(found, "the engine says: {error}\n{}", tree(&inspection, false));
    }
}

const KINDS: [Kind; 13] = [
    Kind::Negotiate,
    Kind::Challenge,
    Kind::Authenticate,
    Kind::AvPairs,
    Kind::NtResponse,
    Kind::ClientChallenge,
    Kind::Signature,
    Kind::NegTokenInit,
    Kind::NegTokenInit2,
    Kind::NegTokenResp,
    Kind::Negoex,
    Kind::InitialContextToken,
    Kind::Unknown,
];

/// A message with some bytes changed and perhaps its end cut off.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let sources = [
        negotiate().emit(),
        challenge().emit(),
        authenticate().emit(),
        init().emit_framed(),
        hints().emit(),
        answer().emit(),
        [offer(), offer()].concat(),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (
        0..sources.len(),
        changes,
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(move |(source, changes, end, cut)| {
            let mut token = sources[source].clone();
            for (place, byte) in changes {
                // Half of the changes hit the fixed part, where the lengths and offsets are.
                let bound = if byte % 2 == 0 {
                    64.min(token.len())
                } else {
                    token.len()
                };
                let place = place.index(bound);
                token[place] = byte;
            }
            if cut {
                token.truncate(end.index(token.len() + 1));
            }
            token
        })
}

proptest! {
    #[test]
    fn any_bytes_can_be_inspected(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        assert_nested(&inspect(&bytes).tree, 0..bytes.len());
        for kind in KINDS {
            assert_sound(kind, &bytes);
        }
    }

    #[test]
    fn any_damaged_message_can_be_inspected(bytes in damaged()) {
        assert_sound(inspect(&bytes).kind, &bytes);
        for kind in KINDS {
            assert_sound(kind, &bytes);
        }
    }

    #[test]
    fn any_damaged_list_can_be_inspected(bytes in damaged(), start in any::<prop::sample::Index>()) {
        let part = &bytes[start.index(bytes.len() + 1)..];
        assert_sound(Kind::AvPairs, part);
        assert_sound(Kind::NtResponse, part);
    }

    #[test]
    fn any_input_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "\\PC{0,60}") {
        let _ = read_input(&bytes);
        let _ = read_input(&text);
        prop_assert_eq!(read_input(hex::encode(&bytes)).ok(), (!bytes.is_empty()).then_some(bytes));
    }
}

/// A token as long as one may be: nothing may take more than its share of time and memory.
#[test]
fn the_worst_tokens_are_inspected_in_time() {
    let mut list = [1, 0, 0, 0].repeat(1 << 18);
    assert_sound(Kind::AvPairs, &list);
    list.splice(..8, *b"NTLMSSP\0");
    assert_sound(Kind::Unknown, &list);
    let hostile = challenge_of_empty_pairs();
    assert_sound(Kind::Challenge, &hostile);
    // A list of mechanisms as long as a token may be, elements within elements, and messages within messages.
    let list: Vec<u8> = [6, 1, 0x2A].repeat(100_000);
    let wrapped = |tag: u8, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], length.as_slice(), content].concat()
    };
    let list = wrapped(0xA0, &wrapped(0x30, &list));
    assert_sound(Kind::NegTokenInit, &wrapped(0xA0, &wrapped(0x30, &list)));
    assert_sound(Kind::NegTokenInit, &[0xA0, 0x84, 0, 1, 0, 0].repeat(10_000));
    assert_sound(Kind::Negoex, &offer().repeat(5_000));
}

fn challenge_of_empty_pairs() -> Vec<u8> {
    let mut message = challenge();
    message.target_info = [1, 0, 0, 0].repeat(16_383).into();
    message.emit()
}
