//! One message each way over the contexts that an exchange ended with.

use legwork_engine::{
    buffer::{BufferKind, SecBuffer},
    call::{CtxtHandle, SecurityInterface},
    flags::InitAttributes,
    status::SecurityStatus as Status,
};

use super::{
    forecast::{Forecast, Guise},
    world::Pair,
};

/// Sends a signed or sealed message each way. With a forecast each of them arrives as it was sent, or is refused as
/// not negotiated where nothing can be protected; without one, any documented answer will do.
///
/// # Panics
/// A message does not arrive, or arrives though nothing protects it.
pub fn talk(
    pair: &mut Pair,
    initiator: CtxtHandle,
    acceptor: CtxtHandle,
    granted: InitAttributes,
    forecast: Option<&Forecast>,
) {
    let seals = granted.contains(InitAttributes::CONFIDENTIALITY);
    let protects = seals || granted.contains(InitAttributes::INTEGRITY);
    let guest = forecast.is_some_and(|forecast| forecast.guise == Guise::Guest);
    let expected = |possible: bool| forecast.map(|_| possible);
    send(
        &mut pair.initiator,
        initiator,
        &mut pair.acceptor,
        acceptor,
        seals,
        [expected(protects), expected(protects && !guest)],
    );
    if !guest {
        let both = [expected(protects); 2];
        send(
            &mut pair.acceptor,
            acceptor,
            &mut pair.initiator,
            initiator,
            seals,
            both,
        );
    }
}

/// Sends a message; says of sender and receiver whether they can, where that is known.
fn send(
    sender: &mut SecurityInterface,
    from: CtxtHandle,
    receiver: &mut SecurityInterface,
    to: CtxtHandle,
    sealed: bool,
    possible: [Option<bool>; 2],
) {
    const NUMBER: u32 = 7;
    const TEXT: &[u8] = b"a message";
    let mut message = [
        SecBuffer::new(BufferKind::DATA, TEXT),
        SecBuffer::new(BufferKind::TOKEN, []),
    ];
    let sent = match sealed {
        true => sender.encrypt_message(from, &mut message, NUMBER),
        false => sender.make_signature(from, &mut message, NUMBER),
    };
    answers(sent.map_err(|refusal| refusal.status), possible[0]);
    if sent_nothing(&message) {
        return;
    }
    let received = match sealed {
        true => receiver.decrypt_message(to, &mut message, NUMBER),
        false => receiver.verify_signature(to, &message, NUMBER),
    };
    let taken = received.is_ok();
    answers(received.map_err(|refusal| refusal.status), possible[1]);
    if taken && possible[1].is_some() {
        assert_eq!(message[0].bytes, TEXT, "a message does not arrive as it was sent");
    }
}

fn sent_nothing(message: &[SecBuffer; 2]) -> bool {
    message[1].bytes.is_empty()
}

fn answers(outcome: Result<Status, Status>, possible: Option<bool>) {
    match possible {
        Some(true) => assert_eq!(outcome, Ok(Status::SEC_E_OK)),
        Some(false) => assert_eq!(outcome, Err(Status::SEC_E_QOP_NOT_SUPPORTED)),
        None => {
            let refusals = [
                Status::SEC_E_QOP_NOT_SUPPORTED,
                Status::SEC_E_MESSAGE_ALTERED,
                Status::SEC_E_OUT_OF_SEQUENCE,
            ];
            assert!(outcome.is_ok() || outcome.is_err_and(|status| refusals.contains(&status)));
        }
    }
}
