//! What keeps an adapter's processes apart from the harness: a process group of their own, limits, and an end when the
//! harness ends, however that happens.
//!
//! A program that has the subcommands `launch` and `watch` does the parts that need a process of their own, see
//! [`install`]. `launch` waits until `watch` knows its process group, limits itself and becomes the adapter, so that
//! the harness sees the adapter's own process id and exit status. `watch`, one for each harness, kills the groups
//! that it knows when its input ends: also when the harness was killed and could do nothing more. A process that
//! leaves its group on purpose is not followed.
//!
//! Calls that only Unix has stand in `unix.rs`. Other systems have no process groups and no limits here: the adapter
//! is started directly, and `limits` are passed over with a note.

#[cfg(not(unix))]
#[path = "other.rs"]
mod system;
#[cfg(unix)]
#[path = "unix.rs"]
mod system;

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt,
    io::{self, BufRead, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

pub(super) use system::{Gauge, Output, is_out_of_time, own_group, shared_file, wait, without_blocking};

/// Whether adapters can be started with a library that steers randomness and clock.
pub const PRELOADS: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

/// How long processes have to see that their input has ended before they are killed.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// The program with the subcommands `launch` and `watch`.
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// The input of `watch`, once that runs.
static WATCH: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();

/// What a process of an adapter may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Memory that it can write to, in bytes.
    pub memory: Option<u64>,
    /// Processor time from its start to its end, in seconds.
    pub cpu: Option<u64>,
}

impl fmt::Display for Limits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory.map(|bytes| format!("{} MiB of memory", bytes >> 20));
        let cpu = self.cpu.map(|seconds| format!("{seconds} s of processor time"));
        let parts: Vec<String> = [memory, cpu].into_iter().flatten().collect();
        formatter.write_str(&parts.join(", "))
    }
}

/// Names the program that has the subcommands `launch` and `watch`, which is `legwork` itself. Without one, adapters
/// are started directly: without limits, and with nothing that ends them when the harness is killed. The first call
/// of a process holds.
pub fn install(program: PathBuf) {
    // A second call names the same program.
    let _ = PROGRAM.set(program);
}

/// What cannot be done here, for a person to know before an adapter is started.
#[must_use]
pub fn shortcoming() -> Option<&'static str> {
    (!system::LAUNCHES).then_some(
        "this system has no process groups and no limits: memory and processor time of adapters are not bounded, and what \
         they start may outlive them",
    )
}

/// A child process and all that it starts.
#[derive(Debug)]
pub(super) struct Group {
    child: Child,
    /// Whether the watching process knows of it.
    told: bool,
    gone: bool,
}

impl Group {
    /// Starts a command in a process group of its own, with pipes for its standard streams.
    pub(super) fn spawn(command: Command, limits: Limits) -> io::Result<Self> {
        let launcher = PROGRAM.get().filter(|_| system::LAUNCHES);
        let mut command = match launcher {
            Some(program) => launched(program, &command, limits),
            None => command,
        };
        own_group(&mut command);
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = streams.stderr(Stdio::piped()).spawn()?;
        let told = launcher.is_some();
        let mut group = Self {
            child,
            told,
            gone: false,
        };
        if told {
            tell_watch('+', group.child.id());
            if let Some(input) = &mut group.child.stdin {
                input.write_all(b"\n")?;
            }
        }
        Ok(group)
    }

    /// The child.
    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Id of the child.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the child ended, if it has.
    pub(super) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// How the child ended, if it does so within a time.
    pub(super) fn end_within(&mut self, grace: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + grace;
        loop {
            let status = self.status();
            if status.is_some() || Instant::now() >= until {
                return status;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether the group was killed.
    pub(super) fn is_killed(&self) -> bool {
        self.gone
    }

    /// Kills every process of the group.
    pub(super) fn kill(&mut self) {
        if std::mem::replace(&mut self.gone, true) {
            return;
        }
        system::kill_group(self.child.id());
        // A child that is gone already cannot be killed, and on some systems it is all that is known of the group.
        let _ = self.child.kill();
        if self.told {
            tell_watch('-', self.child.id());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        // A child that was waited for already is no harm.
        let _ = self.child.wait();
    }
}

/// The command that limits itself and becomes another command.
fn launched(program: &PathBuf, command: &Command, limits: Limits) -> Command {
    let mut launch = Command::new(program);
    launch.arg("launch");
    let options = [("--memory", limits.memory), ("--cpu", limits.cpu)];
    for (name, value) in options {
        if let Some(value) = value {
            launch.args([name, &value.to_string()]);
        }
    }
    launch
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        launch.current_dir(folder);
    }
    launch.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    launch
}

/// Tells the watching process of a group that begins or has ended.
fn tell_watch(sign: char, group: u32) {
    let watch = WATCH.get_or_init(|| PROGRAM.get().and_then(start_watch).map(Mutex::new));
    if let Some(Ok(mut watch)) = watch.as_ref().map(Mutex::lock) {
        // Without it the groups are still killed by this process.
        let _ = writeln!(watch, "{sign}{group}");
    }
}

fn start_watch(program: &PathBuf) -> Option<ChildStdin> {
    let mut command = Command::new(program);
    own_group(&mut command);
    let streams = command.arg("watch").stdin(Stdio::piped()).stdout(Stdio::null());
    let child = streams.stderr(Stdio::null()).spawn();
    child.ok().and_then(|mut child| child.stdin.take())
}

/// The subcommand `launch`: waits for a line of which nothing but the end is read, limits this process and becomes
/// another program. Returns only where that fails.
#[must_use]
pub fn launch(limits: Limits, line: &[OsString]) -> String {
    let Some((program, arguments)) = line.split_first() else {
        return "nothing to start".to_owned();
    };
    if !system::told_to_go() {
        return "the harness has gone".to_owned();
    }
    if let Err(error) = system::limit(limits) {
        return format!("cannot limit the adapter to {limits}: {error}");
    }
    let error = system::become_program(Command::new(program).args(arguments));
    format!("cannot start {}: {error}", program.display())
}

/// The subcommand `watch`: reads process groups that begin (`+ID`) and have ended (`-ID`), and kills what is left when
/// its input ends.
pub fn watch(input: impl BufRead) {
    let mut groups = BTreeSet::new();
    for line in input.lines().map_while(Result::ok) {
        match line
            .split_at_checked(1)
            .map(|(sign, id)| (sign, id.parse::<u32>()))
        {
            Some(("+", Ok(id))) => _ = groups.insert(id),
            Some(("-", Ok(id))) => _ = groups.remove(&id),
            _ => {}
        }
    }
    if !groups.is_empty() {
        thread::sleep(GRACE);
    }
    for id in groups {
        system::kill_group(id);
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn limits_are_told_in_their_units() {
        let limits = Limits {
            memory: Some(256 << 20),
            cpu: Some(7),
        };
        assert_eq!(limits.to_string(), "256 MiB of memory, 7 s of processor time");
        assert_eq!(Limits::default().to_string(), "");
    }
}
