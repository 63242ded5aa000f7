//! The driver: lets two subjects talk as a scenario says, and writes down what happens. It judges nothing but
//! whether it makes sense to go on.

mod fragments;
mod leg;
mod party;
mod protect;
mod release;
mod steps;
mod vector;

pub(crate) use protect::parts;

use std::time::Instant;

use party::Party;

use crate::{
    edit::Token,
    protocol::{Hello, Request, Role},
    run::{
        case::Case,
        demand::inexpressible,
        layer,
        spent::Spent,
        trace::{Cost, End, Event, Purpose, Trace},
    },
    subject::{Answer, Subject, reference::Reference},
    suite::{
        mapping::{Class, Mapping},
        scenario::{ExchangeStep, Expect, LegStep, Step},
    },
};

/// Room for output tokens, in bytes, where a scenario says nothing.
const ROOM: u32 = 12_288;

/// Calls that a case rarely exceeds.
const EVENTS: usize = 48;

/// Legs after which an exchange is not going to end.
const LONGEST: usize = 16;

/// Numbers that the harness gives to handles.
const CREDENTIAL: u64 = 1;
const CONTEXT: u64 = 1;
const OTHER: u64 = 2;
const NEVER_GIVEN: u64 = 999;

/// How a program that calls a package breaks its part, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerDeviation {
    /// Does not pass a token on.
    DropsToken,
    /// Does not free buffers that a package allocated.
    LeaksBuffers,
    /// Does not delete contexts.
    LeaksContext,
    /// Does not free credentials.
    LeaksCredential,
    /// Sets reserved arguments.
    SetsReserved,
    /// Asks for attributes before the exchange is complete.
    ReadsAttributesEarly,
    /// Passes another context handle than the one it got.
    PassesWrongHandle,
}

impl CallerDeviation {
    /// The deviation of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "drops-token" => Self::DropsToken,
            "leaks-buffers" => Self::LeaksBuffers,
            "leaks-context" => Self::LeaksContext,
            "leaks-credential" => Self::LeaksCredential,
            "sets-reserved" => Self::SetsReserved,
            "reads-attributes-early" => Self::ReadsAttributesEarly,
            "passes-wrong-handle" => Self::PassesWrongHandle,
            _ => return None,
        })
    }
}

/// Who sits on a side.
#[derive(Debug)]
pub enum Seat<'a> {
    /// The reference, which can be made to misbehave.
    Reference(&'a mut Reference),
    /// An implementation under test.
    Foreign(&'a mut Foreign),
}

/// An implementation under test, with its name for the mapping tables.
pub struct Foreign {
    /// The subject.
    pub subject: Box<dyn Subject>,
    /// The name of its mapping table.
    pub name: String,
    /// Time in its calls so far, and that of the cases in which they were made, which is for others to add.
    pub spent: Spent,
}

impl std::fmt::Debug for Foreign {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Foreign({})", self.name)
    }
}

impl Seat<'_> {
    fn subject(&mut self) -> &mut dyn Subject {
        match self {
            Self::Reference(reference) => *reference,
            Self::Foreign(foreign) => &mut *foreign.subject,
        }
    }

    fn hello(&self) -> &Hello {
        match self {
            Self::Reference(reference) => reference.hello(),
            Self::Foreign(foreign) => foreign.subject.hello(),
        }
    }

    /// The name of the mapping table of this subject's exceptions.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Reference(_) => "reference",
            Self::Foreign(foreign) => &foreign.name,
        }
    }
}

/// What is the same for every case of a run.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    /// What native codes mean.
    pub mapping: &'a Mapping,
    /// The clock that both sides' clocks are ahead of.
    pub clock: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Whether to ask what each leg cost.
    pub measure: bool,
    /// How the calling program misbehaves, if it does.
    pub caller: Option<CallerDeviation>,
}

/// Runs a case.
#[must_use]
pub fn run(case: &Case<'_>, initiator: Seat<'_>, acceptor: Seat<'_>, settings: Settings<'_>) -> Trace {
    let trace = Trace {
        world: case.world.clone(),
        package: case.entry.package.clone(),
        clock: settings.clock,
        events: Vec::with_capacity(EVENTS),
        end: End::Done,
    };
    let sides = [
        Party::new(Role::Initiator, &case.entry.package, initiator),
        Party::new(Role::Acceptor, &case.entry.package, acceptor),
    ];
    let mut driver = Driver {
        case,
        sides,
        settings,
        trace,
        under_way: Token::None,
        altered_input: false,
        altered_output: false,
        sent: Vec::new(),
        last_leg: None,
    };
    let played = driver.play();
    let released = driver.release();
    driver.trace.end = match (played, released) {
        (Err(end @ (End::Crash(..) | End::Hang(..) | End::AdapterFault(..))), _) => end,
        (_, Err(end)) | (Err(end), Ok(())) => end,
        (Ok(()), Ok(())) => End::Done,
    };
    driver.trace
}

