//! What an initiator answers a CHALLENGE with: responses of version 1 or 2, or those of nobody (MS-NLMP section 3.3).

use std::borrow::Cow;

use super::{
    keys::{self, ResponseKeyV2, v1},
    messages::{
        AvId, AvPairs, AvPairsBuf, Challenge, ClientChallenge, MSV_AV_FLAG_MIC, MSV_AV_FLAG_UNTRUSTED_TARGET,
        NegotiateFlags, NtlmV2Response,
    },
};
use crate::{
    codec,
    crypto::Secret,
    environment::{Environment, PasswordHashes},
    error::Error,
    flags::InitRequirements,
    turn::{Identity, InitiatorTurn},
};

/// Room that the AV pairs of a response rarely exceed.
const PAIRS: usize = 512;

/// The label of the initiator's challenge.
const CLIENT_CHALLENGE: &str = "ntlm/client-challenge";

/// What the CHALLENGE says of the target.
pub(super) struct TargetInfo<'a> {
    pairs: Option<AvPairs<'a>>,
    flags: u32,
    timestamp: Option<u64>,
}

impl<'a> TargetInfo<'a> {
    /// Reads the AV pairs of a CHALLENGE, if its flags promise any.
    ///
    /// # Errors
    /// The list or a value in it is malformed.
    pub(super) fn of(challenge: &'a Challenge<'_>, environment: &Environment) -> Result<Self, Error> {
        const NONE: TargetInfo<'_> = TargetInfo {
            pairs: None,
            flags: 0,
            timestamp: None,
        };
        if !challenge.flags.contains(NegotiateFlags::TARGET_INFO) || challenge.target_info.is_empty() {
            return Ok(NONE);
        }
        let (pairs, _) = match AvPairs::parse(&challenge.target_info) {
            Err(_) if deviates!(environment, MalformedPairsTolerated) => return Ok(NONE),
            parsed => parsed?,
        };
        let values = pairs.check_values()?;
        super::require_pairs(&pairs, environment)?;
        Ok(Self {
            pairs: Some(pairs),
            flags: values.flags.unwrap_or(0),
            timestamp: values.timestamp,
        })
    }
}

/// The responses, and what hangs on them.
pub(super) struct Answer {
    pub(super) lm_response: Cow<'static, [u8]>,
    pub(super) nt_response: Vec<u8>,
    pub(super) key_exchange_key: Secret<16>,
    /// Whether the response says that the message has an integrity code.
    pub(super) announces_mic: bool,
}

/// Answers a CHALLENGE with what identity and policy have.
pub(super) fn answer(
    identity: &Identity,
    flags: NegotiateFlags,
    challenge: &Challenge<'_>,
    info: &TargetInfo<'_>,
    turn: &mut InitiatorTurn<'_>,
) -> Answer {
    match identity {
        Identity::Anonymous => anonymous(),
        Identity::User { hashes, .. }
            if !turn.environment.policy.ntlm.level.sends_v2()
                || deviates!(turn.environment, SendsVersionOne) =>
        {
            version_one(hashes, flags, challenge, turn)
        }
        Identity::User { user, domain, hashes } => {
            let key = super::response_key(&hashes.nt, user, domain, turn.environment);
            version_two(&key, flags, challenge, info, turn)
        }
    }
}

/// Nobody has no response, but for one zero byte in the place of the LAN Manager's (section 3.3.2).
fn anonymous() -> Answer {
    Answer {
        lm_response: Cow::Borrowed(&[0]),
        nt_response: Vec::new(),
        key_exchange_key: keys::ANONYMOUS_KEY,
        announces_mic: false,
    }
}

/// Responses of version 1 (section 3.3.1). There is no place in them to announce a message integrity code.
fn version_one(
    hashes: &PasswordHashes,
    flags: NegotiateFlags,
    challenge: &Challenge<'_>,
    turn: &mut InitiatorTurn<'_>,
) -> Answer {
    let asked = challenge.server_challenge;
    let (lm_response, nt_response) = if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        let own: [u8; 8] = turn.environment.draw(CLIENT_CHALLENGE, turn.context);
        (
            v1::session_lm_response(own),
            v1::session_response(&hashes.nt, asked, own),
        )
    } else {
        let nt_response = v1::response(&hashes.nt, asked);
        let sends_lm = turn.environment.policy.ntlm.level.sends_lm();
        let lm_response = match &hashes.lm {
            Some(hash) if sends_lm => v1::response(hash, asked),
            _ => nt_response,
        };
        (lm_response, nt_response)
    };
    let base = v1::session_base_key(&hashes.nt);
    Answer {
        key_exchange_key: v1::key_exchange_key(flags, &base, hashes.lm.as_ref(), &lm_response, asked),
        lm_response: Cow::Owned(lm_response.to_vec()),
        nt_response: nt_response.to_vec(),
        announces_mic: false,
    }
}

/// Responses of version 2 (section 3.3.2). The LAN Manager's is zeros where the acceptor told its time (section
/// 3.1.5.1.2), and left out in datagram mode (section 3.1.5.2.1).
fn version_two(
    key: &ResponseKeyV2,
    flags: NegotiateFlags,
    challenge: &Challenge<'_>,
    info: &TargetInfo<'_>,
    turn: &mut InitiatorTurn<'_>,
) -> Answer {
    let announces_mic = info.timestamp.is_some() && turn.environment.policy.ntlm.send_mic;
    #[allow(unused_mut, reason = "a shaper changes it")]
    let mut client_challenge = ClientChallenge {
        response_type: 1,
        highest_response_type: 1,
        reserved: [0; 6],
        timestamp: info.timestamp.unwrap_or(turn.environment.clock),
        challenge: turn.environment.draw(CLIENT_CHALLENGE, turn.context),
        reserved3: [0; 4],
        av_pairs: client_pairs(info, announces_mic, turn).into(),
        trailer: Cow::Owned(vec![
            0;
            usize::from(turn.environment.policy.ntlm.response_trailer)
        ]),
    };
    shape!(turn.environment, "client-challenge", &mut client_challenge);
    let own = client_challenge.challenge;
    let response = NtlmV2Response {
        proof: [0; 16],
        client_challenge,
    };
    let mut nt_response = response.emit();
    let proof = key.nt_proof(
        challenge.server_challenge,
        nt_response.get(16..).unwrap_or_default(),
    );
    codec::put(&mut nt_response, 0, &proof);
    let lm_response = match info.timestamp {
        _ if flags.contains(NegotiateFlags::DATAGRAM) && info.pairs.is_some() => Cow::Borrowed([].as_slice()),
        Some(_) => Cow::Borrowed([0; 24].as_slice()),
        None => Cow::Owned(key.lm_response(challenge.server_challenge, own).to_vec()),
    };
    Answer {
        lm_response,
        nt_response,
        key_exchange_key: key.session_base_key(&proof),
        announces_mic,
    }
}

/// The AV pairs of the response: those of the acceptor, unchanged but for the flags, and the initiator's own.
fn client_pairs(info: &TargetInfo<'_>, announces_mic: bool, turn: &InitiatorTurn<'_>) -> Vec<u8> {
    let mut pairs = AvPairsBuf::with_capacity(PAIRS);
    // What these two say is for this side to say.
    let mut flags = info.flags & !(MSV_AV_FLAG_MIC | MSV_AV_FLAG_UNTRUSTED_TARGET);
    if announces_mic {
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
