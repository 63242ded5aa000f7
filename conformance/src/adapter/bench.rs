//! Where an adapter stands while probes are tried on it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    client::{Client, Seat},
    report::Verdict,
    shape,
};
use crate::{
    protocol::{Buffer, Drive, Environment, Hello, Layer, Leg, Request, Role, Status},
    run::{
        case::{self, Case},
        driver::Foreign,
        layer,
        spent::Spent,
        trace::{End, Event, Trace},
        world::{DEFAULT_CLOCK, World},
    },
    runner::{self, Options},
    subject::{Answer, Subject, description::Located, reference::Reference},
    suite::{Suite, mapping::Class},
};

/// The handles that probes use.
pub(super) const CREDENTIAL: u64 = 1;
pub(super) const CONTEXT: u64 = 1;
pub(super) const NEVER_GIVEN: u64 = 999;

/// What a probe saw.
pub(super) struct Seen {
    pub(super) verdict: Verdict,
    pub(super) text: String,
}

impl Seen {
    pub(super) fn pass(text: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, text)
    }

    pub(super) fn warn(text: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, text)
    }

    pub(super) fn fail(text: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, text)
    }

    pub(super) fn not_applicable(text: impl Into<String>) -> Self {
        Self::new(Verdict::NotApplicable, text)
    }

    fn new(verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            verdict,
            text: text.into(),
        }
    }

    /// A failure with the first of the wrongs, or a pass.
    pub(super) fn unless(wrong: &[String], good: impl Into<String>) -> Self {
        match wrong {
            [] => Self::pass(good),
            [one] => Self::fail(one),
            [first, others @ ..] => Self::fail(format!("{first} (and {} more)", others.len())),
        }
    }
}

/// An adapter, running, and what is known of it.
pub(super) struct Bench<'a> {
    pub(super) suite: &'a Suite,
    pub(super) hello: Hello,
    /// The plain exchange in each role that is driven.
    pub(super) smoke: Vec<(Role, Trace)>,
    name: String,
    client: Arc<Mutex<Client>>,
}

impl<'a> Bench<'a> {
    /// Starts the adapter.
    ///
    /// # Errors
    /// It does not start, or its answer to `hello` is none.
    pub(super) fn start(suite: &'a Suite, located: &Located, deadline: Duration) -> Result<Self, String> {
        let mut client = Client::new(located.clone(), deadline);
        let answer = client.start();
        let hello = answer.outcome().and_then(|outcome| outcome.hello.clone());
        let Some(hello) = hello else {
            let wrong = client.remarks.first().map(|remark| remark.text.clone());
            let said = wrong.unwrap_or_else(|| told(&answer));
            return Err(format!("`hello` was not answered: {said}"));
        };
        let mut bench = Self {
            suite,
            hello,
            smoke: Vec::new(),
            name: located.description.name.clone(),
            client: Arc::new(Mutex::new(client)),
        };
        for role in bench.roles() {
            if let Some(trace) = bench.play(role, &World::default()) {
                bench.smoke.push((role, trace));
            }
        }
        Ok(bench)
    }

    pub(super) fn client(&self) -> MutexGuard<'_, Client> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request, which need not be one of the protocol.
    pub(super) fn send(&self, request: Value) -> Answer {
        self.client().send(request)
    }

    pub(super) fn call(&self, request: &Request) -> Answer {
        let role = match request {
            Request::Accept(_) => Role::Acceptor,
            _ => Role::Initiator,
        };
        let (layer, package) = (self.layer(role), self.package(role));
        let sent = layer::outgoing(layer, &package, request);
        layer::incoming(layer, &package, &sent, self.seat().call(&sent))
    }

    fn layer(&self, role: Role) -> Layer {
        self.drive(role).map(|drive| drive.layer).unwrap_or_default()
    }

    fn seat(&self) -> Seat {
        Seat {
            hello: self.hello.clone(),
            client: Arc::clone(&self.client),
        }
    }

    /// The roles that are driven.
    pub(super) fn roles(&self) -> Vec<Role> {
        let driven = |role: &Role| self.hello.drives.iter().any(|drive| drive.role == *role);
        Role::BOTH.into_iter().filter(driven).collect()
    }

    /// What is driven in a role; of several packages the first.
    pub(super) fn drive(&self, role: Role) -> Option<&Drive> {
        self.hello.drives.iter().find(|drive| drive.role == role)
    }

