#![doc = include_str!("../README.md")]

pub mod oracle;
pub mod seeds;

use std::{path::PathBuf, process::ExitCode};

#[cfg(fuzzing)]
#[doc(hidden)]
pub use libfuzzer_sys;

/// Makes a fuzz target of an oracle. Without a fuzzing engine the target replays the files and folders that it is
/// given.
#[cfg(fuzzing)]
#[macro_export]
macro_rules! target {
    ($oracle:path) => {
        $crate::libfuzzer_sys::fuzz_target!(|bytes: &[u8]| $oracle(bytes));
    };
}

/// Makes a fuzz target of an oracle. Without a fuzzing engine the target replays the files and folders that it is
/// given.
#[cfg(not(fuzzing))]
#[macro_export]
macro_rules! target {
    ($oracle:path) => {
        fn main() -> std::process::ExitCode {
            $crate::replay(std::env::args_os().skip(1), $oracle)
        }
    };
}

/// Runs an oracle on files; a folder stands for the files in it. An oracle panics on a finding.
pub fn replay(paths: impl Iterator<Item = impl Into<PathBuf>>, oracle: fn(&[u8])) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for path in paths {
        let path = path.into();
        match inputs(&path) {
            Ok(inputs) => inputs.iter().for_each(|input| oracle(input)),
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// The contents of a file, or of every file in a folder.
fn inputs(path: &PathBuf) -> std::io::Result<Vec<Vec<u8>>> {
    if !path.is_dir() {
        return Ok(vec![std::fs::read(path)?]);
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    files
        .into_iter()
        .filter(|file| file.is_file())
        .map(std::fs::read)
        .collect()
}
