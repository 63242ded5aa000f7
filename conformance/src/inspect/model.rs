//! What an inspection yields: a tree of nodes with byte ranges, values, errors and warnings.

use std::ops::Range;

use clap::ValueEnum;
use legwork_engine::error::{TokenError, TokenErrorKind};
use schemars::JsonSchema;
use serde::Serialize;

/// What a token is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// NEGOTIATE_MESSAGE.
    Negotiate,
    /// CHALLENGE_MESSAGE.
    Challenge,
    /// AUTHENTICATE_MESSAGE.
    Authenticate,
    /// A list of AV_PAIR structures.
    AvPairs,
    /// NTLMv2_RESPONSE: the NT response of an AUTHENTICATE message.
    NtResponse,
    /// NTLMv2_CLIENT_CHALLENGE: what the proof of an NTLMv2_RESPONSE covers.
    ClientChallenge,
    /// NTLMSSP_MESSAGE_SIGNATURE.
    Signature,
    /// NegTokenInit, with its framing or without.
    NegTokenInit,
    /// NegTokenInit2: the same with hints.
    #[value(name = "neg-token-init2")]
    #[serde(rename = "neg-token-init2")]
    NegTokenInit2,
    /// NegTokenResp.
    NegTokenResp,
    /// Messages of NEGOEX, one behind the other.
    Negoex,
    /// The framed first token of another mechanism than Negotiate.
    InitialContextToken,
    /// Nothing that is known.
    #[value(skip)]
    Unknown,
}

impl Kind {
    /// The name of the structure in the specification.
    #[must_use]
    pub fn structure(self) -> &'static str {
        match self {
            Self::Negotiate => "NEGOTIATE_MESSAGE",
            Self::Challenge => "CHALLENGE_MESSAGE",
            Self::Authenticate => "AUTHENTICATE_MESSAGE",
            Self::AvPairs => "AV_PAIR list",
            Self::NtResponse => "NTLMv2_RESPONSE",
            Self::ClientChallenge => "NTLMv2_CLIENT_CHALLENGE",
            Self::Signature => "NTLMSSP_MESSAGE_SIGNATURE",
            Self::NegTokenInit => "NegTokenInit",
            Self::NegTokenInit2 => "NegTokenInit2",
            Self::NegTokenResp => "NegTokenResp",
            Self::Negoex => "NEGOEX messages",
            Self::InitialContextToken => "InitialContextToken",
            Self::Unknown => "unknown token",
        }
    }
}

/// Bytes of the token: from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// How many bytes there are.
    #[must_use]
    pub fn length(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether there is no byte.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length() == 0
    }

    /// The same as a range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// The smallest span that holds both.
    #[must_use]
    pub fn cover(self, other: Self) -> Self {
        Self {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// A decoded token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Inspection {
    /// What it was read as.
    pub kind: Kind,
    /// Its length in bytes.
    pub length: usize,
    /// The whole token.
    pub tree: Node,
}

impl Inspection {
    /// Every node, parents before their children.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        let mut pending = vec![&self.tree];
        std::iter::from_fn(move || {
            let node = pending.pop()?;
            pending.extend(node.children.iter().rev());
            Some(node)
        })
    }

    /// Every error, in the order of the tree.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.nodes().flat_map(|node| &node.errors)
    }

    /// Every warning, in the order of the tree.
    pub fn warnings(&self) -> impl Iterator<Item = &Warning> {
        self.nodes().flat_map(|node| &node.warnings)
    }

    /// Whether a conforming reader refuses the bytes.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        self.errors().next().is_some()
    }
}

/// A field, a structure, or bytes that belong to none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Node {
    /// Name in the specification.
    pub name: String,
    /// Where it stands in the token. A node lies within its parent.
    #[serde(flatten)]
    pub span: Span,
    /// Path of the field in scenarios.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the bytes mean. A structure that is only the sum of its parts has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why a reader refuses the token here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Problem>,
    /// What is odd here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// The parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Self>,
}

impl Node {
    pub(super) fn new(name: impl Into<String>, span: Span) -> Self {
        Self {
            name: name.into(),
            span,
            path: None,
            value: None,
            errors: Vec::new(),
            warnings: Vec::new(),
            children: Vec::new(),
        }
    }

    pub(super) fn with(mut self, value: Value) -> Self {
        self.value = Some(value);
        self
    }

    pub(super) fn at_path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub(super) fn holding(mut self, children: Vec<Self>) -> Self {
        self.children = children;
        self
    }

