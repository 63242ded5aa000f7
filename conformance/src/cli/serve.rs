//! `legwork serve`.

use std::{io, process::ExitCode};

use super::console::{Done, Failure};

pub(crate) fn run() -> Done {
    match legwork::serve::serve(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failure::Output("the harness".to_owned(), error)),
    }
}
