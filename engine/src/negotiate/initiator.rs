//! The initiator: `Start` → `ExpectFirstReply` → `ExpectReply` → complete (RFC 4178 sections 3.2 and 5).

use super::{
    Negotiation, Progress, check_state, code_of,
    messages::{ContextFlags, MechTypes, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags, Token},
    mic, missing_code,
    offer::{self, PackageList},
    read, read_resp, repeats, require_connection, send, told, wrong,
};
use crate::{
    environment::{Environment, MechListMic},
    error::{CallerMisuse, Error, PeerIncompatible, PeerMisbehaved, TokenError, TokenErrorKind},
    flags::InitRequirements,
    mechanism::{self, Mechanism},
    session::Session,
    turn::{Identity, InitiatorTurn},
};

/// The initiating side.
#[derive(Debug)]
pub enum Initiator {
    /// It has not spoken yet.
    Start(Start),
    /// It has made its offer.
    ExpectFirstReply(ExpectFirstReply),
    /// A mechanism is agreed on.
    ExpectReply(Exchange),
    /// Tokens of the mechanism go without wrapper.
    ExpectUnwrapped(Exchange),
    /// Done.
    Complete(Exchange),
}

/// Who logs on, and what the caller allows for it. Boxed, for it goes unread from state to state.
#[derive(Clone, Debug)]
struct Caller {
    identity: Identity,
    packages: PackageList,
}

/// An initiator that has not spoken yet.
#[derive(Debug)]
pub struct Start(Box<Caller>);

/// An initiator that has made its offer.
#[derive(Debug)]
pub struct ExpectFirstReply {
    caller: Box<Caller>,
    list: MechTypes<'static>,
    offered: Vec<Oid<'static>>,
    /// The preferred mechanism, if its first token went with the offer.
    begun: Option<mechanism::Initiator>,
}

/// An initiator whose mechanism is agreed on.
#[derive(Debug)]
pub struct Exchange {
    caller: Box<Caller>,
    list: MechTypes<'static>,
    chosen: Mechanism,
    mechanism: mechanism::Initiator,
    /// RFC 4178 requires codes.
    required: bool,
    sent_code: bool,
    verified: bool,
}

impl Initiator {
    /// An initiator that will log on as `identity` with the packages that the caller allows.
    #[must_use]
    pub fn new(identity: Identity, packages: PackageList) -> Self {
        Self::Start(Start(Box::new(Caller { identity, packages })))
    }

    /// One leg.
    ///
    /// # Errors
    /// The leg failed.
    pub fn step(self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Self, Error> {
        require_connection(
            turn.requirements.contains(InitRequirements::DATAGRAM),
            turn.environment,
        )?;
        match self {
            Self::Start(start) => start.step(turn, out),
            Self::ExpectFirstReply(state) => state.step(turn, out),
            Self::ExpectReply(exchange) => {
                let token = turn.token;
                let resp = read_resp(token, turn.environment)?;
                exchange.read(token, &resp, false, turn, out)
            }
            Self::ExpectUnwrapped(mut exchange) => {
                let token = turn.token;
                exchange.mechanism = exchange.mechanism.step(&mut inner(turn, token), out)?;
                Ok(exchange.unwrapped())
            }
            Self::Complete(exchange) => Start(exchange.caller).step(turn, out),
        }
    }

    /// Whether the context is complete and its caller may not go on: without a token it asks to authenticate again.
    #[must_use]
    pub fn is_closed(&self, turn: &InitiatorTurn<'_>) -> bool {
        self.is_complete() && !(turn.token.is_empty() && repeats(turn.environment))
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Complete(_))
    }

    /// How far the negotiation has come.
    #[must_use]
    pub fn negotiation(&self) -> Negotiation {
        match self {
            Self::Start(_) => (Progress::InProgress, None),
            Self::ExpectFirstReply(state) => match &state.begun {
                Some(_) => (
                    Progress::Optimistic,
                    state.offered.first().and_then(offer::mechanism),
                ),
                None => (Progress::InProgress, None),
            },
            Self::ExpectReply(exchange) | Self::ExpectUnwrapped(exchange) => {
                (Progress::InProgress, Some(exchange.chosen))
            }
            Self::Complete(exchange) => (Progress::Complete, Some(exchange.chosen)),
        }
    }

