//! Errors say what is wrong, where, and whose fault it is; one table turns an error into a status.

use thiserror::Error;

use crate::{buffer::BufferKind, status::SecurityStatus};

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The input token is malformed: bytes.
    #[error(transparent)]
    InvalidToken(#[from] TokenError),
    /// The peer broke the protocol with well-formed bytes.
    #[error("peer misbehaved: {0}")]
    PeerMisbehaved(PeerMisbehaved),
    /// The peer does not offer enough for our policy.
    #[error("peer is incompatible: {0}")]
    PeerIncompatible(PeerIncompatible),
    /// The logon is refused.
    #[error("logon refused: {0}")]
    Rejected(Rejection),
    /// The application broke the rules of the interface.
    #[error("caller misuse: {0}")]
    CallerMisuse(CallerMisuse),
    /// The machine cannot do its part.
    #[error("environment: {0}")]
    Environment(EnvironmentFault),
}

/// A malformed token: the field, its offset in bytes, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{field} at byte {offset}: {kind}")]
pub struct TokenError {
    /// Name of the field, in the words of the specification.
    pub field: &'static str,
    /// Offset in the token.
    pub offset: usize,
    /// What is wrong.
    pub kind: TokenErrorKind,
}

impl TokenError {
    /// An error at a field.
    #[must_use]
    pub const fn new(field: &'static str, offset: usize, kind: TokenErrorKind) -> Self {
        Self { field, offset, kind }
    }

    /// The same error in a token that the present one is a part of, `base` bytes from its start.
    #[must_use]
    pub const fn shifted(mut self, base: usize) -> Self {
        self.offset = self.offset.saturating_add(base);
        self
    }
}

/// What is wrong with the bytes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The token has not the signature of its protocol.
    #[error("wrong protocol signature")]
    BadSignature,
    /// The token is another message than the one that is due.
    #[error("wrong message type {0}")]
    WrongMessageType(u32),
    /// The token ends before the field does.
    #[error("token ends too early")]
    Truncated,
    /// A length and offset point outside the token.
    #[error("points outside the token")]
    OutOfBounds,
    /// A length and offset point into the fixed part of the token.
    #[error("points into the header")]
    InHeader,
    /// A list has no terminator.
    #[error("list has no terminator")]
    Unterminated,
    /// The value has a length that the field cannot have.
    #[error("impossible length {0}")]
    BadLength(usize),
    /// UTF-16 text with an odd number of bytes.
    #[error("odd number of bytes in UTF-16 text")]
    OddLength,
    /// The value is not allowed here.
    #[error("value not allowed")]
    BadValue,
    /// The token, or a part of it that must not be absent, is absent.
    #[error("absent although it is due")]
    Missing,
    /// Another element than the one that is due, or one out of its order, or one that is there twice.
    #[error("unexpected tag 0x{0:02x}")]
    UnexpectedTag(u8),
    /// A length without a figure, which the distinguished rules forbid.
    #[error("indefinite length")]
    IndefiniteLength,
    /// A length that is written in more bytes than it needs.
    #[error("length in more bytes than it needs")]
    LongLength,
    /// Bytes behind the end.
    #[error("{0} bytes behind the end")]
    TrailingBytes(usize),
    /// A list without elements.
    #[error("empty list")]
    EmptyList,
}

/// How a peer broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerMisbehaved {
    /// The message integrity code does not match the messages.
    #[error("message integrity code does not match")]
    MicMismatch,
    /// A message integrity code is announced and absent.
    #[error("message integrity code announced but absent")]
    MicMissing,
    /// The channel bindings are those of another channel.
    #[error("channel bindings do not match")]
    BindingsMismatch,
    /// Channel bindings are required and absent.
    #[error("channel bindings required but absent")]
    BindingsMissing,
    /// The signature does not match the message.
    #[error("signature does not match the message")]
    SignatureMismatch,
    /// The message is not the next one.
    #[error("message out of sequence")]
    OutOfSequence,
    /// The peer's clock is too far away.
    #[error("timestamp too far from the clock")]
    ClockSkew,
    /// The code over the list of mechanisms does not match the list.
    #[error("code over the list of mechanisms does not match")]
    MechListMicMismatch,
    /// A code over the list of mechanisms is required and absent.
    #[error("code over the list of mechanisms required but absent")]
    MechListMicMissing,
    /// The acceptor chose a mechanism that was not offered.
    #[error("mechanism chosen that was not offered")]
    MechanismNotOffered,
}

