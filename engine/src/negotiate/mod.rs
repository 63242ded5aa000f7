//! Negotiate: SPNEGO (RFC 4178, MS-SPNG) over the mechanisms that there are.
//!
//! ```text
//! initiator                                               acceptor
//!                    ◀─ [NegTokenInit2: list, hint] ────  (called without a token)
//! Start              ── NegTokenInit: list, token ────▶   ExpectInit
//! ExpectFirstReply   ◀─ state, mechanism, token ───────   ExpectToken
//! ExpectReply        ── token, code ──────────────────▶   ExpectToken
//! (complete)         ◀─ accept-completed, code ────────   (complete)
//! ```
//!
//! If the acceptor chooses another mechanism than the initiator's first, its first reply has no token, and the
//! mechanism's tokens begin with the initiator's answer. The first reply alone names the mechanism; what a later one names
//! is passed over (MS-SPNG section 3.3.5).
//!
//! | state | input | next | status |
//! |---|---|---|---|
//! | any but complete | a part of a token, with its outer tag and length | the same | SEC_I_CONTINUE_NEEDED, no token |
//! | any, with a part of a token | the rest | as the whole token | as the whole token |
//! | any, with a part of a token | less than the rest, or none | the same | SEC_I_CONTINUE_NEEDED, no token |
//! | any but complete | a part of a token longer than cbMaxToken | failed | SEC_E_INVALID_TOKEN |
//! | Start | none, or a hint with a common mechanism | ExpectFirstReply | SEC_I_CONTINUE_NEEDED, NegTokenInit |
//! | Start | a hint without a common mechanism | failed | SEC_E_INVALID_TOKEN |
//! | Start | any, and the caller allows no mechanism | failed | SEC_E_NO_CREDENTIALS |
//! | ExpectFirstReply, ExpectReply | a token of the mechanism | ExpectReply | SEC_I_CONTINUE_NEEDED, NegTokenResp |
//! | ExpectReply | accept-completed, and no code that is required is missing | complete | SEC_E_OK |
//! | ExpectReply | a code, where it is this side that sends the last one | complete | SEC_E_OK, NegTokenResp |
//! | ExpectFirstReply | a mechanism that was not offered or is not there, or none with no answer to a token | failed | SEC_E_INVALID_TOKEN |
//! | ExpectFirstReply, ExpectReply | reject | failed | SEC_E_LOGON_DENIED |
//! | ExpectInit | none, and the caller allows no mechanism | failed | SEC_E_NO_CREDENTIALS |
//! | ExpectInit | none | ExpectInit | SEC_I_CONTINUE_NEEDED, NegTokenInit2 |
//! | ExpectInit | a list with a common mechanism | ExpectToken | SEC_I_CONTINUE_NEEDED, NegTokenResp |
//! | ExpectInit | a list without | failed | SEC_E_INVALID_TOKEN, reject |
//! | ExpectInit | NTLM without wrapper | ExpectUnwrapped | as NTLM |
//! | ExpectInit | Kerberos, NEGOEX or another mechanism without wrapper | failed | SEC_E_INVALID_TOKEN, reject |
//! | ExpectToken | the mechanism's last token, codes as required | complete | SEC_E_OK, NegTokenResp |
//! | ExpectToken | what the mechanism refuses | failed | as the mechanism, with reject unless it is malformed |
//! | ExpectReply, ExpectToken | a code that does not match | failed | SEC_E_MESSAGE_ALTERED, an acceptor with reject |
//! | ExpectReply, ExpectToken | no code where RFC 4178 requires one | failed | SEC_E_INVALID_TOKEN, an acceptor with reject |
//! | ExpectToken | no code where the mechanism demands one | failed | SEC_E_INVALID_TOKEN, reject |
//! | any | a malformed token, a state or field out of its turn | failed | SEC_E_INVALID_TOKEN |
//! | any | any, and the caller requires datagrams | failed | SEC_E_UNSUPPORTED_FUNCTION |
//! | complete, initiator | none: to authenticate again | ExpectFirstReply | as Start |
//! | complete, acceptor | NegTokenInit: to authenticate again | ExpectToken | as ExpectInit |
//! | complete, failed | other | the same | SEC_E_INVALID_HANDLE |
//!
//! Rules that are not in the table:
//!
//! - Integrity is asked of the mechanism even if the caller does not (RFC 4178 appendix C), unless the caller has
//!   `ISC_REQ_NO_INTEGRITY`, which goes before `ISC_REQ_INTEGRITY`. Without integrity there are no codes.
//! - Messages can be protected as soon as the mechanism has keys, before the last token (RFC 2743 section 1.2.7; CredSSP
//!   does that). RFC 4178 section 3.1 forbids it to callers of GSS-API; the code over the list takes the first number of
//!   its direction in any case, and the key stream of NTLM begins anew behind it (MS-SPNG section 3.3.5.1).
//! - Fragments ([`fragments`]) are put together in front of the states, which get whole tokens only. A complete acceptor
//!   takes a part of an offer, and nothing else in parts. What comes behind the announced length belongs to the token.
//! - A first token without framing is none, from either side (RFC 4178 section 4.2).
//! - A code that repeats the token beside it is none: Windows 2000 fills the field so, as MIT Kerberos knows.
//! - The attributes are those of the chosen mechanism.
//! - A mechanism is another choice than the first only if its package is another: Kerberos has two identifiers.
//!
//! Left out: datagram mode, which has no place in a negotiation (its mechanism begins with the acceptor); Kerberos (its package is one more entry of [`offer::KNOWN`] and of [`crate::mechanism`]); NEGOEX, which is
//! read and declined; a second mechanism after one that failed (RFC 4178 has one choice).

