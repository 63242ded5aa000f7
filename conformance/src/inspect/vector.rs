//! What a token means, in the words of the vector files: typed fields, and the layout where it is not the usual one.

use legwork_engine::{
    codec::{self, utf16::Text},
    ntlm::messages::{
        Authenticate, AvId, AvPair, AvPairs, Challenge, ClientChallenge, Descriptor, Negotiate,
        NegotiateFlags, NtlmV2Response, Version,
    },
};
use serde_json::{Map, Value, json};

use super::{model::Kind, part::word, spnego_vector};

/// Ids whose value is text.
const TEXTS: [AvId; 6] = [
    AvId::NB_COMPUTER_NAME,
    AvId::NB_DOMAIN_NAME,
    AvId::DNS_COMPUTER_NAME,
    AvId::DNS_DOMAIN_NAME,
    AvId::DNS_TREE_NAME,
    AvId::TARGET_NAME,
];

/// A part of the payload: member of the fields, offset of its descriptor, length unless the flags say that it is not
/// there.
type Part = (&'static str, usize, Option<usize>);

/// The fields of a token, if it can be read and its kind has a vector file.
pub(super) fn fields(kind: Kind, token: &[u8]) -> Option<Value> {
    match kind {
        Kind::Negotiate => negotiate(token),
        Kind::Challenge => challenge(token),
        Kind::Authenticate => authenticate(token),
        Kind::AvPairs => list(token),
        Kind::NtResponse => response(token),
        Kind::NegTokenInit | Kind::NegTokenInit2 => spnego_vector::first(token),
        Kind::NegTokenResp => spnego_vector::later(token),
        Kind::Negoex => spnego_vector::negoex(token),
        Kind::ClientChallenge | Kind::Signature | Kind::InitialContextToken | Kind::Unknown => None,
    }
}

fn negotiate(token: &[u8]) -> Option<Value> {
    let message = Negotiate::parse(token).ok()?;
    let named = |flag, name: &[u8]| message.flags.contains(flag).then(|| oem(name));
    let domain = named(NegotiateFlags::OEM_DOMAIN_SUPPLIED, &message.domain);
    let workstation = named(NegotiateFlags::OEM_WORKSTATION_SUPPLIED, &message.workstation);
    let header = if message.version.is_some() { 40 } else { 32 };
    let parts: [Part; 2] = [
        ("domain", 16, domain.as_ref().map(|_| message.domain.len())),
        (
            "workstation",
            24,
            workstation.as_ref().map(|_| message.workstation.len()),
        ),
    ];
    let mut fields = Map::new();
    fields.insert("flags".to_owned(), json!(word(message.flags.bits())));
    fields.insert("domain".to_owned(), json!(domain));
    fields.insert("workstation".to_owned(), json!(workstation));
    fields.insert("version".to_owned(), version(message.version));
    layout(&mut fields, token, header, &parts);
    Some(Value::Object(fields))
}

fn challenge(token: &[u8]) -> Option<Value> {
    let message = Challenge::parse(token).ok()?;
    let flagged = message.flags.contains(NegotiateFlags::TARGET_INFO);
    let header = if message.version.is_some() { 56 } else { 48 };
    let parts: [Part; 2] = [
        ("target_name", 12, Some(message.target_name.len())),
        ("target_info", 40, flagged.then_some(message.target_info.len())),
    ];
    let mut fields = Map::new();
    fields.insert("flags".to_owned(), json!(word(message.flags.bits())));
    fields.insert(
        "server_challenge".to_owned(),
        json!(hex::encode(message.server_challenge)),
    );
    if message.reserved != [0; 8] {
        fields.insert("reserved".to_owned(), json!(hex::encode(message.reserved)));
    }
    let name = text(message.flags, &message.target_name)?;
    fields.insert("target_name".to_owned(), json!(name));
    let info = match flagged {
        true => pairs(AvPairs::parse(&message.target_info).ok()?.0)?,
        false => Value::Null,
    };
    fields.insert("target_info".to_owned(), info);
    fields.insert("version".to_owned(), version(message.version));
    layout(&mut fields, token, header, &parts);
    Some(Value::Object(fields))
}

fn authenticate(token: &[u8]) -> Option<Value> {
    let message = Authenticate::parse(token).ok()?;
    let mut fields = Map::new();
    fields.insert("flags".to_owned(), json!(word(message.flags.bits())));
    for (name, value) in [
        ("domain", &message.domain),
        ("user", &message.user),
        ("workstation", &message.workstation),
    ] {
        fields.insert(name.to_owned(), json!(text(message.flags, value)?));
    }
    for (name, value) in [
        ("lm_response", &message.lm_response),
        ("nt_response", &message.nt_response),
        ("encrypted_session_key", &message.encrypted_session_key),
    ] {
        fields.insert(name.to_owned(), json!(hex::encode(value)));
    }
    fields.insert("version".to_owned(), version(message.version));
    fields.insert("mic".to_owned(), json!(message.mic.map(hex::encode)));
    if let Some(response) = response(&message.nt_response) {
        fields.insert("nt_response_v2".to_owned(), response);
    }
    authenticate_layout(&mut fields, token, &message);
    Some(Value::Object(fields))
}

fn authenticate_layout(fields: &mut Map<String, Value>, token: &[u8], message: &Authenticate<'_>) {
    let header = match (message.version, message.mic) {
        (_, Some(_)) => 88,
        (Some(_), None) => 72,
        (None, None) => 64,
    };
    let parts: [Part; 6] = [
        ("domain", 28, Some(message.domain.len())),
        ("user", 36, Some(message.user.len())),
        ("workstation", 44, Some(message.workstation.len())),
        ("lm_response", 12, Some(message.lm_response.len())),
        ("nt_response", 20, Some(message.nt_response.len())),
        (
            "encrypted_session_key",
            52,
            Some(message.encrypted_session_key.len()),
        ),
    ];
    layout(fields, token, header, &parts);
}

fn response(bytes: &[u8]) -> Option<Value> {
    let NtlmV2Response {
        proof,
        client_challenge,
    } = NtlmV2Response::parse(bytes).ok()?;
    let ClientChallenge {
        response_type,
        highest_response_type,
        timestamp,
        challenge,
        av_pairs,
        trailer,
        ..
    } = client_challenge;
    Some(json!({
        "nt_proof": hex::encode(proof),
        "response_type": response_type,
        "highest_response_type": highest_response_type,
        "timestamp": hex::encode(timestamp.to_le_bytes()),
        "client_challenge": hex::encode(challenge),
        "av_pairs": pairs(AvPairs::parse(&av_pairs).ok()?.0)?,
        "trailer": hex::encode(trailer),
    }))
}

fn list(bytes: &[u8]) -> Option<Value> {
    let (list, trailer) = AvPairs::parse(bytes).ok()?;
    let mut fields = Map::new();
    fields.insert("pairs".to_owned(), pairs(list)?);
    if !trailer.is_empty() {
        fields.insert("trailer".to_owned(), json!(hex::encode(trailer)));
    }
    Some(Value::Object(fields))
}

/// The pairs with the end mark.
fn pairs(list: AvPairs<'_>) -> Option<Value> {
    let length: usize = list.iter().map(|pair| pair.value.len().saturating_add(4)).sum();
    let end = AvPair {
        id: AvId::EOL,
        value: list
            .as_bytes()
            .get(length.saturating_add(4)..)
            .unwrap_or_default(),
    };
    let pairs: Option<Vec<Value>> = list.iter().chain([end]).map(pair).collect();
    pairs.map(Value::Array)
}

fn pair(pair: AvPair<'_>) -> Option<Value> {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(pair.id.0));
    if let Some(name) = pair.id.name() {
        fields.insert("name".to_owned(), json!(name));
    }
    if TEXTS.contains(&pair.id) {
        let text = Text::from_le_bytes(pair.value, "AvPair").ok()?;
        fields.insert("text".to_owned(), json!(text.to_string()));
    } else {
        fields.insert("value".to_owned(), json!(hex::encode(pair.value)));
    }
    Some(Value::Object(fields))
}

fn oem(bytes: &[u8]) -> String {
    Text::from_oem(bytes).to_string()
}

fn text(flags: NegotiateFlags, bytes: &[u8]) -> Option<String> {
    if flags.contains(NegotiateFlags::UNICODE) {
        return Some(Text::from_le_bytes(bytes, "Text").ok()?.to_string());
    }
    Some(oem(bytes))
}

fn version(version: Option<Version>) -> Value {
    json!(version.map(|version| json!({
        "major": version.major,
        "minor": version.minor,
        "build": version.build,
        "revision": version.revision,
    })))
}

/// Adds `layout` if the parts do not stand one after the other in this order, and `trailer` if bytes follow them.
fn layout(fields: &mut Map<String, Value>, token: &[u8], header: usize, parts: &[Part]) {
    let mut usual = true;
    let mut next = header;
    let mut end = header;
    let mut stated = Map::new();
    for (name, at, length) in parts {
        let found = Descriptor::parse(token, *at, name).unwrap_or_default();
        let expected = length.map_or_else(Descriptor::default, |length| described(length, next));
        usual &= found == expected;
        next = next.saturating_add(length.unwrap_or(0));
        if found.length > 0 {
            let behind = codec::index(found.offset).saturating_add(usize::from(found.length));
            end = end.max(behind);
        }
        let described =
            json!({ "length": found.length, "maximum": found.max_length, "offset": found.offset });
        stated.insert((*name).to_owned(), described);
    }
    if !usual {
        fields.insert("layout".to_owned(), Value::Object(stated));
    }
    if let Some(trailer) = token.get(end..).filter(|rest| !rest.is_empty()) {
        fields.insert("trailer".to_owned(), json!(hex::encode(trailer)));
    }
}

fn described(length: usize, offset: usize) -> Descriptor {
    let length = codec::saturated_u16(length);
    Descriptor {
        length,
        max_length: length,
        offset: codec::saturated_u32(offset),
    }
}
