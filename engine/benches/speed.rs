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

mod floor;

use std::{borrow::Cow, hint::black_box, time::Duration, time::Instant};

use criterion::{Criterion, Throughput};
use floor::{Bare, Bound, Tokens, World};
use legwork_engine::{
    crypto::Rc4,
    environment::MechListMic,
    negotiate::messages::{NegTokenInit, NegTokenResp, Token},
    ntlm::messages::{Authenticate, Challenge, Negotiate, NtlmV2Response},
};
use rc4::{KeyInit, StreamCipher};

/// Lengths of sealed messages.
const MESSAGES: [(&str, usize); 3] = [("64 B", 64), ("1 KiB", 1024), ("64 KiB", 65536)];

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
/// The ratio is how many times as long as NTLM it takes.
const NTLM: (&str, bool) = ("ntlm", true);
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

/// Negotiate beside the exchange that it carries, and beside the same and two signed messages where it has codes.
fn negotiate(bench: &mut Bench) {
    let (mut wrapped, mut bare) = (World::with_codes(MechListMic::Never), World::new());
    bench.pair(
        "Negotiate without codes",
        None,
        NTLM,
        || wrapped.negotiate(),
        || bare.exchange(),
    );
    let (mut wrapped, mut bare) = (World::with_codes(MechListMic::Demanded), World::new());
    bench.pair(
        "Negotiate with codes",
        None,
        NTLM,
        || wrapped.negotiate(),
        || bare.signed(),
    );
    wrapped.negotiate();
    let [framed, replies @ ..] = &wrapped.wrapped;
    let Ok(Token::Framed(init)) = Token::parse(framed) else {
        return;
    };
    let offer = init.emit();
    let mut pair = |name: &str, token, parse: &dyn Fn(&[u8])| {
        bench.pair(
            name,
            Some(Vec::len(token)),
            COPIES,
            || parse(black_box(token)),
            || black_box(token).clone(),
        );
    };
    pair("parse NegTokenInit", &offer, &|token| {
        black_box(&NegTokenInit::parse(token).unwrap());
    });
    pair("parse NegTokenInit, whatever it is", framed, &|token| {
        black_box(&Token::parse(token).unwrap());
    });
    let names = ["CHALLENGE", "AUTHENTICATE", "code alone"];
    for (name, token) in names.into_iter().zip(replies) {
        pair(&format!("parse NegTokenResp, {name}"), token, &|token| {
            black_box(&NegTokenResp::parse(token).unwrap());
        });
    }
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
    negotiate(&mut bench);
    sealing(&mut bench);
    key_stream(&mut bench);
    parsing(&mut bench);
    bench.criterion.final_summary();
    println!(
        "\nshare of the bare work in the engine's time; for parse, times a copy; for Negotiate, times NTLM:"
    );
    bench.ratios.iter().for_each(|ratio| println!("{ratio}"));
}
