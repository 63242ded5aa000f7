//! Contexts: initiators and acceptors of every package behind one form. Bytes in, bytes out; no handles here.

use std::{borrow::Cow, mem};

use crate::{
    codec::der::Tag,
    environment::Environment,
    error::{CallerMisuse, EnvironmentFault, Error, TokenError, TokenErrorKind},
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
    mechanism::{self, Mechanism, require_open},
    negotiate::{
        self, Negotiation,
        fragments::Assembler,
        messages::{NegState, NegTokenResp},
        offer::PackageList,
    },
    package::Package,
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
pub struct Initiator {
    state: InitiatorState,
    fragments: Assembler,
}

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
        InitiatorState::Mechanism(mechanism::Initiator::Established(session)).into()
    }

    /// An NTLM initiator.
    #[must_use]
    pub fn ntlm(identity: Identity) -> Self {
        InitiatorState::Mechanism(mechanism::Initiator::new(Mechanism::Ntlm, identity)).into()
    }

    /// An initiator of Negotiate.
    #[must_use]
    pub fn negotiate(identity: Identity, packages: PackageList) -> Self {
        let initiator = negotiate::initiator::Initiator::new(identity, packages);
        InitiatorState::Negotiate(Box::new(initiator)).into()
    }

    /// One leg. The output token is appended to `out`, also when the leg fails and the protocol has a token for that.
    ///
    /// # Errors
    /// The leg failed; the context is of no further use, unless memory or an internal error kept the leg from
    /// beginning.
    pub fn step(&mut self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Progress, Error> {
        fail_on_purpose(turn.environment)?;
        let Some(token) = self.assemble(turn)? else {
            return Ok(incomplete(turn.environment, out));
        };
        let turn = &mut InitiatorTurn {
            token: &token,
            environment: turn.environment,
            ..*turn
        };
        if self.is_closed(turn) {
            return require_open(turn.environment).map(|()| Progress::Complete);
        }
        match mem::replace(&mut self.state, InitiatorState::Failed) {
            InitiatorState::Mechanism(state) => {
                self.state = InitiatorState::Mechanism(state.step(turn, out)?);
            }
            InitiatorState::Negotiate(mut state) => {
                *state = (*state).step(turn, out)?;
                self.state = InitiatorState::Negotiate(state);
            }
            InitiatorState::Failed => return failed(turn.environment),
        }
        Ok(Progress::of(self.is_complete()))
    }

    /// The token of a leg, once all of it is there.
    fn assemble<'t>(&mut self, turn: &InitiatorTurn<'t>) -> Result<Option<Cow<'t, [u8]>>, Error> {
        match &self.state {
            InitiatorState::Negotiate(state) if !state.is_complete() => {
                let assembled = assemble(&mut self.fragments, turn.token, turn.environment);
                assembled.inspect_err(|_| self.state = InitiatorState::Failed)
            }
            _ => Ok(Some(Cow::Borrowed(turn.token))),
        }
    }

    /// Whether a leg is one too many.
    fn is_closed(&self, turn: &InitiatorTurn<'_>) -> bool {
        match &self.state {
            InitiatorState::Mechanism(state) => state.session().is_some(),
            InitiatorState::Negotiate(state) => state.is_closed(turn),
            InitiatorState::Failed => false,
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match &self.state {
            InitiatorState::Mechanism(state) => state.session().is_some(),
            InitiatorState::Negotiate(state) => state.is_complete(),
            InitiatorState::Failed => false,
        }
    }

    /// Whether the next leg may be called without a token: a complete context of Negotiate authenticates again, and one
    /// that has a part of a token goes on waiting.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        let complete = matches!(&self.state, InitiatorState::Negotiate(state) if state.is_complete());
        complete || self.fragments.is_waiting()
    }

    /// How far the choice of a mechanism has come.
    #[must_use]
    pub fn negotiation(&self) -> Option<Negotiation> {
        match &self.state {
            InitiatorState::Mechanism(state) => state.session().map(chosen),
            InitiatorState::Negotiate(state) => Some(state.negotiation()),
            InitiatorState::Failed => None,
        }
    }

    /// The session, once there are keys.
    #[must_use]
    pub fn session(&mut self) -> Option<&mut Session> {
        match &mut self.state {
            InitiatorState::Mechanism(state) => state.session_mut(),
            InitiatorState::Negotiate(state) => state.session_mut(),
            InitiatorState::Failed => None,
        }
    }

    /// The attributes that are granted so far: none before the context is complete.
    #[must_use]
    pub fn granted(&self, requirements: InitRequirements, environment: &Environment) -> InitAttributes {
        let session = match &self.state {
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
pub struct Acceptor {
    state: AcceptorState,
    fragments: Assembler,
}

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
        AcceptorState::Mechanism(mechanism::Acceptor::Established(session)).into()
    }

    /// An NTLM acceptor.
    #[must_use]
    pub fn ntlm() -> Self {
        AcceptorState::Mechanism(mechanism::Acceptor::new(Mechanism::Ntlm)).into()
    }

    /// An acceptor of Negotiate.
    #[must_use]
    pub fn negotiate(packages: PackageList) -> Self {
        let acceptor = negotiate::acceptor::Acceptor::new(packages);
        AcceptorState::Negotiate(Box::new(acceptor)).into()
    }

    /// One leg. The output token is appended to `out`, also when the leg fails and the protocol has a token for that.
    ///
    /// # Errors
    /// The leg failed; the context is of no further use, unless memory or an internal error kept the leg from
    /// beginning.
    pub fn step(&mut self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Progress, Error> {
        fail_on_purpose(turn.environment)?;
        let Some(token) = self.assemble(turn)? else {
            return Ok(incomplete(turn.environment, out));
        };
        let turn = &mut AcceptorTurn {
            token: &token,
            environment: turn.environment,
            ..*turn
        };
        if self.is_closed(turn) {
            return require_open(turn.environment).map(|()| Progress::Complete);
        }
        match mem::replace(&mut self.state, AcceptorState::Failed) {
            AcceptorState::Mechanism(state) => {
                self.state = AcceptorState::Mechanism(state.step(turn, out)?);
            }
            AcceptorState::Negotiate(mut state) => {
                *state = (*state).step(turn, out)?;
                self.state = AcceptorState::Negotiate(state);
            }
            AcceptorState::Failed => return failed(turn.environment),
        }
        Ok(Progress::of(self.is_complete()))
    }

    /// The token of a leg, once all of it is there. A complete context takes nothing but another offer.
    fn assemble<'t>(&mut self, turn: &AcceptorTurn<'t>) -> Result<Option<Cow<'t, [u8]>>, Error> {
        let offers = self.fragments.is_waiting() || turn.token.first() == Some(&Tag::application(0).0);
        match &self.state {
            AcceptorState::Negotiate(state) if offers || !state.is_complete() => {
                let assembled = assemble(&mut self.fragments, turn.token, turn.environment);
                assembled.inspect_err(|_| self.state = AcceptorState::Failed)
            }
            _ => Ok(Some(Cow::Borrowed(turn.token))),
        }
    }

    /// Whether a leg is one too many.
    fn is_closed(&self, turn: &AcceptorTurn<'_>) -> bool {
        match &self.state {
            AcceptorState::Mechanism(state) => state.session().is_some(),
            AcceptorState::Negotiate(state) => state.is_closed(turn),
            AcceptorState::Failed => false,
        }
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match &self.state {
            AcceptorState::Mechanism(state) => state.session().is_some(),
            AcceptorState::Negotiate(state) => state.is_complete() && !self.fragments.is_waiting(),
            AcceptorState::Failed => false,
        }
    }

    /// Whether a leg may be called without a token: the first one in datagram mode and where a hint can be sent, and any
    /// while a part of a token is there.
    #[must_use]
    pub fn may_begin(&self, first: bool, requirements: AcceptRequirements) -> bool {
        let negotiates = matches!(self.state, AcceptorState::Negotiate(_));
        let begins = negotiates || requirements.contains(AcceptRequirements::DATAGRAM);
        first && begins || self.fragments.is_waiting()
    }

    /// How far the choice of a mechanism has come.
    #[must_use]
    pub fn negotiation(&self) -> Option<Negotiation> {
        match &self.state {
            AcceptorState::Mechanism(state) => state.session().map(chosen),
            AcceptorState::Negotiate(state) => Some(state.negotiation()),
            AcceptorState::Failed => None,
        }
    }

    /// The session, once there are keys.
    #[must_use]
    pub fn session(&mut self) -> Option<&mut Session> {
        match &mut self.state {
            AcceptorState::Mechanism(state) => state.session_mut(),
            AcceptorState::Negotiate(state) => state.session_mut(),
            AcceptorState::Failed => None,
        }
    }

    /// The attributes that are granted so far: none before the context is complete.
    #[must_use]
    pub fn granted(&self, requirements: AcceptRequirements, environment: &Environment) -> AcceptAttributes {
        let session = match &self.state {
            AcceptorState::Mechanism(state) => state.session(),
            AcceptorState::Negotiate(state) => state.session().filter(|_| self.is_complete()),
            AcceptorState::Failed => None,
        };
        session.map_or_else(AcceptAttributes::empty, |session| {
            session.granted_acceptor(requirements, environment)
        })
    }
}

