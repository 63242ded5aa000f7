//! Who sends codes over the list of mechanisms, over all policies; and every field absent and present on every leg.

use legwork_engine::{
    environment::MechListMic,
    flags::InitRequirements,
    negotiate::messages::{
        ContextFlags, InitForm, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags, Token,
    },
    status::SecurityStatus as Status,
};

use crate::pair::{Pair, Side, World};

const INVALID: Status = Status::SEC_E_INVALID_TOKEN;
const OK: Status = Status::SEC_E_OK;

const POLICIES: [MechListMic; 4] = [
    MechListMic::Never,
    MechListMic::Required,
    MechListMic::Demanded,
    MechListMic::Always,
];

/// One combination of policies.
#[derive(Clone, Copy, Debug)]
struct Case {
    initiator: MechListMic,
    acceptor: MechListMic,
    requests: bool,
    demanded: bool,
    wrong_guess: bool,
    integrity: bool,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        (0..256_usize).map(|number| {
            let bit = |place: usize| number >> place & 1 == 1;
            Self {
                initiator: POLICIES[number % 4],
                acceptor: POLICIES[number / 4 % 4],
                requests: bit(4),
                demanded: bit(5),
                wrong_guess: bit(6),
                integrity: bit(7),
            }
        })
    }

    /// The world of the case; what has no bearing on codes takes turns.
    fn world(self, number: usize) -> World {
        let mut world = World {
            timestamp: self.demanded,
            ..World::default()
        };
        world.requirements = if self.integrity {
            InitRequirements::CONFIDENTIALITY
        } else {
            InitRequirements::NO_INTEGRITY
        };
        world.initiator.mech_list_mic = self.initiator;
        world.acceptor.mech_list_mic = self.acceptor;
        world.acceptor.request_mic = self.requests;
        if self.wrong_guess {
            world.initiator.mechanisms = Some(vec![Oid::KERBEROS, Oid::NTLM]);
        }
        let bit = |place: usize| number >> place & 1 == 1;
        world.initiator.optimistic = bit(0);
        world.initiator.send_state = bit(1);
        world.acceptor.send_state = bit(2);
        world.initiator.send_req_flags = bit(3);
        world.acceptor.own_order = bit(4);
        world
    }

    /// Whether the initiator sends a code, and how the exchange ends, told from RFC 4178 section 5.
    fn expected(self) -> (bool, Status) {
        let required = self.wrong_guess || (self.requests && self.acceptor != MechListMic::Never);
        let takes = |policy: MechListMic, always: bool| {
            self.integrity
                && match policy {
                    MechListMic::Never => false,
                    MechListMic::Required => required,
                    MechListMic::Demanded => required || self.demanded,
                    MechListMic::Always => required || self.demanded || always,
                }
        };
        let sent = takes(self.initiator, true);
        let looked_at = self.acceptor != MechListMic::Never;
        let acceptor_misses = !sent && takes(self.acceptor, false);
        let knows = self.initiator != MechListMic::Never;
        let initiator_misses = !looked_at && required && self.integrity && knows;
        let end = if acceptor_misses || initiator_misses {
            INVALID
        } else {
            OK
        };
        (sent, end)
    }
}

#[test]
fn codes_are_exchanged_as_the_rules_say() {
    for (number, case) in Case::all().enumerate() {
        for turn in [number, number / 8, !number] {
            let mut pair = Pair::exchange(&case.world(turn));
            let (sent, end) = case.expected();
            assert_eq!(pair.end(), end, "{case:?}");
            let codes = |side: Side, pair: &Pair| {
                let legs = pair
                    .legs
                    .iter()
                    .filter(|leg| leg.side == side && !leg.token.is_empty());
                let later = legs.filter_map(|leg| NegTokenResp::parse(&leg.token).ok());
                later.filter(|resp| resp.mech_list_mic.is_some()).count()
            };
            assert_eq!(codes(Side::Initiator, &pair), usize::from(sent), "{case:?}");
            let returned = sent && case.acceptor != MechListMic::Never;
            assert_eq!(codes(Side::Acceptor, &pair), usize::from(returned), "{case:?}");
            if end != OK {
                continue;
            }
            assert!(pair.both_done(), "{case:?}");
            assert_eq!(pair.view(Side::Initiator), pair.view(Side::Acceptor), "{case:?}");
            // A code that is not looked at takes a number that the other side does not count.
            if case.integrity && sent == returned {
                pair.talk();
            }
        }
    }
}

#[test]
fn the_acceptor_requests_what_it_requires() {
    for (number, case) in Case::all().enumerate() {
        let pair = Pair::exchange(&case.world(number));
        let required = case.wrong_guess || case.requests;
        let expected = match required && case.acceptor != MechListMic::Never {
            true => NegState::REQUEST_MIC,
            false => NegState::ACCEPT_INCOMPLETE,
        };
        assert_eq!(pair.legs[1].resp().neg_state, Some(expected), "{case:?}");
    }
}

