//! Seeds of the targets for Negotiate: every token of exchanges that the engine runs, with all choices that lead through
//! different code, edits of each kind, and messages behind each pair of policies.

use legwork_engine::{
    flags::{AcceptRequirements, InitRequirements},
    negotiate::messages::{
        NegTokenInit, Oid,
        negoex::{Body, Message, MessageType},
    },
    ntlm::messages::NegotiateFlags,
};

use super::{Seed, list_of, recipe_of};
use crate::oracle::{
    der,
    negotiate::{
        edits::{Change, Edit, Form, Mutation, Splice},
        exchange::{Course, Leg},
        negoex,
        world::{Choices, Policy, REQUESTS_CODES, UNWRAPPED, WRAPPED_ALONE},
    },
    world::{self, EVERYTHING, Logon},
};

/// The seeds of a target.
pub(super) fn of(target: &str) -> Vec<Seed> {
    match target {
        "negotiate_negoex" => conversations(),
        "negotiate_protection" => scripts(),
        "negotiate_mutated_exchange" | "negotiate_unlocked_exchange" => (0_u32..)
            .zip(mutations())
            .map(|(number, mutation)| Seed::new(format!("mutation-{number}"), recipe(&mutation)))
            .collect(),
        _ => tokens(),
    }
}

/// Choices of each kind of exchange.
fn kinds() -> Vec<Choices> {
    let usual = Choices {
        ntlm: world::Choices {
            initiator: EVERYTHING & !InitRequirements::NO_INTEGRITY.bits(),
            policy: 64,
            ..world::Choices::default()
        },
        ..Choices::default()
    };
    let mut kinds = Vec::new();
    let mut add = |change: &dyn Fn(&mut Choices)| {
        let mut choices = usual.clone();
        change(&mut choices);
        kinds.push(choices);
    };
    for codes in 0..16_u8 {
        for (mechanisms, policy) in [(0, 64), (0, 66), (2, 64), (2, 66)] {
            add(&|choices| {
                (choices.initiator.codes, choices.acceptor.codes) = (codes % 4, codes / 4);
                choices.initiator.mechanisms = mechanisms;
                choices.ntlm.policy = policy;
            });
        }
    }
    for mechanisms in 0..9_u8 {
        for (others, hinted, policy) in [(0, false, 64), (3, true, 64), (3, false, 0), (8, true, 64)] {
            add(&|choices| {
                (choices.initiator.mechanisms, choices.acceptor.mechanisms) = (mechanisms, others);
                (choices.hinted, choices.ntlm.policy) = (hinted, policy);
            });
        }
    }
    for bit in 0..8_u8 {
        add(&|choices| choices.initiator.bits = 1 << bit);
        add(&|choices| choices.acceptor.bits = 1 << bit);
        add(&|choices| {
            (choices.initiator.bits, choices.acceptor.bits) = (1 | 1 << bit, 1 << bit);
            choices.initiator.foreign = Some(bit);
        });
    }
    add(&|choices| (choices.initiator.bits, choices.acceptor.bits) = (UNWRAPPED, WRAPPED_ALONE));
    add(&|choices| (choices.initiator.mechanisms, choices.initiator.foreign) = (2, Some(1)));
    add(&|choices| (choices.acceptor.bits, choices.ntlm.policy) = (REQUESTS_CODES, 66));
    kinds.extend(kinds_of_ntlm(&usual));
    kinds
}

