//! The key streams of both senders, and what uses them beside messages.

use std::ops::Range;

use legwork_engine::ntlm::messages::NegotiateFlags;

use super::recompute::{Derived, Direction};
use crate::{check::Judge, protocol::Role};

/// The rule about both directions without extended session security.
const ONE_STREAM: &str = "message/ntlm/one-stream-without-ess";

/// The rule about the first message behind a code over the list of mechanisms.
const BEHIND_CODE: &str = "wire/negotiate/mic-key-stream-reset";

/// The rule about contexts that were exported.
const EXPORT: &str = "context/ntlm/export-continues";

/// A code that a wrapper makes with the keys of the mechanism inside it, over something else than messages.
pub(in crate::check) struct WrapperCode {
    /// The leg that brought it.
    pub(in crate::check) at: usize,
    /// What it may be over; nothing if nobody can tell.
    pub(in crate::check) covered: Vec<Vec<u8>>,
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
    /// Nothing is known of them any more.
    pub(super) unknown: bool,
    directions: [Direction; 2],
    senders: [bool; 2],
    /// Whether the next message of a sender is the first behind a code.
    behind_code: [bool; 2],
}

impl Streams {
    pub(super) fn new(derived: &Derived) -> Self {
        Self {
            shared: !derived.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY),
            transferred: false,
            unknown: false,
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
        if std::mem::take(self.behind_code(sender)) {
            return Some(BEHIND_CODE);
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

    /// A code takes a number of its direction, and the key stream is set back behind it (MS-SPNG section 3.3.5.1).
    pub(super) fn code(&mut self, judge: &mut Judge<'_>, sender: Role, code: &WrapperCode) {
        if self.shared {
            self.code_of_one_stream(judge, sender, code);
            return;
        }
        let of_peer = possible(self.of(sender.peer()), code);
        let expected = possible(self.of(sender), code);
        let number = self.of(sender).sequence();
        self.of(sender).next(&[], false, &[]);
        self.of(sender).set_stream_back();
        *self.behind_code(sender) = true;
        let found = || hex::encode(&code.code);
        let mut check = |rule: &str, holds: bool, message: &dyn Fn() -> String| {
            judge.check_at(rule, code.at, Some(code.range.clone()), holds, message);
        };
        let own_key = !of_peer.contains(&code.code);
        if let (Some(first), Some(covered)) = (expected.first(), code.covered.first()) {
            check("wire/negotiate/mic-key-of-sender", own_key, &|| {
                format!("the mechListMIC {} is made with the peer's keys", found())
            });
            if own_key {
                check(
                    "wire/negotiate/mic-over-list",
                    expected.contains(&code.code),
                    &|| {
                        let (over, expected) = (covered.len(), hex::encode(first));
                        format!(
                            "the mechListMIC is {}, over the list of {over} bytes it is {expected}",
                            found()
                        )
                    },
                );
            }
        }
        let first = code.code.get(12..16) == Some(&[0; 4]) && number == 0;
        check("wire/negotiate/mic-sequence-zero", first, &|| {
            format!(
                "the mechListMIC is message {number} of its direction: {}",
                found()
            )
        });
    }

    /// Where there is one stream for both sides it is set back behind each code; stacks differ, and what follows is not
    /// judged.
    fn code_of_one_stream(&mut self, judge: &mut Judge<'_>, sender: Role, code: &WrapperCode) {
        let expected = possible(self.of(sender), code);
        // A token that the harness altered may have had a code that its maker counts.
        let altered = judge.trace.legs().any(|(_, event)| event.altered_output);
        if let (Some(first), false) = (expected.first(), altered) {
            let holds = expected
                .iter()
                .any(|due| without_pad(due) == without_pad(&code.code));
            judge.check_at(ONE_STREAM, code.at, Some(code.range.clone()), holds, || {
                let found = hex::encode(&code.code);
                format!("the mechListMIC is {found}, due is {}", hex::encode(first))
            });
        }
        self.of(sender).next(&[], false, &[]);
        self.of(sender).set_stream_back();
        self.unknown = true;
    }

    fn behind_code(&mut self, sender: Role) -> &mut bool {
        let [initiator, acceptor] = &mut self.behind_code;
        match sender {
            Role::Initiator => initiator,
            Role::Acceptor => acceptor,
        }
    }
}

/// The codes that a direction makes next, over whatever may be covered. Where somebody has datagrams all the same, the key
/// stream begins anew with the number as for any message (MS-NLMP section 3.4).
fn possible(direction: &Direction, code: &WrapperCode) -> Vec<Vec<u8>> {
    let mut next = direction.clone();
    next.begin(direction.sequence());
    let over = |covered: &Vec<u8>| next.clone().next(covered, false, &[]).token.to_vec();
    code.covered.iter().map(over).collect()
}

/// Without extended session security the second four bytes are padding that nobody looks at (MS-NLMP section 3.4.4.1).
fn without_pad(code: &[u8]) -> [Option<&[u8]>; 2] {
    [code.get(..4), code.get(8..)]
}
