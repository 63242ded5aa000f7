//! Mapping tables: what the native codes of a library mean. Adapters never say it; these tables do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::map::UniqueMap;
use crate::protocol::{Namespace, Status};

/// One file of `mappings/`: the codes of one namespace; for exceptions, of one subject.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MappingFile {
    /// Whose codes these are, for people.
    pub title: String,
    /// Where the meanings come from.
    pub source: String,
    /// The rows by native code: a number in hex, the class name of an exception, or class name and inner code
    /// with a slash between.
    pub rows: UniqueMap<StatusMeaning>,
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

/// All mapping tables of a suite.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    tables: BTreeMap<Namespace, UniqueMap<StatusMeaning>>,
    exceptions: BTreeMap<String, UniqueMap<StatusMeaning>>,
    documented_errors: BTreeMap<String, Vec<String>>,
}

impl Mapping {
    /// Adds the table of a namespace.
    pub fn insert(&mut self, namespace: Namespace, rows: UniqueMap<StatusMeaning>) {
        self.tables.insert(namespace, rows);
    }

    /// Adds the table of a subject's exceptions and exit codes.
    pub fn insert_exceptions(&mut self, subject: &str, rows: UniqueMap<StatusMeaning>) {
        self.exceptions.insert(subject.to_owned(), rows);
    }

    /// The tables, and the exception classes that a subject documents as its errors: one that no row knows is a
    /// failure that does not say why.
    #[must_use]
    pub fn with_documented_errors(mut self, subject: &str, classes: Vec<String>) -> Self {
        self.documented_errors.insert(subject.to_owned(), classes);
        self
    }

    /// What a status of a subject means; none if no table knows the code.
    #[must_use]
    pub fn class_of(
        &self,
        namespace: Namespace,
        code: &str,
        minor: Option<&str>,
        subject: &str,
    ) -> Option<StatusMeaning> {
        match namespace {
            Namespace::Exception => {
                let row = self.exception(code, minor, subject).cloned();
                row.or_else(|| self.documented_error(code, subject))
            }
            // A SECURITY_STATUS may hold an NTSTATUS (erratum F20).
            Namespace::Sspi => {
                let row = self.row(Namespace::Sspi, code);
                row.or_else(|| self.row(Namespace::Ntstatus, code)).cloned()
            }
            Namespace::Gss => self.gss(code),
            // Every program has exit codes of its own.
            Namespace::Exit => self.exception(code, minor, subject).cloned(),
            _ => self.row(namespace, code).cloned(),
        }
    }

    /// What a status of a subject means; none if no table knows the code.
    #[must_use]
    pub fn meaning(&self, status: &Status, subject: &str) -> Option<StatusMeaning> {
        self.class_of(status.namespace, &status.code, status.minor.as_deref(), subject)
    }

