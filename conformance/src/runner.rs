//! Runs cases against a subject and gathers verdicts.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};

use legwork_engine::ntlm::messages::Challenge;
use rayon::prelude::*;

use crate::{
    check::{self, Finding, Seen, Verdict, severity},
    control::{self, Control},
    edit::plan::Plan,
    protocol::{Hello, Role},
    run::{
        case::Case,
        demand,
        driver::{self, CallerDeviation, Foreign, Seat, Settings},
        portion::{self, Shard},
        spent::Spent,
        trace::{End, Trace},
        world::DEFAULT_CLOCK,
    },
    subject::{
        self, Subject,
        description::Located,
        process::Process,
        reference::{HELLO, Reference},
    },
    suite::Suite,
};

/// The rule about the way a case ends.
const EVERY_CALL_RETURNS: &str = "call/every-call-returns";

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of all randomness that the harness controls.
    pub seed: u64,
    /// The clock that both sides' clocks are ahead of, in 100 ns units since 1601-01-01.
    pub clock: u64,
    /// How long a subject may take to answer.
    pub deadline: Duration,
    /// Keep the traces of cases without a failure or a warning, which are most of what a run holds in memory.
    pub keep_traces: bool,
    /// Ask what each leg cost in processor time and memory.
    pub measure: bool,
    /// The part of the cases that is run; none for all.
    pub shard: Option<Shard>,
    /// Seed of the order in which cases are run; none for the order of the suite.
    pub shuffle: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            clock: DEFAULT_CLOCK,
            deadline: Duration::from_secs(10),
            keep_traces: true,
            measure: false,
            shard: None,
            shuffle: None,
        }
    }
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// Id of the case.
    pub case: String,
    /// The sides that were judged.
    pub judged: Vec<Role>,
    /// Every check.
    pub findings: Vec<Finding>,
    /// The worst verdict.
    pub verdict: Verdict,
    /// What the case needs of the side that is judged and its `hello` does not declare.
    pub undeclared: Vec<String>,
    /// Everything that happened, unless nobody wants to know.
    pub trace: Trace,
    /// The challenge that the acceptor sent of its own will, with its place in the trace.
    challenge: Option<(usize, [u8; 8])>,
}

impl CaseResult {
    /// The key of the case in logs and reports: its id, and the role where only one is judged.
    #[must_use]
    pub fn key(&self) -> String {
        match self.judged.as_slice() {
            [role] => format!("{}@{}", self.case, role.name()),
            _ => self.case.clone(),
        }
    }

    /// The value of it that no other case may have in common with it.
    #[must_use]
    pub fn unique(&self) -> Option<Unique> {
        let judged = self.judged.contains(&Role::Acceptor);
        let (event, challenge) = self.challenge.filter(|_| judged)?;
        Some(Unique {
            rule: CHALLENGE_FRESH,
            side: Role::Acceptor,
            event,
            range: 24..32,
            value: challenge.to_vec(),
        })
    }
}

/// The rule about values that no two cases may have in common.
const CHALLENGE_FRESH: &str = "wire/ntlm/challenge-fresh";

/// A value that no two cases may have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// The rule.
    pub rule: &'static str,
    /// Whose value it is.
    pub side: Role,
    /// The event in the trace.
    pub event: usize,
    /// The bytes of the output token that hold it.
    pub range: Range<usize>,
    /// The value.
    pub value: Vec<u8>,
}

/// What a check says of a value that an earlier case has, too.
#[must_use]
pub fn repeated(earlier: &str) -> String {
    format!("the same challenge as in {earlier}")
}

