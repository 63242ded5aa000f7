//! Messages as bytes: what is emitted is parsed back, and any bytes are parsed or refused without copying them.

#![allow(clippy::indexing_slicing, reason = "helpers of tests")]

use std::borrow::Cow;

use legwork_engine::error::TokenErrorKind;
use legwork_engine::ntlm::messages::{
    Authenticate, AvId, AvPairs, AvPairsBuf, Challenge, ClientChallenge, FixedField, Negotiate,
    NegotiateFlags, NtlmV2Response, Signature, Version,
};
use proptest::{collection::vec, option, prelude::*};

fn part() -> impl Strategy<Value = Cow<'static, [u8]>> {
    vec(any::<u8>(), 0..80).prop_map(Cow::Owned)
}

fn flags() -> impl Strategy<Value = NegotiateFlags> {
    any::<u32>().prop_map(NegotiateFlags::from_bits_retain)
}

prop_compose! {
    fn version()(
        (major, minor, build) in any::<(u8, u8, u16)>(),
        reserved in any::<[u8; 3]>(),
        revision in any::<u8>(),
    ) -> Version {
        Version { major, minor, build, reserved, revision }
    }
}

prop_compose! {
    fn negotiate()(
        flags in flags(),
        domain in part(),
        workstation in part(),
        version in option::of(version()),
    ) -> Negotiate<'static> {
        Negotiate { flags, domain, workstation, version }
    }
}

prop_compose! {
    fn challenge()(
        flags in flags(),
        target_name in part(),
        (server_challenge, reserved) in any::<([u8; 8], [u8; 8])>(),
        target_info in prop_oneof![part(), pairs().prop_map(|pairs| list(&pairs).into())],
        version in option::of(version()),
    ) -> Challenge<'static> {
        Challenge { target_name, flags, server_challenge, reserved, target_info, version }
    }
}

prop_compose! {
    fn authenticate()(
        flags in flags(),
        [lm_response, nt_response, domain, user, workstation, encrypted_session_key] in
            [part(), part(), part(), part(), part(), part()],
        version in option::of(version()),
        mic in option::of(any::<[u8; 16]>()),
    ) -> Authenticate<'static> {
        // A code implies a version.
        let version = version.or_else(|| mic.map(|_| Version::default()));
        Authenticate {
            lm_response, nt_response, domain, user, workstation, encrypted_session_key, flags, version, mic,
        }
    }
}

/// Pairs of known and unknown ids, in any order and number.
fn pairs() -> impl Strategy<Value = Vec<(AvId, Vec<u8>)>> {
    let id = prop_oneof![1..=12_u16, 1..=u16::MAX].prop_map(AvId);
    vec((id, vec(any::<u8>(), 0..40)), 0..12)
}

fn list(pairs: &[(AvId, Vec<u8>)]) -> Vec<u8> {
    let mut list = AvPairsBuf::default();
    for (id, value) in pairs {
        list.push(*id, value);
    }
    list.terminate()
}

prop_compose! {
    fn nt_response()(
        proof in any::<[u8; 16]>(),
        highest_response_type in any::<u8>(),
        (reserved, reserved3) in any::<([u8; 6], [u8; 4])>(),
        timestamp in any::<u64>(),
        challenge in any::<[u8; 8]>(),
        pairs in pairs(),
        trailer in part(),
    ) -> NtlmV2Response<'static> {
        NtlmV2Response {
            proof,
            client_challenge: ClientChallenge {
                response_type: 1,
                highest_response_type,
                reserved,
                timestamp,
                challenge,
                reserved3,
                av_pairs: list(&pairs).into(),
                trailer,
            },
        }
    }
}

