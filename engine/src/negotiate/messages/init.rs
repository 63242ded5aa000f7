//! NegTokenInit (RFC 4178 section 4.2.1) and NegTokenInit2 (MS-SPNG section 2.2.1): the first token of an exchange.
//!
//! ```text
//! [0] SEQUENCE {                          [0] SEQUENCE {
//!   [0] mechTypes    SEQUENCE OF OID        [0] mechTypes    SEQUENCE OF OID
//!   [1] reqFlags     BIT STRING             [1] reqFlags     BIT STRING
//!   [2] mechToken    OCTET STRING           [2] mechToken    OCTET STRING
//!   [3] mechListMIC  OCTET STRING           [3] negHints     SEQUENCE {
//! }                                             [0] hintName    GeneralString
//!                                               [1] hintAddress OCTET STRING }
//!                                           [4] mechListMIC  OCTET STRING
//!                                         }
//! ```
//!
//! Both have the same tag: what `[3]` holds tells them apart. A code at `[3]` and another at `[4]` is one field twice, and
//! no later version of the first form. Every field may be absent. Elements with higher tags may follow, for later
//! versions; they are kept.

use std::borrow::Cow;

use super::{MechTypes, bytes_field, extensions, own, put};
use crate::{
    codec::der::{self, Element, Reader, Tag, Tolerances},
    error::{TokenError, TokenErrorKind},
};

bitflags::bitflags! {
    /// Bits of reqFlags, from the highest down.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ContextFlags: u32 {
        /// `delegFlag`.
        const DELEGATE = 0x8000_0000;
        /// `mutualFlag`.
        const MUTUAL = 0x4000_0000;
        /// `replayFlag`.
        const REPLAY = 0x2000_0000;
        /// `sequenceFlag`.
        const SEQUENCE = 0x1000_0000;
        /// `anonFlag`.
        const ANONYMOUS = 0x0800_0000;
        /// `confFlag`.
        const CONFIDENTIALITY = 0x0400_0000;
        /// `integFlag`.
        const INTEGRITY = 0x0200_0000;
        // Unknown bits survive.
        const _ = !0;
    }
}

/// The content of reqFlags: how many bits of the last byte are unused, and the bits. There are 32 of them (RFC 4178
/// section 4.2.1), of which DER leaves out the zeros at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReqFlags<'a>(pub Cow<'a, [u8]>);

impl<'a> ReqFlags<'a> {
    /// These flags, without the zeros behind the last one (X.690 section 11.2.2).
    #[must_use]
    pub fn new(flags: ContextFlags) -> ReqFlags<'static> {
        let bytes = flags.bits().to_be_bytes();
        let sent = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last.saturating_add(1));
        let [unused, ..] = (flags.bits().trailing_zeros() % 8).to_le_bytes();
        ReqFlags(Cow::Owned(
            std::iter::once(unused)
                .chain(bytes.into_iter().take(sent))
                .collect(),
        ))
    }

    fn of(element: &Element<'a>) -> Result<Self, TokenError> {
        match element.content {
            [0] | [0..=7, _, ..] => Ok(Self(Cow::Borrowed(element.content))),
            _ => {
                let at = element.content_offset();
                Err(TokenError::new("reqFlags", at, TokenErrorKind::BadValue))
            }
        }
    }

    /// The first 32 bits.
    #[must_use]
    pub fn flags(&self) -> ContextFlags {
        let mut bits = [0; 4];
        let sent = self.0.iter().skip(1);
        bits.iter_mut().zip(sent).for_each(|(to, from)| *to = *from);
        ContextFlags::from_bits_retain(u32::from_be_bytes(bits))
    }
}

/// negHints: what an acceptor that begins says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegHints<'a> {
    /// hintName: a GeneralString that nobody shall look at.
    pub hint_name: Option<Cow<'a, [u8]>>,
    /// hintAddress: must not be sent.
    pub hint_address: Option<Cow<'a, [u8]>>,
}