    /// The code and meaning of a SECURITY_STATUS by its name: what an expectation says.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<(&str, &StatusMeaning)> {
        let rows = self.tables.get(&Namespace::Sspi)?;
        rows.iter()
            .find(|(_, row)| row.name == name || row.also.iter().any(|also| also == name))
    }

    /// The number of a SECURITY_STATUS by its name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u32> {
        self.by_name(name).and_then(|(code, _)| parse(code))
    }

    /// All names of SECURITY_STATUS values, in order of writing.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tables
            .get(&Namespace::Sspi)
            .into_iter()
            .flat_map(UniqueMap::iter)
            .map(|(_, row)| row.name.as_str())
    }

    /// The rows of a namespace in order of writing; exceptions have a table per subject.
    pub fn rows(&self, namespace: Namespace) -> impl Iterator<Item = (&str, &StatusMeaning)> {
        self.tables.get(&namespace).into_iter().flat_map(UniqueMap::iter)
    }

    fn row(&self, namespace: Namespace, code: &str) -> Option<&StatusMeaning> {
        let rows = self.tables.get(&namespace)?;
        rows.get(code).or_else(|| {
            let number = parse(code)?;
            rows.iter()
                .find(|(key, _)| parse(key) == Some(number))
                .map(|(_, row)| row)
        })
    }

    fn exception(&self, class: &str, minor: Option<&str>, subject: &str) -> Option<&StatusMeaning> {
        let rows = self.exceptions.get(subject)?;
        let exact = minor.and_then(|minor| rows.get(&format!("{class}/{minor}")));
        exact.or_else(|| rows.get(class))
    }

    fn documented_error(&self, class: &str, subject: &str) -> Option<StatusMeaning> {
        let classes = self.documented_errors.get(subject)?;
        classes
            .iter()
            .any(|documented| documented == class)
            .then(|| StatusMeaning {
                class: Class::Failure,
                reason: Some(Reason::Unspecified),
                or: Vec::new(),
                name: class.to_owned(),
                also: Vec::new(),
                documented: true,
            })
    }

    /// A GSS major status is three fields: a calling error, a routine error and supplementary bits. The errors
    /// come first; without one, the lowest supplementary bit decides.
    fn gss(&self, code: &str) -> Option<StatusMeaning> {
        let major = parse(code)?;
        let errors = [major & 0xff00_0000, major & 0x00ff_0000];
        let bits = (0..16).map(|bit| major & (1 << bit));
        let part = errors
            .into_iter()
            .chain(bits)
            .find(|part| *part != 0)
            .unwrap_or(0);
        self.row(Namespace::Gss, &format!("0x{part:08x}")).cloned()
    }
}

/// A number in hex with `0x`, or in decimal.
fn parse(code: &str) -> Option<u32> {
    match code.strip_prefix("0x").or_else(|| code.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => code.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Mapping, Reason};
    use crate::{protocol::Namespace, suite::Suite};

    fn mapping() -> Mapping {
        Suite::embedded().map(|suite| suite.mapping).unwrap_or_default()
    }

    #[test]
    fn a_security_status_may_hold_an_ntstatus() {
        let both = |code: &str| {
            let row = mapping().class_of(Namespace::Sspi, code, None, "any");
            row.map(|row| (row.name, row.class, row.reason))
        };
        let denied = (
            "STATUS_LOGON_FAILURE".to_owned(),
            Class::Failure,
            Some(Reason::LogonDenied),
        );
        assert_eq!(both("0xC000006D"), Some(denied));
        assert_eq!(both("0x00000000").map(|row| row.0).as_deref(), Some("SEC_E_OK"));
        assert_eq!(both("0xdeadbeef"), None);
    }

    #[test]
    fn a_documented_error_without_a_row_says_no_reason() {
        let mapping = mapping().with_documented_errors("stack", vec!["stack.Error".to_owned()]);
        let row = |class: &str, subject: &str| {
            let row = mapping.class_of(Namespace::Exception, class, None, subject);
            row.map(|row| (row.class, row.reason, row.documented))
        };
        let vague = (Class::Failure, Some(Reason::Unspecified), true);
        assert_eq!(row("stack.Error", "stack"), Some(vague));
        assert_eq!(row("stack.ErrorOfAnother", "stack"), None);
        assert_eq!(row("stack.Error", "other"), None);
    }

    #[test]
    fn exit_codes_are_those_of_a_subject() {
        let rows =
            r#"{"22": {"name": "HTTP page not retrieved", "class": "failure", "reason": "unspecified"}}"#;
        let mut mapping = mapping();
        mapping.insert_exceptions("curl", serde_json::from_str(rows).unwrap_or_default());
        let class = |subject: &str| {
            let row = mapping.class_of(Namespace::Exit, "22", None, subject);
            row.map(|row| row.class)
        };
        assert_eq!(class("curl"), Some(Class::Failure));
        assert_eq!(class("other"), None);
    }

    #[test]
    fn a_row_comes_before_the_documented_errors() {
        let class = "builtins.ValueError";
        let mapping = mapping().with_documented_errors("pyspnego", vec![class.to_owned()]);
        let row = mapping.class_of(Namespace::Exception, class, None, "pyspnego");
        assert_eq!(row.map(|row| row.documented), Some(false));
    }
}
