//! The judge of a program that calls a package: its calls, as a trace, held against the rules `caller/…`.
//!
//! A trace is text, one JSON object a line, in order of time. Requests and replies are those of the adapter protocol
//! (`PROTOCOL.md`, `schema/protocol.json`): a request has `seq` and `op`, its reply the same `seq` and an `outcome`.
//! What the program does beside its calls has lines of its own:
//!
//! ```text
//! {"sent": HEX}                   it gave these bytes to its peer: a token, without what a protocol puts around it
//! {"looked-at": "attributes"}     it looked at attributes about security in the reply before
//! {"looked-at": "expiry"}         it looked at the time of expiry in the reply before
//! ```
//!
//! A trace holds all calls of the program from its first credential to its end: what is not given back in it has leaked.
//! What the replies mean is decided by the mapping tables, as in a run.

mod context;
mod judge;
mod text;
mod trace;
mod vectors;

pub use judge::judge;
pub use text::text;
pub use trace::{Call, Entry, LookedAt, Trace, TraceError};
pub use vectors::{TraceVector, traces};

use crate::check::Verdict;

/// One judgement of one rule at one line of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule.
    pub rule: &'static str,
    /// The line of the trace, from 1.
    pub line: usize,
    /// Whether the rule is kept: `pass`, or what breaking it is worth.
    pub verdict: Verdict,
    /// What the program did, where the rule is broken.
    pub message: String,
}

impl Check {
    /// Whether the rule is broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.verdict != Verdict::Pass
    }
}
