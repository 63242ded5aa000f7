//! The catalogue holds together: rules, saboteurs, scenarios, errata, mappings, schemas and frozen sets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::{collections::BTreeSet, env, fs, path::Path};

use legwork::{
    caller,
    expectations::ExpectationsFile,
    protocol::{Namespace, ReplyLine, RequestLine, Status},
    report::{diff, log, summary},
    rules_command,
    suite::{
        Suite,
        bug_class::BugClassFile,
        errata::ErrataFile,
        mapping::{AttributeFile, Class, MappingFile, Reason, SubjectMappingFile},
        model::Model,
        rule::{About, Binds, RuleFile, Unchecked, Why},
        saboteur::{SaboteurFile, SaboteurRole},
        scenario::ScenarioFile,
    },
    yaml::{self, Document, End, Located, render_all},
};
use pretty_assertions::assert_eq;
use schemars::{JsonSchema, schema_for};

/// Set to rewrite the schemas and the newest frozen set instead of comparing them.
const REWRITE: &str = "LEGWORK_REWRITE";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn suite() -> Suite {
    Suite::embedded().unwrap_or_else(|errors| panic!("{}", render_all(&errors, false)))
}

#[test]
fn embedded_suite_is_the_folder() {
    let folder = Suite::from_dir(root()).unwrap_or_else(|errors| panic!("{}", render_all(&errors, false)));
    let embedded = suite();
    assert!(embedded.rules.keys().eq(folder.rules.keys()));
    assert_eq!(embedded.scenarios.len(), folder.scenarios.len());
    assert_eq!(embedded.saboteurs.len(), folder.saboteurs.len());
}

#[test]
fn ids_are_distinct() {
    let suite = suite();
    let ids: Vec<_> = suite.scenarios.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
    assert!(suite.rules.len() >= 40, "{} rules", suite.rules.len());
}

#[test]
fn every_checked_rule_has_a_saboteur_or_a_trace_that_breaks_it() {
    let suite = suite();
    let traces = caller::traces();
    let made_for: BTreeSet<_> = suite
        .saboteurs
        .iter()
        .map(|(_, saboteur)| saboteur.rule.as_str())
        .chain(traces.iter().filter_map(|vector| vector.breaks.as_deref()))
        .collect();
    let open: Vec<_> = suite
        .rules
        .iter()
        .filter(|(_, entry)| entry.is_checked() && entry.unfinished.is_none())
        .filter(|(id, _)| !made_for.contains(id.as_str()))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(open, Vec::<&String>::new());
}

#[test]
fn no_file_of_rules_is_unfinished() {
    let suite = suite();
    let unfinished = suite.rules.values().filter(|entry| entry.unfinished.is_some());
    let files: BTreeSet<&str> = unfinished.map(|entry| entry.file.as_str()).collect();
    assert_eq!(files, BTreeSet::new());
}

#[test]
fn saboteurs_are_made_for_rules_that_are_checked() {
    let suite = suite();
    for (name, saboteur) in suite.saboteurs.iter() {
        let entry = &suite.rules[&saboteur.rule];
        assert!(
            entry.is_checked(),
            "{name} is made for a rule that nothing checks"
        );
        let caller = saboteur.role == SaboteurRole::Caller;
        assert_eq!(
            caller,
            entry.rule.binds == Binds::Caller,
            "{name} and its rule bind different parties"
        );
        let wrong_side = match saboteur.role {
            SaboteurRole::Initiator => saboteur.rule.starts_with("asc/"),
            SaboteurRole::Acceptor => saboteur.rule.starts_with("isc/"),
            SaboteurRole::Caller => false,
        };
        assert!(!wrong_side, "{name} breaks a rule of the other side");
    }
}

#[test]
fn few_rules_are_unchecked_and_none_by_implication() {
    let suite = suite();
    let files: BTreeSet<_> = suite.rules.values().map(|entry| entry.file.as_str()).collect();
    for file in files {
        let rules: Vec<_> = suite.rules.values().filter(|entry| entry.file == file).collect();
        let unchecked = rules.iter().filter(|entry| !entry.is_checked()).count();
        assert!(
            unchecked * 100 <= rules.len() * 15,
            "{file}: {unchecked} of {} rules unchecked",
            rules.len()
        );
        for entry in rules {
            let implicit = matches!(
                entry.rule.unchecked,
                Some(Unchecked {
                    why: Why::Implicit,
                    ..
                })
            );
            assert!(!implicit || !matches!(entry.rule.about, About::Status | About::Flag | About::Wire));
        }
    }
}

