//! Which cells of a package's model a case reached. All of it is read off the trace: what the legs of a side came to, and
//! what went in and out; no state of any subject is looked at.
//!
//! The walk over the legs is the same for every package. What state a leg leads to, and what a token is, each package has
//! in a file of its own.

mod negotiate;
mod ntlm;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    protocol::{Request, Role},
    run::trace::{Event, Trace},
    runner::CaseResult,
    suite::{
        mapping::{Class, Mapping, Reason},
        model::{Cell, FAILED, Model, Part},
    },
};

/// Number of cases by the cell that they reached.
pub type Reached = BTreeMap<Cell, usize>;

/// How the traffic of a package is read.
#[derive(Clone, Copy)]
struct Traffic {
    /// What a token is; none if it is no message that is well formed as a whole.
    read: fn(&[u8]) -> Option<Box<dyn Message>>,
    /// The state behind a leg that did not fail.
    behind: for<'m> fn(&'m Model, &Leg<'_, 'm>) -> &'m str,
}

/// A message that came in.
trait Message {
    /// Its name in the model.
    fn name(&self) -> &'static str;
    /// The form of one of its parts.
    fn form(&self, part: &str) -> &'static str;
}

/// A leg that did not fail.
struct Leg<'t, 'm> {
    side: Role,
    /// The state before it.
    state: &'m str,
    event: &'t Event,
    /// Whether nothing is left to do for the side.
    complete: bool,
}

impl Traffic {
    fn of(package: &str) -> Option<Self> {
        match package {
            "ntlm" => Some(ntlm::TRAFFIC),
            "negotiate" => Some(negotiate::TRAFFIC),
            _ => None,
        }
    }
}

/// The cells of a package's model that cases of the package reached on a side that they judge.
#[must_use]
pub fn reached(package: &str, model: &Model, mapping: &Mapping, results: &[CaseResult]) -> Reached {
    let mut reached = Reached::new();
    let Some(traffic) = Traffic::of(package) else {
        return reached;
    };
    for result in results.iter().filter(|result| result.trace.package == package) {
        let sides = result.judged.iter();
        let cells: BTreeSet<Cell> = sides
            .flat_map(|side| of_side(traffic, model, mapping, &result.trace, *side))
            .collect();
        for cell in cells {
            let count = reached.entry(cell).or_insert(0_usize);
            *count = count.saturating_add(1);
        }
    }
    reached
}

/// The cells that a side was in, leg by leg.
fn of_side(traffic: Traffic, model: &Model, mapping: &Mapping, trace: &Trace, side: Role) -> Vec<Cell> {
    let Some(start) = model.states(side).next() else {
        return Vec::new();
    };
    let mut state = start;
    let mut cells = Vec::new();
    for (at, event) in trace.legs().filter(|(_, event)| event.side == side) {
        if event.leg().is_some_and(|leg| leg.context.is_none()) {
            state = start;
        }
        if !trace.is_genuine(side, at) || !took_place(mapping, trace, at, event) {
            continue;
        }
        cells.extend(of_leg(traffic, model, side, state, event));
        let class = class(mapping, event);
        let complete = matches!(class, Some(Class::Ok | Class::Complete));
        let leg = Leg {
            side,
            state,
            event,
            complete,
        };
        state = match class {
            Some(Class::Failure) if model.is_established(side, state) => state,
            Some(Class::Failure) => FAILED,
            _ if state == FAILED => FAILED,
            _ => (traffic.behind)(model, &leg),
        };
    }
    cells
}

/// Whether a call reached the context: its handle was right, there was room for its output, and nothing else kept it
/// from beginning.
fn took_place(mapping: &Mapping, trace: &Trace, at: usize, event: &Event) -> bool {
    let Some(leg) = event.leg() else { return false };
    let gone = |context: u64| {
        let earlier = trace.events.iter().take(at);
        let deletes = |event: &Event| matches!(event.request, Request::Delete { context: deleted } if deleted == context);
        context != leg.new_context || earlier.filter(|other| other.side == event.side).any(deletes)
    };
    let reason = event
        .status()
        .and_then(|status| mapping.meaning(status, "reference")?.reason);
    let could_not_begin = match reason {
        Some(Reason::InvalidHandle) => leg.context.is_none(),
        Some(
            Reason::BufferTooSmall | Reason::InsufficientMemory | Reason::Internal | Reason::NoCredentials,
        ) => true,
        _ => leg.output.is_empty(),
    };
    event.outcome().is_some() && !leg.context.is_some_and(gone) && !could_not_begin
}

fn class(mapping: &Mapping, event: &Event) -> Option<Class> {
    Some(mapping.meaning(event.status()?, "reference")?.class)
}

/// The cells of one leg: one, or one for each part of the message that came in.
fn of_leg(traffic: Traffic, model: &Model, side: Role, state: &str, event: &Event) -> Vec<Cell> {
    let message = event.input().and_then(traffic.read);
    let input = match (event.input(), &message) {
        (None, _) => "none",
        (Some([]), _) => "empty",
        (Some(_), None) => "other",
        (Some(_), Some(message)) => message.name(),
    };
    let cell = |part| Cell {
        side,
        state: state.to_owned(),
        input: input.to_owned(),
        part,
    };
    let parts = model.messages.get(input).map(Vec::as_slice).unwrap_or_default();
    match message {
        Some(message) if !parts.is_empty() => {
            let part = |name: &String| Part {
                name: name.clone(),
                form: message.form(name).to_owned(),
            };
            parts.iter().map(|name| cell(Some(part(name)))).collect()
        }
        _ => vec![cell(None)],
    }
}
