//! Probes that let the adapter's library talk to the reference, plainly or with a token that is odd.

use serde_json::Value;

use super::{
    Probe,
    bench::{Bench, CREDENTIAL, Seen, told, unsettled},
};
use crate::{
    protocol::{Buffer, Identity, Request, Role, Text},
    run::{
        trace::{End, Event, Purpose, TOKEN, Trace},
        world::World,
    },
    subject::Answer,
};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "smoke-initiator",
        advice: "play the exchange by hand with `legwork repro ntlm/good/default --subject …`; the usual causes are the order of bytes in `utf16`, a token that is not handed on, a domain or password that was left out",
        run: |bench| smoke(bench, Role::Initiator),
    },
    Probe {
        name: "smoke-acceptor",
        advice: "play the exchange by hand with `legwork repro ntlm/good/default --subject …`; the usual causes are accounts of `reset` that do not reach the library, and a final status that is not handed on",
        run: |bench| smoke(bench, Role::Acceptor),
    },
    Probe {
        name: "promises",
        advice: "answer what hello's `observables` promise, or take the word out of hello",
        run: promises,
    },
    Probe {
        name: "tokens",
        advice: "no buffer of kind 2: pass nothing; a buffer of kind 2 without bytes: pass an empty token; and write a buffer of kind 2 only if the library gave a token",
        run: tokens,
    },
    Probe {
        name: "buffer-kinds",
        advice: "look for the token by its kind, 2, not by its place in the list",
        run: buffer_kinds,
    },
    Probe {
        name: "garbage",
        advice: "pass any bytes to the library and report as a status whatever its call throws; if the library itself died, that is a finding about it, and `legwork run` will count it",
        run: garbage,
    },
    Probe {
        name: "text",
        advice: "decode `utf16` as UTF-16LE with unpaired surrogates kept, or answer `unsupported` where the library has no such text",
        run: text,
    },
];

fn smoke(bench: &mut Bench<'_>, role: Role) -> Seen {
    let Some((_, trace)) = bench.smoke.iter().find(|(played, _)| *played == role) else {
        return Seen::not_applicable(
            "the role is not driven, or the suite has no plain exchange for the package",
        );
    };
    if bench.completes(role, trace) {
        let legs = trace.legs().count();
        return Seen::pass(format!("{legs} legs with the reference complete"));
    }
    let ended = bench.how_it_ended(role, trace);
    match &trace.end {
        End::Unsupported(side, _) if *side == role => Seen::warn(format!("not tried to the end: {ended}")),
        _ => Seen::fail(format!("the plain exchange with the reference ends: {ended}")),
    }
}

fn promises(bench: &mut Bench<'_>) -> Seen {
    let mut wrong = Vec::new();
    let mut looked = 0;
    for role in bench.roles() {
        let Some(trace) = bench.completed(role) else {
            continue;
        };
        looked += 1;
        let broken = |observable: &&str| bench.shows(role, observable) && !shown(role, trace, observable);
        let names = [
            "token",
            "status",
            "attributes",
            "session-key",
            "peer-name",
            "per-message",
        ];
        let names = names
            .iter()
            .filter(|name| **name != "peer-name" || role == Role::Acceptor);
        wrong.extend(names.copied().filter(broken).map(|name| {
            format!(
                "hello promises `{name}` for the {}, and it did not show",
                role.name()
            )
        }));
    }
    if looked == 0 {
        return Seen::not_applicable("no exchange completed");
    }
    Seen::unless(&wrong, "what hello promises shows")
}

/// Whether an observable shows in a completed exchange.
fn shown(role: Role, trace: &Trace, observable: &str) -> bool {
    let own = || trace.events.iter().filter(|event| event.side == role);
    let legs = || own().filter(|event| matches!(event.purpose, Purpose::Leg(_)));
    match observable {
        "token" => legs().any(|event| event.output().is_some_and(|token| !token.is_empty())),
        "status" => legs().all(|event| event.status().is_some()),
        "attributes" => legs().any(|event| event.attributes().is_some()),
        "session-key" => own().any(|event| {
            let key = queried(event, "session-key", "session-key").and_then(Value::as_str);
            key.is_some_and(|key| hex::decode(key).is_ok_and(|key| !key.is_empty()))
        }),
        "peer-name" => own().any(|event| {
            let name = queried(event, "names", "user").cloned();
            name.is_some_and(|name| serde_json::from_value::<Text>(name).is_ok())
        }),
        // Whether the library signs and seals well is for the suite to say.
        _ => {
            let refused = matches!(&trace.end, End::Unsupported(side, _) if *side == role);
            !refused && own().any(|event| event.protect().is_some() && event.outcome().is_some())
        }
    }
}

/// The answer to a query.
fn queried<'a>(event: &'a Event, attribute: &str, value: &str) -> Option<&'a Value> {
    match &event.request {
        Request::Query { attribute: asked, .. } if asked == attribute => event.outcome()?.values.get(value),
        _ => None,
    }
}

fn tokens(bench: &mut Bench<'_>) -> Seen {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for role in bench.roles() {
        for (name, input) in [
            ("no token", Vec::new()),
            ("an empty token", vec![Buffer::new(TOKEN, Vec::new())]),
        ] {
            let Ok((context, _)) = bench.first_token(role) else {
                continue;
            };
            tried += 1;
            let answer = bench.call(&bench.leg(role, context, input));
            let said = unsettled(&answer);
            wrong.extend(said.map(|said| format!("{name} for the {}: {said}", role.name())));
        }
    }
    if tried == 0 {
        return Seen::not_applicable("no role has a first leg");
    }
    let acceptor = bench.completed(Role::Acceptor);
    let last = acceptor.and_then(|trace| {
        trace
            .legs()
            .filter(|(_, event)| event.side == Role::Acceptor)
            .last()
    });
    if wrong.is_empty() && last.is_some_and(|(_, event)| event.output() == Some(&[])) {
        return Seen::warn(
            "the acceptor's last leg brought an empty token; none is usual: did the library give one?",
        );
    }
    Seen::unless(&wrong, "none, empty and bytes are three different tokens")
}

