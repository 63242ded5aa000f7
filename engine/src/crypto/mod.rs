//! The few compositions of primitives that packages share. The primitives come from crates.

#[cfg(feature = "count-primitives")]
pub mod count;
#[cfg(fuzzing)]
pub mod off;
mod rc4;

use std::fmt;

pub use rc4::Rc4;

use des::{Des, cipher::BlockCipherEncrypt};
use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Counts a call of a primitive, under the feature that is for that alone.
macro_rules! counted {
    ($primitive:ident) => {
        #[cfg(feature = "count-primitives")]
        crate::crypto::count::add(crate::crypto::count::Primitive::$primitive);
    };
}
pub(crate) use counted;

/// Returns a value in the crypto-off mode of fuzzing.
macro_rules! unless_off {
    ($value:expr) => {
        #[cfg(fuzzing)]
        if crate::crypto::off::is_off() {
            return $value;
        }
    };
}
pub(crate) use unless_off;

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
    unless_off!(true);
    left.ct_eq(right).into()
}

/// MD4 (RFC 1320).
#[must_use]
pub fn md4(bytes: &[u8]) -> [u8; 16] {
    unless_off!([0; 16]);
    counted!(Md4);
    Md4::digest(bytes).into()
}

/// MD5 (RFC 1321) over the parts in order.
#[must_use]
pub fn md5(parts: &[&[u8]]) -> [u8; 16] {
    unless_off!([0; 16]);
    counted!(Md5);
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
        unless_off!(Self(None));
        counted!(HmacMd5Key);
        // HMAC takes keys of every length, so the constructor never fails.
        Self(Hmac::<Md5>::new_from_slice(key).ok())
    }

    /// The code over the parts in order.
    #[must_use]
    pub fn sum(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut code = self.start();
        for part in parts {
            code.update(part);
        }
        code.finish()
    }

    /// A code over parts that come one by one.
    #[must_use]
    pub fn start(&self) -> RunningHmacMd5 {
        counted!(HmacMd5);
        RunningHmacMd5(self.0.clone())
    }
}

/// An HMAC-MD5 code that is being computed.
pub struct RunningHmacMd5(Option<Hmac<Md5>>);

impl RunningHmacMd5 {
    /// The next part.
    pub fn update(&mut self, part: &[u8]) {
        if let Some(code) = &mut self.0 {
            code.update(part);
        }
    }

    /// The code over all parts.
    #[must_use]
    pub fn finish(self) -> [u8; 16] {
        self.0.map_or([0; 16], |code| code.finalize().into_bytes().into())
    }
}

impl fmt::Debug for RunningHmacMd5 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RunningHmacMd5")
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
    unless_off!([0; 8]);
    counted!(Des);
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
    let mut sum = RunningCrc32::default();
    for part in parts {
        sum.update(part);
    }
    sum.finish()
}

/// A CRC-32 that is being computed.
#[derive(Clone, Copy, Debug)]
pub struct RunningCrc32(u32);

impl Default for RunningCrc32 {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl RunningCrc32 {
    /// The next part.
    pub fn update(&mut self, part: &[u8]) {
        self.0 = part.iter().fold(self.0, |state, byte| {
            (0..8).fold(state ^ u32::from(*byte), |state, _| {
                (state >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(state & 1))
            })
        });
    }

    /// The sum of all parts.
    #[must_use]
    pub fn finish(self) -> u32 {
        !self.0
    }
}
