//! The reference keeps every rule, needs no expectations, and does the same thing twice.

use std::collections::BTreeSet;

use legwork::{
    caller,
    check::Verdict,
    protocol::Role,
    run::case,
    runner::{self, Options},
    suite::Suite,
};

fn suite() -> Suite {
    Suite::embedded().expect("the embedded suite is sound")
}

#[test]
fn the_reference_keeps_every_rule() {
    let suite = suite();
    let cases = case::expand(&suite);
    assert!(cases.len() > 500, "only {} cases", cases.len());
    let results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
    assert_eq!(results.len(), cases.len());
    let broken: Vec<String> = results
        .iter()
        .flat_map(|result| result.findings.iter().map(move |finding| (result, finding)))
        .filter(|(_, finding)| finding.verdict != Verdict::Pass)
        .map(|(result, finding)| {
            format!(
                "{}: {:?} {} {}",
                result.key(),
                finding.verdict,
                finding.rule,
                finding.message
            )
        })
        .collect();
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let suite = suite();
    let cases = case::expand(&suite);
    let run = || {
        let results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
        results
            .iter()
            .map(|result| format!("{:?} {:?}", result.trace.events, result.findings))
            .collect::<Vec<_>>()
    };
    for (first, second) in run().iter().zip(run()) {
        pretty_assertions::assert_eq!(*first, second);
    }
}

/// An initiator that sends NTLM's messages as they are is done a leg earlier than one that wraps them.
#[test]
fn an_exchange_without_wrapper_ends_earlier() {
    let suite = suite();
    let mut cases: Vec<_> = case::expand(&suite)
        .into_iter()
        .filter(|case| case.id == "negotiate/good/default")
        .collect();
    let policy = &mut cases[0].world.initiator.policy;
    policy.insert("unwrapped".to_owned(), true.into());
    let results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
    let legs: Vec<Role> = results[0].trace.legs().map(|(_, event)| event.side).collect();
    let [initiator, acceptor] = [Role::Initiator, Role::Acceptor];
    assert_eq!(legs, [initiator, acceptor, initiator, acceptor]);
    let findings = &results[0].findings;
    let mut of_initiator = findings.iter().filter(|finding| finding.side == initiator);
    assert!(of_initiator.all(|finding| finding.verdict == Verdict::Pass));
}

#[test]
fn another_seed_gives_other_challenges() {
    let suite = suite();
    let cases: Vec<_> = case::expand(&suite)
        .into_iter()
        .filter(|case| case.id == "ntlm/good/default")
        .collect();
    let challenge = |seed| {
        let options = Options {
            seed,
            ..Options::default()
        };
        let results = runner::run_reference(&suite, &cases, &options, |_| {});
        let (_, event) = results[0]
            .trace
            .leg(Role::Acceptor, 0)
            .expect("an acceptor's leg");
        event.output().expect("a CHALLENGE").to_vec()
    };
    assert_ne!(challenge(1), challenge(2));
}

/// What checks a rule is read off a run: a rule is checked, or it says why not, and never both.
#[test]
fn every_rule_is_checked_or_says_why_not() {
    let suite = suite();
    let cases = case::expand(&suite);
    let results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
    let traces = caller::traces();
    let of_programs = traces.iter().filter_map(|vector| vector.trace.as_ref().ok());
    let checked: BTreeSet<&str> = results
        .iter()
        .flat_map(|result| &result.findings)
        .map(|finding| finding.rule.as_str())
        .chain(
            of_programs
                .flat_map(|trace| caller::judge(&suite, trace))
                .map(|check| check.rule),
        )
        .collect();
    let wrong: Vec<&String> = suite
        .rules
        .iter()
        .filter(|(_, entry)| entry.unfinished.is_none() || entry.rule.unchecked.is_some())
        .filter(|(id, entry)| checked.contains(id.as_str()) == entry.rule.unchecked.is_some())
        .map(|(id, _)| id)
        .collect();
    assert_eq!(wrong, Vec::<&String>::new());
    let unknown = checked.iter().find(|id| suite.rule(id).is_none());
    assert_eq!(unknown, None, "a check of a rule that the suite does not have");
}
