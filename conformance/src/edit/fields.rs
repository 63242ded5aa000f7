//! Fields of NTLM tokens by the paths that scenarios use, as bytes, to read and to change.

use std::borrow::Cow;

use legwork_engine::ntlm::messages::{
    Authenticate, AvId, AvPairs, AvPairsBuf, Challenge, ClientChallenge, Negotiate, NegotiateFlags,
    NtlmV2Response, Signature, Version,
};

use crate::suite::names;

/// Why a field cannot be read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The token has no field of this path.
    #[error("no field `{0}` in this token")]
    Unknown(String),
    /// The value does not fit the field.
    #[error("value does not fit field `{0}`")]
    BadValue(String),
    /// The part that holds the field is malformed.
    #[error("the part that holds `{0}` is malformed")]
    Malformed(String),
}

/// What a value in a scenario is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A little-endian number of so many bytes.
    Number(usize),
    /// Bytes in hex.
    Bytes,
    /// Text, UTF-16LE on the wire.
    Wide,
    /// Text in the OEM character set.
    Oem,
    /// An object identifier by its name, or in dotted form.
    Mechanism,
    /// Object identifiers with blanks between them.
    Mechanisms,
    /// A state of a negotiation by its name or number.
    State,
}

/// A token whose fields can be read and changed.
pub trait Fields {
    /// What the field's value is written as.
    fn kind(&self, path: &str) -> Option<Kind>;

    /// The bytes of a field; none if it is absent.
    fn get(&self, path: &str) -> Option<Vec<u8>>;

    /// Changes a field, or removes it.
    ///
    /// # Errors
    /// There is no such field, or the value does not fit.
    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError>;
}

pub(super) fn array<const N: usize>(path: &str, value: Option<Vec<u8>>) -> Result<[u8; N], FieldError> {
    let Some(value) = value else { return Ok([0; N]) };
    value
        .try_into()
        .map_err(|_| FieldError::BadValue(path.to_owned()))
}

fn flags(path: &str, value: Option<Vec<u8>>) -> Result<NegotiateFlags, FieldError> {
    array(path, value).map(|bytes| NegotiateFlags::from_bits_retain(u32::from_le_bytes(bytes)))
}

fn version(path: &str, value: Option<Vec<u8>>) -> Result<Option<Version>, FieldError> {
    let Some(value) = value else { return Ok(None) };
    let [major, minor, low, high, a, b, c, revision] = array(path, Some(value))?;
    let build = u16::from_le_bytes([low, high]);
    Ok(Some(Version {
        major,
        minor,
        build,
        reserved: [a, b, c],
        revision,
    }))
}

fn part(value: Option<Vec<u8>>) -> Cow<'static, [u8]> {
    Cow::Owned(value.unwrap_or_default())
}

fn word(flags: NegotiateFlags) -> Option<Vec<u8>> {
    Some(flags.bits().to_le_bytes().to_vec())
}

pub(super) fn unknown(path: &str) -> FieldError {
    FieldError::Unknown(path.to_owned())
}

impl Fields for Negotiate<'static> {
    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "flags" => Some(Kind::Number(4)),
            "domain" | "workstation" => Some(Kind::Oem),
            "version" => Some(Kind::Bytes),
            _ => None,
        }
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "flags" => word(self.flags),
            "domain" => Some(self.domain.to_vec()),
            "workstation" => Some(self.workstation.to_vec()),
            "version" => self.version.map(|version| version.to_bytes().to_vec()),
            _ => None,
        }
    }

    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
        match path {
            "flags" => self.flags = flags(path, value)?,
            "domain" => self.domain = part(value),
            "workstation" => self.workstation = part(value),
            "version" => self.version = version(path, value)?,
            _ => return Err(unknown(path)),
        }
        Ok(())
    }
}

impl Fields for Challenge<'static> {
    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "flags" => Some(Kind::Number(4)),
            "target-name" => Some(Kind::Wide),
            "server-challenge" | "reserved" | "target-info" | "version" => Some(Kind::Bytes),
            _ => path.strip_prefix("target-info.").and_then(pair_kind),
        }
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "flags" => word(self.flags),
            "target-name" => Some(self.target_name.to_vec()),
            "server-challenge" => Some(self.server_challenge.to_vec()),
            "reserved" => Some(self.reserved.to_vec()),
            "target-info" => Some(self.target_info.to_vec()),
            "version" => self.version.map(|version| version.to_bytes().to_vec()),
            _ => pair(&self.target_info, path.strip_prefix("target-info.")?),
        }
    }

    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
        match path {
            "flags" => self.flags = flags(path, value)?,
            "target-name" => self.target_name = part(value),
            "server-challenge" => self.server_challenge = array(path, value)?,
            "reserved" => self.reserved = array(path, value)?,
            "target-info" => self.target_info = part(value),
            "version" => self.version = version(path, value)?,
            _ => {
                let name = path.strip_prefix("target-info.").ok_or_else(|| unknown(path))?;
                set_pair(&mut self.target_info, name, value)?;
            }
        }
        Ok(())
    }
}

