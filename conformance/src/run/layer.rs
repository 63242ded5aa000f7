//! Tokens as a subject has them, and as the trace has them: bare. HTTP carries them in header fields, in base64 behind
//! the name of a scheme (RFC 4559 §4.1, MS-NTHT §2.1).

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::trace::TOKEN;
use crate::{
    protocol::{Buffer, HttpRequest, Layer, Request},
    subject::Answer,
};

/// Whether the harness can speak to a subject of this layer.
#[must_use]
pub fn is_spoken(layer: Layer) -> bool {
    matches!(layer, Layer::Token | Layer::HttpHeader)
}

/// The request of HTTP that goes with a leg.
#[must_use]
pub fn http(layer: Layer) -> Option<HttpRequest> {
    (layer == Layer::HttpHeader).then(|| HttpRequest {
        method: "GET".to_owned(),
        uri: "/".to_owned(),
        headers: vec![("Host".to_owned(), "server.domain.example".to_owned())],
        body: Vec::new(),
    })
}

/// A request as the subject reads it.
#[must_use]
pub fn outgoing<'a>(layer: Layer, package: &str, request: &'a Request) -> Cow<'a, Request> {
    if layer != Layer::HttpHeader {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    let buffers = match &mut request {
        Request::Initialize(leg) | Request::Accept(leg) => leg.input.as_mut_slice(),
        Request::Complete { buffers, .. } => buffers.as_mut_slice(),
        _ => &mut [],
    };
    change(buffers, |bytes| Some(header(package, bytes)));
    Cow::Owned(request)
}

/// The answer to a request as the trace has it. What is no value of the header field stays as it is: it is no token.
#[must_use]
pub fn incoming(layer: Layer, package: &str, request: &Request, mut answer: Answer) -> Answer {
    let carries = matches!(
        request,
        Request::Initialize(_) | Request::Accept(_) | Request::Complete { .. }
    );
    if let (Layer::HttpHeader, true, Answer::Outcome(outcome)) = (layer, carries, &mut answer) {
        change(&mut outcome.buffers, |bytes| token(package, bytes));
    }
    answer
}

fn change(buffers: &mut [Buffer], with: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    for buffer in buffers.iter_mut().filter(|buffer| buffer.kind == TOKEN) {
        if let Some(bytes) = with(&buffer.bytes) {
            buffer.bytes = bytes;
        }
    }
}

fn scheme(package: &str) -> &'static str {
    if package == "ntlm" { "NTLM" } else { "Negotiate" }
}

fn header(package: &str, token: &[u8]) -> Vec<u8> {
    let value = format!("{} {}", scheme(package), BASE64_STANDARD.encode(token));
    value.trim_end().into()
}

/// The token of a header field's value; the scheme in any case (RFC 9110 §11.1).
fn token(package: &str, value: &[u8]) -> Option<Vec<u8>> {
    let value = std::str::from_utf8(value).ok()?;
    let (named, encoded) = value.split_once(' ').unwrap_or((value, ""));
    if !named.eq_ignore_ascii_case(scheme(package)) {
        return None;
    }
    BASE64_STANDARD.decode(encoded.trim_matches(' ')).ok()
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::any, proptest};

    use super::{header, token};

    proptest! {
        #[test]
        fn a_token_comes_out_of_its_header(bytes: Vec<u8>, negotiate in any::<bool>()) {
            let package = if negotiate { "negotiate" } else { "ntlm" };
            assert_eq!(token(package, &header(package, &bytes)), Some(bytes));
        }
    }

    #[test]
    fn what_is_no_header_is_no_token() {
        assert_eq!(header("ntlm", b"NTLMSSP\0"), b"NTLM TlRMTVNTUAA=");
        assert_eq!(token("ntlm", b"ntlm TlRMTVNTUAA="), Some(b"NTLMSSP\0".to_vec()));
        assert_eq!(token("ntlm", b"NTLM"), Some(Vec::new()));
        for wrong in [
            "Negotiate TlRM",
            "NTLM TlRMTVNTUAA",
            "NTLMTlRM",
            "NTLM T!RM",
            "NTLM\tTlRM",
        ] {
            assert_eq!(token("ntlm", wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(token("ntlm", &[0x4e, 0xff]), None);
    }
}
