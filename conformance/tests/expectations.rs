//! Known deviations: what an entry says, and when it does not hold.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

mod staged;

use legwork::{
    expectations::{Expectations, Trouble},
    report::expectation_update::{self, Audience},
    yaml,
};
use pretty_assertions::assert_eq;

use staged::{Staged, suite};

/// Every case of `ntlm/good`, with an initiator whose MIC is wrong: `wire/ntlm/mic-value` fails once in some of them.
fn wrong_mic(suite: &legwork::suite::Suite) -> Staged<'_> {
    Staged::new(suite, "ntlm/good", Some("authenticate-wrong-mic"))
}

/// How many checks of the rule fail.
fn failures(staged: &Staged<'_>) -> usize {
    let findings = staged.results.iter().flat_map(|result| &result.findings);
    let failed = findings.filter(|finding| finding.rule == RULE && finding.verdict.is_failure());
    failed.count()
}

const RULE: &str = "wire/ntlm/mic-value";

/// What is wrong with entries of this text.
fn troubles(staged: &mut Staged<'_>, entries: &str) -> Vec<(Trouble, String)> {
    staged.expect(&format!("expectations:\n{entries}"), "expectations: []");
    assert_eq!(staged.run().is_good(), staged.outcome.is_clean());
    let complaints = staged.outcome.complaints.iter();
    complaints.map(|it| (it.trouble, it.message.clone())).collect()
}

/// Without the private file a public run can still keep to itself what that would withhold.
#[test]
fn what_lets_somebody_in_can_be_withheld() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let open = staged.outcome.unexpected.len();
    let mut expectations = Expectations::default();
    expectations.withhold(&suite);
    staged.outcome = expectations.judge(&staged.results, true);
    assert!(staged.outcome.withheld > 0);
    assert_eq!(staged.outcome.withheld + staged.outcome.unexpected.len(), open);
    assert_eq!(staged.outcome.complaints, []);
    let told = staged.run().unforeseen().map(|(_, finding)| &finding.rule);
    let bypass =
        |rule: &&String| suite.rules[rule.as_str()].rule.effect == legwork::suite::rule::Effect::Bypass;
    assert_eq!(told.filter(bypass).count(), 0);
}

/// An entry for other versions neither answers for a failure nor is out of date.
#[test]
fn an_entry_for_other_versions_is_set_aside() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let entry = format!("expectations:\n  - {{rule: {RULE}, versions: ['0.1.*', '0.3'], reason: x}}\n");
    for (version, holds) in [
        (Some("0.1.7"), true),
        (Some("0.3"), true),
        (None, true),
        (Some("0.2"), false),
        (Some("10.1.7"), false),
    ] {
        let expectations = staged::expectations(&entry, "expectations: []").for_version(version);
        staged.outcome = expectations.judge(&staged.results, true);
        assert_eq!(staged.outcome.complaints, [], "{version:?}");
        assert_eq!(staged.outcome.unexpected.is_empty(), holds, "{version:?}");
    }
}

#[test]
fn an_entry_that_holds_is_no_trouble() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let count = failures(&staged);
    assert!(count > 1);
    for more in [
        "",
        ", role: initiator",
        ", shape: recomputed",
        ", cases: [ntlm/good]",
        ", flaky: true",
    ] {
        let entry = format!("  - {{rule: {RULE}, reason: x{more}}}\n");
        assert_eq!(troubles(&mut staged, &entry), [], "{more}");
        assert_eq!(staged.outcome.expected.len(), count);
    }
    let counted = format!("  - {{rule: {RULE}, reason: x, count: {count}}}\n");
    assert_eq!(troubles(&mut staged, &counted), []);
}

#[test]
fn another_number_of_failures_is_trouble() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let count = failures(&staged);
    for (said, trouble) in [
        (count - 1, Trouble::NewMatch),
        (count + 1, Trouble::UnexpectedPass),
    ] {
        let found = troubles(
            &mut staged,
            &format!("  - {{rule: {RULE}, reason: x, count: {said}}}\n"),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, trouble, "{}", found[0].1);
        assert!(!staged.run().is_good());
    }
}

#[test]
fn an_unexpected_pass_is_trouble_unless_it_is_flaky() {
    let suite = suite();
    let mut staged = Staged::new(&suite, "ntlm/good", None);
    let entry = format!("  - {{rule: {RULE}, reason: x}}\n");
    let found = troubles(&mut staged, &entry);
    assert_eq!(
        found.iter().map(|it| it.0).collect::<Vec<_>>(),
        [Trouble::UnexpectedPass]
    );
    assert!(!staged.run().is_good());
    let flaky = format!("  - {{rule: {RULE}, reason: x, flaky: true}}\n");
    assert_eq!(troubles(&mut staged, &flaky), []);
    assert!(staged.run().is_good());
}

#[test]
fn an_entry_about_no_check_is_unmatched_even_if_it_is_flaky() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let all = format!("  - {{rule: {RULE}, reason: x}}\n");
    for other in [
        "{rule: no/such/rule, reason: y}".to_owned(),
        "{rule: no/such/rule, reason: y, flaky: true}".to_owned(),
        format!("{{rule: {RULE}, role: acceptor, reason: y}}"),
        format!("{{rule: {RULE}, cases: [ntlm/nothing], reason: y}}"),
    ] {
        let found = troubles(&mut staged, &format!("{all}  - {other}\n"));
        assert_eq!(found.len(), 1, "{other}: {found:?}");
        assert_eq!(found[0].0, Trouble::Unmatched);
    }
    let two = format!("  - {{rule: {RULE}, cases: [ntlm/good, ntlm/nothing], reason: y}}\n");
    let found = troubles(&mut staged, &two);
    assert_eq!(
        found,
        [(
            Trouble::Unmatched,
            "nothing fails as it says in ntlm/nothing".to_owned()
        )]
    );
}

