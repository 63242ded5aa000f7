//! Edits of tokens: on typed messages where they name a field, on bytes where they do not.

mod der_mutation;
pub mod fields;
mod message;
pub mod mutation;
pub mod plan;
mod spnego;

use legwork_engine::{
    negotiate::messages::{MechTypes, NegState, Oid},
    ntlm::messages::AvId,
};

use crate::suite::scenario::{DropKind, Edit, FieldEdit};
use fields::{FieldError, Fields, Kind};
use message::Message;

/// A token on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// No token buffer.
    None,
    /// These bytes; none at all is an empty token.
    Bytes(Vec<u8>),
}

impl Token {
    /// The bytes, if there is a token buffer.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::None => None,
            Self::Bytes(bytes) => Some(bytes),
        }
    }
}

/// Whether an edit changes bytes rather than a field.
#[must_use]
pub fn is_raw(edit: &Edit) -> bool {
    matches!(
        edit,
        Edit::Truncate(_)
            | Edit::Extend(_)
            | Edit::Overwrite(_)
            | Edit::Mutate(_)
            | Edit::Replace(_)
            | Edit::Drop(_)
    )
}

/// The path that an edit names, if it names one.
#[must_use]
pub fn path(edit: &Edit) -> Option<&str> {
    match edit {
        Edit::Set(edit) | Edit::SetBits(edit) | Edit::ClearBits(edit) | Edit::Append(edit) => {
            Some(&edit.field)
        }
        Edit::Flip(field) | Edit::Remove(field) | Edit::Swap([field, _]) | Edit::Copy([field, _]) => {
            Some(field)
        }
        _ => None,
    }
}

/// The edit of a field inside another one, with the path that it has there.
fn inside(edit: &Edit, outer: &[&str]) -> Option<Edit> {
    let strip = |path: &str| {
        let inner = outer.iter().find_map(|outer| path.strip_prefix(outer));
        inner.map(str::to_owned)
    };
    let with = |edit: &FieldEdit| {
        let field = strip(&edit.field)?;
        let value = edit.value.clone();
        Some(FieldEdit { field, value })
    };
    match edit {
        Edit::Set(edit) => with(edit).map(Edit::Set),
        Edit::SetBits(edit) => with(edit).map(Edit::SetBits),
        Edit::ClearBits(edit) => with(edit).map(Edit::ClearBits),
        Edit::Append(edit) => with(edit).map(Edit::Append),
        Edit::Flip(field) => strip(field).map(Edit::Flip),
        Edit::Remove(field) => strip(field).map(Edit::Remove),
        Edit::Swap([one, other]) => Some(Edit::Swap([strip(one)?, strip(other)?])),
        Edit::Copy([from, to]) => Some(Edit::Copy([strip(from)?, strip(to)?])),
        _ => None,
    }
}

/// Changes a token on its way.
///
/// # Errors
/// An edit names a field that the token has not, or the token is malformed before it.
pub fn in_transit(token: &Token, edits: &[Edit]) -> Result<Token, FieldError> {
    edits
        .iter()
        .try_fold(token.clone(), |token, edit| match (edit, &token) {
            (Edit::Drop(DropKind::None), _) => Ok(Token::None),
            (Edit::Drop(DropKind::Empty), _) => Ok(Token::Bytes(Vec::new())),
            (Edit::Replace(bytes), _) => Ok(Token::Bytes(decode("replace", bytes)?)),
            (_, Token::None) => Ok(Token::None),
            (edit, Token::Bytes(bytes)) if is_raw(edit) => raw(bytes, edit).map(Token::Bytes),
            (edit, Token::Bytes(bytes)) => typed(bytes, edit).map(Token::Bytes),
        })
}

/// Changes bytes.
///
/// # Errors
/// The edit has a value that is no hex, or names a field.
pub fn raw(bytes: &[u8], edit: &Edit) -> Result<Vec<u8>, FieldError> {
    let mut out = bytes.to_vec();
    match edit {
        Edit::Truncate(length) => out.truncate(*length),
        Edit::Extend(more) => out.extend(decode("extend", more)?),
        Edit::Overwrite(overwrite) => {
            let bytes = decode("overwrite", &overwrite.bytes)?;
            let end = overwrite.at.saturating_add(bytes.len());
            out.get_mut(overwrite.at..end)
                .ok_or_else(|| FieldError::BadValue("overwrite".to_owned()))?
                .copy_from_slice(&bytes);
        }
        Edit::Mutate(mutation) => out = mutation::apply(bytes, mutation)?,
        Edit::Replace(bytes) => out = decode("replace", bytes)?,
        Edit::Drop(_) => out.clear(),
        other => return Err(FieldError::Unknown(path(other).unwrap_or_default().to_owned())),
    }
    Ok(out)
}

/// Changes a field of an emitted token and emits it again.
fn typed(bytes: &[u8], edit: &Edit) -> Result<Vec<u8>, FieldError> {
    let malformed = |_| FieldError::Malformed(path(edit).unwrap_or_default().to_owned());
    let mut message = Message::parse(bytes).map_err(malformed)?;
    apply(message.fields(), edit)?;
    Ok(message.emit())
}

