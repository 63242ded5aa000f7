//! The classes of defects that the vectors name, and the engine's errors of each class.

use legwork_engine::error::{Error, PeerIncompatible, PeerMisbehaved, Rejection, TokenError, TokenErrorKind};

/// The class of an error in the words of the vectors, as far as it is one of bytes.
fn of_bytes(error: &TokenError) -> &'static str {
    match (error.kind, error.field) {
        (TokenErrorKind::Truncated, "AvId" | "AvLen") | (TokenErrorKind::OutOfBounds, "AvPair") => {
            "av-pair-truncated"
        }
        (TokenErrorKind::Truncated | TokenErrorKind::Missing, _) => "truncated",
        (TokenErrorKind::BadSignature, _) => "bad-signature",
        (TokenErrorKind::WrongMessageType(_), _) => "wrong-message-type",
        (TokenErrorKind::OutOfBounds, _) => "field-out-of-bounds",
        (TokenErrorKind::InHeader, _) => "field-in-header",
        (TokenErrorKind::OddLength, _) => "odd-utf16-length",
        (TokenErrorKind::Unterminated, _) => "av-pairs-unterminated",
        (TokenErrorKind::BadLength(_), "NtChallengeResponse") => "response-length",
        (TokenErrorKind::BadLength(_), "EncryptedRandomSessionKey") => "session-key-length",
        (TokenErrorKind::BadLength(_), "Signature") => "truncated",
        (TokenErrorKind::BadLength(_), _) => "av-value-length",
        (TokenErrorKind::BadValue, "RespType") => "response-version",
        (TokenErrorKind::BadValue, "Version") => "signature-version",
        _ => "unknown class of bytes",
    }
}

/// The class of an error in the words of the vectors.
pub(crate) fn reason(error: &Error) -> &'static str {
    match error {
        Error::InvalidToken(token) => of_bytes(token),
        Error::PeerMisbehaved(PeerMisbehaved::MicMissing) => "mic-missing",
        Error::PeerMisbehaved(PeerMisbehaved::MicMismatch) => "mic-mismatch",
        Error::PeerMisbehaved(PeerMisbehaved::SignatureMismatch) => "checksum-mismatch",
        Error::PeerMisbehaved(PeerMisbehaved::OutOfSequence) => "out-of-sequence",
        Error::PeerIncompatible(PeerIncompatible::NoCharacterSet) => "no-character-set",
        Error::Rejected(Rejection::WrongPassword) => "proof-mismatch",
        _ => "unknown class",
    }
}

/// Whether an error has the class that a vector names. The engine adds offsets and lengths without wrapping, so a sum
/// that would wrap is one that is out of bounds.
pub(crate) fn matches(error: &Error, named: &str) -> bool {
    let named = if named == "field-overflow" {
        "field-out-of-bounds"
    } else {
        named
    };
    reason(error) == named
}
