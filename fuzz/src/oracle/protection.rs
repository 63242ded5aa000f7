//! Signed and sealed messages in any order, some of them changed on their way, against a model of MS-NLMP section 3.4.
//!
//! - With extended session security each direction has its own keys: a receiver takes exactly its peer's next message.
//! - Without it both directions share one key stream and one counter: a receiver takes exactly the message whose sender
//!   had come as far in both as itself.
//! - In datagram mode the callers number the messages: a receiver takes exactly the message that was sent under the
//!   number it is told, at any time and any number of times.
//!
//! In all of them a change is noticed (but for RandomPad, which receivers ignore), a refusal changes nothing, a part
//! that may only be read is not written, and what was not negotiated is refused.

use std::collections::VecDeque;

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    buffer::{Part, Parts},
    crypto::Secret,
    environment::Environment,
    error::{CallerMisuse, Error, PeerMisbehaved},
    ntlm::{keys::Sender, messages::NegotiateFlags, protection::Protection},
};

/// A context and what is done with it.
#[derive(Clone, Debug)]
pub struct Script {
    /// What was negotiated.
    pub flags: u32,
    /// The session key.
    pub key: [u8; 16],
    /// What is done.
    pub steps: Vec<Step>,
}

impl<'a> Arbitrary<'a> for Script {
    /// Steps follow until the input ends: a list of unknown length would end early.
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let mut script = Self {
            flags: input.arbitrary()?,
            key: input.arbitrary()?,
            steps: Vec::new(),
        };
        while !input.is_empty() {
            script.steps.push(input.arbitrary()?);
        }
        Ok(script)
    }
}

/// One thing that is done with a context.
#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    /// A side sends a message.
    Send {
        /// Whether it is the initiator.
        by_initiator: bool,
        /// Whether it is sealed, or signed only.
        sealed: bool,
        /// What is sent.
        message: [u8; 24],
        /// How much of it.
        length: u8,
        /// Where the message is cut in two.
        cut: u8,
        /// Whether the first part may only be read.
        read_only: bool,
        /// The number that the caller gives it.
        number: u32,
    },
    /// The oldest message on its way arrives.
    Receive {
        /// Whether at the initiator.
        by_initiator: bool,
        /// One bit that changes on its way, in the signature and the message behind it.
        flipped: Option<u16>,
        /// How far the receiver's caller is off with the number.
        off: u8,
    },
    /// The second message on its way arrives before the first.
    Overtake {
        /// Whether at the initiator.
        by_initiator: bool,
    },
    /// A message that has arrived arrives again.
    Replay {
        /// Whether at the initiator.
        by_initiator: bool,
    },
    /// A signature of another length arrives.
    Malformed {
        /// Whether at the initiator.
        by_initiator: bool,
        /// The signature.
        signature: Vec<u8>,
    },
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
    /// Length of the part that may only be read.
    read_only: usize,
    data: Vec<u8>,
    signature: Vec<u8>,
    /// The number that its caller gave it.
    number: u32,
    /// How far its sender had come before it.
    at: Place,
}

/// The two parts of a message; the first may be for reading only.
struct Two<'a> {
    head: &'a mut [u8],
    tail: &'a mut [u8],
    head_sealed: bool,
}

impl Parts for Two<'_> {
    fn parts_mut(&mut self) -> impl Iterator<Item = Part<'_>> {
        let head = Part {
            bytes: &mut *self.head,
            sealed: self.head_sealed,
        };
        let tail = Part {
            bytes: &mut *self.tail,
            sealed: true,
        };
        [head, tail].into_iter()
    }
}

/// One side, with the messages on their way to it.
struct End {
    protection: Protection,
    /// How far it has come in sending; in both directions, if they share one key stream.
    sending: Place,
    /// How far it has come in receiving, if that is a direction of its own.
    receiving: Place,
    coming: VecDeque<Message>,
    last: Option<Message>,
}

impl End {
    fn new(flags: NegotiateFlags, key: [u8; 16], side: Sender) -> Self {
        Self {
            protection: Protection::new(flags, Secret(key), side),
            sending: Place::default(),
            receiving: Place::default(),
            coming: VecDeque::new(),
            last: None,
        }
    }

    /// How far it has come in receiving.
    fn receives_at(&mut self, flags: NegotiateFlags) -> &mut Place {
        match flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            true => &mut self.receiving,
            false => &mut self.sending,
        }
    }
}

