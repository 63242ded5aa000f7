//! The tokens of an exchange of Negotiate, each with what its maker had seen before.

use std::borrow::Cow;

use legwork_engine::negotiate::messages::{MechTypes, NegTokenInit, NegTokenResp, Token};

use crate::{
    check::{Judge, calls::completed_before},
    protocol::Role,
    run::trace::{Event, Trace},
    suite::mapping::Class,
};

/// A token that a side made of its own will while the exchange was under way.
pub(super) struct Made<'a> {
    pub(super) at: usize,
    pub(super) event: &'a Event,
    pub(super) token: &'a [u8],
    pub(super) read: Token<'a>,
}

impl<'a> Made<'a> {
    pub(super) fn init(&self) -> Option<&NegTokenInit<'a>> {
        init(&self.read)
    }

    pub(super) fn response(&self) -> Option<&NegTokenResp<'a>> {
        match &self.read {
            Token::Resp(response) => Some(response),
            _ => None,
        }
    }
}

/// The tokens that were not altered as sent and can be read, in order.
pub(super) fn made<'a>(judge: &Judge<'a>) -> Vec<Made<'a>> {
    let mut made = Vec::new();
    for (at, event) in judge.trace.legs() {
        let token = event.output().filter(|token| !token.is_empty());
        let Some(token) = token.filter(|_| !event.altered_output && !completed_before(judge, at, event.side))
        else {
            continue;
        };
        if let Ok(read) = Token::parse(token) {
            made.push(Made {
                at,
                event,
                token,
                read,
            });
        }
    }
    made
}

/// Whether a side did not refuse what it got.
pub(super) fn went_on(judge: &Judge<'_>, event: &Event) -> bool {
    judge
        .meaning(event)
        .is_none_or(|meaning| meaning.class != Class::Failure)
}

/// Whether a side says that it is done.
pub(super) fn is_done(judge: &Judge<'_>, event: &Event) -> bool {
    judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class == Class::Ok)
}

fn init<'t, 'a>(token: &'t Token<'a>) -> Option<&'t NegTokenInit<'a>> {
    match token {
        Token::Framed(init) | Token::Bare(init) => Some(init),
        _ => None,
    }
}

/// The list of the first token that an initiator sent, or that an acceptor got.
pub(super) fn list(trace: &Trace, of: Role) -> Option<MechTypes<'_>> {
    let legs = trace.legs().filter(|(_, event)| event.side == of);
    let mut tokens = legs.filter_map(|(_, event)| match of {
        Role::Initiator => event.output(),
        Role::Acceptor => event.input(),
    });
    tokens.find_map(|token| match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_types,
        _ => None,
    })
}

/// The mechListMIC of a token.
pub(super) fn code(token: &[u8]) -> Option<Cow<'_, [u8]>> {
    match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_list_mic,
        Token::Resp(response) => response.mech_list_mic,
        _ => None,
    }
}

/// Where a part of a token stands in it.
pub(super) fn place(token: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(token.as_ptr().addr());
    start..start.saturating_add(part.len())
}
