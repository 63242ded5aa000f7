//! Whether what a subject draws, and the time it sees, are the harness's. That is measured, never believed.
//!
//! The plain exchange is played three times in each role: twice with the same environment, and once with another seed
//! of the subject alone. Randomness is under control if the first two give the same tokens and the third others,
//! unless nothing was drawn; the clock, if besides it was read, or stands in a token as it was told.
//!
//! It is measured of adapters that say that they steer both by themselves, and of those that are started with the
//! library of `sdk/preload`. Where the library does not bring randomness under control the adapter runs without it: a
//! generator that was seeded when a process began would give the same bytes in every process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    protocol::{Hello, Request, Role, SECOND},
    run::{
        case::{self, Case},
        driver::Foreign,
        spent::Spent,
        trace::End,
    },
    runner::{self, Options},
    subject::{Answer, Subject, control::Counts, description::Located, process::Process},
    suite::Suite,
};

const RANDOMNESS: &str = "randomness";
const CLOCK: &str = "clock";

/// Seconds that the subject's clock is ahead of its peer's, so that its own time in a token can be told from a copy.
const AHEAD: i64 = 7;

/// What the harness steers of a subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Control {
    /// Whether the seed decides what the subject draws.
    pub randomness: bool,
    /// Whether the subject's clock is the one that it is told.
    pub clock: bool,
    /// What the adapter says of it that was seen to be otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_claim: Option<String>,
    /// Why the library, if there was one, is not used, or why nothing could be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

impl Control {
    /// What `hello` says.
    #[must_use]
    pub fn of(hello: &Hello) -> Self {
        let says = |word: &str| hello.controls.iter().any(|control| control == word);
        Self {
            randomness: says(RANDOMNESS),
            clock: says(CLOCK),
            ..Self::default()
        }
    }

    /// The same in words.
    #[must_use]
    pub fn words(&self) -> String {
        let words = match (self.randomness, self.clock) {
            (true, true) => "randomness and clock under control",
            (true, false) => "randomness under control, clock real",
            (false, true) => "randomness real, clock under control",
            (false, false) => "randomness and clock real",
        };
        match &self.remark {
            None => words.to_owned(),
            Some(remark) => format!("{words} ({remark})"),
        }
    }
}

/// Starts a subject in the way that brings most of it under control: that way, a process, and what is under control.
///
/// # Errors
/// The adapter does not start, or does not speak the protocol.
pub fn start(
    suite: &Suite,
    options: &Options,
    located: &Located,
) -> Result<(Located, Process, Control), String> {
    let mut chosen = Located {
        preload: None,
        ..located.clone()
    };
    let mut process = Process::start(chosen.clone(), options.deadline)?;
    process.probe()?;
    let mut control = Control::of(process.hello());
    // Tokens that hold the real time differ whatever is drawn.
    if control.randomness && control.clock {
        let measured = measure(suite, options, &chosen)?;
        control.remark = measured.unseen.map(|why| format!("not measured: {why}"));
        control.broken_claim = measured.differs;
        if control.broken_claim.is_some() {
            control.randomness = false;
            chosen.controls = Some(controls(process.hello(), &control));
        }
    }
    let preload = located.preload.clone().filter(|_| !control.randomness);
    if preload.is_some() {
        match preloaded(suite, options, located, process.hello()) {
            Ok(steered) => {
                control = Control {
                    broken_claim: control.broken_claim,
                    ..steered
                };
                let controls = Some(controls(process.hello(), &control));
                chosen = Located {
                    preload,
                    controls,
                    ..chosen
                };
            }
            Err(why) => control.remark = Some(format!("not preloaded: {why}")),
        }
    }
    if chosen.controls.is_some() {
        process = Process::start(chosen.clone(), options.deadline)?;
    }
    Ok((chosen, process, control))
}

/// The controls of `hello`, with those for randomness and clock as they are.
fn controls(hello: &Hello, control: &Control) -> Vec<String> {
    let others = hello.controls.iter().map(String::as_str);
    let others = others.filter(|word| ![RANDOMNESS, CLOCK].contains(word));
    let steered = [(RANDOMNESS, control.randomness), (CLOCK, control.clock)];
    let steered = steered
        .into_iter()
        .filter(|(_, holds)| *holds)
        .map(|(word, _)| word);
    others.chain(steered).map(str::to_owned).collect()
}

/// What the library brings under control; if that is not the randomness, why.
fn preloaded(suite: &Suite, options: &Options, located: &Located, hello: &Hello) -> Result<Control, String> {
    let both = Control {
        randomness: true,
        clock: true,
        ..Control::default()
    };
    let supposed = Located {
        controls: Some(controls(hello, &both)),
        ..located.clone()
    };
    let measured = measure(suite, options, &supposed)?;
    let follows = match measured.follows {
        true => Ok(()),
        false => Err("another seed gives the same tokens".to_owned()),
    };
    measured.differs.or(measured.unseen).map_or(follows, Err)?;
    let clock = measured.clock || Control::of(hello).clock;
    Ok(Control { clock, ..both })
}

