//! The reference engine as a subject: requests in, calls of the engine, answers out.

mod codec;
mod derive;
mod members;
mod misconduct;
mod policy;
mod spnego;

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use legwork_engine::{
    buffer::{BufferAttributes, BufferKind, SecBuffer},
    call::{
        AcceptArguments, Allocation, AttributeValue, AuthIdentity, ContextAttribute, CredHandle,
        CredentialUse, CtxtHandle, ExportFlags, InitializeArguments, LegReply, Refusal, SecurityInterface,
    },
    codec::utf16,
    environment,
    flags::{AcceptRequirements, InitRequirements},
    ntlm,
    status::SecurityStatus,
};
use serde_json::json;

use super::{Answer, Subject};
use crate::{
    edit::plan::{Misconduct, Plan},
    protocol::{
        Account, Attributes, Buffer, Drive, Environment, Form, Hello, Identity, Layer, Leg, Namespace,
        Outcome, Protect, Request, Role, SECOND, Status, Text, Unsupported, VERSION,
    },
    suite::vectors::functions,
};

/// The number of a handle that was never given out.
const FOREIGN: u64 = u64::MAX;

/// What the reference says of itself.
pub static HELLO: LazyLock<Hello> = LazyLock::new(hello);

/// The reference engine behind the interface of subjects.
#[derive(Debug)]
pub struct Reference {
    plan: Plan,
    interface: SecurityInterface,
    credentials: BTreeMap<u64, CredHandle>,
    contexts: BTreeMap<u64, CtxtHandle>,
    allocations: BTreeMap<u64, Allocation>,
    sequence: u64,
}

impl Default for Reference {
    fn default() -> Self {
        Self::new(Plan::default())
    }
}

