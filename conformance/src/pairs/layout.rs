//! The reference in the place of another implementation: the same options, as far as the protocol lets a peer choose
//! them, and nothing that is not legal. MS-NLMP 2.2.1 has the messages, 2.2.2.1 the pairs, 2.2.2.5 the flags.

use std::collections::BTreeMap;

use legwork_engine::ntlm::messages::{Authenticate, AvId, AvPairs, Challenge, Negotiate, NegotiateFlags};
use serde_json::{Value, json};

use crate::{protocol::Role, run::trace::Trace};

/// Size of an NT response of version 1, in bytes.
const VERSION_1: usize = 24;

/// Policy of the reference that makes it choose what a side of a trace has chosen.
pub(super) fn of(trace: &Trace, side: Role) -> BTreeMap<String, Value> {
    let tokens = trace.legs().filter(|(_, event)| event.side == side);
    let mut policy = BTreeMap::new();
    for token in tokens.filter_map(|(_, event)| event.output()) {
        match side {
            Role::Initiator => {
                negotiate(token, &mut policy);
                authenticate(token, &mut policy);
            }
            Role::Acceptor => challenge(token, &mut policy),
        }
    }
    policy
}

fn set(policy: &mut BTreeMap<String, Value>, name: &str, value: Value) {
    policy.insert(name.to_owned(), value);
}

fn negotiate(token: &[u8], policy: &mut BTreeMap<String, Value>) {
    let Ok(message) = Negotiate::parse(token) else {
        return;
    };
    set(policy, "offer", json!(message.flags.bits()));
    set(
        policy,
        "send-version",
        json!(message.flags.contains(NegotiateFlags::VERSION)),
    );
}

fn authenticate(token: &[u8], policy: &mut BTreeMap<String, Value>) {
    let Ok(message) = Authenticate::parse(token) else {
        return;
    };
    set(policy, "send-mic", json!(message.mic.is_some()));
    // A response of version 1 has a fixed size (section 2.2.2.6).
    if message.nt_response.len() == VERSION_1 {
        let session = message.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY);
        set(policy, "lm-compatibility-level", json!(u8::from(session)));
    }
}

fn challenge(token: &[u8], policy: &mut BTreeMap<String, Value>) {
    let Ok(message) = Challenge::parse(token) else {
        return;
    };
    set(policy, "grant", json!(message.flags.bits()));
    set(
        policy,
        "send-version",
        json!(message.flags.contains(NegotiateFlags::VERSION)),
    );
    let pairs = AvPairs::parse(&message.target_info);
    let timestamp = pairs.is_ok_and(|(pairs, _)| pairs.get(AvId::TIMESTAMP).is_some());
    set(policy, "send-timestamp", json!(timestamp));
}
