//! Text as the interface has it: UTF-16 code units, which need not be valid text.

use std::fmt;

use crate::error::{TokenError, TokenErrorKind};

/// Code units that are turned into bytes at a time.
const CHUNK: usize = 32;

/// UTF-16 code units. Unpaired surrogates survive.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Vec<u16>);

impl Text {
    /// Text of these code units.
    #[must_use]
    pub fn from_units(units: impl Into<Vec<u16>>) -> Self {
        Self(units.into())
    }

    /// Text of UTF-16LE bytes in a token.
    ///
    /// # Errors
    /// [`TokenErrorKind::OddLength`] if the bytes are no whole number of code units.
    pub fn from_le_bytes(bytes: &[u8], field: &'static str) -> Result<Self, TokenError> {
        let (units, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(TokenError::new(field, 0, TokenErrorKind::OddLength));
        }
        Ok(Self(units.iter().map(|unit| u16::from_le_bytes(*unit)).collect()))
    }

    /// Text of bytes in the OEM character set. Only its ASCII half is the same on every machine; other bytes become
    /// the code units of the same number.
    #[must_use]
    pub fn from_oem(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|byte| u16::from(*byte)).collect())
    }

    /// The code units.
    #[must_use]
    pub fn units(&self) -> &[u16] {
        &self.0
    }

    /// Whether there is no code unit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// UTF-16LE bytes.
    #[must_use]
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len().saturating_mul(2));
        self.append_le_bytes(&mut out);
        out
    }

    /// Appends the UTF-16LE bytes.
    pub fn append_le_bytes(&self, out: &mut Vec<u8>) {
        self.le_chunks(|chunk| out.extend_from_slice(chunk));
    }

    /// Hands out the UTF-16LE bytes, some at a time.
    pub fn le_chunks(&self, take: impl FnMut(&[u8])) {
        self.mapped_chunks(|unit| unit, take);
    }

    /// Hands out the UTF-16LE bytes of the text in upper case, as [`Self::to_uppercase`] maps it, some at a time.
    pub fn uppercase_le_chunks(&self, take: impl FnMut(&[u8])) {
        self.mapped_chunks(uppercase_unit, take);
    }

    fn mapped_chunks(&self, map: impl Fn(u16) -> u16, mut take: impl FnMut(&[u8])) {
        for units in self.0.chunks(CHUNK) {
            let mut bytes = [[0; 2]; CHUNK];
            for (place, unit) in bytes.iter_mut().zip(units) {
                *place = map(*unit).to_le_bytes();
            }
            take(bytes.get(..units.len()).unwrap_or_default().as_flattened());
        }
    }

    /// Bytes in the OEM character set; what it does not have becomes `?`.
    #[must_use]
    pub fn to_oem(&self) -> Vec<u8> {
        self.0
            .iter()
            .map(|unit| u8::try_from(*unit).unwrap_or(b'?'))
            .collect()
    }

    /// Upper case, unit by unit, as Windows maps names: a letter whose upper case is not one unit stays as it is.
    #[must_use]
    pub fn to_uppercase(&self) -> Self {
        Self(self.0.iter().map(|unit| uppercase_unit(*unit)).collect())
    }

    /// Whether two texts are the same name, case aside.
    #[must_use]
    pub fn same_name(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self
                .0
                .iter()
                .zip(&other.0)
                .all(|(left, right)| left == right || uppercase_unit(*left) == uppercase_unit(*right))
    }
}

fn uppercase_unit(unit: u16) -> u16 {
    if let Ok(byte @ 0..0x80) = u8::try_from(unit) {
        return u16::from(byte.to_ascii_uppercase());
    }
    let Some(letter) = char::from_u32(u32::from(unit)) else {
        return unit;
    };
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => u16::try_from(u32::from(one)).unwrap_or(unit),
        _ => unit,
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.encode_utf16().collect())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf16_lossy(&self.0))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf16_lossy(&self.0), formatter)
    }
}