/// Runs all cases of the reference against itself, both sides judged, in parallel. The order of the results is that
/// of the cases.
#[must_use]
pub fn run_reference(
    suite: &Suite,
    cases: &[Case<'_>],
    options: &Options,
    done: impl Fn(&CaseResult) + Sync,
) -> Vec<CaseResult> {
    let work: Vec<(_, Option<Role>)> = cases.iter().map(|case| (case, None)).collect();
    let results = in_parallel(work, options, |case, _| {
        let result = run_sabotaged(suite, case, options, &Saboteurs::default());
        done(&result);
        result
    });
    across_cases(suite, results)
}

/// What comes of the cases that belong to the options' part, in their order whatever the order of running. A case has
/// a role, or none where the reference plays both.
fn in_parallel<'a, R: Into<Option<Role>> + Copy + Sync>(
    mut work: Vec<(&'a Case<'a>, R)>,
    options: &Options,
    run: impl Fn(&'a Case<'a>, R) -> CaseResult + Sync,
) -> Vec<CaseResult> {
    if let Some(shard) = options.shard {
        work.retain(|(case, role)| shard.has(&case.key((*role).into())));
    }
    let order: Vec<usize> = match options.shuffle {
        Some(seed) => portion::shuffled(work.len(), seed),
        None => (0..work.len()).collect(),
    };
    let one = |at: &usize| {
        let (case, role) = work.get(*at)?;
        Some((*at, kept(run(case, *role), options)))
    };
    let mut results: Vec<(usize, CaseResult)> = order.par_iter().filter_map(one).collect();
    results.sort_unstable_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What is kept of a result.
fn kept(mut result: CaseResult, options: &Options) -> CaseResult {
    if !options.keep_traces && result.verdict < Verdict::Warn {
        result.trace.events = Vec::new();
    }
    result
}

/// Who misbehaves on purpose.
#[derive(Clone, Debug, Default)]
pub struct Saboteurs {
    /// The initiator's deviations; a side with deviations is the only one that is judged.
    pub initiator: Option<Plan>,
    /// The acceptor's deviations.
    pub acceptor: Option<Plan>,
    /// The caller's deviation.
    pub caller: Option<CallerDeviation>,
}

/// Runs a case of the reference against itself, with deviations.
#[must_use]
pub fn run_sabotaged(suite: &Suite, case: &Case<'_>, options: &Options, saboteurs: &Saboteurs) -> CaseResult {
    let mut initiator = Reference::new(saboteurs.initiator.clone().unwrap_or_default());
    let mut acceptor = Reference::new(saboteurs.acceptor.clone().unwrap_or_default());
    let seats = (Seat::Reference(&mut initiator), Seat::Reference(&mut acceptor));
    let sabotaged = |role| match role {
        Role::Initiator => saboteurs.initiator.is_some(),
        Role::Acceptor => saboteurs.acceptor.is_some(),
    };
    let any = sabotaged(Role::Initiator) || sabotaged(Role::Acceptor);
    let judged = |role| case.judges(role) && (!any || sabotaged(role));
    let trace = driver::run(
        case,
        seats.0,
        seats.1,
        settings(suite, case, options, saboteurs.caller),
    );
    let seen = |role| Seen {
        hello: &HELLO,
        name: "reference",
        judged: judged(role),
    };
    conclude(suite, case, trace, seen(Role::Initiator), seen(Role::Acceptor))
}

/// Runs a case with a subject in a role; the reference plays the peer.
#[must_use]
pub fn run_subject(
    suite: &Suite,
    case: &Case<'_>,
    options: &Options,
    subject: &mut Foreign,
    role: Role,
) -> CaseResult {
    let mut reference = Reference::default();
    let mut settings = settings(suite, case, options, None);
    settings.clock = clock_for([subject.subject.hello()], options);
    let trace = match role {
        Role::Initiator => driver::run(
            case,
            Seat::Foreign(&mut *subject),
            Seat::Reference(&mut reference),
            settings,
        ),
        Role::Acceptor => driver::run(
            case,
            Seat::Reference(&mut reference),
            Seat::Foreign(&mut *subject),
            settings,
        ),
    };
    let seen = |side: Role| match side == role {
        true => Seen {
            hello: subject.subject.hello(),
            name: &subject.name,
            judged: case.judges(role),
        },
        false => Seen {
            hello: &HELLO,
            name: "reference",
            judged: false,
        },
    };
    conclude(suite, case, trace, seen(Role::Initiator), seen(Role::Acceptor))
}

/// What came of the cases of a subject.
#[derive(Clone, Debug)]
pub struct ForeignRun {
    /// The subject's own words, with what is steered as it was measured.
    pub hello: Hello,
    /// What is steered of it.
    pub control: Control,
    /// What came of the cases, in their order.
    pub results: Vec<CaseResult>,
    /// Where the time went.
    pub spent: Spent,
}

/// Runs all cases with a subject in the given roles, one child process a worker.
///
/// # Errors
/// The adapter does not start, or does not speak the protocol.
pub fn run_foreign(
    suite: &Suite,
    cases: &[Case<'_>],
    options: &Options,
    located: &Located,
    roles: &[Role],
    done: impl Fn(&CaseResult) + Sync,
) -> Result<ForeignRun, String> {
    let (located, first, control) = control::start(suite, options, located)?;
    let start = || Process::start(located.clone(), options.deadline);
    let foreign = |process: Process| Foreign {
        subject: Box::new(process),
        name: located.description.name.clone(),
        spent: Spent::default(),
    };
    let hello = first.hello().clone();
    let idle = Mutex::new(vec![foreign(first)]);
    let offered = |role: &&Role| {
        let drives = |case: &Case<'_>| subject::drive(&hello, &case.entry.package, **role).is_some();
        cases.iter().any(drives)
    };
    let judged = |role: &Role| {
        let role = *role;
        let cases = cases.iter().filter(move |case| case.judges(role));
        cases.map(move |case| (case, role))
    };
    let work = roles.iter().filter(offered).flat_map(judged).collect();
    let results = in_parallel(work, options, |case, role| {
        let waiting = idle.lock().ok().and_then(|mut idle| idle.pop());
        match waiting.map_or_else(|| start().map(foreign), Ok) {
            Ok(mut subject) => {
                let started = Instant::now();
                let result = run_subject(suite, case, options, &mut subject, role);
                done(&result);
                subject.spent.cases += started.elapsed();
                if let Ok(mut idle) = idle.lock() {
                    idle.push(subject);
                }
                result
            }
            Err(message) => {
                let result = not_started(suite, case, options, role, (&hello, &message));
                done(&result);
                result
            }
        }
    });
    let subjects = idle.into_inner().unwrap_or_default();
    let mut spent = Spent::default();
    subjects.iter().for_each(|subject| spent += subject.spent);
    // Each process has time to end.
    subjects.into_par_iter().for_each(drop);
    Ok(ForeignRun {
        hello,
        control,
        results: across_cases(suite, results),
        spent,
    })
}

/// A case for which no further process of the subject could be started.
fn not_started(
    suite: &Suite,
    case: &Case<'_>,
    options: &Options,
    role: Role,
    (hello, message): (&Hello, &str),
) -> CaseResult {
    let trace = Trace {
        world: case.world.clone(),
        package: case.entry.package.clone(),
        clock: options.clock,
        events: Vec::new(),
        end: End::AdapterFault(role, format!("cannot be started: {message}")),
    };
    let seen = |side| Seen {
        hello,
        name: "",
        judged: side == role,
    };
    conclude(suite, case, trace, seen(Role::Initiator), seen(Role::Acceptor))
}

/// The clock of a case: a subject whose clock cannot be steered has the real one, and its peer has to live at the same
/// time.
pub(crate) fn clock_for<'h>(subjects: impl IntoIterator<Item = &'h Hello>, options: &Options) -> u64 {
    let steered = |hello: &Hello| hello.controls.iter().any(|control| control == "clock");
    match subjects.into_iter().all(steered) {
        true => options.clock,
        false => now(),
    }
}

/// The present time in 100 ns units since 1601-01-01.
fn now() -> u64 {
    const UNIX_EPOCH: u64 = 116_444_736_000_000_000;
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos() / 100)
        .unwrap_or_default()
        .saturating_add(UNIX_EPOCH)
}

