//! Responses and keys of NTLM version 1 and of the LAN Manager (MS-NLMP sections 3.3.1 and 3.4.5.1).

use crate::{
    codec::utf16::Text,
    crypto::{self, Secret},
    ntlm::messages::NegotiateFlags,
};

/// What the LAN Manager hash encrypts.
const MAGIC: [u8; 8] = *b"KGS!@#$%";

/// A response of version 1.
pub type Response = [u8; 24];

/// LMOWFv1: two halves of the password, upper case, in the OEM character set, each the key of a block. None if the
/// password has more than fourteen characters (section 3.3.1), or one that the character set does not have: what would
/// be left of it is not the secret.
#[must_use]
pub fn lm_hash(password: &Text) -> Option<Secret<16>> {
    let mut letters = zeroize::Zeroizing::new([0; 14]);
    let mut places = letters.iter_mut();
    let mut fits = true;
    password.uppercase_le_chunks(|chunk| {
        for unit in chunk.as_chunks::<2>().0 {
            match (places.next(), unit) {
                (Some(place), [letter, 0]) => *place = *letter,
                _ => fits = false,
            }
        }
    });
    if !fits {
        return None;
    }
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *letters;
    let first = crypto::des([a, b, c, d, e, f, g], MAGIC);
    let second = crypto::des([h, i, j, k, l, m, n], MAGIC);
    Some(Secret(join(first, second)))
}

fn join(first: [u8; 8], second: [u8; 8]) -> [u8; 16] {
    let mut joined = [0; 16];
    joined
        .iter_mut()
        .zip(first.into_iter().chain(second))
        .for_each(|(place, byte)| *place = byte);
    joined
}

/// DESL: a block encrypted with each third of a key that zeros lengthen to 21 bytes (section 6).
#[must_use]
pub fn des_long(key: &Secret<16>, block: [u8; 8]) -> Response {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = key.0;
    let mut response = [0; 24];
    let thirds = [
        [a, b, c, d, e, f, g],
        [h, i, j, k, l, m, n],
        [o, p, 0, 0, 0, 0, 0],
    ];
    for (place, third) in response.chunks_exact_mut(8).zip(thirds) {
        place.copy_from_slice(&crypto::des(third, block));
    }
    response
}

/// The NT or LM response without extended session security: the hash of that family over the server challenge.
#[must_use]
pub fn response(hash: &Secret<16>, server_challenge: [u8; 8]) -> Response {
    des_long(hash, server_challenge)
}

/// The NT response with extended session security ("NTLM2 session response"): both challenges are covered.
#[must_use]
pub fn session_response(
    nt_hash: &Secret<16>,
    server_challenge: [u8; 8],
    client_challenge: [u8; 8],
) -> Response {
    let digest = crypto::md5(&[&server_challenge, &client_challenge]);
    des_long(nt_hash, digest.first_chunk().copied().unwrap_or_default())
}

/// The LM response with extended session security: the client challenge and zeros.
#[must_use]
pub fn session_lm_response(client_challenge: [u8; 8]) -> Response {
    let mut response = [0; 24];
    response
        .iter_mut()
        .zip(client_challenge)
        .for_each(|(place, byte)| *place = byte);
    response
}

/// SessionBaseKey: MD4 of the NT hash.
#[must_use]
pub fn session_base_key(nt_hash: &Secret<16>) -> Secret<16> {
    Secret(crypto::md4(&nt_hash.0))
}

/// KXKEY: the key exchange key (section 3.4.5.1).
#[must_use]
pub fn key_exchange_key(
    flags: NegotiateFlags,
    session_base_key: &Secret<16>,
    lm_hash: Option<&Secret<16>>,
    lm_response: &Response,
    server_challenge: [u8; 8],
) -> Secret<16> {
    let beginning: [u8; 8] = lm_response.first_chunk().copied().unwrap_or_default();
    if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        return Secret(crypto::hmac_md5(
            &session_base_key.0,
            &[&server_challenge, &beginning],
        ));
    }
    // Without a hash zeros stand for it, as on a Windows that stores none.
    let [a, b, c, d, e, f, g, h, ..] = lm_hash.map_or([0; 16], |hash| hash.0);
    if flags.contains(NegotiateFlags::LM_KEY) {
        let first = crypto::des([a, b, c, d, e, f, g], beginning);
        let second = crypto::des([h, 0xBD, 0xBD, 0xBD, 0xBD, 0xBD, 0xBD], beginning);
        return Secret(join(first, second));
    }
    if flags.contains(NegotiateFlags::REQUEST_NON_NT_SESSION_KEY) {
        return Secret(join([a, b, c, d, e, f, g, h], [0; 8]));
    }
    session_base_key.clone()
}
