//! Messages behind an exchange with or without codes over the list of mechanisms, against a model of MS-NLMP section 3.4
//! and MS-SPNG section 3.3.5.1.
//!
//! - A code takes the first number of its direction, and the key stream begins anew behind it: what is sealed is the same
//!   as after an exchange without codes, and with extended session security the number in a signature shows the code.
//! - A receiver takes exactly its peer's next message; without extended session security, exactly the one whose sender had
//!   come as far in the shared key stream and counter, where both codes count as well.
//! - A side whose code is not looked at is one message ahead of its peer, which takes none of its messages any more.
//!
//! A change is noticed, and a refusal changes nothing.

use std::collections::VecDeque;

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    buffer::{BufferKind, SecBuffer},
    call::{CtxtHandle, SecurityInterface},
    flags::InitRequirements,
    ntlm::messages::NegotiateFlags as Flags,
    status::SecurityStatus as Status,
};

use super::super::world::{self, Pair};
use super::{
    exchange::Course,
    forecast::{Forecast, forecast},
    world::{Choices, Policy},
};

/// An exchange, and what is done behind it.
#[derive(Clone, Debug)]
pub struct Script {
    /// Bit by bit: signing alone, no extended session security, no key exchange, no 128 bits, no 56 bits, no code of
    /// NTLM's own, another mechanism first.
    pub kind: u8,
    /// When each side exchanges codes: places in [`Policy::CODES`], the initiator's first.
    pub codes: [u8; 2],
    /// What is done.
    pub steps: Vec<Step>,
}

impl<'a> Arbitrary<'a> for Script {
    /// Steps follow until the input ends: a list of unknown length would end early.
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut script = Self {
            kind: input.arbitrary()?,
            codes: input.arbitrary()?,
            steps: Vec::new(),
        };
        while !input.is_empty() {
            script.steps.push(input.arbitrary()?);
        }
        Ok(script)
    }
}

/// One thing that is done with the contexts.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Step {
    /// A side sends a message.
    Send {
        /// Whether it is the initiator.
        by_initiator: bool,
        /// Whether it is sealed, or signed only.
        sealed: bool,
        /// How long it is, modulo 32.
        length: u8,
    },
    /// The oldest message on its way arrives.
    Receive {
        /// Whether at the initiator.
        by_initiator: bool,
        /// A bit of the message that changes on its way.
        flipped: Option<u8>,
    },
    /// The second message on its way arrives before the first.
    Overtake {
        /// Whether at the initiator.
        by_initiator: bool,
    },
    /// The last message that arrived arrives again.
    Replay {
        /// Whether at the initiator.
        by_initiator: bool,
    },
}

impl Script {
    /// The choices of the exchange, with codes as they say.
    fn choices(&self, codes: [u8; 2]) -> Choices {
        let has = |bit: u8| self.kind & bit != 0;
        let withheld = [
            (2, Flags::EXTENDED_SESSIONSECURITY),
            (4, Flags::KEY_EXCH),
            (8, Flags::NEGOTIATE_128),
            (16, Flags::NEGOTIATE_56),
        ];
        let withheld: Flags = withheld
            .into_iter()
            .filter_map(|(bit, flag)| has(bit).then_some(flag))
            .collect();
        let requirements = match has(1) {
            true => InitRequirements::INTEGRITY,
            false => InitRequirements::CONFIDENTIALITY,
        };
        let [initiator, acceptor] = codes.map(|codes| Policy {
            codes,
            mechanisms: if has(64) { 2 } else { 0 },
            ..Policy::default()
        });
        Choices {
            initiator,
            acceptor,
            hinted: false,
            ntlm: world::Choices {
                initiator: requirements.bits(),
                withheld: withheld.bits(),
                policy: if has(32) { 64 | 4 } else { 64 },
                ..world::Choices::default()
            },
        }
    }
}

/// How far a direction has come: messages counted, and bytes of its key stream used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    count: u32,
    stream: usize,
}

#[derive(Clone, Debug)]
struct Message {
    sealed: bool,
    plain: Vec<u8>,
    /// Signature and text as they travel.
    buffers: Vec<SecBuffer>,
    /// How far its sender had come before it.
    at: Place,
}

/// The model of one side, with the messages on their way to it.
#[derive(Debug, Default)]
struct End {
    sending: Place,
    /// Without extended session security both directions are one, and this is not used.
    receiving: Place,
    coming: VecDeque<Message>,
    last: Option<Message>,
}

