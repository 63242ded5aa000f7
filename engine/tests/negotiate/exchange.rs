//! Whole exchanges: what each leg says, and what both sides have in the end.

use legwork_engine::{
    call::{AttributeValue, ContextAttribute},
    environment::{Directory, MechListMic},
    flags::{AcceptRequirements, InitAttributes, InitRequirements},
    negotiate::messages::{InitForm, NegHints, NegState, Oid, Token},
    package::Package,
    status::SecurityStatus as Status,
};

use crate::pair::{Pair, Side, World};

const CONTINUE: Status = Status::SEC_I_CONTINUE_NEEDED;
const OK: Status = Status::SEC_E_OK;

#[test]
fn an_exchange_with_codes_has_five_legs() {
    let mut pair = Pair::exchange(&World::default());
    assert_eq!(pair.statuses(), [CONTINUE, CONTINUE, CONTINUE, OK, OK]);
    let init = pair.legs[0].init();
    let list: Vec<_> = init.mech_types.as_ref().unwrap().iter().collect();
    assert_eq!(list, [Oid::NTLM]);
    assert!(init.mech_token.unwrap().starts_with(b"NTLMSSP\0\x01"));
    assert!(init.req_flags.is_none() && init.mech_list_mic.is_none() && init.hints.is_none());
    let reply = pair.legs[1].resp();
    assert_eq!(reply.neg_state, Some(NegState::ACCEPT_INCOMPLETE));
    assert_eq!(reply.supported_mech, Some(Oid::NTLM));
    assert!(reply.response_token.unwrap().starts_with(b"NTLMSSP\0\x02"));
    assert!(reply.mech_list_mic.is_none());
    let answer = pair.legs[2].resp();
    assert_eq!(answer.neg_state, Some(NegState::ACCEPT_INCOMPLETE));
    assert!(answer.response_token.unwrap().starts_with(b"NTLMSSP\0\x03"));
    assert!(answer.supported_mech.is_none());
    let last = pair.legs[3].resp();
    assert_eq!(last.neg_state, Some(NegState::ACCEPT_COMPLETED));
    assert!(last.response_token.is_none() && last.supported_mech.is_none());
    // Codes have the first number of their direction, messages the second.
    for code in [answer.mech_list_mic.unwrap(), last.mech_list_mic.unwrap()] {
        assert_eq!(
            (code.len(), &code[..4], &code[12..]),
            (16, &[1, 0, 0, 0][..], &[0; 4][..])
        );
    }
    assert!(pair.legs[4].token.is_empty());
    assert_eq!(pair.view(Side::Initiator), pair.view(Side::Acceptor));
    for side in [Side::Initiator, Side::Acceptor] {
        let message = pair.protect(side, false, b"text").unwrap();
        assert_eq!(message[0].bytes[12..], [1, 0, 0, 0]);
        assert_eq!(pair.open(side.peer(), false, &message).unwrap(), b"text");
    }
    pair.talk();
}

#[test]
fn the_key_stream_begins_anew_behind_the_code() {
    // What a stream encrypts first shows where it is: with codes and without it is the same place.
    let sealed = |mech_list_mic| {
        let mut world = World::default();
        world.initiator.mech_list_mic = mech_list_mic;
        world.acceptor.mech_list_mic = mech_list_mic;
        let mut pair = Pair::exchange(&world);
        assert!(pair.both_done());
        let message = pair.protect(Side::Initiator, true, b"the same text").unwrap();
        let answer = pair.protect(Side::Acceptor, true, b"the same text").unwrap();
        (message[1].bytes.clone(), answer[1].bytes.clone())
    };
    assert_eq!(sealed(MechListMic::Demanded), sealed(MechListMic::Never));
}

#[test]
fn without_optimistic_token_the_mechanism_begins_later() {
    let mut world = World::default();
    world.initiator.optimistic = false;
    let mut pair = Pair::exchange(&world);
    let expected = [CONTINUE, CONTINUE, CONTINUE, CONTINUE, CONTINUE, OK, OK];
    assert_eq!(pair.statuses(), expected);
    assert!(pair.legs[0].init().mech_token.is_none());
    let reply = pair.legs[1].resp();
    assert!(reply.response_token.is_none());
    assert_eq!(reply.neg_state, Some(NegState::ACCEPT_INCOMPLETE));
    pair.talk();
}

