//! `cargo xtask conformance`: the harness on the embedded reference engine.
//!
//! The development profile is used on purpose: it shares every dependency with the tests, and those dependencies are
//! optimised there. A release build would compile everything a second time and save milliseconds.

use std::process::Command;

use crate::adapters;
use crate::process::{TaskResult, cargo, run as run_program};

/// Runs `legwork run` with the arguments given.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    let mut all = vec!["run"];
    all.extend(arguments);
    run_program(legwork(&all))
}

/// The command that runs the harness, building it if need be.
pub(crate) fn legwork(arguments: &[&str]) -> Command {
    let mut all = vec!["run", "--quiet", "--package", "legwork", "--bin", "legwork", "--"];
    all.extend(arguments);
    let mut command = cargo(&all);
    command.envs(adapters::preload());
    command
}
