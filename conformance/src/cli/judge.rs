//! `legwork judge`.

use std::{fs, path::PathBuf, process::ExitCode};

use legwork::caller::{self, Trace};

use super::{
    console::{self, Done, Failure},
    options::SuiteChoice,
};

const SHAPE: &str = r#"A trace has one JSON object a line, in order of time: the requests and replies of the adapter protocol
(PROTOCOL.md), and what the program does beside its calls:

  {"seq":1,"op":"acquire","credential":1,"package":"ntlm","role":"initiator"}
  {"seq":1,"outcome":{"status":{"namespace":"sspi","code":"0x00000000"}}}
  {"sent":HEX}                  it gave these bytes to its peer
  {"looked-at":"attributes"}    it looked at attributes about security in the reply before
  {"looked-at":"expiry"}        it looked at the time of expiry in the reply before

Exit code 0: every rule is kept; 1: one is broken; 2: a file is no trace."#;

/// Hold what a program that calls a package did against the rules for programs
#[derive(Debug, clap::Args)]
#[command(after_long_help = SHAPE)]
pub(crate) struct Arguments {
    /// Traces of programs
    #[arg(required = true, value_name = "TRACE")]
    files: Vec<PathBuf>,
    /// Show also the rules that are kept
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    suite: SuiteChoice,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let suite = arguments.suite.load()?;
    let mut good = true;
    for path in &arguments.files {
        let shown = path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("{shown}: cannot be read: {error}")))?;
        let trace = Trace::parse(&text).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
        let checks = caller::judge(&suite, &trace);
        console::print(&caller::text(&suite, &shown, &checks, arguments.verbose))?;
        good &= !checks.iter().any(|check| check.verdict.is_failure());
    }
    Ok::<ExitCode, Failure>(console::verdict(good))
}
