//! Vectors as input of cases.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use legwork_vectors::{Authority, Group, Outcome, Vector};
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
    /// An initiator's list of mechanisms.
    NegTokenInit,
    /// An acceptor's list of mechanisms with its hints.
    #[serde(rename = "neg-token-init2")]
    NegTokenInit2,
    /// A later token of Negotiate.
    NegTokenResp,
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
            Self::NegTokenInit => "negotiate/neg_token_init/",
            Self::NegTokenInit2 => "negotiate/neg_token_init2/",
            Self::NegTokenResp => "negotiate/neg_token_resp/",
        }
    }

    /// The values of an axis: one for each invalid vector, `17-truncated`.
    #[must_use]
    pub(super) fn invalid(self) -> UniqueMap<Variation> {
        let mut axis = UniqueMap::default();
        let invalid = all()
            .iter()
            .map(|known| &known.vector)
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

/// What there are vectors of that can be decoded by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenKind {
    /// NEGOTIATE.
    Negotiate,
    /// CHALLENGE.
    Challenge,
    /// AUTHENTICATE.
    Authenticate,
    /// A list of AV pairs.
    AvPair,
    /// An initiator's list of mechanisms.
    NegTokenInit,
    /// An acceptor's list of mechanisms with its hints.
    #[serde(rename = "neg-token-init2")]
    NegTokenInit2,
    /// A later token of Negotiate.
    NegTokenResp,
}

impl TokenKind {
    /// All of them, as they follow each other.
    pub const ALL: [Self; 7] = [
        Self::Negotiate,
        Self::Challenge,
        Self::Authenticate,
        Self::AvPair,
        Self::NegTokenInit,
        Self::NegTokenInit2,
        Self::NegTokenResp,
    ];

    /// Its name in the vector files and in the adapter protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Negotiate => "negotiate",
            Self::Challenge => "challenge",
            Self::Authenticate => "authenticate",
            Self::AvPair => "av_pair",
            Self::NegTokenInit => "neg_token_init",
            Self::NegTokenInit2 => "neg_token_init2",
            Self::NegTokenResp => "neg_token_resp",
        }
    }

    /// The package that it is a token of.
    #[must_use]
    pub fn package(self) -> &'static str {
        match self {
            Self::Negotiate | Self::Challenge | Self::Authenticate | Self::AvPair => "ntlm",
            Self::NegTokenInit | Self::NegTokenInit2 | Self::NegTokenResp => "negotiate",
        }
    }

    /// The kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|token| token.name() == name)
    }

    /// The values of an axis: one for each vector of the token that fits, `17-truncated`.
    pub(super) fn axis(self, fits: fn(&Known) -> bool) -> UniqueMap<Variation> {
        axis(|known| known.token() == self.name() && fits(known))
    }
}

/// What there are known answers of that can be asked for by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answers {
    /// One-way functions, responses, keys, message integrity codes and hashes of NTLM.
    Keys,
    /// Codes over Negotiate's list of mechanisms, with NTLM.
    MechListMic,
}

impl Answers {
    /// The package, and the name of the file.
    fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Keys => ("ntlm", "keys"),
            Self::MechListMic => ("negotiate", "mech_list_mic"),
        }
    }

    /// The values of an axis: one for each known answer of a function, `4-nt-response-v1`.
    pub(super) fn axis(self) -> UniqueMap<Variation> {
        let (_, file) = self.file();
        axis(|known| known.token() == file && known.function().is_some())
    }
}

fn axis(fits: impl Fn(&Known) -> bool) -> UniqueMap<Variation> {
    let mut axis = UniqueMap::default();
    for known in all().iter().filter(|known| fits(known)) {
        let vector = &known.vector;
        let number = vector.id.rsplit('/').next().unwrap_or_default();
        let name = vector.function.as_ref().or(vector.reason.as_ref());
        let value = name.map_or_else(|| number.to_owned(), |name| format!("{number}-{name}"));
        let variation = Variation {
            vector: Some(vector.id.clone()),
            ..Variation::default()
        };
        axis.set(&value, variation);
    }
    axis
}

/// A vector, and what it is worth.
#[derive(Debug)]
pub struct Known {
    /// Where its values come from.
    pub authority: Authority,
    /// The vector.
    pub vector: Vector,
}

impl Known {
    /// The name of its file: a token, or a kind of known answers; empty for a whole exchange.
    #[must_use]
    pub fn token(&self) -> &str {
        match self.vector.id.split_once('/') {
            None | Some(("exchanges", _)) => "",
            Some((_, file)) => file.split('/').next().unwrap_or_default(),
        }
    }

