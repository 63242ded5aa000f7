//! The tables that a run is held against: classes of defects, and the cells of a model.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod numbers;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use insta::assert_snapshot;
use legwork::{
    cells,
    protocol::Role,
    report::{
        bug_classes::{self, BugClasses},
        cells::Cells,
    },
    run::case,
    runner::{self, CaseResult, Options},
    suite::{
        Suite,
        bug_class::BugClassFile,
        model::{Cell, Model},
    },
    yaml::{Document, Located, render_all},
};
use pretty_assertions::assert_eq;

use numbers::without_numbers;

fn suite() -> Suite {
    Suite::embedded().unwrap_or_else(|errors| panic!("{}", render_all(&errors, false)))
}

fn with_classes(classes: &str) -> Suite {
    let file: BugClassFile = Document::new("bug-classes.yaml", classes).read().unwrap();
    Suite {
        bug_classes: file.classes,
        ..suite()
    }
}

fn results(suite: &Suite, pattern: &str) -> Vec<CaseResult> {
    let cases = case::expand(suite).into_iter();
    let cases: Vec<_> = cases.filter(|case| case::matches(pattern, &case.id)).collect();
    assert!(!cases.is_empty(), "{pattern}");
    runner::run_reference(suite, &cases, &Options::default(), |_| {})
}

// ---- classes of defects

const CLASSES: &str = "
classes:
  caught:
    text: It goes wrong.
    packages:
      ntlm: [isc/ntlm/second-leg-completes, asc/ntlm/valid-logon-accepted, message/ntlm/sealed-message]
      negotiate: []
  in-one-role:
    text: It goes wrong on one side.
    packages: {ntlm: [isc/ntlm/second-leg-completes, isc/ntlm/no-credentials]}
  of-another-package:
    text: It goes wrong elsewhere.
    packages: {credssp: []}
";

#[test]
fn every_class_of_ntlm_is_caught_in_both_roles() {
    let suite = suite();
    let table = BugClasses::of(&suite, &results(&suite, "**"), "ntlm");
    assert!(table.is_good(), "{}", table.text());
    assert!(table.classes.len() >= 14, "{} classes", table.classes.len());
    assert!(
        !BugClasses::of(&suite, &[], "ntlm").is_good(),
        "nothing is caught by no run"
    );
}

#[test]
fn a_class_that_one_role_does_not_catch_is_wrong() {
    let suite = with_classes(CLASSES);
    let table = BugClasses::of(&suite, &results(&suite, "ntlm/good/default"), "ntlm");
    assert!(!table.is_good());
    assert_snapshot!(without_numbers(&table.text()));
    let json = bug_classes::json(&[table]);
    assert_eq!(json["good"], false);
    let class = &json["packages"][0]["classes"][1];
    assert_eq!(class["idle"][0], "isc/ntlm/no-credentials");
    assert_eq!(class["roles"][1]["defect"], "no rule was checked");
}

#[test]
fn a_class_needs_a_saboteur_of_the_role() {
    let suite = Suite {
        saboteurs: Default::default(),
        ..with_classes(CLASSES)
    };
    let table = BugClasses::of(&suite, &results(&suite, "ntlm/good/default"), "ntlm");
    let caught = table.classes.first().unwrap();
    for role in &caught.roles {
        assert!(!role.rules.is_empty());
        assert_eq!(
            role.defect(),
            Some("no saboteur is made for a rule that was checked")
        );
    }
}

// ---- cells

const MODEL: &str = "
title: t
initiator: [start, expect-challenge, established]
acceptor: [expect-negotiate, expect-authenticate, established]
messages:
  challenge: [fixed-part, target-info.timestamp]
