//! The initiator: `Start` → `ExpectChallenge` → done (MS-NLMP sections 3.1.5.1.1 and 3.1.5.1.2).

use std::borrow::Cow;

use super::{
    Established,
    keys::{self, Sender},
    messages::{Authenticate, Challenge, Negotiate, NegotiateFlags, Version},
    protection::Protection,
    response::{self, TargetInfo},
};
use crate::{
    codec::{self, utf16::Text},
    crypto::{self, Secret},
    environment::{Environment, NtlmPolicy},
    error::{Error, PeerIncompatible},
    flags::InitRequirements,
    turn::{Identity, InitiatorTurn},
};

/// Everything that can be offered; the requirements add signing and sealing.
const OFFER: NegotiateFlags = NegotiateFlags::UNICODE
    .union(NegotiateFlags::OEM)
    .union(NegotiateFlags::REQUEST_TARGET)
    .union(NegotiateFlags::NTLM)
    .union(NegotiateFlags::ALWAYS_SIGN)
    .union(NegotiateFlags::NEGOTIATE_128)
    .union(NegotiateFlags::NEGOTIATE_56)
    .union(NegotiateFlags::KEY_EXCH);

/// An initiator that has not spoken yet.
#[derive(Debug)]
pub struct Start {
    identity: Identity,
}

/// An initiator that waits for the CHALLENGE.
#[derive(Debug)]
pub struct ExpectChallenge {
    identity: Identity,
    negotiate: Vec<u8>,
    offered: NegotiateFlags,
}

impl Start {
    /// An initiator that will log on as `identity`.
    #[must_use]
    pub fn new(identity: Identity) -> Self {
        Self { identity }
    }

