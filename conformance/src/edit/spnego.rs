//! Fields of the tokens of Negotiate by the paths that scenarios use, and those of the mechanism's token inside.
//!
//! | path | field |
//! |---|---|
//! | `mech-types`, `mech-types.0` | the list, and an element of it; one more than there are appends |
//! | `req-flags` | the bits, highest first |
//! | `mech-token`, `response-token`, `mech-list-mic` | the bytes; with a path of NTLM behind it, the field inside |
//! | `hint-name`, `hint-address` | the hints of an acceptor that begins |
//! | `neg-state`, `supported-mech` | state and mechanism, by name or number |
//! | `extensions` | elements of later versions, behind all others |

use std::borrow::Cow;

use legwork_engine::negotiate::messages::{
    MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags,
};

use super::{
    fields::{FieldError, Fields, Kind, array, unknown},
    message::Message,
};

/// Bytes that may be absent.
type Part = Option<Cow<'static, [u8]>>;

/// The path of a list element, or of a field inside another.
fn inside<'p>(path: &'p str, outer: &str) -> Option<&'p str> {
    path.strip_prefix(outer)?.strip_prefix('.')
}

impl Fields for NegTokenInit<'static> {
    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "mech-types" => Some(Kind::Mechanisms),
            "req-flags" | "mech-token" | "hint-address" | "mech-list-mic" | "extensions" => Some(Kind::Bytes),
            "hint-name" => Some(Kind::Oem),
            _ if inside(path, "mech-types").is_some() => Some(Kind::Mechanism),
            _ => inner_kind(
                path,
                &[
                    ("mech-token", &self.mech_token),
                    ("mech-list-mic", &self.mech_list_mic),
                ],
            ),
        }
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        let hints = self.hints.as_ref();
        match path {
            "mech-types" => self.mech_types.as_ref().map(|types| types.0.to_vec()),
            "req-flags" => Some(self.req_flags.as_ref()?.0.get(1..)?.to_vec()),
            "mech-token" => owned(&self.mech_token),
            "hint-name" => owned(&hints?.hint_name),
            "hint-address" => owned(&hints?.hint_address),
            "mech-list-mic" => owned(&self.mech_list_mic),
            "extensions" => Some(self.extensions.to_vec()),
            _ => match inside(path, "mech-types") {
                Some(place) => element(self.mech_types.as_ref()?, place),
                None => inner(
                    path,
                    &[
                        ("mech-token", &self.mech_token),
                        ("mech-list-mic", &self.mech_list_mic),
                    ],
                ),
            },
        }
    }

    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
        match path {
            "mech-types" => self.mech_types = value.map(|list| MechTypes(Cow::Owned(list))),
            "req-flags" => self.req_flags = value.map(|bits| request_flags(self.req_flags.as_ref(), &bits)),
            "mech-token" => self.mech_token = value.map(Cow::Owned),
            "hint-name" => hint(&mut self.hints, value, |hints| &mut hints.hint_name),
            "hint-address" => hint(&mut self.hints, value, |hints| &mut hints.hint_address),
            "mech-list-mic" => self.mech_list_mic = value.map(Cow::Owned),
            "extensions" => self.extensions = Cow::Owned(value.unwrap_or_default()),
            _ => {
                if let Some(place) = inside(path, "mech-types") {
                    let list = self.mech_types.as_ref().ok_or_else(|| unknown(path))?;
                    self.mech_types = Some(with_element(list, place, value).ok_or_else(|| unknown(path))?);
                    return Ok(());
                }
                let outer = match inside(path, "mech-token") {
                    Some(_) => &mut self.mech_token,
                    None => &mut self.mech_list_mic,
                };
                set_inner(outer, path, value)?;
            }
        }
        Ok(())
    }
}

