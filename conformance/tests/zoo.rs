//! Broken adapters: whatever one does, the run ends in time with the verdict that fits, the other case keeps its own,
//! and no process is left.

#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up fails"
)]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// Seconds that an animal has to answer; long, for the machine may be busy.
const DEADLINE: u64 = 6;

/// What a run may take besides the deadline that it spends on a hang.
const MARGIN: Duration = Duration::from_secs(60);

const GOOD: &str = "ntlm/good/default";
const GOOD_TOO: &str = "ntlm/good/requirements/initiator:all/acceptor:none";
const WRONG_SECRET: &str = "ntlm/credentials/wrong-password/who:plain/secret:other";
const MALFORMED: &str = "ntlm/malformed/authenticate/defect:cut-at-12";
const WRONG_SECRET_TOO: &str = "ntlm/credentials/wrong-password/who:user-greek/secret:other";

/// A visit to an animal: a folder with its description, which is also the mark of its processes.
struct Visit {
    folder: TempDir,
    filters: [&'static str; 2],
    options: Vec<String>,
}

/// What a visit comes to.
struct Seen {
    code: Option<i32>,
    summary: Value,
    errors: String,
    elapsed: Duration,
}

impl Visit {
    fn to(animal: &str, description: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/zoo");
        let command = format!(
            "name: {animal}\ncommand: [python3, -B, {:?}, {:?}]\n{description}\n",
            zoo.join(format!("{animal}.py")),
            env!("CARGO_BIN_EXE_legwork")
        );
        fs::write(folder.path().join("subject.yaml"), command).unwrap();
        Self {
            folder,
            filters: [GOOD, GOOD_TOO],
            options: Vec::new(),
        }
    }

    fn start(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        command.args(["run", "--json", "--role", "acceptor", "--jobs", "1", "--subject"]);
        command.arg(self.folder.path());
        command.args(["--deadline", &DEADLINE.to_string()]);
        for filter in self.filters {
            command.args(["--filter", filter]);
        }
        let command = command.args(&self.options).env("ZOO_VISIT", self.folder.path());
        let streams = command.stdin(Stdio::null()).stdout(Stdio::piped());
        streams.stderr(Stdio::piped()).spawn().unwrap()
    }

    fn run(&self) -> Seen {
        let started = Instant::now();
        let output = self.start().wait_with_output().unwrap();
        let elapsed = started.elapsed();
        self.assert_no_process_is_left();
        Seen {
            code: output.status.code(),
            summary: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
            elapsed,
        }
    }

    /// The processes of this visit that are still there, by their command lines.
    fn processes(&self) -> Vec<String> {
        let mark = format!("ZOO_VISIT={}", self.folder.path().display());
        let read = |path: &Path, name| fs::read(path.join(name)).unwrap_or_default();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let marked = entries.map(|entry| entry.path()).filter(|path| {
            let environment = read(path, "environ");
            environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark.as_bytes())
        });
        marked
            .map(|path| String::from_utf8_lossy(&read(&path, "cmdline")).replace('\0', " "))
            .collect()
    }

    fn assert_no_process_is_left(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.processes().is_empty() && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(self.processes(), Vec::<String>::new(), "processes are left");
    }
}

impl Seen {
    fn in_time(self) -> Self {
        let limit = Duration::from_secs(DEADLINE) + MARGIN;
        assert!(self.elapsed < limit, "it took {:?}", self.elapsed);
        self
    }

    fn cases(&self) -> String {
        let counts = self.summary["cases"]
            .as_object()
            .unwrap_or_else(|| panic!("{}", self.errors));
        let words: Vec<String> = counts
            .iter()
            .map(|(verdict, count)| format!("{count} {verdict}"))
            .collect();
        words.join(", ")
    }

    /// What the report says before anything else.
    fn doubts(&self) -> String {
        let doubts = self.summary["doubts"].as_array();
        let doubts = doubts.into_iter().flatten().filter_map(Value::as_str);
        doubts.collect::<Vec<_>>().join("\n")
    }

    fn messages(&self) -> String {
        let failures = self.summary["failures"].as_array().unwrap();
        let messages: Vec<&str> = failures
            .iter()
            .filter_map(|failure| failure["message"].as_str())
            .collect();
        messages.join("\n")
    }
}

/// One animal and how its run must end: the cases by verdict, and what a message says.
fn animal(name: &str, description: &str, cases: &str, said: &str) {
    let seen = Visit::to(name, description).run().in_time();
    assert_eq!(seen.cases(), cases, "{}", seen.messages());
    assert!(seen.messages().contains(said), "{}", seen.messages());
    assert_eq!(seen.code, Some(i32::from(cases != "2 pass")));
}

macro_rules! zoo {
    ($($name:ident $(($description:literal))?: $cases:literal, $said:literal;)*) => {
        $(#[test]
        fn $name() {
            animal(stringify!($name), concat!($($description)?), $cases, $said);
        })*
    };
}

