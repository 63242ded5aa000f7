//! Signing and sealing of messages (MS-NLMP section 3.4). A failed check leaves the state as it was.

use super::{
    keys::{self, Sender},
    messages::{NegotiateFlags, Signature},
};
use crate::{
    crypto::{self, HmacMd5, Rc4, Secret},
    environment::Environment,
    error::{CallerMisuse, Error, PeerMisbehaved, TokenError, TokenErrorKind},
};

/// Per-message protection of an established context.
#[derive(Debug)]
pub struct Protection {
    flags: NegotiateFlags,
    session_key: Secret<16>,
    send: Direction,
    receive: Direction,
}

/// Keys and counter of one direction.
#[derive(Clone, Debug)]
struct Direction {
    signing: HmacMd5,
    sealing: Rc4,
    sequence: u32,
}

impl Direction {
    fn new(flags: NegotiateFlags, key: &Secret<16>, sender: Sender, environment: &Environment) -> Self {
        let sealing = if deviates!(environment, SealsWithSessionKey) {
            zeroize::Zeroizing::new(key.0.to_vec())
        } else {
            keys::sealing_key(flags, key, sender)
        };
        Self {
            signing: HmacMd5::new(&keys::signing_key(key, sender).0),
            sealing: Rc4::new(&sealing),
            sequence: u32::from(deviates!(environment, SequenceStartsAtOne)),
        }
    }

    /// The signature of a message; the key stream runs on, the counter does not.
    fn signature(
        &mut self,
        flags: NegotiateFlags,
        message: &[&[u8]],
        environment: &Environment,
    ) -> Signature {
        let version = version(environment);
        if !flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            return self.crc_signature(version, message);
        }
        let code = self.keyed_code(message);
        self.encrypt_code(flags, version, code, environment)
    }

    fn keyed_code(&self, message: &[&[u8]]) -> [u8; 8] {
        let sequence = self.sequence.to_le_bytes();
        let mut parts: Vec<&[u8]> = Vec::with_capacity(message.len().saturating_add(1));
        parts.push(&sequence);
        parts.extend_from_slice(message);
        let sum = self.signing.sum(&parts);
        sum.first_chunk().copied().unwrap_or_default()
    }

    fn encrypt_code(
        &mut self,
        flags: NegotiateFlags,
        version: u32,
        mut checksum: [u8; 8],
        environment: &Environment,
    ) -> Signature {
        if flags.contains(NegotiateFlags::KEY_EXCH) && !deviates!(environment, ChecksumNotEncrypted) {
            self.sealing.apply(&mut checksum);
        }
        Signature {
            version,
            checksum,
            sequence: self.sequence.to_le_bytes(),
        }
    }

    /// Without ESS: RandomPad (sent as zero; receivers ignore it), CRC-32 and counter, each encrypted.
    fn crc_signature(&mut self, version: u32, message: &[&[u8]]) -> Signature {
        self.encrypt_crc(version, crypto::crc32(message))
    }

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

    fn advance(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
    }
}

impl Protection {
    /// Protection with the agreed flags and the exported session key, on the side of `own`.
    #[must_use]
    pub fn new(
        flags: NegotiateFlags,
        session_key: Secret<16>,
        own: Sender,
        environment: &Environment,
    ) -> Self {
        let peer = match own {
            Sender::Initiator => Sender::Acceptor,
            Sender::Acceptor => Sender::Initiator,
        };
        Self {
            flags,
            send: Direction::new(flags, &session_key, own, environment),
            receive: Direction::new(flags, &session_key, peer, environment),
            session_key,
        }
    }

    /// The exported session key.
    #[must_use]
    pub fn session_key(&self) -> &Secret<16> {
        &self.session_key
    }

    /// The agreed flags.
    #[must_use]
    pub fn flags(&self) -> NegotiateFlags {
        self.flags
    }

    /// Signs a message given in parts.
    ///
    /// # Errors
    /// Neither signing nor sealing was negotiated.
    pub fn sign(&mut self, message: &[&[u8]], environment: &Environment) -> Result<Signature, Error> {
        self.require(NegotiateFlags::SIGN | NegotiateFlags::SEAL, environment)?;
        let signature = self.send.signature(self.flags, message, environment);
        self.send.advance();
        Ok(signature)
    }

