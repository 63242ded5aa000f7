//! What somebody between the two sides can change unnoticed, by what protects an exchange: measured by flipping bits of
//! every byte, and listed in the README of the crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    ops::Range,
};

use legwork_engine::{
    codec::der::{Element, Reader, Tag, Tolerances},
    environment::{Directory, MechListMic},
    flags::{AcceptRequirements, InitRequirements},
    negotiate::messages::{
        ContextFlags, MechTypes, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags, Token,
    },
};

use crate::pair::{Pair, Side, World};

/// A kind of exchange: its name, and how it is made.
struct Kind {
    name: &'static str,
    world: World,
    guest: bool,
}

fn kinds() -> Vec<Kind> {
    let kind = |name, change: fn(&mut World)| {
        let mut world = World::default();
        change(&mut world);
        let guest = name == "guest";
        Kind { name, world, guest }
    };
    vec![
        kind("both codes", |_| {}),
        kind("code over the list alone", |world| {
            world.timestamp = false;
            world.acceptor.request_mic = true;
        }),
        kind("NTLM's code alone", |world| {
            world.requirements = InitRequirements::NO_INTEGRITY;
        }),
        kind("integrity, neither code", |world| {
            world.timestamp = false;
            world.initiator.mech_list_mic = MechListMic::Required;
        }),
        kind("no integrity, neither code", |world| {
            world.timestamp = false;
            world.requirements = InitRequirements::NO_INTEGRITY;
        }),
        kind("nobody", |world| {
            world.requirements = InitRequirements::NULL_SESSION;
            world.accept_requirements = AcceptRequirements::ALLOW_NULL_SESSION;
        }),
        kind("guest", |_| {}),
    ]
}

/// What comes of an exchange in which a leg is changed: nothing, if a side noticed; else in what the two sides differ.
fn outcome(
    kind: &Kind,
    world: &World,
    leg: usize,
    change: impl Fn(Vec<u8>) -> Vec<u8>,
) -> Option<Vec<&'static str>> {
    let mut pair = Pair::new(world);
    if kind.guest {
        let environment = pair.party(Side::Acceptor).interface.environment();
        environment.policy.ntlm.guest = true;
        environment.directory = Directory::default();
    }
    pair.run(Side::Initiator, None, |number, token| {
        if number == leg { change(token) } else { token }
    });
    if !pair.both_done() {
        return None;
    }
    let (initiator, acceptor) = (pair.view(Side::Initiator), pair.view(Side::Acceptor));
    // Of a guest the acceptor has neither name nor key nor protection, whatever is changed.
    let differ = [
        ("name", initiator.0 != acceptor.0),
        ("key", initiator.1 != acceptor.1),
        ("mechanism", initiator.2 != acceptor.2),
        ("protection", initiator.3 != acceptor.3),
    ];
    let differ = differ.into_iter().filter(|(_, differ)| *differ && !kind.guest);
    Some(differ.map(|(what, _)| what).collect())
}

fn next<'a>(reader: &mut Reader<'a>) -> Element<'a> {
    reader.any("token", &mut Tolerances::empty()).unwrap()
}

/// The name of the field that each byte of a token belongs to.
fn fields(token: &[u8]) -> Vec<&'static str> {
    const INIT: [&str; 4] = ["mechTypes", "reqFlags", "mechToken", "mechListMIC"];
    const RESP: [&str; 4] = ["negState", "supportedMech", "responseToken", "mechListMIC"];
    let mut names = vec!["framing"; token.len()];
    let mut outer = next(&mut Reader::new(token));
    if outer.tag == Tag::application(0) {
        let mut inside = outer.inside();
        next(&mut inside);
        outer = next(&mut inside);
    }
    let of = if token[0] == 0x60 { INIT } else { RESP };
    let mut members = next(&mut outer.inside()).inside();
    while !members.is_empty() {
        let member = next(&mut members);
        let name = of[usize::from(member.tag.0 & 0x1F)];
        names[member.offset..member.offset + member.bytes.len()].fill(name);
        let value = next(&mut member.inside());
        if name.ends_with("Token") {
            for (range, name) in message(value.content) {
                let start = value.content_offset();
                names[start + range.start..start + range.end].fill(name);
            }
        }
    }
    names
}

