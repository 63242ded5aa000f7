//! Every oracle can fail: an engine with one deliberate deviation is noticed, from the seeds alone or by a short script.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    environment::Environment,
    sabotage::{Deviation, Sabotage},
};
use legwork_fuzz::{
    oracle::{
        mutated_exchange::{Mutation, completes_between},
        negotiate,
        protection::{Script, Step, check_in},
        world::Pair,
    },
    seeds,
};

fn sabotage(environment: &mut Environment, deviation: Deviation) {
    environment.sabotage = Sabotage {
        deviation: Some(deviation),
        ..Sabotage::default()
    };
}

/// Whether initiator and acceptor deviate: what both do alike shows only where one of them does it.
const WHO: [[bool; 2]; 2] = [[true, true], [true, false]];

fn sabotage_those(pair: &mut Pair, [initiator, acceptor]: [bool; 2], deviation: Deviation) {
    if initiator {
        sabotage(pair.initiator.environment(), deviation);
    }
    if acceptor {
        sabotage(pair.acceptor.environment(), deviation);
    }
}

/// Whether something panics; what it says is not shown.
fn fails(work: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(work)).is_err()
}

static HOOK: Mutex<()> = Mutex::new(());

/// Those of the deviations that `notices` does not notice.
fn unnoticed(deviations: &[&str], notices: impl Fn(Deviation) -> bool) -> Vec<String> {
    // There is one hook for all tests.
    let _turn = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let missed = deviations
        .iter()
        .filter(|name| !notices(Deviation::from_name(name).unwrap()))
        .map(|name| (*name).to_owned())
        .collect();
    panic::set_hook(hook);
    missed
}

const OF_EXCHANGES: &[&str] = &[
    "first-leg-reports-ok",
    "second-leg-reports-continue",
    "undocumented-status",
    "confidentiality-not-reported",
    "integrity-not-reported",
    "replay-detect-not-reported",
    "sequence-detect-not-reported",
    "confidentiality-always-reported",
    "delegate-reported",
    "mutual-auth-reported",
    "weak-encryption-tolerated",
    "refuses-every-proof",
    "skip-proof-verification",
    "anonymous-tolerated",
    "null-session-refused",
    "null-session-not-reported",
    "datagram-begins",
    "datagram-not-required",
    "datagram-refused",
    "datagram-not-reported",
    "sends-version-one",
    "compatibility-level-ignored",
    "unproven-is-protected",
    "nobody-is-protected",
    "closed-account-tolerated",
    "skip-mic-verification",
    "skip-bindings-verification",
    "absent-bindings-tolerated",
    "allow-missing-bindings-ignored",
    "session-key-not-exported",
    "flags-forgotten",
    "refuses-to-protect",
    "refuses-genuine-messages",
    "unnegotiated-protection-tolerated",
];

#[test]
fn deviations_of_exchanges_are_noticed_from_the_seeds() {
    let mutations: Vec<Mutation> = seeds::of("ntlm_mutated_exchange")
        .iter()
        .map(|seed| Mutation::arbitrary(&mut Unstructured::new(&seed.bytes)).unwrap())
        .collect();
    let missed = unnoticed(OF_EXCHANGES, |deviation| {
        mutations.iter().any(|mutation| {
            fails(|| {
                let mut pair = Pair::new(mutation.choices.clone());
                sabotage(pair.initiator.environment(), deviation);
                sabotage(pair.acceptor.environment(), deviation);
                let _ = completes_between(&mut pair, mutation);
            })
        })
    });
    assert_eq!(missed, Vec::<String>::new());
}

const OF_PROTECTION: &[&str] = &[
    "datagram-counted",
    "seals-read-only",
    "refuses-to-protect",
    "signature-version-two",
    "stream-for-each-direction",
    "refuses-genuine-messages",
    "skip-signature-verification",
    "skip-seal-verification",
    "skip-sequence-verification",
    "gap-tolerated",
    "unnegotiated-protection-tolerated",
];

/// Messages each way, sealed and signed, one of them in parts, in turn and out of turn, replayed, overtaken, changed,
/// and under other numbers.
fn steps() -> Vec<Step> {
    let send = |by_initiator, sealed, number| Step::Send {
        by_initiator,
        sealed,
        message: [0x5A; 24],
        length: 20,
        cut: 9,
        read_only: number % 2 == 1,
        number,
    };
    let receive = |by_initiator, flipped, off| Step::Receive {
        by_initiator,
        flipped,
        off,
    };
    let mut steps = Vec::new();
    for sealed in [true, false] {
        steps.extend([
            send(true, sealed, 5),
            receive(false, Some(228), 0),
            receive(false, None, 1),
            receive(false, None, 0),
            Step::Replay { by_initiator: false },
            send(false, sealed, 2),
            receive(true, None, 0),
            send(true, sealed, 7),
            send(true, sealed, 8),
            Step::Overtake { by_initiator: false },
            receive(false, None, 0),
            receive(false, None, 0),
            send(true, sealed, 1),
            send(false, sealed, 1),
            receive(true, None, 0),
            receive(false, None, 0),
        ]);
    }
    steps
}

