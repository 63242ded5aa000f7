//! Signing and sealing of messages (MS-NLMP section 3.4). A failed check leaves the state as it was.
//!
//! With extended session security each direction has keys and a counter of its own. Without it there is one key, and
//! one key stream and counter for both directions, which take turns (section 3.4). In datagram mode the caller numbers
//! the messages, and the key stream begins anew with each (section 3.4.2).

pub use super::direction::Position;
use super::{
    direction::Direction,
    keys::Sender,
    messages::{NegotiateFlags, Signature},
};
use crate::{
    buffer::Parts,
    crypto::{self, Rc4, Secret},
    environment::Environment,
    error::{CallerMisuse, Error, PeerMisbehaved, TokenError, TokenErrorKind},
};

/// Per-message protection of an established context. The keys of a direction are computed with its first message:
/// many contexts only authenticate.
#[derive(Debug)]
pub struct Protection {
    flags: NegotiateFlags,
    session_key: Secret<16>,
    own: Sender,
    send: Option<Box<Direction>>,
    /// None without extended session security: `send` is both directions.
    receive: Option<Box<Direction>>,
}

impl Protection {
    /// Protection with the agreed flags and the exported session key, on the side of `own`.
    #[must_use]
    pub fn new(flags: NegotiateFlags, session_key: Secret<16>, own: Sender) -> Self {
        Self {
            flags,
            session_key,
            own,
            send: None,
            receive: None,
        }
    }

    /// Protection of a context that was exported. A direction without a position has protected nothing yet.
    #[must_use]
    pub fn at(
        flags: NegotiateFlags,
        session_key: Secret<16>,
        own: Sender,
        positions: [Option<Position>; 2],
    ) -> Self {
        let [send, receive] = positions;
        let direction = |sender: Sender, position: Option<Position>| {
            position.map(|position| Box::new(Direction::at(flags, &session_key, sender, position)))
        };
        Self {
            send: direction(own, send),
            receive: direction(own.peer(), receive),
            flags,
            session_key: session_key.clone(),
            own,
        }
    }

    /// Where both directions are, sent and received; none before the first message.
    #[must_use]
    pub fn positions(&self) -> [Option<Position>; 2] {
        [&self.send, &self.receive].map(|direction| {
            direction.as_ref().map(|direction| Position {
                sequence: direction.sequence,
                stream: direction.sealing.clone(),
            })
        })
    }

    /// Whose protection it is.
    #[must_use]
    pub fn own(&self) -> Sender {
        self.own
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

    /// Signs a message given in parts. Its number counts in datagram mode alone; otherwise messages are counted.
    ///
    /// # Errors
    /// Neither signing nor sealing was negotiated.
    pub fn sign<'a>(
        &mut self,
        message: impl IntoIterator<Item = &'a [u8]>,
        number: u32,
        environment: &Environment,
    ) -> Result<Signature, Error> {
        self.may_send(NegotiateFlags::SIGN | NegotiateFlags::SEAL, environment)?;
        let (flags, direction) = (self.flags, self.sending(number, environment));
        let mut checksum = direction.checksum(flags);
        message.into_iter().for_each(|part| checksum.update(part));
        let signature = direction.signature(flags, version(environment), checksum, environment);
        direction.advance();
        Ok(signature)
    }

    /// Seals a message in place, part by part, and returns its signature. Its number is that of [`Self::sign`].
    ///
    /// # Errors
    /// Sealing was not negotiated.
    pub fn seal(
        &mut self,
        message: &mut (impl Parts + ?Sized),
        number: u32,
        environment: &Environment,
    ) -> Result<Signature, Error> {
        self.may_send(NegotiateFlags::SEAL, environment)?;
        let (flags, direction) = (self.flags, self.sending(number, environment));
        let mut checksum = direction.checksum(flags);
        for part in message.parts_mut() {
            checksum.update(part.bytes);
            if part.sealed || deviates!(environment, SealsReadOnly) {
                direction.sealing.apply(part.bytes);
            }
        }
        let signature = direction.signature(flags, version(environment), checksum, environment);
        direction.advance();
        Ok(signature)
    }