unreachable:
  - {side: initiator, state: start, why: Nothing comes before the first leg.}
  - {side: acceptor, state: established, input: challenge, part: fixed-part, form: \"40\", why: It is too old.}
";

fn model() -> Model {
    Document::new("models/ntlm.yaml", MODEL).read().unwrap()
}

fn reached(suite: &Suite, model: &Model, pattern: &str) -> cells::Reached {
    cells::reached("ntlm", model, &suite.mapping, &results(suite, pattern))
}

/// Side, state and input of the cells of their package that cases reach.
fn places(suite: &Suite, pattern: &str) -> BTreeSet<String> {
    let package = pattern.split('/').next().unwrap();
    let results = results(suite, pattern);
    let cells = cells::reached(package, &suite.models[package], &suite.mapping, &results);
    cells
        .into_keys()
        .map(
            |Cell {
                 side, state, input, ..
             }| format!("{} {state} {input}", side.name()),
        )
        .collect()
}

/// How many cells of a package's model are reached by all cases of the package, and how many are listed as unreachable.
/// A run that lacks any of these cells would be told.
fn counts(package: &str) -> (usize, usize) {
    let suite = suite();
    let model = &suite.models[package];
    let reached = cells::reached(
        package,
        model,
        &suite.mapping,
        &results(&suite, &format!("{package}/**")),
    );
    let table = Cells::of(package, model, &reached);
    assert!(table.is_good(), "{}", table.text());
    let all: BTreeSet<Cell> = model.cells().into_iter().collect();
    assert_eq!(all.len(), table.cells.len(), "each cell stands there once");
    for cell in reached.keys() {
        assert!(all.contains(cell), "no cell of the model: {cell:?}");
    }
    for cell in reached.keys().step_by(50) {
        let mut fewer = reached.clone();
        fewer.remove(cell);
        assert!(!Cells::of(package, model, &fewer).is_good(), "{cell:?}");
    }
    (reached.len(), all.len() - reached.len())
}

#[test]
fn every_cell_of_ntlm_is_reached() {
    assert_eq!(counts("ntlm"), (432, 0));
}

/// What is unreachable is one state of the acceptor.
#[test]
fn every_cell_of_negotiate_is_reached_or_says_why_not() {
    assert_eq!(counts("negotiate"), (938, 67));
    let suite = suite();
    let [listed] = suite.models["negotiate"].unreachable.as_slice() else {
        panic!("one entry");
    };
    assert_eq!(
        (listed.side, listed.state.as_str()),
        (Role::Acceptor, "expect-mic")
    );
}

#[test]
fn open_cells_and_wrong_entries_are_told() {
    let suite = suite();
    let table = Cells::of(
        "ntlm",
        &model(),
        &reached(&suite, &model(), "ntlm/order/initiator-after-failure"),
    );
    assert!(!table.is_good());
    assert_snapshot!(table.text());
}

#[test]
fn the_state_of_a_side_is_read_off_its_legs() {
    let suite = suite();
    let listed = |pattern: &str| places(&suite, pattern).into_iter().collect::<Vec<_>>().join(", ");
    assert_eq!(
        listed("ntlm/good/default"),
        "acceptor expect-authenticate authenticate, acceptor expect-negotiate negotiate, \
         initiator expect-challenge challenge, initiator start none"
    );
    assert_eq!(
        listed("ntlm/order/initiator-after-failure"),
        "initiator expect-challenge other, initiator failed challenge, initiator start none"
    );
}

#[test]
fn the_state_of_a_negotiation_is_read_off_what_a_side_sent() {
    let suite = suite();
    let of = |pattern: &str, side: &str| {
        let places = places(&suite, pattern).into_iter();
        let own: Vec<String> = places
            .filter_map(|place| Some(place.strip_prefix(side)?.trim_start().to_owned()))
            .collect();
        own.join(", ")
    };
    let initiator = |pattern: &str| of(pattern, "initiator");
    let acceptor = |pattern: &str| of(pattern, "acceptor");
    assert_eq!(
        initiator("negotiate/good/default"),
        "expect-mic neg-token-resp, expect-selection neg-token-resp, start none"
    );
    assert_eq!(
        initiator("negotiate/policy/fallback/token:none"),
        "expect-mic neg-token-resp, expect-selection neg-token-resp, negotiating neg-token-resp, start none"
    );
    assert_eq!(
        initiator("negotiate/codes/optional/initiator:required"),
        "expect-completion neg-token-resp, expect-selection neg-token-resp, start none"
    );
    assert_eq!(
        initiator("negotiate/hint/forms/form:as-windows"),
        "expect-mic neg-token-resp, expect-selection neg-token-resp, start neg-token-init2"
    );
    assert_eq!(
        acceptor("negotiate/good/hint"),
        "hinted neg-token-init, negotiating neg-token-resp, start none"
    );
    assert_eq!(
        initiator("negotiate/policy/unwrapped"),
        "start none, unwrapped challenge"
    );
    assert_eq!(
        acceptor("negotiate/policy/unwrapped"),
        "start negotiate, unwrapped authenticate"
    );
}

/// A context that is complete begins anew, and is no failed one where its exchange goes on.
#[test]
fn a_context_that_authenticates_again_is_in_the_same_states_again() {
    let suite = suite();
    let places = places(&suite, "negotiate/reauthentication/again/way:plain");
    assert_eq!(
        places.into_iter().collect::<Vec<_>>().join(", "),
        "initiator established none, initiator expect-mic neg-token-resp, \
         initiator expect-selection neg-token-resp, initiator start none"
    );
}

/// Forms of the parts of what the case sends to a side in a state.
fn forms(suite: &Suite, pattern: &str, state: &str) -> String {
    let model = &suite.models["negotiate"];
    let cells = cells::reached("negotiate", model, &suite.mapping, &results(suite, pattern));
    let parts = cells.keys().filter(|cell| cell.state == state);
    let parts = parts.filter_map(|cell| cell.part.as_ref());
    let parts = parts.map(|part| format!("{} {}", part.name, part.form));
    parts.collect::<Vec<_>>().join(", ")
}

#[test]
fn each_part_of_a_negotiation_token_has_a_form() {
    let suite = suite();
    assert_eq!(
        forms(
            &suite,
            "negotiate/cells/acceptor-start/input:hints-list-empty",
            "start"
        ),
        "extensions absent, framing framed, hint-address present, hint-name present, mech-list-mic present, \
         mech-token negoex, mech-types empty, req-flags absent"
    );
    assert_eq!(
        forms(&suite, "negotiate/cells/acceptor-start/input:hints-bare", "start"),
        "extensions absent, framing bare, hint-address absent, hint-name present, mech-list-mic absent, \
         mech-token empty, mech-types one, req-flags absent"
    );
    assert_eq!(
        forms(
            &suite,
            "negotiate/cells/acceptor-start/input:unknown-state",
            "start"
        ),
        "extensions present, mech-list-mic empty, neg-state other, response-token empty, supported-mech ntlm"
    );
}

#[test]
fn a_case_of_another_package_reaches_no_cell() {
    let suite = suite();
    assert!(reached(&suite, &suite.models["ntlm"], "negotiate/good/**").is_empty());
}

#[test]
fn a_call_that_cannot_begin_reaches_no_cell() {
    let suite = suite();
    for pattern in [
        "ntlm/order/initiator-stale-context",
        "ntlm/order/initiator-foreign-context",
        "ntlm/buffers/initiator-second-1",
    ] {
        let places: Vec<String> = places(&suite, pattern).into_iter().collect();
        assert_eq!(places, ["initiator start none"], "{pattern}");
    }
    assert_eq!(
        places(&suite, "ntlm/order/initiator-stale-credential"),
        BTreeSet::new()
    );
}

#[test]
fn a_side_that_is_not_judged_reaches_no_cell() {
    let suite = suite();
    let cells = reached(
        &suite,
        &suite.models["ntlm"],
        "ntlm/order/initiator-after-failure",
    );
    assert!(cells.keys().all(|cell| cell.side == Role::Initiator));
}

/// No subject but the reference can be made to send what it would not: where it is, the case ends.
#[test]
fn a_leg_that_only_the_reference_can_play_does_not_count() {
    let mut suite = suite();
    let case = "ntlm/mic/no-room";
    let entry = suite.scenarios.iter_mut().find(|entry| entry.id == case).unwrap();
    entry.scenario.judges = Role::BOTH.to_vec();
    let [result] = results(&suite, case).try_into().unwrap();
    let (second_leg, _) = result.trace.leg(Role::Initiator, 1).unwrap();
    assert!(!result.trace.is_genuine(Role::Initiator, second_leg));
    assert!(result.trace.is_genuine(Role::Acceptor, second_leg));
    assert_eq!(
        places(&suite, case).into_iter().collect::<Vec<_>>().join(", "),
        "acceptor expect-authenticate authenticate, acceptor expect-negotiate negotiate, initiator start none"
    );
}

// ---- errors and their places

fn errors(path: &str, text: &str) -> Vec<(usize, usize, String)> {
    let folder = tempfile::tempdir().unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/isc/ntlm.yaml");
    for (path, text) in [
        (path, text),
        ("rules/isc/ntlm.yaml", &fs::read_to_string(rules).unwrap()),
    ] {
        // Errata are not among the files here.
        let text = text.lines().filter(|line| !line.contains("errata: ["));
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }
    let errors = Suite::from_dir(folder.path()).err().unwrap_or_default();
    let place = |error: Located| (error.line, error.column, error.message);
    errors.into_iter().map(place).collect()
}

fn wrong(line: usize, column: usize, message: &str) -> Vec<(usize, usize, String)> {
    vec![(line, column, message.to_owned())]
}

#[test]
fn wrong_names_in_bug_classes_are_located() {
    let class = |packages: &str| {
        errors(
            "bug-classes.yaml",
            &format!("classes:\n  a:\n    text: x\n    packages: {packages}\n"),
        )
    };
    assert_eq!(class("{ntlm: [isc/ntlm/no-credentials], digest: []}"), []);
    assert_eq!(
        class("{ntlm: [isc/ntlm/no-credential]}"),
        wrong(4, 23, "no rule `isc/ntlm/no-credential`")
    );
    assert_eq!(class("{ntml: []}"), wrong(4, 16, "no package `ntml`"));
    assert_eq!(
        class("{ntlm: [isc/ntlm/no-credentials, isc/ntlm/no-credentials]}"),
        wrong(4, 48, "rule `isc/ntlm/no-credentials` stands here twice")
    );
    let twice = "classes:\n  a: {text: x, packages: {}}\n  a: {text: y, packages: {}}\n";
    assert_eq!(
        errors("bug-classes.yaml", twice),
        wrong(3, 3, "duplicate key `a`")
    );
}

#[test]
fn wrong_names_in_models_are_located() {
    let model = |rest: &str| {
        let text = format!("title: t\ninitiator: [start]\nacceptor: [waiting]\n{rest}\n");
        errors("models/ntlm.yaml", &text)
    };
    let listed = |entry: &str| {
        model(&format!(
            "messages: {{challenge: [version]}}\nunreachable:\n  - {{{entry}, why: x}}"
        ))
    };
    assert_eq!(listed("side: initiator, state: failed, input: none"), []);
    assert_eq!(
        listed("side: acceptor, state: waiting, part: version, form: absent"),
        []
    );
    assert_eq!(
        model("messages: {challenge: [mic]}"),
        wrong(4, 24, "no field `mic` of `challenge`")
    );
    assert_eq!(
        model("messages: {greeting: []}"),
        wrong(4, 12, "no token is called `greeting`")
    );
    assert_eq!(
        model("messages: {neg-token-init: [framing], neg-token-resp: [framing]}"),
        wrong(4, 56, "no field `framing` of `neg-token-resp`")
    );
    assert_eq!(
        model("messages: {challenge: [version, version]}"),
        wrong(4, 33, "`version` stands here twice")
    );
    assert_eq!(
        listed("side: initiator, state: waiting"),
        wrong(6, 30, "no state `waiting` of the initiator")
    );
    assert_eq!(
        listed("side: initiator, state: start, input: nothing"),
        wrong(6, 44, "no input `nothing`")
    );
    assert_eq!(
        listed("side: initiator, state: start, part: version, form: \"32\""),
        wrong(6, 5, "no cell is meant")
    );
    let packages = "title: t\ninitiator: []\nacceptor: []\nmessages: {}\n";
    assert_eq!(
        errors("models/ntml.yaml", packages),
        wrong(1, 1, "no package `ntml`")
    );
}

// ---- the program

fn legwork(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_legwork"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_commands_tell_by_their_exit_codes() {
    let (code, text, _) = legwork(&["rules", "bug-classes", "--package", "ntlm"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, json, _) = legwork(&["rules", "bug-classes", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["good"]), (Some(0), &true.into()));
    let (code, text, _) = legwork(&["rules", "bug-classes", "--package", "negotiate"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, text, _) = legwork(&["rules", "bug-classes", "--package", "kerberos"]);
    assert_eq!(code, Some(1), "nothing is driven, so nothing is caught: {text}");
    let (code, _, error) = legwork(&["rules", "bug-classes", "--package", "ntml"]);
    assert_eq!(code, Some(2));
    assert!(
        error.contains("no class of defects can occur in package `ntml`"),
        "{error}"
    );
    let (code, text, _) = legwork(&["rules", "model"]);
    assert_eq!(code, Some(0), "{text}");
    let (code, _, error) = legwork(&["rules", "model", "--package", "ntml"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("there is no model of package `ntml`"), "{error}");
}