/// Choices that are other ones within NTLM: who logs on, where, and how well it is protected.
fn kinds_of_ntlm(usual: &Choices) -> Vec<Choices> {
    let mut kinds = Vec::new();
    let mut add = |change: &dyn Fn(&mut world::Choices)| {
        for codes in [0, 1, 2] {
            let mut choices = usual.clone();
            (choices.initiator.codes, choices.acceptor.codes) = (codes, codes);
            change(&mut choices.ntlm);
            kinds.push(choices);
        }
    };
    for logon in [Logon::Impostor, Logon::Stranger, Logon::Nobody] {
        for policy in [64, 64 | 128] {
            add(&|choices| {
                (choices.logon, choices.policy) = (logon, policy);
                choices.acceptor = AcceptRequirements::ALLOW_NULL_SESSION.bits();
            });
        }
    }
    let flags =
        NegotiateFlags::EXTENDED_SESSIONSECURITY | NegotiateFlags::KEY_EXCH | NegotiateFlags::NEGOTIATE_128;
    for flag in flags.iter() {
        add(&|choices| choices.withheld = flag.bits());
    }
    for initiator_leniency in [0, 3, 5] {
        add(&|choices| {
            (choices.initiator_leniency, choices.acceptor_leniency) = (initiator_leniency, 5);
        });
    }
    add(&|choices| choices.initiator = InitRequirements::NO_INTEGRITY.bits());
    add(&|choices| choices.initiator = 0);
    add(&|choices| choices.initiator = EVERYTHING);
    add(&|choices| choices.account = 1);
    for bindings in [None, Some(1), Some(2)] {
        add(&|choices| {
            (choices.initiator_bindings, choices.acceptor_bindings) = (bindings, Some(1));
        });
    }
    add(&|choices| {
        choices.initiator |= InitRequirements::DATAGRAM.bits();
        choices.acceptor |= AcceptRequirements::DATAGRAM.bits();
    });
    kinds
}

/// Edits of each kind: a byte, a list, states, mechanisms, codes, what is left out, and what comes again.
fn edits() -> Vec<Vec<Edit>> {
    let splice = |at| Splice {
        at,
        removed: 1,
        inserted: vec![0x5A],
    };
    let mut edits = vec![
        // Somebody who takes the first mechanism out of the list, and the request for codes out of the answer.
        vec![
            edit(0, Change::List(vec![4])),
            edit(1, Change::State(Some(1))),
            edit(2, Change::Code(None)),
            edit(3, Change::Code(None)),
        ],
        vec![edit(0, Change::List(vec![])), edit(1, Change::State(Some(0)))],
        vec![edit(0, Change::WithoutInner), edit(1, Change::Mechanism(Some(4)))],
        vec![edit(2, Change::State(Some(2)))],
        vec![edit(1, Change::State(Some(0)))],
        vec![edit(2, Change::State(Some(3)))],
        vec![edit(2, Change::State(Some(7)))],
        vec![edit(3, Change::State(Some(2)))],
        vec![edit(1, Change::State(Some(2)))],
        vec![edit(1, Change::Mechanism(Some(1)))],
    ];
    for leg in 0..6 {
        edits.extend(
            [
                Change::Bytes(splice(u16::from(leg).wrapping_mul(31).wrapping_add(20))),
                Change::Inner(splice(u16::from(leg).wrapping_mul(17).wrapping_add(12))),
                Change::List(vec![4, 1]),
                Change::State(None),
                Change::State(Some(leg)),
                Change::Mechanism(Some(leg)),
                Change::Mechanism(None),
                Change::Code(None),
                Change::Code(Some(vec![1; 16])),
                Change::WithoutInner,
                Change::Unwrapped,
                Change::Earlier(leg % 2),
                Change::Form(Form::LongLength),
                Change::Form(Form::Unframed),
                Change::Form(Form::Extended),
                Change::Form(Form::Hinted),
            ]
            .map(|change| vec![edit(leg, change)]),
        );
    }
    edits
}

fn edit(leg: u8, change: Change) -> Edit {
    Edit { leg, change }
}

