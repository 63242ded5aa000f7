//! Values of the engine from the members of a vector.

use std::borrow::Cow;

use legwork_engine::{
    codec::utf16::Text,
    ntlm::messages::{
        Authenticate, AvId, AvPairsBuf, Challenge, ClientChallenge, Negotiate, NegotiateFlags,
        NtlmV2Response, Version,
    },
};
use serde_json::{Map, Value};

/// Members of a vector or of a part of one.
pub(crate) type Members = Map<String, Value>;

/// A member that is text; none if it is null or absent.
pub(crate) fn text<'a>(members: &'a Members, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

/// A member that is hexadecimal, of any length; empty if it is null or absent.
pub(crate) fn bytes(members: &Members, name: &str) -> Vec<u8> {
    text(members, name).map_or_else(Vec::new, |text| hex::decode(text).unwrap())
}

/// A member that is hexadecimal, of the size that the caller wants.
pub(crate) fn array<const N: usize>(members: &Members, name: &str) -> [u8; N] {
    bytes(members, name)
        .try_into()
        .unwrap_or_else(|wrong: Vec<u8>| panic!("{name} has {} bytes, not {N}", wrong.len()))
}

/// A member that is a flag word.
pub(crate) fn flags(members: &Members) -> NegotiateFlags {
    let word = text(members, "flags")
        .and_then(|text| text.strip_prefix("0x"))
        .unwrap();
    NegotiateFlags::from_bits_retain(u32::from_str_radix(word, 16).unwrap())
}

fn name(members: &Members, name: &str, unicode: bool) -> Cow<'static, [u8]> {
    let text = Text::from(text(members, name).unwrap_or_default());
    Cow::Owned(if unicode {
        text.to_le_bytes()
    } else {
        text.to_oem()
    })
}

fn byte(members: &Members, name: &str) -> u8 {
    u8::try_from(members[name].as_u64().unwrap()).unwrap()
}

fn version(members: &Members) -> Option<Version> {
    let version = members["version"].as_object()?;
    Some(Version {
        major: byte(version, "major"),
        minor: byte(version, "minor"),
        build: u16::try_from(version["build"].as_u64().unwrap()).unwrap(),
        reserved: if version.contains_key("reserved") {
            array(version, "reserved")
        } else {
            [0; 3]
        },
        revision: byte(version, "revision"),
    })
}

/// The bytes of a list of AV pairs; empty for a list that is not there.
pub(crate) fn av_pairs(list: &Value) -> Vec<u8> {
    let Some((end, pairs)) = list.as_array().and_then(|list| list.split_last()) else {
        return Vec::new();
    };
    let id = |pair: &Value| AvId(u16::try_from(pair["id"].as_u64().unwrap()).unwrap());
    assert_eq!(id(end), AvId::EOL);
    let mut out = AvPairsBuf::default();
    for pair in pairs {
        let members = pair.as_object().unwrap();
        let value = match text(members, "text") {
            Some(text) => Text::from(text).to_le_bytes(),
            None => bytes(members, "value"),
        };
        out.push(id(pair), &value);
    }
    out.terminate()
}

/// The NEGOTIATE message that a vector describes.
pub(crate) fn negotiate(members: &Members) -> Negotiate<'static> {
    Negotiate {
        flags: flags(members),
        domain: name(members, "domain", false),
        workstation: name(members, "workstation", false),
        version: version(members),
    }
}

/// The CHALLENGE message that a vector describes.
pub(crate) fn challenge(members: &Members) -> Challenge<'static> {
    let flags = flags(members);
    Challenge {
        target_name: name(members, "target_name", flags.contains(NegotiateFlags::UNICODE)),
        flags,
        server_challenge: array(members, "server_challenge"),
        reserved: if members.contains_key("reserved") {
            array(members, "reserved")
        } else {
            [0; 8]
        },
        target_info: av_pairs(&members["target_info"]).into(),
        version: version(members),
    }
}

/// The AUTHENTICATE message that a vector describes.
pub(crate) fn authenticate(members: &Members) -> Authenticate<'static> {
    let flags = flags(members);
    let unicode = flags.contains(NegotiateFlags::UNICODE);
    Authenticate {
        lm_response: bytes(members, "lm_response").into(),
        nt_response: bytes(members, "nt_response").into(),
        domain: name(members, "domain", unicode),
        user: name(members, "user", unicode),
        workstation: name(members, "workstation", unicode),
        encrypted_session_key: bytes(members, "encrypted_session_key").into(),
        flags,
        version: version(members),
        mic: text(members, "mic").map(|_| array(members, "mic")),
    }
}

/// The NTLMv2 response that a vector describes, if it describes one.
pub(crate) fn nt_response(members: &Members) -> Option<NtlmV2Response<'static>> {
    let members = members.get("nt_response_v2")?.as_object()?;
    Some(NtlmV2Response {
        proof: array(members, "nt_proof"),
        client_challenge: ClientChallenge {
            response_type: byte(members, "response_type"),
            highest_response_type: byte(members, "highest_response_type"),
            reserved: [0; 6],
            timestamp: u64::from_le_bytes(array(members, "timestamp")),
            challenge: array(members, "client_challenge"),
            reserved3: [0; 4],
            av_pairs: av_pairs(&members["av_pairs"]).into(),
            trailer: bytes(members, "trailer").into(),
        },
    })
}
