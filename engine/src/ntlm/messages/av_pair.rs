//! AV_PAIR (MS-NLMP section 2.2.2.1): a list of attributes, in any order, ended by MsvAvEOL.
//!
//! ```text
//! 0  AvId   u16
//! 2  AvLen  u16
//! 4  Value  AvLen bytes
//! ```

use crate::{
    codec::{self, utf16::Text},
    error::{TokenError, TokenErrorKind},
};

/// What a pair is about. Any number can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AvId(pub u16);

macro_rules! ids {
    ($($name:ident = $value:literal, $spec:literal, $kebab:literal;)*) => {
        impl AvId {
            $(
                #[doc = concat!("`", $spec, "`.")]
                pub const $name: Self = Self($value);
            )*

            /// Every known id: name in the specification, name in scenarios, id.
            pub const NAMED: &[(&str, &str, Self)] = &[$(($spec, $kebab, Self::$name)),*];
        }
    };
}

ids! {
    EOL = 0, "MsvAvEOL", "end";
    NB_COMPUTER_NAME = 1, "MsvAvNbComputerName", "computer-name";
    NB_DOMAIN_NAME = 2, "MsvAvNbDomainName", "domain-name";
    DNS_COMPUTER_NAME = 3, "MsvAvDnsComputerName", "dns-computer-name";
    DNS_DOMAIN_NAME = 4, "MsvAvDnsDomainName", "dns-domain-name";
    DNS_TREE_NAME = 5, "MsvAvDnsTreeName", "dns-tree-name";
    FLAGS = 6, "MsvAvFlags", "flags";
    TIMESTAMP = 7, "MsvAvTimestamp", "timestamp";
    SINGLE_HOST = 8, "MsvAvSingleHost", "single-host";
    TARGET_NAME = 9, "MsvAvTargetName", "target-name";
    CHANNEL_BINDINGS = 10, "MsvAvChannelBindings", "channel-bindings";
}

impl AvId {
    /// The name in the specification, if the id is known.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED
            .iter()
            .find(|(_, _, id)| *id == self)
            .map(|(name, ..)| *name)
    }
}

/// MsvAvFlags: a message integrity code is present.
pub const MSV_AV_FLAG_MIC: u32 = 0x2;
/// MsvAvFlags: the target name comes from an untrusted source.
pub const MSV_AV_FLAG_UNTRUSTED_TARGET: u32 = 0x4;

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvPair<'a> {
    /// What it is about.
    pub id: AvId,
    /// The value.
    pub value: &'a [u8],
}

impl AvPair<'_> {
    /// What is wrong with the value, if the id is known and the value is none that it can have.
    fn defect(&self) -> Option<TokenErrorKind> {
        let length = self.value.len();
        let least = match self.id {
            AvId::FLAGS => 4,
            AvId::TIMESTAMP => 8,
            AvId::CHANNEL_BINDINGS => 16,
            AvId::NB_COMPUTER_NAME
            | AvId::NB_DOMAIN_NAME
            | AvId::DNS_COMPUTER_NAME
            | AvId::DNS_DOMAIN_NAME
            | AvId::DNS_TREE_NAME
            | AvId::TARGET_NAME => return (!length.is_multiple_of(2)).then_some(TokenErrorKind::OddLength),
            _ => return None,
        };
        (length < least).then_some(TokenErrorKind::BadLength(length))
    }
}

/// What an initiator reads of a list: the first value of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AvValues {
    /// MsvAvFlags.
    pub flags: Option<u32>,
    /// MsvAvTimestamp: 100 ns units since 1601-01-01 UTC.
    pub timestamp: Option<u64>,
}

/// A well-formed list: the bytes up to and with the terminator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvPairs<'a>(&'a [u8]);