#[test]
fn a_wrong_guess_leads_to_a_second_round_with_codes() {
    for foreign_token in [None, Some(b"NEGOEXTS and more".to_vec())] {
        for first in [
            Oid::KERBEROS,
            Oid::MS_KERBEROS,
            Oid::NEGOEX,
            Oid::from_text("1.2.3.4").unwrap(),
        ] {
            let mut world = World {
                timestamp: false,
                ..World::default()
            };
            world.initiator.mechanisms = Some(vec![first, Oid::NTLM]);
            world.initiator.foreign_token.clone_from(&foreign_token);
            let mut pair = Pair::exchange(&world);
            let expected = [CONTINUE, CONTINUE, CONTINUE, CONTINUE, CONTINUE, OK, OK];
            assert_eq!(pair.statuses(), expected);
            assert_eq!(pair.legs[1].resp().neg_state, Some(NegState::REQUEST_MIC));
            assert_eq!(pair.legs[1].resp().supported_mech, Some(Oid::NTLM));
            assert!(pair.legs[4].resp().mech_list_mic.is_some());
            assert!(pair.legs[5].resp().mech_list_mic.is_some());
            assert_eq!(pair.view(Side::Initiator), pair.view(Side::Acceptor));
            pair.talk();
        }
    }
}

#[test]
fn an_acceptor_may_begin_with_a_hint() {
    let mut pair = Pair::new(&World::default());
    let hint = pair.leg(Side::Acceptor, None).clone();
    assert_eq!(hint.status, CONTINUE);
    let init = hint.init();
    assert_eq!(init.form, InitForm::Microsoft);
    let hints = init.hints.unwrap();
    assert_eq!(hints.hint_name.as_deref(), Some(NegHints::NAME));
    assert!(hints.hint_address.is_none() && init.mech_token.is_none());
    pair.run(Side::Initiator, Some(hint.token.clone()), |_, token| token);
    assert!(pair.both_done());
    pair.talk();
    // A second leg without a token is none.
    let mut pair = Pair::new(&World::default());
    pair.leg(Side::Acceptor, None);
    assert_eq!(pair.leg(Side::Acceptor, None).status, Status::SEC_E_INVALID_TOKEN);
    // Nobody is hinted at what is not there.
    let mut world = World::default();
    world.acceptor.mechanisms = Some(vec![Oid::KERBEROS]);
    let mut pair = Pair::new(&world);
    let hint = pair.leg(Side::Acceptor, None).token.clone();
    assert_eq!(
        pair.leg(Side::Initiator, Some(&hint)).status,
        Status::SEC_E_INVALID_TOKEN
    );
}

#[test]
fn ntlm_without_wrapper_is_taken() {
    let mut world = World::default();
    world.initiator.unwrapped = true;
    let mut pair = Pair::exchange(&world);
    assert_eq!(pair.statuses(), [CONTINUE, CONTINUE, OK, OK]);
    assert!(
        pair.legs[..3]
            .iter()
            .all(|leg| leg.token.starts_with(b"NTLMSSP\0"))
    );
    pair.talk();
    for packages in [["NTLM", "Negotiate"], ["Negotiate", "NTLM"]] {
        let mut pair = Pair::of_packages(&world, packages);
        pair.run(Side::Initiator, None, |_, token| token);
        assert!(pair.both_done());
        pair.talk();
    }
    world.acceptor.takes_unwrapped = false;
    let pair = Pair::exchange(&world);
    assert_eq!(pair.end(), Status::SEC_E_INVALID_TOKEN);
}

#[test]
fn other_mechanisms_without_wrapper_are_refused() {
    let kerberos = [&[0x60, 0x0D, 6, 9][..], &Oid::KERBEROS.0, &[1, 0]].concat();
    for token in [&kerberos[..], &[0x6E, 0], b"NEGOEXTS", &[0x60, 3, 6, 1, 0x2A]] {
        let mut pair = Pair::new(&World::default());
        let leg = pair.leg(Side::Acceptor, Some(token));
        assert_eq!(leg.status, Status::SEC_E_INVALID_TOKEN);
        assert_eq!(leg.resp().neg_state, Some(NegState::REJECT));
    }
}

