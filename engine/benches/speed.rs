//! What the engine costs beside the work that nobody can avoid.
//!
//! Each measurement has a twin in the same process: the bare calls of primitives over bytes of the same lengths, or a
//! copy of the same bytes. Criterion measures both; then the two are run in turn, a batch of one and a batch of the
//! other, and the median of the ratios is printed. Noise of the machine meets both halves of a pair.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot be set up must not be made"
)]

use std::{borrow::Cow, hint::black_box, time::Duration, time::Instant};

use criterion::{Criterion, Throughput};
use legwork_engine::{
    codec::utf16::Text,
    context::{Acceptor, Initiator},
    crypto::{self, HmacMd5, Rc4},
    environment::{Account, Directory, Environment, Random},
    flags::{AcceptRequirements, InitRequirements},
    ntlm::{
        keys,
        messages::{Authenticate, AvPairs, Challenge, Negotiate, NtlmV2Response},
    },
    turn::{AcceptorTurn, Identity, InitiatorTurn},
};
use rc4::{KeyInit, StreamCipher};

/// Who logs on.
const USER: &str = "User";
const DOMAIN: &str = "EXAMPLE";
const PASSWORD: &str = "Password";

/// Noon of some day: 100 ns units since 1601-01-01.
const NOON: u64 = 0x01D9_C8D6_E1A3_8000;

/// Lengths of sealed messages.
const MESSAGES: [(&str, usize); 3] = [("64 B", 64), ("1 KiB", 1024), ("64 KiB", 65536)];

/// The same bytes whenever it is asked: an exchange costs what the protocol costs, not what the generator does.
#[derive(Debug)]
struct Fixed;

impl Random for Fixed {
    fn fill(&mut self, _: &'static str, _: u32, out: &mut [u8]) {
        out.fill(0xA5);
    }
}

/// The two sides and what they know, prepared once.
struct World {
    identity: Identity,
    target: Text,
    initiator: Environment,
    acceptor: Environment,
    /// The callers' buffers: output is appended to what the caller gives.
    tokens: Tokens,
}

