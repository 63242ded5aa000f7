//! The end of a case: what the caller has to give back.

use super::{CONTEXT, CREDENTIAL, CallerDeviation, Driver, Purpose};
use crate::{
    protocol::{Request, Role},
    run::trace::End,
    subject::Answer,
};

impl Driver<'_, '_> {
    /// Frees buffers, deletes contexts and frees credentials, whatever happened before.
    ///
    /// # Errors
    /// A subject died of it, hung or broke the protocol; both sides were asked all the same.
    pub(super) fn release(&mut self) -> Result<(), End> {
        (self.altered_input, self.altered_output) = (false, false);
        let [initiator, acceptor] = Role::BOTH.map(|role| self.release_side(role));
        initiator.and(acceptor)
    }

    fn release_side(&mut self, role: Role) -> Result<(), End> {
        let caller = self.settings.caller;
        let allocated = std::mem::take(&mut self.party(role).allocated);
        for of in allocated {
            if caller != Some(CallerDeviation::LeaksBuffers) {
                self.give_back(role, "free-buffers", Request::FreeBuffers { of })?;
            }
        }
        let context = self.party(role).has_context && !self.party(role).deleted;
        if context && caller != Some(CallerDeviation::LeaksContext) {
            self.give_back(role, "delete", Request::Delete { context: CONTEXT })?;
        }
        if self.party(role).has_credential && caller != Some(CallerDeviation::LeaksCredential) {
            self.give_back(
                role,
                "free-credential",
                Request::FreeCredential {
                    credential: CREDENTIAL,
                },
            )?;
        }
        Ok(())
    }

    fn give_back(&mut self, role: Role, operation: &str, request: Request) -> Result<(), End> {
        // A subject that died before has nothing left to give back.
        let lost = |answer: &Answer| {
            matches!(
                answer,
                Answer::Fault(_) | Answer::Crash(_) | Answer::Hang(_) | Answer::Excess(_)
            )
        };
        let mut events = self.trace.events.iter();
        let dead = events.any(|event| event.side == role && lost(&event.answer));
        if dead || self.party(role).needs(operation).is_err() {
            return Ok(());
        }
        match self.call(role, Purpose::Release, request, None) {
            // What a library does not give back by itself it cannot be asked for.
            Ok(_) | Err(End::Unsupported(..)) => Ok(()),
            Err(end) => Err(end),
        }
    }
}
