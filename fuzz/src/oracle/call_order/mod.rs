//! Calls in any order, with handles and tokens that fit or do not, against a model of what each call has to answer.
//!
//! One interface plays both sides. A call is four bytes, so that a shorter or shuffled input is still a sequence of
//! calls. Contexts are of NTLM or of Negotiate, as their credentials are. The module names nothing but the engine: the engine's own tests run it as well.

mod call;
mod context;
mod negotiate;
mod reply;

pub use call::Call;

use call::{Operation, Room};
use context::{Context, Meaning, Stage, delivered};
use legwork_engine::{
    buffer::{BufferAttributes, BufferKind, SecBuffer},
    call::{
        Allocation, AttributeValue, AuthIdentity, ContextAttribute, CredHandle, CredentialUse, CtxtHandle,
        Outstanding, Refusal, SecurityInterface,
    },
    environment::{Account, Directory, Environment},
    ntlm::keys,
    status::SecurityStatus as Status,
};
use reply::{Reply, output};

/// A handle that nobody gave out.
const FOREIGN: u64 = 0xFEED_FACE;

/// Runs the calls that the bytes describe, four bytes each.
///
/// # Panics
/// A call answers something else than the model, or the ledger is wrong.
pub fn call_order(bytes: &[u8]) {
    let calls: Vec<Call> = bytes
        .as_chunks()
        .0
        .iter()
        .copied()
        .map(Call::from_bytes)
        .collect();
    let _ = answers(&calls);
}

/// Runs calls on a new interface against the model; returns what they answered.
///
/// # Panics
/// As [`call_order`].
#[must_use]
pub fn answers(calls: &[Call]) -> Vec<Status> {
    let mut world = World::new();
    let mut answers = Vec::with_capacity(calls.len());
    for (number, call) in calls.iter().enumerate() {
        let (expected, actual) = world.run(*call);
        answers.push(actual);
        assert_eq!(actual, expected, "call {number}: {call:?} of {calls:?}");
        assert_eq!(
            world.interface.outstanding(),
            world.ledger(),
            "ledger after call {number}: {call:?} of {calls:?}"
        );
    }
    world.give_everything_back();
    answers
}

#[derive(Clone, Debug)]
struct Message {
    sender: usize,
    key: usize,
    number: u32,
    sealed: bool,
    /// All buffers, as they are after sending.
    buffers: Vec<SecBuffer>,
}

#[derive(Clone, Copy, Debug)]
struct Credential {
    handle: CredHandle,
    initiates: bool,
    negotiates: bool,
    has_identity: bool,
    live: bool,
}

struct World {
    interface: SecurityInterface,
    credentials: Vec<Credential>,
    contexts: Vec<Context>,
    allocations: Vec<(Allocation, bool)>,
    tokens: Vec<(Vec<u8>, Meaning)>,
    messages: Vec<Message>,
}

/// What the model says and what the interface said.
type Verdict = (Status, Status);

fn status<T>(outcome: Result<T, Refusal>) -> Status {
    outcome.map_or_else(|refusal| refusal.status, |_| Status::SEC_E_OK)
}

/// The element that a byte chooses; none for the last byte values, which name what was never given out.
fn choose<T>(of: &[T], byte: u8) -> Option<usize> {
    (byte < 248 && !of.is_empty()).then(|| usize::from(byte) % of.len())
}

fn identity() -> AuthIdentity {
    AuthIdentity {
        user: Some("user".into()),
        domain: Some("EXAMPLE".into()),
        password: Some("correct horse".into()),
        package_list: None,
    }
}

/// A part of a message that may only be read.
fn read_only(byte: u8) -> SecBuffer {
    let attributes = match byte % 2 {
        0 => BufferAttributes::READONLY,
        _ => BufferAttributes::READONLY_WITH_CHECKSUM,
    };
    SecBuffer {
        attributes,
        ..SecBuffer::new(BufferKind::DATA, [byte; 3])
    }
}

impl World {
    fn new() -> Self {
        let mut environment = Environment::seeded(1);
        environment.directory = Directory::new(vec![Account::new(
            "user",
            "EXAMPLE",
            keys::password_hashes(&"correct horse".into()),
        )]);
        Self {
            interface: SecurityInterface::new(environment),
            credentials: Vec::new(),
            contexts: Vec::new(),
            allocations: Vec::new(),
            tokens: vec![
                (Vec::new(), Meaning::Nothing),
                (b"NTLMSSP".to_vec(), Meaning::Nothing),
            ],
            messages: Vec::new(),
        }
    }

