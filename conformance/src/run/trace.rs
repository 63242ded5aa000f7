//! The trace of a case: every call that was made, with what went in and what came out.

use std::time::Duration;

use crate::{
    protocol::{Buffer, Layer, Leg, Outcome, Protect, Request, Role, Status, Unsupported},
    run::world::World,
    subject::{Answer, usage::Usage},
    suite::scenario::Expect,
};

/// The number of SECBUFFER_DATA.
pub const DATA: u32 = 1;
/// The number of SECBUFFER_TOKEN.
pub const TOKEN: u32 = 2;
/// The number of SECBUFFER_CHANNEL_BINDINGS.
pub const CHANNEL_BINDINGS: u32 = 14;

/// Everything that happened in a case.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Both sides.
    pub world: World,
    /// The package.
    pub package: String,
    /// The clock that both sides' clocks are ahead of, in 100 ns units since 1601-01-01.
    pub clock: u64,
    /// The calls in order.
    pub events: Vec<Event>,
    /// How it ended.
    pub end: End,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose subject was called.
    pub side: Role,
    /// What the call was for.
    pub purpose: Purpose,
    /// The request.
    pub request: Request,
    /// What came of it.
    pub answer: Answer,
    /// What it cost, if that was asked for. Nothing else in a trace differs between equal runs.
    pub cost: Option<Cost>,
    /// What came of CompleteAuthToken, if the answer asked for it.
    pub completed: Option<Answer>,
    /// What the scenario says must come.
    pub expect: Option<Expect>,
    /// What the bytes of the side's tokens are; here they are bare.
    pub layer: Layer,
    /// Whether the input is not what the peer sent.
    pub altered_input: bool,
    /// Whether the side was made to send something else than it would.
    pub altered_output: bool,
}

/// What a call cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// How long it took.
    pub time: Duration,
    /// What the subject's process had used when it had answered.
    pub usage: Option<Usage>,
}

/// What a call was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The environment.
    Reset,
    /// An ordinary credential.
    Acquire,
    /// A leg; the side's first is 0.
    Leg(usize),
    /// To protect a message.
    Protect,
    /// To check a protected message; whether it is the very message that the peer protected, in its turn.
    Check {
        /// Nothing happened to the message.
        genuine: bool,
    },
    /// To ask for an attribute.
    Query,
    /// To give something back at the end.
    Release,
    /// Something unusual that a step of the scenario asks for.
    Step,
    /// To compare the answer with the vector of this id.
    Vector(&'static str),
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// All steps were made.
    Done,
    /// A call that should succeed failed; the steps behind it were not made.
    Stopped,
    /// A subject cannot do what a step needs.
    Unsupported(Role, Unsupported),
    /// The case has no meaning for these subjects.
    NotApplicable(String),
    /// A subject's process died.
    Crash(Role, String),
    /// A subject did not answer in time.
    Hang(Role, String),
    /// An adapter broke the protocol.
    AdapterFault(Role, String),
    /// The harness could not do its part.
    HarnessFault(String),
}

impl Event {
    /// The outcome of the call.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.answer.outcome()
    }

    /// The status that counts: that of CompleteAuthToken, if that was called.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        let last = self.completed.as_ref().unwrap_or(&self.answer);
        last.outcome().and_then(|outcome| outcome.status.as_ref())
    }

    /// The arguments of a leg.
    #[must_use]
    pub fn leg(&self) -> Option<&Leg> {
        match &self.request {
            Request::Initialize(leg) | Request::Accept(leg) => Some(leg),
            _ => None,
        }
    }

    /// The arguments of a per-message call.
    #[must_use]
    pub fn protect(&self) -> Option<&Protect> {
        match &self.request {
            Request::Sign(protect)
            | Request::Verify(protect)
            | Request::Seal(protect)
            | Request::Unseal(protect) => Some(protect),
            _ => None,
        }
    }

    /// The token that went in.
    #[must_use]
    pub fn input(&self) -> Option<&[u8]> {
        buffer(&self.leg()?.input, TOKEN)
    }

    /// The token that came out; CompleteAuthToken may have finished it.
    #[must_use]
    pub fn output(&self) -> Option<&[u8]> {
        let finished = self.completed.as_ref().and_then(Answer::outcome);
        let of = |outcome: &'_ Outcome| outcome.buffers.iter().any(|buffer| buffer.kind == TOKEN);
        let outcome = finished
            .filter(|outcome| of(outcome))
            .or_else(|| self.outcome())?;
        buffer(&outcome.buffers, TOKEN)
    }

    /// The attribute bits that came back.
    #[must_use]
    pub fn attributes(&self) -> Option<&crate::protocol::Attributes> {
        let finished = self.completed.as_ref().and_then(Answer::outcome);
        finished
            .and_then(|outcome| outcome.attributes.as_ref())
            .or_else(|| self.outcome()?.attributes.as_ref())
    }
}

/// The bytes of the first buffer of a kind.
#[must_use]
pub fn buffer(buffers: &[Buffer], kind: u32) -> Option<&[u8]> {
    buffers
        .iter()
        .find(|buffer| buffer.kind == kind)
        .map(|buffer| buffer.bytes.as_slice())
}

impl Trace {
    /// The legs of both sides with their places, in order.
    pub fn legs(&self) -> impl Iterator<Item = (usize, &Event)> {
        self.events
            .iter()
            .enumerate()
            .filter(|(_, event)| matches!(event.purpose, Purpose::Leg(_)))
    }

    /// A leg of a side, with its place.
    #[must_use]
    pub fn leg(&self, side: Role, number: usize) -> Option<(usize, &Event)> {
        self.legs()
            .find(|(_, event)| event.side == side && event.purpose == Purpose::Leg(number))
    }

    /// Whether a side has sent nothing else than it would, up to and with an event: a subject that is no saboteur can
    /// be in its place.
    #[must_use]
    pub fn is_genuine(&self, side: Role, at: usize) -> bool {
        let mut until = self.events.iter().take(at.saturating_add(1));
        until.all(|event| event.side != side || !event.altered_output)
    }
}
