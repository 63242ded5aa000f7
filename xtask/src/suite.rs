//! `cargo xtask test`: everything a change must pass.
//!
//! Steps run from cheap to dear and stop at the first that fails.

use std::io::Write as _;
use std::time::Instant;

use crate::process::{TaskError, TaskResult, cargo, failed, program, run as run_program};
use crate::{fuzz, tidy, vectors};

/// One step: what it is called in the output, and what it does.
type Step = (&'static str, fn() -> TaskResult);

const STEPS: [Step; 17] = [
    ("format (cargo fmt writes it)", || {
        with_cargo("fmt --all -- --check --files-with-diff")
    }),
    ("house rules", || tidy::run(&[])),
    ("vectors", || vectors::run(&["lint"])),
    ("clippy", || {
        with_cargo("clippy --quiet --workspace --all-targets --locked -- -D warnings")
    }),
    ("tests", || with_cargo("test --quiet --workspace --locked")),
    ("primitive calls: no more than the least", || {
        with_cargo(
            "test --quiet --package legwork-engine --features count-primitives --test primitives --locked",
        )
    }),
    ("documentation", documentation),
    ("programs", || {
        with_cargo("build --quiet --workspace --exclude xtask --all-targets --locked")
    }),
    ("conformance of the reference", || built("legwork", "run")),
    ("rules: each is checked or says why not", || {
        built("legwork", "rules coverage")
    }),
    ("axes: each value makes a difference", || {
        built("legwork", "list --dead-axes")
    }),
    ("bug classes: each is caught in either role", || {
        built("legwork", "rules bug-classes")
    }),
    ("model: each cell is reached", || built("legwork", "rules model")),
    ("kill matrix: each check can fail", || {
        built("legwork", "rules kill-matrix")
    }),
    ("fuzz: seeds", || built("seeds", "")),
    ("fuzz: build", fuzz::build),
    ("fuzz: smoke", || fuzz::smoke(5)),
];

/// Runs all steps, with the time each takes.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    if let Some(argument) = arguments.first() {
        return Err(TaskError::Usage(format!(
            "test takes no argument, not {argument:?}"
        )));
    }
    let begin = Instant::now();
    for (index, (name, action)) in STEPS.iter().enumerate() {
        let number = index.saturating_add(1);
        println!("\n== {number}/{} {name}", STEPS.len());
        // Programs that are started write to the same place by another way.
        let _ = std::io::stdout().flush();
        let start = Instant::now();
        if let Err(error) = action() {
            report_failure(name, &error);
            println!(
                "{index} passed, 1 failed, {} not run",
                STEPS.len().saturating_sub(number)
            );
            return Err(TaskError::Exit(1));
        }
        println!("== {name}: {:.1} s", start.elapsed().as_secs_f64());
    }
    println!("\nall in {:.0} s", begin.elapsed().as_secs_f64());
    println!("{} passed, 0 failed", STEPS.len());
    Ok(())
}

fn report_failure(name: &str, error: &TaskError) {
    match error {
        TaskError::Failed(message) | TaskError::Usage(message) => eprintln!("{message}"),
        TaskError::Exit(code) => {
            eprintln!("the program of this step ended with code {code}; its own words are above")
        }
    }
    println!("\nFAILED at step: {name}");
}

fn documentation() -> TaskResult {
    let mut command = cargo(&["doc", "--quiet", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    run_program(command)
}

/// Runs cargo with arguments that hold no blanks.
fn with_cargo(arguments: &str) -> TaskResult {
    run_program(cargo(&arguments.split(' ').collect::<Vec<_>>()))
}

/// Runs a program that the step before has built, with arguments that hold no blanks.
///
/// `cargo run` would select one package, and with it other features of the shared dependencies, and compile most of
/// them a second time. The programs lie beside this one.
fn built(name: &str, arguments: &str) -> TaskResult {
    let Ok(own) = std::env::current_exe() else {
        return failed("this program does not know where it lies");
    };
    let place = own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    run_program(program(place, &arguments.split_whitespace().collect::<Vec<_>>()))
}
