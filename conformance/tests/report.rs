//! What people and machines read of runs.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod numbers;
mod staged;

use insta::assert_snapshot;
use legwork::{
    check::Verdict,
    protocol::Role,
    report::{Run, coverage::Coverage, repro, summary, text},
    rules_command,
    run::case,
    runner::{self, Options},
    serve,
};

use numbers::without_numbers;
use staged::{Staged, suite};

const CASE: &str = "ntlm/good/default";

fn plain(run: &Run<'_>) -> String {
    text::report(run, text::Style::default())
}

/// Where key exchange alone was agreed on, a key may be there or not; a byte is neither.
#[test]
fn a_key_of_one_byte_is_none() {
    let suite = suite();
    let case = "ntlm/good/requirements/initiator:none/acceptor:none";
    let staged = Staged::new(&suite, case, Some("authenticate-key-of-one-byte"));
    let findings = &staged.results[0].findings;
    let found = findings
        .iter()
        .find(|finding| finding.rule == "wire/ntlm/encrypted-key-present");
    assert_eq!(found.map(|finding| finding.verdict), Some(Verdict::Fail));
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
