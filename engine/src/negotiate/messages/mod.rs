//! The tokens of Negotiate as bytes: SPNEGO (RFC 4178 section 4, MS-SPNG section 2.2), the framing of a first token (RFC
//! 2743 section 3.1), and what stands in their place without any of it. No state, no clock, no randomness, no
//! cryptography.
//!
//! `parse` borrows and allocates nothing; `emit` writes the distinguished form. What is read although it should not be is
//! listed in the tokens themselves (`tolerated`):
//!
//! | tolerance | who sends it |
//! |---|---|
//! | [`Tolerances::LONG_LENGTH`] | file servers of NetApp write lengths in more bytes than they need; RFC 2478 allowed any BER |
//!
//! A long length has up to five bytes, its first one `84`: more no token needs, and every reader takes that many. What is
//! longer, X.690 section 8.1.3.5 allows and section 10.1 forbids like any length that is not the shortest; readers differ
//! (MIT's and WinPR's take any number of zeros, Heimdal's one, Samba's none), and here it is refused.
//!
//! A state that is absent behind the acceptor's first token, elements of later versions, and flags of any length are
//! legal and no tolerance. A first token without framing, or without its list (which MS-SPNG section 2.2.1 has optional), can
//! be read; whether it will do is for the two sides to say.

#[cfg(feature = "arbitrary")]
mod arbitrary;
mod init;
pub mod negoex;
mod oid;
mod response;

use std::borrow::Cow;

pub use init::{ContextFlags, InitForm, NegHints, NegTokenInit, ReqFlags};
pub use oid::{MechTypes, Oid};
pub use response::{NegState, NegTokenResp};

use crate::{
    codec::der::{self, Reader, Tag, Tolerances},
    error::{TokenError, TokenErrorKind},
};

/// What NTLM messages begin with (MS-NLMP section 2.2.1).
const NTLM: &[u8] = b"NTLMSSP\0";

/// `[APPLICATION 14]`: an AP-REQ (RFC 4120 section 5.5.1).
const AP_REQ: Tag = Tag::application(14);

