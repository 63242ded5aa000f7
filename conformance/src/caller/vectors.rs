//! The traces among the vectors: each mistake of a program, and a twin that does not make it.

use legwork_vectors::{Outcome, Vector};

use super::{Trace, TraceError};

/// The file that has them.
const FILE: &str = "caller/trace.json";

/// A trace that a rule is shown by.
#[derive(Clone, Debug)]
pub struct TraceVector {
    /// The id of the vector.
    pub id: String,
    /// What the program does.
    pub comment: String,
    /// The only rule that it breaks; none if it keeps all.
    pub breaks: Option<String>,
    /// The trace as text.
    pub text: String,
    /// The trace.
    pub trace: Result<Trace, TraceError>,
}

/// The traces in order of their numbers.
#[must_use]
pub fn traces() -> Vec<TraceVector> {
    let groups = legwork_vectors::load(FILE).map(|document| document.groups);
    let vectors = groups.into_iter().flatten().flat_map(|group| group.vectors);
    vectors.map(|vector| read(&vector)).collect()
}

fn read(vector: &Vector) -> TraceVector {
    let lines = vector.inputs.get("trace").and_then(serde_json::Value::as_array);
    let lines = lines.into_iter().flatten().map(ToString::to_string);
    let text = lines.collect::<Vec<_>>().join("\n");
    let broken = vector
        .reason
        .as_deref()
        .filter(|_| vector.result == Outcome::Invalid);
    TraceVector {
        id: vector.id.clone(),
        comment: vector.comment.clone(),
        breaks: broken.map(|rule| format!("caller/general/{rule}")),
        trace: Trace::parse(&text),
        text,
    }
}
