//! What both sides may ask for, offer and choose, at random.

use legwork_engine::{
    codec::utf16::Text,
    flags::{AcceptRequirements, InitRequirements},
    ntlm::messages::NegotiateFlags,
};
use proptest::{collection::vec, option, prelude::*};

use super::World;

/// Text that need not be valid: letters, letters beyond ASCII, unpaired surrogates.
pub(crate) fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = Text> {
    let unit = prop_oneof![
        5 => 0x20..0x7F_u16,
        1 => 0x00C0..0x0180_u16,
        1 => 0xD800..0xE000_u16,
        1 => any::<u16>(),
    ];
    vec(unit, length).prop_map(Text::from_units)
}

prop_compose! {
    pub(crate) fn worlds()(
        (initiator, acceptor) in any::<(u32, u32)>(),
        (offer, grant) in any::<(u32, u32)>(),
        user in text(1..12),
        domain in text(0..12),
        password in text(0..20),
        target in option::of(text(0..20)),
        host in text(0..15),
        bindings in option::of(vec(any::<u8>(), 0..40)),
        (send_version, send_timestamp, send_mic, send_names) in any::<(bool, bool, bool, bool)>(),
        (initiator_level, acceptor_level) in (3..=5_u8, 0..=5_u8),
        extra in vec((11..=u16::MAX, vec(any::<u8>(), 0..9)), 0..3),
    ) -> World {
        World {
            // Another kind of logon and another order of messages have tests of their own.
            initiator: InitRequirements::from_bits_retain(initiator)
                - (InitRequirements::NULL_SESSION | InitRequirements::DATAGRAM),
            acceptor: AcceptRequirements::from_bits_retain(acceptor) - AcceptRequirements::DATAGRAM,
            // Without a common character set there is nothing to be agreed on.
            offer: NegotiateFlags::from_bits_retain(offer) | NegotiateFlags::UNICODE,
            grant: NegotiateFlags::from_bits_retain(grant) | NegotiateFlags::UNICODE,
            user, domain, password, target, host,
            initiator_bindings: bindings.clone(),
            acceptor_bindings: bindings,
            initiator_level, acceptor_level,
            send_version, send_timestamp, send_mic, send_names,
            extra,
            ..World::default()
        }
    }
}