#[test]
fn there_are_enough_cases_and_their_axes_are_real() {
    let suite = suite();
    let cases: usize = suite.scenarios.iter().map(|entry| entry.case_count()).sum();
    assert!(cases >= 250, "{cases} cases");
    for entry in &suite.scenarios {
        for (axis, values) in entry.scenario.axes.iter() {
            assert!(!values.is_empty(), "{}: axis {axis} has no value", entry.id);
        }
    }
}

#[test]
fn statuses_have_their_numbers() {
    let mapping = suite().mapping;
    for (name, number) in [
        ("SEC_E_OK", 0),
        ("SEC_I_CONTINUE_NEEDED", 0x0009_0312),
        ("SEC_E_INVALID_HANDLE", 0x8009_0301),
        ("SEC_E_INVALID_TOKEN", 0x8009_0308),
        ("SEC_E_LOGON_DENIED", 0x8009_030c),
        ("SEC_E_NOT_SUPPORTED", 0x8009_0302),
        ("SEC_E_BAD_BINDINGS", 0x8009_0346),
    ] {
        assert_eq!(mapping.number(name), Some(number), "{name}");
    }
    assert_eq!(mapping.number("SEC_E_COMPLETE_NEEDED"), None);
}

fn status(namespace: Namespace, code: &str, minor: Option<&str>) -> Status {
    Status {
        namespace,
        code: code.to_owned(),
        minor: minor.map(str::to_owned),
        mechanism: None,
        message: None,
    }
}

#[test]
fn mappings_give_class_and_reason() {
    let mapping = suite().mapping;
    let meaning = |namespace, code: &str, minor| mapping.meaning(&status(namespace, code, minor), "pyspnego");
    let both = |namespace, code: &str| meaning(namespace, code, None).map(|row| (row.class, row.reason));
    assert_eq!(
        both(Namespace::Sspi, "0x80090308"),
        Some((Class::Failure, Some(Reason::InvalidToken)))
    );
    assert_eq!(
        both(Namespace::Sspi, "0x8009030C"),
        Some((Class::Failure, Some(Reason::LogonDenied)))
    );
    assert_eq!(both(Namespace::Sspi, "0xdeadbeef"), None);
    assert_eq!(both(Namespace::Gss, "0x00000001"), Some((Class::Continue, None)));
    assert_eq!(
        both(Namespace::Gss, "0x00090001"),
        Some((Class::Failure, Some(Reason::InvalidToken)))
    );
    assert_eq!(
        both(Namespace::Gss, "262144"),
        Some((Class::Failure, Some(Reason::BadBindings)))
    );
    assert_eq!(
        both(Namespace::Gss, "0x02090000"),
        Some((Class::Failure, Some(Reason::InvalidArgument)))
    );
    assert_eq!(
        both(Namespace::Ntstatus, "0xC000006D"),
        Some((Class::Failure, Some(Reason::LogonDenied)))
    );
    assert_eq!(both(Namespace::Return, "complete"), Some((Class::Ok, None)));
    assert_eq!(both(Namespace::Exception, "builtins.Unheard"), None);
    let inner = meaning(
        Namespace::Exception,
        "spnego.exceptions.InvalidTokenError",
        Some("0x8009030c"),
    );
    assert_eq!(inner.map(|row| row.documented), Some(true));
}

#[test]
fn a_native_failure_stands_for_an_expected_one_of_the_same_reason() {
    let mapping = suite().mapping;
    let expected = |name: &str| mapping.by_name(name).unwrap().1.clone();
    let raised = |class: &str| {
        mapping
            .meaning(&status(Namespace::Exception, class, None), "pyspnego")
            .unwrap()
    };
    let token_error = raised("spnego.exceptions.InvalidTokenError");
    assert!(token_error.stands_for(&expected("SEC_E_INVALID_TOKEN")));
    assert!(token_error.stands_for(&expected("SEC_E_LOGON_DENIED")));
    assert!(!token_error.stands_for(&expected("SEC_E_BAD_BINDINGS")));
    assert!(!token_error.stands_for(&expected("SEC_E_OK")));
    assert!(raised("spnego.exceptions.SpnegoError").stands_for(&expected("SEC_E_BAD_BINDINGS")));
    assert!(!raised("builtins.ValueError").stands_for(&expected("SEC_E_INVALID_TOKEN")));
}