impl<'a> NegHints<'a> {
    /// What every acceptor sends as hintName (MS-SPNG section 2.2.1).
    pub const NAME: &'static [u8] = b"not_defined_in_RFC4178@please_ignore";

    fn of(element: &Element<'a>, seen: &mut Tolerances) -> Result<Self, TokenError> {
        let mut inside = element.inside();
        let hints = Self {
            hint_name: bytes_field(&mut inside, 0, Tag::GENERAL_STRING, "hintName", seen)?,
            hint_address: bytes_field(&mut inside, 1, Tag::OCTET_STRING, "hintAddress", seen)?,
        };
        inside.end("negHints")?;
        Ok(hints)
    }

    fn size(&self) -> usize {
        [&self.hint_name, &self.hint_address]
            .into_iter()
            .flatten()
            .map(|part| der::explicit_size(part.len()))
            .sum()
    }

    fn append(&self, out: &mut Vec<u8>) {
        put(out, 0, Tag::GENERAL_STRING, self.hint_name.as_deref());
        put(out, 1, Tag::OCTET_STRING, self.hint_address.as_deref());
    }
}

/// Which of the two forms a token has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitForm {
    /// NegTokenInit: a code stands at `[3]`.
    #[default]
    Rfc,
    /// NegTokenInit2: hints stand at `[3]`, or a code at `[4]`.
    Microsoft,
}

/// A first token, of either form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NegTokenInit<'a> {
    /// The form. With neither hints nor a code both are the same, and count as the RFC's.
    pub form: InitForm,
    /// The mechanisms, the preferred one first.
    pub mech_types: Option<MechTypes<'a>>,
    /// What the initiator requires; not protected, so nothing may hang on it.
    pub req_flags: Option<ReqFlags<'a>>,
    /// The first token of the preferred mechanism.
    pub mech_token: Option<Cow<'a, [u8]>>,
    /// negHints; only in the second form.
    pub hints: Option<NegHints<'a>>,
    /// The code over the list of mechanisms.
    pub mech_list_mic: Option<Cow<'a, [u8]>>,
    /// Elements of later versions, as they came.
    pub extensions: Cow<'a, [u8]>,
    /// What was looser than it should be.
    pub tolerated: Tolerances,
}

