//! A subject behind the adapter protocol: one child process, one JSON object a line each way.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use super::{Answer, Subject, description::Located};
use crate::protocol::{Hello, Reply, ReplyLine, Request, RequestLine, VERSION};

/// The longest line that is read from an adapter, in bytes.
const LINE_LIMIT: u64 = 16 * 1024 * 1024;

/// How long a child that stopped answering has to end by itself.
const GRACE: Duration = Duration::from_millis(500);

/// How much of an adapter's standard error is kept, in bytes.
const STDERR_TAIL: usize = 4096;

/// A child process that speaks the adapter protocol. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    located: Located,
    deadline: Duration,
    hello: Hello,
    child: Option<Running>,
    sequence: u64,
    /// Requests before the last reset.
    base: u64,
}

#[derive(Debug)]
struct Running {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Process {
    /// Starts the adapter and asks who it is.
    ///
    /// # Errors
    /// It does not start, or does not answer `hello` by the protocol.
    pub fn start(located: Located, deadline: Duration) -> Result<Self, String> {
        let child = Running::spawn(&located)?;
        let mut process = Self {
            located,
            deadline,
            hello: Hello::default(),
            child: Some(child),
            sequence: 0,
            base: 0,
        };
        process.hello = process.greet()?;
        Ok(process)
    }

    fn greet(&mut self) -> Result<Hello, String> {
        match self.exchange(&Request::Hello { protocol: VERSION }) {
            Answer::Outcome(outcome) => match outcome.hello {
                Some(hello) if hello.protocol == VERSION => Ok(hello),
                Some(hello) => Err(format!("speaks protocol {}, not {VERSION}", hello.protocol)),
                None => Err("the reply to `hello` has no `hello`".to_owned()),
            },
            other => Err(format!("no reply to `hello`: {other:?}")),
        }
    }

    fn exchange(&mut self, request: &Request) -> Answer {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        let deadline = self.deadline;
        let Some(running) = &mut self.child else {
            return Answer::Fault("not running".to_owned());
        };
        let line = RequestLine {
            seq: sequence,
            request: request.clone(),
        };
        let answer = match running.send(&line) {
            Ok(()) => running.receive(sequence, deadline),
            Err(_) => running.post_mortem(),
        };
        if !matches!(answer, Answer::Outcome(_) | Answer::Unsupported(_)) {
            self.child = None;
        }
        answer
    }

    /// Starts the adapter anew after it died, hung or broke the protocol.
    fn restart(&mut self) -> Result<(), String> {
        self.child = Some(Running::spawn(&self.located)?);
        self.greet().map(|_| ())
    }
}

impl Subject for Process {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn call(&mut self, request: &Request) -> Answer {
        let resets = matches!(request, Request::Reset { .. });
        if resets
            && (self.child.is_none() || self.located.description.isolate)
            && let Err(message) = self.restart()
        {
            return Answer::Fault(format!("adapter cannot be started again: {message}"));
        }
        if resets {
            self.base = self.sequence;
        }
        match request {
            Request::FreeBuffers { of } => self.exchange(&Request::FreeBuffers {
                of: self.base.wrapping_add(*of),
            }),
            other => self.exchange(other),
        }
    }
}

impl Running {
    fn spawn(located: &Located) -> Result<Self, String> {
        let mut command = located.command(&located.description.command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", command.get_program().display()))?;
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("the child has no standard streams".to_owned());
        };
        let stderr = Arc::new(Mutex::new(Vec::new()));
        keep_tail(errors, Arc::clone(&stderr));
        Ok(Self {
            child,
            input,
            lines: read_lines(output),
            stderr,
        })
    }

    fn send(&mut self, line: &RequestLine) -> std::io::Result<()> {
        let mut bytes = serde_json::to_vec(line).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
        self.input.write_all(&bytes)?;
        self.input.flush()
    }

    /// Waits for the reply of a number. Lines that are no JSON object are log output of the library.
    fn receive(&mut self, sequence: u64, deadline: Duration) -> Answer {
        let started = Instant::now();
        loop {
            let left = deadline.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Answer::Hang(deadline);
            }
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => return Answer::Hang(deadline),
                Err(RecvTimeoutError::Disconnected) => return self.post_mortem(),
            };
            if !line.trim_start().starts_with('{') {
                continue;
            }
            return match serde_json::from_str::<ReplyLine>(&line) {
                Ok(reply) if reply.seq == sequence => answer(reply.reply),
                Ok(reply) => Answer::Fault(format!("reply has seq {}, not {sequence}", reply.seq)),
                Err(error) => Answer::Fault(format!("reply breaks the protocol: {error}")),
            };
        }
    }

    fn post_mortem(&mut self) -> Answer {
        let Some(status) = self.end_within(GRACE) else {
            return Answer::Fault(
                "closed its output, or wrote a line that is too long, and stays".to_owned(),
            );
        };
        // The reader of standard error ends with the process; give it a moment to see the last lines.
        thread::sleep(Duration::from_millis(20));
        let tail = self
            .stderr
            .lock()
            .map(|tail| String::from_utf8_lossy(&tail).into_owned())
            .unwrap_or_default();
        Answer::Crash(format!("{status}\n{}", tail.trim_end()))
    }
}

impl Running {
    /// How the child ended, if it does so within a time.
    fn end_within(&mut self, grace: Duration) -> Option<String> {
        let started = Instant::now();
        while started.elapsed() < grace {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status.to_string()),
                Ok(None) => thread::sleep(Duration::from_millis(5)),
                Err(error) => return Some(error.to_string()),
            }
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Failing to kill or reap a child that is gone already is no harm.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(reply: Reply) -> Answer {
    match reply {
        Reply::Outcome(outcome) => Answer::Outcome(outcome),
        Reply::Unsupported(unsupported) => Answer::Unsupported(unsupported),
        Reply::Fault { message } => Answer::Fault(message),
    }
}

fn read_lines(output: impl Read + Send + 'static) -> Receiver<String> {
    // Bounded, so that a child that writes without end waits instead of filling the memory.
    let (sender, receiver) = mpsc::sync_channel(64);
    thread::spawn(move || {
        let mut reader = BufReader::new(output);
        loop {
            let mut line = Vec::new();
            let read = reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line);
            let ended = !matches!(read, Ok(length) if length > 0) || !line.ends_with(b"\n");
            if ended || sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn keep_tail(mut errors: impl Read + Send + 'static, tail: Arc<Mutex<Vec<u8>>>) {
    thread::spawn(move || {
        let mut chunk = [0; 1024];
        while let Ok(length @ 1..) = errors.read(&mut chunk) {
            let Ok(mut kept) = tail.lock() else { return };
            kept.extend_from_slice(chunk.get(..length).unwrap_or_default());
            let excess = kept.len().saturating_sub(STDERR_TAIL);
            kept.drain(..excess);
        }
    });
}