/// Changes a field of a typed token.
///
/// # Errors
/// The token has no such field, or the value does not fit it.
pub fn apply(token: &mut dyn Fields, edit: &Edit) -> Result<(), FieldError> {
    match edit {
        Edit::Set(edit) => {
            let value = encode(token, edit)?;
            token.set(&edit.field, Some(value))
        }
        Edit::SetBits(edit) => bits(token, edit, |old, mask| old | mask),
        Edit::ClearBits(edit) => bits(token, edit, |old, mask| old & !mask),
        Edit::Flip(field) => {
            let mut value = token
                .get(field)
                .ok_or_else(|| FieldError::Unknown(field.clone()))?;
            *value
                .first_mut()
                .ok_or_else(|| FieldError::BadValue(field.clone()))? ^= 1;
            token.set(field, Some(value))
        }
        Edit::Remove(field) => token.set(field, None),
        Edit::Swap([one, other]) => {
            let value = |field: &String| token.get(field).ok_or_else(|| FieldError::Unknown(field.clone()));
            let values = (value(one)?, value(other)?);
            token.set(one, Some(values.1))?;
            token.set(other, Some(values.0))
        }
        Edit::Copy([from, to]) => {
            let value = token.get(from).ok_or_else(|| FieldError::Unknown(from.clone()))?;
            token.set(to, Some(value))
        }
        Edit::Append(edit) => append(token, edit),
        other => Err(FieldError::Unknown(format!("{other:?}"))),
    }
}

fn bits(token: &mut dyn Fields, edit: &FieldEdit, combine: impl Fn(u8, u8) -> u8) -> Result<(), FieldError> {
    let old = token
        .get(&edit.field)
        .ok_or_else(|| FieldError::Unknown(edit.field.clone()))?;
    let mask = encode(token, edit)?;
    let new = old
        .iter()
        .zip(mask)
        .map(|(old, mask)| combine(*old, mask))
        .collect();
    token.set(&edit.field, Some(new))
}

/// Appends an AV pair, written as `<id> <hex>`, or a mechanism.
fn append(token: &mut dyn Fields, edit: &FieldEdit) -> Result<(), FieldError> {
    let bad = || FieldError::BadValue(edit.field.clone());
    if token.kind(&edit.field) == Some(Kind::Mechanisms) {
        let list = token
            .get(&edit.field)
            .ok_or_else(|| FieldError::Unknown(edit.field.clone()))?;
        let list = spnego::with_appended(&list, mechanism(edit)?.0.into_owned()).ok_or_else(bad)?;
        return token.set(&edit.field, Some(list));
    }
    let (id, value) = edit.value.split_once(' ').unwrap_or((&edit.value, ""));
    let id: AvId = fields::pair_id(id).ok_or_else(bad)?;
    let list = token
        .get(&edit.field)
        .ok_or_else(|| FieldError::Unknown(edit.field.clone()))?;
    let list = fields::with_appended(&list, id, &decode(&edit.field, value)?)?;
    token.set(&edit.field, Some(list))
}

/// The bytes of a value as a scenario writes it.
fn encode(token: &dyn Fields, edit: &FieldEdit) -> Result<Vec<u8>, FieldError> {
    let bad = || FieldError::BadValue(edit.field.clone());
    let kind = token
        .kind(&edit.field)
        .ok_or_else(|| FieldError::Unknown(edit.field.clone()))?;
    if let (Some(hexadecimal), false) = (edit.value.strip_prefix("0x"), matches!(kind, Kind::Number(_))) {
        return decode(&edit.field, hexadecimal);
    }
    match kind {
        Kind::Number(size) => {
            let value = match edit.value.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).map_err(|_| bad())?,
                None => edit.value.parse().map_err(|_| bad())?,
            };
            let bytes = value.to_le_bytes();
            let (kept, rest) = bytes.split_at_checked(size).ok_or_else(bad)?;
            if rest.iter().any(|byte| *byte != 0) {
                return Err(bad());
            }
            Ok(kept.to_vec())
        }
        Kind::Bytes => decode(&edit.field, &edit.value),
        Kind::Wide => Ok(edit.value.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        Kind::Oem => Ok(edit.value.as_bytes().to_vec()),
        Kind::Mechanism => Ok(mechanism(edit)?.0.into_owned()),
        Kind::Mechanisms => {
            let names = edit.value.split_whitespace();
            let list: Option<Vec<Oid<'_>>> = names.map(Oid::from_text).collect();
            Ok(MechTypes::new(&list.ok_or_else(bad)?).0.into_owned())
        }
        Kind::State => {
            let known = NegState::NAMED.iter().find(|(name, _)| *name == edit.value);
            let number = known.map_or_else(|| edit.value.parse(), |(_, state)| Ok(state.0));
            Ok(number.map_err(|_| bad())?.to_le_bytes().to_vec())
        }
    }
}

/// A mechanism by its name, or in dotted form.
fn mechanism(edit: &FieldEdit) -> Result<Oid<'static>, FieldError> {
    Oid::from_text(&edit.value).ok_or_else(|| FieldError::BadValue(edit.field.clone()))
}

fn decode(field: &str, text: &str) -> Result<Vec<u8>, FieldError> {
    hex::decode(text).map_err(|_| FieldError::BadValue(field.to_owned()))
}
