//! Names that scenarios use for requirement bits, attributes, switches, faults and token fields.
//!
//! Requirement and attribute words of the two sides differ in the upper bits, so each side has its own table.

use crate::protocol::Role;

type Table = &'static [(&'static str, u32)];

/// Bits that mean the same in all four words.
const COMMON: Table = &[
    ("delegate", 0x1),
    ("mutual-auth", 0x2),
    ("replay-detect", 0x4),
    ("sequence-detect", 0x8),
    ("confidentiality", 0x10),
    ("use-session-key", 0x20),
    ("datagram", 0x400),
    ("connection", 0x800),
];

const ISC_REQ: Table = &[
    ("prompt-for-creds", 0x40),
    ("use-supplied-creds", 0x80),
    ("allocate-memory", 0x100),
    ("use-dce-style", 0x200),
    ("call-level", 0x1000),
    ("fragment-supplied", 0x2000),
    ("extended-error", 0x4000),
    ("stream", 0x8000),
    ("integrity", 0x1_0000),
    ("identify", 0x2_0000),
    ("null-session", 0x4_0000),
    ("manual-cred-validation", 0x8_0000),
    ("fragment-to-fit", 0x20_0000),
    ("forward-credentials", 0x40_0000),
    ("no-integrity", 0x80_0000),
    ("use-http-style", 0x100_0000),
    ("unverified-target-name", 0x2000_0000),
    ("confidentiality-only", 0x4000_0000),
];

const ASC_REQ: Table = &[
    ("session-ticket", 0x40),
    ("allocate-memory", 0x100),
    ("use-dce-style", 0x200),
    ("call-level", 0x1000),
    ("fragment-supplied", 0x2000),
    ("extended-error", 0x8000),
    ("stream", 0x1_0000),
    ("integrity", 0x2_0000),
    ("licensing", 0x4_0000),
    ("identify", 0x8_0000),
    ("allow-null-session", 0x10_0000),
    ("allow-non-user-logons", 0x20_0000),
    ("allow-context-replay", 0x40_0000),
    ("fragment-to-fit", 0x80_0000),
    ("no-token", 0x100_0000),
    ("proxy-bindings", 0x400_0000),
    ("allow-missing-bindings", 0x1000_0000),
];

const ISC_RET: Table = &[
    ("used-collected-creds", 0x40),
    ("used-supplied-creds", 0x80),
    ("allocated-memory", 0x100),
    ("used-dce-style", 0x200),
    ("intermediate-return", 0x1000),
    ("call-level", 0x2000),
    ("extended-error", 0x4000),
    ("stream", 0x8000),
    ("integrity", 0x1_0000),
    ("identify", 0x2_0000),
    ("null-session", 0x4_0000),
    ("manual-cred-validation", 0x8_0000),
    ("fragment-only", 0x20_0000),
    ("forward-credentials", 0x40_0000),
    ("used-http-style", 0x100_0000),
    ("no-additional-token", 0x200_0000),
    ("reauthentication", 0x800_0000),
    ("confidentiality-only", 0x4000_0000),
];

const ASC_RET: Table = &[
    ("session-ticket", 0x40),
    ("allocated-memory", 0x100),
    ("used-dce-style", 0x200),
    ("call-level", 0x2000),
    ("third-leg-failed", 0x4000),
    ("extended-error", 0x8000),
    ("stream", 0x1_0000),
    ("integrity", 0x2_0000),
    ("licensing", 0x4_0000),
    ("identify", 0x8_0000),
    ("null-session", 0x10_0000),
    ("allow-non-user-logons", 0x20_0000),
    ("allow-context-replay", 0x40_0000),
    ("fragment-only", 0x80_0000),
    ("no-token", 0x100_0000),
    ("no-additional-token", 0x200_0000),
];

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
    "lifespan",
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
    let own = match role {
        Role::Initiator => ISC_REQ,
        Role::Acceptor => ASC_REQ,
    };
    find(COMMON, name).or_else(|| find(own, name))
}

/// The bit of an attribute that one side's call returns.
#[must_use]
pub fn attribute(role: Role, name: &str) -> Option<u32> {
    let own = match role {
        Role::Initiator => ISC_RET,
        Role::Acceptor => ASC_RET,
    };
    find(COMMON, name).or_else(|| find(own, name))
}

/// All requirement names of one side.
pub fn requirements(role: Role) -> impl Iterator<Item = &'static str> {
    let own = match role {
        Role::Initiator => ISC_REQ,
        Role::Acceptor => ASC_REQ,
    };
    COMMON.iter().chain(own).map(|(name, _)| *name)
}

/// All attribute names of one side.
pub fn attributes(role: Role) -> impl Iterator<Item = &'static str> {
    let own = match role {
        Role::Initiator => ISC_RET,
        Role::Acceptor => ASC_RET,
    };
    COMMON.iter().chain(own).map(|(name, _)| *name)
}

/// Whether a token of a name has a field of a name; without a token, whether any token has it.
#[must_use]
pub fn is_field(token: Option<&str>, field: &str) -> bool {
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

fn find(table: Table, name: &str) -> Option<u32> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, bit)| *bit)
}
