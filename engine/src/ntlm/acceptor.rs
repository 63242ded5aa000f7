//! The acceptor: `ExpectNegotiate` → `ExpectAuthenticate` → done (MS-NLMP sections 3.2.5.1.1, 3.2.5.1.2, 3.2.5.2.2).

use std::borrow::Cow;

use super::{
    Established,
    keys::{self, Sender},
    messages::{Authenticate, AvId, AvPairsBuf, Challenge, Negotiate, NegotiateFlags, Version},
    protection::Protection,
    verification::{self, Asked, Claims, Logon, Response},
};
use crate::{
    codec::utf16::Text,
    crypto::{self, Secret},
    environment::Environment,
    error::{Error, PeerIncompatible, PeerMisbehaved, TokenError, TokenErrorKind},
    flags::AcceptRequirements,
    turn::AcceptorTurn,
};

/// Flags that are echoed if they are offered.
const ECHO: NegotiateFlags = NegotiateFlags::REQUEST_TARGET
    .union(NegotiateFlags::SIGN)
    .union(NegotiateFlags::SEAL)
    .union(NegotiateFlags::EXTENDED_SESSIONSECURITY)
    .union(NegotiateFlags::IDENTIFY)
    .union(NegotiateFlags::VERSION);

/// Flags that are echoed if they are offered together with signing or sealing.
const ECHO_WITH_PROTECTION: NegotiateFlags = NegotiateFlags::KEY_EXCH
    .union(NegotiateFlags::NEGOTIATE_128)
    .union(NegotiateFlags::NEGOTIATE_56);

/// What nobody in particular and guests do not have: there is no secret that both sides know (section 3.4).
const PROTECTION: NegotiateFlags = NegotiateFlags::SIGN.union(NegotiateFlags::SEAL);

/// The name of whoever has no account.
const GUEST: &str = "Guest";

/// What an acceptor that begins has to offer. Without key exchange there is no datagram mode.
const DATAGRAM: NegotiateFlags = ECHO
    .union(ECHO_WITH_PROTECTION)
    .union(NegotiateFlags::UNICODE)
    .union(NegotiateFlags::DATAGRAM)
    .difference(NegotiateFlags::IDENTIFY);

/// 100 ns units in a second.
const SECOND: u64 = 10_000_000;

/// Room that the AV pairs of a CHALLENGE rarely exceed.
const PAIRS: usize = 512;

/// An acceptor that waits for the NEGOTIATE message.
#[derive(Debug, Default)]
pub struct ExpectNegotiate;

/// An acceptor that waits for the AUTHENTICATE message.
#[derive(Debug)]
pub struct ExpectAuthenticate {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    server_challenge: [u8; 8],
    chosen: NegotiateFlags,
}

impl ExpectNegotiate {
    /// The first leg: reads the NEGOTIATE message and writes the CHALLENGE.
    ///
    /// # Errors
    /// The token is malformed, or nothing that is offered will do.
    pub fn step(self, turn: &mut AcceptorTurn<'_>, out: &mut Vec<u8>) -> Result<ExpectAuthenticate, Error> {
        let offered = if begins(turn) {
            DATAGRAM
        } else {
            let read = super::as_read(turn.token, turn.environment);
            Negotiate::parse(&read)?.flags - NegotiateFlags::DATAGRAM
        };
        let flags = choose(offered, turn.environment)?;
        super::require_strength(flags, turn.environment)?;
        let server_challenge = turn.environment.draw("ntlm/server-challenge", turn.context);
        let environment = &mut *turn.environment;
        #[allow(unused_mut, reason = "a shaper changes it")]
        let mut message = Challenge {
            target_name: target_name(flags, environment),
            flags,
            server_challenge,
            reserved: [0; 8],
            target_info: target_info(environment).into(),
            version: Some(match flags.contains(NegotiateFlags::VERSION) {
                true => Version::OURS,
                false => Version::default(),
            }),
        };
        shape!(environment, "challenge", &mut message);
        #[allow(unused_mut, reason = "a shaper changes it")]
        let mut challenge = message.emit();
        shape_bytes!(environment, "challenge", &mut challenge);
        out.extend_from_slice(&challenge);
        Ok(ExpectAuthenticate {
            negotiate: turn.token.to_vec(),
            challenge,
            server_challenge: message.server_challenge,
            chosen: message.flags,
        })
    }
}

/// In datagram mode there is no NEGOTIATE message: the acceptor begins (section 3.2.5.2.1).
fn begins(turn: &AcceptorTurn<'_>) -> bool {
    turn.token.is_empty()
        && turn.requirements.contains(AcceptRequirements::DATAGRAM)
        && !deviates!(turn.environment, DatagramRefused)
}