/// What was seen of a subject in all its roles.
#[derive(Default)]
struct Measured {
    /// How the same environment gives other tokens.
    differs: Option<String>,
    /// Why nothing can be told of a role.
    unseen: Option<String>,
    /// Whether another seed gives other tokens wherever something is drawn.
    follows: bool,
    /// Whether the clock is read, or stands in a token as it was told.
    clock: bool,
}

/// Plays the plain exchange of every package and role that is driven, as far as the suite has one.
fn measure(suite: &Suite, options: &Options, located: &Located) -> Result<Measured, String> {
    let bench = Bench {
        suite,
        options,
        name: &located.description.name,
        process: Arc::new(Mutex::new(Process::start(located.clone(), options.deadline)?)),
    };
    let drives = lock(&bench.process).hello().drives.clone();
    let mut measured = Measured {
        follows: true,
        unseen: Some("the suite has no exchange to see it by".to_owned()),
        ..Measured::default()
    };
    for case in case::expand(suite) {
        let plain = |package: &str| case.id == format!("{package}/good/default");
        for drive in drives.iter().filter(|drive| plain(&drive.package)) {
            measured.unseen = None;
            let seen = bench.play_thrice(&case, drive.role);
            measured.add(seen, drive.role);
            if measured.unseen.is_some() {
                return Ok(measured);
            }
        }
    }
    Ok(measured)
}

impl Measured {
    fn add(&mut self, seen: Result<[Exchange; 3], String>, role: Role) {
        let role = role.name();
        let [first, again, other] = match seen {
            Ok(exchanges) => exchanges,
            Err(why) => {
                self.unseen = Some(format!("the plain exchange as {role}: {why}"));
                return;
            }
        };
        if first.tokens != again.tokens && self.differs.is_none() {
            self.differs = Some(format!("the same seed and clock give other tokens as {role}"));
        }
        self.follows &= first.counts.draws == 0 || first.tokens != other.tokens;
        self.clock |= first.counts.clock_reads > 0 || first.shows_clock;
    }
}

/// Where the exchanges are played.
struct Bench<'a> {
    suite: &'a Suite,
    options: &'a Options,
    name: &'a str,
    process: Arc<Mutex<Process>>,
}

/// What a subject did in an exchange.
struct Exchange {
    tokens: Vec<Vec<u8>>,
    counts: Counts,
    /// Whether its clock, as it was told, stands in a token.
    shows_clock: bool,
}

impl Bench<'_> {
    /// The exchange, the same once more, and with another seed; an error says why one shows nothing.
    fn play_thrice(&self, case: &Case<'_>, role: Role) -> Result<[Exchange; 3], String> {
        let mut case = case.clone();
        let (own, peer) = match role {
            Role::Initiator => (&mut case.world.initiator, &mut case.world.acceptor),
            Role::Acceptor => (&mut case.world.acceptor, &mut case.world.initiator),
        };
        own.clock_ahead = AHEAD;
        // An initiator that is told the time does not look at its clock.
        peer.policy.insert("send-timestamp".to_owned(), false.into());
        let first = self.play(&case, role, false)?;
        Ok([
            first,
            self.play(&case, role, false)?,
            self.play(&case, role, true)?,
        ])
    }

    fn play(&self, case: &Case<'_>, role: Role, reseeded: bool) -> Result<Exchange, String> {
        let (hello, before) = {
            let process = lock(&self.process);
            (process.hello().clone(), process.counts().unwrap_or_default())
        };
        let mut foreign = Foreign {
            subject: Box::new(Seat {
                process: Arc::clone(&self.process),
                hello,
                reseeded,
            }),
            name: self.name.to_owned(),
            spent: Spent::default(),
        };
        let trace = runner::run_subject(self.suite, case, self.options, &mut foreign, role).trace;
        if let End::Crash(_, what) | End::Hang(_, what) | End::AdapterFault(_, what) = &trace.end {
            return Err(what.lines().next().unwrap_or_default().to_owned());
        }
        let own = trace.legs().filter(|(_, event)| event.side == role);
        let tokens: Vec<_> = own
            .filter_map(|(_, event)| event.output().map(<[u8]>::to_vec))
            .collect();
        let clock = trace
            .clock
            .saturating_add_signed(AHEAD.saturating_mul(SECOND))
            .to_le_bytes();
        let shows = |token: &Vec<u8>| token.windows(clock.len()).any(|bytes| bytes == clock);
        let after = lock(&self.process).counts().unwrap_or_default();
        let exchange = Exchange {
            shows_clock: tokens.iter().any(shows),
            counts: after.since(before),
            tokens,
        };
        match exchange.tokens.is_empty() {
            true => Err("no tokens".to_owned()),
            false => Ok(exchange),
        }
    }
}

fn lock(process: &Mutex<Process>) -> MutexGuard<'_, Process> {
    process.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The process in an exchange.
struct Seat {
    process: Arc<Mutex<Process>>,
    hello: Hello,
    /// Whether it is told another seed than its peer.
    reseeded: bool,
}

impl Subject for Seat {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn call(&mut self, request: &Request) -> Answer {
        let mut request = request.clone();
        if let Request::Reset { environment } = &mut request
            && self.reseeded
        {
            environment.seed.iter_mut().for_each(|byte| *byte = !*byte);
        }
        lock(&self.process).call(&request)
    }
}
