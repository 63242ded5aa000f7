//! A subject behind the adapter protocol: one child process, one JSON object a line each way.

use std::{
    io::{ErrorKind, Write},
    process::ChildStdin,
    sync::mpsc::{Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{
    Answer, Subject,
    control::{ControlFile, Counts},
    description::Located,
    isolation::{self, GRACE, Gauge, Group, Limits},
    streams::{self, Errors, LINE_LIMIT, Line},
    usage::Usage,
};
use crate::protocol::{Environment, Hello, Reply, ReplyLine, Request, RequestLine, VERSION};

/// An operation that no version of the protocol has.
const NO_OPERATION: &str = "no-such-operation";

/// Starts in a row that may fail before no further one is tried.
const STARTS: u32 = 3;

/// How often a child that takes its time is looked after.
const GLANCE: Duration = Duration::from_millis(50);

/// How long the last words of a child that has ended are waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long lines of the standard error take that were read to be looked at.
const BEHIND: Duration = Duration::from_millis(2);

/// A child process that speaks the adapter protocol. When this is dropped it is told `bye`, and killed if it stays.
#[derive(Debug)]
pub struct Process {
    located: Located,
    deadline: Duration,
    hello: Hello,
    child: Option<Running>,
    /// Of an adapter that is started with a library.
    control: Option<ControlFile>,
    /// Starts that failed in a row.
    failed_starts: u32,
    /// Whether the child has played no case yet.
    fresh: bool,
    sequence: u64,
    /// Requests before the last reset.
    base: u64,
}

#[derive(Debug)]
struct Running {
    group: Group,
    input: ChildStdin,
    lines: Receiver<Line>,
    errors: Errors,
    limits: Limits,
    /// Of a child whose memory somebody watches.
    gauge: Option<Gauge>,
    watched: bool,
}

impl Process {
    /// Starts the adapter and asks who it is.
    ///
    /// # Errors
    /// It does not start, or does not answer `hello` by the protocol.
    pub fn start(located: Located, deadline: Duration) -> Result<Self, String> {
        let control = located.preload.as_deref().map(ControlFile::new).transpose();
        let control = control.map_err(|error| format!("no control file: {error}"))?;
        let mut process = Self {
            located,
            deadline,
            hello: Hello::default(),
            child: None,
            control,
            failed_starts: 0,
            fresh: true,
            sequence: 0,
            base: 0,
        };
        process.spawn(None)?;
        process.hello = process.greet()?;
        if let Some(controls) = &process.located.controls {
            process.hello.controls.clone_from(controls);
        }
        Ok(process)
    }

    /// Asks for something that does not exist. One that claims to have done it cannot be believed in anything else.
    ///
    /// # Errors
    /// The answer is an outcome.
    pub fn probe(&mut self) -> Result<(), String> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = json!({ "seq": self.sequence, "op": NO_OPERATION });
        match self.ask(&request.to_string()) {
            Answer::Outcome(_) => Err(format!("answers `outcome` to the operation `{NO_OPERATION}`")),
            _ => Ok(()),
        }
    }

    fn greet(&mut self) -> Result<Hello, String> {
        let none = |what: &str| Err(format!("no reply to `hello`: {what}"));
        match self.exchange(&Request::Hello { protocol: VERSION }) {
            Answer::Outcome(outcome) => match outcome.hello {
                Some(hello) if hello.protocol == VERSION => Ok(hello),
                Some(hello) => Err(format!("speaks protocol {}, not {VERSION}", hello.protocol)),
                None => Err("the reply to `hello` has no `hello`".to_owned()),
            },
            Answer::Unsupported(unsupported) => none(&format!("unsupported {}", unsupported.what)),
            Answer::Fault(message) | Answer::Crash(message) => none(&message),
            Answer::Hang(deadline) => none(&format!("nothing within {} s", deadline.as_secs())),
        }
    }

    fn exchange(&mut self, request: &Request) -> Answer {
        self.sequence = self.sequence.wrapping_add(1);
        let line = RequestLine {
            seq: self.sequence,
            request: request.clone(),
        };
        match serde_json::to_string(&line) {
            Ok(line) => self.ask(&line),
            Err(error) => Answer::Fault(format!("the request cannot be written: {error}")),
        }
    }

    /// Sends a line and waits for the reply. A child that gives none, or says that it failed, is killed.
    fn ask(&mut self, line: &str) -> Answer {
        let Some(running) = &mut self.child else {
            return Answer::Fault("not running".to_owned());
        };
        let answer = running.exchange(self.sequence, line, self.deadline);
        if !matches!(answer, Answer::Outcome(_) | Answer::Unsupported(_)) {
            self.child = None;
        }
        answer
    }

    fn spawn(&mut self, environment: Option<&Environment>) -> Result<(), String> {
        self.steer(environment)?;
        self.child = Some(Running::spawn(&self.located, self.control.as_ref())?);
        Ok(())
    }

    /// What the adapter draws and reads of the clock from here on.
    fn steer(&mut self, environment: Option<&Environment>) -> Result<(), String> {
        let told = self.control.as_mut().map(|control| control.begin(environment));
        told.transpose()
            .map_err(|error| format!("control file: {error}"))?;
        Ok(())
    }

    /// Starts the adapter anew. A process that plays one case has the environment of that case from its first moment.
    fn restart(&mut self, environment: &Environment) -> Result<(), String> {
        if self.failed_starts >= STARTS {
            return Err(format!("{STARTS} starts in a row failed"));
        }
        self.part();
        self.failed_starts = self.failed_starts.saturating_add(1);
        self.spawn(self.located.description.isolate.then_some(environment))?;
        self.sequence = 0;
        self.greet()?;
        self.failed_starts = 0;
        Ok(())
    }

    /// Lets a child go that did nothing wrong.
    fn part(&mut self) {
        if let Some(running) = self.child.take() {
            let farewell = json!({ "seq": self.sequence.wrapping_add(1), "op": "bye" });
            running.part(&farewell.to_string());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.part();
    }
}

impl Subject for Process {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn call(&mut self, request: &Request) -> Answer {
        if let Request::Reset { environment } = request {
            let used = self.located.description.isolate && (!self.fresh || self.control.is_some());
            if (used || self.child.is_none())
                && let Err(message) = self.restart(environment)
            {
                return Answer::Fault(format!("adapter cannot be started again: {message}"));
            }
            if let Err(message) = self.steer(Some(environment)) {
                return Answer::Fault(message);
            }
            self.fresh = false;
            self.base = self.sequence;
        }
        match request {
            Request::FreeBuffers { of } => self.exchange(&Request::FreeBuffers {
                of: self.base.wrapping_add(*of),
            }),
            other => self.exchange(other),
        }
    }

    fn usage(&self) -> Option<Usage> {
        let running = self.child.as_ref()?;
        Usage::of(running.group.id())
    }

    fn counts(&self) -> Option<Counts> {
        self.control.as_ref()?.counts()
    }
}

/// What came of writing a request.
enum Sent {
    Whole,
    /// The pipe stayed full until the deadline.
    Late,
    /// The other end is closed.
    Broken,
}

impl Running {
    fn spawn(located: &Located, control: Option<&ControlFile>) -> Result<Self, String> {
        let (mut command, limits) = (located.adapter(), located.description.limits());
        if let Some(control) = control {
            control.give(&mut command);
        }
        let program = command.get_program().display().to_string();
        let failed = |error| format!("cannot start {program}: {error}");
        let mut group = Group::spawn(command, limits).map_err(failed)?;
        let child = group.child();
        let (Some(input), Some(output), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("the child has no standard streams".to_owned());
        };
        isolation::without_blocking(&input).map_err(failed)?;
        let watched = located.description.is_watched();
        let gauge = watched.then(|| Gauge::of(&errors)).flatten();
        Ok(Self {
            group,
            input,
            lines: streams::lines(output),
            errors: Errors::read(errors, watched),
            limits,
            gauge,
            watched,
        })
    }

    fn exchange(&mut self, sequence: u64, line: &str, deadline: Duration) -> Answer {
        if let Ok(line) = self.lines.try_recv() {
            return self.unasked(&line);
        }
        let until = Instant::now() + deadline;
        let answer = match self.send(line, until) {
            Sent::Whole => self.receive(sequence, until),
            Sent::Late => None,
            Sent::Broken => Some(self.post_mortem("closed its input")),
        };
        match answer {
            Some(Answer::Outcome(_) | Answer::Unsupported(_)) if self.watched => {
                self.settle();
                self.errors.report().map(Answer::Crash).or(answer)
            }
            other => other,
        }
        .unwrap_or(Answer::Hang(deadline))
    }

    /// Waits until what the child wrote to its standard error before its reply has been looked at.
    fn settle(&self) {
        let until = Instant::now() + LAST_WORDS;
        let unread = || self.gauge.as_ref().is_some_and(|gauge| !gauge.is_empty());
        while unread() && Instant::now() < until {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(BEHIND);
    }

    fn send(&mut self, line: &str, until: Instant) -> Sent {
        let bytes = format!("{line}\n");
        let mut rest = bytes.as_bytes();
        while !rest.is_empty() {
            match self.input.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Sent::Broken,
                Err(_) if Instant::now() >= until => return Sent::Late,
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        Sent::Whole
    }

    /// Waits for the reply of a number; nothing if none comes.
    fn receive(&mut self, sequence: u64, mut until: Instant) -> Option<Answer> {
        let mut ended = false;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left.min(GLANCE)) {
                Ok(line) => return Some(self.judge(&line, sequence)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(self.post_mortem("closed its output"));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return ended.then(|| self.post_mortem("closed its output"));
                }
                // What it started can hold the pipe open for ever.
                Err(RecvTimeoutError::Timeout) if !ended && self.group.status().is_some() => {
                    ended = true;
                    self.group.kill();
                    until = until.min(Instant::now() + GRACE);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn judge(&mut self, line: &Line, sequence: u64) -> Answer {
        let text = match line {
            Line::Reply(text) => text,
            Line::Half => return self.post_mortem("ended its output in the middle of a line"),
            Line::TooLong => {
                return Answer::Fault(format!("wrote a line longer than {} MiB", LINE_LIMIT >> 20));
            }
        };
        match serde_json::from_str::<ReplyLine>(text) {
            Ok(reply) if reply.seq == sequence => answer(reply.reply),
            Ok(reply) => Answer::Fault(format!("reply has seq {}, not {sequence}", reply.seq)),
            Err(error) => Answer::Fault(format!("reply breaks the protocol: {error}")),
        }
    }

    /// What it means that something came before anything was asked.
    fn unasked(&mut self, line: &Line) -> Answer {
        match line {
            Line::Reply(text) => {
                let start: String = text.trim_end().chars().take(80).collect();
                Answer::Fault(format!(
                    "more than one reply to a request; the last begins {start}"
                ))
            }
            other => self.judge(other, 0),
        }
    }

    /// How a child ended that no longer talks.
    fn post_mortem(&mut self, what: &str) -> Answer {
        let Some(status) = self.group.end_within(GRACE) else {
            return Answer::Fault(format!("{what}, and stays"));
        };
        self.group.kill();
        let tail = self.errors.tail(LAST_WORDS);
        let limits = match self.limits.to_string() {
            none if none.is_empty() => none,
            limits => format!(" (limited to {limits})"),
        };
        let report = self.errors.report().map(|report| format!("{report}\n"));
        let text = format!("{}{status}{limits}\n{tail}", report.unwrap_or_default());
        Answer::Crash(text.trim_end().to_owned())
    }

    fn part(mut self, farewell: &str) {
        // A child that does not read any more is killed all the same.
        self.send(farewell, Instant::now());
        let Self { mut group, input, .. } = self;
        drop(input);
        group.end_within(GRACE);
    }
}

fn answer(reply: Reply) -> Answer {
    match reply {
        Reply::Outcome(outcome) => Answer::Outcome(outcome),
        Reply::Unsupported(unsupported) => Answer::Unsupported(unsupported),
        Reply::Fault { message } => Answer::Fault(message),
    }
}
