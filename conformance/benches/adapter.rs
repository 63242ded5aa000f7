//! What the harness costs beside the adapter that it drives: the round trip of a call, and whole runs.
//!
//! A round trip has a twin: a bare loop that writes the same line to the same kind of child and reads the line that
//! comes back. Criterion measures both; then the two are run in turn, a batch of one and a batch of the other, and the
//! median of the ratios is printed. Runs of the suite are measured by the harness itself.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot be set up must not be made"
)]

use std::{
    env,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use criterion::Criterion;
use legwork::{
    protocol::{Buffer, Leg, Request, RequestLine, Role},
    run::case,
    runner::{self, Options},
    subject::{
        Subject,
        description::{Description, Located},
        isolation,
        process::Process,
    },
    suite::Suite,
};
use serde_json::json;

/// The argument with which this program is the child of a round trip.
const ANSWER: &str = "answer";

/// Pairs of children.
const PAIRS: usize = 40;

/// Batches of a round trip and of its twin with each pair.
const BATCHES: usize = 50;

/// Calls of a batch.
const CALLS: u32 = 20;

/// Runs of the suite, of which the median counts.
const RUNS: usize = 5;

fn main() {
    if env::args().nth(1).as_deref() == Some(ANSWER) {
        return answer();
    }
    isolation::install(PathBuf::from(env!("CARGO_BIN_EXE_legwork")));
    let mut criterion = Criterion::default().configure_from_args();
    let ratio = round_trip(&mut criterion);
    criterion.final_summary();
    println!("\n{ratio}");
    let workers = thread::available_parallelism().unwrap().get() * 2;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers).build();
    let suite = Suite::embedded().unwrap();
    pool.unwrap().install(|| {
        println!(
            "{}",
            rate(
                &suite,
                &located("legwork serve", &[env!("CARGO_BIN_EXE_legwork"), "serve"])
            )
        );
        println!(
            "{}",
            rate(&suite, &located("python canned", &["python3", "adapter.py"]))
        );
    });
}

/// Answers each line with the same outcome under its number, and `hello` with who this is.
fn answer() {
    let hello =
        json!({"outcome": {"hello": {"protocol": 1, "name": "answer", "version": "1", "drives": []}}});
    let leg = json!({"outcome": {
        "status": {"namespace": "sspi", "code": "0x00090312"},
        "buffers": [Buffer::new(2, vec![0x4E; 200])],
        "attributes": {"namespace": "sspi", "bits": 0x1001C},
    }});
    let [hello, leg] = [hello, leg].map(|reply| reply.to_string());
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = String::new();
    while input.read_line(&mut line).unwrap() > 0 {
        let reply = if line.contains(r#""op":"hello""#) {
            &hello
        } else {
            &leg
        };
        let seq = line.split([':', ',']).nth(1).unwrap_or_default();
        let reply = reply.strip_prefix('{').unwrap_or_default();
        output
            .write_all(format!("{{\"seq\":{seq},{reply}\n").as_bytes())
            .unwrap();
        line.clear();
    }
}

fn located(name: &str, command: &[&str]) -> Located {
    Located {
        description: Description {
            name: name.to_owned(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            ..Description::default()
        },
        folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/canned"),
        ..Located::default()
    }
}

/// A child without a harness.
struct Bare {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
    reply: Vec<u8>,
}

impl Bare {
    fn start(program: &str, request: &Request) -> Self {
        let mut command = Command::new(program);
        let streams = command.arg(ANSWER).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = streams.spawn().unwrap();
        let line = RequestLine {
            seq: 1000,
            request: request.clone(),
        };
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            line: format!("{}\n", json!(line)).into_bytes(),
            reply: Vec::new(),
        }
    }

    fn call(&mut self) {
        self.input.write_all(&self.line).unwrap();
        self.reply.clear();
        self.output.read_until(b'\n', &mut self.reply).unwrap();
    }

    fn end(mut self) {
        drop(self.input);
        self.child.wait().unwrap();
    }
}

/// A leg as it is in the middle of an exchange.
fn leg() -> Request {
    Request::Accept(Leg {
        credential: Some(1),
        context: None,
        new_context: 1,
        requirements: 0x2001C,
        target: None,
        input: vec![Buffer::new(2, vec![0x4E; 300])],
        output: vec![Buffer {
            capacity: Some(12_288),
            ..Buffer::new(2, [])
        }],
        bindings: None,
        data_representation: 16,
        reserved: [0, 0],
        http: None,
    })
}

/// Measures the round trip of a leg, and says how it compares.
fn round_trip(criterion: &mut Criterion) -> String {
    let program = env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let located = located("answer", &[program, ANSWER]);
    let request = leg();
    let start = || {
        let process = Process::start(located.clone(), Duration::from_secs(10)).unwrap();
        (process, Bare::start(program, &request))
    };
    let (mut process, mut bare) = start();
    let mut group = criterion.benchmark_group("round trip");
    group.bench_function("harness", |bencher| bencher.iter(|| process.call(&request)));
    group.bench_function("bare echo", |bencher| bencher.iter(|| bare.call()));
    group.finish();
    bare.end();
    let mut samples = Vec::new();
    // Where the system puts a child decides much: each pair has many.
    for _ in 0..PAIRS {
        let (mut process, mut bare) = start();
        let mut call = || assert!(process.call(&request).outcome().is_some());
        for _ in 0..BATCHES {
            let (own, floor) = (batch(&mut call), batch(&mut || bare.call()));
            samples.push([own / floor, own, floor]);
        }
        bare.end();
    }
    let [ratio, own, floor] = [0, 1, 2].map(|at| {
        let of = |sample: &[f64; 3]| sample.get(at).copied().unwrap_or(f64::NAN);
        samples.sort_by(|left, right| of(left).total_cmp(&of(right)));
        samples.get(samples.len() / 2).map_or(f64::NAN, of)
    });
    format!("{ratio:.2}  round trip: harness {own:.1} µs, bare echo {floor:.1} µs")
}

/// How long a call takes within a batch, in microseconds.
fn batch(call: &mut impl FnMut()) -> f64 {
    let started = Instant::now();
    (0..CALLS).for_each(|_| call());
    started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
}

/// Runs the whole suite with a subject, and says how fast that was and whose the time was.
fn rate(suite: &Suite, located: &Located) -> String {
    let cases = case::expand(suite);
    let options = Options {
        keep_traces: false,
        ..Options::default()
    };
    let mut runs: Vec<(f64, f64)> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            let played = runner::run_foreign(suite, &cases, &options, located, &Role::BOTH, |_| {}).unwrap();
            let count = f64::from(u32::try_from(played.results.len()).unwrap());
            let share = played.spent.share().unwrap_or(f64::NAN);
            (count / started.elapsed().as_secs_f64(), share * 100.0)
        })
        .collect();
    runs.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (rate, share) = runs.get(RUNS / 2).copied().unwrap_or_default();
    let name = &located.description.name;
    format!("{rate:.0}  cases/s with {name}, harness {share:.0} % of the time")
}
