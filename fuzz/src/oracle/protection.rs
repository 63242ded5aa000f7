//! Signed and sealed messages in any order, some of them changed on their way, against a model: a receiver takes
//! exactly the next message of its peer, and a refusal changes nothing.

use std::collections::VecDeque;

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
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
    },
    /// The oldest message on its way arrives.
    Receive {
        /// Whether at the initiator.
        by_initiator: bool,
        /// One bit that changes on its way, in the signature and the message behind it.
        flipped: Option<u16>,
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

#[derive(Clone, Debug)]
struct Message {
    sealed: bool,
    plain: Vec<u8>,
    data: Vec<u8>,
    signature: Vec<u8>,
}

/// One side, with the messages on their way to it.
struct End {
    protection: Protection,
    coming: VecDeque<Message>,
    last: Option<Message>,
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
    let environment = Environment::seeded(0);
    let flags = NegotiateFlags::from_bits_retain(script.flags);
    let end = |side| End {
        protection: Protection::new(flags, Secret(script.key), side),
        coming: VecDeque::new(),
        last: None,
    };
    let (initiator, acceptor) = (end(Sender::Initiator), end(Sender::Acceptor));
    let mut ends = Ends {
        flags,
        initiator,
        acceptor,
        environment,
    };
    for step in &script.steps {
        ends.run(step);
    }
    // Whatever happened, all that is on its way still arrives.
    for by_initiator in [true, false] {
        while ends.receive(by_initiator, None) {}
    }
}

/// Verifies a message, or unseals it in two parts; returns what it was.
fn open(protection: &mut Protection, message: &Message, environment: &Environment) -> Result<Vec<u8>, Error> {
    let mut data = message.data.clone();
    let (head, tail) = data.split_at_mut(message.data.len() / 3);
    if message.sealed {
        let outcome = protection.unseal(&mut [head, tail], &message.signature, 0, environment);
        // A short cipher text can be its own plain text by chance, and zeros are what is left of a refused one.
        let tells_nothing = message.plain.len() < 8 || message.plain.iter().all(|byte| *byte == 0);
        let hidden = tells_nothing || data != message.plain;
        assert!(outcome.is_ok() || hidden, "a refused message shows its text");
        outcome.map(|()| data)
    } else {
        let parts: [&[u8]; 2] = [head, tail];
        protection
            .verify(parts, &message.signature, 0, environment)
            .map(|()| data)
    }
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
            Step::Send {
                by_initiator,
                sealed,
                message,
                length,
                cut,
            } => {
                let length = usize::from(*length) % message.len();
                let plain = message.get(..length).unwrap_or(message);
                self.send(*by_initiator, *sealed, plain, usize::from(*cut));
            }
            Step::Receive {
                by_initiator,
                flipped,
            } => {
                self.receive(*by_initiator, *flipped);
            }
            Step::Overtake { by_initiator } => self.overtake(*by_initiator),
            Step::Replay { by_initiator } => self.replay(*by_initiator),
            Step::Malformed {
                by_initiator,
                signature,
            } => {
                let protects = self.protects();
                let (end, environment) = self.end(*by_initiator);
                if signature.len() != 16 {
                    let refused = end.protection.verify([], signature, 0, environment);
                    let misuse = matches!(refused, Err(Error::CallerMisuse(CallerMisuse::NotNegotiated)));
                    let malformed = matches!(refused, Err(Error::InvalidToken(_)));
                    assert!(if protects { malformed } else { misuse }, "{refused:?}");
                }
            }
        }
    }

    fn send(&mut self, by_initiator: bool, sealed: bool, plain: &[u8], cut: usize) {
        let negotiated = if sealed {
            self.flags.contains(NegotiateFlags::SEAL)
        } else {
            self.protects()
        };
        let (end, environment) = self.end(by_initiator);
        let mut data = plain.to_vec();
        let (head, tail) = data.split_at_mut(cut.min(plain.len()));
        let signature = if sealed {
            end.protection.seal(&mut [head, tail], 0, environment)
        } else {
            let parts: [&[u8]; 2] = [head, tail];
            end.protection.sign(parts, 0, environment)
        };
        if !negotiated {
            assert_eq!(signature, Err(CallerMisuse::NotNegotiated.into()));
            return;
        }
        let signature = signature.expect("what is negotiated can be done").emit().to_vec();
        let message = Message {
            sealed,
            plain: plain.to_vec(),
            data,
            signature,
        };
        self.end(!by_initiator).0.coming.push_back(message);
    }

    /// The oldest message arrives, changed or not; says whether there was one that was taken.
    fn receive(&mut self, by_initiator: bool, flipped: Option<u16>) -> bool {
        let flags = self.flags;
        let (end, environment) = self.end(by_initiator);
        let Some(message) = end.coming.front().cloned() else {
            return false;
        };
        let mut arriving = message.clone();
        let noticed = flipped.is_some_and(|bit| flip(&mut arriving, bit, flags));
        let opened = open(&mut end.protection, &arriving, environment);
        if noticed {
            assert!(
                opened.is_err(),
                "a change is not noticed: {arriving:?} of {message:?}"
            );
            return false;
        }
        assert_eq!(opened.as_ref(), Ok(&message.plain), "{arriving:?}");
        end.last = end.coming.pop_front();
        true
    }

    fn overtake(&mut self, by_initiator: bool) {
        let (end, environment) = self.end(by_initiator);
        if let Some(message) = end.coming.get(1).cloned() {
            let refused = open(&mut end.protection, &message, environment);
            out_of_order(&refused);
        }
    }

    fn replay(&mut self, by_initiator: bool) {
        let (end, environment) = self.end(by_initiator);
        if let Some(message) = end.last.clone() {
            let refused = open(&mut end.protection, &message, environment);
            out_of_order(&refused);
        }
    }
}

fn out_of_order(outcome: &Result<Vec<u8>, Error>) {
    let expected = Error::from(PeerMisbehaved::OutOfSequence);
    assert_eq!(outcome.as_ref().err(), Some(&expected));
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