#[test]
fn no_common_mechanism_is_rejected() {
    let mut world = World::default();
    world.initiator.mechanisms = Some(vec![Oid::KERBEROS, Oid::NEGOEX]);
    let pair = Pair::exchange(&world);
    assert_eq!(pair.statuses(), [CONTINUE, Status::SEC_E_INVALID_TOKEN]);
    let reject = pair.legs[1].token.clone();
    assert_eq!(pair.legs[1].resp().neg_state, Some(NegState::REJECT));
    let mut pair = pair;
    assert_eq!(
        pair.leg(Side::Initiator, Some(&reject)).status,
        Status::SEC_E_LOGON_DENIED
    );
    world.acceptor.send_reject = false;
    assert!(Pair::exchange(&world).legs[1].token.is_empty());
}

#[test]
fn a_wrong_password_is_rejected() {
    let world = World {
        password: "Passwort",
        ..World::default()
    };
    let pair = Pair::exchange(&world);
    assert_eq!(pair.end(), Status::SEC_E_LOGON_DENIED);
    assert_eq!(pair.legs[3].resp().neg_state, Some(NegState::REJECT));
}

#[test]
fn the_caller_says_which_packages_may_be_used() {
    for (list, status) in [
        ("ntlm", CONTINUE),
        ("NTLM, !kerberos", CONTINUE),
        ("!kerberos", CONTINUE),
        ("", CONTINUE),
        ("!ntlm", Status::SEC_E_NO_CREDENTIALS),
        ("kerberos", Status::SEC_E_NO_CREDENTIALS),
        ("ntlm,!ntlm", Status::SEC_E_NO_CREDENTIALS),
    ] {
        let world = World {
            packages: [Some(list), None],
            ..World::default()
        };
        assert_eq!(Pair::exchange(&world).legs[0].status, status, "{list}");
    }
    let world = World {
        packages: [None, Some("!ntlm")],
        ..World::default()
    };
    assert_eq!(Pair::exchange(&world).end(), Status::SEC_E_INVALID_TOKEN);
    let mut begins = Pair::new(&world);
    assert_eq!(
        begins.leg(Side::Acceptor, None).status,
        Status::SEC_E_NO_CREDENTIALS
    );
}

#[test]
fn kerberos_is_offered_to_targets_with_a_name() {
    let both = vec![Oid::MS_KERBEROS, Oid::KERBEROS, Oid::NTLM];
    for (target, offered) in [
        (Some("cifs/server.example.org"), 3),
        (Some("http/server:8080"), 3),
        (Some("SERVER"), 3),
        (Some("user@EXAMPLE.ORG"), 3),
        (Some("cifs/192.0.2.7"), 1),
        (Some("192.0.2.7"), 1),
        (Some("http/192.0.2.7:8080"), 1),
        (Some("http/[2001:db8::7]:80"), 1),
        (Some("2001:db8::7"), 1),
        (Some("fe80::1%eth0"), 1),
        (Some("cifs/300.0.2.7"), 3),
        (Some(""), 1),
        (None, 1),
    ] {
        let mut world = World {
            target,
            ..World::default()
        };
        world.initiator.mechanisms = Some(both.clone());
        let pair = Pair::exchange(&world);
        let init = pair.legs[0].init();
        assert_eq!(init.mech_types.unwrap().iter().count(), offered, "{target:?}");
        assert!(pair.both_done());
    }
}

#[test]
fn integrity_is_asked_for_unless_it_is_not_wanted() {
    let granted = |requirements| {
        let world = World {
            requirements,
            ..World::default()
        };
        let pair = Pair::exchange(&world);
        assert!(pair.both_done());
        let code = pair.legs[2].resp().mech_list_mic.is_some();
        let attributes = InitAttributes::from_bits_retain(pair.legs.last().unwrap().attributes);
        assert_eq!(code, attributes.contains(InitAttributes::INTEGRITY));
        assert!(!attributes.intersects(InitAttributes::DELEGATE | InitAttributes::MUTUAL_AUTH));
        code
    };
    type Requirements = InitRequirements;
    assert!(granted(Requirements::empty()));
    assert!(granted(Requirements::INTEGRITY));
    assert!(!granted(Requirements::NO_INTEGRITY));
    assert!(!granted(Requirements::NO_INTEGRITY | Requirements::INTEGRITY));
    assert!(granted(
        Requirements::NO_INTEGRITY | Requirements::CONFIDENTIALITY
    ));
    assert!(granted(Requirements::DELEGATE | Requirements::MUTUAL_AUTH));
}

