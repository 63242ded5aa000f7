//! Tokens for people: what reports show of bytes.

use std::ops::Range;

use crate::inspect::{self, Kind};

pub use crate::inspect::{
    diff::{decoded_diff, decoded_diff_as},
    hexdump::annotated_hex,
    text::tree,
};

/// The bytes of a message with one field marked, named by its path; without marks if there is no such field.
#[must_use]
pub fn field_hex(token: &[u8], path: &str) -> String {
    let marks: Vec<(Range<usize>, String)> = inspect::fields(token)
        .into_iter()
        .filter(|(found, ..)| found == path)
        .map(|(path, _, range)| (range, path))
        .collect();
    annotated_hex(token, &marks)
}

/// The tree of a token of a known kind, without colour.
#[must_use]
pub fn tree_as(kind: Kind, token: &[u8]) -> String {
    tree(&inspect::inspect_as(kind, token), false)
}
