//! Tokens in the spellings that people have.

use base64::{Engine as _, engine::general_purpose};
use legwork::inspect::{Input, InputError, read_input};
use pretty_assertions::assert_eq;

use crate::tokens::{challenge, negotiate};

#[test]
fn reads_tokens_in_every_spelling() {
    let token = negotiate().emit();
    let hex = hex::encode(&token);
    let pairs: Vec<&str> = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]).collect();
    let lines: Vec<String> = pairs.chunks(16).map(|line| line.join(" ")).collect();
    let base64 = general_purpose::STANDARD.encode(&token);
    let url_safe = general_purpose::URL_SAFE_NO_PAD.encode(&token);
    for text in [
        hex.clone(),
        hex.to_uppercase(),
        format!("0x{hex}\n"),
        pairs.join(":"),
        lines.join("\r\n"),
        format!("0x{}", pairs.join(", 0x")),
        base64.clone(),
        format!("\u{feff}{base64}\n"),
        base64.trim_end_matches('=').to_owned(),
        url_safe.clone(),
        format!("NTLM {base64}"),
        format!("Negotiate {base64}"),
        format!("WWW-Authenticate: NTLM {base64}\r\n"),
        format!("< www-authenticate: negotiate {url_safe}"),
        format!("Proxy-Authorization: NTLM {base64}"),
    ] {
        assert_eq!(read_input(&text).as_deref(), Ok(token.as_slice()), "{text}");
    }
    assert_eq!(read_input(&token).as_deref(), Ok(token.as_slice()));
}

#[test]
fn a_text_that_is_hex_is_hex() {
    assert_eq!(read_input("deadbeef"), Ok(vec![0xde, 0xad, 0xbe, 0xef]));
    assert_eq!(read_input("NTLM deadbeef").unwrap().len(), 6);
}

#[test]
fn says_what_is_wrong_with_an_input() {
    let message = |text: &str| read_input(text).unwrap_err().to_string();
    assert_eq!(message(" \n"), "the input is empty");
    assert_eq!(message("abc"), "3 hex digits make no whole number of bytes");
    assert_eq!(
        message("4e54\n4c4d 5?"),
        "'?' at line 2, column 7 belongs neither to hex nor to base64"
    );
    assert_eq!(
        message("WWW-Authenticate: NTLM TlRM%"),
        "'%' at line 1, column 28 belongs neither to hex nor to base64"
    );
    assert_eq!(
        message("WWW-Authenticate: NTLM"),
        "there is no token behind the scheme `NTLM`"
    );
    assert_eq!(
        message("ab+_"),
        "not base64: it mixes the standard and the url-safe alphabet"
    );
    assert!(message("TlRMT").starts_with("not base64: "));
    assert_eq!(
        read_input("00".repeat((1 << 20) + 1)),
        Err(InputError::TooLong { limit: 1 << 20 })
    );
    let argument = Input::of_argument(Some("no-such-file.bin"));
    assert_eq!(
        argument.token().unwrap_err().to_string(),
        "'.' at line 1, column 13 belongs neither to hex nor to base64 (and there is no file of that name)"
    );
}

#[test]
fn reads_files_and_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let token = challenge().emit();
    for (name, content) in [("raw", token.clone()), ("hex", hex::encode(&token).into_bytes())] {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        let input = Input::of_argument(path.to_str());
        assert_eq!(input, Input::File(path));
        assert_eq!(input.token().as_deref(), Ok(token.as_slice()));
    }
    assert_eq!(Input::of_argument(None), Input::Stdin);
    assert_eq!(Input::of_argument(Some("-")), Input::Stdin);
    let missing = Input::File(folder.path().join("missing"));
    assert!(matches!(missing.token(), Err(InputError::Unreadable { .. })));
}