struct Driver<'a, 's> {
    case: &'a Case<'a>,
    sides: [Party<'s>; 2],
    settings: Settings<'a>,
    trace: Trace,
    under_way: Token,
    altered_input: bool,
    altered_output: bool,
    sent: Vec<Vec<u8>>,
    last_leg: Option<Role>,
}

impl<'s> Driver<'_, 's> {
    fn play(&mut self) -> Result<(), End> {
        self.begin(Role::Initiator)?;
        self.begin(Role::Acceptor)?;
        let steps = &self.case.entry.scenario.steps;
        for step in steps {
            self.step(step)?;
        }
        if self.case.entry.scenario.epilogue
            && self.sides.iter().all(|party| party.complete && !party.deleted)
        {
            self.epilogue()?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), End> {
        match step {
            Step::Legs(count) => (0..*count).try_for_each(|_| {
                let role = self.next_role();
                self.leg(role, &LegStep::default())
            }),
            Step::Exchange(step) => self.exchange(*step),
            Step::Initialize(step) => self.leg(Role::Initiator, step),
            Step::Accept(step) => self.leg(Role::Acceptor, step),
            Step::Fragments(step) => self.fragments(step),
            Step::Change(change) => self.change(change),
            Step::Clock(clock) => self.clock(clock),
            Step::Sign(step) => self.protected(step, false),
            Step::Seal(step) => self.protected(step, true),
            Step::Query(step) => self.query(step),
            Step::Delete(step) => self.delete(step),
            Step::Complete(step) => self.complete(step),
            Step::Transfer(step) => self.transfer(step),
            Step::ReAuthenticate(_) => self.re_authenticate(),
            Step::Acquire(step) => self.acquire_oddly(step),
            Step::Decode(call) => self.decode(call),
            Step::Encode(call) => self.encode(call),
            Step::Derive(call) => self.derive(call),
        }
    }

    fn party(&mut self, role: Role) -> &mut Party<'s> {
        let [initiator, acceptor] = &mut self.sides;
        match role {
            Role::Initiator => initiator,
            Role::Acceptor => acceptor,
        }
    }

    /// The side whose leg is next in an ordinary exchange.
    fn next_role(&self) -> Role {
        self.last_leg.map_or(Role::Initiator, Role::peer)
    }

    /// Legs until both sides are done. Who shows no status gets a last token as well: whether it waits for one is not
    /// known.
    fn exchange(&mut self, step: ExchangeStep) -> Result<(), End> {
        for _ in 0..LONGEST {
            let begins = step.first.unwrap_or(Role::Initiator);
            let role = self.last_leg.map_or(begins, Role::peer);
            let due = self.under_way.bytes().is_some_and(|token| !token.is_empty());
            let waits = due && !self.party(role).shows("status");
            if self.sides.iter().all(|party| party.complete) && !waits {
                return Ok(());
            }
            self.leg(role, &LegStep::default())?;
        }
        Err(End::Stopped)
    }

    /// Makes a call and writes it down. Anything but an outcome ends the case.
    fn call(
        &mut self,
        role: Role,
        purpose: Purpose,
        request: Request,
        expect: Option<Expect>,
    ) -> Result<usize, End> {
        let measure = self.settings.measure;
        let package = &self.case.entry.package;
        let party = self.party(role);
        party.calls = party.calls.wrapping_add(1);
        let layer = party.layer();
        let sent = layer::outgoing(layer, package, &request);
        let started = Instant::now();
        let answer = party.seat.subject().call(&sent);
        let time = started.elapsed();
        if let Seat::Foreign(foreign) = &mut party.seat {
            foreign.spent.subject += time;
        }
        let answer = layer::incoming(layer, package, &sent, answer);
        let measured = measure && matches!(purpose, Purpose::Leg(_));
        let cost = measured.then(|| Cost {
            time,
            usage: party.seat.subject().usage(),
        });
        if answer.outcome().is_some_and(|outcome| outcome.allocated) {
            party.allocated.push(party.calls);
        }
        let end = match &answer {
            Answer::Outcome(outcome) if outcome.status.is_none() && party.owes_status(purpose) => Some(
                End::AdapterFault(role, "the reply has no status, which hello promises".to_owned()),
            ),
            Answer::Outcome(_) => None,
            Answer::Unsupported(unsupported) => Some(End::Unsupported(role, unsupported.clone())),
            Answer::Fault(message) => Some(End::AdapterFault(role, message.clone())),
            Answer::Crash(message) => Some(End::Crash(role, message.clone())),
            Answer::Excess(message) => Some(End::Hang(role, message.clone())),
            Answer::Hang(deadline) => Some(End::Hang(
                role,
                format!("no reply within {} s", deadline.as_secs()),
            )),
        };
        let (altered_input, altered_output) = (self.altered_input, self.altered_output);
        self.trace.events.push(Event {
            side: role,
            purpose,
            request,
            answer,
            cost,
            completed: None,
            expect,
            layer,
            altered_input,
            altered_output,
        });
        match end {
            None => Ok(self.trace.events.len().saturating_sub(1)),
            Some(end) => Err(end),
        }
    }

