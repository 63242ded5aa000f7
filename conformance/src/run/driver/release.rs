//! The end of a case: what the caller has to give back.

use super::{CONTEXT, CREDENTIAL, CallerDeviation, Driver, Purpose};
use crate::protocol::{Request, Role};

impl Driver<'_, '_> {
    /// Frees buffers, deletes contexts and frees credentials, whatever happened before.
    pub(super) fn release(&mut self) {
        (self.altered_input, self.altered_output) = (false, false);
        for role in Role::BOTH {
            self.release_side(role);
        }
    }

    fn release_side(&mut self, role: Role) {
        let caller = self.settings.caller;
        let allocated = std::mem::take(&mut self.party(role).allocated);
        for of in allocated {
            if caller != Some(CallerDeviation::LeaksBuffers) {
                self.give_back(role, "free-buffers", Request::FreeBuffers { of });
            }
        }
        let context = self.party(role).has_context && !self.party(role).deleted;
        if context && caller != Some(CallerDeviation::LeaksContext) {
            self.give_back(role, "delete", Request::Delete { context: CONTEXT });
        }
        if self.party(role).has_credential && caller != Some(CallerDeviation::LeaksCredential) {
            self.give_back(
                role,
                "free-credential",
                Request::FreeCredential {
                    credential: CREDENTIAL,
                },
            );
        }
    }

    fn give_back(&mut self, role: Role, operation: &str, request: Request) {
        if self.party(role).needs(operation).is_ok() {
            // A subject that died before has nothing left to give back.
            let _ = self.call(role, Purpose::Release, request, None);
        }
    }
}
