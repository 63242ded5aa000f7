//! Starting other programs.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Why a task did not succeed.
#[derive(Debug)]
pub(crate) enum TaskError {
    /// The message says what is wrong.
    Failed(String),
    /// The task was asked for in a way that it does not know.
    Usage(String),
    /// Another program failed and has already said why; this is its exit code.
    Exit(u8),
}

/// Outcome of a task.
pub(crate) type TaskResult = Result<(), TaskError>;

/// A failure with a message.
pub(crate) fn failed<T>(message: impl Into<String>) -> Result<T, TaskError> {
    Err(TaskError::Failed(message.into()))
}

/// Folder of the workspace.
///
/// Taken from the running process, not from the compilation: a checkout that was moved keeps working.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    own.and_then(|folder| folder.parent().map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from("."))
}

/// A program that will run in the workspace folder.
pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(root());
    for inherited in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
        command.env_remove(inherited);
    }
    command
}

/// The cargo that runs this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    program(
        std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()),
        arguments,
    )
}

/// Runs a program to its end; it shares our terminal.
pub(crate) fn run(mut command: Command) -> TaskResult {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(TaskError::Exit(
            status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(1),
        )),
        Err(error) => failed(format!(
            "cannot start {}: {error}",
            command.get_program().display()
        )),
    }
}

/// Runs a program and takes what it prints; nothing if it cannot be started or fails.
pub(crate) fn output_of(mut command: Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
