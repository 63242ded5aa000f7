//! What is known of a context while its program's trace is read.

use crate::{protocol::Role, suite::mapping::Class};

/// A context that a package gave out.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Whose call gave it out.
    pub(super) side: Role,
    /// The line that gave it out.
    pub(super) line: usize,
    /// What the last leg on it came to.
    pub(super) state: State,
    /// A token that is to be sent, and the line of the leg that made it.
    pub(super) unsent: Option<(usize, Vec<u8>)>,
    /// Whether it was given back.
    pub(super) deleted: bool,
}

/// What the last leg on a context came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Another leg is due.
    Unfinished,
    /// CompleteAuthToken is due, asked for in this line; then another leg, or none.
    CompletionDue {
        /// The line of the leg.
        line: usize,
        /// Whether another leg is due behind it.
        continues: bool,
    },
    /// It is complete.
    Complete,
    /// A leg failed.
    Failed,
}

impl State {
    /// The state after a leg; none if the leg changed nothing.
    pub(super) fn after(class: Class, line: usize) -> Option<Self> {
        Some(match class {
            Class::Ok => Self::Complete,
            Class::Continue | Class::Silent => Self::Unfinished,
            Class::Complete => Self::CompletionDue {
                line,
                continues: false,
            },
            Class::CompleteAndContinue => Self::CompletionDue {
                line,
                continues: true,
            },
            Class::Incomplete => return None,
            Class::Failure => Self::Failed,
        })
    }

    /// The line that asked for CompleteAuthToken, if that is due.
    pub(super) fn asked(self) -> Option<usize> {
        match self {
            Self::CompletionDue { line, .. } => Some(line),
            _ => None,
        }
    }

    /// The state after CompleteAuthToken.
    pub(super) fn completed(self) -> Self {
        match self {
            Self::CompletionDue { continues: true, .. } => Self::Unfinished,
            Self::CompletionDue { continues: false, .. } => Self::Complete,
            other => other,
        }
    }
}
