//! Single calls: what a fault leaves behind, whose mistake a refusal is, and what the channel bindings cover.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests")]

use legwork_engine::{
    buffer::{BufferKind, ChannelBindings, SecBuffer},
    call::{
        AcceptArguments, AcceptReply, AuthIdentity, CredHandle, CredentialUse, CtxtHandle,
        InitializeArguments, InitializeReply, NATIVE_DATA_REPRESENTATION, SecurityInterface,
    },
    crypto,
    environment::{Account, Directory, Environment, Faults},
    error::{CallerMisuse, Error, PeerIncompatible},
    flags::{AcceptRequirements, InitRequirements},
    ntlm::{
        keys,
        messages::{Authenticate, AvPairs, NtlmV2Response},
    },
    status::SecurityStatus as Status,
};
use pretty_assertions::assert_eq;

/// Both sides in one interface.
struct World {
    interface: SecurityInterface,
    outbound: CredHandle,
    inbound: CredHandle,
}

impl World {
    fn new() -> Self {
        let identity = AuthIdentity {
            user: Some("user".into()),
            domain: Some("EXAMPLE".into()),
            password: Some("password".into()),
            package_list: None,
        };
        let mut environment = Environment::seeded(5);
        environment.directory = Directory::new(vec![Account::new(
            "user",
            "EXAMPLE",
            keys::password_hashes(&"password".into()),
        )]);
        let mut interface = SecurityInterface::new(environment);
        let mut acquire = |usage, identity| interface.acquire_credentials_handle("NTLM", usage, identity);
        let (_, outbound) = acquire(CredentialUse::Outbound, Some(&identity)).unwrap();
        let (_, inbound) = acquire(CredentialUse::Inbound, None).unwrap();
        Self {
            interface,
            outbound,
            inbound,
        }
    }

    fn initialize(&mut self, context: Option<CtxtHandle>, input: &[SecBuffer]) -> InitializeReply {
        self.interface.initialize_security_context(InitializeArguments {
            credential: Some(self.outbound),
            context,
            target: None,
            requirements: InitRequirements::CONFIDENTIALITY,
            data_representation: NATIVE_DATA_REPRESENTATION,
            input,
            output: vec![SecBuffer::with_capacity(BufferKind::TOKEN, 4096)],
        })
    }

    fn accept(&mut self, context: Option<CtxtHandle>, input: &[SecBuffer]) -> AcceptReply {
        self.interface.accept_security_context(AcceptArguments {
            credential: Some(self.inbound),
            context,
            requirements: AcceptRequirements::empty(),
            data_representation: NATIVE_DATA_REPRESENTATION,
            input,
            output: vec![SecBuffer::with_capacity(BufferKind::TOKEN, 4096)],
        })
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.interface.environment().faults
    }

    /// Both contexts before their last leg, with the CHALLENGE.
    fn halfway(&mut self) -> (Option<CtxtHandle>, Option<CtxtHandle>, SecBuffer) {
        let first = self.initialize(None, &[]);
        let second = self.accept(None, &first.output);
        (first.context, second.context, second.output[0].clone())
    }
}

#[test]
fn a_fault_that_is_gone_leaves_the_context_as_it_was() {
    let memory = Faults {
        memory: true,
        ..Faults::default()
    };
    let internal = Faults {
        internal: true,
        ..Faults::default()
    };
    for (faults, status) in [
        (memory, Status::SEC_E_INSUFFICIENT_MEMORY),
        (internal, Status::SEC_E_INTERNAL_ERROR),
    ] {
        let mut world = World::new();
        let (initiator, acceptor, challenge) = world.halfway();
        *world.faults() = faults;
        assert_eq!(world.initialize(None, &[]).status, status);
        assert_eq!(
            world
                .initialize(initiator, std::slice::from_ref(&challenge))
                .status,
            status
        );
        *world.faults() = Faults::default();
        let third = world.initialize(initiator, &[challenge]);
        assert_eq!(third.status, Status::SEC_E_OK);
        *world.faults() = faults;
        assert_eq!(world.accept(acceptor, &third.output).status, status);
        *world.faults() = Faults::default();
        assert_eq!(world.accept(acceptor, &third.output).status, Status::SEC_E_OK);
    }
}

