mod numbers;

use super::{Class, Mapping, Reason};
use crate::{
    protocol::{Namespace, Status},
    suite::Suite,
};

const NTLMSSP: &str = "1.3.6.1.4.1.311.2.2.10";
const KRB5: &str = "1.2.840.113554.1.2.2";

fn suite() -> Suite {
    Suite::embedded().unwrap_or_default()
}

fn mapping() -> Mapping {
    suite().mapping
}

fn status(namespace: Namespace, code: &str) -> Status {
    Status {
        namespace,
        code: code.to_owned(),
        minor: None,
        mechanism: None,
        message: None,
    }
}

fn gss(major: &str, minor: &str, mechanism: Option<&str>) -> Status {
    Status {
        minor: Some(minor.to_owned()),
        mechanism: mechanism.map(str::to_owned),
        ..status(Namespace::Gss, major)
    }
}

fn why(mapping: &Mapping, status: &Status) -> Option<(Class, Vec<Reason>)> {
    let row = mapping.meaning(status, "subject")?;
    Some((row.class, row.reasons().collect()))
}

fn failure(reasons: &[Reason]) -> Option<(Class, Vec<Reason>)> {
    Some((Class::Failure, reasons.to_vec()))
}

// ---- majors and minors of GSS-API

#[test]
fn a_calling_error_comes_before_a_routine_error_before_supplementary_bits() {
    let mapping = mapping();
    let name = |code: &str| {
        let row = mapping.meaning(&status(Namespace::Gss, code), "subject");
        row.map(|row| row.name)
    };
    assert_eq!(
        name("0x02090003").as_deref(),
        Some("GSS_S_CALL_INACCESSIBLE_WRITE")
    );
    assert_eq!(name("0x00090003").as_deref(), Some("GSS_S_DEFECTIVE_TOKEN"));
    assert_eq!(name("0x00000003").as_deref(), Some("GSS_S_CONTINUE_NEEDED"));
    assert_eq!(name("0x00000012").as_deref(), Some("GSS_S_DUPLICATE_TOKEN"));
    assert_eq!(name("0x00ff0001"), None);
    assert_eq!(name("0x00000020"), None);
}

#[test]
fn a_minor_says_why_a_vague_major_failed() {
    let mapping = mapping();
    let fails = |minor: &str, mechanism| why(&mapping, &gss("0x000d0000", minor, mechanism));
    let vague = failure(&[Reason::Unspecified]);
    let denied = failure(&[Reason::LogonDenied]);
    assert_eq!(fails("0x4e54001d", Some(NTLMSSP)), denied);
    assert_eq!(fails("1314127901", Some("ntlmssp")), denied);
    assert_eq!(fails("-1765328347", Some(KRB5)), failure(&[Reason::TimeSkew]));
    assert_eq!(fails("2529638949", Some("krb5")), failure(&[Reason::TimeSkew]));
    assert_eq!(fails("12", Some("krb5")), failure(&[Reason::InsufficientMemory]));
    // Wrong password, in gss-ntlmssp 1.2.0: EINVAL says nothing.
    assert_eq!(fails("22", Some(NTLMSSP)), vague);
    assert_eq!(fails("0", Some(NTLMSSP)), vague);
    assert_eq!(fails("0x12345678", Some(NTLMSSP)), vague);
}

#[test]
fn a_minor_is_a_number_of_its_mechanism() {
    let mapping = mapping();
    let fails = |minor: &str, mechanism| why(&mapping, &gss("0x000d0000", minor, mechanism));
    let vague = failure(&[Reason::Unspecified]);
    let not_found = "0x4e54001d";
    assert_eq!(fails(not_found, Some("spnego")), failure(&[Reason::LogonDenied]));
    for mechanism in [None, Some(KRB5), Some("1.2.3"), Some("")] {
        assert_eq!(fails(not_found, mechanism), vague, "{mechanism:?}");
    }
}

#[test]
fn a_minor_never_contradicts_its_major() {
    let mapping = mapping();
    let user_unknown = "0x4e54001d";
    for (major, row) in mapping.rows(Namespace::Gss) {
        let with = mapping.meaning(&gss(major, user_unknown, Some(NTLMSSP)), "subject");
        let vague = row.reason == Some(Reason::Unspecified);
        assert_eq!(with.as_ref().map(|row| row.class), Some(row.class), "{major}");
        assert_eq!(with.as_ref() == Some(row), !vague, "{major}");
    }
    assert_eq!(
        mapping.meaning(&gss("0x00ff0000", user_unknown, Some(NTLMSSP)), "subject"),
        None
    );
}

// ---- the other namespaces

