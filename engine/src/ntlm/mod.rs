//! NTLM (MS-NLMP): challenge and response over a secret that both sides know.
//!
//! ```text
//! initiator                                acceptor
//! Start             ── NEGOTIATE ──────▶   ExpectNegotiate
//! ExpectChallenge   ◀── CHALLENGE ─────    ExpectAuthenticate
//! (established)     ── AUTHENTICATE ───▶   (established)
//! ```
//!
//! In datagram mode there is no NEGOTIATE message: the initiator's first leg has no token, and the acceptor, called
//! without one, begins.
//!
//! | state | input | next | status |
//! |---|---|---|---|
//! | Start | any | ExpectChallenge | SEC_I_CONTINUE_NEEDED, NEGOTIATE; none in datagram mode |
//! | ExpectChallenge | CHALLENGE | established | SEC_E_OK, AUTHENTICATE |
//! | ExpectChallenge | CHALLENGE without what is required | failed | SEC_E_UNSUPPORTED_FUNCTION |
//! | ExpectChallenge | other | failed | SEC_E_INVALID_TOKEN |
//! | ExpectNegotiate | NEGOTIATE; none in datagram mode | ExpectAuthenticate | SEC_I_CONTINUE_NEEDED, CHALLENGE |
//! | ExpectAuthenticate | AUTHENTICATE, right secret | established | SEC_E_OK |
//! | ExpectAuthenticate | AUTHENTICATE of nobody, who may log on; of a stranger, who may be a guest | established | SEC_E_OK |
//! | ExpectNegotiate, ExpectAuthenticate | keys shorter than policy wants; no datagram mode where it began | failed | SEC_E_UNSUPPORTED_FUNCTION |
//! | ExpectAuthenticate | time too far away; no directory | failed | SEC_E_TIME_SKEW, SEC_E_NO_AUTHENTICATING_AUTHORITY |
//! | ExpectAuthenticate | AUTHENTICATE, wrong secret | failed | SEC_E_LOGON_DENIED |
//! | ExpectAuthenticate | AUTHENTICATE of nobody, who may not | failed | SEC_E_LOGON_DENIED |
//! | ExpectAuthenticate | AUTHENTICATE, right secret of a closed account | failed | SEC_E_LOGON_DENIED |
//! | ExpectAuthenticate | AUTHENTICATE, no response or of a version that the level refuses | failed | SEC_E_LOGON_DENIED |
//! | ExpectAuthenticate | AUTHENTICATE, code or bindings wrong | failed | SEC_E_MESSAGE_ALTERED, SEC_E_BAD_BINDINGS |
//! | ExpectNegotiate, ExpectAuthenticate | other | failed | SEC_E_INVALID_TOKEN |
//! | established, failed | any | the same | SEC_E_INVALID_HANDLE |
//!
//! Sections: 2.2 messages, 3.1 client, 3.2 server, 3.3 responses, 3.4 session security.
//!
//! Left out: code pages other than ASCII and Latin-1; an LMv2 response without an NT response (section 3.2.5.1.2 knows
//! none); a second try with an empty domain (section 3.2.5.1.2, a SHOULD); the refusal of a CHALLENGE without the names of
//! its acceptor where protection is required (section 3.1.5.1.2). Nobody and guests have no session security (section 3.4).

pub mod acceptor;
pub mod attributes;
mod direction;
pub mod exported;
pub mod initiator;
pub mod keys;
pub mod messages;
pub mod protection;
mod response;
mod verification;

use std::borrow::Cow;

use crate::{
    codec::utf16::Text,
    crypto::{self, Secret},
    environment::Environment,
    error::{Error, PeerIncompatible, TokenError, TokenErrorKind},
};
use keys::ResponseKeyV2;
use messages::{AvPairs, NegotiateFlags};

/// What an exchange ends with.
#[derive(Debug)]
pub struct Established {
    /// Per-message protection.
    pub protection: protection::Protection,
    /// The user that is logged on.
    pub user: Text,
    /// Its domain, as the AUTHENTICATE message has it.
    pub domain: Text,
    /// What the CHALLENGE told the initiator of the target: AV pairs, raw. An acceptor has none.
    pub target_info: Vec<u8>,
    /// Whether there is a session key that both sides know. A guest's initiator has another one.
    pub has_key: bool,
    /// Whether the AUTHENTICATE message had an integrity code. Negotiate asks.
    pub has_mic: bool,
}

/// A token as it is read: as it came.
fn as_read<'a>(token: &'a [u8], environment: &Environment) -> Cow<'a, [u8]> {
    if !deviates!(environment, OverReads) {
        return Cow::Borrowed(token);
    }
    let mut longer = token.to_vec();
    longer.resize(token.len().max(64) + usize::from(u16::MAX) * 2, 0);
    Cow::Owned(longer)
}

/// The character set of names: both ends of the deviation are here.
fn names_are_unicode(flags: NegotiateFlags, environment: &Environment) -> bool {
    flags.contains(NegotiateFlags::UNICODE) || deviates!(environment, NamesAlwaysUnicode)
}

/// Unknown ids are passed over (section 2.2.2.1).
fn require_pairs(pairs: &AvPairs<'_>, environment: &Environment) -> Result<(), TokenError> {
    let unknown = || pairs.iter().any(|pair| pair.id.name().is_none());
    if deviates!(environment, UnknownPairsRefused) && unknown() {
        return Err(TokenError::new("AvId", 0, TokenErrorKind::BadValue));
    }
    Ok(())
}

/// The key of all version 2 responses of a user (section 3.3.2).
fn response_key(
    nt_hash: &Secret<16>,
    user: &Text,
    domain: &Text,
    environment: &Environment,
) -> ResponseKeyV2 {
    if deviates!(environment, AsciiUpperCase) {
        let ascii = |unit: &u16| match u8::try_from(*unit) {
            Ok(letter) if letter.is_ascii() => u16::from(letter.to_ascii_uppercase()),
            _ => *unit,
        };
        let upper = Text::from_units(user.units().iter().map(ascii).collect::<Vec<_>>());
        let names = [upper.to_le_bytes(), domain.to_le_bytes()].concat();
        return ResponseKeyV2::new(&Secret(crypto::hmac_md5(&nt_hash.0, &[&names])));
    }
    let upper = deviates!(environment, DomainUpperCase).then(|| domain.to_uppercase());
    ResponseKeyV2::new(&keys::ntowf_v2(nt_hash, user, upper.as_ref().unwrap_or(domain)))
}

/// Refuses keys shorter than policy wants (sections 3.1.5.1.2 and 3.2.5.2.2).
fn require_strength(flags: NegotiateFlags, environment: &Environment) -> Result<(), Error> {
    let weak = environment.policy.ntlm.require_128_bit && !flags.contains(NegotiateFlags::NEGOTIATE_128);
    if weak && !deviates!(environment, WeakEncryptionTolerated) {
        return Err(PeerIncompatible::WeakEncryption.into());
    }
    Ok(())
}
