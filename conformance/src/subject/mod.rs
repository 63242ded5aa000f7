//! Subjects: implementations under test. Outside this module nothing knows whether one is the reference in this
//! process or an adapter's child process.

pub mod control;
pub mod description;
pub mod isolation;
mod memory_report;
pub mod process;
pub mod reference;
mod streams;
pub mod usage;
pub mod version;

use std::time::Duration;

use control::Counts;
pub(crate) use streams::Line;
use usage::Usage;

use crate::protocol::{Drive, Hello, Outcome, Request, Role, Unsupported};

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The call was made.
    Outcome(Box<Outcome>),
    /// The implementation cannot do this.
    Unsupported(Unsupported),
    /// The adapter itself failed or broke the protocol.
    Fault(String),
    /// The process died; what is known of its end and the tail of its standard error.
    Crash(String),
    /// No reply within the deadline.
    Hang(Duration),
    /// More processor time or memory than it may use; how much.
    Excess(String),
}

impl Answer {
    /// The outcome, if the call was made.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            _ => None,
        }
    }
}

/// An implementation under test.
pub trait Subject: Send {
    /// What it is and what can be driven and seen of it.
    fn hello(&self) -> &Hello;

    /// Makes one request. Where a request names an earlier one (`free-buffers`), requests are counted from the last
    /// `reset`, which is the first.
    fn call(&mut self, request: &Request) -> Answer;

    /// What its process has used, if it has one and the system tells.
    fn usage(&self) -> Option<Usage> {
        None
    }

    /// What its processes drew and read of the clock, if they are started with a library that counts it.
    fn counts(&self) -> Option<Counts> {
        None
    }
}

/// What can be driven and seen of a subject for a package in a role.
#[must_use]
pub fn drive<'a>(hello: &'a Hello, package: &str, role: Role) -> Option<&'a Drive> {
    hello
        .drives
        .iter()
        .find(|drive| drive.role == role && drive.package == package)
}
