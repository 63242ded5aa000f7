//! Process groups, limits and pipes of Unix.

use std::{
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    path::PathBuf,
    process::{ChildStderr, ChildStdin, Command, ExitStatus},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::OFlags,
    process::{Pid, Resource, Rlimit, Signal},
};

use super::Limits;

/// Whether a process can limit itself and become an adapter.
pub(super) const LAUNCHES: bool = true;

/// Memory that can be written to. Elsewhere than on Linux that limit knows nothing of mapped memory, and the address
/// space takes its place; on Linux it leaves alone what large runtimes reserve and never use.
#[cfg(target_os = "linux")]
const MEMORY: Resource = Resource::Data;
#[cfg(not(target_os = "linux"))]
const MEMORY: Resource = Resource::As;

/// An empty file that other processes of this user can open by its path as long as it is open here. Nothing is left of
/// it when this process ends, however that happens.
#[cfg(target_os = "linux")]
pub(crate) fn shared_file() -> io::Result<(File, PathBuf)> {
    use std::os::fd::AsRawFd as _;
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let file = File::from(rustix::fs::memfd_create("legwork-control", flags)?);
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    Ok((file, path.into()))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn shared_file() -> io::Result<(File, PathBuf)> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "not on this system"))
}

/// Makes a command the first process of a group.
pub(crate) fn own_group(command: &mut Command) {
    command.process_group(0);
}

/// Whether a process ended because it had used its processor time.
pub(crate) fn is_out_of_time(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::XCPU.as_raw())
}

/// Kills every process of a group.
pub(super) fn kill_group(id: u32) {
    let id = i32::try_from(id).ok().and_then(Pid::from_raw);
    // A group that has ended cannot be killed.
    let _ = id.map(|id| rustix::process::kill_process_group(id, Signal::KILL));
}

/// Makes writing to a full pipe and reading from an empty one return at once.
pub(crate) fn without_blocking(pipe: impl AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&pipe)?;
    Ok(rustix::fs::fcntl_setfl(pipe, flags | OFlags::NONBLOCK)?)
}

/// What a child writes, read by who waits for it.
#[derive(Debug)]
pub(crate) struct Output(File);

impl Output {
    pub(crate) fn of(pipe: impl Into<OwnedFd>) -> io::Result<Self> {
        let pipe = pipe.into();
        without_blocking(&pipe)?;
        Ok(Self(pipe.into()))
    }

    /// Reads what is there. Nothing yet is [`io::ErrorKind::WouldBlock`].
    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

/// Waits until there is something to read or room to write, for no longer than a time. Less is possible.
pub(crate) fn wait(output: Option<&mut Output>, input: Option<&ChildStdin>, time: Duration) {
    let output = output.map(|output| PollFd::from_borrowed_fd(output.0.as_fd(), PollFlags::IN));
    let input = input.map(|input| PollFd::from_borrowed_fd(input.as_fd(), PollFlags::OUT));
    let time = Timespec::try_from(time).ok();
    let mut both = [output, input].into_iter().flatten();
    // What went wrong shows when the pipe is read or written.
    let _ = match (both.next(), both.next()) {
        (Some(one), Some(other)) => rustix::event::poll(&mut [one, other], time.as_ref()),
        (Some(one), None) => rustix::event::poll(&mut [one], time.as_ref()),
        (None, _) => Ok(0),
    };
}

/// Tells whether all that a child has written to its standard error was read.
#[derive(Debug)]
pub(crate) struct Gauge(OwnedFd);

impl Gauge {
    pub(crate) fn of(errors: &ChildStderr) -> Option<Self> {
        errors.as_fd().try_clone_to_owned().ok().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        rustix::io::ioctl_fionread(&self.0).unwrap_or_default() == 0
    }
}

/// Waits for one byte on the standard input and leaves the rest to who comes after; false where the input ends.
pub(super) fn told_to_go() -> bool {
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    input.is_ok_and(|mut input| input.read_exact(&mut [0]).is_ok())
}

/// Limits this process and those that it starts. No core files either: nobody looks at them.
pub(super) fn limit(limits: Limits) -> io::Result<()> {
    lower(Resource::Core, 0, 0)?;
    if let Some(bytes) = limits.memory {
        lower(MEMORY, bytes, bytes)?;
    }
    if let Some(seconds) = limits.cpu {
        // The signal of the lower bound tells the reason in the exit status.
        lower(Resource::Cpu, seconds, seconds.saturating_add(5))?;
    }
    Ok(())
}

/// Sets a limit, or leaves a lower one that holds already.
fn lower(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let ceiling = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let bounds = Rlimit {
        current: Some(current.min(ceiling)),
        maximum: Some(maximum.min(ceiling)),
    };
    Ok(rustix::process::setrlimit(resource, bounds)?)
}

/// Becomes another program; returns only where that fails.
pub(super) fn become_program(command: &mut Command) -> io::Error {
    command.exec()
}
