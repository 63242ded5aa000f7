//! Contexts: initiators and acceptors of every package behind one form. Bytes in, bytes out; no handles here.

use std::mem;

use crate::{
    environment::Environment,
    error::{CallerMisuse, EnvironmentFault, Error},
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    mechanism::{self, Mechanism, require_open},
    negotiate::{self, Negotiation, offer::PackageList},
    session::Session,
    turn::{AcceptorTurn, Identity, InitiatorTurn},
};

/// How far an exchange has come after a leg that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The peer's next token is needed.
    Continue,
    /// This side is done.
    Complete,
}

impl Progress {
    fn of(complete: bool) -> Self {
        if complete { Self::Complete } else { Self::Continue }
    }
}

/// The initiating side of an exchange.
#[derive(Debug)]
pub struct Initiator(InitiatorState);

#[derive(Debug)]
enum InitiatorState {
    Mechanism(mechanism::Initiator),
    Negotiate(Box<negotiate::initiator::Initiator>),
    Failed,
}

impl Initiator {
    /// An initiator that was complete when it was exported.
    #[must_use]
    pub fn established(session: Session) -> Self {
        let session = Box::new(session);
        Self(InitiatorState::Mechanism(mechanism::Initiator::Established(
            session,
        )))
    }

    /// An NTLM initiator.
    #[must_use]
    pub fn ntlm(identity: Identity) -> Self {
        Self(InitiatorState::Mechanism(mechanism::Initiator::new(
            Mechanism::Ntlm,
            identity,
        )))
    }

    /// An initiator of Negotiate.
    #[must_use]
    pub fn negotiate(identity: Identity, packages: PackageList) -> Self {
        let initiator = negotiate::initiator::Initiator::new(identity, packages);
        Self(InitiatorState::Negotiate(Box::new(initiator)))
    }

    /// One leg. The output token is appended to `out`, also when the leg fails and the protocol has a token for that.
    ///
    /// # Errors
    /// The leg failed; the context is of no further use, unless memory or an internal error kept the leg from
    /// beginning.
    pub fn step(&mut self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Progress, Error> {
        fail_on_purpose(turn.environment)?;
        if self.is_closed(turn) {
            return require_open(turn.environment).map(|()| Progress::Complete);
        }
        match mem::replace(&mut self.0, InitiatorState::Failed) {
            InitiatorState::Mechanism(state) => {
                self.0 = InitiatorState::Mechanism(state.step(turn, out)?);
            }
            InitiatorState::Negotiate(mut state) => {
                *state = (*state).step(turn, out)?;
                self.0 = InitiatorState::Negotiate(state);
            }
            InitiatorState::Failed => return failed(turn.environment),
        }
        Ok(Progress::of(self.is_complete()))
    }

    /// Whether a leg is one too many.
    fn is_closed(&self, turn: &InitiatorTurn<'_>) -> bool {
        match &self.0 {
            InitiatorState::Mechanism(state) => state.session().is_some(),
            InitiatorState::Negotiate(state) => state.is_closed(turn),
            InitiatorState::Failed => false,
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match &self.0 {
            InitiatorState::Mechanism(state) => state.session().is_some(),
            InitiatorState::Negotiate(state) => state.is_complete(),
            InitiatorState::Failed => false,
        }
    }

    /// Whether the next leg may be called without a token: a complete context of Negotiate authenticates again.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        matches!(&self.0, InitiatorState::Negotiate(state) if state.is_complete())
    }

    /// How far the choice of a mechanism has come.
    #[must_use]
    pub fn negotiation(&self) -> Option<Negotiation> {
        match &self.0 {
            InitiatorState::Mechanism(state) => state.session().map(chosen),
            InitiatorState::Negotiate(state) => Some(state.negotiation()),
            InitiatorState::Failed => None,
        }
    }

    /// The session, once there are keys.
    #[must_use]
    pub fn session(&mut self) -> Option<&mut Session> {
        match &mut self.0 {
            InitiatorState::Mechanism(state) => state.session_mut(),
            InitiatorState::Negotiate(state) => state.session_mut(),
            InitiatorState::Failed => None,
        }
    }

    /// The attributes that are granted so far: none before the context is complete.
    #[must_use]
    pub fn granted(&self, requirements: InitRequirements, environment: &Environment) -> InitAttributes {
        let session = match &self.0 {
            InitiatorState::Mechanism(state) => state.session(),
            InitiatorState::Negotiate(state) => state.session().filter(|_| state.is_complete()),
            InitiatorState::Failed => None,
        };
        session.map_or_else(InitAttributes::empty, |session| {
            session.granted_initiator(requirements, environment)
        })
    }
}

/// The accepting side of an exchange.
#[derive(Debug)]
pub struct Acceptor(AcceptorState);

#[derive(Debug)]
enum AcceptorState {
    Mechanism(mechanism::Acceptor),
    Negotiate(Box<negotiate::acceptor::Acceptor>),
    Failed,
}

impl Acceptor {
    /// An acceptor that was complete when it was exported.
    #[must_use]
    pub fn established(session: Session) -> Self {
        let session = Box::new(session);
        Self(AcceptorState::Mechanism(mechanism::Acceptor::Established(
            session,
        )))
    }

