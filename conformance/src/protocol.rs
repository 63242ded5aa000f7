//! The adapter protocol, version 1: the one source of its messages and of their JSON Schema.
//!
//! One JSON object a line each way over the standard streams of a child process. A request carries a number
//! `seq` that its reply repeats. `PROTOCOL.md` tells the same in prose, with worked exchanges.

mod hex;
mod lines;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Units of a clock in a second: clocks count 100 ns.
pub const SECOND: i64 = 10_000_000;

/// The protocol version this crate speaks.
pub const VERSION: u32 = 1;

/// A request with its sequence number: one line towards the adapter.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct RequestLine {
    /// Opaque number, repeated in the reply.
    pub seq: u64,
    /// What is asked.
    #[serde(flatten)]
    pub request: Request,
}

/// A reply with the sequence number of its request: one line from the adapter.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ReplyLine {
    /// The number of the request that is answered.
    pub seq: u64,
    /// The answer.
    #[serde(flatten)]
    pub reply: Reply,
}

/// What the harness can ask of a subject. Handles are numbers that the harness chooses; a subject keeps what it
/// has under them, also after deletion, so that a stale handle can be shown to the library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Request {
    /// First request of a process: who are you, what can be driven and seen?
    Hello {
        /// Version of the protocol that the harness speaks.
        protocol: u32,
    },
    /// Forget every handle; what follows happens in this environment.
    Reset {
        /// The environment of the subject's side.
        environment: Environment,
    },
    /// AcquireCredentialsHandle.
    Acquire {
        /// Number under which the credential is to be kept.
        credential: u64,
        /// Package name: `ntlm`, `negotiate`, ….
        package: String,
        /// Side that the credential is for.
        role: Role,
        /// Explicit identity; none means the default one of the environment (usual for an acceptor).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<Identity>,
    },
    /// FreeCredentialsHandle.
    FreeCredential {
        /// The credential.
        credential: u64,
    },
    /// InitializeSecurityContext.
    Initialize(Leg),
    /// AcceptSecurityContext.
    Accept(Leg),
    /// CompleteAuthToken, sent when the status of the last leg asked for it.
    Complete {
        /// The context.
        context: u64,
        /// The token of the leg that asked for completion.
        buffers: Vec<Buffer>,
    },
    /// ExportSecurityContext. The old context is deleted (SECPKG_CONTEXT_EXPORT_DELETE_OLD); the packed context comes
    /// back as a SECBUFFER_TOKEN buffer, in whatever form the subject has.
    Export {
        /// The context.
        context: u64,
    },
    /// ImportSecurityContext.
    Import {
        /// Package name.
        package: String,
        /// Number under which the context is to be kept.
        context: u64,
        /// What the reply to `export` had.
        buffers: Vec<Buffer>,
    },
    /// DeleteSecurityContext.
    Delete {
        /// The context.
        context: u64,
    },
    /// FreeContextBuffer for buffers that the package allocated in the reply to an earlier request.
    FreeBuffers {
        /// `seq` of the request whose reply carried them.
        of: u64,
    },
    /// QueryContextAttributes.
    Query {
        /// The context.
        context: u64,
        /// What is asked: `session-key`, `names`, `sizes`, `flags`, `package-info`, `lifespan`.
        attribute: String,
    },
    /// MakeSignature (form `buffers`), gss_get_mic (form `detached`).
    Sign(Protect),
    /// VerifySignature, gss_verify_mic.
    Verify(Protect),
    /// EncryptMessage (form `buffers`), gss_wrap with confidentiality (form `whole`).
    Seal(Protect),
    /// DecryptMessage, gss_unwrap.
    Unseal(Protect),
    /// What a token says. The reply has those of its fields that the library shows in `values`.
    Decode {
        /// Package name.
        package: String,
        /// What the token is, as the vector files name it: `negotiate`, `av_pair`, ….
        token: String,
        /// The token, hex.
        #[serde(with = "hex")]
        #[schemars(with = "String")]
        bytes: Vec<u8>,
    },
    /// The token that says this. The reply has it as a SECBUFFER_TOKEN buffer.
    Encode {
        /// Package name.
        package: String,
        /// What the token is, as the vector files name it.
        token: String,
        /// The fields, as they stand in the vector files.
        values: serde_json::Map<String, serde_json::Value>,
    },
    /// A known function of known inputs. The reply has `value` in `values`, hex.
    Derive {
        /// Package name.
        package: String,
        /// Name of the function in the vector files: `ntowf-v2`, `nt-proof`, ….
        function: String,
        /// The inputs, as they stand in the vector files.
        values: serde_json::Map<String, serde_json::Value>,
    },
    /// No more requests follow; the process ends.
    Bye,
}

