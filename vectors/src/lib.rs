#![doc = include_str!("../README.md")]

mod model;

pub use model::{Authority, Document, Group, Outcome, Source, Vector};

/// One data file as it stands in the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorFile {
    /// Place below this crate, for example `ntlm/challenge.json`.
    pub path: &'static str,
    /// The JSON text.
    pub text: &'static str,
}

/// The JSON Schema (draft 2020-12) that every data file obeys.
pub const SCHEMA: &str = include_str!("../schema.json");

/// All data files, ordered by path.
#[must_use]
pub fn files() -> &'static [VectorFile] {
    const FILES: &[VectorFile] = include!(concat!(env!("OUT_DIR"), "/files.rs"));
    FILES
}

/// Reads one data file.
///
/// # Errors
/// [`LoadError::Missing`] when no file has this path, [`LoadError::Malformed`] when its text does not fit
/// [`Document`].
pub fn load(path: &str) -> Result<Document, LoadError> {
    let file = files()
        .iter()
        .find(|file| file.path == path)
        .ok_or_else(|| LoadError::Missing(path.to_owned()))?;
    serde_json::from_str(file.text).map_err(|error| LoadError::Malformed {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

/// All vectors of all files, each with the group it stands in; ordered by file, then by number.
///
/// # Errors
/// The first file that [`load`] cannot read.
pub fn all() -> Result<impl Iterator<Item = (Group, Vector)>, LoadError> {
    let documents = files()
        .iter()
        .map(|file| load(file.path))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(documents
        .into_iter()
        .flat_map(|document| document.groups)
        .flat_map(|mut group| {
            let vectors = std::mem::take(&mut group.vectors);
            vectors.into_iter().map(move |vector| (group.clone(), vector))
        }))
}

/// Why a data file could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// No data file has this path.
    Missing(String),
    /// The text is not JSON or has another shape; the message holds line and column.
    Malformed {
        /// Path of the file.
        path: String,
        /// What the JSON reader found, and where.
        message: String,
    },
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "no vector file at {path:?}"),
            Self::Malformed { path, message } => write!(f, "{path}: {message}"),
        }
    }
}

impl std::error::Error for LoadError {}
