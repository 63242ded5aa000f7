//! Systems without process groups and limits.

use std::{
    fs::File,
    io,
    path::PathBuf,
    process::{ChildStderr, ChildStdin, Command},
};

use super::Limits;

/// Whether a process can limit itself and become an adapter.
pub(super) const LAUNCHES: bool = false;

pub(crate) fn shared_file() -> io::Result<(File, PathBuf)> {
    Err(unsupported())
}

pub(crate) fn own_group(_: &mut Command) {}

pub(super) fn kill_group(_: u32) {}

pub(crate) fn without_blocking(_: &ChildStdin) -> io::Result<()> {
    Ok(())
}

/// Nothing tells how much is unread.
#[derive(Debug)]
pub(crate) struct Gauge;

impl Gauge {
    pub(crate) fn of(_: &ChildStderr) -> Option<Self> {
        None
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }
}

pub(super) fn told_to_go() -> bool {
    false
}

pub(super) fn limit(_: Limits) -> io::Result<()> {
    Err(unsupported())
}

pub(super) fn become_program(_: &mut Command) -> io::Error {
    unsupported()
}

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "not on this system")
}
