//! The calls of a case, as a log has them.

use serde_json::Value;

use crate::{
    inspect::{self, Kind},
    protocol::{Buffer, Outcome, Protect, Request, Role, Status},
    report::{log::Record, operation},
    run::trace::{DATA, TOKEN},
    suite::Suite,
};

/// One call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Number in the case, from 1.
    pub(super) number: usize,
    /// Whose call.
    pub(super) side: Role,
    /// Name of the request in the adapter protocol.
    pub(super) operation: String,
    /// The request; none if it is not one that this version knows.
    pub(super) request: Option<Request>,
    /// What came of it.
    pub(super) answer: Answer,
    /// The status of CompleteAuthToken, if that was called.
    completed: Option<Status>,
    /// Whether the input is not what the peer sent.
    pub(super) altered_input: bool,
    /// Whether the side was made to send something else than it would.
    pub(super) altered_output: bool,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// The call was made.
    Outcome(Box<Outcome>),
    /// It was not, or did not end: a word, and what is told of it.
    Other(String, String),
}

impl Call {
    /// A call of a log; none of another record.
    pub(super) fn of(record: Record) -> Option<Self> {
        let Record::Call {
            call,
            side,
            request,
            reply,
            completed,
            altered_input,
            altered_output,
            ..
        } = record
        else {
            return None;
        };
        let named = request
            .get("op")
            .and_then(Value::as_str)
            .unwrap_or("call")
            .to_owned();
        let request: Option<Request> = serde_json::from_value(request).ok();
        let completed = completed.map(|value| Answer::of(&value));
        Some(Self {
            number: call,
            side,
            operation: request
                .as_ref()
                .map_or(named, |request| operation(request).to_owned()),
            request,
            answer: Answer::of(&reply),
            completed: completed.and_then(|answer| answer.outcome()?.status.clone()),
            altered_input,
            altered_output,
        })
    }

    pub(super) fn is_leg(&self) -> bool {
        matches!(self.request, Some(Request::Initialize(_) | Request::Accept(_)))
    }

    /// The arguments of a per-message call.
    pub(super) fn protect(&self) -> Option<&Protect> {
        match &self.request {
            Some(
                Request::Sign(protect)
                | Request::Verify(protect)
                | Request::Seal(protect)
                | Request::Unseal(protect),
            ) => Some(protect),
            _ => None,
        }
    }

    /// The token that came out, or the bytes of a per-message form that has no token apart.
    pub(super) fn token(&self) -> Option<&[u8]> {
        let outcome = self.answer.outcome()?;
        if !matches!(self.operation.as_str(), "initialize" | "accept" | "sign" | "seal") {
            return None;
        }
        let of_kind = |kind| bytes_of(&outcome.buffers, kind);
        let data = || of_kind(DATA).filter(|_| self.protect().is_some());
        of_kind(TOKEN).or_else(data).filter(|bytes| !bytes.is_empty())
    }

    /// The token that went in.
    pub(super) fn input(&self) -> Option<&[u8]> {
        match &self.request {
            Some(Request::Initialize(leg) | Request::Accept(leg)) => bytes_of(&leg.input, TOKEN),
            _ => None,
        }
    }

    /// What its token is read as.
    pub(super) fn kind(&self, token: &[u8]) -> Kind {
        match self.protect().is_some() && token.len() == 16 {
            true => Kind::Signature,
            false => inspect::inspect(token).kind,
        }
    }

    /// The status that counts, by its name where it has one, or what came instead of a status.
    pub(super) fn status(&self, suite: &Suite) -> Option<String> {
        match &self.answer {
            Answer::Other(word, _) => Some(word.clone()),
            Answer::Outcome(outcome) => {
                let status = self.completed.as_ref().or(outcome.status.as_ref())?;
                Some(status_name(suite, status))
            }
        }
    }

    /// What the library said about the status, or what is told of an answer that is none.
    pub(super) fn remark(&self) -> Option<&str> {
        let remark = match &self.answer {
            Answer::Other(_, message) => Some(message.as_str()),
            Answer::Outcome(outcome) => {
                let status = self.completed.as_ref().or(outcome.status.as_ref());
                status.and_then(|status| status.message.as_deref())
            }
        };
        remark.filter(|remark| !remark.is_empty())
    }
}

impl Answer {
    fn of(value: &Value) -> Self {
        let inner = |name: &str| value.get(name);
        let text = |name: &str, field: &str| {
            let told = inner(name)?.get(field)?;
            Some(told.as_str().map_or_else(|| told.to_string(), str::to_owned))
        };
        if let Some(outcome) = inner("outcome") {
            return match serde_json::from_value(outcome.clone()) {
                Ok(outcome) => Self::Outcome(Box::new(outcome)),
                Err(error) => Self::Other("unreadable".to_owned(), error.to_string()),
            };
        }
        let known = [
            ("unsupported", "what"),
            ("fault", "message"),
            ("crash", "message"),
            ("hang", "seconds"),
        ];
        let found = known
            .iter()
            .find_map(|(name, field)| Some(((*name).to_owned(), text(name, field)?)));
        let (word, told) = found.unwrap_or_else(|| ("unreadable".to_owned(), String::new()));
        Self::Other(word, told)
    }

    pub(super) fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Other(..) => None,
        }
    }
}

fn bytes_of(buffers: &[Buffer], kind: u32) -> Option<&[u8]> {
    let buffer = buffers.iter().find(|buffer| buffer.kind == kind)?;
    Some(&buffer.bytes)
}

fn status_name(suite: &Suite, status: &Status) -> String {
    let rows = suite.mapping.rows(status.namespace);
    let known = rows.filter(|(code, row)| *code == status.code && !row.name.is_empty());
    known
        .last()
        .map_or_else(|| status.code.clone(), |(_, row)| row.name.clone())
}
