//! An exchange of the vectors with its environment, played by the engine leg by leg.

use legwork_engine::{
    buffer::ChannelBindings,
    codec::utf16::Text,
    context::{Acceptor, Initiator},
    environment::{Account, Directory, Environment, HostNames, LmCompatibilityLevel, Random},
    error::Error,
    flags::{AcceptRequirements, InitRequirements},
    ntlm::{
        keys,
        messages::{AvId, AvPairs, Challenge, NegotiateFlags},
    },
    turn::{AcceptorTurn, Identity, InitiatorTurn},
};
use legwork_vectors::Vector;

use crate::{
    fields::{self, Members, array, bytes, text},
    vectors,
};

/// The exchange that the engine can play to the last byte: the project's own.
const OWN: &str = "exchanges/ntlm/5";

/// Random bytes by label, from the inputs of an exchange.
#[derive(Debug)]
struct Fixed(Vec<(&'static str, Vec<u8>)>);

impl Random for Fixed {
    fn fill(&mut self, label: &'static str, _: u32, out: &mut [u8]) {
        let known = self.0.iter().find(|(known, _)| *known == label);
        let (_, bytes) = known.unwrap_or_else(|| panic!("nothing is known of {label}"));
        out.copy_from_slice(bytes);
    }
}

/// Both sides of an exchange that is replayed.
pub(crate) struct Replay {
    pub(crate) vector: Vector,
    pub(crate) initiator: Initiator,
    pub(crate) acceptor: Acceptor,
    pub(crate) initiator_environment: Environment,
    pub(crate) acceptor_environment: Environment,
    target: Option<Text>,
    initiator_bindings: Option<Vec<u8>>,
    acceptor_bindings: Option<Vec<u8>>,
}

fn members<'a>(vector: &'a Vector, side: &str) -> &'a Members {
    vector.inputs[side].as_object().unwrap()
}

fn name(members: &Members, name: &str) -> Text {
    Text::from(text(members, name).unwrap_or_default())
}

fn bindings(members: &Members) -> Option<Vec<u8>> {
    text(members, "channel_bindings").map(|_| bytes(members, "channel_bindings"))
}

fn bound(application_data: &[u8]) -> ChannelBindings<'_> {
    ChannelBindings {
        application_data,
        ..ChannelBindings::default()
    }
}

/// What the acceptor calls itself: the target info of its CHALLENGE says it.
fn host_of(challenge: &Challenge<'_>) -> HostNames {
    let (pairs, _) = AvPairs::parse(&challenge.target_info).unwrap();
    let named = |id| Text::from_le_bytes(pairs.get(id).unwrap_or_default(), "name").unwrap();
    HostNames {
        netbios_computer: named(AvId::NB_COMPUTER_NAME),
        netbios_domain: named(AvId::NB_DOMAIN_NAME),
        dns_computer: named(AvId::DNS_COMPUTER_NAME),
        dns_domain: named(AvId::DNS_DOMAIN_NAME),
        dns_tree: named(AvId::DNS_TREE_NAME),
    }
}

fn initiator_environment(inputs: &Members, clock: u64) -> Environment {
    let mut environment = Environment::seeded(0);
    environment.clock = clock;
    environment.host.netbios_computer = name(inputs, "workstation");
    let known = [
        ("ntlm/client-challenge", "client_challenge"),
        ("ntlm/exported-session-key", "exported_session_key"),
    ];
    let known = known.into_iter().filter(|(_, name)| inputs.contains_key(*name));
    let drawn = known.map(|(label, name)| (label, bytes(inputs, name)));
    environment.random = Box::new(Fixed(drawn.collect()));
    environment
}

fn acceptor_environment(inputs: &Members, clock: u64, account: Account) -> Environment {
    let mut environment = Environment::seeded(0);
    environment.clock = clock;
    let challenge = ("ntlm/server-challenge", bytes(inputs, "server_challenge"));
    environment.random = Box::new(Fixed(vec![challenge]));
    environment.directory = Directory::new(vec![account]);
    environment
}

/// The fields of the message vector that a leg of an exchange is.
fn described(exchange: &Vector, file: &str, leg: usize) -> Members {
    let id = exchange.fields["legs"][leg]["vector"].as_str().unwrap();
    let message = vectors(file).into_iter().find(|vector| vector.id == id);
    message.unwrap().fields
}

