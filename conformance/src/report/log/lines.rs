//! The lines of a run log, one by one, with their places.

use std::{
    borrow::Cow,
    io::{self, BufRead},
    ops::Range,
};

use serde::Deserialize;
use thiserror::Error;

use super::{Line, SCHEMA};

/// Why a log cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line that is not the last is no record.
    #[error("line {line}: {message}")]
    Malformed {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// There is no `run` record.
    #[error("is no run log: it has no `run` record")]
    NoRun,
}

/// What every record has.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    pub(super) schema: u32,
    #[serde(borrow)]
    pub(super) key: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) record: Cow<'a, str>,
}

/// Reads lines. A last line that breaks off is no error.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: R,
    bytes: Vec<u8>,
    number: usize,
    end: u64,
    pub(super) breaks_off: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            bytes: Vec::new(),
            number: 0,
            end: 0,
            breaks_off: false,
        }
    }

    /// Goes to the next line; its place in bytes.
    pub(super) fn next(&mut self) -> Result<Option<Range<u64>>, ReadError> {
        self.bytes.clear();
        let length = self.input.read_until(b'\n', &mut self.bytes)?;
        let start = self.end;
        self.end = start.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.number = self.number.saturating_add(1);
        self.breaks_off = length > 0 && !self.bytes.ends_with(b"\n");
        Ok((length > 0 && !self.breaks_off).then_some(start..self.end))
    }

    /// The line, with its end.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The head of the line.
    pub(super) fn head(&self) -> Result<Head<'_>, ReadError> {
        let head: Head<'_> = serde_json::from_slice(&self.bytes).map_err(|error| self.malformed(&error))?;
        match head.schema {
            SCHEMA => Ok(head),
            other => Err(self.malformed(&format!("format {other}, not {SCHEMA}"))),
        }
    }

    /// The whole record of the line.
    pub(super) fn record(&self) -> Result<Line, ReadError> {
        serde_json::from_slice(&self.bytes).map_err(|error| self.malformed(&error))
    }

    pub(super) fn malformed(&self, message: &dyn std::fmt::Display) -> ReadError {
        ReadError::Malformed {
            line: self.number,
            message: message.to_string(),
        }
    }
}
