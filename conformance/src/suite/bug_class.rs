//! Bug classes: the kinds of defects that implementations are known for, and the rules whose checks catch them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::map::UniqueMap;

/// Packages that a class can occur in.
pub const PACKAGES: &[&str] = &["ntlm", "negotiate", "kerberos", "credssp", "digest", "schannel"];

/// The file `bug-classes.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BugClassFile {
    /// The classes by id.
    pub classes: UniqueMap<BugClass>,
}

/// One class of defects.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BugClass {
    /// What goes wrong, in a sentence.
    pub text: String,
    /// Packages in which it can occur, each with the ids of the rules whose checks catch it there. The list is empty
    /// for a package that the harness cannot drive yet.
    pub packages: UniqueMap<Vec<String>>,
}
