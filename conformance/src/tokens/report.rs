//! What came of all records, for people and machines.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::json;

use super::judge::{Judged, Outcome};

/// One value of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum Finding {
    /// The token holds what the source says.
    Equal {
        /// Name of the value.
        field: String,
    },
    /// The secrets give what the token or the source has.
    Recomputed {
        /// Name of the value.
        field: String,
    },
    /// They do not agree.
    Difference {
        /// Name of the value.
        field: String,
        /// What it must be.
        expected: String,
        /// What it is.
        got: String,
    },
    /// There is nothing to hold it against.
    NotComparable {
        /// Name of the value.
        field: String,
        /// Why.
        why: String,
    },
}

impl Finding {
    pub(super) fn equal(field: &str) -> Self {
        let field = field.to_owned();
        Self::Equal { field }
    }

    pub(super) fn recomputed(field: &str) -> Self {
        let field = field.to_owned();
        Self::Recomputed { field }
    }

    pub(super) fn difference(field: &str, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self::Difference {
            field: field.to_owned(),
            expected: expected.into(),
            got: got.into(),
        }
    }

    pub(super) fn not_comparable(field: &str, why: impl Into<String>) -> Self {
        Self::NotComparable {
            field: field.to_owned(),
            why: why.into(),
        }
    }
}

/// Totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records.
    pub records: usize,
    /// Tokens that were decoded.
    pub decoded: usize,
    /// Tokens that were refused.
    pub refused: usize,
    /// Values of tokens that are as the source says.
    pub fields_equal: usize,
    /// Values that the secrets give as well.
    pub recomputed_equal: usize,
    /// Values that do not agree.
    pub differences: usize,
    /// Values that nothing can be held against.
    pub not_comparable: usize,
}

/// All records.
#[derive(Clone, Debug)]
pub struct Report {
    /// The records in the order of the files.
    pub records: Vec<Judged>,
}

impl Report {
    pub(super) fn new(records: Vec<Judged>) -> Self {
        Self { records }
    }

    /// Totals.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            records: self.records.len(),
            ..Counts::default()
        };
        let add = |count: &mut usize| *count = count.saturating_add(1);
        for record in &self.records {
            match record.outcome {
                Outcome::Decoded => add(&mut counts.decoded),
                Outcome::Refused(_) => add(&mut counts.refused),
                Outcome::NoMessage => {}
            }
            for finding in &record.findings {
                add(match finding {
                    Finding::Equal { .. } => &mut counts.fields_equal,
                    Finding::Recomputed { .. } => &mut counts.recomputed_equal,
                    Finding::Difference { .. } => &mut counts.differences,
                    Finding::NotComparable { .. } => &mut counts.not_comparable,
                });
            }
        }
        counts
    }

    /// As text: refusals, differences and totals; with everything else if that is wanted.
    #[must_use]
    pub fn text(&self, verbose: bool) -> String {
        let mut text = String::new();
        for record in &self.records {
            describe(&mut text, record, verbose);
        }
        let counts = self.counts();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} records: {} tokens decoded, {} refused; {} fields equal, {} recomputed values equal, {} differences, \
             {} not comparable",
            counts.records,
            counts.decoded,
            counts.refused,
            counts.fields_equal,
            counts.recomputed_equal,
            counts.differences,
            counts.not_comparable
        );
        text
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        let value = json!({ "counts": self.counts(), "records": self.records });
        format!("{}\n", serde_json::to_string_pretty(&value).unwrap_or_default())
    }
}

fn describe(text: &mut String, record: &Judged, verbose: bool) {
    let Judged { id, kind, .. } = record;
    if let Outcome::Refused(reason) = &record.outcome {
        let _ = writeln!(text, "{id} ({kind}): refused: {reason}");
    }
    for finding in &record.findings {
        let _ = match finding {
            Finding::Difference { field, expected, got } => {
                writeln!(text, "{id} ({kind}): {field}: expected {expected}, got {got}")
            }
            Finding::Equal { field } if verbose => writeln!(text, "{id}: {field}: equal"),
            Finding::Recomputed { field } if verbose => writeln!(text, "{id}: {field}: equal"),
            Finding::NotComparable { field, why } if verbose => {
                writeln!(text, "{id}: {field}: not comparable: {why}")
            }
            _ => Ok(()),
        };
    }
}
