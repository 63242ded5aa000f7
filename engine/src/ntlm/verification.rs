//! Whether the response of an AUTHENTICATE message is that of an account (MS-NLMP section 3.2.5.1.2).

use super::{
    keys::{self, v1},
    messages::{Authenticate, AvPairs, MSV_AV_FLAG_MIC, NegotiateFlags, NtlmV2Response},
};
use crate::{
    codec::utf16::Text,
    crypto::{self, Secret},
    environment::{Account, AccountState, Environment},
    error::{EnvironmentFault, Error, PeerIncompatible, Rejection, TokenError, TokenErrorKind},
    flags::AcceptRequirements,
    turn::AcceptorTurn,
};

/// A response by its form.
pub(super) enum Response<'a> {
    /// Nobody in particular: no name and no response.
    Anonymous,
    /// The LAN Manager's alone.
    LanManager(v1::Response),
    /// Version 1, with what stands in the place of the LAN Manager's.
    VersionOne {
        nt: v1::Response,
        lm: Option<v1::Response>,
    },
    /// Version 2.
    VersionTwo {
        response: NtlmV2Response<'a>,
        claims: Claims,
    },
}

/// What a response of version 2 says under its proof.
#[derive(Clone, Copy, Default)]
pub(super) struct Claims {
    /// The message has an integrity code.
    pub(super) announces_mic: bool,
    /// Hash of the channel bindings.
    pub(super) bindings: Option<[u8; 16]>,
    /// Time of the response, in 100 ns units since 1601-01-01.
    pub(super) timestamp: Option<u64>,
}

impl<'a> Response<'a> {
    /// The response of a message.
    ///
    /// # Errors
    /// There is none, or its bytes are malformed.
    pub(super) fn of(message: &'a Authenticate<'_>, environment: &Environment) -> Result<Self, Error> {
        let lm: Option<v1::Response> = (*message.lm_response).try_into().ok();
        match message.nt_response.len() {
            0 if is_anonymous(message) || deviates!(environment, NoResponseTolerated) => Ok(Self::Anonymous),
            0 => lm
                .map(Self::LanManager)
                .ok_or_else(|| PeerIncompatible::AuthenticationVersion.into()),
            NtlmV2Response::V1_LENGTH => {
                let nt = message.nt_response.first_chunk().copied().unwrap_or([0; 24]);
                Ok(Self::VersionOne { nt, lm })
            }
            _ => {
                let response = NtlmV2Response::parse(&message.nt_response)?;
                require_version(&response, environment)?;
                let claims = Claims::of(&response, environment)?;
                Ok(Self::VersionTwo { response, claims })
            }
        }
    }

    /// What the response says under its proof.
    pub(super) fn claims(&self) -> Claims {
        match self {
            Self::VersionTwo { claims, .. } => *claims,
            _ => Claims::default(),
        }
    }
}

impl Claims {
    fn of(response: &NtlmV2Response<'_>, environment: &Environment) -> Result<Self, Error> {
        let (pairs, _) = AvPairs::parse(&response.client_challenge.av_pairs)?;
        super::require_pairs(&pairs, environment)?;
        Ok(Self {
            announces_mic: pairs.flags()?.unwrap_or(0) & MSV_AV_FLAG_MIC != 0,
            bindings: pairs.channel_bindings()?,
            timestamp: Some(response.client_challenge.timestamp),
        })
    }
}

/// No name, no NT response, and nothing or one zero byte in the place of the LAN Manager's.
fn is_anonymous(message: &Authenticate<'_>) -> bool {
    message.user.is_empty() && matches!(&*message.lm_response, [] | [0])
}

/// Version 1 is the only one that is defined (section 2.2.2.7).
fn require_version(response: &NtlmV2Response<'_>, environment: &Environment) -> Result<(), Error> {
    if response.client_challenge.response_type == 1 || deviates!(environment, ResponseVersionTolerated) {
        return Ok(());
    }
    Err(TokenError::new("RespType", 16, TokenErrorKind::BadValue).into())
}

/// Who says to log on, and what the acceptor asked.
pub(super) struct Asked<'a> {
    pub(super) user: &'a Text,
    pub(super) domain: &'a Text,
    pub(super) server_challenge: [u8; 8],
    pub(super) flags: NegotiateFlags,
}

/// Who is logged on in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logon {
    /// Nobody in particular.
    Anonymous,
    /// Somebody without an account.
    Guest,
    /// The owner of an account.
    User,
}