struct Ends {
    flags: NegotiateFlags,
    initiator: End,
    acceptor: End,
    environment: Environment,
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
/// A side takes what it has to refuse, or refuses what it has to take.
pub fn check(script: &Script) {
    check_in(script, Environment::seeded(0));
}

/// As [`check`], in an environment.
///
/// # Panics
/// As [`check`].
pub fn check_in(script: &Script, environment: Environment) {
    let flags = NegotiateFlags::from_bits_retain(script.flags);
    let mut ends = Ends {
        flags,
        initiator: End::new(flags, script.key, Sender::Initiator),
        acceptor: End::new(flags, script.key, Sender::Acceptor),
        environment,
    };
    for step in &script.steps {
        ends.run(step);
    }
    // Whatever happened, all that is on its way still arrives.
    for by_initiator in [true, false] {
        while ends.receive(by_initiator, None, 0) {}
    }
}

/// Verifies a message, or unseals it; returns what it was.
fn open(
    protection: &mut Protection,
    message: &Message,
    number: u32,
    environment: &Environment,
) -> Result<Vec<u8>, Error> {
    let mut data = message.data.clone();
    // What is sealed may be cut elsewhere than its sender cut it.
    let cut = if message.read_only > 0 {
        message.read_only
    } else {
        data.len() / 3
    };
    let (head, tail) = data.split_at_mut(cut);
    if !message.sealed {
        let parts: [&[u8]; 2] = [head, tail];
        let outcome = protection.verify(parts, &message.signature, number, environment);
        return outcome.map(|()| data);
    }
    let head_sealed = message.read_only == 0;
    let mut parts = Two {
        head,
        tail,
        head_sealed,
    };
    let outcome = protection.unseal(&mut parts, &message.signature, number, environment);
    let (open, hidden) = data.split_at(message.read_only);
    assert_eq!(
        message.data.get(..message.read_only),
        Some(open),
        "what may only be read is written"
    );
    let plain = message.plain.get(message.read_only..).unwrap_or_default();
    // A short cipher text can be its own plain text by chance, and zeros are what is left of a refused one.
    let tells_nothing = plain.len() < 8 || plain.iter().all(|byte| *byte == 0);
    let shown = !tells_nothing && hidden == plain;
    assert!(outcome.is_ok() || !shown, "a refused message shows its text");
    outcome.map(|()| data)
}

impl Ends {
    fn end(&mut self, initiator: bool) -> (&mut End, &Environment) {
        let end = if initiator {
            &mut self.initiator
        } else {
            &mut self.acceptor
        };
        (end, &self.environment)
    }

