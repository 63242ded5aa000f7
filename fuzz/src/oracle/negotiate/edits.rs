//! What happens to tokens on their way.

use std::mem;

use arbitrary::Arbitrary;
use legwork_engine::{
    codec::der::{self, Reader, Tag, Tolerances},
    negotiate::messages::{MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, Token},
};

use super::{
    exchange::{Leg, inner},
    world::Choices,
};

/// What both sides choose, and what happens between them.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Mutation {
    /// What both sides choose.
    pub choices: Choices,
    /// What happens on the way, in this order.
    pub edits: Vec<Edit>,
    /// Bytes of the fragments that tokens arrive in; 0 if they arrive whole.
    pub fragments: u8,
}

/// A change of one token.
#[derive(Arbitrary, Clone, Debug)]
pub struct Edit {
    /// Number of the token, modulo [`LEGS`].
    pub leg: u8,
    /// What is changed.
    pub change: Change,
}

/// Tokens that can be changed.
pub const LEGS: u8 = 8;

/// A change.
#[derive(Arbitrary, Clone, Debug)]
pub enum Change {
    /// Some bytes are taken out of the token at a place and others put in.
    Bytes(Splice),
    /// The same, within the token of the mechanism.
    Inner(Splice),
    /// The list of mechanisms has these: places among the known ones.
    List(Vec<u8>),
    /// The state is another, or absent.
    State(Option<u8>),
    /// The chosen mechanism is another, or absent: a place among the known ones.
    Mechanism(Option<u8>),
    /// The code is another, or absent.
    Code(Option<Vec<u8>>),
    /// The token of the mechanism is absent.
    WithoutInner,
    /// The token of the mechanism arrives alone.
    Unwrapped,
    /// An earlier token arrives instead: how many tokens before.
    Earlier(u8),
    /// The token has another form.
    Form(Form),
}

/// Another form of a token.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The outermost length has more bytes than it needs, which is borne.
    LongLength,
    /// A first token without framing, which is refused.
    Unframed,
    /// An element of a later version follows.
    Extended,
    /// A first token has hints.
    Hinted,
}

/// Some bytes are taken out at a place and others put in.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Splice {
    /// Where, modulo the length.
    pub at: u16,
    /// How many bytes are taken out.
    pub removed: u8,
    /// What is put in.
    pub inserted: Vec<u8>,
}

impl Splice {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let at = usize::from(self.at) % bytes.len().max(1);
        let end = at.saturating_add(self.removed.into()).min(bytes.len());
        bytes.splice(at..end, self.inserted.iter().copied());
    }
}

impl Mutation {
    /// The token as it arrives.
    #[must_use]
    pub fn deliver(&self, legs: &[Leg]) -> Vec<u8> {
        let Some((last, before)) = legs.split_last() else {
            return Vec::new();
        };
        let mut token = last.sent.clone();
        for edit in &self.edits {
            if usize::from(edit.leg % LEGS) == before.len() {
                edit.change.apply(&mut token, before);
            }
        }
        token
    }

    /// Whether nothing happens but to the form of tokens, as far as other forms are taken; fragments are one.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        let mut changes = self.edits.iter().map(|edit| &edit.change);
        changes.all(|change| matches!(change, Change::Form(form) if *form != Form::Unframed))
    }
}

impl Change {
    /// Changes a token. What it has not cannot be changed.
    fn apply(&self, token: &mut Vec<u8>, before: &[Leg]) {
        match self {
            Self::Bytes(splice) => splice.apply(token),
            Self::Unwrapped => {
                if let Some(inner) = inner(token) {
                    *token = inner;
                }
            }
            Self::Earlier(back) => {
                let place = before.len().checked_sub(1 + usize::from(back % LEGS));
                if let Some(leg) = place.and_then(|place| before.get(place)) {
                    token.clone_from(&leg.sent);
                }
            }
            Self::Form(Form::LongLength) => {
                *token = lengthened(token).unwrap_or_else(|| mem::take(token));
            }
            _ => {
                let changed = match Token::parse(token) {
                    Ok(Token::Framed(init)) if matches!(self, Self::Form(Form::Unframed)) => {
                        Some(init.emit())
                    }
                    Ok(Token::Framed(init)) => Some(self.first(init).emit_framed()),
                    Ok(Token::Bare(init)) => Some(self.first(init).emit()),
                    Ok(Token::Resp(resp)) => Some(self.later(resp).emit()),
                    _ => None,
                };
                *token = changed.unwrap_or_else(|| mem::take(token));
            }
        }
    }

    /// Changes a field of a first token.
    fn first<'a>(&'a self, mut init: NegTokenInit<'a>) -> NegTokenInit<'a> {
        match self {
            Self::Inner(splice) => {
                if let Some(token) = &mut init.mech_token {
                    splice.apply(token.to_mut());
                }
            }
            Self::List(places) => {
                let mechanisms: Vec<_> = places.iter().map(|place| mechanism(*place)).collect();
                init.mech_types = Some(MechTypes::new(&mechanisms));
            }
            Self::Code(code) => init.mech_list_mic = code.as_deref().map(Into::into),
            Self::Form(Form::Extended) => init.extensions = EXTENSION.into(),
            Self::Form(Form::Hinted) => init.hints = Some(NegHints::default()),
            Self::WithoutInner => init.mech_token = None,
            _ => {}
        }
        init
    }

    /// Changes a field of a later token.
    fn later<'a>(&'a self, mut resp: NegTokenResp<'a>) -> NegTokenResp<'a> {
        match self {
            Self::Inner(splice) => {
                if let Some(token) = &mut resp.response_token {
                    splice.apply(token.to_mut());
                }
            }
            Self::State(state) => resp.neg_state = state.map(|state| NegState(state.into())),
            Self::Mechanism(place) => resp.supported_mech = place.map(mechanism),
            Self::Code(code) => resp.mech_list_mic = code.as_deref().map(Into::into),
            Self::Form(Form::Extended) => resp.extensions = EXTENSION.into(),
            Self::WithoutInner => resp.response_token = None,
            _ => {}
        }
        resp
    }
}

/// A known mechanism.
fn mechanism(place: u8) -> Oid<'static> {
    let known = Oid::NAMED;
    let (_, oid) = known
        .get(usize::from(place) % known.len())
        .unwrap_or(&("ntlm", Oid::NTLM));
    oid.clone()
}

/// An element that no version has yet.
const EXTENSION: &[u8] = &[0xA9, 2, 5, 0];

/// A token of SPNEGO with four bytes of outermost length; none if it is none.
fn lengthened(token: &[u8]) -> Option<Vec<u8>> {
    let wrapped = [Tag::application(0), Tag::context(0), Tag::context(1)];
    let mut seen = Tolerances::empty();
    let element = Reader::new(token).any("token", &mut seen).ok()?;
    if !wrapped.contains(&element.tag) || der::size(element.content.len()) != token.len() {
        return None;
    }
    let length = u32::try_from(element.content.len()).ok()?.to_be_bytes();
    Some([&[element.tag.0, 0x84][..], &length, element.content].concat())
}