impl<'a> AvPairs<'a> {
    /// Reads a list from the start of `bytes`; returns it and what follows the terminator. Unknown ids, newer
    /// lengths, duplicates and any order are kept.
    ///
    /// # Errors
    /// A pair or the terminator is missing or cut off.
    pub fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), TokenError> {
        let mut at = 0;
        loop {
            let Some((pair, next)) = pair_at(bytes, at)? else {
                return Err(TokenError::new("AvPairs", at, TokenErrorKind::Unterminated));
            };
            at = next;
            if pair.id == AvId::EOL {
                let (list, rest) = bytes.split_at_checked(next).unwrap_or((bytes, &[]));
                return Ok((Self(list), rest));
            }
        }
    }

    /// The bytes of the list, terminator included.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    /// The pairs in order, without the terminator.
    pub fn iter(&self) -> impl Iterator<Item = AvPair<'a>> + use<'a> {
        let (bytes, mut at) = (self.0, 0);
        std::iter::from_fn(move || {
            let (pair, next) = pair_at(bytes, at).ok().flatten()?;
            at = next;
            (pair.id != AvId::EOL).then_some(pair)
        })
    }

    /// Checks the values of known ids: text is a whole number of code units, a value of fixed size has at least that
    /// size; and returns what an initiator reads of them. [`Self::parse`] does not look at values, so that every list
    /// can be shown.
    ///
    /// # Errors
    /// The first value that its id cannot have.
    pub fn check_values(&self) -> Result<AvValues, TokenError> {
        let mut values = AvValues::default();
        let mut at = 0;
        while let Some((pair, next)) = pair_at(self.0, at)? {
            if let Some(kind) = pair.defect() {
                return Err(TokenError::new(pair.id.name().unwrap_or("AvPair"), at, kind));
            }
            match pair.id {
                AvId::FLAGS if values.flags.is_none() => {
                    values.flags = pair.value.first_chunk().copied().map(u32::from_le_bytes);
                }
                AvId::TIMESTAMP if values.timestamp.is_none() => {
                    values.timestamp = pair.value.first_chunk().copied().map(u64::from_le_bytes);
                }
                _ => {}
            }
            at = next;
        }
        Ok(values)
    }

    /// The first value of an id.
    #[must_use]
    pub fn get(&self, id: AvId) -> Option<&'a [u8]> {
        self.iter().find(|pair| pair.id == id).map(|pair| pair.value)
    }

    /// The first value of an id with a fixed size; a longer value is a newer form whose beginning is known.
    fn fixed<const N: usize>(&self, id: AvId, field: &'static str) -> Result<Option<[u8; N]>, TokenError> {
        let Some(value) = self.get(id) else {
            return Ok(None);
        };
        match value.first_chunk::<N>() {
            Some(bytes) => Ok(Some(*bytes)),
            None => Err(TokenError::new(field, 0, TokenErrorKind::BadLength(value.len()))),
        }
    }

    /// MsvAvFlags.
    ///
    /// # Errors
    /// The value is shorter than four bytes.
    pub fn flags(&self) -> Result<Option<u32>, TokenError> {
        self.fixed(AvId::FLAGS, "MsvAvFlags")
            .map(|value| value.map(u32::from_le_bytes))
    }

    /// MsvAvTimestamp: 100 ns units since 1601-01-01 UTC.
    ///
    /// # Errors
    /// The value is shorter than eight bytes.
    pub fn timestamp(&self) -> Result<Option<u64>, TokenError> {
        self.fixed(AvId::TIMESTAMP, "MsvAvTimestamp")
            .map(|value| value.map(u64::from_le_bytes))
    }

    /// MsvAvChannelBindings: the MD5 hash.
    ///
    /// # Errors
    /// The value is shorter than sixteen bytes.
    pub fn channel_bindings(&self) -> Result<Option<[u8; 16]>, TokenError> {
        self.fixed(AvId::CHANNEL_BINDINGS, "MsvAvChannelBindings")
    }
}

/// The pair at an offset and the offset behind it; none at the end of the bytes.
fn pair_at(bytes: &[u8], at: usize) -> Result<Option<(AvPair<'_>, usize)>, TokenError> {
    if at >= bytes.len() {
        return Ok(None);
    }
    let id = AvId(codec::u16_le(bytes, at, "AvId")?);
    let length = usize::from(codec::u16_le(bytes, at.saturating_add(2), "AvLen")?);
    let start = at.saturating_add(4);
    let value = bytes
        .get(start..)
        .and_then(|rest| rest.get(..length))
        .ok_or_else(|| TokenError::new("AvPair", at, TokenErrorKind::OutOfBounds))?;
    Ok(Some((AvPair { id, value }, start.saturating_add(length))))
}

/// A list under construction: pairs without terminator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AvPairsBuf(Vec<u8>);

impl AvPairsBuf {
    /// An empty list with room for that many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Appends a pair; a value longer than 65535 bytes is cut.
    pub fn push(&mut self, id: AvId, value: &[u8]) {
        let length = codec::saturated_u16(value.len());
        self.0.extend_from_slice(&id.0.to_le_bytes());
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0
            .extend_from_slice(value.get(..usize::from(length)).unwrap_or(value));
    }

    /// Appends a pair of text; a value longer than 65535 bytes is cut.
    pub fn push_text(&mut self, id: AvId, text: &Text) {
        self.push(id, &[]);
        let start = self.0.len();
        text.append_le_bytes(&mut self.0);
        let length = codec::saturated_u16(self.0.len().saturating_sub(start));
        codec::put(&mut self.0, start.saturating_sub(2), &length.to_le_bytes());
        self.0.truncate(start.saturating_add(usize::from(length)));
    }

    /// Appends pairs that are in wire form already.
    pub fn push_raw(&mut self, pairs: &[u8]) {
        self.0.extend_from_slice(pairs);
    }

    /// The finished list: the pairs and the terminator.
    #[must_use]
    pub fn terminate(mut self) -> Vec<u8> {
        self.push(AvId::EOL, &[]);
        self.0
    }
}
