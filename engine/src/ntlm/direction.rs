//! One direction of protected messages: its keys, its key stream and its counter (MS-NLMP sections 3.4.4 and 3.4.5).

use zeroize::Zeroizing;

use super::{
    keys::{self, Sender},
    messages::{NegotiateFlags, Signature},
};
use crate::{
    crypto::{self, HmacMd5, Rc4, RunningCrc32, RunningHmacMd5, Secret},
    environment::Environment,
    error::{Error, PeerMisbehaved},
};

/// Keys and counter of one direction.
#[derive(Clone, Debug)]
pub(super) struct Direction {
    signing: HmacMd5,
    pub(super) sealing: Rc4,
    pub(super) sequence: u32,
    /// In datagram mode: what each message's key is made of.
    sealing_key: Option<Zeroizing<Vec<u8>>>,
}

/// How far a direction has come.
#[derive(Clone, Debug)]
pub struct Position {
    /// Number of the next message.
    pub sequence: u32,
    /// The key stream.
    pub stream: Rc4,
}

/// What a signature says of its message, while the parts of the message come one by one.
pub(super) enum Checksum {
    /// With ESS.
    Code(RunningHmacMd5),
    /// Without.
    Crc(RunningCrc32),
}

impl Checksum {
    pub(super) fn update(&mut self, part: &[u8]) {
        match self {
            Self::Code(code) => code.update(part),
            Self::Crc(sum) => sum.update(part),
        }
    }
}

impl Direction {
    pub(super) fn new(
        flags: NegotiateFlags,
        key: &Secret<16>,
        sender: Sender,
        environment: &Environment,
    ) -> Self {
        let sealing = if deviates!(environment, SealsWithSessionKey) {
            Zeroizing::new(key.0.to_vec())
        } else {
            let whole = deviates!(environment, SealingKeyNotShortened);
            let mut flags = flags;
            flags.set(
                NegotiateFlags::NEGOTIATE_128,
                flags.contains(NegotiateFlags::NEGOTIATE_128) || whole,
            );
            keys::sealing_key(flags, key, sender)
        };
        Self {
            signing: HmacMd5::new(&keys::signing_key(key, sender).0),
            sealing: Rc4::new(&sealing),
            sequence: u32::from(deviates!(environment, SequenceStartsAtOne)),
            sealing_key: flags.contains(NegotiateFlags::DATAGRAM).then_some(sealing),
        }
    }

    pub(super) fn at(flags: NegotiateFlags, key: &Secret<16>, sender: Sender, position: Position) -> Self {
        let datagram = flags.contains(NegotiateFlags::DATAGRAM);
        Self {
            signing: HmacMd5::new(&keys::signing_key(key, sender).0),
            sealing: position.stream,
            sequence: position.sequence,
            sealing_key: datagram.then(|| keys::sealing_key(flags, key, sender)),
        }
    }

    /// In datagram mode the caller says which message is next, and the key stream begins anew (section 3.4.2).
    pub(super) fn begin(&mut self, number: u32, environment: &Environment) {
        if let Some(key) = &self.sealing_key {
            let number = if deviates!(environment, DatagramCounted) {
                self.sequence
            } else {
                number
            };
            self.sequence = number;
            self.sealing = Rc4::new(&crypto::md5(&[key, &number.to_le_bytes()]));
        }
    }

    /// The checksum of the next message, before its first part.
    pub(super) fn checksum(&self, flags: NegotiateFlags) -> Checksum {
        if !flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            return Checksum::Crc(RunningCrc32::default());
        }
        let mut code = self.signing.start();
        code.update(&self.sequence.to_le_bytes());
        Checksum::Code(code)
    }

    /// The signature of a message with this checksum; the key stream runs on, the counter does not.
    pub(super) fn signature(
        &mut self,
        flags: NegotiateFlags,
        version: u32,
        checksum: Checksum,
        environment: &Environment,
    ) -> Signature {
        match checksum {
            Checksum::Code(code) => {
                let code = code.finish().first_chunk().copied().unwrap_or_default();
                self.encrypt_code(flags, version, code, environment)
            }
            Checksum::Crc(sum) => self.encrypt_crc(version, sum.finish()),
        }
    }

    fn encrypt_code(
        &mut self,
        flags: NegotiateFlags,
        version: u32,
        mut checksum: [u8; 8],
        environment: &Environment,
    ) -> Signature {
        let encrypted =
            flags.contains(NegotiateFlags::KEY_EXCH) || deviates!(environment, ChecksumAlwaysEncrypted);
        if encrypted && !deviates!(environment, ChecksumNotEncrypted) {
            self.sealing.apply(&mut checksum);
        }
        Signature {
            version,
            checksum,
            sequence: self.sequence.to_le_bytes(),
        }
    }

    /// Without ESS: RandomPad (sent as zero; receivers ignore it), CRC-32 and counter, each encrypted.
    fn encrypt_crc(&mut self, version: u32, crc: u32) -> Signature {
        let (mut pad, mut crc, mut sequence) = ([0; 4], crc.to_le_bytes(), [0; 4]);
        self.sealing.apply(&mut pad);
        self.sealing.apply(&mut crc);
        self.sealing.apply(&mut sequence);
        let sequence = (u32::from_le_bytes(sequence) ^ self.sequence).to_le_bytes();
        let [a, b, c, d] = crc;
        Signature {
            version,
            checksum: [0, 0, 0, 0, a, b, c, d],
            sequence,
        }
    }

    pub(super) fn advance(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
    }
}

impl Direction {
    /// The checksum of a message, before its first part. With ESS the number of the message is in the clear and in the
    /// checksum, so that a wrong one is found here.
    pub(super) fn expect(
        &mut self,
        flags: NegotiateFlags,
        received: &Signature,
        environment: &Environment,
    ) -> Result<Checksum, Error> {
        if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            self.check_sequence(received.sequence, environment)?;
        }
        Ok(self.checksum(flags))
    }

    /// The signature that a message with this checksum must have, if it is the next message.
    pub(super) fn expected(
        &mut self,
        flags: NegotiateFlags,
        checksum: Checksum,
        received: &Signature,
        environment: &Environment,
    ) -> Result<Signature, Error> {
        let expected = self.signature(flags, 1, checksum, environment);
        if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            return Ok(expected);
        }
        // Without ESS the number is encrypted behind the checksum: only now it can be read.
        let stream = u32::from_le_bytes(expected.sequence) ^ self.sequence;
        self.check_sequence(
            (u32::from_le_bytes(received.sequence) ^ stream).to_le_bytes(),
            environment,
        )?;
        Ok(Signature {
            sequence: received.sequence,
            ..expected
        })
    }

    /// Whether a message of this number is the next one. A tolerated number becomes the next one.
    fn check_sequence(&mut self, received: [u8; 4], environment: &Environment) -> Result<(), Error> {
        let received = u32::from_le_bytes(received);
        let tolerated = (received < self.sequence && deviates!(environment, SkipSequenceVerification))
            || (received > self.sequence && deviates!(environment, GapTolerated));
        if received != self.sequence && !tolerated {
            return Err(PeerMisbehaved::OutOfSequence.into());
        }
        self.sequence = received;
        Ok(())
    }
}