/// How an exchange ends in which one token is changed.
fn changed(world: &World, leg: usize, change: impl Fn(Vec<u8>) -> Vec<u8>) -> Status {
    let mut pair = Pair::new(world);
    pair.run(Side::Initiator, None, |number, token| {
        if number == leg { change(token) } else { token }
    });
    let both = pair.both_done();
    let end = pair.end();
    assert_eq!(end == OK, both, "one side waits for ever");
    end
}

fn init_changed(change: impl Fn(&mut NegTokenInit<'static>)) -> Status {
    changed(&World::default(), 0, |token| {
        let Ok(Token::Framed(init)) = Token::parse(&token) else {
            panic!("no first token");
        };
        let mut init = init.into_owned();
        change(&mut init);
        init.emit_framed()
    })
}

fn resp_changed(world: &World, leg: usize, change: impl Fn(&mut NegTokenResp<'static>)) -> Status {
    changed(world, leg, |token| {
        let mut resp = NegTokenResp::parse(&token).unwrap().into_owned();
        change(&mut resp);
        resp.emit()
    })
}

#[test]
fn fields_of_the_offer() {
    assert_eq!(init_changed(|init| init.mech_types = None), INVALID);
    assert_eq!(init_changed(|init| init.mech_token = None), INVALID);
    assert_eq!(init_changed(|init| init.mech_token = Some((&[]).into())), INVALID);
    assert_eq!(
        init_changed(|init| init.mech_list_mic = Some(vec![0; 16].into())),
        INVALID
    );
    assert_eq!(init_changed(|init| init.hints = Some(NegHints::default())), OK);
    let flags = ReqFlags::new(ContextFlags::all());
    assert_eq!(init_changed(|init| init.req_flags = Some(flags.clone())), OK);
    assert_eq!(init_changed(|init| init.extensions = vec![0xA5, 0].into()), OK);
    let empty = vec![0x30, 0];
    assert_eq!(
        init_changed(|init| init.mech_types.as_mut().unwrap().0 = empty.clone().into()),
        INVALID
    );
    assert_eq!(
        init_changed(|init| {
            init.form = InitForm::Microsoft;
            init.mech_list_mic = Some(vec![0; 16].into());
        }),
        INVALID
    );
    let bare = |token: Vec<u8>| {
        let Ok(Token::Framed(init)) = Token::parse(&token) else {
            panic!("no first token");
        };
        init.emit()
    };
    assert_eq!(changed(&World::default(), 0, bare), INVALID);
}

#[test]
fn a_changed_list_is_found_out() {
    // The list of the initiator is not the one that the acceptor read.
    let world = World::default();
    for list in [
        vec![Oid::NTLM, Oid::KERBEROS],
        vec![Oid::NTLM; 2],
        vec![Oid::KERBEROS, Oid::NTLM],
    ] {
        let status = init_changed(|init| {
            init.mech_types = Some(legwork_engine::negotiate::messages::MechTypes::new(&list));
        });
        let first = list[0] == Oid::NTLM;
        let expected = if first {
            Status::SEC_E_MESSAGE_ALTERED
        } else {
            INVALID
        };
        assert_eq!(status, expected, "{list:?}");
    }
    // An encoding of the list that says the same is another list as well.
    let long = |token: Vec<u8>| {
        let Ok(Token::Framed(init)) = Token::parse(&token) else {
            panic!("no first token");
        };
        let mut init = init.into_owned();
        let list = init.mech_types.as_mut().unwrap();
        let mut bytes = vec![0x30, 0x81];
        bytes.extend_from_slice(&list.0[1..]);
        list.0 = bytes.into();
        init.emit_framed()
    };
    assert_eq!(changed(&world, 0, long), Status::SEC_E_MESSAGE_ALTERED);
}

#[test]
fn fields_of_the_first_reply() {
    let world = World::default();
    let status = |change: fn(&mut NegTokenResp<'static>)| resp_changed(&world, 1, change);
    assert_eq!(status(|resp| resp.neg_state = None), INVALID);
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::ACCEPT_COMPLETED)),
        INVALID
    );
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::REJECT)),
        Status::SEC_E_LOGON_DENIED
    );
    assert_eq!(status(|resp| resp.neg_state = Some(NegState::REQUEST_MIC)), OK);
    assert_eq!(status(|resp| resp.neg_state = Some(NegState(4))), INVALID);
    assert_eq!(status(|resp| resp.neg_state = Some(NegState(-1))), INVALID);
    assert_eq!(status(|resp| resp.supported_mech = None), OK);
    assert_eq!(status(|resp| resp.supported_mech = Some(Oid::KERBEROS)), INVALID);
    assert_eq!(status(|resp| resp.response_token = None), INVALID);
    assert_eq!(status(|resp| resp.response_token = Some((&[]).into())), INVALID);
    assert_eq!(status(|resp| resp.mech_list_mic = Some((&[]).into())), INVALID);
    let code = [&[1, 0, 0, 0][..], &[7; 8], &[0; 4]].concat();
    let forged = resp_changed(&world, 1, |resp| resp.mech_list_mic = Some(code.clone().into()));
    assert_eq!(forged, Status::SEC_E_MESSAGE_ALTERED);
    assert_eq!(
        status(|resp| resp.mech_list_mic.clone_from(&resp.response_token)),
        OK
    );
    assert_eq!(status(|resp| resp.extensions = vec![0xA4, 0].into()), OK);
}