pub mod acceptor;
pub mod fragments;
pub mod initiator;
pub mod messages;
mod mic;
pub mod offer;

use crate::{
    codec::der::Tolerances,
    environment::Environment,
    error::{CallerMisuse, Error, PeerMisbehaved, Rejection, TokenError, TokenErrorKind},
    mechanism::Mechanism,
};
use messages::{NegState, NegTokenResp, Token};

/// How far the negotiation has come (SecPkgContext_NegotiationInfo, NegotiationState).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// `SECPKG_NEGOTIATION_COMPLETE`: nothing is left to negotiate.
    Complete,
    /// `SECPKG_NEGOTIATION_OPTIMISTIC`: the first mechanism has begun, and nobody has agreed to it yet.
    Optimistic,
    /// `SECPKG_NEGOTIATION_IN_PROGRESS`.
    InProgress,
}

impl Progress {
    /// The number of the interface.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Complete => 0,
            Self::Optimistic => 1,
            Self::InProgress => 2,
        }
    }
}

/// What a context says of its negotiation: how far it has come, and the mechanism if there is one yet.
pub type Negotiation = (Progress, Option<Mechanism>);

/// Reads a token.
fn read<'a>(token: &'a [u8], environment: &Environment) -> Result<Token<'a>, TokenError> {
    let read = Token::parse(token)?;
    match refused(&read, environment) {
        Some(kind) => Err(TokenError::new("token", 0, kind)),
        None => Ok(read),
    }
}

/// What is against a token that is well formed.
fn refused(read: &Token<'_>, environment: &Environment) -> Option<TokenErrorKind> {
    let tolerated = read.tolerated();
    if tolerated.contains(Tolerances::LONG_LENGTH) && deviates!(environment, LongLengthRefused) {
        return Some(TokenErrorKind::LongLength);
    }
    if matches!(read, Token::Bare(_)) && !deviates!(environment, UnframedTolerated) {
        // RFC 4178 section 4.2: the first token follows the framing of RFC 2743.
        return Some(TokenErrorKind::UnexpectedTag(0xA0));
    }
    let (extensions, token) = match read {
        Token::Framed(init) | Token::Bare(init) => (&init.extensions, init.mech_token.as_deref()),
        Token::Resp(resp) => (&resp.extensions, resp.response_token.as_deref()),
        _ => return None,
    };
    let init = match read {
        Token::Framed(init) | Token::Bare(init) => Some(init),
        _ => None,
    };
    let has_flags = init.is_some_and(|init| init.req_flags.is_some());
    let has_hints = init.is_some_and(|init| init.hints.is_some());
    let is_empty = token.is_some_and(<[u8]>::is_empty);
    let refuses = !extensions.is_empty() && deviates!(environment, ExtensionsRefused)
        || has_flags && deviates!(environment, RequestFlagsRefused)
        || has_hints && deviates!(environment, HintsRefused)
        || is_empty && deviates!(environment, EmptyTokenRefused);
    refuses.then_some(TokenErrorKind::BadValue)
}

