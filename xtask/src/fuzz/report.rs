//! What a fuzzing engine says of a run.

use std::process::{Command, Stdio};

use crate::process::{TaskError, failed};

/// A run of one target.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Report {
    /// Inputs that were tried.
    pub(super) executions: u64,
    /// Inputs a second.
    pub(super) speed: f64,
    /// Edges of the program that the corpus reached before the run.
    pub(super) covered_before: u64,
    /// Edges that were reached in the end.
    pub(super) covered_after: u64,
    /// Inputs that were kept because they reached something new.
    pub(super) found: u64,
    /// Whether the run ended with a finding.
    pub(super) crashed: bool,
}

/// Runs a target to its end and reads what it says; what it says is shown if it ends with a finding.
pub(super) fn of(mut command: Command) -> Result<Report, TaskError> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            return failed(format!(
                "cannot start {}: {error}",
                command.get_program().display()
            ));
        }
    };
    let text = String::from_utf8_lossy(&output.stderr);
    let report = read(&text);
    if !output.status.success() {
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(60)..).unwrap_or_default();
        eprintln!("{}", tail.join("\n"));
        if !report.crashed {
            return failed(format!("{} could not run", command.get_program().display()));
        }
    }
    Ok(report)
}

/// Reads the status lines (`#2 INITED cov: 12 ft: 13 …`) and the final statistics (`stat::name: value`).
fn read(text: &str) -> Report {
    let statistic = |name: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("stat::"));
        let mut values =
            lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok());
        values.next().unwrap_or_default()
    };
    let status = text.lines().filter(|line| line.starts_with('#'));
    let covered = |line: &str| line.split("cov: ").nth(1)?.split(' ').next()?.parse::<u64>().ok();
    let inited = status.clone().find(|line| line.contains("INITED"));
    let (executions, speed) = (
        statistic("number_of_executed_units"),
        statistic("average_exec_per_sec"),
    );
    Report {
        executions,
        // The engine prints whole numbers of at most 32 bits.
        speed: f64::from(u32::try_from(speed).unwrap_or(u32::MAX)),
        covered_before: inited.and_then(covered).unwrap_or_default(),
        covered_after: status.filter_map(covered).next_back().unwrap_or_default(),
        found: statistic("new_units_added"),
        crashed: text.contains("Test unit written to "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_and_statistics_are_read() {
        let text = "\
INFO: Seed: 1
#12\tINITED cov: 100 ft: 300 corp: 9/1Kb exec/s: 0 rss: 40Mb
#99\tNEW    cov: 120 ft: 330 corp: 10/1Kb lim: 4 exec/s: 0 rss: 40Mb L: 1/9 MS: 1 EraseBytes-
#4096\tDONE   cov: 121 ft: 331 corp: 11/1Kb lim: 4 exec/s: 2048 rss: 41Mb
stat::number_of_executed_units: 4096
stat::average_exec_per_sec:     2048
stat::new_units_added:          2
";
        let expected = Report {
            executions: 4096,
            speed: 2048.0,
            covered_before: 100,
            covered_after: 121,
            found: 2,
            crashed: false,
        };
        assert_eq!(read(text), expected);
    }

    #[test]
    fn a_run_with_an_artifact_ended_with_a_finding() {
        let text = "==1== ERROR: libFuzzer: deadly signal\nTest unit written to fuzz/artifacts/t/crash-1\n";
        assert!(read(text).crashed);
        assert!(!read("error: could not compile").crashed);
    }
}