    pub(super) fn failing(mut self, error: TokenError) -> Self {
        self.errors.push(error.into());
        self
    }

    pub(super) fn warn(&mut self, rule: Option<&'static str>, text: impl Into<String>) {
        self.warnings.push(Warning {
            text: text.into(),
            rule,
        });
    }

    /// The same node without the paths of scenarios: what it holds is not the value of the field.
    pub(super) fn without_paths(mut self) -> Self {
        self.path = None;
        self.children = self.children.into_iter().map(Self::without_paths).collect();
        self
    }

    pub(super) fn has_error_below(&self) -> bool {
        let mut children = self.children.iter();
        children.any(|child| !child.errors.is_empty() || child.has_error_below())
    }

    /// Whether anything is to be said about the node itself.
    #[must_use]
    pub fn is_remarkable(&self) -> bool {
        !(self.errors.is_empty() && self.warnings.is_empty())
    }
}

/// What bytes mean. Numbers that do not fit into 53 bits are written as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Value {
    /// A number.
    Number {
        /// The number.
        number: u32,
        /// The number in hex, as wide as the field.
        hex: String,
        /// What it stands for.
        #[serde(skip_serializing_if = "Option::is_none")]
        meaning: Option<&'static str>,
    },
    /// A word of flags.
    Flags {
        /// The word in hex.
        hex: String,
        /// Names of the bits that have one, lowest first.
        names: Vec<&'static str>,
        /// The bits without a name, in hex; absent if there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        unnamed: Option<String>,
    },
    /// Text; what is no text is shown as U+FFFD.
    Text {
        /// The text.
        text: String,
        /// Its character set on the wire.
        encoding: Encoding,
    },
    /// Bytes without a meaning of their own.
    Bytes {
        /// The bytes.
        hex: String,
    },
    /// A moment.
    Timestamp {
        /// The 100 ns units since 1601-01-01 UTC.
        ticks: String,
        /// The moment as text.
        utc: String,
    },
    /// VERSION.
    Version {
        /// Major version of the product.
        major: u8,
        /// Minor version of the product.
        minor: u8,
        /// Build of the product.
        build: u16,
        /// Revision of the protocol.
        revision: u8,
    },
    /// Where a part of the payload lies.
    Descriptor {
        /// Its length.
        length: u16,
        /// The length that the sender reserved.
        maximum: u16,
        /// Its offset from the start of the message.
        offset: u32,
    },
    /// Tag and length of an element of DER.
    Header {
        /// The tag, as specifications write it.
        tag: String,
        /// The length of the content; absent if it is indefinite, or written in more than four bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        length: Option<usize>,
        /// Whether the length is written in more bytes than it needs.
        long: bool,
    },
    /// An object identifier.
    Oid {
        /// The identifier in dotted form.
        oid: String,
        /// Its name, if it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'static str>,
    },
    /// A number that stands for something.
    Enumerated {
        /// The number.
        number: i32,
        /// What it stands for, if that is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'static str>,
    },
}

/// A character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// UTF-16, little-endian.
    Utf16,
    /// The code page of the sender; only its ASCII half is the same everywhere.
    Oem,
}

/// Why a reader refuses a token, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// Field of the specification.
    pub field: &'static str,
    /// Offset in the token.
    pub offset: usize,
    /// Class of the defect.
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self {
            field: error.field,
            offset: error.offset,
            kind: class(error.kind),
            message: error.kind.to_string(),
        }
    }
}

fn class(kind: TokenErrorKind) -> &'static str {
    match kind {
        TokenErrorKind::BadSignature => "bad-signature",
        TokenErrorKind::WrongMessageType(_) => "wrong-message-type",
        TokenErrorKind::Truncated => "truncated",
        TokenErrorKind::OutOfBounds => "out-of-bounds",
        TokenErrorKind::InHeader => "in-header",
        TokenErrorKind::Unterminated => "unterminated",
        TokenErrorKind::BadLength(_) => "bad-length",
        TokenErrorKind::OddLength => "odd-length",
        TokenErrorKind::BadValue => "bad-value",
        TokenErrorKind::Missing => "missing",
        TokenErrorKind::UnexpectedTag(_) => "unexpected-tag",
        TokenErrorKind::IndefiniteLength => "indefinite-length",
        TokenErrorKind::TrailingBytes(_) => "trailing-bytes",
        _ => "malformed",
    }
}

/// Something odd that a reader can live with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Warning {
    /// What is odd.
    pub text: String,
    /// The rule that a sender breaks with it, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<&'static str>,
}
