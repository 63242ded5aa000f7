//! What a mutation comes to in a token in DER. Lengths around a place are written anew, so that one thing is wrong.

use std::ops::Range;

use legwork_engine::{
    codec::der::{self, Element, Reader, Tag, Tolerances},
    error::TokenError,
    negotiate::messages::{NegTokenInit, NegTokenResp},
};

use super::{fields::FieldError, mutation::change};
use crate::suite::{
    der_grammar::{self, HINTS},
    grammar::{Mutant, Mutation},
};

/// How many elements a list has that is long.
const MANY: usize = 10_000;

/// How often an element stands in another one that is nested.
const DEEP: usize = 1_000;

/// Where an element stands: its tag, its length, its content.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    start: usize,
    content: usize,
    end: usize,
}

impl Place {
    fn of(element: &Element<'_>) -> Self {
        Self {
            start: element.offset,
            content: element.content_offset(),
            end: element.offset.saturating_add(element.bytes.len()),
        }
    }

    fn whole(&self) -> Range<usize> {
        self.start..self.end
    }

    fn tag(&self) -> Range<usize> {
        self.start..self.start.saturating_add(1)
    }

    fn length(&self) -> Range<usize> {
        self.start.saturating_add(1)..self.content
    }

    fn value(&self) -> Range<usize> {
        self.content..self.end
    }
}

/// Whether a token is one of Negotiate.
pub(super) fn is_of_negotiate(token: &[u8]) -> bool {
    matches!(token, [0x60 | 0xA0 | 0xA1, ..])
}

/// Changes a token of Negotiate.
///
/// # Errors
/// The token has no such place, or the value does not fit there.
pub(super) fn apply(token: &[u8], mutation: &Mutation) -> Result<Vec<u8>, FieldError> {
    let unknown = || FieldError::Unknown(mutation.at.clone());
    let misfit = || FieldError::BadValue(mutation.at.clone());
    let (name, part) = der_grammar::split(&mutation.at);
    let (mut around, explicit) = locate(token, name).ok_or_else(unknown)?;
    let mut place = around.pop().ok_or_else(unknown)?;
    if explicit && (part.is_empty() || part.starts_with("outer-")) {
        place = around.pop().ok_or_else(unknown)?;
    }
    let changed = match part.trim_start_matches("outer-") {
        "tag" => in_place(token, place.tag(), mutation.to),
        "length" => {
            let end = around.last().map_or(token.len(), |parent| parent.end);
            let length = length(&place, end, mutation.to).ok_or_else(misfit)?;
            rebuilt(token, &around, place.length(), &length)
        }
        "value" => {
            let bytes = value(token, &place, mutation.to);
            around.push(place.clone());
            match bytes {
                Some(bytes) => rebuilt(token, &around, place.value(), &bytes),
                None => in_place(token, place.value(), mutation.to),
            }
        }
        _ => presence(token, &around, &place, mutation.to),
    };
    changed.filter(|changed| changed != token).ok_or_else(misfit)
}

/// The token with other bytes at a place, and with the lengths around it that this needs.
fn rebuilt(token: &[u8], around: &[Place], range: Range<usize>, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = token.to_vec();
    let (mut added, mut removed) = (bytes.len(), range.len());
    out.splice(range, bytes.iter().copied());
    for place in around.iter().rev() {
        let content = place.value().len().checked_add(added)?.checked_sub(removed)?;
        let mut header = Vec::new();
        der::header(&mut header, Tag(0), content);
        let length = header.get(1..)?;
        out.splice(place.length(), length.iter().copied());
        added = added.checked_add(length.len())?;
        removed = removed.checked_add(place.length().len())?;
    }
    Some(out)
}

fn in_place(token: &[u8], range: Range<usize>, to: Mutant) -> Option<Vec<u8>> {
    let mut out = token.to_vec();
    change(out.get_mut(range)?, to);
    Some(out)
}

