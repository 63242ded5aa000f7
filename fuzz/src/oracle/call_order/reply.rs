//! One leg of either side on the interface.

use legwork_engine::{
    buffer::{BufferKind, SecBuffer},
    call::{
        AcceptArguments, Allocation, CredHandle, CtxtHandle, InitializeArguments, LegReply,
        NATIVE_DATA_REPRESENTATION, SecurityInterface,
    },
    flags::{AcceptRequirements, InitRequirements},
    status::SecurityStatus as Status,
};

use super::call::Room;

pub(super) fn output(room: Room) -> Vec<SecBuffer> {
    match room {
        Room::Enough => vec![SecBuffer::with_capacity(BufferKind::TOKEN, 4096)],
        Room::Allocated => vec![SecBuffer::new(BufferKind::TOKEN, [])],
        Room::OneByte => vec![SecBuffer::with_capacity(BufferKind::TOKEN, 1)],
        Room::NoBuffer => Vec::new(),
    }
}

/// What both context calls return, as far as the model looks at it.
pub(super) struct Reply {
    pub(super) status: Status,
    pub(super) context: Option<CtxtHandle>,
    pub(super) token: Vec<u8>,
    pub(super) allocation: Option<Allocation>,
}

impl<A> From<LegReply<A>> for Reply {
    fn from(reply: LegReply<A>) -> Self {
        Self {
            status: reply.status,
            context: reply.context,
            token: reply
                .output
                .into_iter()
                .next()
                .map_or_else(Vec::new, |buffer| buffer.bytes),
            allocation: reply.allocation,
        }
    }
}

impl Reply {
    pub(super) fn of_initiator(
        interface: &mut SecurityInterface,
        credential: Option<CredHandle>,
        context: Option<CtxtHandle>,
        input: &[SecBuffer],
        room: Room,
    ) -> Self {
        let mut requirements = InitRequirements::INTEGRITY | InitRequirements::CONFIDENTIALITY;
        requirements.set(InitRequirements::ALLOCATE_MEMORY, room == Room::Allocated);
        let reply = interface.initialize_security_context(InitializeArguments {
            credential,
            context,
            target: None,
            requirements,
            data_representation: NATIVE_DATA_REPRESENTATION,
            input,
            output: output(room),
        });
        reply.into()
    }

    pub(super) fn of_acceptor(
        interface: &mut SecurityInterface,
        credential: Option<CredHandle>,
        context: Option<CtxtHandle>,
        input: &[SecBuffer],
        room: Room,
    ) -> Self {
        let mut requirements = AcceptRequirements::empty();
        requirements.set(AcceptRequirements::ALLOCATE_MEMORY, room == Room::Allocated);
        let reply = interface.accept_security_context(AcceptArguments {
            credential,
            context,
            requirements,
            data_representation: NATIVE_DATA_REPRESENTATION,
            input,
            output: output(room),
        });
        reply.into()
    }
}
