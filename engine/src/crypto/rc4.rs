//! The RC4 key stream (RFC 6229 names it; the algorithm is public knowledge since 1994).
//!
//! Written here because a failed verification must leave the stream where it was, and the stream of the `rc4` crate
//! cannot be copied. The tests compare the two.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

#[allow(
    unused_imports,
    reason = "empty unless the engine is fuzzed or its primitives are counted"
)]
use super::{counted, unless_off};

/// A running key stream.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Rc4 {
    state: [u8; 256],
    i: u8,
    j: u8,
}

#[allow(
    clippy::indexing_slicing,
    reason = "a byte is always an index into 256 elements"
)]
impl Rc4 {
    /// A key stream; keys have 1 to 256 bytes, an empty key counts as one zero byte.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let mut state: [u8; 256] = std::array::from_fn(|place| u8::try_from(place).unwrap_or_default());
        unless_off!(Self { state, i: 0, j: 0 });
        counted!(Rc4Key);
        let key = if key.is_empty() { &[0] } else { key };
        let mut j = 0u8;
        for (i, byte) in (0..=u8::MAX).zip(key.iter().cycle()) {
            j = j.wrapping_add(state[usize::from(i)]).wrapping_add(*byte);
            state.swap(usize::from(i), usize::from(j));
        }
        Self { state, i: 0, j: 0 }
    }

    /// Where the stream is: its 256 elements and two indices.
    #[must_use]
    pub fn state(&self) -> Zeroizing<[u8; 258]> {
        let mut state = Zeroizing::new([0; 258]);
        let running = self.state.iter().chain([&self.i, &self.j]);
        state.iter_mut().zip(running).for_each(|(to, from)| *to = *from);
        state
    }

    /// The stream at a state; none if the elements are no permutation of all bytes.
    #[must_use]
    pub fn from_state(state: &[u8; 258]) -> Option<Self> {
        let (elements, indices) = state.split_first_chunk::<256>()?;
        let mut seen = [false; 256];
        elements
            .iter()
            .for_each(|element| seen[usize::from(*element)] = true);
        let &[i, j] = indices else { return None };
        seen.iter().all(|seen| *seen).then_some(Self {
            state: *elements,
            i,
            j,
        })
    }

    /// Encrypts or decrypts in place; the stream runs on.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        let (mut i, mut j) = (self.i, self.j);
        for byte in bytes {
            i = i.wrapping_add(1);
            let left = self.state[usize::from(i)];
            j = j.wrapping_add(left);
            let right = self.state[usize::from(j)];
            self.state[usize::from(i)] = right;
            self.state[usize::from(j)] = left;
            *byte ^= self.state[usize::from(left.wrapping_add(right))];
        }
        (self.i, self.j) = (i, j);
    }
}

impl fmt::Debug for Rc4 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Rc4")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rc4::{KeyInit, StreamCipher};

    use super::Rc4;

    proptest! {
        #[test]
        fn equals_the_crate(key in proptest::collection::vec(any::<u8>(), 1..=64), parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..4)) {
            let mut ours = Rc4::new(&key);
            let mut theirs = rc4::Rc4::new_from_slice(&key).unwrap();
            for part in parts {
                let (mut left, mut right) = (part.clone(), part);
                ours.apply(&mut left);
                theirs.apply_keystream(&mut right);
                prop_assert_eq!(left, right);
            }
        }
    }
}
