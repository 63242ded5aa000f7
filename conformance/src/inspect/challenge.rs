//! CHALLENGE_MESSAGE under inspection.

use legwork_engine::ntlm::messages::{AvId, Challenge, MessageType, NegotiateFlags};

use super::{
    av_pairs,
    frame::Frame,
    message,
    model::{Encoding, Kind, Node},
    part::Part,
    rules,
};

/// End of the shortest fixed part that a target name may follow.
const SHORT_HEADER: usize = 32;

const HEADER: usize = 48;

pub(super) fn decode(token: Part<'_>) -> Node {
    let mut frame = Frame::read(token, MessageType::CHALLENGE, Challenge::FIELDS);
    let flags = frame.flags;
    let encoding = encoding(flags);
    let header = target_name_header(&frame);
    frame.payload("TargetName", "target-name", (header, false), |part| {
        part.text("TargetName", encoding)
    });
    let mut pairs = None;
    let lenient = !flags.contains(NegotiateFlags::TARGET_INFO);
    frame.payload("TargetInfo", "target-info", (HEADER, lenient), |part| {
        let list = av_pairs::decode(part, "TargetInfo", "target-info");
        pairs = Some(list.summary);
        list.node
    });
    if frame.has_flags {
        warn_of_flags(&mut frame);
        warn_of_target_name(&mut frame);
        warn_of_target_info(&mut frame);
    }
    if let Some(pairs) = pairs.filter(|pairs| pairs.terminated && !lenient) {
        warn_of_pairs(&mut frame, &pairs);
    }
    if frame.payload_start() >= HEADER && !token.sub(32, 8).is_zero() {
        frame.warn("Reserved", rules::CHALLENGE_RESERVED_ZERO, "not zero");
    }
    message::version(&mut frame);
    frame.finish(Kind::Challenge.structure(), &["TargetName", "TargetInfo"])
}

/// The character set of names.
pub(super) fn encoding(flags: NegotiateFlags) -> Encoding {
    match flags.contains(NegotiateFlags::UNICODE) {
        true => Encoding::Utf16,
        false => Encoding::Oem,
    }
}

/// Old acceptors end the fixed part early; there the target name may begin.
fn target_name_header(frame: &Frame<'_>) -> usize {
    let name = frame.descriptor("TargetName").filter(|name| name.length > 0);
    let start = name.map_or(HEADER, |name| legwork_engine::codec::index(name.offset));
    start.clamp(SHORT_HEADER, HEADER)
}

fn warn_of_flags(frame: &mut Frame<'_>) {
    message::mandatory(frame, rules::CHALLENGE_MANDATORY_FLAGS);
    message::reserved(frame, rules::CHALLENGE_RESERVED_BITS);
    message::one_character_set(frame, rules::CHALLENGE_ONE_CHARACTER_SET);
    message::lm_key(frame, rules::CHALLENGE_LM_KEY_EXCLUDED);
    if frame.flags.contains(NegotiateFlags::TARGET_TYPES) {
        let text = "both target types are set";
        frame.warn_flags(rules::CHALLENGE_ONE_TARGET_TYPE, text);
    }
}

fn warn_of_target_name(frame: &mut Frame<'_>) {
    let named = frame.has_bytes("TargetName");
    if !named && frame.flags.contains(NegotiateFlags::REQUEST_TARGET) {
        let text = "empty although flag REQUEST_TARGET is set";
        frame.warn("TargetNameFields", rules::CHALLENGE_TARGET_NAME, text);
    }
    if named && !frame.flags.intersects(NegotiateFlags::TARGET_TYPES) {
        let text = "there is a target name, but no flag says of which type";
        frame.warn_flags(rules::CHALLENGE_ONE_TARGET_TYPE, text);
    }
}

fn warn_of_target_info(frame: &mut Frame<'_>) {
    let flagged = frame.flags.contains(NegotiateFlags::TARGET_INFO);
    let (rule, text) = match (flagged, frame.has_bytes("TargetInfo")) {
        (true, false) => (
            rules::CHALLENGE_TARGET_INFO_FLAGGED,
            "empty although flag TARGET_INFO is set",
        ),
        (false, true) => (
            rules::CHALLENGE_TARGET_INFO_WITHOUT_FLAG,
            "has bytes although flag TARGET_INFO is clear",
        ),
        _ => return,
    };
    frame.warn("TargetInfoFields", rule, text);
}

fn warn_of_pairs(frame: &mut Frame<'_>, pairs: &av_pairs::Summary) {
    let Some(node) = frame.part_mut("TargetInfo") else {
        return;
    };
    for id in [AvId::NB_COMPUTER_NAME, AvId::NB_DOMAIN_NAME] {
        if !pairs.ids.contains(&id) {
            let text = format!("{} is missing", id.name().unwrap_or_default());
            node.warn(rules::CHALLENGE_NAMES_PRESENT, text);
        }
    }
    if pairs.timestamp.is_none() {
        node.warn(rules::CHALLENGE_TIMESTAMP, "MsvAvTimestamp is missing");
    }
}
