//! NTLM: the state of a side is the number of its legs that succeeded.

use legwork_engine::{
    codec,
    ntlm::messages::{Authenticate, Challenge, Descriptor, MessageType, Negotiate, message_type},
};

use super::{Leg, Message, Traffic};
use crate::{
    edit::fields::Fields,
    suite::model::{FIXED_PART, Model},
};

pub(super) const TRAFFIC: Traffic = Traffic {
    read: |token| Some(Box::new(read(token)?)),
    behind,
};

/// The next state. A leg that succeeds behind the last one begins anew.
fn behind<'m>(model: &'m Model, leg: &Leg<'_, 'm>) -> &'m str {
    let mut states = model.states(leg.side);
    if !model.is_established(leg.side, leg.state) {
        states.find(|state| *state == leg.state);
        return states.next().unwrap_or(leg.state);
    }
    states.nth(1).unwrap_or(leg.state)
}

/// A message that is well formed as a whole.
pub(super) struct NtlmMessage {
    name: &'static str,
    fields: Box<dyn Fields>,
    fixed_part: &'static str,
}

/// Reads a message.
pub(super) fn read(token: &[u8]) -> Option<NtlmMessage> {
    let message = |name, fields| NtlmMessage {
        name,
        fields,
        fixed_part: "",
    };
    match message_type(token).ok()? {
        MessageType::NEGOTIATE => {
            let read = Negotiate::parse(token).ok()?.into_owned();
            Some(message("negotiate", Box::new(read)))
        }
        MessageType::CHALLENGE => {
            let read = Challenge::parse(token).ok()?.into_owned();
            let fixed_part = fixed_part(token, &read);
            let message = message("challenge", Box::new(read));
            Some(NtlmMessage {
                fixed_part,
                ..message
            })
        }
        MessageType::AUTHENTICATE => {
            let read = Authenticate::parse(token).ok()?.into_owned();
            Some(message("authenticate", Box::new(read)))
        }
        _ => None,
    }
}

impl Message for NtlmMessage {
    fn name(&self) -> &'static str {
        self.name
    }

    /// A pair is present although its value may be empty; any other part without bytes is absent.
    fn form(&self, part: &str) -> &'static str {
        let value = self.fields.get(part);
        match value.is_some_and(|value| part.contains('.') || !value.is_empty()) {
            _ if part == FIXED_PART => self.fixed_part,
            true => "present",
            false => "absent",
        }
    }
}

/// The size of the fixed part of a CHALLENGE: where its target name begins, or where the message ends.
fn fixed_part(token: &[u8], message: &Challenge<'_>) -> &'static str {
    let name = Descriptor::parse(token, 12, "TargetName").ok();
    let name = name.filter(|_| !message.target_name.is_empty());
    match name.map_or(token.len(), |name| codec::index(name.offset)) {
        ..40 => "32",
        40..48 => "40",
        _ => "48",
    }
}
