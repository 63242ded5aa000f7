//! Tokens of Negotiate: what they hold, and what the mechanism's token in them holds.

use legwork_engine::{
    codec::{
        self,
        der::{Reader, Tag, Tolerances},
    },
    error::{TokenError, TokenErrorKind},
    negotiate::messages::{
        NegTokenInit, NegTokenResp, Oid, Token,
        negoex::{self, Body},
    },
    ntlm::messages::{MessageType, SIGNATURE, message_type},
};

use super::facts::{self, Fact, Facts};

/// Names of the messages of NEGOEX, by their numbers.
const MESSAGES: [&str; 8] = [
    "INITIATOR_NEGO",
    "ACCEPTOR_NEGO",
    "INITIATOR_META_DATA",
    "ACCEPTOR_META_DATA",
    "CHALLENGE",
    "AP_REQUEST",
    "VERIFY",
    "ALERT",
];

/// The values of a token as what its record says that it is; nothing for tokens of other packages.
pub(super) fn read(kind: &str, token: &[u8]) -> Option<Result<Facts, TokenError>> {
    Some(match kind {
        "spnego-init" => first(token),
        "spnego-resp" => NegTokenResp::parse(token).map(|token| later(&token)),
        "negoex" => extended(token),
        _ => return None,
    })
}

fn put(facts: &mut Facts, name: &str, fact: Fact) {
    facts.insert(name.to_owned(), fact);
}

fn text(oid: &Oid<'_>) -> Fact {
    Fact::Text(oid.to_string())
}

fn bytes(part: Option<&[u8]>) -> Fact {
    part.map_or(Fact::Absent, |part| Fact::Bytes(part.to_vec()))
}

fn number(number: usize) -> Fact {
    Fact::Number(u64::try_from(number).unwrap_or(u64::MAX))
}

fn first(token: &[u8]) -> Result<Facts, TokenError> {
    let mut facts = Facts::new();
    let init = match Token::parse(token)? {
        Token::Framed(init) => {
            put(&mut facts, "outer_oid", text(&Oid::SPNEGO));
            init
        }
        Token::Bare(init) => init,
        _ => {
            let kind = TokenErrorKind::UnexpectedTag(token.first().copied().unwrap_or_default());
            return Err(TokenError::new("NegTokenInit", 0, kind));
        }
    };
    let NegTokenInit {
        mech_types,
        mech_token,
        mech_list_mic,
        ..
    } = &init;
    if let Some(types) = mech_types {
        let types: Vec<String> = types.iter().map(|oid| oid.to_string()).collect();
        put(&mut facts, "mech_types.count", number(types.len()));
        put(&mut facts, "mech_types", Fact::Texts(types));
    }
    put(&mut facts, "mech_token", bytes(mech_token.as_deref()));
    put(&mut facts, "mech_list_mic", bytes(mech_list_mic.as_deref()));
    inner(&mut facts, mech_token.as_deref());
    Ok(facts)
}

fn later(token: &NegTokenResp<'_>) -> Facts {
    let mut facts = Facts::new();
    if let Some(state) = token.neg_state {
        let number = u64::try_from(state.0).unwrap_or(u64::MAX);
        put(&mut facts, "neg_state", Fact::Number(number));
        let name = state.name().map(|name| Fact::Text(name.to_owned()));
        put(&mut facts, "neg_state_name", name.unwrap_or(Fact::Absent));
    }
    let mechanism = token.supported_mech.as_ref().map(text);
    put(&mut facts, "supported_mech", mechanism.unwrap_or(Fact::Absent));
    put(
        &mut facts,
        "response_token",
        bytes(token.response_token.as_deref()),
    );
    put(&mut facts, "mech_list_mic", bytes(token.mech_list_mic.as_deref()));
    inner(&mut facts, token.response_token.as_deref());
    facts
}

