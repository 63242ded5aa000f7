//! The numbers of the tables, against lists from elsewhere.

use std::collections::BTreeMap;

use legwork_engine::status::SecurityStatus;

use super::mapping;
use crate::{
    protocol::Namespace,
    suite::mapping::{Class, Mapping, MappingFile, StatusMeaning, parse},
};

/// The row of a name in the table of a namespace.
fn named<'a>(mapping: &'a Mapping, namespace: Namespace, name: &str) -> Option<(u32, &'a StatusMeaning)> {
    let (code, row) = mapping.rows(namespace).find(|(_, row)| row.is_called(name))?;
    Some((parse(code)?, row))
}

/// The number of a minor status by its name.
fn minor_number(tables: &[MappingFile], name: &str) -> Option<u32> {
    let mut rows = tables.iter().flat_map(|table| table.rows.iter());
    rows.find(|(_, row)| row.is_called(name))
        .and_then(|(code, _)| parse(code))
}

#[test]
fn numbers_are_hex_or_decimal_and_negative_ones_have_32_bits() {
    assert_eq!(parse("0x80090308"), Some(0x8009_0308));
    assert_eq!(parse("0X1"), Some(1));
    assert_eq!(parse("262144"), Some(0x4_0000));
    assert_eq!(parse("-13"), Some(0xffff_fff3));
    assert_eq!(parse("-1765328347"), Some(0x96c7_3a25));
    for broken in [
        "",
        "-",
        "0x",
        "--1",
        "0x-1",
        "-2147483649",
        "4294967296",
        "SASL_OK",
    ] {
        assert_eq!(parse(broken), None, "{broken}");
    }
}

#[test]
fn the_engine_and_the_table_number_every_status_alike() {
    let mapping = mapping();
    for (name, number) in SecurityStatus::NAMED {
        assert_eq!(mapping.number(name), Some(number.0), "{name}");
    }
    let named: Vec<_> = SecurityStatus::NAMED.iter().map(|(name, _)| *name).collect();
    for (_, row) in mapping.rows(Namespace::Sspi) {
        assert!(named.contains(&row.name.as_str()), "{}", row.name);
    }
}

/// RFC 2744, 3.9.1: routine errors in order from 1, in bits 16 to 23; calling errors from 1, in bits 24 to 31.
#[test]
fn majors_are_numbered_as_the_rfc_counts_them() {
    let routine = "BAD_MECH BAD_NAME BAD_NAMETYPE BAD_BINDINGS BAD_STATUS BAD_MIC NO_CRED NO_CONTEXT \
        DEFECTIVE_TOKEN DEFECTIVE_CREDENTIAL CREDENTIALS_EXPIRED CONTEXT_EXPIRED FAILURE BAD_QOP UNAUTHORIZED \
        UNAVAILABLE DUPLICATE_ELEMENT NAME_NOT_MN BAD_MECH_ATTR";
    let calling = "CALL_INACCESSIBLE_READ CALL_INACCESSIBLE_WRITE CALL_BAD_STRUCTURE";
    let supplementary = "CONTINUE_NEEDED DUPLICATE_TOKEN OLD_TOKEN UNSEQ_TOKEN GAP_TOKEN";
    let mut expected = vec![("COMPLETE", 0)];
    expected.extend(routine.split_whitespace().zip((1..).map(|number| number << 16)));
    expected.extend(calling.split_whitespace().zip((1..).map(|number| number << 24)));
    expected.extend(
        supplementary
            .split_whitespace()
            .zip((0..).map(|bit| 1_u32 << bit)),
    );
    let mapping = mapping();
    for (name, number) in &expected {
        let row = named(&mapping, Namespace::Gss, &format!("GSS_S_{name}"));
        assert_eq!(row.map(|row| row.0), Some(*number), "{name}");
    }
    assert_eq!(mapping.rows(Namespace::Gss).count(), expected.len());
}

/// The base of a com_err table: its name in digits of base 64, shifted by a byte.
fn com_err_base(table: &str) -> u32 {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    let digit = |letter| DIGITS.find(letter).and_then(|at| u32::try_from(at + 1).ok());
    let number = table
        .chars()
        .fold(0, |number: u32, letter| number << 6 | digit(letter).unwrap_or(0));
    number << 8
}

#[test]
fn minors_of_com_err_tables_stand_behind_the_base_of_their_name() {
    assert_eq!(com_err_base("krb5"), 0x96c7_3a00);
    let mapping = mapping();
    for (prefix, table) in [
        ("KRB5", "krb5"),
        ("KG_", "k5g"),
        ("G_", "ggss"),
        ("GSS_KRB5_S_", "gk5"),
        ("ASN1_", "asn1"),
        ("HNTLM_", "ntlm"),
    ] {
        let rows = mapping.minors().iter().flat_map(|table| table.rows.iter());
        let of_table: Vec<_> = rows.filter(|(_, row)| row.name.starts_with(prefix)).collect();
        assert!(of_table.len() > 5, "{table}");
        for (code, row) in of_table {
            let base = parse(code).map(|number| number & 0xffff_ff00);
            assert_eq!(base, Some(com_err_base(table)), "{}", row.name);
        }
    }
}

