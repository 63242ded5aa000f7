//! What is emitted is parsed back, and any bytes are parsed or refused without copying them.

use std::borrow::Cow;

use legwork_engine::negotiate::messages::{NegTokenInit, NegTokenResp, Oid, Token, negoex};
use proptest::{collection::vec, prelude::*};

use crate::tokens::{init, oid, resp};

/// Bytes that begin like a token, with small numbers that make lengths within it.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![Just(0x60), Just(0xA0), Just(0xA1), Just(0x6E), any::<u8>()];
    let small = prop_oneof![4 => 0..60_u8, 2 => prop::sample::select(vec![0x30, 0xA0, 0xA1, 0xA2, 0xA3, 4, 6, 10, 0x81, 0x82]), 1 => any::<u8>()];
    let headed = (first, vec(small, 0..80)).prop_map(|(first, rest)| [&[first][..], &rest].concat());
    prop_oneof![headed, vec(any::<u8>(), 0..200)]
}

fn borrows(part: Option<&Cow<'_, [u8]>>) -> bool {
    part.is_none_or(|part| matches!(part, Cow::Borrowed(_)))
}

proptest! {
    #[test]
    fn first_tokens_come_back(message in init()) {
        let bytes = message.emit();
        prop_assert_eq!(NegTokenInit::parse(&bytes).unwrap(), message.clone());
        let framed = message.emit_framed();
        prop_assert_eq!(Token::parse(&framed), Ok(Token::Framed(message.clone())));
        prop_assert!(framed.ends_with(&bytes));
        prop_assert_eq!(Token::parse(&bytes), Ok(Token::Bare(message)));
    }

    #[test]
    fn later_tokens_come_back(message in resp()) {
        let bytes = message.emit();
        let again = NegTokenResp::parse(&bytes).unwrap();
        prop_assert!(borrows(again.response_token.as_ref()) && borrows(again.mech_list_mic.as_ref()));
        prop_assert_eq!(again, message.clone());
        prop_assert_eq!(Token::parse(&bytes), Ok(Token::Resp(message)));
    }

    #[test]
    fn what_is_parsed_is_emitted_as_it_was(token in bytes()) {
        match Token::parse(&token) {
            Ok(Token::Framed(init)) if init.tolerated.is_empty() => prop_assert_eq!(init.emit_framed(), token),
            Ok(Token::Bare(init)) if init.tolerated.is_empty() => prop_assert_eq!(init.emit(), token),
            Ok(Token::Resp(resp)) if resp.tolerated.is_empty() => prop_assert_eq!(resp.emit(), token),
            Ok(_) => {}
            Err(error) => prop_assert!(error.offset <= token.len()),
        }
    }

    #[test]
    fn a_cut_token_is_refused(message in init(), other in resp(), cut in any::<prop::sample::Index>()) {
        for token in [message.emit_framed(), other.emit()] {
            let end = cut.index(token.len());
            prop_assert!(Token::parse(&token[..end]).is_err());
            prop_assert!(Token::parse(&[&token[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn identifiers_come_back_from_their_text(oid in oid()) {
        prop_assert_eq!(Oid::from_text(&oid.to_string()), Some(oid));
    }

    #[test]
    fn lists_have_what_was_put_in(list in vec(oid(), 0..9)) {
        let types = legwork_engine::negotiate::messages::MechTypes::new(&list);
        prop_assert_eq!(types.iter().map(Oid::into_owned).collect::<Vec<_>>(), list);
    }

    #[test]
    fn negoex_is_read_or_refused(
        kind in 0..9_u32,
        header in 0..120_u32,
        length in 0..200_u32,
        rest in vec(prop_oneof![3 => Just(0_u8), 1 => 0..120_u8], 0..220),
    ) {
        let numbers = [kind, 0, header, length].map(u32::to_le_bytes).concat();
        let token = [&b"NEGOEXTS"[..], &numbers, &rest].concat();
        for message in negoex::messages(&token) {
            if let Err(error) = message {
                prop_assert!(error.offset <= token.len());
            }
        }
    }
}

#[test]
fn known_identifiers_have_their_dotted_form() {
    let dotted = [
        ("spnego", "1.3.6.1.5.5.2"),
        ("kerberos", "1.2.840.113554.1.2.2"),
        ("ms-kerberos", "1.2.840.48018.1.2.2"),
        ("kerberos-user-to-user", "1.2.840.113554.1.2.2.3"),
        ("ntlm", "1.3.6.1.4.1.311.2.2.10"),
        ("negoex", "1.3.6.1.4.1.311.2.2.30"),
    ];
    for (name, text) in dotted {
        assert_eq!(Oid::from_text(name).unwrap().to_string(), text);
        assert_eq!(Oid::from_text(text).unwrap().name(), Some(name));
    }
}

#[test]
fn kinds_of_tokens_are_told_apart() {
    let kerberos = [&[0x60, 0x0B, 6, 9][..], &Oid::KERBEROS.0].concat();
    assert_eq!(Token::parse(&kerberos), Ok(Token::Kerberos(&kerberos)));
    assert_eq!(Token::parse(&[0x6E, 0]), Ok(Token::Kerberos(&[0x6E, 0])));
    assert_eq!(Token::parse(b"NTLMSSP\0"), Ok(Token::Ntlm(b"NTLMSSP\0")));
    assert_eq!(Token::parse(b"NEGOEXTS"), Ok(Token::Negoex(b"NEGOEXTS")));
    let other = [0x60, 4, 6, 1, 0x2A, 5];
    assert_eq!(
        Token::parse(&other),
        Ok(Token::Other(Oid(Cow::Borrowed(&[0x2A])), &[5]))
    );
}
