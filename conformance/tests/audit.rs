//! The audit of documentation pages, with pages of our own words.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::{fs, io::Cursor, process::Command};

use insta::assert_snapshot;
use legwork::{
    audit::{self, Judged, Page, Seen},
    run::case,
    runner::{self, Options},
    suite::Suite,
    yaml::render_all,
};
use pretty_assertions::assert_eq;

fn suite() -> Suite {
    Suite::embedded().unwrap_or_else(|errors| panic!("{}", render_all(&errors, false)))
}

/// What checks see in some cases.
fn seen(suite: &Suite, pattern: &str) -> Seen {
    let cases = case::expand(suite).into_iter();
    let cases: Vec<_> = cases.filter(|case| case::matches(pattern, &case.id)).collect();
    assert!(!cases.is_empty(), "{pattern}");
    let results = runner::run_reference(suite, &cases, &Options::default(), |_| {});
    Seen::of(suite, &results)
}

fn audited(pattern: &str, text: &str) -> Page {
    let suite = suite();
    audit::audit(&suite, &seen(&suite, pattern), "page.md", text)
}

/// The checks of a rule that saw a name.
fn checks(page: &Page, name: &str, rule: &str) -> usize {
    match page.names[name].rules.get(rule) {
        Some(Judged::Checked(sight)) => sight.checks,
        other => panic!("{rule}: {other:?}"),
    }
}

const NTLM: &str = "# <a name=\"initializesecuritycontext-ntlm-function\"></a>Kontext (NTLM)
## Parameters
*pszTargetName*, *Reserved1*
| <strong>ISC_REQ_CONFIDENTIALITY</strong></dt> | keeps a secret |
## Return value
see SEC\\_E\\_OK
| **SEC\\_E\\_OK** | all is well |
| **SEC\\_E\\_TARGET\\_UNKNOWN** | who? |
";

#[test]
fn names_are_joined_to_rows_rules_and_checks() {
    let page = audited("ntlm/good/default", NTLM);
    assert!(page.is_good(), "{}", audit::text(&[page]));
    assert_eq!(page.title.as_deref(), Some("InitializeSecurityContext (NTLM)"));
    let row = |name: &str| {
        (
            page.names[name].place.line,
            page.names[name].place.heading.as_str(),
        )
    };
    assert_eq!(row("SEC_E_OK"), (7, "Return value"));
    assert_eq!(row("ISC_REQ_CONFIDENTIALITY"), (4, "Parameters"));
    assert_eq!(checks(&page, "SEC_E_OK", "isc/ntlm/second-leg-completes"), 2);
    assert_eq!(
        checks(
            &page,
            "ISC_REQ_CONFIDENTIALITY",
            "isc/ntlm/confidentiality-granted"
        ),
        1
    );
    let unknown = &page.names["SEC_E_TARGET_UNKNOWN"].rules;
    assert_eq!(unknown["isc/ntlm/target-unknown"], Judged::Unchecked);
}

#[test]
fn a_value_that_no_check_saw_fails_the_page() {
    let page = audited("ntlm/good/default", &format!("{NTLM}**SEC_E_INVALID_TOKEN**\n"));
    assert_eq!(
        page.names["SEC_E_INVALID_TOKEN"].defect(),
        Some("SEEN BY NO CHECK")
    );
    assert_eq!(checks(&page, "SEC_E_INVALID_TOKEN", "isc/ntlm/invalid-token"), 0);
    assert!(!page.is_good());
    let page = audited("ntlm/malformed/*", &format!("{NTLM}**SEC_E_INVALID_TOKEN**\n"));
    assert_eq!(page.names["SEC_E_INVALID_TOKEN"].defect(), None);
}

#[test]
fn a_flag_is_seen_where_it_was_asked_for() {
    let text = format!("{NTLM}**ISC_REQ_MUTUAL_AUTH**\n");
    let defect = |pattern: &str| audited(pattern, &text).names["ISC_REQ_MUTUAL_AUTH"].defect();
    assert_eq!(defect("ntlm/good/default"), Some("SEEN BY NO CHECK"));
    assert_eq!(defect("ntlm/good/asks-for-mutual-auth"), None);
}

