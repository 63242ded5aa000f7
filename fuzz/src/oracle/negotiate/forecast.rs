//! What an exchange that nobody touches comes to, written down from RFC 4178 and MS-SPNG over the forecast for NTLM, without
//! a look at tokens. A side that requires datagrams refuses: a negotiation has no place for a mechanism that begins with the
//! acceptor.

use legwork_engine::{
    environment::MechListMic,
    flags::{AcceptRequirements, InitRequirements},
    negotiate::messages::Oid,
    ntlm::messages::NegotiateFlags as Flags,
    status::SecurityStatus as Status,
};

use super::super::{
    forecast::{self as mechanism, Guise},
    world::{Choices as OfNtlm, Logon},
};
use super::world::{Choices, REQUESTS_CODES, UNWRAPPED, WRAPPED_ALONE};

/// What both sides end with.
#[derive(Clone, Copy, Debug)]
pub struct Forecast {
    /// Within NTLM.
    pub ntlm: mechanism::Forecast,
    /// Whether each side gets a code over the list of mechanisms, the initiator first.
    pub codes: [bool; 2],
}

/// What is required of NTLM: integrity as well, unless the caller does not want it.
#[must_use]
pub fn effective(choices: &Choices) -> OfNtlm {
    let mut requirements = choices.ntlm.init_requirements();
    let unwanted = requirements.contains(InitRequirements::NO_INTEGRITY);
    requirements.set(InitRequirements::INTEGRITY, !unwanted);
    OfNtlm {
        initiator: requirements.bits(),
        ..choices.ntlm.clone()
    }
}

/// Whether an acceptor requires datagrams.
#[must_use]
pub fn wants_datagrams(choices: &Choices) -> bool {
    let requirements = choices.ntlm.accept_requirements();
    requirements.contains(AcceptRequirements::DATAGRAM)
}

/// What the initiator offers, where both sides begin: whoever is called first looks at what is required of it first.
///
/// # Errors
/// A side does not.
fn begin(choices: &Choices) -> Result<Vec<Oid<'static>>, Status> {
    let refused = Err(Status::SEC_E_UNSUPPORTED_FUNCTION);
    if choices.hinted && wants_datagrams(choices) {
        return refused;
    }
    if choices.hinted && choices.acceptor.list().is_empty() {
        return Err(Status::SEC_E_NO_CREDENTIALS);
    }
    let initiator = choices.ntlm.init_requirements();
    if initiator.contains(InitRequirements::DATAGRAM) {
        return refused;
    }
    let offer = offer(choices)?;
    if wants_datagrams(choices) {
        refused
    } else {
        Ok(offer)
    }
}

/// The mechanisms that the initiator offers.
///
/// # Errors
/// There are none.
fn offer(choices: &Choices) -> Result<Vec<Oid<'static>>, Status> {
    let mut offer = choices.initiator.list();
    // A target without a name has no principal.
    if choices.ntlm.policy & 64 == 0 {
        offer.retain(|oid| ![Oid::KERBEROS, Oid::MS_KERBEROS].contains(oid));
    }
    if offer.is_empty() {
        return Err(Status::SEC_E_NO_CREDENTIALS);
    }
    if choices.hinted {
        let hint = choices.acceptor.list();
        offer.retain(|oid| hint.contains(oid));
    }
    Ok(offer)
}

/// Foretells an exchange.
///
/// # Errors
/// The status of the refusal.
pub fn forecast(choices: &Choices) -> Result<Forecast, Status> {
    let ntlm = effective(choices);
    let offer = begin(choices)?;
    let common = offer.contains(&Oid::NTLM) && choices.acceptor.list().contains(&Oid::NTLM);
    let unwrapped = offer == [Oid::NTLM] && choices.initiator.has(UNWRAPPED);
    if !common || (unwrapped && choices.acceptor.has(WRAPPED_ALONE)) {
        return Err(Status::SEC_E_INVALID_TOKEN);
    }
    let ntlm_ends = mechanism::forecast(&ntlm).map_err(|(_, status)| status)?;
    let codes = match unwrapped {
        true => [false; 2],
        false => codes(choices, &offer, &ntlm, &ntlm_ends)?,
    };
    Ok(Forecast {
        ntlm: ntlm_ends,
        codes,
    })
}

/// Who gets a code (RFC 4178 section 5, and NTLM's own demand).
///
/// # Errors
/// A side misses one.
fn codes(
    choices: &Choices,
    offer: &[Oid<'static>],
    ntlm: &OfNtlm,
    ends: &mechanism::Forecast,
) -> Result<[bool; 2], Status> {
    let [own, peers] = [choices.initiator.codes(), choices.acceptor.codes()];
    let signs = ends.flags.intersects(Flags::SIGN | Flags::SEAL);
    let initiator_signs = signs && ends.guise != Guise::Nobody;
    let acceptor_signs = signs && ends.guise == Guise::Owner;
    let demanded = announces_mic(ntlm);
    let downgrade = offer.first() != Some(&Oid::NTLM);
    let requested = peers != MechListMic::Never && (downgrade || choices.acceptor.has(REQUESTS_CODES));
    let required = requested || downgrade;
    let sends = initiator_signs
        && match own {
            MechListMic::Never => false,
            MechListMic::Required => required,
            MechListMic::Demanded => required || demanded,
            MechListMic::Always => true,
        };
    let due = acceptor_signs
        && match peers {
            MechListMic::Never => false,
            MechListMic::Required => requested,
            MechListMic::Demanded | MechListMic::Always => requested || demanded,
        };
    let verified = sends && acceptor_signs && peers != MechListMic::Never;
    let missed = initiator_signs && own != MechListMic::Never && required && !verified;
    if missed || (due && !verified) {
        return Err(Status::SEC_E_INVALID_TOKEN);
    }
    Ok([verified, sends])
}

/// Whether NTLM's third message has a code of its own.
fn announces_mic(ntlm: &OfNtlm) -> bool {
    ntlm.initiator_level() >= 3 && ntlm.policy & 6 == 0 && ntlm.who() != Logon::Nobody
}