fn buffer_kinds(bench: &mut Bench<'_>) -> Seen {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for role in bench.roles() {
        let mut answers = Vec::new();
        for before in [None, Some(Buffer::default())] {
            if let Ok((context, token)) = bench.first_token(role) {
                let input = before.into_iter().chain([Buffer::new(TOKEN, token)]).collect();
                answers.push(bench.call(&bench.leg(role, context, input)));
            }
        }
        let [plain, behind] = answers.as_slice() else {
            continue;
        };
        tried += 1;
        let same =
            bench.succeeded(plain) == bench.succeeded(behind) || matches!(behind, Answer::Unsupported(_));
        if !same || unsettled(behind).is_some() {
            wrong.push(format!(
                "a token for the {} behind a buffer of kind 0: {}; alone: {}",
                role.name(),
                told(behind),
                told(plain)
            ));
        }
    }
    if tried == 0 {
        return Seen::not_applicable("no role has a first leg");
    }
    Seen::unless(&wrong, "the token is found by its kind")
}

fn garbage(bench: &mut Bench<'_>) -> Seen {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for role in bench.roles() {
        let noise = [1, 8, 64, 5000].map(|length| (format!("{length} bytes of noise"), vec![0xA5; length]));
        let due = bench
            .first_token(role)
            .map(|(_, token)| token)
            .unwrap_or_default();
        // Whether half a token is refused, the suite judges: here it only has to be answered.
        let cut = [2, 4].map(|part| {
            (
                format!("1/{part} of a token"),
                due.iter().copied().take(due.len() / part).collect(),
            )
        });
        for (number, (name, token)) in noise.into_iter().chain(cut).enumerate() {
            let Ok((context, _)) = bench.first_token(role) else {
                continue;
            };
            tried += 1;
            let answer = bench.call(&bench.leg(role, context, vec![Buffer::new(TOKEN, token)]));
            if unsettled(&answer).is_some() || (number < 4 && bench.succeeded(&answer)) {
                wrong.push(format!("{name} for the {}: {}", role.name(), told(&answer)));
            }
        }
    }
    if tried == 0 {
        return Seen::not_applicable("no role has a first leg");
    }
    Seen::unless(&wrong, "garbage gets a status that refuses it")
}

fn text(bench: &mut Bench<'_>) -> Seen {
    let unpaired = Text {
        utf16: vec![0x55, 0x00, 0x00, 0xD8],
        text: "U\u{FFFD}".to_owned(),
    };
    let world = World {
        identity: Some(Identity {
            user: Some(unpaired.clone()),
            domain: None,
            password: Some(unpaired.clone()),
            package_list: None,
        }),
        ..World::default()
    };
    let mut wrong = Vec::new();
    for role in bench.roles() {
        let answers = match role {
            Role::Initiator => initiator_with(bench, &world),
            Role::Acceptor => vec![bench.reset(role, |environment| {
                for account in &mut environment.accounts {
                    account.user = unpaired.clone();
                }
            })],
        };
        let said = answers.iter().find_map(unsettled);
        wrong.extend(
            said.map(|said| format!("an unpaired surrogate in a name of the {}: {said}", role.name())),
        );
    }
    if bench.roles().is_empty() {
        return Seen::not_applicable("nothing is driven");
    }
    if !wrong.is_empty() {
        return Seen::unless(&wrong, "");
    }
    beyond_ascii(bench)
}

fn initiator_with(bench: &Bench<'_>, world: &World) -> Vec<Answer> {
    let role = Role::Initiator;
    bench.reset(role, |_| {});
    let package = bench.drive(role).map(|drive| drive.package.clone());
    let acquired = bench.call(&Request::Acquire {
        credential: CREDENTIAL,
        package: package.unwrap_or_default(),
        role,
        identity: world.identity.clone(),
    });
    let mut answers = vec![acquired];
    if answers.iter().all(|answer| bench.succeeded(answer)) {
        answers.push(bench.call(&bench.leg(role, None, Vec::new())));
    }
    answers
}

/// The plain exchange with names and a password beyond ASCII, where it completes with plain ones.
fn beyond_ascii(bench: &Bench<'_>) -> Seen {
    let mut world = World::default();
    let (user, password) = (
        Text::from("J\u{FC}rgen"),
        Text::from("\u{43F}\u{430}\u{440}\u{1D11E}"),
    );
    if let Some(identity) = &mut world.identity {
        identity.user = Some(user.clone());
        identity.password = Some(password.clone());
    }
    for account in &mut world.accounts {
        account.user = user.clone();
        account.password = password.clone();
    }
    for role in bench.roles() {
        if bench.completed(role).is_none() {
            continue;
        }
        let Some(trace) = bench.play(role, &world) else {
            continue;
        };
        let unsupported = matches!(trace.end, End::Unsupported(..));
        if !bench.completes(role, &trace) && !unsupported {
            return Seen::warn(format!(
                "with names and a password beyond ASCII the {} does not complete: {}",
                role.name(),
                bench.how_it_ended(role, &trace)
            ));
        }
    }
    Seen::pass("text that is no text is answered; text beyond ASCII arrives")
}
