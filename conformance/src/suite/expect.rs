//! What a scenario says must come back from a call.

use schemars::JsonSchema;
use serde::Deserialize;

use super::map::UniqueMap;

/// What must come back from a call.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// The rule that says so. Every expectation names one.
    pub rule: String,
    /// The condition, where several expectations stand in a list.
    #[serde(default)]
    pub when: Option<When>,
    /// Legal statuses by name, one or several (`SEC_E_INVALID_TOKEN`).
    #[serde(default)]
    pub status: Vec<String>,
    /// Form of the output token.
    #[serde(default)]
    pub token: Option<TokenForm>,
    /// Attributes that must be granted, by name.
    #[serde(default)]
    pub granted: Vec<String>,
    /// Attributes that must not be granted, by name.
    #[serde(default)]
    pub not_granted: Vec<String>,
    /// Decoded fields of the output token: path → value.
    #[serde(default)]
    pub fields: UniqueMap<String>,
    /// Answers of a query: name → value (text, number, or hex).
    #[serde(default)]
    pub values: UniqueMap<serde_json::Value>,
}

/// What is true of a token that goes into a call, seen beside the token that its maker sent. The specification alone
/// decides, by the bytes: MS-NLMP sections 2.2 (forms) and 3.2.5.1.2 (what an acceptor verifies), RFC 4178 sections 4 and
/// 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// It is no message of the kind that is due: it cannot be read, or not the pairs of a CHALLENGE.
    Malformed,
    /// It is malformed in what its reader has no use for, and a MIC or a proof covers the change.
    ProtectedPartMalformed,
    /// It is malformed in what its reader has no use for.
    UnusedPartMalformed,
    /// A part of an AUTHENTICATE that its reader uses is of an impossible size or form, or lies in the header.
    PartMalformed,
    /// It names neither Unicode nor OEM characters.
    NoCharacterSet,
    /// A MIC is announced and a message that it covers is not the one that was sent, and the flags of the AUTHENTICATE
    /// contradict the rest of it: no character set, or a session key without key exchange (or the other way round).
    MicBrokenByFlags,
    /// The domain of an AUTHENTICATE is not the one that was sent.
    OtherDomain,
    /// There is no user, no NT response, or one of the size of NTLMv1: some see an anonymous logon in it, or an older
    /// one.
    OlderResponse,
    /// What the proof covers is not what was sent, or the proof itself is not: response, user, domain.
    ProofBroken,
    /// A MIC is announced, and there is none, or sixteen zero bytes.
    MicMissing,
    /// A MIC is announced, and a message that it covers is not the one that was sent.
    MicBroken,
    /// A signature of less than sixteen bytes.
    ShortSignature,
    /// A signature of more than sixteen bytes.
    LongSignature,
    /// A signature of another version than 1.
    OtherVersion,
    /// The sequence number of the signature is not the one that was sent.
    OtherSequence,
    /// The checksum of the signature is not the one that was sent.
    OtherChecksum,
    /// The outer tag and length of a token of Negotiate are there, and say more bytes than there are.
    CutShort,
    /// Bytes follow a token of Negotiate that is whole.
    TrailingBytes,
    /// The flags in a list of mechanisms are no string of bits.
    FlagsMalformed,
    /// The hints of an acceptor that begins cannot be read.
    HintsMalformed,
    /// A length in a token of Negotiate has more bytes than it needs.
    LongLengths,
    /// A length in a token of Negotiate that cannot be read has more than five bytes, and says what fits there: X.690 8.1.3.5
    /// allows it, and 10.1 forbids it.
    OverlongLengths,
    /// A list of mechanisms has a code, and no mechanism has keys yet.
    CodeTooEarly,
    /// NTLM is not in the list of mechanisms.
    NothingAcceptable,
    /// The mechanism's token in one of Negotiate is due, and there is none, or an empty one.
    MechanismTokenAbsent,
    /// The mechanism's token in one of Negotiate is malformed.
    MechanismTokenMalformed,
    /// The mechanism's token in one of Negotiate is not the one that was sent.
    MechanismTokenAltered,
    /// The mechanism's own MIC covers a message that is not the one that was sent.
    MechanismCodeBroken,
    /// The state is reject.
    Rejected,
    /// The state is none of the four.
    StateUnknown,
    /// The state is accept-completed, and the mechanism is not done.
    CompletedTooEarly,
    /// The acceptor's choice is not the one that was sent.
    NotOffered,
    /// A code over the list of mechanisms was sent, or the acceptor asked for one, and there is none, or an empty one.
    CodeMissing,
    /// There is a code over the list of mechanisms, and it or the list is not the one that was sent.
    CodeBroken,
    /// Always: for the last of a list.
    Anything,
}

/// Form of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TokenForm {
    /// No token buffer.
    None,
    /// A token buffer without bytes.
    Empty,
    /// Bytes.
    Bytes,
}
