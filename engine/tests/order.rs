//! Legal and illegal orders of calls against a model of the interface: which handle is live, how far its context is,
//! and what is still to be given back. The model is the one that the fuzz target `call_order` runs.

#[path = "../../fuzz/src/oracle/call_order.rs"]
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

fn calls() -> impl Strategy<Value = Vec<Call>> {
    vec(any::<[u8; 4]>().prop_map(Call::from_bytes), 0..60)
}

/// Operations on few handles and the latest tokens: most of them hit something that is there.
fn likely_calls() -> impl Strategy<Value = Vec<Call>> {
    vec((0..13u8, 0..4u8, 0..8u8, 0..8u8), 0..60).prop_map(|calls| {
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
