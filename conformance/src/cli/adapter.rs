//! `legwork adapter`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use legwork::{
    adapter::{
        self,
        skeleton::{self, Language},
    },
    subject::description::Located,
};
use serde_json::json;

use super::{
    console::{self, Done, Failure},
    options::{self, SuiteChoice},
    setup::set_up,
};

/// Write an adapter.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Look at an adapter itself: what it says, and whether it can be believed
    Check(Check),
    /// Look for what adapters need, and run their setup commands
    Setup {
        /// Install packages of Debian that are missing, instead of naming them
        #[arg(long)]
        install: bool,
        /// Folders with subject.yaml
        #[arg(required = true)]
        folders: Vec<PathBuf>,
    },
    /// Write an adapter that runs and drives nothing yet
    New {
        /// The language
        language: Language,
        /// The folder, whose name becomes the subject's
        folder: PathBuf,
    },
}

/// Look at an adapter itself: what it says, and whether it can be believed.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// A folder with subject.yaml, that file, or an adapter's program
    #[arg(
        value_name = "PATH",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    subject: Option<PathBuf>,
    /// A command line that starts the adapter
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
    /// Seconds that the adapter may take to answer a request
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    deadline: u64,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &Command) -> Done {
    match command {
        Command::Check(arguments) => check(arguments),
        Command::Setup { folders, install } => setup(folders, *install),
        Command::New { language, folder } => new(*language, folder),
    }
}

fn setup(folders: &[PathBuf], install: bool) -> Done {
    for folder in folders {
        set_up(&options::describe(folder)?, install)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn new(language: Language, folder: &Path) -> Done {
    let written = skeleton::write(language, folder)
        .map_err(|error| Failure::Usage(format!("{}: {error}", folder.display())))?;
    let mut text = written.join("\n");
    text.push_str(&format!(
        "\n\nnext: the `setup` of subject.yaml, if there is any, then legwork adapter check {}\n",
        folder.display()
    ));
    console::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn check(arguments: &Check) -> Done {
    let mut suite = SuiteChoice::default().load()?;
    let located = match &arguments.subject {
        Some(path) => options::describe(path)?,
        None => of_command(&arguments.command)?,
    };
    options::teach(&mut suite, &located)?;
    let report = adapter::check(&suite, &located, Duration::from_secs(arguments.deadline));
    let text = match arguments.json {
        true => format!("{}\n", json!(report)),
        false => report.text(console::colour()),
    };
    console::print(&text)?;
    Ok(console::verdict(report.good))
}

/// A subject that is nothing but a command line.
fn of_command(command: &[String]) -> Result<Located, Failure> {
    let description = serde_json::from_value(json!({"name": "adapter", "command": command}));
    Ok(Located {
        description: description.map_err(|error| Failure::Usage(error.to_string()))?,
        ..Located::default()
    })
}
