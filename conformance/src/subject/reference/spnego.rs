//! Tokens of Negotiate from the fields that the vector files spell.

use std::borrow::Cow;

use legwork_engine::negotiate::messages::{
    InitForm, MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags,
};
use serde_json::Value;

use super::members::{Members, bytes, has, object, text};

/// A first token, with its framing or without.
pub(super) fn first(fields: &Members) -> Result<Vec<u8>, String> {
    let hints = match has(fields, "neg_hints") {
        true => Some(hints(object(fields, "neg_hints")?)?),
        false => None,
    };
    let message = NegTokenInit {
        form: if hints.is_some() {
            InitForm::Microsoft
        } else {
            InitForm::Rfc
        },
        mech_types: mechanisms(fields)?,
        req_flags: part(fields, "req_flags")?.map(ReqFlags),
        mech_token: part(fields, "mech_token")?,
        hints,
        mech_list_mic: part(fields, "mech_list_mic")?,
        extensions: part(fields, "extensions")?.unwrap_or_default(),
        ..NegTokenInit::default()
    };
    Ok(match fields.get("framed") {
        Some(Value::Bool(false)) => message.emit(),
        _ => message.emit_framed(),
    })
}

/// A later token.
pub(super) fn later(fields: &Members) -> Result<Vec<u8>, String> {
    let state = fields.get("neg_state").filter(|state| !state.is_null());
    let state = state.map(|state| state.as_i64().and_then(|state| i32::try_from(state).ok()));
    if state == Some(None) {
        return Err("`neg_state` is no state".to_owned());
    }
    let chosen = match has(fields, "supported_mech") {
        true => Some(oid(&text(fields, "supported_mech")?.to_string())?),
        false => None,
    };
    let message = NegTokenResp {
        neg_state: state.flatten().map(NegState),
        supported_mech: chosen,
        response_token: part(fields, "response_token")?,
        mech_list_mic: part(fields, "mech_list_mic")?,
        extensions: part(fields, "extensions")?.unwrap_or_default(),
        ..NegTokenResp::default()
    };
    Ok(message.emit())
}

fn hints(fields: &Members) -> Result<NegHints<'static>, String> {
    let name = match has(fields, "hint_name") {
        true => Some(text(fields, "hint_name")?.to_oem().into()),
        false => None,
    };
    Ok(NegHints {
        hint_name: name,
        hint_address: part(fields, "hint_address")?,
    })
}

fn mechanisms(fields: &Members) -> Result<Option<MechTypes<'static>>, String> {
    let Some(Value::Array(list)) = fields.get("mech_types") else {
        return Ok(None);
    };
    let list: Result<Vec<Oid<'static>>, String> = list
        .iter()
        .map(|name| oid(name.as_str().unwrap_or_default()))
        .collect();
    Ok(Some(MechTypes::new(&list?)))
}

fn oid(name: &str) -> Result<Oid<'static>, String> {
    Oid::from_text(name).ok_or_else(|| format!("{name:?} is no object identifier"))
}

/// Bytes that may be null or absent.
fn part(fields: &Members, name: &str) -> Result<Option<Cow<'static, [u8]>>, String> {
    match has(fields, name) {
        true => bytes(fields, name).map(|bytes| Some(bytes.into())),
        false => Ok(None),
    }
}