impl Fields for NegTokenResp<'static> {
    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "neg-state" => Some(Kind::State),
            "supported-mech" => Some(Kind::Mechanism),
            "response-token" | "mech-list-mic" | "extensions" => Some(Kind::Bytes),
            _ => inner_kind(
                path,
                &[
                    ("response-token", &self.response_token),
                    ("mech-list-mic", &self.mech_list_mic),
                ],
            ),
        }
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "neg-state" => self.neg_state.map(|state| state.0.to_le_bytes().to_vec()),
            "supported-mech" => Some(self.supported_mech.as_ref()?.0.to_vec()),
            "response-token" => owned(&self.response_token),
            "mech-list-mic" => owned(&self.mech_list_mic),
            "extensions" => Some(self.extensions.to_vec()),
            _ => inner(
                path,
                &[
                    ("response-token", &self.response_token),
                    ("mech-list-mic", &self.mech_list_mic),
                ],
            ),
        }
    }

    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
        match path {
            "neg-state" => {
                let state = value.map(|value| array(path, Some(value))).transpose()?;
                self.neg_state = state.map(|state| NegState(i32::from_le_bytes(state)));
            }
            "supported-mech" => self.supported_mech = value.map(|oid| Oid(Cow::Owned(oid))),
            "response-token" => self.response_token = value.map(Cow::Owned),
            "mech-list-mic" => self.mech_list_mic = value.map(Cow::Owned),
            "extensions" => self.extensions = Cow::Owned(value.unwrap_or_default()),
            _ => {
                let outer = match inside(path, "response-token") {
                    Some(_) => &mut self.response_token,
                    None => &mut self.mech_list_mic,
                };
                set_inner(outer, path, value)?;
            }
        }
        Ok(())
    }
}

fn owned(part: &Part) -> Option<Vec<u8>> {
    part.as_ref().map(|part| part.to_vec())
}

/// The bits as content: unused bits are counted as before where there are as many bytes as before.
fn request_flags(before: Option<&ReqFlags<'_>>, bits: &[u8]) -> ReqFlags<'static> {
    let same = before.filter(|before| before.0.len() == bits.len().saturating_add(1));
    let unused = same.and_then(|before| before.0.first()).copied().unwrap_or(0);
    ReqFlags(Cow::Owned([&[unused], bits].concat()))
}

/// Sets a hint. The first one makes the hints, the last one takes them away.
fn hint(
    hints: &mut Option<NegHints<'static>>,
    value: Option<Vec<u8>>,
    of: impl for<'h> FnOnce(&'h mut NegHints<'static>) -> &'h mut Part,
) {
    let mut changed = hints.take().unwrap_or_default();
    *of(&mut changed) = value.map(Cow::Owned);
    *hints = (changed != NegHints::default()).then_some(changed);
}

/// The mechanism at a place of a list.
fn element(list: &MechTypes<'_>, place: &str) -> Option<Vec<u8>> {
    Some(list.iter().nth(place.parse().ok()?)?.0.to_vec())
}

/// The list with another mechanism at a place, or without it; one place behind the last appends.
fn with_element(list: &MechTypes<'_>, place: &str, value: Option<Vec<u8>>) -> Option<MechTypes<'static>> {
    let place: usize = place.parse().ok()?;
    let mut mechanisms: Vec<Oid<'static>> = list.iter().map(Oid::into_owned).collect();
    let end = mechanisms.len().min(place.saturating_add(1));
    let start = place.min(mechanisms.len());
    if place > mechanisms.len() || (value.is_none() && start == end) {
        return None;
    }
    mechanisms.splice(start..end, value.map(|oid| Oid(Cow::Owned(oid))));
    Some(MechTypes::new(&mechanisms))
}

/// The list with a mechanism behind the last one.
pub(super) fn with_appended(list: &[u8], mechanism: Vec<u8>) -> Option<Vec<u8>> {
    let list = MechTypes(Cow::Borrowed(list));
    let place = list.iter().count().to_string();
    Some(with_element(&list, &place, Some(mechanism))?.0.into_owned())
}

/// The message in one of the parts that a path leads into, and the path there.
fn entered<'p>(path: &'p str, parts: &[(&str, &Part)]) -> Option<(Message, &'p str)> {
    parts.iter().find_map(|(outer, part)| {
        let rest = inside(path, outer)?;
        Some((Message::of_ntlm(part.as_deref()?).ok()?, rest))
    })
}

fn inner_kind(path: &str, parts: &[(&str, &Part)]) -> Option<Kind> {
    let (mut message, rest) = entered(path, parts)?;
    message.fields().kind(rest)
}

fn inner(path: &str, parts: &[(&str, &Part)]) -> Option<Vec<u8>> {
    let (mut message, rest) = entered(path, parts)?;
    message.fields().get(rest)
}

/// Changes a field of the message in a part, and writes the message again.
fn set_inner(part: &mut Part, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
    let (outer, rest) = path.split_once('.').ok_or_else(|| unknown(path))?;
    if !matches!(outer, "mech-token" | "response-token" | "mech-list-mic") {
        return Err(unknown(path));
    }
    let bytes = part.as_deref().ok_or_else(|| unknown(path))?;
    let mut message = Message::of_ntlm(bytes).map_err(|_| FieldError::Malformed(path.to_owned()))?;
    message.fields().set(rest, value)?;
    *part = Some(Cow::Owned(message.emit()));
    Ok(())
}