#[test]
fn a_security_status_may_hold_an_ntstatus() {
    let mapping = mapping();
    let name = |code: &str| {
        let row = mapping.meaning(&status(Namespace::Sspi, code), "subject");
        row.map(|row| row.name)
    };
    assert_eq!(name("0xC000006D").as_deref(), Some("STATUS_LOGON_FAILURE"));
    assert_eq!(name("0x00000000").as_deref(), Some("SEC_E_OK"));
    assert_eq!(name("0xdeadbeef"), None);
}

#[test]
fn an_ntstatus_may_be_named() {
    let mapping = mapping();
    let denied = failure(&[Reason::LogonDenied]);
    for code in [
        "0xc000006a",
        "-1073741718",
        "STATUS_WRONG_PASSWORD",
        "NT_STATUS_WRONG_PASSWORD",
    ] {
        assert_eq!(
            why(&mapping, &status(Namespace::Ntstatus, code)),
            denied,
            "{code}"
        );
    }
    for code in ["NT_STATUS_NEVER_HEARD_OF", "NT_0xc000006a", "0xc0000069", ""] {
        assert_eq!(why(&mapping, &status(Namespace::Ntstatus, code)), None, "{code}");
    }
}

#[test]
fn sasl_codes_are_numbers_of_cyrus_and_names_of_others() {
    let mapping = mapping();
    let sasl = |code: &str| why(&mapping, &status(Namespace::Sasl, code));
    assert_eq!(sasl("-13"), failure(&[Reason::LogonDenied]));
    assert_eq!(sasl("0xfffffff3"), failure(&[Reason::LogonDenied]));
    assert_eq!(sasl("SASL_BADAUTH"), failure(&[Reason::LogonDenied]));
    assert_eq!(sasl("-32"), failure(&[Reason::BadBindings]));
    assert_eq!(sasl("0"), Some((Class::Ok, Vec::new())));
    assert_eq!(sasl("1"), Some((Class::Continue, Vec::new())));
    assert_eq!(sasl("GSASL_NEEDS_MORE"), Some((Class::Continue, Vec::new())));
    assert_eq!(sasl("failure"), failure(&[Reason::Unspecified]));
    assert_eq!(sasl("success"), Some((Class::Ok, Vec::new())));
    for unknown in ["13", "-25", "-1000", "SASL_BADLUCK"] {
        assert_eq!(sasl(unknown), None, "{unknown}");
    }
}

#[test]
fn attributes_of_gss_are_bits_that_say_the_same() {
    let mapping = mapping();
    let gss = |name: &str| mapping.attribute(Namespace::Gss, name);
    assert_eq!(gss("delegate"), Some(1));
    assert_eq!(gss("integrity"), Some(32));
    assert_eq!(gss("null-session"), Some(64));
    assert_eq!(gss("used-dce-style"), Some(0x1000));
    assert_eq!(gss("allocated-memory"), None);
    assert_eq!(mapping.attribute(Namespace::Sasl, "integrity"), None);
}

// ---- subjects

#[test]
fn a_documented_error_without_a_row_says_no_reason() {
    let mapping = mapping().with_documented_errors("stack", vec!["stack.Error".to_owned()]);
    let row = |class: &str, subject: &str| {
        let row = mapping.meaning(&status(Namespace::Exception, class), subject);
        row.map(|row| (row.class, row.reason, row.documented))
    };
    let vague = (Class::Failure, Some(Reason::Unspecified), true);
    assert_eq!(row("stack.Error", "stack"), Some(vague));
    assert_eq!(row("stack.ErrorOfAnother", "stack"), None);
    assert_eq!(row("stack.Error", "other"), None);
}

#[test]
fn a_row_comes_before_the_documented_errors() {
    let class = "builtins.ValueError";
    let mapping = mapping().with_documented_errors("pyspnego", vec![class.to_owned()]);
    let row = mapping.meaning(&status(Namespace::Exception, class), "pyspnego");
    assert_eq!(row.map(|row| row.documented), Some(false));
}

const OWN: &str = "title: t
source: s
exception:
  a.Error: {name: Error, class: failure, reason: invalid-token}
  a.Error/7: {name: Error, class: failure, reason: logon-denied}
exit:
  132: {name: refused, class: failure, reason: logon-denied}
gss-minor:
  22: {name: EINVAL, class: failure, reason: logon-denied}
ntstatus:
  DC unavailable: {name: DC unavailable, class: failure, reason: no-authority}
sasl:
  -200: {name: OWN, class: failure, reason: internal}
";

