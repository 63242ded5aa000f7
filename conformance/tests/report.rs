//! What people and machines read of runs.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod numbers;

use std::time::Duration;

use insta::assert_snapshot;
use legwork::{
    audit,
    check::Verdict,
    edit::plan::Plan,
    expectations::Expectations,
    protocol::Role,
    report::{
        Run, Who,
        coverage::Coverage,
        expectation_update::{self, Audience},
        log, repro, summary, text,
    },
    rules_command,
    run::case::{self, Case},
    runner::{self, CaseResult, Options, Saboteurs},
    serve,
    suite::Suite,
};

use numbers::without_numbers;

const CASE: &str = "ntlm/good/default";

fn suite() -> Suite {
    Suite::embedded()
        .unwrap_or_else(|errors| panic!("{}", errors.iter().map(ToString::to_string).collect::<String>()))
}

/// A run with everything that it borrows.
struct Staged<'a> {
    suite: &'a Suite,
    cases: Vec<Case<'a>>,
    options: Options,
    who: Who,
    results: Vec<CaseResult>,
    expectations: Expectations,
    outcome: legwork::expectations::Outcome,
}

impl<'a> Staged<'a> {
    fn new(suite: &'a Suite, pattern: &str, saboteur: Option<&str>) -> Self {
        let cases: Vec<Case<'a>> = case::expand(suite)
            .into_iter()
            .filter(|case| case::matches(pattern, &case.id))
            .collect();
        let options = Options::default();
        let results: Vec<CaseResult> = cases
            .iter()
            .map(|case| runner::run_sabotaged(suite, case, &options, &saboteurs(suite, saboteur)))
            .collect();
        let expectations = Expectations::default();
        let outcome = expectations.judge(&results, false);
        Self {
            suite,
            cases,
            options,
            who: Who::reference(),
            results,
            expectations,
            outcome,
        }
    }