    /// The session, once the mechanism has keys.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::ExpectReply(exchange) | Self::ExpectUnwrapped(exchange) | Self::Complete(exchange) => {
                exchange.mechanism.session()
            }
            Self::Start(_) | Self::ExpectFirstReply(_) => None,
        }
    }

    /// The session, to be used.
    #[must_use]
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::ExpectReply(exchange) | Self::ExpectUnwrapped(exchange) | Self::Complete(exchange) => {
                exchange.mechanism.session_mut()
            }
            Self::Start(_) | Self::ExpectFirstReply(_) => None,
        }
    }
}

/// The turn of the mechanism within a turn.
fn inner<'t>(turn: &'t mut InitiatorTurn<'_>, token: &'t [u8]) -> InitiatorTurn<'t> {
    InitiatorTurn {
        token,
        requirements: requirements(turn.requirements, turn.environment),
        target: turn.target,
        bindings: turn.bindings,
        context: turn.context,
        environment: &mut *turn.environment,
    }
}

/// What is required of the mechanism: integrity as well, unless the caller does not want it (page "InitializeSecurityContext
/// (Negotiate)", `ISC_REQ_NO_INTEGRITY`).
fn requirements(caller: InitRequirements, environment: &Environment) -> InitRequirements {
    let unwanted =
        caller.contains(InitRequirements::NO_INTEGRITY) && !deviates!(environment, NoIntegrityIgnored);
    let mut requirements = caller;
    if unwanted || !deviates!(environment, IntegrityLeftToCaller) {
        requirements.set(InitRequirements::INTEGRITY, !unwanted);
    }
    requirements
}

impl Start {
    /// The first leg: writes the offer. The token is an acceptor's hint, if there is one.
    fn step(self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Initiator, Error> {
        let Self(caller) = self;
        let mut offered = offer::offered(&caller.packages, turn.target, turn.environment);
        if offered.is_empty() {
            return Err(CallerMisuse::NoCredentials.into());
        }
        if !turn.token.is_empty() {
            let hinted = hinted(turn.token, turn.environment)?;
            offered.retain(|oid| hinted.iter().any(|other| other == *oid));
        }
        let Some(first) = offered.first() else {
            return Err(PeerIncompatible::NoCommonMechanism.into());
        };
        let preferred = offer::mechanism(first);
        let policy = &turn.environment.policy.negotiate;
        let list = MechTypes::new(&offered);
        if let (true, 1, Some(chosen)) = (policy.unwrapped, offered.len(), preferred) {
            return begin_unwrapped(caller, list, chosen, turn, out);
        }
        let (begun, token) = match preferred {
            Some(mechanism) if policy.optimistic => {
                let (begun, token) = begin(mechanism, &caller.identity, turn)?;
                (Some(begun), Some(token))
            }
            Some(_) => (None, None),
            None => (None, policy.foreign_token.clone()),
        };
        let message = NegTokenInit {
            mech_types: Some(list),
            req_flags: req_flags(turn),
            mech_token: token.filter(|token| !token.is_empty()).map(Into::into),
            ..NegTokenInit::default()
        };
        let message = send_init(message, turn.environment, out);
        Ok(Initiator::ExpectFirstReply(ExpectFirstReply {
            caller,
            list: message.mech_types.unwrap_or_else(|| MechTypes::new([])),
            offered,
            begun,
        }))
    }
}

/// The first token of a mechanism.
fn begin(
    mechanism: Mechanism,
    identity: &Identity,
    turn: &mut InitiatorTurn<'_>,
) -> Result<(mechanism::Initiator, Vec<u8>), Error> {
    let mut token = Vec::new();
    let begun = mechanism::Initiator::new(mechanism, identity.clone());
    let begun = begun.step(&mut inner(turn, &[]), &mut token)?;
    Ok((begun, token))
}

fn begin_unwrapped(
    caller: Box<Caller>,
    list: MechTypes<'static>,
    chosen: Mechanism,
    turn: &mut InitiatorTurn<'_>,
    out: &mut Vec<u8>,
) -> Result<Initiator, Error> {
    let (mechanism, token) = begin(chosen, &caller.identity, turn)?;
    out.extend_from_slice(&token);
    Ok(Initiator::ExpectUnwrapped(Exchange {
        caller,
        list,
        chosen,
        mechanism,
        required: false,
        sent_code: false,
        verified: false,
    }))
}

/// The mechanisms of an acceptor that begins. What else it says is not looked at (MS-SPNG section 2.2.1).
fn hinted<'a>(token: &'a [u8], environment: &Environment) -> Result<MechTypes<'a>, Error> {
    match read(token, environment)? {
        Token::Framed(init) | Token::Bare(init) => init
            .mech_types
            .ok_or_else(|| TokenError::new("mechTypes", token.len(), TokenErrorKind::Missing).into()),
        _ => {
            let tag = token.first().copied().unwrap_or_default();
            Err(TokenError::new("NegTokenInit2", 0, TokenErrorKind::UnexpectedTag(tag)).into())
        }
    }
}

