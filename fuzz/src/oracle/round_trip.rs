//! `parse` and `emit` are inverse: what is parsed is parsed again from what is emitted, and every typed value comes
//! back from its bytes. Each oracle reads its input twice, as a token and as the recipe of a typed value.

use std::{borrow::Cow, fmt};

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    error::TokenError,
    ntlm::messages::{
        Authenticate, AvPairs, AvPairsBuf, Challenge, ClientChallenge, Negotiate, NtlmV2Response, Signature,
    },
};

/// Reads bytes, and if they are a token, writes and reads it again.
pub(super) fn stable<'a, T: Clone + fmt::Debug + PartialEq>(
    bytes: &'a [u8],
    parse: impl Fn(&'a [u8]) -> Result<T, TokenError>,
    again: impl Fn(&T) -> bool,
) -> Option<T> {
    match parse(bytes) {
        Ok(value) => {
            assert!(again(&value), "{value:?} does not survive");
            Some(value)
        }
        Err(error) => {
            // An error names a place within the token, or the end of it, or the head of a field that is cut off.
            assert!(
                error.offset <= bytes.len().max(128),
                "{error} of {} bytes",
                bytes.len()
            );
            None
        }
    }
}

/// A typed value from a recipe.
pub(super) fn typed<'a, T: Arbitrary<'a>>(recipe: &'a [u8]) -> Option<T> {
    T::arbitrary(&mut Unstructured::new(recipe)).ok()
}

pub(super) fn borrows(parts: &[&Cow<'_, [u8]>]) {
    for part in parts {
        assert!(matches!(part, Cow::Borrowed(_)), "a parser copies");
    }
}

/// NEGOTIATE messages.
///
/// # Panics
/// A message does not survive.
pub fn negotiate(bytes: &[u8]) {
    let again = |message: &Negotiate<'_>| Negotiate::parse(&message.emit()).as_ref() == Ok(message);
    if let Some(message) = stable(bytes, Negotiate::parse, again) {
        borrows(&[&message.domain, &message.workstation]);
    }
    if let Some(message) = typed::<Negotiate<'_>>(bytes) {
        assert!(again(&message), "{message:?} does not survive");
    }
}

/// CHALLENGE messages.
///
/// # Panics
/// A message does not survive.
pub fn challenge(bytes: &[u8]) {
    let again = |message: &Challenge<'_>| Challenge::parse(&message.emit()).as_ref() == Ok(message);
    if let Some(message) = stable(bytes, Challenge::parse, again) {
        borrows(&[&message.target_name, &message.target_info]);
    }
    if let Some(message) = typed::<Challenge<'_>>(bytes) {
        assert!(again(&message), "{message:?} does not survive");
    }
}

/// AUTHENTICATE messages.
///
/// # Panics
/// A message does not survive.
pub fn authenticate(bytes: &[u8]) {
    let again = |message: &Authenticate<'_>| Authenticate::parse(&message.emit()).as_ref() == Ok(message);
    if let Some(message) = stable(bytes, Authenticate::parse, again) {
        borrows(&[
            &message.lm_response,
            &message.nt_response,
            &message.domain,
            &message.user,
            &message.workstation,
            &message.encrypted_session_key,
        ]);
    }
    if let Some(message) = typed::<Authenticate<'_>>(bytes) {
        assert!(again(&message), "{message:?} does not survive");
    }
}

/// NTLMv2 responses.
///
/// # Panics
/// A response does not survive.
pub fn nt_response(bytes: &[u8]) {
    let again =
        |response: &NtlmV2Response<'_>| NtlmV2Response::parse(&response.emit()).as_ref() == Ok(response);
    if let Some(response) = stable(bytes, NtlmV2Response::parse, again) {
        let ClientChallenge {
            av_pairs, trailer, ..
        } = &response.client_challenge;
        borrows(&[av_pairs, trailer]);
        assert_eq!(response.emit(), bytes, "a response has one form only");
    }
    if let Some(response) = typed::<NtlmV2Response<'_>>(bytes) {
        assert!(again(&response), "{response:?} does not survive");
    }
}

/// Signatures.
///
/// # Panics
/// A signature does not survive.
pub fn signature(bytes: &[u8]) {
    let again = |signature: &Signature| Signature::parse(&signature.emit()) == Ok(*signature);
    if let Some(signature) = stable(bytes, Signature::parse, again) {
        assert_eq!(signature.emit(), bytes, "a signature has one form only");
    }
    if let Some(signature) = typed::<Signature>(bytes) {
        assert!(again(&signature), "{signature:?} does not survive");
    }
}

/// Lists of AV pairs.
///
/// # Panics
/// A list does not survive, or a look at its values disagrees with the check of them.
pub fn av_pairs(bytes: &[u8]) {
    let Ok((list, rest)) = AvPairs::parse(bytes) else {
        return;
    };
    assert_eq!([list.as_bytes(), rest].concat(), bytes);
    let mut again = AvPairsBuf::default();
    for pair in list.iter() {
        again.push(pair.id, pair.value);
    }
    let again = again.terminate();
    let without_end = |bytes: &[u8]| {
        bytes
            .len()
            .checked_sub(4)
            .and_then(|end| bytes.get(..end).map(<[u8]>::to_vec))
    };
    let pairs = without_end(&again);
    assert_eq!(
        pairs.as_deref(),
        list.as_bytes().get(..pairs.as_ref().map_or(0, Vec::len))
    );
    let looked = list.flags().is_ok() && list.timestamp().is_ok() && list.channel_bindings().is_ok();
    assert!(
        looked || list.check_values().is_err(),
        "{list:?} passes and has a value that cannot be read"
    );
}
