//! Two interfaces that know each other's account, and what each of them asks for and lets out.

use arbitrary::Arbitrary;
use legwork_engine::{
    buffer::{BufferKind, SecBuffer},
    call::{
        AcceptArguments, AcceptReply, AttributeValue, AuthIdentity, ContextAttribute, CredHandle,
        CredentialUse, CtxtHandle, InitializeArguments, InitializeReply, NATIVE_DATA_REPRESENTATION,
        SecurityInterface,
    },
    codec::utf16::Text,
    environment::{Account, Directory, Environment},
    flags::{AcceptRequirements, InitRequirements},
    ntlm::keys,
};

/// The user of every world.
pub const USER: &str = "user";
/// Its domain.
pub const DOMAIN: &str = "EXAMPLE";
/// Its password.
pub const PASSWORD: &str = "correct horse battery staple";

/// What both sides may choose within the protocol.
#[derive(Arbitrary, Clone, Debug, Default)]
pub struct Choices {
    /// Requirements of the initiator.
    pub initiator: u32,
    /// Requirements of the acceptor.
    pub acceptor: u32,
    /// Negotiation flags that the initiator keeps to itself.
    pub withheld: u32,
    /// Negotiation flags that the acceptor does not grant.
    pub denied: u32,
    /// Bit by bit: no version, no timestamp, no code, names in the first message, 128 bits required by the initiator,
    /// by the acceptor, a target.
    pub policy: u8,
    /// Channel bindings of the initiator.
    pub initiator_bindings: Option<u8>,
    /// Channel bindings of the acceptor.
    pub acceptor_bindings: Option<u8>,
}

/// Two interfaces, each with a credential.
#[derive(Debug)]
pub struct Pair {
    /// The initiator's interface.
    pub initiator: SecurityInterface,
    /// The acceptor's interface.
    pub acceptor: SecurityInterface,
    initiator_credential: CredHandle,
    acceptor_credential: CredHandle,
    choices: Choices,
    target: Option<Text>,
}

fn environment(choices: &Choices) -> Environment {
    let mut environment = Environment::seeded(7);
    let policy = &mut environment.policy.ntlm;
    policy.send_version = choices.policy & 1 == 0;
    policy.send_timestamp = choices.policy & 2 == 0;
    policy.send_mic = choices.policy & 4 == 0;
    policy.send_names = choices.policy & 8 != 0;
    policy.offer = !choices.withheld;
    policy.grant = !choices.denied;
    environment.host.netbios_computer = "HOST".into();
    environment.host.netbios_domain = DOMAIN.into();
    environment.clock = 0x01D9_C8D6_E1A3_8000;
    environment
}

/// SEC_CHANNEL_BINDINGS with application data only.
fn bindings(data: Option<u8>) -> Option<SecBuffer> {
    let data = [data?; 5];
    let mut bytes = vec![0; 24];
    bytes.extend_from_slice(&5_u32.to_le_bytes());
    bytes.extend_from_slice(&32_u32.to_le_bytes());
    bytes.extend_from_slice(&data);
    Some(SecBuffer::new(BufferKind::CHANNEL_BINDINGS, bytes))
}

fn input(token: Option<&[u8]>, bindings_data: Option<u8>) -> Vec<SecBuffer> {
    let token = token.map(|token| SecBuffer::new(BufferKind::TOKEN, token));
    token.into_iter().chain(bindings(bindings_data)).collect()
}

fn room() -> Vec<SecBuffer> {
    vec![SecBuffer::new(BufferKind::TOKEN, [])]
}

/// The token that a leg put out.
#[must_use]
pub fn token(output: &[SecBuffer]) -> Vec<u8> {
    output
        .first()
        .map(|buffer| buffer.bytes.clone())
        .unwrap_or_default()
}

impl Pair {
    /// Two interfaces with these choices.
    ///
    /// # Panics
    /// A credential cannot be acquired.
    #[must_use]
    pub fn new(choices: Choices) -> Self {
        let mut initiator = SecurityInterface::new(environment(&choices));
        initiator.environment().policy.ntlm.require_128_bit = choices.policy & 16 != 0;
        let identity = AuthIdentity {
            user: Some(USER.into()),
            domain: Some(DOMAIN.into()),
            password: Some(PASSWORD.into()),
        };
        let (_, initiator_credential) = initiator
            .acquire_credentials_handle("NTLM", CredentialUse::Outbound, Some(&identity))
            .expect("the package is known");
        let mut acceptor = SecurityInterface::new(environment(&choices));
        acceptor.environment().policy.ntlm.require_128_bit = choices.policy & 32 != 0;
        acceptor.environment().directory = Directory::new(vec![Account::new(
            USER,
            DOMAIN,
            keys::password_hashes(&PASSWORD.into()),
        )]);
        let (_, acceptor_credential) = acceptor
            .acquire_credentials_handle("NTLM", CredentialUse::Inbound, None)
            .expect("the package is known");
        Self {
            initiator,
            acceptor,
            initiator_credential,
            acceptor_credential,
            target: (choices.policy & 64 != 0).then(|| "host/acceptor".into()),
            choices,
        }
    }

    /// A leg of the initiator.
    pub fn initialize(&mut self, context: Option<CtxtHandle>, token: Option<&[u8]>) -> InitializeReply {
        let requirements = InitRequirements::from_bits_retain(self.choices.initiator);
        self.initiator.initialize_security_context(InitializeArguments {
            credential: Some(self.initiator_credential),
            context,
            target: self.target.as_ref(),
            requirements: requirements - InitRequirements::ALLOCATE_MEMORY,
            data_representation: NATIVE_DATA_REPRESENTATION,
            input: &input(token, self.choices.initiator_bindings),
            output: room(),
        })
    }

    /// A leg of the acceptor.
    pub fn accept(&mut self, context: Option<CtxtHandle>, token: Option<&[u8]>) -> AcceptReply {
        let requirements = AcceptRequirements::from_bits_retain(self.choices.acceptor);
        self.acceptor.accept_security_context(AcceptArguments {
            credential: Some(self.acceptor_credential),
            context,
            requirements: requirements - AcceptRequirements::ALLOCATE_MEMORY,
            data_representation: NATIVE_DATA_REPRESENTATION,
            input: &input(token, self.choices.acceptor_bindings),
            output: room(),
        })
    }
}

/// What one side believes of an established context: its names and its session key.
///
/// # Panics
/// The context is not established.
pub fn view(interface: &mut SecurityInterface, context: CtxtHandle) -> (AttributeValue, AttributeValue) {
    let mut ask = |attribute| {
        interface
            .query_context_attributes(context, attribute)
            .expect("an established context answers")
    };
    (ask(ContextAttribute::NAMES), ask(ContextAttribute::SESSION_KEY))
}
