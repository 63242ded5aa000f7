//! What is shown of one failed check: where it is, the bytes that it is about, and what differs.

use std::ops::Range;

use crate::{
    check::Finding,
    inspect::{self, Kind, diff},
    protocol::Role,
    render,
    run::trace::{Event, Purpose, Trace},
    runner::{self, CaseResult, Saboteurs},
};

use super::{Run, harmless, operation, status_name};

/// Where a check is: side, call and leg.
pub(super) fn place(run: &Run<'_>, result: &CaseResult, finding: &Finding) -> String {
    let event = finding
        .event
        .and_then(|at| Some((at, result.trace.events.get(at)?)));
    let Some((at, event)) = event else {
        return finding.side.name().to_owned();
    };
    let call = at.saturating_add(1);
    let status = status_name(run.suite, event)
        .map(|name| format!(" → {}", harmless(&name)))
        .unwrap_or_default();
    let what = match event.purpose {
        Purpose::Leg(number) => format!("leg {}, {}", number.saturating_add(1), operation(&event.request)),
        _ => operation(&event.request).to_owned(),
    };
    let side = if event.side == finding.side {
        ""
    } else {
        " of the peer"
    };
    format!(
        "{}, {what}{side}{status} (call {call} of {})",
        finding.side.name(),
        result.trace.events.len()
    )
}

/// The paragraphs that show the bytes, each with a heading.
pub(super) fn paragraphs(run: &Run<'_>, result: &CaseResult, finding: &Finding) -> Vec<(String, String)> {
    let event = finding
        .event
        .and_then(|at| Some((at, result.trace.events.get(at)?)));
    let Some((at, event)) = event else {
        return Vec::new();
    };
    let mut paragraphs = Vec::new();
    paragraphs.extend(tampered(&result.trace, at, event));
    paragraphs.extend(marked(event, finding));
    paragraphs.extend(against_reference(run, result, finding, at, event));
    paragraphs
}

/// What happened to the input on its way.
fn tampered(trace: &Trace, at: usize, event: &Event) -> Option<(String, String)> {
    let before = trace.events.get(..at)?.iter().rev();
    let mut sent = before
        .filter(|earlier| earlier.side != event.side)
        .filter_map(Event::output);
    let (sent, received) = (sent.next()?, event.input()?);
    (event.altered_input && sent != received).then(|| {
        let heading = "input, as the peer sent it (expected) and as it came (actual)".to_owned();
        (heading, render::decoded_diff(sent, received))
    })
}

/// The bytes that the check is about, marked.
fn marked(event: &Event, finding: &Finding) -> Option<(String, String)> {
    let (token, range) = (event.output()?, finding.range.clone()?);
    let label = label(kind(event, token), token, &range);
    let heading = format!("output token, bytes {:#x}..{:#x}", range.start, range.end);
    Some((heading, render::annotated_hex(token, &[(range, label)])))
}

/// The fields that lie in a range, by their paths in scenarios.
fn label(kind: Option<Kind>, token: &[u8], range: &Range<usize>) -> String {
    let fields = match kind {
        Some(kind) => inspect::fields_as(kind, token),
        None => inspect::fields(token),
    };
    let within = |field: &Range<usize>| field.start < range.end && range.start < field.end;
    let exact: Vec<&str> = fields
        .iter()
        .filter(|(_, _, field)| field == range)
        .map(|(path, ..)| path.as_str())
        .collect();
    if let Some(path) = exact.first() {
        return (*path).to_owned();
    }
    let names: Vec<&str> = fields
        .iter()
        .filter(|(_, _, field)| within(field))
        .map(|(path, ..)| path.as_str())
        .collect();
    match names.as_slice() {
        [first, _, _, .., last] => format!("{first} … {last}"),
        few => few.join(", "),
    }
}

/// What the reference's token of the same leg has in the same fields, if the side is not the reference itself.
fn against_reference(
    run: &Run<'_>,
    result: &CaseResult,
    finding: &Finding,
    at: usize,
    event: &Event,
) -> Option<(String, String)> {
    let range = finding.range.clone()?;
    let token = event.output()?;
    let case = run.case(result)?;
    let twin = runner::run_sabotaged(run.suite, case, run.options, &Saboteurs::default()).trace;
    let its = counterpart(&result.trace, &twin, at, event.side)?.output()?;
    let kind = kind(event, token).unwrap_or_else(|| inspect::inspect(token).kind);
    let overlaps = |side: &diff::Side| side.span.start < range.end && range.start < side.span.end;
    let differences = diff::differences(kind, its, token);
    let here = differences
        .iter()
        .filter(|difference| difference.actual.as_ref().is_some_and(overlaps));
    let lines: String = here.map(shown).collect();
    let heading = "decoded: the reference in its place (-), the subject (+)".to_owned();
    (!lines.is_empty()).then_some((heading, lines))
}

fn shown(difference: &diff::Difference) -> String {
    let side = |mark: char, side: &Option<diff::Side>| {
        let value = side.as_ref().map_or("absent", |side| side.shown.as_str());
        format!("  {mark} {}\n", value.replace('\n', "\n    "))
    };
    format!(
        "{}\n{}{}",
        difference.field,
        side('-', &difference.expected),
        side('+', &difference.actual)
    )
}

/// The call of the other trace that has the same purpose, counted among its side's.
fn counterpart<'a>(trace: &Trace, twin: &'a Trace, at: usize, side: Role) -> Option<&'a Event> {
    let event = trace.events.get(at)?;
    let same = |other: &&Event| {
        other.side == side
            && other.purpose == event.purpose
            && operation(&other.request) == operation(&event.request)
    };
    let number = trace.events.get(..at)?.iter().filter(same).count();
    twin.events.iter().filter(same).nth(number)
}

/// What a token is read as, where it does not say so itself.
pub(super) fn kind(event: &Event, token: &[u8]) -> Option<Kind> {
    let signature = event.protect().is_some() && token.len() == 16;
    signature.then_some(Kind::Signature)
}
