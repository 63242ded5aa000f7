//! `legwork serve`: the reference behind the adapter protocol, for programs in any language to talk to.

use std::io::{self, BufRead, Read, Write};

use crate::{
    protocol::{Reply, ReplyLine, Request, RequestLine, Unsupported},
    subject::{Answer, Subject, reference::Reference},
};

/// The longest request line, in bytes.
const LINE_LIMIT: u64 = 16 * 1024 * 1024;

/// Answers requests until `bye` or the end of the input.
///
/// A request of an unknown operation is answered `unsupported`, a line that is no request with a fault; its `seq` is
/// repeated if it has one.
///
/// # Errors
/// Reading or writing fails.
pub fn serve(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut reference = Numbered::default();
    let (mut line, mut written) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if input.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let (reply, last) = match serde_json::from_slice::<RequestLine>(&line) {
            Ok(request) => {
                let last = request.request == Request::Bye;
                (
                    ReplyLine {
                        seq: request.seq,
                        reply: reference.call(request.seq, &request.request),
                    },
                    last,
                )
            }
            Err(error) => (not_understood(&line, &error), false),
        };
        // At once: an output that looks for the ends of lines would look at each part of a reply.
        written.clear();
        serde_json::to_writer(&mut written, &reply)?;
        written.push(b'\n');
        output.write_all(&written)?;
        output.flush()?;
        if last {
            return Ok(());
        }
    }
}

/// The reply to a line that is no request: an operation that does not exist here is not supported, anything else the
/// writer's mistake.
fn not_understood(line: &[u8], error: &serde_json::Error) -> ReplyLine {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    let operation = value.get("op").and_then(serde_json::Value::as_str);
    let message = error.to_string();
    let reply = match operation {
        Some(what) if message.starts_with("unknown variant") => Reply::Unsupported(Unsupported {
            what: what.to_owned(),
            link: None,
        }),
        _ => Reply::Fault { message },
    };
    let seq = value.get("seq").and_then(serde_json::Value::as_u64);
    ReplyLine {
        seq: seq.unwrap_or_default(),
        reply,
    }
}

/// The reference with the numbers of the requests that may be named later.
#[derive(Debug, Default)]
struct Numbered {
    reference: Reference,
    /// `seq` of each request since the last reset, that one first.
    since_reset: Vec<u64>,
}

impl Numbered {
    fn call(&mut self, sequence: u64, request: &Request) -> Reply {
        if matches!(request, Request::Reset { .. }) {
            self.since_reset.clear();
        }
        self.since_reset.push(sequence);
        let answer = match request {
            Request::FreeBuffers { of } => {
                let place = self.since_reset.iter().position(|number| number == of);
                let counted = place
                    .and_then(|place| u64::try_from(place).ok())
                    .map_or(0, |place| place + 1);
                self.reference.call(&Request::FreeBuffers { of: counted })
            }
            other => self.reference.call(other),
        };
        match answer {
            Answer::Outcome(outcome) => Reply::Outcome(outcome),
            Answer::Unsupported(unsupported) => Reply::Unsupported(unsupported),
            Answer::Fault(message) | Answer::Crash(message) | Answer::Excess(message) => {
                Reply::Fault { message }
            }
            Answer::Hang(_) => Reply::Fault {
                message: "no answer".to_owned(),
            },
        }
    }
}
