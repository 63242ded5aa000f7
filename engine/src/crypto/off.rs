//! The crypto-off mode, which exists under `cfg(fuzzing)` alone: a fuzzing engine guesses no proof and no code. Keys,
//! hashes and codes are zeros, key streams are those of no key, and everything compares as equal.

use std::cell::Cell;

thread_local! {
    static OFF: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is without cryptography.
pub(crate) fn is_off() -> bool {
    OFF.get()
}

/// Runs something without cryptography on this thread.
pub fn without_crypto(work: impl FnOnce()) {
    OFF.set(true);
    work();
    OFF.set(false);
}