#[test]
fn fields_of_the_initiators_token() {
    let world = World::default();
    let status = |change: fn(&mut NegTokenResp<'static>)| resp_changed(&world, 2, change);
    assert_eq!(status(|resp| resp.neg_state = None), OK);
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::ACCEPT_COMPLETED)),
        OK
    );
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::REJECT)),
        Status::SEC_E_LOGON_DENIED
    );
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::REQUEST_MIC)),
        INVALID
    );
    assert_eq!(status(|resp| resp.neg_state = Some(NegState(4))), INVALID);
    assert_eq!(status(|resp| resp.supported_mech = Some(Oid::NTLM)), OK);
    assert_eq!(status(|resp| resp.supported_mech = Some(Oid::KERBEROS)), INVALID);
    assert_eq!(status(|resp| resp.response_token = None), INVALID);
    assert_eq!(status(|resp| resp.mech_list_mic = None), INVALID);
    assert_eq!(status(|resp| resp.mech_list_mic = Some((&[]).into())), INVALID);
    assert_eq!(status(|resp| resp.extensions = vec![0xA4, 0].into()), OK);
    let optional = World {
        timestamp: false,
        ..World::default()
    };
    assert_eq!(resp_changed(&optional, 2, |resp| resp.mech_list_mic = None), OK);
}

#[test]
fn fields_of_the_last_reply() {
    let world = World::default();
    let status = |change: fn(&mut NegTokenResp<'static>)| resp_changed(&world, 3, change);
    assert_eq!(status(|resp| resp.neg_state = None), OK);
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::ACCEPT_INCOMPLETE)),
        INVALID
    );
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::REJECT)),
        Status::SEC_E_LOGON_DENIED
    );
    assert_eq!(
        status(|resp| resp.neg_state = Some(NegState::REQUEST_MIC)),
        INVALID
    );
    assert_eq!(status(|resp| resp.neg_state = Some(NegState(4))), INVALID);
    assert_eq!(status(|resp| resp.supported_mech = Some(Oid::NTLM)), OK);
    assert_eq!(status(|resp| resp.supported_mech = Some(Oid::KERBEROS)), OK);
    assert_eq!(status(|resp| resp.response_token = Some(vec![1].into())), INVALID);
    assert_eq!(status(|resp| resp.response_token = Some((&[]).into())), OK);
    let without_codes = World {
        timestamp: false,
        ..World::default()
    };
    let incomplete = |resp: &mut NegTokenResp<'static>| resp.neg_state = Some(NegState::ACCEPT_INCOMPLETE);
    assert_eq!(resp_changed(&without_codes, 3, incomplete), OK);
    // Windows 2000 to Server 2003 send none, which is right where none is required.
    assert_eq!(status(|resp| resp.mech_list_mic = None), OK);
    // Azure and Apple go on where nothing is left to be said, and no code is due.
    let unsigned = World {
        timestamp: false,
        ..World::default()
    };
    let goes_on = |resp: &mut NegTokenResp<'static>| resp.neg_state = Some(NegState::ACCEPT_INCOMPLETE);
    assert_eq!(resp_changed(&unsigned, 3, goes_on), OK);
    let altered = |resp: &mut NegTokenResp<'static>| resp.mech_list_mic.as_mut().unwrap().to_mut()[5] ^= 1;
    assert_eq!(resp_changed(&world, 3, altered), Status::SEC_E_MESSAGE_ALTERED);
    let mut requested = World::default();
    requested.acceptor.request_mic = true;
    assert_eq!(
        resp_changed(&requested, 3, |resp| resp.mech_list_mic = None),
        INVALID
    );
    let nothing = |resp: &mut NegTokenResp<'static>| *resp = NegTokenResp::default();
    assert_eq!(resp_changed(&world, 3, nothing), OK);
    assert_eq!(resp_changed(&requested, 3, nothing), INVALID);
}

#[test]
fn tokens_of_the_wrong_kind_are_refused() {
    let init = |_| NegTokenInit::default().emit_framed();
    let resp = |_| NegTokenResp::default().emit();
    let ntlm = |_| b"NTLMSSP\0".to_vec();
    assert_eq!(changed(&World::default(), 0, resp), INVALID);
    for leg in 1..4 {
        assert_eq!(changed(&World::default(), leg, init), INVALID);
        assert_eq!(changed(&World::default(), leg, ntlm), INVALID);
    }
}
