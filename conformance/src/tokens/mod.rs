//! Tokens of others: folders of records that say of a token what it holds, and whether it is one.
//!
//! Every `*.json` of a folder is a list of records:
//!
//! ```json
//! {
//!   "id": "capture-1",
//!   "kind": "ntlm-authenticate",
//!   "token_hex": "4e544c4d…",
//!   "context": { "user": "User", "password": "Password", "server_challenge": "0123456789abcdef" },
//!   "ground_truth": { "user": "User", "fields": { "flags": "0xe2888235" }, "tshark": {}, "tshark_malformed": false },
//!   "valid": true,
//!   "authority": "capture"
//! }
//! ```
//!
//! | member | holds |
//! |---|---|
//! | `kind` | `ntlm-negotiate`, `ntlm-challenge`, `ntlm-authenticate`, `ntlm-wrap` (signature, then ciphertext), `ntlm-crypto` (no token), `spnego-init`, `spnego-resp`, `negoex`; other kinds are passed over |
//! | `valid` | `true`, `false` (must be refused) or `"unknown"` |
//! | `context` | secrets and other tokens: `user`, `domain`, `password` or `nt_hash`, `server_challenge` or `challenge_hex`, `negotiate_hex`, `random_session_key`, `channel_binding_application_data_hex`; of a wrapped message `exported_session_key` and `negotiated`, or `sealing_key` and `signing_key`; `plaintext_hex`, `seq`; a `certificate_hash` (also `test_server_cert_hash`, `ch`) for the bindings; a `note` that says `lm_key=true` |
//! | `ground_truth` | what the source says, by itself and in `fields`, there of the NTLM message inside a token of Negotiate in `inner_ntlm`; a dissector's view in `tshark` |
//!
//! Numbers may be JSON numbers or text with `0x`, bytes are hex, absent values null. Members that are not known are
//! passed over. Names of values: `facts` (what a token holds), `dissector` (names in the dissector's view), `secrets`
//! (what can be recomputed).

mod compare;
mod dissector;
mod facts;
mod judge;
mod record;
mod refusal;
mod report;
mod secrets;
mod spnego;
mod wrapped;

pub use judge::{Judged, Outcome, judge};
pub use record::{Record, Source, Validity, read};
pub use report::{Counts, Finding, Report};

use std::path::Path;

use crate::yaml::Located;

/// Reads a folder and judges every record of NTLM and Negotiate.
///
/// # Errors
/// Files that cannot be read or are no lists of records, and a folder without any such record.
pub fn run(folder: &Path) -> Result<Report, Vec<Located>> {
    let records = read(folder)?;
    Ok(Report::new(records.iter().map(judge).collect()))
}
