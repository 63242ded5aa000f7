//! Tokens in fragments: however a token is cut, the exchange comes to the same.

use legwork_engine::{
    flags::{AcceptRequirements, InitRequirements},
    negotiate::messages::Oid,
    package::Package,
    status::SecurityStatus as Status,
};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::pair::{Pair, Side, World};

/// Worlds with three legs, with a choice that is not the first and codes, and with a hint.
fn worlds() -> [World; 3] {
    let mut another = World::default();
    another.initiator.mechanisms = Some(vec![Oid::KERBEROS, Oid::NTLM]);
    another.initiator.optimistic = false;
    let mut request = World {
        timestamp: false,
        ..World::default()
    };
    request.acceptor.request_mic = true;
    [World::default(), another, request]
}

/// Bytes of tag and length.
fn header(token: &[u8]) -> usize {
    match token[1] {
        0..0x80 => 2,
        long => 2 + usize::from(long & 0x7F),
    }
}

/// Passes a token to a side in parts; all but the last are answered with nothing. Their legs are not kept.
pub(crate) fn pass(pair: &mut Pair, side: Side, token: &[u8], cuts: &[usize]) {
    let mut from = 0;
    for cut in cuts.iter().filter(|cut| **cut < token.len()) {
        let leg = pair.leg(side, Some(&token[from..*cut]));
        assert_eq!((leg.status, leg.token.len()), (Status::SEC_I_CONTINUE_NEEDED, 0));
        assert_eq!(leg.attributes, 0);
        pair.legs.pop();
        from = *cut;
    }
    pair.leg(side, Some(&token[from..]));
}

/// An exchange in which each token passes as `cuts` says, by its number.
fn exchange(world: &World, first: Side, cuts: impl Fn(usize, &[u8]) -> Vec<usize>) -> Pair {
    let mut pair = Pair::new(world);
    let mut side = first;
    pair.leg(side, None);
    while let Some(token) = pair
        .legs
        .last()
        .map(|leg| leg.token.clone())
        .filter(|token| !token.is_empty())
    {
        side = side.peer();
        let cuts = cuts(pair.legs.len(), &token);
        pass(&mut pair, side, &token, &cuts);
    }
    pair
}

/// All bytes that a side has sent.
fn sent(pair: &Pair, side: Side) -> Vec<u8> {
    let legs = pair.legs.iter().filter(|leg| leg.side == side);
    legs.flat_map(|leg| leg.token.clone()).collect()
}

fn same(mut split: Pair, mut whole: Pair) {
    assert!(whole.both_done());
    assert_eq!(split.statuses(), whole.statuses());
    for (split, whole) in split.legs.iter().zip(&whole.legs) {
        assert_eq!((&split.token, split.attributes), (&whole.token, whole.attributes));
    }
    for side in [Side::Initiator, Side::Acceptor] {
        assert_eq!(split.view(side), whole.view(side));
    }
    split.talk();
}

