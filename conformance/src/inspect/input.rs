//! Tokens as people have them: hex, base64, header lines of HTTP, raw bytes.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use legwork_engine::ntlm::messages::SIGNATURE;
use thiserror::Error;

/// Longest token that is read, in bytes.
pub const TOKEN_LIMIT: usize = 1 << 20;

/// Longest text that is read, in bytes: a token of the longest kind in hex, with separators.
pub const TEXT_LIMIT: usize = 4 << 20;

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Names of header fields that carry tokens.
const HEADERS: [&str; 4] = [
    "www-authenticate:",
    "proxy-authenticate:",
    "authorization:",
    "proxy-authorization:",
];

/// Why there is no token in an input.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InputError {
    /// Nothing at all, or white space only.
    #[error("the input is empty")]
    Empty,
    /// More than a token can have.
    #[error("the input is longer than {limit} bytes")]
    TooLong {
        /// The limit that it exceeds.
        limit: usize,
    },
    /// A header field that names a scheme and nothing else.
    #[error("there is no token behind the scheme `{0}`")]
    NoToken(String),
    /// A character that neither hex nor base64 has.
    #[error("{character:?} at line {line}, column {column} belongs neither to hex nor to base64")]
    BadCharacter {
        /// The character.
        character: char,
        /// Its line, from 1.
        line: usize,
        /// Its column in characters, from 1.
        column: usize,
    },
    /// Hex digits that make no whole number of bytes.
    #[error("{0} hex digits make no whole number of bytes")]
    OddHex(usize),
    /// Base64 of both alphabets, or of a length that cannot be.
    #[error("not base64: {0}")]
    BadBase64(String),
    /// An argument that is no token, and no file either.
    #[error("{0} (and there is no file of that name)")]
    NoTokenNorFile(String),
    /// A file or stream that cannot be read.
    #[error("cannot read {what}: {why}")]
    Unreadable {
        /// What was to be read.
        what: String,
        /// What the system says.
        why: String,
    },
}

/// The token in an input. Bytes that begin with the signature, or that hold a zero, are the token itself. Else the
/// input is text: hex (white space, colons, commas and `0x` may stand between the bytes) or base64 (both alphabets,
/// padding or none), the latter also behind the scheme of an HTTP header field. A text that is valid hex is hex.
///
/// # Errors
/// There is no token in the input; the error says why and where.
pub fn read_input(input: impl AsRef<[u8]>) -> Result<Vec<u8>, InputError> {
    let input = input.as_ref();
    if input.starts_with(&SIGNATURE) || input.contains(&0) {
        return limited(input.to_vec());
    }
    if input.len() > TEXT_LIMIT {
        return Err(InputError::TooLong { limit: TEXT_LIMIT });
    }
    let text = String::from_utf8_lossy(input);
    let (token, in_header) = without_header(&text)?;
    if token.trim().is_empty() {
        return Err(InputError::Empty);
    }
    if !in_header && let Some(digits) = hex_digits(token) {
        let bytes = hex::decode(&digits).map_err(|_| InputError::OddHex(digits.len()))?;
        return limited(bytes);
    }
    limited(base64(&text, token)?)
}

fn limited(token: Vec<u8>) -> Result<Vec<u8>, InputError> {
    match token.len() > TOKEN_LIMIT {
        true => Err(InputError::TooLong { limit: TOKEN_LIMIT }),
        false => Ok(token),
    }
}

/// What follows the header name and the scheme, and whether there was a scheme.
fn without_header(text: &str) -> Result<(&str, bool), InputError> {
    let mut rest = text.trim_start_matches('\u{feff}').trim();
    rest = rest.trim_start_matches(['<', '>']).trim_start();
    for header in HEADERS {
        rest = strip(rest, header).map_or(rest, str::trim_start);
    }
    for scheme in ["NTLM", "Negotiate"] {
        match strip(rest, scheme) {
            Some(token) if token.trim().is_empty() => return Err(InputError::NoToken(scheme.to_owned())),
            Some(token) if token.starts_with(char::is_whitespace) => return Ok((token, true)),
            _ => {}
        }
    }
    Ok((rest, false))
}

/// The text behind a beginning, whatever its case.
fn strip<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let (head, rest) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

/// The digits of a text that is nothing but hex and separators.
fn hex_digits(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(text.len());
    for word in text.split(|character: char| character.is_whitespace() || matches!(character, ':' | ',')) {
        let word = word
            .strip_prefix("0x")
            .or_else(|| word.strip_prefix("0X"))
            .unwrap_or(word);
        if !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        digits.push_str(word);
    }
    (!digits.is_empty()).then_some(digits)
}

fn base64(whole: &str, token: &str) -> Result<Vec<u8>, InputError> {
    let mut url_safe = None;
    for (at, character) in token.char_indices() {
        let alphabet = match character {
            '+' | '/' => Some(false),
            '-' | '_' => Some(true),
            '=' => None,
            _ if character.is_ascii_alphanumeric() || character.is_whitespace() => None,
            _ => return Err(bad_character(whole, token, at, character)),
        };
        match (url_safe, alphabet) {
            (Some(one), Some(other)) if one != other => {
                let text = "it mixes the standard and the url-safe alphabet";
                return Err(InputError::BadBase64(text.to_owned()));
            }
            _ => url_safe = url_safe.or(alphabet),
        }
    }
    let packed: String = token.split_whitespace().collect();
    let decoder = if url_safe == Some(true) {
        URL_SAFE
    } else {
        STANDARD
    };
    decoder
        .decode(&packed)
        .map_err(|error| InputError::BadBase64(error.to_string()))
}

/// The error for a character of a token, placed in the whole text.
fn bad_character(whole: &str, token: &str, at: usize, character: char) -> InputError {
    let start = whole.rfind(token).unwrap_or(0).saturating_add(at);
    let before = whole.get(..start).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let last = before.rsplit('\n').next().unwrap_or_default();
    InputError::BadCharacter {
        character,
        line,
        column: last.chars().count().saturating_add(1),
    }
}
