//! Every derived value of NTLM, straight from the known secrets (MS-NLMP sections 3.3 and 3.4).
//!
//! Written apart from the engine's own key functions on purpose; both use the same primitives.

use legwork_engine::{
    crypto::{self, Rc4},
    ntlm::messages::{Authenticate, Challenge, Negotiate, NegotiateFlags},
};

use crate::protocol::Text;

mod protection;
pub mod version_one;

pub use protection::{Direction, Expected};

/// NTOWFv2 (section 3.3.2): MD4 of the password, then a code over the upper-cased user and the domain.
#[must_use]
pub fn response_key(password: &Text, user: &[u8], domain: &[u8]) -> [u8; 16] {
    let hash = crypto::md4(&password.utf16);
    crypto::hmac_md5(&hash, &[&upper_case(user), domain])
}

/// UTF-16LE bytes in upper case, one unit for one unit.
fn upper_case(name: &[u8]) -> Vec<u8> {
    let (units, _) = name.as_chunks::<2>();
    let upper = units.iter().map(|unit| {
        let unit = u16::from_le_bytes(*unit);
        let mut letters = char::from_u32(u32::from(unit))
            .map(char::to_uppercase)
            .into_iter()
            .flatten();
        match (letters.next(), letters.next()) {
            (Some(letter), None) => u16::try_from(u32::from(letter)).unwrap_or(unit),
            _ => unit,
        }
    });
    upper.flat_map(u16::to_le_bytes).collect()
}

/// NTProofStr over the server challenge and everything of the response behind the proof.
#[must_use]
pub fn nt_proof(response_key: &[u8; 16], server_challenge: &[u8; 8], rest: &[u8]) -> [u8; 16] {
    crypto::hmac_md5(response_key, &[server_challenge, rest])
}

/// The LMv2 response.
#[must_use]
pub fn lm_response(
    response_key: &[u8; 16],
    server_challenge: &[u8; 8],
    client_challenge: &[u8; 8],
) -> Vec<u8> {
    [
        crypto::hmac_md5(response_key, &[server_challenge, client_challenge]).as_slice(),
        client_challenge,
    ]
    .concat()
}

/// Whether the session key is exchanged.
#[must_use]
pub fn exchanges_key(flags: NegotiateFlags) -> bool {
    flags.contains(NegotiateFlags::KEY_EXCH) && flags.intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL)
}

/// The exported session key: the key exchange key, or what it encrypts.
fn session_key(flags: NegotiateFlags, exchange_key: [u8; 16], encrypted: &[u8]) -> [u8; 16] {
    match <[u8; 16]>::try_from(encrypted) {
        Ok(mut key) if exchanges_key(flags) => {
            Rc4::new(&exchange_key).apply(&mut key);
            key
        }
        _ => exchange_key,
    }
}

/// The message integrity code over the three messages; in the third it stands at offset `at` and counts as zero.
#[must_use]
pub fn mic(
    session_key: &[u8; 16],
    negotiate: &[u8],
    challenge: &[u8],
    (authenticate, at): (&[u8], usize),
) -> [u8; 16] {
    let mut zeroed = authenticate.to_vec();
    if let Some(place) = zeroed.get_mut(at..).and_then(|rest| rest.get_mut(..16)) {
        place.fill(0);
    }
    crypto::hmac_md5(session_key, &[negotiate, challenge, &zeroed])
}

/// The hash of channel bindings without addresses.
#[must_use]
pub fn channel_bindings(application_data: &[u8]) -> [u8; 16] {
    let length = u32::try_from(application_data.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    let addresses = [0; 16];
    crypto::md5(&[&addresses, &length, application_data])
}

/// Everything that the judge derives of an exchange.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The response key of version 2 (NTOWFv2).
    pub response_key: [u8; 16],
    /// The exported session key.
    pub session_key: [u8; 16],
    /// The flags that hold on the established context.
    pub flags: NegotiateFlags,
    /// Whether nobody in particular is logged on.
    pub anonymous: bool,
}

/// The form of the responses in an AUTHENTICATE message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseForm {
    /// Nobody in particular logs on.
    Anonymous,
    /// Responses of version 1, or the LAN Manager's alone.
    VersionOne,
    /// Responses of version 2.
    VersionTwo,
}

impl ResponseForm {
    /// The form by what a message has (section 3.2.5.1.2).
    #[must_use]
    pub fn of(message: &Authenticate<'_>) -> Self {
        match message.nt_response.len() {
            0 if message.user.is_empty() && message.lm_response.len() < 2 => Self::Anonymous,
            0..=24 => Self::VersionOne,
            _ => Self::VersionTwo,
        }
    }
}

/// Derives keys from the secret, an AUTHENTICATE message and the CHALLENGE that it answers.
#[must_use]
pub fn derive(password: &Text, message: &Authenticate<'_>, asked: &Challenge<'_>) -> Option<Derived> {
    let flags = message.flags & asked.flags;
    let wide = message.flags.contains(NegotiateFlags::UNICODE);
    let name = |bytes: &[u8]| if wide { bytes.to_vec() } else { widen(bytes) };
    let response_key = response_key(password, &name(&message.user), &name(&message.domain));
    let form = ResponseForm::of(message);
    let exchange_key = match form {
        ResponseForm::Anonymous => [0; 16],
        ResponseForm::VersionOne => {
            version_one::exchange_key(flags, password, &message.lm_response, &asked.server_challenge)
        }
        ResponseForm::VersionTwo => {
            let proof: [u8; 16] = message.nt_response.first_chunk().copied()?;
            crypto::hmac_md5(&response_key, &[&proof])
        }
    };
    Some(Derived {
        response_key,
        session_key: session_key(flags, exchange_key, &message.encrypted_session_key),
        flags,
        anonymous: form == ResponseForm::Anonymous,
    })
}

fn widen(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| [*byte, 0]).collect()
}

/// The flags of a NEGOTIATE message, for checks of what answers it.
#[must_use]
pub fn offered(token: &[u8]) -> Option<NegotiateFlags> {
    Negotiate::parse(token).ok().map(|message| message.flags)
}
