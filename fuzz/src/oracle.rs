//! What the targets judge by. An oracle takes any bytes and panics on a finding; fuzz targets, `cargo test` and the
//! replay of vectors and regressions run the same function.

pub mod call_order;
pub mod der;
pub mod documented;
pub mod forecast;
pub mod hostile_peer;
pub mod mutated_exchange;
pub mod negotiate;
pub mod protection;
pub mod round_trip;
pub mod talk;
#[cfg(feature = "texts")]
pub mod texts;
pub mod unlocked;
pub mod world;

pub use call_order::call_order;
pub use der::der;
pub use hostile_peer::hostile_peer;
pub use mutated_exchange::{mutated_exchange, unlocked_exchange};
pub use protection::protection;

/// A finding is a panic.
pub type Oracle = fn(&[u8]);

/// Every target with its oracle, by name.
pub const TARGETS: &[(&str, Oracle)] = &[
    ("baseline", baseline),
    ("call_order", call_order),
    ("codec_der", der),
    ("negotiate_hostile_peer", negotiate::hostile_peer),
    ("negotiate_mutated_exchange", negotiate::mutated_exchange),
    ("negotiate_negoex", negotiate::negoex),
    ("negotiate_protection", negotiate::protection),
    ("negotiate_token", negotiate::token),
    ("negotiate_unlocked_exchange", negotiate::unlocked_exchange),
    ("ntlm_authenticate", round_trip::authenticate),
    ("ntlm_av_pairs", round_trip::av_pairs),
    ("ntlm_challenge", round_trip::challenge),
    ("ntlm_hostile_peer", hostile_peer),
    ("ntlm_mutated_exchange", mutated_exchange),
    ("ntlm_negotiate", round_trip::negotiate),
    ("ntlm_nt_response", round_trip::nt_response),
    ("ntlm_protection", protection),
    ("ntlm_signature", round_trip::signature),
    ("ntlm_unlocked_exchange", unlocked_exchange),
    #[cfg(feature = "texts")]
    ("texts_protocol", texts::protocol),
    #[cfg(feature = "texts")]
    ("texts_suite", texts::suite),
    #[cfg(feature = "texts")]
    ("texts_vectors", texts::vectors),
];

/// Holds of everything: what a run of a fuzzing engine costs by itself.
pub fn baseline(_: &[u8]) {}
