//! A side against a peer that sends anything: bytes, messages of any content, and messages of any content by a peer
//! that knows the password. Every leg answers a documented status, and a context that failed stays failed.

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    call::CtxtHandle,
    codec::utf16::Text,
    error::Error,
    ntlm::{
        keys::{self, ResponseKeyV2},
        messages::{Authenticate, Challenge, ClientChallenge, Negotiate, NegotiateFlags, NtlmV2Response},
    },
    status::SecurityStatus as Status,
};

use super::world::{Choices, DOMAIN, PASSWORD, Pair, USER, token};

/// What an initiator may say to a token.
const OF_INITIATOR: &[Status] = &[
    Status::SEC_E_OK,
    Status::SEC_E_INVALID_TOKEN,
    Status::SEC_E_UNSUPPORTED_FUNCTION,
];

/// What an acceptor may say to a token.
const OF_ACCEPTOR: &[Status] = &[
    Status::SEC_E_OK,
    Status::SEC_I_CONTINUE_NEEDED,
    Status::SEC_E_INVALID_TOKEN,
    Status::SEC_E_UNSUPPORTED_FUNCTION,
    Status::SEC_E_LOGON_DENIED,
    Status::SEC_E_MESSAGE_ALTERED,
    Status::SEC_E_BAD_BINDINGS,
    Status::SEC_E_TIME_SKEW,
];

/// Choices that lead through different checks: everything, strict, and without code, version and time.
fn worlds() -> [Choices; 3] {
    let plain = Choices {
        initiator: u32::MAX,
        ..Choices::default()
    };
    let strict = Choices {
        policy: 0b0111_0000,
        initiator_bindings: Some(1),
        acceptor_bindings: Some(1),
        ..plain.clone()
    };
    let bare = Choices {
        policy: 0b0000_0111,
        ..Choices::default()
    };
    [plain, strict, bare]
}

/// Sends what the bytes are, and what they describe, to both sides. Their number chooses the world, so that a fuzzing
/// engine tries more inputs in the same time.
///
/// # Panics
/// A side answers something that is not documented, or goes on with a context that failed.
pub fn hostile_peer(bytes: &[u8]) {
    let [plain, strict, bare] = worlds();
    let choices = match bytes.len() % 3 {
        0 => plain,
        1 => strict,
        _ => bare,
    };
    in_world(&choices, bytes);
}

/// As [`hostile_peer`], in all worlds.
///
/// # Panics
/// As [`hostile_peer`].
pub fn in_every_world(bytes: &[u8]) {
    for choices in worlds() {
        in_world(&choices, bytes);
    }
}

fn in_world(choices: &Choices, bytes: &[u8]) {
    let recipe = || Unstructured::new(bytes);
    initiator_gets(choices, bytes);
    acceptor_first_gets(choices, bytes);
    acceptor_then_gets(choices, bytes);
    if let Ok(message) = Challenge::arbitrary(&mut recipe()) {
        initiator_gets(choices, &message.emit());
    }
    if let Ok(message) = Negotiate::arbitrary(&mut recipe()) {
        acceptor_first_gets(choices, &message.emit());
    }
    if let Ok(message) = Authenticate::arbitrary(&mut recipe()) {
        acceptor_then_gets(choices, &message.emit());
    }
    if let Ok(insider) = Insider::arbitrary(&mut recipe()) {
        acceptor_then_gets_from(choices, &insider);
    }
}

fn documented(status: Status, error: Option<&Error>, allowed: &[Status]) {
    assert!(
        allowed.contains(&status),
        "{status:?} is not documented here: {error:?}"
    );
    assert_eq!(status.is_failure(), error.is_some());
    assert_eq!(error.map(Error::status).unwrap_or(status), status);
}