    /// An NTLM acceptor.
    #[must_use]
    pub fn ntlm() -> Self {
        Self(AcceptorState::Mechanism(mechanism::Acceptor::new(
            Mechanism::Ntlm,
        )))
    }

    /// An acceptor of Negotiate.
    #[must_use]
    pub fn negotiate(packages: PackageList) -> Self {
        let acceptor = negotiate::acceptor::Acceptor::new(packages);
        Self(AcceptorState::Negotiate(Box::new(acceptor)))
    }

    /// One leg. The output token is appended to `out`, also when the leg fails and the protocol has a token for that.
    ///
    /// # Errors
    /// The leg failed; the context is of no further use, unless memory or an internal error kept the leg from
    /// beginning.
    pub fn step(&mut self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Progress, Error> {
        fail_on_purpose(turn.environment)?;
        if self.is_closed(turn) {
            return require_open(turn.environment).map(|()| Progress::Complete);
        }
        match mem::replace(&mut self.0, AcceptorState::Failed) {
            AcceptorState::Mechanism(state) => {
                self.0 = AcceptorState::Mechanism(state.step(turn, out)?);
            }
            AcceptorState::Negotiate(mut state) => {
                *state = (*state).step(turn, out)?;
                self.0 = AcceptorState::Negotiate(state);
            }
            AcceptorState::Failed => return failed(turn.environment),
        }
        Ok(Progress::of(self.is_complete()))
    }

    /// Whether a leg is one too many.
    fn is_closed(&self, turn: &AcceptorTurn<'_>) -> bool {
        match &self.0 {
            AcceptorState::Mechanism(state) => state.session().is_some(),
            AcceptorState::Negotiate(state) => state.is_closed(turn),
            AcceptorState::Failed => false,
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match &self.0 {
            AcceptorState::Mechanism(state) => state.session().is_some(),
            AcceptorState::Negotiate(state) => state.is_complete(),
            AcceptorState::Failed => false,
        }
    }

    /// Whether a first leg may be called without a token: in datagram mode, and where a hint can be sent.
    #[must_use]
    pub fn may_begin(&self, requirements: AcceptRequirements) -> bool {
        let negotiates = matches!(self.0, AcceptorState::Negotiate(_));
        negotiates || requirements.contains(AcceptRequirements::DATAGRAM)
    }

    /// How far the choice of a mechanism has come.
    #[must_use]
    pub fn negotiation(&self) -> Option<Negotiation> {
        match &self.0 {
            AcceptorState::Mechanism(state) => state.session().map(chosen),
            AcceptorState::Negotiate(state) => Some(state.negotiation()),
            AcceptorState::Failed => None,
        }
    }

    /// The session, once there are keys.
    #[must_use]
    pub fn session(&mut self) -> Option<&mut Session> {
        match &mut self.0 {
            AcceptorState::Mechanism(state) => state.session_mut(),
            AcceptorState::Negotiate(state) => state.session_mut(),
            AcceptorState::Failed => None,
        }
    }

    /// The attributes that are granted so far: none before the context is complete.
    #[must_use]
    pub fn granted(&self, requirements: AcceptRequirements, environment: &Environment) -> AcceptAttributes {
        let session = match &self.0 {
            AcceptorState::Mechanism(state) => state.session(),
            AcceptorState::Negotiate(state) => state.session().filter(|_| state.is_complete()),
            AcceptorState::Failed => None,
        };
        session.map_or_else(AcceptAttributes::empty, |session| {
            session.granted_acceptor(requirements, environment)
        })
    }
}

/// There was nothing to choose: the caller named the mechanism.
fn chosen(session: &Session) -> Negotiation {
    (negotiate::Progress::Complete, Some(session.mechanism()))
}

/// Provokes the faults that keep a leg from beginning: the state is not touched, so the leg can be made once they are
/// gone.
fn fail_on_purpose(environment: &Environment) -> Result<(), Error> {
    if environment.faults.memory {
        return Err(EnvironmentFault::Memory.into());
    }
    if environment.faults.internal {
        return Err(EnvironmentFault::Internal.into());
    }
    Ok(())
}

/// A leg of a context that failed before.
fn failed(environment: &Environment) -> Result<Progress, Error> {
    if deviates!(environment, FailedContextStaysUsable) {
        return Ok(Progress::Complete);
    }
    Err(CallerMisuse::FailedContext.into())
}