    pub(super) fn shows(&self, role: Role, observable: &str) -> bool {
        let drive = self.drive(role);
        drive.is_some_and(|drive| drive.observables.iter().any(|name| name == observable))
    }

    pub(super) fn controls(&self, name: &str) -> bool {
        self.hello.controls.iter().any(|control| control == name)
    }

    pub(super) fn package(&self, role: Role) -> String {
        self.drive(role)
            .map_or_else(|| "ntlm".to_owned(), |drive| drive.package.clone())
    }

    /// The environment of a side in the default world.
    pub(super) fn environment(role: Role) -> Environment {
        World::default().environment(role, 0, DEFAULT_CLOCK)
    }

    /// `reset` with changes of the environment.
    pub(super) fn reset(&self, role: Role, change: impl FnOnce(&mut Environment)) -> Answer {
        let mut environment = Self::environment(role);
        change(&mut environment);
        self.call(&Request::Reset { environment })
    }

    /// `reset` and an ordinary credential.
    pub(super) fn begin(&self, role: Role) -> Answer {
        let answer = self.reset(role, |_| {});
        match answer {
            Answer::Outcome(_) => self.call(&self.acquire(role)),
            other => other,
        }
    }

    /// An ordinary credential.
    pub(super) fn acquire(&self, role: Role) -> Request {
        acquire(role, &self.package(role))
    }

    /// A leg with a token and the handles as given.
    pub(super) fn leg(&self, role: Role, context: Option<u64>, input: Vec<Buffer>) -> Request {
        let requirements =
            World::default().side(role).requirements & self.drive(role).map_or(0, |drive| drive.requirements);
        let mut request = leg(role, requirements, context, input);
        if let Request::Initialize(leg) | Request::Accept(leg) = &mut request {
            leg.http = layer::http(self.layer(role));
        }
        request
    }

    /// What is due to a role as its first token from the peer, which is the reference, and the context of the
    /// adapter that it is for. An initiator has made its first leg then.
    pub(super) fn first_token(&self, role: Role) -> Result<(Option<u64>, Vec<u8>), Answer> {
        let mut peer = Reference::default();
        let side = role.peer();
        let requirements = World::default().side(side).requirements;
        peer.call(&Request::Reset {
            environment: Self::environment(side),
        });
        peer.call(&acquire(side, &self.package(role)));
        let began = self.begin(role);
        if !self.succeeded(&began) {
            return Err(began);
        }
        if role == Role::Acceptor {
            let token = token_of(&peer.call(&leg(side, requirements, None, Vec::new())));
            return Ok((None, token));
        }
        let answer = self.call(&self.leg(role, None, Vec::new()));
        if !self.succeeded(&answer) {
            return Err(answer);
        }
        let input = vec![Buffer::new(2, token_of(&answer))];
        let token = token_of(&peer.call(&leg(side, requirements, None, input)));
        Ok((Some(CONTEXT), token))
    }

    /// Plays the plain exchange in a role against the reference; nothing if the suite has none for the package.
    pub(super) fn play(&self, role: Role, world: &World) -> Option<Trace> {
        let id = format!("{}/good/default", self.package(role));
        let plain = case::expand(self.suite).into_iter().find(|case| case.id == id)?;
        let case = Case {
            world: world.clone(),
            ..plain
        };
        let mut foreign = Foreign {
            subject: Box::new(self.seat()),
            name: self.name.clone(),
            spent: Spent::default(),
        };
        let options = Options::default();
        Some(runner::run_subject(self.suite, &case, &options, &mut foreign, role).trace)
    }

    /// The plain exchange of a role, if it completed.
    pub(super) fn completed(&self, role: Role) -> Option<&Trace> {
        let played = self.smoke.iter().find(|(played, _)| *played == role);
        played
            .map(|(_, trace)| trace)
            .filter(|trace| self.completes(role, trace))
    }

    /// Whether both sides took the other's last token.
    pub(super) fn completes(&self, role: Role, trace: &Trace) -> bool {
        let last = |side| trace.legs().filter(|(_, event)| event.side == side).last();
        Role::BOTH.into_iter().all(|side| {
            let name = if side == role {
                self.name.as_str()
            } else {
                "reference"
            };
            let silent = side == role && !self.shows(role, "status");
            last(side).is_some_and(|(_, event)| match event.status() {
                Some(status) => {
                    let meaning = self.suite.mapping.meaning(status, name);
                    meaning.is_some_and(|meaning| {
                        matches!(meaning.class, Class::Ok | Class::Complete | Class::Silent)
                    })
                }
                None => silent && event.outcome().is_some(),
            })
        })
    }

