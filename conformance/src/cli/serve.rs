//! `legwork serve`.

use std::{
    io::{self, BufReader},
    process::ExitCode,
};

use super::console::{Done, Failure};

pub(crate) fn run() -> Done {
    let (input, output) = (BufReader::new(io::stdin().lock()), io::stdout().lock());
    match legwork::serve::serve(input, output) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(Failure::Output("the harness".to_owned(), error)),
    }
}
