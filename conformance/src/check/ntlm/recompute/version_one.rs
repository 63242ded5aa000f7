//! Responses and keys of version 1 and of the LAN Manager (MS-NLMP sections 3.3.1 and 3.4.5.1).

use legwork_engine::{crypto, ntlm::messages::NegotiateFlags};

use crate::protocol::Text;

/// The NT response: with extended session security over both challenges, without over the acceptor's.
#[must_use]
pub fn nt_response(
    flags: NegotiateFlags,
    password: &Text,
    asked: &[u8; 8],
    lm_response: &[u8],
) -> Option<[u8; 24]> {
    let hash = crypto::md4(&password.utf16);
    if !flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        return Some(encrypt(&hash, *asked));
    }
    let own = lm_response.get(..8)?;
    let both = crypto::md5(&[asked, own]);
    Some(encrypt(&hash, *both.first_chunk()?))
}

/// The LAN Manager response without extended session security; none if the password has no hash.
#[must_use]
pub fn lm_response(password: &Text, asked: &[u8; 8]) -> Option<[u8; 24]> {
    lm_hash(password).map(|hash| encrypt(&hash, *asked))
}

/// The key exchange key.
#[must_use]
pub fn exchange_key(flags: NegotiateFlags, password: &Text, lm_response: &[u8], asked: &[u8; 8]) -> [u8; 16] {
    let base = crypto::md4(&crypto::md4(&password.utf16));
    let beginning: [u8; 8] = lm_response.first_chunk().copied().unwrap_or_default();
    if flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        return crypto::hmac_md5(&base, &[asked, &beginning]);
    }
    let lm = lm_hash(password).unwrap_or_default();
    let (first, second) = lm.split_at(7);
    if flags.contains(NegotiateFlags::LM_KEY) {
        let last = [second.get(..1).unwrap_or_default(), &[0xBD; 6]].concat();
        let blocks = [first, &last].map(|key| des(key, beginning));
        return blocks.concat().try_into().unwrap_or_default();
    }
    if flags.contains(NegotiateFlags::REQUEST_NON_NT_SESSION_KEY) {
        let half = lm.get(..8).unwrap_or_default();
        return [half, &[0; 8]].concat().try_into().unwrap_or_default();
    }
    base
}

/// LMOWFv1: the upper-case password in OEM characters, filled to fourteen bytes, each half the key of a block. A longer
/// password has none, and neither has one with characters beyond the set.
fn lm_hash(password: &Text) -> Option<[u8; 16]> {
    let (units, _) = password.utf16.as_chunks::<2>();
    let letters = units.iter().map(|[low, high]| {
        let letter = char::from(*low);
        let mut upper = letter.to_uppercase();
        let mapped = match (upper.next(), upper.next()) {
            (Some(one), None) => u8::try_from(u32::from(one)),
            _ => u8::try_from(u32::from(letter)),
        };
        mapped.ok().filter(|_| *high == 0)
    });
    let mut key: Vec<u8> = letters.collect::<Option<_>>()?;
    if key.len() > 14 {
        return None;
    }
    key.resize(14, 0);
    let halves: Vec<[u8; 8]> = key.chunks(7).map(|half| des(half, *b"KGS!@#$%")).collect();
    halves.concat().try_into().ok()
}

/// Three blocks, each with a third of the key that zeros lengthen to 21 bytes.
fn encrypt(key: &[u8; 16], block: [u8; 8]) -> [u8; 24] {
    let long = [key.as_slice(), &[0; 5]].concat();
    let blocks: Vec<[u8; 8]> = long.chunks(7).map(|third| des(third, block)).collect();
    blocks.concat().try_into().unwrap_or([0; 24])
}

fn des(key: &[u8], block: [u8; 8]) -> [u8; 8] {
    crypto::des(key.try_into().unwrap_or_default(), block)
}
