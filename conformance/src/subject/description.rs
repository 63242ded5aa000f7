//! The description of a subject: `subject.yaml` in its adapter's folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use schemars::JsonSchema;
use serde::Deserialize;

/// A subject and how its adapter is set up and started.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Description {
    /// Name of the implementation.
    pub name: String,
    /// Command line of the adapter; paths are relative to the folder.
    pub command: Vec<String>,
    /// Commands that set the adapter up, run in the folder.
    #[serde(default)]
    pub setup: Vec<Vec<String>>,
    /// Home page of the implementation.
    #[serde(default)]
    pub homepage: Option<String>,
    /// Language of the adapter.
    #[serde(default)]
    pub language: Option<String>,
    /// Start a fresh process for every case.
    #[serde(default)]
    pub isolate: bool,
    /// Exception classes that the implementation documents as its errors.
    #[serde(default)]
    pub documented_errors: Vec<String>,
}

/// A description with the folder it stands in.
#[derive(Clone, Debug)]
pub struct Located {
    /// The description.
    pub description: Description,
    /// The folder that the command is relative to.
    pub folder: PathBuf,
}

impl Located {
    /// One of the description's command lines as a command that starts in the folder.
    #[must_use]
    pub fn command(&self, line: &[String]) -> Command {
        let split = line.split_first();
        let (program, arguments) =
            split.map_or(("", line), |(program, arguments)| (program.as_str(), arguments));
        let mut command = Command::new(self.program(Path::new(program)));
        command
            .args(arguments)
            .current_dir(if self.folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                &self.folder
            });
        command
    }

    fn program(&self, program: &Path) -> PathBuf {
        let relative = program.components().count() > 1 && program.is_relative();
        if !relative {
            return program.to_path_buf();
        }
        // The child starts in the folder, so a relative program would be looked up there a second time.
        let program = self.folder.join(program);
        std::path::absolute(&program).unwrap_or(program)
    }

    /// Where known deviations stand unless the command line names another file.
    #[must_use]
    pub fn expectations(&self) -> PathBuf {
        self.folder.join("expectations.yaml")
    }
}