impl From<InitiatorState> for Initiator {
    fn from(state: InitiatorState) -> Self {
        let fragments = Assembler::default();
        Self { state, fragments }
    }
}

impl From<AcceptorState> for Acceptor {
    fn from(state: AcceptorState) -> Self {
        let fragments = Assembler::default();
        Self { state, fragments }
    }
}

/// The token of a leg of Negotiate, once all its fragments are there.
#[inline]
fn assemble<'t>(
    fragments: &mut Assembler,
    input: &'t [u8],
    environment: &Environment,
) -> Result<Option<Cow<'t, [u8]>>, Error> {
    if deviates!(environment, FragmentRefused) {
        return Ok(Some(Cow::Borrowed(input)));
    }
    if fragments.is_waiting() {
        if input.is_empty() && deviates!(environment, EmptyFragmentRefused) {
            return Err(TokenError::new("token", 0, TokenErrorKind::Missing).into());
        }
        if deviates!(environment, FragmentsForgotten) {
            *fragments = Assembler::default();
        }
    }
    let most = if deviates!(environment, FragmentsUnlimited) {
        usize::MAX
    } else {
        Package::Negotiate.max_token()
    };
    Ok(fragments.take(input, most)?)
}

/// A leg that has got a part of a token waits for the rest, and has nothing to say (MS-SPNG section 3.1.5.9).
#[cfg_attr(
    not(feature = "sabotage"),
    allow(
        unused_variables,
        clippy::needless_pass_by_ref_mut,
        reason = "a deviation writes to it"
    )
)]
fn incomplete(environment: &Environment, out: &mut Vec<u8>) -> Progress {
    if deviates!(environment, FragmentAnswered) {
        let message = NegTokenResp {
            neg_state: Some(NegState::ACCEPT_INCOMPLETE),
            ..NegTokenResp::default()
        };
        out.extend_from_slice(&message.emit());
    }
    Progress::of(deviates!(environment, FragmentCompletes))
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
