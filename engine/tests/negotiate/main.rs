//! Negotiate: tokens as bytes, and initiator against acceptor through the documented calls.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod between;
#[cfg(feature = "sabotage")]
mod deviations;
mod exchange;
mod fragments;
mod malformed;
mod messages;
mod pair;
mod rules;
mod tokens;
mod unnoticed;