/// Verifies a response; returns who is logged on and the key exchange key.
///
/// # Errors
/// The response is not the account's, is of a version that policy refuses, or the account is closed.
pub(super) fn verify(
    response: &Response<'_>,
    message: &Authenticate<'_>,
    asked: &Asked<'_>,
    turn: &AcceptorTurn<'_>,
) -> Result<(Logon, Secret<16>), Error> {
    let environment = &*turn.environment;
    if let Response::Anonymous = response {
        require_permission(turn)?;
        return Ok((Logon::Anonymous, keys::ANONYMOUS_KEY));
    }
    require_level(response, environment)?;
    if environment.faults.authority {
        return Err(EnvironmentFault::NoAuthority.into());
    }
    let Some(account) = environment.directory.find(asked.user, asked.domain) else {
        require_guests(environment)?;
        return Ok((Logon::Guest, keys::ANONYMOUS_KEY));
    };
    let (right, key) = match response {
        Response::VersionTwo { response, .. } => version_two(response, message, account, asked, environment),
        Response::VersionOne { nt, lm } => version_one(Some(nt), lm.as_ref(), account, asked, environment),
        Response::LanManager(lm) => version_one(None, Some(lm), account, asked, environment),
        Response::Anonymous => (false, keys::ANONYMOUS_KEY),
    };
    let right = right || deviates!(environment, SkipProofVerification);
    if !right || deviates!(environment, RefusesEveryProof) {
        return Err(Rejection::WrongPassword.into());
    }
    require_open(account.state, environment)?;
    Ok((Logon::User, key))
}

/// Nobody logs on where the caller allows that.
fn require_permission(turn: &AcceptorTurn<'_>) -> Result<(), Error> {
    let allowed = turn.requirements.contains(AcceptRequirements::ALLOW_NULL_SESSION)
        && !deviates!(turn.environment, NullSessionRefused);
    if allowed || deviates!(turn.environment, AnonymousTolerated) {
        return Ok(());
    }
    Err(Rejection::Anonymous.into())
}

/// A user whom the directory does not have is a guest where policy says so. There is no secret to make a key of.
fn require_guests(environment: &Environment) -> Result<(), Error> {
    if environment.policy.ntlm.guest {
        return Ok(());
    }
    Err(Rejection::UnknownUser.into())
}

/// Refuses what LmCompatibilityLevel refuses.
fn require_level(response: &Response<'_>, environment: &Environment) -> Result<(), Error> {
    let level = environment.policy.ntlm.level;
    let taken = match response {
        Response::Anonymous | Response::VersionTwo { .. } => true,
        Response::VersionOne { .. } => level.takes_v1(),
        Response::LanManager(_) => level.takes_lm() && !deviates!(environment, LanManagerRefused),
    };
    if taken || deviates!(environment, CompatibilityLevelIgnored) {
        return Ok(());
    }
    Err(PeerIncompatible::AuthenticationVersion.into())
}

fn version_two(
    response: &NtlmV2Response<'_>,
    message: &Authenticate<'_>,
    account: &Account,
    asked: &Asked<'_>,
    environment: &Environment,
) -> (bool, Secret<16>) {
    let key = super::response_key(&account.hashes.nt, asked.user, asked.domain, environment);
    let temp = message.nt_response.get(16..).unwrap_or_default();
    let proof = key.nt_proof(asked.server_challenge, temp);
    let compared = if deviates!(environment, ProofComparedByHalf) {
        8
    } else {
        16
    };
    let (own, sent) = (proof.get(..compared), response.proof.get(..compared));
    (
        crypto::equal(own.unwrap_or_default(), sent.unwrap_or_default()),
        key.session_base_key(&response.proof),
    )
}

/// With extended session security the LAN Manager's place holds the initiator's challenge, which proves nothing.
/// Without, either response will do, as far as policy takes the LAN Manager's.
fn version_one(
    nt: Option<&v1::Response>,
    lm: Option<&v1::Response>,
    account: &Account,
    asked: &Asked<'_>,
    environment: &Environment,
) -> (bool, Secret<16>) {
    let challenge = asked.server_challenge;
    let matches = |sent: Option<&v1::Response>, expected: v1::Response| {
        sent.is_some_and(|sent| crypto::equal(sent, &expected))
    };
    let right = if asked.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        let own = lm.and_then(|lm| lm.first_chunk().copied()).unwrap_or_default();
        matches(nt, v1::session_response(&account.hashes.nt, challenge, own))
    } else {
        let takes_lm = environment.policy.ntlm.level.takes_lm();
        matches(nt, v1::response(&account.hashes.nt, challenge))
            || (takes_lm
                && account
                    .hashes
                    .lm
                    .as_ref()
                    .is_some_and(|hash| matches(lm, v1::response(hash, challenge))))
    };
    let base = v1::session_base_key(&account.hashes.nt);
    let lm = lm.copied().unwrap_or([0; 24]);
    (
        right,
        v1::key_exchange_key(asked.flags, &base, account.hashes.lm.as_ref(), &lm, challenge),
    )
}

/// Refuses an account that nobody can log on to. The secret was right: only its owner is told.
fn require_open(state: AccountState, environment: &Environment) -> Result<(), Error> {
    let rejection = match state {
        AccountState::Enabled => return Ok(()),
        AccountState::Disabled => Rejection::AccountDisabled,
        AccountState::Expired => Rejection::AccountExpired,
        AccountState::LockedOut => Rejection::AccountLockedOut,
        AccountState::PasswordExpired => Rejection::PasswordExpired,
    };
    if deviates!(environment, ClosedAccountTolerated) {
        return Ok(());
    }
    Err(rejection.into())
}