impl<'a> NegTokenInit<'a> {
    /// The fields by name and tag number; `[3]` is a code or hints.
    pub const FIELDS: &'static [(&'static str, u8)] = &[
        ("mechTypes", 0),
        ("reqFlags", 1),
        ("mechToken", 2),
        ("negHints", 3),
        ("mechListMIC", 4),
    ];

    /// Reads the token without the framing of a first token.
    ///
    /// # Errors
    /// The token is malformed.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenError> {
        Self::read(Reader::new(token), Tolerances::empty())
    }

    /// Reads the token that is all that is left.
    #[inline(always)]
    pub(super) fn read(reader: Reader<'a>, mut seen: Tolerances) -> Result<Self, TokenError> {
        let outer = reader.only(Tag::context(0), "NegTokenInit", &mut seen)?;
        let fields = outer.inside().only(Tag::SEQUENCE, "NegTokenInit", &mut seen)?;
        let mut inside = fields.inside();
        let list = inside.explicit(Tag::context(0), Tag::SEQUENCE, "mechTypes", &mut seen)?;
        let mech_types = list.map(|list| MechTypes::of(&list, &mut seen)).transpose()?;
        let flags = inside.explicit(Tag::context(1), Tag::BIT_STRING, "reqFlags", &mut seen)?;
        let req_flags = flags.map(|flags| ReqFlags::of(&flags)).transpose()?;
        let mech_token = bytes_field(&mut inside, 2, Tag::OCTET_STRING, "mechToken", &mut seen)?;
        let (hints, mech_list_mic, form) = third_field(&mut inside, &mut seen)?;
        Ok(Self {
            form,
            mech_types,
            req_flags,
            mech_token,
            hints,
            mech_list_mic,
            extensions: Cow::Borrowed(extensions(inside, 5, "NegTokenInit", &mut seen)?),
            tolerated: seen,
        })
    }

    /// Writes the token without the framing of a first token.
    #[must_use]
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size());
        self.append(&mut out);
        out
    }

    /// Bytes that [`Self::emit`] writes.
    pub(super) fn size(&self) -> usize {
        der::size(der::size(self.fields_size()))
    }

    fn fields_size(&self) -> usize {
        let strings = [&self.mech_token, &self.mech_list_mic];
        let strings: usize = strings
            .into_iter()
            .flatten()
            .map(|part| der::explicit_size(part.len()))
            .sum();
        let list = self.mech_types.as_ref().map_or(0, |list| der::size(list.0.len()));
        let flags = self
            .req_flags
            .as_ref()
            .map_or(0, |flags| der::explicit_size(flags.0.len()));
        let hints = self
            .hints
            .as_ref()
            .map_or(0, |hints| der::explicit_size(hints.size()));
        strings + list + flags + hints + self.extensions.len()
    }

    pub(super) fn append(&self, out: &mut Vec<u8>) {
        let length = self.fields_size();
        der::header(out, Tag::context(0), der::size(length));
        der::header(out, Tag::SEQUENCE, length);
        if let Some(list) = &self.mech_types {
            der::element(out, Tag::context(0), &list.0);
        }
        put(
            out,
            1,
            Tag::BIT_STRING,
            self.req_flags.as_ref().map(|flags| &*flags.0),
        );
        put(out, 2, Tag::OCTET_STRING, self.mech_token.as_deref());
        if let Some(hints) = &self.hints {
            der::header(out, Tag::context(3), der::size(hints.size()));
            der::header(out, Tag::SEQUENCE, hints.size());
            hints.append(out);
        }
        let second = self.form == InitForm::Microsoft || self.hints.is_some();
        let place = if second { 4 } else { 3 };
        put(out, place, Tag::OCTET_STRING, self.mech_list_mic.as_deref());
        out.extend_from_slice(&self.extensions);
    }

    /// The same token, owning its bytes.
    #[must_use]
    pub fn into_owned(self) -> NegTokenInit<'static> {
        NegTokenInit {
            form: self.form,
            mech_types: self.mech_types.map(MechTypes::into_owned),
            req_flags: self
                .req_flags
                .map(|flags| ReqFlags(Cow::Owned(flags.0.into_owned()))),
            mech_token: self.mech_token.map(own),
            hints: self.hints.map(|hints| NegHints {
                hint_name: hints.hint_name.map(own),
                hint_address: hints.hint_address.map(own),
            }),
            mech_list_mic: self.mech_list_mic.map(own),
            extensions: own(self.extensions),
            tolerated: self.tolerated,
        }
    }
}

/// What tells the forms apart: hints, a code behind them, and the form.
type Third<'a> = (Option<NegHints<'a>>, Option<Cow<'a, [u8]>>, InitForm);

/// Reads hints or a code.
#[inline(always)]
fn third_field<'a>(inside: &mut Reader<'a>, seen: &mut Tolerances) -> Result<Third<'a>, TokenError> {
    if inside.is_empty() {
        return Ok((None, None, InitForm::Rfc));
    }
    let mut hints = None;
    if let Some(third) = inside.optional(Tag::context(3), "negHints", seen)? {
        let within = third.inside();
        if within.next_tag() != Some(Tag::SEQUENCE) {
            let code = within.only(Tag::OCTET_STRING, "mechListMIC", seen)?;
            return Ok((None, Some(Cow::Borrowed(code.content)), InitForm::Rfc));
        }
        hints = Some(NegHints::of(
            &within.only(Tag::SEQUENCE, "negHints", seen)?,
            seen,
        )?);
    }
    let code = bytes_field(inside, 4, Tag::OCTET_STRING, "mechListMIC", seen)?;
    let second = hints.is_some() || code.is_some();
    let form = if second {
        InitForm::Microsoft
    } else {
        InitForm::Rfc
    };
    Ok((hints, code, form))
}
