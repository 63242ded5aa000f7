//! The harness's end of the pipe, for looking at an adapter rather than at its library: every line is kept and
//! judged, and a mistake in one does not stop the conversation.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::shape;
use crate::{
    protocol::{Hello, Reply, ReplyLine, Request, Status, VERSION},
    subject::{
        Answer, Line, Subject,
        description::Located,
        process::{Running, Sent},
    },
};

/// The first number of a request, and the step between two: an adapter that counts by itself does not meet them.
const FIRST: u64 = 1_000_000;
const STEP: u64 = 7;

/// What a remark about a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The form of a reply.
    Message,
    /// The number of a reply.
    Sequence,
    /// More than one reply to a request.
    Surplus,
    /// Something else on the standard output that hides a reply.
    Output,
    /// The form of a status.
    Status,
}

/// Something that is wrong with a line.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) about: About,
    /// The request that was being answered.
    pub(super) operation: String,
    pub(super) text: String,
}

/// A child process and all that was noticed about its lines.
#[derive(Debug)]
pub(super) struct Client {
    located: Located,
    deadline: Duration,
    running: Option<Running>,
    sequence: u64,
    /// Numbers of the requests since the last reset, that one first.
    since_reset: Vec<u64>,
    /// Number of the request that was answered last.
    answered: u64,
    pub(super) remarks: Vec<Remark>,
    /// Every status that came, with the request's name.
    pub(super) statuses: Vec<(String, Status)>,
    /// How long each reply took.
    pub(super) times: Vec<(String, Duration)>,
    /// Lines that are no JSON objects.
    pub(super) noise: usize,
}

impl Client {
    pub(super) fn new(located: Located, deadline: Duration) -> Self {
        Self {
            located,
            deadline,
            running: None,
            sequence: FIRST,
            since_reset: Vec::new(),
            answered: 0,
            remarks: Vec::new(),
            statuses: Vec::new(),
            times: Vec::new(),
            noise: 0,
        }
    }

    /// Starts the process, or starts it anew, and says hello.
    pub(super) fn start(&mut self) -> Answer {
        self.running = None;
        match Running::spawn(&self.located, None) {
            Ok(running) => self.running = Some(running),
            Err(message) => return Answer::Crash(message),
        }
        self.exchange(json!({"op": "hello", "protocol": VERSION}))
    }

    /// Sends a request, which need not be one of the protocol, and takes the answer. A process that died or fell
    /// silent is started again first.
    pub(super) fn send(&mut self, request: Value) -> Answer {
        if self.running.is_none() {
            let hello = self.start();
            if hello.outcome().is_none() {
                return hello;
            }
        }
        self.exchange(request)
    }

    fn exchange(&mut self, mut request: Value) -> Answer {
        let operation = request
            .get("op")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        self.sequence += STEP;
        if operation == "reset" {
            self.since_reset.clear();
        }
        self.since_reset.push(self.sequence);
        if let Some(fields) = request.as_object_mut() {
            fields.insert("seq".to_owned(), self.sequence.into());
        }
        self.drain(&operation);
        let started = Instant::now();
        let until = started + self.deadline;
        let Some(running) = &mut self.running else {
            return Answer::Fault("not running".to_owned());
        };
        let answer = match running.send(format!("{request}\n").as_bytes(), until) {
            Sent::Whole => self.receive(&operation, until),
            Sent::Late => Answer::Hang(self.deadline),
            Sent::Broken => self.post_mortem("closed its input"),
        };
        self.times.push((operation, started.elapsed()));
        if matches!(answer, Answer::Crash(_) | Answer::Hang(_) | Answer::Excess(_)) {
            self.running = None;
        }
        answer
    }

    /// Lines that came before they were asked for.
    fn drain(&mut self, operation: &str) {
        let until = Instant::now() + self.deadline;
        while let Some(Line::Text(line)) = self.line(Instant::now().min(until)) {
            if line.trim_start().starts_with('{') {
                let said = "a line came that nothing had asked for";
                self.remark(About::Surplus, operation, said);
            } else {
                self.noise += 1;
            }
            if Instant::now() >= until {
                return;
            }
        }
    }

    fn line(&mut self, until: Instant) -> Option<Line> {
        self.running.as_mut()?.line(until, |_| true)
    }

    fn receive(&mut self, operation: &str, until: Instant) -> Answer {
        loop {
            let what = match self.line(until) {
                Some(Line::Text(line)) => {
                    if let Some(answer) = self.read(operation, &line) {
                        return answer;
                    }
                    if Instant::now() >= until {
                        return Answer::Hang(self.deadline);
                    }
                    continue;
                }
                None => return Answer::Hang(self.deadline),
                Some(Line::End) => "closed its output",
                Some(Line::Half) => "ended its output in the middle of a line",
                Some(Line::TooLong) => "wrote a line that is too long",
            };
            return self.post_mortem(what);
        }
    }