/// Inputs of the mutated exchange: each kind untouched and with one of the edits in turn, and each edit of a few kinds.
#[must_use]
pub fn mutations() -> Vec<Mutation> {
    let (kinds, edits) = (kinds(), edits());
    let untouched = kinds.iter().map(|choices| (choices, Vec::new()));
    let in_turn = kinds.iter().zip(edits.iter().cycle().cloned());
    let few = kinds.iter().step_by(kinds.len().div_ceil(12));
    let each = few
        .clone()
        .flat_map(|choices| edits.iter().map(move |edits| (choices, edits.clone())));
    // An offer without NTLM, and an acceptor that is made to see one with it.
    let mut without = few.clone().next().cloned().unwrap_or_default();
    without.initiator.mechanisms = 7;
    let unoffered = [(&without, vec![edit(0, Change::List(vec![4]))])];
    let in_fragments = few.clone().zip([1, 7, 20, 100].into_iter().cycle());
    let in_fragments = in_fragments.map(|(choices, fragments)| Mutation {
        choices: choices.clone(),
        edits: Vec::new(),
        fragments,
    });
    untouched
        .chain(in_turn)
        .chain(each)
        .chain(unoffered)
        .map(|(choices, edits)| Mutation {
            choices: choices.clone(),
            edits,
            fragments: 0,
        })
        .chain(in_fragments)
        .collect()
}

/// The bytes that a mutation is read from.
#[must_use]
pub fn recipe(mutation: &Mutation) -> Vec<u8> {
    let choices = &mutation.choices;
    let mut bytes = Vec::new();
    for Policy {
        bits,
        mechanisms,
        codes,
        foreign,
    } in [&choices.initiator, &choices.acceptor]
    {
        bytes.extend([*bits, *mechanisms, *codes]);
        bytes.extend(option_of(*foreign));
    }
    bytes.push(choices.hinted.into());
    bytes.extend(recipe_of(&choices.ntlm));
    for edit in &mutation.edits {
        bytes.extend([1, edit.leg]);
        bytes.extend(recipe_of_change(&edit.change));
    }
    bytes.extend([0, mutation.fragments]);
    bytes
}

fn option_of(byte: Option<u8>) -> Vec<u8> {
    [vec![byte.is_some().into()], byte.into_iter().collect()].concat()
}

fn recipe_of_change(change: &Change) -> Vec<u8> {
    let splice = |splice: &Splice| {
        let [low, high] = splice.at.to_le_bytes();
        [vec![low, high, splice.removed], list_of(&splice.inserted)].concat()
    };
    let (variant, rest): (usize, Vec<u8>) = match change {
        Change::Bytes(of) => (0, splice(of)),
        Change::Inner(of) => (1, splice(of)),
        Change::List(places) => (2, list_of(places)),
        Change::State(state) => (3, option_of(*state)),
        Change::Mechanism(place) => (4, option_of(*place)),
        Change::Code(None) => (5, vec![0]),
        Change::Code(Some(code)) => (5, [vec![1], list_of(code)].concat()),
        Change::WithoutInner => (6, Vec::new()),
        Change::Unwrapped => (7, Vec::new()),
        Change::Earlier(back) => (8, vec![*back]),
        Change::Form(form) => {
            let place = FORMS.iter().position(|other| other == form).unwrap_or_default();
            (9, chosen(place, FORMS.len()))
        }
    };
    [chosen(variant, 10), rest].concat()
}

const FORMS: [Form; 4] = [Form::LongLength, Form::Unframed, Form::Extended, Form::Hinted];

/// A variant is read from a number between zero and the largest, in proportion.
fn chosen(variant: usize, of: usize) -> Vec<u8> {
    let number = u64::try_from(variant).ok().zip(u64::try_from(of).ok());
    let number = number.map_or(0, |(variant, of)| (variant << 32).div_ceil(of));
    u32::try_from(number).unwrap_or_default().to_le_bytes().to_vec()
}