/// What a peer lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PeerIncompatible {
    /// Neither Unicode nor OEM is offered.
    #[error("no common character set")]
    NoCharacterSet,
    /// The caller wants datagram mode.
    #[error("datagram mode required but not negotiated")]
    NoDatagram,
    /// Policy wants 128-bit keys.
    #[error("128-bit encryption required but not negotiated")]
    WeakEncryption,
    /// An authentication version that policy or implementation does not take.
    #[error("authentication version refused")]
    AuthenticationVersion,
    /// None of the peer's mechanisms is allowed and there.
    #[error("no common mechanism")]
    NoCommonMechanism,
}

/// Why a logon is refused. Callers are told the same status for all: the difference is for logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No such account.
    #[error("unknown user")]
    UnknownUser,
    /// The response does not match the account's secret.
    #[error("wrong password")]
    WrongPassword,
    /// Nobody in particular logs on, and that is not allowed.
    #[error("anonymous logon not allowed")]
    Anonymous,
    /// An administrator closed the account.
    #[error("account disabled")]
    AccountDisabled,
    /// The account's last day is over.
    #[error("account expired")]
    AccountExpired,
    /// Too many logons failed.
    #[error("account locked out")]
    AccountLockedOut,
    /// The password's last day is over.
    #[error("password expired")]
    PasswordExpired,
    /// The peer ended the negotiation.
    #[error("refused by the peer")]
    ByPeer,
}

/// How an application broke the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallerMisuse {
    /// A context handle that was deleted.
    #[error("context handle was deleted")]
    StaleContext,
    /// A context handle that was never given out here.
    #[error("context handle was never given out")]
    ForeignContext,
    /// A credential handle that was freed or never given out.
    #[error("credential handle is not valid")]
    InvalidCredential,
    /// The context failed on an earlier leg.
    #[error("context failed on an earlier leg")]
    FailedContext,
    /// The context is complete: no further token is due.
    #[error("context is complete")]
    CompleteContext,
    /// CompleteAuthToken where nothing is to be completed.
    #[error("nothing to complete")]
    NothingToComplete,
    /// A context deleted before.
    #[error("context was deleted before")]
    DeletedTwice,
    /// The context is not established.
    #[error("context is not established")]
    NotEstablished,
    /// There are no credentials to use.
    #[error("no credentials")]
    NoCredentials,
    /// A buffer of this kind is missing.
    #[error("no buffer of kind {0:?}")]
    MissingBuffer(BufferKind),
    /// The channel bindings point outside their buffer, or end too early.
    #[error("malformed channel bindings")]
    MalformedBindings,
    /// An output buffer is too small.
    #[error("buffer too small, {needed} bytes needed")]
    BufferTooSmall {
        /// Bytes that the output has.
        needed: usize,
    },
    /// No package of this name.
    #[error("unknown package")]
    UnknownPackage,
    /// The context has no such attribute.
    #[error("unknown attribute")]
    UnknownAttribute,
    /// What the call asks for was not negotiated.
    #[error("not negotiated on this context")]
    NotNegotiated,
    /// A requirement that the package cannot meet by definition.
    #[error("requirement not valid for this package")]
    InvalidRequirement,
}

/// What the machine cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EnvironmentFault {
    /// Out of memory.
    #[error("out of memory")]
    Memory,
    /// The account directory cannot be reached.
    #[error("no authenticating authority")]
    NoAuthority,
    /// Anything else.
    #[error("internal error")]
    Internal,
}

impl From<PeerMisbehaved> for Error {
    fn from(kind: PeerMisbehaved) -> Self {
        Self::PeerMisbehaved(kind)
    }
}

