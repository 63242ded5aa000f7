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
    /// An initiator's offer.
    Offer,
    /// An acceptor's hint, which is an offer as well, without a token of a mechanism.
    Hint,
    /// The choice of an acceptor that was offered no token.
    Choice,
    /// The answer of an acceptor to an offer, with its CHALLENGE.
    Answer(usize),
    /// The reply of an initiator to an answer, with its AUTHENTICATE.
    Reply {
        initiator: usize,
        acceptor: usize,
    },
    /// The code of an acceptor that is done with an initiator.
    Code {
        initiator: usize,
    },
    Nothing,
}

/// What a context of Negotiate waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// An offer.
    Offer,
    /// An answer to an offer.
    Answer,
    /// A reply to an answer.
    Reply,
    /// An AUTHENTICATE without wrapper.
    Unwrapped,
    /// The last code.
    Code,
    /// A token that none of these is.
    Other,
}

/// How far a context is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Waiting,
    /// It waits for the last token and has the key of an initiator.
    Keyed {
        key: usize,
    },
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
    /// What it waits for, if it is one of Negotiate.
    pub(super) due: Option<Due>,
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
            None if self.due.is_some() => self.negotiate(place, meaning)?,
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

    /// What a leg that succeeded answers.
    pub(super) fn status(&self) -> Status {
        match self.stage {
            Stage::Established { .. } => Status::SEC_E_OK,
            _ => Status::SEC_I_CONTINUE_NEEDED,
        }
    }

    /// Whether the context is one of Negotiate that a leg with this token lets authenticate again.
    pub(super) fn begins_again(&self, present: bool, meaning: Meaning) -> bool {
        let begins = match self.initiates {
            true => !present,
            false => matches!(meaning, Meaning::Offer | Meaning::Hint),
        };
        let complete = self.pending.is_none() && matches!(self.stage, Stage::Established { .. });
        begins && complete && self.due.is_some()
    }

    /// Whether the context can be asked for its mechanism: one of Negotiate at any time, unless a token waits for room.
    pub(super) fn has_negotiation(&self) -> bool {
        let has = match self.stage {
            Stage::Established { .. } => true,
            Stage::Waiting | Stage::Keyed { .. } => self.due.is_some(),
            Stage::Failed | Stage::Deleted => false,
        };
        has && self.pending.is_none()
    }

    /// The attributes that SECPKG_ATTR_FLAGS tells: those of the last leg, in the bits of the side's call. Before the
    /// context is complete nothing is granted.
    pub(super) fn granted(&self) -> u32 {
        let complete = matches!(self.stage, Stage::Established { .. });
        if self.initiates {
            let protection = InitAttributes::INTEGRITY | InitAttributes::CONFIDENTIALITY;
            let mut granted = InitAttributes::empty();
            granted.set(protection, complete);
            granted.set(InitAttributes::ALLOCATED_MEMORY, self.allocated);
            granted.bits()
        } else {
            let protection = AcceptAttributes::INTEGRITY | AcceptAttributes::CONFIDENTIALITY;
            let mut granted = AcceptAttributes::empty();
            granted.set(protection, complete);
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
