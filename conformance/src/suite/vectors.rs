//! Vectors as input of cases.

use std::{collections::BTreeMap, sync::OnceLock};

use legwork_vectors::{Outcome, Vector};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    map::UniqueMap,
    scenario::{Edit, Variation},
};

/// A message that vectors are given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Message {
    /// NEGOTIATE.
    Negotiate,
    /// CHALLENGE.
    Challenge,
    /// AUTHENTICATE.
    Authenticate,
}

/// Invalid vectors that make no case in an exchange that is not their own, each with the reason.
pub const LEFT_OUT: &[(&str, &str)] = &[
    (
        "ntlm/challenge/38",
        "an initiator has no use for the target name, and real ones are no text",
    ),
    (
        "ntlm/authenticate/36",
        "the key's size is looked at when the proof is right, here it is another exchange's",
    ),
    (
        "ntlm/authenticate/37",
        "the key's size is looked at when the proof is right, here it is another exchange's",
    ),
    (
        "ntlm/authenticate/44",
        "a MIC of another exchange is wrong without the change",
    ),
    (
        "ntlm/authenticate/45",
        "a proof of another exchange is wrong without the change",
    ),
    (
        "ntlm/authenticate/46",
        "a proof of another exchange is wrong without the change",
    ),
    (
        "ntlm/authenticate/47",
        "a MIC of another exchange is wrong without the change",
    ),
    (
        "ntlm/authenticate/48",
        "a MIC of another exchange is wrong without the change",
    ),
];

impl Message {
    fn folder(self) -> &'static str {
        match self {
            Self::Negotiate => "ntlm/negotiate/",
            Self::Challenge => "ntlm/challenge/",
            Self::Authenticate => "ntlm/authenticate/",
        }
    }

    /// The values of an axis: one for each invalid vector, `17-truncated`.
    #[must_use]
    pub(super) fn invalid(self) -> UniqueMap<Variation> {
        let mut axis = UniqueMap::default();
        let invalid = all()
            .iter()
            .filter(|vector| vector.result == Outcome::Invalid && !is_left_out(&vector.id));
        for vector in invalid {
            let (Some(number), Some(bytes)) = (vector.id.strip_prefix(self.folder()), &vector.bytes) else {
                continue;
            };
            let reason = vector.reason.as_deref().unwrap_or("invalid");
            let variation = Variation {
                edits: vec![Edit::Replace(hex::encode(bytes))],
                ..Variation::default()
            };
            axis.set(&format!("{number}-{reason}"), variation);
        }
        axis
    }
}

fn is_left_out(id: &str) -> bool {
    LEFT_OUT.iter().any(|(left, _)| *left == id)
}

/// All vectors in order of files and numbers; read once.
fn all() -> &'static [Vector] {
    static ALL: OnceLock<Vec<Vector>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = legwork_vectors::all().map(|vectors| vectors.map(|(_, vector)| vector).collect());
        read.unwrap_or_default()
    })
}

/// The bytes of a vector, if there is one of this id and it has bytes.
#[must_use]
pub fn bytes(id: &str) -> Option<&'static [u8]> {
    static BY_ID: OnceLock<BTreeMap<&str, &[u8]>> = OnceLock::new();
    let by_id = BY_ID.get_or_init(|| {
        let with_bytes = all().iter();
        with_bytes
            .filter_map(|vector| Some((vector.id.as_str(), vector.bytes.as_deref()?)))
            .collect()
    });
    by_id.get(id).copied()
}

/// The ids of all vectors.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    all().iter().map(|vector| vector.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invalid_vector_of_a_message_is_a_case_or_left_out_with_a_reason() {
        let messages = [Message::Negotiate, Message::Challenge, Message::Authenticate];
        let of_messages = |vector: &&Vector| {
            messages
                .iter()
                .any(|message| vector.id.starts_with(message.folder()))
        };
        let invalid = all().iter().filter(of_messages);
        let invalid = invalid.filter(|vector| vector.result == Outcome::Invalid).count();
        let cases: usize = messages.iter().map(|message| message.invalid().len()).sum();
        assert!(invalid > 60, "{invalid}");
        assert_eq!(cases + LEFT_OUT.len(), invalid);
        for (id, reason) in LEFT_OUT {
            assert!(bytes(id).is_some() && !reason.is_empty(), "{id}");
        }
    }

    #[test]
    fn the_bytes_of_a_vector_are_its_own() {
        let found = bytes("ntlm/negotiate/2").unwrap_or_default();
        assert!(found.starts_with(b"NTLMSSP\0\x01\0\0\0"), "{found:?}");
        assert_eq!(bytes("ntlm/negotiate/0"), None);
    }
}