zoo! {
    garbage: "1 adapter-fault, 1 pass", "reply breaks the protocol";
    half_a_line_and_end: "1 crash, 1 pass", "exit status: 0";
    half_a_line: "1 hang, 1 pass", "no reply within 6 s";
    long_line: "1 adapter-fault, 1 pass", "a line longer than 16 MiB";
    wrong_seq: "1 adapter-fault, 1 pass", "reply has seq 1005, not 5";
    two_replies: "1 adapter-fault, 1 pass", "repl";
    silence: "1 hang, 1 pass", "no reply within 6 s";
    slow_drip: "1 hang, 1 pass", "no reply within 6 s";
    log_drip: "1 hang, 1 pass", "no reply within 6 s";
    early_exit: "1 crash, 1 pass", "exit status: 3";
    abort: "1 crash, 1 pass", "signal: 6 (SIGABRT) (limited to 2048 MiB of memory)\nan assertion of the library failed";
    abort_in_delete: "1 crash, 1 pass", "signal: 6 (SIGABRT)";
    stack_overflow: "1 crash, 1 pass", "signal: 11 (SIGSEGV)";
    endless_stderr: "2 pass", "";
    fork_keeps_the_pipe: "1 crash, 1 pass", "exit status: 4";
    memory_growth("limits: {memory: 256 MiB}"): "1 crash, 1 pass", "(limited to 256 MiB of memory)";
    busy("limits: {cpu: 1 s}"): "1 hang, 1 pass", "used more than its 1 s of processor time";
    memory_burst("limits: {leg-memory: 64 MiB}"): "1 hang, 1 pass", "MiB of memory, of 64 MiB";
    cpu_burst("limits: {leg-cpu: 1 s}"): "1 hang, 1 pass", "s of processor time, of 1 s";
    log_lines: "2 pass", "";
    always_success: "2 fail", "expected SEC_I_CONTINUE_NEEDED, got SEC_E_OK";
    always_failed: "2 fail", "expected SEC_I_CONTINUE_NEEDED, got SEC_E_LOGON_DENIED";
    closes_its_output: "1 adapter-fault, 1 pass", "closed its output, and stays";
    memory_report("sanitized: true"): "1 crash, 1 pass",
        "AddressSanitizer: heap-use-after-free on address 0x…\n#0 0x… in accept_token library.c:7";
}

#[test]
fn accepts_anybody() {
    let mut visit = Visit::to("accepts_anybody", "");
    visit.filters = [GOOD, WRONG_SECRET];
    let seen = visit.run().in_time();
    assert!(
        seen.cases().ends_with("1 pass") && seen.cases().contains(" fail"),
        "{}",
        seen.cases()
    );
    let bypass = |failure: &Value| failure["effect"] == "bypass" && failure["verdict"] == "fail";
    assert!(
        seen.summary["failures"].as_array().unwrap().iter().any(bypass),
        "{}",
        seen.messages()
    );
    assert!(seen.doubts().contains("lets in everybody"), "{}", seen.doubts());
}

/// A malformed token that is accepted tells of more than its rule does: a public run keeps it to itself.
#[test]
fn a_public_run_withholds_what_was_let_in() {
    let mut visit = Visit::to("accepts_anybody", "");
    visit.filters = [GOOD, MALFORMED];
    let told = |seen: &Seen| {
        let failures = seen.summary["failures"].as_array().unwrap().iter();
        failures
            .filter(|failure| failure["rule"] == "asc/ntlm/invalid-token")
            .count()
    };
    let open = visit.run().in_time();
    assert!(told(&open) > 0, "{}", open.messages());
    visit.options = vec!["--withhold".to_owned()];
    let withheld = visit.run().in_time();
    assert_eq!(told(&withheld), 0, "{}", withheld.messages());
    assert!(withheld.summary["withheld"].as_u64() > Some(0));
}

/// One wrong secret among several that is let in is a failure of the library, and no reason to doubt the adapter.
#[test]
fn accepts_some() {
    let mut visit = Visit::to("accepts_some", "");
    visit.filters = [WRONG_SECRET, WRONG_SECRET_TOO];
    let seen = visit.run().in_time();
    assert_eq!(seen.cases(), "1 fail, 1 pass");
    assert_eq!(seen.doubts(), "");
}

#[test]
fn the_plainest_exchange_that_fails_is_told_first() {
    let seen = Visit::to("always_failed", "").run().in_time();
    let said = "The plainest exchange fails with the subject as acceptor (ntlm/good/default@acceptor)";
    assert!(seen.doubts().contains(said), "{}", seen.doubts());
    assert_eq!(Visit::to("log_lines", "").run().in_time().doubts(), "");
}

#[test]
fn liar() {
    let seen = Visit::to("liar", "").run().in_time();
    assert_eq!(seen.code, Some(1));
    let said = "adapter-fault: liar: answers `outcome` to the operation `no-such-operation`";
    assert!(seen.errors.contains(said), "{}", seen.errors);
}

