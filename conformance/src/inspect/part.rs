//! A stretch of a token that knows where it stands, and the values that its bytes can have.

use legwork_engine::{
    codec::{self, utf16::Text},
    error::{TokenError, TokenErrorKind},
    ntlm::messages::{NegotiateFlags, Version},
};

use super::{
    model::{Encoding, Node, Span, Value},
    time,
};

/// Bytes of a token, with their offset in the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    base: usize,
}

impl<'a> Part<'a> {
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, base: 0 }
    }

    pub(super) fn length(self) -> usize {
        self.bytes.len()
    }

    /// The stretch from `at` with a length, cut at the end of this one.
    pub(super) fn sub(self, at: usize, length: usize) -> Self {
        let at = at.min(self.length());
        let bytes = self.bytes.get(at..).unwrap_or_default();
        Self {
            bytes: bytes.get(..length).unwrap_or(bytes),
            base: self.base.saturating_add(at),
        }
    }

    /// The stretch from `at` to the end.
    pub(super) fn tail(self, at: usize) -> Self {
        self.sub(at, usize::MAX)
    }

    /// Where the stretch stands in the token.
    pub(super) fn span(self) -> Span {
        Span {
            start: self.base,
            end: self.base.saturating_add(self.length()),
        }
    }

    /// An error at an offset of this stretch, placed in the token.
    pub(super) fn error(self, field: &'static str, at: usize, kind: TokenErrorKind) -> TokenError {
        TokenError::new(field, at, kind).shifted(self.base)
    }

    /// The same error, placed in the token.
    pub(super) fn placed(self, error: TokenError) -> TokenError {
        error.shifted(self.base)
    }

    pub(super) fn u16(self, at: usize, field: &'static str) -> Result<u16, TokenError> {
        codec::u16_le(self.bytes, at, field).map_err(|error| self.placed(error))
    }

    pub(super) fn u32(self, at: usize, field: &'static str) -> Result<u32, TokenError> {
        codec::u32_le(self.bytes, at, field).map_err(|error| self.placed(error))
    }

    pub(super) fn is_zero(self) -> bool {
        self.bytes.iter().all(|byte| *byte == 0)
    }

    /// A node of all the bytes.
    pub(super) fn node(self, name: impl Into<String>) -> Node {
        Node::new(name, self.span())
    }

    /// A node whose value is the bytes.
    pub(super) fn raw(self, name: impl Into<String>) -> Node {
        self.node(name).with(bytes(self.bytes))
    }

    /// A node of text in a character set.
    pub(super) fn text(self, name: &'static str, encoding: Encoding) -> Node {
        match encoding {
            Encoding::Oem => self.node(name).with(Value::Text {
                text: Text::from_oem(self.bytes).to_string(),
                encoding,
            }),
            Encoding::Utf16 => self.utf16(name),
        }
    }

    fn utf16(self, name: &'static str) -> Node {
        let (units, rest) = self.bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        let mut text = String::from_utf16_lossy(&units);
        text.extend(rest.first().map(|_| char::REPLACEMENT_CHARACTER));
        let mut node = self.node(name).with(Value::Text {
            text,
            encoding: Encoding::Utf16,
        });
        if !rest.is_empty() {
            node = node.failing(self.error(name, 0, TokenErrorKind::OddLength));
        }
        if char::decode_utf16(units.iter().copied()).any(|unit| unit.is_err()) {
            node.warn(None, "the text has a surrogate without its other half");
        }
        if units.contains(&0) {
            node.warn(None, "the text holds a zero; names are not terminated");
        }
        node
    }

    /// A node of a FILETIME; shorter bytes are shown as they are.
    pub(super) fn timestamp(self, name: impl Into<String>) -> Node {
        match self.bytes.first_chunk() {
            Some(ticks) => self.node(name).with(moment(u64::from_le_bytes(*ticks))),
            None => self.raw(name),
        }
    }

    /// A node of a number of one, two or four bytes; other lengths are shown as bytes.
    pub(super) fn number(self, name: impl Into<String>, meaning: Option<&'static str>) -> Node {
        let number = match *self.bytes {
            [a] => u32::from(a),
            [a, b] => u32::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => return self.raw(name),
        };
        let width = self.length().saturating_mul(2);
        self.node(name).with(Value::Number {
            number,
            hex: format!("0x{number:0width$x}"),
            meaning,
        })
    }
}

/// Bytes as a value.
pub(super) fn bytes(bytes: &[u8]) -> Value {
    Value::Bytes {
        hex: hex::encode(bytes),
    }
}

fn moment(ticks: u64) -> Value {
    Value::Timestamp {
        ticks: ticks.to_string(),
        utc: time::utc(ticks),
    }
}

/// NegotiateFlags as a value.
pub(super) fn negotiate_flags(flags: NegotiateFlags) -> Value {
    let unnamed = flags
        .iter_names()
        .fold(flags.bits(), |rest, (_, flag)| rest & !flag.bits());
    Value::Flags {
        hex: word(flags.bits()),
        names: flags.named().collect(),
        unnamed: (unnamed != 0).then(|| word(unnamed)),
    }
}

/// A number of 32 bits in hex.
pub(super) fn word(number: u32) -> String {
    format!("0x{number:08x}")
}

/// VERSION as a value.
pub(super) fn version(version: Version) -> Value {
    Value::Version {
        major: version.major,
        minor: version.minor,
        build: version.build,
        revision: version.revision,
    }
}
