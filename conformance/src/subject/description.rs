//! The description of a subject: `subject.yaml` in its adapter's folder.

use std::path::{Path, PathBuf};

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
    /// The program and arguments to start.
    #[must_use]
    pub fn command(&self) -> (PathBuf, &[String]) {
        let Some((program, arguments)) = self.description.command.split_first() else {
            return (PathBuf::new(), &[]);
        };
        let path = Path::new(program);
        let relative = path.components().count() > 1 && path.is_relative();
        if !relative {
            return (path.to_path_buf(), arguments);
        }
        // The child starts in the folder, so a relative program would be looked up there a second time.
        let program = self.folder.join(path);
        (std::path::absolute(&program).unwrap_or(program), arguments)
    }
}
