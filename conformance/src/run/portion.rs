//! Which cases of a run are run here, and in what order. Neither changes what comes of a case.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of a run. A case belongs to a part by its key alone, so that adding a case moves no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Number of the part, from 1.
    pub part: u32,
    /// Number of parts.
    pub of: u32,
}

impl Shard {
    /// Whether the case with this key belongs to the part.
    #[must_use]
    pub fn has(self, key: &str) -> bool {
        let digest = key.bytes().fold(0xCBF2_9CE4_8422_2325, |state: u64, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        // The low bits of this digest (FNV-1a) are little mixed.
        let place = (digest >> 32).checked_rem(u64::from(self.of));
        place.is_some_and(|place| place.wrapping_add(1) == u64::from(self.part))
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "expected PART/PARTS, such as 1/4".to_owned();
        let (part, of) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        let shard = Self {
            part: number(part)?,
            of: number(of)?,
        };
        match (1..=shard.of).contains(&shard.part) {
            true => Ok(shard),
            false => Err(format!("there is no part {} of {}", shard.part, shard.of)),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.part, self.of)
    }
}

/// The numbers below a count, in an order that the seed decides.
#[must_use]
pub fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut state = seed;
    for last in (1..count).rev() {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let choices = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        let other = (mixed ^ (mixed >> 31)).checked_rem(choices).unwrap_or_default();
        order.swap(last, usize::try_from(other).unwrap_or_default());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_belongs_to_one_part_and_no_part_is_empty() {
        let mut sizes = [0; 5];
        for number in 0..500 {
            let key = format!("ntlm/x/number:{number}@initiator");
            let parts: Vec<u32> = (1..=5)
                .filter(|part| Shard { part: *part, of: 5 }.has(&key))
                .collect();
            assert_eq!(parts.len(), 1, "{key}");
            sizes[usize::try_from(parts[0]).unwrap() - 1] += 1;
        }
        assert!(sizes.iter().all(|size| (50..150).contains(size)), "{sizes:?}");
    }

    #[test]
    fn only_parts_that_exist_are_read() {
        assert_eq!("2/3".parse(), Ok(Shard { part: 2, of: 3 }));
        for wrong in ["", "2", "0/3", "4/3", "a/3", "1/0", "1/-1"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_order_has_every_number_once_and_depends_on_the_seed() {
        let order = shuffled(100, 7);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_ne!(order, sorted);
        assert_ne!(order, shuffled(100, 8));
        assert_eq!(shuffled(1, 0), [0]);
        assert_eq!(shuffled(0, 0), [0; 0]);
    }
}
