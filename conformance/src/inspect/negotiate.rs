//! NEGOTIATE_MESSAGE under inspection.

use legwork_engine::ntlm::messages::{MessageType, Negotiate, NegotiateFlags};

use super::{
    frame::Frame,
    message,
    model::{Encoding, Kind, Node},
    part::Part,
    rules,
};

const HEADER: usize = 32;

pub(super) fn decode(token: Part<'_>) -> Node {
    let mut frame = Frame::read(token, MessageType::NEGOTIATE, Negotiate::FIELDS);
    let names = [
        ("DomainName", "domain", NegotiateFlags::OEM_DOMAIN_SUPPLIED, 'K'),
        (
            "Workstation",
            "workstation",
            NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
            'L',
        ),
    ];
    for (name, path, flag, letter) in names {
        let flagged = frame.flags.contains(flag);
        frame.payload(name, path, (HEADER, !flagged), |part| {
            part.text(name, Encoding::Oem)
        });
        flagged_name(&mut frame, name, flagged, letter);
    }
    warn_of_flags(&mut frame);
    message::version(&mut frame);
    frame.finish(Kind::Negotiate.structure(), &[])
}

fn flagged_name(frame: &mut Frame<'_>, name: &str, flagged: bool, letter: char) {
    let Some(descriptor) = frame.descriptor(name) else {
        return;
    };
    let (rule, text) = match (flagged, descriptor.length > 0) {
        (true, false) => (
            rules::NEGOTIATE_NAMES_FLAGGED,
            format!("empty although flag {letter} says that it is there"),
        ),
        (false, true) => (
            rules::NEGOTIATE_NAMES_WITHOUT_FLAG,
            format!("has bytes although flag {letter} is clear"),
        ),
        _ => return,
    };
    frame.warn(&format!("{name}Fields"), rule, text);
}

fn warn_of_flags(frame: &mut Frame<'_>) {
    if !frame.has_flags {
        return;
    }
    let flags = frame.flags;
    message::mandatory(frame, rules::NEGOTIATE_MANDATORY_FLAGS);
    message::reserved(frame, rules::NEGOTIATE_RESERVED_BITS);
    message::target_types(frame, rules::NEGOTIATE_RESERVED_BITS);
    if !flags.intersects(NegotiateFlags::UNICODE | NegotiateFlags::OEM) {
        frame.warn_flags(rules::NEGOTIATE_CHARACTER_SET, "offers no character set");
    }
    let protects = flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL);
    if protects && !flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        frame.warn_flags(
            rules::NEGOTIATE_EXTENDED_SESSION_SECURITY,
            "offers signing or sealing without EXTENDED_SESSIONSECURITY",
        );
    }
}
