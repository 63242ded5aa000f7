//! Who logs on, with which version of the response, and in which mode.

use legwork_engine::{
    codec::utf16::Text,
    environment::{Account, AccountState, Directory},
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    ntlm::{
        keys::{self, v1},
        messages::{Authenticate, NegotiateFlags},
    },
    status::SecurityStatus as Status,
};
use proptest::{collection::vec, prelude::*};

use super::pair::{
    Pair, Side, World,
    worlds::{text, worlds},
};

/// A world whose initiator may send version 1; its acceptor takes the NT response of every version.
fn any_version() -> impl Strategy<Value = World> {
    (worlds(), 0..=5_u8, 0..=4_u8).prop_map(|(world, initiator_level, acceptor_level)| World {
        initiator_level,
        acceptor_level,
        // Only version 2 has a place for channel bindings.
        initiator_bindings: world.initiator_bindings.filter(|_| initiator_level > 2),
        acceptor_bindings: world.acceptor_bindings.filter(|_| initiator_level > 2),
        ..world
    })
}

/// Both passwords are one to the LAN Manager, whose hash has no case.
fn same_to_the_lan_manager(one: &Text, other: &Text) -> bool {
    let hash = |password| v1::lm_hash(password).map(|hash| hash.0);
    hash(one).is_some() && hash(one) == hash(other)
}

proptest! {
    #[test]
    fn every_version_completes_and_agrees(
        world in any_version(),
        messages in vec((any::<bool>(), any::<bool>(), vec(any::<u8>(), 0..60)), 1..6),
        flipped in any::<u8>(),
    ) {
        let mut established = Pair::new(&world).establish().unwrap();
        prop_assert_eq!(established.key(Side::Initiator), established.key(Side::Acceptor));
        prop_assert_eq!(established.flags, world.agreed());
        let message = Authenticate::parse(&established.tokens[2]).unwrap();
        prop_assert_eq!(message.nt_response.len() == 24, world.initiator_level < 3);
        if established.flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL) {
            established.talk(&messages, flipped);
        }
    }

    #[test]
    fn another_password_is_refused_in_every_version(world in any_version(), other in text(0..20)) {
        prop_assume!(!same_to_the_lan_manager(&other, &world.password));
        let mut pair = Pair::new(&world);
        pair.set_password(&other);
        prop_assert_eq!(pair.establish().unwrap_err(), Status::SEC_E_LOGON_DENIED);
    }

    #[test]
    fn version_one_is_refused_at_level_five(world in any_version()) {
        let world = World { acceptor_level: 5, ..world };
        let outcome = Pair::new(&world).establish().map(|_| ());
        let taken = world.initiator_level > 2;
        prop_assert_eq!(outcome, if taken { Ok(()) } else { Err(Status::SEC_E_LOGON_DENIED) });
    }

    #[test]
    fn nobody_logs_on_with_permission_alone(world in any_version(), allowed in any::<bool>()) {
        let mut acceptor = world.acceptor - AcceptRequirements::ALLOW_NULL_SESSION;
        acceptor.set(AcceptRequirements::ALLOW_NULL_SESSION, allowed);
        let world = World {
            initiator: world.initiator | InitRequirements::NULL_SESSION,
            acceptor,
            initiator_bindings: None,
            acceptor_bindings: None,
            ..world
        };
        match Pair::new(&world).establish() {
            Ok(mut established) => {
                prop_assert!(allowed);
                prop_assert!(established.initiator_attributes.contains(InitAttributes::NULL_SESSION));
                prop_assert!(established.acceptor_attributes.contains(AcceptAttributes::NULL_SESSION));
                prop_assert!(established.flags.contains(NegotiateFlags::ANONYMOUS));
                prop_assert_eq!(established.key(Side::Initiator), established.key(Side::Acceptor));
            }
            Err(status) => {
                prop_assert!(!allowed);
                prop_assert_eq!(status, Status::SEC_E_LOGON_DENIED);
            }
        }
    }

    #[test]
    fn nobody_is_who_has_neither_name_nor_password(world in worlds(), named in any::<bool>()) {
        let user = if named { world.user.clone() } else { Text::default() };
        let world = World {
            acceptor: world.acceptor | AcceptRequirements::ALLOW_NULL_SESSION,
            user,
            password: Text::default(),
            initiator_bindings: None,
            acceptor_bindings: None,
            ..world
        };
        let established = Pair::new(&world).establish().unwrap();
        prop_assert_eq!(established.flags.contains(NegotiateFlags::ANONYMOUS), !named);
    }

    #[test]
    fn closed_accounts_stay_closed(world in any_version(), state in 0..AccountState::NAMED.len()) {
        let (_, state) = AccountState::NAMED[state];
        let mut pair = Pair::new(&world);
        let hashes = keys::password_hashes(&world.password);
        let account = Account { state, ..Account::new(world.user.clone(), world.domain.clone(), hashes) };
        pair.acceptor().environment().directory = Directory::new(vec![account]);
        let outcome = pair.establish().map(|_| ());
        let open = state == AccountState::Enabled;
        prop_assert_eq!(outcome, if open { Ok(()) } else { Err(Status::SEC_E_LOGON_DENIED) });
    }

    #[test]
    fn guests_are_let_in_and_not_protected(world in any_version()) {
        let mut pair = Pair::new(&world);
        pair.acceptor().environment().directory = Directory::default();
        pair.acceptor().environment().policy.ntlm.guest = true;
        let mut established = pair.establish().unwrap();
        let protection = AcceptAttributes::INTEGRITY | AcceptAttributes::CONFIDENTIALITY;
        prop_assert!(!established.acceptor_attributes.intersects(protection));
        let refused = established.protect(Side::Acceptor, false, b"message");
        prop_assert_eq!(refused.unwrap_err(), Status::SEC_E_QOP_NOT_SUPPORTED);
    }

    #[test]
    fn datagrams_are_opened_in_any_order(
        world in any_version(),
        numbers in vec(any::<u32>(), 1..5),
        message in vec(any::<u8>(), 0..60),
    ) {
        let datagram = NegotiateFlags::DATAGRAM | NegotiateFlags::KEY_EXCH;
        let world = World {
            initiator: world.initiator | InitRequirements::DATAGRAM | InitRequirements::CONFIDENTIALITY,
            acceptor: world.acceptor | AcceptRequirements::DATAGRAM,
            offer: world.offer | datagram | NegotiateFlags::SIGN | NegotiateFlags::SEAL,
            grant: world.grant | datagram | NegotiateFlags::SIGN | NegotiateFlags::SEAL,
            ..world
        };
        let mut established = Pair::new(&world).establish().unwrap();
        prop_assert!(established.flags.contains(datagram));
        prop_assert!(established.initiator_attributes.contains(InitAttributes::DATAGRAM));
        prop_assert!(established.acceptor_attributes.contains(AcceptAttributes::DATAGRAM));
        for side in [Side::Initiator, Side::Acceptor] {
            let sent: Vec<_> = numbers
                .iter()
                .map(|number| established.protect_numbered(side, true, &message, *number).unwrap())
                .collect();
            for sealed in sent.iter().rev() {
                prop_assert_eq!(established.open(side.peer(), sealed), Ok(message.clone()));
                let other = sealed.numbered(sealed.number.wrapping_add(1));
                prop_assert!(established.open(side.peer(), &other).is_err());
            }
        }
    }
}