/// What to choose of what is offered.
fn choose(offered: NegotiateFlags, environment: &Environment) -> Result<NegotiateFlags, Error> {
    let policy = &environment.policy.ntlm;
    let granted = NegotiateFlags::from_bits_retain(policy.grant);
    let offered = offered & granted;
    let mut flags = offered & ECHO;
    flags |= NegotiateFlags::NTLM | NegotiateFlags::ALWAYS_SIGN | NegotiateFlags::TARGET_INFO;
    if offered.contains(NegotiateFlags::UNICODE) {
        flags |= NegotiateFlags::UNICODE;
    } else if offered.contains(NegotiateFlags::OEM) {
        flags |= NegotiateFlags::OEM;
    } else {
        return Err(PeerIncompatible::NoCharacterSet.into());
    }
    if flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL) {
        flags |= offered & ECHO_WITH_PROTECTION;
    }
    // Extended session security excludes the LAN Manager's key (section 2.2.2.5, flag G).
    let ess = flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
    let lm_key = offered.contains(NegotiateFlags::LM_KEY) && policy.level.takes_lm() && !ess;
    flags.set(NegotiateFlags::LM_KEY, lm_key);
    if offered.contains(NegotiateFlags::DATAGRAM) {
        flags |= NegotiateFlags::DATAGRAM | NegotiateFlags::KEY_EXCH;
    }
    if flags.contains(NegotiateFlags::REQUEST_TARGET) {
        flags |= NegotiateFlags::TARGET_TYPE_SERVER;
    }
    if !policy.send_version {
        flags.remove(NegotiateFlags::VERSION);
    }
    Ok(flags)
}

fn target_name(flags: NegotiateFlags, environment: &Environment) -> Cow<'static, [u8]> {
    let name = &environment.host.netbios_computer;
    if !flags.contains(NegotiateFlags::REQUEST_TARGET) {
        return Cow::Borrowed(&[]);
    }
    Cow::Owned(if flags.contains(NegotiateFlags::UNICODE) {
        name.to_le_bytes()
    } else {
        name.to_oem()
    })
}

/// The AV pairs of the CHALLENGE; their text is UTF-16 whatever the character set.
fn target_info(environment: &Environment) -> Vec<u8> {
    let (host, policy) = (&environment.host, &environment.policy.ntlm);
    let mut pairs = AvPairsBuf::with_capacity(PAIRS);
    pairs.push_text(AvId::NB_DOMAIN_NAME, &host.netbios_domain);
    pairs.push_text(AvId::NB_COMPUTER_NAME, &host.netbios_computer);
    for (id, name) in [
        (AvId::DNS_DOMAIN_NAME, &host.dns_domain),
        (AvId::DNS_COMPUTER_NAME, &host.dns_computer),
        (AvId::DNS_TREE_NAME, &host.dns_tree),
    ] {
        if !name.is_empty() {
            pairs.push_text(id, name);
        }
    }
    if policy.send_timestamp {
        pairs.push(AvId::TIMESTAMP, &environment.clock.to_le_bytes());
    }
    pairs.push_raw(&policy.extra_av_pairs);
    pairs.terminate()
}

impl ExpectAuthenticate {
    /// The second leg: reads the AUTHENTICATE message and verifies the logon.
    ///
    /// # Errors
    /// The token is malformed, a code or the channel bindings do not match, or the logon is refused.
    pub fn step(self, turn: &mut AcceptorTurn<'_>) -> Result<Established, Error> {
        let read = super::as_read(turn.token, turn.environment);
        let message = Authenticate::parse(&read)?;
        let mut flags = message.flags & self.chosen;
        super::require_strength(flags, turn.environment)?;
        let left = (self.chosen - flags).contains(NegotiateFlags::DATAGRAM);
        if left && !deviates!(turn.environment, DatagramFlagNotKept) {
            return Err(PeerIncompatible::NoDatagram.into());
        }
        let unicode = super::names_are_unicode(message.flags, turn.environment);
        let mut domain = decode(unicode, &message.domain, "DomainName", 28)?;
        let mut user = decode(unicode, &message.user, "UserName", 36)?;
        require_text(message.flags, &message.workstation, "Workstation", 44)?;
        let response = Response::of(&message, turn.environment)?;
        let asked = Asked {
            user: &user,
            domain: &domain,
            server_challenge: self.server_challenge,
            flags,
        };
        let (logon, key_exchange_key) = verification::verify(&response, &message, &asked, turn)?;
        // Nobody has proven to have the name of a guest.
        if logon == Logon::Guest {
            (user, domain) = (Text::from(GUEST), Text::default());
        }
        let session_key = session_key(
            flags,
            key_exchange_key,
            &message.encrypted_session_key,
            turn.environment,
        )?;
        let mut claims = response.claims();
        claims.announces_mic &= logon != Logon::Guest;
        self.verify_claims(claims, &message, &session_key, turn)?;
        flags.set(NegotiateFlags::ANONYMOUS, logon == Logon::Anonymous);
        if logon != Logon::User && !deviates!(turn.environment, UnprovenIsProtected) {
            flags.remove(PROTECTION);
        }
        Ok(Established {
            protection: Protection::new(flags, session_key, Sender::Acceptor),
            user,
            domain,
            target_info: Vec::new(),
            has_key: logon != Logon::Guest,
            has_mic: claims.announces_mic,
        })
    }