#[test]
fn a_directory_out_of_reach_fails_the_context() {
    let mut world = World::new();
    let (initiator, acceptor, challenge) = world.halfway();
    let third = world.initialize(initiator, &[challenge]);
    world.faults().authority = true;
    let last = world.accept(acceptor, &third.output);
    assert_eq!(last.status, Status::SEC_E_NO_AUTHENTICATING_AUTHORITY);
    world.faults().authority = false;
    let last = world.accept(acceptor, &third.output);
    assert_eq!(last.status, Status::SEC_E_INVALID_HANDLE);
}

#[test]
fn a_logon_without_response_or_with_an_old_one_is_denied() {
    for length in [0, 24] {
        let mut world = World::new();
        let (initiator, acceptor, challenge) = world.halfway();
        let third = world.initialize(initiator, &[challenge]);
        let mut message = Authenticate::parse(&third.output[0].bytes).unwrap();
        message.nt_response = vec![0; length].into();
        let last = world.accept(acceptor, &[SecBuffer::new(BufferKind::TOKEN, message.emit())]);
        assert_eq!(last.status, Status::SEC_E_LOGON_DENIED);
        let expected = PeerIncompatible::AuthenticationVersion;
        assert_eq!(last.error, Some(Error::from(expected)));
    }
}

/// SEC_CHANNEL_BINDINGS: three parts with the types of the first two.
fn bindings(initiator: (u32, &[u8]), acceptor: (u32, &[u8]), data: &[u8]) -> SecBuffer {
    let mut head = Vec::new();
    let mut parts = Vec::new();
    for (kind, part) in [
        (Some(initiator.0), initiator.1),
        (Some(acceptor.0), acceptor.1),
        (None, data),
    ] {
        let numbers = [part.len(), 32 + parts.len()].map(|number| u32::try_from(number).unwrap());
        for number in kind.into_iter().chain(numbers) {
            head.extend_from_slice(&number.to_le_bytes());
        }
        parts.extend_from_slice(part);
    }
    SecBuffer::new(BufferKind::CHANNEL_BINDINGS, [head, parts].concat())
}

#[test]
fn malformed_bindings_are_the_mistake_of_their_caller() {
    let good = bindings((2, b"1234"), (2, b"5678"), b"data");
    let mut malformed = vec![SecBuffer::new(BufferKind::CHANNEL_BINDINGS, &good.bytes[..31])];
    for place in [4, 8, 16, 20, 24, 28] {
        let mut buffer = good.clone();
        buffer.bytes[place] = 0xFF;
        malformed.push(buffer);
    }
    for buffer in malformed {
        let mut world = World::new();
        let (initiator, acceptor, challenge) = world.halfway();
        let misuse = Some(Error::from(CallerMisuse::MalformedBindings));
        assert_eq!(
            world.initialize(None, std::slice::from_ref(&buffer)).error,
            misuse
        );
        let refused = world.initialize(initiator, &[challenge.clone(), buffer.clone()]);
        assert_eq!(
            (refused.status, refused.error),
            (Status::SEC_E_INVALID_TOKEN, misuse.clone())
        );
        let third = world.initialize(initiator, &[challenge]);
        let input = [third.output[0].clone(), buffer.clone()];
        assert_eq!(world.accept(acceptor, &input).error, misuse);
        // The handle is looked at first, and the call that was refused can be made again.
        let foreign = world.accept(Some(CtxtHandle(77)), &input);
        assert_eq!(foreign.status, Status::SEC_E_INVALID_HANDLE);
        assert_eq!(world.accept(acceptor, &third.output).status, Status::SEC_E_OK);
    }
}

