//! The model of a context of Negotiate: its own tokens, and those of NTLM without wrapper.

use std::mem;

use legwork_engine::status::SecurityStatus as Status;

use super::context::{Context, Due, Meaning, Stage};

/// What the first leg of a side makes of a token: what it puts out, and what it waits for then.
pub(super) fn first(
    initiates: bool,
    place: usize,
    present: bool,
    meaning: Meaning,
) -> Result<(Meaning, Due), Status> {
    match (initiates, meaning) {
        (true, _) if !present => Ok((Meaning::Offer, Due::Answer)),
        (true, Meaning::Offer | Meaning::Hint) => Ok((Meaning::Offer, Due::Answer)),
        (false, _) if !present => Ok((Meaning::Hint, Due::Offer)),
        (false, Meaning::Offer) => Ok((Meaning::Answer(place), Due::Reply)),
        (false, Meaning::Hint) => Ok((Meaning::Choice, Due::Other)),
        (false, Meaning::Negotiate) => Ok((Meaning::Challenge(place), Due::Unwrapped)),
        _ => Err(Status::SEC_E_INVALID_TOKEN),
    }
}

impl Context {
    /// What a later leg makes of a token. A code takes the first number of its direction.
    pub(super) fn negotiate(&mut self, place: usize, meaning: Meaning) -> Result<Meaning, Status> {
        if !matches!(self.stage, Stage::Waiting | Stage::Keyed { .. }) {
            return Err(Status::SEC_E_INVALID_HANDLE);
        }
        let stage = mem::replace(&mut self.stage, Stage::Failed);
        match (self.due, meaning) {
            (Some(Due::Offer), _) => {
                let (made, due) = first(false, place, true, meaning)?;
                (self.due, self.stage) = (Some(due), stage);
                Ok(made)
            }
            (Some(Due::Answer), Meaning::Answer(acceptor)) => {
                self.due = Some(Due::Code);
                (self.stage, self.sent) = (Stage::Keyed { key: place }, 1);
                let initiator = place;
                Ok(Meaning::Reply { initiator, acceptor })
            }
            (Some(Due::Code), Meaning::Code { initiator }) if initiator == place => {
                (self.stage, self.received) = (Stage::Established { key: place }, 1);
                Ok(Meaning::Nothing)
            }
            (Some(Due::Code), Meaning::Code { .. }) => Err(Status::SEC_E_MESSAGE_ALTERED),
            (Some(Due::Reply), Meaning::Reply { initiator, acceptor }) if acceptor == place => {
                self.stage = Stage::Established { key: initiator };
                (self.sent, self.received) = (1, 1);
                Ok(Meaning::Code { initiator })
            }
            (Some(Due::Unwrapped), Meaning::Authenticate { initiator, acceptor }) if acceptor == place => {
                self.stage = Stage::Established { key: initiator };
                Ok(Meaning::Nothing)
            }
            (Some(Due::Reply), Meaning::Reply { .. })
            | (Some(Due::Unwrapped), Meaning::Authenticate { .. }) => Err(Status::SEC_E_LOGON_DENIED),
            _ => Err(Status::SEC_E_INVALID_TOKEN),
        }
    }
}
