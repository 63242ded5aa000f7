//! What a mutation comes to in a given token: places are found in its own bytes, lengths are relative to its size.

use std::ops::Range;

use legwork_engine::ntlm::messages::{
    Authenticate, AvId, Challenge, FixedField, MessageType, Negotiate, message_type,
};

use super::{
    der_mutation,
    fields::{self, FieldError},
};
use crate::suite::grammar::{
    self, DESCRIPTOR_FIELDS, Mutant, Mutation, RESPONSE_FIELDS, RESPONSE_PAIRS, SIGNATURE_FIELDS,
    UNKNOWN_PAIR,
};

/// A place in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// Its bytes.
    range: Range<usize>,
    /// What the number there is about, if it is a number about other bytes.
    about: Option<About>,
}

/// Bytes that a number is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct About {
    /// Where they lie.
    bytes: Range<usize>,
    /// Where what holds them ends.
    end: usize,
    /// Whether the number says where they start; otherwise it says how many they are.
    says_start: bool,
    /// Where something else starts, and where the fixed part of the message has a place.
    elsewhere: Option<(usize, usize)>,
}

/// Changes a token.
///
/// # Errors
/// The token has no such place, or the value does not fit there.
pub fn apply(token: &[u8], mutation: &Mutation) -> Result<Vec<u8>, FieldError> {
    if der_mutation::is_of_negotiate(token) {
        return der_mutation::apply(token, mutation);
    }
    let unknown = || FieldError::Unknown(mutation.at.clone());
    let misfit = || FieldError::BadValue(mutation.at.clone());
    let place = locate(token, &mutation.at).ok_or_else(unknown)?;
    let mut out = token.to_vec();
    match mutation.to {
        Mutant::CutBefore => out.truncate(place.range.start),
        Mutant::CutWithin => out.truncate(place.range.end.saturating_sub(1)),
        _ => {
            let bytes = out.get_mut(place.range.clone()).ok_or_else(unknown)?;
            match number(mutation.to, &place, token.len()) {
                Some(value) => write(bytes, value.ok_or_else(misfit)?).ok_or_else(misfit)?,
                None => change(bytes, mutation.to),
            }
        }
    }
    Ok(out)
}

/// A value that depends on the rest of the token; the inner one is none if there is no such number.
fn number(to: Mutant, place: &Place, token: usize) -> Option<Option<usize>> {
    let about = place.about.as_ref();
    let with = |value: fn(&About, usize) -> Option<usize>| Some(about.and_then(|about| value(about, token)));
    match to {
        Mutant::Unknown => Some(Some(usize::from(UNKNOWN_PAIR))),
        Mutant::ToTheEnd => with(|about, _| about.farthest()),
        Mutant::PastTheEnd => with(|about, _| about.farthest()?.checked_add(1)),
        Mutant::AtTheEnd => with(|_, token| Some(token)),
        Mutant::InHeader => with(|about, _| about.elsewhere.map(|(_, header)| header)),
        Mutant::Overlapping => with(|about, _| about.elsewhere.map(|(other, _)| other)),
        Mutant::Wraps => Some(about.and_then(|about| about.wrapping(place.range.len()))),
        _ => None,
    }
}

impl About {
    /// The highest number with which the bytes still end where what holds them ends.
    fn farthest(&self) -> Option<usize> {
        let other = if self.says_start {
            self.bytes.len()
        } else {
            self.bytes.start
        };
        self.end.checked_sub(other)
    }

    /// The number with which start and length add up to zero in so many bytes.
    fn wrapping(&self, width: usize) -> Option<usize> {
        let other = if self.says_start {
            self.bytes.len()
        } else {
            self.bytes.start
        };
        let bits = u32::try_from(width.checked_mul(8)?).ok()?;
        let over = 1u64.checked_shl(bits)?.checked_sub(u64::try_from(other).ok()?)?;
        usize::try_from(over).ok()
    }
}

fn write(bytes: &mut [u8], value: usize) -> Option<()> {
    let value = u64::try_from(value).ok()?.to_le_bytes();
    let (kept, rest) = value.split_at_checked(bytes.len())?;
    rest.iter()
        .all(|byte| *byte == 0)
        .then(|| bytes.copy_from_slice(kept))
}

