//! A rule: one checkable sentence of the documentation, in our words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::UniqueMap;

/// One file of `rules/`: a documentation page or a section of a specification. The ids of its rules are
/// the place of the file and the key in it: `rules/isc/ntlm.yaml`, key `first-leg` → `isc/ntlm/first-leg`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RuleFile {
    /// What the rules of this file have in common, for people.
    pub title: String,
    /// The page or specification that the rules come from; a rule's own source may name a section of it.
    pub page: String,
    /// What is still to come before its rules are held to be checked and proven. Without it they are.
    #[serde(default)]
    pub unfinished: Option<String>,
    /// The rules by the last part of their id.
    pub rules: UniqueMap<Rule>,
}

/// One rule.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The sentence, in our words.
    pub text: String,
    /// Where it stands.
    pub source: Source,
    /// How binding it is.
    pub level: Level,
    /// What it is about.
    pub about: About,
    /// Whom it binds.
    pub binds: Binds,
    /// What breaking it does.
    pub effect: Effect,
    /// How we know.
    pub evidence: Evidence,
    /// Why nothing checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<Unchecked>,
    /// Former ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Errata that bear on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errata: Vec<String>,
}

/// Where a rule stands.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    /// Page or specification, where it differs from the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Section, table or row.
    pub section: String,
    /// Anchor in the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
}

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Breaking it is a failure.
    Must,
    /// Breaking it is a warning.
    Should,
    /// Both ways are legal; the rule says what a peer must bear.
    May,
}

impl Level {
    /// The level and what it means, for people.
    #[must_use]
    pub fn consequence(self) -> &'static str {
        match self {
            Self::Must => "must: breaking it fails",
            Self::Should => "should: breaking it warns",
            Self::May => "may: a peer must bear both",
        }
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are the documentation's own words")]
pub enum About {
    Status,
    Flag,
    Argument,
    Buffer,
    Order,
    Lifetime,
    Attribute,
    Policy,
    Wire,
}

/// Whom a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Binds {
    /// The implementation.
    Package,
    /// The application that calls it.
    Caller,
}

/// What breaking a rule does. Reports sort by it, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Somebody gets in who should not.
    Bypass,
    /// Protection weaker than both sides could have.
    Downgrade,
    /// Bytes or names are lost or wrong.
    DataLoss,
    /// The process dies or memory is damaged.
    Crash,
    /// Conforming peers cannot talk.
    Interop,
    /// Untidy, and a risk for later.
    Hygiene,
}

/// How we know that a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The interface's documentation says so.
    Documented,
    /// The protocol's specification says so.
    Specified,
    /// It follows from documented sentences.
    Derived,
    /// Seen in a named implementation only.
    Observed,
    /// At least four independent implementations agree; warns at most.
    Consensus,
    /// Sources contradict each other; warns at most.
    Disputed,
}

/// Why nothing checks a rule.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unchecked {
    /// The kind of reason.
    pub why: Why,
    /// The reason.
    pub note: String,
}

/// Kinds of reasons to leave a rule unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// No observation from outside can decide it.
    Untestable,
    /// Other rules' checks cannot pass if it is broken.
    Implicit,
    /// Not part of what this harness drives.
    OutOfScope,
}
