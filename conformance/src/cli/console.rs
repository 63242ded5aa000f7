//! Standard streams: whole texts out, failures as messages, colour where somebody sees it.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use legwork::{words::counted, yaml::Located};
use thiserror::Error;

/// What came of a command.
pub(crate) type Done = Result<ExitCode, Failure>;

/// Why a command ends without an answer.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The question was wrong.
    #[error("{0}")]
    Usage(String),
    /// Files of the suite or of a subject are broken.
    #[error("{} in all", counted(.0.len(), "error"))]
    Broken(Vec<Located>),
    /// What is under test could not be run.
    #[error("{0}")]
    Failed(String),
    /// The answer could not be written.
    #[error("cannot write to {0}: {1}")]
    Output(String, io::Error),
}

impl Failure {
    /// Says what is wrong and chooses the exit code.
    pub(crate) fn conclude(&self) -> ExitCode {
        let colour = colours(&io::stderr());
        if let Self::Broken(errors) = self {
            for error in errors {
                note(&format!("{}\n", error.render(colour)));
            }
        }
        note(&format!("legwork: {self}"));
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            _ => 2,
        })
    }
}

/// Writes a text to the standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| Failure::Output("the standard output".to_owned(), error))
}

/// Writes a line to the standard error. Where that is closed there is nobody to tell.
pub(crate) fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether the standard output shows colour.
pub(crate) fn colour() -> bool {
    colours(&io::stdout())
}

fn colours(stream: &impl IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !refused && !dumb
}

/// Exit code 0 or 1.
pub(crate) fn verdict(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}
