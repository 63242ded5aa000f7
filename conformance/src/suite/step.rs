//! What happens in a scenario, step by step.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{expect::Expect, grammar::Mutation};
use crate::protocol::Role;

/// One step: a key and its value in YAML.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Run this many legs, alternating, the initiator first; each must ask for the next one or complete.
    Legs(u32),
    /// Run legs, alternating, until both sides are done.
    Exchange(ExchangeStep),
    /// One call of the initiator.
    Initialize(LegStep),
    /// One call of the acceptor.
    Accept(LegStep),
    /// Pass the token that is under way in fragments, all but the last, which is under way then.
    Fragments(FragmentsStep),
    /// Change the token that is under way (in transit), or the next one that a side makes (as sent).
    Change(Change),
    /// Move a clock by so many seconds.
    Clock(ClockStep),
    /// Sign with one side, let the other verify.
    Sign(ProtectStep),
    /// Seal with one side, let the other unseal.
    Seal(ProtectStep),
    /// Query an attribute of one side.
    Query(QueryStep),
    /// Delete the context of one side.
    Delete(DeleteStep),
    /// CompleteAuthToken on one side, although nobody asked for it.
    Complete(OfStep),
    /// Export the context of one side, and import it again under the same number.
    Transfer(OfStep),
    /// Delete the contexts of both sides; the legs that follow are another exchange with the same credentials.
    ReAuthenticate(ReAuthenticateStep),
    /// Acquire a credential with unusual arguments.
    Acquire(AcquireStep),
    /// Let one side decode the token of a vector.
    Decode(VectorStep),
    /// Let one side encode the fields of a vector.
    Encode(VectorStep),
    /// Let one side compute the function of a vector.
    Derive(VectorStep),
}

impl Step {
    /// The step as one that a vector judges: no part of an exchange.
    #[must_use]
    pub fn of_vector(&self) -> Option<&VectorStep> {
        match self {
            Self::Decode(step) | Self::Encode(step) | Self::Derive(step) => Some(step),
            _ => None,
        }
    }
}

/// Legs until both sides are done; each must ask for the next one or complete.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExchangeStep {
    /// Who begins, if nobody has; the initiator if absent.
    #[serde(default)]
    pub first: Option<Role>,
}

/// One call of one side.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LegStep {
    /// What must come back.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Take the expectation from the value of this axis, if that has one.
    #[serde(default)]
    pub expect_from: Option<String>,
    /// What must come back depends on the token that goes in: the first whose condition holds counts. If the call
    /// fails, the case is over.
    #[serde(default)]
    pub expect_first: Vec<Expect>,
    /// The token to pass in, if not the one under way.
    #[serde(default)]
    pub input: Option<Input>,
    /// Handles to use in place of the right ones.
    #[serde(default)]
    pub handle: Option<HandleChoice>,
    /// Room of the output token buffer, if not ample.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// Leave out the output token buffer.
    #[serde(default)]
    pub no_output_buffer: bool,
    /// Data representation, if not native.
    #[serde(default)]
    pub data_representation: Option<u32>,
}

/// A token in fragments (MS-SPNG section 3.1.5.9).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FragmentsStep {
    /// Bytes of each fragment in order; the last figure, which is not 0, holds for all that follow. 0 is an empty token.
    #[serde(default)]
    pub sizes: Vec<usize>,
    /// Take the sizes from the value of this axis.
    #[serde(default)]
    pub sizes_from: Option<String>,
    /// What must come back of each fragment but the last.
    pub expect: Expect,
}

/// What to pass in as input.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// No token buffer.
    None,
    /// A token buffer without bytes.
    Empty,
    /// These bytes, hex.
    Hex(String),
    /// The bytes of a vector, by id.
    Vector(String),
    /// An earlier token of this exchange, as its maker made it, without changes on the way: 0 is the first.
    Replay(usize),
}

/// A handle in place of the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HandleChoice {
    /// A context that was deleted.
    StaleContext,
    /// A context handle that was never given out.
    ForeignContext,
    /// A credential that was freed.
    StaleCredential,
    /// A credential handle that was never given out.
    ForeignCredential,
    /// A credential that was acquired for the other side's calls.
    CredentialOfPeer,
}

/// A change of a token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Change {
    /// As sent: before lengths, MICs and signatures are computed, the sender believes it. In transit: after.
    pub how: How,
    /// The token that is meant, where the place of the step does not say it: `client-challenge` for the structure
    /// inside the NT response of the next AUTHENTICATE (as sent only). Edits of bytes need it in an exchange of
    /// Negotiate, where a leg makes two tokens.
    #[serde(default)]
    pub token: Option<String>,
    /// The edits, in order.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Take the edits from the value of this axis.
    #[serde(default)]
    pub edits_from: Option<String>,
}

/// When a change happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Before lengths, MICs and signatures are computed: the sender believes it.
    AsSent,
    /// On the way: the two views differ.
    InTransit,
}

