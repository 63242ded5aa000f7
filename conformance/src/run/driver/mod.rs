//! The driver: lets two subjects talk as a scenario says, and writes down what happens. It judges nothing but
//! whether it makes sense to go on.

use crate::{
    protocol::{Buffer, Drive, Form, Leg, Request, Role, Unsupported},
    run::{
        case::Case,
        edit::{self, Token},
        trace::{CHANNEL_BINDINGS, End, Event, Purpose, TOKEN, Trace},
    },
    subject::{Answer, Subject, reference::Reference},
    suite::{
        mapping::{Class, Mapping},
        names,
        scenario::{
            AcquireStep, Change, ClockStep, DeleteStep, Expect, HandleChoice, How, Input, LegStep, QueryStep, Step,
        },
    },
};

mod protect;
pub(crate) use protect::parts;
mod release;

/// Room for output tokens, in bytes, where a scenario says nothing.
const ROOM: u32 = 12_288;

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
    /// How the calling program misbehaves, if it does.
    pub caller: Option<CallerDeviation>,
}

/// Runs a case.
pub fn run(case: &Case<'_>, initiator: Seat<'_>, acceptor: Seat<'_>, settings: Settings<'_>) -> Trace {
    let trace = Trace {
        world: case.world.clone(),
        package: case.entry.package.clone(),
        clock: settings.clock,
        events: Vec::new(),
        end: End::Done,
    };
    let sides = [Party::new(Role::Initiator, initiator), Party::new(Role::Acceptor, acceptor)];
    let mut driver = Driver {
        case,
        sides,
        settings,
        trace,
        under_way: Token::None,
        altered_input: false,
        altered_output: false,
        sent: Vec::new(),
    };
    let end = driver.play().err();
    driver.release();
    driver.trace.end = end.unwrap_or(End::Done);
    driver.trace
}

/// One side while a case runs.
#[derive(Debug)]
struct Party<'a> {
    role: Role,
    seat: Seat<'a>,
    drive: Option<Drive>,
    has_context: bool,
    has_credential: bool,
    complete: bool,
    deleted: bool,
    legs: usize,
    allocated: Vec<u64>,
    calls: u64,
}

impl<'a> Party<'a> {
    fn new(role: Role, seat: Seat<'a>) -> Self {
        Self {
            role,
            seat,
            drive: None,
            has_context: false,
            has_credential: false,
            complete: false,
            deleted: false,
            legs: 0,
            allocated: Vec::new(),
            calls: 0,
        }
    }

    fn needs(&self, operation: &str) -> Result<(), End> {
        match &self.drive {
            Some(drive) if drive.operations.iter().any(|name| name == operation) => Ok(()),
            _ => Err(self.unsupported(operation)),
        }
    }

    fn shows(&self, observable: &str) -> bool {
        self.drive.as_ref().is_some_and(|drive| drive.observables.iter().any(|name| name == observable))
    }

    fn form(&self, detached: bool) -> Form {
        let forms = self.drive.as_ref().map(|drive| drive.forms.as_slice()).unwrap_or_default();
        match (forms.contains(&Form::Buffers), detached) {
            (true, _) => Form::Buffers,
            (false, true) => Form::Detached,
            (false, false) => Form::Whole,
        }
    }

    fn unsupported(&self, what: &str) -> End {
        End::Unsupported(self.role, Unsupported { what: what.to_owned(), link: None })
    }
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
}

