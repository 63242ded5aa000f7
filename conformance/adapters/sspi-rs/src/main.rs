//! Speaks the Legwork adapter protocol for the crate `sspi`: NTLM, both roles.
//!
//! A panic of the library ends the process: a crash must look like one.

mod subject;
mod wire;

use std::io::{self, BufRead, Write};

use serde_json::{Value, from_value, json};

use crate::subject::Subject;
use crate::wire::{Request, Stop};

fn main() -> io::Result<()> {
    let mut subject = Subject::default();
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let (seq, last) = (request.seq, request.op == "bye");
        let mut reply = match answer(&mut subject, request) {
            Ok(outcome) => json!({"outcome": outcome}),
            Err(Stop(reply)) => reply,
        };
        reply["seq"] = seq.into();
        writeln!(output, "{reply}")?;
        output.flush()?;
        if last {
            break;
        }
    }
    Ok(())
}

/// Hands a request to the subject.
fn answer(subject: &mut Subject, request: Request) -> Result<Value, Stop> {
    let Request { op, mut rest, .. } = request;
    match op.as_str() {
        "hello" => Ok(json!({"hello": serde_json::from_str::<Value>(include_str!("hello.json"))?})),
        "reset" => subject.reset(from_value(rest["environment"].take())?),
        "acquire" => subject.acquire(from_value(rest)?),
        "free-credential" => subject.free_credential(from_value(rest)?),
        "initialize" => subject.initialize(from_value(rest)?),
        "accept" => subject.accept(from_value(rest)?),
        "complete" => subject.complete(from_value(rest)?),
        "delete" => subject.delete(from_value(rest)?),
        "query" => subject.query(from_value(rest)?),
        "sign" | "verify" | "seal" | "unseal" => subject.protect(&op, from_value(rest)?),
        "bye" => Ok(json!({})),
        other => Err(Stop::unsupported(other)),
    }
}