    /// What the response says under its proof, besides who logs on.
    fn verify_claims(
        &self,
        claims: Claims,
        message: &Authenticate<'_>,
        session_key: &Secret<16>,
        turn: &AcceptorTurn<'_>,
    ) -> Result<(), Error> {
        if claims.announces_mic {
            self.verify_mic(message, session_key, turn)?;
        }
        verify_bindings(claims.bindings, turn)?;
        match claims.timestamp {
            Some(timestamp) => verify_timestamp(timestamp, turn.environment),
            None => Ok(()),
        }
    }

    fn verify_mic(
        &self,
        message: &Authenticate<'_>,
        session_key: &Secret<16>,
        turn: &AcceptorTurn<'_>,
    ) -> Result<(), Error> {
        let (Some(mic), Some(at)) = (message.mic, message.mic_offset()) else {
            let tolerated = deviates!(turn.environment, MissingMicTolerated);
            return if tolerated {
                Ok(())
            } else {
                Err(PeerMisbehaved::MicMissing.into())
            };
        };
        let at = if deviates!(turn.environment, MicBehindVersion) {
            at.max(72)
        } else {
            at
        };
        let (before, rest) = turn.token.split_at_checked(at).unwrap_or_default();
        let after = rest.get(mic.len()..).unwrap_or_default();
        let parts = [&self.negotiate, &self.challenge, before, &[0; 16], after];
        let expected = keys::mic(session_key, parts);
        if crypto::equal(&expected, &mic) || deviates!(turn.environment, SkipMicVerification) {
            Ok(())
        } else {
            Err(PeerMisbehaved::MicMismatch.into())
        }
    }
}

/// The text of a name that the descriptor at an offset describes.
fn decode(unicode: bool, bytes: &[u8], field: &'static str, at: usize) -> Result<Text, TokenError> {
    if unicode {
        Text::from_le_bytes(bytes, field).map_err(|error| error.shifted(at))
    } else {
        Ok(Text::from_oem(bytes))
    }
}

/// Whether a name that nobody looks at could be decoded.
fn require_text(
    flags: NegotiateFlags,
    bytes: &[u8],
    field: &'static str,
    at: usize,
) -> Result<(), TokenError> {
    if flags.contains(NegotiateFlags::UNICODE) && !bytes.len().is_multiple_of(2) {
        return Err(TokenError::new(field, at, TokenErrorKind::OddLength));
    }
    Ok(())
}

/// The exported session key.
fn session_key(
    flags: NegotiateFlags,
    key: Secret<16>,
    encrypted: &[u8],
    environment: &Environment,
) -> Result<Secret<16>, Error> {
    if !keys::exchanges_key(flags) || deviates!(environment, SessionKeyNotExchanged) {
        return Ok(key);
    }
    let bytes: [u8; 16] = encrypted.try_into().map_err(|_| {
        TokenError::new(
            "EncryptedRandomSessionKey",
            52,
            TokenErrorKind::BadLength(encrypted.len()),
        )
    })?;
    Ok(Secret(crypto::rc4_once(&key.0, bytes)))
}

/// Compares the channel bindings with those of the acceptor's channel, if it has any.
fn verify_bindings(received: Option<[u8; 16]>, turn: &AcceptorTurn<'_>) -> Result<(), Error> {
    let Some(own) = turn.bindings else { return Ok(()) };
    let Some(received) = received.filter(|hash| *hash != [0; 16]) else {
        let allowed = turn
            .requirements
            .contains(AcceptRequirements::ALLOW_MISSING_BINDINGS)
            && !deviates!(turn.environment, AllowMissingBindingsIgnored);
        let tolerated = allowed || deviates!(turn.environment, AbsentBindingsTolerated);
        return if tolerated {
            Ok(())
        } else {
            Err(PeerMisbehaved::BindingsMissing.into())
        };
    };
    let matching = crypto::equal(&keys::channel_bindings_hash(own), &received);
    if matching || deviates!(turn.environment, SkipBindingsVerification) {
        Ok(())
    } else {
        Err(PeerMisbehaved::BindingsMismatch.into())
    }
}

/// Refuses a response whose timestamp is too far from the clock (section 3.2.5.2.2).
fn verify_timestamp(timestamp: u64, environment: &Environment) -> Result<(), Error> {
    let limit = environment.policy.ntlm.max_clock_skew.saturating_mul(SECOND);
    let apart = timestamp.abs_diff(environment.clock);
    if apart > limit && !deviates!(environment, SkipTimestampVerification) {
        return Err(PeerMisbehaved::ClockSkew.into());
    }
    Ok(())
}