#[test]
fn every_erratum_is_used() {
    let suite = suite();
    let used: BTreeSet<_> = suite
        .rules
        .values()
        .flat_map(|entry| entry.rule.errata.iter())
        .collect();
    for (id, _) in suite.errata.iter() {
        assert!(used.contains(&id.to_owned()), "no rule refers to erratum {id}");
    }
}

#[test]
fn frozen_rules_still_exist() {
    let suite = suite();
    let all: Vec<String> = suite.rules.keys().cloned().collect();
    let path = root().join("requirements/0.1.yaml");
    if env::var_os(REWRITE).is_some() {
        let mut text = "title: \"The rules that version 0.1 judges by\"\n\nrules:\n".to_owned();
        all.iter().for_each(|id| text.push_str(&format!("  - {id}\n")));
        fs::write(&path, text).unwrap();
        return;
    }
    assert_eq!(
        suite.requirements["0.1"], all,
        "until 0.1 is released, it is every rule; {REWRITE}=1 rewrites it"
    );
}

fn schema<T: JsonSchema>(name: &str) {
    same_schema(name, serde_json::to_value(schema_for!(T)).unwrap());
}

fn same_schema(name: &str, schema: serde_json::Value) {
    let path = root().join("schema").join(name);
    let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if env::var_os(REWRITE).is_some() {
        fs::write(&path, &text).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == text,
        "schema/{name} is not what the types say; {REWRITE}=1 rewrites it"
    );
}

#[test]
fn schemas_are_current() {
    schema::<RuleFile>("rule.json");
    schema::<ScenarioFile>("scenario.json");
    schema::<SaboteurFile>("saboteur.json");
    schema::<MappingFile>("mapping.json");
    schema::<SubjectMappingFile>("subject-mapping.json");
    schema::<AttributeFile>("attributes.json");
    schema::<ErrataFile>("errata.json");
    schema::<BugClassFile>("bug-class.json");
    schema::<Model>("model.json");
    schema::<ExpectationsFile>("expectations.json");
    schema::<log::Line>("log.json");
    schema::<summary::Summary>("summary.json");
    schema::<diff::RunDiff>("diff.json");
    let mut generator = schemars::SchemaGenerator::default();
    let request = generator.subschema_for::<RequestLine>();
    let reply = generator.subschema_for::<ReplyLine>();
    let definitions = generator.take_definitions(true);
    let both = serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of the adapter protocol, version 1: a request or a reply",
        "anyOf": [request, reply],
        "$defs": definitions,
    });
    same_schema("protocol.json", both);
}

#[test]
fn files_fulfil_their_schemas() {
    let folders = [
        ("rules", "rule.json"),
        ("scenarios", "scenario.json"),
        ("mappings", "mapping.json"),
        ("mappings/attributes", "attributes.json"),
        ("models", "model.json"),
    ];
    let files = [
        ("errata.yaml", "errata.json"),
        ("bug-classes.yaml", "bug-class.json"),
        ("saboteurs.yaml", "saboteur.json"),
    ];
    for (place, schema) in folders.into_iter().chain(files) {
        let text = fs::read_to_string(root().join("schema").join(schema)).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
        let files = yaml_files(&root().join(place));
        let other = |path: &Path| place == "mappings" && path.starts_with(root().join("mappings/attributes"));
        for path in files.into_iter().filter(|path| !other(path)) {
            let value = yaml::to_json("file", &fs::read_to_string(&path).unwrap()).unwrap();
            let errors: Vec<_> = validator
                .iter_errors(&value)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        }
    }
}

fn yaml_files(path: &Path) -> Vec<std::path::PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| yaml_files(&path)).collect()
}

