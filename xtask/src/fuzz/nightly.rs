//! `cargo xtask fuzz nightly`: every target within a budget of time, on all cores.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use super::{BASELINE, build, cargo_fuzz, report, report::Report, seeds, target_run, targets};
use crate::process::{TaskError, TaskResult, failed, root, run as run_program};

/// Inputs that the search for a smaller crash tries.
const RUNS_TO_MINIMISE: &str = "--runs=20000";

/// Runs all targets for `budget` seconds of wall clock together, prints what each reached, makes the corpora small
/// again, and turns every finding into a regression.
pub(super) fn run(budget: u32) -> TaskResult {
    seeds()?;
    build()?;
    let targets: Vec<String> = targets()?
        .into_iter()
        .filter(|target| target != BASELINE)
        .collect();
    let workers = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(targets.len());
    // Each worker runs its share of the targets one after the other.
    let turns = u32::try_from(targets.len().div_ceil(workers)).unwrap_or(u32::MAX);
    let seconds = (budget / turns).max(1);
    println!("{} targets, {seconds} s each, {workers} at a time", targets.len());
    println!(
        "{:<24} {:>12} {:>9} {:>7} {:>7} {:>7}",
        "target", "inputs", "inputs/s", "edges", "in all", "kept"
    );
    let queue = Mutex::new(targets.iter());
    let outcomes: Vec<Result<Vec<String>, TaskError>> = thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|_| scope.spawn(|| work(&queue, seconds)))
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|_| failed("a worker died")))
            .collect()
    });
    let mut crashed = Vec::new();
    for outcome in outcomes {
        crashed.extend(outcome?);
    }
    for target in &crashed {
        keep(target)?;
    }
    for target in targets.iter().filter(|target| !crashed.contains(target)) {
        run_program(cargo_fuzz("cmin", target, &[]))?;
    }
    if crashed.is_empty() {
        return Ok(());
    }
    failed(format!("findings: {}", crashed.join(", ")))
}

/// Runs targets of the queue until it is empty; returns those with a finding.
fn work<'a>(queue: &Mutex<impl Iterator<Item = &'a String>>, seconds: u32) -> Result<Vec<String>, TaskError> {
    let mut crashed = Vec::new();
    loop {
        let next = queue.lock().ok().and_then(|mut queue| queue.next());
        let Some(target) = next else { return Ok(crashed) };
        let limit = format!("-max_total_time={seconds}");
        let report = report::of(target_run(target, &["--", &limit, "-print_final_stats=1"]))?;
        print(target, &report);
        if report.crashed {
            crashed.push(target.clone());
        }
    }
}

fn print(target: &str, report: &Report) {
    let Report {
        executions,
        speed,
        covered_before,
        covered_after,
        found,
        crashed,
    } = report;
    let end = if *crashed { "  FINDING" } else { "" };
    println!(
        "{target:<24} {executions:>12} {speed:>9.0} {covered_before:>7} {covered_after:>7} {found:>7}{end}"
    );
}

/// Makes the inputs behind a finding small, and the smallest a regression.
fn keep(target: &str) -> TaskResult {
    let artifacts = root().join("fuzz").join("artifacts").join(target);
    if let Some(input) = smallest(&artifacts) {
        let path = input.to_string_lossy().into_owned();
        // The search ends with the failure that it looks for.
        let _ = run_program(cargo_fuzz("tmin", target, &[RUNS_TO_MINIMISE, &path]));
    }
    let Some(input) = smallest(&artifacts) else {
        return failed(format!("{target} left no input in fuzz/artifacts"));
    };
    let folder = root().join("fuzz").join("regressions").join(target);
    let name = input
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let kept = folder.join(format!("{name}.bin"));
    let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(&input, &kept));
    match copied {
        Ok(_) => {
            println!("{target}: kept as {}; name it after the defect", kept.display());
            Ok(())
        }
        Err(error) => failed(format!("cannot keep {}: {error}", kept.display())),
    }
}

/// The smallest file in a folder.
fn smallest(folder: &Path) -> Option<PathBuf> {
    let files = fs::read_dir(folder).ok()?.flatten();
    let sized = files.filter_map(|entry| Some((entry.metadata().ok()?.len(), entry.path())));
    sized.min().map(|(_, path)| path)
}
