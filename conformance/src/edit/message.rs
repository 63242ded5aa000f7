//! A token of any kind as its typed message: read, changed, written.

use legwork_engine::{
    error::TokenError,
    negotiate::messages::{NegTokenInit, NegTokenResp, Token},
    ntlm::messages::{Authenticate, Challenge, MessageType, Negotiate, Signature, message_type},
};

use super::fields::Fields;

/// An owned message.
#[derive(Debug)]
pub(super) enum Message {
    Negotiate(Negotiate<'static>),
    Challenge(Challenge<'static>),
    Authenticate(Authenticate<'static>),
    Signature(Signature),
    /// A first token of Negotiate with its framing.
    Framed(NegTokenInit<'static>),
    /// The same without framing.
    Bare(NegTokenInit<'static>),
    Resp(NegTokenResp<'static>),
}

impl Message {
    /// Reads a token of NTLM or of Negotiate. What begins like none of them is a signature.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        match Token::parse(bytes) {
            Ok(Token::Framed(init)) => Ok(Self::Framed(init.into_owned())),
            Ok(Token::Bare(init)) => Ok(Self::Bare(init.into_owned())),
            Ok(Token::Resp(resp)) => Ok(Self::Resp(resp.into_owned())),
            _ => Self::of_ntlm(bytes),
        }
    }

    /// Reads a token of NTLM.
    pub(super) fn of_ntlm(bytes: &[u8]) -> Result<Self, TokenError> {
        Ok(match message_type(bytes) {
            Ok(MessageType::NEGOTIATE) => Self::Negotiate(Negotiate::parse(bytes)?.into_owned()),
            Ok(MessageType::CHALLENGE) => Self::Challenge(Challenge::parse(bytes)?.into_owned()),
            Ok(MessageType::AUTHENTICATE) => Self::Authenticate(Authenticate::parse(bytes)?.into_owned()),
            _ => Self::Signature(Signature::parse(bytes)?),
        })
    }

    pub(super) fn fields(&mut self) -> &mut dyn Fields {
        match self {
            Self::Negotiate(message) => message,
            Self::Challenge(message) => message,
            Self::Authenticate(message) => message,
            Self::Signature(signature) => signature,
            Self::Framed(init) | Self::Bare(init) => init,
            Self::Resp(resp) => resp,
        }
    }

    pub(super) fn emit(&self) -> Vec<u8> {
        match self {
            Self::Negotiate(message) => message.emit(),
            Self::Challenge(message) => message.emit(),
            Self::Authenticate(message) => message.emit(),
            Self::Signature(signature) => signature.emit().to_vec(),
            Self::Framed(init) => init.emit_framed(),
            Self::Bare(init) => init.emit(),
            Self::Resp(resp) => resp.emit(),
        }
    }
}
