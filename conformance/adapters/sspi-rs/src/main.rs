//! Speaks the Legwork adapter protocol for the crate `sspi`: NTLM and Negotiate, both roles.
//!
//! A panic of the library ends the process: a crash must look like one.

#[path = "../../../sdk/rust/legwork_adapter.rs"]
#[allow(dead_code, unreachable_pub, reason = "written for any adapter")]
mod legwork_adapter;
mod status;
mod subject;

use crate::subject::Subject;

fn main() -> std::io::Result<()> {
    legwork_adapter::run(&mut Subject::default())
}