#[test]
fn starts_once() {
    let seen = Visit::to("starts_once", "").run().in_time();
    assert_eq!(seen.cases(), "1 adapter-fault, 1 crash");
    let said = "adapter cannot be started again: no reply to `hello`: exit status: 1";
    assert!(
        seen.messages().contains(said) && seen.messages().contains("provider is gone"),
        "{}",
        seen.messages()
    );
}

/// What a report of memory checkers says is looked for only where there is one.
#[test]
fn words_on_the_standard_error_are_no_report_of_a_plain_build() {
    let seen = Visit::to("memory_report", "").run().in_time();
    assert_eq!(seen.cases(), "2 pass");
}

#[test]
fn a_fresh_process_plays_each_case() {
    let mut visit = Visit::to("second_case", "");
    assert_eq!(visit.run().in_time().cases(), "1 crash, 1 pass");
    visit.options = vec!["--isolate".to_owned()];
    assert_eq!(visit.run().in_time().cases(), "2 pass");
    let described = Visit::to("second_case", "isolate: true");
    assert_eq!(described.run().in_time().cases(), "2 pass");
}

#[test]
fn a_wrapper_stands_before_the_adapter() {
    // A wrapper that says what it was given, and becomes it.
    let shell = r#"wrapper: [/bin/sh, -c, 'echo "$0 $2" > wrapped; exec "$0" "$@"']"#;
    let visit = Visit::to("log_lines", shell);
    assert_eq!(visit.run().in_time().cases(), "2 pass");
    let wrapped = fs::read_to_string(visit.folder.path().join("wrapped")).unwrap();
    assert!(
        wrapped.starts_with("python3 ") && wrapped.ends_with("log_lines.py\n"),
        "{wrapped}"
    );
}

/// The probes of `adapter check` stand on the same process: it too leaves nothing behind, whatever an animal does.
#[test]
fn a_check_of_an_animal_ends_and_leaves_no_process() {
    for (name, said) in [
        ("silence", "no reply within 6 s"),
        ("fork_keeps_the_pipe", "the process died: exit status: 4"),
        ("closes_its_output", "closed its output, and stays"),
    ] {
        let visit = Visit::to(name, "");
        let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
        command.args(["adapter", "check", "--deadline", &DEADLINE.to_string()]);
        let checked = command
            .arg(visit.folder.path())
            .env("ZOO_VISIT", visit.folder.path());
        let output = checked.stdin(Stdio::null()).output().unwrap();
        visit.assert_no_process_is_left();
        let report = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{name}: {report}");
        assert!(report.contains(said), "{name}: {report}");
    }
}

/// A harness that is killed cannot clean up; its children end all the same.
#[test]
fn outlives_the_harness() {
    let visit = Visit::to("outlives_the_harness", "");
    let mut harness = visit.start();
    let until = Instant::now() + MARGIN;
    while !visit.folder.path().join("spoiled").exists() {
        assert!(Instant::now() < until, "the animal was never called");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(visit.processes().len() > 2, "{:?}", visit.processes());
    harness.kill().unwrap();
    harness.wait().unwrap();
    visit.assert_no_process_is_left();
}

/// Where the answer cannot be written there is a message, and the adapter ends as ever.
#[test]
fn a_full_disk_and_a_closed_output_end_with_a_message() {
    let mut visit = Visit::to("endless_stderr", "");
    visit.options = vec!["--log".to_owned(), "/dev/full".to_owned()];
    let seen = visit.run().in_time();
    assert_eq!(seen.code, Some(2));
    assert!(
        seen.errors.starts_with("legwork: cannot write to /dev/full: "),
        "{}",
        seen.errors
    );
    let visit = Visit::to("endless_stderr", "");
    let mut harness = visit.start();
    drop(harness.stdout.take());
    let output = harness.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors.starts_with("legwork: cannot write to the standard output: "),
        "{errors}"
    );
    visit.assert_no_process_is_left();
}

#[test]
fn a_limit_without_a_unit_is_an_error() {
    let seen = Visit::to("log_lines", "limits: {memory: '256'}").run();
    assert_eq!(seen.code, Some(2));
    assert!(seen.errors.contains("KiB, MiB, GiB"), "{}", seen.errors);
}

/// What a leg costs stands in the log, in `timing` records alone.
#[test]
fn the_log_tells_what_a_leg_cost() {
    let mut visit = Visit::to("log_lines", "");
    let log = visit.folder.path().join("run.log");
    visit.options = vec!["--log".to_owned(), log.display().to_string()];
    assert_eq!(visit.run().cases(), "2 pass");
    let text = fs::read_to_string(log).unwrap();
    let records: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (measured, others): (Vec<&Value>, Vec<&Value>) = records
        .iter()
        .partition(|record| record["record"] == "timing" && record["microseconds"].is_u64());
    let of_subject = measured
        .iter()
        .filter(|record| record["peak-memory"].as_u64() > Some(1 << 20));
    assert_eq!((measured.len(), of_subject.count()), (8, 4), "{text}");
    let measures = ["microseconds", "cpu-milliseconds", "peak-memory"];
    assert!(
        others
            .iter()
            .all(|record| measures.iter().all(|name| record[*name].is_null()))
    );
}