pub(crate) fn settings<'a>(
    suite: &'a Suite,
    case: &Case<'_>,
    options: &Options,
    caller: Option<CallerDeviation>,
) -> Settings<'a> {
    let seed = case
        .id
        .bytes()
        .fold(options.seed ^ 0xCBF2_9CE4_8422_2325, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
    Settings {
        mapping: &suite.mapping,
        clock: options.clock,
        seed,
        measure: options.measure,
        caller,
    }
}

/// Judges a trace, and says what the way it ended means.
pub(crate) fn conclude(
    suite: &Suite,
    case: &Case<'_>,
    trace: Trace,
    initiator: Seen<'_>,
    acceptor: Seen<'_>,
) -> CaseResult {
    let mut findings = check::judge(suite, &case.entry.scenario, &trace, initiator, acceptor);
    let judged: Vec<Role> = [(Role::Initiator, initiator), (Role::Acceptor, acceptor)]
        .into_iter()
        .filter(|(_, seen)| seen.judged)
        .map(|(role, _)| role)
        .collect();
    findings.extend(undecided(&trace, &judged, &findings));
    findings.extend(at_the_end(&trace, &judged));
    let verdict = worst(&findings);
    CaseResult {
        case: case.id.clone(),
        judged,
        findings,
        verdict,
        undeclared: undeclared_of(case, [(Role::Initiator, initiator), (Role::Acceptor, acceptor)]),
        challenge: challenge(&trace),
        trace,
    }
}