/// Every token of every kind of exchange, once, and tokens that no exchange has.
fn tokens() -> Vec<Seed> {
    let sent = |legs: &[Leg]| legs.last().map(|leg| leg.sent.clone()).unwrap_or_default();
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    for choices in kinds() {
        let course = Course::run(&mut choices.pair(), choices.hinted, sent);
        tokens.extend(course.legs.into_iter().map(|leg| leg.sent));
        tokens.extend(course.refusal.map(|(_, _, token)| token));
    }
    tokens.extend(strange_tokens());
    tokens.sort();
    tokens.dedup();
    tokens.retain(|token| !token.is_empty());
    (0_u32..)
        .zip(tokens)
        .map(|(number, token)| Seed::new(format!("token-{number}"), token))
        .collect()
}

/// A first token without framing, those of other mechanisms, and one of NEGOEX.
fn strange_tokens() -> Vec<Vec<u8>> {
    let bare = NegTokenInit {
        mech_list_mic: Some([1_u8; 16].to_vec().into()),
        extensions: [0xA7, 2, 5, 0].to_vec().into(),
        ..NegTokenInit::default()
    };
    let framed = |oid: &Oid<'_>| {
        let length = u8::try_from(oid.0.len()).unwrap_or_default();
        [&[0x60, length.saturating_add(4), 6, length][..], &oid.0, &[1, 0]].concat()
    };
    let mut tokens = vec![bare.emit(), bare.emit_framed(), vec![0x6E, 2, 0x30, 0]];
    tokens.extend(Oid::NAMED.iter().map(|(_, oid)| framed(oid)));
    tokens.extend(conversations().into_iter().take(1).map(|seed| seed.bytes));
    tokens
}

/// A message of each type of NEGOEX, and all of them one behind the other.
fn conversations() -> Vec<Seed> {
    let scheme = [7; 16];
    let exchange = Body::Exchange {
        scheme,
        token: b"a token",
    };
    let nego = Body::Nego {
        random: [3; 32],
        version: 0,
        schemes: &[[7; 16], [8; 16]],
        extensions: &[[1, 0, 0, 0, 96, 0, 0, 0, 8, 0, 0, 0]],
    };
    let verify = Body::Verify {
        scheme,
        checksum_scheme: 1,
        checksum_type: 16,
        checksum: &[9; 12],
    };
    let alert = Body::Alert {
        scheme,
        error: 0xC000_006D,
    };
    let bodies = [nego, nego, exchange, exchange, exchange, exchange, verify, alert];
    let mut seeds: Vec<Seed> = (0_u32..)
        .zip(bodies)
        .map(|(number, body)| {
            let message = Message {
                message_type: MessageType(number),
                sequence: number,
                conversation: [5; 16],
                body,
            };
            Seed::new(format!("message-{number}"), negoex::emit(&message))
        })
        .collect();
    let all: Vec<u8> = seeds.iter().flat_map(|seed| seed.bytes.clone()).collect();
    seeds.push(Seed::new("conversation", all));
    seeds
}

/// Elements: tokens, and recipes of each size of a length.
pub(super) fn elements() -> Vec<Seed> {
    let mut seeds = tokens();
    for length in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x1FF, 0xFFFF, 0x1_0000] {
        for longer in [0, 1, 2, 3, 0x40, 0x41] {
            let name = format!("length-{length}-longer-{longer}");
            seeds.push(Seed::new(name, der::recipe(length, longer)));
        }
    }
    seeds
}

/// Messages behind each pair of policies and each strength of protection.
#[must_use]
pub fn scripts() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for kind in 0..128_u8 {
        for codes in 0..16_u8 {
            // Of most kinds the usual pair will do.
            if codes > 0 && !matches!(kind, 0 | 2 | 6 | 32 | 64 | 66) {
                continue;
            }
            let mut bytes = vec![kind, codes % 4, codes / 4];
            bytes.extend((0..=u8::MAX).map(|step| step.wrapping_mul(37).wrapping_add(codes)));
            seeds.push(Seed::new(format!("kind-{kind}-codes-{codes}"), bytes));
        }
    }
    seeds
}