/// One leg: the arguments of InitializeSecurityContext or AcceptSecurityContext.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Leg {
    /// The credential handle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<u64>,
    /// The context handle; none on the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// Number under which the resulting context is to be kept; equal to `context` on later calls.
    pub new_context: u64,
    /// Requirement bits: ISC_REQ_* for `initialize`, ASC_REQ_* for `accept`.
    pub requirements: u32,
    /// Name of the target (ISC only); absent is not the same as empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Text>,
    /// Input buffers. No SECBUFFER_TOKEN buffer: no token. One without bytes: an empty token.
    #[serde(default)]
    pub input: Vec<Buffer>,
    /// Output buffers that the caller supplies. Ignored by subjects that allocate.
    #[serde(default)]
    pub output: Vec<Buffer>,
    /// Application data of the channel bindings (for instance `tls-server-end-point:` and a hash), hex. The same
    /// bindings also stand in `input` as a SECBUFFER_CHANNEL_BINDINGS buffer in the layout of SEC_CHANNEL_BINDINGS.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex_option")]
    #[schemars(with = "Option<String>")]
    pub bindings: Option<Vec<u8>>,
    /// SECURITY_NATIVE_DREP (16) or SECURITY_NETWORK_DREP (0).
    pub data_representation: u32,
    /// Values of the two reserved arguments (zero from a caller that keeps the rules).
    #[serde(default)]
    pub reserved: [u32; 2],
    /// The request of HTTP that the token belongs to; only for subjects of the layer `http-header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpRequest>,
}

/// The request of HTTP that a token belongs to: the one that carries it to an acceptor, or the one that an initiator is
/// about to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HttpRequest {
    /// Method: `GET`, ….
    pub method: String,
    /// Target of the request in origin form, such as `/`.
    pub uri: String,
    /// Header fields in order, name and value, without the one that carries the token.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, hex.
    #[serde(default, with = "hex")]
    #[schemars(with = "String")]
    pub body: Vec<u8>,
}

/// A per-message call on a context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Protect {
    /// The context.
    pub context: u64,
    /// Quality of protection; zero is the default.
    #[serde(default)]
    pub quality: u32,
    /// Message sequence number argument.
    #[serde(default)]
    pub sequence: u32,
    /// How message and token travel.
    pub form: Form,
    /// Form `buffers`: the SecBuffer list in order. Form `whole`: one data buffer in, one data buffer out.
    /// Form `detached`: a data buffer and, to verify, a token buffer.
    pub buffers: Vec<Buffer>,
}

/// How a per-message call takes and returns its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A SecBuffer list, as MakeSignature and EncryptMessage take it.
    Buffers,
    /// Signature and message in one token, as gss_wrap makes it.
    Whole,
    /// The signature alone, as gss_get_mic makes it.
    Detached,
}

/// The side that a credential or a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The side that calls InitializeSecurityContext.
    Initiator,
    /// The side that calls AcceptSecurityContext.
    Acceptor,
}

impl Role {
    /// Both sides, the one that begins first.
    pub const BOTH: [Self; 2] = [Self::Initiator, Self::Acceptor];

    /// The other side.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }

    /// The word used in ids and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Acceptor => "acceptor",
        }
    }
}

/// A SecBuffer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Buffer {
    /// Buffer kind: SECBUFFER_DATA is 1, SECBUFFER_TOKEN 2, SECBUFFER_CHANNEL_BINDINGS 14, ….
    pub kind: u32,
    /// Attribute bits (the upper four bits of BufferType), for instance SECBUFFER_READONLY.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attributes: u32,
    /// Room that the caller has; none where it does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// The bytes, hex.
    #[serde(default, with = "hex")]
    #[schemars(with = "String")]
    pub bytes: Vec<u8>,
}

