//! Two interfaces that know each other's account, and what each of them asks for and lets out.

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use legwork_engine::{
    buffer::{BufferKind, SecBuffer},
    call::{
        AcceptArguments, AcceptReply, AttributeValue, AuthIdentity, ContextAttribute, CredHandle,
        CredentialUse, CtxtHandle, InitializeArguments, InitializeReply, NATIVE_DATA_REPRESENTATION,
        SecurityInterface,
    },
    codec::utf16::Text,
    environment::{Account, AccountState, Directory, Environment, LmCompatibilityLevel, PasswordHashes},
    flags::{AcceptRequirements, InitRequirements},
    ntlm::keys,
};

/// The user of every world.
pub const USER: &str = "user";
/// Its domain.
pub const DOMAIN: &str = "EXAMPLE";
/// Its password.
/// Short enough for a LAN Manager hash.
pub const PASSWORD: &str = "correct horse";

/// What the directory keeps of it.
static HASHES: LazyLock<PasswordHashes> = LazyLock::new(|| keys::password_hashes(&PASSWORD.into()));

/// Every requirement of an initiator for somebody and a connection: no datagrams, no null session.
pub const EVERYTHING: u32 = !(InitRequirements::DATAGRAM.bits() | InitRequirements::NULL_SESSION.bits());

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
    /// by the acceptor, a target, strangers are guests.
    pub policy: u8,
    /// Channel bindings of the initiator.
    pub initiator_bindings: Option<u8>,
    /// Channel bindings of the acceptor.
    pub acceptor_bindings: Option<u8>,
    /// How far the initiator's LmCompatibilityLevel is below the strictest, modulo 6.
    pub initiator_leniency: u8,
    /// How far the acceptor's is.
    pub acceptor_leniency: u8,
    /// Who logs on.
    pub logon: Logon,
    /// State of the account: its place among the named states, modulo their number.
    pub account: u8,
}

/// Who logs on, and what the initiator knows.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logon {
    /// The owner of the account.
    #[default]
    Owner,
    /// Somebody with the account's name and another password.
    Impostor,
    /// Somebody whom the directory does not have.
    Stranger,
    /// Nobody in particular.
    Nobody,
}

impl Logon {
    fn identity(self) -> AuthIdentity {
        let (user, domain, password) = match self {
            Self::Owner => (USER, DOMAIN, PASSWORD),
            Self::Impostor => (USER, DOMAIN, "guessed"),
            Self::Stranger => ("stranger", DOMAIN, PASSWORD),
            Self::Nobody => ("", "", ""),
        };
        AuthIdentity {
            user: Some(user.into()),
            domain: Some(domain.into()),
            password: Some(password.into()),
            package_list: None,
        }
    }
}

/// A level this far below the strictest, modulo 6.
fn level(leniency: u8) -> u8 {
    5_u8.saturating_sub(leniency % 6)
}

impl Choices {
    /// What the initiator requires. Output always finds room, and memory is never asked for.
    #[must_use]
    pub fn init_requirements(&self) -> InitRequirements {
        InitRequirements::from_bits_retain(self.initiator) - InitRequirements::ALLOCATE_MEMORY
    }

    /// What the acceptor requires.
    #[must_use]
    pub fn accept_requirements(&self) -> AcceptRequirements {
        AcceptRequirements::from_bits_retain(self.acceptor) - AcceptRequirements::ALLOCATE_MEMORY
    }

    /// LmCompatibilityLevel of the initiator.
    #[must_use]
    pub fn initiator_level(&self) -> u8 {
        level(self.initiator_leniency)
    }

    /// LmCompatibilityLevel of the acceptor.
    #[must_use]
    pub fn acceptor_level(&self) -> u8 {
        level(self.acceptor_leniency)
    }

    /// Who logs on: nobody, if a null session is required.
    #[must_use]
    pub fn who(&self) -> Logon {
        if self.init_requirements().contains(InitRequirements::NULL_SESSION) {
            return Logon::Nobody;
        }
        self.logon
    }

    /// The state of the account.
    #[must_use]
    pub fn account_state(&self) -> AccountState {
        let states = AccountState::NAMED;
        let chosen = states.get(usize::from(self.account) % states.len());
        chosen.map_or(AccountState::Enabled, |(_, state)| *state)
    }

    /// Whether the acceptor logs strangers on as guests.
    #[must_use]
    pub fn guests(&self) -> bool {
        self.policy & 128 != 0
    }
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
        Self::of("NTLM", choices)
    }

    /// As [`Self::new`], with a package.
    ///
    /// # Panics
    /// As [`Self::new`].
    #[must_use]
    pub fn of(package: &str, choices: Choices) -> Self {
        let mut initiator = SecurityInterface::new(environment(&choices));
        let policy = &mut initiator.environment().policy.ntlm;
        policy.require_128_bit = choices.policy & 16 != 0;
        policy.level = LmCompatibilityLevel::new(choices.initiator_level()).expect("a level");
        let (_, initiator_credential) = initiator
            .acquire_credentials_handle(package, CredentialUse::Outbound, Some(&choices.logon.identity()))
            .expect("the package is known");
        let mut acceptor = SecurityInterface::new(environment(&choices));
        let policy = &mut acceptor.environment().policy.ntlm;
        policy.require_128_bit = choices.policy & 32 != 0;
        policy.level = LmCompatibilityLevel::new(choices.acceptor_level()).expect("a level");
        policy.guest = choices.guests();
        let mut account = Account::new(USER, DOMAIN, HASHES.clone());
        account.state = choices.account_state();
        acceptor.environment().directory = Directory::new(vec![account]);
        let (_, acceptor_credential) = acceptor
            .acquire_credentials_handle(package, CredentialUse::Inbound, None)
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
        self.initiator.initialize_security_context(InitializeArguments {
            credential: Some(self.initiator_credential),
            context,
            target: self.target.as_ref(),
            requirements: self.choices.init_requirements(),
            data_representation: NATIVE_DATA_REPRESENTATION,
            input: &input(token, self.choices.initiator_bindings),
            output: room(),
        })
    }

    /// A leg of the acceptor.
    pub fn accept(&mut self, context: Option<CtxtHandle>, token: Option<&[u8]>) -> AcceptReply {
        self.acceptor.accept_security_context(AcceptArguments {
            credential: Some(self.acceptor_credential),
            context,
            requirements: self.choices.accept_requirements(),
            data_representation: NATIVE_DATA_REPRESENTATION,
            input: &input(token, self.choices.acceptor_bindings),
            output: room(),
        })
    }
}

/// Names, session key, granted attributes and mechanism of an established context, as one side believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// SECPKG_ATTR_NAMES.
    pub names: AttributeValue,
    /// SECPKG_ATTR_SESSION_KEY; none with a guest.
    pub session_key: Option<AttributeValue>,
    /// SECPKG_ATTR_FLAGS.
    pub flags: AttributeValue,
    /// SECPKG_ATTR_NEGOTIATION_INFO.
    pub negotiation: AttributeValue,
}

impl View {
    /// What one side believes.
    ///
    /// # Panics
    /// The context is not established.
    pub fn of(interface: &mut SecurityInterface, context: CtxtHandle) -> Self {
        let mut ask = |attribute| interface.query_context_attributes(context, attribute).ok();
        let answered = "an established context answers";
        Self {
            names: ask(ContextAttribute::NAMES).expect(answered),
            session_key: ask(ContextAttribute::SESSION_KEY),
            flags: ask(ContextAttribute::FLAGS).expect(answered),
            negotiation: ask(ContextAttribute::NEGOTIATION_INFO).expect(answered),
        }
    }
}