#[test]
fn another_shape_is_an_unexpected_failure_and_trouble() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let found = troubles(
        &mut staged,
        &format!("  - {{rule: {RULE}, shape: of yore, reason: x}}\n"),
    );
    assert_eq!(
        found.iter().map(|it| it.0).collect::<Vec<_>>(),
        [Trouble::ChangedShape]
    );
    assert_eq!(staged.outcome.unexpected.len(), failures(&staged));
}

#[test]
fn an_entry_whose_checks_are_not_decided_is_stale() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let findings = staged.results.iter_mut().flat_map(|result| &mut result.findings);
    for finding in findings.filter(|finding| finding.rule == RULE) {
        finding.verdict = legwork::check::Verdict::NotApplicable;
    }
    let found = troubles(&mut staged, &format!("  - {{rule: {RULE}, reason: x}}\n"));
    assert_eq!(found.iter().map(|it| it.0).collect::<Vec<_>>(), [Trouble::Stale]);
}

#[test]
fn an_entry_behind_a_wider_one_is_contradictory() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let (wide, narrow) = (
        format!("  - {{rule: {RULE}, reason: x}}\n"),
        format!("  - {{rule: {RULE}, cases: [ntlm/good/default], reason: y}}\n"),
    );
    let found = troubles(&mut staged, &format!("{wide}{narrow}"));
    assert_eq!(
        found.iter().map(|it| it.0).collect::<Vec<_>>(),
        [Trouble::Contradictory]
    );
    assert_eq!(troubles(&mut staged, &format!("{narrow}{wide}")), []);
}

#[test]
fn entries_that_cannot_hold_are_errors_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("expectations.yaml");
    for (entries, words, line) in [
        ("  - {rule: a, reason: x, count: 0}\n", "none does", 2),
        (
            "  - rule: a\n    reason: x\n    flaky: true\n    count: 2\n",
            "no fixed number",
            5,
        ),
        ("  - {rule: a, reason: ''}\n", "reason is empty", 2),
        (
            "  - {rule: a, reason: x}\n  - {rule: a, reason: y}\n",
            "same checks",
            3,
        ),
    ] {
        std::fs::write(&file, format!("expectations:\n{entries}")).unwrap();
        let errors = Expectations::load(&file).unwrap_err();
        let shown = yaml::render_all(&errors, false);
        assert!(
            errors.len() == 1 && errors[0].line == line && shown.contains(words),
            "{shown}"
        );
    }
}

#[test]
fn whether_entries_hold_shows_only_in_the_whole_suite() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    staged.expect(
        "expectations:\n  - {rule: no/such/rule, reason: x}\n",
        "expectations: []",
    );
    assert!(!staged.outcome.complaints.is_empty());
    assert!(
        staged
            .expectations
            .judge(&staged.results, false)
            .complaints
            .is_empty()
    );
}

#[test]
fn nothing_of_a_private_entry_shows() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let private = format!("expectations:\n  - {{rule: {RULE}, count: 1, reason: told upstream}}\n");
    staged.expect("expectations: []", &private);
    assert_eq!(staged.outcome.withheld, failures(&staged));
    let told = format!("{:?}", staged.outcome.complaints);
    assert!(
        told.contains("a private entry") && !told.contains("mic"),
        "{told}"
    );
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
        let text = expectation_update::update(&run, audience, "x.yaml", old).unwrap();
        std::fs::write(path, text).unwrap();
    }
    assert!(std::fs::read_to_string(&public).unwrap().starts_with("# Kept.\n"));
    let mut expectations = Expectations::load(&public).unwrap();
    expectations.add_private(&private).unwrap();
    let outcome = expectations.judge(&staged.results, true);
    assert!(
        outcome.is_clean(),
        "{:?} {:?}",
        outcome.unexpected,
        outcome.complaints
    );
}

#[test]
fn an_update_edits_the_text_and_nothing_else_in_it() {
    let suite = suite();
    let mut staged = wrong_mic(&suite);
    let count = failures(&staged);
    let old = format!(
        "# Head.\nseen-with: \"reference 0.1.0\" # then\n\nexpectations:\n  # What passes now.\n  \
         - rule: wire/ntlm/nt-proof\n    reason: >-\n      Gone\n      by now.\n\n  # What fails more often.\n  \
         - {{count: 1, rule: {RULE}, reason: 'kept: as it is'}} # remark\n  \
         # What nobody can decide about.\n  - rule: no/such/rule # unknown\n    reason:   spaced\n"
    );
    staged.expect(&old, "expectations: []");
    let new = expectation_update::update(&staged.run(), Audience::Public, "x.yaml", &old).unwrap();
    let gone = "  - rule: wire/ntlm/nt-proof\n    reason: >-\n      Gone\n      by now.\n";
    assert_eq!(
        new,
        old.replace(gone, "")
            .replace("count: 1,", &format!("count: {count},"))
    );
    staged.expect(&new, "expectations: []");
    assert_eq!(
        staged.outcome.complaints.len(),
        1,
        "the entry about no check is left to a person"
    );
    let again = expectation_update::update(&staged.run(), Audience::Public, "x.yaml", &new).unwrap();
    assert_eq!(again, new);
}

#[test]
fn the_last_entry_leaves_an_empty_list() {
    let suite = suite();
    let mut staged = Staged::new(&suite, "ntlm/good", None);
    let old = format!("expectations:\n  - rule: {RULE}\n    reason: x\n");
    staged.expect(&old, "expectations: []");
    let new = expectation_update::update(&staged.run(), Audience::Public, "x.yaml", &old).unwrap();
    assert_eq!(new, "expectations: []\n");
}
