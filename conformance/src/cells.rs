//! Which cells of a package's model a case reached. All of it is read off the trace: the state of a side is the number
//! of its legs that succeeded, or that one failed; no state of any subject is looked at.

use std::collections::{BTreeMap, BTreeSet};

use legwork_engine::{
    codec,
    ntlm::messages::{Authenticate, Challenge, Descriptor, MessageType, Negotiate, message_type},
};

use crate::{
    edit::fields::Fields,
    protocol::{Request, Role},
    run::trace::{Event, Trace},
    runner::CaseResult,
    suite::{
        mapping::{Class, Mapping, Reason},
        model::{Cell, FAILED, FIXED_PART, Model, Part},
    },
};

/// Number of cases by the cell that they reached.
pub type Reached = BTreeMap<Cell, usize>;

/// The cells that cases reached on a side that they judge.
#[must_use]
pub fn reached(model: &Model, mapping: &Mapping, results: &[CaseResult]) -> Reached {
    let mut reached = Reached::new();
    for result in results {
        let sides = result.judged.iter();
        let cells: BTreeSet<Cell> = sides
            .flat_map(|side| of_side(model, mapping, &result.trace, *side))
            .collect();
        for cell in cells {
            let count = reached.entry(cell).or_insert(0_usize);
            *count = count.saturating_add(1);
        }
    }
    reached
}

/// The cells that a side was in, leg by leg.
fn of_side(model: &Model, mapping: &Mapping, trace: &Trace, side: Role) -> Vec<Cell> {
    let established = model.states(side).count().saturating_sub(2);
    let (mut done, mut failed) = (0_usize, false);
    let mut cells = Vec::new();
    for (at, event) in trace.legs().filter(|(_, event)| event.side == side) {
        if event.leg().is_some_and(|leg| leg.context.is_none()) {
            (done, failed) = (0, false);
        }
        if !trace.is_genuine(side, at) || !took_place(mapping, trace, at, event) {
            continue;
        }
        let state = match failed {
            true => Some(FAILED),
            false => model.states(side).nth(done),
        };
        cells.extend(
            state
                .into_iter()
                .flat_map(|state| of_leg(model, side, state, event)),
        );
        match class(mapping, event) {
            Some(Class::Failure) => failed |= done < established,
            _ => done = done.saturating_add(1),
        }
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
fn of_leg(model: &Model, side: Role, state: &str, event: &Event) -> Vec<Cell> {
    let message = event.input().and_then(Message::read);
    let input = match (event.input(), &message) {
        (None, _) => "none",
        (Some([]), _) => "empty",
        (Some(_), None) => "other",
        (Some(_), Some(message)) => message.name,
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

/// A message that is well formed as a whole.
struct Message {
    name: &'static str,
    fields: Box<dyn Fields>,
    fixed_part: &'static str,
}

impl Message {
    fn read(token: &[u8]) -> Option<Self> {
        let message = |name, fields| Self {
            name,
            fields,
            fixed_part: "",
        };
        match message_type(token).ok()? {
            MessageType::NEGOTIATE => {
                let read = Negotiate::parse(token).ok()?.into_owned();
                Some(message("negotiate", Box::new(read)))
            }
            MessageType::CHALLENGE => {
                let read = Challenge::parse(token).ok()?.into_owned();
                let fixed_part = fixed_part(token, &read);
                let message = message("challenge", Box::new(read));
                Some(Self {
                    fixed_part,
                    ..message
                })
            }
            MessageType::AUTHENTICATE => {
                let read = Authenticate::parse(token).ok()?.into_owned();
                Some(message("authenticate", Box::new(read)))
            }
            _ => None,
        }
    }

    /// The form of a part. A pair is present although its value may be empty; any other part without bytes is absent.
    fn form(&self, part: &str) -> &'static str {
        let value = self.fields.get(part);
        match value.is_some_and(|value| part.contains('.') || !value.is_empty()) {
            _ if part == FIXED_PART => self.fixed_part,
            true => "present",
            false => "absent",
        }
    }
}

/// The size of the fixed part of a CHALLENGE: where its target name begins, or where the message ends.
fn fixed_part(token: &[u8], message: &Challenge<'_>) -> &'static str {
    let name = Descriptor::parse(token, 12, "TargetName").ok();
    let name = name.filter(|_| !message.target_name.is_empty());
    match name.map_or(token.len(), |name| codec::index(name.offset)) {
        ..40 => "32",
        40..48 => "40",
        _ => "48",
    }
}