impl Reference {
    /// A reference that deviates as planned, or not at all.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            interface: SecurityInterface::new(environment::Environment::seeded(0)),
            credentials: BTreeMap::new(),
            contexts: BTreeMap::new(),
            allocations: BTreeMap::new(),
            sequence: 0,
        }
    }

    /// The deviations that are planned; a change takes effect at once.
    pub fn plan(&mut self, change: impl FnOnce(&mut Plan)) {
        change(&mut self.plan);
        let sabotage = self.plan.sabotage();
        self.interface.environment().sabotage = sabotage;
    }

    /// Moves the clock by so many seconds.
    pub fn move_clock(&mut self, seconds: i64) {
        let clock = &mut self.interface.environment().clock;
        *clock = clock.saturating_add_signed(seconds.saturating_mul(SECOND));
    }

    fn context(&self, number: u64) -> CtxtHandle {
        self.contexts.get(&number).copied().unwrap_or(CtxtHandle(FOREIGN))
    }

    fn reset(&mut self, environment: &Environment) -> Answer {
        match build(environment) {
            Ok(mut environment) => {
                environment.sabotage = self.plan.sabotage();
                let plan = std::mem::take(&mut self.plan);
                *self = Self {
                    interface: SecurityInterface::new(environment),
                    sequence: 1,
                    ..Self::new(plan)
                };
                Answer::Outcome(Box::default())
            }
            Err(what) => Answer::Unsupported(Unsupported { what, link: None }),
        }
    }

    fn acquire(&mut self, number: u64, package: &str, role: Role, identity: Option<&Identity>) -> Outcome {
        let usage = match role {
            Role::Initiator => CredentialUse::Outbound,
            Role::Acceptor => CredentialUse::Inbound,
        };
        let identity = identity.map(|identity| AuthIdentity {
            user: identity.user.as_ref().map(text),
            domain: identity.domain.as_ref().map(text),
            password: identity.password.as_ref().map(text),
            package_list: identity.package_list.as_ref().map(text),
        });
        match self
            .interface
            .acquire_credentials_handle(package, usage, identity.as_ref())
        {
            Ok((status, handle)) => {
                self.credentials.insert(number, handle);
                told(status, None)
            }
            Err(refusal) => refused(&refusal),
        }
    }

    fn credential(&self, leg: &Leg) -> Option<CredHandle> {
        leg.credential.map(|number| {
            self.credentials
                .get(&number)
                .copied()
                .unwrap_or(CredHandle(FOREIGN))
        })
    }

    fn initialize(&mut self, leg: &Leg) -> Outcome {
        let target = leg.target.as_ref().map(text);
        let reply = self.interface.initialize_security_context(InitializeArguments {
            credential: self.credential(leg),
            context: leg.context.map(|number| self.context(number)),
            target: target.as_ref(),
            requirements: InitRequirements::from_bits_retain(leg.requirements),
            data_representation: leg.data_representation,
            input: &buffers_in(&leg.input),
            output: buffers_in(&leg.output),
        });
        let bits = reply.attributes.bits();
        self.leg_outcome(leg, reply, bits)
    }

    fn accept(&mut self, leg: &Leg) -> Outcome {
        let reply = self.interface.accept_security_context(AcceptArguments {
            credential: self.credential(leg),
            context: leg.context.map(|number| self.context(number)),
            requirements: AcceptRequirements::from_bits_retain(leg.requirements),
            data_representation: leg.data_representation,
            input: &buffers_in(&leg.input),
            output: buffers_in(&leg.output),
        });
        let bits = reply.attributes.bits();
        self.leg_outcome(leg, reply, bits)
    }

    /// The attributes of a leg, unless the plan is to forget them while the exchange goes on.
    fn attributes(&self, bits: u32, complete: bool) -> Option<Attributes> {
        let forgets = self.plan.misconduct() == Some(Misconduct::ForgetsAttributes);
        let namespace = Namespace::Sspi;
        (complete || !forgets).then_some(Attributes { namespace, bits })
    }

    fn leg_outcome<A>(&mut self, leg: &Leg, reply: LegReply<A>, bits: u32) -> Outcome {
        if let Some(handle) = reply.context {
            self.contexts.insert(leg.new_context, handle);
        }
        if let Some(allocation) = reply.allocation {
            self.allocations.insert(self.sequence, allocation);
        }
        let filled = reply.output.into_iter().filter(|buffer| !buffer.bytes.is_empty());
        let mut buffers = buffers_out(filled);
        self.plan.edit_in_transit(&mut buffers);
        Outcome {
            buffers,
            attributes: self.attributes(bits, reply.expiry.is_some()),
            expiry: reply.expiry,
            allocated: reply.allocation.is_some(),
            ..told(reply.status, reply.error.as_ref().map(ToString::to_string))
        }
    }

    fn query(&mut self, context: u64, attribute: &str) -> Outcome {
        let number = ContextAttribute::from_name(attribute).unwrap_or(ContextAttribute(u32::MAX));
        match self
            .interface
            .query_context_attributes(self.context(context), number)
        {
            Ok(value) => Outcome {
                values: values(value),
                ..told(SecurityStatus::SEC_E_OK, None)
            },
            Err(refusal) => refused(&refusal),
        }
    }

    fn export(&mut self, context: u64) -> Outcome {
        let handle = self.context(context);
        match self
            .interface
            .export_security_context(handle, ExportFlags::DELETE_OLD)
        {
            Ok((status, packed)) => Outcome {
                buffers: vec![Buffer::new(BufferKind::TOKEN.0, packed.to_vec())],
                ..told(status, None)
            },
            Err(refusal) => refused(&refusal),
        }
    }

    fn import(&mut self, package: &str, context: u64, buffers: &[Buffer]) -> Outcome {
        let packed = buffers.first().map(|buffer| buffer.bytes.as_slice());
        match self
            .interface
            .import_security_context(package, packed.unwrap_or_default())
        {
            Ok((status, handle)) => {
                self.contexts.insert(context, handle);
                told(status, None)
            }
            Err(refusal) => refused(&refusal),
        }
    }

    fn protect(&mut self, request: &Request, protect: &Protect) -> Outcome {
        let handle = self.context(protect.context);
        let mut buffers = buffers_in(&protect.buffers);
        let result = match request {
            Request::Sign(_) => self
                .interface
                .make_signature(handle, &mut buffers, protect.sequence),
            Request::Verify(_) => self
                .interface
                .verify_signature(handle, &buffers, protect.sequence),
            Request::Seal(_) => self
                .interface
                .encrypt_message(handle, &mut buffers, protect.sequence),
            _ => self
                .interface
                .decrypt_message(handle, &mut buffers, protect.sequence),
        };
        match result {
            Ok(status) => {
                let mut buffers = buffers_out(buffers);
                if matches!(request, Request::Sign(_) | Request::Seal(_)) {
                    self.plan.edit_in_transit(&mut buffers);
                }
                Outcome {
                    buffers,
                    ..told(status, None)
                }
            }
            Err(refusal) => refused(&refusal),
        }
    }

    fn free_buffers(&mut self, of: u64) -> Outcome {
        match self.allocations.remove(&of) {
            Some(allocation) => result(self.interface.free_context_buffer(allocation)),
            None => told(SecurityStatus::SEC_E_INVALID_HANDLE, None),
        }
    }
}

