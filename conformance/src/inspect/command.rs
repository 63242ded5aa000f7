//! `legwork inspect [TOKEN|FILE|-]`.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
};

use clap::ValueEnum;

use super::{
    hexdump,
    input::{InputError, TEXT_LIMIT, read_input},
    inspect, inspect_as, json,
    model::{Inspection, Kind, Node},
    text,
};

/// Where the token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The token itself, as text.
    Text(String),
    /// A file with the token, raw or as text.
    File(PathBuf),
    /// The standard input.
    Stdin,
}

impl Input {
    /// What an argument of the command line means: `-` or nothing is the standard input; a text that holds a message
    /// is the token; else it is a file, if there is one of that name; else it is a token of another kind.
    #[must_use]
    pub fn of_argument(argument: Option<&str>) -> Self {
        match argument {
            None | Some("-") => Self::Stdin,
            Some(text) if !starts_as_message(text) && Path::new(text).exists() => Self::File(text.into()),
            Some(text) => Self::Text(text.to_owned()),
        }
    }

    /// The token.
    ///
    /// # Errors
    /// The input cannot be read, or there is no token in it.
    pub fn token(&self) -> Result<Vec<u8>, InputError> {
        match self {
            Self::Text(text) => {
                let token =
                    read_input(text).map_err(|error| InputError::NoTokenNorFile(error.to_string()))?;
                // Almost any short word is base64 of something; a token is longer.
                let word =
                    text.contains(|letter: char| letter.is_alphabetic() && !letter.is_ascii_hexdigit());
                if word && token.len() < SHORTEST {
                    let text = format!("as base64 it has {} bytes, too few for a token", token.len());
                    return Err(InputError::NoTokenNorFile(text));
                }
                Ok(token)
            }
            Self::File(path) => {
                let what = path.display().to_string();
                let file = File::open(path).map_err(|error| unreadable(&what, &error))?;
                read_input(all(file, &what)?)
            }
            Self::Stdin => read_input(all(io::stdin().lock(), "the standard input")?),
        }
    }
}

/// Bytes of the shortest token: signature and type of a message.
const SHORTEST: usize = 12;

/// Whether a text is the token of a message: then a file of that name does not count.
fn starts_as_message(text: &str) -> bool {
    read_input(text).is_ok_and(|token| super::token_kind(&token).is_some())
}

fn all(source: impl Read, what: &str) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(TEXT_LIMIT).unwrap_or(u64::MAX);
    source
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(what, &error))?;
    match bytes.len() > TEXT_LIMIT {
        true => Err(InputError::TooLong { limit: TEXT_LIMIT }),
        false => Ok(bytes),
    }
}

fn unreadable(what: &str, error: &io::Error) -> InputError {
    InputError::Unreadable {
        what: what.to_owned(),
        why: error.to_string(),
    }
}

/// How an inspection is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The tree as text.
    #[default]
    Text,
    /// The bytes in hex, with the fields marked.
    Hex,
    /// JSON.
    Json,
}

/// Reads a token and writes what it means. Without a kind, messages are recognised by their signature.
///
/// # Errors
/// The input cannot be read, or there is no token in it. A malformed token is no error: it is what people ask about.
pub fn command(
    input: &Input,
    format: Format,
    kind: Option<Kind>,
    colour: bool,
) -> Result<String, InputError> {
    let token = input.token()?;
    let inspection = match kind {
        Some(kind) => inspect_as(kind, &token),
        None => inspect(&token),
    };
    Ok(match format {
        Format::Text => text::tree(&inspection, colour),
        Format::Hex => marked(&inspection, &token),
        Format::Json => {
            let report = json::report(inspection.kind, &token);
            let text = serde_json::to_string_pretty(&report).unwrap_or_default();
            format!("{text}\n")
        }
    })
}

/// The bytes with every field marked, and errors where they are.
fn marked(inspection: &Inspection, token: &[u8]) -> String {
    let mut marks = Vec::new();
    mark(&inspection.tree, &mut marks);
    hexdump::annotated_hex(token, &marks)
}

/// Marks the fields below a node. A structure that is shown as one value is marked as one.
fn mark(parent: &Node, marks: &mut Vec<(Range<usize>, String)>) {
    for node in &parent.children {
        for error in &node.errors {
            let text = format!("error: {}: {}", error.field, error.message);
            marks.push((node.span.range(), text));
        }
        if node.value.is_none() || node.has_error_below() {
            mark(node, marks);
        } else if node.errors.is_empty() {
            marks.push((node.span.range(), node.name.clone()));
        }
    }
}
