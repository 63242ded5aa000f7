//! What a side may answer to whatever a peer sends.

use legwork_engine::{error::Error, status::SecurityStatus as Status};

/// What an initiator may say to a token.
pub const OF_INITIATOR: &[Status] = &[
    Status::SEC_E_OK,
    Status::SEC_I_CONTINUE_NEEDED,
    Status::SEC_E_INVALID_TOKEN,
    Status::SEC_E_UNSUPPORTED_FUNCTION,
];

/// What an acceptor may say to a token.
pub const OF_ACCEPTOR: &[Status] = &[
    Status::SEC_E_OK,
    Status::SEC_I_CONTINUE_NEEDED,
    Status::SEC_E_INVALID_TOKEN,
    Status::SEC_E_UNSUPPORTED_FUNCTION,
    Status::SEC_E_LOGON_DENIED,
    Status::SEC_E_MESSAGE_ALTERED,
    Status::SEC_E_BAD_BINDINGS,
    Status::SEC_E_TIME_SKEW,
];

/// What an initiator of Negotiate may say to a token: as one of its mechanism, that it was refused, or that the list of
/// mechanisms changed on its way.
pub const OF_NEGOTIATE_INITIATOR: &[Status] = &[
    Status::SEC_E_OK,
    Status::SEC_I_CONTINUE_NEEDED,
    Status::SEC_E_INVALID_TOKEN,
    Status::SEC_E_UNSUPPORTED_FUNCTION,
    Status::SEC_E_LOGON_DENIED,
    Status::SEC_E_MESSAGE_ALTERED,
];

/// What an acceptor of Negotiate may say: as one of its mechanism, or that it has nothing to tell where it speaks first (page
/// "AcceptSecurityContext (General)").
pub const OF_NEGOTIATE_ACCEPTOR: &[Status] = &[
    Status::SEC_E_OK,
    Status::SEC_I_CONTINUE_NEEDED,
    Status::SEC_E_INVALID_TOKEN,
    Status::SEC_E_UNSUPPORTED_FUNCTION,
    Status::SEC_E_LOGON_DENIED,
    Status::SEC_E_MESSAGE_ALTERED,
    Status::SEC_E_BAD_BINDINGS,
    Status::SEC_E_TIME_SKEW,
    Status::SEC_E_NO_CREDENTIALS,
];

/// Holds an answer against those that are allowed.
///
/// # Panics
/// The answer is not allowed, or its error is that of another status.
pub fn documented(status: Status, error: Option<&Error>, allowed: &[Status]) {
    assert!(
        allowed.contains(&status),
        "{status:?} is not documented here: {error:?}"
    );
    assert_eq!(status.is_failure(), error.is_some());
    assert_eq!(error.map_or(status, Error::status), status);
}
