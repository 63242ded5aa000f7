//! `legwork inspect`.

use std::process::ExitCode;

use legwork::inspect::{Format, Input, Kind};

use super::console::{self, Done, Failure};

/// Decode a token: fields with byte ranges, flags by name, and what is odd about it.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Hex or base64 of a token, also within a header line; a file; `-` or nothing: the standard input
    #[arg(value_name = "TOKEN|FILE|-")]
    token: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// What it is, where it does not say so itself
    #[arg(long = "as", value_name = "KIND", value_enum)]
    kind: Option<Kind>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let format = if arguments.json {
        Format::Json
    } else {
        arguments.format
    };
    let input = Input::of_argument(arguments.token.as_deref());
    let text = legwork::inspect::command(&input, format, arguments.kind, console::colour())
        .map_err(|error| Failure::Usage(error.to_string()))?;
    console::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