impl<'s> Driver<'_, 's> {
    fn play(&mut self) -> Result<(), End> {
        self.begin(Role::Initiator)?;
        self.begin(Role::Acceptor)?;
        let steps = &self.case.entry.scenario.steps;
        for step in steps {
            self.step(step)?;
        }
        if self.case.entry.scenario.epilogue && self.sides.iter().all(|party| party.complete && !party.deleted) {
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
            Step::Initialize(step) => self.leg(Role::Initiator, step),
            Step::Accept(step) => self.leg(Role::Acceptor, step),
            Step::Change(change) => self.change(change),
            Step::Clock(clock) => self.clock(clock),
            Step::Sign(step) => self.protected(step, false),
            Step::Seal(step) => self.protected(step, true),
            Step::Query(step) => self.query(step),
            Step::Delete(step) => self.delete(step),
            Step::Acquire(step) => self.acquire_oddly(step),
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
        let [initiator, acceptor] = &self.sides;
        if initiator.legs > acceptor.legs { Role::Acceptor } else { Role::Initiator }
    }

    /// Makes a call and writes it down. Anything but an outcome ends the case.
    fn call(&mut self, role: Role, purpose: Purpose, request: Request, expect: Option<Expect>) -> Result<usize, End> {
        let party = self.party(role);
        party.calls = party.calls.wrapping_add(1);
        let answer = party.seat.subject().call(&request);
        let end = match &answer {
            Answer::Outcome(_) => None,
            Answer::Unsupported(unsupported) => Some(End::Unsupported(role, unsupported.clone())),
            Answer::Fault(message) => Some(End::AdapterFault(role, message.clone())),
            Answer::Crash(message) => Some(End::Crash(role, message.clone())),
            Answer::Hang(deadline) => Some(End::Hang(role, format!("no reply within {} s", deadline.as_secs()))),
        };
        let (altered_input, altered_output) = (self.altered_input, self.altered_output);
        self.trace.events.push(Event {
            side: role,
            purpose,
            request,
            answer,
            completed: None,
            expect,
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
        let party = if role == Role::Initiator { initiator } else { acceptor };
        self.settings.mapping.meaning(status, party.seat.name()).map(|meaning| meaning.class)
    }

    /// New environment and an ordinary credential for a side.
    fn begin(&mut self, role: Role) -> Result<(), End> {
        let package = self.case.entry.package.clone();
        let drive = crate::subject::drive(self.party(role).seat.subject().hello(), &package, role).cloned();
        self.party(role).drive = drive;
        if self.party(role).drive.is_none() {
            return Err(self.party(role).unsupported(&format!("{package} {}", role.name())));
        }
        self.check_requirements(role)?;
        let environment = self.case.world.environment(role, self.settings.seed, self.settings.clock);
        self.call(role, Purpose::Reset, Request::Reset { environment }, None)?;
        let identity = match role {
            Role::Initiator => self.case.world.identity.clone(),
            Role::Acceptor => None,
        };
        let request = Request::Acquire { credential: CREDENTIAL, package, role, identity };
        let event = self.call(role, Purpose::Acquire, request, None)?;
        self.party(role).has_credential = self.class(event, role) != Some(Class::Failure);
        Ok(())
    }

    /// A requirement that an interface cannot express makes a case impossible, unless nothing hangs on it.
    fn check_requirements(&mut self, role: Role) -> Result<(), End> {
        let connection = names::requirement(role, "connection").unwrap_or_default();
        let wanted = self.case.world.side(role).requirements & !connection;
        let expressible = self.party(role).drive.as_ref().map_or(0, |drive| drive.requirements);
        if wanted & !expressible == 0 {
            return Ok(());
        }
        Err(self.party(role).unsupported(&format!("requirements 0x{:08x}", wanted & !expressible)))
    }

    fn leg(&mut self, role: Role, step: &LegStep) -> Result<(), End> {
        let expect = step.expect.clone().or_else(|| self.case.expect(step.expect_from.as_deref()?).cloned());
        self.prepare_handle(role, step.handle)?;
        let leg = self.arguments(role, step)?;
        let number = self.party(role).legs;
        let request = match role {
            Role::Initiator => Request::Initialize(leg),
            Role::Acceptor => Request::Accept(leg),
        };
        let expected = expect.is_some();
        let event = self.call(role, Purpose::Leg(number), request, expect)?;
        (self.altered_input, self.altered_output) = (false, false);
        self.party(role).legs = number.saturating_add(1);
        self.forget_next(role)?;
        self.complete_auth_token(role, event)?;
        self.after_leg(role, event, expected)
    }

    /// Takes back the edits of a token that is made now. An edit that did not take effect is the harness's fault.
    fn forget_next(&mut self, role: Role) -> Result<(), End> {
        let Seat::Reference(reference) = &mut self.party(role).seat else { return Ok(()) };
        let mut left = 0;
        reference.plan(|plan| {
            left = plan.unapplied();
            plan.set_next(None, &[]);
        });
        if left == 0 { Ok(()) } else { Err(End::HarnessFault(format!("{left} edits did not take effect"))) }
    }

    /// Calls CompleteAuthToken if the status asks for it.
    fn complete_auth_token(&mut self, role: Role, event: usize) -> Result<(), End> {
        if !matches!(self.class(event, role), Some(Class::Complete | Class::CompleteAndContinue)) {
            return Ok(());
        }
        let buffers = self.trace.events.get(event).and_then(Event::outcome).map(|outcome| outcome.buffers.clone());
        let request = Request::Complete { context: CONTEXT, buffers: buffers.unwrap_or_default() };
        let completing = self.call(role, Purpose::Step, request, None)?;
        let answer = self.trace.events.get(completing).map(|event| event.answer.clone());
        self.trace.events.truncate(completing);
        if let Some(event) = self.trace.events.get_mut(event) {
            event.completed = answer;
        }
        Ok(())
    }

    /// Takes the token on its way, frees what was allocated, and decides whether to go on.
    fn after_leg(&mut self, role: Role, event: usize, expected: bool) -> Result<(), End> {
        let class = self.class(event, role);
        let done = self.trace.events.get(event);
        self.under_way = done.and_then(Event::output).map_or(Token::None, |token| Token::Bytes(token.to_vec()));
        let allocated = done.and_then(Event::outcome).is_some_and(|outcome| outcome.allocated);
        self.sent.push(self.under_way.bytes().unwrap_or_default().to_vec());
        if self.settings.caller == Some(CallerDeviation::DropsToken) && role == Role::Initiator {
            self.under_way = Token::None;
        }
        let calls = self.party(role).calls;
        if allocated {
            self.party(role).allocated.push(calls);
        }
        let continues = matches!(class, Some(Class::Continue | Class::CompleteAndContinue));
        let completes = matches!(class, Some(Class::Ok | Class::Complete));
        self.party(role).has_context |= continues || completes;
        self.party(role).complete = completes;
        if self.settings.caller == Some(CallerDeviation::ReadsAttributesEarly) && continues {
            self.query_attribute(role, "session-key", Purpose::Query, None)?;
        }
        if continues || completes || expected { Ok(()) } else { Err(End::Stopped) }
    }

    fn arguments(&mut self, role: Role, step: &LegStep) -> Result<Leg, End> {
        let side = self.case.world.side(role).clone();
        let token = self.input(role, step)?;
        let mut input: Vec<Buffer> = token.into_iter().map(|bytes| buffer(TOKEN, bytes)).collect();
        if let Some(data) = &side.bindings {
            input.push(buffer(CHANNEL_BINDINGS, channel_bindings(data)));
        }
        let allocate = names::requirement(role, "allocate-memory").is_some_and(|bit| side.requirements & bit != 0);
        let capacity = step.capacity.or((!allocate).then_some(ROOM));
        let output = Buffer { kind: TOKEN, capacity, ..Buffer::default() };
        let target = self.case.world.target.clone();
        let caller = self.settings.caller;
        let party = self.party(role);
        let expressible = party.drive.as_ref().map_or(0, |drive| drive.requirements);
        let (context, credential) = handles(party, step.handle, caller);
        Ok(Leg {
            credential: Some(credential),
            context,
            new_context: CONTEXT,
            requirements: side.requirements & expressible,
            target: target.filter(|_| role == Role::Initiator),
            input,
            output: if step.no_output_buffer { Vec::new() } else { vec![output] },
            bindings: side.bindings,
            data_representation: step.data_representation.unwrap_or(16),
            reserved: [u32::from(caller == Some(CallerDeviation::SetsReserved)), 0],
        })
    }

    /// The token to pass in.
    fn input(&mut self, role: Role, step: &LegStep) -> Result<Option<Vec<u8>>, End> {
        self.altered_input |= step.input.is_some();
        let fault = |message: String| Err(End::HarnessFault(message));
        match &step.input {
            None if role == Role::Initiator && self.party(role).legs == 0 => Ok(None),
            None => Ok(self.under_way.bytes().map(<[u8]>::to_vec)),
            Some(Input::None) => Ok(None),
            Some(Input::Empty) => Ok(Some(Vec::new())),
            Some(Input::Hex(text)) => match hex::decode(text) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) => fault(format!("input is no hex: {error}")),
            },
            Some(Input::Vector(id)) => match vector(id) {
                Some(bytes) => Ok(Some(bytes)),
                None => fault(format!("no vector `{id}` with bytes")),
            },
            Some(Input::Replay(number)) => match self.sent.get(*number) {
                Some(bytes) => Ok(Some(bytes.clone())),
                None => fault(format!("no token number {number} yet")),
            },
        }
    }

    /// Makes the handle stale that a step wants stale.
    fn prepare_handle(&mut self, role: Role, choice: Option<HandleChoice>) -> Result<(), End> {
        if choice.is_some() && !self.party(role).shows("handles") {
            return Err(self.party(role).unsupported("handles"));
        }
        match choice {
            Some(HandleChoice::StaleContext) if !self.party(role).deleted => {
                if !self.party(role).has_context {
                    return Err(End::HarnessFault("no context to delete".to_owned()));
                }
                self.party(role).deleted = true;
                self.call(role, Purpose::Release, Request::Delete { context: CONTEXT }, None)?;
            }
            Some(HandleChoice::StaleCredential) if self.party(role).has_credential => {
                self.party(role).has_credential = false;
                self.call(role, Purpose::Release, Request::FreeCredential { credential: CREDENTIAL }, None)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn change(&mut self, change: &Change) -> Result<(), End> {
        let edits = match &change.edits_from {
            Some(axis) => self.case.edits(axis),
            None => &change.edits,
        };
        match change.how {
            How::InTransit => {
                let changed = edit::in_transit(&self.under_way, edits);
                let changed = changed.map_err(|error| End::HarnessFault(error.to_string()))?;
                if !edits.is_empty() && changed == self.under_way {
                    return Err(End::HarnessFault("the edits change nothing".to_owned()));
                }
                self.under_way = changed;
                self.altered_input |= !edits.is_empty();
            }
            How::AsSent => {
                let role = self.next_role();
                self.altered_output |= !edits.is_empty();
                match &mut self.party(role).seat {
                    Seat::Reference(reference) => reference.plan(|plan| plan.set_next(change.token.as_deref(), edits)),
                    Seat::Foreign(_) => {
                        let message = "a subject cannot be made to send another token";
                        return Err(End::NotApplicable(message.to_owned()));
                    }
                }
            }
        }
        Ok(())
    }

    fn clock(&mut self, step: &ClockStep) -> Result<(), End> {
        match &mut self.party(step.of).seat {
            Seat::Reference(reference) => {
                reference.move_clock(step.seconds);
                Ok(())
            }
            Seat::Foreign(_) => Err(self.party(step.of).unsupported("clock")),
        }
    }

    fn query(&mut self, step: &QueryStep) -> Result<(), End> {
        self.prepare_handle(step.of, step.handle)?;
        let context = match step.handle {
            Some(HandleChoice::ForeignContext) => NEVER_GIVEN,
            _ => CONTEXT,
        };
        self.party(step.of).needs("query")?;
        let request = Request::Query { context, attribute: step.attribute.clone() };
        self.call(step.of, Purpose::Query, request, step.expect.clone()).map(|_| ())
    }

    fn query_attribute(
        &mut self,
        role: Role,
        attribute: &str,
        purpose: Purpose,
        expect: Option<Expect>,
    ) -> Result<(), End> {
        let request = Request::Query { context: CONTEXT, attribute: attribute.to_owned() };
        self.call(role, purpose, request, expect).map(|_| ())
    }

    fn delete(&mut self, step: &DeleteStep) -> Result<(), End> {
        self.prepare_handle(step.of, step.handle)?;
        let context = match step.handle {
            Some(HandleChoice::ForeignContext) => NEVER_GIVEN,
            _ => CONTEXT,
        };
        self.party(step.of).needs("delete")?;
        if context == CONTEXT {
            self.party(step.of).deleted = true;
        }
        self.call(step.of, Purpose::Step, Request::Delete { context }, step.expect.clone()).map(|_| ())
    }

    fn acquire_oddly(&mut self, step: &AcquireStep) -> Result<(), End> {
        let package = step.package.clone().unwrap_or_else(|| self.case.entry.package.clone());
        let identity = self.case.world.identity.clone();
        let request = Request::Acquire { credential: OTHER, package, role: step.of, identity };
        self.call(step.of, Purpose::Step, request, step.expect.clone()).map(|_| ())
    }
}

/// The context and credential handles of a leg.
fn handles(party: &Party<'_>, choice: Option<HandleChoice>, caller: Option<CallerDeviation>) -> (Option<u64>, u64) {
    let own = party.has_context.then_some(CONTEXT);
    let own = match (own, caller) {
        (Some(_), Some(CallerDeviation::PassesWrongHandle)) => Some(OTHER),
        (own, _) => own,
    };
    match choice {
        None => (own, CREDENTIAL),
        Some(HandleChoice::StaleContext) => (Some(CONTEXT), CREDENTIAL),
        Some(HandleChoice::ForeignContext) => (Some(NEVER_GIVEN), CREDENTIAL),
        Some(HandleChoice::StaleCredential) => (own, CREDENTIAL),
        Some(HandleChoice::ForeignCredential) => (own, NEVER_GIVEN),
    }
}

fn buffer(kind: u32, bytes: Vec<u8>) -> Buffer {
    Buffer { kind, bytes, ..Buffer::default() }
}

/// SEC_CHANNEL_BINDINGS without addresses.
fn channel_bindings(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let header = [0, 0, 0, 0, 0, 0, length, 32];
    let mut bytes: Vec<u8> = header.iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    bytes.extend_from_slice(data);
    bytes
}

fn vector(id: &str) -> Option<Vec<u8>> {
    let mut vectors = legwork_vectors::all().ok()?;
    vectors.find(|(_, vector)| vector.id == id).and_then(|(_, vector)| hex::decode(vector.bytes?).ok())
}