    fn protects(&self) -> bool {
        self.flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL)
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Send { by_initiator, .. } => self.send(*by_initiator, step),
            Step::Receive {
                by_initiator,
                flipped,
                off,
            } => {
                self.receive(*by_initiator, *flipped, *off);
            }
            Step::Overtake { by_initiator } => {
                let message = self.end(*by_initiator).0.coming.get(1).cloned();
                self.deliver(*by_initiator, message.as_ref());
            }
            Step::Replay { by_initiator } => {
                let message = self.end(*by_initiator).0.last.clone();
                self.deliver(*by_initiator, message.as_ref());
            }
            Step::Malformed {
                by_initiator,
                signature,
            } => self.malformed(*by_initiator, signature),
        }
    }

    fn malformed(&mut self, by_initiator: bool, signature: &[u8]) {
        let protects = self.protects();
        let (end, environment) = self.end(by_initiator);
        if signature.len() != 16 {
            let refused = end.protection.verify([], signature, 0, environment);
            let misuse = matches!(refused, Err(Error::CallerMisuse(CallerMisuse::NotNegotiated)));
            let malformed = matches!(refused, Err(Error::InvalidToken(_)));
            assert!(if protects { malformed } else { misuse }, "{refused:?}");
        }
    }

    fn send(&mut self, by_initiator: bool, step: &Step) {
        let Step::Send {
            sealed,
            message,
            length,
            cut,
            read_only,
            number,
            ..
        } = step
        else {
            return;
        };
        let plain = message
            .get(..usize::from(*length) % message.len())
            .unwrap_or(message);
        let cut = usize::from(*cut).min(plain.len());
        let negotiated = self.protects() && (!*sealed || self.flags.contains(NegotiateFlags::SEAL));
        let (end, environment) = self.end(by_initiator);
        let mut data = plain.to_vec();
        let (head, tail) = data.split_at_mut(cut);
        let read_only = if *read_only && *sealed { cut } else { 0 };
        let signature = if *sealed {
            let head_sealed = read_only == 0;
            let mut parts = Two {
                head,
                tail,
                head_sealed,
            };
            end.protection.seal(&mut parts, *number, environment)
        } else {
            let parts: [&[u8]; 2] = [head, tail];
            end.protection.sign(parts, *number, environment)
        };
        if !negotiated {
            assert_eq!(signature, Err(CallerMisuse::NotNegotiated.into()));
            return;
        }
        assert_eq!(
            plain.get(..read_only),
            data.get(..read_only),
            "what may only be read is written"
        );
        let signature = signature.expect("what is negotiated can be done").emit().to_vec();
        let at = end.sending;
        let message = Message {
            sealed: *sealed,
            plain: plain.to_vec(),
            read_only,
            data,
            signature,
            number: *number,
            at,
        };
        let after = self.behind(at, &message);
        self.end(by_initiator).0.sending = after;
        self.end(!by_initiator).0.coming.push_back(message);
    }

    /// How far a direction has come behind a message.
    fn behind(&self, at: Place, message: &Message) -> Place {
        let sealed = message.data.len().saturating_sub(message.read_only);
        let text = if message.sealed { sealed } else { 0 };
        let with_ess = self.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
        let signature = match (with_ess, self.flags.contains(NegotiateFlags::KEY_EXCH)) {
            (true, true) => 8,
            (true, false) => 0,
            (false, _) => 12,
        };
        Place {
            count: at.count.wrapping_add(1),
            stream: at.stream.saturating_add(text).saturating_add(signature),
        }
    }

    /// What a receiver has to say to a message that did not change, under a number.
    fn verdict(&mut self, by_initiator: bool, message: &Message, number: u32) -> Verdict {
        let flags = self.flags;
        let own = *self.end(by_initiator).0.receives_at(flags);
        let datagram = flags.contains(NegotiateFlags::DATAGRAM);
        let (next, same_stream) = match datagram {
            true => (number == message.number, number == message.number),
            false => (own.count == message.at.count, own.stream == message.at.stream),
        };
        // With ESS the number is in the clear, and the key stream only seals.
        let readable = same_stream || flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
        match (next, readable) {
            (true, _) if same_stream => Verdict::Taken,
            (false, true) => Verdict::OutOfSequence,
            _ => Verdict::Refused,
        }
    }

    /// Delivers a message that did not change, and that may have been delivered before or come too early.
    fn deliver(&mut self, by_initiator: bool, message: Option<&Message>) {
        let Some(message) = message else { return };
        let verdict = self.verdict(by_initiator, message, message.number);
        let (end, environment) = self.end(by_initiator);
        let opened = open(&mut end.protection, message, message.number, environment);
        verdict.holds(&opened, message);
        if opened.is_ok() {
            self.advance(by_initiator, message);
        }
    }

    fn advance(&mut self, by_initiator: bool, message: &Message) {
        let flags = self.flags;
        let at = *self.end(by_initiator).0.receives_at(flags);
        let after = self.behind(at, message);
        *self.end(by_initiator).0.receives_at(flags) = after;
    }

    /// The oldest message arrives, changed or not; says whether there was one that is on its way no more.
    fn receive(&mut self, by_initiator: bool, flipped: Option<u16>, off: u8) -> bool {
        let flags = self.flags;
        let (end, environment) = self.end(by_initiator);
        let Some(message) = end.coming.front().cloned() else {
            return false;
        };
        let mut arriving = message.clone();
        let number = message.number.wrapping_add(off.into());
        if flipped.is_some_and(|bit| flip(&mut arriving, bit, flags)) {
            let opened = open(&mut end.protection, &arriving, number, environment);
            assert!(
                opened.is_err(),
                "a change is not noticed: {arriving:?} of {message:?}"
            );
            return false;
        }
        let verdict = self.verdict(by_initiator, &message, number);
        let (end, environment) = self.end(by_initiator);
        let opened = open(&mut end.protection, &arriving, number, environment);
        verdict.holds(&opened, &message);
        let taken = opened.is_ok();
        // What comes out of turn is lost; in datagram mode it may come again under its own number.
        let lost = !flags.contains(NegotiateFlags::DATAGRAM);
        if taken {
            self.advance(by_initiator, &message);
        }
        if taken || lost {
            let end = self.end(by_initiator).0;
            let gone = end.coming.pop_front();
            end.last = if taken { gone } else { end.last.take() };
        }
        taken || lost
    }
}

/// What a receiver has to say.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Taken,
    OutOfSequence,
    /// The number cannot be read: the receiver may find number or checksum wrong first.
    Refused,
}

impl Verdict {
    fn holds(self, outcome: &Result<Vec<u8>, Error>, message: &Message) {
        let kind = match outcome {
            Err(Error::PeerMisbehaved(kind)) => Some(*kind),
            _ => None,
        };
        let right = match self {
            Self::Taken => outcome.as_ref() == Ok(&message.plain),
            Self::OutOfSequence => kind == Some(PeerMisbehaved::OutOfSequence),
            Self::Refused => matches!(
                kind,
                Some(PeerMisbehaved::OutOfSequence | PeerMisbehaved::SignatureMismatch)
            ),
        };
        assert!(right, "{self:?}, not {outcome:?}: {message:?}");
    }
}

/// Flips one bit of the signature or the message behind it; says whether the receiver has to notice.
fn flip(message: &mut Message, bit: u16, flags: NegotiateFlags) -> bool {
    let bits = message
        .signature
        .len()
        .saturating_add(message.data.len())
        .saturating_mul(8);
    let bit = usize::from(bit) % bits;
    let (place, mask) = (bit / 8, 1_u8 << (bit % 8));
    let bytes = message.signature.iter_mut().chain(&mut message.data);
    if let Some(byte) = bytes.into_iter().nth(place) {
        *byte ^= mask;
    }
    let is_random_pad = (4..8).contains(&place) && !flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
    !is_random_pad
}