/// A value that depends on the old one alone.
pub(super) fn change(bytes: &mut [u8], to: Mutant) {
    let half = bytes.len() / 2;
    match to {
        Mutant::Zero => bytes.fill(0),
        Mutant::One => {
            bytes.fill(0);
            flip(bytes, 0, 1);
        }
        Mutant::AllOnes => bytes.fill(0xFF),
        Mutant::Half | Mutant::Sign => {
            bytes.fill(if to == Mutant::Half { 0xFF } else { 0 });
            let last = bytes.len().saturating_sub(1);
            flip(bytes, last, 0x80);
        }
        Mutant::PlusOne => add(bytes, 0),
        Mutant::BeyondLowByte => add(bytes, 1),
        Mutant::BeyondLowHalf => add(bytes, half),
        Mutant::MinusOne => subtract(bytes),
        Mutant::Bit(bit) => flip(bytes, usize::from(bit / 8), 1 << (bit % 8)),
        _ => {
            let last = bytes.len().saturating_sub(1);
            flip(bytes, last, 0xFF);
        }
    }
}

fn flip(bytes: &mut [u8], at: usize, mask: u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= mask;
    }
}

/// Adds one to the little-endian number that starts at a byte.
fn add(bytes: &mut [u8], from: usize) {
    for byte in bytes.iter_mut().skip(from) {
        let (sum, carry) = byte.overflowing_add(1);
        *byte = sum;
        if !carry {
            return;
        }
    }
}

fn subtract(bytes: &mut [u8]) {
    for byte in bytes {
        let (rest, borrow) = byte.overflowing_sub(1);
        *byte = rest;
        if !borrow {
            return;
        }
    }
}

fn locate(token: &[u8], path: &str) -> Option<Place> {
    let fixed = match message_type(token) {
        Ok(MessageType::NEGOTIATE) => Negotiate::FIELDS,
        Ok(MessageType::CHALLENGE) => Challenge::FIELDS,
        Ok(MessageType::AUTHENTICATE) => Authenticate::FIELDS,
        _ => return plain(SIGNATURE_FIELDS, path, 0),
    };
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let field = |name: &str| fixed.iter().find(|field| grammar::field_name(field.name) == name);
    if let Some(field) = field(first).filter(|_| !rest.contains('.')) {
        return in_field(token, fixed, field, rest);
    }
    let list = match first {
        "av-pairs" => {
            let response = part(token, field("nt-response")?)?;
            response.start.checked_add(RESPONSE_PAIRS)?..response.end
        }
        "target-info" => part(token, field("target-info")?)?,
        _ => return plain(RESPONSE_FIELDS, path, part(token, field("nt-response")?)?.start),
    };
    let (pair, what) = rest.split_once('.')?;
    in_pair(token, list, pair, what)
}

fn plain(fields: &[(&str, usize, usize)], name: &str, base: usize) -> Option<Place> {
    let (_, offset, size) = fields.iter().find(|(known, ..)| *known == name)?;
    let start = base.checked_add(*offset)?;
    Some(Place {
        range: start..start.checked_add(*size)?,
        about: None,
    })
}

/// A fixed field, or what is behind the point of its path.
fn in_field(token: &[u8], fixed: &[FixedField], field: &FixedField, what: &str) -> Option<Place> {
    let range = field.offset..field.offset.checked_add(field.size)?;
    match what {
        "" => (range.end <= payload(token, fixed)).then_some(Place { range, about: None }),
        "value" => Some(Place {
            range: part(token, field)?,
            about: None,
        }),
        _ => {
            let number = plain(DESCRIPTOR_FIELDS, what, field.offset)?;
            let bytes = part(token, field)?;
            let others = fixed
                .iter()
                .filter(|other| other.describes_payload && *other != field);
            let other = others
                .filter_map(|other| part(token, other))
                .find(|other| !other.is_empty() && other.start != bytes.start);
            let about = About {
                bytes,
                end: token.len(),
                says_start: what == "offset",
                elsewhere: other.map(|other| (other.start, field.offset)),
            };
            Some(Place {
                about: Some(about),
                ..number
            })
        }
    }
}

/// Where the payload begins: a field of the fixed part that would lie behind is not there.
fn payload(token: &[u8], fixed: &[FixedField]) -> usize {
    let parts = fixed.iter().filter_map(|field| part(token, field));
    let starts = parts.filter(|part| !part.is_empty()).map(|part| part.start);
    starts.min().unwrap_or(token.len())
}

/// Where the part lies that a field describes, as far as the field says.
fn part(token: &[u8], field: &FixedField) -> Option<Range<usize>> {
    let [a, b, _, _, c, d, e, f] = *token.get(field.offset..)?.first_chunk::<8>()?;
    let start = usize::try_from(u32::from_le_bytes([c, d, e, f])).ok()?;
    let range = start..start.checked_add(usize::from(u16::from_le_bytes([a, b])))?;
    (field.describes_payload && range.end <= token.len()).then_some(range)
}