    /// The function that it is a known answer of, if it depends on nothing but its inputs and its value is the bytes.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        let function = self.vector.function.as_deref();
        function.filter(|function| self.token() == "keys" || *function == "mech-list-mic")
    }

    pub(super) fn is_decodable(&self) -> bool {
        self.vector.result == Outcome::Valid
    }

    /// Whether who reads the bytes alone has to refuse them: nobody has to look into the parts, and a length in more than
    /// five bytes is one to many readers (X.690 8.1.3.5).
    pub(super) fn is_malformed(&self) -> bool {
        let elsewhere = |flag: &String| flag == "nested" || flag == "semantic";
        let overlong = self.vector.reason.as_deref() == Some("length-too-wide");
        self.vector.result == Outcome::Invalid && !overlong && !self.vector.flags.iter().any(elsewhere)
    }

    /// Whether the fields say all: the layout is the usual one, lengths are the shortest, and no bytes follow.
    pub(super) fn is_encodable(&self) -> bool {
        let says_more = |name: &str| self.vector.fields.contains_key(name);
        self.is_decodable() && !says_more("layout") && !says_more("trailer") && !says_more("long_lengths")
    }
}

/// All vectors in order of files and numbers; read once.
fn all() -> &'static [Known] {
    static ALL: OnceLock<Vec<Known>> = OnceLock::new();
    ALL.get_or_init(|| {
        let known = |(group, vector): (Group, Vector)| Known {
            authority: group.authority,
            vector,
        };
        let read = legwork_vectors::all().map(|vectors| vectors.map(known).collect());
        read.unwrap_or_default()
    })
}

/// The vector of an id, if there is one.
#[must_use]
pub fn known(id: &str) -> Option<&'static Known> {
    static BY_ID: OnceLock<BTreeMap<&str, &Known>> = OnceLock::new();
    let by_id = BY_ID.get_or_init(|| {
        let with_id = all().iter().map(|known| (known.vector.id.as_str(), known));
        with_id.collect()
    });
    by_id.get(id).copied()
}

/// The bytes of a vector, if there is one of this id and it has bytes.
#[must_use]
pub fn bytes(id: &str) -> Option<&'static [u8]> {
    known(id)?.vector.bytes.as_deref()
}

/// The ids of all vectors.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    all().iter().map(|known| known.vector.id.as_str())
}

/// The functions of a package that there are known answers of, in alphabetical order.
#[must_use]
pub fn functions(package: &str) -> BTreeSet<&'static str> {
    let own = |known: &&Known| known.vector.id.split('/').next() == Some(package);
    all().iter().filter(own).filter_map(Known::function).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invalid_vector_of_a_message_is_a_case_or_left_out_with_a_reason() {
        let messages = [
            Message::Negotiate,
            Message::Challenge,
            Message::Authenticate,
            Message::NegTokenInit,
            Message::NegTokenInit2,
            Message::NegTokenResp,
        ];
        let of_messages = |vector: &&Vector| {
            messages
                .iter()
                .any(|message| vector.id.starts_with(message.folder()))
        };
        let invalid = all().iter().map(|known| &known.vector).filter(of_messages);
        let invalid = invalid.filter(|vector| vector.result == Outcome::Invalid).count();
        let cases: usize = messages.iter().map(|message| message.invalid().len()).sum();
        assert!(invalid > 60, "{invalid}");
        assert_eq!(cases + LEFT_OUT.len(), invalid);
        for (id, reason) in LEFT_OUT {
            assert!(bytes(id).is_some() && !reason.is_empty(), "{id}");
        }
    }

    #[test]
    fn every_vector_of_a_token_is_decoded_or_refused_or_left_to_who_knows_more() {
        for token in TokenKind::ALL {
            let of_token = || all().iter().filter(|known| known.token() == token.name());
            let flagged = |known: &&Known| known.vector.result == Outcome::Invalid && !known.is_malformed();
            let good = token.axis(Known::is_decodable).len();
            let broken = token.axis(Known::is_malformed).len();
            assert!(good > 9 && broken > 5, "{token:?}: {good}, {broken}");
            let cases = good + broken + of_token().filter(flagged).count();
            assert_eq!(cases, of_token().count(), "{token:?}");
            let encoded = token.axis(Known::is_encodable).len();
            assert!((1..=good).contains(&encoded), "{token:?}: {encoded}");
        }
    }

    #[test]
    fn every_known_answer_is_asked_for_and_no_protected_message() {
        for answers in [Answers::Keys, Answers::MechListMic] {
            let (package, file) = answers.file();
            let folder = format!("{package}/{file}/");
            let of_file = all().iter().map(|known| &known.vector);
            // What a verifier says is no value.
            let made = of_file
                .filter(|vector| vector.id.starts_with(&folder))
                .filter(|vector| vector.function.as_deref() != Some("verify-mech-list-mic"));
            assert_eq!(answers.axis().len(), made.count(), "{answers:?}");
        }
        let of_ntlm = functions("ntlm");
        assert!(of_ntlm.contains("nt-proof") && !of_ntlm.contains("seal"));
        assert_eq!(Vec::from_iter(functions("negotiate")), ["mech-list-mic"]);
        assert!(functions("kerberos").is_empty());
    }

    #[test]
    fn the_bytes_of_a_vector_are_its_own() {
        let found = bytes("ntlm/negotiate/2").unwrap_or_default();
        assert!(found.starts_with(b"NTLMSSP\0\x01\0\0\0"), "{found:?}");
        assert_eq!(bytes("ntlm/negotiate/0"), None);
    }
}
