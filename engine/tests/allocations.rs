//! Parsers borrow: reading a token allocates nothing, whole or cut off anywhere.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../benches/floor/mod.rs"]
#[allow(dead_code, reason = "the bench uses all of it")]
mod floor;

use std::hint::black_box;

use allocation_counter::measure;
use floor::World;
use legwork_engine::{
    environment::MechListMic,
    negotiate::messages::{InitForm, NegHints, NegTokenInit, NegTokenResp, Token},
    ntlm::messages::{Authenticate, Challenge, Negotiate, NtlmV2Response},
};

/// Reads a token and every beginning of it; the whole of it must be well formed.
fn allocates_nothing<'a, T, E>(name: &str, token: &'a [u8], parse: impl Fn(&'a [u8]) -> Result<T, E>) {
    assert!(parse(token).is_ok(), "{name} is read");
    for end in 0..=token.len() {
        let part = token.get(..end).unwrap();
        let counted = measure(|| drop(black_box(parse(black_box(part)))));
        assert_eq!(counted.count_total, 0, "{name}, {end} bytes of {}", token.len());
    }
}

#[test]
fn a_copy_is_counted() {
    assert_eq!(measure(|| drop(black_box(vec![1_u8; 16]))).count_total, 1);
}

#[test]
fn tokens_of_ntlm() {
    let mut world = World::new();
    world.exchange();
    let tokens = &world.tokens;
    allocates_nothing("NEGOTIATE", &tokens.negotiate, Negotiate::parse);
    allocates_nothing("CHALLENGE", &tokens.challenge, Challenge::parse);
    allocates_nothing("AUTHENTICATE", &tokens.authenticate, Authenticate::parse);
    let message = Authenticate::parse(&tokens.authenticate).unwrap();
    allocates_nothing("NTLMv2 response", &message.nt_response, NtlmV2Response::parse);
}

#[test]
fn tokens_of_negotiate() {
    let mut world = World::with_codes(MechListMic::Demanded);
    world.negotiate();
    let [offer, replies @ ..] = &world.wrapped;
    allocates_nothing("NegTokenInit", offer, Token::parse);
    for reply in replies {
        allocates_nothing("NegTokenResp", reply, NegTokenResp::parse);
        allocates_nothing("NegTokenResp, told from others", reply, Token::parse);
    }
}

/// The form with hints; lengths of one to three bytes.
#[test]
fn tokens_with_long_lengths() {
    let hints = NegTokenInit {
        form: InitForm::Microsoft,
        hints: Some(NegHints {
            hint_name: Some(vec![b'n'; 300].into()),
            hint_address: Some(vec![b'a'; 200].into()),
        }),
        mech_token: Some(vec![0; 70_000].into()),
        mech_list_mic: Some(vec![0; 16].into()),
        ..NegTokenInit::default()
    };
    allocates_nothing("NegTokenInit2", &hints.emit(), NegTokenInit::parse);
}
