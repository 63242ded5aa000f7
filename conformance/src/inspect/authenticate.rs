//! AUTHENTICATE_MESSAGE under inspection.

use legwork_engine::ntlm::messages::{Authenticate, MSV_AV_FLAG_MIC, MessageType, NegotiateFlags};

use super::{
    av_pairs::Summary,
    challenge,
    frame::Frame,
    message,
    model::{Kind, Node},
    part::Part,
    response, rules,
};

const HEADER: usize = 64;

/// Length of a response of the LAN Manager family.
const LM_LENGTH: usize = 24;

/// Length of a session key.
const KEY_LENGTH: u16 = 16;

/// Names and their paths.
const NAMES: [(&str, &str); 3] = [
    ("DomainName", "domain"),
    ("UserName", "user"),
    ("Workstation", "workstation"),
];

/// The usual order of the payload.
const ORDER: [&str; 6] = [
    "DomainName",
    "UserName",
    "Workstation",
    "LmChallengeResponse",
    "NtChallengeResponse",
    "EncryptedRandomSessionKey",
];

pub(super) fn decode(token: Part<'_>) -> Node {
    let mut frame = Frame::read(token, MessageType::AUTHENTICATE, Authenticate::FIELDS);
    let encoding = challenge::encoding(frame.flags);
    let strict = (HEADER, false);
    let mut lm = None;
    frame.payload("LmChallengeResponse", "lm-response", strict, |part| {
        lm = Some(part);
        response::lm(part)
    });
    let mut pairs = None;
    let mut client = Vec::new();
    let mut whole = !frame.has_bytes("NtChallengeResponse");
    frame.payload("NtChallengeResponse", "nt-response", strict, |part| {
        let response = response::nt(part);
        whole = response.is_whole();
        (pairs, client) = (response.pairs, response.challenge);
        response.node
    });
    for (name, path) in NAMES {
        frame.payload(name, path, strict, |part| part.text(name, encoding));
    }
    let key = "EncryptedRandomSessionKey";
    frame.payload(key, "encrypted-session-key", strict, |part| part.raw(key));
    if frame.has_flags {
        warn_of_flags(&mut frame);
        warn_of_key(&mut frame);
        warn_of_user(&mut frame);
    }
    // What a broken list does not say may stand in the part that cannot be read.
    if whole {
        if let (Some(lm), Some(pairs)) = (lm, &pairs) {
            warn_of_lm(&mut frame, lm, pairs, &client);
        }
        warn_of_mic(&mut frame, pairs.as_ref());
    }
    message::version(&mut frame);
    frame.finish(Kind::Authenticate.structure(), &ORDER)
}

fn warn_of_flags(frame: &mut Frame<'_>) {
    message::reserved(frame, rules::AUTHENTICATE_RESERVED_BITS);
    message::target_types(frame, None);
    message::one_character_set(frame, rules::AUTHENTICATE_ONE_CHARACTER_SET);
    message::lm_key(frame, None);
}

fn warn_of_key(frame: &mut Frame<'_>) {
    let flags = frame.flags;
    let Some(length) = frame
        .descriptor("EncryptedRandomSessionKey")
        .map(|key| key.length)
    else {
        return;
    };
    let exchanged = flags.contains(NegotiateFlags::KEY_EXCH);
    let protects = flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL);
    let agreed = exchanged && protects;
    let rule = if agreed {
        rules::ENCRYPTED_KEY_PRESENT
    } else {
        rules::ENCRYPTED_KEY_WITHOUT_FLAG
    };
    let text = match (agreed, length) {
        (true, 0) => "empty although flag KEY_EXCH is set".to_owned(),
        (false, 1..) if !exchanged => "there is a key although flag KEY_EXCH is clear".to_owned(),
        (false, 1..) => "there is a key although neither SIGN nor SEAL is set".to_owned(),
        (true, length) if length != KEY_LENGTH => format!("has {length} bytes instead of {KEY_LENGTH}"),
        _ => return,
    };
    frame.warn("EncryptedRandomSessionKeyFields", rule, text);
}

fn warn_of_user(frame: &mut Frame<'_>) {
    let anonymous = frame.flags.contains(NegotiateFlags::ANONYMOUS);
    let named = frame.has_bytes("UserName");
    if anonymous && (named || frame.has_bytes("NtChallengeResponse")) {
        frame.warn_flags(
            None,
            "ANONYMOUS is set, but there is a user name or an NT response",
        );
    }
    if !anonymous && !named && frame.descriptor("UserName").is_some() {
        let text = "empty although flag ANONYMOUS is clear";
        frame.warn("UserNameFields", rules::AUTHENTICATE_USER, text);
    }
}

/// The LM response beside an NTLMv2 response.
fn warn_of_lm(frame: &mut Frame<'_>, lm: Part<'_>, pairs: &Summary, client: &[u8]) {
    let Some(node) = frame.part_mut("LmChallengeResponse") else {
        return;
    };
    if lm.length() != LM_LENGTH {
        node.warn(
            rules::LM_RESPONSE,
            format!("has {} bytes instead of {LM_LENGTH}", lm.length()),
        );
        return;
    }
    let text = match (pairs.timestamp.is_some(), lm.is_zero()) {
        (true, false) => "not zero although the NT response has a timestamp",
        (false, true) => "zero although the NT response has no timestamp",
        (false, false) if lm.tail(16).bytes != client => {
            "ends with another challenge of the initiator than the NT response has"
        }
        _ => return,
    };
    node.warn(rules::LM_RESPONSE, text);
}

fn warn_of_mic(frame: &mut Frame<'_>, pairs: Option<&Summary>) {
    let announced = pairs.is_some_and(|pairs| pairs.flags.unwrap_or(0) & MSV_AV_FLAG_MIC != 0);
    match (frame.mic, announced) {
        (None, true) => warn_in_response(
            frame,
            "MsvAvFlags",
            rules::MIC_ANNOUNCED,
            "announces a MIC, but the payload begins where it would stand",
        ),
        (Some(mic), true) if mic == [0; 16] => {
            frame.warn(
                "MIC",
                rules::MIC_ANNOUNCED,
                "zero although MsvAvFlags announces a MIC",
            );
        }
        (Some(mic), false) if mic != [0; 16] => {
            frame.warn(
                "MIC",
                rules::MIC_ANNOUNCED,
                "not zero although no MsvAvFlags announces a MIC",
            );
        }
        _ => {}
    }
    if pairs.is_some_and(|pairs| pairs.timestamp.is_some()) && !announced {
        let text = "there is a timestamp, but no MIC is announced";
        warn_in_response(frame, "AvPairs", rules::MIC_WITH_TIMESTAMP, text);
    }
}

/// Adds a warning to a node of the NT response.
fn warn_in_response(frame: &mut Frame<'_>, name: &str, rule: Option<&'static str>, text: &str) {
    if let Some(node) = frame
        .part_mut("NtChallengeResponse")
        .and_then(|response| find(response, name))
    {
        node.warn(rule, text);
    }
}

fn find<'n>(node: &'n mut Node, name: &str) -> Option<&'n mut Node> {
    if node.name == name {
        return Some(node);
    }
    node.children.iter_mut().find_map(|child| find(child, name))
}
