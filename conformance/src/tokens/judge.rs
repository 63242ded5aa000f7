//! One record, judged.

use legwork_engine::error::TokenError;
use serde::Serialize;

use super::{
    compare,
    facts::{self, Facts, Message},
    record::{Record, Validity},
    refusal,
    report::Finding,
    secrets, spnego, wrapped,
};

/// What came of the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was decoded.
    Decoded,
    /// It was refused, for this reason.
    Refused(String),
    /// There is nothing to decode: a computation, or a protected message.
    NoMessage,
}

/// A record and everything found out about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Name of the record.
    pub id: String,
    /// What the token is.
    pub kind: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Values, one by one.
    pub findings: Vec<Finding>,
}

/// Judges a record.
#[must_use]
pub fn judge(record: &Record) -> Judged {
    let token = record
        .token_hex
        .as_deref()
        .and_then(|digits| hex::decode(digits).ok())
        .unwrap_or_default();
    let (outcome, findings) = match facts::read(&record.kind, &token) {
        None if let Some(read) = spnego::read(&record.kind, &token) => of_negotiate(record, read),
        None => (Outcome::NoMessage, without_message(record, &token)),
        Some(Err(error)) => unreadable(record, error.to_string()),
        Some(Ok(message)) => readable(record, &message, &token),
    };
    Judged {
        id: record.id.clone(),
        kind: record.kind.clone(),
        outcome,
        findings,
    }
}

/// A token of Negotiate.
fn of_negotiate(record: &Record, read: Result<Facts, TokenError>) -> (Outcome, Vec<Finding>) {
    let facts = match read {
        Ok(facts) => facts,
        Err(error) => return unreadable(record, error.to_string()),
    };
    let mut findings = compare::all(&record.ground_truth, &facts, &[]);
    if record.valid == Validity::Invalid {
        findings.push(Finding::difference("valid", "refused", "accepted"));
    }
    (Outcome::Decoded, findings)
}

/// A computation or a protected message.
fn without_message(record: &Record, token: &[u8]) -> Vec<Finding> {
    if record.kind == "ntlm-wrap" {
        let derived = wrapped::derive(&record.context, token);
        return finish(
            record,
            &wrapped::facts(&record.context, &derived, token),
            &derived,
        );
    }
    let note = record.note.as_deref().unwrap_or_default();
    finish(record, &Facts::new(), &secrets::of_context(&record.context, note))
}

fn unreadable(record: &Record, reason: String) -> (Outcome, Vec<Finding>) {
    let finding = match record.valid {
        Validity::Invalid => Finding::equal("refusal"),
        Validity::Valid => Finding::difference("valid", "accepted", format!("refused: {reason}")),
        Validity::Unknown => Finding::not_comparable("valid", "refused, and the source does not say"),
    };
    let skipped = record.ground_truth.0.len();
    let why = format!("nothing is decoded of a refused token ({skipped} members)");
    let findings = vec![finding, Finding::not_comparable("ground_truth", why)];
    (Outcome::Refused(reason), findings)
}

fn readable(record: &Record, message: &Message<'_>, token: &[u8]) -> (Outcome, Vec<Finding>) {
    let facts = facts::of(message, token);
    let derived = secrets::of_message(&record.context, message, token);
    let mut findings = finish(record, &facts, &derived);
    if record.valid != Validity::Invalid {
        return (Outcome::Decoded, findings);
    }
    match refusal::reason(&record.kind, token) {
        Some(reason) => {
            findings.push(Finding::equal("refusal"));
            (Outcome::Refused(reason), findings)
        }
        None => {
            findings.push(Finding::difference("valid", "refused", "accepted"));
            (Outcome::Decoded, findings)
        }
    }
}

/// What the source says, and what the secrets give.
fn finish(record: &Record, facts: &Facts, derived: &secrets::Derived) -> Vec<Finding> {
    let names = secrets::names(derived);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut findings = compare::all(&record.ground_truth, facts, &names);
    findings.extend(secrets::confront(derived, facts, record));
    findings
}
