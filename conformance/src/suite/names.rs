//! Names that scenarios use for requirement bits, attributes, switches, faults and token fields.
//!
//! Requirement and attribute words are the four flag words of the interface, each with names of its own.

use legwork_engine::flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements};

use crate::protocol::Role;

/// Policy switches of the reference.
pub const POLICIES: &[&str] = &[
    "send-version",
    "send-timestamp",
    "send-mic",
    "offer",
    "grant",
    "require-128-bit",
    "send-names",
    "max-clock-skew",
    "extra-av-pairs",
    "response-trailer",
    "lm-compatibility-level",
    "guest",
    "mechanisms",
    "own-order",
    "optimistic",
    "foreign-token",
    "unwrapped",
    "takes-unwrapped",
    "mech-list-mic",
    "request-mic",
    "send-hint",
    "send-req-flags",
    "send-state",
    "send-reject",
    "token-as-mic",
];

/// Faults that can be provoked.
pub const FAULTS: &[&str] = &["memory", "authority", "internal"];

/// Attributes that can be queried. Scenarios may ask for others, to see them refused.
pub const QUERIES: &[&str] = &[
    "session-key",
    "names",
    "sizes",
    "flags",
    "package-info",
    "negotiation-info",
    "lifespan",
    "native-names",
];

/// The pseudo-status of expectations that any failure fulfils.
pub const ANY_FAILURE: &str = "any-failure";

/// Tokens that edits can change, with their fields.
pub const TOKENS: &[(&str, &[&str])] = &[
    ("negotiate", &["flags", "domain", "workstation", "version"]),
    (
        "challenge",
        &[
            "flags",
            "target-name",
            "server-challenge",
            "reserved",
            "target-info",
            "version",
        ],
    ),
    (
        "client-challenge",
        &[
            "response-type",
            "highest-response-type",
            "reserved",
            "timestamp",
            "challenge",
        ],
    ),
    (
        "authenticate",
        &[
            "flags",
            "lm-response",
            "nt-response",
            "nt-proof",
            "domain",
            "user",
            "workstation",
            "encrypted-session-key",
            "version",
            "mic",
        ],
    ),
    ("signature", &["version", "checksum", "sequence"]),
    (
        "neg-token-init",
        &[
            "mech-types",
            "req-flags",
            "mech-token",
            "mech-list-mic",
            "extensions",
        ],
    ),
    (
        "neg-token-init2",
        &[
            "mech-types",
            "req-flags",
            "mech-token",
            "hint-name",
            "hint-address",
            "mech-list-mic",
            "extensions",
        ],
    ),
    (
        "neg-token-resp",
        &[
            "neg-state",
            "supported-mech",
            "response-token",
            "mech-list-mic",
            "extensions",
        ],
    ),
];

/// Fields of the tokens of Negotiate that hold a token of NTLM, and the tokens that it may be.
const HOLDERS: &[(&str, &[&str])] = &[
    ("mech-token", &["negotiate"]),
    ("response-token", &["negotiate", "challenge", "authenticate"]),
    ("mech-list-mic", &["signature"]),
];

/// AV pairs by name. A number stands for itself.
pub const AV_PAIRS: &[(&str, u16)] = &[
    ("computer-name", 1),
    ("domain-name", 2),
    ("dns-computer-name", 3),
    ("dns-domain-name", 4),
    ("dns-tree-name", 5),
    ("flags", 6),
    ("timestamp", 7),
    ("single-host", 8),
    ("target-name", 9),
    ("channel-bindings", 10),
];

/// The bit of a requirement of one side's call.
#[must_use]
pub fn requirement(role: Role, name: &str) -> Option<u32> {
    match role {
        Role::Initiator => InitRequirements::from_kebab(name).map(|flag| flag.bits()),
        Role::Acceptor => AcceptRequirements::from_kebab(name).map(|flag| flag.bits()),
    }
}

/// The bit of an attribute that one side's call returns.
#[must_use]
pub fn attribute(role: Role, name: &str) -> Option<u32> {
    match role {
        Role::Initiator => InitAttributes::from_kebab(name).map(|flag| flag.bits()),
        Role::Acceptor => AcceptAttributes::from_kebab(name).map(|flag| flag.bits()),
    }
}

/// All requirement names of one side.
#[must_use]
pub fn requirements(role: Role) -> Vec<String> {
    match role {
        Role::Initiator => kebab(InitRequirements::NAMED),
        Role::Acceptor => kebab(AcceptRequirements::NAMED),
    }
}

/// All attribute names of one side.
#[must_use]
pub fn attributes(role: Role) -> Vec<String> {
    match role {
        Role::Initiator => kebab(InitAttributes::NAMED),
        Role::Acceptor => kebab(AcceptAttributes::NAMED),
    }
}

fn kebab<T>(named: &[(&str, T)]) -> Vec<String> {
    named
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase().replace('_', "-"))
        .collect()
}

/// Whether a token of a name has a field of a name; without a token, whether any token has it.
#[must_use]
pub fn is_field(token: Option<&str>, field: &str) -> bool {
    if let Some((holder, rest)) = field.split_once('.')
        && is_field(token, holder)
    {
        let inner = HOLDERS.iter().find(|(name, _)| *name == holder);
        let holds = |(_, tokens): &(_, &[&str])| tokens.iter().any(|inner| is_field(Some(inner), rest));
        if inner.is_some_and(holds) || (holder == "mech-types" && rest.parse::<usize>().is_ok()) {
            return true;
        }
    }
    let list = match field.split_once('.') {
        Some((list, pair)) if is_pair(pair) => Some(list),
        Some(_) => return false,
        None => None,
    };
    TOKENS
        .iter()
        .filter(|(name, _)| token.is_none_or(|token| token == *name))
        .any(|(name, fields)| match list {
            Some(list) => list == pairs_of(name),
            None => fields.contains(&field) || (!field.is_empty() && field == pairs_of(name)),
        })
}

/// Name of the AV list that a token carries; empty if it carries none.
fn pairs_of(token: &str) -> &'static str {
    match token {
        "challenge" => "target-info",
        "client-challenge" | "authenticate" => "av-pairs",
        _ => "",
    }
}

/// Whether a text names an AV pair.
#[must_use]
pub fn is_pair(name: &str) -> bool {
    AV_PAIRS.iter().any(|(known, _)| *known == name) || name.parse::<u16>().is_ok()
}
