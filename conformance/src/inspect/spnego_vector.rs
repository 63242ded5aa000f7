//! What a token of Negotiate means, in the words of the vector files.

use legwork_engine::{
    codec::{der::Tolerances, utf16::Text},
    negotiate::messages::{
        NegHints, NegTokenInit, NegTokenResp, Token,
        negoex::{self, Body},
    },
};
use serde_json::{Map, Value, json};

use super::part::word;

/// A first token of either form.
pub(super) fn first(token: &[u8]) -> Option<Value> {
    let (token, framed) = match Token::parse(token).ok()? {
        Token::Framed(token) => (token, true),
        Token::Bare(token) => (token, false),
        _ => return None,
    };
    let NegTokenInit {
        mech_types,
        req_flags,
        mech_token,
        hints,
        mech_list_mic,
        ..
    } = &token;
    let types = mech_types.as_ref().map(|types| {
        let types = types.iter().map(|oid| oid.to_string());
        types.collect::<Vec<_>>()
    });
    let mut fields = Map::new();
    fields.insert("framed".to_owned(), json!(framed));
    fields.insert("mech_types".to_owned(), json!(types));
    let flags = req_flags.as_ref().map(|flags| hex::encode(&flags.0));
    fields.insert("req_flags".to_owned(), json!(flags));
    fields.insert("mech_token".to_owned(), bytes(mech_token.as_deref()));
    if let Some(hints) = hints {
        fields.insert("neg_hints".to_owned(), neg_hints(hints));
    }
    fields.insert("mech_list_mic".to_owned(), bytes(mech_list_mic.as_deref()));
    ending(&mut fields, &token.extensions, token.tolerated);
    Some(Value::Object(fields))
}

fn neg_hints(hints: &NegHints<'_>) -> Value {
    let name = hints
        .hint_name
        .as_deref()
        .map(|name| Text::from_oem(name).to_string());
    json!({ "hint_name": name, "hint_address": bytes(hints.hint_address.as_deref()) })
}

/// A later token.
pub(super) fn later(token: &[u8]) -> Option<Value> {
    let token = NegTokenResp::parse(token).ok()?;
    let mut fields = Map::new();
    fields.insert(
        "neg_state".to_owned(),
        json!(token.neg_state.map(|state| state.0)),
    );
    let mechanism = token.supported_mech.as_ref().map(ToString::to_string);
    fields.insert("supported_mech".to_owned(), json!(mechanism));
    fields.insert(
        "response_token".to_owned(),
        bytes(token.response_token.as_deref()),
    );
    fields.insert("mech_list_mic".to_owned(), bytes(token.mech_list_mic.as_deref()));
    ending(&mut fields, &token.extensions, token.tolerated);
    Some(Value::Object(fields))
}

/// Messages of NEGOEX.
pub(super) fn negoex(token: &[u8]) -> Option<Value> {
    let messages: Option<Vec<Value>> = negoex::messages(token)
        .map(|message| message.ok().map(|message| one(&message)))
        .collect();
    Some(json!({ "messages": messages.filter(|messages| !messages.is_empty())? }))
}

fn one(message: &negoex::Message<'_>) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("message_type", json!(message.message_type.0));
    put("sequence", json!(message.sequence));
    put("conversation", json!(hex::encode(message.conversation)));
    match message.body {
        Body::Nego {
            random,
            version,
            schemes,
            extensions,
        } => {
            put("random", json!(hex::encode(random)));
            put("version", json!(version));
            put(
                "schemes",
                json!(schemes.iter().map(hex::encode).collect::<Vec<_>>()),
            );
            put(
                "extensions",
                json!(extensions.iter().map(hex::encode).collect::<Vec<_>>()),
            );
        }
        Body::Exchange { scheme, token } => {
            put("scheme", json!(hex::encode(scheme)));
            put("token", json!(hex::encode(token)));
        }
        Body::Verify {
            scheme,
            checksum_scheme,
            checksum_type,
            checksum,
        } => {
            put("scheme", json!(hex::encode(scheme)));
            put("checksum_scheme", json!(checksum_scheme));
            put("checksum_type", json!(checksum_type));
            put("checksum", json!(hex::encode(checksum)));
        }
        Body::Alert { scheme, error } => {
            put("scheme", json!(hex::encode(scheme)));
            put("error", json!(word(error)));
        }
        Body::Other(message) => {
            put("message", json!(hex::encode(message)));
        }
        _ => {}
    }
    Value::Object(fields)
}

fn bytes(part: Option<&[u8]>) -> Value {
    json!(part.map(hex::encode))
}

/// Elements of later versions, and what only the bytes have: a token with neither can be emitted from its fields.
fn ending(fields: &mut Map<String, Value>, extensions: &[u8], tolerated: Tolerances) {
    if !extensions.is_empty() {
        fields.insert("extensions".to_owned(), json!(hex::encode(extensions)));
    }
    if tolerated.contains(Tolerances::LONG_LENGTH) {
        fields.insert("long_lengths".to_owned(), json!(true));
    }
}
