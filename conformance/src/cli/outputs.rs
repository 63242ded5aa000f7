//! Where the reports of a run go.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use legwork::report::{Run, junit, markdown, summary, text};

use super::console::{self, Failure};

/// What stands for the standard output.
const STANDARD_OUTPUT: &str = "-";

/// The reports that are asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Outputs {
    /// Write a summary as JSON, to a file or instead of the report
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = STANDARD_OUTPUT)]
    json: Option<PathBuf>,
    /// Write a report as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a report as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Show every failed check in full, and the known deviations
    #[arg(long, short)]
    verbose: bool,
}

impl Outputs {
    /// Writes all of them.
    pub(crate) fn write(&self, run: &Run<'_>) -> Result<(), Failure> {
        let json = || {
            let text = serde_json::to_string_pretty(&summary::summary(run)).unwrap_or_default();
            format!("{text}\n")
        };
        match &self.json {
            Some(path) if path.as_os_str() == STANDARD_OUTPUT => console::print(&json())?,
            Some(path) => {
                self.show(run)?;
                write(path, &json())?;
            }
            None => self.show(run)?,
        }
        if let Some(path) = &self.junit {
            let text = junit::report(run).map_err(|error| {
                Failure::Output(path.display().to_string(), io::Error::other(error.to_string()))
            })?;
            write(path, &text)?;
        }
        match &self.markdown {
            Some(path) => write(path, &markdown::report(run)),
            None => Ok(()),
        }
    }

    fn show(&self, run: &Run<'_>) -> Result<(), Failure> {
        let style = text::Style {
            colour: console::colour() && io::stdout().is_terminal(),
            verbose: self.verbose,
        };
        console::print(&text::report(run, style))
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::Output(path.display().to_string(), error))
}