fn in_pair(token: &[u8], list: Range<usize>, pair: &str, what: &str) -> Option<Place> {
    let id = fields::pair_id(pair)?;
    let mut at = list.start;
    loop {
        let [a, b, c, d] = *token.get(at..list.end)?.first_chunk::<4>()?;
        let start = at.checked_add(4)?;
        let value = start..start.checked_add(usize::from(u16::from_le_bytes([c, d])))?;
        let found = AvId(u16::from_le_bytes([a, b]));
        if found == id {
            return pair_part(at, value, list.end, what);
        }
        if found == AvId::EOL {
            return None;
        }
        at = value.end;
    }
}

fn pair_part(at: usize, value: Range<usize>, end: usize, what: &str) -> Option<Place> {
    let middle = at.checked_add(2)?;
    let plain = |range| Place { range, about: None };
    match what {
        "id" => Some(plain(at..middle)),
        "value" => Some(plain(value)),
        "length" => {
            let about = About {
                bytes: value.clone(),
                end,
                says_start: false,
                elsewhere: None,
            };
            Some(Place {
                range: middle..value.start,
                about: Some(about),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A CHALLENGE with the target name `AB` behind a list of two pairs.
    fn challenge() -> Vec<u8> {
        let message = Challenge {
            target_name: b"AB".as_slice().into(),
            flags: legwork_engine::ntlm::messages::NegotiateFlags::TARGET_INFO,
            server_challenge: [7; 8],
            reserved: [0; 8],
            target_info: [2, 0, 2, 0, b'D', 0, 0, 0, 0, 0].as_slice().into(),
            version: None,
        };
        message.emit()
    }

    fn mutated(at: &str, to: Mutant) -> Vec<u8> {
        let at = at.to_owned();
        apply(&challenge(), &Mutation { at, to }).unwrap_or_default()
    }

    #[test]
    fn values_are_relative_to_the_token() {
        let token = challenge();
        assert_eq!(
            (token.len(), &token[12..20]),
            (60, [2, 0, 2, 0, 48, 0, 0, 0].as_slice())
        );
        for (at, to, place, expected) in [
            ("target-name.length", Mutant::ToTheEnd, 12, [12, 0].as_slice()),
            ("target-name.length", Mutant::PastTheEnd, 12, &[13, 0]),
            ("target-name.length", Mutant::Wraps, 12, &[0xD0, 0xFF]),
            ("target-name.offset", Mutant::ToTheEnd, 16, &[58, 0, 0, 0]),
            ("target-name.offset", Mutant::Wraps, 16, &[0xFE, 0xFF, 0xFF, 0xFF]),
            ("target-name.offset", Mutant::AtTheEnd, 16, &[60, 0, 0, 0]),
            ("target-name.offset", Mutant::InHeader, 16, &[12, 0, 0, 0]),
            ("target-name.offset", Mutant::Overlapping, 16, &[50, 0, 0, 0]),
            ("target-name.offset", Mutant::BeyondLowHalf, 16, &[48, 0, 1, 0]),
            ("flags", Mutant::Bit(9), 20, &[0, 2, 0x80, 0]),
            ("flags", Mutant::MinusOne, 20, &[0xFF, 0xFF, 0x7F, 0]),
            ("target-info.domain-name.id", Mutant::Unknown, 50, &[11, 0]),
            ("target-info.domain-name.length", Mutant::ToTheEnd, 52, &[6, 0]),
            ("target-info.domain-name.length", Mutant::PastTheEnd, 52, &[7, 0]),
            ("target-info.domain-name.value", Mutant::Sign, 54, &[0, 0x80]),
            ("target-info.end.length", Mutant::BeyondLowByte, 58, &[0, 1]),
        ] {
            let out = mutated(at, to);
            assert_eq!(
                out.get(place..place + expected.len()),
                Some(expected),
                "{at} {to:?}"
            );
            let differing = out
                .iter()
                .zip(&token)
                .enumerate()
                .filter(|(_, (new, old))| new != old);
            for (index, _) in differing {
                assert!(
                    (place..place + expected.len()).contains(&index),
                    "{at} {to:?} {index}"
                );
            }
        }
    }

    #[test]
    fn tokens_are_cut_at_places() {
        assert_eq!(mutated("server-challenge", Mutant::CutBefore).len(), 24);
        assert_eq!(mutated("server-challenge", Mutant::CutWithin).len(), 31);
        assert_eq!(mutated("target-info.value", Mutant::CutWithin).len(), 59);
    }

    #[test]
    fn a_place_that_the_token_has_not_is_an_error() {
        for at in [
            "mic",
            "target-info.timestamp.id",
            "nt-proof",
            "target-info.end.size",
        ] {
            let mutation = Mutation {
                at: at.to_owned(),
                to: Mutant::Zero,
            };
            assert_eq!(
                apply(&challenge(), &mutation),
                Err(FieldError::Unknown(at.to_owned()))
            );
        }
    }
}