    /// The first leg: writes the NEGOTIATE message. In datagram mode there is none: the acceptor begins (section
    /// 3.1.5.2).
    pub fn step(self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> ExpectChallenge {
        let environment = &mut *turn.environment;
        let offered = offer(turn.requirements, &environment.policy.ntlm);
        if offered.contains(NegotiateFlags::DATAGRAM) && !deviates!(environment, DatagramBegins) {
            return ExpectChallenge {
                identity: self.identity,
                negotiate: Vec::new(),
                offered,
            };
        }
        let name = |flag: NegotiateFlags, name: &Text| match offered.contains(flag) {
            true => Cow::Owned(name.to_uppercase().to_oem()),
            false => Cow::Borrowed::<[u8]>(&[]),
        };
        #[allow(unused_mut, reason = "a shaper changes it")]
        let mut message = Negotiate {
            flags: offered,
            domain: name(
                NegotiateFlags::OEM_DOMAIN_SUPPLIED,
                &environment.host.netbios_domain,
            ),
            workstation: name(
                NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
                &environment.host.netbios_computer,
            ),
            version: offered.contains(NegotiateFlags::VERSION).then_some(Version::OURS),
        };
        shape!(environment, "negotiate", &mut message);
        #[allow(unused_mut, reason = "a shaper changes it")]
        let mut negotiate = message.emit();
        shape_bytes!(environment, "negotiate", &mut negotiate);
        out.extend_from_slice(&negotiate);
        ExpectChallenge {
            identity: self.identity,
            negotiate,
            offered,
        }
    }
}

/// What to offer, from what the caller requires and policy lets out.
#[must_use]
fn offer(requirements: InitRequirements, policy: &NtlmPolicy) -> NegotiateFlags {
    let mut flags = OFFER;
    // Sealing without signing is legal and means different things to different peers: it is never offered alone.
    flags.set(NegotiateFlags::SIGN, requirements.intersects(wants_signing()));
    flags.set(
        NegotiateFlags::SEAL,
        requirements.contains(InitRequirements::CONFIDENTIALITY),
    );
    flags.set(
        NegotiateFlags::IDENTIFY,
        requirements.contains(InitRequirements::IDENTIFY),
    );
    flags.set(
        NegotiateFlags::DATAGRAM,
        requirements.contains(InitRequirements::DATAGRAM),
    );
    let ess = NegotiateFlags::EXTENDED_SESSIONSECURITY;
    flags.set(ess, policy.level.offers_extended_session_security());
    flags.set(NegotiateFlags::LM_KEY, policy.level.sends_lm());
    // A message with a version has no names (section 3.1.5.1.1): who wants the names sent gives up the version.
    flags.set(NegotiateFlags::VERSION, policy.send_version && !policy.send_names);
    flags.set(
        NegotiateFlags::OEM_DOMAIN_SUPPLIED | NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
        policy.send_names,
    );
    flags & NegotiateFlags::from_bits_retain(policy.offer)
}

const fn wants_signing() -> InitRequirements {
    InitRequirements::INTEGRITY
        .union(InitRequirements::REPLAY_DETECT)
        .union(InitRequirements::SEQUENCE_DETECT)
        .union(InitRequirements::CONFIDENTIALITY)
}

impl ExpectChallenge {
    /// The second leg: reads the CHALLENGE and writes the AUTHENTICATE message. The target name is not looked at:
    /// nothing hangs on it, and there are acceptors whose name is no text.
    ///
    /// # Errors
    /// The token is malformed, or what the acceptor chose is not enough.
    pub fn step(self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> Result<Established, Error> {
        let read = super::as_read(turn.token, turn.environment);
        let challenge = Challenge::parse(&read)?;
        let info = TargetInfo::of(&challenge, turn.environment)?;
        let mut flags = agree(self.offered, challenge.flags, turn.environment)?;
        let answer = response::answer(&self.identity, flags, &challenge, &info, turn);
        let (session_key, encrypted) = exchange_key(flags, answer.key_exchange_key, turn);
        let anonymous = matches!(self.identity, Identity::Anonymous);
        flags.set(NegotiateFlags::ANONYMOUS, anonymous);
        // The key of nobody is known to everybody: it protects nothing (section 3.4).
        let mut protected = flags;
        if anonymous && !deviates!(turn.environment, NobodyIsProtected) {
            protected.remove(NegotiateFlags::SIGN | NegotiateFlags::SEAL);
        }
        let (user, domain) = names(self.identity);
        let unicode = super::names_are_unicode(flags, turn.environment);
        let message = Authenticate {
            lm_response: answer.lm_response,
            nt_response: answer.nt_response.into(),
            domain: encode(unicode, &domain),
            user: encode(unicode, &user),
            workstation: encode(unicode, &turn.environment.host.netbios_computer),
            encrypted_session_key: encrypted.into(),
            flags,
            version: version(flags, answer.announces_mic),
            mic: answer.announces_mic.then_some([0; 16]),
        };
        let has_mic = message.mic.is_some();
        let token = seal_messages(message, &self.negotiate, &session_key, turn);
        if out.is_empty() {
            *out = token;
        } else {
            out.extend_from_slice(&token);
        }
        Ok(Established {
            protection: Protection::new(protected, session_key, Sender::Initiator),
            has_key: true,
            has_mic,
            user,
            domain,
            target_info: challenge.target_info.to_vec(),
        })
    }
}

/// User and domain, both empty if nobody in particular logs on.
fn names(identity: Identity) -> (Text, Text) {
    match identity {
        Identity::Anonymous => Default::default(),
        Identity::User { user, domain, .. } => (user, domain),
    }
}

/// The version structure goes with its flag; a message integrity code needs its place in any case.
fn version(flags: NegotiateFlags, announces_mic: bool) -> Option<Version> {
    if flags.contains(NegotiateFlags::VERSION) {
        return Some(Version::OURS);
    }
    announces_mic.then(Version::default)
}

/// Emits the AUTHENTICATE message and puts the message integrity code in, if there is a place for one.
fn seal_messages(
    mut message: Authenticate<'static>,
    negotiate: &[u8],
    session_key: &Secret<16>,
    turn: &mut InitiatorTurn<'_>,
) -> Vec<u8> {
    shape!(turn.environment, "authenticate", &mut message);
    message.mic = message.mic.map(|_| [0; 16]);
    let mut token = message.emit();
    shape_bytes!(turn.environment, "authenticate", &mut token);
    if let Some(at) = message.mic_offset() {
        let code = keys::mic(session_key, [negotiate, turn.token, &token]);
        codec::put(&mut token, at, &code);
    }
    token
}

/// The flags both sides agree on: what the acceptor chose of what was offered, with one character set.
fn agree(
    offered: NegotiateFlags,
    chosen: NegotiateFlags,
    environment: &Environment,
) -> Result<NegotiateFlags, Error> {
    let mut flags = chosen & (offered | NegotiateFlags::TARGET_INFO);
    if flags.contains(NegotiateFlags::UNICODE) {
        flags.remove(NegotiateFlags::OEM);
    } else if !flags.contains(NegotiateFlags::OEM) {
        return Err(PeerIncompatible::NoCharacterSet.into());
    }
    if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        flags.remove(NegotiateFlags::LM_KEY);
    }
    flags.remove(NegotiateFlags::OEM_DOMAIN_SUPPLIED | NegotiateFlags::OEM_WORKSTATION_SUPPLIED);
    let datagram = NegotiateFlags::DATAGRAM.union(NegotiateFlags::KEY_EXCH);
    if offered.contains(NegotiateFlags::DATAGRAM)
        && !flags.contains(datagram)
        && !deviates!(environment, DatagramNotRequired)
    {
        return Err(PeerIncompatible::NoDatagram.into());
    }
    super::require_strength(flags, environment)?;
    // No key is exchanged where nothing is protected (section 3.1.5.1.2), and there are acceptors that refuse the flag
    // without a key (section 2.2.1.3, EncryptedRandomSessionKey).
    if !keys::exchanges_key(flags) && !flags.contains(NegotiateFlags::DATAGRAM) {
        flags.remove(NegotiateFlags::KEY_EXCH);
    }
    Ok(flags)
}

/// The exported session key, and its encrypted form if it is exchanged.
fn exchange_key(
    flags: NegotiateFlags,
    key: Secret<16>,
    turn: &mut InitiatorTurn<'_>,
) -> (Secret<16>, Vec<u8>) {
    if !keys::exchanges_key(flags) {
        return (key, Vec::new());
    }
    let exported = Secret(turn.environment.draw("ntlm/exported-session-key", turn.context));
    let encrypted = crypto::rc4_once(&key.0, exported.0);
    (exported, encrypted.to_vec())
}

fn encode(unicode: bool, text: &Text) -> Cow<'static, [u8]> {
    Cow::Owned(if unicode {
        text.to_le_bytes()
    } else {
        text.to_oem()
    })
}
