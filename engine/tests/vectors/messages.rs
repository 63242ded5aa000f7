//! Message vectors: fields, bytes, every prefix, every defect.

use legwork_engine::{
    codec::utf16::Text,
    error::{Error, TokenError},
    ntlm::messages::{Authenticate, AvPairs, Challenge, Descriptor, FixedField, Negotiate, NegotiateFlags},
};
use legwork_vectors::{Outcome, Vector};
use pretty_assertions::assert_eq;

use crate::{fields, reasons, replay, token, vectors_with};

/// Whether a token can be emitted from its fields, by what the vectors' README says.
fn has_usual_layout(vector: &Vector) -> bool {
    !vector.fields.contains_key("layout") && !vector.fields.contains_key("trailer")
}

/// The number of bytes that a message cannot do without: what `minimum` bytes of header describe, and the header.
fn needed(bytes: &[u8], minimum: usize, described: &[FixedField], ignored: impl Fn(&str) -> bool) -> usize {
    described
        .iter()
        .filter(|field| field.describes_payload && !ignored(field.name))
        .filter_map(|field| Descriptor::parse(bytes, field.offset, field.name).ok())
        .filter(|part| part.length > 0)
        .map(|part| usize::try_from(part.offset).unwrap() + usize::from(part.length))
        .fold(minimum, usize::max)
}

/// Every strict prefix is refused, unless all that the header describes is still there.
fn prefixes<'a, T>(vector: &'a Vector, needed: usize, parse: impl Fn(&'a [u8]) -> Result<T, TokenError>) {
    for length in 0..token(vector).len() {
        let prefix = &token(vector)[..length];
        assert_eq!(
            parse(prefix).is_ok(),
            length >= needed,
            "{} cut at {length}",
            vector.id
        );
    }
}

#[test]
fn negotiate_vectors_are_read_and_written() {
    for vector in vectors_with("ntlm/negotiate.json", Outcome::Valid) {
        let expected = fields::negotiate(&vector.fields);
        let mut parsed = Negotiate::parse(token(&vector)).unwrap();
        assert_eq!(
            Negotiate::parse(&parsed.emit()),
            Ok(parsed.clone()),
            "{}",
            vector.id
        );
        let ignored = |name: &str| {
            !parsed.flags.contains(match name {
                "DomainName" => NegotiateFlags::OEM_DOMAIN_SUPPLIED,
                _ => NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
            })
        };
        prefixes(
            &vector,
            needed(token(&vector), 32, Negotiate::FIELDS, ignored),
            Negotiate::parse,
        );
        let (domain, workstation) = (ignored("DomainName"), ignored("Workstation"));
        if domain {
            parsed.domain = [].as_slice().into();
        }
        if workstation {
            parsed.workstation = [].as_slice().into();
        }
        assert_eq!(parsed, expected, "{}", vector.id);
        if has_usual_layout(&vector) {
            assert_eq!(
                hex::encode(expected.emit()),
                hex::encode(token(&vector)),
                "{}",
                vector.id
            );
        }
    }
}

#[test]
fn challenge_vectors_are_read_and_written() {
    for vector in vectors_with("ntlm/challenge.json", Outcome::Valid) {
        let expected = fields::challenge(&vector.fields);
        let parsed = Challenge::parse(token(&vector)).unwrap();
        assert_eq!(parsed, expected, "{}", vector.id);
        assert_eq!(
            Challenge::parse(&parsed.emit()),
            Ok(parsed.clone()),
            "{}",
            vector.id
        );
        let with_info = parsed.flags.contains(NegotiateFlags::TARGET_INFO);
        let minimum = if with_info { 48 } else { 32 };
        let with_name = parsed.flags.contains(NegotiateFlags::REQUEST_TARGET);
        let ignored = |name: &str| match name {
            "TargetInfo" => !with_info,
            _ => !with_name,
        };
        prefixes(
            &vector,
            needed(token(&vector), minimum, Challenge::FIELDS, ignored),
            Challenge::parse,
        );
        if has_usual_layout(&vector) {
            assert_eq!(
                hex::encode(expected.emit()),
                hex::encode(token(&vector)),
                "{}",
                vector.id
            );
        }
    }
}

#[test]
fn authenticate_vectors_are_read_and_written() {
    for vector in vectors_with("ntlm/authenticate.json", Outcome::Valid) {
        let expected = fields::authenticate(&vector.fields);
        let parsed = Authenticate::parse(token(&vector)).unwrap();
        assert_eq!(parsed, expected, "{}", vector.id);
        assert_eq!(
            Authenticate::parse(&parsed.emit()),
            Ok(parsed.clone()),
            "{}",
            vector.id
        );
        prefixes(
            &vector,
            needed(token(&vector), 64, Authenticate::FIELDS, |_| false),
            Authenticate::parse,
        );
        if has_usual_layout(&vector) {
            assert_eq!(
                hex::encode(expected.emit()),
                hex::encode(token(&vector)),
                "{}",
                vector.id
            );
        }
        if let Some(response) = fields::nt_response(&vector.fields) {
            assert_eq!(
                hex::encode(response.emit()),
                hex::encode(&parsed.nt_response),
                "{}",
                vector.id
            );
            let read = legwork_engine::ntlm::messages::NtlmV2Response::parse(&parsed.nt_response);
            assert_eq!(read, Ok(response), "{}", vector.id);
        }
    }
}