impl Subject for Reference {
    fn hello(&self) -> &Hello {
        &HELLO
    }

    fn call(&mut self, request: &Request) -> Answer {
        self.sequence = self.sequence.wrapping_add(1);
        let misconduct = self.plan.misconduct();
        if let Request::Initialize(leg) | Request::Accept(leg) = request
            && leg.context.is_some()
        {
            match misconduct {
                Some(Misconduct::Dies) => return Answer::Crash("on purpose".to_owned()),
                Some(Misconduct::FallsSilent) => return Answer::Hang(Duration::ZERO),
                _ => {}
            }
        }
        let outcome = match request {
            Request::Hello { .. } => Outcome {
                hello: Some(HELLO.clone()),
                ..Outcome::default()
            },
            Request::Reset { environment } => return self.reset(environment),
            Request::Acquire {
                credential,
                package,
                role,
                identity,
            } => self.acquire(*credential, package, *role, identity.as_ref()),
            Request::FreeCredential { credential } => {
                let handle = self
                    .credentials
                    .get(credential)
                    .copied()
                    .unwrap_or(CredHandle(FOREIGN));
                result(self.interface.free_credentials_handle(handle))
            }
            Request::Initialize(leg) => {
                misconduct::fall_back(self.initialize(leg), leg, Role::Initiator, misconduct)
            }
            Request::Accept(leg) => misconduct::fall_back(self.accept(leg), leg, Role::Acceptor, misconduct),
            Request::Complete { context, .. } => {
                result(self.interface.complete_auth_token(self.context(*context)))
            }
            Request::Export { context } => self.export(*context),
            Request::Import {
                package,
                context,
                buffers,
            } => self.import(package, *context, buffers),
            Request::Delete { context } => {
                result(self.interface.delete_security_context(self.context(*context)))
            }
            Request::FreeBuffers { of } => self.free_buffers(*of),
            Request::Query { context, attribute } => self.query(*context, attribute),
            Request::Sign(protect)
            | Request::Verify(protect)
            | Request::Seal(protect)
            | Request::Unseal(protect) => self.protect(request, protect),
            Request::Decode {
                package,
                token,
                bytes,
            } => return codec::decode(package, token, bytes, misconduct),
            Request::Encode {
                package,
                token,
                values,
            } => return codec::encode(package, token, values, misconduct),
            Request::Derive {
                package,
                function,
                values,
            } => return codec::derive(package, function, values, misconduct),
            Request::Bye => Outcome::default(),
        };
        Answer::Outcome(Box::new(outcome))
    }
}

fn hello() -> Hello {
    let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let drive = |package: &str, role, call: &str| Drive {
        package: package.to_owned(),
        role,
        layer: Layer::Token,
        operations: words(&[
            "acquire",
            "free-credential",
            call,
            "complete",
            "export",
            "import",
            "delete",
            "free-buffers",
            "query",
            "sign",
            "verify",
            "seal",
            "unseal",
        ]),
        observables: words(&[
            "token",
            "status",
            "final-status",
            "attributes",
            "session-key",
            "peer-name",
            "per-message",
            "handles",
            "buffers",
            "buffer-attributes",
        ]),
        forms: vec![Form::Buffers],
        honours: None,
        requirements: u32::MAX,
        decode: Vec::new(),
        encode: Vec::new(),
        derive: Vec::new(),
    };
    // Tokens and functions can be asked for by themselves.
    let alone = |drive: Drive| Drive {
        decode: words(codec::made_by(&drive.package, drive.role.peer())),
        encode: words(codec::made_by(&drive.package, drive.role)),
        derive: words(&Vec::from_iter(functions(&drive.package))),
        ..drive
    };
    Hello {
        protocol: VERSION,
        name: "reference".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        drives: vec![
            alone(drive("ntlm", Role::Initiator, "initialize")),
            alone(drive("ntlm", Role::Acceptor, "accept")),
            alone(drive("negotiate", Role::Initiator, "initialize")),
            alone(drive("negotiate", Role::Acceptor, "accept")),
        ],
        controls: words(&["clock", "randomness", "host", "account-state", "package-list"]),
    }
}