#[test]
fn one_byte_at_a_time_comes_to_the_same() {
    for world in &worlds() {
        for first in [Side::Initiator, Side::Acceptor] {
            let whole = exchange(world, first, |_, _| Vec::new());
            let split = exchange(world, first, |_, token| (header(token)..token.len()).collect());
            same(split, whole);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_split_comes_to_the_same(
        world in 0..3_usize,
        acceptor_begins: bool,
        places in vec(vec(any::<Index>(), 0..5), 8),
    ) {
        let first = if acceptor_begins { Side::Acceptor } else { Side::Initiator };
        let world = &worlds()[world];
        let cuts = |number: usize, token: &[u8]| {
            let header = header(token);
            let of = |place: &Index| header + place.index(token.len() - header);
            let mut cuts: Vec<_> = places[number % places.len()].iter().map(of).collect();
            cuts.sort_unstable();
            cuts
        };
        same(exchange(world, first, cuts), exchange(world, first, |_, _| Vec::new()));
    }

    #[test]
    fn any_room_comes_to_the_same(world in 0..3_usize, room in 5..400_usize) {
        let mut world = worlds()[world].clone();
        let whole = exchange(&world, Side::Initiator, |_, _| Vec::new());
        world.requirements |= InitRequirements::FRAGMENT_TO_FIT;
        world.accept_requirements |= AcceptRequirements::FRAGMENT_TO_FIT;
        let mut pair = Pair::new(&world);
        pair.room = room;
        let (mut side, mut token) = (Side::Initiator, Vec::new());
        while !pair.both_done() {
            let leg = pair.leg(side, (!token.is_empty()).then_some(&token)).clone();
            prop_assert!(!leg.status.is_failure(), "{:?}", leg.status);
            prop_assert!(leg.token.len() <= room && leg.token.len() + token.len() > 0);
            token = leg.token;
            side = side.peer();
        }
        for side in [Side::Initiator, Side::Acceptor] {
            prop_assert_eq!(sent(&pair, side), sent(&whole, side));
            let last = pair.legs.iter().rfind(|leg| leg.side == side).unwrap();
            prop_assert_eq!(last.status, Status::SEC_E_OK);
        }
        pair.talk();
    }
}

#[test]
fn a_token_that_never_becomes_whole_is_discarded_with_its_context() {
    let mut pair = Pair::new(&World::default());
    let offer = pair.leg(Side::Initiator, None).token.clone();
    for part in [&offer[..20], &[], &offer[20..offer.len() - 1], &[]] {
        let leg = pair.leg(Side::Acceptor, Some(part));
        assert_eq!((leg.status, leg.token.len()), (Status::SEC_I_CONTINUE_NEEDED, 0));
    }
    let party = pair.party(Side::Acceptor);
    let context = party.context.take().unwrap();
    assert_eq!(
        party.interface.delete_security_context(context),
        Ok(Status::SEC_E_OK)
    );
    let reply = pair.leg(Side::Acceptor, Some(&offer)).token.clone();
    assert_eq!(pair.end(), Status::SEC_I_CONTINUE_NEEDED);
    pair.leg(Side::Initiator, Some(&reply));
    assert_eq!(pair.end(), Status::SEC_I_CONTINUE_NEEDED);
}

#[test]
fn what_is_put_together_is_judged_as_a_whole() {
    let offer = Pair::new(&World::default())
        .leg(Side::Initiator, None)
        .token
        .clone();
    let garbage = vec![0xEE; offer.len() - 20];
    let trailing = [&offer[20..], &[0]].concat();
    for second in [garbage, trailing] {
        let mut pair = Pair::new(&World::default());
        pair.leg(Side::Acceptor, Some(&offer[..20]));
        let leg = pair.leg(Side::Acceptor, Some(&second));
        assert_eq!(leg.status, Status::SEC_E_INVALID_TOKEN);
        pair.leg(Side::Acceptor, Some(&offer));
        assert_eq!(pair.end(), Status::SEC_E_INVALID_HANDLE);
    }
}

#[test]
fn a_cut_within_tag_and_length_is_no_fragment() {
    let offer = Pair::new(&World::default())
        .leg(Side::Initiator, None)
        .token
        .clone();
    let mut long = vec![0x60, 0x82];
    long.extend(u16::try_from(offer.len() - 2).unwrap().to_be_bytes());
    for cut in [&[0x60][..], &long[..2], &long[..3]] {
        let mut pair = Pair::new(&World::default());
        pair.leg(Side::Acceptor, Some(cut));
        assert_eq!(pair.end(), Status::SEC_E_INVALID_TOKEN);
    }
}

#[test]
fn no_more_is_kept_than_the_package_has_tokens_of() {
    let status = |length: usize| {
        let content = u32::try_from(length - 6).unwrap().to_be_bytes();
        let mut pair = Pair::new(&World::default());
        pair.leg(Side::Acceptor, Some(&[&[0x60, 0x84][..], &content].concat()));
        pair.end()
    };
    let most = Package::Negotiate.max_token();
    assert_eq!(status(most), Status::SEC_I_CONTINUE_NEEDED);
    assert_eq!(status(most + 1), Status::SEC_E_INVALID_TOKEN);
    assert_eq!(
        status(usize::try_from(u32::MAX).unwrap()),
        Status::SEC_E_INVALID_TOKEN
    );
}

#[test]
fn a_complete_context_is_one_offer_from_being_open_again() {
    let mut pair = Pair::exchange(&World::default());
    let offer = pair.leg(Side::Initiator, None).token.clone();
    pair.leg(Side::Acceptor, Some(&[0xA1, 0x7F, 0x30]));
    assert_eq!(pair.end(), Status::SEC_E_INVALID_HANDLE);
    pass(&mut pair, Side::Acceptor, &offer, &[2, 30]);
    assert_eq!(pair.end(), Status::SEC_I_CONTINUE_NEEDED);
    assert!(!pair.legs.last().unwrap().token.is_empty());
}

#[test]
fn without_the_requirement_or_the_room_a_token_waits_as_it_is() {
    for (requirements, room) in [
        (InitRequirements::empty(), 39),
        (InitRequirements::FRAGMENT_TO_FIT, 4),
    ] {
        let world = World {
            requirements,
            ..World::default()
        };
        let mut pair = Pair::new(&world);
        pair.room = room;
        pair.leg(Side::Initiator, None);
        assert_eq!(pair.end(), Status::SEC_E_BUFFER_TOO_SMALL);
    }
}
