//! Probes that ask for what does not exist. Who answers them with an outcome answers for something that nobody did,
//! and would have its library judged by that.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    Probe,
    bench::{Bench, CONTEXT, CREDENTIAL, NEVER_GIVEN, Seen, raw, token_of, told, unsettled},
};
use crate::{
    protocol::{Account, Buffer, Request, Role, Text},
    run::{
        case, demand,
        trace::{TOKEN, Trace},
        world::World,
    },
    subject::Answer,
};

/// A name that nothing has.
const NOWHERE: &str = "legwork-no-such-thing";

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "unknown-request",
        advice: "answer an `op` that the adapter does not know with `unsupported {what: OP}`",
        run: unknown_request,
    },
    Probe {
        name: "unknown-policy",
        advice: "in `reset`, answer each policy switch that the library cannot be told with `unsupported {what: \"policy:NAME\"}`",
        run: unknown_policy,
    },
    Probe {
        name: "unknown-fault",
        advice: "in `reset`, answer each fault that cannot be provoked with `unsupported {what: \"fault:NAME\"}`",
        run: unknown_fault,
    },
    Probe {
        name: "honours",
        advice: "take in `reset` what hello's `honours` lists, or take the name out of the list; an adapter without the list claims everything",
        run: honours,
    },
    Probe {
        name: "account-state",
        advice: "in `reset`, answer an account state that the library cannot hold with `unsupported {what: \"account:STATE\"}`, or drop `account-state` from `controls`",
        run: account_state,
    },
    Probe {
        name: "controls",
        advice: "take seed, clock and names of the machine from `reset` before each exchange, or drop the word from hello's `controls`",
        run: controls,
    },
    Probe {
        name: "unknown-name",
        advice: "answer a package or an attribute that the adapter does not know with `unsupported`, or pass the name to the library and its refusal back",
        run: unknown_name,
    },
    Probe {
        name: "reset-forgets",
        advice: "begin `reset` by emptying the tables of credentials and contexts",
        run: reset_forgets,
    },
    Probe {
        name: "never-given",
        advice: "look handles up in a table, and answer a number that is not there with `unsupported {what: \"foreign-handle\"}`; an adapter whose hello has `handles` shows the library a handle of somebody else",
        run: never_given,
    },
    Probe {
        name: "stale",
        advice: "keep a note of handles that were freed, and answer them with `unsupported {what: \"stale-handle\"}`; an adapter whose hello has `handles` shows the library the old handle",
        run: stale,
    },
    Probe {
        name: "wrong-secret",
        advice: "see to it that the accounts of `reset` are what the library verifies against, and that its refusal reaches the reply",
        run: wrong_secret,
    },
];

fn unknown_request(bench: &mut Bench<'_>) -> Seen {
    let answer = bench.send(raw(NOWHERE, json!({})));
    match answer {
        Answer::Unsupported(_) => Seen::pass("answered `unsupported`"),
        other => Seen::fail(format!("a request that does not exist: {}", told(&other))),
    }
}

fn a_role(bench: &Bench<'_>) -> Role {
    bench.roles().first().copied().unwrap_or(Role::Initiator)
}

/// Whether an answer refuses what it was asked, and says what.
fn refuses(answer: &Answer, what: &str, asked: &str) -> Seen {
    match answer {
        Answer::Unsupported(unsupported) if unsupported.what == what => {
            Seen::pass(format!("answered `unsupported {what}`"))
        }
        Answer::Unsupported(unsupported) => Seen::warn(format!(
            "answered `unsupported {}`; reports count by `{what}`",
            unsupported.what
        )),
        other => Seen::fail(format!("`reset` with {asked}: {}", told(other))),
    }
}

fn unknown_policy(bench: &mut Bench<'_>) -> Seen {
    let answer = bench.reset(a_role(bench), |environment| {
        environment.policy.insert(NOWHERE.to_owned(), json!(true));
    });
    refuses(
        &answer,
        &format!("policy:{NOWHERE}"),
        "a policy switch that does not exist",
    )
}

fn unknown_fault(bench: &mut Bench<'_>) -> Seen {
    let answer = bench.reset(a_role(bench), |environment| {
        environment.faults.push(NOWHERE.to_owned())
    });
    refuses(
        &answer,
        &format!("fault:{NOWHERE}"),
        "a fault that does not exist",
    )
}