/// The requirements as they are told, unprotected.
fn req_flags(turn: &InitiatorTurn<'_>) -> Option<ReqFlags<'static>> {
    let flags = [
        (InitRequirements::DELEGATE, ContextFlags::DELEGATE),
        (InitRequirements::MUTUAL_AUTH, ContextFlags::MUTUAL),
        (InitRequirements::REPLAY_DETECT, ContextFlags::REPLAY),
        (InitRequirements::SEQUENCE_DETECT, ContextFlags::SEQUENCE),
        (InitRequirements::NULL_SESSION, ContextFlags::ANONYMOUS),
        (InitRequirements::CONFIDENTIALITY, ContextFlags::CONFIDENTIALITY),
        (InitRequirements::INTEGRITY, ContextFlags::INTEGRITY),
    ];
    let told = flags
        .into_iter()
        .filter(|(requirement, _)| turn.requirements.contains(*requirement))
        .map(|(_, flag)| flag);
    let policy = &turn.environment.policy.negotiate;
    policy.send_req_flags.then(|| ReqFlags::new(told.collect()))
}

/// Writes the offer; returns it as it was sent.
#[cfg_attr(
    not(feature = "sabotage"),
    allow(
        unused_mut,
        unused_variables,
        clippy::needless_pass_by_ref_mut,
        reason = "a shaper needs it"
    )
)]
fn send_init(
    mut message: NegTokenInit<'static>,
    environment: &mut Environment,
    out: &mut Vec<u8>,
) -> NegTokenInit<'static> {
    shape!(environment, "neg-token-init", &mut message);
    let mut token = message.emit_framed();
    shape_bytes!(environment, "neg-token-init", &mut token);
    out.extend_from_slice(&token);
    message
}

