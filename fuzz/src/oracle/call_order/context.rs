//! The model of one context: how far it is, and what a leg on it has to answer.

use legwork_engine::{
    call::CtxtHandle,
    flags::{AcceptAttributes, InitAttributes},
    status::SecurityStatus as Status,
};

use super::call::Room;

/// What a token is, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Negotiate,
    /// The CHALLENGE of an acceptor, by its place among the contexts.
    Challenge(usize),
    /// The AUTHENTICATE of an initiator that answers an acceptor's CHALLENGE.
    Authenticate {
        initiator: usize,
        acceptor: usize,
    },
    Nothing,
}

/// How far a context is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    /// Established, with the key of an initiator.
    Established {
        key: usize,
    },
    Failed,
    Deleted,
}

#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) handle: CtxtHandle,
    pub(super) initiates: bool,
    pub(super) stage: Stage,
    /// A leg whose token did not fit: what it means.
    pub(super) pending: Option<Meaning>,
    /// Whether the last leg that succeeded let the package allocate its output.
    pub(super) allocated: bool,
    pub(super) sent: u32,
    pub(super) received: u32,
}

impl Context {
    /// What a leg on this context has to answer: the token that is put out, or the status of a refusal. An absent
    /// token is refused before it reaches the context; a leg that waits for room looks at no token.
    pub(super) fn leg(
        &mut self,
        place: usize,
        present: bool,
        meaning: Meaning,
        room: Room,
    ) -> Result<Meaning, Status> {
        let made = match self.pending.take() {
            Some(made) => made,
            None if !present => return Err(Status::SEC_E_INVALID_TOKEN),
            None => self.step(place, meaning)?,
        };
        if made != Meaning::Nothing
            && let Err(status) = delivered(room)
        {
            self.pending = Some(made);
            return Err(status);
        }
        self.allocated = room == Room::Allocated;
        Ok(made)
    }

    /// The attributes that SECPKG_ATTR_FLAGS tells: those of the last leg, in the bits of the side's call.
    pub(super) fn granted(&self) -> u32 {
        if self.initiates {
            let mut granted = InitAttributes::INTEGRITY | InitAttributes::CONFIDENTIALITY;
            granted.set(InitAttributes::ALLOCATED_MEMORY, self.allocated);
            granted.bits()
        } else {
            let mut granted = AcceptAttributes::INTEGRITY | AcceptAttributes::CONFIDENTIALITY;
            granted.set(AcceptAttributes::ALLOCATED_MEMORY, self.allocated);
            granted.bits()
        }
    }

    fn step(&mut self, place: usize, meaning: Meaning) -> Result<Meaning, Status> {
        if self.stage != Stage::Waiting {
            return Err(Status::SEC_E_INVALID_HANDLE);
        }
        self.stage = Stage::Failed;
        match (self.initiates, meaning) {
            (true, Meaning::Challenge(acceptor)) => {
                self.stage = Stage::Established { key: place };
                Ok(Meaning::Authenticate {
                    initiator: place,
                    acceptor,
                })
            }
            (false, Meaning::Authenticate { initiator, acceptor }) if acceptor == place => {
                self.stage = Stage::Established { key: initiator };
                Ok(Meaning::Nothing)
            }
            (false, Meaning::Authenticate { .. }) => Err(Status::SEC_E_LOGON_DENIED),
            _ => Err(Status::SEC_E_INVALID_TOKEN),
        }
    }
}

/// Whether output that is not empty finds a place.
pub(super) fn delivered(room: Room) -> Result<(), Status> {
    match room {
        Room::Enough | Room::Allocated => Ok(()),
        Room::OneByte => Err(Status::SEC_E_BUFFER_TOO_SMALL),
        Room::NoBuffer => Err(Status::SEC_E_INVALID_TOKEN),
    }
}
