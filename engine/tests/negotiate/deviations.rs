//! Every deviation of Negotiate can be seen: some exchange goes otherwise with it than without.

use std::fmt::Write;

use legwork_engine::{
    call::ContextAttribute,
    environment::MechListMic,
    flags::InitRequirements,
    negotiate::messages::{
        ContextFlags, MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags, Token,
    },
    sabotage::Deviation,
};

use crate::pair::{Pair, Side, World};

/// The first of Negotiate's deviations; the others follow it.
const FIRST: Deviation = Deviation::LongLengthRefused;

type Change = fn(Vec<u8>) -> Vec<u8>;

fn init(token: &[u8], change: impl Fn(&mut NegTokenInit<'static>)) -> Vec<u8> {
    match Token::parse(token) {
        Ok(Token::Framed(init)) => {
            let mut init = init.into_owned();
            change(&mut init);
            init.emit_framed()
        }
        _ => token.to_vec(),
    }
}

fn resp(token: &[u8], change: impl Fn(&mut NegTokenResp<'static>)) -> Vec<u8> {
    let Ok(resp) = NegTokenResp::parse(token) else {
        return token.to_vec();
    };
    let mut resp = resp.into_owned();
    change(&mut resp);
    resp.emit()
}

/// What somebody in between does: to which leg, and what.
const CHANGES: &[(usize, Change)] = &[
    (9, |token| token),
    // A length in three bytes where one is enough.
    (0, |token| [&[0x60, 0x82, 0], &token[1..]].concat()),
    (0, |token| match Token::parse(&token) {
        Ok(Token::Framed(init)) => init.emit(),
        _ => token,
    }),
    (0, |token| {
        init(&token, |init| init.extensions = vec![0xA7, 0].into())
    }),
    (0, |token| {
        init(&token, |init| init.hints = Some(NegHints::default()))
    }),
    (0, |token| {
        init(&token, |init| init.mech_types = Some(MechTypes::new([])))
    }),
    (0, |token| {
        init(&token, |init| {
            init.mech_types = Some(MechTypes::new(&[Oid::NTLM]))
        })
    }),
    (1, |token| {
        resp(&token, |resp| resp.neg_state = Some(NegState::REJECT))
    }),
    (1, |token| {
        resp(&token, |resp| resp.neg_state = Some(NegState::ACCEPT_COMPLETED))
    }),
    (1, |token| {
        resp(&token, |resp| resp.supported_mech = Some(Oid::NTLM))
    }),
    (2, |token| resp(&token, |resp| resp.neg_state = Some(NegState(4)))),
    (2, |token| resp(&token, |resp| resp.mech_list_mic = None)),
    (2, |token| resp(&token, alter)),
    (3, |token| resp(&token, alter)),
    (3, |token| resp(&token, |resp| resp.mech_list_mic = None)),
    (0, |token| {
        init(&token, |init| {
            init.req_flags = Some(ReqFlags::new(ContextFlags::DELEGATE))
        })
    }),
    (2, |_| {
        let list = Some(MechTypes::new(&[Oid::NTLM]));
        NegTokenInit {
            mech_types: list,
            ..NegTokenInit::default()
        }
        .emit_framed()
    }),
    (3, |token| resp(&token, |resp| resp.neg_state = None)),
    (3, |token| {
        resp(&token, |resp| resp.neg_state = Some(NegState::ACCEPT_INCOMPLETE))
    }),
    (3, |token| {
        resp(&token, |resp| resp.supported_mech = Some(Oid::NTLM))
    }),
    (3, |token| {
        resp(&token, |resp| resp.response_token = Some((&[]).into()))
    }),
];

fn alter(resp: &mut NegTokenResp<'static>) {
    if let Some(code) = &mut resp.mech_list_mic {
        code.to_mut()[6] ^= 1;
    }
}

fn worlds() -> Vec<World> {
    let mut guess = World {
        timestamp: false,
        ..World::default()
    };
    guess.initiator.mechanisms = Some(vec![Oid::from_text("1.2.3").unwrap(), Oid::NTLM]);
    guess.initiator.foreign_token = Some(b"NTLMSSP\0 and no more".to_vec());
    let mut legacy = guess.clone();
    legacy.acceptor.mech_list_mic = MechListMic::Never;
    let mut request = World {
        timestamp: false,
        ..World::default()
    };
    request.acceptor.request_mic = true;
    let mut unwrapped = World::default();
    unwrapped.initiator.unwrapped = true;
    let mut nameless = World {
        target: None,
        ..World::default()
    };
    nameless.initiator.mechanisms = Some(vec![Oid::KERBEROS, Oid::NTLM]);
    let mut other = World::default();
    other.initiator.mechanisms = Some(vec![Oid::KERBEROS]);
    let with = |list| World {
        packages: [list, None],
        ..World::default()
    };
    vec![
        World::default(),
        World {
            timestamp: false,
            ..World::default()
        },
        guess,
        legacy,
        request,
        unwrapped,
        nameless,
        other,
        with(Some("!ntlm")),
        World {
            requirements: InitRequirements::empty(),
            ..World::default()
        },
        World {
            requirements: InitRequirements::NO_INTEGRITY,
            ..World::default()
        },
        World {
            requirements: InitRequirements::DATAGRAM,
            ..World::default()
        },
        World {
            password: "Passwort",
            ..World::default()
        },
    ]
}

fn pair(world: &World, deviation: Option<(Side, Deviation)>) -> Pair {
    let mut pair = Pair::new(world);
    if let Some((side, deviation)) = deviation {
        let environment = pair.party(side).interface.environment();
        environment.sabotage.deviation = Some(deviation);
    }
    pair
}

/// All that can be seen of a pair, at its end.
fn see(pair: &mut Pair, seen: &mut String) {
    writeln!(seen, "{:?}", pair.statuses()).unwrap();
    for leg in &pair.legs {
        writeln!(seen, "{:02x?}", leg.token).unwrap();
    }
    for side in [Side::Initiator, Side::Acceptor] {
        if pair.party(side).context.is_none() {
            continue;
        }
        let info = pair.query(side, ContextAttribute::NEGOTIATION_INFO);
        writeln!(seen, "{info:?} {:?}", pair.protect(side, true, b"text")).unwrap();
    }
}

/// All that can be seen in all worlds, whatever somebody in between does; with hints and with another exchange.
fn observations(deviation: Option<(Side, Deviation)>) -> String {
    let mut seen = String::new();
    for world in worlds() {
        for (leg, change) in CHANGES {
            let mut pair = pair(&world, deviation);
            pair.run(Side::Initiator, None, |number, token| {
                if number == *leg { change(token) } else { token }
            });
            see(&mut pair, &mut seen);
        }
    }
    let mut early = pair(&World::default(), deviation);
    let hint = early.leg(Side::Acceptor, None).token.clone();
    let offer = early
        .leg(Side::Initiator, (!hint.is_empty()).then_some(&hint[..]))
        .token
        .clone();
    let reply = early.leg(Side::Acceptor, Some(&offer)).token.clone();
    early.leg(Side::Initiator, Some(&reply));
    see(&mut early, &mut seen);
    let mut again = pair(&World::default(), deviation);
    again.run(Side::Initiator, None, |_, token| token);
    if again.both_done() {
        again.leg(Side::Initiator, None);
    }
    see(&mut again, &mut seen);
    fragments(deviation, &mut seen);
    seen
}

/// The same of tokens in parts: parts that arrive, that are missing, and that leave.
fn fragments(deviation: Option<(Side, Deviation)>, seen: &mut String) {
    let offer = pair(&World::default(), None)
        .leg(Side::Initiator, None)
        .token
        .clone();
    let huge = [0x60, 0x83, 0xFF, 0xFF, 0xFF];
    for parts in [[&offer[..9], &offer[9..]], [&offer[..9], &[]], [&huge, &huge]] {
        let mut receives = pair(&World::default(), deviation);
        for part in parts {
            receives.leg(Side::Acceptor, Some(part));
        }
        see(&mut receives, seen);
    }
    for extra in [InitRequirements::empty(), InitRequirements::FRAGMENT_TO_FIT] {
        let mut world = World::default();
        world.requirements |= extra;
        let mut sends = pair(&world, deviation);
        sends.room = 30;
        sends.leg(Side::Initiator, None);
        sends.leg(Side::Initiator, None);
        see(&mut sends, seen);
    }
}

#[test]
fn every_deviation_can_be_seen() {
    let honest = observations(None);
    let own = Deviation::NAMED
        .iter()
        .skip_while(|(_, deviation)| *deviation != FIRST);
    let hidden: Vec<_> = own
        .filter(|(_, deviation)| {
            [Side::Initiator, Side::Acceptor]
                .into_iter()
                .all(|side| observations(Some((side, *deviation))) == honest)
        })
        .map(|(name, _)| *name)
        .collect();
    assert!(hidden.is_empty(), "nobody sees {hidden:?}");
}
