//! Somebody between the two sides changes what passes: both sides never end well with different beliefs.
//!
//! What protects an exchange is the code of NTLM's own messages, the codes over the list of mechanisms, or both. With
//! NTLM's code all beliefs agree. With codes over the list alone the mechanism and the key agree: the flags of the
//! AUTHENTICATE message and the case of names are nobody's business then. With neither, these exchanges are open, and no
//! property is claimed: an acceptor that does not tell its time, or an initiator whose policy sends no code, where the
//! first mechanism is chosen and nobody requests codes; whatever the policy, without integrity; and policy "never".

use legwork_engine::{environment::MechListMic, flags::InitRequirements, negotiate::messages::Oid};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::pair::{Pair, Side, World};

#[derive(Clone, Copy, Debug)]
enum Edit {
    Flip(Index, u8),
    Insert(Index, u8),
    Delete(Index),
    Cut(Index),
}

impl Edit {
    fn apply(self, mut token: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Flip(place, mask) => {
                let place = place.index(token.len());
                token[place] ^= mask;
            }
            Self::Insert(place, byte) => token.insert(place.index(token.len() + 1), byte),
            Self::Delete(place) => {
                token.remove(place.index(token.len()));
            }
            Self::Cut(place) => token.truncate(place.index(token.len()).max(1)),
        }
        token
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        8 => (any::<Index>(), 1..=255_u8).prop_map(|(place, mask)| Edit::Flip(place, mask)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(place, byte)| Edit::Insert(place, byte)),
        1 => any::<Index>().prop_map(Edit::Delete),
        1 => any::<Index>().prop_map(Edit::Cut),
    ]
}

/// Worlds in which NTLM's messages have a code.
fn protected() -> impl Strategy<Value = World> {
    let requirements = prop_oneof![
        Just(InitRequirements::empty()),
        Just(InitRequirements::CONFIDENTIALITY),
        Just(InitRequirements::NO_INTEGRITY),
    ];
    (requirements, any::<[bool; 4]>()).prop_map(|(requirements, [optimistic, request, state, guess])| {
        let mut world = World {
            requirements,
            ..World::default()
        };
        world.initiator.optimistic = optimistic;
        world.acceptor.request_mic = request;
        world.initiator.send_state = state;
        if guess {
            world.initiator.mechanisms = Some(vec![Oid::KERBEROS, Oid::NTLM]);
        }
        world
    })
}

fn attacked(world: &World, edits: &[(usize, Edit)]) -> Pair {
    let mut pair = Pair::new(world);
    pair.run(Side::Initiator, None, |number, token| {
        let of_leg = edits.iter().filter(|(leg, _)| *leg == number);
        of_leg.fold(token, |token, (_, edit)| edit.apply(token))
    });
    pair
}

/// Both sides do not both end well, or they believe the same.
fn agree(mut pair: Pair) -> bool {
    !pair.both_done() || pair.view(Side::Initiator) == pair.view(Side::Acceptor)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nobody_between_makes_beliefs_differ(world in protected(), edits in vec((0..7_usize, edit()), 1..3)) {
        prop_assert!(agree(attacked(&world, &edits)));
    }

    #[test]
    fn codes_over_the_list_alone_keep_mechanism_and_key(
        edits in vec((0..7_usize, edit()), 1..3),
        guess in any::<bool>(),
    ) {
        let mut world = World { timestamp: false, ..World::default() };
        world.acceptor.request_mic = !guess;
        if guess {
            world.initiator.mechanisms = Some(vec![Oid::KERBEROS, Oid::NTLM]);
        }
        let mut pair = attacked(&world, &edits);
        if pair.both_done() {
            let (initiator, acceptor) = (pair.view(Side::Initiator), pair.view(Side::Acceptor));
            prop_assert_eq!((initiator.1, initiator.2), (acceptor.1, acceptor.2));
        }
    }

    #[test]
    fn a_hint_changes_nothing(edit in edit()) {
        let mut pair = Pair::new(&World::default());
        let hint = pair.leg(Side::Acceptor, None).token.clone();
        pair.run(Side::Initiator, Some(edit.apply(hint)), |_, token| token);
        prop_assert!(agree(pair));
    }
}

#[test]
fn every_bit_of_every_leg_counts_or_does_not_matter() {
    let world = World::default();
    let sent: Vec<_> = Pair::exchange(&world)
        .legs
        .iter()
        .map(|leg| leg.token.len())
        .collect();
    for (number, length) in sent.into_iter().enumerate() {
        for place in 0..length {
            let mut pair = Pair::new(&world);
            pair.run(Side::Initiator, None, |leg, mut token| {
                if leg == number {
                    token[place] ^= 1 << (place % 8);
                }
                token
            });
            assert!(agree(pair), "leg {number}, byte {place}");
        }
    }
}

#[test]
fn open_exchanges_are_open() {
    // What is said above of exchanges with neither code: the two sides end with different keys.
    let mut world = World {
        timestamp: false,
        ..World::default()
    };
    world.initiator.mech_list_mic = MechListMic::Required;
    let mut pair = Pair::new(&world);
    pair.run(Side::Initiator, None, |leg, mut token| {
        if leg == 2 {
            // NegotiateFlags of the AUTHENTICATE message, highest byte: key exchange.
            let start = token.windows(8).position(|bytes| bytes == b"NTLMSSP\0").unwrap();
            token[start + 63] &= !0x40;
        }
        token
    });
    assert!(pair.both_done());
    assert!(pair.view(Side::Initiator) != pair.view(Side::Acceptor));
}