    /// Seals a message in place, part by part, and returns its signature.
    ///
    /// # Errors
    /// Sealing was not negotiated.
    pub fn seal(&mut self, parts: &mut [&mut [u8]], environment: &Environment) -> Result<Signature, Error> {
        self.require(NegotiateFlags::SEAL, environment)?;
        let direction = &mut self.send;
        let version = version(environment);
        let signature = if self.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            let code = direction.keyed_code(&views(parts));
            parts.iter_mut().for_each(|part| direction.sealing.apply(part));
            direction.encrypt_code(self.flags, version, code, environment)
        } else {
            let crc = crypto::crc32(&views(parts));
            parts.iter_mut().for_each(|part| direction.sealing.apply(part));
            direction.encrypt_crc(version, crc)
        };
        direction.advance();
        Ok(signature)
    }

    /// Verifies the signature of a message given in parts.
    ///
    /// # Errors
    /// Neither signing nor sealing was negotiated, the signature is malformed, the message is not the next one, or
    /// the signature does not match.
    pub fn verify(
        &mut self,
        message: &[&[u8]],
        token: &[u8],
        environment: &Environment,
    ) -> Result<(), Error> {
        self.require(NegotiateFlags::SIGN | NegotiateFlags::SEAL, environment)?;
        let received = parse_signature(token)?;
        let mut next = self.receive.clone();
        let expected = next.expected(self.flags, message, &received, environment)?;
        if !genuine(self.flags, &expected, &received, environment)
            && !deviates!(environment, SkipSignatureVerification)
        {
            return Err(PeerMisbehaved::SignatureMismatch.into());
        }
        next.advance();
        self.receive = next;
        Ok(())
    }

    /// Unseals a message in place, part by part, and verifies its signature. On failure the parts hold no plain text.
    ///
    /// # Errors
    /// As [`Self::verify`]; or sealing was not negotiated.
    pub fn unseal(
        &mut self,
        parts: &mut [&mut [u8]],
        token: &[u8],
        environment: &Environment,
    ) -> Result<(), Error> {
        self.require(NegotiateFlags::SEAL, environment)?;
        let received = parse_signature(token)?;
        let mut next = self.receive.clone();
        if self.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            next.check_sequence(received.sequence, environment)?;
        }
        parts.iter_mut().for_each(|part| next.sealing.apply(part));
        let verdict = next
            .expected(self.flags, &views(parts), &received, environment)
            .and_then(|expected| {
                if genuine(self.flags, &expected, &received, environment)
                    || deviates!(environment, SkipSealVerification)
                {
                    Ok(())
                } else {
                    Err(PeerMisbehaved::SignatureMismatch.into())
                }
            });
        if let Err(error) = verdict {
            parts.iter_mut().for_each(|part| part.fill(0));
            return Err(error);
        }
        next.advance();
        self.receive = next;
        Ok(())
    }

    fn require(&self, any_of: NegotiateFlags, environment: &Environment) -> Result<(), Error> {
        if self.flags.intersects(any_of) || deviates!(environment, UnnegotiatedProtectionTolerated) {
            return Ok(());
        }
        Err(CallerMisuse::NotNegotiated.into())
    }
}

impl Direction {
    /// The signature that the next message must have, if it is the next message.
    fn expected(
        &mut self,
        flags: NegotiateFlags,
        message: &[&[u8]],
        received: &Signature,
        environment: &Environment,
    ) -> Result<Signature, Error> {
        if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
            self.check_sequence(received.sequence, environment)?;
            let code = self.keyed_code(message);
            return Ok(self.encrypt_code(flags, 1, code, environment));
        }
        let expected = self.crc_signature(1, message);
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

fn parse_signature(token: &[u8]) -> Result<Signature, Error> {
    let signature = Signature::parse(token)?;
    if signature.version != 1 {
        return Err(TokenError::new("Version", 0, TokenErrorKind::BadValue).into());
    }
    Ok(signature)
}

/// Whether a received signature is the expected one; RandomPad is never compared.
fn genuine(
    flags: NegotiateFlags,
    expected: &Signature,
    received: &Signature,
    environment: &Environment,
) -> bool {
    let compared = if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        0
    } else {
        4
    };
    let left = expected.checksum.get(compared..).unwrap_or_default();
    let right = received.checksum.get(compared..).unwrap_or_default();
    crypto::equal(left, right)
        && expected.sequence == received.sequence
        && !deviates!(environment, RefusesGenuineMessages)
}

fn version(environment: &Environment) -> u32 {
    if deviates!(environment, SignatureVersionTwo) {
        2
    } else {
        1
    }
}

fn views<'a>(parts: &'a [&mut [u8]]) -> Vec<&'a [u8]> {
    parts.iter().map(|part| &**part).collect()
}
