//! Systems without process groups and limits.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::PathBuf,
    process::{ChildStderr, ChildStdin, Command, ExitStatus},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::Duration,
};

use super::Limits;

/// Whether a process can limit itself and become an adapter.
pub(super) const LAUNCHES: bool = false;

pub(crate) fn shared_file() -> io::Result<(File, PathBuf)> {
    Err(unsupported())
}

pub(crate) fn own_group(_: &mut Command) {}

pub(crate) fn is_out_of_time(_: ExitStatus) -> bool {
    false
}

pub(super) fn kill_group(_: u32) {}

pub(crate) fn without_blocking(_: &ChildStdin) -> io::Result<()> {
    Ok(())
}

/// How much is read at a time, in bytes.
const CHUNK: usize = 4096;

/// What a child writes, read by a thread: who reads here cannot stop waiting.
#[derive(Debug)]
pub(crate) struct Output {
    chunks: Receiver<Vec<u8>>,
    chunk: Cursor<Vec<u8>>,
    ended: bool,
}

impl Output {
    pub(crate) fn of(mut pipe: impl Read + Send + 'static) -> io::Result<Self> {
        // Bounded, so that a child that writes without end waits instead of filling the memory.
        let (sender, chunks) = mpsc::sync_channel(1);
        thread::Builder::new().spawn(move || {
            let mut chunk = [0; CHUNK];
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                let read = chunk.get(..length).unwrap_or_default().to_vec();
                if sender.send(read).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self {
            chunks,
            chunk: Cursor::default(),
            ended: false,
        })
    }

    /// Reads what is there. Nothing yet is [`io::ErrorKind::WouldBlock`].
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.receive(Duration::ZERO);
        match self.chunk.read(into) {
            Ok(0) if !self.ended => Err(io::ErrorKind::WouldBlock.into()),
            read => read,
        }
    }

    /// Takes the next chunk, if the last one was read to its end.
    fn receive(&mut self, time: Duration) {
        let length = u64::try_from(self.chunk.get_ref().len()).unwrap_or(u64::MAX);
        if self.chunk.position() < length {
            return;
        }
        match self.chunks.recv_timeout(time) {
            Ok(chunk) => self.chunk = Cursor::new(chunk),
            Err(RecvTimeoutError::Disconnected) => self.ended = true,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Waits until there is something to read, for no longer than a time. Writing blocks here.
pub(crate) fn wait(output: Option<&mut Output>, _: Option<&ChildStdin>, time: Duration) {
    if let Some(output) = output {
        output.receive(time);
    }
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
