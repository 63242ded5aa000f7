//! Negotiate: its tokens, exchanges of two sides, and what a peer or somebody between them can do.

pub mod conduct;
pub mod edits;
pub mod exchange;
pub mod forecast;
pub mod hostile_peer;
pub mod mutated_exchange;
pub mod negoex;
pub mod protection;
pub mod tokens;
pub mod world;

pub use hostile_peer::hostile_peer;
pub use mutated_exchange::{mutated_exchange, unlocked_exchange};
pub use negoex::negoex;
pub use protection::protection;
pub use tokens::token;
