//! A library's codec and key functions by themselves. Expected values are those of the vectors.

use legwork_vectors::{Outcome, Vector};
use serde_json::{Map, Value};

use super::{Finding, Judge, Verdict};
use crate::{
    inspect,
    protocol::{self, Request},
    run::trace::{Event, Purpose, TOKEN, buffer},
    suite::{
        mapping::Class,
        vectors::{self, TokenKind},
    },
};

pub(super) fn check(judge: &mut Judge<'_>) {
    for (at, event) in judge.trace.events.iter().enumerate() {
        let Purpose::Vector(id) = event.purpose else {
            continue;
        };
        if let (Some(known), Some(outcome)) = (vectors::known(id), event.outcome()) {
            answer(judge, (at, event), &known.vector, outcome);
        }
    }
}

/// The status is what the scenario expects, and is judged as such; here are the values that come with it.
fn answer(judge: &mut Judge<'_>, (at, event): (usize, &Event), vector: &Vector, outcome: &protocol::Outcome) {
    let (rule, wrong) = match &event.request {
        Request::Decode { .. } if vector.result == Outcome::Invalid => ("codec/ntlm/refuses-malformed", None),
        Request::Decode { .. } => ("codec/ntlm/decodes", decoded(vector, outcome)),
        Request::Encode { token, .. } => ("codec/ntlm/encodes", encoded(vector, token, outcome)),
        Request::Derive { .. } => ("codec/ntlm/derives", derived(vector, outcome)),
        _ => return,
    };
    if event.expect.is_none() {
        return not_judged(judge, rule, at, event);
    }
    let failed = judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class == Class::Failure);
    if vector.result == Outcome::Valid && !failed {
        judge.check(rule, at, wrong.is_none(), || {
            format!("{}: {}", vector.id, wrong.unwrap_or_default())
        });
    }
}

fn not_judged(judge: &mut Judge<'_>, rule: &str, at: usize, event: &Event) {
    if judge.seen(event.side).judged {
        let message = "the values of the vector are our own, which is no proof".to_owned();
        let verdict = Verdict::NotApplicable;
        judge
            .findings
            .push(Finding::new(rule, event.side, verdict, Some(at), message));
    }
}

fn decoded(vector: &Vector, outcome: &protocol::Outcome) -> Option<String> {
    let shown = outcome.values.clone().into_iter().collect();
    members("", &vector.fields, &shown)
}

/// The parts of a message may stand in any order (MS-NLMP section 2.2.1), so other bytes are read before they are
/// found wrong.
fn encoded(vector: &Vector, token: &str, outcome: &protocol::Outcome) -> Option<String> {
    let Some(made) = buffer(&outcome.buffers, TOKEN) else {
        return Some("no token came".to_owned());
    };
    if vector.bytes.as_deref() == Some(made) {
        return None;
    }
    let read = TokenKind::from_name(token).and_then(|token| inspect::vector_fields(token.into(), made));
    let Some(Value::Object(read)) = read else {
        return Some("the token cannot be read".to_owned());
    };
    vector.fields.iter().find_map(|(name, expected)| {
        let found = read.get(name).unwrap_or(&Value::Null);
        difference(name, expected, found)
    })
}

fn derived(vector: &Vector, outcome: &protocol::Outcome) -> Option<String> {
    let expected = hex::encode(vector.bytes.as_deref().unwrap_or_default());
    let value = outcome.values.get("value").unwrap_or(&Value::Null);
    difference("value", &Value::String(expected), value)
}

/// The first difference between what is expected and what is shown, where both have a member.
fn members(place: &str, expected: &Map<String, Value>, shown: &Map<String, Value>) -> Option<String> {
    let mut both = expected
        .iter()
        .filter_map(|(name, value)| Some((name, value, shown.get(name)?)))
        .peekable();
    if both.peek().is_none() {
        return Some(
            format!("{place}: no field of the vector is shown")
                .trim_start_matches(": ")
                .to_owned(),
        );
    }
    both.find_map(|(name, expected, shown)| {
        let place = match place {
            "" => name.clone(),
            outer => format!("{outer}.{name}"),
        };
        difference(&place, expected, shown)
    })
}

fn difference(place: &str, expected: &Value, shown: &Value) -> Option<String> {
    match (expected, shown) {
        (Value::Object(expected), Value::Object(shown)) => members(place, expected, shown),
        (Value::Array(expected), Value::Array(shown)) if expected.len() == shown.len() => {
            let mut pairs = expected.iter().zip(shown).enumerate();
            pairs.find_map(|(index, (expected, shown))| {
                difference(&format!("{place}[{index}]"), expected, shown)
            })
        }
        _ if expected == shown => None,
        _ => Some(format!("{place}: expected {expected}, got {shown}")),
    }
}