impl Buffer {
    /// Whether the buffer says that its checksum counts: SECBUFFER_READONLY_WITH_CHECKSUM.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.attributes & 0x1000_0000 != 0
    }

    /// Whether the buffer may only be read: SECBUFFER_READONLY or SECBUFFER_READONLY_WITH_CHECKSUM.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.attributes & 0x9000_0000 != 0
    }

    /// A buffer that holds bytes.
    #[must_use]
    pub fn new(kind: u32, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            bytes: bytes.into(),
            ..Self::default()
        }
    }
}

fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// Text as the interface has it: UTF-16 code units, with a readable form for adapters in languages that want one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Text {
    /// UTF-16LE code units, hex. This holds where the two forms differ.
    #[serde(with = "hex")]
    #[schemars(with = "String")]
    pub utf16: Vec<u8>,
    /// The same text, with replacement characters where the code units are no text.
    #[serde(default)]
    pub text: String,
}

impl std::fmt::Debug for Text {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?}", self.text)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let utf16 = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        Self {
            utf16,
            text: text.to_owned(),
        }
    }
}

/// Who logs on. Absent and empty parts are different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Identity {
    /// User name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Text>,
    /// Domain name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Text>,
    /// Password (test data only: nothing real ever goes here).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Text>,
    /// Packages that Negotiate may use (PackageList of SEC_WINNT_AUTH_IDENTITY_EX): names separated by commas, behind
    /// an exclamation mark those that it may not. Sent only to a subject whose `controls` have `package-list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_list: Option<Text>,
}

impl Identity {
    /// Whether nobody in particular logs on: user and password are empty.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        let empty = |text: &Option<Text>| text.as_ref().is_none_or(|text| text.utf16.is_empty());
        empty(&self.user) && empty(&self.password)
    }
}

/// The world of one side: everything a subject would otherwise take from its machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Environment {
    /// Seed of all randomness, 16 bytes, hex, for subjects under control.
    #[serde(with = "hex")]
    #[schemars(with = "String")]
    pub seed: Vec<u8>,
    /// Current time: 100 ns units since 1601-01-01 UTC.
    pub clock: u64,
    /// Names of the machine.
    pub host: Host,
    /// Accounts that this side can verify logons against (empty for an initiator).
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// Policy switches by name, for subjects that can be configured. A subject that cannot honour a switch whose
    /// value is not the default answers `unsupported {what: "policy:NAME"}` to `reset`.
    #[serde(default)]
    pub policy: BTreeMap<String, serde_json::Value>,
    /// Faults to provoke by name (memory, authority, internal).
    #[serde(default)]
    pub faults: Vec<String>,
}

/// Names of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Host {
    /// NetBIOS computer name.
    pub netbios_computer: String,
    /// NetBIOS domain name.
    pub netbios_domain: String,
    /// DNS name of the computer.
    pub dns_computer: String,
    /// DNS name of the domain.
    pub dns_domain: String,
    /// DNS name of the forest.
    pub dns_tree: String,
}

/// An account that an acceptor knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Account {
    /// User name.
    pub user: Text,
    /// Domain name.
    pub domain: Text,
    /// Password.
    pub password: Text,
    /// Whether somebody can log on to it: `disabled`, `expired`, `locked-out`, `password-expired`; none if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// Exactly one of three answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The call was made; this is what the library said.
    Outcome(Box<Outcome>),
    /// The library cannot do this.
    Unsupported(Unsupported),
    /// The adapter itself failed.
    Fault {
        /// What went wrong.
        message: String,
    },
}

/// Why something cannot be driven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Unsupported {
    /// What is missing: an operation, a buffer kind, `policy:NAME`, ….
    pub what: String,
    /// Where that is documented or discussed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// What the library answered, in its own numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// Native status; none only in the reply to `hello`, `reset` and `bye`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Output buffers. No buffer of kind 2: no token. One without bytes: an empty token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buffers: Vec<Buffer>,
    /// Returned attribute bits, if the library shows any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// Expiry: 100 ns units since 1601-01-01, if the library shows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<u64>,
    /// Whether the package allocated the buffers, so that `free-buffers` is due.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allocated: bool,
    /// Answers of `query`, `decode` and `derive`: name to value; byte values are hex.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, serde_json::Value>,
    /// The reply to `hello`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello: Option<Hello>,
}