/// Bytes that begin like a message of a type, or like nothing.
fn tokens() -> impl Strategy<Value = Vec<u8>> {
    let headed = (1..=3_u8, vec(any::<u8>(), 0..300))
        .prop_map(|(kind, rest)| [b"NTLMSSP\0", &[kind, 0, 0, 0][..], &rest].concat());
    // Small numbers make lengths and offsets that lie within the token.
    let small = (1..=3_u8, vec(0..120_u8, 0..300))
        .prop_map(|(kind, rest)| [b"NTLMSSP\0", &[kind, 0, 0, 0][..], &rest].concat());
    let sparse = (
        1..=3_u8,
        vec(prop_oneof![4 => Just(0_u8), 1 => 0..100_u8], 0..200),
    )
        .prop_map(|(kind, rest)| [b"NTLMSSP\0", &[kind, 0, 0, 0][..], &rest].concat());
    prop_oneof![vec(any::<u8>(), 0..300), headed, small, sparse]
}

/// Whether a parser left the bytes where they are.
fn borrows(parts: &[&Cow<'_, [u8]>]) -> bool {
    parts.iter().all(|part| matches!(part, Cow::Borrowed(_)))
}

proptest! {
    #[test]
    fn negotiate_comes_back(message in negotiate()) {
        let bytes = message.emit();
        let again = Negotiate::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &message);
    }

    #[test]
    fn challenge_comes_back(message in challenge()) {
        let bytes = message.emit();
        let again = Challenge::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &message);
    }

    #[test]
    fn authenticate_comes_back(message in authenticate()) {
        let bytes = message.emit();
        let again = Authenticate::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &message);
    }

    #[test]
    fn response_comes_back(response in nt_response()) {
        let bytes = response.emit();
        let again = NtlmV2Response::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &response);
    }

    #[test]
    fn pairs_come_back_in_order(pairs in pairs(), rest in vec(any::<u8>(), 0..9)) {
        let bytes = [list(&pairs), rest.clone()].concat();
        let (read, after) = AvPairs::parse(&bytes).unwrap();
        let read: Vec<_> = read.iter().map(|pair| (pair.id, pair.value.to_vec())).collect();
        prop_assert_eq!(read, pairs);
        prop_assert_eq!(after, rest);
    }

    #[test]
    fn first_of_equal_ids_counts(pairs in pairs(), id in (1..=12_u16).prop_map(AvId)) {
        let bytes = list(&pairs);
        let first = pairs.iter().find(|(known, _)| *known == id).map(|(_, value)| value.as_slice());
        prop_assert_eq!(AvPairs::parse(&bytes).unwrap().0.get(id), first);
    }

    #[test]
    fn signature_comes_back(version in any::<u32>(), checksum in any::<[u8; 8]>(), sequence in any::<[u8; 4]>()) {
        let signature = Signature { version, checksum, sequence };
        let bytes = signature.emit();
        let again = Signature::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &signature);
    }

    #[test]
    fn any_bytes_are_read_in_place_or_refused(token in tokens()) {
        if let Ok(message) = Negotiate::parse(&token) {
            prop_assert!(borrows(&[&message.domain, &message.workstation]));
            let bytes = message.emit();
        let again = Negotiate::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &message);
        }
        if let Ok(message) = Challenge::parse(&token) {
            prop_assert!(borrows(&[&message.target_name, &message.target_info]));
            let bytes = message.emit();
        let again = Challenge::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &message);
        }
        if let Ok(message) = Authenticate::parse(&token) {
            prop_assert!(borrows(&[&message.lm_response, &message.nt_response, &message.domain]));
            prop_assert!(borrows(&[&message.user, &message.workstation, &message.encrypted_session_key]));
            let bytes = message.emit();
        let again = Authenticate::parse(&bytes).unwrap();
        prop_assert_eq!(&again, &message);
        }
        if let Ok(response) = NtlmV2Response::parse(&token) {
            prop_assert!(borrows(&[&response.client_challenge.av_pairs, &response.client_challenge.trailer]));
        }
        if let Ok((list, rest)) = AvPairs::parse(&token) {
            prop_assert_eq!([list.as_bytes(), rest].concat(), token);
        }
    }

    #[test]
    fn errors_are_at_a_place_of_the_token(token in tokens()) {
        for error in [
            Negotiate::parse(&token).err(),
            Challenge::parse(&token).err(),
            Authenticate::parse(&token).err(),
        ].into_iter().flatten() {
            // The fixed part of the longest message has 88 bytes; nothing is looked for behind it.
            prop_assert!(error.offset < 88, "{error}");
            prop_assert!(!error.field.is_empty());
        }
    }
}

