//! `legwork tokens`.

use std::{path::PathBuf, process::ExitCode};

use super::console::{self, Done, Failure};

const SHAPE: &str = r#"Every *.json of the folder is a list of records:

  {"id": TEXT, "kind": "ntlm-negotiate" | "ntlm-challenge" | "ntlm-authenticate" | "ntlm-wrap" | "ntlm-crypto"
   | "spnego-init" | "spnego-resp" | "negoex",
   "token_hex": HEX, "context": {…}, "ground_truth": {…}, "valid": true | false | "unknown", "authority": TEXT}

context: secrets and other tokens (user, domain, password or nt_hash, server_challenge or challenge_hex,
negotiate_hex, random_session_key, channel_binding_application_data_hex; of a wrapped message plaintext_hex,
exported_session_key and negotiated, or sealing_key, signing_key, seq and key_exchange_negotiated).
ground_truth: what the source says, by itself and in `fields`; what a dissector shows in `tshark`, which does not
count with `tshark_malformed`. A token with `valid` false must be refused.
Other kinds and other members are passed over.

Exit code 0: no difference; 1: differences; 2: a file cannot be read."#;

/// Hold tokens of others against what is said of them
#[derive(Debug, clap::Args)]
#[command(after_long_help = SHAPE)]
pub(crate) struct Arguments {
    /// A folder of files with token records
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Show also what is equal and what cannot be compared
    #[arg(long)]
    verbose: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let report = legwork::tokens::run(&arguments.folder).map_err(Failure::Broken)?;
    console::print(&match arguments.json {
        true => report.json(),
        false => report.text(arguments.verbose),
    })?;
    let counts = report.counts();
    Ok::<ExitCode, Failure>(console::verdict(counts.differences == 0))
}
