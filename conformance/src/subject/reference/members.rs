//! The fields and inputs of the vector files as values of the engine.

use legwork_engine::{
    codec::utf16::Text,
    crypto::Secret,
    ntlm::{keys::Sender, messages::NegotiateFlags},
};
use serde_json::{Map, Value};

/// Members of a request.
pub(super) type Members = Map<String, Value>;

/// A member that must be there and be of a type.
fn member<'a, T>(members: &'a Members, name: &str, of: fn(&'a Value) -> Option<T>) -> Result<T, String> {
    let found = members.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    of(found).ok_or_else(|| format!("`{name}` has the wrong type"))
}

/// Whether a member is there and not null.
pub(super) fn has(members: &Members, name: &str) -> bool {
    members.get(name).is_some_and(|value| !value.is_null())
}

/// A member that is text.
pub(super) fn text(members: &Members, name: &str) -> Result<Text, String> {
    member(members, name, Value::as_str).map(Text::from)
}

/// A member that is hexadecimal, of any length.
pub(super) fn bytes(members: &Members, name: &str) -> Result<Vec<u8>, String> {
    let digits = member(members, name, Value::as_str)?;
    hex::decode(digits).map_err(|error| format!("`{name}`: {error}"))
}

/// A member that is hexadecimal, of a fixed length.
pub(super) fn array<const N: usize>(members: &Members, name: &str) -> Result<[u8; N], String> {
    let found = bytes(members, name)?;
    <[u8; N]>::try_from(found.as_slice()).map_err(|_| format!("`{name}` has {} bytes, not {N}", found.len()))
}

/// A member that is a key of 16 bytes.
pub(super) fn secret(members: &Members, name: &str) -> Result<Secret<16>, String> {
    array(members, name).map(Secret)
}

/// A member that is a number.
pub(super) fn number<T: TryFrom<u64>>(members: &Members, name: &str) -> Result<T, String> {
    let found = member(members, name, Value::as_u64)?;
    T::try_from(found).map_err(|_| format!("`{name}`: {found} is too large"))
}

/// A member that is an object.
pub(super) fn object<'a>(members: &'a Members, name: &str) -> Result<&'a Members, String> {
    member(members, name, Value::as_object)
}

/// A member that is a list of objects.
pub(super) fn list<'a>(members: &'a Members, name: &str) -> Result<Vec<&'a Members>, String> {
    let items = member(members, name, Value::as_array)?.iter();
    let objects: Option<_> = items.map(Value::as_object).collect();
    objects.ok_or_else(|| format!("`{name}` is no list of objects"))
}

/// The member `flags`.
pub(super) fn flags(members: &Members) -> Result<NegotiateFlags, String> {
    let word = member(members, "flags", Value::as_str)?;
    let bits = word
        .strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let bits = bits.ok_or_else(|| format!("`flags`: {word:?} is no flag word"))?;
    Ok(NegotiateFlags::from_bits_retain(bits))
}

/// The member `side`: who sends.
pub(super) fn side(members: &Members) -> Result<Sender, String> {
    match member(members, "side", Value::as_str)? {
        "initiator" => Ok(Sender::Initiator),
        "acceptor" => Ok(Sender::Acceptor),
        other => Err(format!("`side`: there is no side {other:?}")),
    }
}