/// A message with one part moved into the header: the field whose offset is changed, and the token.
fn moved(token: &[u8], fields: &[FixedField]) -> Vec<(&'static str, Vec<u8>)> {
    let parts = fields.iter().filter(|field| field.describes_payload);
    parts
        .map(|field| {
            let mut token = token.to_vec();
            token[field.offset + 4..][..4].copy_from_slice(&12_u32.to_le_bytes());
            (field.name, token)
        })
        .collect()
}

#[test]
fn parts_in_the_header_are_refused() {
    let part = || Cow::Borrowed(&b"1234"[..]);
    let negotiate = Negotiate {
        flags: NegotiateFlags::OEM_DOMAIN_SUPPLIED | NegotiateFlags::OEM_WORKSTATION_SUPPLIED,
        domain: part(),
        workstation: part(),
        version: None,
    };
    for (field, token) in moved(&negotiate.emit(), Negotiate::FIELDS) {
        let expected = Err((field, TokenErrorKind::InHeader));
        let read = Negotiate::parse(&token).map_err(|error| (error.field, error.kind));
        assert_eq!(read, expected);
    }
    let message = Authenticate {
        lm_response: part(),
        nt_response: part(),
        domain: part(),
        user: part(),
        workstation: part(),
        encrypted_session_key: part(),
        flags: NegotiateFlags::UNICODE,
        version: None,
        mic: None,
    };
    for (field, token) in moved(&message.emit(), Authenticate::FIELDS) {
        let expected = Err((field, TokenErrorKind::InHeader));
        let read = Authenticate::parse(&token).map_err(|error| (error.field, error.kind));
        assert_eq!(read, expected);
    }
}

#[test]
fn parts_whose_flag_is_clear_are_ignored() {
    let mut challenge = Challenge {
        target_name: Cow::Borrowed(b""),
        flags: NegotiateFlags::TARGET_INFO,
        server_challenge: [1; 8],
        reserved: [2; 8],
        target_info: Cow::Borrowed(b"1234"),
        version: Some(Version::default()),
    };
    // A length and an offset: into the header, to the very start, out of the token.
    for described in [[4, 12], [4, 0], [4, 200], [255, 56]] {
        let mut token = challenge.emit();
        (token[12], token[16]) = (described[0], described[1]);
        assert_eq!(Challenge::parse(&token), Ok(challenge.clone()), "{described:?}");
        token[20] |= 4;
        let error = Challenge::parse(&token).unwrap_err();
        assert_eq!(error.field, "TargetName", "with REQUEST_TARGET: {error}");
    }
    challenge.flags = NegotiateFlags::REQUEST_TARGET;
    challenge.target_name = Cow::Borrowed(b"1234");
    challenge.target_info = Cow::Borrowed(b"");
    let mut token = challenge.emit();
    (token[40], token[44]) = (4, 12);
    assert_eq!(Challenge::parse(&token), Ok(challenge));
    let negotiate = Negotiate {
        flags: NegotiateFlags::UNICODE,
        domain: Cow::Borrowed(b""),
        workstation: Cow::Borrowed(b""),
        version: Some(Version::default()),
    };
    let mut token = negotiate.emit();
    (token[16], token[20], token[24], token[28]) = (4, 0, 255, 40);
    assert_eq!(Negotiate::parse(&token), Ok(negotiate));
}

#[test]
fn parts_of_the_greatest_length_come_back() {
    let longest = vec![0x41; 65_535];
    let message = Authenticate {
        lm_response: Cow::Borrowed(&longest),
        nt_response: Cow::Borrowed(&longest),
        domain: Cow::Borrowed(&longest),
        user: Cow::Borrowed(&longest),
        workstation: Cow::Borrowed(&longest),
        encrypted_session_key: Cow::Borrowed(&longest),
        flags: NegotiateFlags::UNICODE,
        version: None,
        mic: None,
    };
    assert_eq!(Authenticate::parse(&message.emit()), Ok(message.clone()));
}
