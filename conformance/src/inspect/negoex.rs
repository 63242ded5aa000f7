//! Messages of NEGOEX under inspection, one behind the other.

use legwork_engine::{
    codec,
    negotiate::messages::negoex::{self, MessageType, SIGNATURE},
};

use super::{
    Kind,
    element::{behind, place},
    layout,
    model::{Encoding, Node},
    part::Part,
};

/// Name, offset and size of a field.
type Field = (&'static str, usize, usize);

/// Fields that every message has.
const COMMON: &[Field] = &[
    ("Signature", 0, 8),
    ("MessageType", 8, 4),
    ("SequenceNum", 12, 4),
    ("cbHeaderLength", 16, 4),
    ("cbMessageLength", 20, 4),
    ("ConversationId", 24, 16),
];
const NEGO: &[Field] = &[
    ("Random", 40, 32),
    ("ProtocolVersion", 72, 8),
    ("AuthSchemesOffset", 80, 4),
    ("AuthSchemesCount", 84, 2),
    ("ExtensionsOffset", 88, 4),
    ("ExtensionsCount", 92, 2),
];
const EXCHANGE: &[Field] = &[
    ("AuthScheme", 40, 16),
    ("ExchangeOffset", 56, 4),
    ("ExchangeLength", 60, 4),
];
const VERIFY: &[Field] = &[
    ("AuthScheme", 40, 16),
    ("cbChecksumHeaderLength", 56, 4),
    ("ChecksumScheme", 60, 4),
    ("ChecksumType", 64, 4),
    ("ChecksumOffset", 68, 4),
    ("ChecksumLength", 72, 4),
];
const ALERT: &[Field] = &[
    ("AuthScheme", 40, 16),
    ("ErrorCode", 56, 4),
    ("AlertsOffset", 60, 4),
    ("AlertsCount", 64, 2),
];

/// A part of the payload: its name, where its offset stands, where its count stands in how many bytes, and the size of
/// an element.
type Payload = (&'static str, usize, (usize, usize), usize);

const NEGO_PAYLOAD: &[Payload] = &[("AuthSchemes", 80, (84, 2), 16), ("Extensions", 88, (92, 2), 12)];
const EXCHANGE_PAYLOAD: &[Payload] = &[("Exchange", 56, (60, 4), 1)];
const VERIFY_PAYLOAD: &[Payload] = &[("ChecksumValue", 68, (72, 4), 1)];
const ALERT_PAYLOAD: &[Payload] = &[("Alerts", 60, (64, 2), 12)];

/// Messages that are shown; a token of others is no longer than the tokens that are read.
const MOST_MESSAGES: usize = 64;

pub(super) fn decode(token: Part<'_>) -> Node {
    let mut root = token.node(Kind::Negoex.structure());
    let mut rest = token;
    while rest.bytes.starts_with(&SIGNATURE) && root.children.len() < MOST_MESSAGES {
        let length = codec::u32_le(rest.bytes, 20, "cbMessageLength").map_or(usize::MAX, codec::index);
        let length = length.max(SIGNATURE.len());
        root.children.push(message(rest.sub(0, length)));
        rest = rest.tail(length);
    }
    root.children.extend(behind(rest));
    if let Some(error) = negoex::messages(token.bytes).find_map(Result::err) {
        place(&mut root, token.placed(error));
    }
    root
}

fn message(message: Part<'_>) -> Node {
    let found = codec::u32_le(message.bytes, 8, "MessageType").map(MessageType);
    let (name, fields, payload) = found.map_or(("MESSAGE", [].as_slice(), [].as_slice()), form);
    let mut children = Vec::new();
    let mut end = 0;
    for (name, at, size) in COMMON.iter().chain(fields) {
        let field = message.sub(*at, *size);
        if field.length() < *size {
            break;
        }
        end = at.saturating_add(*size);
        children.push(match *name {
            "Signature" => field.text(name, Encoding::Oem),
            _ => field.number(*name, None),
        });
    }
    // The fixed part is aligned to eight bytes.
    end = end.next_multiple_of(8).min(message.length());
    let parts = payload.iter().filter_map(|part| payload_part(message, part));
    let rest = layout::payload(message, end, parts.collect(), &[]);
    children.extend(rest);
    message.node(name).holding(children)
}

/// Name, fields and payload of a type of message.
fn form(found: MessageType) -> (&'static str, &'static [Field], &'static [Payload]) {
    match found {
        MessageType::INITIATOR_NEGO => ("INITIATOR_NEGO", NEGO, NEGO_PAYLOAD),
        MessageType::ACCEPTOR_NEGO => ("ACCEPTOR_NEGO", NEGO, NEGO_PAYLOAD),
        MessageType::INITIATOR_META_DATA => ("INITIATOR_META_DATA", EXCHANGE, EXCHANGE_PAYLOAD),
        MessageType::ACCEPTOR_META_DATA => ("ACCEPTOR_META_DATA", EXCHANGE, EXCHANGE_PAYLOAD),
        MessageType::CHALLENGE => ("CHALLENGE", EXCHANGE, EXCHANGE_PAYLOAD),
        MessageType::AP_REQUEST => ("AP_REQUEST", EXCHANGE, EXCHANGE_PAYLOAD),
        MessageType::VERIFY => ("VERIFY", VERIFY, VERIFY_PAYLOAD),
        MessageType::ALERT => ("ALERT", ALERT, ALERT_PAYLOAD),
        _ => ("MESSAGE", &[], &[]),
    }
}

fn payload_part<'a>(message: Part<'a>, (name, at, count, size): &Payload) -> Option<Node> {
    let start = codec::index(codec::u32_le(message.bytes, *at, name).ok()?);
    let count = match *count {
        (place, 2) => usize::from(codec::u16_le(message.bytes, place, name).ok()?),
        (place, _) => codec::index(codec::u32_le(message.bytes, place, name).ok()?),
    };
    let part = message.sub(start, count.saturating_mul(*size));
    (part.length() > 0).then(|| part.raw(*name))
}