    fn ledger(&self) -> Outstanding {
        let live = |context: &&Context| context.stage != Stage::Deleted;
        Outstanding {
            credentials: self
                .credentials
                .iter()
                .filter(|credential| credential.live)
                .count(),
            contexts: self.contexts.iter().filter(live).count(),
            buffers: self.allocations.iter().filter(|(_, live)| *live).count(),
        }
    }

    fn run(&mut self, call: Call) -> Verdict {
        match call.operation {
            Operation::Acquire => self.acquire(call),
            Operation::FreeCredential => self.free_credential(call),
            Operation::InitializeFirst | Operation::AcceptFirst => self.first_leg(call),
            Operation::InitializeNext | Operation::AcceptNext => self.next_leg(call),
            Operation::Delete => self.delete(call),
            Operation::FreeBuffer => self.free_buffer(call),
            Operation::Sign | Operation::Seal => self.protect(call),
            Operation::Verify | Operation::Unseal => self.check(call),
            Operation::Query => self.query(call),
        }
    }

    fn acquire(&mut self, call: Call) -> Verdict {
        let initiates = call.handle.is_multiple_of(2);
        let has_identity = call.input % 8 != 7;
        let usage = if initiates {
            CredentialUse::Outbound
        } else {
            CredentialUse::Inbound
        };
        let identity = identity();
        let identity = has_identity.then_some(&identity);
        let package = if call.negotiates { "Negotiate" } else { "NTLM" };
        let outcome = self
            .interface
            .acquire_credentials_handle(package, usage, identity);
        if let Ok((_, handle)) = outcome {
            self.credentials.push(Credential {
                handle,
                initiates,
                negotiates: call.negotiates,
                has_identity,
                live: true,
            });
        }
        (Status::SEC_E_OK, status(outcome))
    }

    fn free_credential(&mut self, call: Call) -> Verdict {
        let place = choose(&self.credentials, call.handle);
        let credential = place.and_then(|place| self.credentials.get_mut(place));
        let (handle, expected) = match credential {
            Some(credential) if credential.live => {
                credential.live = false;
                (credential.handle, Status::SEC_E_OK)
            }
            Some(credential) => (credential.handle, Status::SEC_E_INVALID_HANDLE),
            None => (CredHandle(FOREIGN), Status::SEC_E_INVALID_HANDLE),
        };
        (expected, status(self.interface.free_credentials_handle(handle)))
    }

    /// The token that a byte chooses: one of those seen, or none at all.
    fn token(&self, byte: u8) -> (Option<Vec<u8>>, Meaning) {
        match choose(&self.tokens, byte).and_then(|place| self.tokens.get(place)) {
            Some((bytes, meaning)) => (Some(bytes.clone()), *meaning),
            None => (None, Meaning::Nothing),
        }
    }

    fn first_leg(&mut self, call: Call) -> Verdict {
        let initiates = call.operation == Operation::InitializeFirst;
        let place = choose(&self.credentials, call.handle);
        let credential = place.and_then(|place| self.credentials.get(place)).copied();
        let (token, meaning) = self.token(call.input);
        let handle = credential.map_or(CredHandle(FOREIGN), |credential| credential.handle);
        let present = token.as_ref().is_some_and(|token| !token.is_empty());
        let mut due = None;
        let made = match credential {
            Some(credential) if credential.live => {
                if credential.initiates != initiates || (initiates && !credential.has_identity) {
                    Err(Status::SEC_E_NO_CREDENTIALS)
                } else if credential.negotiates {
                    let first = negotiate::first(initiates, self.contexts.len(), present, meaning);
                    due = first.ok().map(|(_, due)| due);
                    first.map(|(made, _)| made)
                } else if initiates {
                    Ok(Meaning::Negotiate)
                } else if meaning == Meaning::Negotiate {
                    Ok(Meaning::Challenge(self.contexts.len()))
                } else {
                    Err(Status::SEC_E_INVALID_TOKEN)
                }
            }
            _ => Err(Status::SEC_E_INVALID_HANDLE),
        };
        let expected = made.and_then(|_| delivered(call.room)).err();
        let reply = self.leg(initiates, Some(handle), None, token, call.room);
        if let Some(context) = reply.context {
            self.contexts.push(Context {
                handle: context,
                initiates,
                due,
                stage: Stage::Waiting,
                pending: None,
                allocated: call.room == Room::Allocated,
                sent: 0,
                received: 0,
            });
            self.keep(reply.token, made.unwrap_or(Meaning::Nothing));
        }
        (expected.unwrap_or(Status::SEC_I_CONTINUE_NEEDED), reply.status)
    }