impl Fields for ClientChallenge<'static> {
    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "response-type" | "highest-response-type" => Some(Kind::Number(1)),
            "timestamp" => Some(Kind::Number(8)),
            "reserved" | "challenge" | "av-pairs" => Some(Kind::Bytes),
            _ => path.strip_prefix("av-pairs.").and_then(pair_kind),
        }
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "response-type" => Some(vec![self.response_type]),
            "highest-response-type" => Some(vec![self.highest_response_type]),
            "reserved" => Some([self.reserved.as_slice(), &self.reserved3].concat()),
            "timestamp" => Some(self.timestamp.to_le_bytes().to_vec()),
            "challenge" => Some(self.challenge.to_vec()),
            "av-pairs" => Some(self.av_pairs.to_vec()),
            _ => pair(&self.av_pairs, path.strip_prefix("av-pairs.")?),
        }
    }

    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
        match path {
            "response-type" => [self.response_type] = array(path, value)?,
            "highest-response-type" => [self.highest_response_type] = array(path, value)?,
            "reserved" => match value {
                Some(value) if value.len() == 6 => self.reserved = array(path, Some(value))?,
                value => {
                    let [a, b, c, d, e, f, rest @ ..] = array::<10>(path, value)?;
                    (self.reserved, self.reserved3) = ([a, b, c, d, e, f], rest);
                }
            },
            "timestamp" => self.timestamp = u64::from_le_bytes(array(path, value)?),
            "challenge" => self.challenge = array(path, value)?,
            "av-pairs" => self.av_pairs = part(value),
            _ => {
                let name = path.strip_prefix("av-pairs.").ok_or_else(|| unknown(path))?;
                set_pair(&mut self.av_pairs, name, value)?;
            }
        }
        Ok(())
    }
}

impl Fields for Authenticate<'static> {
    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "flags" => Some(Kind::Number(4)),
            "domain" | "user" | "workstation" => Some(Kind::Wide),
            "lm-response" | "nt-response" | "nt-proof" | "encrypted-session-key" | "version" | "mic" => {
                Some(Kind::Bytes)
            }
            "response-type" | "highest-response-type" => Some(Kind::Number(1)),
            "timestamp" => Some(Kind::Number(8)),
            "reserved" | "challenge" | "av-pairs" => Some(Kind::Bytes),
            _ => path.strip_prefix("av-pairs.").and_then(pair_kind),
        }
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "flags" => word(self.flags),
            "domain" => Some(self.domain.to_vec()),
            "user" => Some(self.user.to_vec()),
            "workstation" => Some(self.workstation.to_vec()),
            "lm-response" => Some(self.lm_response.to_vec()),
            "nt-response" => Some(self.nt_response.to_vec()),
            "nt-proof" => self.nt_response.get(..16).map(<[u8]>::to_vec),
            "encrypted-session-key" => Some(self.encrypted_session_key.to_vec()),
            "version" => self.version.map(|version| version.to_bytes().to_vec()),
            "mic" => self.mic.map(|mic| mic.to_vec()),
            _ => self.response().ok()?.client_challenge.get(path),
        }
    }

    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
        match path {
            "flags" => self.flags = flags(path, value)?,
            "domain" => self.domain = part(value),
            "user" => self.user = part(value),
            "workstation" => self.workstation = part(value),
            "lm-response" => self.lm_response = part(value),
            "nt-response" => self.nt_response = part(value),
            "nt-proof" => {
                let proof: [u8; 16] = array(path, value)?;
                let mut response = self.nt_response.to_vec();
                let place = response
                    .get_mut(..16)
                    .ok_or_else(|| FieldError::Malformed(path.to_owned()))?;
                place.copy_from_slice(&proof);
                self.nt_response = Cow::Owned(response);
            }
            "encrypted-session-key" => self.encrypted_session_key = part(value),
            "version" => self.version = version(path, value)?,
            "mic" => self.mic = value.map(|value| array(path, Some(value))).transpose()?,
            _ => {
                let mut response = self.response()?;
                response.client_challenge.set(path, value)?;
                self.nt_response = Cow::Owned(response.emit());
            }
        }
        Ok(())
    }
}