    /// How an exchange ended that did not complete.
    pub(super) fn how_it_ended(&self, role: Role, trace: &Trace) -> String {
        match &trace.end {
            End::Unsupported(side, what) if *side == role => {
                format!("`unsupported {}`", what.what)
            }
            End::AdapterFault(_, message) => format!("`fault`: {message}"),
            End::Crash(_, message) => format!("the process died: {message}"),
            End::Hang(_, message) => message.clone(),
            _ => {
                let mut back = trace.events.iter().rev();
                let refusal = back.find_map(|event| self.as_refusal(role, event));
                refusal.unwrap_or_else(|| "every leg was made, and a side still waits for a token".to_owned())
            }
        }
    }

    fn as_refusal(&self, role: Role, event: &Event) -> Option<String> {
        let status = event.status()?;
        let (who, name) = match event.side == role {
            true => ("the adapter's side", self.name.as_str()),
            false => ("the reference", "reference"),
        };
        let meaning = self.suite.mapping.meaning(status, name);
        if meaning
            .as_ref()
            .is_some_and(|meaning| meaning.class != Class::Failure)
        {
            return None;
        }
        let said = status.message.as_deref().unwrap_or("no message");
        let known = meaning.map_or_else(|| "unknown".to_owned(), |meaning| meaning.name);
        Some(format!(
            "{who} says {} {} ({known}): {said}",
            shape::namespace(status),
            status.code
        ))
    }

    /// What a status means; none if no table knows it.
    pub(super) fn class(&self, status: &Status) -> Option<Class> {
        let meaning = self.suite.mapping.meaning(status, &self.name);
        meaning.map(|meaning| meaning.class)
    }

    /// Whether a call was made and did not fail.
    pub(super) fn succeeded(&self, answer: &Answer) -> bool {
        answer.outcome().is_some_and(|outcome| {
            let status = outcome.status.as_ref().and_then(|status| self.class(status));
            outcome.status.is_none() || status.is_some_and(|class| class != Class::Failure)
        })
    }
}

/// An answer that is none of a call: what is wrong with it; nothing for an outcome or `unsupported`.
pub(super) fn unsettled(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Outcome(_) | Answer::Unsupported(_) => None,
        other => Some(told(other)),
    }
}

/// An answer in words.
pub(super) fn told(answer: &Answer) -> String {
    match answer {
        Answer::Outcome(outcome) => match &outcome.status {
            Some(status) => format!("`outcome` with {} {}", shape::namespace(status), status.code),
            None => "`outcome`".to_owned(),
        },
        Answer::Unsupported(unsupported) => format!("`unsupported {}`", unsupported.what),
        Answer::Fault(message) => format!("`fault`: {message}"),
        Answer::Crash(message) => format!("the process died: {message}"),
        Answer::Excess(message) => message.clone(),
        Answer::Hang(deadline) => format!("no reply within {} s", deadline.as_secs()),
    }
}

fn acquire(role: Role, package: &str) -> Request {
    Request::Acquire {
        credential: CREDENTIAL,
        package: package.to_owned(),
        role,
        identity: World::default().identity.filter(|_| role == Role::Initiator),
    }
}

fn leg(role: Role, requirements: u32, context: Option<u64>, input: Vec<Buffer>) -> Request {
    let world = World::default();
    let output = Buffer {
        kind: 2,
        capacity: Some(12_288),
        ..Buffer::default()
    };
    let leg = Leg {
        credential: Some(CREDENTIAL),
        context,
        new_context: CONTEXT,
        requirements,
        target: world.target.filter(|_| role == Role::Initiator),
        input,
        output: vec![output],
        bindings: None,
        data_representation: 16,
        reserved: [0, 0],
        http: None,
    };
    match role {
        Role::Initiator => Request::Initialize(leg),
        Role::Acceptor => Request::Accept(leg),
    }
}

pub(super) fn token_of(answer: &Answer) -> Vec<u8> {
    let buffers = answer.outcome().map_or(&[][..], |outcome| &outcome.buffers);
    crate::run::trace::buffer(buffers, 2).unwrap_or_default().to_vec()
}

/// A request that the types of the protocol cannot express.
pub(super) fn raw(operation: &str, arguments: Value) -> Value {
    let mut request = json!({ "op": operation });
    if let (Some(fields), Value::Object(arguments)) = (request.as_object_mut(), arguments) {
        fields.extend(arguments);
    }
    request
}
