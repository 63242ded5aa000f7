//! Mechanisms: the packages that carry out an exchange themselves, behind one form. A context is one of them, or
//! Negotiate, which drives them.

use crate::{
    environment::Environment,
    error::{CallerMisuse, Error},
    ntlm,
    package::Package,
    session::Session,
    turn::{AcceptorTurn, Identity, InitiatorTurn},
};

/// A mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// NTLM (MS-NLMP).
    Ntlm,
}

impl Mechanism {
    /// The package that is the mechanism.
    #[must_use]
    pub const fn package(self) -> Package {
        match self {
            Self::Ntlm => Package::Ntlm,
        }
    }
}

/// The initiating side of a mechanism.
#[derive(Debug)]
pub enum Initiator {
    /// NTLM that has not spoken yet.
    NtlmStart(ntlm::initiator::Start),
    /// NTLM that waits for the CHALLENGE.
    NtlmExpectChallenge(ntlm::initiator::ExpectChallenge),
    /// Done.
    Established(Box<Session>),
}

impl Initiator {
    /// An initiator that will log on as `identity`.
    #[must_use]
    pub fn new(mechanism: Mechanism, identity: Identity) -> Self {
        match mechanism {
            Mechanism::Ntlm => Self::NtlmStart(ntlm::initiator::Start::new(identity)),
        }
    }

    /// One leg.
    ///
    /// # Errors
    /// The leg failed.
    pub fn step(self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Self, Error> {
        Ok(match self {
            Self::NtlmStart(start) => Self::NtlmExpectChallenge(start.step(turn, out)),
            Self::NtlmExpectChallenge(state) => {
                Self::Established(Box::new(Session::Ntlm(state.step(turn, out)?)))
            }
            Self::Established(session) => {
                require_open(turn.environment)?;
                Self::Established(session)
            }
        })
    }

    /// Whether the first leg is still to come.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self, Self::NtlmStart(_))
    }

    /// The session, once there are keys.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Established(session) => Some(session),
            Self::NtlmStart(_) | Self::NtlmExpectChallenge(_) => None,
        }
    }

    /// The session, to be used.
    #[must_use]
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::Established(session) => Some(session),
            Self::NtlmStart(_) | Self::NtlmExpectChallenge(_) => None,
        }
    }
}

/// The accepting side of a mechanism.
#[derive(Debug)]
pub enum Acceptor {
    /// NTLM that waits for the NEGOTIATE message.
    NtlmExpectNegotiate(ntlm::acceptor::ExpectNegotiate),
    /// NTLM that waits for the AUTHENTICATE message.
    NtlmExpectAuthenticate(ntlm::acceptor::ExpectAuthenticate),
    /// Done.
    Established(Box<Session>),
}

impl Acceptor {
    /// An acceptor that waits for a first token.
    #[must_use]
    pub fn new(mechanism: Mechanism) -> Self {
        match mechanism {
            Mechanism::Ntlm => Self::NtlmExpectNegotiate(ntlm::acceptor::ExpectNegotiate),
        }
    }

    /// One leg.
    ///
    /// # Errors
    /// The leg failed.
    pub fn step(self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<Self, Error> {
        Ok(match self {
            Self::NtlmExpectNegotiate(state) => Self::NtlmExpectAuthenticate(state.step(turn, out)?),
            Self::NtlmExpectAuthenticate(state) => {
                let established = state.step(turn)?;
                if deviates!(turn.environment, FinalLegEmitsToken) {
                    out.extend_from_slice(&ntlm::messages::SIGNATURE);
                }
                Self::Established(Box::new(Session::Ntlm(established)))
            }
            Self::Established(session) => {
                require_open(turn.environment)?;
                Self::Established(session)
            }
        })
    }

    /// The session, once there are keys.
    #[must_use]
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Established(session) => Some(session),
            Self::NtlmExpectNegotiate(_) | Self::NtlmExpectAuthenticate(_) => None,
        }
    }

    /// The session, to be used.
    #[must_use]
    pub fn session_mut(&mut self) -> Option<&mut Session> {
        match self {
            Self::Established(session) => Some(session),
            Self::NtlmExpectNegotiate(_) | Self::NtlmExpectAuthenticate(_) => None,
        }
    }
}

/// Refuses another leg of what is done.
pub(crate) fn require_open(environment: &Environment) -> Result<(), Error> {
    if deviates!(environment, CompleteContextStaysOpen) {
        return Ok(());
    }
    Err(CallerMisuse::CompleteContext.into())
}