#[test]
fn a_name_without_rule_or_erratum_fails_the_page() {
    let text = "# Elsewhere\nSEC\\_E\\_OK\n<span id=\"isc_req_no_such_thing\"></span>\n";
    let page = audited("ntlm/good/default", text);
    assert_eq!(page.title, None);
    assert!(!page.is_good());
    let told = audit::text(&[page]);
    let told: Vec<&str> = told
        .lines()
        .filter(|line| !line.contains("SEC_E_OK") && !line.starts_with("    "))
        .collect();
    assert_snapshot!(told.join("\n"), @r"
    page.md (no rule cites it: all rules answer): 2 names
      ISC_REQ_NO_SUCH_THING             line 3, Elsewhere  NO RULE, NO ERRATUM

    2 names on 1 page, 1 without rule or erratum, 0 seen by no check
      ISC_REQ_NO_SUCH_THING
    ");
}

#[test]
fn rules_of_other_pages_do_not_answer_for_a_page() {
    let page = audited(
        "ntlm/good/default",
        "# QueryContextAttributes (NTLM) function\n**SEC_E_LOGON_DENIED**\n",
    );
    let rules: Vec<&String> = page.names["SEC_E_LOGON_DENIED"].rules.keys().collect();
    assert_eq!(rules, Vec::<&String>::new());
    let page = audited(
        "ntlm/good/default",
        "# AcceptSecurityContext (General) function\n**SEC_E_LOGON_DENIED**\n",
    );
    assert!(
        page.names["SEC_E_LOGON_DENIED"]
            .rules
            .contains_key("asc/ntlm/wrong-password")
    );
}

#[test]
fn what_programs_are_seen_to_do_counts_as_well() {
    let text = "# InitializeSecurityContext (Negotiate) function\n**SEC_I_COMPLETE_NEEDED**, Reserved2\n";
    let page = audited("ntlm/good/default", text);
    assert!(
        checks(
            &page,
            "SEC_I_COMPLETE_NEEDED",
            "caller/general/complete-auth-token"
        ) >= 3
    );
    assert_eq!(page.names["SEC_I_COMPLETE_NEEDED"].defect(), None);
}

/// The words of the command, its exit code and what it says.
fn legwork(words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_legwork"));
    let output = command.args(words).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), text)
}

#[test]
fn a_run_log_says_what_checks_saw() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (log, page) = (path("log.ndjson"), path("page.md"));
    let (code, text) = legwork(&["run", "--filter", "ntlm/good/default", "--log", &log]);
    assert_eq!(code, Some(0), "{text}");
    let suite = suite();
    let read = Seen::of_log(&suite, Cursor::new(fs::read(&log).unwrap())).unwrap();
    let run = seen(&suite, "ntlm/good/default");
    for (rule, value) in [
        ("isc/ntlm/second-leg-completes", "SEC_E_OK"),
        ("isc/ntlm/integrity-granted", "ISC_REQ_INTEGRITY"),
        ("asc/ntlm/integrity-granted", "ASC_RET_INTEGRITY"),
        ("isc/ntlm/integrity-granted", "pszTargetName"),
    ] {
        assert_eq!(read.sight(rule, value), run.sight(rule, value), "{rule} {value}");
        assert!(read.sight(rule, value).checks > 0, "{rule} {value}");
    }
    fs::write(&page, NTLM).unwrap();
    let (code, text) = legwork(&["rules", "audit", "--log", &log, &page]);
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains("0 without rule or erratum, 0 seen by no check"),
        "{text}"
    );
    fs::write(&page, format!("{NTLM}**SEC_E_INVALID_TOKEN**\n")).unwrap();
    assert_eq!(legwork(&["rules", "audit", "--log", &log, &page]).0, Some(1));
    assert_eq!(legwork(&["rules", "audit", "--log", &page, &page]).0, Some(2));
    assert_eq!(
        legwork(&["rules", "audit", "--log", &log, &path("absent")]).0,
        Some(2)
    );
}
