//! Initiator against acceptor through the documented calls, over what both may ask for, offer and choose.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod pair;

use legwork_engine::{
    call::{AttributeValue, ContextAttribute},
    codec::utf16::Text,
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    ntlm::messages::{Negotiate, NegotiateFlags},
    status::SecurityStatus as Status,
};
use pair::{Established, Pair, Side, World};
use pretty_assertions::assert_eq;
use proptest::{collection::vec, option, prelude::*};

/// Text that need not be valid: letters, letters beyond ASCII, unpaired surrogates.
fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = Text> {
    let unit = prop_oneof![
        5 => 0x20..0x7F_u16,
        1 => 0x00C0..0x0180_u16,
        1 => 0xD800..0xE000_u16,
        1 => any::<u16>(),
    ];
    vec(unit, length).prop_map(Text::from_units)
}

prop_compose! {
    fn worlds()(
        (initiator, acceptor) in any::<(u32, u32)>(),
        (offer, grant) in any::<(u32, u32)>(),
        user in text(1..12),
        domain in text(0..12),
        password in text(0..20),
        target in option::of(text(0..20)),
        host in text(0..15),
        bindings in option::of(vec(any::<u8>(), 0..40)),
        (send_version, send_timestamp, send_mic, send_names) in any::<(bool, bool, bool, bool)>(),
        extra in vec((11..=u16::MAX, vec(any::<u8>(), 0..9)), 0..3),
    ) -> World {
        World {
            // Another kind of logon and another order of messages have tests of their own.
            initiator: InitRequirements::from_bits_retain(initiator)
                - (InitRequirements::NULL_SESSION | InitRequirements::DATAGRAM),
            acceptor: AcceptRequirements::from_bits_retain(acceptor) - AcceptRequirements::DATAGRAM,
            // Without a common character set there is nothing to be agreed on.
            offer: NegotiateFlags::from_bits_retain(offer) | NegotiateFlags::UNICODE,
            grant: NegotiateFlags::from_bits_retain(grant) | NegotiateFlags::UNICODE,
            user, domain, password, target, host,
            initiator_bindings: bindings.clone(),
            acceptor_bindings: bindings,
            send_version, send_timestamp, send_mic, send_names,
            extra,
            ..World::default()
        }
    }
}

/// Several messages each way; what arrives is what was sent, and a changed message leaves the context as it was.
fn talk(established: &mut Established, messages: &[(bool, bool, Vec<u8>)], flipped: u8) {
    for (by_initiator, seals, message) in messages {
        let side = if *by_initiator {
            Side::Initiator
        } else {
            Side::Acceptor
        };
        let sealed = *seals && established.flags.contains(NegotiateFlags::SEAL);
        let sent = established.protect(side, sealed, message).unwrap();
        for refused in sent.damaged(flipped, established.flags) {
            let status = established.open(side.peer(), &refused).unwrap_err();
            let expected = [
                Status::SEC_E_MESSAGE_ALTERED,
                Status::SEC_E_OUT_OF_SEQUENCE,
                Status::SEC_E_INVALID_TOKEN,
            ];
            assert!(expected.contains(&status), "{status:?}");
        }
        assert_eq!(established.open(side.peer(), &sent), Ok(message.clone()));
        assert_eq!(
            established.open(side.peer(), &sent),
            Err(Status::SEC_E_OUT_OF_SEQUENCE)
        );
        // Without ESS both directions have one key, and nothing tells a message from its reflection.
        if established
            .flags
            .contains(NegotiateFlags::EXTENDED_SESSIONSECURITY)
        {
            assert!(
                established.open(side, &sent).is_err(),
                "a side takes its own message"
            );
        }
    }
}

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
            talk(&mut established, &messages, flipped);
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