/// A token of any kind that Negotiate is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A first token with its framing.
    Framed(NegTokenInit<'a>),
    /// A first token without framing.
    Bare(NegTokenInit<'a>),
    /// A later token.
    Resp(NegTokenResp<'a>),
    /// An NTLM message without wrapper.
    Ntlm(&'a [u8]),
    /// A Kerberos token without wrapper: framed (RFC 4121 section 4.1), or the AP-REQ itself.
    Kerberos(&'a [u8]),
    /// Messages of NEGOEX without wrapper.
    Negoex(&'a [u8]),
    /// The framed token of another mechanism.
    Other(Oid<'a>, &'a [u8]),
}

impl<'a> Token<'a> {
    /// Reads a token, whatever it is. Tokens of mechanisms are told apart by how they begin, not read.
    ///
    /// # Errors
    /// The token is malformed, or begins like none that is known.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        match token.first().copied().map(Tag) {
            None => Err(TokenError::new("token", 0, TokenErrorKind::Missing)),
            Some(tag) if tag == Tag::application(0) => Self::parse_framed(token),
            Some(tag) if tag == Tag::context(1) => NegTokenResp::parse(token).map(Self::Resp),
            Some(tag) if tag == Tag::context(0) => NegTokenInit::parse(token).map(Self::Bare),
            Some(AP_REQ) => Ok(Self::Kerberos(token)),
            Some(_) if token.starts_with(NTLM) => Ok(Self::Ntlm(token)),
            Some(_) if token.starts_with(&negoex::SIGNATURE) => Ok(Self::Negoex(token)),
            Some(tag) => Err(TokenError::new("token", 0, TokenErrorKind::UnexpectedTag(tag.0))),
        }
    }

    #[inline(always)]
    fn parse_framed(token: &'a [u8]) -> Result<Self, TokenError> {
        let mut seen = Tolerances::empty();
        let frame = Reader::new(token).only(Tag::application(0), "InitialContextToken", &mut seen)?;
        let mut inside = frame.inside();
        let oid = inside.expect(Tag::OBJECT_IDENTIFIER, "thisMech", &mut seen)?;
        if *oid.content == *Oid::SPNEGO.0 {
            return Ok(Self::Framed(NegTokenInit::read(inside, seen)?));
        }
        let oid = Oid::of(&oid, "thisMech")?;
        let kerberos = [Oid::KERBEROS, Oid::MS_KERBEROS, Oid::KERBEROS_USER_TO_USER];
        Ok(if kerberos.contains(&oid) {
            Self::Kerberos(token)
        } else {
            Self::Other(oid, inside.rest())
        })
    }

    /// What was looser than it should be.
    #[must_use]
    pub fn tolerated(&self) -> Tolerances {
        match self {
            Self::Framed(init) | Self::Bare(init) => init.tolerated,
            Self::Resp(resp) => resp.tolerated,
            Self::Ntlm(_) | Self::Kerberos(_) | Self::Negoex(_) | Self::Other(..) => Tolerances::empty(),
        }
    }
}

impl NegTokenInit<'_> {
    /// Writes the token with the framing of a first token (RFC 2743 section 3.1).
    #[must_use]
    pub fn emit_framed(&self) -> Vec<u8> {
        let oid = Oid::SPNEGO;
        let length = der::size(oid.0.len()).saturating_add(self.size());
        let mut out = Vec::with_capacity(der::size(length));
        der::header(&mut out, Tag::application(0), length);
        der::element(&mut out, Tag::OBJECT_IDENTIFIER, &oid.0);
        self.append(&mut out);
        out
    }
}

/// The content of an optional field with an explicit tag.
#[inline(always)]
fn bytes_field<'a>(
    reader: &mut Reader<'a>,
    number: u8,
    tag: Tag,
    field: &'static str,
    seen: &mut Tolerances,
) -> Result<Option<Cow<'a, [u8]>>, TokenError> {
    let inner = reader.explicit(Tag::context(number), tag, field, seen)?;
    Ok(inner.map(|inner| Cow::Borrowed(inner.content)))
}

/// Elements of later versions: with tags like those of the format, and numbers from `free` on.
#[inline(always)]
fn extensions<'a>(
    mut reader: Reader<'a>,
    free: u8,
    field: &'static str,
    seen: &mut Tolerances,
) -> Result<&'a [u8], TokenError> {
    let bytes = reader.rest();
    while let Some(tag) = reader.next_tag() {
        if tag < Tag::context(free) || tag > Tag::context(30) {
            let kind = TokenErrorKind::UnexpectedTag(tag.0);
            return Err(TokenError::new(field, reader.offset(), kind));
        }
        reader.any(field, seen)?;
    }
    Ok(bytes)
}

/// Writes an optional field with an explicit tag.
fn put(out: &mut Vec<u8>, number: u8, tag: Tag, content: Option<&[u8]>) {
    if let Some(content) = content {
        der::explicit(out, Tag::context(number), tag, content);
    }
}

fn own(part: Cow<'_, [u8]>) -> Cow<'static, [u8]> {
    Cow::Owned(part.into_owned())
}

/// Offset of a field in a token of SPNEGO, or of the end of the token if the field is absent.
#[must_use]
pub fn field_offset(token: &[u8], number: u8) -> usize {
    offset_within(Reader::new(token), number).unwrap_or(token.len())
}

fn offset_within(mut reader: Reader<'_>, number: u8) -> Option<usize> {
    let mut seen = Tolerances::empty();
    let mut outer = reader.any("token", &mut seen).ok()?;
    if outer.tag == Tag::application(0) {
        let mut framed = outer.inside();
        framed.any("thisMech", &mut seen).ok()?;
        outer = framed.any("NegTokenInit", &mut seen).ok()?;
    }
    let mut fields = outer.inside().any("token", &mut seen).ok()?.inside();
    loop {
        let field = fields.any("token", &mut seen).ok()?;
        if field.tag == Tag::context(number) {
            return Some(field.offset);
        }
    }
}