struct Ends {
    pair: Pair,
    contexts: [CtxtHandle; 2],
    flags: Flags,
    /// Whether each side has looked at the other's code, or there was none.
    in_step: bool,
    ends: [End; 2],
    /// What each message looked like on its way, and whether it was taken.
    trace: Vec<(Vec<u8>, bool)>,
}

/// Runs the script that the bytes describe.
///
/// # Panics
/// As [`check`].
pub fn protection(bytes: &[u8]) {
    if let Ok(script) = Script::arbitrary(&mut Unstructured::new(bytes)) {
        check(&script);
    }
}

/// Runs a script.
///
/// # Panics
/// A side takes what it has to refuse, refuses what it has to take, or seals otherwise than without codes.
pub fn check(script: &Script) {
    check_in(script, |_| {});
}

/// As [`check`], with an engine that is not as it should be.
///
/// # Panics
/// As [`check`].
pub fn check_in(script: &Script, change: impl Fn(&mut Pair)) {
    const NEVER: [u8; 2] = [3, 3];
    let Some(coded) = Ends::run(script, script.codes, &change) else {
        return;
    };
    if let Some(plain) = Ends::run(script, NEVER, &change).filter(|_| coded.in_step) {
        assert_eq!(
            coded.trace, plain.trace,
            "codes change what is sealed: {script:?}"
        );
    }
}

impl Ends {
    /// Runs an exchange and the steps behind it; nothing if it is refused, as it must be where a code is missed.
    fn run(script: &Script, codes: [u8; 2], change: &impl Fn(&mut Pair)) -> Option<Self> {
        let choices = script.choices(codes);
        let mut pair = choices.pair();
        change(&mut pair);
        let last =
            |legs: &[super::exchange::Leg]| legs.last().map(|leg| leg.sent.clone()).unwrap_or_default();
        let course = Course::run(&mut pair, false, last);
        let foretold = forecast(&choices);
        let status = course.refusal.as_ref().map(|(_, status, _)| *status);
        assert_eq!(status, foretold.as_ref().err().copied(), "{script:?}");
        let (foretold, end) = (foretold.ok()?, course.end.expect("it was not refused"));
        let mut ends = Self {
            pair,
            contexts: [end.initiator, end.acceptor],
            flags: foretold.ntlm.flags,
            in_step: foretold.codes.iter().all(|code| *code == foretold.codes[0]),
            ends: Self::behind_codes(&foretold),
            trace: Vec::new(),
        };
        for step in &script.steps {
            ends.step(*step);
        }
        // Whatever happened, all that is on its way still arrives.
        for by_initiator in [true, false] {
            while ends.receive(by_initiator, None) {}
        }
        Some(ends)
    }

    /// How far both sides have come: the acceptor sends a code only if it has looked at the initiator's.
    fn behind_codes(foretold: &Forecast) -> [End; 2] {
        let [answered, sent] = foretold.codes.map(u32::from);
        let shared = !foretold.ntlm.flags.contains(Flags::EXTENDED_SESSIONSECURITY);
        let end = |sends: u32, receives: u32| {
            let place = |count| Place { count, stream: 0 };
            let both = if shared {
                sends.wrapping_add(receives)
            } else {
                sends
            };
            End {
                sending: place(both),
                receiving: place(receives),
                ..End::default()
            }
        };
        [end(sent, answered), end(answered, answered)]
    }

    fn side(&mut self, initiator: bool) -> (&mut SecurityInterface, CtxtHandle, &mut End) {
        let ([context, other], [end, peer]) = (self.contexts, &mut self.ends);
        match initiator {
            true => (&mut self.pair.initiator, context, end),
            false => (&mut self.pair.acceptor, other, peer),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send {
                by_initiator,
                sealed,
                length,
            } => self.send(by_initiator, sealed, length),
            Step::Receive {
                by_initiator,
                flipped,
            } => {
                self.receive(by_initiator, flipped);
            }
            Step::Overtake { by_initiator } => {
                let message = self.side(by_initiator).2.coming.get(1).cloned();
                self.deliver(by_initiator, message.as_ref());
            }
            Step::Replay { by_initiator } => {
                let message = self.side(by_initiator).2.last.clone();
                self.deliver(by_initiator, message.as_ref());
            }
        }
    }