/// The engine's environment of the protocol's.
fn build(from: &Environment) -> Result<environment::Environment, String> {
    let seed = from
        .seed
        .iter()
        .rev()
        .take(8)
        .rev()
        .fold(0u64, |seed, byte| (seed << 8) | u64::from(*byte));
    let mut environment = environment::Environment::seeded(seed);
    environment.clock = from.clock;
    environment.host = environment::HostNames {
        netbios_computer: from.host.netbios_computer.as_str().into(),
        netbios_domain: from.host.netbios_domain.as_str().into(),
        dns_computer: from.host.dns_computer.as_str().into(),
        dns_domain: from.host.dns_domain.as_str().into(),
        dns_tree: from.host.dns_tree.as_str().into(),
    };
    let accounts: Result<_, String> = from.accounts.iter().map(account).collect();
    environment.directory = environment::Directory::new(accounts?);
    for (name, value) in &from.policy {
        policy::set(&mut environment.policy, name, value).ok_or_else(|| format!("policy:{name}"))?;
    }
    for fault in &from.faults {
        match fault.as_str() {
            "memory" => environment.faults.memory = true,
            "internal" => environment.faults.internal = true,
            "authority" => environment.faults.authority = true,
            other => return Err(format!("fault:{other}")),
        }
    }
    Ok(environment)
}

fn account(from: &Account) -> Result<environment::Account, String> {
    let hashes = ntlm::keys::password_hashes(&text(&from.password));
    let account = environment::Account::new(text(&from.user), text(&from.domain), hashes);
    let state = match &from.state {
        None => environment::AccountState::Enabled,
        Some(name) => environment::AccountState::from_name(name).ok_or_else(|| format!("account:{name}"))?,
    };
    Ok(environment::Account { state, ..account })
}

fn text(text: &Text) -> utf16::Text {
    utf16::Text::from_le_bytes(&text.utf16, "text").unwrap_or_default()
}

fn told(status: SecurityStatus, message: Option<String>) -> Outcome {
    let code = format!("0x{:08x}", status.0);
    Outcome {
        status: Some(Status {
            namespace: Namespace::Sspi,
            code,
            minor: None,
            mechanism: None,
            message,
        }),
        ..Outcome::default()
    }
}

fn refused(refusal: &Refusal) -> Outcome {
    told(refusal.status, Some(refusal.error.to_string()))
}

fn result(result: Result<SecurityStatus, Refusal>) -> Outcome {
    match result {
        Ok(status) => told(status, None),
        Err(refusal) => refused(&refusal),
    }
}

fn buffers_in(buffers: &[Buffer]) -> Vec<SecBuffer> {
    let convert = |buffer: &Buffer| SecBuffer {
        kind: BufferKind(buffer.kind),
        attributes: BufferAttributes::from_bits_retain(buffer.attributes),
        capacity: buffer
            .capacity
            .and_then(|capacity| usize::try_from(capacity).ok()),
        bytes: buffer.bytes.clone(),
    };
    buffers.iter().map(convert).collect()
}

fn buffers_out(buffers: impl IntoIterator<Item = SecBuffer>) -> Vec<Buffer> {
    let convert = |buffer: SecBuffer| Buffer {
        kind: buffer.kind.0,
        attributes: buffer.attributes.bits(),
        capacity: None,
        bytes: buffer.bytes,
    };
    buffers.into_iter().map(convert).collect()
}

fn values(value: AttributeValue) -> BTreeMap<String, serde_json::Value> {
    let one = |name: &str, value: serde_json::Value| BTreeMap::from([(name.to_owned(), value)]);
    match value {
        AttributeValue::Sizes(sizes) => BTreeMap::from([
            ("max-token".to_owned(), json!(sizes.max_token)),
            ("max-signature".to_owned(), json!(sizes.max_signature)),
            ("block-size".to_owned(), json!(sizes.block_size)),
            ("security-trailer".to_owned(), json!(sizes.security_trailer)),
        ]),
        AttributeValue::Names(name) => one("user", json!(Text::from(name.to_string().as_str()))),
        AttributeValue::Lifespan(expiry) => one("expiry", json!(expiry)),
        AttributeValue::SessionKey(key) => one("session-key", json!(hex::encode(key))),
        AttributeValue::TargetInformation(pairs) => one("target-information", json!(hex::encode(pairs))),
        AttributeValue::Flags(bits) => one("flags", json!(format!("0x{bits:08x}"))),
        AttributeValue::PackageInfo(package) => one("package", json!(package.name())),
        AttributeValue::NativeNames(user, target) => BTreeMap::from([
            ("user".to_owned(), json!(Text::from(user.to_string().as_str()))),
            (
                "target".to_owned(),
                json!(Text::from(target.to_string().as_str())),
            ),
        ]),
        AttributeValue::NegotiationInfo(package, state) => BTreeMap::from([
            ("package".to_owned(), json!(package.name())),
            ("state".to_owned(), json!(state)),
        ]),
        _ => BTreeMap::new(),
    }
}
