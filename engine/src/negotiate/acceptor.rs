//! The acceptor: `ExpectInit` → `ExpectToken` → complete (RFC 4178 sections 3.2 and 5; MS-SPNG section 3.2.5.2).

use super::{
    Negotiation, Progress, check_state, code_of,
    messages::{InitForm, MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, Token},
    mic, missing_code,
    offer::{self, PackageList},
    read, read_resp, repeats, require_connection, send, told, wrong,
};
use crate::{
    environment::{Environment, MechListMic},
    error::{CallerMisuse, Error, PeerIncompatible, Rejection, TokenError, TokenErrorKind},
    flags::AcceptRequirements,
    mechanism::{self, Mechanism},
    session::Session,
    turn::AcceptorTurn,
};

/// The accepting side.
#[derive(Debug)]
pub enum Acceptor {
    /// It waits for an offer.
    ExpectInit(ExpectInit),
    /// A mechanism is chosen.
    ExpectToken(Exchange),
    /// Tokens of the mechanism come without wrapper.
    ExpectUnwrapped(Exchange),
    /// Done.
    Complete(Exchange),
}

/// An acceptor that waits for an offer.
#[derive(Debug)]
pub struct ExpectInit {
    packages: PackageList,
    /// It has begun with a hint.
    hinted: bool,
}

/// An acceptor that has chosen a mechanism.
#[derive(Debug)]
pub struct Exchange {
    packages: PackageList,
    list: MechTypes<'static>,
    oid: Oid<'static>,
    chosen: Mechanism,
    mechanism: mechanism::Acceptor,
    /// RFC 4178 requires codes.
    required: bool,
    sent_code: bool,
    verified: bool,
}

impl Acceptor {
    /// An acceptor that takes the packages that the caller allows.
    #[must_use]
    pub fn new(packages: PackageList) -> Self {
        let hinted = false;
        Self::ExpectInit(ExpectInit { packages, hinted })
    }

    /// One leg. A refusal says so in a token, if policy wants that.
    ///
    /// # Errors
    /// The leg failed.
    pub fn step(self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Self, Error> {
        let token = turn.token;
        let start = out.len();
        let wrapped = !matches!(self, Self::ExpectUnwrapped(_));
        require_connection(
            turn.requirements.contains(AcceptRequirements::DATAGRAM),
            turn.environment,
        )?;
        let result = match self {
            Self::ExpectInit(state) => state.step(turn, out),
            Self::ExpectToken(exchange)
                if is_offer(token) && deviates!(turn.environment, SecondListTolerated) =>
            {
                Self::Complete(exchange).step(turn, out)
            }
            Self::ExpectToken(exchange) => exchange.step(turn, out),
            Self::ExpectUnwrapped(mut exchange) => {
                exchange.mechanism = exchange.mechanism.step(&mut inner(turn, token), out)?;
                Ok(exchange.unwrapped())
            }
            Self::Complete(exchange) => {
                let (packages, hinted) = (exchange.packages, true);
                ExpectInit { packages, hinted }.step(turn, out)
            }
        };
        if let Err(error) = &result
            && wrapped
            && is_refusal(error)
            && turn.environment.policy.negotiate.send_reject
        {
            out.truncate(start);
            let message = NegTokenResp {
                neg_state: Some(NegState::REJECT),
                ..NegTokenResp::default()
            };
            send(message, turn.environment, out);
        }
        result
    }

    /// Whether the context is complete and its caller may not go on: a new offer asks to authenticate again.
    #[must_use]
    pub fn is_closed(&self, turn: &AcceptorTurn<'_>) -> bool {
        self.is_complete() && !(is_offer(turn.token) && repeats(turn.environment))
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
            Self::ExpectInit(_) => (Progress::InProgress, None),
            Self::ExpectToken(exchange) | Self::ExpectUnwrapped(exchange) => {
                (Progress::InProgress, Some(exchange.chosen))
            }
            Self::Complete(exchange) => (Progress::Complete, Some(exchange.chosen)),
        }
    }

    /// The session, once the mechanism has keys.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::ExpectToken(exchange) | Self::ExpectUnwrapped(exchange) | Self::Complete(exchange) => {
                exchange.mechanism.session()
            }
            Self::ExpectInit(_) => None,
        }
    }

    /// The session, to be used.
    #[must_use]
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::ExpectToken(exchange) | Self::ExpectUnwrapped(exchange) | Self::Complete(exchange) => {
                exchange.mechanism.session_mut()
            }
            Self::ExpectInit(_) => None,
        }
    }
}