    fn send(&mut self, by_initiator: bool, sealed: bool, length: u8) {
        let plain = vec![length; usize::from(length % 32).saturating_add(1)];
        let negotiated = !sealed || self.flags.contains(Flags::SEAL);
        let ess = self.flags.contains(Flags::EXTENDED_SESSIONSECURITY);
        let (interface, context, end) = self.side(by_initiator);
        let mut buffers = vec![
            SecBuffer::new(BufferKind::TOKEN, []),
            SecBuffer::new(BufferKind::DATA, plain.clone()),
        ];
        let outcome = match sealed {
            true => interface.encrypt_message(context, &mut buffers, 0),
            false => interface.make_signature(context, &mut buffers, 0),
        };
        if !negotiated {
            let refused = outcome.map_err(|refusal| refusal.status);
            assert_eq!(refused, Err(Status::SEC_E_QOP_NOT_SUPPORTED));
            return;
        }
        assert_eq!(outcome, Ok(Status::SEC_E_OK));
        let at = end.sending;
        let bytes = |place: usize| buffers.get(place).map(|buffer| buffer.bytes.clone());
        if ess {
            let number = bytes(0).and_then(|signature| signature.last_chunk().copied());
            assert_eq!(number.map(u32::from_le_bytes), Some(at.count), "of {at:?}");
        }
        self.trace.push((bytes(1).unwrap_or_default(), true));
        let message = Message {
            sealed,
            plain,
            buffers,
            at,
        };
        let after = self.behind(&message);
        self.side(by_initiator).2.sending = after;
        self.side(!by_initiator).2.coming.push_back(message);
    }

    /// How far a direction has come behind a message.
    fn behind(&self, message: &Message) -> Place {
        let text = if message.sealed { message.plain.len() } else { 0 };
        let ess = self.flags.contains(Flags::EXTENDED_SESSIONSECURITY);
        let signature = match (ess, self.flags.contains(Flags::KEY_EXCH)) {
            (true, true) => 8,
            (true, false) => 0,
            (false, _) => 12,
        };
        Place {
            count: message.at.count.wrapping_add(1),
            stream: message.at.stream.saturating_add(text).saturating_add(signature),
        }
    }

    /// Delivers a message that did not change; says whether it was taken, as it has to be.
    fn deliver(&mut self, by_initiator: bool, message: Option<&Message>) -> bool {
        let Some(message) = message else { return false };
        let after = self.behind(message);
        let ess = self.flags.contains(Flags::EXTENDED_SESSIONSECURITY);
        let (interface, context, end) = self.side(by_initiator);
        let own = if ess { &mut end.receiving } else { &mut end.sending };
        let opened = open(interface, context, message.sealed, &message.buffers);
        let due = *own == message.at;
        assert_eq!(opened.is_ok(), due, "{opened:?}: {message:?} at {own:?}");
        if due {
            *own = after;
            assert_eq!(opened.as_ref(), Ok(&message.plain));
        }
        self.trace.push((Vec::new(), due));
        due
    }

    /// The oldest message arrives, changed or not; says whether there was one that is on its way no more.
    fn receive(&mut self, by_initiator: bool, flipped: Option<u8>) -> bool {
        let (interface, context, end) = self.side(by_initiator);
        let Some(message) = end.coming.front().cloned() else {
            return false;
        };
        if let Some(bit) = flipped {
            let mut buffers = message.buffers.clone();
            if let Some(text) = buffers.get_mut(1) {
                let place = usize::from(bit / 8) % text.bytes.len().max(1);
                text.bytes
                    .iter_mut()
                    .skip(place)
                    .take(1)
                    .for_each(|byte| *byte ^= 1 << (bit % 8));
            }
            let opened = open(interface, context, message.sealed, &buffers);
            assert!(opened.is_err(), "a change is not noticed: {message:?}");
            return false;
        }
        end.coming.pop_front();
        self.deliver(by_initiator, Some(&message));
        self.side(by_initiator).2.last = Some(message);
        true
    }
}

/// Verifies or unseals a message; returns its text.
fn open(
    interface: &mut SecurityInterface,
    context: CtxtHandle,
    sealed: bool,
    buffers: &[SecBuffer],
) -> Result<Vec<u8>, Status> {
    let mut buffers = buffers.to_vec();
    let outcome = match sealed {
        true => interface.decrypt_message(context, &mut buffers, 0),
        false => interface.verify_signature(context, &buffers, 0),
    };
    outcome.map_err(|refusal| refusal.status)?;
    Ok(buffers.pop().map(|buffer| buffer.bytes).unwrap_or_default())
}
