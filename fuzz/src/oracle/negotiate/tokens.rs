//! Tokens of SPNEGO: what is read comes back from its bytes, and the bytes from it unless a length was longer than it
//! needs; every field stands where it is said to stand.

use std::fmt;

use legwork_engine::{
    codec::der::{self, Tag, Tolerances},
    error::TokenError,
    negotiate::messages::{InitForm, MechTypes, NegTokenInit, NegTokenResp, Oid, Token, field_offset},
};

use super::super::round_trip::{borrows, stable, typed};

/// Tokens of every kind.
///
/// # Panics
/// A token does not survive.
pub fn token(bytes: &[u8]) {
    if let Some(token) = stable(bytes, Token::parse, |token| survives(token, &emit(token))) {
        let emitted = emit(&token);
        // Of the frame of another mechanism's token nothing tells whether its length is longer than it needs.
        let told = !matches!(token, Token::Other(..));
        let canonical = told && !token.tolerated().contains(Tolerances::LONG_LENGTH);
        assert!(emitted.len() <= bytes.len(), "{token:?} grows");
        if canonical || emitted.len() == bytes.len() {
            assert_eq!(emitted, bytes, "{token:?} has one form only");
        }
        is_borrowed(&token);
        fields_stand(&token, bytes);
    }
    if let Some(init) = typed::<NegTokenInit<'_>>(bytes) {
        is_read(&init, NegTokenInit::parse(&init.emit()).as_ref());
        let (framed, token) = (init.emit_framed(), Token::Framed(init));
        is_read(&token, Token::parse(&framed).as_ref());
        fields_stand(&token, &framed);
    }
    if let Some(resp) = typed::<NegTokenResp<'_>>(bytes) {
        let (emitted, token) = (resp.emit(), Token::Resp(resp));
        is_read(&token, Token::parse(&emitted).as_ref());
        fields_stand(&token, &emitted);
    }
}

fn is_read<T: fmt::Debug + PartialEq>(value: &T, read: Result<&T, &TokenError>) {
    assert_eq!(read, Ok(value), "{value:?} does not survive");
}

/// The bytes of a token.
fn emit(token: &Token<'_>) -> Vec<u8> {
    match token {
        Token::Framed(init) => init.emit_framed(),
        Token::Bare(init) => init.emit(),
        Token::Resp(resp) => resp.emit(),
        Token::Ntlm(bytes) | Token::Kerberos(bytes) | Token::Negoex(bytes) => bytes.to_vec(),
        Token::Other(oid, rest) => {
            let mut inside = Vec::new();
            der::element(&mut inside, Tag::OBJECT_IDENTIFIER, &oid.0);
            inside.extend_from_slice(rest);
            let mut out = Vec::new();
            der::element(&mut out, Tag::application(0), &inside);
            out
        }
    }
}

/// Whether a token is read from what it is written as. Only what is kept as it came still has long lengths.
fn survives(token: &Token<'_>, emitted: &[u8]) -> bool {
    let Ok(mut again) = Token::parse(emitted) else {
        return false;
    };
    let long = token.tolerated() & Tolerances::LONG_LENGTH;
    match &mut again {
        Token::Framed(again) | Token::Bare(again) => again.tolerated |= long,
        Token::Resp(again) => again.tolerated |= long,
        _ => {}
    }
    again == *token && emit(&again) == emitted
}

/// A parser copies nothing.
fn is_borrowed(token: &Token<'_>) {
    match token {
        Token::Framed(init) | Token::Bare(init) => {
            let hints = init.hints.as_ref();
            let parts = [
                init.mech_types.as_ref().map(|list| &list.0),
                init.req_flags.as_ref().map(|flags| &flags.0),
                init.mech_token.as_ref(),
                hints.and_then(|hints| hints.hint_name.as_ref()),
                hints.and_then(|hints| hints.hint_address.as_ref()),
                init.mech_list_mic.as_ref(),
                Some(&init.extensions),
            ];
            borrows(&parts.into_iter().flatten().collect::<Vec<_>>());
        }
        Token::Resp(resp) => {
            let parts = [
                resp.supported_mech.as_ref().map(|oid| &oid.0),
                resp.response_token.as_ref(),
                resp.mech_list_mic.as_ref(),
                Some(&resp.extensions),
            ];
            borrows(&parts.into_iter().flatten().collect::<Vec<_>>());
        }
        Token::Other(oid, _) => borrows(&[&oid.0]),
        Token::Ntlm(_) | Token::Kerberos(_) | Token::Negoex(_) => {}
    }
}

/// Fields are where they are said to be, and identifiers have a dotted form.
fn fields_stand(token: &Token<'_>, bytes: &[u8]) {
    match token {
        Token::Framed(init) | Token::Bare(init) => {
            init.mech_types.iter().for_each(list);
            let first_form = init.form == InitForm::Rfc;
            let coded = init.mech_list_mic.is_some();
            let present = [
                init.mech_types.is_some(),
                init.req_flags.is_some(),
                init.mech_token.is_some(),
                init.hints.is_some() || (coded && first_form),
                coded && !first_form,
            ];
            places(bytes, &present);
        }
        Token::Resp(resp) => {
            resp.supported_mech.iter().for_each(dotted);
            let present = [
                resp.neg_state.is_some(),
                resp.supported_mech.is_some(),
                resp.response_token.is_some(),
                resp.mech_list_mic.is_some(),
            ];
            places(bytes, &present);
        }
        Token::Other(oid, _) => dotted(oid),
        Token::Ntlm(_) | Token::Kerberos(_) | Token::Negoex(_) => {}
    }
}

fn places(bytes: &[u8], present: &[bool]) {
    let mut last = 0;
    for (number, present) in (0..).zip(present) {
        let at = field_offset(bytes, number);
        if *present {
            let tag = bytes.get(at).copied().map(Tag);
            assert_eq!(tag, Some(Tag::context(number)), "field {number} at {at}");
            assert!(at > last, "field {number} at {at} behind one at {last}");
            last = at;
        } else {
            assert_eq!(at, bytes.len(), "field {number} is absent");
        }
    }
}

/// A list is as long as its elements, and one of the same mechanisms is the same list.
fn list(list: &MechTypes<'_>) {
    let mechanisms: Vec<_> = list.iter().collect();
    mechanisms.iter().for_each(dotted);
    let again = MechTypes::new(&mechanisms);
    assert!(again.0.len() <= list.0.len(), "{list:?} grows");
    if again.0.len() == list.0.len() {
        assert_eq!(again, *list);
    }
    assert!(again.iter().eq(mechanisms));
}

/// An identifier is the one of its dotted form, if its arcs fit 64 bits.
fn dotted(oid: &Oid<'_>) {
    let longest = oid.0.split(|byte| byte & 0x80 == 0).map(<[u8]>::len).max();
    if longest.is_some_and(|septets| septets < 9) {
        let text = oid.to_string();
        assert_eq!(Oid::from_dotted(&text).as_ref(), Some(oid), "{text}");
    }
}
