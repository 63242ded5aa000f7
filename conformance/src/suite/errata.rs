//! Errata: what a page prints, what holds, and how we know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::UniqueMap;

/// The file `errata.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ErrataFile {
    /// The errata by id.
    pub errata: UniqueMap<Erratum>,
}

/// One erratum.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Erratum {
    /// The page or section that is wrong or contradicts another.
    pub page: String,
    /// What is printed, in our words.
    pub printed: String,
    /// What holds.
    pub holds: String,
    /// How we know.
    pub evidence: String,
}
