//! `cargo xtask fuzz`: corpora, a short run of every target, a long run of one or of all, and what they cost and reach.
//!
//! The targets of the engine are built without the harness, which would turn the engine's deviations on, and without a
//! sanitizer: there is no unsafe code in the engine that one could watch, and without it they try about eight times as many
//! inputs. Those of the harness read YAML with a translation from C, and the address sanitizer watches that.
//!
//! cargo-fuzz needs a compiler that accepts sanitizer options: a nightly toolchain if one is installed, else the stable
//! one with `RUSTC_BOOTSTRAP=1`.

mod coverage;
mod nightly;
mod report;
mod speed;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{TaskError, TaskResult, cargo, failed, output_of, program, root, run as run_program};

/// How the names of targets for the harness's own texts begin.
const OF_THE_HARNESS: &str = "texts_";

/// The target that does nothing: what the fuzzing engine costs by itself.
const BASELINE: &str = "baseline";

/// Runs the task named by the first argument.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    match arguments {
        ["seeds"] => seeds(),
        ["smoke"] => smoke_all(10),
        ["smoke", seconds] => smoke_all(number(seconds)?),
        ["run", target, rest @ ..] => run_one(target, rest),
        ["nightly"] => nightly::run(3600),
        ["nightly", seconds] => nightly::run(number(seconds)?),
        ["speed"] => speed::run(5),
        ["speed", seconds] => speed::run(number(seconds)?),
        ["coverage", chosen @ ..] => coverage::run(chosen),
        _ => Err(TaskError::Usage(
            "fuzz seeds, fuzz smoke [SECONDS], fuzz run TARGET [ARGUMENT …], fuzz nightly [SECONDS], \
             fuzz speed [SECONDS] or fuzz coverage [TARGET …]"
                .to_owned(),
        )),
    }
}

fn number(seconds: &str) -> Result<u32, TaskError> {
    seconds
        .parse()
        .map_err(|_| TaskError::Usage(format!("{seconds:?} is not a number of seconds")))
}

/// Writes the corpora from the vectors.
fn seeds() -> TaskResult {
    write_seeds(&[])
}

/// Writes the seeds: into the folder named, or into the corpora.
fn write_seeds(folder: &[&str]) -> TaskResult {
    let program = ["run", "--quiet", "--package", "legwork-fuzz", "--bin", "seeds"];
    run_program(cargo(&[&program, folder].concat()))
}

/// Builds every target with a fuzzing engine.
pub(crate) fn build() -> TaskResult {
    require_cargo_fuzz()?;
    for target in targets()? {
        run_program(cargo_fuzz("build", &target, &[]))?;
    }
    Ok(())
}

/// Runs every target for a number of seconds; they are built already.
pub(crate) fn smoke(seconds: u32) -> TaskResult {
    for target in targets()? {
        println!("-- {target}, {seconds} s");
        let limit = format!("-max_total_time={seconds}");
        run_program(target_run(
            &target,
            &["--", &limit, "-verbosity=0", "-print_final_stats=1"],
        ))?;
    }
    Ok(())
}

fn smoke_all(seconds: u32) -> TaskResult {
    seeds()?;
    build()?;
    smoke(seconds)
}

fn run_one(target: &str, arguments: &[&str]) -> TaskResult {
    require_target(target)?;
    seeds()?;
    require_cargo_fuzz()?;
    let mut all = vec!["--"];
    all.extend(arguments);
    run_program(target_run(target, &all))
}

/// Refuses a name that is no target's.
fn require_target(target: &str) -> TaskResult {
    let known = targets()?;
    if known.iter().any(|name| name == target) {
        return Ok(());
    }
    failed(format!(
        "there is no target {target:?}; there are {}",
        known.join(", ")
    ))
}

/// Names of all targets, from the files in `fuzz/targets`.
fn targets() -> Result<Vec<String>, TaskError> {
    let folder = root().join("fuzz").join("targets");
    let entries = fs::read_dir(&folder).map_err(|error| {
        TaskError::Failed(format!("cannot list the fuzz targets in fuzz/targets: {error}"))
    })?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .strip_suffix(".rs")
                .map(str::to_owned)
        })
        .collect();
    names.sort();
    if names.is_empty() {
        failed("fuzz/targets holds no target")
    } else {
        Ok(names)
    }
}

/// `cargo fuzz run TARGET`, with the dictionary of the target if there is one; the last arguments are for the fuzzing
/// engine, behind `--`.
fn target_run(target: &str, arguments: &[&str]) -> Command {
    let mut command = cargo_fuzz("run", target, arguments);
    if let Some(dictionary) = dictionary(target) {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    command
}

/// The dictionary of a target, or else that of its package, which is the first word of its name.
fn dictionary(target: &str) -> Option<PathBuf> {
    let folder = root().join("fuzz").join("dictionaries");
    let package = target.split('_').next().unwrap_or(target);
    [target, package]
        .map(|name| folder.join(name).with_extension("dict"))
        .into_iter()
        .find(|path| path.is_file())
}

/// `cargo fuzz COMMAND TARGET` with a compiler that accepts sanitizer options.
fn cargo_fuzz(command: &str, target: &str, arguments: &[&str]) -> Command {
    cargo_fuzz_as(target, command, target, arguments)
}

/// As [`cargo_fuzz`], with a target that is built as another one is.
fn cargo_fuzz_as(like: &str, command: &str, target: &str, arguments: &[&str]) -> Command {
    let mut all = vec!["fuzz", command];
    if !like.starts_with(OF_THE_HARNESS) {
        all.extend(["--no-default-features", "--sanitizer", "none"]);
    }
    all.push(target);
    all.extend(arguments);
    if has_nightly() {
        let mut through_rustup = vec!["run", "nightly", "cargo"];
        through_rustup.extend(all);
        return program("rustup", &through_rustup);
    }
    let mut command = cargo(&all);
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}

fn has_nightly() -> bool {
    output_of(program("rustup", &["toolchain", "list"]))
        .is_some_and(|list| list.lines().any(|line| line.starts_with("nightly")))
}

/// Installs cargo-fuzz unless it is there, so that a fresh machine needs no step of its own.
fn require_cargo_fuzz() -> TaskResult {
    if output_of(cargo(&["fuzz", "--version"])).is_some() {
        return Ok(());
    }
    println!("cargo-fuzz is not installed; installing it");
    run_program(cargo(&["install", "--quiet", "--locked", "cargo-fuzz"]))
}
