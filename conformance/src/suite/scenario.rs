//! A scenario: a described exchange. Axes multiply it into cases.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    grammar::{Mutation, Structure},
    map::UniqueMap,
    vectors::Message,
};
use crate::protocol::Role;

/// One file of `scenarios/`: a topic. The id of a scenario is the place of the file and its key:
/// `scenarios/ntlm/mic.yaml`, key `tampered` → `ntlm/mic/tampered`; axes append `name:value` parts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScenarioFile {
    /// The topic, for people.
    pub title: String,
    /// The package that is driven.
    pub package: String,
    /// The scenarios by the last part of their id.
    pub scenarios: UniqueMap<Scenario>,
}

/// One scenario.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// What is shown, in a sentence.
    pub text: String,
    /// What makes the forms legal that it plays, where they are unusual: specification and section, or who sends them.
    #[serde(default)]
    pub source: Option<String>,
    /// Sides that can be judged by it.
    #[serde(default = "both")]
    pub judges: Vec<Role>,
    /// The completing twin of a rejecting scenario: differs in one thing.
    #[serde(default)]
    pub twin: Option<String>,
    /// Another scenario of the same file whose axes this one has too, before its own.
    #[serde(default)]
    pub axes_from: Option<String>,
    /// Axes in order of writing: name → value → what the value changes.
    #[serde(default)]
    pub axes: UniqueMap<UniqueMap<Variation>>,
    /// Axes whose values are not written but generated, behind the others.
    #[serde(default)]
    pub generated_axes: UniqueMap<Generator>,
    /// The world of both sides, as a patch over the default one.
    #[serde(default)]
    pub setup: Setup,
    /// What happens.
    pub steps: Vec<Step>,
    /// Whether a completed exchange ends by protecting messages both ways.
    #[serde(default = "yes")]
    pub epilogue: bool,
}

impl ScenarioFile {
    /// The scenario whose axes another one of the file has too. It has none from elsewhere itself.
    #[must_use]
    pub fn axes_of(&self, scenario: &Scenario) -> Option<&Scenario> {
        let base = self.scenarios.get(scenario.axes_from.as_deref()?)?;
        base.axes_from.is_none().then_some(base)
    }

    /// A scenario with the axes that it shares before its own, and those that are generated.
    #[must_use]
    pub fn resolved(&self, scenario: &Scenario) -> Scenario {
        let mut resolved = scenario.clone();
        if let Some(base) = self.axes_of(scenario) {
            resolved.axes = base.axes.clone();
            for (name, values) in scenario.axes.iter() {
                resolved.axes.set(name, values.clone());
            }
        }
        for (name, generator) in scenario.generated_axes.iter() {
            resolved.axes.set(name, generator.axis());
        }
        resolved
    }
}

fn both() -> Vec<Role> {
    Role::BOTH.to_vec()
}

fn yes() -> bool {
    true
}

/// Where the values of an axis come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// Every mutation of a message, or of a structure inside one.
    Grammar(Structure),
    /// Every invalid vector of a message, in place of the token.
    InvalidVectors(Message),
}

impl Generator {
    fn axis(self) -> UniqueMap<Variation> {
        match self {
            Self::Grammar(structure) => structure.axis(),
            Self::InvalidVectors(message) => message.invalid(),
        }
    }
}

/// What one axis value changes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variation {
    /// Patch over the scenario's setup.
    #[serde(default)]
    pub setup: Setup,
    /// Edits taken by `change` steps that say `edits-from: <this axis>`.
    #[serde(default)]
    pub edits: Vec<Edit>,
    /// Expectation taken by steps that say `expect-from: <this axis>`.
    #[serde(default)]
    pub expect: Option<Expect>,
}

/// The world of both sides. Every part is optional; what is absent stays as it is below.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setup {
    /// Who logs on.
    #[serde(default)]
    pub identity: Option<IdentitySetup>,
    /// The acceptor's accounts (replaces the default list).
    #[serde(default)]
    pub accounts: Option<Vec<AccountSetup>>,
    /// Target name; an empty string is an empty name, `none: true` no name.
    #[serde(default)]
    pub target: Option<TargetSetup>,
    /// The initiator's side.
    #[serde(default)]
    pub initiator: SideSetup,
    /// The acceptor's side.
    #[serde(default)]
    pub acceptor: SideSetup,
}

/// The world of one side.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SideSetup {
    /// Requirement names (`integrity`, `confidentiality` …); replaces the default list.
    #[serde(default)]
    pub requirements: Option<Vec<String>>,
    /// Application data of the channel bindings as text; empty text means none.
    #[serde(default)]
    pub bindings: Option<String>,
    /// Policy switches: name → value, patched one by one.
    #[serde(default)]
    pub policy: UniqueMap<serde_json::Value>,
    /// Faults to provoke.
    #[serde(default)]
    pub faults: Option<Vec<String>>,
    /// Seconds that this side's clock is ahead of the default clock.
    #[serde(default)]
    pub clock_ahead: Option<i64>,
}

/// Who logs on: absent parts keep the default; `absent` lists parts to leave out altogether.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IdentitySetup {
    /// User name.
    #[serde(default)]
    pub user: Option<String>,
    /// Domain name.
    #[serde(default)]
    pub domain: Option<String>,
    /// Password.
    #[serde(default)]
    pub password: Option<String>,
    /// Parts to leave out: `user`, `domain`, `password`, or `identity` for no explicit identity at all.
    #[serde(default)]
    pub absent: Vec<String>,
}

/// An account of the acceptor.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AccountSetup {
    /// User name.
    pub user: String,
    /// Domain name.
    pub domain: String,
    /// Password.
    pub password: String,
    /// Whether somebody can log on to it: `disabled`, `expired`, `locked-out`, `password-expired`; absent if so.
    #[serde(default)]
    pub state: Option<String>,
}

/// The target name.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetSetup {
    /// The name.
    #[serde(default)]
    pub name: String,
    /// No name is given at all.
    #[serde(default)]
    pub none: bool,
}

/// One step: a key and its value in YAML.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Run this many legs, alternating, the initiator first; each must ask for the next one or complete.
    Legs(u32),
    /// One call of the initiator.
    Initialize(LegStep),
    /// One call of the acceptor.
    Accept(LegStep),
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
}

/// A change of a token.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Change {
    /// As sent: before lengths, MICs and signatures are computed, the sender believes it. In transit: after.
    pub how: How,
    /// The token that is meant, where the place of the step does not say it: `client-challenge` for the structure
    /// inside the NT response of the next AUTHENTICATE (as sent only).
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
    /// Remove an optional field or an AV pair (`version`, `mic`, `target-info.timestamp`).
    Remove(String),
    /// Append an element, before the one that ends the list: `{field: target-info, value: "<id> <hex>"}`. The id
    /// is decimal; nothing behind the blank is an empty value.
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
    /// Value: number (`0x…`), hex bytes, or text, as the field needs.
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
/// decides, by the bytes: MS-NLMP sections 2.2 (forms) and 3.2.5.1.2 (what an acceptor verifies).
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
