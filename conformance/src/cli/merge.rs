//! `legwork merge`.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use legwork::{
    report::log::{self, MergeError, Merged},
    words::counted,
};

use super::{
    console::{self, Done, Failure},
    diff::open,
};

/// Put the logs of parts of a run together, in the order of the run and without times.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The logs
    #[arg(required = true)]
    logs: Vec<PathBuf>,
    /// The merged log; the default is the standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let mut logs = Vec::new();
    for path in &arguments.logs {
        logs.push((path.display().to_string(), open(path)?));
    }
    let merged = match &arguments.out {
        Some(path) => {
            let shown = path.display().to_string();
            if arguments.logs.iter().any(|log| is_same(log, path)) {
                return Err(Failure::Usage(format!(
                    "{shown} is one of the logs that are merged"
                )));
            }
            let file = File::create(path).map_err(|error| Failure::Output(shown.clone(), error))?;
            merge(&mut logs, BufWriter::new(file), &shown)?
        }
        None => merge(&mut logs, io::stdout().lock(), "the standard output")?,
    };
    if !merged.complete {
        console::note(&format!(
            "legwork: the run is not complete: {} of {} never ran",
            merged.missing,
            counted(merged.cases.saturating_add(merged.missing), "case")
        ));
    }
    Ok(console::verdict(merged.complete && merged.good))
}

/// Whether two names are of the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| real(other) == Some(one))
}

fn merge(logs: &mut [log::Named<BufReader<File>>], out: impl Write, shown: &str) -> Result<Merged, Failure> {
    log::merge(logs, out).map_err(|error| match error {
        MergeError::Write(error) => Failure::Output(shown.to_owned(), error),
        other => Failure::Usage(other.to_string()),
    })
}
