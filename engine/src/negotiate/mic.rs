//! The code over the list of mechanisms (RFC 4178 section 5): who must send it, and what it covers.

use super::messages::MechTypes;
use crate::{
    environment::{Environment, MechListMic},
    error::{Error, PeerMisbehaved},
    session::Session,
};

/// Whether a side takes part in the exchange of codes, and whether the exchange is required.
///
/// | policy | exchanged where |
/// |---|---|
/// | never | nowhere: Windows 2000 to Server 2003 (RFC 4178 appendix C) |
/// | required | RFC 4178 requires it: not the initiator's first choice, or requested |
/// | demanded | as before, and where the mechanism demands it |
/// | always | the mechanism can sign |
///
/// Without integrity there is no code, whatever is required (RFC 4178 section 5).
pub(super) fn takes_part(required: bool, session: &Session, environment: &Environment) -> bool {
    let policy = match environment.policy.negotiate.mech_list_mic {
        MechListMic::Never => false,
        MechListMic::Required => required,
        MechListMic::Demanded => required || session.demands_mech_list_mic(),
        MechListMic::Always => true,
    };
    policy && session.has_integrity()
}

/// The code over the list as it was sent.
pub(super) fn sign(
    list: &MechTypes<'_>,
    session: &mut Session,
    environment: &Environment,
) -> Result<Vec<u8>, Error> {
    let code = session.sign_mech_list(covered(list, environment), environment)?;
    Ok(code.to_vec())
}

/// Verifies the peer's code over the list.
pub(super) fn verify(
    list: &MechTypes<'_>,
    code: &[u8],
    session: &mut Session,
    environment: &Environment,
) -> Result<(), Error> {
    let verified = session.verify_mech_list(covered(list, environment), code, environment);
    match verified {
        Ok(()) => Ok(()),
        Err(_) if deviates!(environment, MechListMicNotCompared) => Ok(()),
        Err(malformed @ Error::InvalidToken(_)) => Err(malformed),
        Err(_) => Err(PeerMisbehaved::MechListMicMismatch.into()),
    }
}

/// The list with its tag and length (RFC 4178 section 5, a).
fn covered<'a>(list: &'a MechTypes<'_>, environment: &Environment) -> &'a [u8] {
    let bytes = &*list.0;
    if deviates!(environment, MechListMicOverContent) {
        return bytes.get(2..).unwrap_or_default();
    }
    bytes
}
