//! The floor program: the calls of primitives that nobody can avoid, over the bytes of a real exchange; and the exchange
//! that they are held against.

#![allow(
    clippy::panic,
    reason = "a measurement that cannot be set up must not be made"
)]

use std::hint::black_box;

use legwork_engine::{
    codec::utf16::Text,
    context::{Acceptor, Initiator},
    crypto::{self, HmacMd5, Rc4},
    environment::{Account, Directory, Environment, MechListMic, Random},
    flags::{AcceptRequirements, InitRequirements},
    negotiate::{
        messages::{MechTypes, Oid},
        offer::PackageList,
    },
    ntlm::{
        keys,
        messages::{Authenticate, AvPairs, Challenge, NtlmV2Response},
    },
    turn::{AcceptorTurn, Identity, InitiatorTurn},
};

/// Noon of some day: 100 ns units since 1601-01-01.
const NOON: u64 = 0x01D9_C8D6_E1A3_8000;

/// The same bytes whenever it is asked: an exchange costs what the protocol costs, not what the generator does.
#[derive(Debug)]
struct Fixed;

impl Random for Fixed {
    fn fill(&mut self, _: &'static str, _: u32, out: &mut [u8]) {
        out.fill(0xA5);
    }
}

/// The two sides and what they know, prepared once.
pub(crate) struct World {
    identity: Identity,
    target: Text,
    pub(crate) initiator: Environment,
    acceptor: Environment,
    /// The callers' buffers: output is appended to what the caller gives.
    pub(crate) tokens: Tokens,
    /// The same for an exchange of Negotiate: offer, first reply, answer, last reply.
    pub(crate) wrapped: [Vec<u8>; 4],
}

