//! The oracles as property tests: what a fuzz target runs for hours runs here on a few hundred inputs.

#![allow(clippy::indexing_slicing, reason = "helpers of tests")]

use arbitrary::{Arbitrary, Unstructured};
use legwork_fuzz::oracle::{self, mutated_exchange::Mutation, round_trip};
use proptest::{collection::vec, prelude::*, sample::Index};

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..600)
}

/// A seed of a target with a few bytes changed, and cut or not.
fn damaged(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let seeds = legwork_fuzz::seeds::of(target);
    let edits = vec((any::<Index>(), any::<u8>()), 0..4);
    (any::<Index>(), edits, prop::option::weighted(0.2, any::<Index>())).prop_map(
        move |(seed, edits, cut)| {
            let mut bytes = seeds[seed.index(seeds.len())].bytes.clone();
            for (at, value) in edits {
                if !bytes.is_empty() {
                    let at = at.index(bytes.len());
                    bytes[at] = value;
                }
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            bytes
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in bytes()) {
        round_trip::negotiate(&bytes);
        round_trip::challenge(&bytes);
        round_trip::authenticate(&bytes);
        round_trip::nt_response(&bytes);
        round_trip::av_pairs(&bytes);
        round_trip::signature(&bytes);
    }

    #[test]
    fn damaged_negotiate_is_read_or_refused(bytes in damaged("ntlm_negotiate")) {
        round_trip::negotiate(&bytes);
    }

    #[test]
    fn damaged_challenge_is_read_or_refused(bytes in damaged("ntlm_challenge")) {
        round_trip::challenge(&bytes);
    }

    #[test]
    fn damaged_authenticate_is_read_or_refused(bytes in damaged("ntlm_authenticate")) {
        round_trip::authenticate(&bytes);
    }

    #[test]
    fn damaged_lists_are_read_or_refused(bytes in damaged("ntlm_av_pairs")) {
        round_trip::av_pairs(&bytes);
    }

    #[test]
    fn a_hostile_peer_gets_documented_answers(bytes in damaged("ntlm_hostile_peer")) {
        oracle::hostile_peer::in_every_world(&bytes);
    }

    #[test]
    fn any_peer_gets_documented_answers(bytes in bytes()) {
        oracle::hostile_peer::in_every_world(&bytes);
    }

    #[test]
    fn a_changed_exchange_does_not_complete(
        choices in vec(any::<u8>(), 64),
        policy in 0..64_u8,
        leg in 0..3_u8,
        at in any::<u16>(),
        removed in 0..3_u8,
        inserted in vec(any::<u8>(), 0..3),
    ) {
        let mut mutation = Mutation::arbitrary(&mut Unstructured::new(&choices)).unwrap();
        mutation.choices.withheld = 0;
        mutation.choices.denied = 0;
        mutation.choices.policy = policy & 0b1000;
        let _ = oracle::mutated_exchange::completes(&Mutation { leg, at, removed, inserted, ..mutation });
    }

    #[test]
    fn any_exchange_with_an_edit_is_judged(bytes in vec(any::<u8>(), 20..200)) {
        oracle::mutated_exchange(&bytes);
    }

    #[test]
    fn protection_follows_its_model(flags in any::<u32>(), script in vec(any::<u8>(), 0..500)) {
        let bytes = [&flags.to_le_bytes()[..], &script].concat();
        oracle::protection(&bytes);
    }

    #[test]
    fn calls_in_any_order_follow_their_model(calls in vec(any::<u8>(), 0..400)) {
        oracle::call_order(&calls);
    }
}

#[test]
fn an_exchange_completes_until_a_token_is_changed() {
    let mut mutation = Mutation::default();
    mutation.choices.initiator = u32::MAX;
    assert!(oracle::mutated_exchange::completes(&mutation));
    for leg in 0..3 {
        for at in 0..400 {
            let edit = Mutation {
                leg,
                at,
                removed: 1,
                inserted: vec![0x5A],
                ..mutation.clone()
            };
            // Who takes the time out of a CHALLENGE takes the code with it; the oracle knows that.
            let completes = oracle::mutated_exchange::completes(&edit);
            assert!(!completes || leg == 1, "{edit:?}");
        }
    }
}
