//! `legwork launch` and `legwork watch`, which the harness starts for itself.

use std::{ffi::OsString, io, process::ExitCode};

use legwork::subject::isolation::{self, Limits};

use super::console::{Done, Failure};

/// Become an adapter that keeps within limits.
#[derive(Debug, clap::Args)]
pub(crate) struct Launch {
    /// Bytes of memory that can be written to
    #[arg(long, value_name = "BYTES")]
    memory: Option<u64>,
    /// Seconds of processor time
    #[arg(long, value_name = "SECONDS")]
    cpu: Option<u64>,
    /// The adapter's command line
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// Lets adapters be started by way of this program.
pub(crate) fn install() {
    // A program that does not know where it lies starts adapters directly.
    if let Ok(program) = std::env::current_exe() {
        isolation::install(program);
    }
}

pub(crate) fn launch(arguments: &Launch) -> Done {
    let limits = Limits {
        memory: arguments.memory,
        cpu: arguments.cpu,
    };
    Err(Failure::Usage(isolation::launch(limits, &arguments.command)))
}

pub(crate) fn watch() -> Done {
    isolation::watch(io::stdin().lock());
    Ok(ExitCode::SUCCESS)
}