    /// The answer that a line is; none if it is something else.
    fn read(&mut self, operation: &str, line: &str) -> Option<Answer> {
        let mut text = line.trim();
        if !text.starts_with('{') {
            let Some(at) = text.find("{\"").filter(|_| text.contains("\"seq\"")) else {
                self.noise += 1;
                return None;
            };
            let (before, reply) = text.split_at(at);
            let said = format!("a reply stands behind {before:?} on the same line");
            self.remark(About::Output, operation, &said);
            text = reply;
        }
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                self.remark(About::Message, operation, &format!("no JSON: {error}"));
                return Some(Answer::Fault(format!("the reply is no JSON: {error}")));
            }
        };
        match value.get("seq").and_then(Value::as_u64) {
            Some(number) if number == self.sequence => {}
            Some(number) if number == self.answered => {
                self.remark(About::Surplus, operation, "an earlier request was answered again");
                return None;
            }
            other => {
                let number = other.map_or_else(|| "none".to_owned(), |number| number.to_string());
                let said = format!("the reply to number {} has {number}", self.sequence);
                self.remark(About::Sequence, operation, &said);
            }
        }
        self.answered = self.sequence;
        Some(self.judge(operation, value))
    }

    fn judge(&mut self, operation: &str, mut value: Value) -> Answer {
        for fault in shape::faults(&value) {
            self.remark(About::Message, operation, &fault);
        }
        if let Some(fields) = value.as_object_mut() {
            fields.insert("seq".to_owned(), self.sequence.into());
        }
        let reply = match serde_json::from_value::<ReplyLine>(value) {
            Ok(line) => line.reply,
            Err(error) => return Answer::Fault(format!("the reply breaks the protocol: {error}")),
        };
        if let Reply::Outcome(outcome) = &reply {
            if let Some(status) = outcome.status.clone() {
                if let Some(fault) = shape::status_fault(&status) {
                    self.remark(About::Status, operation, &fault);
                }
                self.statuses.push((operation.to_owned(), status));
            } else if !matches!(operation, "hello" | "reset" | "bye") {
                self.remark(About::Status, operation, "the reply has no status");
            }
        }
        match reply {
            Reply::Outcome(outcome) => Answer::Outcome(outcome),
            Reply::Unsupported(unsupported) => Answer::Unsupported(unsupported),
            Reply::Fault { message } => Answer::Fault(message),
        }
    }

    fn remark(&mut self, about: About, operation: &str, text: &str) {
        self.remarks.push(Remark {
            about,
            operation: operation.to_owned(),
            text: text.to_owned(),
        });
    }

    /// Sends `bye`; how the process ended, if it did within a time.
    pub(super) fn bye(&mut self, grace: Duration) -> (Answer, Option<String>) {
        let answer = self.send(json!({"op": "bye"}));
        let running = self.running.take();
        (answer, running.and_then(|mut running| running.end_within(grace)))
    }

    /// Closes the standard input; how the process ended, if it did within a time.
    pub(super) fn close(&mut self, grace: Duration) -> Option<String> {
        let mut running = self.running.take()?;
        running.close_input();
        running.end_within(grace)
    }

    /// How a process ended that no longer talks, in one line. It is not asked again.
    fn post_mortem(&mut self, what: &str) -> Answer {
        let Some(mut running) = self.running.take() else {
            return Answer::Fault("not running".to_owned());
        };
        let text = match running.post_mortem(what) {
            Answer::Crash(text) | Answer::Fault(text) => text,
            other => return other,
        };
        Answer::Crash(match text.split_once('\n') {
            Some((ended, tail)) => {
                let last = tail.lines().last().unwrap_or_default();
                format!("{ended}, last line of standard error: {last:?}")
            }
            None => text,
        })
    }
}

/// A client as a subject that the driver can call.
pub(super) struct Seat {
    pub(super) hello: Hello,
    pub(super) client: Arc<Mutex<Client>>,
}

impl Subject for Seat {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn call(&mut self, request: &Request) -> Answer {
        let Ok(mut client) = self.client.lock() else {
            return Answer::Fault("the client is gone".to_owned());
        };
        let request = match request {
            Request::FreeBuffers { of } => {
                let place = usize::try_from(of.saturating_sub(1)).unwrap_or(usize::MAX);
                let of = client.since_reset.get(place).copied().unwrap_or_default();
                Request::FreeBuffers { of }
            }
            other => other.clone(),
        };
        match serde_json::to_value(&request) {
            Ok(line) => client.send(line),
            Err(error) => Answer::Fault(error.to_string()),
        }
    }
}
