//! Legal and illegal orders of calls against a model of the interface: which handle is live, how far its context is,
//! and what is still to be given back. The model is the one that the fuzz target `call_order` runs.

#[path = "../../fuzz/src/oracle/call_order/mod.rs"]
#[allow(
    unreachable_pub,
    dead_code,
    reason = "the module is shared with the fuzz crate"
)]
mod call_order;

use call_order::Call;
use legwork_engine::status::SecurityStatus as Status;
use proptest::{collection::vec, prelude::*};

/// Calls that lead an exchange to its end, so that what is random happens to contexts of every stage. The operations
/// are those of `Call::from_bytes`: acquire both credentials, then the four legs.
const EXCHANGE: [[u8; 4]; 6] = [
    [0, 0, 0, 0],
    [0, 1, 0, 0],
    [2, 0, 0, 0],
    [4, 1, 2, 0],
    [3, 0, 3, 0],
    [5, 1, 4, 0],
];

/// The same with Negotiate, whose acceptor has a last token.
const NEGOTIATION: [[u8; 4]; 7] = [
    [0, 0, 0, 16],
    [0, 1, 0, 16],
    [2, 0, 0, 0],
    [4, 1, 2, 0],
    [3, 0, 3, 0],
    [5, 1, 4, 0],
    [3, 0, 5, 0],
];

fn calls() -> impl Strategy<Value = Vec<Call>> {
    vec(any::<[u8; 4]>().prop_map(Call::from_bytes), 0..60)
}

/// Operations on few handles and the latest tokens: most of them hit something that is there.
fn likely_calls() -> impl Strategy<Value = Vec<Call>> {
    let operation = prop_oneof![4 => 2..6_u8, 4 => 8..13_u8, 1 => 0..13_u8];
    vec((operation, 0..2_u8, 0..10_u8, 0..32_u8), 0..80).prop_map(|calls| {
        calls
            .into_iter()
            .map(|(operation, handle, input, room)| Call::from_bytes([operation, handle, input, room]))
            .collect()
    })
}

proptest! {
    #[test]
    fn any_order_answers_what_the_model_says(calls in calls()) {
        let answers = call_order::answers(&calls);
        prop_assert_eq!(answers.len(), calls.len());
    }

    #[test]
    fn any_order_within_a_negotiation_answers_what_the_model_says(
        established in 0..=NEGOTIATION.len(),
        then in likely_calls(),
    ) {
        let negotiation = NEGOTIATION.iter().take(established).copied().map(Call::from_bytes);
        let calls: Vec<Call> = negotiation.chain(then).collect();
        let answers = call_order::answers(&calls);
        prop_assert_eq!(answers.len(), calls.len());
    }

    #[test]
    fn any_order_within_an_exchange_answers_what_the_model_says(
        established in 0..=EXCHANGE.len(),
        then in likely_calls(),
    ) {
        let exchange = EXCHANGE.iter().take(established).copied().map(Call::from_bytes);
        let calls: Vec<Call> = exchange.chain(then).collect();
        let answers = call_order::answers(&calls);
        prop_assert_eq!(answers.len(), calls.len());
    }
}

#[test]
fn an_exchange_and_its_messages_follow_the_model() {
    let afterwards = [
        ([8, 0, 1, 0], Status::SEC_E_OK),              // the initiator signs
        ([9, 1, 0, 0], Status::SEC_E_OK),              // the acceptor verifies
        ([10, 1, 2, 0], Status::SEC_E_OK),             // the acceptor seals
        ([9, 0, 1, 0], Status::SEC_E_MESSAGE_ALTERED), // what is sealed is not verified
        ([11, 0, 1, 0], Status::SEC_E_OK),             // the initiator unseals
        ([11, 0, 1, 0], Status::SEC_E_OUT_OF_SEQUENCE),
        ([12, 0, 1, 0], Status::SEC_E_OK),
        ([6, 0, 0, 0], Status::SEC_E_OK), // the initiator's context is deleted
        ([12, 0, 1, 0], Status::SEC_E_INVALID_HANDLE),
    ];
    let (calls, expected): (Vec<_>, Vec<_>) = afterwards.into_iter().unzip();
    let calls: Vec<Call> = EXCHANGE.into_iter().chain(calls).map(Call::from_bytes).collect();
    let answers = call_order::answers(&calls);
    let legs = [
        Status::SEC_I_CONTINUE_NEEDED,
        Status::SEC_I_CONTINUE_NEEDED,
        Status::SEC_E_OK,
        Status::SEC_E_OK,
    ];
    assert_eq!(answers[2..6], legs);
    assert_eq!(answers[6..], expected);
}

