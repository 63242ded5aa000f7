//! A token on its way in fragments.

use super::Driver;
use crate::{
    edit::Token,
    protocol::Layer,
    run::trace::End,
    suite::scenario::{FragmentsStep, LegStep},
};

impl Driver<'_, '_> {
    /// Passes the token that is under way to whoever is next, in fragments; the last of them is under way then.
    pub(super) fn fragments(&mut self, step: &FragmentsStep) -> Result<(), End> {
        let (role, last) = (self.next_role(), self.last_leg);
        if !self.party(role).shows("status") {
            return Err(self.party(role).unsupported("status"));
        }
        if self.party(role).layer() != Layer::Token {
            let message = "what carries the tokens of this subject keeps them whole";
            return Err(End::NotApplicable(message.to_owned()));
        }
        let sizes = match &step.sizes_from {
            Some(axis) => self.case.sizes(axis),
            None => &step.sizes,
        };
        let token = self.under_way.bytes().unwrap_or_default().to_vec();
        let leg = LegStep {
            expect: Some(step.expect.clone()),
            ..LegStep::default()
        };
        let mut rest = token.as_slice();
        for place in 0.. {
            let repeated = sizes.last().filter(|size| **size > 0);
            let size = sizes.get(place).or(repeated).copied().unwrap_or(usize::MAX);
            let Some((fragment, behind)) = rest
                .split_at_checked(size)
                .filter(|(_, behind)| !behind.is_empty())
            else {
                break;
            };
            self.under_way = Token::Bytes(fragment.to_vec());
            self.altered_input = true;
            self.leg(role, &leg)?;
            // It is still the same token of the same leg.
            self.sent.pop();
            self.last_leg = last;
            rest = behind;
        }
        self.under_way = Token::Bytes(rest.to_vec());
        self.altered_input = true;
        Ok(())
    }
}
