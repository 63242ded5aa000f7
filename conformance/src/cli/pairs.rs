//! `legwork pairs`.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use legwork::{
    pairs,
    report::matrix,
    runner::Options,
    subject::{description::Located, isolation},
};

use super::{
    console::{self, Done, Failure},
    options::{self, SuiteChoice},
    progress,
};

/// Pair implementations and the reference, each with each, and say whose fault it is where they fail.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folders with subject.yaml, those files, or adapters' programs
    #[arg(required = true)]
    subjects: Vec<PathBuf>,
    #[command(flatten)]
    suite: SuiteChoice,
    /// Write the matrix as JSON to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Seconds that an adapter may take to answer a request
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    deadline: u64,
    /// The library that brings an adapter's randomness and clock under control; the default is what LEGWORK_PRELOAD names
    #[arg(long, value_name = "FILE")]
    preload: Option<PathBuf>,
    /// Seed of all randomness that the harness controls
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let mut suite = arguments.suite.load()?;
    let mut located: Vec<Located> = Vec::new();
    for path in &arguments.subjects {
        let mut one = options::describe(path)?;
        options::preload(&mut one, arguments.preload.as_deref())?;
        options::teach(&mut suite, &one)?;
        if located
            .iter()
            .any(|earlier| earlier.description.name == one.description.name)
        {
            return Err(Failure::Usage(format!(
                "two subjects are called {}",
                one.description.name
            )));
        }
        located.push(one);
    }
    isolation::shortcoming().into_iter().for_each(console::note);
    let options = Options {
        seed: arguments.seed,
        deadline: Duration::from_secs(arguments.deadline),
        ..Options::default()
    };
    let bar = progress::bar(0, "exchanges");
    let matrix = pairs::run(
        &suite,
        &located,
        &options,
        |count| bar.set_length(count),
        || bar.inc(1),
    );
    bar.finish_and_clear();
    let matrix = matrix.map_err(Failure::Failed)?;
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&matrix::summary(&matrix)).unwrap_or_default();
        let written = fs::write(file, format!("{text}\n"));
        written.map_err(|error| Failure::Output(file.display().to_string(), error))?;
    }
    console::print(&matrix::text(&matrix))?;
    Ok(ExitCode::SUCCESS)
}
