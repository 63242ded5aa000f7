//! Exchanges of Negotiate: what the calls answer, every token against the rules of SPNEGO, and the mechanism's exchange
//! inside as if it stood alone.

mod code;
mod exchange;
mod tokens;
mod view;

use legwork_engine::negotiate::messages::{MechTypes, NegState, Oid, Token};

use super::{Judge, ntlm};
use crate::{
    protocol::Role,
    run::trace::{Event, Trace},
};
use view::View;

pub(super) fn check(judge: &mut Judge<'_>) {
    let view = View::of(judge.trace);
    tokens::check(judge, &view.trace);
    code::check(judge, &view.trace);
    mechanism(judge, &view);
}

/// The mechanism's tokens and keys. What is found is told of the tokens around them.
fn mechanism(judge: &mut Judge<'_>, view: &View) {
    let codes = code::codes(judge.trace);
    let mut inside = Judge {
        suite: judge.suite,
        trace: &view.trace,
        sides: judge.sides,
        findings: Vec::new(),
    };
    ntlm::check_tokens(&mut inside, &codes);
    for mut finding in inside.findings {
        let start = finding
            .event
            .and_then(|at| view.starts.get(at))
            .copied()
            .unwrap_or_default();
        finding.range = finding
            .range
            .map(|range| start.saturating_add(range.start)..start.saturating_add(range.end));
        judge.findings.push(finding);
    }
}

/// The answers that a side sent or got.
fn answers(trace: &Trace, side: Role) -> impl Iterator<Item = Token<'_>> {
    let legs = trace.legs().filter(move |(_, event)| event.side == side);
    let tokens = legs.filter_map(move |(_, event)| match side {
        Role::Initiator => event.input(),
        Role::Acceptor => Event::output(event),
    });
    tokens.filter_map(|token| Token::parse(token).ok())
}

/// The mechanism that the acceptor chose, as a side knows it.
fn chosen(trace: &Trace, side: Role) -> Option<Oid<'_>> {
    answers(trace, side).find_map(|token| match token {
        Token::Resp(response) => response.supported_mech,
        _ => None,
    })
}

/// Whether neither side may be done without the other's code, as a side knows it: the acceptor asked for codes, or did
/// not choose the initiator's first mechanism.
fn needs_codes(trace: &Trace, side: Role) -> bool {
    let asks = answers(trace, side).any(
        |token| matches!(token, Token::Resp(response) if response.neg_state == Some(NegState::REQUEST_MIC)),
    );
    let list = exchange::list(trace, side);
    let first = list.as_ref().and_then(|list| MechTypes::iter(list).next());
    asks || first
        .zip(chosen(trace, side))
        .is_some_and(|(first, chosen)| first != chosen)
}