/// The tokens of an exchange.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    pub(crate) negotiate: Vec<u8>,
    pub(crate) challenge: Vec<u8>,
    pub(crate) authenticate: Vec<u8>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (user, domain) = (Text::from("User"), Text::from("EXAMPLE"));
        let hashes = keys::password_hashes(&"Password".into());
        let account = Account::new(user.clone(), domain.clone(), hashes.clone());
        let environment = |computer: &str| {
            let mut environment = Environment::seeded(0);
            environment.random = Box::new(Fixed);
            environment.clock = NOON;
            environment.host.netbios_computer = computer.into();
            environment
        };
        let mut acceptor = environment("SERVER");
        acceptor.host.netbios_domain = "EXAMPLE".into();
        acceptor.host.dns_computer = "server.example.org".into();
        acceptor.host.dns_domain = "example.org".into();
        acceptor.directory = Directory::new(vec![account]);
        Self {
            identity: Identity::User { user, domain, hashes },
            target: "cifs/server.example.org".into(),
            initiator: environment("CLIENT"),
            acceptor,
            tokens: Tokens::default(),
            wrapped: Default::default(),
        }
    }

    /// A world in which Negotiate exchanges codes over the list of mechanisms, or not.
    pub(crate) fn with_codes(codes: MechListMic) -> Self {
        let mut world = Self::new();
        world.initiator.policy.negotiate.mech_list_mic = codes;
        world.acceptor.policy.negotiate.mech_list_mic = codes;
        world
    }

    /// A whole exchange of Negotiate over NTLM.
    pub(crate) fn negotiate(&mut self) -> (Initiator, Acceptor) {
        let packages = PackageList::default();
        let mut initiator = Initiator::negotiate(self.identity.clone(), packages.clone());
        let mut acceptor = Acceptor::negotiate(packages);
        let mut wrapped = std::mem::take(&mut self.wrapped);
        wrapped.iter_mut().for_each(Vec::clear);
        let [offer, reply, answer, last] = &mut wrapped;
        self.initiate(&mut initiator, &[], offer);
        self.accept(&mut acceptor, offer, reply);
        self.initiate(&mut initiator, reply, answer);
        self.accept(&mut acceptor, answer, last);
        self.initiate(&mut initiator, last, &mut Vec::new());
        assert!(initiator.is_complete() && acceptor.is_complete());
        self.wrapped = wrapped;
        (initiator, acceptor)
    }

    /// An exchange of NTLM, and the list of mechanisms signed and verified each way, as any message.
    pub(crate) fn signed(&mut self) -> (Initiator, Acceptor) {
        let (mut initiator, mut acceptor) = self.exchange();
        let list = MechTypes::new(&[Oid::NTLM]);
        let (left, right) = (initiator.session().unwrap(), acceptor.session().unwrap());
        let there = left.sign([&*list.0], 0, &self.initiator).unwrap();
        right.verify([&*list.0], &there, 0, &self.acceptor).unwrap();
        let back = right.sign([&*list.0], 0, &self.acceptor).unwrap();
        left.verify([&*list.0], &back, 0, &self.initiator).unwrap();
        (initiator, acceptor)
    }

    /// A whole exchange: both sides begin and become established. The tokens stay in the callers' buffers.
    pub(crate) fn exchange(&mut self) -> (Initiator, Acceptor) {
        let mut initiator = Initiator::ntlm(self.identity.clone());
        let mut acceptor = Acceptor::ntlm();
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.negotiate.clear();
        tokens.challenge.clear();
        tokens.authenticate.clear();
        self.initiate(&mut initiator, &[], &mut tokens.negotiate);
        self.accept(&mut acceptor, &tokens.negotiate, &mut tokens.challenge);
        self.initiate(&mut initiator, &tokens.challenge, &mut tokens.authenticate);
        self.accept(&mut acceptor, &tokens.authenticate, &mut Vec::new());
        self.tokens = tokens;
        (initiator, acceptor)
    }

    fn initiate(&mut self, side: &mut Initiator, token: &[u8], out: &mut Vec<u8>) {
        let mut turn = InitiatorTurn {
            token,
            requirements: InitRequirements::CONFIDENTIALITY | InitRequirements::INTEGRITY,
            target: Some(&self.target),
            bindings: None,
            context: 0,
            environment: &mut self.initiator,
        };
        side.step(&mut turn, out).unwrap();
    }

    fn accept(&mut self, side: &mut Acceptor, token: &[u8], out: &mut Vec<u8>) {
        let mut turn = AcceptorTurn {
            token,
            requirements: AcceptRequirements::CONFIDENTIALITY,
            bindings: None,
            context: 0,
            environment: &mut self.acceptor,
        };
        side.step(&mut turn, out).unwrap();
    }

    /// A message each way over an established pair.
    pub(crate) fn talk(&mut self, initiator: &mut Initiator, acceptor: &mut Acceptor) -> [[u8; 16]; 2] {
        let (left, right) = (initiator.session().unwrap(), acceptor.session().unwrap());
        let mut message = [0x5A; 64];
        let there = left.seal(&mut [&mut message], 0, &self.initiator).unwrap();
        right
            .unseal(&mut [&mut message], &there, 0, &self.acceptor)
            .unwrap();
        let back = right.seal(&mut [&mut message], 0, &self.acceptor).unwrap();
        left.unseal(&mut [&mut message], &back, 0, &self.initiator)
            .unwrap();
        assert_eq!(message, [0x5A; 64]);
        [there, back]
    }
}

/// What an exchange computes at the least, over the bytes of a real one.
pub(crate) struct Bare {
    nt_hash: [u8; 16],
    user: Vec<u8>,
    domain: Vec<u8>,
    server_challenge: [u8; 8],
    temp: Vec<u8>,
    exported: [u8; 16],
    tokens: Tokens,
}

/// What one side has computed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Logon {
    proof: [u8; 16],
    exchanged: [u8; 16],
    mic: [u8; 16],
}

/// One direction of a session on one side.
pub(crate) struct Bound {
    signing: HmacMd5,
    sealing: Rc4,
}

impl Bound {
    pub(crate) fn new(exported: &[u8; 16], signing: &[u8], sealing: &[u8]) -> Self {
        Self {
            signing: HmacMd5::new(&crypto::md5(&[exported, signing])),
            sealing: Rc4::new(&crypto::md5(&[exported, sealing])),
        }
    }

    /// Seals the message of a number in place and returns the checksum.
    pub(crate) fn seal(&mut self, number: u32, message: &mut [u8]) -> [u8; 8] {
        let code = self.signing.sum(&[&number.to_le_bytes(), message]);
        self.sealing.apply(message);
        let mut checksum = *code.first_chunk().unwrap();
        self.sealing.apply(&mut checksum);
        checksum
    }

