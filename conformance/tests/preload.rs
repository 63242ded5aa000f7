//! The library of `sdk/preload`: it steers what programs draw and the time that they see, and a run says whether it does.
//!
//! These tests need a C compiler, and Linux with glibc.

#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime},
};

use pretty_assertions::assert_eq;
use serde_json::Value;
use tempfile::TempDir;

const FILTER: &str = "ntlm/good/default";

/// 2024-01-17 12:53:20.1234567 UTC, in 100 ns units since 1601-01-01.
const CLOCK: u64 = 133_499_696_001_234_567;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compiles a file of C; nothing where there is no compiler.
fn compile(folder: &Path, source: &str, flags: &[&str], name: &str) -> Option<PathBuf> {
    let to = folder.join(name);
    let compiler = Command::new("cc")
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"])
        .args(flags)
        .arg(here(source))
        .arg("-o")
        .arg(&to)
        .status();
    let Ok(status) = compiler else {
        eprintln!("SKIPPED: there is no C compiler `cc`; install one to test sdk/preload");
        return None;
    };
    assert!(status.success(), "{source} does not compile");
    Some(to)
}

/// A folder with the library.
struct Stage {
    folder: TempDir,
    library: PathBuf,
}

impl Stage {
    fn set() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let flags = ["-fPIC", "-shared"];
        let library = compile(folder.path(), "sdk/preload/preload.c", &flags, "preload.so")?;
        Some(Self { folder, library })
    }

    fn control(&self, seed: u8, clock: u64) -> PathBuf {
        let path = self.folder.path().join(format!("control-{seed}-{clock}"));
        let mut bytes = b"LEGWORK1".to_vec();
        bytes.extend(1u64.to_ne_bytes());
        bytes.extend([seed; 16]);
        bytes.extend(clock.to_ne_bytes());
        bytes.extend([0; 16]);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A subject behind `planted/foreign.py`, or `planted/proxy.py` with a mistake.
    fn subject(&self, program: &str, way: &str, more: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{way}.yaml"));
        let program = here("tests/planted").join(program);
        let harness = env!("CARGO_BIN_EXE_legwork");
        let text =
            format!("name: {way}\ncommand: [python3, -B, {program:?}, {way}, {harness:?}, serve]\n{more}\n");
        fs::write(&path, text).unwrap();
        path
    }

    /// The log of a run without times, its summary, and its report.
    fn run(&self, subject: &Path, preload: bool, more: &[&str]) -> (Vec<String>, Value, String) {
        let log = self.folder.path().join("log");
        let summary = self.folder.path().join("summary");
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        command
            .args(["run", "--filter", FILTER, "--deadline", "60", "--jobs", "1"])
            .args(more);
        command
            .arg("--subject")
            .arg(subject)
            .arg("--log")
            .arg(&log)
            .arg("--json")
            .arg(&summary);
        command.env_remove("LEGWORK_PRELOAD");
        if preload {
            command.env("LEGWORK_PRELOAD", &self.library);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let report = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let log = fs::read_to_string(log).unwrap();
        let lines = log.lines().filter(|line| !line.contains(r#""record":"timing""#));
        let summary = fs::read_to_string(summary).unwrap_or_else(|error| panic!("{error}: {report}"));
        (
            lines.map(str::to_owned).collect(),
            serde_json::from_str(&summary).unwrap(),
            report,
        )
    }
}

/// Starts a program that draws.
fn start(program: &Path, library: Option<&Path>, control: Option<&Path>) -> Child {
    let mut command = Command::new(program);
    command.arg("again").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env_remove("LEGWORK_CONTROL").env_remove("LD_PRELOAD");
    if let Some(library) = library {
        command.env("LD_PRELOAD", library);
    }
    if let Some(control) = control {
        command.env("LEGWORK_CONTROL", control);
    }
    command.spawn().unwrap()
}

/// What a program prints that draws; before its last draw something is done.
fn lines(mut child: Child, before_last: impl FnOnce()) -> Vec<String> {
    let mut output = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut lines = Vec::new();
    while !lines
        .last()
        .is_some_and(|line: &String| line.starts_with("monotonic"))
    {
        lines.push(output.next().expect("a program that draws"));
    }
    before_last();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    lines.extend(output);
    assert!(child.wait().unwrap().success(), "{lines:?}");
    lines
}

/// The value behind a word.
fn value<'a>(lines: &'a [String], word: &str) -> Option<&'a str> {
    lines
        .iter()
        .find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
}

const DRAWS: [&str; 7] = [
    "getrandom",
    "getentropy",
    "RAND_bytes",
    "gnutls_rnd",
    "read",
    "fopen",
    "again",
];

#[test]
fn a_program_draws_what_the_seed_says_and_has_the_time_that_it_is_told() {
    let Some(stage) = Stage::set() else { return };
    let Some(program) = compile(
        stage.folder.path(),
        "tests/planted/draws.c",
        &["-pthread"],
        "draws",
    ) else {
        return;
    };
    let run = |control: &Path| lines(start(&program, Some(&stage.library), Some(control)), || {});
    let control = stage.control(1, CLOCK);
    let first = run(&control);
    assert_eq!(first, run(&stage.control(1, CLOCK)));
    let told = [
        "clock_gettime 1705496000.123456700",
        "gettimeofday 1705496000.123456",
        "time 1705496000",
    ];
    for line in told {
        assert!(first.iter().any(|other| other == line), "{line}: {first:?}");
    }
    for line in ["repeated 0", "same descriptor 1", "monotonic rises 1"] {
        assert!(first.iter().any(|other| other == line), "{line}: {first:?}");
    }
    let other = run(&stage.control(2, CLOCK + 10_000_000));
    assert_eq!(value(&other, "time"), Some("1705496001"));
    for (at, word) in DRAWS.iter().enumerate() {
        let drawn = value(&first, word).unwrap_or_else(|| panic!("{word}: {first:?}"));
        assert_ne!(Some(drawn), value(&other, word), "{word} with another seed");
        for earlier in &DRAWS[..at] {
            assert_ne!(Some(drawn), value(&first, earlier), "{word} and {earlier}");
        }
    }
    let counts = fs::read(&control).unwrap();
    let count = |at: usize| u64::from_ne_bytes(counts[at..at + 8].try_into().unwrap());
    assert!(count(40) >= 2007, "{} draws", count(40));
    assert_eq!(count(48), 3, "reads of the clock");
}

#[test]
fn a_new_generation_begins_the_stream_anew() {
    let Some(stage) = Stage::set() else { return };
    let Some(program) = compile(
        stage.folder.path(),
        "tests/planted/draws.c",
        &["-pthread"],
        "draws",
    ) else {
        return;
    };
    let path = stage.control(1, CLOCK);
    let control = fs::File::options().write(true).open(&path).unwrap();
    let drawn = lines(start(&program, Some(&stage.library), Some(&path)), || {
        control.write_all_at(&2u64.to_ne_bytes(), 8).unwrap();
    });
    assert_eq!(value(&drawn, "again"), value(&drawn, "getrandom"), "{drawn:?}");
}

#[test]
fn without_a_control_file_everything_is_real() {
    let Some(stage) = Stage::set() else { return };
    let Some(program) = compile(
        stage.folder.path(),
        "tests/planted/draws.c",
        &["-pthread"],
        "draws",
    ) else {
        return;
    };
    let nonsense = stage.folder.path().join("nonsense");
    fs::write(&nonsense, [7; 56]).unwrap();
    let short = stage.folder.path().join("short");
    fs::write(&short, "LEGWORK1").unwrap();
    for control in [
        None,
        Some(&nonsense),
        Some(&short),
        Some(&stage.folder.path().join("none")),
    ] {
        let run = || {
            lines(
                start(&program, Some(&stage.library), control.map(PathBuf::as_path)),
                || {},
            )
        };
        let (one, two) = (run(), run());
        for word in DRAWS {
            assert_ne!(value(&one, word), value(&two, word), "{word} {control:?}");
        }
        let time: u64 = value(&two, "time").unwrap().parse().unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert!(
            now.saturating_sub(Duration::from_secs(time)) < Duration::from_secs(60),
            "{two:?}"
        );
    }
    assert_eq!(fs::read(&nonsense).unwrap(), [7; 56]);
}

#[test]
fn two_runs_of_foreign_code_are_the_same_under_control_and_no_others() {
    let Some(stage) = Stage::set() else { return };
    let subject = stage.subject("foreign.py", "foreign", "");
    for more in [&[][..], &["--isolate"]] {
        let (log, summary, report) = stage.run(&subject, true, more);
        assert_eq!(
            summary["control"],
            serde_json::json!({"randomness": true, "clock": true}),
            "{report}"
        );
        assert_eq!(summary["cases"]["pass"], 2, "{report}");
        assert!(
            report.contains("\nrandomness and clock under control\n"),
            "{report}"
        );
        assert_eq!(log, stage.run(&subject, true, more).0);
        assert_ne!(
            log,
            stage.run(&subject, true, &[more, &["--seed", "1"]].concat()).0
        );
    }
    let (log, summary, report) = stage.run(&subject, false, &[]);
    assert_eq!(
        summary["control"],
        serde_json::json!({"randomness": false, "clock": false})
    );
    assert_eq!(summary["cases"]["pass"], 2, "{report}");
    assert!(report.contains("\nrandomness and clock real\n"), "{report}");
    assert_ne!(log, stage.run(&subject, false, &[]).0);
    let unwanted = stage.subject("foreign.py", "foreign", "preload: false");
    assert_eq!(stage.run(&unwanted, true, &[]).1["control"], summary["control"]);
}

#[test]
fn a_generator_that_was_seeded_early_is_not_under_control_unless_a_process_plays_one_case() {
    let Some(stage) = Stage::set() else { return };
    let subject = stage.subject("foreign.py", "early", "");
    let (_, summary, report) = stage.run(&subject, true, &[]);
    let why = "the same seed and clock give other tokens as initiator";
    let real =
        serde_json::json!({"randomness": false, "clock": false, "remark": format!("not preloaded: {why}")});
    assert_eq!(summary["control"], real);
    assert_eq!(summary["good"], true, "{report}");
    assert!(
        report.contains(&format!("\nrandomness and clock real (not preloaded: {why})\n")),
        "{report}"
    );
    let (log, summary, report) = stage.run(&subject, true, &["--isolate"]);
    assert_eq!(
        summary["control"],
        serde_json::json!({"randomness": true, "clock": true}),
        "{report}"
    );
    assert_eq!(log, stage.run(&subject, true, &["--isolate"]).0);
}

#[test]
fn an_adapter_that_does_not_steer_what_it_says_is_told() {
    let Some(stage) = Stage::set() else { return };
    let liar = stage.subject("proxy.py", "DrawsOfItsOwn", "");
    let why = "the same seed and clock give other tokens as initiator";
    for preload in [false, true] {
        let (_, summary, report) = stage.run(&liar, preload, &[]);
        let mut control = serde_json::json!({"randomness": false, "clock": true, "broken-claim": why});
        if preload {
            control["remark"] = format!("not preloaded: {why}").into();
        }
        assert_eq!(summary["control"], control, "{report}");
        assert_eq!(
            (&summary["good"], &summary["failures"]),
            (&false.into(), &serde_json::json!([]))
        );
        let first = format!("The adapter says that it steers randomness: {why}.\n");
        assert!(report.starts_with(&first), "{report}");
    }
    let honest = stage.subject("proxy.py", "none", "");
    let (_, summary, _) = stage.run(&honest, false, &[]);
    assert_eq!(
        summary["control"],
        serde_json::json!({"randomness": true, "clock": true})
    );
    assert_eq!(summary["good"], true);
}

#[test]
fn what_ends_while_control_is_measured_is_told() {
    let Some(stage) = Stage::set() else { return };
    let subject = stage.subject("foreign.py", "dies", "");
    let (_, summary, report) = stage.run(&subject, true, &[]);
    let remark = summary["control"]["remark"].as_str().unwrap_or_default();
    let why = "not preloaded: the plain exchange as acceptor: exit status: 7";
    assert!(remark.starts_with(why), "{report}");
    assert_eq!(summary["cases"], serde_json::json!({"crash": 1, "pass": 1}));
}

#[test]
fn a_library_that_is_not_there_is_a_wrong_question() {
    let output = Command::new(env!("CARGO_BIN_EXE_legwork"))
        .args([
            "run",
            "--filter",
            FILTER,
            "--preload",
            "no-such-library.so",
            "--subject",
        ])
        .arg(env!("CARGO_BIN_EXE_legwork"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("there is no library at no-such-library.so"),
        "{said}"
    );
}
