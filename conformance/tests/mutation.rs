//! The mutation grammar: what decides an expectation is the mutated token, and every way of deciding is met.

use std::collections::{BTreeMap, BTreeSet};

use legwork::{
    run::{
        case,
        when::{self, Due, Seen},
    },
    runner::{self, CaseResult, Options},
    suite::{
        Suite,
        scenario::{Expect, Step, When},
    },
};
use legwork_vectors::{Outcome, Vector};

fn results() -> (Suite, Vec<CaseResult>) {
    let suite = Suite::embedded().expect("the embedded suite is sound");
    let cases = case::expand(&suite);
    let conditional = |case: &case::Case<'_>| !conditions(&case.entry.scenario.steps).is_empty();
    let chosen = |case: &case::Case<'_>| case.is_generated() || conditional(case);
    let cases: Vec<_> = cases.into_iter().filter(chosen).collect();
    assert!(cases.len() > 2_500, "only {} cases", cases.len());
    let results = runner::run_reference(&suite, &cases, &Options::default(), |_| {});
    (suite.clone(), results)
}

/// A condition that is first for no token would be one that nothing shows to be right.
#[test]
fn every_condition_decides_some_case() {
    let (suite, results) = results();
    let written: BTreeSet<String> = suite
        .scenarios
        .iter()
        .flat_map(|entry| conditions(&entry.scenario.steps))
        .collect();
    let met: BTreeSet<String> = results
        .iter()
        .flat_map(|result| &result.trace.events)
        .filter_map(|event| event.expect.as_ref().and_then(decided))
        .collect();
    assert!(written.len() > 15, "{written:?}");
    let idle: Vec<&String> = written.difference(&met).collect();
    assert_eq!(idle, Vec::<&String>::new());
}

fn conditions(steps: &[Step]) -> Vec<String> {
    let lists = steps.iter().map(|step| match step {
        Step::Initialize(leg) | Step::Accept(leg) => leg.expect_first.as_slice(),
        Step::Sign(message) | Step::Seal(message) => message.check_first.as_slice(),
        _ => &[],
    });
    lists.flatten().filter_map(decided).collect()
}

fn decided(expect: &Expect) -> Option<String> {
    expect.when.map(|when| format!("{when:?} {}", expect.rule))
}

/// Most mutations of what a MIC or a proof covers have one right end.
#[test]
fn a_mutated_authenticate_with_a_mic_is_never_open() {
    let (_, results) = results();
    let mut ends: BTreeMap<bool, usize> = BTreeMap::new();
    for result in &results {
        let name = result.case.as_str();
        if !name.starts_with("ntlm/mutation/authenticate/") && !name.starts_with("ntlm/mutation/nt-response/")
        {
            continue;
        }
        let last = result
            .trace
            .legs()
            .last()
            .and_then(|(_, event)| event.expect.as_ref());
        let open = last.is_none_or(|expect| expect.when == Some(When::Anything));
        assert!(!open, "{name}");
        *ends.entry(open).or_default() += 1;
    }
    assert!(ends.get(&false).is_some_and(|count| *count > 400), "{ends:?}");
}

/// What a vector is said to break, and what the conditions see in it.
#[test]
fn conditions_agree_with_the_reasons_of_vectors() {
    let vectors: BTreeMap<String, Vector> = legwork_vectors::all()
        .expect("the vectors are sound")
        .map(|(_, vector)| (vector.id.clone(), vector))
        .collect();
    let messages = [
        ("ntlm/negotiate/", Due::Negotiate),
        ("ntlm/challenge/", Due::Challenge),
        ("ntlm/authenticate/", Due::Authenticate),
        ("negotiate/neg_token_init/", Due::NegTokenInit),
        ("negotiate/neg_token_init2/", Due::NegTokenInit),
        ("negotiate/neg_token_resp/", Due::Reply),
    ];
    let mut structural = 0;
    for (folder, due) in messages {
        for (id, vector) in vectors.iter().filter(|(id, _)| id.starts_with(folder)) {
            let token = vector.bytes.as_deref().unwrap_or_default();
            let seen = Seen::alone(due, token, token);
            let holds = |wanted: &[When]| wanted.iter().any(|when| when::holds(*when, &seen));
            let malformed = holds(&[
                When::Malformed,
                When::UnusedPartMalformed,
                When::ProtectedPartMalformed,
                When::TrailingBytes,
                When::HintsMalformed,
                When::OverlongLengths,
            ]);
            let overlong = holds(&[When::OverlongLengths]);
            assert!(
                !overlong || vector.reason.as_deref() == Some("length-too-wide"),
                "{id} has no overlong length"
            );
            match (vector.result, vector.flags.is_empty()) {
                (Outcome::Invalid, true) => {
                    structural += 1;
                    assert!(malformed, "{id} is broken, and no condition says so");
                }
                (Outcome::Invalid, false) => {}
                (Outcome::Valid, _) => {
                    assert!(!malformed && !holds(&[When::NoCharacterSet]), "{id} is valid")
                }
            }
        }
    }
    assert!(structural > 35, "{structural}");
}
