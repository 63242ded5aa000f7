//! The mutation grammar: every place of a token that a reader acts upon, each with the values that readers get wrong.
//!
//! Places and values are named here, from the field descriptors of the message types; what a value comes to in a
//! given token is worked out by [`crate::edit::mutation`] when the token is known.
//!
//! | path | place |
//! |---|---|
//! | `flags`, `mic` … | a field of the fixed part |
//! | `domain.length`, `.max-length`, `.offset` | a number of the eight bytes that describe a part of the payload |
//! | `domain.value` | the part itself |
//! | `nt-proof`, `response-type` … | a field of the NTLMv2 response |
//! | `mech-token.outer-length`, `.tag` … | of tokens of Negotiate: see `der_grammar` |
//! | `target-info.timestamp.id`, `.length`, `.value` | a pair of the CHALLENGE's list; `av-pairs` is that of the response |

use legwork_engine::ntlm::messages::{Authenticate, Challenge, FixedField, Negotiate};
use schemars::JsonSchema;
use serde::Deserialize;

pub use super::mutant::Mutant;
use super::{
    der_grammar,
    map::UniqueMap,
    names,
    scenario::{Edit, Variation},
};

/// A place of a token gets another value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mutation {
    /// Path of the place.
    pub at: String,
    /// The value.
    pub to: Mutant,
}

/// What has places: a message, or a structure inside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// NEGOTIATE without the names.
    Negotiate,
    /// The names of a NEGOTIATE.
    NegotiateNames,
    /// CHALLENGE without the pairs.
    Challenge,
    /// The pairs of a CHALLENGE.
    TargetInfo,
    /// AUTHENTICATE without the response's inside.
    Authenticate,
    /// The same of a message that has no room for a MIC.
    AuthenticateWithoutMic,
    /// The inside of an NTLMv2 response: fixed part and pairs.
    NtResponse,
    /// The signature of a protected message.
    Signature,
    /// An initiator's list of mechanisms with a token.
    NegTokenInit,
    /// An acceptor's list of mechanisms with its hints.
    #[serde(rename = "neg-token-init2")]
    NegTokenInit2,
    /// Flags in a list of mechanisms.
    NegTokenInitFlags,
    /// A code in a list of mechanisms.
    NegTokenInitCode,
    /// An acceptor's first answer.
    NegTokenResp,
    /// A later token with a token of the mechanism that names none.
    NegTokenAnswer,
    /// A later token without a token of the mechanism: the state.
    NegTokenState,
    /// The code of a later token of Negotiate.
    MechListMic,
}

/// Names that scenarios have for fields of the specification.
const FIELD_NAMES: &[(&str, &str)] = &[
    ("Signature", "signature"),
    ("MessageType", "message-type"),
    ("NegotiateFlags", "flags"),
    ("DomainName", "domain"),
    ("Workstation", "workstation"),
    ("Version", "version"),
    ("TargetName", "target-name"),
    ("ServerChallenge", "server-challenge"),
    ("Reserved", "reserved"),
    ("TargetInfo", "target-info"),
    ("LmChallengeResponse", "lm-response"),
    ("NtChallengeResponse", "nt-response"),
    ("UserName", "user"),
    ("EncryptedRandomSessionKey", "encrypted-session-key"),
    ("MIC", "mic"),
];

/// Fields of an NTLMv2 response (MS-NLMP sections 2.2.2.7 and 2.2.2.8): name, offset, size.
pub(crate) const RESPONSE_FIELDS: &[(&str, usize, usize)] = &[
    ("nt-proof", 0, 16),
    ("response-type", 16, 1),
    ("highest-response-type", 17, 1),
    ("reserved", 18, 6),
    ("timestamp", 24, 8),
    ("challenge", 32, 8),
    ("reserved-3", 40, 4),
];

/// What the pair is called that ends a list.
const TERMINATOR: &str = "end";

/// Where the pairs begin in an NTLMv2 response.
pub(crate) const RESPONSE_PAIRS: usize = 44;