/// The values of the mechanism's token, under their own names.
fn inner(facts: &mut Facts, token: Option<&[u8]>) {
    let Some(token) = token else { return };
    if token.starts_with(&SIGNATURE) {
        let kind = match message_type(token) {
            Ok(MessageType::NEGOTIATE) => "ntlm-negotiate",
            Ok(MessageType::CHALLENGE) => "ntlm-challenge",
            _ => "ntlm-authenticate",
        };
        if let Some(Ok(message)) = facts::read(kind, token) {
            facts.extend(facts::of(&message, token));
        }
    } else if token.starts_with(&negoex::SIGNATURE) {
        facts.extend(extended(token).unwrap_or_default());
    } else if let Some(id) = framed(token).and_then(|rest| rest.first_chunk()) {
        put(facts, "krb5_tok_id", Fact::Number(u16::from_le_bytes(*id).into()));
    }
}

/// What follows the framing of a token.
fn framed(token: &[u8]) -> Option<&[u8]> {
    let mut seen = Tolerances::empty();
    let frame = Reader::new(token)
        .only(Tag::application(0), "InitialContextToken", &mut seen)
        .ok()?;
    let mut inside = frame.inside();
    inside
        .expect(Tag::OBJECT_IDENTIFIER, "thisMech", &mut seen)
        .ok()?;
    Some(inside.rest())
}

/// The messages of NEGOEX: what all have as lists, the rest of the first that has it.
fn extended(token: &[u8]) -> Result<Facts, TokenError> {
    let messages = negoex::messages(token).collect::<Result<Vec<_>, _>>()?;
    let Some(start) = messages.first() else {
        return Err(TokenError::new("Signature", 0, TokenErrorKind::Missing));
    };
    let mut facts = Facts::new();
    let all = |of: fn(&negoex::Message<'_>) -> u32| {
        Fact::List(messages.iter().map(|message| of(message).into()).collect())
    };
    put(&mut facts, "negoex.types", all(|message| message.message_type.0));
    put(
        &mut facts,
        "negoex.sequence_nums",
        all(|message| message.sequence),
    );
    let index = usize::try_from(start.message_type.0).unwrap_or(usize::MAX);
    let name = MESSAGES.get(index).copied().unwrap_or("MESSAGE");
    // The messages of NTLM have a type as well, never in the same token.
    put(
        &mut facts,
        "message_type",
        Fact::Text(format!("{name} ({index})")),
    );
    put(&mut facts, "sequence_num", Fact::Number(start.sequence.into()));
    for (name, at) in [("cb_header", 16), ("cb_message", 20)] {
        let length = codec::u32_le(token, at, "cbHeaderLength")?;
        put(&mut facts, name, Fact::Number(length.into()));
    }
    let conversation = Fact::Bytes(start.conversation.to_vec());
    put(&mut facts, "conversation_id_bytes", conversation);
    for message in &messages {
        said(&mut facts, &message.body);
    }
    Ok(facts)
}

fn said(facts: &mut Facts, body: &Body<'_>) {
    match body {
        Body::Nego {
            random,
            version,
            schemes,
            extensions,
        } => {
            put(facts, "negoex.random", Fact::Bytes(random.to_vec()));
            put(facts, "protocol_version", Fact::Number(*version));
            put(facts, "negoex.scheme_count", number(schemes.len()));
            put(facts, "negoex.extension_count", number(extensions.len()));
            let hex = |parts: Vec<String>| Fact::Texts(parts);
            put(
                facts,
                "auth_schemes",
                hex(schemes.iter().map(hex::encode).collect()),
            );
            put(
                facts,
                "extensions",
                hex(extensions.iter().map(hex::encode).collect()),
            );
        }
        Body::Verify {
            checksum_scheme,
            checksum_type,
            checksum,
            ..
        } => {
            put(
                facts,
                "negoex.checksum_scheme",
                Fact::Number((*checksum_scheme).into()),
            );
            put(
                facts,
                "negoex.checksum_type",
                Fact::Number((*checksum_type).into()),
            );
            put(facts, "negoex.checksum", Fact::Bytes(checksum.to_vec()));
        }
        _ => {}
    }
}