#[test]
fn the_negotiation_can_be_asked_for_at_any_time() {
    let mut pair = Pair::new(&World::default());
    let state = |pair: &mut Pair, side| pair.query(side, ContextAttribute::NEGOTIATION_INFO).unwrap();
    let info = AttributeValue::NegotiationInfo;
    let offer = pair.leg(Side::Initiator, None).token.clone();
    assert_eq!(state(&mut pair, Side::Initiator), info(Package::Ntlm, 1));
    let reply = pair.leg(Side::Acceptor, Some(&offer)).token.clone();
    assert_eq!(state(&mut pair, Side::Acceptor), info(Package::Ntlm, 2));
    pair.run(Side::Initiator, Some(reply), |_, token| token);
    assert_eq!(state(&mut pair, Side::Initiator), info(Package::Ntlm, 0));
    assert_eq!(state(&mut pair, Side::Acceptor), info(Package::Ntlm, 0));
    let names = AttributeValue::NativeNames("EXAMPLE\\User".into(), "cifs/server.example.org".into());
    assert_eq!(
        pair.query(Side::Initiator, ContextAttribute::NATIVE_NAMES)
            .unwrap(),
        names
    );
    let package = pair
        .query(Side::Acceptor, ContextAttribute::PACKAGE_INFO)
        .unwrap();
    assert_eq!(package, AttributeValue::PackageInfo(Package::Ntlm));
}

#[test]
fn messages_are_protected_as_soon_as_there_are_keys() {
    let mut pair = Pair::new(&World::default());
    let offer = pair.leg(Side::Initiator, None).token.clone();
    let reply = pair.leg(Side::Acceptor, Some(&offer)).token.clone();
    assert_eq!(
        pair.protect(Side::Initiator, true, b"early"),
        Err(Status::SEC_E_INVALID_HANDLE)
    );
    let leg = pair.leg(Side::Initiator, Some(&reply)).clone();
    assert_eq!((leg.status, leg.attributes), (CONTINUE, 0));
    let early = pair.protect(Side::Initiator, true, b"early").unwrap();
    let last = pair.leg(Side::Acceptor, Some(&leg.token)).token.clone();
    assert_eq!(pair.open(Side::Acceptor, true, &early).unwrap(), b"early");
    assert_eq!(pair.leg(Side::Initiator, Some(&last)).status, OK);
    pair.talk();
}

#[test]
fn a_complete_context_authenticates_again() {
    let mut pair = Pair::exchange(&World::default());
    let before = pair.view(Side::Initiator);
    assert_eq!(
        pair.leg(Side::Initiator, Some(b"token")).status,
        Status::SEC_E_INVALID_HANDLE
    );
    pair.talk();
    for side in [Side::Initiator, Side::Acceptor] {
        pair.party(side).done = false;
    }
    pair.run(Side::Initiator, None, |_, token| token);
    assert!(pair.both_done());
    assert_eq!(pair.view(Side::Initiator), pair.view(Side::Acceptor));
    assert_eq!(pair.view(Side::Initiator).0, before.0);
    pair.talk();
}

#[test]
fn a_negotiation_has_no_datagram_mode() {
    let of_initiator = World {
        requirements: InitRequirements::DATAGRAM | InitRequirements::CONFIDENTIALITY,
        ..World::default()
    };
    let refused = Pair::exchange(&of_initiator);
    assert_eq!(refused.statuses(), [Status::SEC_E_UNSUPPORTED_FUNCTION]);
    assert!(refused.legs[0].token.is_empty());

    let mut of_acceptor = World {
        accept_requirements: AcceptRequirements::DATAGRAM,
        ..World::default()
    };
    for optimistic in [true, false] {
        of_acceptor.initiator.optimistic = optimistic;
        let refused = Pair::exchange(&of_acceptor);
        let statuses = [Status::SEC_I_CONTINUE_NEEDED, Status::SEC_E_UNSUPPORTED_FUNCTION];
        assert_eq!(refused.statuses(), statuses);
        assert!(refused.legs[1].token.is_empty());
    }
    let mut begins = Pair::new(&of_acceptor);
    assert_eq!(
        begins.leg(Side::Acceptor, None).status,
        Status::SEC_E_UNSUPPORTED_FUNCTION
    );
}