/// One edit of a token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Set a field to a value: `{field: flags, value: "0x…"}`.
    Set(FieldEdit),
    /// Set bits of a number field.
    SetBits(FieldEdit),
    /// Clear bits of a number field.
    ClearBits(FieldEdit),
    /// Flip the lowest bit of the first byte of a field.
    Flip(String),
    /// Remove an optional field, an AV pair or a mechanism (`version`, `mic`, `target-info.timestamp`, `mech-types.0`).
    Remove(String),
    /// Exchange the values of two fields: `[mech-types.0, mech-types.1]`.
    Swap([String; 2]),
    /// Set a field to the value of another one: `[from, to]`.
    Copy([String; 2]),
    /// Append an element, before the one that ends the list: `{field: target-info, value: "<id> <hex>"}`. The id
    /// is decimal; nothing behind the blank is an empty value. Of `mech-types`, the value is a mechanism.
    Append(FieldEdit),
    /// Keep only so many bytes.
    Truncate(usize),
    /// Append these bytes, hex.
    Extend(String),
    /// Overwrite bytes at an offset: `{at: 12, bytes: "ffff"}`.
    Overwrite(Overwrite),
    /// Overwrite a place with a value that depends on the token: `{at: target-info.offset, to: past-the-end}`.
    Mutate(Mutation),
    /// Replace the whole token with these bytes, hex.
    Replace(String),
    /// The token is lost: the next call has none, or an empty one.
    Drop(DropKind),
}

/// What is left of a dropped token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DropKind {
    /// No token buffer.
    None,
    /// An empty token buffer.
    Empty,
}

/// A field and a value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FieldEdit {
    /// Path of the field: `flags`, `server-challenge`, `target-info.timestamp`, ….
    pub field: String,
    /// Value: number (`0x…`), hex bytes, text, or names with blanks between them, as the field needs.
    pub value: String,
}

/// Bytes at an offset.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Overwrite {
    /// Offset in the token.
    pub at: usize,
    /// The bytes, hex.
    pub bytes: String,
}

/// A clock that moves.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClockStep {
    /// Whose clock.
    pub of: Role,
    /// Seconds forward.
    pub seconds: i64,
}

/// Messages to protect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProtectStep {
    /// Who protects; the other side checks.
    pub by: Role,
    /// The message as text.
    #[serde(default)]
    pub message: String,
    /// What must come back from the protecting call.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Room of the token buffer, if not ample.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// Leave out the buffer of this kind: `data` or `token`.
    #[serde(default)]
    pub without: Option<String>,
    /// A data buffer behind the message that may only be read: it is covered by the signature and not sealed.
    #[serde(default)]
    pub read_only: Option<ReadOnly>,
    /// What happens to the protected message on its way.
    #[serde(default)]
    pub tamper: Option<Tamper>,
    /// Take edits of the signature from the value of this axis.
    #[serde(default)]
    pub edits_from: Option<String>,
    /// What must come back from the checking call; success by default.
    #[serde(default)]
    pub check: Option<Expect>,
    /// The same, depending on the signature: the first whose condition holds counts.
    #[serde(default)]
    pub check_first: Vec<Expect>,
    /// Use a deleted or foreign handle for the protecting call.
    #[serde(default)]
    pub handle: Option<HandleChoice>,
    /// Pass zero as the message number, as a transport does that keeps none; otherwise messages are counted.
    #[serde(default)]
    pub without_sequence: bool,
}

/// A data buffer that may only be read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReadOnly {
    /// Its bytes as text.
    pub text: String,
    /// SECBUFFER_READONLY_WITH_CHECKSUM in place of SECBUFFER_READONLY.
    #[serde(default)]
    pub with_checksum: bool,
}

/// What happens to a protected message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Tamper {
    /// A bit of the message flips.
    Message,
    /// A bit of the buffer that may only be read flips.
    ReadOnly,
    /// A bit of the checksum flips.
    Checksum,
    /// The sequence number is another.
    Sequence,
    /// The version number of the signature is another.
    Version,
    /// The signature loses its last byte.
    Truncate,
    /// The message arrives a second time.
    Replay,
    /// The message is lost; the next one arrives in its place.
    Lose,
}

/// A query.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct QueryStep {
    /// Whose context.
    pub of: Role,
    /// What is asked.
    pub attribute: String,
    /// What must come back.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Use a deleted or foreign handle.
    #[serde(default)]
    pub handle: Option<HandleChoice>,
}

/// Deletion of a context.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeleteStep {
    /// Whose context.
    pub of: Role,
    /// What must come back.
    #[serde(default)]
    pub expect: Option<Expect>,
    /// Use a deleted or foreign handle.
    #[serde(default)]
    pub handle: Option<HandleChoice>,
}

/// A call on the context of one side.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OfStep {
    /// Whose context.
    pub of: Role,
    /// What must come back.
    #[serde(default)]
    pub expect: Option<Expect>,
}

/// Another exchange with the same credentials.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReAuthenticateStep {}

/// A call that has a vector for its input, and for what must come back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VectorStep {
    /// Who is called.
    pub of: Role,
    /// The axis whose value names the vector.
    pub vector_from: String,
    /// What must come back, apart from what the vector says.
    pub expect: Expect,
}

/// A credential acquired with unusual arguments.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AcquireStep {
    /// For whom.
    pub of: Role,
    /// Package name, if not the scenario's.
    #[serde(default)]
    pub package: Option<String>,
    /// What must come back.
    #[serde(default)]
    pub expect: Option<Expect>,
}