impl From<PeerIncompatible> for Error {
    fn from(kind: PeerIncompatible) -> Self {
        Self::PeerIncompatible(kind)
    }
}

impl From<Rejection> for Error {
    fn from(kind: Rejection) -> Self {
        Self::Rejected(kind)
    }
}

impl From<CallerMisuse> for Error {
    fn from(kind: CallerMisuse) -> Self {
        Self::CallerMisuse(kind)
    }
}

impl From<EnvironmentFault> for Error {
    fn from(kind: EnvironmentFault) -> Self {
        Self::Environment(kind)
    }
}

impl Error {
    /// The status that a caller is told: the one table from errors to statuses.
    #[must_use]
    pub fn status(&self) -> SecurityStatus {
        match self {
            // The page of Negotiate has peers that did not settle on a package under the status for malformed tokens.
            Self::InvalidToken(_)
            | Self::PeerIncompatible(
                PeerIncompatible::NoCharacterSet | PeerIncompatible::NoCommonMechanism,
            ) => SecurityStatus::SEC_E_INVALID_TOKEN,
            Self::PeerMisbehaved(kind) => kind.status(),
            Self::PeerIncompatible(PeerIncompatible::WeakEncryption | PeerIncompatible::NoDatagram) => {
                SecurityStatus::SEC_E_UNSUPPORTED_FUNCTION
            }
            Self::PeerIncompatible(PeerIncompatible::AuthenticationVersion) | Self::Rejected(_) => {
                SecurityStatus::SEC_E_LOGON_DENIED
            }
            Self::CallerMisuse(kind) => kind.status(),
            Self::Environment(EnvironmentFault::Memory) => SecurityStatus::SEC_E_INSUFFICIENT_MEMORY,
            Self::Environment(EnvironmentFault::NoAuthority) => {
                SecurityStatus::SEC_E_NO_AUTHENTICATING_AUTHORITY
            }
            Self::Environment(EnvironmentFault::Internal) => SecurityStatus::SEC_E_INTERNAL_ERROR,
        }
    }
}

impl PeerMisbehaved {
    fn status(self) -> SecurityStatus {
        match self {
            Self::MicMismatch | Self::MicMissing | Self::SignatureMismatch | Self::MechListMicMismatch => {
                SecurityStatus::SEC_E_MESSAGE_ALTERED
            }
            // GSS_S_DEFECTIVE_TOKEN in RFC 4178 section 5.
            Self::MechListMicMissing | Self::MechanismNotOffered => SecurityStatus::SEC_E_INVALID_TOKEN,
            Self::BindingsMismatch | Self::BindingsMissing => SecurityStatus::SEC_E_BAD_BINDINGS,
            Self::OutOfSequence => SecurityStatus::SEC_E_OUT_OF_SEQUENCE,
            Self::ClockSkew => SecurityStatus::SEC_E_TIME_SKEW,
        }
    }
}

impl CallerMisuse {
    fn status(self) -> SecurityStatus {
        match self {
            Self::StaleContext
            | Self::ForeignContext
            | Self::InvalidCredential
            | Self::FailedContext
            | Self::CompleteContext
            | Self::DeletedTwice
            | Self::NotEstablished => SecurityStatus::SEC_E_INVALID_HANDLE,
            Self::NoCredentials => SecurityStatus::SEC_E_NO_CREDENTIALS,
            // Neither page has a status for wrong arguments: the one for input that is not valid is the nearest.
            Self::MissingBuffer(_) | Self::MalformedBindings => SecurityStatus::SEC_E_INVALID_TOKEN,
            Self::BufferTooSmall { .. } => SecurityStatus::SEC_E_BUFFER_TOO_SMALL,
            Self::UnknownPackage => SecurityStatus::SEC_E_SECPKG_NOT_FOUND,
            Self::UnknownAttribute | Self::InvalidRequirement | Self::NothingToComplete => {
                SecurityStatus::SEC_E_UNSUPPORTED_FUNCTION
            }
            Self::NotNegotiated => SecurityStatus::SEC_E_QOP_NOT_SUPPORTED,
        }
    }
}
