//! A good exchange with one edit in transit. With a message integrity code, whatever changes makes the acceptor
//! refuse. Without one the protocol protects less; then every answer still has to be a documented one.

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    ntlm::messages::{Authenticate, AvPairs, MSV_AV_FLAG_MIC, NtlmV2Response},
    status::SecurityStatus as Status,
};

use super::world::{Choices, Pair, token, view};

/// One edit of one token: some bytes are taken out at a place and others put in.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Mutation {
    /// What both sides choose.
    pub choices: Choices,
    /// Number of the token, from 0 to 2; no other token is changed.
    pub leg: u8,
    /// Where the edit begins, modulo the length of the token.
    pub at: u16,
    /// How many bytes are taken out.
    pub removed: u8,
    /// What is put in.
    pub inserted: Vec<u8>,
}

/// Runs the exchange that the bytes describe.
///
/// # Panics
/// As [`completes`].
pub fn mutated_exchange(bytes: &[u8]) {
    if let Ok(mutation) = Mutation::arbitrary(&mut Unstructured::new(bytes)) {
        let _ = completes(&mutation);
    }
}

impl Mutation {
    /// The token as it arrives.
    fn deliver(&self, leg: u8, token: &[u8]) -> Vec<u8> {
        let mut arrived = token.to_vec();
        if leg == self.leg && !token.is_empty() {
            let at = usize::from(self.at) % token.len();
            let end = at.saturating_add(usize::from(self.removed)).min(token.len());
            arrived.splice(at..end, self.inserted.iter().copied());
        }
        arrived
    }
}

/// Whether an AUTHENTICATE message says that it has a message integrity code.
fn announces_mic(token: &[u8]) -> bool {
    let announced = |token| {
        let message = Authenticate::parse(token).ok()?;
        let response = NtlmV2Response::parse(&message.nt_response).ok()?;
        let (pairs, _) = AvPairs::parse(&response.client_challenge.av_pairs).ok()?;
        pairs.flags().ok()?
    };
    announced(token).is_some_and(|flags| flags & MSV_AV_FLAG_MIC != 0)
}

/// Runs an exchange with one edit; says whether both sides complete.
///
/// # Panics
/// Both sides complete although a token changed on its way and a code protects them; or nothing changed, and they
/// differ in what they believe.
#[must_use]
pub fn completes(mutation: &Mutation) -> bool {
    let mut pair = Pair::new(mutation.choices.clone());
    let first = pair.initialize(None, None);
    let sent = token(&first.output);
    let arrived = mutation.deliver(0, &sent);
    let mut changed = sent != arrived;
    let second = pair.accept(None, Some(&arrived));
    if second.status.is_failure() {
        return false;
    }
    let sent = token(&second.output);
    let arrived = mutation.deliver(1, &sent);
    changed |= sent != arrived;
    let third = pair.initialize(first.context, Some(&arrived));
    if third.status.is_failure() {
        return false;
    }
    let sent = token(&third.output);
    let arrived = mutation.deliver(2, &sent);
    changed |= sent != arrived;
    let last = pair.accept(second.context, Some(&arrived));
    let (status, error) = (last.status, last.error);
    if status != Status::SEC_E_OK {
        assert!(status.is_failure() && error.is_some(), "{status:?}");
        return false;
    }
    let unnoticed = changed && announces_mic(&sent);
    assert!(!unnoticed, "a change is not noticed: {mutation:?}");
    if let (false, Some(initiator), Some(acceptor)) = (changed, first.context, second.context) {
        let one = view(&mut pair.initiator, initiator);
        let other = view(&mut pair.acceptor, acceptor);
        assert_eq!(one, other, "the views differ: {mutation:?}");
    }
    true
}
