//! One leg: its arguments, and what happens to its token.

use super::{CONTEXT, CREDENTIAL, CallerDeviation, Driver, OTHER, ROOM, Seat, party::handles};
use crate::{
    edit::Token,
    protocol::{Buffer, Leg, Request, Role},
    run::{
        layer,
        trace::{self, CHANNEL_BINDINGS, End, Event, Purpose, TOKEN},
        when,
    },
    suite::{
        mapping::Class,
        names,
        scenario::{Expect, HandleChoice, Input, LegStep},
        vectors,
    },
};

impl Driver<'_, '_> {
    pub(super) fn leg(&mut self, role: Role, step: &LegStep) -> Result<(), End> {
        if self.nothing_due(role, step) {
            self.last_leg = Some(role);
            return Ok(());
        }
        self.prepare_handle(role, step.handle)?;
        let odd_output = step.capacity.is_some() || step.no_output_buffer;
        if odd_output && !self.party(role).shows("buffers") {
            return Err(self.party(role).unsupported("buffers"));
        }
        self.party(role).needs(if role == Role::Initiator {
            "initialize"
        } else {
            "accept"
        })?;
        let leg = self.arguments(role, step)?;
        let number = self.party(role).legs;
        let conditional = || self.first_expected(role, number, &leg, &step.expect_first);
        let expect = step
            .expect
            .clone()
            .or_else(|| self.case.expect(step.expect_from.as_deref()?).cloned())
            .or_else(conditional);
        let request = match role {
            Role::Initiator => Request::Initialize(leg),
            Role::Acceptor => Request::Accept(leg),
        };
        let expected = expect.is_some();
        let event = self.call(role, Purpose::Leg(number), request, expect)?;
        (self.altered_input, self.altered_output) = (false, false);
        self.party(role).legs = number.saturating_add(1);
        self.last_leg = Some(role);
        let left = self.forget_next(role);
        self.complete_auth_token(role, event)?;
        self.after_leg(role, event, expected)?;
        // A leg that fails makes no token for edits to change.
        if left > 0 && self.class(event, role) != Some(Class::Failure) {
            let message = format!("{left} edits did not take effect");
            // What another implementation has sent may lead to a token that lacks what is to be edited.
            return Err(match self.party(role.peer()).seat {
                Seat::Reference(_) => End::HarnessFault(message),
                Seat::Foreign(_) => self.party(role.peer()).unsupported(&message),
            });
        }
        Ok(())
    }

    /// Whether a side is complete, no token waits for it, and the step does not say itself what to pass in: an exchange
    /// without wrapper ends earlier than the same one within.
    fn nothing_due(&mut self, role: Role, step: &LegStep) -> bool {
        let plain = step.input.is_none() && step.handle.is_none();
        let waits = self.under_way.bytes().is_some_and(|token| !token.is_empty());
        plain && !waits && !self.altered_input && self.party(role).complete
    }

    /// The expectation of a list whose condition holds for the token that goes in.
    fn first_expected(&self, role: Role, number: usize, leg: &Leg, list: &[Expect]) -> Option<Expect> {
        let passed = trace::buffer(&leg.input, TOKEN).unwrap_or_default();
        let sent = self.sent.last().map_or(&[][..], Vec::as_slice);
        let seen = when::Seen::leg(&self.trace, (role, number), passed, sent);
        when::first(list, &seen).cloned()
    }

    /// Takes back the edits of a token that is made now; returns how many did not take effect.
    pub(super) fn forget_next(&mut self, role: Role) -> usize {
        let Seat::Reference(reference) = &mut self.party(role).seat else {
            return 0;
        };
        let mut left = 0;
        reference.plan(|plan| {
            left = plan.unapplied();
            plan.set_next(None, &[]);
        });
        left
    }

    /// Calls CompleteAuthToken if the status asks for it.
    pub(super) fn complete_auth_token(&mut self, role: Role, event: usize) -> Result<(), End> {
        if !matches!(
            self.class(event, role),
            Some(Class::Complete | Class::CompleteAndContinue)
        ) {
            return Ok(());
        }
        let buffers = self
            .trace
            .events
            .get(event)
            .and_then(Event::outcome)
            .map(|outcome| outcome.buffers.clone());
        let request = Request::Complete {
            context: CONTEXT,
            buffers: buffers.unwrap_or_default(),
        };
        let completing = self.call(role, Purpose::Step, request, None)?;
        let answer = self
            .trace
            .events
            .get(completing)
            .map(|event| event.answer.clone());
        self.trace.events.truncate(completing);
        if let Some(event) = self.trace.events.get_mut(event) {
            event.completed = answer;
        }
        Ok(())
    }

