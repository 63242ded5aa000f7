//! The attributes of a context: requirements × agreed flags, for both sides.
//!
//! Replay and sequence detection and the connection are reported only on request, all else as it was agreed on.

use super::messages::NegotiateFlags;
use crate::{
    environment::Environment,
    flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements},
};

/// The two sides have the same attributes in bits of their own.
macro_rules! attributes_of {
    ($side:ident, $Requirements:ident, $Attributes:ident, $doc:literal) => {
        #[doc = $doc]
        #[must_use]
        pub fn $side(
            requirements: $Requirements,
            flags: NegotiateFlags,
            environment: &Environment,
        ) -> $Attributes {
            let signs = flags.contains(NegotiateFlags::SIGN);
            let seals = flags.contains(NegotiateFlags::SEAL);
            let wants = |requirement| requirements.contains(requirement);
            let mut granted = $Attributes::empty();
            granted.set(
                $Attributes::DELEGATE,
                deviates!(environment, DelegateReported),
            );
            granted.set(
                $Attributes::MUTUAL_AUTH,
                deviates!(environment, MutualAuthReported),
            );
            granted.set(
                $Attributes::REPLAY_DETECT,
                signs
                    && wants($Requirements::REPLAY_DETECT)
                    && !deviates!(environment, ReplayDetectNotReported),
            );
            granted.set(
                $Attributes::SEQUENCE_DETECT,
                signs
                    && wants($Requirements::SEQUENCE_DETECT)
                    && !deviates!(environment, SequenceDetectNotReported),
            );
            granted.set(
                $Attributes::CONFIDENTIALITY,
                seals && !deviates!(environment, ConfidentialityNotReported)
                    || deviates!(environment, ConfidentialityAlwaysReported),
            );
            granted.set(
                $Attributes::INTEGRITY,
                signs && !deviates!(environment, IntegrityNotReported),
            );
            granted.set(
                $Attributes::IDENTIFY,
                flags.contains(NegotiateFlags::IDENTIFY),
            );
            granted.set(
                $Attributes::NULL_SESSION,
                flags.contains(NegotiateFlags::ANONYMOUS) && !deviates!(environment, NullSessionNotReported),
            );
            granted.set(
                $Attributes::DATAGRAM,
                flags.contains(NegotiateFlags::DATAGRAM) && !deviates!(environment, DatagramNotReported),
            );
            granted.set($Attributes::CONNECTION, wants($Requirements::CONNECTION));
            granted
        }
    };
}

attributes_of!(
    initiator,
    InitRequirements,
    InitAttributes,
    "The attributes that an initiator is granted."
);
attributes_of!(
    acceptor,
    AcceptRequirements,
    AcceptAttributes,
    "The attributes that an acceptor is granted."
);