/// Whether a token is an offer as a first token has it.
fn is_offer(token: &[u8]) -> bool {
    matches!(Token::parse(token), Ok(Token::Framed(_)))
}

/// Whether the acceptor understood what it refuses, and was not refused itself.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Rejected(rejection) => *rejection != Rejection::ByPeer,
        Error::PeerMisbehaved(_) | Error::PeerIncompatible(_) => true,
        _ => false,
    }
}

/// The turn of the mechanism within a turn.
fn inner<'t>(turn: &'t mut AcceptorTurn<'_>, token: &'t [u8]) -> AcceptorTurn<'t> {
    AcceptorTurn {
        token,
        requirements: turn.requirements,
        bindings: turn.bindings,
        context: turn.context,
        environment: &mut *turn.environment,
    }
}

impl ExpectInit {
    fn step(self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Acceptor, Error> {
        let token = turn.token;
        if token.is_empty() {
            return self.hint(turn, out);
        }
        match read(token, turn.environment)? {
            Token::Framed(init) | Token::Bare(init) => self.choose(&init, turn, out),
            Token::Ntlm(_) => self.unwrapped(turn, out),
            Token::Resp(_) => {
                let kind = TokenErrorKind::UnexpectedTag(0xA1);
                Err(TokenError::new("NegTokenInit", 0, kind).into())
            }
            Token::Kerberos(_) | Token::Negoex(_) | Token::Other(..) => {
                Err(PeerIncompatible::NoCommonMechanism.into())
            }
        }
    }

    /// Without a token an acceptor may begin, once: it says what it takes (MS-SPNG section 3.2.5.2).
    fn hint(self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Acceptor, Error> {
        let sends = turn.environment.policy.negotiate.send_hint && !deviates!(turn.environment, HintRefused);
        if self.hinted || !sends {
            return Err(TokenError::new("token", 0, TokenErrorKind::Missing).into());
        }
        let allowed = offer::allowed(&self.packages, turn.environment);
        if allowed.is_empty() {
            return Err(CallerMisuse::NoCredentials.into());
        }
        let list = MechTypes::new(&allowed);
        #[allow(unused_mut, reason = "a shaper changes it")]
        let mut message = NegTokenInit {
            form: InitForm::Microsoft,
            mech_types: Some(list),
            hints: Some(NegHints {
                hint_name: Some(NegHints::NAME.into()),
                hint_address: None,
            }),
            ..NegTokenInit::default()
        };
        shape!(turn.environment, "neg-token-init2", &mut message);
        #[allow(unused_mut, reason = "a shaper changes it")]
        let mut token = message.emit_framed();
        shape_bytes!(turn.environment, "neg-token-init2", &mut token);
        out.extend_from_slice(&token);
        Ok(Acceptor::ExpectInit(Self { hinted: true, ..self }))
    }

    /// A token of NTLM without wrapper is taken as it is.
    fn unwrapped(self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Acceptor, Error> {
        let token = turn.token;
        let allowed = offer::allowed(&self.packages, turn.environment).contains(&Oid::NTLM);
        let takes = turn.environment.policy.negotiate.takes_unwrapped;
        if !(allowed && takes) || deviates!(turn.environment, UnwrappedRefused) {
            return Err(PeerIncompatible::NoCommonMechanism.into());
        }
        let mechanism = mechanism::Acceptor::new(Mechanism::Ntlm).step(&mut inner(turn, token), out)?;
        Ok(Acceptor::ExpectUnwrapped(Exchange {
            packages: self.packages,
            list: MechTypes::new([]),
            oid: Oid::NTLM,
            chosen: Mechanism::Ntlm,
            mechanism,
            required: false,
            sent_code: false,
            verified: false,
        }))
    }

    /// Chooses one of the mechanisms that are offered, and passes it the first token if that is its own.
    fn choose(
        self,
        init: &NegTokenInit<'_>,
        turn: &mut AcceptorTurn<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Acceptor, Error> {
        let token = turn.token;
        let Some(list) = &init.mech_types else {
            return Err(TokenError::new("mechTypes", token.len(), TokenErrorKind::Missing).into());
        };
        let allowed = offer::allowed(&self.packages, turn.environment);
        let choice = Choice::of(list, &allowed, token, turn.environment)?;
        let read = choice.is_first && !deviates!(turn.environment, OptimisticTokenIgnored)
            || !choice.is_first && deviates!(turn.environment, WrongGuessRead);
        let received = init.mech_token.as_deref().filter(|_| read).unwrap_or_default();
        let mut exchange = Exchange {
            packages: self.packages,
            list: list.clone().into_owned(),
            oid: choice.oid,
            chosen: choice.mechanism,
            mechanism: mechanism::Acceptor::new(choice.mechanism),
            required: choice.required,
            sent_code: false,
            verified: false,
        };
        // The code is the first mechanism's, as the token is: who did not choose that one passes over both.
        let code = init.mech_list_mic.as_deref().filter(|_| choice.is_first);
        let mut produced = Vec::new();
        let begins = turn.requirements.contains(AcceptRequirements::DATAGRAM)
            && deviates!(turn.environment, DatagramPassedOn);
        if !received.is_empty() || begins {
            exchange.mechanism = exchange
                .mechanism
                .step(&mut inner(turn, received), &mut produced)?;
        }
        let hints = init.hints.is_some() && deviates!(turn.environment, HintsReadAsCode);
        if hints || code.is_some() && exchange.mechanism.session().is_none() {
            return Err(early_code(init, token));
        }
        exchange.conclude(code, produced, true, turn, out)
    }
}

/// A code in an offer, of a mechanism that has no keys yet.
fn early_code(init: &NegTokenInit<'_>, token: &[u8]) -> Error {
    let place = if init.form == InitForm::Microsoft { 4 } else { 3 };
    let at = super::messages::field_offset(token, place);
    TokenError::new("mechListMIC", at, TokenErrorKind::BadValue).into()
}

/// A choice among the mechanisms that are offered.
struct Choice {
    oid: Oid<'static>,
    mechanism: Mechanism,
    /// It is the initiator's preferred mechanism.
    is_first: bool,
    /// Codes must be exchanged: one of the two would have preferred another, or policy wants them.
    required: bool,
}

impl Choice {
    fn of(
        list: &MechTypes<'_>,
        allowed: &[Oid<'static>],
        token: &[u8],
        environment: &Environment,
    ) -> Result<Self, Error> {
        let policy = &environment.policy.negotiate;
        let Some(first) = list.iter().next() else {
            let at = super::messages::field_offset(token, 0);
            return match allowed
                .first()
                .and_then(|oid| Some((oid, offer::mechanism(oid)?)))
            {
                Some((oid, mechanism)) if deviates!(environment, EmptyListTolerated) => Ok(Self {
                    oid: oid.clone(),
                    mechanism,
                    is_first: true,
                    required: false,
                }),
                _ => Err(TokenError::new("mechTypes", at, TokenErrorKind::EmptyList).into()),
            };
        };
        if deviates!(environment, UnknownMechanismsRefused)
            && list.iter().any(|oid| offer::find(&oid).is_none())
        {
            return Err(PeerIncompatible::NoCommonMechanism.into());
        }
        let usable = |oid: &&Oid<'static>| offer::mechanism(oid).is_some();
        let chosen = if policy.own_order {
            let mut own = allowed.iter().filter(usable);
            own.find(|oid| list.iter().any(|offered| offered == **oid))
        } else {
            list.iter()
                .find_map(|offered| allowed.iter().filter(usable).find(|oid| **oid == offered))
        };
        let chosen = chosen.and_then(|oid| Some((oid, offer::mechanism(oid)?)));
        let (oid, mechanism) = chosen.ok_or(PeerIncompatible::NoCommonMechanism)?;
        let is_first = offer::mechanism(&first) == Some(mechanism);
        let preferred = allowed.iter().find(usable).and_then(offer::mechanism) == Some(mechanism);
        Ok(Self {
            oid: oid.clone(),
            mechanism,
            is_first,
            required: !is_first || !preferred || policy.request_mic,
        })
    }
}

impl Exchange {
    /// A later leg: a token of the initiator.
    fn step(mut self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Acceptor, Error> {
        let token = turn.token;
        let resp = read_resp(token, turn.environment)?;
        check_state(resp.neg_state, token, false, turn.environment)?;
        if resp.supported_mech.as_ref().is_some_and(|oid| *oid != self.oid) {
            return Err(wrong(token, 1, TokenErrorKind::BadValue));
        }
        let received = resp.response_token.as_deref().unwrap_or_default();
        let done = self.mechanism.session().is_some();
        match (done, received.is_empty()) {
            (false, true) => return Err(wrong(token, 2, TokenErrorKind::Missing)),
            (true, false) => return Err(wrong(token, 2, TokenErrorKind::BadValue)),
            _ => {}
        }
        let mut produced = Vec::new();
        if !done {
            self.mechanism = self.mechanism.step(&mut inner(turn, received), &mut produced)?;
            if self.mechanism.session().is_none() && code_of(&resp).is_some() {
                return Err(wrong(token, 3, TokenErrorKind::BadValue));
            }
        }
        self.conclude(code_of(&resp), produced, false, turn, out)
    }

    /// Answers what was read: with the mechanism's token, and with codes as they are due (RFC 4178 section 5).
    fn conclude(
        mut self,
        received: Option<&[u8]>,
        produced: Vec<u8>,
        first: bool,
        turn: &mut AcceptorTurn<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Acceptor, Error> {
        let takes_part = self.verify(received, turn.environment)?;
        let done = self.mechanism.session().is_some();
        // Whoever sends the last token of the mechanism sends the first code.
        let last = !produced.is_empty() || first;
        let strict = deviates!(turn.environment, MechListMicAlwaysRequired);
        let waits = (takes_part || done && strict) && !self.verified;
        if done && waits && !last {
            missing_code(turn.environment)?;
        }
        let complete = done && (!waits || !last);
        let had_code = self.sent_code;
        let code = match self.mechanism.session_mut() {
            Some(session) if takes_part && !had_code && (self.verified || last) => {
                self.sent_code = true;
                let omitted = deviates!(turn.environment, MechListMicNotReturned);
                let code = mic::sign(&self.list, session, turn.environment)?;
                (!omitted).then_some(code)
            }
            _ => None,
        };
        // The initiator is done where it answered our code with its own.
        let quiet = complete && deviates!(turn.environment, CompletionTokenOmitted);
        if !(complete && had_code || quiet) {
            let state = self.state(complete, first, turn.environment);
            let message = self.answer(state, produced, code, first, turn.environment);
            send(message, turn.environment, out);
        }
        Ok(if complete {
            Acceptor::Complete(self)
        } else {
            Acceptor::ExpectToken(self)
        })
    }

    /// Verifies the initiator's code, if there is one; whether codes are exchanged.
    fn verify(&mut self, received: Option<&[u8]>, environment: &Environment) -> Result<bool, Error> {
        let Some(session) = self.mechanism.session_mut() else {
            return Ok(false);
        };
        let looked_at = environment.policy.negotiate.mech_list_mic != MechListMic::Never;
        if let Some(code) = received.filter(|_| looked_at && session.has_integrity()) {
            mic::verify(&self.list, code, session, environment)?;
            self.verified = true;
        }
        // What is always sent is sent in answer, and not required: the initiator may not have it.
        let required = match environment.policy.negotiate.mech_list_mic {
            MechListMic::Always => {
                session.has_integrity() && (self.required || session.demands_mech_list_mic())
            }
            _ => mic::takes_part(self.required, session, environment),
        };
        Ok(required || self.verified)
    }

    /// How far the acceptor has come. Only the first reply requests codes, and it always has a state.
    fn state(&self, complete: bool, first: bool, environment: &Environment) -> Option<NegState> {
        let legacy = environment.policy.negotiate.mech_list_mic == MechListMic::Never;
        let requests = first && self.required && !legacy && !deviates!(environment, RequestMicNotSent);
        match (complete, requests) {
            (true, _) if first => Some(NegState::ACCEPT_COMPLETED),
            (true, _) => told(NegState::ACCEPT_COMPLETED, environment),
            (false, true) => Some(NegState::REQUEST_MIC),
            (false, false) if first => Some(NegState::ACCEPT_INCOMPLETE),
            (false, false) => told(NegState::ACCEPT_INCOMPLETE, environment),
        }
    }

    fn answer(
        &self,
        state: Option<NegState>,
        token: Vec<u8>,
        code: Option<Vec<u8>>,
        first: bool,
        environment: &Environment,
    ) -> NegTokenResp<'static> {
        let names = if first {
            !deviates!(environment, SupportedMechOmitted)
        } else {
            deviates!(environment, SupportedMechRepeated)
        };
        let oid = if deviates!(environment, ChoosesUnoffered) {
            Oid::KERBEROS_USER_TO_USER
        } else {
            self.oid.clone()
        };
        let repeats = environment.policy.negotiate.token_as_mic && !token.is_empty();
        let code = code.or_else(|| repeats.then(|| token.clone()));
        NegTokenResp {
            neg_state: state,
            supported_mech: names.then_some(oid),
            response_token: (!token.is_empty()).then(|| token.into()),
            mech_list_mic: code.map(Into::into),
            ..NegTokenResp::default()
        }
    }

    fn unwrapped(self) -> Acceptor {
        if self.mechanism.session().is_some() {
            Acceptor::Complete(self)
        } else {
            Acceptor::ExpectUnwrapped(self)
        }
    }
}
