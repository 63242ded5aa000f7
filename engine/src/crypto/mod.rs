//! The few compositions of primitives that packages share. The primitives come from crates.

mod rc4;

use std::fmt;

pub use rc4::Rc4;

use des::{Des, cipher::BlockCipherEncrypt};
use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Bytes that nobody may see: not in Debug, wiped on drop, compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>(pub [u8; N]);

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secret({N} bytes)")
    }
}

/// Whether two byte strings are equal, in time that does not depend on where they differ.
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

/// MD4 (RFC 1320).
#[must_use]
pub fn md4(bytes: &[u8]) -> [u8; 16] {
    Md4::digest(bytes).into()
}

/// MD5 (RFC 1321) over the parts in order.
#[must_use]
pub fn md5(parts: &[&[u8]]) -> [u8; 16] {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// HMAC-MD5 (RFC 2104) over the parts in order.
#[must_use]
pub fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; 16] {
    HmacMd5::new(key).sum(parts)
}

/// An HMAC-MD5 key with its two inner states computed once.
#[derive(Clone)]
pub struct HmacMd5(Option<Hmac<Md5>>);

impl HmacMd5 {
    /// Prepares a key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        // HMAC takes keys of every length, so the constructor never fails.
        Self(Hmac::<Md5>::new_from_slice(key).ok())
    }

    /// The code over the parts in order.
    #[must_use]
    pub fn sum(&self, parts: &[&[u8]]) -> [u8; 16] {
        let Some(mut code) = self.0.clone() else {
            return [0; 16];
        };
        for part in parts {
            code.update(part);
        }
        code.finalize().into_bytes().into()
    }
}

impl fmt::Debug for HmacMd5 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HmacMd5")
    }
}

/// DES (FIPS 46-3) of one block with a key of 56 bits, written without parity bits.
#[must_use]
pub fn des(key: [u8; 7], block: [u8; 8]) -> [u8; 8] {
    let [a, b, c, d, e, f, g] = key;
    let bits = u64::from_be_bytes([0, a, b, c, d, e, f, g]);
    // Seven bits go into each byte of the key; the lowest bit is for parity, which DES does not look at.
    let spread: [u8; 8] = std::array::from_fn(|place| {
        let septet = (bits >> (49 - 7 * place)) & 0x7F;
        u8::try_from(septet << 1).unwrap_or_default()
    });
    let mut block = block.into();
    Des::new(&spread.into()).encrypt_block(&mut block);
    block.into()
}

/// RC4 of 16 bytes with a key that is used once.
#[must_use]
pub fn rc4_once(key: &[u8], mut bytes: [u8; 16]) -> [u8; 16] {
    Rc4::new(key).apply(&mut bytes);
    bytes
}

/// CRC-32 of the parts in order (ISO 3309), as signatures without extended session security use it.
#[must_use]
pub fn crc32(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| part.iter());
    !bytes.fold(u32::MAX, |state, byte| {
        (0..8).fold(state ^ u32::from(*byte), |state, _| {
            (state >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(state & 1))
        })
    })
}