/// Every policy of the suite that hello declares is taken. What it does not declare may be refused later than in `reset`.
fn honours(bench: &mut Bench<'_>) -> Seen {
    let mut refused = BTreeSet::new();
    let mut taken: usize = 0;
    for role in bench.roles() {
        let Some(drive) = bench.drive(role).filter(|drive| drive.honours.is_some()).cloned() else {
            continue;
        };
        for (policy, value) in policies(bench, role) {
            let settings = demand::policy_settings(&policy, &value);
            if !settings.iter().all(|setting| demand::honours(&drive, setting)) {
                continue;
            }
            let answer = bench.reset(role, |environment| {
                environment.policy.insert(policy.clone(), value.clone());
            });
            match answer {
                Answer::Outcome(_) => taken = taken.saturating_add(1),
                other => {
                    let said = told(&other);
                    refused.extend(
                        settings.iter().map(|setting| {
                            format!("`{setting}` is in the {}'s `honours`: {said}", role.name())
                        }),
                    );
                }
            }
        }
    }
    let refused = Vec::from_iter(refused);
    match (refused.as_slice(), taken) {
        ([], 0) => Seen::not_applicable("hello declares no policy"),
        (refused, _) => Seen::unless(refused, format!("{taken} policies that hello declares are taken")),
    }
}

/// Policies that cases ask one side for, each by itself.
fn policies(bench: &Bench<'_>, role: Role) -> Vec<(String, Value)> {
    let package = bench.package(role);
    let cases = case::expand(bench.suite);
    let mut policies: Vec<(String, Value)> = Vec::new();
    for case in cases.iter().filter(|case| case.entry.package == package) {
        for (policy, value) in &case.world.side(role).policy {
            let known = |(name, same): &(String, Value)| name == policy && same == value;
            if !policies.iter().any(known) {
                policies.push((policy.clone(), value.clone()));
            }
        }
    }
    policies
}

fn account_state(bench: &mut Bench<'_>) -> Seen {
    if !bench.controls("account-state") {
        return Seen::not_applicable("hello has no control `account-state`, so none is ever sent");
    }
    let answer = bench.reset(Role::Acceptor, |environment| {
        environment.accounts = vec![Account {
            user: Text::from("User"),
            domain: Text::from("Domain"),
            password: Text::from("Password"),
            state: Some(NOWHERE.to_owned()),
        }];
    });
    refuses(
        &answer,
        &format!("account:{NOWHERE}"),
        "an account state that does not exist",
    )
}

/// What hello says can be steered has to make a difference, or none where nothing else differs.
fn controls(bench: &mut Bench<'_>) -> Seen {
    let mut wrong = Vec::new();
    let mut tried = 0;
    if bench.controls("randomness") && bench.controls("clock") {
        for role in bench.roles() {
            let tokens = |trace: &Trace| -> Vec<Vec<u8>> {
                let own = trace.legs().filter(|(_, event)| event.side == role);
                own.filter_map(|(_, event)| event.output().map(<[u8]>::to_vec))
                    .collect()
            };
            let Some(first) = bench.completed(role) else {
                continue;
            };
            tried += 1;
            let second = bench.play(role, &World::default());
            if second.is_some_and(|second| tokens(&second) != tokens(first)) {
                wrong.push(format!(
                    "same seed and clock, and other tokens of the {}",
                    role.name()
                ));
            }
        }
    }
    if bench.controls("host") && bench.roles().contains(&Role::Acceptor) {
        const NAME: &str = "LEGWORKHOST";
        let named = bench.first_token(Role::Acceptor).map(|(_, token)| {
            bench.reset(Role::Acceptor, |environment| {
                NAME.clone_into(&mut environment.host.netbios_computer)
            });
            bench.call(&bench.acquire(Role::Acceptor));
            bench.call(&bench.leg(Role::Acceptor, None, vec![Buffer::new(TOKEN, token)]))
        });
        if let Ok(answer) = named {
            tried += 1;
            let units = Text::from(NAME).utf16;
            if !token_of(&answer)
                .windows(units.len())
                .any(|window| window == units)
            {
                wrong.push(
                    "the acceptor's first token does not have the machine's name of `reset`".to_owned(),
                );
            }
        }
    }
    if tried == 0 {
        return Seen::not_applicable("hello lists neither `host` nor `randomness` and `clock`");
    }
    Seen::unless(&wrong, "what can be steered follows `reset`")
}

