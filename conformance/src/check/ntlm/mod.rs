//! Exchanges of NTLM: every token against all rules of its message, and every derived value recomputed.

mod attributes;
mod authenticate;
mod challenge;
pub(super) mod exchange;
mod legs;
mod message;
mod negotiate;
pub mod recompute;
mod response;
mod streams;

pub(super) use streams::WrapperCode;

use super::Judge;

pub(super) fn check(judge: &mut Judge<'_>) {
    legs::check(judge);
    attributes::check(judge);
    check_tokens(judge, &[]);
}

/// Everything that does not depend on what is around the tokens. The codes are those that a wrapper makes with the keys
/// of the exchange.
pub(super) fn check_tokens(judge: &mut Judge<'_>, codes: &[WrapperCode]) {
    negotiate::check(judge);
    challenge::check(judge);
    authenticate::check(judge);
    message::check(judge, codes);
}
