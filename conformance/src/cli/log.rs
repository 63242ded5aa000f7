//! `legwork log`.

use std::{fs::File, io::BufReader, path::PathBuf};

use legwork::report::log;

use super::console::{self, Done, Failure};

/// Read a run log.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Counts, failed rules, and what never ran
    Summary {
        /// The log
        file: PathBuf,
    },
}

pub(crate) fn run(command: &Command) -> Done {
    let Command::Summary { file } = command;
    let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", file.display()));
    let opened = File::open(file).map_err(|error| wrong(&error))?;
    let digest = log::read(BufReader::new(opened)).map_err(|error| wrong(&error))?;
    console::print(&digest.text())?;
    Ok(console::verdict(digest.complete))
}
