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

use super::Judge;

pub(super) fn check(judge: &mut Judge<'_>) {
    legs::check(judge);
    negotiate::check(judge);
    challenge::check(judge);
    authenticate::check(judge);
    attributes::check(judge);
    message::check(judge);
}
