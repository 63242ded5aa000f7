//! Saboteurs: the reference with exactly one deliberate deviation, made for one rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{map::UniqueMap, scenario::Edit};
use crate::protocol::Role;

/// The file `saboteurs.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SaboteurFile {
    /// The saboteurs by name.
    pub saboteurs: UniqueMap<Saboteur>,
}

/// One saboteur. It counts as caught only when a check of its own rule fails.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Saboteur {
    /// The rule that it breaks.
    pub rule: String,
    /// Who misbehaves.
    pub role: SaboteurRole,
    /// How.
    pub does: Sabotage,
    /// What is wrong with it, for people.
    #[serde(default)]
    pub note: Option<String>,
}

/// Who misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SaboteurRole {
    /// The package on the initiating side.
    Initiator,
    /// The package on the accepting side.
    Acceptor,
    /// The program that calls the package, on both sides.
    Caller,
}

impl SaboteurRole {
    /// The side whose package misbehaves, if it is a package.
    #[must_use]
    pub fn side(self) -> Option<Role> {
        match self {
            Self::Initiator => Some(Role::Initiator),
            Self::Acceptor => Some(Role::Acceptor),
            Self::Caller => None,
        }
    }
}

/// What a saboteur does: a key and its value in YAML.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sabotage {
    /// A check left out or an answer changed inside the engine, by the deviation's name.
    Deviation(String),
    /// The side makes a token otherwise and believes it: lengths, MICs and signatures follow.
    AsSent(TokenEdits),
    /// The side's token changes after it was made.
    InTransit(TokenEdits),
    /// The subject misbehaves where no engine does: `dies`, `falls-silent`, `forgets-attributes`, `falls-back`; `misreads`, `takes-malformed`, `miswrites`,
    /// `miscomputes`, when a vector is asked for.
    Subject(String),
    /// The calling program breaks its part, by the deviation's name.
    Caller(String),
}

/// Edits of every token of a name that the side makes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TokenEdits {
    /// Name of the token: `negotiate`, `challenge`, `client-challenge`, `authenticate`, `signature`.
    pub token: String,
    /// The edits, in order.
    pub edits: Vec<Edit>,
}
