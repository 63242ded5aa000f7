//! A side against a peer that sends anything at one leg and is genuine before it: bytes, tokens of any content, and tokens
//! of any content round the genuine token of the mechanism. Every answer is documented, whoever refuses says so or nothing,
//! a context that failed stays failed, and what both sides end with is judged as an exchange with an edit is.

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    call::CtxtHandle,
    environment::Seeded,
    flags::InitRequirements,
    negotiate::messages::{NegTokenInit, NegTokenResp, Token},
    status::SecurityStatus as Status,
};

use super::super::{
    documented::{OF_NEGOTIATE_ACCEPTOR, OF_NEGOTIATE_INITIATOR, documented},
    world::{self, EVERYTHING, Pair},
};
use super::{
    exchange::{Course, Leg, inner, is_cut_short},
    mutated_exchange::judge,
    world::{Choices, Policy, REQUESTS_CODES, UNWRAPPED},
};

/// Choices that lead through different states: the usual; no token with the offer; another mechanism first, behind a hint;
/// no wrapper; and codes by all means and none.
fn worlds() -> [Choices; 5] {
    let usual = Choices {
        ntlm: world::Choices {
            initiator: EVERYTHING & !InitRequirements::NO_INTEGRITY.bits(),
            policy: 64,
            ..world::Choices::default()
        },
        ..Choices::default()
    };
    let with = |initiator: Policy, acceptor: Policy| Choices {
        initiator,
        acceptor,
        ..usual.clone()
    };
    let bits = |bits: u8, codes: u8| Policy {
        bits,
        codes,
        ..Policy::default()
    };
    let late = with(bits(1, 0), bits(REQUESTS_CODES, 0));
    let mut guess = with(bits(0, 1), bits(4, 1));
    (guess.initiator.mechanisms, guess.acceptor.mechanisms) = (3, 3);
    guess.hinted = true;
    let bare = with(bits(UNWRAPPED, 0), Policy::default());
    let uneven = with(bits(0, 2), bits(128, 3));
    [usual.clone(), late, guess, bare, uneven]
}

/// Sends what the bytes are, and what they describe, at one leg. Their number chooses the world and the leg, so that a
/// fuzzing engine tries more inputs in the same time.
///
/// # Panics
/// A side answers something that is not documented, goes on with a context that failed, or is done with what it must not
/// have.
pub fn hostile_peer(bytes: &[u8]) {
    in_place(bytes.len(), bytes);
}

/// As [`hostile_peer`], in the world and at the leg of a number.
///
/// # Panics
/// As [`hostile_peer`].
pub fn in_place(place: usize, bytes: &[u8]) {
    let worlds = worlds();
    let world = worlds.get(place / LEGS % worlds.len());
    if let Some(choices) = world {
        at_leg(choices, place % LEGS, bytes);
    }
}

/// Legs of the longest of the exchanges, and one behind it.
const LEGS: usize = 8;

/// A genuine token in another dress: the fields that are chosen are any.
#[derive(Arbitrary, Debug)]
struct Dress {
    init: NegTokenInit<'static>,
    resp: NegTokenResp<'static>,
    fields: u8,
}

impl Dress {
    fn put_on(&self, token: &[u8]) -> Vec<u8> {
        let takes = |bit: u8| self.fields & bit != 0;
        match Token::parse(token) {
            Ok(Token::Framed(own)) => {
                let mut init = self.init.clone();
                if takes(1) {
                    init.mech_types = own.mech_types.map(|list| list.into_owned());
                }
                if takes(2) {
                    init.mech_list_mic = None;
                }
                init.mech_token = own.mech_token.map(|token| token.into_owned().into());
                init.emit_framed()
            }
            Ok(Token::Resp(own)) => {
                let mut resp = self.resp.clone();
                if takes(1) {
                    resp.neg_state = own.neg_state;
                }
                if takes(2) {
                    resp.supported_mech = own.supported_mech.map(|oid| oid.into_owned());
                }
                if takes(4) {
                    resp.mech_list_mic = own.mech_list_mic.map(|code| code.into_owned().into());
                }
                resp.response_token = own.response_token.map(|token| token.into_owned().into());
                resp.emit()
            }
            _ => inner(token).unwrap_or_else(|| token.to_vec()),
        }
    }
}

