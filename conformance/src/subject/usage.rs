//! What a process has used, from where Linux tells it.

use std::{fs, path::PathBuf, time::Duration};

use super::isolation::Limits;

/// The unit of processor times in `/proc/PID/stat`: USER_HZ, which is 100 a second.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used since its start; what it started is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Processor time.
    pub cpu: Duration,
    /// The most memory that it had at a time, in bytes.
    pub peak_memory: u64,
}

impl Usage {
    /// That of a process; none where the system does not tell it in `/proc`.
    pub(super) fn of(process: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let read = |name| fs::read_to_string(folder.join(name)).ok();
        Some(Self {
            cpu: cpu(&read("stat")?)?,
            peak_memory: peak_memory(&read("status")?)?,
        })
    }
}

impl Usage {
    /// What is beyond a budget of what was used since an earlier time, in words.
    pub(super) fn beyond(self, earlier: Self, budget: Limits) -> Option<String> {
        let cpu = self.cpu.saturating_sub(earlier.cpu);
        let memory = self.peak_memory.saturating_sub(earlier.peak_memory);
        let seconds = budget.cpu.filter(|seconds| cpu > Duration::from_secs(*seconds));
        let bytes = budget.memory.filter(|bytes| memory > *bytes);
        let told =
            seconds.map(|seconds| format!("{:.2} s of processor time, of {seconds} s", cpu.as_secs_f64()));
        let told = told
            .or_else(|| bytes.map(|bytes| format!("{} MiB of memory, of {} MiB", memory >> 20, bytes >> 20)));
        told.map(|told| format!("the leg used {told}"))
    }
}

/// User and system time: fields 14 and 15 (proc(5)), counted behind the name, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let user = times.next()?.ok()?;
    let system = times.next()?.ok()?;
    TICK.checked_mul(user.checked_add(system)?)
}

fn peak_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_budget_is_told_with_the_figure() {
        let at = |seconds, mebibytes: u64| Usage {
            cpu: Duration::from_secs(seconds),
            peak_memory: mebibytes << 20,
        };
        let budget = Limits {
            cpu: Some(2),
            memory: Some(64 << 20),
        };
        let beyond = |seconds, mebibytes| at(seconds, mebibytes).beyond(at(10, 100), budget);
        assert_eq!(beyond(12, 164), None);
        assert_eq!(
            beyond(13, 164).as_deref(),
            Some("the leg used 3.00 s of processor time, of 2 s")
        );
        assert_eq!(
            beyond(12, 200).as_deref(),
            Some("the leg used 100 MiB of memory, of 64 MiB")
        );
        assert_eq!(at(99, 999).beyond(at(0, 0), Limits::default()), None);
    }

    #[test]
    fn reads_what_linux_tells() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 31 12 5 6 20 0 1 0 100 1000 10";
        assert_eq!(cpu(stat), Some(Duration::from_millis(430)));
        assert_eq!(cpu("7 (short) S 1"), None);
        assert_eq!(
            peak_memory("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t    2048 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(peak_memory("Name:\tx\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_used_something() {
        let usage = Usage::of(std::process::id()).expect("Linux tells it");
        assert!(usage.peak_memory > 1 << 20, "{usage:?}");
        assert_eq!(Usage::of(u32::MAX), None);
    }
}