#[test]
fn av_pair_vectors_are_read_and_written() {
    for vector in vectors_with("ntlm/av_pair.json", Outcome::Valid) {
        let list = fields::av_pairs(&vector.fields["pairs"]);
        let trailer = fields::bytes(&vector.fields, "trailer");
        let (pairs, rest) = AvPairs::parse(token(&vector)).unwrap();
        assert_eq!(hex::encode(pairs.as_bytes()), hex::encode(&list), "{}", vector.id);
        assert_eq!(rest, trailer, "{}", vector.id);
        assert_eq!(pairs.check_values().map(|_| ()), Ok(()), "{}", vector.id);
        prefixes(&vector, list.len(), AvPairs::parse);
    }
}

/// Defects of what no side of an exchange looks at: whoever inspects the token finds them, the engine goes on. An
/// initiator has no use for the target name (38), and without `REQUEST_TARGET` its descriptor is ignored (33; MS-NLMP
/// section 2.2.1.2).
const FOR_INSPECTION_ONLY: &[&str] = &["ntlm/challenge/38"];

/// What an inspection of the target name finds: its descriptor taken for valid, and its text.
fn inspect_target_name(bytes: &[u8]) -> Result<Text, TokenError> {
    let name = Descriptor::parse(bytes, 12, "TargetName")?.bytes(bytes, 32, 12, "TargetName")?;
    Text::from_le_bytes(name, "TargetName")
}

#[test]
fn defects_for_inspection_only_are_tolerated() {
    let vectors = vectors_with("ntlm/challenge.json", Outcome::Invalid);
    for id in FOR_INSPECTION_ONLY {
        let vector = vectors.iter().find(|vector| vector.id == *id).unwrap();
        let error = Error::from(inspect_target_name(token(vector)).unwrap_err());
        let named = vector.reason.as_deref().unwrap();
        assert!(reasons::matches(&error, named), "{id} ({named}): {error}");
        let outcome = replay::Replay::own().challenge(token(vector));
        assert!(outcome.is_ok(), "{id}: {outcome:?}");
    }
}

#[test]
fn defects_are_refused_for_what_they_are() {
    for file in ["negotiate", "challenge", "authenticate", "av_pair"] {
        for vector in vectors_with(&format!("ntlm/{file}.json"), Outcome::Invalid) {
            if FOR_INSPECTION_ONLY.contains(&&*vector.id) {
                continue;
            }
            let error = refusal(file, &vector).unwrap_or_else(|| panic!("{} is taken", vector.id));
            let named = vector.reason.as_deref().unwrap();
            assert!(
                reasons::matches(&error, named),
                "{} ({}) is refused as {}: {error}",
                vector.id,
                named,
                reasons::reason(&error),
            );
        }
    }
}

/// How the engine refuses the token of a vector: the side that reads such a token does.
fn refusal(file: &str, vector: &Vector) -> Option<Error> {
    let bytes = token(vector);
    match file {
        "negotiate" => replay::Replay::own().negotiate(bytes).err(),
        "challenge" => replay::Replay::own().challenge(bytes).err(),
        "authenticate" => replay::Replay::own().authenticate(bytes).err(),
        _ => AvPairs::parse(bytes)
            .and_then(|(pairs, _)| pairs.check_values())
            .err()
            .map(Error::from),
    }
}

#[test]
fn legal_forms_of_authenticate_complete() {
    for vector in vectors_with("ntlm/authenticate.json", Outcome::Valid) {
        let of_the_exchange =
            vector.id == "ntlm/authenticate/5" || vector.flags.contains(&"legal-variant".to_owned());
        if of_the_exchange && vector.fields.contains_key("nt_response_v2") {
            let outcome = replay::Replay::own().authenticate(token(&vector));
            assert!(outcome.is_ok(), "{} ({}): {outcome:?}", vector.id, vector.comment);
        }
    }
}

#[test]
fn legal_forms_of_negotiate_and_challenge_are_taken() {
    for (file, last) in [("negotiate", false), ("challenge", true)] {
        for vector in vectors_with(&format!("ntlm/{file}.json"), Outcome::Valid) {
            let outcome = if last {
                replay::Replay::own().challenge(token(&vector))
            } else {
                replay::Replay::own().negotiate(token(&vector))
            };
            let answer =
                outcome.unwrap_or_else(|error| panic!("{} ({}): {error}", vector.id, vector.comment));
            if last {
                let flags = Authenticate::parse(&answer).unwrap().flags;
                let one_set = flags.contains(NegotiateFlags::UNICODE) != flags.contains(NegotiateFlags::OEM);
                assert!(one_set, "{}: {flags:?}", vector.id);
            }
        }
    }
}