/// A length as it is written. `end` is where what holds the element ends.
fn length(place: &Place, end: usize, to: Mutant) -> Option<Vec<u8>> {
    let now = place.value().len();
    let shortest = |length: usize| {
        let mut header = Vec::new();
        der::header(&mut header, Tag(0), length);
        header.get(1..).map(<[u8]>::to_vec)
    };
    let wide = |bytes: u8, length: usize| {
        let digits = u64::try_from(length).ok()?.to_be_bytes();
        let from = digits.len().checked_sub(usize::from(bytes))?;
        Some([&[0x80 | bytes], digits.get(from..)?].concat())
    };
    match to {
        Mutant::Zero => shortest(0),
        Mutant::PlusOne => shortest(now.checked_add(1)?),
        Mutant::MinusOne => shortest(now.checked_sub(1)?),
        Mutant::PastTheEnd => shortest(end.checked_sub(place.content)?.checked_add(1)?),
        Mutant::BeyondLowByte => shortest(now.checked_add(0x100)?),
        Mutant::BeyondLowHalf => shortest(now.checked_add(0x1_0000)?),
        Mutant::LongForm => wide(u8::try_from(shortest(now)?.len()).ok()?, now),
        Mutant::LongestForm => wide(4, now),
        Mutant::TooWide => wide(5, now),
        Mutant::Indefinite => Some(vec![0x80]),
        Mutant::Half => Some(vec![0x84, 0x7F, 0xFF, 0xFF, 0xFF]),
        Mutant::Huge => Some(vec![0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
        _ => None,
    }
}

/// The content of another size that a value comes to; none if its size stays.
fn value(token: &[u8], place: &Place, to: Mutant) -> Option<Vec<u8>> {
    match to {
        Mutant::Empty => Some(Vec::new()),
        Mutant::TenThousand => {
            let content = token.get(place.value())?;
            let first = Reader::new(content).any("MechType", &mut Tolerances::empty());
            Some(first.ok()?.bytes.repeat(MANY))
        }
        Mutant::Nested => Some(nested(*token.get(place.start)?)),
        _ => None,
    }
}

/// Elements of one tag, each in the one before.
fn nested(tag: u8) -> Vec<u8> {
    (0..DEEP).fold(Vec::new(), |inside, _| {
        let mut out = Vec::new();
        der::element(&mut out, Tag(tag), &inside);
        out
    })
}

/// Another number of an element, or a token that ends there.
fn presence(token: &[u8], around: &[Place], place: &Place, to: Mutant) -> Option<Vec<u8>> {
    let bytes = token.get(place.whole())?;
    match to {
        Mutant::Absent => rebuilt(token, around, place.whole(), &[]),
        Mutant::Twice => rebuilt(token, around, place.whole(), &bytes.repeat(2)),
        Mutant::Nested => rebuilt(token, around, place.whole(), &nested(*bytes.first()?)),
        Mutant::CutBefore => Some(token.get(..place.start)?.to_vec()),
        Mutant::CutWithin => Some(token.get(..place.end.checked_sub(1)?)?.to_vec()),
        _ => None,
    }
}

/// An element of a name with all that it stands in, the outermost first, and whether the last but one is its explicit
/// tag.
fn locate(token: &[u8], name: &str) -> Option<(Vec<Place>, bool)> {
    search(token, name).ok().flatten()
}

fn search(token: &[u8], name: &str) -> Result<Option<(Vec<Place>, bool)>, TokenError> {
    let mut seen = Tolerances::empty();
    let mut around = Vec::new();
    let mut reader = Reader::new(token);
    if reader.next_tag() == Some(Tag::application(0)) {
        let frame = reader.any("InitialContextToken", &mut seen)?;
        around.push(Place::of(&frame));
        reader = frame.inside();
        let mechanism = reader.any("thisMech", &mut seen)?;
        if name == "this-mech" {
            around.push(Place::of(&mechanism));
        }
        if matches!(name, "frame" | "this-mech") {
            return Ok(Some((around, false)));
        }
    }
    let outer = reader.any("token", &mut seen)?;
    around.push(Place::of(&outer));
    if name == "token" {
        return Ok(Some((around, false)));
    }
    let list = outer.inside().any("fields", &mut seen)?;
    around.push(Place::of(&list));
    if name == "fields" {
        return Ok(Some((around, false)));
    }
    in_fields(outer.tag, list.inside(), around, name)
}

/// An element among the fields of a token.
fn in_fields(
    token: Tag,
    mut fields: Reader<'_>,
    mut around: Vec<Place>,
    name: &str,
) -> Result<Option<(Vec<Place>, bool)>, TokenError> {
    let mut seen = Tolerances::empty();
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let hint = HINTS.iter().find(|(hint, _)| *hint == name);
    let wanted = hint.map_or(first, |_| "hints");
    while !fields.is_empty() {
        let field = fields.any("field", &mut seen)?;
        let inner = field.inside().any("field", &mut seen)?;
        if field_name(token, &field, &inner) != Some(wanted) {
            continue;
        }
        around.extend([Place::of(&field), Place::of(&inner)]);
        if let Some((_, number)) = hint {
            let Some(places) = hinted(inner.inside(), *number)? else {
                return Ok(None);
            };
            around.extend(places);
        } else if let Ok(place) = rest.parse() {
            around.push(element(inner.inside(), place)?);
            return Ok(Some((around, false)));
        }
        return Ok(Some((around, true)));
    }
    Ok(None)
}

/// The element at a place of a list.
fn element(mut list: Reader<'_>, place: usize) -> Result<Place, TokenError> {
    let mut seen = Tolerances::empty();
    for _ in 0..place.min(list.rest().len()) {
        list.any("MechType", &mut seen)?;
    }
    Ok(Place::of(&list.any("MechType", &mut seen)?))
}

/// A hint with its explicit tag.
fn hinted(mut hints: Reader<'_>, number: u8) -> Result<Option<[Place; 2]>, TokenError> {
    let mut seen = Tolerances::empty();
    while !hints.is_empty() {
        let hint = hints.any("hint", &mut seen)?;
        if hint.tag == Tag::context(number) {
            let inner = hint.inside().any("hint", &mut seen)?;
            return Ok(Some([Place::of(&hint), Place::of(&inner)]));
        }
    }
    Ok(None)
}

/// The name in scenarios of a field, by its tag and what is inside.
fn field_name(token: Tag, field: &Element<'_>, inner: &Element<'_>) -> Option<&'static str> {
    let is_first = token == Tag::context(0);
    if is_first && field.tag == Tag::context(3) && inner.tag == Tag::OCTET_STRING {
        return Some("mech-list-mic");
    }
    let fields = if is_first {
        NegTokenInit::FIELDS
    } else {
        NegTokenResp::FIELDS
    };
    let found = fields
        .iter()
        .find(|(_, number)| field.tag == Tag::context(*number));
    found.and_then(|(name, _)| der_grammar::field_name(name))
}

#[cfg(test)]
mod tests {
    use legwork_engine::{
        error::TokenErrorKind,
        negotiate::messages::{ContextFlags, InitForm, MechTypes, NegHints, NegState, Oid, ReqFlags, Token},
    };

    use super::*;
    use crate::suite::grammar::Structure;

    fn token(structure: Structure) -> Vec<u8> {
        let mut init = NegTokenInit {
            mech_types: Some(MechTypes::new(&[Oid::NTLM, Oid::KERBEROS])),
            mech_token: Some(b"token of the mechanism".as_slice().into()),
            ..NegTokenInit::default()
        };
        let resp = NegTokenResp {
            neg_state: Some(NegState::ACCEPT_INCOMPLETE),
            supported_mech: Some(Oid::NTLM),
            response_token: Some(vec![7; 300].into()),
            mech_list_mic: Some(vec![9; 16].into()),
            ..NegTokenResp::default()
        };
        match structure {
            Structure::NegTokenInit => {}
            Structure::NegTokenInit2 => {
                init.form = InitForm::Microsoft;
                init.mech_token = None;
                init.hints = Some(NegHints {
                    hint_name: Some(NegHints::NAME.into()),
                    hint_address: None,
                });
            }
            Structure::NegTokenInitFlags | Structure::NegTokenInitCode => {
                init.req_flags = Some(ReqFlags::new(ContextFlags::MUTUAL));
                init.mech_list_mic = Some(vec![9; 16].into());
            }
            _ => return resp.emit(),
        }
        init.emit_framed()
    }

    const STRUCTURES: [Structure; 6] = [
        Structure::NegTokenInit,
        Structure::NegTokenInit2,
        Structure::NegTokenInitFlags,
        Structure::NegTokenInitCode,
        Structure::NegTokenResp,
        Structure::MechListMic,
    ];

    /// Every mutation of every structure: where, to what, and what comes of it.
    fn all() -> Vec<(Mutation, Vec<u8>)> {
        let of = |structure: Structure| {
            der_grammar::mutations(structure)
                .into_iter()
                .map(move |mutation| {
                    let changed = apply(&token(structure), &mutation);
                    let changed = changed.unwrap_or_else(|error| panic!("{mutation:?}: {error}"));
                    (mutation, changed)
                })
        };
        STRUCTURES.into_iter().flat_map(of).collect()
    }

    #[test]
    fn every_mutation_changes_the_token_that_has_its_place() {
        let all = all();
        assert!(all.len() > 500, "{}", all.len());
        for structure in STRUCTURES {
            let mutations = der_grammar::mutations(structure).len();
            assert!(mutations > 30, "{structure:?}: {mutations}");
        }
    }

    #[test]
    fn a_length_that_is_none_is_refused_for_itself() {
        let lengths = all()
            .into_iter()
            .filter(|(mutation, _)| mutation.at.ends_with("length"));
        for (mutation, changed) in lengths {
            let error = Token::parse(&changed).err();
            let kind = error.map(|error| error.kind);
            match mutation.to {
                Mutant::Indefinite => {
                    assert_eq!(kind, Some(TokenErrorKind::IndefiniteLength), "{mutation:?}");
                }
                Mutant::TooWide => assert_eq!(kind, Some(TokenErrorKind::BadLength(5)), "{mutation:?}"),
                Mutant::PastTheEnd | Mutant::Huge | Mutant::Half => {
                    assert_eq!(kind, Some(TokenErrorKind::Truncated), "{mutation:?}");
                }
                Mutant::LongForm | Mutant::LongestForm => {
                    let parsed = Token::parse(&changed);
                    let tolerated = parsed.map(|token| token.tolerated());
                    assert_eq!(tolerated, Ok(Tolerances::LONG_LENGTH), "{mutation:?}");
                }
                _ => {}
            }
        }
    }

    /// What is there another number of times leaves nothing behind its end, at any level.
    #[test]
    fn lengths_around_a_place_follow_it() {
        let mut followed = 0;
        for (mutation, changed) in all() {
            if matches!(
                mutation.to,
                Mutant::Absent | Mutant::Twice | Mutant::Empty | Mutant::TenThousand
            ) {
                let mut reader = Reader::new(&changed);
                let outer = reader.any("token", &mut Tolerances::empty());
                assert!(outer.is_ok() && reader.is_empty(), "{mutation:?}");
                let kind = Token::parse(&changed).err().map(|error| error.kind);
                let cut = matches!(kind, Some(TokenErrorKind::TrailingBytes(_)));
                // To the parser, a second name stands behind the end of the hints.
                let second = mutation.at == "hint-name" && mutation.to == Mutant::Twice;
                assert_eq!(cut, second, "{mutation:?}: {kind:?}");
                followed += 1;
            }
        }
        assert!(followed > 30, "{followed}");
    }

    #[test]
    fn ten_thousand_mechanisms_are_a_list() {
        let at = "mech-types.value".to_owned();
        let to = Mutant::TenThousand;
        let changed = apply(&token(Structure::NegTokenInit), &Mutation { at, to });
        let changed = changed.unwrap_or_default();
        let Ok(Token::Framed(init)) = Token::parse(&changed) else {
            panic!("the list is well formed");
        };
        let types = init.mech_types.as_ref();
        assert_eq!(types.map(|types| types.iter().count()), Some(MANY));
        assert!(types.is_some_and(|types| types.iter().all(|oid| oid == Oid::NTLM)));
    }

    #[test]
    fn a_place_that_the_token_has_not_is_an_error() {
        for at in [
            "req-flags",
            "hint-name",
            "mech-types.2",
            "neg-state.length",
            "hint-address.tag",
        ] {
            let mutation = Mutation {
                at: at.to_owned(),
                to: Mutant::Absent,
            };
            let found = apply(&token(Structure::NegTokenInit), &mutation);
            assert_eq!(found, Err(FieldError::Unknown(at.to_owned())));
        }
    }
}