    fn run(&'a self) -> Run<'a> {
        Run {
            suite: self.suite,
            cases: &self.cases,
            options: &self.options,
            who: &self.who,
            results: &self.results,
            expectations: &self.expectations,
            outcome: &self.outcome,
            strict: false,
            elapsed: Duration::from_millis(10),
        }
    }
}

fn saboteurs(suite: &Suite, name: Option<&str>) -> Saboteurs {
    let plan = |name| Plan::of(suite.saboteurs.get(name).expect("the suite has the saboteur"));
    Saboteurs {
        initiator: name.and_then(plan),
        ..Saboteurs::default()
    }
}

fn plain(run: &Run<'_>) -> String {
    text::report(run, text::Style::default())
}

#[test]
fn a_run_in_which_all_is_well_is_a_few_lines() {
    let suite = suite();
    let staged = Staged::new(&suite, "ntlm/good", None);
    assert!(staged.run().is_good());
    assert_snapshot!(without_numbers(&plain(&staged.run())));
}

#[test]
fn a_failed_check_shows_rule_place_bytes_and_replay() {
    let suite = suite();
    let staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    assert!(!staged.run().is_good());
    let report = plain(&staged.run());
    let (failures, summary) = report.split_at(report.find("\nreference").expect("a summary"));
    assert_snapshot!(failures);
    assert_snapshot!("a_failed_check_summary", without_numbers(summary));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let suite = suite();
    let staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let coloured = text::report(
        &staged.run(),
        text::Style {
            colour: true,
            verbose: false,
        },
    );
    assert!(coloured.contains('\u{1b}'));
    let mut bare = String::new();
    let mut parts = coloured.split("\u{1b}[");
    bare.push_str(parts.next().unwrap());
    for part in parts {
        bare.push_str(part.split_once('m').unwrap().1);
    }
    assert_eq!(bare, plain(&staged.run()));
}

#[test]
fn a_message_cannot_steer_the_terminal() {
    let suite = suite();
    let mut staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let failed = staged.results[0]
        .findings
        .iter_mut()
        .find(|finding| finding.verdict == Verdict::Fail)
        .unwrap();
    failed.message = "\u{1b}[2Jgone\r".to_owned();
    assert!(plain(&staged.run()).contains("\\u{1b}[2Jgone\\r"));
}

#[test]
fn failures_stand_worst_effect_first() {
    let suite = suite();
    let staged = Staged::new(&suite, "ntlm/good", Some("authenticate-wrong-proof"));
    let failures = legwork::report::failure::groups(&suite, staged.run().unforeseen());
    assert!(failures.len() > 1, "{failures:?}");
    assert!(failures.windows(2).all(|pair| {
        let order = |at: usize| (!pair[at].verdict.is_failure(), pair[at].effect);
        order(0) <= order(1)
    }));
}

#[test]
fn the_summary_is_stable_and_names_every_failure() {
    let suite = suite();
    let staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let one = summary::summary(&staged.run());
    assert!(!one.good);
    assert!(
        one.failures
            .iter()
            .any(|failure| failure.rule == "wire/ntlm/mic-value")
    );
    let again = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    assert_eq!(one, summary::summary(&again.run()));
}

#[test]
fn a_rule_is_shown_with_all_that_is_about_it() {
    assert_snapshot!(rules_command::show(&suite(), "wire/ntlm/mic-value").unwrap());
}

#[test]
fn coverage_is_a_table_by_file() {
    let suite = suite();
    let cases = case::expand(&suite);
    let results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
    let coverage = Coverage::of(&suite, &results, Some("ntlm"));
    assert!(coverage.is_good(), "{}", coverage.text());
    let head: Vec<String> = coverage.text().lines().take(5).map(without_numbers).collect();
    assert_snapshot!(head.join("\n"));
    assert!(
        !Coverage::of(&suite, &[], None).is_good(),
        "nothing is checked by no run"
    );
}

fn logged(staged: &Staged<'_>, expectations: &Expectations) -> String {
    let keys: Vec<String> = staged.results.iter().map(CaseResult::key).collect();
    let plan = log::Plan {
        who: &staged.who,
        cases: &staged.cases,
        keys: &keys,
        seed: 0,
        expectations,
    };
    let mut bytes = Vec::new();
    let mut writer = log::Writer::begin(&mut bytes, plan);
    for result in &staged.results {
        writer.case(result);
    }
    writer.finish(&staged.results, true, Duration::ZERO).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_log_that_breaks_off_says_what_never_ran() {
    let suite = suite();
    let staged = Staged::new(&suite, "ntlm/bindings", None);
    let whole = logged(&staged, &staged.expectations);
    let digest = log::read(whole.as_bytes()).unwrap();
    assert!(digest.complete && digest.never_ran().is_empty());
    for cut in (0..whole.len()).step_by(whole.len() / 50) {
        match log::read(&whole.as_bytes()[..cut]) {
            Ok(digest) => {
                assert_eq!(digest.complete, cut + 1 == whole.len());
                assert_eq!(digest.never_ran().len() + digest.ended.len(), staged.cases.len());
            }
            Err(error) => assert!(matches!(error, log::ReadError::NoRun), "{cut}: {error}"),
        }
    }
}

#[test]
fn logs_of_equal_runs_differ_in_their_timing_records_alone() {
    let suite = suite();
    let lasting = || {
        let staged = Staged::new(&suite, CASE, None);
        let log = logged(&staged, &staged.expectations);
        let lines: Vec<String> = log
            .lines()
            .filter(|line| !line.contains("\"record\":\"timing\""))
            .map(str::to_owned)
            .collect();
        lines
    };
    assert_eq!(lasting(), lasting());
}

#[test]
fn what_is_withheld_does_not_show_in_the_log() {
    let suite = suite();
    let staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("private.yaml");
    std::fs::write(
        &file,
        "expectations:\n  - {rule: wire/ntlm/mic-value, reason: told upstream}\n",
    )
    .unwrap();
    let mut expectations = Expectations::default();
    expectations.add_private(&file).unwrap();
    let log = logged(&staged, &expectations);
    assert!(!log.contains("wire/ntlm/mic-value"));
    assert!(!log.contains("\"record\":\"call\""));
    assert_eq!(
        log::read(log.as_bytes()).unwrap().failed.get("withheld"),
        Some(&1)
    );
}

#[test]
fn a_replay_of_the_requests_gives_the_same_answers() {
    let suite = suite();
    let staged = Staged::new(&suite, CASE, None);
    let result = &staged.results[0];
    for role in Role::BOTH {
        let requests = repro::requests(&result.trace, role);
        assert!(!requests.contains("expect"));
        let mut replies = Vec::new();
        serve::serve(requests.as_bytes(), &mut replies).unwrap();
        let replies: Vec<legwork::protocol::ReplyLine> = String::from_utf8(replies)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let answers: Vec<_> = result
            .trace
            .events
            .iter()
            .filter(|event| event.side == role)
            .collect();
        assert_eq!(replies.len(), answers.len() + 2);
        for (reply, event) in replies[1..].iter().zip(answers) {
            let legwork::protocol::Reply::Outcome(outcome) = &reply.reply else {
                panic!("{reply:?}")
            };
            assert_eq!(Some(outcome.as_ref()), event.outcome());
        }
    }
}

#[test]
fn a_repro_folder_explains_itself() {
    let suite = suite();
    let staged = Staged::new(&suite, CASE, Some("authenticate-wrong-mic"));
    let files = repro::files(&staged.run(), &staged.results[0]);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_snapshot!(names.join("\n"));
    assert_snapshot!("a_repro_folder_readme", files[0].1);
}

#[test]
fn new_expectations_keep_the_file_and_cover_the_failures() {
    let suite = suite();
    let staged = Staged::new(&suite, "ntlm/good", Some("authenticate-wrong-mic"));
    let run = staged.run();
    let folder = tempfile::tempdir().unwrap();
    let (public, private) = (
        folder.path().join("public.yaml"),
        folder.path().join("private.yaml"),
    );
    let old = "# Kept.\nseen-with: reference\nexpectations: []\n";
    for (audience, path, old) in [
        (Audience::Public, &public, old),
        (Audience::Private, &private, ""),
    ] {
        let text = expectation_update::extend(&run, audience, "x.yaml", old).unwrap();
        std::fs::write(path, text).unwrap();
    }
    assert!(std::fs::read_to_string(&public).unwrap().starts_with("# Kept.\n"));
    let mut expectations = Expectations::load(&public).unwrap();
    expectations.add_private(&private).unwrap();
    let outcome = expectations.judge(&staged.results, true);
    assert!(
        outcome.is_clean(),
        "{:?} {:?} {:?}",
        outcome.unexpected,
        outcome.stale,
        outcome.changed
    );
}

#[test]
fn a_page_with_an_unknown_name_fails_the_audit() {
    let page = audit::audit(
        &suite(),
        "page.md",
        "SEC\\_E\\_OK\n<span id=\"isc_req_no_such_thing\"></span>\n",
    );
    assert!(!page.is_good());
    assert_snapshot!(
        audit::text(&[page])
            .lines()
            .filter(|line| !line.contains("SEC_E_OK"))
            .collect::<Vec<_>>()
            .join("\n")
    );
}
