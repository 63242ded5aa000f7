//! Tokens of Negotiate in fragments (MS-SPNG sections 3.1.5.4 to 3.1.5.9): which they are, and what they come to.

use std::mem;

use legwork_engine::codec::der::{self, Tag};

use super::trace::{Event, Purpose, TOKEN, Trace};
use crate::{
    protocol::{Buffer, Request, Role},
    subject::Answer,
};

/// Whether the outer tag and length of a token of Negotiate are there, and say more bytes than there are.
#[must_use]
pub fn is_cut_short(token: &[u8]) -> bool {
    let outer = [Tag::application(0), Tag::context(0), Tag::context(1)];
    let ours = token.first().is_some_and(|first| outer.contains(&Tag(*first)));
    ours && der::announced(token).is_some_and(|announced| announced > token.len())
}

/// Legs whose input is a token that is not whole, with those before it: their places.
#[must_use]
pub fn incomplete(trace: &Trace) -> Vec<usize> {
    let mut received: [Vec<u8>; 2] = Default::default();
    let mut places = Vec::new();
    for (at, event) in trace.legs() {
        let received = of(&mut received, event.side);
        if event.purpose == Purpose::Leg(0) {
            received.clear();
        }
        received.extend_from_slice(event.input().unwrap_or_default());
        let cut_short = is_cut_short(received);
        if cut_short {
            places.push(at);
        }
        // Whoever answers does not wait.
        let silent = event.output().is_none_or(<[u8]>::is_empty);
        if !cut_short || !silent {
            received.clear();
        }
    }
    places
}

fn of<T>(sides: &mut [T; 2], side: Role) -> &mut T {
    let [initiator, acceptor] = sides;
    match side {
        Role::Initiator => initiator,
        Role::Acceptor => acceptor,
    }
}

/// What a side has of a leg that took several calls.
#[derive(Debug, Default)]
struct Open {
    /// Parts of its input so far.
    received: Vec<u8>,
    /// Parts of its output so far.
    sent: Vec<u8>,
    /// Its input, once that was whole, and whether it is not what the peer sent.
    input: Option<(Vec<u8>, bool)>,
    /// Calls that were merged with later ones.
    merged: usize,
}

/// The trace with each leg that took several calls as one, in the place of the last of them; none if there is no such
/// leg. `goes_on` tells whether a call asks for another one.
#[must_use]
pub fn assembled(trace: &Trace, goes_on: impl Fn(&Event) -> bool) -> Option<Trace> {
    let cut = |token: Option<&[u8]>| token.is_some_and(is_cut_short);
    if !trace
        .legs()
        .any(|(_, event)| cut(event.input()) || cut(event.output()))
    {
        return None;
    }
    let mut whole = trace.clone();
    let mut open: [Open; 2] = Default::default();
    let mut last: [Vec<u8>; 2] = Default::default();
    for event in &mut whole.events {
        let Purpose::Leg(number) = event.purpose else {
            continue;
        };
        let goes_on = goes_on(event);
        let from_peer = of(&mut last, event.side.peer()).clone();
        let side = of(&mut open, event.side);
        if number == 0 {
            *side = Open::default();
        }
        if side.takes(event, goes_on, &from_peer) {
            event.purpose = Purpose::Leg(number.saturating_sub(side.merged));
            let output = event.output().unwrap_or_default();
            if !output.is_empty() {
                *of(&mut last, event.side) = output.to_vec();
            }
        } else {
            side.merged = side.merged.saturating_add(1);
            event.purpose = Purpose::Step;
        }
    }
    Some(whole)
}

impl Open {
    /// Takes a call; whether the leg ends with it.
    fn takes(&mut self, event: &mut Event, goes_on: bool, from_peer: &[u8]) -> bool {
        let mut input = mem::take(&mut self.received);
        let joined = !input.is_empty();
        input.extend_from_slice(event.input().unwrap_or_default());
        let silent = event.output().is_none_or(<[u8]>::is_empty);
        if is_cut_short(&input) && goes_on && silent {
            self.received = input;
            return false;
        }
        if joined {
            event.altered_input = input != from_peer;
            replace(event, Some(&input), None);
        }
        if let Some((input, altered)) = self.input.take() {
            event.altered_input = altered;
            replace(event, Some(&input), None);
        }
        let mut output = mem::take(&mut self.sent);
        let joined = !output.is_empty();
        output.extend_from_slice(event.output().unwrap_or_default());
        if is_cut_short(&output) && goes_on {
            self.sent = output;
            let input = event.input().unwrap_or_default().to_vec();
            self.input = Some((input, event.altered_input));
            return false;
        }
        if joined {
            replace(event, None, Some(&output));
        }
        true
    }
}

/// Puts other tokens into a call.
fn replace(event: &mut Event, input: Option<&[u8]>, output: Option<&[u8]>) {
    let put = |buffers: &mut Vec<Buffer>, token: &[u8]| {
        buffers.retain(|buffer| buffer.kind != TOKEN);
        if !token.is_empty() {
            buffers.push(Buffer::new(TOKEN, token));
        }
    };
    if let (Request::Initialize(leg) | Request::Accept(leg), Some(token)) = (&mut event.request, input) {
        put(&mut leg.input, token);
    }
    if let (Answer::Outcome(outcome), Some(token)) = (&mut event.answer, output) {
        put(&mut outcome.buffers, token);
    }
}
