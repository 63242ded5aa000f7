//! Mapping tables: what the native codes of a library mean. Adapters never say it; these tables do.

mod lookup;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::lookup::Mapping;
use super::map::UniqueMap;
use crate::protocol::Namespace;

/// One file of `mappings/`: the codes of one namespace; for exceptions, of one subject; for minor statuses of GSS-API,
/// of some mechanisms.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MappingFile {
    /// Whose codes these are, for people.
    pub title: String,
    /// Where the meanings come from.
    pub source: String,
    /// The mechanisms whose minor statuses these are, by word and object identifier: a minor status is a number of its
    /// mechanism. In other tables none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mechanisms: Vec<String>,
    /// The rows by native code: a number in hex or decimal, a name, the class name of an exception, or class name and
    /// inner code with a slash between.
    pub rows: UniqueMap<StatusMeaning>,
}

/// `mapping.yaml` beside `subject.yaml`: codes that are the subject's own. They add to the tables of `mappings/` and never
/// overrule them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SubjectMappingFile {
    /// Whose codes these are, for people.
    pub title: String,
    /// Where the meanings come from.
    pub source: String,
    /// Exceptions: class name, or class name and inner code with a slash between. `rows` says the same.
    #[serde(default, alias = "rows")]
    pub exception: UniqueMap<StatusMeaning>,
    /// Exit codes.
    #[serde(default)]
    pub exit: UniqueMap<StatusMeaning>,
    /// Minor statuses of GSS-API, whatever the mechanism.
    #[serde(default)]
    pub gss_minor: UniqueMap<StatusMeaning>,
    /// Texts that stand for an NTSTATUS.
    #[serde(default)]
    pub ntstatus: UniqueMap<StatusMeaning>,
    /// Results of a SASL library.
    #[serde(default)]
    pub sasl: UniqueMap<StatusMeaning>,
}

impl SubjectMappingFile {
    /// The tables, each with its key in the file and the namespace that its codes are of; minor statuses are of none.
    pub(crate) fn tables(&self) -> [(&'static str, Option<Namespace>, &UniqueMap<StatusMeaning>); 5] {
        [
            ("exception", Some(Namespace::Exception), &self.exception),
            ("exit", Some(Namespace::Exit), &self.exit),
            ("gss-minor", None, &self.gss_minor),
            ("ntstatus", Some(Namespace::Ntstatus), &self.ntstatus),
            ("sasl", Some(Namespace::Sasl), &self.sasl),
        ]
    }
}

/// One file of `mappings/attributes/`: the attribute bits of one namespace.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttributeFile {
    /// Whose bits these are, for people.
    pub title: String,
    /// Where they come from.
    pub source: String,
    /// The bits, in hex.
    pub bits: UniqueMap<AttributeBit>,
}

/// What a native attribute bit says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AttributeBit {
    /// The bit's name.
    pub name: String,
    /// The attribute of SSPI that says the same, as scenarios write it; none if there is none.
    #[serde(default)]
    pub attribute: Option<String>,
}

/// What a native code means.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StatusMeaning {
    /// What the caller does next.
    pub class: Class,
    /// Why it failed; failures only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Further reasons that the same code stands for, where a library has one code for several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub or: Vec<Reason>,
    /// The code's name.
    pub name: String,
    /// Other names of the same code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Whether the library documents this as its answer.
    #[serde(default = "yes")]
    pub documented: bool,
}

fn yes() -> bool {
    true
}

impl StatusMeaning {
    /// Whether this answer is good where another one is expected: the same class, and for failures a reason in
    /// common. A code that does not say why it failed is good for every failure; one that
    /// its library does not document is good for nothing.
    #[must_use]
    pub fn stands_for(&self, expected: &Self) -> bool {
        let vague = self.reason == Some(Reason::Unspecified);
        let shared = self
            .reasons()
            .any(|reason| expected.reasons().any(|other| other == reason));
        self.documented && self.class == expected.class && (self.class != Class::Failure || vague || shared)
    }

    /// Whether this is the code's name or another name of it.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.also.iter().any(|also| also == name)
    }

    /// This failure with what a minor status adds: why, where the major status does not say it. A major status that says
    /// why is judged by that alone, for a minor status is no excuse for a wrong major one.
    #[must_use]
    fn refined_by(&self, minor: &Self) -> Self {
        if self.reason != Some(Reason::Unspecified) || minor.reason.is_none() {
            return self.clone();
        }
        Self {
            class: self.class,
            reason: minor.reason,
            or: minor.or.clone(),
            name: format!("{} / {}", self.name, minor.name),
            also: Vec::new(),
            documented: self.documented && minor.documented,
        }
    }

    /// All reasons that this code stands for.
    pub fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.reason.into_iter().chain(self.or.iter().copied())
    }
}

/// What the caller does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Done.
    Ok,
    /// Send the token, wait for the next one.
    Continue,
    /// Call CompleteAuthToken, then done.
    Complete,
    /// Call CompleteAuthToken, then send and wait.
    CompleteAndContinue,
    /// Read more bytes and call again; nothing is lost.
    Incomplete,
    /// Nothing that the caller can know: only the token tells whether the call went well.
    Silent,
    /// The call failed.
    Failure,
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The token is malformed, or not the one that is due.
    InvalidToken,
    /// The account's secret or its right to log on was not proven.
    LogonDenied,
    /// An integrity check failed.
    MessageAltered,
    /// Too early, too late, or a second time.
    OutOfSequence,
    /// Channel bindings differ or are missing.
    BadBindings,
    /// The peer, or this implementation, does not do what is needed.
    Unsupported,
    /// A handle that is not one, or no longer.
    InvalidHandle,
    /// There is no credential to log on with.
    NoCredentials,
    /// The credential is there and is no good.
    UnknownCredentials,
    /// A buffer of the caller is too small.
    BufferTooSmall,
    /// Memory ran out.
    InsufficientMemory,
    /// A failure inside.
    Internal,
    /// Nobody who could verify the logon can be reached.
    NoAuthority,
    /// The target is not known.
    TargetUnknown,
    /// No such package.
    PackageNotFound,
    /// The quality of protection is not there.
    QualityNotSupported,
    /// The peer is not who it should be.
    MutualAuthentication,
    /// The clocks are too far apart.
    TimeSkew,
    /// The context or its credential has run out.
    Expired,
    /// A policy forbids it.
    Policy,
    /// The caller passed what it must not.
    InvalidArgument,
    /// Encryption or decryption failed.
    Cipher,
    /// Something failed, and the code does not say what.
    Unspecified,
}

/// A number: in hex with `0x`, or in decimal; negative ones are those of 32 bits.
pub(crate) fn parse(code: &str) -> Option<u32> {
    match code.strip_prefix("0x").or_else(|| code.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if code.starts_with('-') => code.parse().ok().map(i32::cast_unsigned),
        None => code.parse().ok(),
    }
}
