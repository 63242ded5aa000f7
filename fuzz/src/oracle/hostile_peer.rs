//! A side against a peer that sends anything: bytes, messages of any content, and messages of any content by a peer
//! that knows the password. Every leg answers a documented status, and a context that failed stays failed. Whoever
//! knows no password is refused, or logged on as nobody or as a guest where the acceptor allows that.

use arbitrary::{Arbitrary, Unstructured};
use legwork_engine::{
    call::{AcceptReply, CtxtHandle},
    codec::utf16::Text,
    flags::{AcceptAttributes, AcceptRequirements, InitRequirements},
    ntlm::{
        keys::{self, ResponseKeyV2, v1},
        messages::{Authenticate, Challenge, ClientChallenge, Negotiate, NegotiateFlags},
    },
    status::SecurityStatus as Status,
};

use super::{
    documented::{OF_ACCEPTOR, OF_INITIATOR, documented},
    forecast::Guise,
    mutated_exchange::guise,
    world::{Choices, DOMAIN, EVERYTHING, PASSWORD, Pair, USER, token},
};

/// Choices that lead through different checks: everything; strict; without code, version and time; open to
/// everybody; and connectionless with a peer of the old versions.
fn worlds() -> [Choices; 5] {
    let plain = Choices {
        initiator: EVERYTHING,
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
    let open = Choices {
        policy: 0b1000_0000,
        acceptor: AcceptRequirements::ALLOW_NULL_SESSION.bits(),
        initiator_leniency: 5,
        acceptor_leniency: 5,
        ..plain.clone()
    };
    let datagram = Choices {
        initiator: plain.initiator | InitRequirements::DATAGRAM.bits(),
        acceptor: AcceptRequirements::DATAGRAM.bits(),
        initiator_leniency: 3,
        acceptor_leniency: 1,
        ..Choices::default()
    };
    [plain, strict, bare, open, datagram]
}

/// Sends what the bytes are, and what they describe, to both sides. Their number chooses the world, so that a fuzzing
/// engine tries more inputs in the same time.
///
/// # Panics
/// A side answers something that is not documented, goes on with a context that failed, or takes a stranger for
/// somebody.
pub fn hostile_peer(bytes: &[u8]) {
    let worlds = worlds();
    if let Some(choices) = worlds.get(bytes.len() % worlds.len()) {
        in_world(choices, bytes);
    }
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
    assert_ne!(
        reply.status,
        Status::SEC_I_CONTINUE_NEEDED,
        "three legs are enough"
    );
    if reply.status == Status::SEC_E_OK {
        let guise = guise(&mut pair, reply.attributes, bytes);
        assert_ne!(guise, Guise::Owner, "a peer that knows no password is accepted");
        allowed(choices, guise, &reply);
    }
    if !bytes.is_empty() {
        let late = pair.accept(context, Some(bytes));
        assert_eq!(
            late.status,
            Status::SEC_E_INVALID_HANDLE,
            "a context that ended goes on"
        );
    }
}

/// Whether the acceptor allows a logon without a secret; nothing is protected with a guest.
fn allowed(choices: &Choices, guise: Guise, reply: &AcceptReply) {
    let protection = AcceptAttributes::INTEGRITY | AcceptAttributes::CONFIDENTIALITY;
    match guise {
        Guise::Owner => {}
        Guise::Nobody => {
            let requirements = choices.accept_requirements();
            assert!(requirements.contains(AcceptRequirements::ALLOW_NULL_SESSION));
        }
        Guise::Guest => {
            assert!(choices.guests());
            assert!(!reply.attributes.intersects(protection));
        }
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
    form: Form,
}

/// Which response the insider answers with.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Form {
    Two,
    One,
    Session,
    LanManager,
}

impl Insider {
    /// Puts the right response into the message.
    fn respond(&self, server_challenge: [u8; 8], clock: u64, message: &mut Authenticate<'static>) {
        let hashes = keys::password_hashes(&PASSWORD.into());
        let own: [u8; 8] = self.response.challenge;
        match self.form {
            Form::Two => {
                let temp = self.temp(clock);
                let key = ResponseKeyV2::new(&keys::ntowf_v2(&hashes.nt, &USER.into(), &DOMAIN.into()));
                let proof = key.nt_proof(server_challenge, &temp);
                message.nt_response = [&proof[..], &temp].concat().into();
            }
            Form::One => message.nt_response = v1::response(&hashes.nt, server_challenge).to_vec().into(),
            Form::Session => {
                let response = v1::session_response(&hashes.nt, server_challenge, own);
                message.nt_response = response.to_vec().into();
                message.lm_response = v1::session_lm_response(own).to_vec().into();
            }
            Form::LanManager => {
                message.nt_response = Vec::new().into();
                let hash = hashes.lm.as_ref().expect("the password has a hash");
                message.lm_response = v1::response(hash, server_challenge).to_vec().into();
            }
        }
    }

    fn temp(&self, clock: u64) -> Vec<u8> {
        let mut response = self.response.clone();
        if self.clock {
            response.timestamp = clock;
        }
        let mut temp = Vec::new();
        response.emit_into(&mut temp);
        temp.truncate(self.cut.map_or(temp.len(), usize::from));
        temp
    }
}

fn acceptor_then_gets_from(choices: &Choices, insider: &Insider) {
    let mut pair = Pair::new(choices.clone());
    let (context, challenge) = waiting(&mut pair);
    let challenge = Challenge::parse(&challenge).expect("the acceptor sends what can be read");
    let clock = pair.acceptor.environment().clock;
    let mut message = insider.message.clone();
    insider.respond(challenge.server_challenge, clock, &mut message);
    if insider.names {
        message.flags |= NegotiateFlags::UNICODE;
        message.user = Text::from(USER).to_le_bytes().into();
        message.domain = Text::from(DOMAIN).to_le_bytes().into();
    }
    let arrived = message.emit();
    let reply = pair.accept(context, Some(&arrived));
    documented(reply.status, reply.error.as_ref(), OF_ACCEPTOR);
    if reply.status != Status::SEC_E_OK {
        return;
    }
    let guise = guise(&mut pair, reply.attributes, &arrived);
    allowed(choices, guise, &reply);
    if guise == Guise::Owner {
        let level = choices.acceptor_level();
        let taken = match insider.form {
            Form::Two => true,
            Form::One | Form::Session => level < 5,
            Form::LanManager => level < 4,
        };
        assert!(taken, "level {level} takes {:?}", insider.form);
    }
}