/// Fields of a signature (MS-NLMP section 2.2.2.9): name, offset, size.
pub(crate) const SIGNATURE_FIELDS: &[(&str, usize, usize)] =
    &[("version", 0, 4), ("checksum", 4, 8), ("sequence", 12, 4)];

/// The id that no pair has yet.
pub(crate) const UNKNOWN_PAIR: u16 = 11;

/// Names of the three numbers of a descriptor: offset and size within it.
pub(crate) const DESCRIPTOR_FIELDS: &[(&str, usize, usize)] =
    &[("length", 0, 2), ("max-length", 2, 2), ("offset", 4, 4)];

/// Pairs that an acceptor sends by default.
const CHALLENGE_PAIRS: &[&str] = &[
    "domain-name",
    "computer-name",
    "dns-domain-name",
    "dns-computer-name",
    "dns-tree-name",
    "timestamp",
];

/// Pairs that an initiator adds.
const OWN_PAIRS: &[&str] = &["flags", "channel-bindings", "target-name"];

const TYPE: &[Mutant] = &[
    Mutant::Zero,
    Mutant::PlusOne,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::BeyondLowByte,
    Mutant::BeyondLowHalf,
];
const NUMBER: &[Mutant] = &[
    Mutant::Zero,
    Mutant::One,
    Mutant::PlusOne,
    Mutant::MinusOne,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::BeyondLowByte,
    Mutant::BeyondLowHalf,
];
const FLAGS: &[Mutant] = &[
    Mutant::Zero,
    Mutant::One,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
];
const BYTES: &[Mutant] = &[Mutant::Zero, Mutant::AllOnes, Mutant::PlusOne, Mutant::LastByte];
/// For what is zero already.
const ZEROS: &[Mutant] = &[Mutant::One, Mutant::AllOnes, Mutant::Sign];
const SMALL: &[Mutant] = &[Mutant::Zero, Mutant::PlusOne, Mutant::AllOnes, Mutant::Sign];
const CUT: &[Mutant] = &[Mutant::CutBefore, Mutant::CutWithin];
const LENGTH: &[Mutant] = &[
    Mutant::Zero,
    Mutant::One,
    Mutant::PlusOne,
    Mutant::MinusOne,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::BeyondLowByte,
    Mutant::Wraps,
];
const MAX_LENGTH: &[Mutant] = &[Mutant::Zero, Mutant::One, Mutant::MinusOne, Mutant::AllOnes];
const OFFSET: &[Mutant] = &[
    Mutant::Zero,
    Mutant::One,
    Mutant::PlusOne,
    Mutant::MinusOne,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::BeyondLowByte,
    Mutant::BeyondLowHalf,
    Mutant::Wraps,
    Mutant::AtTheEnd,
    Mutant::InHeader,
    Mutant::Overlapping,
];
const END: &[Mutant] = &[Mutant::ToTheEnd, Mutant::PastTheEnd];
const DESCRIPTOR: &[Mutant] = &[Mutant::Zero, Mutant::AllOnes];
const PART: &[Mutant] = &[Mutant::AllOnes, Mutant::LastByte];
const PAIR_ID: &[Mutant] = &[
    Mutant::Zero,
    Mutant::Unknown,
    Mutant::AllOnes,
    Mutant::Sign,
    Mutant::BeyondLowByte,
];
const PAIR_LENGTH: &[Mutant] = &[
    Mutant::Zero,
    Mutant::One,
    Mutant::PlusOne,
    Mutant::MinusOne,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::BeyondLowByte,
    Mutant::ToTheEnd,
    Mutant::PastTheEnd,
];
const END_ID: &[Mutant] = &[
    Mutant::One,
    Mutant::Unknown,
    Mutant::AllOnes,
    Mutant::BeyondLowByte,
];
const END_LENGTH: &[Mutant] = &[
    Mutant::One,
    Mutant::AllOnes,
    Mutant::Half,
    Mutant::Sign,
    Mutant::BeyondLowByte,
];

