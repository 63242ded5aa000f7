//! The exchange of the mechanism inside one of Negotiate: the same calls, with the mechanism's own tokens.

use std::borrow::Cow;

use legwork_engine::negotiate::messages::Token;

use crate::{
    protocol::{Buffer, Request},
    run::trace::{Event, Purpose, TOKEN, Trace},
    subject::Answer,
};

/// What the mechanism sees of a trace.
pub(super) struct View {
    /// The same events; the tokens of legs are the mechanism's, and there is none where it has none.
    pub(super) trace: Trace,
    /// Where the mechanism's token begins in the output of each event.
    pub(super) starts: Vec<usize>,
}

impl View {
    pub(super) fn of(trace: &Trace) -> Self {
        let starts = trace.events.iter().map(|event| event.output().map_or(0, start));
        let starts = starts.collect();
        let mut trace = trace.clone();
        for event in trace
            .events
            .iter_mut()
            .filter(|event| matches!(event.purpose, Purpose::Leg(_)))
        {
            unwrap(event);
        }
        Self { trace, starts }
    }
}

fn unwrap(event: &mut Event) {
    if let Request::Initialize(leg) | Request::Accept(leg) = &mut event.request {
        bare(&mut leg.input);
    }
    for answer in [Some(&mut event.answer), event.completed.as_mut()]
        .into_iter()
        .flatten()
    {
        if let Answer::Outcome(outcome) = answer {
            bare(&mut outcome.buffers);
        }
    }
}

/// Puts the mechanism's token in the place of the token around it.
fn bare(buffers: &mut Vec<Buffer>) {
    buffers.retain_mut(|buffer| {
        if buffer.kind != TOKEN {
            return true;
        }
        let inner = mechanism_token(&buffer.bytes).map(Cow::into_owned);
        inner.is_some_and(|inner| {
            buffer.bytes = inner;
            true
        })
    });
}

/// The mechanism's token inside one of Negotiate; one without wrapper is its own.
pub(super) fn mechanism_token(token: &[u8]) -> Option<Cow<'_, [u8]>> {
    match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_token,
        Token::Resp(response) => response.response_token,
        Token::Ntlm(bytes) => Some(Cow::Borrowed(bytes)),
        _ => None,
    }
}

/// Where the mechanism's token begins.
fn start(token: &[u8]) -> usize {
    mechanism_token(token).map_or(0, |inner| super::exchange::place(token, &inner).start)
}
