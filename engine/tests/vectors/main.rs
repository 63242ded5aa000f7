//! Every vector against the engine: messages, keys, protection and whole exchanges.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod exchanges;
mod fields;
mod keys;
mod messages;
mod negotiate;
mod protection;
mod reasons;
mod replay;

use legwork_vectors::{Outcome, Vector};

/// The vectors of a file, all of them.
fn vectors(path: &str) -> Vec<Vector> {
    let document = legwork_vectors::load(path).unwrap();
    let vectors: Vec<Vector> = document
        .groups
        .into_iter()
        .flat_map(|group| group.vectors)
        .collect();
    assert_eq!(vectors.len(), document.count, "{path}");
    vectors
}

/// The vectors of a file with one result.
fn vectors_with(path: &str, result: Outcome) -> Vec<Vector> {
    let mut vectors = vectors(path);
    vectors.retain(|vector| vector.result == result);
    assert!(!vectors.is_empty(), "{path} has none that is {result:?}");
    vectors
}

/// The token of a vector.
fn token(vector: &Vector) -> &[u8] {
    vector.bytes.as_deref().unwrap()
}
