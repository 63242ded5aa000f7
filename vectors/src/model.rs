//! The shape of a data file.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One data file: the vectors of one token, or of one kind of known answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Path from the file to the schema.
    #[serde(rename = "$schema")]
    pub schema: String,
    /// Security package, `ntlm`.
    pub package: String,
    /// What the vectors are: `negotiate`, `challenge`, `keys` …
    pub token: String,
    /// How many vectors the file holds.
    pub count: usize,
    /// Vectors by where they come from.
    pub groups: Vec<Group>,
}

/// Vectors of one origin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Where the values can be looked up.
    pub source: Source,
    /// What the values are worth.
    pub authority: Authority,
    /// The vectors, in the order of their numbers.
    pub vectors: Vec<Vector>,
}

/// Where values can be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Document, or implementation and version.
    pub name: String,
    /// Section of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    /// Address of the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How an implementation was made to produce the values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// What the values of a group are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Authority {
    /// Printed in the specification.
    Spec,
    /// Produced by an implementation that is not ours.
    Foreign,
    /// Made here: guards against change, proves nothing by itself.
    Own,
}

/// What a conforming reader does with a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Takes it, or computes exactly this.
    Valid,
    /// Refuses it, for the reason given.
    Invalid,
}

/// A golden token or a known answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vector {
    /// Path of the file without suffix, and a running number: `ntlm/challenge/1`.
    pub id: String,
    /// One line for the reader of a report.
    pub comment: String,
    /// Which computation is meant, in files of known answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The token, or the value that `function` yields.
    #[serde(default, with = "hex_text", skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Vec<u8>>,
    /// What the computation is given.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// What the token means, or the parts of the answer.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// What a conforming reader does.
    pub result: Outcome,
    /// Class of the defect, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Id of the valid vector that differs in just this one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<String>,
    /// Short marks that a consumer can select by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// Remarks; errata of the source begin with their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Optional bytes as hexadecimal text.
mod hex_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(source)?;
        text.map(hex::decode).transpose().map_err(D::Error::custom)
    }

    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, sink: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => sink.serialize_str(&hex::encode(bytes)),
            None => sink.serialize_none(),
        }
    }
}