/// The fields of an NTLM message (MS-NLMP section 2.2.1), those behind its fixed part too.
fn message(message: &[u8]) -> Vec<(Range<usize>, &'static str)> {
    /// Offset and size in the fixed part, name, and whether it says where the value stands.
    type Field = (usize, usize, &'static str, bool);
    const NEGOTIATE: &[Field] = &[
        (0, 12, "signature and type", false),
        (12, 4, "NegotiateFlags", false),
        (16, 16, "DomainName, Workstation", false),
        (32, 8, "Version", false),
    ];
    const CHALLENGE: &[Field] = &[
        (0, 12, "signature and type", false),
        (12, 8, "TargetName", true),
        (20, 4, "NegotiateFlags", false),
        (24, 8, "ServerChallenge", false),
        (32, 8, "Reserved", false),
        (40, 8, "TargetInfo", true),
        (48, 8, "Version", false),
    ];
    const AUTHENTICATE: &[Field] = &[
        (0, 12, "signature and type", false),
        (12, 8, "LmChallengeResponse", true),
        (20, 8, "NtChallengeResponse", true),
        (28, 8, "DomainName", true),
        (36, 8, "UserName", true),
        (44, 8, "Workstation", true),
        (52, 8, "EncryptedRandomSessionKey", true),
        (60, 4, "NegotiateFlags", false),
        (64, 8, "Version", false),
        (72, 16, "MIC", false),
    ];
    let fixed = match message[8] {
        1 => NEGOTIATE,
        2 => CHALLENGE,
        _ => AUTHENTICATE,
    };
    let number = |at: usize| usize::from(u16::from_le_bytes([message[at], message[at + 1]]));
    let mut found: Vec<_> = fixed
        .iter()
        .map(|(at, size, name, _)| (*at..*at + size, *name))
        .collect();
    for (at, _, name, _) in fixed.iter().filter(|(.., points)| *points) {
        let start = number(at + 4);
        found.push((start..start + number(*at), name));
    }
    found
}

/// Fields whose values are long, and opaque to whoever flips their bits: one bit of each byte will do.
const LONG: [&str; 4] = ["TargetInfo", "NtChallengeResponse", "LmChallengeResponse", "MIC"];

fn init(token: &[u8], change: impl Fn(&mut NegTokenInit<'static>)) -> Vec<u8> {
    let Ok(Token::Framed(init)) = Token::parse(token) else {
        panic!("a list begins");
    };
    let mut init = init.into_owned();
    change(&mut init);
    init.emit_framed()
}

fn resp(token: &[u8], change: impl Fn(&mut NegTokenResp<'static>)) -> Vec<u8> {
    let mut resp = NegTokenResp::parse(token).unwrap().into_owned();
    change(&mut resp);
    resp.emit()
}

/// Changes of whole fields: which leg, what, and how. The first two are of a list whose second mechanism would be chosen.
type Change = (usize, &'static str, fn(&[u8]) -> Vec<u8>);
const CHANGES: &[Change] = &[
    (0, "the preferred mechanism is taken out of the list", |token| {
        init(token, |init| init.mech_types = Some(MechTypes::new(&[Oid::NTLM])))
    }),
    (1, "request-mic becomes accept-incomplete", |token| {
        resp(token, |resp| resp.neg_state = Some(NegState::ACCEPT_INCOMPLETE))
    }),
    (0, "a mechanism is put behind the first", |token| {
        init(token, |init| {
            init.mech_types = Some(MechTypes::new(&[Oid::NTLM, Oid::KERBEROS]));
        })
    }),
    (0, "requirements are told", |token| {
        init(token, |init| {
            init.req_flags = Some(ReqFlags::new(ContextFlags::DELEGATE))
        })
    }),
    (0, "an element of a later version is added", |token| {
        init(token, |init| init.extensions = vec![0xA7, 0].into())
    }),
    (1, "accept-incomplete becomes request-mic", |token| {
        resp(token, |resp| resp.neg_state = Some(NegState::REQUEST_MIC))
    }),
    (1, "the choice is taken out", |token| {
        resp(token, |resp| resp.supported_mech = None)
    }),
    (1, "an element of a later version is added", |token| {
        resp(token, |resp| resp.extensions = vec![0xA7, 0].into())
    }),
    (2, "the state is taken out", |token| {
        resp(token, |resp| resp.neg_state = None)
    }),
    (2, "the code over the list is taken out", |token| {
        resp(token, |resp| resp.mech_list_mic = None)
    }),
    (3, "the state is taken out", |token| {
        resp(token, |resp| resp.neg_state = None)
    }),
    (3, "the code over the list is taken out", |token| {
        resp(token, |resp| resp.mech_list_mic = None)
    }),
];

/// Who sends a leg, and what it is.
const LEGS: [&str; 5] = [
    "list",
    "first answer",
    "answer of the initiator",
    "last answer",
    "code of the initiator",
];

type Row = (usize, bool, &'static str);
type Cells = BTreeMap<&'static str, BTreeSet<&'static str>>;

/// What is seen of every change, by leg, by whether the whole field changes, and by field.
fn measured() -> BTreeMap<Row, Cells> {
    let mut rows: BTreeMap<Row, Cells> = BTreeMap::new();
    let mut see = |row: Row, kind: &Kind, outcome: Option<Vec<&'static str>>| {
        let cells = rows.entry(row).or_default();
        let Some(differ) = outcome else { return };
        let cell = cells.entry(kind.name).or_default();
        cell.extend(if differ.is_empty() {
            vec!["unnoticed"]
        } else {
            differ
        });
    };
    for kind in kinds() {
        let mut tokens = Vec::new();
        let mut pair = Pair::new(&kind.world);
        pair.run(Side::Initiator, None, |_, token| {
            tokens.push(token.clone());
            token
        });
        for (leg, token) in tokens.iter().enumerate() {
            for (place, name) in fields(token).into_iter().enumerate() {
                let bits = if LONG.contains(&name) {
                    place % 8..place % 8 + 1
                } else {
                    0..8
                };
                for bit in bits {
                    let flip = |mut token: Vec<u8>| {
                        if let Some(byte) = token.get_mut(place) {
                            *byte ^= 1 << bit;
                        }
                        token
                    };
                    see((leg, false, name), &kind, outcome(&kind, &kind.world, leg, flip));
                }
            }
        }
        for (number, (leg, name, change)) in CHANGES.iter().enumerate() {
            let mut world = kind.world.clone();
            if number < 2 {
                world.initiator.mechanisms = Some(vec![Oid::from_text("1.2.3.4").unwrap(), Oid::NTLM]);
            }
            let changes = |token: Vec<u8>| {
                let changed = change(&token);
                if changed == token { Vec::new() } else { changed }
            };
            // What is not there cannot be taken out.
            see((*leg, true, name), &kind, outcome(&kind, &world, *leg, changes));
        }
    }
    rows
}

/// The list as the README has it.
fn list(rows: &BTreeMap<Row, Cells>) -> String {
    let kinds = kinds();
    let mut list = String::from("| leg | what is changed |");
    for kind in &kinds {
        write!(list, " {} |", kind.name).unwrap();
    }
    list.push_str("\n|---|---|");
    list.push_str(&"---|".repeat(kinds.len()));
    for ((leg, whole, name), cells) in rows.iter().filter(|(_, cells)| !cells.is_empty()) {
        let name = if *whole {
            (*name).to_owned()
        } else {
            format!("bits of {name}")
        };
        write!(list, "\n| {} | {name} |", LEGS[*leg]).unwrap();
        for kind in &kinds {
            let cell = cells.get(kind.name).into_iter().flatten().copied();
            write!(list, " {} |", cell.collect::<Vec<_>>().join(", ")).unwrap();
        }
    }
    list.push('\n');
    list
}

#[test]
fn what_passes_unnoticed_is_listed() {
    let rows = measured();
    let list = list(&rows);
    let readme = include_str!("../../README.md");
    assert!(
        readme.contains(&list),
        "README.md has another list than this:\n{list}"
    );
    // Whatever passes: with NTLM's code the two sides do not differ, with a code over the list not in mechanism and key.
    let differ = |kind: &str| -> BTreeSet<_> {
        let cells = rows.values().filter_map(|cells| cells.get(kind));
        cells
            .flatten()
            .copied()
            .filter(|what| *what != "unnoticed")
            .collect()
    };
    assert_eq!(differ("both codes"), BTreeSet::new());
    assert_eq!(differ("NTLM's code alone"), BTreeSet::new());
    let of_list = differ("code over the list alone");
    assert!(
        of_list.is_subset(&BTreeSet::from(["name", "protection"])),
        "{of_list:?}"
    );
}
