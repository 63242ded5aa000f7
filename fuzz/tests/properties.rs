//! The oracles as property tests: what a fuzz target runs for hours runs here on a few hundred inputs.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests")]

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::flags::{AcceptRequirements, InitRequirements};
use legwork_fuzz::oracle::{
    self,
    forecast::{Guise, forecast},
    mutated_exchange::Mutation,
    negotiate, round_trip,
    world::{Choices, EVERYTHING, Logon},
};
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

/// One bit of a word, or none.
fn one_bit() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(0), 1 => (0..32_u32).prop_map(|bit| 1 << bit)]
}

/// Choices of which most lead to the last leg.
fn choices() -> impl Strategy<Value = Choices> {
    let logons = [
        Logon::Owner,
        Logon::Owner,
        Logon::Impostor,
        Logon::Stranger,
        Logon::Nobody,
    ];
    let sides = (any::<u32>(), any::<u32>(), one_bit(), one_bit(), any::<u8>());
    let rest = (
        0..6_u8,
        0..6_u8,
        proptest::sample::select(logons.to_vec()),
        any::<u8>(),
    );
    let bindings = prop::option::weighted(0.3, 0..2_u8);
    (sides, rest, any::<bool>(), bindings.clone(), bindings).prop_map(
        |(sides, rest, datagram, initiator_bindings, acceptor_bindings)| {
            let both = |word: u32, bit: u32| if datagram { word | bit } else { word & !bit };
            Choices {
                initiator: both(sides.0, InitRequirements::DATAGRAM.bits())
                    & !(InitRequirements::NULL_SESSION.bits() & sides.1),
                acceptor: both(sides.1, AcceptRequirements::DATAGRAM.bits()),
                withheld: sides.2,
                denied: sides.3,
                policy: sides.4,
                initiator_bindings,
                acceptor_bindings,
                initiator_leniency: rest.0,
                acceptor_leniency: rest.1,
                logon: rest.2,
                account: if rest.3 < 200 { 0 } else { rest.3 },
            }
        },
    )
}