#[test]
fn addresses_are_part_of_the_channel() {
    let whole = bindings((2, b"1234"), (2, b"5678"), b"data");
    let changed = [
        bindings((0, b""), (0, b""), b"data"),
        bindings((2, b"1234"), (2, b""), b"data"),
        bindings((24, b"1234"), (2, b"5678"), b"data"),
        bindings((2, b"5678"), (2, b"1234"), b"data"),
        bindings((2, b"12345"), (2, b"678"), b"data"),
    ];
    for (own, expected) in std::iter::once((&whole, Status::SEC_E_OK))
        .chain(changed.iter().map(|other| (other, Status::SEC_E_BAD_BINDINGS)))
    {
        let mut world = World::new();
        let (initiator, acceptor, challenge) = world.halfway();
        let third = world.initialize(initiator, &[challenge, whole.clone()]);
        let last = world.accept(acceptor, &[third.output[0].clone(), own.clone()]);
        assert_eq!(last.status, expected);
        let message = Authenticate::parse(&third.output[0].bytes).unwrap();
        let response = NtlmV2Response::parse(&message.nt_response).unwrap();
        let (pairs, _) = AvPairs::parse(&response.client_challenge.av_pairs).unwrap();
        // Numbers are little-endian, and every part stands behind its length.
        let laid_out = b"\x02\0\0\0\x04\0\0\x001234\x02\0\0\0\x04\0\0\x005678\x04\0\0\0data";
        assert_eq!(pairs.channel_bindings().unwrap(), Some(crypto::md5(&[laid_out])));
    }
    let without = ChannelBindings {
        application_data: b"data",
        ..ChannelBindings::default()
    };
    let laid_out = [&[0; 16][..], b"\x04\0\0\0data"].concat();
    assert_eq!(keys::channel_bindings_hash(without), crypto::md5(&[&laid_out]));
}

#[test]
fn messages_are_protected_in_the_buffers_of_the_caller() {
    let mut world = World::new();
    let (initiator, acceptor, challenge) = world.halfway();
    let third = world.initialize(initiator, &[challenge]);
    assert_eq!(world.accept(acceptor, &third.output).status, Status::SEC_E_OK);
    let (initiator, acceptor) = (initiator.unwrap(), acceptor.unwrap());
    let mut message = vec![
        SecBuffer::new(BufferKind::DATA, *b"one "),
        SecBuffer::with_capacity(BufferKind::TOKEN, 16),
        SecBuffer::new(BufferKind::EXTRA, *b"not a part"),
        SecBuffer::new(BufferKind::DATA, *b"message"),
    ];
    message[1].bytes.reserve_exact(16);
    let places = |message: &[SecBuffer]| {
        message
            .iter()
            .map(|buffer| buffer.bytes.as_ptr())
            .collect::<Vec<_>>()
    };
    let (before, plain) = (places(&message), message.clone());
    let interface = &mut world.interface;
    interface.make_signature(initiator, &mut message, 0).unwrap();
    assert_eq!(message[1].bytes.len(), 16);
    interface.verify_signature(acceptor, &message, 0).unwrap();
    interface.encrypt_message(initiator, &mut message, 0).unwrap();
    assert_ne!((&message[0], &message[3]), (&plain[0], &plain[3]));
    assert_eq!(message[2], plain[2]);
    let signature = message[1].clone();
    interface.decrypt_message(acceptor, &mut message, 0).unwrap();
    assert_eq!((&message[0], &message[3]), (&plain[0], &plain[3]));
    assert_eq!(message[1], signature);
    // A message that is refused leaves the signature, and no text.
    let refused = interface.decrypt_message(initiator, &mut message, 0);
    assert!(refused.is_err());
    assert_eq!(message[1], signature);
    assert_eq!(places(&message), before, "a buffer was replaced");
}
