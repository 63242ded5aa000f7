//! NTLM (MS-NLMP): challenge and response over a secret that both sides know.
//!
//! ```text
//! initiator                                acceptor
//! Start             ── NEGOTIATE ──────▶   ExpectNegotiate
//! ExpectChallenge   ◀── CHALLENGE ─────    ExpectAuthenticate
//! (established)     ── AUTHENTICATE ───▶   (established)
//! ```
//!
//! | state | input | next | status |
//! |---|---|---|---|
//! | Start | any | ExpectChallenge | SEC_I_CONTINUE_NEEDED, NEGOTIATE |
//! | ExpectChallenge | CHALLENGE | established | SEC_E_OK, AUTHENTICATE |
//! | ExpectChallenge | other | failed | SEC_E_INVALID_TOKEN |
//! | ExpectNegotiate | NEGOTIATE | ExpectAuthenticate | SEC_I_CONTINUE_NEEDED, CHALLENGE |
//! | ExpectAuthenticate | AUTHENTICATE, right secret | established | SEC_E_OK |
//! | ExpectAuthenticate | AUTHENTICATE, wrong secret | failed | SEC_E_LOGON_DENIED |
//! | ExpectAuthenticate | AUTHENTICATE, no NT response or one of version 1 | failed | SEC_E_LOGON_DENIED |
//! | ExpectAuthenticate | AUTHENTICATE, code or bindings wrong | failed | SEC_E_MESSAGE_ALTERED, SEC_E_BAD_BINDINGS |
//! | ExpectNegotiate, ExpectAuthenticate | other | failed | SEC_E_INVALID_TOKEN |
//!
//! Sections: 2.2 messages, 3.1 client, 3.2 server, 3.3 responses, 3.4 session security.
//!
//! Left out so far: NTLMv1 and LM responses, anonymous logon, datagram mode, code pages other than ASCII.

pub mod acceptor;
pub mod attributes;
pub mod initiator;
pub mod keys;
pub mod messages;
pub mod protection;
mod response;
mod verification;

use crate::{
    codec::utf16::Text,
    environment::Environment,
    error::{Error, PeerIncompatible},
};
use messages::NegotiateFlags;

/// What an exchange ends with.
#[derive(Debug)]
pub struct Established {
    /// Per-message protection.
    pub protection: protection::Protection,
    /// The user that is logged on.
    pub user: Text,
    /// Its domain, as the AUTHENTICATE message has it.
    pub domain: Text,
}

/// Refuses keys shorter than policy wants (sections 3.1.5.1.2 and 3.2.5.2.2).
fn require_strength(flags: NegotiateFlags, environment: &Environment) -> Result<(), Error> {
    let weak = environment.policy.ntlm.require_128_bit && !flags.contains(NegotiateFlags::NEGOTIATE_128);
    if weak && !deviates!(environment, WeakEncryptionTolerated) {
        return Err(PeerIncompatible::WeakEncryption.into());
    }
    Ok(())
}
