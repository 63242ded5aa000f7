//! Tasks of this repository: `cargo xtask TASK`.
//!
//! This program starts other programs and reads text files. It links neither the engine nor the harness, so that it
//! compiles in seconds and still runs when they do not compile.

mod adapters;
mod conformance;
mod fuzz;
mod process;
mod site;
mod suite;
mod tidy;
mod vectors;

use std::process::ExitCode;

use process::TaskError;

const USAGE: &str = "\
usage: cargo xtask TASK

  conformance [ARGUMENT …]         the suite against the reference engine, or what `legwork run` is told
  adapters setup [NAME …]          the library that steers adapters, and the setup of those named, or of all
  adapters test [NAME …]           the suite with adapters that are set up, those named, or all
  test                             everything a change must pass, in order
  tidy                             house rules of the source tree
  vectors lint [--fix]             form, ids, order and counts of the data files
  vectors add PACKAGE TOKEN FILE   append a token with its decoded fields (--source, --authority, --comment)
  vectors export                   all vectors to standard output, one JSON object per line
  site check [SITE [PICTURES]]     the pages of `legwork site` in Chromium, and pictures of them
  fuzz seeds                       write the corpora from the vectors
  fuzz smoke [SECONDS]             build every target, run each for a while (10)
  fuzz run TARGET [ARGUMENT …]     run one target until it is stopped
  fuzz nightly [SECONDS]           run all targets within this time (3600) on all cores; keep what they find
  fuzz speed [SECONDS]             inputs a second of each target beside one that does nothing
  fuzz coverage [TARGET …]         lines that the seeds and the corpus of a target reach
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut words = arguments.iter().map(String::as_str);
    let task = words.next();
    let rest: Vec<&str> = words.collect();
    let outcome = match task {
        Some("conformance") => conformance::run(&rest),
        Some("adapters") => adapters::run(&rest),
        Some("test") => suite::run(&rest),
        Some("tidy") => tidy::run(&rest),
        Some("vectors") => vectors::run(&rest),
        Some("site") => site::run(&rest),
        Some("fuzz") => fuzz::run(&rest),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            Ok(())
        }
        Some(other) => Err(TaskError::Usage(format!("there is no task {other:?}"))),
        None => Err(TaskError::Usage("which task?".to_owned())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(TaskError::Failed(message)) => {
            eprintln!("{message}");
            ExitCode::from(1)
        }
        Err(TaskError::Usage(message)) => {
            eprintln!("{message}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(TaskError::Exit(code)) => ExitCode::from(code),
    }
}