impl Replay {
    /// The project's own exchange before its first leg.
    pub(crate) fn own() -> Self {
        let own = vectors("exchanges/ntlm.json")
            .into_iter()
            .find(|vector| vector.id == OWN);
        Self::new(own.unwrap())
    }

    /// An exchange of version 1 before its first leg, with the NEGOTIATE message left to the initiator's level: these
    /// exchanges are published without one.
    pub(crate) fn version_one(vector: Vector) -> Self {
        let ess = fields::challenge(&described(&vector, "ntlm/challenge.json", 0))
            .flags
            .contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
        let mut replay = Self::of(vector);
        let level = LmCompatibilityLevel::new(u8::from(ess)).unwrap();
        replay.initiator_environment.policy.ntlm.level = level;
        replay.acceptor_environment.policy.ntlm.level = level;
        replay
    }

    fn new(vector: Vector) -> Self {
        let negotiate = fields::negotiate(&described(&vector, "ntlm/negotiate.json", 0));
        let challenge = fields::challenge(&described(&vector, "ntlm/challenge.json", 1));
        let mut replay = Self::of(vector);
        replay.initiator_environment.policy.ntlm.offer = negotiate.flags.bits();
        replay.acceptor_environment.host = host_of(&challenge);
        replay
    }

    fn of(vector: Vector) -> Self {
        let (initiator, acceptor) = (members(&vector, "initiator"), members(&vector, "acceptor"));
        let clock = u64::from_le_bytes(array(initiator, "timestamp"));
        let password = name(initiator, "password");
        let (user, domain) = (name(initiator, "user"), name(initiator, "domain"));
        let hashes = keys::password_hashes(&password);
        let account = Account::new(user.clone(), domain.clone(), hashes.clone());
        Self {
            target: text(initiator, "target").map(Text::from),
            initiator_bindings: bindings(initiator),
            acceptor_bindings: bindings(acceptor),
            initiator: Initiator::ntlm(Identity::User { user, domain, hashes }),
            acceptor: Acceptor::ntlm(),
            initiator_environment: initiator_environment(initiator, clock),
            acceptor_environment: acceptor_environment(acceptor, clock, account),
            vector,
        }
    }

    /// The token of a leg.
    pub(crate) fn leg(&self, number: usize) -> Vec<u8> {
        bytes(self.vector.fields["legs"][number].as_object().unwrap(), "bytes")
    }

    /// One leg of the initiator.
    pub(crate) fn initiate(&mut self, token: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        let mut turn = InitiatorTurn {
            token,
            requirements: InitRequirements::INTEGRITY | InitRequirements::CONFIDENTIALITY,
            target: self.target.as_ref(),
            bindings: self.initiator_bindings.as_deref().map(bound),
            context: 0,
            environment: &mut self.initiator_environment,
        };
        self.initiator.step(&mut turn, &mut out).map(|_| out)
    }

    /// One leg of the acceptor.
    pub(crate) fn accept(&mut self, token: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        let mut turn = AcceptorTurn {
            token,
            requirements: AcceptRequirements::ALLOW_MISSING_BINDINGS,
            bindings: self.acceptor_bindings.as_deref().map(bound),
            context: 0,
            environment: &mut self.acceptor_environment,
        };
        self.acceptor.step(&mut turn, &mut out).map(|_| out)
    }

    /// The acceptor reads a NEGOTIATE message.
    pub(crate) fn negotiate(&mut self, token: &[u8]) -> Result<Vec<u8>, Error> {
        self.accept(token)
    }

    /// The initiator has sent its first token and reads a CHALLENGE message. It has offered everything, so that every
    /// choice of the acceptor is one of its own.
    pub(crate) fn challenge(&mut self, token: &[u8]) -> Result<Vec<u8>, Error> {
        self.initiator_environment.policy.ntlm.offer = NegotiateFlags::all().bits();
        self.initiate(&[])?;
        self.initiate(token)
    }

    /// The acceptor has read the first token of the exchange and reads an AUTHENTICATE message.
    pub(crate) fn authenticate(&mut self, token: &[u8]) -> Result<Vec<u8>, Error> {
        let negotiate = self.leg(0);
        let challenge = self.accept(&negotiate)?;
        assert_eq!(hex::encode(challenge), hex::encode(self.leg(1)));
        self.accept(token)
    }
}