fn initiator_gets(choices: &Choices, bytes: &[u8]) {
    let mut pair = Pair::new(choices.clone());
    let first = pair.initialize(None, None);
    assert_eq!(first.status, Status::SEC_I_CONTINUE_NEEDED);
    let reply = pair.initialize(first.context, Some(bytes));
    documented(reply.status, reply.error.as_ref(), OF_INITIATOR);
    if reply.status == Status::SEC_E_OK {
        let answer = token(&reply.output);
        assert!(
            Authenticate::parse(&answer).is_ok(),
            "the initiator sends what cannot be read"
        );
    } else if !bytes.is_empty() {
        let good = pair.accept(None, Some(&token(&first.output)));
        let late = pair.initialize(first.context, Some(&token(&good.output)));
        assert!(late.status.is_failure(), "a failed context goes on");
    }
    let context = first.context.expect("a first leg makes a context");
    assert!(pair.initiator.delete_security_context(context).is_ok());
    assert_eq!(pair.initiator.outstanding().contexts, 0);
}

fn acceptor_first_gets(choices: &Choices, bytes: &[u8]) {
    let mut pair = Pair::new(choices.clone());
    let reply = pair.accept(None, Some(bytes));
    documented(reply.status, reply.error.as_ref(), OF_ACCEPTOR);
    assert_ne!(reply.status, Status::SEC_E_OK, "one leg is not enough");
    assert_eq!(reply.context.is_some(), !reply.status.is_failure());
    if !reply.status.is_failure() {
        let answer = token(&reply.output);
        assert!(
            Challenge::parse(&answer).is_ok(),
            "the acceptor sends what cannot be read"
        );
    }
}

/// A context of the acceptor that waits for the AUTHENTICATE message, and the CHALLENGE it sent.
fn waiting(pair: &mut Pair) -> (Option<CtxtHandle>, Vec<u8>) {
    let first = pair.initialize(None, None);
    let reply = pair.accept(None, Some(&token(&first.output)));
    assert_eq!(reply.status, Status::SEC_I_CONTINUE_NEEDED);
    (reply.context, token(&reply.output))
}

fn acceptor_then_gets(choices: &Choices, bytes: &[u8]) {
    let mut pair = Pair::new(choices.clone());
    let (context, _) = waiting(&mut pair);
    let reply = pair.accept(context, Some(bytes));
    documented(reply.status, reply.error.as_ref(), OF_ACCEPTOR);
    assert!(
        reply.status.is_failure(),
        "a peer that knows no password is accepted"
    );
    if !bytes.is_empty() {
        let late = pair.accept(context, Some(bytes));
        assert_eq!(
            late.status,
            Status::SEC_E_INVALID_HANDLE,
            "a failed context goes on"
        );
    }
}

/// A peer that knows the password: its proof is right whatever else it sends.
#[derive(Arbitrary, Debug)]
struct Insider {
    message: Authenticate<'static>,
    response: ClientChallenge<'static>,
    clock: bool,
    names: bool,
    cut: Option<u8>,
}

fn acceptor_then_gets_from(choices: &Choices, insider: &Insider) {
    let mut pair = Pair::new(choices.clone());
    let (context, challenge) = waiting(&mut pair);
    let challenge = Challenge::parse(&challenge).expect("the acceptor sends what can be read");
    let key = ResponseKeyV2::new(&keys::ntowf_v2(
        &keys::nt_hash(&PASSWORD.into()),
        &USER.into(),
        &DOMAIN.into(),
    ));
    let mut response = insider.response.clone();
    if insider.clock {
        response.timestamp = pair.acceptor.environment().clock;
    }
    let mut temp = Vec::new();
    response.emit_into(&mut temp);
    temp.truncate(insider.cut.map_or(temp.len(), usize::from));
    let mut message = insider.message.clone();
    let proof = key.nt_proof(challenge.server_challenge, &temp);
    message.nt_response = [&proof[..], &temp].concat().into();
    if insider.names {
        message.flags |= NegotiateFlags::UNICODE;
        message.user = Text::from(USER).to_le_bytes().into();
        message.domain = Text::from(DOMAIN).to_le_bytes().into();
    }
    let reply = pair.accept(context, Some(&message.emit()));
    documented(reply.status, reply.error.as_ref(), OF_ACCEPTOR);
    if reply.status == Status::SEC_E_OK {
        assert!(insider.names, "another name is accepted");
        assert!(NtlmV2Response::parse(&message.nt_response).is_ok());
    }
}
