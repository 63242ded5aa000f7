//! The crypto-off mode.

/// Runs something without cryptography where a fuzzing engine runs it, so that inputs get past codes and proofs that
/// they cannot guess. Elsewhere the engine has no such mode, and cryptography is on.
pub fn without_crypto(work: impl FnOnce()) {
    #[cfg(fuzzing)]
    legwork_engine::crypto::off::without_crypto(work);
    #[cfg(not(fuzzing))]
    work();
}
