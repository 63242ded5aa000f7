//! The reference in the place of another implementation: the same options, as far as the protocol lets a peer choose
//! them, and nothing that is not legal. MS-NLMP 2.2.1 has the messages, 2.2.2.1 the pairs, 2.2.2.5 the flags. Of Negotiate it
//! has the wrapper as well, and the same messages in it.

use std::{borrow::Cow, collections::BTreeMap};

use legwork_engine::ntlm::messages::{
    Authenticate, AvId, AvPairs, Challenge, Negotiate, NegotiateFlags, NtlmV2Response,
};
use serde_json::{Value, json};

use super::wrapper;
use crate::{
    protocol::{Identity, Role},
    run::{inner, trace::Trace, world::World},
};

/// Size of an NT response of version 1, in bytes.
const VERSION_1: usize = 24;

/// Makes the reference choose in a world what a side of a trace has chosen; none if it cannot send such tokens.
pub(super) fn imitate(world: &mut World, trace: &Trace, side: Role, package: &str) -> Option<()> {
    imitate_wrapper(world, trace, side, package)?;
    for token in tokens(trace, side) {
        let token = inner::mechanism_token(token).unwrap_or(Cow::Borrowed(token));
        match side {
            Role::Initiator => {
                negotiate(&token, &mut world.initiator.policy);
                authenticate(&token, &mut world.initiator.policy);
                if let Some(identity) = &mut world.identity {
                    names(&token, identity);
                }
            }
            Role::Acceptor => challenge(&token, &mut world.acceptor.policy),
        }
    }
    Some(())
}

/// The same of the wrapper alone, which NTLM by itself does not have.
pub(super) fn imitate_wrapper(world: &mut World, trace: &Trace, side: Role, package: &str) -> Option<()> {
    if package != "negotiate" {
        return Some(());
    }
    let chooses = match side {
        Role::Initiator => &mut world.initiator,
        Role::Acceptor => &mut world.acceptor,
    };
    wrapper::imitate(chooses, tokens(trace, side))
}

fn tokens(trace: &Trace, side: Role) -> impl Iterator<Item = &[u8]> {
    let legs = trace.legs().filter(move |(_, event)| event.side == side);
    legs.filter_map(|(_, event)| event.output())
}

/// The names in the case in which they were sent: who compares them does so without regard to case (section 3.3.2 has the
/// user in upper case, and the domain as it was sent).
fn names(token: &[u8], identity: &mut Identity) {
    let Ok(message) = Authenticate::parse(token) else {
        return;
    };
    if !message.flags.contains(NegotiateFlags::UNICODE) {
        return;
    }
    let parts = [
        (&message.user, &mut identity.user),
        (&message.domain, &mut identity.domain),
    ];
    for (sent, given) in parts {
        let (units, _) = sent.as_chunks();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        let sent = String::from_utf16_lossy(&units);
        if let Some(given) = given
            .as_mut()
            .filter(|given| given.text.to_uppercase() == sent.to_uppercase())
        {
            *given = sent.as_str().into();
        }
    }
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
    let response = NtlmV2Response::parse(&message.nt_response);
    let trailer = response.map(|response| response.client_challenge.trailer.into_owned());
    if let Ok(zeros) = trailer
        && zeros.iter().all(|byte| *byte == 0)
    {
        set(policy, "response-trailer", json!(zeros.len()));
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
