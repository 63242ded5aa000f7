//! NegTokenResp (RFC 4178 section 4.2.2): every token but the first.
//!
//! ```text
//! [1] SEQUENCE {
//!   [0] negState       ENUMERATED, in the acceptor's first token, optional thereafter
//!   [1] supportedMech  OID, in the acceptor's first token alone
//!   [2] responseToken  OCTET STRING
//!   [3] mechListMIC    OCTET STRING
//! }
//! ```
//!
//! Every field may be absent. Elements with higher tags may follow, for later versions; they are kept.

use std::borrow::Cow;

use super::{Oid, bytes_field, extensions, own, put};
use crate::{
    codec::der::{self, Element, Reader, Tag, Tolerances},
    error::{TokenError, TokenErrorKind},
};

/// How far the sender has come. Any number can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NegState(pub i32);

impl NegState {
    /// The sender is done.
    pub const ACCEPT_COMPLETED: Self = Self(0);
    /// The sender needs another token.
    pub const ACCEPT_INCOMPLETE: Self = Self(1);
    /// The sender ends the negotiation.
    pub const REJECT: Self = Self(2);
    /// As incomplete; and codes over the list of mechanisms must be exchanged.
    pub const REQUEST_MIC: Self = Self(3);

    /// Every known state with its name in the specification.
    pub const NAMED: &'static [(&'static str, Self)] = &[
        ("accept-completed", Self::ACCEPT_COMPLETED),
        ("accept-incomplete", Self::ACCEPT_INCOMPLETE),
        ("reject", Self::REJECT),
        ("request-mic", Self::REQUEST_MIC),
    ];

    /// The name in the specification, if the state is known.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let found = Self::NAMED.iter().find(|(_, state)| *state == self);
        found.map(|(name, _)| *name)
    }

    /// The state that an element holds: one to four bytes, as few as the number needs.
    fn of(element: &Element<'_>) -> Result<Self, TokenError> {
        let content = element.content;
        if let [state @ 0..0x80] = *content {
            return Ok(Self(i32::from(state)));
        }
        let padded = matches!(content, [0x00, 0x00..=0x7F, ..] | [0xFF, 0x80..=0xFF, ..]);
        if padded || !(1..=4).contains(&content.len()) {
            let at = element.content_offset();
            return Err(TokenError::new("negState", at, TokenErrorKind::BadValue));
        }
        let negative = content.first().is_some_and(|first| first & 0x80 != 0);
        let start = if negative { -1 } else { 0 };
        Ok(Self(content.iter().fold(start, |value: i32, byte| {
            value.wrapping_shl(8) | i32::from(*byte)
        })))
    }

    /// The content bytes of the number: four, and how many of them from the front are not needed.
    fn content(self) -> ([u8; 4], usize) {
        let bytes = self.0.to_be_bytes();
        let redundant = bytes
            .windows(2)
            .take_while(|pair| matches!(pair, [0x00, 0x00..=0x7F] | [0xFF, 0x80..=0xFF]));
        (bytes, redundant.count())
    }
}

/// A token behind the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenResp<'a> {
    /// How far the sender has come.
    pub neg_state: Option<NegState>,
    /// The mechanism that the acceptor chose.
    pub supported_mech: Option<Oid<'a>>,
    /// The token of the mechanism.
    pub response_token: Option<Cow<'a, [u8]>>,
    /// The code over the list of mechanisms.
    pub mech_list_mic: Option<Cow<'a, [u8]>>,
    /// Elements of later versions, as they came.
    pub extensions: Cow<'a, [u8]>,
    /// What was looser than it should be.
    pub tolerated: Tolerances,
}

impl<'a> NegTokenResp<'a> {
    /// The fields by name and tag number.
    pub const FIELDS: &'static [(&'static str, u8)] = &[
        ("negState", 0),
        ("supportedMech", 1),
        ("responseToken", 2),
        ("mechListMIC", 3),
    ];

    /// Reads a token.
    ///
    /// # Errors
    /// The token is malformed.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        let mut seen = Tolerances::empty();
        let outer = Reader::new(token).only(Tag::context(1), "NegTokenResp", &mut seen)?;
        let fields = outer.inside().only(Tag::SEQUENCE, "NegTokenResp", &mut seen)?;
        let mut inside = fields.inside();
        let state = inside.explicit(Tag::context(0), Tag::ENUMERATED, "negState", &mut seen)?;
        let mechanism = inside.explicit(
            Tag::context(1),
            Tag::OBJECT_IDENTIFIER,
            "supportedMech",
            &mut seen,
        )?;
        let supported = mechanism.map(|oid| Oid::of(&oid, "supportedMech"));
        Ok(Self {
            neg_state: state.map(|state| NegState::of(&state)).transpose()?,
            supported_mech: supported.transpose()?,
            response_token: bytes_field(&mut inside, 2, Tag::OCTET_STRING, "responseToken", &mut seen)?,
            mech_list_mic: bytes_field(&mut inside, 3, Tag::OCTET_STRING, "mechListMIC", &mut seen)?,
            extensions: Cow::Borrowed(extensions(inside, 4, "NegTokenResp", &mut seen)?),
            tolerated: seen,
        })
    }

    /// Writes the token.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let state = self.neg_state.map(NegState::content);
        let state = state.as_ref().and_then(|(bytes, from)| bytes.get(*from..));
        let parts = [
            (Tag::ENUMERATED, state),
            (
                Tag::OBJECT_IDENTIFIER,
                self.supported_mech.as_ref().map(|oid| &*oid.0),
            ),
            (Tag::OCTET_STRING, self.response_token.as_deref()),
            (Tag::OCTET_STRING, self.mech_list_mic.as_deref()),
        ];
        let fields: usize = parts
            .iter()
            .filter_map(|(_, part)| *part)
            .map(|part| der::explicit_size(part.len()))
            .sum();
        let length = fields + self.extensions.len();
        let mut out = Vec::with_capacity(der::size(der::size(length)));
        der::header(&mut out, Tag::context(1), der::size(length));
        der::header(&mut out, Tag::SEQUENCE, length);
        for (number, (tag, part)) in (0..).zip(parts) {
            put(&mut out, number, tag, part);
        }
        out.extend_from_slice(&self.extensions);
        out
    }

    /// The same token, owning its bytes.
    #[must_use]
    pub fn into_owned(self) -> NegTokenResp<'static> {
        NegTokenResp {
            neg_state: self.neg_state,
            supported_mech: self.supported_mech.map(Oid::into_owned),
            response_token: self.response_token.map(own),
            mech_list_mic: self.mech_list_mic.map(own),
            extensions: own(self.extensions),
            tolerated: self.tolerated,
        }
    }
}
