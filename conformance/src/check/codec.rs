//! A library's codec and key functions by themselves. Expected values are those of the vectors.

use legwork_vectors::{Outcome, Vector};
use serde_json::{Map, Value};

use super::Judge;
use crate::{
    inspect,
    protocol::{self, Request},
    run::trace::{Purpose, TOKEN, buffer},
    suite::{
        mapping::Class,
        vectors::{self, TokenKind},
    },
};

/// Statuses are judged as what the scenario expects; here are the values that come with them, where a call that should
/// succeed does.
pub(super) fn check(judge: &mut Judge<'_>) {
    for (at, event) in judge.trace.events.iter().enumerate() {
        let (Purpose::Vector(id), Some(expect)) = (event.purpose, &event.expect) else {
            continue;
        };
        let (Some(known), Some(outcome)) = (vectors::known(id), event.outcome()) else {
            continue;
        };
        let meaning = judge.meaning(event);
        let failed = meaning.is_some_and(|meaning| meaning.class == Class::Failure);
        if known.vector.result == Outcome::Valid && !failed {
            let wrong = difference_of(&event.request, &known.vector, outcome);
            judge.check(&expect.rule, at, wrong.is_none(), || {
                format!("{id}: {}", wrong.unwrap_or_default())
            });
        }
    }
}

/// What differs between a vector and the answer to a request that was made of it.
fn difference_of(request: &Request, vector: &Vector, outcome: &protocol::Outcome) -> Option<String> {
    match request {
        Request::Decode { .. } => decoded(vector, outcome),
        Request::Encode { token, .. } => encoded(vector, token, outcome),
        _ => derived(vector, outcome),
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
