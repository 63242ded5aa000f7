//! The reference behind the adapter protocol is the same as the reference in this process, and a child that breaks
//! the protocol, dies or falls silent gets its verdict.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use legwork::{
    check::Verdict,
    protocol::{Buffer, Request, Role},
    run::case::{self, Case},
    runner::{self, CaseResult, Options},
    subject::{
        Answer, Subject,
        description::{Description, Located},
        isolation,
        process::Process,
    },
    suite::Suite,
};

fn subject(command: &[&str]) -> Located {
    let description = Description {
        name: "reference".to_owned(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        ..Description::default()
    };
    Located {
        description,
        folder: PathBuf::new(),
    }
}

fn serve() -> Located {
    subject(&[env!("CARGO_BIN_EXE_legwork"), "serve"])
}

fn cases<'a>(suite: &'a Suite, pattern: &str) -> Vec<Case<'a>> {
    case::expand(suite)
        .into_iter()
        .filter(|case| case::matches(pattern, &case.id))
        .collect()
}

fn run(suite: &Suite, cases: &[Case<'_>], located: &Located, seconds: u64) -> Vec<CaseResult> {
    isolation::install(PathBuf::from(env!("CARGO_BIN_EXE_legwork")));
    let options = Options {
        deadline: Duration::from_secs(seconds),
        ..Options::default()
    };
    let roles = Role::BOTH;
    runner::run_foreign(suite, cases, &options, located, &roles, |_| {})
        .expect("the adapter starts")
        .results
}

#[test]
fn the_served_reference_keeps_every_rule_that_it_can_be_held_against() {
    let suite = Suite::embedded().expect("the embedded suite is sound");
    let cases = cases(&suite, "ntlm");
    let results = run(&suite, &cases, &serve(), 20);
    let wrong: Vec<String> = results
        .iter()
        .filter(|result| {
            !matches!(
                result.verdict,
                Verdict::Pass | Verdict::Unsupported | Verdict::NotApplicable
            )
        })
        .map(|result| format!("{} {:?} {:?}", result.key(), result.verdict, result.trace.end))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    let passed = results
        .iter()
        .filter(|result| result.verdict == Verdict::Pass)
        .count();
    assert!(
        passed * 10 > results.len() * 9,
        "only {passed} of {} cases were judged",
        results.len()
    );
}

#[test]
fn the_served_reference_sends_the_same_tokens() {
    let suite = Suite::embedded().expect("the embedded suite is sound");
    let cases = cases(&suite, "ntlm/good");
    let tokens = |result: &CaseResult| -> Vec<Vec<u8>> {
        result
            .trace
            .legs()
            .filter_map(|(_, event)| event.output().map(<[u8]>::to_vec))
            .collect()
    };
    let served = run(&suite, &cases, &serve(), 20);
    let embedded = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
    for result in served.iter().filter(|result| result.judged == [Role::Acceptor]) {
        let twin = embedded
            .iter()
            .find(|twin| twin.case == result.case)
            .expect("the same case");
        pretty_assertions::assert_eq!(tokens(result), tokens(twin), "{}", result.case);
    }
}

/// A shell script that answers `hello` and then does something else.
fn script(then: &str) -> Located {
    let hello = r#"{"seq":1,"outcome":{"hello":{"protocol":1,"name":"broken","version":"0","drives":[{"package":"ntlm","role":"acceptor","operations":["acquire","accept"],"observables":["token","status"],"requirements":4294967295}],"controls":[]}}}"#;
    subject(&["/bin/sh", "-c", &format!("read line; echo '{hello}'; {then}")])
}

#[test]
fn a_child_that_breaks_its_part_gets_a_verdict() {
    let suite = Suite::embedded().expect("the embedded suite is sound");
    let cases = cases(&suite, "ntlm/good/default");
    for (then, expected) in [
        ("exit 3", Verdict::Crash),
        (
            "read line; echo '{\"seq\":99,\"outcome\":{}}'; sleep 60",
            Verdict::AdapterFault,
        ),
        (
            "read line; echo '{\"nonsense\":true}'; sleep 60",
            Verdict::AdapterFault,
        ),
        (
            "read line; echo '{\"seq\":2,\"fault\":{\"message\":\"no\"}}'; sleep 60",
            Verdict::AdapterFault,
        ),
        ("exec >&-; exec sleep 60", Verdict::AdapterFault),
        ("while :; do echo a line of a log; done", Verdict::Hang),
        ("read line; exec sleep 60", Verdict::Hang),
    ] {
        let results = run(&suite, &cases, &script(then), 1);
        let verdicts: Vec<Verdict> = results
            .iter()
            .filter(|result| result.judged == [Role::Acceptor])
            .map(|result| result.verdict)
            .collect();
        assert_eq!(verdicts, [expected], "{then}");
    }
}

/// A request that fills the pipe is waited for no longer than a reply.
#[test]
fn a_child_that_does_not_read_hangs() {
    isolation::install(PathBuf::from(env!("CARGO_BIN_EXE_legwork")));
    let deaf = script("exec sleep 60");
    let mut process = Process::start(deaf, Duration::from_secs(3)).expect("the adapter starts");
    let started = Instant::now();
    let request = Request::Complete {
        context: 1,
        buffers: vec![Buffer::new(2, vec![0; 1 << 20])],
    };
    assert_eq!(process.call(&request), Answer::Hang(Duration::from_secs(3)));
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
}

/// A subject whose tokens are none is not painted green by the peer's refusal.
#[test]
fn a_token_that_is_none_counts_against_its_maker() {
    let suite = Suite::embedded().expect("the embedded suite is sound");
    let cases = cases(&suite, "ntlm/good/default");
    let garbage = r#"{"outcome":{"status":{"namespace":"sspi","code":"0x00090312"},"buffers":[{"kind":2,"bytes":"deadbeef"}]}}"#;
    let hello = r#"{"outcome":{"hello":{"protocol":1,"name":"garbage","version":"0","drives":[{"package":"ntlm","role":"initiator","operations":["acquire","initialize"],"observables":["token","status"],"requirements":4294967295}],"controls":[]}}}"#;
    let unknown = r#"{"unsupported":{"what":"operation"}}"#;
    let ok = r#"{"outcome":{"status":{"namespace":"sspi","code":"0x00000000"}}}"#;
    let script = format!(
        r#"while read line; do seq=${{line#*:}}; seq=${{seq%%,*}}; case "$line" in
            *hello*) reply='{hello}';; *no-such*) reply='{unknown}';; *initialize*) reply='{garbage}';; *) reply='{ok}';; esac
            echo "{{\"seq\":$seq,${{reply#?}}"; done"#
    );
    let results = run(&suite, &cases, &subject(&["/bin/sh", "-c", &script]), 5);
    let failed: Vec<&str> = results
        .iter()
        .filter(|result| result.judged == [Role::Initiator])
        .flat_map(|result| &result.findings)
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| finding.rule.as_str())
        .collect();
    assert_eq!(failed, ["wire/ntlm/message-due"]);
}
