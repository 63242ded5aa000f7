//! A subject behind the adapter protocol: one child process, one JSON object a line each way.

use std::{
    io::Write,
    process::ChildStdin,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;

use super::{
    Answer, Subject,
    control::{ControlFile, Counts},
    description::Located,
    isolation::{self, GRACE, Gauge, Group, Limits, Output},
    streams::{Errors, LINE_LIMIT, Line, Lines, is_passing},
    usage::Usage,
};
use crate::protocol::{Environment, Hello, Reply, ReplyLine, Request, VERSION};

/// An operation that no version of the protocol has.
const NO_OPERATION: &str = "no-such-operation";

/// Bytes that a request rarely exceeds.
const REQUEST: usize = 2048;

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

/// A request with its number, not yet written: [`RequestLine`](crate::protocol::RequestLine) without a copy.
#[derive(Serialize)]
struct Numbered<'a> {
    seq: u64,
    #[serde(flatten)]
    request: &'a Request,
}

/// An adapter's process: its group with its limits, and its three streams.
#[derive(Debug)]
pub(crate) struct Running {
    group: Group,
    /// None once it is closed.
    input: Option<ChildStdin>,
    lines: Lines,
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
        match self.ask(format!("{request}\n").as_bytes()) {
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
            Answer::Fault(message) | Answer::Crash(message) | Answer::Excess(message) => none(&message),
            Answer::Hang(deadline) => none(&format!("nothing within {} s", deadline.as_secs())),
        }
    }

    fn exchange(&mut self, request: &Request) -> Answer {
        self.sequence = self.sequence.wrapping_add(1);
        let seq = self.sequence;
        let mut line = Vec::with_capacity(REQUEST);
        if let Err(error) = serde_json::to_writer(&mut line, &Numbered { seq, request }) {
            return Answer::Fault(format!("the request cannot be written: {error}"));
        }
        line.push(b'\n');
        self.ask(&line)
    }

    /// A leg, with what it used held against the budget.
    fn leg(&mut self, request: &Request) -> Answer {
        let budget = self.located.description.budget();
        if budget == Limits::default() {
            return self.exchange(request);
        }
        let before = self.usage();
        let answer = self.exchange(request);
        let beyond = before
            .zip(self.usage())
            .and_then(|(before, after)| after.beyond(before, budget));
        let Some(message) = beyond else { return answer };
        self.child = None;
        Answer::Excess(message)
    }

    /// Sends a line and waits for the reply. A child that gives none, or says that it failed, is killed.
    fn ask(&mut self, line: &[u8]) -> Answer {
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
            running.part(format!("{farewell}\n").as_bytes());
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
            Request::Initialize(_) | Request::Accept(_) => self.leg(request),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Whole,
    /// The pipe stayed full until the deadline.
    Late,
    /// The other end is closed.
    Broken,
}

impl Running {
    /// Starts an adapter.
    ///
    /// # Errors
    /// What could not be started, and why.
    pub(crate) fn spawn(located: &Located, control: Option<&ControlFile>) -> Result<Self, String> {
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
            input: Some(input),
            lines: Lines::of(Output::of(output).map_err(failed)?),
            errors: Errors::read(errors, watched),
            limits,
            gauge,
            watched,
        })
    }

    fn exchange(&mut self, sequence: u64, line: &[u8], deadline: Duration) -> Answer {
        let now = Instant::now();
        if let Some(line) = self.line(now, is_object) {
            return self.unasked(&line);
        }
        let until = now + deadline;
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

    /// Writes a request, line feed and all.
    pub(crate) fn send(&mut self, line: &[u8], until: Instant) -> Sent {
        let Some(input) = &mut self.input else {
            return Sent::Broken;
        };
        let mut rest = line;
        while !rest.is_empty() {
            match input.write(rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if !is_passing(&error) => return Sent::Broken,
                Err(_) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Sent::Late;
                    }
                    self.lines.make_room(input, left.min(GLANCE));
                }
            }
        }
        Sent::Whole
    }

    /// Waits for a line that is wanted; nothing if none comes in time. Others are passed over.
    pub(crate) fn line(&mut self, mut until: Instant, wanted: fn(&str) -> bool) -> Option<Line> {
        let mut glance = Instant::now() + GLANCE;
        loop {
            match self.lines.next(until.min(glance)) {
                Some(Line::Text(text)) if !wanted(&text) => {}
                Some(line) => return Some(line),
                None => {}
            }
            let now = Instant::now();
            if now >= until {
                return self.group.is_killed().then_some(Line::End);
            }
            if now < glance {
                continue;
            }
            glance = now + GLANCE;
            // What it started can hold the pipe open for ever.
            if !self.group.is_killed() && self.group.status().is_some() {
                self.group.kill();
                until = until.min(now + GRACE);
            }
        }
    }

    /// Waits for the reply of a number; nothing if none comes.
    fn receive(&mut self, sequence: u64, until: Instant) -> Option<Answer> {
        self.line(until, is_object)
            .map(|line| self.judge(&line, sequence))
    }

    fn judge(&mut self, line: &Line, sequence: u64) -> Answer {
        let text = match line {
            Line::Text(text) => text,
            Line::End => return self.post_mortem("closed its output"),
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
            Line::Text(text) => {
                let start: String = text.trim_end().chars().take(80).collect();
                Answer::Fault(format!(
                    "more than one reply to a request; the last begins {start}"
                ))
            }
            other => self.judge(other, 0),
        }
    }

    /// Closes the standard input.
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    /// How the child ended, if it does so within a time.
    pub(crate) fn end_within(&mut self, grace: Duration) -> Option<String> {
        self.group.end_within(grace).map(|status| status.to_string())
    }

    /// How a child ended that no longer talks.
    pub(crate) fn post_mortem(&mut self, what: &str) -> Answer {
        let Some(status) = self.group.end_within(GRACE) else {
            return Answer::Fault(format!("{what}, and stays"));
        };
        self.group.kill();
        let tail = self.errors.tail(LAST_WORDS);
        let limits = match self.limits.to_string() {
            none if none.is_empty() => none,
            limits => format!(" (limited to {limits})"),
        };
        if isolation::is_out_of_time(status)
            && let Some(seconds) = self.limits.cpu
        {
            return Answer::Excess(format!("used more than its {seconds} s of processor time"));
        }
        let report = self.errors.report().map(|report| format!("{report}\n"));
        let text = format!("{}{status}{limits}\n{tail}", report.unwrap_or_default());
        Answer::Crash(text.trim_end().to_owned())
    }

    fn part(mut self, farewell: &[u8]) {
        let now = Instant::now();
        // A child that does not read any more is killed all the same.
        self.send(farewell, now);
        self.close_input();
        // What it writes at its end is read, for it may wait for that.
        let until = now + GRACE;
        self.line(until, |_| false);
        self.group
            .end_within(until.saturating_duration_since(Instant::now()));
    }
}

/// Whether a line may be a reply. Others are log output of the library.
fn is_object(line: &str) -> bool {
    line.trim_ascii_start().starts_with('{')
}

fn answer(reply: Reply) -> Answer {
    match reply {
        Reply::Outcome(outcome) => Answer::Outcome(outcome),
        Reply::Unsupported(unsupported) => Answer::Unsupported(unsupported),
        Reply::Fault { message } => Answer::Fault(message),
    }
}