    /// Takes the token on its way, frees what was allocated, and decides whether to go on.
    pub(super) fn after_leg(&mut self, role: Role, event: usize, expected: bool) -> Result<(), End> {
        let class = self.class(event, role);
        let done = self.trace.events.get(event);
        self.under_way = done
            .and_then(Event::output)
            .map_or(Token::None, |token| Token::Bytes(token.to_vec()));
        self.sent
            .push(self.under_way.bytes().unwrap_or_default().to_vec());
        if self.settings.caller == Some(CallerDeviation::DropsToken) && role == Role::Initiator {
            self.under_way = Token::None;
        }
        let (continues, completes) = match class {
            Some(Class::Continue | Class::CompleteAndContinue) => (true, false),
            Some(Class::Ok | Class::Complete) => (false, true),
            // Without a status the token tells: there is one until the last leg of the initiator.
            None | Some(Class::Silent) => self.without_status(role, event),
            Some(_) => (false, false),
        };
        self.party(role).has_context |= continues || completes;
        self.party(role).complete = completes;
        if self.settings.caller == Some(CallerDeviation::ReadsAttributesEarly) && continues {
            self.query_attribute(role, "session-key", Purpose::Query, None)?;
        }
        match (continues || completes, expected) {
            (true, _) => Ok(()),
            (false, true) if self.was_to_go_on(event) => Err(End::Done),
            (false, true) => Ok(()),
            (false, false) => Err(End::Stopped),
        }
    }

    /// Whether a leg of a subject that shows no status goes on or completes.
    fn without_status(&mut self, role: Role, event: usize) -> (bool, bool) {
        let owed = self
            .trace
            .events
            .get(event)
            .is_some_and(|event| event.status().is_none());
        if owed && self.party(role).shows("status") {
            return (false, false);
        }
        let first = self.party(role).legs <= 1;
        let token = self.under_way.bytes().is_some_and(|bytes| !bytes.is_empty());
        (first && token, !first)
    }

    /// Whether a leg that failed was allowed to succeed as well, or would have been with another token: what follows
    /// then has no meaning.
    fn was_to_go_on(&self, event: usize) -> bool {
        let expect = self
            .trace
            .events
            .get(event)
            .and_then(|event| event.expect.as_ref());
        let success = |name: &String| !self.settings.mapping.is_refusal(name);
        expect.is_some_and(|expect| expect.when.is_some() || expect.status.iter().any(success))
    }

    pub(super) fn arguments(&mut self, role: Role, step: &LegStep) -> Result<Leg, End> {
        let side = self.case.world.side(role).clone();
        let token = self.input(step)?;
        let mut input: Vec<Buffer> = token.into_iter().map(|bytes| Buffer::new(TOKEN, bytes)).collect();
        if let Some(data) = &side.bindings {
            input.push(Buffer::new(CHANNEL_BINDINGS, channel_bindings(data)));
        }
        let allocate =
            names::requirement(role, "allocate-memory").is_some_and(|bit| side.requirements & bit != 0);
        let capacity = step.capacity.or_else(|| (!allocate).then_some(ROOM));
        let output = Buffer {
            kind: TOKEN,
            capacity,
            ..Buffer::default()
        };
        let target = self.case.world.target.clone();
        let caller = self.settings.caller;
        let party = self.party(role);
        let expressible = party.drive().map_or(0, |drive| drive.requirements);
        let (context, credential) = handles(party, step.handle, caller);
        Ok(Leg {
            credential: Some(credential),
            context,
            new_context: CONTEXT,
            requirements: side.requirements & expressible,
            target: target.filter(|_| role == Role::Initiator),
            input,
            output: if step.no_output_buffer {
                Vec::new()
            } else {
                vec![output]
            },
            bindings: side.bindings,
            data_representation: step.data_representation.unwrap_or(16),
            reserved: [u32::from(caller == Some(CallerDeviation::SetsReserved)), 0],
            http: layer::http(party.layer()),
        })
    }

    /// The token to pass in.
    pub(super) fn input(&mut self, step: &LegStep) -> Result<Option<Vec<u8>>, End> {
        self.altered_input |= step.input.is_some();
        let fault = |message: String| Err(End::HarnessFault(message));
        match &step.input {
            None => Ok(self.under_way.bytes().map(<[u8]>::to_vec)),
            Some(Input::None) => Ok(None),
            Some(Input::Empty) => Ok(Some(Vec::new())),
            Some(Input::Hex(text)) => match hex::decode(text) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) => fault(format!("input is no hex: {error}")),
            },
            Some(Input::Vector(id)) => match vectors::bytes(id) {
                Some(bytes) => Ok(Some(bytes.to_vec())),
                None => fault(format!("no vector `{id}` with bytes")),
            },
            Some(Input::Replay(number)) => match self.sent.get(*number) {
                Some(bytes) => Ok(Some(bytes.clone())),
                None => fault(format!("no token number {number} yet")),
            },
        }
    }

    /// Makes the handle stale that a step wants stale.
    pub(super) fn prepare_handle(&mut self, role: Role, choice: Option<HandleChoice>) -> Result<(), End> {
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
                self.call(
                    role,
                    Purpose::Release,
                    Request::FreeCredential {
                        credential: CREDENTIAL,
                    },
                    None,
                )?;
            }
            Some(HandleChoice::CredentialOfPeer) => {
                let request = Request::Acquire {
                    credential: OTHER,
                    package: self.case.entry.package.clone(),
                    role: role.peer(),
                    identity: self.case.world.identity.clone(),
                };
                self.call(role, Purpose::Step, request, None)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// SEC_CHANNEL_BINDINGS without addresses.
fn channel_bindings(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let header = [0, 0, 0, 0, 0, 0, length, 32];
    let mut bytes: Vec<u8> = header.iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
    bytes.extend_from_slice(data);
    bytes
}