    fn class(&self, event: usize, role: Role) -> Option<Class> {
        let status = self.trace.events.get(event)?.status()?;
        let [initiator, acceptor] = &self.sides;
        let party = if role == Role::Initiator {
            initiator
        } else {
            acceptor
        };
        self.settings
            .mapping
            .meaning(status, party.seat.name())
            .map(|meaning| meaning.class)
    }

    /// New environment and an ordinary credential for a side, which calls that vectors judge do without.
    fn begin(&mut self, role: Role) -> Result<(), End> {
        let package = self.case.entry.package.clone();
        if self.party(role).drive().is_none() {
            return Err(self
                .party(role)
                .unsupported(&format!("{package} {}", role.name())));
        }
        if self.case.entry.scenario.is_of_vectors() {
            return self.reset(role);
        }
        let layer = self.party(role).layer();
        if !layer::is_spoken(layer) {
            return Err(self.party(role).unsupported(&format!("layer {}", layer.name())));
        }
        self.check_requirements(role)?;
        self.check_accounts(role)?;
        self.check_package_list(role)?;
        self.reset(role)?;
        let identity = self.case.world.credential(role);
        let nobody = role == Role::Initiator && identity.is_none();
        let request = Request::Acquire {
            credential: CREDENTIAL,
            package,
            role,
            identity,
        };
        let event = self.call(role, Purpose::Acquire, request, None)?;
        self.party(role).has_credential = self.class(event, role) != Some(Class::Failure);
        if nobody && !self.party(role).has_credential {
            return self.refused_early(event);
        }
        Ok(())
    }

    fn reset(&mut self, role: Role) -> Result<(), End> {
        let environment = self
            .case
            .world
            .environment(role, self.settings.seed, self.settings.clock);
        self.call(role, Purpose::Reset, Request::Reset { environment }, None)
            .map(|_| ())
    }

    /// Without an identity a package may refuse the credential instead of the first leg: what the scenario expects of
    /// that leg holds for the refusal.
    fn refused_early(&mut self, event: usize) -> Result<(), End> {
        let expect = self.case.entry.scenario.steps.iter().find_map(|step| match step {
            Step::Initialize(step) => step.expect.clone(),
            _ => None,
        });
        if let Some(event) = self.trace.events.get_mut(event) {
            event.expect = expect;
        }
        Err(End::Done)
    }

    /// An acceptor that does not know closed accounts would take them for open ones.
    fn check_accounts(&mut self, role: Role) -> Result<(), End> {
        let closed = self
            .case
            .world
            .accounts
            .iter()
            .any(|account| account.state.is_some());
        if role == Role::Initiator || !closed || self.party(role).controls("account-state") {
            return Ok(());
        }
        Err(self.party(role).unsupported("account-state"))
    }

    /// A list of packages that an interface has no place for makes a case impossible.
    fn check_package_list(&mut self, role: Role) -> Result<(), End> {
        let identity = self.case.world.credential(role);
        let listed = identity.is_some_and(|identity| identity.package_list.is_some());
        if !listed || self.party(role).controls("package-list") {
            return Ok(());
        }
        Err(self.party(role).unsupported("package-list"))
    }

    /// A requirement that an interface cannot express makes a case impossible, unless nothing hangs on it.
    fn check_requirements(&mut self, role: Role) -> Result<(), End> {
        let side = self.case.world.side(role);
        let party = self.party(role);
        match party.drive().map_or(0, |drive| inexpressible(drive, side, role)) {
            0 => Ok(()),
            bits => Err(party.unsupported(&format!("requirements 0x{bits:08x}"))),
        }
    }
}
