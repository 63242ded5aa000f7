//! `cargo xtask fuzz speed`: what each target costs beside a target that does nothing.

use super::{BASELINE, build, cargo_fuzz_as, report, seeds, targets};
use crate::process::TaskResult;

/// How often target and baseline are run in turn.
const ROUNDS: u32 = 3;

/// Runs every target and, each time before it, the baseline over the same corpus, and prints the medians of their
/// speeds. Noise of the machine meets both.
pub(super) fn run(seconds: u32) -> TaskResult {
    seeds()?;
    build()?;
    let limit = format!("-max_total_time={seconds}");
    println!(
        "{:<24} {:>10} {:>10} {:>8}",
        "target", "inputs/s", "baseline", "share"
    );
    for target in targets()?.iter().filter(|target| *target != BASELINE) {
        let mut samples = Vec::new();
        for _ in 0..ROUNDS {
            let idle = speed_of(BASELINE, target, &limit)?;
            let busy = speed_of(target, target, &limit)?;
            samples.push((busy / idle, busy, idle));
        }
        samples.sort_by(|left, right| left.0.total_cmp(&right.0));
        if let Some((share, busy, idle)) = samples.get(samples.len() / 2) {
            println!("{target:<24} {busy:>10.0} {idle:>10.0} {share:>8.3}");
        }
    }
    Ok(())
}

/// Inputs a second of a program, built as a target is, over the corpus of that target. What it finds is not kept.
fn speed_of(program: &str, corpus_of: &str, limit: &str) -> Result<f64, crate::process::TaskError> {
    let found = std::env::temp_dir().join(format!("legwork-fuzz-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&found);
    let _ = std::fs::create_dir_all(&found);
    let corpus = format!("fuzz/corpus/{corpus_of}");
    let found_text = found.to_string_lossy().into_owned();
    let arguments = [found_text.as_str(), &corpus, "--", limit, "-print_final_stats=1"];
    let outcome = report::of(cargo_fuzz_as(corpus_of, "run", program, &arguments));
    let _ = std::fs::remove_dir_all(&found);
    outcome.map(|report| report.speed)
}
