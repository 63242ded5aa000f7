//! What is odd is warned of, and nothing else is.

use std::{fs, path::Path};

use legwork::inspect::{CITED, Inspection, inspect};
use legwork_engine::ntlm::messages::{Authenticate, AvPairsBuf, Challenge, Negotiate, NegotiateFlags};
use pretty_assertions::assert_eq;

use crate::tokens::{authenticate, challenge, negotiate};

/// The rules that the warnings of a token name, and the warnings that name none.
pub(crate) fn remarks(inspection: &Inspection) -> Vec<String> {
    let shown = inspection
        .warnings()
        .map(|warning| warning.rule.unwrap_or(&warning.text).to_owned());
    shown.collect()
}

#[test]
fn every_rule_that_warnings_name_exists() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    for id in CITED {
        let (place, name) = id.rsplit_once('/').unwrap();
        let file = fs::read_to_string(rules.join(format!("{place}.yaml")));
        let file = file.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(file.contains(&format!("\n  {name}:\n")), "{id}");
    }
}

#[test]
fn ordinary_tokens_raise_no_warning() {
    for token in [negotiate().emit(), challenge().emit(), authenticate().emit()] {
        assert_eq!(remarks(&inspect(&token)), Vec::<String>::new());
    }
}

#[test]
fn warns_of_odd_negotiates() {
    let check = |change: fn(&mut Negotiate<'_>), expected: &[&str]| {
        let mut message = negotiate();
        change(&mut message);
        assert_eq!(remarks(&inspect(&message.emit())), expected);
    };
    check(
        |it| it.flags.remove(NegotiateFlags::NTLM),
        &["wire/ntlm/negotiate-mandatory-flags"],
    );
    check(
        |it| it.flags |= NegotiateFlags::RESERVED,
        &["wire/ntlm/negotiate-reserved-bits"],
    );
    check(
        |it| it.flags |= NegotiateFlags::TARGET_TYPE_DOMAIN,
        &["wire/ntlm/negotiate-reserved-bits"],
    );
    check(
        |it| it.flags.remove(NegotiateFlags::OEM | NegotiateFlags::UNICODE),
        &["wire/ntlm/negotiate-character-set"],
    );
    check(
        |it| it.domain = b"".as_slice().into(),
        &["wire/ntlm/negotiate-names-flagged"],
    );
    check(
        |it| it.workstation = b"W".as_slice().into(),
        &["wire/ntlm/negotiate-names-without-flag"],
    );
    check(
        |it| it.flags.remove(NegotiateFlags::EXTENDED_SESSIONSECURITY),
        &["wire/ntlm/negotiate-extended-session-security"],
    );
    check(|it| it.version = None, &["wire/ntlm/version-filled"]);
    check(
        |it| it.flags.remove(NegotiateFlags::VERSION),
        &["wire/ntlm/version-filled"],
    );
}

#[test]
fn warns_of_odd_challenges() {
    let check = |change: fn(&mut Challenge<'_>), expected: &[&str]| {
        let mut message = challenge();
        change(&mut message);
        assert_eq!(remarks(&inspect(&message.emit())), expected);
    };
    check(
        |it| it.flags |= NegotiateFlags::OEM,
        &["wire/ntlm/challenge-one-character-set"],
    );
    check(
        |it| it.flags |= NegotiateFlags::LM_KEY,
        &["wire/ntlm/challenge-lm-key-excluded"],
    );
    check(
        |it| it.flags |= NegotiateFlags::TARGET_TYPE_SERVER,
        &["wire/ntlm/challenge-one-target-type"],
    );
    check(
        |it| it.target_name = b"".as_slice().into(),
        &["wire/ntlm/challenge-target-name"],
    );
    check(
        |it| it.flags.remove(NegotiateFlags::TARGET_INFO),
        &["wire/ntlm/challenge-target-info-without-flag"],
    );
    check(|it| it.reserved = [1; 8], &["wire/ntlm/challenge-reserved-zero"]);
    check(
        |it| it.target_info = AvPairsBuf::default().terminate().into(),
        &[
            "wire/ntlm/challenge-names-present",
            "wire/ntlm/challenge-names-present",
            "wire/ntlm/challenge-timestamp",
        ],
    );
    check(
        |it| it.version.as_mut().unwrap().revision = 10,
        &["wire/ntlm/version-filled"],
    );
}

#[test]
fn warns_of_odd_authenticates() {
    let check = |change: fn(&mut Authenticate<'_>), expected: &[&str]| {
        let mut message = authenticate();
        change(&mut message);
        assert_eq!(remarks(&inspect(&message.emit())), expected);
    };
    check(
        |it| it.lm_response = vec![1; 24].into(),
        &["wire/ntlm/lm-response"],
    );
    check(|it| it.mic = None, &["wire/ntlm/mic-announced"]);
    check(|it| it.mic = Some([0; 16]), &["wire/ntlm/mic-announced"]);
    check(
        |it| it.nt_response = vec![1; 24].into(),
        &["wire/ntlm/mic-announced", "24 bytes: an NTLMv1 response"],
    );
    check(
        |it| it.encrypted_session_key = b"".as_slice().into(),
        &["wire/ntlm/encrypted-key-present"],
    );
    check(
        |it| it.flags.remove(NegotiateFlags::KEY_EXCH),
        &["wire/ntlm/encrypted-key-without-flag"],
    );
    check(
        |it| it.user = b"".as_slice().into(),
        &["wire/ntlm/authenticate-user"],
    );
    check(
        |it| it.nt_response.to_mut()[18] = 1,
        &["wire/ntlm/nt-response-header"],
    );
    check(
        |it| it.nt_response.to_mut()[24] ^= 1,
        &["wire/ntlm/timestamp-copied"],
    );
}

#[test]
fn warns_of_odd_layouts() {
    let mut trailing = challenge().emit();
    trailing.push(0);
    assert_eq!(remarks(&inspect(&trailing)), ["bytes behind the last field"]);

    let mut maximum = challenge().emit();
    maximum[14] += 1;
    assert_eq!(remarks(&inspect(&maximum)), ["MaxLen differs from Len"]);

    let mut gap = challenge().emit();
    gap[12] -= 2;
    gap[14] -= 2;
    assert_eq!(remarks(&inspect(&gap)), ["bytes that no field describes"]);

    let mut overlap = challenge().emit();
    overlap[12] += 2;
    overlap[14] += 2;
    assert_eq!(remarks(&inspect(&overlap)), ["wire/ntlm/fields-within-message"]);
}

#[test]
fn warns_of_target_types_outside_a_challenge() {
    let mut message = authenticate();
    message.flags |= NegotiateFlags::TARGET_TYPE_SERVER;
    let expected = ["TARGET_TYPE_SERVER is set outside a CHALLENGE"];
    assert_eq!(remarks(&inspect(&message.emit())), expected);
}