/// Reads a token that must be a later one.
fn read_resp<'a>(token: &'a [u8], environment: &Environment) -> Result<NegTokenResp<'a>, TokenError> {
    match read(token, environment)? {
        Token::Resp(resp) => Ok(resp),
        _ => {
            let tag = token.first().copied().unwrap_or_default();
            let kind = TokenErrorKind::UnexpectedTag(tag);
            Err(TokenError::new("NegTokenResp", 0, kind))
        }
    }
}

/// What is wrong with a field of a later token, which is well formed by itself.
fn wrong(token: &[u8], field: u8, kind: TokenErrorKind) -> Error {
    let name = NegTokenResp::FIELDS
        .iter()
        .find(|(_, number)| *number == field)
        .map_or("NegTokenResp", |(name, _)| *name);
    TokenError::new(name, messages::field_offset(token, field), kind).into()
}

/// Whether a state may come now; whether it requests codes.
fn check_state(
    state: Option<NegState>,
    token: &[u8],
    first: bool,
    environment: &Environment,
) -> Result<bool, Error> {
    match state {
        None if first || deviates!(environment, AbsentStateRefused) => {
            Err(wrong(token, 0, TokenErrorKind::Missing))
        }
        None | Some(NegState::ACCEPT_COMPLETED | NegState::ACCEPT_INCOMPLETE) => Ok(false),
        Some(NegState::REJECT) if deviates!(environment, RejectIgnored) => Ok(false),
        Some(NegState::REJECT) => Err(Rejection::ByPeer.into()),
        Some(NegState::REQUEST_MIC) if first => Ok(!deviates!(environment, RequestMicIgnored)),
        Some(_) if deviates!(environment, StateOutOfTurnTolerated) => Ok(false),
        Some(_) => Err(wrong(token, 0, TokenErrorKind::BadValue)),
    }
}

/// The code of a token, unless it is the token of the mechanism once more.
fn code_of<'a>(resp: &'a NegTokenResp<'_>) -> Option<&'a [u8]> {
    let code = resp.mech_list_mic.as_deref()?;
    (code.is_empty() || Some(code) != resp.response_token.as_deref()).then_some(code)
}

/// A state, where policy wants it told.
fn told(state: NegState, environment: &Environment) -> Option<NegState> {
    environment.policy.negotiate.send_state.then_some(state)
}

/// Writes a later token.
#[cfg_attr(
    not(feature = "sabotage"),
    allow(
        unused_mut,
        unused_variables,
        clippy::needless_pass_by_ref_mut,
        reason = "a shaper needs it"
    )
)]
fn send(mut message: NegTokenResp<'static>, environment: &mut Environment, out: &mut Vec<u8>) {
    shape!(environment, "neg-token-resp", &mut message);
    let mut token = message.emit();
    shape_bytes!(environment, "neg-token-resp", &mut token);
    out.extend_from_slice(&token);
}

/// Refuses datagram mode. There the acceptor's mechanism begins, and a negotiation carries no token of the acceptor's
/// mechanism before the first one of the initiator's (RFC 4178 section 3.2; erratum S6 of the harness).
fn require_connection(datagram: bool, environment: &Environment) -> Result<(), Error> {
    if datagram && !deviates!(environment, DatagramPassedOn) {
        return Err(CallerMisuse::InvalidRequirement.into());
    }
    Ok(())
}

/// Whether a complete context authenticates again where its caller asks for that.
fn repeats(environment: &Environment) -> bool {
    !deviates!(environment, ReauthenticationRefused)
}

/// That a code is missing which is required.
fn missing_code(environment: &Environment) -> Result<(), Error> {
    if deviates!(environment, MissingMechListMicTolerated) {
        return Ok(());
    }
    Err(PeerMisbehaved::MechListMicMissing.into())
}
