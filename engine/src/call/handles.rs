//! Handles: numbers that are given out once. What a number was is never forgotten, so that a stale handle is told
//! from a foreign one.

/// Handle of a credential (CredHandle). Any number can be passed; only those given out are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CredHandle(pub u64);

/// Handle of a context (CtxtHandle).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CtxtHandle(pub u64);

/// Live objects by handle. Numbers start at one and are never given twice.
#[derive(Debug)]
pub(super) struct Table<T> {
    live: Vec<(u64, T)>,
    given: u64,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            live: Vec::new(),
            given: 0,
        }
    }
}

impl<T> Table<T> {
    pub(super) fn insert(&mut self, value: T) -> u64 {
        self.given = self.given.wrapping_add(1);
        self.live.push((self.given, value));
        self.given
    }

    pub(super) fn get(&mut self, handle: u64) -> Option<&mut T> {
        self.live
            .iter_mut()
            .find(|(number, _)| *number == handle)
            .map(|(_, value)| value)
    }

    pub(super) fn remove(&mut self, handle: u64) -> Option<T> {
        let place = self.live.iter().position(|(number, _)| *number == handle)?;
        Some(self.live.swap_remove(place).1)
    }

    pub(super) fn was_given(&self, handle: u64) -> bool {
        (1..=self.given).contains(&handle)
    }

    pub(super) fn live(&self) -> usize {
        self.live.len()
    }
}
