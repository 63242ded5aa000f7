//! Traces of programs: reading them.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::protocol::{Outcome, Reply, ReplyLine, Request, RequestLine};

/// What a program did, in order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Its calls, in order of the requests, and what it did between them.
    pub entries: Vec<Entry>,
}

/// One thing that a program did.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// It called the package.
    Call(Box<Call>),
    /// It gave bytes to its peer.
    Sent {
        /// The line, from 1.
        line: usize,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// It looked at something that the last call returned.
    LookedAt {
        /// The line, from 1.
        line: usize,
        /// What it looked at.
        what: LookedAt,
    },
}

/// A call with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The line of the request, from 1.
    pub line: usize,
    /// Number of the request.
    pub sequence: u64,
    /// The request.
    pub request: Request,
    /// What the package answered; none if the call was not made after all.
    pub outcome: Option<Outcome>,
}

/// Something that a call returns, and that may not hold yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LookedAt {
    /// Attributes that are about security.
    Attributes,
    /// The time at which the context expires.
    Expiry,
}

/// Why a text is no trace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct TraceError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// The lines that are no messages of the protocol.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Deed {
    Sent(String),
    LookedAt(LookedAt),
}

impl Trace {
    /// Reads a trace. Empty lines are passed over.
    ///
    /// # Errors
    ///
    /// The first line that is none of a trace, answers nothing, or is not answered.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let mut trace = Self::default();
        let mut open: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
        for (index, text) in text.lines().enumerate() {
            let line = index.saturating_add(1);
            if text.trim().is_empty() {
                continue;
            }
            let wrong = |message: String| TraceError { line, message };
            match Line::parse(text).map_err(wrong)? {
                Line::Request(message) => {
                    let RequestLine { seq, request } = *message;
                    if open.insert(seq, (trace.entries.len(), line)).is_some() {
                        return Err(wrong(format!("request {seq} is under way already")));
                    }
                    trace.entries.push(Entry::Call(Box::new(Call {
                        line,
                        sequence: seq,
                        request,
                        outcome: None,
                    })));
                }
                Line::Reply(ReplyLine { seq, reply }) => {
                    let place = open.remove(&seq).map(|(place, _)| place);
                    let entry = place.and_then(|place| trace.entries.get_mut(place));
                    let Some(Entry::Call(call)) = entry else {
                        return Err(wrong(format!("a reply to {seq}, which is no open request")));
                    };
                    if let Reply::Outcome(outcome) = reply {
                        call.outcome = Some(*outcome);
                    }
                }
                Line::Sent(bytes) => trace.entries.push(Entry::Sent { line, bytes }),
                Line::LookedAt(what) => trace.entries.push(Entry::LookedAt { line, what }),
            }
        }
        match open.into_values().next() {
            Some((_, line)) => Err(TraceError {
                line,
                message: "a request without a reply".to_owned(),
            }),
            None => Ok(trace),
        }
    }
}

/// A line of a trace.
enum Line {
    Request(Box<RequestLine>),
    Reply(ReplyLine),
    Sent(Vec<u8>),
    LookedAt(LookedAt),
}

impl Line {
    fn parse(text: &str) -> Result<Self, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let has = |name: &str| value.get(name).is_some();
        let told = |error: serde_json::Error| error.to_string();
        if has("op") {
            let line = serde_json::from_str(text).map_err(told)?;
            return Ok(Self::Request(Box::new(line)));
        }
        if has("seq") {
            return serde_json::from_str(text).map(Self::Reply).map_err(told);
        }
        match serde_json::from_value(value).map_err(told)? {
            Deed::Sent(bytes) => {
                let bytes = hex::decode(&bytes).map_err(|error| format!("sent: {error}"))?;
                Ok(Self::Sent(bytes))
            }
            Deed::LookedAt(what) => Ok(Self::LookedAt(what)),
        }
    }
}