#[test]
fn a_subject_has_rows_of_its_own_in_every_namespace() {
    let mut suite = suite();
    assert_eq!(
        suite.add_subject_mapping("subject", "mapping.yaml", OWN).err(),
        None
    );
    let mapping = suite.mapping;
    let own = |namespace, code: &str| why(&mapping, &status(namespace, code));
    let denied = failure(&[Reason::LogonDenied]);
    assert_eq!(own(Namespace::Exit, "132"), denied);
    assert_eq!(own(Namespace::Exit, "0"), Some((Class::Ok, Vec::new())));
    assert_eq!(own(Namespace::Exit, "133"), None);
    assert_eq!(
        own(Namespace::Ntstatus, "DC unavailable"),
        failure(&[Reason::NoAuthority])
    );
    assert_eq!(own(Namespace::Sasl, "-200"), failure(&[Reason::Internal]));
    assert_eq!(
        own(Namespace::Exception, "a.Error"),
        failure(&[Reason::InvalidToken])
    );
    let inner = Status {
        minor: Some("7".to_owned()),
        ..status(Namespace::Exception, "a.Error")
    };
    assert_eq!(why(&mapping, &inner), denied);
    assert_eq!(why(&mapping, &gss("0x000d0000", "22", Some(NTLMSSP))), denied);
    assert_eq!(why(&mapping, &gss("0x000d0000", "22", None)), denied);
    assert_eq!(
        why(&mapping, &gss("0x00090000", "22", None)),
        failure(&[Reason::InvalidToken])
    );
    let other = mapping.meaning(&status(Namespace::Exit, "132"), "another");
    assert_eq!(other, None);
}

#[test]
fn exceptions_may_stand_under_rows() {
    let mut suite = suite();
    let text =
        "title: t\nsource: s\nrows:\n  a.Error: {name: Error, class: failure, reason: invalid-token}\n";
    assert_eq!(suite.add_subject_mapping("subject", "m", text).err(), None);
    let row = why(&suite.mapping, &status(Namespace::Exception, "a.Error"));
    assert_eq!(row, failure(&[Reason::InvalidToken]));
}

#[test]
fn a_file_without_exceptions_leaves_those_of_the_suite() {
    let mut suite = suite();
    let text = "title: t\nsource: s\nexit:\n  3: {name: n, class: failure, reason: policy}\n";
    assert_eq!(suite.add_subject_mapping("pyspnego", "m", text).err(), None);
    let class = "spnego.exceptions.BadMICError";
    let row = suite
        .mapping
        .meaning(&status(Namespace::Exception, class), "pyspnego");
    assert_eq!(row.and_then(|row| row.reason), Some(Reason::MessageAltered));
}

/// Line, column and message of everything that is wrong with a subject's file.
fn wrong(body: &str) -> Vec<(usize, usize, String)> {
    let text = format!("title: t\nsource: s\n{body}");
    let errors = suite().add_subject_mapping("subject", "mapping.yaml", &text);
    let errors = errors.err().unwrap_or_default();
    assert!(errors.iter().all(|error| error.file == "mapping.yaml"));
    let places = errors
        .into_iter()
        .map(|error| (error.line, error.column, error.message));
    places.collect()
}

#[test]
fn what_is_wrong_with_a_subjects_file_is_told_with_its_place() {
    let told = |body: &str| match wrong(body).as_slice() {
        [(line, column, message)] => (*line, *column, message.clone()),
        others => (0, others.len(), String::new()),
    };
    let (line, column, message) = told("exit:\n  3: {name: n, class: failed, reason: policy}\n");
    assert_eq!(
        (line, message.contains("failed")),
        (4, true),
        "{column} {message}"
    );
    assert_eq!(
        told("exit:\n  3: {name: n, class: failure}\n"),
        (4, 6, "a failure without a reason".to_owned())
    );
    assert_eq!(
        told("exit:\n  3: {name: n, class: ok, reason: policy}\n"),
        (4, 35, "a reason for what is no failure".to_owned())
    );
    assert_eq!(
        told("exit:\n  x: {name: n, class: ok}\n"),
        (4, 3, "`x` is no number of 32 bits".to_owned())
    );
    assert_eq!(
        told("exit:\n  3: {name: n, class: ok}\n  0x3: {name: m, class: ok}\n"),
        (5, 3, "the number `0x3` stands here twice".to_owned())
    );
    assert_eq!(
        told("gss-minor:\n  3: {name: n, class: ok}\n"),
        (4, 23, "a minor status only says why a call failed".to_owned())
    );
    assert_eq!(
        told("sasl:\n  -13: {name: n, class: ok}\n"),
        (4, 3, "`-13` means SASL_BADAUTH for every subject".to_owned())
    );
    assert_eq!(
        told("exit:\n  0: {name: n, class: failure, reason: policy}\n"),
        (4, 3, "`0` means ended well for every subject".to_owned())
    );
    assert_eq!(
        told("rows:\n  a.Error: {name: n, class: failure}\n"),
        (4, 12, "a failure without a reason".to_owned())
    );
    let (line, ..) = told("sspi:\n  3: {name: n, class: ok}\n");
    assert_eq!(line, 3);
}
