//! Records as they stand in files.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::yaml::Located;

/// One record.
#[derive(Clone, Debug, Deserialize)]
pub struct Record {
    /// Name of the record.
    pub id: String,
    /// What the token is.
    pub kind: String,
    /// The token in hex, if there is one.
    #[serde(default)]
    pub token_hex: Option<String>,
    /// Secrets and other tokens.
    #[serde(default, deserialize_with = "members")]
    pub context: Source,
    /// What the source says.
    #[serde(default, deserialize_with = "members")]
    pub ground_truth: Source,
    /// Whether the source takes the token.
    #[serde(default)]
    pub valid: Validity,
    /// Remarks; those of a computation name the flags that it is given.
    #[serde(default)]
    pub note: Option<String>,
    /// What the values are worth.
    #[serde(default)]
    pub authority: Option<String>,
}

/// Named values.
#[derive(Clone, Debug, Default)]
pub struct Source(pub Map<String, Value>);

impl Source {
    /// A text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Bytes in hex.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        hex::decode(self.text(name)?).ok()
    }

    /// As many bytes in hex.
    #[must_use]
    pub fn array<const N: usize>(&self, name: &str) -> Option<[u8; N]> {
        self.bytes(name)?.try_into().ok()
    }
}

/// Whether the source takes the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validity {
    /// It does.
    Valid,
    /// It must be refused.
    Invalid,
    /// It does not say.
    #[default]
    Unknown,
}

impl<'de> Deserialize<'de> for Validity {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        match Value::deserialize(source)? {
            Value::Bool(true) => Ok(Self::Valid),
            Value::Bool(false) => Ok(Self::Invalid),
            Value::Null => Ok(Self::Unknown),
            Value::String(text) if text == "unknown" => Ok(Self::Unknown),
            other => Err(serde::de::Error::custom(format!(
                "`valid` is true, false or \"unknown\", not {other}"
            ))),
        }
    }
}

fn members<'de, D: Deserializer<'de>>(source: D) -> Result<Source, D::Error> {
    Ok(Source(Option::deserialize(source)?.unwrap_or_default()))
}

/// The records of NTLM and Negotiate of every `*.json` of a folder, files in the order of their names.
///
/// # Errors
/// Files that cannot be read or are no lists of records, and a folder without any such record.
pub fn read(folder: &Path) -> Result<Vec<Record>, Vec<Located>> {
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    for file in files(folder).map_err(|error| vec![*error])? {
        match read_file(&file) {
            Ok(found) => records.extend(found),
            Err(error) => errors.push(*error),
        }
    }
    let ours = ["ntlm-", "spnego-", "negoex"];
    records.retain(|record| ours.iter().any(|kind| record.kind.starts_with(kind)));
    match errors.is_empty() {
        false => Err(errors),
        true if records.is_empty() => Err(vec![*unusable(folder, "holds no record of NTLM or Negotiate")]),
        true => Ok(records),
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Box<Located>> {
    let unreadable = |error: std::io::Error| unusable(folder, format!("cannot be read: {error}"));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(file: &Path) -> Result<Vec<Record>, Box<Located>> {
    let text =
        std::fs::read_to_string(file).map_err(|error| unusable(file, format!("cannot be read: {error}")))?;
    let mut source = serde_json::Deserializer::from_str(&text);
    let records: Vec<Record> = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        // The message of the JSON reader names line and column.
        unusable(file, format!("{inner}, at {path}"))
    })?;
    source.end().map_err(|error| unusable(file, error.to_string()))?;
    let broken = records.iter().find(|record| {
        let digits = record.token_hex.as_deref().unwrap_or_default();
        hex::decode(digits).is_err()
    });
    match broken {
        Some(record) => Err(unusable(file, format!("`token_hex` of {} is not hex", record.id))),
        None => Ok(records),
    }
}

fn unusable(place: &Path, message: impl Into<String>) -> Box<Located> {
    Box::new(Located::whole_file(&place.display().to_string(), message))
}