/// RFC 4120, 7.5.9.
#[test]
fn minors_of_kerberos_are_the_protocol_errors_behind_the_base() {
    let mapping = mapping();
    let errors = "1 KDC_ERR_NAME_EXP, 6 KDC_ERR_C_PRINCIPAL_UNKNOWN, 7 KDC_ERR_S_PRINCIPAL_UNKNOWN, \
        8 KDC_ERR_PRINCIPAL_NOT_UNIQUE, 9 KDC_ERR_NULL_KEY, 10 KDC_ERR_CANNOT_POSTDATE, \
        11 KDC_ERR_NEVER_VALID, 12 KDC_ERR_POLICY, 13 KDC_ERR_BADOPTION, \
        14 KDC_ERR_ETYPE_NOSUPP, 15 KDC_ERR_SUMTYPE_NOSUPP, 16 KDC_ERR_PADATA_TYPE_NOSUPP, \
        17 KDC_ERR_TRTYPE_NOSUPP, 18 KDC_ERR_CLIENT_REVOKED, 19 KDC_ERR_SERVICE_REVOKED, \
        20 KDC_ERR_TGT_REVOKED, 21 KDC_ERR_CLIENT_NOTYET, 22 KDC_ERR_SERVICE_NOTYET, \
        23 KDC_ERR_KEY_EXPIRED, 24 KDC_ERR_PREAUTH_FAILED, 25 KDC_ERR_PREAUTH_REQUIRED, \
        26 KDC_ERR_SERVER_NOMATCH, 27 KDC_ERR_MUST_USE_USER2USER, \
        28 KDC_ERR_PATH_NOT_ACCEPTED, 29 KDC_ERR_SVC_UNAVAILABLE, \
        31 KRB_AP_ERR_BAD_INTEGRITY, 32 KRB_AP_ERR_TKT_EXPIRED, 33 KRB_AP_ERR_TKT_NYV, \
        34 KRB_AP_ERR_REPEAT, 35 KRB_AP_ERR_NOT_US, 36 KRB_AP_ERR_BADMATCH, \
        37 KRB_AP_ERR_SKEW, 38 KRB_AP_ERR_BADADDR, 39 KRB_AP_ERR_BADVERSION, \
        40 KRB_AP_ERR_MSG_TYPE, 41 KRB_AP_ERR_MODIFIED, 42 KRB_AP_ERR_BADORDER, \
        44 KRB_AP_ERR_BADKEYVER, 45 KRB_AP_ERR_NOKEY, 46 KRB_AP_ERR_MUT_FAIL, \
        47 KRB_AP_ERR_BADDIRECTION, 48 KRB_AP_ERR_METHOD, 49 KRB_AP_ERR_BADSEQ, \
        50 KRB_AP_ERR_INAPP_CKSUM, 51 KRB_AP_PATH_NOT_ACCEPTED, \
        52 KRB_ERR_RESPONSE_TOO_BIG, 60 KRB_ERR_GENERIC, 61 KRB_ERR_FIELD_TOOLONG, \
        67 KRB_AP_ERR_NO_TGT, 68 KDC_ERR_WRONG_REALM, 69 KRB_AP_ERR_USER_TO_USER_REQUIRED";
    for error in errors.split(", ") {
        let (number, name) = error.split_once(' ').unwrap_or_default();
        let expected = parse(number).map(|number| com_err_base("krb5") + number);
        let number = minor_number(mapping.minors(), &format!("KRB5{name}"));
        assert_eq!(number, expected, "{name}");
    }
}

/// Where Windows has the same condition as a SECURITY_STATUS and as an NTSTATUS, both tables see it alike.
#[test]
fn a_status_of_both_families_has_one_meaning() {
    let mapping = mapping();
    let meaning = |row: &StatusMeaning| (row.class, row.reasons().collect::<Vec<_>>());
    let mut both = 0;
    for (_, row) in mapping.rows(Namespace::Ntstatus) {
        let name = row.name.trim_start_matches("STATUS_");
        let sspi = mapping.by_name(&format!("SEC_E_{name}"));
        // Its NTSTATUS is what every broken argument and token comes to.
        if let Some((_, sspi)) = sspi.filter(|_| name != "INVALID_PARAMETER") {
            assert_eq!(meaning(row), meaning(sspi), "{name}");
            both += 1;
        }
    }
    assert!(both > 25, "{both}");
}

#[test]
fn every_ntstatus_but_success_is_an_error_of_the_system() {
    for (code, row) in mapping().rows(Namespace::Ntstatus) {
        let number = parse(code).unwrap_or_default();
        let facility_of_none = number & 0xffff_0000 == 0xc000_0000;
        assert!(facility_of_none || row.class == Class::Ok, "{}", row.name);
    }
}

#[test]
fn no_minor_has_two_meanings_for_one_mechanism() {
    let mapping = mapping();
    let mut seen: BTreeMap<(&str, u32), &str> = BTreeMap::new();
    for table in mapping.minors() {
        for (code, row) in table.rows.iter() {
            for mechanism in &table.mechanisms {
                let number = parse(code).unwrap_or_default();
                let other = seen.insert((mechanism, number), &row.name);
                assert_eq!(other, None, "{} of {mechanism}", row.name);
            }
        }
    }
}