/// A status in the namespace of the library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Status {
    /// Whose numbers these are.
    pub namespace: Namespace,
    /// Number in hex (`0x80090308`), or class name of an exception.
    pub code: String,
    /// Minor or inner code, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<String>,
    /// The mechanism whose minor status it is (`gss`): its object identifier with dots, or `krb5`, `ntlmssp`, `spnego`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<String>,
    /// The library's own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Families of status numbers. Mapping tables turn each into a class and a reason; adapters never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Namespace {
    /// SECURITY_STATUS.
    Sspi,
    /// GSS-API major status, minor in `minor`.
    Gss,
    /// NTSTATUS.
    Ntstatus,
    /// SASL outcome.
    Sasl,
    /// A language exception: class name in `code`, the library's inner code in `minor`.
    Exception,
    /// Exit code of a program.
    Exit,
    /// What a call interface without statuses says by returning: `continue` or `complete`; or `silent`, where nothing
    /// shows after the last token.
    Return,
}

/// Attribute bits in the namespace of the library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Attributes {
    /// Whose bits these are: ISC_RET_*/ASC_RET_* (`sspi`) or GSS_C_* (`gss`).
    pub namespace: Namespace,
    /// The bits.
    pub bits: u32,
}

/// What a subject is and what can be driven and seen of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Hello {
    /// Protocol version that the adapter speaks.
    pub protocol: u32,
    /// Name of the implementation.
    pub name: String,
    /// Version of the implementation.
    pub version: String,
    /// One entry a package and role.
    pub drives: Vec<Drive>,
    /// What the harness can steer: `clock`, `randomness`, `host`.
    #[serde(default)]
    pub controls: Vec<String>,
}

/// What can be driven and seen for one package in one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Drive {
    /// Package name.
    pub package: String,
    /// Role.
    pub role: Role,
    /// What the bytes of its tokens are.
    #[serde(default, skip_serializing_if = "Layer::is_token")]
    pub layer: Layer,
    /// Operations that are understood for it: names of requests.
    pub operations: Vec<String>,
    /// What shows: `token`, `status`, `final-status`, `attributes`, `session-key`, `peer-name`, `per-message`,
    /// `handles`, `buffers`.
    pub observables: Vec<String>,
    /// Forms of the per-message calls.
    #[serde(default)]
    pub forms: Vec<Form>,
    /// Requirement bits that the interface can express; others are silently impossible to ask for.
    #[serde(default)]
    pub requirements: u32,
    /// What it can be told beyond a plain exchange: `policy:NAME`, `bindings`, `query:NAME`, …, as PROTOCOL.md lists them;
    /// a name stands for all that begin with it and a colon. Without it everything is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub honours: Option<Vec<String>>,
    /// Tokens that the library decodes, as the vector files name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decode: Vec<String>,
    /// Tokens that it encodes from their fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encode: Vec<String>,
    /// Functions that it computes, as the vector files name them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derive: Vec<String>,
}

/// What the bytes of a token are: the token itself, or that in which a protocol carries it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// What InitializeSecurityContext or AcceptSecurityContext makes.
    #[default]
    Token,
    /// Records of TLS (RFC 8446 §5.1), as Schannel makes them.
    TlsRecords,
    /// A TSRequest (MS-CSSP §2.2.1).
    TsRequest,
    /// The value of an `Authorization` or `WWW-Authenticate` field: scheme, space, base64 (RFC 4559 §4.1).
    HttpHeader,
    /// A message of SASL (RFC 4422 §3).
    SaslMessage,
}

impl Layer {
    fn is_token(&self) -> bool {
        *self == Self::Token
    }

    /// The word of the protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::TlsRecords => "tls-records",
            Self::TsRequest => "ts-request",
            Self::HttpHeader => "http-header",
            Self::SaslMessage => "sasl-message",
        }
    }
}

/// Hex for an optional byte string.
mod hex_option {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(bytes) => serializer.serialize_str(&hex::encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| hex::decode(text).map_err(serde::de::Error::custom))
            .transpose()
    }
}
