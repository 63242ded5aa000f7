//! Initiator against acceptor through the documented calls, over what both may ask for, offer and choose.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod export;
mod logon;
mod pair;

use legwork_engine::{
    call::{AttributeValue, ContextAttribute},
    codec::utf16::Text,
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    ntlm::messages::{Negotiate, NegotiateFlags},
    status::SecurityStatus as Status,
};
use pair::{
    Pair, Side, World,
    worlds::{text, worlds},
};
use proptest::{collection::vec, prelude::*};

proptest! {
    #[test]
    fn both_sides_complete_and_agree(
        world in worlds(),
        messages in vec((any::<bool>(), any::<bool>(), vec(any::<u8>(), 0..60)), 1..6),
        flipped in any::<u8>(),
    ) {
        let mut established = Pair::new(&world).establish().unwrap();
        let (one, other) = (established.key(Side::Initiator), established.key(Side::Acceptor));
        prop_assert_eq!(one, other);
        let name = AttributeValue::Names(world.qualified_name());
        prop_assert_eq!(established.query(Side::Acceptor, ContextAttribute::NAMES), name);
        let expected = world.agreed();
        prop_assert_eq!(established.flags, expected, "{:?}", expected ^ established.flags);
        if established.flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL) {
            established.talk(&messages, flipped);
        } else {
            let refused = established.protect(Side::Initiator, false, b"message");
            prop_assert_eq!(refused.unwrap_err(), Status::SEC_E_QOP_NOT_SUPPORTED);
        }
    }

    #[test]
    fn attributes_are_what_was_required_and_agreed(world in worlds()) {
        let established = Pair::new(&world).establish().unwrap();
        let (signs, seals) = (
            established.flags.contains(NegotiateFlags::SIGN),
            established.flags.contains(NegotiateFlags::SEAL),
        );
        let (one, other) = (established.initiator_attributes, established.acceptor_attributes);
        prop_assert_eq!(one.contains(InitAttributes::CONFIDENTIALITY), seals);
        prop_assert_eq!(other.contains(AcceptAttributes::CONFIDENTIALITY), seals);
        prop_assert_eq!(one.contains(InitAttributes::INTEGRITY), signs);
        prop_assert_eq!(other.contains(AcceptAttributes::INTEGRITY), signs);
        let replay = signs && world.initiator.contains(InitRequirements::REPLAY_DETECT);
        prop_assert_eq!(one.contains(InitAttributes::REPLAY_DETECT), replay);
        let sequence = signs && world.acceptor.contains(AcceptRequirements::SEQUENCE_DETECT);
        prop_assert_eq!(other.contains(AcceptAttributes::SEQUENCE_DETECT), sequence);
        let allocated = world.initiator.contains(InitRequirements::ALLOCATE_MEMORY);
        prop_assert_eq!(one.contains(InitAttributes::ALLOCATED_MEMORY), allocated);
        prop_assert!(!one.intersects(InitAttributes::MUTUAL_AUTH | InitAttributes::DELEGATE));
        prop_assert!(!other.intersects(AcceptAttributes::MUTUAL_AUTH | AcceptAttributes::DELEGATE));
    }

    #[test]
    fn a_first_message_has_names_or_a_version(world in worlds()) {
        let [negotiate, ..] = Pair::new(&world).establish().unwrap().tokens;
        let message = Negotiate::parse(&negotiate).unwrap();
        let has_version = message.flags.contains(NegotiateFlags::VERSION);
        prop_assert_eq!(message.version.is_some(), has_version);
        prop_assert!(!(has_version && world.send_names));
        let names = NegotiateFlags::OEM_DOMAIN_SUPPLIED | NegotiateFlags::OEM_WORKSTATION_SUPPLIED;
        prop_assert!(!(has_version && message.flags.intersects(names)));
        prop_assert!(message.domain.is_empty() || !has_version);
    }

    #[test]
    fn same_world_gives_the_same_bytes(world in worlds()) {
        let tokens = |world: &World| Pair::new(world).establish().unwrap().tokens;
        prop_assert_eq!(tokens(&world), tokens(&world));
    }

    #[test]
    fn another_password_is_refused(world in worlds(), other in text(0..20)) {
        prop_assume!(other != world.password);
        let mut pair = Pair::new(&world);
        pair.set_password(&other);
        prop_assert_eq!(pair.establish().unwrap_err(), Status::SEC_E_LOGON_DENIED);
    }

    #[test]
    fn another_user_is_refused(world in worlds(), other in text(1..12)) {
        prop_assume!(!other.same_name(&world.user));
        let mut pair = Pair::new(&world);
        pair.set_user(&other);
        prop_assert_eq!(pair.establish().unwrap_err(), Status::SEC_E_LOGON_DENIED);
    }

    #[test]
    fn another_channel_is_refused(world in worlds(), other in vec(any::<u8>(), 0..40)) {
        prop_assume!(world.initiator_bindings.as_ref() != Some(&other));
        let absent = world.initiator_bindings.is_none();
        let allowed = absent && world.acceptor.contains(AcceptRequirements::ALLOW_MISSING_BINDINGS);
        let world = World { acceptor_bindings: Some(other), ..world };
        let outcome = Pair::new(&world).establish().map(|_| ());
        prop_assert_eq!(outcome, if allowed { Ok(()) } else { Err(Status::SEC_E_BAD_BINDINGS) });
    }

    #[test]
    fn weak_keys_are_refused_where_policy_says_so(world in worlds(), initiator in any::<bool>()) {
        let weak = !world.agreed().contains(NegotiateFlags::NEGOTIATE_128);
        let world = World { initiator_requires_128: initiator, acceptor_requires_128: !initiator, ..world };
        let outcome = Pair::new(&world).establish().map(|_| ());
        prop_assert_eq!(outcome, if weak { Err(Status::SEC_E_UNSUPPORTED_FUNCTION) } else { Ok(()) });
    }

    #[test]
    fn oem_names_of_its_characters_complete(world in worlds(), user in "[a-zA-Z0-9À-ÖØ-Þ]{1,10}", domain in "[A-Za-z.]{0,10}") {
        let world = World {
            offer: (world.offer - NegotiateFlags::UNICODE) | NegotiateFlags::OEM,
            grant: world.grant | NegotiateFlags::OEM,
            user: Text::from(&*user),
            domain: Text::from(&*domain),
            ..world
        };
        let mut established = Pair::new(&world).establish().unwrap();
        prop_assert_eq!(established.key(Side::Initiator), established.key(Side::Acceptor));
        let name = AttributeValue::Names(world.qualified_name());
        prop_assert_eq!(established.query(Side::Acceptor, ContextAttribute::NAMES), name);
    }

    #[test]
    fn no_common_character_set_is_refused(world in worlds()) {
        let none = NegotiateFlags::UNICODE | NegotiateFlags::OEM;
        let world = World { offer: world.offer - none, ..world };
        prop_assert_eq!(Pair::new(&world).establish().unwrap_err(), Status::SEC_E_INVALID_TOKEN);
    }

    #[test]
    fn clocks_too_far_apart_are_refused(world in worlds(), apart in 0..20_u64, ahead in any::<bool>()) {
        // Whoever sends the time of the acceptor gets it back, so only the initiator's own time can be wrong.
        let hours = 26 + apart;
        let world = World { send_timestamp: false, ..world };
        let mut pair = Pair::new(&world);
        pair.move_initiator_clock(hours, ahead);
        let expected = if hours > 36 { Err(Status::SEC_E_TIME_SKEW) } else { Ok(()) };
        prop_assert_eq!(pair.establish().map(|_| ()), expected);
    }
}