/// What a case needs of the sides that are judged and is not declared.
fn undeclared_of(case: &Case<'_>, sides: [(Role, Seen<'_>); 2]) -> Vec<String> {
    let judged = sides.into_iter().filter(|(_, seen)| seen.judged);
    judged
        .flat_map(|(role, seen)| demand::undeclared(seen.hello, case, role))
        .collect()
}

/// A peer that is not judged refuses although every check of the judged side passed: one of the two is wrong, and
/// this case cannot say which.
fn undecided(trace: &Trace, judged: &[Role], findings: &[Finding]) -> Option<Finding> {
    let (at, last) = trace.legs().last()?;
    let blamed = findings.iter().any(|finding| finding.verdict >= Verdict::Warn);
    if trace.end != End::Stopped || judged.contains(&last.side) || blamed {
        return None;
    }
    let status = last
        .status()
        .and_then(|status| status.message.clone())
        .unwrap_or_default();
    // Nothing is wrong with a side that does not have what the peer of this case insists on.
    let (verdict, message) = match status.starts_with("peer is incompatible") {
        true => (Verdict::Unsupported, status),
        false => (
            Verdict::HarnessFault,
            format!("undecided: every check passed, and the reference refuses: {status}"),
        ),
    };
    Some(Finding::new(
        EVERY_CALL_RETURNS,
        *judged.first()?,
        verdict,
        Some(at),
        message,
    ))
}

/// What the way a case ended says about the sides that are judged.
fn at_the_end(trace: &Trace, judged: &[Role]) -> Vec<Finding> {
    let (culprit, verdict, message) = match &trace.end {
        End::Done | End::Stopped => (None, Verdict::Pass, String::new()),
        End::Unsupported(role, unsupported) => (Some(*role), Verdict::Unsupported, unsupported.what.clone()),
        End::NotApplicable(message) => (None, Verdict::NotApplicable, message.clone()),
        End::Crash(role, message) => (Some(*role), Verdict::Crash, message.clone()),
        End::Hang(role, message) => (Some(*role), Verdict::Hang, message.clone()),
        End::AdapterFault(role, message) => (Some(*role), Verdict::AdapterFault, message.clone()),
        End::HarnessFault(message) => (None, Verdict::HarnessFault, message.clone()),
    };
    // What is given back at the end comes after the call that went wrong.
    let wrong = trace.events.iter().rposition(|event| event.outcome().is_none());
    let event = wrong.or_else(|| trace.events.len().checked_sub(1));
    let finding = |side: &Role| {
        let others = culprit.is_some_and(|culprit| culprit != *side);
        let verdict = if others { Verdict::HarnessFault } else { verdict };
        Finding::new(EVERY_CALL_RETURNS, *side, verdict, event, message.clone())
    };
    judged.iter().map(finding).collect()
}

/// The worst verdict. A case that could not be played to its end is not green, whatever passed before.
fn worst(findings: &[Finding]) -> Verdict {
    let worst = findings
        .iter()
        .map(|finding| finding.verdict)
        .max()
        .unwrap_or(Verdict::NotApplicable);
    let unfinished = findings
        .iter()
        .filter(|finding| finding.rule == EVERY_CALL_RETURNS)
        .map(|finding| finding.verdict)
        .find(|verdict| matches!(verdict, Verdict::Unsupported | Verdict::NotApplicable));
    match unfinished {
        Some(verdict) if worst == Verdict::Pass => verdict,
        _ => worst,
    }
}

/// The challenge that the acceptor sent of its own will.
fn challenge(trace: &Trace) -> Option<(usize, [u8; 8])> {
    let (at, event) = trace.leg(Role::Acceptor, 0)?;
    let token = event.output().filter(|_| !event.altered_output)?;
    Some((at, Challenge::parse(token).ok()?.server_challenge))
}

/// Adds the checks that need more than one case: challenges of different exchanges differ.
#[must_use]
pub fn across_cases(suite: &Suite, mut results: Vec<CaseResult>) -> Vec<CaseResult> {
    if suite.rule(CHALLENGE_FRESH).is_none() {
        return results;
    }
    let mut seen: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    for result in &mut results {
        let Some(unique) = result.unique() else {
            continue;
        };
        let earlier = seen.insert(unique.value, result.key());
        let verdict = if earlier.is_none() {
            Verdict::Pass
        } else {
            severity(suite, unique.rule)
        };
        let message = earlier.as_deref().map(repeated).unwrap_or_default();
        let finding = Finding::new(unique.rule, unique.side, verdict, Some(unique.event), message);
        result.findings.push(Finding {
            range: Some(unique.range),
            ..finding
        });
        result.verdict = worst(&result.findings);
    }
    results
}