fn unknown_name(bench: &mut Bench<'_>) -> Seen {
    let Some(&role) = bench.roles().first() else {
        return Seen::not_applicable("nothing is driven");
    };
    bench.reset(role, |_| {});
    let answer = bench.call(&Request::Acquire {
        credential: CREDENTIAL,
        package: NOWHERE.to_owned(),
        role,
        identity: None,
    });
    let mut wrong: Vec<String> = not_refused(bench, &answer, "`acquire` for a package that does not exist");
    if let Ok((context, _)) = bench.first_token(role) {
        let context = context.unwrap_or(CONTEXT);
        let answer = bench.call(&Request::Query {
            context,
            attribute: NOWHERE.to_owned(),
        });
        wrong.extend(not_refused(
            bench,
            &answer,
            "`query` for an attribute that does not exist",
        ));
    }
    Seen::unless(&wrong, "a package and an attribute that do not exist are refused")
}

/// A sentence if a call that cannot succeed did, or was not answered.
fn not_refused(bench: &Bench<'_>, answer: &Answer, asked: &str) -> Vec<String> {
    let wrong = unsettled(answer).is_some() || bench.succeeded(answer);
    let sentence = wrong.then(|| format!("{asked}: {}", told(answer)));
    sentence.into_iter().collect()
}

fn reset_forgets(bench: &mut Bench<'_>) -> Seen {
    let Some(&role) = bench.roles().first() else {
        return Seen::not_applicable("nothing is driven");
    };
    let began = bench.begin(role);
    if !bench.succeeded(&began) {
        return Seen::not_applicable(format!("`acquire`: {}", told(&began)));
    }
    bench.reset(role, |_| {});
    let token = (role == Role::Acceptor).then(|| Buffer::new(TOKEN, vec![0; 16]));
    let answer = bench.call(&bench.leg(role, None, token.into_iter().collect()));
    let wrong = not_refused(bench, &answer, "a leg with a credential from before `reset`");
    Seen::unless(&wrong, "a credential from before `reset` is gone")
}

fn never_given(bench: &mut Bench<'_>) -> Seen {
    let mut wrong = Vec::new();
    let garbage = vec![Buffer::new(TOKEN, vec![0; 16])];
    for role in bench.roles() {
        if !bench.succeeded(&bench.begin(role)) {
            continue;
        }
        let query = Request::Query {
            context: NEVER_GIVEN,
            attribute: "sizes".to_owned(),
        };
        for (asked, request) in [
            ("a leg of", bench.leg(role, Some(NEVER_GIVEN), garbage.clone())),
            ("`query` of", query),
            ("`delete` of", Request::Delete { context: NEVER_GIVEN }),
        ] {
            let answer = bench.call(&request);
            wrong.extend(not_refused(
                bench,
                &answer,
                &format!("{asked} a context that was never given"),
            ));
        }
    }
    if bench.roles().is_empty() {
        return Seen::not_applicable("nothing is driven");
    }
    Seen::unless(&wrong, "numbers that were never given are refused")
}

fn stale(bench: &mut Bench<'_>) -> Seen {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for role in bench.roles() {
        let frees = bench
            .drive(role)
            .is_some_and(|drive| drive.operations.iter().any(|name| name == "free-credential"));
        if !frees || !bench.succeeded(&bench.begin(role)) {
            continue;
        }
        tried += 1;
        bench.call(&Request::FreeCredential {
            credential: CREDENTIAL,
        });
        let token = (role == Role::Acceptor).then(|| Buffer::new(TOKEN, vec![0; 16]));
        let answer = bench.call(&bench.leg(role, None, token.into_iter().collect()));
        let native = bench.shows(role, "handles");
        wrong.extend(match &answer {
            Answer::Unsupported(_) if native => Some(format!(
                "hello has `handles` for the {}, and a freed credential was answered `unsupported`",
                role.name()
            )),
            Answer::Outcome(_) if native => None,
            answer => not_refused(bench, answer, "a leg with a freed credential").pop(),
        });
    }
    if tried == 0 {
        return Seen::not_applicable("no role has `free-credential`");
    }
    Seen::unless(&wrong, "freed handles are told from living ones")
}

fn wrong_secret(bench: &mut Bench<'_>) -> Seen {
    if bench.completed(Role::Acceptor).is_none() {
        return Seen::not_applicable("no acceptor that completes with the right password");
    }
    let mut world = World::default();
    if let Some(identity) = &mut world.identity {
        identity.password = Some(Text::from("another password"));
    }
    match bench.play(Role::Acceptor, &world) {
        Some(trace) if bench.completes(Role::Acceptor, &trace) => {
            Seen::fail("the acceptor completes with a wrong password as it does with the right one")
        }
        Some(_) => Seen::pass("a wrong password does not complete"),
        None => Seen::not_applicable("the suite has no plain exchange for the package"),
    }
}
