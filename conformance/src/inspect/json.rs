//! An inspection as JSON, in a shape that programs can rely on.

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;

use super::{
    fields_as, inspect_as,
    model::{Inspection, Kind, Node, Span},
    vector,
};

/// An inspection for programs.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// What the token was read as.
    pub kind: Kind,
    /// The name of that structure in the specification.
    pub structure: &'static str,
    /// Length of the token in bytes.
    pub length: usize,
    /// Whether a conforming reader refuses it.
    pub malformed: bool,
    /// What it means, as the vector files of the project spell it; null if it is malformed or of a kind that has no
    /// vector file.
    pub fields: Option<serde_json::Value>,
    /// The decoded fields by their paths in scenarios.
    pub paths: Vec<Path>,
    /// The whole token.
    pub tree: Node,
}

/// A decoded field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Path {
    /// Its path in scenarios.
    pub path: String,
    /// Its value as an edit of a scenario would spell it.
    pub value: String,
    /// Where it stands.
    #[serde(flatten)]
    pub span: Span,
}

/// What there is to say about a token, for programs.
#[must_use]
pub fn report(kind: Kind, bytes: &[u8]) -> Report {
    let inspection: Inspection = inspect_as(kind, bytes);
    let malformed = inspection.is_malformed();
    let fields = if malformed {
        None
    } else {
        vector::fields(kind, bytes)
    };
    let paths = fields_as(kind, bytes)
        .into_iter()
        .map(|(path, value, range)| Path {
            path,
            value,
            span: Span {
                start: range.start,
                end: range.end,
            },
        })
        .collect();
    Report {
        kind,
        structure: kind.structure(),
        length: inspection.length,
        malformed,
        fields,
        paths,
        tree: inspection.tree,
    }
}

/// The JSON Schema of [`Report`].
#[must_use]
pub fn schema() -> Schema {
    schema_for!(Report)
}