    fn next_leg(&mut self, call: Call) -> Verdict {
        let initiates = call.operation == Operation::InitializeNext;
        let (token, meaning) = self.token(call.input);
        let place = choose(&self.contexts, call.handle);
        let Some((place, context)) = place.and_then(|place| Some((place, self.contexts.get_mut(place)?)))
        else {
            let reply = self.leg(initiates, None, Some(CtxtHandle(FOREIGN)), token, call.room);
            return (Status::SEC_E_INVALID_HANDLE, reply.status);
        };
        let handle = context.handle;
        let present = token.as_ref().is_some_and(|token| !token.is_empty());
        if context.initiates == initiates && context.begins_again(present, meaning) {
            // The keys of a second exchange on a context are those of the first: which messages they fit is no order of calls.
            return (Status::SEC_E_OK, Status::SEC_E_OK);
        }
        let expected = if context.stage == Stage::Deleted || context.initiates != initiates {
            Err(Status::SEC_E_INVALID_HANDLE)
        } else {
            context.leg(place, present, meaning, call.room)
        };
        let answer = context.status();
        let reply = self.leg(initiates, None, Some(handle), token, call.room);
        if let Ok(meaning) = expected {
            self.keep(reply.token, meaning);
        }
        (expected.err().unwrap_or(answer), reply.status)
    }

    fn keep(&mut self, token: Vec<u8>, meaning: Meaning) {
        if !token.is_empty() {
            self.tokens.push((token, meaning));
        }
    }

    /// One leg on the interface.
    fn leg(
        &mut self,
        initiates: bool,
        credential: Option<CredHandle>,
        context: Option<CtxtHandle>,
        token: Option<Vec<u8>>,
        room: Room,
    ) -> Reply {
        let input: Vec<SecBuffer> = token
            .into_iter()
            .map(|token| SecBuffer::new(BufferKind::TOKEN, token))
            .collect();
        let reply = if initiates {
            Reply::of_initiator(&mut self.interface, credential, context, &input, room)
        } else {
            Reply::of_acceptor(&mut self.interface, credential, context, &input, room)
        };
        self.allocations
            .extend(reply.allocation.map(|allocation| (allocation, true)));
        reply
    }

    fn delete(&mut self, call: Call) -> Verdict {
        let place = choose(&self.contexts, call.handle);
        let (handle, expected) = match place.and_then(|place| self.contexts.get_mut(place)) {
            Some(context) if context.stage != Stage::Deleted => {
                context.stage = Stage::Deleted;
                (context.handle, Status::SEC_E_OK)
            }
            Some(context) => (context.handle, Status::SEC_E_INVALID_HANDLE),
            None => (CtxtHandle(FOREIGN), Status::SEC_E_INVALID_HANDLE),
        };
        (expected, status(self.interface.delete_security_context(handle)))
    }

    fn free_buffer(&mut self, call: Call) -> Verdict {
        let place = choose(&self.allocations, call.handle);
        let Some((allocation, live)) = place.and_then(|place| self.allocations.get_mut(place)) else {
            return (Status::SEC_E_OK, Status::SEC_E_OK);
        };
        let expected = if std::mem::take(live) {
            Status::SEC_E_OK
        } else {
            Status::SEC_E_INVALID_HANDLE
        };
        (expected, status(self.interface.free_context_buffer(*allocation)))
    }

    /// The handle that a call names, and the key of its context if it is established.
    fn session(&self, call: Call) -> (CtxtHandle, Option<(usize, usize)>) {
        let place = choose(&self.contexts, call.handle);
        let Some((place, context)) = place.and_then(|place| Some((place, self.contexts.get(place)?))) else {
            return (CtxtHandle(FOREIGN), None);
        };
        let key = match context.stage {
            Stage::Established { key } | Stage::Keyed { key } if context.pending.is_none() => {
                Some((place, key))
            }
            _ => None,
        };
        (context.handle, key)
    }

    fn protect(&mut self, call: Call) -> Verdict {
        let (handle, session) = self.session(call);
        let sealed = call.operation == Operation::Seal;
        let data = vec![call.input; usize::from(call.input % 5).saturating_add(1)];
        let header = call.read_only.then(|| read_only(call.input));
        let mut message: Vec<SecBuffer> = header.clone().into_iter().collect();
        message.push(SecBuffer::new(BufferKind::DATA, data));
        message.extend(output(call.room));
        let outcome = if sealed {
            self.interface.encrypt_message(handle, &mut message, 0)
        } else {
            self.interface.make_signature(handle, &mut message, 0)
        };
        if let Some(header) = &header {
            assert_eq!(message.first(), Some(header), "what may only be read is written");
        }
        let Some((sender, key)) = session else {
            return (Status::SEC_E_INVALID_HANDLE, status(outcome));
        };
        if let Err(refused) = delivered(call.room) {
            return (refused, status(outcome));
        }
        if let Some(context) = self.contexts.get_mut(sender) {
            self.messages.push(Message {
                sender,
                key,
                number: context.sent,
                sealed,
                buffers: message,
            });
            context.sent = context.sent.wrapping_add(1);
        }
        (Status::SEC_E_OK, status(outcome))
    }

