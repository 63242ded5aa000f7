//! The initiator: `Start` → `ExpectChallenge` → done (MS-NLMP sections 3.1.5.1.1 and 3.1.5.1.2).

use std::borrow::Cow;

use super::{
    Established,
    keys::{self, ResponseKeyV2, Sender},
    messages::{
        Authenticate, AvId, AvPairs, AvPairsBuf, Challenge, ClientChallenge, MSV_AV_FLAG_MIC,
        MSV_AV_FLAG_UNTRUSTED_TARGET, Negotiate, NegotiateFlags, NtlmV2Response, Version,
    },
    protection::Protection,
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
    .union(NegotiateFlags::EXTENDED_SESSIONSECURITY)
    .union(NegotiateFlags::VERSION)
    .union(NegotiateFlags::NEGOTIATE_128)
    .union(NegotiateFlags::NEGOTIATE_56)
    .union(NegotiateFlags::KEY_EXCH);

/// Room that the AV pairs of a response rarely exceed.
const PAIRS: usize = 512;

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

    /// The first leg: writes the NEGOTIATE message.
    pub fn step(self, turn: &mut InitiatorTurn<'_>, out: &mut Vec<u8>) -> ExpectChallenge {
        let environment = &mut *turn.environment;
        let offered = offer(turn.requirements, &environment.policy.ntlm);
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
        let challenge = Challenge::parse(turn.token)?;
        let info = target_info(&challenge)?;
        let flags = agree(self.offered, challenge.flags, turn.environment)?;
        let Identity {
            user,
            domain,
            nt_hash,
        } = self.identity;
        let response_key = ResponseKeyV2::new(&keys::ntowf_v2(&nt_hash, &user, &domain));
        let sends_mic = info.timestamp.is_some() && turn.environment.policy.ntlm.send_mic;
        let (response, nt_response) = respond(&response_key, &challenge, &info, sends_mic, turn);
        let key_exchange_key = response_key.session_base_key(&response.proof);
        let (session_key, encrypted) = exchange_key(flags, key_exchange_key, turn);
        let lm_response = match info.timestamp {
            Some(_) => Cow::Borrowed([0; 24].as_slice()),
            None => {
                let client_challenge = response.client_challenge.challenge;
                let code = response_key.lm_response(challenge.server_challenge, client_challenge);
                Cow::Owned(code.to_vec())
            }
        };
        let message = Authenticate {
            lm_response,
            nt_response: nt_response.into(),
            domain: encode(flags, &domain),
            user: encode(flags, &user),
            workstation: encode(flags, &turn.environment.host.netbios_computer),
            encrypted_session_key: encrypted.into(),
            flags,
            version: version(flags, sends_mic),
            mic: sends_mic.then_some([0; 16]),
        };
        let token = seal_messages(message, &self.negotiate, &session_key, turn);
        out.extend_from_slice(&token);
        let protection = Protection::new(flags, session_key, Sender::Initiator);
        Ok(Established {
            protection,
            user,
            domain,
        })
    }
}

/// The version structure goes with its flag; a message integrity code needs its place in any case.
fn version(flags: NegotiateFlags, sends_mic: bool) -> Option<Version> {
    if flags.contains(NegotiateFlags::VERSION) {
        return Some(Version::OURS);
    }
    sends_mic.then(Version::default)
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

/// What the CHALLENGE says of the target.
struct TargetInfo<'a> {
    pairs: Option<AvPairs<'a>>,
    flags: u32,
    timestamp: Option<u64>,
}

fn target_info<'a>(challenge: &'a Challenge<'_>) -> Result<TargetInfo<'a>, Error> {
    if !challenge.flags.contains(NegotiateFlags::TARGET_INFO) || challenge.target_info.is_empty() {
        return Ok(TargetInfo {
            pairs: None,
            flags: 0,
            timestamp: None,
        });
    }
    let (pairs, _) = AvPairs::parse(&challenge.target_info)?;
    pairs.check_values()?;
    Ok(TargetInfo {
        pairs: Some(pairs),
        flags: pairs.flags()?.unwrap_or(0),
        timestamp: pairs.timestamp()?,
    })
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
    super::require_strength(flags, environment)?;
    Ok(flags)
}

/// The response, and its bytes.
fn respond(
    key: &ResponseKeyV2,
    challenge: &Challenge<'_>,
    info: &TargetInfo<'_>,
    sends_mic: bool,
    turn: &mut InitiatorTurn<'_>,
) -> (NtlmV2Response<'static>, Vec<u8>) {
    #[allow(unused_mut, reason = "a shaper changes it")]
    let mut client_challenge = ClientChallenge {
        response_type: 1,
        highest_response_type: 1,
        reserved: [0; 6],
        timestamp: info.timestamp.unwrap_or(turn.environment.clock),
        challenge: turn.environment.draw("ntlm/client-challenge", turn.context),
        reserved3: [0; 4],
        av_pairs: client_pairs(info, sends_mic, turn).into(),
        trailer: Cow::Borrowed(&[0; 4]),
    };
    shape!(turn.environment, "client-challenge", &mut client_challenge);
    let mut response = NtlmV2Response {
        proof: [0; 16],
        client_challenge,
    };
    let mut bytes = response.emit();
    response.proof = key.nt_proof(challenge.server_challenge, bytes.get(16..).unwrap_or_default());
    codec::put(&mut bytes, 0, &response.proof);
    (response, bytes)
}

/// The AV pairs of the response: those of the acceptor, unchanged but for the flags, and the initiator's own.
fn client_pairs(info: &TargetInfo<'_>, sends_mic: bool, turn: &InitiatorTurn<'_>) -> Vec<u8> {
    let mut pairs = AvPairsBuf::with_capacity(PAIRS);
    let mut flags = info.flags;
    if sends_mic {
        flags |= MSV_AV_FLAG_MIC;
    }
    if turn.target.is_some()
        && turn
            .requirements
            .contains(InitRequirements::UNVERIFIED_TARGET_NAME)
    {
        flags |= MSV_AV_FLAG_UNTRUSTED_TARGET;
    }
    let own = [AvId::FLAGS, AvId::CHANNEL_BINDINGS, AvId::TARGET_NAME];
    for pair in info
        .pairs
        .iter()
        .flat_map(AvPairs::iter)
        .filter(|pair| !own.contains(&pair.id))
    {
        pairs.push(pair.id, pair.value);
    }
    if flags != 0 {
        pairs.push(AvId::FLAGS, &flags.to_le_bytes());
    }
    if info.pairs.is_some() {
        let bindings = turn.bindings.map(keys::channel_bindings_hash).unwrap_or_default();
        pairs.push(AvId::CHANNEL_BINDINGS, &bindings);
        match turn.target {
            Some(target) => pairs.push_text(AvId::TARGET_NAME, target),
            None => pairs.push(AvId::TARGET_NAME, &[]),
        }
    }
    pairs.terminate()
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

fn encode(flags: NegotiateFlags, text: &Text) -> Cow<'static, [u8]> {
    Cow::Owned(if flags.contains(NegotiateFlags::UNICODE) {
        text.to_le_bytes()
    } else {
        text.to_oem()
    })
}