/// Every set of: extended session security, key exchange, datagrams, signing, sealing.
fn scripts() -> impl Iterator<Item = Script> {
    (0..32_u32).map(|set| {
        let bits = [0x0008_0000, 0x4000_0000, 0x40, 0x10, 0x20];
        let chosen = bits.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1);
        Script {
            flags: chosen.map(|(_, bit)| bit).sum(),
            key: [7; 16],
            steps: steps(),
        }
    })
}

#[test]
fn the_short_script_passes_without_a_deviation() {
    for script in scripts() {
        check_in(&script, Environment::seeded(0));
    }
}

#[test]
fn deviations_of_protection_are_noticed_by_a_short_script() {
    let missed = unnoticed(OF_PROTECTION, |deviation| {
        scripts().any(|script| {
            let mut environment = Environment::seeded(0);
            sabotage(&mut environment, deviation);
            fails(|| check_in(&script, environment))
        })
    });
    assert_eq!(missed, Vec::<String>::new());
}

const OF_NEGOTIATE: &[&str] = &[
    "first-leg-reports-ok",
    "refuses-every-proof",
    "skip-proof-verification",
    "skip-mic-verification",
    "skip-bindings-verification",
    "closed-account-tolerated",
    "final-leg-emits-token",
    "confidentiality-not-reported",
    "refuses-to-protect",
    "long-length-refused",
    "extensions-refused",
    "hints-read-as-code",
    "empty-list-tolerated",
    "unknown-mechanisms-refused",
    "target-not-looked-at",
    "no-integrity-ignored",
    "unoffered-mechanism-tolerated",
    "downgrade-tolerated",
    "reject-ignored",
    "request-mic-ignored",
    "state-out-of-turn-tolerated",
    "early-completion-tolerated",
    "mech-list-mic-not-compared",
    "mech-list-mic-over-content",
    "missing-mech-list-mic-tolerated",
    "mech-list-mic-omitted",
    "mech-list-mic-not-returned",
    "stream-runs-on-behind-mech-list",
    "sequence-reset-behind-mech-list",
    "request-mic-not-sent",
    "optimistic-token-ignored",
    "wrong-guess-read",
    "chooses-unoffered",
    "supported-mech-omitted",
    "supported-mech-repeated",
    "hint-refused",
    "unwrapped-refused",
    "reauthentication-refused",
    "negotiation-never-complete",
    "fragment-refused",
    "fragments-forgotten",
    "fragment-answered",
    "fragment-completes",
];

#[test]
fn deviations_of_negotiate_are_noticed_from_the_seeds() {
    let mutations = seeds::mutations();
    let missed = unnoticed(OF_NEGOTIATE, |deviation| {
        mutations.iter().any(|mutation| {
            WHO.iter().any(|who| {
                fails(|| {
                    let mut pair = mutation.choices.pair();
                    sabotage_those(&mut pair, *who, deviation);
                    let _ = negotiate::mutated_exchange::completes_between(&mut pair, mutation);
                })
            })
        })
    });
    assert_eq!(missed, Vec::<String>::new());
}

const BEHIND_CODES: &[&str] = &[
    "stream-runs-on-behind-mech-list",
    "sequence-reset-behind-mech-list",
    "mech-list-mic-over-content",
    "skip-sequence-verification",
    "gap-tolerated",
    "skip-signature-verification",
    "skip-seal-verification",
    "stream-for-each-direction",
];

/// A message each way, then out of turn, changed and once more.
fn steps_behind_codes() -> Vec<negotiate::protection::Step> {
    use negotiate::protection::Step;
    let mut steps = Vec::new();
    for sealed in [true, false, true] {
        for by_initiator in [true, false] {
            let send = |length| Step::Send {
                by_initiator,
                sealed,
                length,
            };
            let at = !by_initiator;
            let receive = |flipped| Step::Receive {
                by_initiator: at,
                flipped,
            };
            steps.extend([send(20), send(9), Step::Overtake { by_initiator: at }]);
            steps.extend([
                receive(Some(11)),
                receive(None),
                Step::Replay { by_initiator: at },
            ]);
            steps.push(receive(None));
        }
    }
    steps
}

fn scripts_behind_codes() -> impl Iterator<Item = negotiate::protection::Script> {
    (0..128_u8).flat_map(|kind| {
        let pairs = [[0, 0], [1, 1], [2, 0], [0, 3], [3, 3]];
        pairs.map(|codes| negotiate::protection::Script {
            kind,
            codes,
            steps: steps_behind_codes(),
        })
    })
}

#[test]
fn the_script_behind_codes_passes_without_a_deviation() {
    scripts_behind_codes().for_each(|script| negotiate::protection::check(&script));
}

#[test]
fn deviations_behind_codes_are_noticed_by_a_short_script() {
    let missed = unnoticed(BEHIND_CODES, |deviation| {
        scripts_behind_codes().any(|script| {
            WHO.iter().any(|who| {
                fails(|| {
                    let change = |pair: &mut Pair| sabotage_those(pair, *who, deviation);
                    negotiate::protection::check_in(&script, change);
                })
            })
        })
    });
    assert_eq!(missed, Vec::<String>::new());
}
