//! The tokens of an exchange, each with what its maker had seen before.

use legwork_engine::ntlm::messages::{MessageType, message_type};

use crate::{
    protocol::Role,
    run::trace::{Event, Purpose, Trace},
};

/// A token that a side made of its own will, with the event that brought it.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Made<'a> {
    pub(in crate::check) at: usize,
    pub(in crate::check) event: &'a Event,
    pub(in crate::check) token: &'a [u8],
}

/// The tokens of a type that were not altered as sent.
pub(in crate::check) fn made(trace: &Trace, kind: MessageType) -> impl Iterator<Item = Made<'_>> {
    trace
        .legs()
        .filter(|(_, event)| !event.altered_output)
        .filter_map(move |(at, event)| {
            let token = event.output()?;
            (message_type(token).ok()? == kind).then_some(Made { at, event, token })
        })
}

/// The last token that a side made before an event.
pub(in crate::check) fn own_last(
    trace: &Trace,
    side: Role,
    before: usize,
    kind: MessageType,
) -> Option<&[u8]> {
    let events = trace.events.get(..before)?;
    let own = events
        .iter()
        .filter(|event| event.side == side && matches!(event.purpose, Purpose::Leg(_)));
    own.filter_map(Event::output)
        .rfind(|token| message_type(token).is_ok_and(|found| found == kind))
}