#[test]
fn nobody_and_guests_have_no_codes() {
    let world = World {
        requirements: InitRequirements::NULL_SESSION | InitRequirements::CONFIDENTIALITY,
        accept_requirements: AcceptRequirements::ALLOW_NULL_SESSION,
        ..World::default()
    };
    for request in [false, true] {
        let mut world = world.clone();
        world.acceptor.request_mic = request;
        let pair = Pair::exchange(&world);
        assert!(pair.both_done());
        assert!(pair.legs[2].resp().mech_list_mic.is_none());
    }
    // A guest's initiator has a key of which its acceptor knows nothing.
    for (request, end) in [(false, OK), (true, Status::SEC_E_INVALID_TOKEN)] {
        let mut world = World::default();
        world.acceptor.request_mic = request;
        let mut pair = Pair::new(&world);
        let environment = pair.party(Side::Acceptor).interface.environment();
        environment.policy.ntlm.guest = true;
        environment.directory = Directory::default();
        pair.run(Side::Initiator, None, |_, token| token);
        assert!(pair.legs[2].resp().mech_list_mic.is_some());
        assert!(pair.legs[3].resp().mech_list_mic.is_none());
        assert_eq!(pair.end(), end);
    }
}

#[test]
fn a_complete_context_can_be_exported() {
    let mut pair = Pair::new(&World::default());
    let offer = pair.leg(Side::Initiator, None).token.clone();
    let reply = pair.leg(Side::Acceptor, Some(&offer)).token.clone();
    let answer = pair.leg(Side::Initiator, Some(&reply)).token.clone();
    assert_eq!(pair.transfer(Side::Initiator), Err(Status::SEC_E_INVALID_HANDLE));
    let last = pair.leg(Side::Acceptor, Some(&answer)).token.clone();
    assert_eq!(pair.leg(Side::Initiator, Some(&last)).status, OK);
    for side in [Side::Initiator, Side::Acceptor] {
        assert_eq!(pair.transfer(side), Ok(()));
        pair.talk();
    }
}

#[test]
fn a_refusal_in_memory_of_the_package_can_be_freed() {
    let mut world = World::default();
    world.initiator.mechanisms = Some(vec![Oid::KERBEROS]);
    world.accept_requirements = AcceptRequirements::ALLOCATE_MEMORY;
    let mut pair = Pair::exchange(&world);
    assert_eq!(pair.legs[1].resp().neg_state, Some(NegState::REJECT));
    let allocation = pair.legs[1].allocation.unwrap();
    let interface = &mut pair.party(Side::Acceptor).interface;
    assert_eq!(interface.outstanding().buffers, 1);
    assert_eq!(interface.free_context_buffer(allocation), Ok(OK));
    assert_eq!(interface.outstanding().contexts, 0);
}

#[test]
fn one_known_mechanism_among_ten_thousand_is_found() {
    let mut list: Vec<_> = (0..10_000)
        .map(|number| Oid::from_text(&format!("1.3.6.1.4.1.{number}")).unwrap())
        .collect();
    list.push(Oid::NTLM);
    let mut world = World::default();
    world.initiator.mechanisms = Some(list);
    let mut pair = Pair::new(&world);
    pair.room = 1 << 20;
    pair.run(Side::Initiator, None, |_, token| token);
    assert!(pair.both_done());
    pair.talk();
}

#[test]
fn hints_of_other_forms_are_passed_over() {
    // An initiator of the second form, as some write it: the hints say nothing to an acceptor.
    let mut pair = Pair::new(&World::default());
    let leg = pair.leg(Side::Initiator, None).clone();
    let mut init = leg.init();
    init.form = InitForm::Microsoft;
    init.hints = Some(NegHints::default());
    let token = init.emit_framed();
    assert!(matches!(Token::parse(&token), Ok(Token::Framed(init)) if init.hints.is_some()));
    assert_eq!(pair.leg(Side::Acceptor, Some(&token)).status, CONTINUE);
}
