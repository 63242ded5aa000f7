//! The optional operations: tokens decoded and encoded by themselves, and known functions.

use std::borrow::Cow;

use legwork_engine::{
    buffer::BufferKind,
    ntlm::messages::{Authenticate, AvId, AvPairsBuf, Challenge, Negotiate, NegotiateFlags, Version},
    status::SecurityStatus,
};
use serde_json::{Value, json};

use super::{
    derive,
    members::{Members, array, bytes, flags, has, list, number, object, text},
    spnego, told,
};
use crate::{
    edit::plan::Misconduct,
    inspect,
    protocol::{Buffer, Outcome, Role},
    subject::Answer,
    suite::vectors::TokenKind,
};

/// The tokens that a side makes in an exchange; the other one reads them.
pub(super) fn made_by(package: &str, role: Role) -> &'static [&'static str] {
    match (package, role) {
        ("negotiate", Role::Initiator) => &["neg_token_init", "neg_token_resp"],
        ("negotiate", Role::Acceptor) => &["neg_token_init2", "neg_token_resp"],
        (_, Role::Initiator) => &["negotiate", "authenticate", "av_pair"],
        (_, Role::Acceptor) => &["challenge", "av_pair"],
    }
}

/// What a token says, as the vector files spell it. A token that nobody has heard of is the asker's mistake.
pub(super) fn decode(package: &str, token: &str, bytes: &[u8], misconduct: Option<Misconduct>) -> Answer {
    let read = |token: TokenKind| inspect::vector_fields(token.into(), bytes);
    let fields = match known(package, token).map(read) {
        Ok(fields) => fields,
        Err(message) => return Answer::Fault(message),
    };
    let fields = match misconduct {
        Some(Misconduct::Misreads) => fields.map(misread),
        Some(Misconduct::TakesMalformed) => fields.or_else(|| Some(json!({ "flags": "0x00000000" }))),
        _ => fields,
    };
    let outcome = match fields {
        Some(Value::Object(fields)) => Outcome {
            values: fields.into_iter().collect(),
            ..told(SecurityStatus::SEC_E_OK, None)
        },
        _ => told(SecurityStatus::SEC_E_INVALID_TOKEN, None),
    };
    Answer::Outcome(Box::new(outcome))
}

/// The token that says what the vector files spell.
pub(super) fn encode(package: &str, token: &str, values: &Members, misconduct: Option<Misconduct>) -> Answer {
    let made = known(package, token).and_then(|token| emit(token, values));
    answer(made, misconduct == Some(Misconduct::Miswrites), |bytes| Outcome {
        buffers: vec![Buffer::new(BufferKind::TOKEN.0, bytes)],
        ..told(SecurityStatus::SEC_E_OK, None)
    })
}

/// The value of a function.
pub(super) fn derive(
    package: &str,
    function: &str,
    values: &Members,
    misconduct: Option<Misconduct>,
) -> Answer {
    let value = derive::value(package, function, values);
    answer(value, misconduct == Some(Misconduct::Miscomputes), |bytes| {
        Outcome {
            values: [("value".to_owned(), json!(hex::encode(bytes)))].into(),
            ..told(SecurityStatus::SEC_E_OK, None)
        }
    })
}

fn answer(made: Result<Vec<u8>, String>, wrong: bool, outcome: impl FnOnce(Vec<u8>) -> Outcome) -> Answer {
    match made {
        Ok(mut bytes) => {
            if let Some(last) = bytes.last_mut() {
                *last ^= u8::from(wrong);
            }
            Answer::Outcome(Box::new(outcome(bytes)))
        }
        Err(message) => Answer::Fault(message),
    }
}

fn known(package: &str, token: &str) -> Result<TokenKind, String> {
    let known = TokenKind::from_name(token).filter(|token| token.package() == package);
    known.ok_or_else(|| format!("no token of `{package}` is called `{token}`"))
}