/// The tokens of an exchange.
#[derive(Clone, Default)]
struct Tokens {
    negotiate: Vec<u8>,
    challenge: Vec<u8>,
    authenticate: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let (user, domain) = (Text::from(USER), Text::from(DOMAIN));
        let hashes = keys::password_hashes(&PASSWORD.into());
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
        }
    }

    /// A whole exchange: both sides begin and become established. The tokens stay in the callers' buffers.
    fn exchange(&mut self) -> (Initiator, Acceptor) {
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
    fn talk(&mut self, initiator: &mut Initiator, acceptor: &mut Acceptor) -> [[u8; 16]; 2] {
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
struct Bare {
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
struct Logon {
    proof: [u8; 16],
    exchanged: [u8; 16],
    mic: [u8; 16],
}

/// One direction of a session on one side.
struct Bound {
    signing: HmacMd5,
    sealing: Rc4,
}

impl Bound {
    fn new(exported: &[u8; 16], signing: &[u8], sealing: &[u8]) -> Self {
        Self {
            signing: HmacMd5::new(&crypto::md5(&[exported, signing])),
            sealing: Rc4::new(&crypto::md5(&[exported, sealing])),
        }
    }

    /// Seals the message of a number in place and returns the checksum.
    fn seal(&mut self, number: u32, message: &mut [u8]) -> [u8; 8] {
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
    fn of(world: &mut World) -> Self {
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
        let bare = Self {
            nt_hash: keys::nt_hash(&PASSWORD.into()).0,
            user: Text::from(USER).to_uppercase().to_le_bytes(),
            domain: Text::from(DOMAIN).to_le_bytes(),
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

    fn exchange(&self) -> [Logon; 2] {
        [black_box(self).logon(), black_box(self).logon()]
    }

    /// The keys of both directions on both sides, and a message each way.
    fn talk(&self) -> [[u8; 8]; 2] {
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

/// Measures a pair with criterion, then in turn, and prints the ratio.
struct Bench {
    criterion: Criterion,
    ratios: Vec<String>,
}

impl Bench {
    fn pair<A, B>(
        &mut self,
        name: &str,
        bytes: Option<usize>,
        (unit, invert): (&str, bool),
        mut engine: impl FnMut() -> A,
        mut bare: impl FnMut() -> B,
    ) {
        let mut group = self.criterion.benchmark_group(name);
        if let Some(bytes) = bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
            group.throughput(Throughput::Bytes(bytes));
        }
        group.bench_function("engine", |bencher| bencher.iter(&mut engine));
        group.bench_function(unit, |bencher| bencher.iter(&mut bare));
        group.finish();
        let mut filters = std::env::args()
            .skip(1)
            .filter(|argument| !argument.starts_with('-'));
        if filters.next().is_some_and(|filter| !name.contains(&filter)) {
            return;
        }
        let rounds = (1_u32..).find(|rounds| batch(*rounds, &mut bare) > Duration::from_micros(100));
        let rounds = rounds.unwrap_or(1);
        let mut samples: Vec<(f64, f64, f64)> = (0..1000)
            .map(|_| {
                let own = batch(rounds, &mut engine).as_secs_f64();
                let floor = batch(rounds, &mut bare).as_secs_f64();
                let nanoseconds = 1e9 / f64::from(rounds);
                let ratio = if invert { own / floor } else { floor / own };
                (ratio, own * nanoseconds, floor * nanoseconds)
            })
            .collect();
        let mut median = |of: fn(&(f64, f64, f64)) -> f64| {
            samples.sort_by(|left, right| of(left).total_cmp(&of(right)));
            samples.get(samples.len() / 2).map_or(f64::NAN, of)
        };
        let (ratio, own, floor) = (median(|s| s.0), median(|s| s.1), median(|s| s.2));
        self.ratios.push(format!(
            "{ratio:5.2}  {name:<42} engine {own:>9.0} ns, {unit} {floor:>9.0} ns"
        ));
    }
}

/// How long it takes to do something a number of times.
fn batch<T>(rounds: u32, work: &mut impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(work());
    }
    start.elapsed()
}

/// The ratio is the share of the engine's time that the bare work takes.
const SHARE: (&str, bool) = ("bare", false);
/// The ratio is how many times as long as a copy it takes.
const COPIES: (&str, bool) = ("copy", true);

fn exchange(bench: &mut Bench) {
    let mut world = World::new();
    let bare = Bare::of(&mut world);
    bench.pair("exchange", None, SHARE, || world.exchange(), || bare.exchange());
    bench.pair(
        "exchange and a sealed message each way",
        None,
        SHARE,
        || {
            let (mut initiator, mut acceptor) = world.exchange();
            let signatures = world.talk(&mut initiator, &mut acceptor);
            (initiator, acceptor, signatures)
        },
        || (bare.exchange(), bare.talk()),
    );
}

fn sealing(bench: &mut Bench) {
    let mut world = World::new();
    let (mut initiator, ..) = world.exchange();
    let session = initiator.session().unwrap();
    for (name, length) in MESSAGES {
        let mut bound = Bound::new(&[7; 16], b"signing", b"sealing");
        let (mut message, mut same) = (vec![0x5A; length], vec![0x5A; length]);
        let mut number = 0_u32;
        bench.pair(
            &format!("seal {name}"),
            Some(length),
            SHARE,
            || {
                session
                    .seal(&mut [black_box(&mut message)], 0, &world.initiator)
                    .unwrap()
            },
            || {
                number = number.wrapping_add(1);
                bound.seal(number, black_box(&mut same))
            },
        );
    }
}

/// The bare work is done with our own RC4: what another implementation takes for the same.
fn key_stream(bench: &mut Bench) {
    let (mut ours, mut theirs) = (Rc4::new(&[7; 16]), rc4::Rc4::new_from_slice(&[7; 16]).unwrap());
    let (mut message, mut same) = (vec![0x5A; 65536], vec![0x5A; 65536]);
    bench.pair(
        "RC4 64 KiB",
        Some(message.len()),
        ("crate", false),
        || ours.apply(black_box(&mut message)),
        || theirs.apply_keystream(black_box(&mut same)),
    );
}

fn parsing(bench: &mut Bench) {
    let mut world = World::new();
    world.exchange();
    let tokens = &world.tokens;
    let message = Authenticate::parse(&tokens.authenticate).unwrap();
    let parts = [
        &message.lm_response,
        &message.nt_response,
        &message.domain,
        &message.user,
        &message.workstation,
        &message.encrypted_session_key,
    ];
    assert!(
        parts.iter().all(|part| matches!(part, Cow::Borrowed(_))),
        "parse borrows"
    );
    let Tokens {
        negotiate,
        challenge,
        authenticate,
    } = tokens;
    let copy = |token| move || black_box::<&Vec<u8>>(token).clone();
    let mut pair = |name: &str, token, parse: &dyn Fn(&[u8])| {
        bench.pair(
            name,
            Some(Vec::len(token)),
            COPIES,
            || parse(black_box(token)),
            copy(token),
        );
    };
    pair("parse AUTHENTICATE", authenticate, &|token| {
        black_box(Authenticate::parse(token).unwrap());
    });
    pair(
        "parse AUTHENTICATE, response and AV pairs",
        authenticate,
        &|token| {
            let message = Authenticate::parse(token).unwrap();
            black_box(NtlmV2Response::parse(&message.nt_response).unwrap());
            black_box(&message);
        },
    );
    pair("parse NEGOTIATE", negotiate, &|token| {
        black_box(Negotiate::parse(token).unwrap());
    });
    pair("parse CHALLENGE", challenge, &|token| {
        black_box(Challenge::parse(token).unwrap());
    });
}

fn main() {
    let criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .configure_from_args();
    let mut bench = Bench {
        criterion,
        ratios: Vec::new(),
    };
    exchange(&mut bench);
    sealing(&mut bench);
    key_stream(&mut bench);
    parsing(&mut bench);
    bench.criterion.final_summary();
    println!("\nshare of the bare work in the engine's time; for parse, times a copy:");
    bench.ratios.iter().for_each(|ratio| println!("{ratio}"));
}