    /// Unseals the message of a number in place and returns the checksum that it must have.
    fn unseal(&mut self, number: u32, message: &mut [u8]) -> [u8; 8] {
        self.sealing.apply(message);
        let code = self.signing.sum(&[&number.to_le_bytes(), message]);
        let mut checksum = *code.first_chunk().unwrap();
        self.sealing.apply(&mut checksum);
        checksum
    }
}

impl Bare {
    /// Takes the bytes from an exchange, and makes sure that the bare calls come to the values of that exchange.
    pub(crate) fn of(world: &mut World) -> Self {
        let (mut initiator, mut acceptor) = world.exchange();
        let tokens = world.tokens.clone();
        let message = Authenticate::parse(&tokens.authenticate).unwrap();
        let (mic, at) = (message.mic.unwrap(), message.mic_offset().unwrap());
        let response = NtlmV2Response::parse(&message.nt_response).unwrap();
        let expected = Logon {
            proof: response.proof,
            exchanged: (&*message.encrypted_session_key).try_into().unwrap(),
            mic,
        };
        let challenge = Challenge::parse(&tokens.challenge).unwrap();
        let (pairs, _) = AvPairs::parse(&challenge.target_info).unwrap();
        assert_eq!(pairs.iter().count(), 5, "AV pairs of the CHALLENGE");
        let mut zeroed = tokens.authenticate.clone();
        legwork_engine::codec::put(&mut zeroed, at, &[0; 16]);
        let session = initiator.session().unwrap();
        let Identity::User { user, domain, hashes } = &world.identity else {
            panic!("a user logs on");
        };
        let bare = Self {
            nt_hash: hashes.nt.0,
            user: user.to_uppercase().to_le_bytes(),
            domain: domain.to_le_bytes(),
            server_challenge: challenge.server_challenge,
            temp: message.nt_response.get(16..).unwrap().to_vec(),
            exported: session.session_key().try_into().unwrap(),
            tokens: Tokens {
                negotiate: tokens.negotiate.clone(),
                challenge: tokens.challenge.clone(),
                authenticate: zeroed,
            },
        };
        assert_eq!(bare.logon(), expected);
        let checksums = world
            .talk(&mut initiator, &mut acceptor)
            .map(|signature| signature.get(4..12).unwrap().to_vec());
        assert_eq!(bare.talk().map(|checksum| checksum.to_vec()), checksums);
        bare
    }

    /// One side of the exchange: four codes with three keys, and a key schedule. The other side computes the same.
    fn logon(&self) -> Logon {
        let ntowf = crypto::hmac_md5(&self.nt_hash, &[&self.user, &self.domain]);
        let key = HmacMd5::new(&ntowf);
        let proof = key.sum(&[&self.server_challenge, &self.temp]);
        let exchange = key.sum(&[&proof]);
        let exchanged = crypto::rc4_once(&exchange, self.exported);
        let Tokens {
            negotiate,
            challenge,
            authenticate,
        } = &self.tokens;
        let mic = crypto::hmac_md5(&self.exported, &[negotiate, challenge, authenticate]);
        Logon {
            proof,
            exchanged,
            mic,
        }
    }

    pub(crate) fn exchange(&self) -> [Logon; 2] {
        [black_box(self).logon(), black_box(self).logon()]
    }

    /// The keys of both directions on both sides, and a message each way.
    pub(crate) fn talk(&self) -> [[u8; 8]; 2] {
        let there = || {
            Bound::new(
                black_box(&self.exported),
                b"session key to client-to-server signing key magic constant\0",
                b"session key to client-to-server sealing key magic constant\0",
            )
        };
        let back = || {
            Bound::new(
                black_box(&self.exported),
                b"session key to server-to-client signing key magic constant\0",
                b"session key to server-to-client sealing key magic constant\0",
            )
        };
        let mut message = [0x5A; 64];
        let first = there().seal(0, &mut message);
        assert_eq!(there().unseal(0, &mut message), first);
        let second = back().seal(0, &mut message);
        assert_eq!(back().unseal(0, &mut message), second);
        [first, second]
    }
}
