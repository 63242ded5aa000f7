//! One call, in four bytes.

use std::fmt;

/// One call: what is called, on which handle, with which token or message, and with how much room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub(super) operation: Operation,
    pub(super) handle: u8,
    pub(super) input: u8,
    pub(super) room: Room,
    /// Whether a message begins with a part that may only be read.
    pub(super) read_only: bool,
    /// Whether a credential is one of Negotiate, and not of NTLM.
    pub(super) negotiates: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Acquire,
    FreeCredential,
    InitializeFirst,
    InitializeNext,
    AcceptFirst,
    AcceptNext,
    Delete,
    FreeBuffer,
    Sign,
    Verify,
    Seal,
    Unseal,
    Query,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    Allocated,
    OneByte,
    NoBuffer,
}

impl Call {
    /// The call that four bytes describe.
    #[must_use]
    pub fn from_bytes([operation, handle, input, room]: [u8; 4]) -> Self {
        const OPERATIONS: [Operation; 13] = [
            Operation::Acquire,
            Operation::FreeCredential,
            Operation::InitializeFirst,
            Operation::InitializeNext,
            Operation::AcceptFirst,
            Operation::AcceptNext,
            Operation::Delete,
            Operation::FreeBuffer,
            Operation::Sign,
            Operation::Verify,
            Operation::Seal,
            Operation::Unseal,
            Operation::Query,
        ];
        let operation = OPERATIONS.get(usize::from(operation) % OPERATIONS.len());
        Self {
            operation: operation.copied().unwrap_or(Operation::Acquire),
            handle,
            input,
            room: match room % 8 {
                0..=4 => Room::Enough,
                5 => Room::Allocated,
                6 => Room::OneByte,
                _ => Room::NoBuffer,
            },
            read_only: room & 8 != 0,
            negotiates: room & 16 != 0,
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            handle,
            input,
            room,
            read_only,
            negotiates,
        } = self;
        let part = if *read_only { ", with a read-only part" } else { "" };
        let package = if *negotiates { ", Negotiate" } else { "" };
        write!(
            formatter,
            "{operation:?}({handle}, {input}, {room:?}{part}{package})"
        )
    }
}