    /// Verifies the signature of a message given in parts.
    ///
    /// # Errors
    /// Neither signing nor sealing was negotiated, the signature is malformed, the message is not the next one, or
    /// the signature does not match.
    pub fn verify<'a>(
        &mut self,
        message: impl IntoIterator<Item = &'a [u8]>,
        token: &[u8],
        number: u32,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.require(NegotiateFlags::SIGN | NegotiateFlags::SEAL, environment)?;
        let received = parse_signature(token, environment)?;
        let mut next = self.receiving(number, environment);
        let mut checksum = next.expect(self.flags, &received, environment)?;
        message.into_iter().for_each(|part| checksum.update(part));
        let expected = next.expected(self.flags, checksum, &received, environment)?;
        if !genuine(self.flags, &expected, &received, environment)
            && !deviates!(environment, SkipSignatureVerification)
        {
            return Err(PeerMisbehaved::SignatureMismatch.into());
        }
        next.advance();
        self.received(next, environment);
        Ok(())
    }

    /// Unseals a message in place, part by part, and verifies its signature. On failure the parts hold no plain text.
    ///
    /// # Errors
    /// As [`Self::verify`]; or sealing was not negotiated.
    pub fn unseal(
        &mut self,
        message: &mut (impl Parts + ?Sized),
        token: &[u8],
        number: u32,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.require(NegotiateFlags::SEAL, environment)?;
        let received = parse_signature(token, environment)?;
        let mut next = self.receiving(number, environment);
        let mut checksum = next.expect(self.flags, &received, environment)?;
        for part in message.parts_mut() {
            if part.sealed {
                next.sealing.apply(part.bytes);
            }
            checksum.update(part.bytes);
        }
        let verdict = next
            .expected(self.flags, checksum, &received, environment)
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
            let sealed = message.parts_mut().filter(|part| part.sealed);
            sealed.for_each(|part| part.bytes.fill(0));
            return Err(error);
        }
        next.advance();
        self.received(next, environment);
        Ok(())
    }

    /// Signs the list of mechanisms of Negotiate: the signature of a first message, behind which the key stream is where
    /// it was, while the counter runs on (MS-SPNG section 3.3.5.1).
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn sign_mech_list(&mut self, list: &[u8], environment: &Environment) -> Result<Signature, Error> {
        self.may_send(NegotiateFlags::SIGN | NegotiateFlags::SEAL, environment)?;
        if deviates!(environment, MechListMicWithKeysOfPeer) {
            let mut peer = Self::new(self.flags, self.session_key.clone(), self.own.peer());
            return peer.sign([list], 0, environment);
        }
        let before = self.sending(0, environment).sealing.clone();
        let signature = self.sign([list], 0, environment)?;
        restore(&mut self.send, before, environment);
        Ok(signature)
    }

    /// Verifies the signature of the list of mechanisms; the key stream is then where it was, as the sender's is.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub fn verify_mech_list(
        &mut self,
        list: &[u8],
        token: &[u8],
        environment: &Environment,
    ) -> Result<(), Error> {
        // Keys that nothing was received with yet change nothing.
        if self.receive_slot(environment).is_none() {
            let direction = self.receiving(0, environment);
            *self.receive_slot(environment) = Some(Box::new(direction));
        }
        let before = self
            .receive_slot(environment)
            .as_ref()
            .map(|direction| direction.sealing.clone());
        self.verify([list], token, 0, environment)?;
        if let Some(before) = before {
            restore(self.receive_slot(environment), before, environment);
        }
        Ok(())
    }

    /// The sending direction, ready for the message of a number; its keys are computed with the first message.
    fn sending(&mut self, number: u32, environment: &Environment) -> &mut Direction {
        let direction = self.send.get_or_insert_with(|| {
            Box::new(Direction::new(
                self.flags,
                &self.session_key,
                self.own,
                environment,
            ))
        });
        direction.begin(number, environment);
        direction
    }

    /// Where the receiving direction is kept.
    fn receive_slot(&mut self, environment: &Environment) -> &mut Option<Box<Direction>> {
        let one_stream = !self.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY)
            && !deviates!(environment, StreamForEachDirection);
        if one_stream {
            &mut self.send
        } else {
            &mut self.receive
        }
    }

    /// A copy of the receiving direction, ready for the message of a number: it takes the place of the direction once
    /// its message is found genuine.
    fn receiving(&mut self, number: u32, environment: &Environment) -> Direction {
        let mut direction = match self.receive_slot(environment) {
            Some(direction) => Direction::clone(direction),
            None => Direction::new(self.flags, &self.session_key, self.own.peer(), environment),
        };
        direction.begin(number, environment);
        direction
    }

    /// Puts the direction behind a genuine message in its place.
    fn received(&mut self, next: Direction, environment: &Environment) {
        match self.receive_slot(environment) {
            Some(place) => **place = next,
            slot @ None => *slot = Some(Box::new(next)),
        }
    }

    /// Whether a message may be sent protected.
    fn may_send(&self, any_of: NegotiateFlags, environment: &Environment) -> Result<(), Error> {
        if deviates!(environment, RefusesToProtect) {
            return Err(CallerMisuse::NotNegotiated.into());
        }
        self.require(any_of, environment)
    }

    fn require(&self, any_of: NegotiateFlags, environment: &Environment) -> Result<(), Error> {
        if self.flags.intersects(any_of) || deviates!(environment, UnnegotiatedProtectionTolerated) {
            return Ok(());
        }
        Err(CallerMisuse::NotNegotiated.into())
    }
}

/// Sets a key stream back to where it was before the list of mechanisms.
fn restore(direction: &mut Option<Box<Direction>>, before: Rc4, environment: &Environment) {
    if let Some(direction) = direction {
        if !deviates!(environment, StreamRunsOnBehindMechList) {
            direction.sealing = before;
        }
        if deviates!(environment, SequenceResetBehindMechList) {
            direction.sequence = 0;
        }
    }
}

fn parse_signature(token: &[u8], environment: &Environment) -> Result<Signature, Error> {
    #[allow(unused_mut, reason = "deviations change it")]
    let mut signature = Signature::parse(token)?;
    if deviates!(environment, SignatureVersionByByte) {
        signature.version &= 0xFF;
    }
    if deviates!(environment, SequenceComparedByHalf) {
        let [low, high, ..] = signature.sequence;
        signature.sequence = [low, high, 0, 0];
    }
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
    let compared: usize = if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        0
    } else {
        4
    };
    let end = if deviates!(environment, ChecksumComparedByHalf) {
        compared.midpoint(8)
    } else {
        8
    };
    let left = expected.checksum.get(compared..end).unwrap_or_default();
    let right = received.checksum.get(compared..end).unwrap_or_default();
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