fn at_leg(choices: &Choices, leg: usize, bytes: &[u8]) {
    let recipe = || Unstructured::new(bytes);
    sends(choices, leg, |_| bytes.to_vec());
    if let Ok(init) = NegTokenInit::arbitrary(&mut recipe()) {
        sends(choices, leg, |_| init.emit_framed());
    }
    if let Ok(resp) = NegTokenResp::arbitrary(&mut recipe()) {
        sends(choices, leg, |_| resp.emit());
    }
    if let Ok(dress) = Dress::arbitrary(&mut recipe()) {
        sends(choices, leg, |token| dress.put_on(token));
    }
}

/// Runs an exchange in which something else arrives at a leg. If it ends before that leg, it arrives at the contexts then.
fn sends(choices: &Choices, leg: usize, makes: impl Fn(&[u8]) -> Vec<u8>) {
    let mut pair = choices.pair();
    // Seeds answer the challenges of other exchanges: whoever has them knows no password.
    pair.acceptor.environment().random = Box::new(Seeded(8));
    let course = Course::run(&mut pair, choices.hinted, |legs| match legs.split_last() {
        Some((last, before)) if before.len() == leg => makes(&last.sent),
        Some((last, _)) => last.sent.clone(),
        None => Vec::new(),
    });
    judge(&mut pair, &course, choices, false);
    if let Some((initiates, _, _)) = course.refusal {
        stays_failed(&mut pair, &course, initiates);
    } else if course.legs.len() <= leg {
        let last = course.legs.last().map(|leg| makes(&leg.sent));
        for initiates in [true, false] {
            ends(&mut pair, &course, initiates, last.as_deref().unwrap_or_default());
        }
    }
}

/// A call on a context, and its answer.
fn again(pair: &mut Pair, context: Option<CtxtHandle>, initiates: bool, token: &[u8]) -> Status {
    if initiates {
        let reply = pair.initialize(context, Some(token));
        documented(
            reply.status,
            reply.error.as_ref(),
            &with_handle(OF_NEGOTIATE_INITIATOR),
        );
        reply.status
    } else {
        let reply = pair.accept(context, Some(token));
        documented(
            reply.status,
            reply.error.as_ref(),
            &with_handle(OF_NEGOTIATE_ACCEPTOR),
        );
        reply.status
    }
}

fn with_handle(statuses: &[Status]) -> Vec<Status> {
    [statuses, &[Status::SEC_E_INVALID_HANDLE]].concat()
}

/// The genuine token comes too late for a context that failed.
fn stays_failed(pair: &mut Pair, course: &Course, initiates: bool) {
    let peers = |leg: &&Leg| leg.initiates != initiates;
    let good = course.legs.iter().rfind(peers).map(|leg| leg.sent.clone());
    let context = course.context(initiates);
    if let (Some(good), Some(_)) = (good, context)
        && course
            .legs
            .iter()
            .rfind(peers)
            .is_some_and(|leg| !leg.arrived.is_empty())
    {
        let late = again(pair, context, initiates, &good);
        assert_eq!(late, Status::SEC_E_INVALID_HANDLE, "a failed context goes on");
    }
}

/// A context that is complete takes nothing but an acceptor an offer or its first fragment, with which it does not become complete at once.
fn ends(pair: &mut Pair, course: &Course, initiates: bool, token: &[u8]) {
    if !course.is_done(initiates) || token.is_empty() {
        return;
    }
    let status = again(pair, course.context(initiates), initiates, token);
    let offer = !initiates && matches!(Token::parse(token), Ok(Token::Framed(_)));
    let fragment = !initiates && token.first() == Some(&0x60) && is_cut_short(token);
    if offer || fragment {
        assert_ne!(status, Status::SEC_E_OK, "one leg is not enough");
    } else {
        assert_eq!(status, Status::SEC_E_INVALID_HANDLE, "a complete context goes on");
    }
}
