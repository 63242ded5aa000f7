//! The mechanism's tokens in those of the negotiation.

use std::borrow::Cow;

use legwork_engine::negotiate::messages::Token;

use super::trace::{TOKEN, Trace};
use crate::{
    protocol::{Buffer, Request},
    subject::Answer,
};

/// The trace with the mechanism's tokens in the place of those that carry them.
#[must_use]
pub fn unwrapped(trace: &Trace) -> Trace {
    let mut inner = trace.clone();
    for event in inner.events.iter_mut().filter(|event| event.leg().is_some()) {
        if let Request::Initialize(leg) | Request::Accept(leg) = &mut event.request {
            unwrap(&mut leg.input);
        }
        for answer in [Some(&mut event.answer), event.completed.as_mut()]
            .into_iter()
            .flatten()
        {
            if let Answer::Outcome(outcome) = answer {
                unwrap(&mut outcome.buffers);
            }
        }
    }
    inner
}

fn unwrap(buffers: &mut Vec<Buffer>) {
    buffers.retain_mut(|buffer| {
        if buffer.kind != TOKEN {
            return true;
        }
        let inner = mechanism_token(&buffer.bytes).map(Cow::into_owned);
        let found = inner.is_some();
        buffer.bytes = inner.unwrap_or_default();
        found
    });
}

/// The mechanism's token in a token.
#[must_use]
pub fn mechanism_token(token: &[u8]) -> Option<Cow<'_, [u8]>> {
    match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_token,
        Token::Resp(resp) => resp.response_token,
        Token::Ntlm(message) => Some(Cow::Borrowed(message)),
        _ => None,
    }
}

/// Where the mechanism's token begins in a token; at its beginning if there is none.
#[must_use]
pub fn start(token: &[u8]) -> usize {
    mechanism_token(token).map_or(0, |inner| place(token, &inner))
}

/// Where a part of a token begins in it.
#[must_use]
pub fn place(token: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().saturating_sub(token.as_ptr().addr())
}