#[test]
fn a_negotiation_and_its_messages_follow_the_model() {
    let calls = [
        ([8, 0, 1, 0], Status::SEC_E_INVALID_HANDLE), // nothing can be signed without keys
        ([12, 0, 5, 0], Status::SEC_E_OK),            // but the mechanism is known
        ([3, 0, 3, 0], Status::SEC_I_CONTINUE_NEEDED),
        ([8, 0, 1, 0], Status::SEC_E_OK), // the initiator signs before its last token comes
        ([5, 1, 4, 0], Status::SEC_E_OK),
        ([9, 1, 0, 0], Status::SEC_E_OK),
        ([10, 1, 2, 0], Status::SEC_E_OK),
        ([11, 0, 1, 0], Status::SEC_E_OUT_OF_SEQUENCE), // the acceptor's code comes before its message
        ([3, 0, 5, 0], Status::SEC_E_OK),
        ([11, 0, 1, 0], Status::SEC_E_OK),
        ([3, 0, 5, 0], Status::SEC_E_INVALID_HANDLE), // the initiator is complete
    ];
    let (calls, expected): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
    let first = NEGOTIATION.into_iter().take(4);
    let calls: Vec<Call> = first.chain(calls).map(Call::from_bytes).collect();
    assert_eq!(call_order::answers(&calls)[4..], expected);
}

#[test]
fn an_acceptor_of_negotiate_begins_with_a_hint_or_without_wrapper() {
    let (continues, done) = (Status::SEC_I_CONTINUE_NEEDED, Status::SEC_E_OK);
    let calls = [
        ([0, 0, 0, 0], done), // an initiator of NTLM
        ([0, 1, 0, 16], done),
        ([2, 0, 0, 0], continues),
        ([4, 1, 0, 0], continues), // a hint
        ([5, 1, 2, 0], continues), // then a NEGOTIATE message alone
        ([3, 0, 4, 0], done),
        ([5, 1, 5, 0], done),
        ([8, 0, 1, 0], done),
        ([9, 1, 0, 0], done),
    ];
    let (calls, expected): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
    let calls: Vec<Call> = calls.into_iter().map(Call::from_bytes).collect();
    assert_eq!(call_order::answers(&calls), expected);
}

/// What the calls behind the first legs of an exchange answer.
fn answers_after(legs: usize, calls: &[[u8; 4]]) -> Vec<Status> {
    let calls: Vec<Call> = EXCHANGE
        .iter()
        .take(legs)
        .chain(calls)
        .copied()
        .map(Call::from_bytes)
        .collect();
    call_order::answers(&calls).split_off(legs)
}

#[test]
fn a_leg_without_room_waits_for_it_and_establishes_nothing() {
    let (one_byte, no_buffer, no_token) = (6, 7, 255);
    let answers = answers_after(
        4,
        &[
            [3, 0, 3, one_byte],
            [8, 0, 1, 0],
            [12, 0, 0, 0],
            [5, 0, 3, 0],
            [3, 0, no_token, no_buffer],
            [3, 0, no_token, 0],
            [8, 0, 1, 0],
        ],
    );
    let expected = [
        Status::SEC_E_BUFFER_TOO_SMALL,
        Status::SEC_E_INVALID_HANDLE, // nothing can be signed yet
        Status::SEC_E_INVALID_HANDLE, // nor queried
        Status::SEC_E_INVALID_HANDLE, // and the leg is none of the acceptor's
        Status::SEC_E_INVALID_TOKEN,
        Status::SEC_E_OK,
        Status::SEC_E_OK,
    ];
    assert_eq!(answers, expected);
}

#[test]
fn an_absent_token_changes_nothing_and_a_wrong_one_ends_the_context() {
    let no_token = 255;
    let answers = answers_after(
        4,
        &[[3, 0, no_token, 0], [3, 0, 0, 0], [3, 0, 2, 0], [3, 0, 3, 0]],
    );
    let expected = [
        Status::SEC_E_INVALID_TOKEN, // none
        Status::SEC_E_INVALID_TOKEN, // an empty one
        Status::SEC_E_INVALID_TOKEN, // a NEGOTIATE message
        Status::SEC_E_INVALID_HANDLE,
    ];
    assert_eq!(answers, expected);
}