/// The name that scenarios have for a field of the specification; its own if they have none.
pub(crate) fn field_name(name: &'static str) -> &'static str {
    let known = FIELD_NAMES.iter().find(|(theirs, _)| *theirs == name);
    known.map_or(name, |(_, ours)| ours)
}

impl Structure {
    /// The values of an axis: one for each mutation.
    #[must_use]
    pub(super) fn axis(self) -> UniqueMap<Variation> {
        let mut grammar = Grammar::default();
        match self {
            Self::Negotiate => grammar.fields(Negotiate::FIELDS),
            Self::NegotiateNames => grammar.parts(Negotiate::FIELDS, "workstation"),
            Self::Challenge => {
                grammar.fields(Challenge::FIELDS);
                grammar.parts(Challenge::FIELDS, "target-info");
            }
            Self::TargetInfo => grammar.pairs("target-info", CHALLENGE_PAIRS),
            Self::Authenticate | Self::AuthenticateWithoutMic => {
                let without = usize::from(self == Self::AuthenticateWithoutMic);
                let fields = Authenticate::FIELDS.len().saturating_sub(without);
                grammar.fields(Authenticate::FIELDS.get(..fields).unwrap_or_default());
                grammar.parts(Authenticate::FIELDS, "encrypted-session-key");
            }
            Self::NtResponse => grammar.response(),
            Self::Signature => grammar.signature(),
            Self::NegTokenInit
            | Self::NegTokenInit2
            | Self::NegTokenInitFlags
            | Self::NegTokenInitCode
            | Self::NegTokenResp
            | Self::NegTokenAnswer
            | Self::NegTokenState
            | Self::MechListMic => {
                for Mutation { at, to } in der_grammar::mutations(self) {
                    grammar.add(&at, [to]);
                }
            }
        }
        grammar.values
    }
}

/// The mutations so far, as values of an axis.
#[derive(Default)]
struct Grammar {
    values: UniqueMap<Variation>,
}

impl Grammar {
    fn value(&mut self, name: &str, edit: Edit) {
        let variation = Variation {
            edits: vec![edit],
            ..Variation::default()
        };
        self.values.set(name, variation);
    }

    fn add(&mut self, at: &str, to: impl IntoIterator<Item = Mutant>) {
        for to in to {
            let name = format!("{}-{}", at.replace('.', "-"), to.name());
            let at = at.to_owned();
            self.value(&name, Edit::Mutate(Mutation { at, to }));
        }
    }

    /// Fields that describe no part of the payload. A fixed part that ends early lacks fields.
    fn fields(&mut self, fields: &[FixedField]) {
        for field in fields {
            let name = field_name(field.name);
            self.add(name, CUT.iter().copied());
            if !field.describes_payload {
                self.field(name);
            }
        }
    }

    fn field(&mut self, name: &str) {
        let values = match name {
            "message-type" => TYPE,
            "flags" => FLAGS,
            "reserved" | "reserved-3" => ZEROS,
            "response-type" | "highest-response-type" => SMALL,
            "timestamp" | "sequence" => NUMBER,
            _ => BYTES,
        };
        self.add(name, values.iter().copied());
        if name == "flags" {
            self.add(name, (0..32).map(Mutant::Bit));
        }
    }

    /// Parts of the payload and what describes them. The last one ends where the token ends in the usual layout: there
    /// is no end to move it to.
    fn parts(&mut self, fields: &[FixedField], last: &str) {
        for field in fields.iter().filter(|field| field.describes_payload) {
            let name = field_name(field.name);
            let end = if name == last { &[] } else { END };
            let part = |what: &str| format!("{name}.{what}");
            self.add(name, DESCRIPTOR.iter().copied());
            self.add(&part("length"), LENGTH.iter().chain(end).copied());
            self.add(&part("max-length"), MAX_LENGTH.iter().copied());
            self.add(&part("offset"), OFFSET.iter().chain(end).copied());
            self.add(&part("value"), PART.iter().chain(CUT).copied());
        }
    }

    fn pairs(&mut self, list: &str, pairs: &[&str]) {
        for pair in pairs {
            let part = |what: &str| format!("{list}.{pair}.{what}");
            self.add(&part("id"), PAIR_ID.iter().copied());
            self.add(&part("length"), PAIR_LENGTH.iter().copied());
            let values = match *pair {
                "timestamp" => NUMBER,
                "flags" => FLAGS,
                // No bindings are sixteen zero bytes.
                "channel-bindings" => ZEROS,
                _ => BYTES,
            };
            self.add(&part("value"), values.iter().copied());
        }
        let end = |what: &str| format!("{list}.{}.{what}", TERMINATOR);
        self.add(&end("id"), END_ID.iter().copied());
        self.add(&end("length"), END_LENGTH.iter().copied());
    }

    fn response(&mut self) {
        for (name, ..) in RESPONSE_FIELDS {
            self.field(name);
        }
        self.pairs("av-pairs", &[CHALLENGE_PAIRS, OWN_PAIRS].concat());
    }

    /// The three fields, and signatures of another size than sixteen bytes.
    fn signature(&mut self) {
        for (name, ..) in SIGNATURE_FIELDS {
            self.field(name);
        }
        for length in [0, 1, 15] {
            self.value(&format!("length-{length}"), Edit::Truncate(length));
        }
        for more in [1, 16] {
            let edit = Edit::Extend("00".repeat(more));
            self.value(&format!("length-{}", more.saturating_add(16)), edit);
        }
    }
}

/// Whether a path names a place of some token.
#[must_use]
pub(super) fn is_place(path: &str) -> bool {
    if der_grammar::is_place(path) {
        return true;
    }
    let parts: Vec<&str> = path.split('.').collect();
    let field = |name: &str| FIELD_NAMES.iter().any(|(_, ours)| *ours == name);
    let one_of =
        |fields: &[(&str, usize, usize)], name: &str| fields.iter().any(|(known, ..)| *known == name);
    match parts.as_slice() {
        [name] => field(name) || one_of(RESPONSE_FIELDS, name) || one_of(SIGNATURE_FIELDS, name),
        [name, what] => field(name) && (*what == "value" || one_of(DESCRIPTOR_FIELDS, what)),
        ["target-info" | "av-pairs", pair, what] => {
            let known = *pair == TERMINATOR || names::is_pair(pair);
            known && matches!(*what, "id" | "length" | "value")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_message_has_a_name_for_scenarios() {
        for fields in [Negotiate::FIELDS, Challenge::FIELDS, Authenticate::FIELDS] {
            for field in fields {
                assert!(is_place(field_name(field.name)), "{}", field.name);
            }
        }
    }

    #[test]
    fn every_mutation_names_a_place_and_itself() {
        let all = [
            Structure::Negotiate,
            Structure::NegotiateNames,
            Structure::Challenge,
            Structure::TargetInfo,
            Structure::Authenticate,
            Structure::AuthenticateWithoutMic,
            Structure::NtResponse,
            Structure::Signature,
            Structure::NegTokenInit,
            Structure::NegTokenInit2,
            Structure::NegTokenInitFlags,
            Structure::NegTokenInitCode,
            Structure::NegTokenResp,
            Structure::NegTokenAnswer,
            Structure::NegTokenState,
            Structure::MechListMic,
        ];
        for structure in all {
            for (name, variation) in structure.axis().iter() {
                for edit in &variation.edits {
                    if let Edit::Mutate(mutation) = edit {
                        assert!(is_place(&mutation.at), "{}", mutation.at);
                        assert!(name.ends_with(&*mutation.to.name()), "{name}");
                    }
                }
            }
        }
        assert!(!is_place("domain.size") && !is_place("target-info.timestamp") && !is_place(""));
    }
}
