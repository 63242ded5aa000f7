//! Tokens that are refused, each for one reason, at its place.

use legwork_engine::{
    codec::der::{self, Tag, Tolerances},
    error::TokenErrorKind as Kind,
    negotiate::messages::{MechTypes, NegTokenInit, NegTokenResp, Oid, Token},
};

fn refused(token: &[u8]) -> (&'static str, usize, Kind) {
    let error = Token::parse(token).unwrap_err();
    (error.field, error.offset, error.kind)
}

#[test]
fn lengths_that_are_none_are_refused() {
    assert_eq!(refused(&[]), ("token", 0, Kind::Missing));
    let indefinite = [0xA1, 0x80, 0x30, 0, 0, 0];
    assert_eq!(refused(&indefinite), ("NegTokenResp", 1, Kind::IndefiniteLength));
    let endless = [0xA1, 0x85, 0, 0, 0, 0, 0];
    assert_eq!(refused(&endless), ("NegTokenResp", 1, Kind::BadLength(5)));
    let huge = [0xA1, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0x30, 0];
    assert_eq!(refused(&huge), ("NegTokenResp", 1, Kind::Truncated));
    let reserved = [0xA1, 0xFF];
    assert_eq!(refused(&reserved), ("NegTokenResp", 1, Kind::BadLength(127)));
    let cut = [0xA1, 0x82, 1];
    assert_eq!(refused(&cut), ("NegTokenResp", 1, Kind::Truncated));
    assert_eq!(refused(&[0x60]), ("InitialContextToken", 1, Kind::Truncated));
}

#[test]
fn every_long_form_of_a_length_is_read_and_reported() {
    for digits in 1..=4_u8 {
        let mut token = vec![0xA1, 0x80 | digits];
        token.extend(vec![0; usize::from(digits) - 1]);
        token.extend([2, 0x30, 0]);
        let Ok(Token::Resp(resp)) = Token::parse(&token) else {
            panic!("{token:02x?} is refused");
        };
        assert_eq!(resp.tolerated, Tolerances::LONG_LENGTH);
        assert_eq!(resp.emit(), [0xA1, 2, 0x30, 0]);
    }
}

#[test]
fn fields_out_of_order_or_twice_are_refused() {
    let state = [0xA0, 3, 0x0A, 1, 0];
    let token = [0xA2, 2, 4, 0];
    let fields = |parts: &[&[u8]]| {
        let inner = parts.concat();
        let mut out = Vec::new();
        der::header(&mut out, Tag::context(1), der::size(inner.len()));
        der::element(&mut out, Tag::SEQUENCE, &inner);
        out
    };
    assert!(Token::parse(&fields(&[&state, &token])).is_ok());
    let unexpected = |tag| ("NegTokenResp", Kind::UnexpectedTag(tag));
    let found = |token: &[u8]| {
        let (field, _, kind) = refused(token);
        (field, kind)
    };
    assert_eq!(found(&fields(&[&token, &state])), unexpected(0xA0));
    assert_eq!(found(&fields(&[&state, &state])), unexpected(0xA0));
    assert_eq!(found(&fields(&[&token, &token])), unexpected(0xA2));
    assert_eq!(found(&fields(&[&state, &[4, 0]])), unexpected(4));
    assert_eq!(found(&fields(&[&[0xBF, 1, 0]])), unexpected(0xBF));
}

#[test]
fn inner_tags_and_values_are_looked_at() {
    let resp = |field: &[u8]| {
        let mut out = Vec::new();
        der::header(&mut out, Tag::context(1), der::size(field.len()));
        der::element(&mut out, Tag::SEQUENCE, field);
        out
    };
    let state = |content: &[u8]| {
        let mut field = Vec::new();
        der::explicit(&mut field, Tag::context(0), Tag::ENUMERATED, content);
        refused(&resp(&field))
    };
    assert_eq!(state(&[]), ("negState", 8, Kind::BadValue));
    assert_eq!(state(&[0, 0]), ("negState", 8, Kind::BadValue));
    assert_eq!(state(&[0xFF, 0xFF]), ("negState", 8, Kind::BadValue));
    assert_eq!(state(&[1; 5]), ("negState", 8, Kind::BadValue));
    let integer = resp(&[0xA0, 3, 2, 1, 0]);
    assert_eq!(refused(&integer), ("negState", 6, Kind::UnexpectedTag(2)));
    let two = resp(&[0xA0, 6, 0x0A, 1, 0, 0x0A, 1, 0]);
    assert_eq!(refused(&two), ("negState", 9, Kind::TrailingBytes(3)));
    for oid in [&[][..], &[0x80, 1], &[0x2A, 0x86], &[0x2A, 0x80, 1]] {
        let mut field = Vec::new();
        der::explicit(&mut field, Tag::context(1), Tag::OBJECT_IDENTIFIER, oid);
        assert_eq!(
            refused(&resp(&field)),
            ("supportedMech", 8, Kind::BadValue),
            "{oid:02x?}"
        );
    }
}

#[test]
fn flags_need_their_unused_bits() {
    for (content, reads) in [
        (&[][..], false),
        (&[1], false),
        (&[8, 0], false),
        (&[0], true),
        (&[1, 6], true),
        (&[0, 1, 2, 3, 4], true),
    ] {
        let mut field = Vec::new();
        der::explicit(&mut field, Tag::context(1), Tag::BIT_STRING, content);
        let mut token = Vec::new();
        der::header(&mut token, Tag::context(0), der::size(field.len()));
        der::element(&mut token, Tag::SEQUENCE, &field);
        assert_eq!(Token::parse(&token).is_ok(), reads, "{content:02x?}");
    }
}

#[test]
fn ten_thousand_mechanisms_are_read() {
    let list = MechTypes::new(&vec![Oid::NTLM; 10_000]);
    let token = NegTokenInit {
        mech_types: Some(list),
        ..NegTokenInit::default()
    };
    let bytes = token.emit_framed();
    let Ok(Token::Framed(read)) = Token::parse(&bytes) else {
        panic!("refused");
    };
    assert_eq!(read.mech_types.unwrap().iter().count(), 10_000);
}

#[test]
fn deep_nesting_is_refused_and_does_not_recurse() {
    for outer in [0x60, 0xA0, 0xA1] {
        let mut token = Vec::new();
        for _ in 0..100_000 {
            token.extend([outer, 0x84, 0, 0, 0xFF, 0xFF]);
        }
        assert!(Token::parse(&token).is_err());
    }
    // A string may hold anything; nobody looks into it.
    let mut bomb = Vec::new();
    for _ in 0..1000 {
        let mut next = Vec::new();
        der::element(&mut next, Tag::SEQUENCE, &bomb);
        bomb = next;
    }
    let token = NegTokenResp {
        response_token: Some(bomb.into()),
        ..NegTokenResp::default()
    };
    assert_eq!(NegTokenResp::parse(&token.emit()), Ok(token.clone()));
}

#[test]
fn a_framed_later_token_is_refused() {
    let later = NegTokenResp::default().emit();
    let mut token = Vec::new();
    der::header(&mut token, Tag::application(0), 8 + later.len());
    der::element(&mut token, Tag::OBJECT_IDENTIFIER, &Oid::SPNEGO.0);
    token.extend(later);
    assert_eq!(refused(&token), ("NegTokenInit", 10, Kind::UnexpectedTag(0xA1)));
}