/// Another flag, another code, or another order.
fn misread(mut fields: Value) -> Value {
    if let Some(Value::Array(pairs)) = fields.get_mut("pairs") {
        pairs.reverse();
    }
    if let Some(token) = fields.get_mut("mech_list_mic") {
        *token = json!("00");
    }
    if let Some(flags) = fields.get_mut("flags") {
        *flags = json!("0x00000001");
    }
    fields
}

fn emit(token: TokenKind, fields: &Members) -> Result<Vec<u8>, String> {
    Ok(match token {
        TokenKind::Negotiate => negotiate(fields)?.emit(),
        TokenKind::Challenge => challenge(fields)?.emit(),
        TokenKind::Authenticate => authenticate(fields)?.emit(),
        TokenKind::AvPair => av_pairs(fields, "pairs")?,
        TokenKind::NegTokenInit | TokenKind::NegTokenInit2 => spnego::first(fields)?,
        TokenKind::NegTokenResp => spnego::later(fields)?,
    })
}

fn negotiate(fields: &Members) -> Result<Negotiate<'static>, String> {
    Ok(Negotiate {
        flags: flags(fields)?,
        domain: name(fields, "domain", false)?,
        workstation: name(fields, "workstation", false)?,
        version: version(fields)?,
    })
}

fn challenge(fields: &Members) -> Result<Challenge<'static>, String> {
    let flags = flags(fields)?;
    Ok(Challenge {
        target_name: name(fields, "target_name", flags.contains(NegotiateFlags::UNICODE))?,
        flags,
        server_challenge: array(fields, "server_challenge")?,
        reserved: optional(fields, "reserved", array)?.unwrap_or_default(),
        target_info: optional(fields, "target_info", av_pairs)?
            .unwrap_or_default()
            .into(),
        version: version(fields)?,
    })
}

fn authenticate(fields: &Members) -> Result<Authenticate<'static>, String> {
    let flags = flags(fields)?;
    let unicode = flags.contains(NegotiateFlags::UNICODE);
    Ok(Authenticate {
        lm_response: bytes(fields, "lm_response")?.into(),
        nt_response: bytes(fields, "nt_response")?.into(),
        domain: name(fields, "domain", unicode)?,
        user: name(fields, "user", unicode)?,
        workstation: name(fields, "workstation", unicode)?,
        encrypted_session_key: bytes(fields, "encrypted_session_key")?.into(),
        flags,
        version: version(fields)?,
        mic: optional(fields, "mic", array)?,
    })
}

/// A list of AV pairs, of which the last is the end mark.
fn av_pairs(fields: &Members, name: &str) -> Result<Vec<u8>, String> {
    let pairs = list(fields, name)?;
    let mut out = AvPairsBuf::default();
    for (index, pair) in pairs.iter().enumerate() {
        let id = AvId(number(pair, "id")?);
        let last = index.saturating_add(1) == pairs.len();
        if last != (id == AvId::EOL) {
            return Err(format!("`{name}` has its end mark in another place than the end"));
        }
        let value = match has(pair, "text") {
            true => text(pair, "text")?.to_le_bytes(),
            false => bytes(pair, "value")?,
        };
        if !last {
            out.push(id, &value);
        }
    }
    Ok(out.terminate())
}

fn version(fields: &Members) -> Result<Option<Version>, String> {
    let Some(version) = optional(fields, "version", |fields, name| object(fields, name))? else {
        return Ok(None);
    };
    Ok(Some(Version {
        major: number(version, "major")?,
        minor: number(version, "minor")?,
        build: number(version, "build")?,
        reserved: optional(version, "reserved", array)?.unwrap_or_default(),
        revision: number(version, "revision")?,
    }))
}

fn name(fields: &Members, name: &str, unicode: bool) -> Result<Cow<'static, [u8]>, String> {
    let text = optional(fields, name, text)?.unwrap_or_default();
    Ok(Cow::Owned(match unicode {
        true => text.to_le_bytes(),
        false => text.to_oem(),
    }))
}

/// A field that may be null or absent.
fn optional<'a, T>(
    fields: &'a Members,
    name: &str,
    read: impl FnOnce(&'a Members, &str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    match has(fields, name) {
        true => read(fields, name).map(Some),
        false => Ok(None),
    }
}
