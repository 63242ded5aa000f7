//! `legwork findings`.

use std::{path::PathBuf, process::ExitCode};

use legwork::{
    expectations::ExpectationsFile,
    report::findings::{self, Subject},
};

use super::{
    console::{self, Done},
    options::{self, SuiteChoice},
};

/// Write the page of known deviations of subjects, as Markdown.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folders with subject.yaml and expectations.yaml
    #[arg(required = true)]
    subjects: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let suite = SuiteChoice::default().load()?;
    let mut subjects = Vec::new();
    for path in &arguments.subjects {
        let located = options::describe(path)?;
        let file: ExpectationsFile = match located.expectations() {
            file if file.is_file() => options::read(&file)?,
            _ => ExpectationsFile::default(),
        };
        subjects.push(Subject {
            origin: located.description.origin(),
            name: located.description.name,
            file,
        });
    }
    console::print(&findings::page(&suite, &subjects))?;
    Ok(ExitCode::SUCCESS)
}