#[test]
fn rules_are_listed_and_shown() {
    let suite = suite();
    let list = rules_command::list(&suite, Some("asc/*handle*")).unwrap();
    assert!(list.contains("asc/ntlm/invalid-handle-stale"), "{list}");
    assert!(!list.contains("isc/ntlm"), "{list}");
    let all = rules_command::list(&suite, None).unwrap();
    assert!(all.ends_with("not checked\n"), "{all}");
    let shown = rules_command::show(&suite, "asc/ntlm/mic-verified").unwrap();
    insta::assert_snapshot!(shown, @r"
    asc/ntlm/mic-verified

      When the initiator announced a MIC, a change of any of the three messages on the way makes the
      logon fail: SEC_E_MESSAGE_ALTERED or SEC_E_LOGON_DENIED.

      source    MS-NLMP; 3.2.5.1.2
      level     must: breaking it fails
      about     wire
      binds     the package
      effect    bypass
      evidence  specified
      file      rules/asc/ntlm.yaml

      erratum N6, MS-NLMP 3.2.5.2.2
        printed: Two computations of the MIC, the first over two messages.
        holds: The MIC covers all three messages, under the exported session key.
        evidence: The published exchange (recomputed).

      saboteurs
        acceptor-skip-mic-verification (deviation skip-mic-verification)

      scenarios
        negotiate/tampering/list
        negotiate/tampering/choice
        negotiate/tampering/answer
        negotiate/tampering/offer-inside
        ntlm/mic/tampered-negotiate
        ntlm/mic/tampered-challenge
        ntlm/mic/tampered-authenticate
        ntlm/mutation/negotiate
        ntlm/mutation/negotiate-names
        ntlm/mutation/challenge
        ntlm/mutation/target-info
        ntlm/mutation/authenticate
        ntlm/mutation/nt-response
        ntlm/mutation/authenticate-without-mic
        ntlm/mutation/nt-response-without-mic
        ntlm/mutation/authenticate-vectors
    ");
    assert!(rules_command::list(&suite, Some("no-such")).is_err());
    let error = rules_command::show(&suite, "asc/mic-verified").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no rule `asc/mic-verified`; there are asc/negotiate/mic-verified, asc/ntlm/mic-verified, isc/negotiate/mic-verified"
    );
}

// ---- errors and their places

