//! The key streams of both senders, and what uses them beside messages.

use std::ops::Range;

use legwork_engine::ntlm::messages::NegotiateFlags;

use super::recompute::{Derived, Direction};
use crate::{check::Judge, protocol::Role};

/// The rule about both directions without extended session security.
const ONE_STREAM: &str = "message/ntlm/one-stream-without-ess";

/// The rule about contexts that were exported.
const EXPORT: &str = "context/ntlm/export-continues";

/// A code that a wrapper makes with the keys of the mechanism inside it, over something else than messages.
pub(in crate::check) struct WrapperCode {
    /// The leg that brought it.
    pub(in crate::check) at: usize,
    /// Whether it is the sender's own.
    pub(in crate::check) judged: bool,
    /// What it is over.
    pub(in crate::check) covered: Vec<u8>,
    /// The code.
    pub(in crate::check) code: Vec<u8>,
    /// Where it stands in the token.
    pub(in crate::check) range: Range<usize>,
}

/// The key streams of both senders. Without extended session security there is one for both, and stacks differ once both
/// have used it: what follows is judged by a rule of its own, and so are messages of a context that was exported.
pub(super) struct Streams {
    shared: bool,
    transferred: bool,
    directions: [Direction; 2],
    senders: [bool; 2],
    behind_code: [bool; 2],
}

impl Streams {
    pub(super) fn new(derived: &Derived) -> Self {
        Self {
            shared: !derived.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY),
            transferred: false,
            directions: Role::BOTH.map(|sender| Direction::new(derived.flags, &derived.session_key, sender)),
            senders: [false; 2],
            behind_code: [false; 2],
        }
    }

    pub(super) fn of(&mut self, sender: Role) -> &mut Direction {
        let [initiator, acceptor] = &mut self.directions;
        if sender == Role::Initiator || self.shared {
            initiator
        } else {
            acceptor
        }
    }

    /// Notes who sends; the rule that alone judges the message, if there is one.
    pub(super) fn turn(&mut self, sender: Role) -> Option<&'static str> {
        let [initiator, acceptor] = &mut self.senders;
        match sender {
            Role::Initiator => *initiator = true,
            Role::Acceptor => *acceptor = true,
        }
        self.rule()
    }

    pub(super) fn rule(&self) -> Option<&'static str> {
        if self.transferred {
            return Some(EXPORT);
        }
        (self.shared && self.senders == [true; 2]).then_some(ONE_STREAM)
    }

    /// The context was exported and imported.
    pub(super) fn transfer(&mut self) {
        self.transferred = true;
    }

    /// A code takes a number of its direction, and the key stream is set back behind it.
    pub(super) fn code(&mut self, judge: &mut Judge<'_>, sender: Role, code: &WrapperCode) {
        let of_peer = self
            .of(sender.peer())
            .clone()
            .next(&code.covered, false, &[])
            .token;
        let direction = self.of(sender);
        let number = direction.sequence();
        let expected = direction.next(&code.covered, false, &[]).token;
        direction.set_stream_back();
        let defined = direction.defined();
        let same = |other: &[u8; 16]| {
            code.code.len() == other.len() && code.code.get(defined.clone()) == other.get(defined.clone())
        };
        self.behind_code = Role::BOTH.map(|role| role == sender || self.is_behind_code(role));
        if !code.judged {
            return;
        }
        let found = || hex::encode(&code.code);
        let mut check = |rule: &str, holds: bool, message: &dyn Fn() -> String| {
            judge.check_at(rule, code.at, Some(code.range.clone()), holds, message);
        };
        check("wire/negotiate/mic-over-list", same(&expected), &|| {
            format!(
                "the mechListMIC is {}, recomputed {}",
                found(),
                hex::encode(expected)
            )
        });
        check(
            "wire/negotiate/mic-key-of-sender",
            same(&expected) || !same(&of_peer),
            &|| format!("the mechListMIC {} is made with the peer's keys", found()),
        );
        if !self.shared {
            let sequence = code.code.get(12..16);
            check(
                "wire/negotiate/mic-sequence-zero",
                sequence == Some(&number.to_le_bytes()),
                &|| format!("the mechListMIC is {}, and its number must be {number}", found()),
            );
        }
    }

    fn is_behind_code(&self, sender: Role) -> bool {
        let [initiator, acceptor] = self.behind_code;
        if sender == Role::Initiator {
            initiator
        } else {
            acceptor
        }
    }

    /// The first message behind a code tells whether the key stream was set back.
    pub(super) fn first_behind_code(&mut self, judge: &mut Judge<'_>, at: usize, sender: Role) {
        if !self.is_behind_code(sender) {
            return;
        }
        self.behind_code = Role::BOTH.map(|role| role != sender && self.is_behind_code(role));
        let broken = judge
            .findings
            .iter()
            .rev()
            .take_while(|finding| finding.event == Some(at));
        let broken = broken
            .filter(|finding| finding.rule.starts_with("message/ntlm/"))
            .any(|finding| finding.verdict.is_failure());
        judge.check("wire/negotiate/mic-key-stream-reset", at, !broken, || {
            "the first message behind the mechListMIC is not what the key stream from its beginning, and the next number, make".to_owned()
        });
    }
}
