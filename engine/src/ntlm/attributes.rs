//! The attributes of a context: requirements × agreed flags, for both sides.

use super::messages::NegotiateFlags;
use crate::{
    environment::Environment,
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
};

/// What a caller asks for of the attributes that NTLM reports only on request.
struct Requested {
    replay_detect: bool,
    sequence_detect: bool,
    connection: bool,
}

/// What is granted, before it is written in the bits of a side.
struct Granted {
    delegate: bool,
    mutual_auth: bool,
    replay_detect: bool,
    sequence_detect: bool,
    confidentiality: bool,
    integrity: bool,
    identify: bool,
    connection: bool,
}

fn granted(requested: &Requested, flags: NegotiateFlags, environment: &Environment) -> Granted {
    let signs = flags.contains(NegotiateFlags::SIGN);
    let seals = flags.contains(NegotiateFlags::SEAL);
    Granted {
        delegate: deviates!(environment, DelegateReported),
        mutual_auth: deviates!(environment, MutualAuthReported),
        replay_detect: signs && requested.replay_detect && !deviates!(environment, ReplayDetectNotReported),
        sequence_detect: signs
            && requested.sequence_detect
            && !deviates!(environment, SequenceDetectNotReported),
        confidentiality: seals && !deviates!(environment, ConfidentialityNotReported)
            || deviates!(environment, ConfidentialityAlwaysReported),
        integrity: signs && !deviates!(environment, IntegrityNotReported),
        identify: flags.contains(NegotiateFlags::IDENTIFY),
        connection: requested.connection,
    }
}

/// The attributes that an initiator is granted.
#[must_use]
pub fn initiator(
    requirements: InitRequirements,
    flags: NegotiateFlags,
    environment: &Environment,
) -> InitAttributes {
    let requested = Requested {
        replay_detect: requirements.contains(InitRequirements::REPLAY_DETECT),
        sequence_detect: requirements.contains(InitRequirements::SEQUENCE_DETECT),
        connection: requirements.contains(InitRequirements::CONNECTION),
    };
    let granted = granted(&requested, flags, environment);
    let mut attributes = InitAttributes::empty();
    attributes.set(InitAttributes::DELEGATE, granted.delegate);
    attributes.set(InitAttributes::MUTUAL_AUTH, granted.mutual_auth);
    attributes.set(InitAttributes::REPLAY_DETECT, granted.replay_detect);
    attributes.set(InitAttributes::SEQUENCE_DETECT, granted.sequence_detect);
    attributes.set(InitAttributes::CONFIDENTIALITY, granted.confidentiality);
    attributes.set(InitAttributes::INTEGRITY, granted.integrity);
    attributes.set(InitAttributes::IDENTIFY, granted.identify);
    attributes.set(InitAttributes::CONNECTION, granted.connection);
    attributes
}

/// The attributes that an acceptor is granted.
#[must_use]
pub fn acceptor(
    requirements: AcceptRequirements,
    flags: NegotiateFlags,
    environment: &Environment,
) -> AcceptAttributes {
    let requested = Requested {
        replay_detect: requirements.contains(AcceptRequirements::REPLAY_DETECT),
        sequence_detect: requirements.contains(AcceptRequirements::SEQUENCE_DETECT),
        connection: requirements.contains(AcceptRequirements::CONNECTION),
    };
    let granted = granted(&requested, flags, environment);
    let mut attributes = AcceptAttributes::empty();
    attributes.set(AcceptAttributes::DELEGATE, granted.delegate);
    attributes.set(AcceptAttributes::MUTUAL_AUTH, granted.mutual_auth);
    attributes.set(AcceptAttributes::REPLAY_DETECT, granted.replay_detect);
    attributes.set(AcceptAttributes::SEQUENCE_DETECT, granted.sequence_detect);
    attributes.set(AcceptAttributes::CONFIDENTIALITY, granted.confidentiality);
    attributes.set(AcceptAttributes::INTEGRITY, granted.integrity);
    attributes.set(AcceptAttributes::IDENTIFY, granted.identify);
    attributes.set(AcceptAttributes::CONNECTION, granted.connection);
    attributes
}
