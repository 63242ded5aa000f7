//! The two responses of an AUTHENTICATE message, and the structure under the proof.

use legwork_engine::{error::TokenErrorKind, ntlm::messages::NtlmV2Response};

use super::{av_pairs, model::Node, part::Part, rules};

/// Length of the fixed part of an NTLMv2 response.
const MINIMUM: usize = 44;

/// Length of a proof.
const PROOF: usize = 16;

/// Fields of the structure under the proof: name, offset, size, path.
const FIELDS: [(&str, usize, usize, &str); 5] = [
    ("RespType", 0, 1, "response-type"),
    ("HiRespType", 1, 1, "highest-response-type"),
    ("Reserved1, Reserved2", 2, 6, "reserved"),
    ("TimeStamp", 8, 8, "timestamp"),
    ("ChallengeFromClient", 16, 8, "challenge"),
];

/// Length of the structure under the proof, without its list.
const FIXED: usize = 28;

/// A decoded NT response.
#[derive(Debug)]
pub(super) struct NtResponse {
    pub(super) node: Node,
    /// What its list says, if it is an NTLMv2 response.
    pub(super) pairs: Option<av_pairs::Summary>,
    /// The initiator's challenge.
    pub(super) challenge: Vec<u8>,
}

impl NtResponse {
    /// Whether all of it could be read.
    pub(super) fn is_whole(&self) -> bool {
        match &self.pairs {
            Some(pairs) => pairs.terminated,
            None => self.node.children.is_empty() && self.node.errors.is_empty(),
        }
    }
}

/// Decodes an NT response of any version.
pub(super) fn nt(part: Part<'_>) -> NtResponse {
    let challenge = part.sub(32, 8).bytes.to_vec();
    if part.length() < MINIMUM {
        let mut node = part.raw("NtChallengeResponse");
        if part.length() == NtlmV2Response::V1_LENGTH {
            node.warn(None, "24 bytes: an NTLMv1 response");
        } else {
            let kind = TokenErrorKind::BadLength(part.length());
            node = node.failing(part.error("NtChallengeResponse", 0, kind));
        }
        return NtResponse {
            node,
            pairs: None,
            challenge,
        };
    }
    let proof = part.sub(0, PROOF).raw("NTProofStr").at_path("nt-proof");
    let (temp, pairs) = client_challenge(part.tail(PROOF), "client-challenge.");
    NtResponse {
        node: part.node("NtChallengeResponse").holding(vec![proof, temp]),
        pairs,
        challenge,
    }
}

/// Decodes the structure under the proof; its paths begin with `prefix`, but for those of its list.
pub(super) fn client_challenge(part: Part<'_>, prefix: &str) -> (Node, Option<av_pairs::Summary>) {
    let mut node = part.node("NTLMv2_CLIENT_CHALLENGE");
    for (name, at, size, path) in FIELDS {
        let field = part.sub(at, size);
        if field.length() < size {
            let error = part.error(name, at, TokenErrorKind::Truncated);
            node.children.push(field.raw(name).failing(error));
            return (node, None);
        }
        node.children
            .push(fixed(field, name).at_path(format!("{prefix}{path}")));
    }
    let reserved = part.sub(24, 4);
    if reserved.length() < 4 {
        let error = part.error("Reserved3", 24, TokenErrorKind::Truncated);
        node.children.push(reserved.raw("Reserved3").failing(error));
        return (node, None);
    }
    node.children.push(zero(reserved, "Reserved3"));
    let list = av_pairs::scan(part.tail(FIXED), "av-pairs");
    warn_of_time(&mut node, part.sub(8, 8), &list.summary);
    let rest = part.tail(FIXED.saturating_add(list.end));
    node.children.push(list.node.at_path("av-pairs"));
    if rest.length() > 0 {
        node.children.push(trailer(rest));
    }
    (node, Some(list.summary))
}

fn fixed(field: Part<'_>, name: &'static str) -> Node {
    match name {
        "RespType" | "HiRespType" => version(field, name),
        "Reserved1, Reserved2" => {
            let parts = vec![field.sub(0, 2).raw("Reserved1"), field.sub(2, 4).raw("Reserved2")];
            zero(field, name).holding(parts)
        }
        "TimeStamp" => field.timestamp(name),
        _ => field.raw(name),
    }
}

/// A version of responses: 1. Readers refuse another RespType.
fn version(field: Part<'_>, name: &'static str) -> Node {
    let mut node = field.number(name, None);
    if field.bytes != [1] {
        node.warn(rules::NT_RESPONSE_HEADER, "not 1");
        if name == "RespType" {
            node = node.failing(field.error(name, 0, TokenErrorKind::BadValue));
        }
    }
    node
}

fn zero(field: Part<'_>, name: &'static str) -> Node {
    let mut node = field.raw(name);
    if !field.is_zero() {
        node.warn(rules::NT_RESPONSE_HEADER, "not zero");
    }
    node
}

fn warn_of_time(node: &mut Node, time: Part<'_>, pairs: &av_pairs::Summary) {
    let differs = pairs.timestamp.is_some_and(|pair| pair != time.bytes);
    let found = node.children.iter_mut().find(|child| child.name == "TimeStamp");
    if let (true, Some(field)) = (differs, found) {
        field.warn(rules::TIMESTAMP_COPIED, "differs from MsvAvTimestamp");
    }
}

/// What follows the list: four or eight zero bytes from most senders.
fn trailer(rest: Part<'_>) -> Node {
    let mut node = rest.raw("Trailer");
    if !rest.is_zero() {
        node.warn(None, "bytes behind the end of the list that are not zero");
    }
    node
}

/// Decodes an LM response. In its NTLMv2 form it ends with the initiator's challenge.
pub(super) fn lm(part: Part<'_>) -> Node {
    part.raw("LmChallengeResponse")
}
