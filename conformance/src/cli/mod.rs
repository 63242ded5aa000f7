//! The command line: what is asked, and where the answer goes. Everything that can be said about a run is made in the
//! library; this part reads arguments, shows progress and chooses the exit code.
//!
//! Exit codes: 0, all is as it should be; 1, something under test is not; 2, the question was wrong (usage, a broken
//! file, a filter that matches nothing), or the answer could not be written.

mod adapter;
mod console;
mod diff;
mod findings;
mod inspect;
mod isolation;
mod judge;
mod list;
mod log;
mod merge;
mod options;
mod outputs;
mod pairs;
mod progress;
mod repro;
mod rules;
mod run;
mod serve;
mod setup;
mod site;
mod tokens;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use console::Failure;

/// Conformance harness and test oracle for SSPI security contexts.
#[derive(Debug, Parser)]
#[command(name = "legwork", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the suite: the reference against itself, or an implementation against the reference
    Run(run::Arguments),
    /// List the cases and what each shows
    List(list::Arguments),
    /// Decode a token
    Inspect(inspect::Arguments),
    /// Hold what a program that calls a package did against the rules for programs
    Judge(judge::Arguments),
    /// What the suite judges by, and how well that is proven
    #[command(subcommand)]
    Rules(rules::Command),
    /// Write the page of known deviations
    Findings(findings::Arguments),
    /// Pair implementations, each with each
    Pairs(pairs::Arguments),
    /// Write a folder that replays one case
    Repro(repro::Arguments),
    /// Write a static site of run logs and a matrix
    Site(site::Arguments),
    /// Hold tokens of others against what is said of them
    Tokens(tokens::Arguments),
    /// Read a run log
    #[command(subcommand)]
    Log(log::Command),
    /// Put the logs of parts of a run together
    Merge(merge::Arguments),
    /// Say what two runs differ in, by their logs
    Diff(diff::Arguments),
    /// Write an adapter, and see whether it is one
    #[command(subcommand)]
    Adapter(adapter::Command),
    /// Answer the adapter protocol on the standard streams, with the reference behind it
    Serve,
    /// Become an adapter that keeps within limits
    #[command(hide = true)]
    Launch(isolation::Launch),
    /// Kill what is left of adapters when the harness has ended
    #[command(hide = true)]
    Watch,
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    isolation::install();
    let done = match cli.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Rules(command) => rules::run(&command),
        Command::Findings(arguments) => findings::run(&arguments),
        Command::Pairs(arguments) => pairs::run(&arguments),
        Command::Repro(arguments) => repro::run(&arguments),
        Command::Log(command) => log::run(&command),
        Command::Merge(arguments) => merge::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Site(arguments) => site::run(&arguments),
        Command::Tokens(arguments) => tokens::run(&arguments),
        Command::Adapter(command) => adapter::run(&command),
        Command::Serve => serve::run(),
        Command::Launch(arguments) => isolation::launch(&arguments),
        Command::Watch => isolation::watch(),
    };
    done.unwrap_or_else(|failure: Failure| failure.conclude())
}

/// Help and the version are answers; everything else is a wrong question.
fn usage(error: &clap::Error) -> ExitCode {
    // Where the message cannot be written there is nobody to tell.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