proptest! {
    #[test]
    fn an_untouched_exchange_comes_to_its_forecast(choices in choices()) {
        let mutation = Mutation { choices, leg: 3, ..Mutation::default() };
        let completes = oracle::mutated_exchange::completes(&mutation);
        prop_assert_eq!(completes, forecast(&mutation.choices).is_ok());
    }

    #[test]
    fn a_changed_exchange_stays_within_policy(
        choices in choices(),
        leg in 0..3_u8,
        at in any::<u16>(),
        removed in 0..3_u8,
        inserted in vec(any::<u8>(), 0..3),
    ) {
        let _ = oracle::mutated_exchange::completes(&Mutation { choices, leg, at, removed, inserted });
    }

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
        let own = mutation.choices.clone();
        mutation.choices = Choices {
            initiator: own.initiator,
            acceptor: own.acceptor,
            policy: policy & 0b1000,
            ..Choices::default()
        };
        let _ = oracle::mutated_exchange::completes(&Mutation { leg, at, removed, inserted, ..mutation });
    }

    #[test]
    fn any_exchange_with_an_edit_is_judged(bytes in vec(any::<u8>(), 20..200)) {
        oracle::mutated_exchange(&bytes);
    }

    #[test]
    fn any_unlocked_exchange_is_judged(bytes in vec(any::<u8>(), 20..200)) {
        oracle::unlocked_exchange(&bytes);
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

/// Choices of Negotiate of which most lead to the last leg.
fn choices_of_negotiate() -> impl Strategy<Value = negotiate::world::Choices> {
    let policy = || {
        let often = |all: u8| prop_oneof![3 => Just(0), 2 => 0..all];
        let bits = prop_oneof![2 => Just(0), 1 => any::<u8>()];
        (bits, often(9), 0..4_u8, prop::option::weighted(0.2, any::<u8>()))
    };
    let of = |(bits, mechanisms, codes, foreign)| negotiate::world::Policy {
        bits,
        mechanisms,
        codes,
        foreign,
    };
    let hinted = prop::bool::weighted(0.2);
    // Who requires datagrams is refused at once.
    let connection = prop::bool::weighted(0.9).prop_flat_map(|connection| {
        choices().prop_map(move |ntlm| match connection {
            true => Choices {
                initiator: ntlm.initiator & !InitRequirements::DATAGRAM.bits(),
                acceptor: ntlm.acceptor & !AcceptRequirements::DATAGRAM.bits(),
                ..ntlm
            },
            false => ntlm,
        })
    });
    (policy(), policy(), hinted, connection).prop_map(move |(initiator, acceptor, hinted, ntlm)| {
        negotiate::world::Choices {
            initiator: of(initiator),
            acceptor: of(acceptor),
            hinted,
            ntlm,
        }
    })
}

/// Edits of which most are of a field.
fn edits() -> impl Strategy<Value = Vec<negotiate::edits::Edit>> {
    let recipe = vec(any::<u8>(), 40);
    vec((0..6_u8, recipe), 0..4).prop_map(|edits| {
        edits
            .into_iter()
            .map(|(leg, recipe)| negotiate::edits::Edit {
                leg,
                change: Arbitrary::arbitrary(&mut Unstructured::new(&recipe)).unwrap(),
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn tokens_of_negotiate_are_read_or_refused(
        bytes in prop_oneof![bytes(), damaged("negotiate_token"), damaged("negotiate_negoex")],
    ) {
        negotiate::token(&bytes);
        negotiate::negoex(&bytes);
        oracle::der(&bytes);
    }

    #[test]
    fn any_peer_of_negotiate_gets_documented_answers(
        place in any::<u16>(),
        bytes in prop_oneof![bytes(), damaged("negotiate_hostile_peer")],
    ) {
        negotiate::hostile_peer::in_place(place.into(), &bytes);
    }

    #[test]
    fn an_untouched_exchange_of_negotiate_comes_to_its_forecast(choices in choices_of_negotiate(), fragments: u8) {
        let mutation = negotiate::edits::Mutation { choices, edits: Vec::new(), fragments };
        let completes = negotiate::mutated_exchange::completes(&mutation);
        let foretold = negotiate::forecast::forecast(&mutation.choices);
        prop_assert_eq!(completes, foretold.is_ok());
    }

    #[test]
    fn a_changed_exchange_of_negotiate_stays_within_policy(
        choices in choices_of_negotiate(),
        edits in edits(),
        fragments in prop_oneof![Just(0), any::<u8>()],
    ) {
        let _ = negotiate::mutated_exchange::completes(&negotiate::edits::Mutation { choices, edits, fragments });
    }

    #[test]
    fn a_changed_exchange_of_the_owner_stays_within_policy(choices in choices_of_negotiate(), edits in edits()) {
        let own = choices.ntlm;
        let ntlm = Choices {
            initiator: own.initiator,
            policy: own.policy & 0b0100_0110,
            ..Choices::default()
        };
        let choices = negotiate::world::Choices { ntlm, ..choices };
        let _ = negotiate::mutated_exchange::completes(&negotiate::edits::Mutation { choices, edits, fragments: 0 });
    }

    #[test]
    fn any_unlocked_exchange_of_negotiate_is_judged(bytes in vec(any::<u8>(), 40..200)) {
        negotiate::unlocked_exchange(&bytes);
    }

    #[test]
    fn protection_behind_codes_follows_its_model(bytes in vec(any::<u8>(), 3..400)) {
        negotiate::protection(&bytes);
    }
}

#[test]
fn an_exchange_completes_until_a_token_is_changed() {
    let mut mutation = Mutation::default();
    mutation.choices.initiator = EVERYTHING;
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

/// Every pair of levels, everybody who may log on, every state of the account, with and without guests, null sessions
/// and datagrams, against the forecast, which is not always the same.
#[test]
fn logons_come_to_their_forecast() {
    let mut ends = [0_u32; 4];
    for number in 0..6 * 6 * 4 * 5 * 8_u32 {
        let choices = numbered(number);
        let end = match forecast(&choices).map(|forecast| forecast.guise) {
            Ok(Guise::Owner) => 0,
            Ok(Guise::Guest) => 1,
            Ok(Guise::Nobody) => 2,
            Err(_) => 3,
        };
        ends[end] += 1;
        let mutation = Mutation {
            choices,
            leg: 3,
            ..Mutation::default()
        };
        assert_eq!(oracle::mutated_exchange::completes(&mutation), end < 3);
    }
    assert!(ends.iter().all(|count| *count > 50), "{ends:?}");
}

/// The choices of a number: digits of several bases.
fn numbered(mut number: u32) -> Choices {
    let mut digit = |base: u32| {
        let digit = number % base;
        number /= base;
        u8::try_from(digit).unwrap()
    };
    let (initiator_leniency, acceptor_leniency) = (digit(6), digit(6));
    let logons = [Logon::Owner, Logon::Impostor, Logon::Stranger, Logon::Nobody];
    let (logon, account) = (logons[usize::from(digit(4))], digit(5));
    let [guests, null_session, datagram] = [digit(2), digit(2), digit(2)].map(|bit| bit == 1);
    let (mut initiator, mut acceptor) = (
        InitRequirements::from_bits_retain(EVERYTHING),
        AcceptRequirements::empty(),
    );
    initiator.set(InitRequirements::DATAGRAM, datagram);
    acceptor.set(AcceptRequirements::DATAGRAM, datagram);
    acceptor.set(AcceptRequirements::ALLOW_NULL_SESSION, null_session);
    Choices {
        initiator: initiator.bits(),
        acceptor: acceptor.bits(),
        policy: if guests { 128 } else { 0 },
        initiator_leniency,
        acceptor_leniency,
        logon,
        account,
        ..Choices::default()
    }
}