/// The NTLMv2 response inside an AUTHENTICATE message, owning its bytes.
trait Response {
    fn response(&self) -> Result<NtlmV2Response<'static>, FieldError>;
}

impl Response for Authenticate<'static> {
    fn response(&self) -> Result<NtlmV2Response<'static>, FieldError> {
        let parsed = NtlmV2Response::parse(&self.nt_response)
            .map_err(|_| FieldError::Malformed("nt-response".to_owned()))?;
        let inner = parsed.client_challenge;
        Ok(NtlmV2Response {
            proof: parsed.proof,
            client_challenge: ClientChallenge {
                av_pairs: Cow::Owned(inner.av_pairs.into_owned()),
                trailer: Cow::Owned(inner.trailer.into_owned()),
                ..inner
            },
        })
    }
}

impl Fields for Signature {
    fn kind(&self, path: &str) -> Option<Kind> {
        match path {
            "version" | "sequence" => Some(Kind::Number(4)),
            "checksum" => Some(Kind::Bytes),
            _ => None,
        }
    }

    fn get(&self, path: &str) -> Option<Vec<u8>> {
        match path {
            "version" => Some(self.version.to_le_bytes().to_vec()),
            "sequence" => Some(self.sequence.to_vec()),
            "checksum" => Some(self.checksum.to_vec()),
            _ => None,
        }
    }

    fn set(&mut self, path: &str, value: Option<Vec<u8>>) -> Result<(), FieldError> {
        match path {
            "version" => self.version = u32::from_le_bytes(array(path, value)?),
            "sequence" => self.sequence = array(path, value)?,
            "checksum" => self.checksum = array(path, value)?,
            _ => return Err(unknown(path)),
        }
        Ok(())
    }
}

/// The id of an AV pair by its name or number.
#[must_use]
pub fn pair_id(name: &str) -> Option<AvId> {
    let known = names::AV_PAIRS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, id)| *id);
    known
        .or_else(|| if name == "end" { Some(0) } else { name.parse().ok() })
        .map(AvId)
}

fn pair_kind(name: &str) -> Option<Kind> {
    match name {
        "flags" => Some(Kind::Number(4)),
        "timestamp" => Some(Kind::Number(8)),
        "single-host" | "channel-bindings" => Some(Kind::Bytes),
        _ if names::AV_PAIRS.iter().any(|(known, _)| *known == name) => Some(Kind::Wide),
        _ => Some(Kind::Bytes),
    }
}

fn pair(list: &[u8], name: &str) -> Option<Vec<u8>> {
    let (pairs, _) = AvPairs::parse(list).ok()?;
    pairs.get(pair_id(name)?).map(<[u8]>::to_vec)
}

/// Replaces or removes the first pair of a name, or appends one before the terminator.
fn set_pair(list: &mut Cow<'static, [u8]>, name: &str, mut value: Option<Vec<u8>>) -> Result<(), FieldError> {
    let id = pair_id(name).ok_or_else(|| unknown(name))?;
    let (pairs, _) = AvPairs::parse(list).map_err(|_| FieldError::Malformed(name.to_owned()))?;
    let mut out = AvPairsBuf::default();
    let mut found = false;
    for pair in pairs.iter() {
        if pair.id == id && !found {
            found = true;
            if let Some(value) = value.take() {
                out.push(id, &value);
            }
        } else {
            out.push(pair.id, pair.value);
        }
    }
    if let Some(value) = value {
        out.push(id, &value);
    }
    *list = Cow::Owned(out.terminate());
    Ok(())
}

/// The list with a pair appended before the terminator, whatever is there already.
///
/// # Errors
/// The list is malformed.
pub fn with_appended(list: &[u8], id: AvId, value: &[u8]) -> Result<Vec<u8>, FieldError> {
    let (pairs, _) = AvPairs::parse(list).map_err(|_| FieldError::Malformed("AvPairs".to_owned()))?;
    let mut out = AvPairsBuf::default();
    for pair in pairs.iter() {
        out.push(pair.id, pair.value);
    }
    out.push(id, value);
    Ok(out.terminate())
}
