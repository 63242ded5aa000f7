//! Contexts: initiators and acceptors of every package behind one form. Bytes in, bytes out; no handles here.

use std::mem;

use crate::{
    environment::Environment,
    error::{CallerMisuse, EnvironmentFault, Error},
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    ntlm,
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

/// The initiating side of an exchange.
#[derive(Debug)]
pub struct Initiator(InitiatorState);

#[derive(Debug)]
enum InitiatorState {
    NtlmStart(ntlm::initiator::Start),
    NtlmExpectChallenge(ntlm::initiator::ExpectChallenge),
    Established(Box<Session>),
    Failed,
}

impl Initiator {
    /// An initiator that was complete when it was exported.
    #[must_use]
    pub fn established(session: Session) -> Self {
        Self(InitiatorState::Established(Box::new(session)))
    }

    /// An NTLM initiator.
    #[must_use]
    pub fn ntlm(identity: Identity) -> Self {
        Self(InitiatorState::NtlmStart(ntlm::initiator::Start::new(identity)))
    }

    /// One leg. The output token is appended to `out`, also when the leg fails and the protocol has a token for that.
    ///
    /// # Errors
    /// The leg failed; the context is of no further use, unless memory or an internal error kept the leg from
    /// beginning.
    pub fn step(&mut self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Progress, Error> {
        fail_on_purpose(turn.environment)?;
        match mem::replace(&mut self.0, InitiatorState::Failed) {
            InitiatorState::NtlmStart(start) => {
                self.0 = InitiatorState::NtlmExpectChallenge(start.step(turn, out));
                Ok(Progress::Continue)
            }
            InitiatorState::NtlmExpectChallenge(state) => {
                let established = state.step(turn, out)?;
                self.0 = InitiatorState::Established(Box::new(Session::Ntlm(established)));
                Ok(Progress::Complete)
            }
            InitiatorState::Established(session) => {
                self.0 = InitiatorState::Established(session);
                complete(turn.environment)
            }
            InitiatorState::Failed => failed(turn.environment),
        }
    }

    /// The session, once there is one.
    #[must_use]
    pub fn session(&mut self) -> Option<&mut Session> {
        match &mut self.0 {
            InitiatorState::Established(session) => Some(session),
            _ => None,
        }
    }

    /// The attributes that are granted so far.
    #[must_use]
    pub fn granted(&self, requirements: InitRequirements, environment: &Environment) -> InitAttributes {
        match &self.0 {
            InitiatorState::Established(session) => match &**session {
                Session::Ntlm(ntlm) => {
                    ntlm::attributes::initiator(requirements, ntlm.protection.flags(), environment)
                }
            },
            _ => InitAttributes::empty(),
        }
    }
}

/// The accepting side of an exchange.
#[derive(Debug)]
pub struct Acceptor(AcceptorState);

#[derive(Debug)]
enum AcceptorState {
    NtlmExpectNegotiate(ntlm::acceptor::ExpectNegotiate),
    NtlmExpectAuthenticate(ntlm::acceptor::ExpectAuthenticate),
    Established(Box<Session>),
    Failed,
}

impl Acceptor {
    /// An acceptor that was complete when it was exported.
    #[must_use]
    pub fn established(session: Session) -> Self {
        Self(AcceptorState::Established(Box::new(session)))
    }

    /// An NTLM acceptor.
    #[must_use]
    pub fn ntlm() -> Self {
        Self(AcceptorState::NtlmExpectNegotiate(
            ntlm::acceptor::ExpectNegotiate,
        ))
    }

    /// One leg. The output token is appended to `out`, also when the leg fails and the protocol has a token for that.
    ///
    /// # Errors
    /// The leg failed; the context is of no further use, unless memory or an internal error kept the leg from
    /// beginning.
    pub fn step(&mut self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Progress, Error> {
        fail_on_purpose(turn.environment)?;
        match mem::replace(&mut self.0, AcceptorState::Failed) {
            AcceptorState::NtlmExpectNegotiate(state) => {
                self.0 = AcceptorState::NtlmExpectAuthenticate(state.step(turn, out)?);
                Ok(Progress::Continue)
            }
            AcceptorState::NtlmExpectAuthenticate(state) => {
                let established = state.step(turn)?;
                if deviates!(turn.environment, FinalLegEmitsToken) {
                    out.extend_from_slice(&ntlm::messages::SIGNATURE);
                }
                self.0 = AcceptorState::Established(Box::new(Session::Ntlm(established)));
                Ok(Progress::Complete)
            }
            AcceptorState::Established(session) => {
                self.0 = AcceptorState::Established(session);
                complete(turn.environment)
            }
            AcceptorState::Failed => failed(turn.environment),
        }
    }

    /// The session, once there is one.
    #[must_use]
    pub fn session(&mut self) -> Option<&mut Session> {
        match &mut self.0 {
            AcceptorState::Established(session) => Some(session),
            _ => None,
        }
    }

    /// The attributes that are granted so far.
    #[must_use]
    pub fn granted(&self, requirements: AcceptRequirements, environment: &Environment) -> AcceptAttributes {
        match &self.0 {
            AcceptorState::Established(session) => match &**session {
                Session::Ntlm(ntlm) => {
                    ntlm::attributes::acceptor(requirements, ntlm.protection.flags(), environment)
                }
            },
            _ => AcceptAttributes::empty(),
        }
    }
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

/// A leg of a context that is complete.
fn complete(environment: &Environment) -> Result<Progress, Error> {
    if deviates!(environment, CompleteContextStaysOpen) {
        return Ok(Progress::Complete);
    }
    Err(CallerMisuse::CompleteContext.into())
}

/// A leg of a context that failed before.
fn failed(environment: &Environment) -> Result<Progress, Error> {
    if deviates!(environment, FailedContextStaysUsable) {
        return Ok(Progress::Complete);
    }
    Err(CallerMisuse::FailedContext.into())
}
