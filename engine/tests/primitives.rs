//! The engine calls no primitive more often than the floor program does, which calls those that nobody can avoid.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../benches/floor/mod.rs"]
#[allow(dead_code, reason = "the bench uses all of it")]
mod floor;

use floor::{Bare, Bound, World};
use legwork_engine::crypto::count::{Calls, within};

/// Holds the engine's calls against those of the floor program.
fn compare(engine: &Calls, floor: &Calls) {
    assert!(engine.at_most(floor), "engine {engine:?}, floor {floor:?}");
}

#[test]
fn the_floor_program_is_counted() {
    let bare = Bare::of(&mut World::new());
    let (_, calls) = within(|| bare.exchange());
    let per_side = Calls {
        hmac_md5_keys: 3,
        hmac_md5: 4,
        rc4_keys: 1,
        ..Calls::default()
    };
    let both = Calls {
        hmac_md5_keys: per_side.hmac_md5_keys * 2,
        hmac_md5: per_side.hmac_md5 * 2,
        rc4_keys: per_side.rc4_keys * 2,
        ..per_side
    };
    assert_eq!(calls, both);
}

#[test]
fn one_call_more_is_too_many() {
    let bare = Bare::of(&mut World::new());
    let (_, floor) = within(|| bare.exchange());
    let (_, more) = within(|| (bare.exchange(), legwork_engine::crypto::md5(&[])));
    assert!(!more.at_most(&floor));
}

#[test]
fn an_exchange() {
    let mut world = World::new();
    let bare = Bare::of(&mut world);
    let (_, engine) = within(|| world.exchange());
    let (_, floor) = within(|| bare.exchange());
    compare(&engine, &floor);
}

#[test]
fn an_exchange_and_a_sealed_message_each_way() {
    let mut world = World::new();
    let bare = Bare::of(&mut world);
    let (_, engine) = within(|| {
        let (mut initiator, mut acceptor) = world.exchange();
        world.talk(&mut initiator, &mut acceptor)
    });
    let (_, floor) = within(|| (bare.exchange(), bare.talk()));
    compare(&engine, &floor);
}

#[test]
fn sealing_on_an_established_context() {
    let mut world = World::new();
    let (mut initiator, _) = world.exchange();
    let session = initiator.session().unwrap();
    let mut bound = Bound::new(&[7; 16], b"signing", b"sealing");
    let (mut message, mut same) = ([0x5A; 64], [0x5A; 64]);
    session.seal(&mut [&mut message], 0, &world.initiator).unwrap();
    bound.seal(0, &mut same);
    let (_, engine) = within(|| session.seal(&mut [&mut message], 0, &world.initiator).unwrap());
    let (_, floor) = within(|| bound.seal(1, &mut same));
    compare(&engine, &floor);
}