/// A folder with the files of the suite that every other needs, and one more.
fn suite_with(path: &str, text: &str) -> Vec<Located> {
    let folder = tempfile::tempdir().unwrap();
    let minimal = [
        (
            "mappings/sspi.yaml",
            fs::read_to_string(root().join("mappings/sspi.yaml")).unwrap(),
        ),
        ("rules/a/b.yaml", MINIMAL_RULES.to_owned()),
        (path, text.to_owned()),
    ];
    for (path, text) in minimal {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Suite::from_dir(folder.path()).err().unwrap_or_default()
}

const MINIMAL_RULES: &str = "title: t
page: p
rules:
  c:
    text: x
    source: {section: s}
    level: must
    about: status
    binds: package
    effect: interop
    evidence: documented
";

fn scenario(body: &str) -> Vec<Located> {
    suite_with(
        "scenarios/ntlm/x.yaml",
        &format!("title: t\npackage: ntlm\nscenarios:\n  one:\n    text: x\n{body}"),
    )
}

/// Line, column and message of the only error.
fn only(errors: &[Located]) -> (usize, usize, &str) {
    assert_eq!(errors.len(), 1, "{}", render_all(errors, false));
    (errors[0].line, errors[0].column, errors[0].message.as_str())
}

#[test]
fn enums_are_one_key_maps_also_where_optional() {
    let errors = scenario(
        "    axes:
      how:
        a: {edits: [{flip: mic}, {drop: empty}, {truncate: 4}], setup: {initiator: {policy: {offer: 0x10}}}}
        b: {expect: {rule: a/b/c, status: [SEC_E_OK], values: {user: [1, {x: y}]}}}
    steps:
      - legs: 3
      - change: {how: in-transit, edits-from: how}
      - accept: {input: {replay: 1}, expect: {rule: a/b/c, status: [SEC_E_OK], token: none}}
      - accept: {input: none, handle: stale-context, expect-from: how}
",
    );
    assert_eq!(errors, Vec::new());
}

#[test]
fn parse_errors_are_located() {
    let errors = scenario("    steps:\n      - legs: 3\n      - lags: 3\n");
    assert_eq!(only(&errors), (8, 9, "unknown variant `lags`"));
    assert!(errors[0].expected.as_ref().unwrap().contains("`legs`"));
    let errors = scenario("    steps:\n      - legs: many\n");
    assert_eq!(only(&errors), (7, 15, "invalid type: string \"many\""));
    assert_eq!(errors[0].path, "scenarios.one.steps[0].legs");
    let errors = scenario("    stops: []\n");
    assert_eq!(only(&errors), (6, 5, "unknown field `stops`"));
    let errors = scenario("    steps: [\n");
    assert_eq!(errors.len(), 1);
    let errors = scenario("    judges: [initiator]\n");
    assert_eq!(only(&errors), (5, 5, "missing field `steps`"));
}

#[test]
fn duplicate_keys_are_located() {
    let errors = scenario("    epilogue: false\n    steps: []\n    epilogue: true\n");
    assert_eq!(only(&errors), (8, 5, "duplicate key `epilogue`"));
    let errors = scenario("    steps: []\n  one:\n    text: y\n    steps: []\n");
    assert_eq!(only(&errors), (7, 3, "duplicate key `one`"));
    let errors = scenario("    setup: {initiator: {policy: {offer: 1, offer: 2}}}\n    steps: []\n");
    assert_eq!(only(&errors), (6, 44, "duplicate key `offer`"));
}

#[test]
fn wrong_names_are_located_after_parsing() {
    let step = |expect: &str| {
        scenario(&format!(
            "    steps:\n      - accept:\n          expect: {{{expect}}}\n"
        ))
    };
    assert_eq!(
        only(&step("rule: a/b/d, status: [SEC_E_OK]")),
        (8, 26, "no rule `a/b/d`")
    );
    assert_eq!(
        only(&step("rule: a/b/c, status: [SEC_E_OKAY]")),
        (8, 42, "no status `SEC_E_OKAY`")
    );
    assert_eq!(
        only(&step("rule: a/b/c, granted: [integritty]")),
        (8, 43, "no attribute `integritty`")
    );
    assert_eq!(
        only(&step("rule: a/b/c, fields: {flegs: x}")),
        (8, 42, "no field `flegs`")
    );
    let accept = "    steps:\n      - accept: {expect-from: how, expect: {rule: a/b/c}}\n";
    assert_eq!(only(&scenario(accept)), (7, 31, "no axis `how`"));
    let setup = |setup: &str| {
        scenario(&format!(
            "    setup: {{{setup}}}\n    steps: [{{accept: {{expect: {{rule: a/b/c}}}}}}]\n"
        ))
    };
    let errors = setup("initiator: {requirements: [integrity, session-ticket]}");
    assert_eq!(
        only(&errors),
        (6, 51, "no requirement `session-ticket` of the initiator")
    );
    assert_eq!(
        only(&setup("acceptor: {policy: {offr: 1}}")),
        (6, 33, "no policy switch `offr`")
    );
    assert_eq!(
        only(&setup("acceptor: {faults: [memry]}")),
        (6, 33, "no fault `memry`")
    );
}

#[test]
fn lists_of_expectations_have_conditions() {
    let first = |list: &str| {
        scenario(&format!(
            "    steps:\n      - accept: {{expect-first: [{list}]}}\n"
        ))
    };
    let good = "{when: malformed, rule: a/b/c}, {when: anything, rule: a/b/c}";
    assert_eq!(first(good), Vec::new());
    let message = "a list of expectations needs a condition for each, and `anything` for the last";
    assert_eq!(only(&first("{when: malformed, rule: a/b/c}")).2, message);
    assert_eq!(
        only(&first(&format!("{{rule: a/b/c}}, {good}"))),
        (7, 33, message)
    );
    assert_eq!(
        only(&first("{when: anything, rule: a/b/d}")),
        (7, 56, "no rule `a/b/d`")
    );
    let errors = scenario("    steps:\n      - accept: {expect: {when: malformed, rule: a/b/c}}\n");
    assert_eq!(
        only(&errors),
        (7, 33, "a condition outside a list of expectations")
    );
}

#[test]
fn places_and_vectors_are_checked_when_the_suite_is_read() {
    let edit = |edit: &str| {
        scenario(&format!(
            "    steps:\n      - change: {{how: in-transit, edits: [{edit}]}}\n      - accept: {{expect: {{rule: a/b/c}}}}\n"
        ))
    };
    assert_eq!(
        edit("{mutate: {at: target-info.timestamp.length, to: {bit: 3}}}"),
        Vec::new()
    );
    let wrong = edit("{mutate: {at: target-info.timestamp, to: zero}}");
    assert_eq!(only(&wrong), (7, 57, "no place `target-info.timestamp`"));
    let input = |id: &str| {
        scenario(&format!(
            "    steps:\n      - accept: {{input: {{vector: {id}}}, expect: {{rule: a/b/c}}}}\n"
        ))
    };
    assert_eq!(input("ntlm/negotiate/2"), Vec::new());
    assert_eq!(
        only(&input("ntlm/negotiate/200")).2,
        "no vector `ntlm/negotiate/200` with bytes"
    );
}

#[test]
fn axes_are_generated_and_can_be_named() {
    let steps = "    steps:\n      - change: {how: in-transit, edits-from: m}\n      - accept: {expect: {rule: a/b/c}}\n";
    let axis = |generator: &str| scenario(&format!("    generated-axes:\n      m: {{{generator}}}\n{steps}"));
    assert_eq!(axis("grammar: challenge"), Vec::new());
    assert_eq!(axis("invalid-vectors: challenge"), Vec::new());
    assert_eq!(only(&axis("grammar: challange")).2, "unknown variant `challange`");
}

#[test]
fn scenarios_need_rules_and_twins() {
    assert_eq!(
        only(&scenario("    steps: [{legs: 4}]\n")),
        (4, 3, "a scenario that names no rule")
    );
    let refused = "    steps: [{accept: {expect: {rule: a/b/c, status: [SEC_E_INVALID_TOKEN]}}}]\n";
    let message = "a scenario that is refused, without a twin that completes";
    assert_eq!(only(&scenario(refused)), (4, 3, message));
    let errors = scenario(&format!("    twin: ntlm/x/two\n{refused}"));
    assert_eq!(only(&errors), (6, 11, "no scenario `ntlm/x/two`"));
    assert_eq!(errors[0].expected.as_deref(), Some("`ntlm/x/one`, perhaps"));
}

#[test]
fn broken_files_do_not_hide_others() {
    let errors = suite_with(
        "saboteurs.yaml",
        "saboteurs:\n  s: {rule: a/b/x, role: caller, does: {caller: y}}\n  t: {rule: a/b/c, role: initiator, does: {as-sent: {token: challenge, edits: [{flip: mic}]}}}\n",
    );
    assert_eq!(errors.len(), 2, "{}", render_all(&errors, false));
    assert_eq!((errors[0].line, errors[0].column), (2, 13));
    assert_eq!(
        (errors[1].line, errors[1].message.as_str()),
        (3, "no field `mic` of `challenge`")
    );
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    fs::write(folder.path().join("rules/a.yaml"), "title: [").unwrap();
    fs::write(folder.path().join("rules/b.yaml"), "titel: x").unwrap();
    fs::write(folder.path().join("errata.yaml"), "errata: 3").unwrap();
    assert_eq!(Suite::from_dir(folder.path()).unwrap_err().len(), 3);
    assert_eq!(
        Suite::from_dir(&folder.path().join("absent")).unwrap_err().len(),
        1
    );
}

#[test]
fn big_files_and_blown_up_ones_are_refused() {
    let big = format!("title: {}\n", "x".repeat(yaml::SIZE_LIMIT));
    let error = Document::new("big.yaml", &big).read::<RuleFile>().unwrap_err();
    assert!(error.message.starts_with("file of"), "{error}");
    let list = vec!["1"; 5000].join(",");
    let bomb = format!("a: &a [{list}]\nb: [{}]\n", vec!["*a"; 100].join(","));
    let error = Document::new("bomb.yaml", &bomb).read::<RuleFile>().unwrap_err();
    assert!(error.message.contains("more than 200000 values"), "{error}");
}

#[test]
fn places_are_those_of_the_parser() {
    let text = "a:\n  - b: 1\n    # b: 2\n    c: \"b: 3\"\n  - {b: 4, ü: 5}\n\"b\": |\n  b: 6\n";
    let document = Document::new("t.yaml", text);
    let root = yaml::Path::root();
    let place = |path: &yaml::Path, end| document.place(path, end).map(|place| (place.line, place.column));
    let second = root.at("a").at(1);
    assert_eq!(place(&root.at("a").at(0).at("c"), End::Value), Some((4, 8)));
    assert_eq!(place(&second.at("b"), End::Value), Some((5, 9)));
    assert_eq!(place(&second.at("ü"), End::Key), Some((5, 12)));
    assert_eq!(place(&root.at("b"), End::Key), Some((6, 1)));
    assert_eq!(place(&root.at("a").at(2), End::Value), None);
    assert_eq!(place(&root.at("a").at("b"), End::Value), None);
}

#[test]
fn errors_are_shown_with_the_text() {
    let errors = scenario("    steps:\n      - accept: {expect: {rule: a/b/d, status: [SEC_E_OK]}}\n");
    let shown = errors[0].render(false);
    let shown: Vec<_> = shown.lines().filter(|line| !line.contains("x.yaml")).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    error: no rule `a/b/d`
      |
    7 |       - accept: {expect: {rule: a/b/d, status: [SEC_E_OK]}}
      |                                 ^^^^^ expected `a/b/c`, perhaps
      |
      = note: at `scenarios.one.steps[0].accept.expect.rule`
    ");
}

/// A broken file is one error: names that may stand in it are not missed elsewhere.
#[test]
fn a_broken_table_is_told_with_its_place() {
    let minors = |body: &str| {
        suite_with(
            "mappings/gss-minor/x.yaml",
            &format!("title: t\nsource: s\n{body}"),
        )
    };
    let row = "rows:\n  1: {name: n, class: failure, reason: policy}\n";
    assert_eq!(minors(&format!("mechanisms: [x]\n{row}")), []);
    let errors = minors(row);
    assert_eq!(only(&errors).2, "minor statuses of no mechanism");
    let errors = minors("mechanisms: [x]\nrows:\n  1: {name: n, class: continue}\n");
    let why = "a minor status only says why a call failed";
    assert_eq!(only(&errors), (5, 23, why));
    let table = |body: &str| suite_with("mappings/exit.yaml", &format!("title: t\nsource: s\n{body}"));
    let errors = table(&format!("mechanisms: [x]\n{row}"));
    assert_eq!(only(&errors).2, "only minor statuses are those of a mechanism");
    let errors = table("rows:\n  1: {name: n, class: ok}\n  2: {name: n, class: ok}\n");
    assert_eq!(only(&errors), (5, 6, "the name `n` stands here twice"));
    let bits = |body: &str| {
        suite_with(
            "mappings/attributes/gss.yaml",
            &format!("title: t\nsource: s\nbits:\n{body}"),
        )
    };
    assert_eq!(bits("  1: {name: A, attribute: integrity}\n  2: {name: B}\n"), []);
    let errors = bits("  1: {name: A, attribute: honesty}\n");
    assert_eq!(only(&errors), (4, 27, "no attribute `honesty`"));
    let errors = bits("  3: {name: A}\n");
    assert_eq!(only(&errors), (4, 3, "`3` is no bit, or stands here twice"));
    let errors = suite_with("mappings/attributes/gsss.yaml", "title: t\nsource: s\nbits: {}\n");
    assert_eq!(only(&errors).2, "no namespace is called `gsss`");
}

#[test]
fn a_broken_rule_file_is_one_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in ["errata.yaml", "saboteurs.yaml"] {
        fs::copy(
            format!("{}/{file}", env!("CARGO_MANIFEST_DIR")),
            folder.path().join(file),
        )
        .expect("a copy");
    }
    for part in ["rules", "scenarios", "mappings", "requirements"] {
        copy(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(part),
            &folder.path().join(part),
        );
    }
    let file = folder.path().join("rules/wire/ntlm.yaml");
    let text = fs::read_to_string(&file).expect("a rule file");
    fs::write(&file, text.replacen("level: must", "level: musst", 1)).expect("a broken rule file");
    let errors = Suite::from_dir(folder.path()).expect_err("a level that is none");
    let shown: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    assert_eq!(shown.len(), 1, "{shown:?}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Legal variants are a catalogue: each says what makes its forms legal.
#[test]
fn legal_variants_name_their_source() {
    let suite = suite();
    let variants = suite
        .scenarios
        .iter()
        .filter(|entry| entry.id.contains("/tolerance/"));
    let (named, without): (Vec<_>, Vec<_>) = variants
        .map(|entry| (&entry.id, &entry.scenario.source))
        .partition(|(_, source)| source.is_some());
    assert!(without.is_empty(), "{without:?}");
    assert!(!named.is_empty());
}