impl ExpectFirstReply {
    /// The second leg: reads what the acceptor chose.
    fn step(self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Initiator, Error> {
        let token = turn.token;
        let resp = read_resp(token, turn.environment)?;
        let requested = check_state(resp.neg_state, token, true, turn.environment)?;
        let (chosen, changed) = self.choose(token, &resp, turn.environment)?;
        let begun = self.begun.filter(|_| !changed);
        let mechanism =
            begun.unwrap_or_else(|| mechanism::Initiator::new(chosen, self.caller.identity.clone()));
        let changed = changed && !deviates!(turn.environment, DowngradeTolerated);
        let exchange = Exchange {
            caller: self.caller,
            list: self.list,
            chosen,
            mechanism,
            required: requested || changed,
            sent_code: false,
            verified: false,
        };
        exchange.read(token, &resp, true, turn, out)
    }

    /// The mechanism that is agreed on, and whether it is another than the preferred one. An acceptor that names none
    /// takes the preferred one, if it answers its token.
    fn choose(
        &self,
        token: &[u8],
        resp: &NegTokenResp<'_>,
        environment: &Environment,
    ) -> Result<(Mechanism, bool), Error> {
        let first = self.offered.first();
        let answered = resp
            .response_token
            .as_ref()
            .is_some_and(|token| !token.is_empty());
        let implied = first.filter(|_| self.begun.is_some() && answered);
        let Some(named) = resp.supported_mech.as_ref().or(implied) else {
            return Err(wrong(token, 1, TokenErrorKind::Missing));
        };
        let offered = self.offered.iter().any(|oid| oid == named);
        if !offered && !deviates!(environment, UnofferedMechanismTolerated) {
            return Err(PeerMisbehaved::MechanismNotOffered.into());
        }
        let chosen = offer::mechanism(named).ok_or(PeerIncompatible::NoCommonMechanism)?;
        let preferred = first.and_then(offer::mechanism);
        Ok((chosen, preferred != Some(chosen)))
    }
}

impl Exchange {
    /// A reply of the acceptor, the first or a later one.
    fn read(
        mut self,
        token: &[u8],
        resp: &NegTokenResp<'_>,
        first: bool,
        turn: &mut InitiatorTurn<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Initiator, Error> {
        if !first {
            // A mechanism that is named later is passed over (MS-SPNG section 3.3.5).
            check_state(resp.neg_state, token, false, turn.environment)?;
            if resp.supported_mech.is_some() && deviates!(turn.environment, RepeatedSelectionRefused) {
                return Err(wrong(token, 1, TokenErrorKind::BadValue));
            }
        }
        let mut produced = Vec::new();
        self = self.advance(token, resp, turn, &mut produced)?;
        self.verify(token, resp, turn.environment)?;
        if !produced.is_empty() {
            if resp.neg_state == Some(NegState::ACCEPT_COMPLETED) {
                if deviates!(turn.environment, EarlyCompletionTolerated) {
                    return Ok(Initiator::Complete(self));
                }
                return Err(wrong(token, 0, TokenErrorKind::BadValue));
            }
            let code = self.code(turn.environment)?;
            let state = told(NegState::ACCEPT_INCOMPLETE, turn.environment);
            send(answer(state, produced, code), turn.environment, out);
            return Ok(Initiator::ExpectReply(self));
        }
        self.conclude(token, resp, turn, out)
    }

    /// The mechanism takes its token, if it is not done.
    fn advance(
        mut self,
        token: &[u8],
        resp: &NegTokenResp<'_>,
        turn: &mut InitiatorTurn<'_>,
        produced: &mut Vec<u8>,
    ) -> Result<Self, Error> {
        let received = resp.response_token.as_deref().unwrap_or_default();
        let expected = !self.mechanism.is_new() && self.mechanism.session().is_none();
        match (expected, received.is_empty()) {
            (true, true) => return Err(wrong(token, 2, TokenErrorKind::Missing)),
            (false, false) => return Err(wrong(token, 2, TokenErrorKind::BadValue)),
            (false, true) if self.mechanism.session().is_some() => return Ok(self),
            _ => {}
        }
        self.mechanism = self.mechanism.step(&mut inner(turn, received), produced)?;
        Ok(self)
    }

    /// Verifies the acceptor's code, if there is one.
    fn verify(
        &mut self,
        token: &[u8],
        resp: &NegTokenResp<'_>,
        environment: &Environment,
    ) -> Result<(), Error> {
        let Some(code) = code_of(resp) else { return Ok(()) };
        let Some(session) = self.mechanism.session_mut() else {
            return Err(wrong(token, 3, TokenErrorKind::BadValue));
        };
        let looked_at = environment.policy.negotiate.mech_list_mic != MechListMic::Never;
        if looked_at && session.has_integrity() {
            mic::verify(&self.list, code, session, environment)?;
            self.verified = true;
        }
        Ok(())
    }

    /// The code that goes with the mechanism's last token.
    fn code(&mut self, environment: &Environment) -> Result<Option<Vec<u8>>, Error> {
        let required = self.required;
        let Some(session) = self.mechanism.session_mut() else {
            return Ok(None);
        };
        if !mic::takes_part(required, session, environment) || deviates!(environment, MechListMicOmitted) {
            return Ok(None);
        }
        self.sent_code = true;
        mic::sign(&self.list, session, environment).map(Some)
    }

    /// The mechanism has nothing more to say.
    fn conclude(
        mut self,
        token: &[u8],
        resp: &NegTokenResp<'_>,
        turn: &mut InitiatorTurn<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Initiator, Error> {
        let Some(session) = self.mechanism.session_mut() else {
            return Ok(Initiator::ExpectReply(self));
        };
        if self.verified && !self.sent_code {
            let code = mic::sign(&self.list, session, turn.environment)?;
            let state = told(NegState::ACCEPT_COMPLETED, turn.environment);
            send(answer(state, Vec::new(), Some(code)), turn.environment, out);
            return Ok(Initiator::Complete(self));
        }
        let required = self.required || deviates!(turn.environment, MechListMicAlwaysRequired);
        if required && !self.verified && mic::takes_part(required, session, turn.environment) {
            missing_code(turn.environment)?;
        }
        // Azure and Apple say so behind the last token where no code is due (Samba's bug 11994).
        let due = self.sent_code || deviates!(turn.environment, IncompleteWithoutCodeRefused);
        if due && resp.neg_state == Some(NegState::ACCEPT_INCOMPLETE) {
            return Err(wrong(token, 0, TokenErrorKind::BadValue));
        }
        Ok(Initiator::Complete(self))
    }

    fn unwrapped(self) -> Initiator {
        if self.mechanism.session().is_some() {
            Initiator::Complete(self)
        } else {
            Initiator::ExpectUnwrapped(self)
        }
    }
}

/// A later token of an initiator.
fn answer(state: Option<NegState>, token: Vec<u8>, code: Option<Vec<u8>>) -> NegTokenResp<'static> {
    NegTokenResp {
        neg_state: state,
        response_token: (!token.is_empty()).then(|| token.into()),
        mech_list_mic: code.map(Into::into),
        ..NegTokenResp::default()
    }
}