    fn check(&mut self, call: Call) -> Verdict {
        let (handle, session) = self.session(call);
        let unseals = call.operation == Operation::Unseal;
        let place = choose(&self.messages, call.input);
        let message = place.and_then(|place| self.messages.get(place)).cloned();
        let mut buffers = message
            .as_ref()
            .map_or_else(Vec::new, |message| message.buffers.clone());
        let outcome = if unseals {
            self.interface.decrypt_message(handle, &mut buffers, 0)
        } else {
            self.interface.verify_signature(handle, &buffers, 0)
        };
        let expected = match (session, message) {
            (None, _) => Status::SEC_E_INVALID_HANDLE,
            (Some(_), None) => Status::SEC_E_INVALID_TOKEN,
            (Some((receiver, key)), Some(message)) => self.received(receiver, key, &message, unseals),
        };
        (expected, status(outcome))
    }

    /// What a receiver has to say to a message.
    fn received(&mut self, receiver: usize, key: usize, message: &Message, unseals: bool) -> Status {
        let sender_initiates = self.contexts.get(message.sender).map(|context| context.initiates);
        let Some(context) = self.contexts.get_mut(receiver) else {
            return Status::SEC_E_INVALID_HANDLE;
        };
        if message.number != context.received {
            return Status::SEC_E_OUT_OF_SEQUENCE;
        }
        let from_the_peer = message.key == key && sender_initiates == Some(!context.initiates);
        if !from_the_peer || message.sealed != unseals {
            return Status::SEC_E_MESSAGE_ALTERED;
        }
        context.received = context.received.wrapping_add(1);
        Status::SEC_E_OK
    }

    fn query(&mut self, call: Call) -> Verdict {
        let (handle, session) = self.session(call);
        let names = ContextAttribute::NAMED;
        let known = names.get(usize::from(call.input) % names.len().saturating_add(1));
        let attribute = known.map_or(ContextAttribute(FOREIGN_ATTRIBUTE), |(_, attribute)| *attribute);
        let initiates = session
            .and_then(|(place, _)| self.contexts.get(place))
            .is_some_and(|context| context.initiates);
        // Only an initiator is told something of its target.
        let has = known.is_some() && (initiates || attribute != ContextAttribute::TARGET_INFORMATION);
        let place = choose(&self.contexts, call.handle);
        let context = place.and_then(|place| self.contexts.get(place));
        let negotiation = context.is_some_and(Context::has_negotiation);
        let expected = match (session, has) {
            _ if attribute == ContextAttribute::NEGOTIATION_INFO && negotiation => Status::SEC_E_OK,
            (None, _) => Status::SEC_E_INVALID_HANDLE,
            (Some(_), false) => Status::SEC_E_UNSUPPORTED_FUNCTION,
            (Some(_), true) => Status::SEC_E_OK,
        };
        let answer = self.interface.query_context_attributes(handle, attribute);
        if let Ok(AttributeValue::Flags(granted)) = &answer {
            let context = session.and_then(|(place, _)| self.contexts.get(place));
            assert_eq!(context.map(Context::granted), Some(*granted), "{call:?}");
        }
        (expected, status(answer))
    }

    /// Frees and deletes all that is left; nothing may be outstanding then.
    fn give_everything_back(mut self) {
        for credential in self.credentials.iter().filter(|credential| credential.live) {
            assert!(self.interface.free_credentials_handle(credential.handle).is_ok());
        }
        for context in self
            .contexts
            .iter()
            .filter(|context| context.stage != Stage::Deleted)
        {
            assert!(self.interface.delete_security_context(context.handle).is_ok());
        }
        for (allocation, _) in self.allocations.iter().filter(|(_, live)| *live) {
            assert!(self.interface.free_context_buffer(*allocation).is_ok());
        }
        assert_eq!(self.interface.outstanding(), Outstanding::default());
    }
}

/// An attribute that no package has.
const FOREIGN_ATTRIBUTE: u32 = 0x7777;
