//! Profiles: the cases by which any two implementations are paired.

use schemars::JsonSchema;
use serde::Deserialize;

use super::map::UniqueMap;

/// The file `profiles.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProfileFile {
    /// The profiles by name.
    pub profiles: UniqueMap<Profile>,
}

/// A case by which implementations are paired.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// What is asked of both, in a sentence.
    pub text: String,
    /// Id of the case.
    pub case: String,
}
