//! Bytes that are no message: what they look like, and the message that they may hold.

use legwork_engine::{
    negotiate::messages::Token,
    ntlm::messages::{MessageType, SIGNATURE, message_type},
};

use super::{
    Kind, frame, message_kind,
    model::{Encoding, Node},
    part::Part,
};

/// Decodes a token that does not begin as a known message does.
pub(super) fn decode(token: Part<'_>) -> Node {
    let mut root = token.node(Kind::Unknown.structure());
    match message_type(token.bytes) {
        Ok(found) => {
            root.children = vec![
                token.sub(0, 8).text("Signature", Encoding::Oem),
                wrong_type(token, found),
            ];
            if token.length() > 12 {
                root.children.push(token.tail(12).raw("Undecoded"));
            }
        }
        Err(error) => {
            root = root.failing(match (token.bytes, Token::parse(token.bytes)) {
                ([0x60 | 0xa0 | 0xa1, ..], Err(error)) => error,
                _ => error,
            });
            if let Some(looks) = looks_like(token.bytes) {
                root.warn(None, looks);
            }
            root.children = pieces(token);
        }
    }
    root
}

fn wrong_type(token: Part<'_>, found: MessageType) -> Node {
    let part = token.sub(8, 4);
    let kind = legwork_engine::error::TokenErrorKind::WrongMessageType(found.0);
    part.number("MessageType", frame::meaning(found))
        .failing(part.error("MessageType", 0, kind))
}

/// The bytes up to a message inside, and the message.
fn pieces(token: Part<'_>) -> Vec<Node> {
    let inside = token
        .bytes
        .windows(SIGNATURE.len())
        .position(|window| window == SIGNATURE)
        .map(|at| (at, token.tail(at)));
    let known = inside.and_then(|(at, part)| Some((at, part, message_kind(part.bytes)?)));
    match known {
        Some((at, part, kind)) => {
            let mut message = super::decode(kind, part);
            message.warn(None, "found inside; bytes behind it belong to what is around it");
            vec![token.sub(0, at).raw("Undecoded"), message]
        }
        None if token.length() > 0 => vec![token.raw("Undecoded")],
        None => Vec::new(),
    }
}

fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    match *bytes {
        [0x60, ..] => Some("begins as a GSS-API token does"),
        [0xa0 | 0xa1, ..] => Some("begins as a SPNEGO token does"),
        [0x30, ..] => Some("begins as a DER sequence does, for instance a TSRequest"),
        [0x6e | 0x6f | 0x7e, ..] => Some("begins as a Kerberos message does"),
        [0x14..=0x17, 3, ..] => Some("begins as a TLS record does"),
        [1, 0, 0, 0, ..] if bytes.len() == 16 => {
            Some("may be an NTLMSSP_MESSAGE_SIGNATURE; name the kind to have it decoded")
        }
        _ => None,
    }
}
