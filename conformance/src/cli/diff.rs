//! `legwork diff`.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use legwork::report::{diff, diff_text};

use super::console::{self, Done, Failure};

/// What two runs differ in; exit code 1 if the new one is worse.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The log that is compared with
    old: PathBuf,
    /// The log that is compared
    new: PathBuf,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// For a page
    Markdown,
    /// For machines
    Json,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let (mut old, mut new) = (open(&arguments.old)?, open(&arguments.new)?);
    let diff = diff::diff(&mut old, &mut new).map_err(|(which, error)| {
        let path = if which == 0 {
            &arguments.old
        } else {
            &arguments.new
        };
        Failure::Usage(format!("{}: {error}", path.display()))
    })?;
    let text = match arguments.format {
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&diff).unwrap_or_default()),
        format => diff_text::text(&diff, format == Format::Markdown),
    };
    console::print(&text)?;
    Ok(console::verdict(!diff.worse))
}

/// Opens a log.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let file = File::open(path).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    Ok(BufReader::new(file))
}
