//! Protected messages and the session key: every value recomputed from the known secrets.

use legwork_engine::ntlm::messages::{Authenticate, Challenge, NegotiateFlags, Signature};

use super::{
    recompute::{self, Derived, Direction},
    streams::{Streams, WrapperCode},
};
use crate::{
    check::{Judge, calls, readable},
    protocol::{Buffer, Request, Role, Text},
    run::{
        driver::parts,
        trace::{self, DATA, Event, Purpose},
    },
    suite::mapping::Class,
};

pub(super) fn check(judge: &mut Judge<'_>, codes: &[WrapperCode]) {
    let mut keys: Option<(Derived, Streams)> = None;
    // A call that brought no outcome is judged by what it brought instead.
    let events = judge.trace.events.iter().enumerate();
    for (at, event) in events.filter(|(_, event)| event.outcome().is_some()) {
        if let Some(derived) = derived(judge, event) {
            let streams = Streams::new(&derived);
            keys = Some((derived, streams));
        }
        // That nobody may make a code without integrity is a rule of the wrapper's.
        let signs = |derived: &Derived| {
            derived
                .flags
                .intersects(NegotiateFlags::SIGN | NegotiateFlags::SEAL)
        };
        let usable = |(derived, _): &&mut (Derived, Streams)| signs(derived) && !derived.anonymous;
        if let Some((_, streams)) = keys.as_mut().filter(usable) {
            let made = codes.iter().filter(|code| code.at == at);
            made.for_each(|code| streams.code(judge, event.side, code));
        }
        match &mut keys {
            // No session security is defined for nobody in particular (section 3.4).
            Some((derived, _)) if derived.anonymous => {}
            Some((_, streams)) if streams.unknown => {}
            Some((derived, streams)) => judged(judge, at, event, derived, streams),
            None => unknown_keys(judge, at, event),
        }
    }
}

fn judged(judge: &mut Judge<'_>, at: usize, event: &Event, derived: &Derived, streams: &mut Streams) {
    let succeeded = judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class == Class::Ok);
    match (event.purpose, &event.request) {
        (Purpose::Protect, _) if event.expect.is_none() || succeeded => {
            let rule = streams.turn(event.side);
            protected(judge, at, event, derived, streams.of(event.side), rule);
        }
        (Purpose::Check { genuine: true }, _) => genuine(judge, at, event, streams.rule()),
        (Purpose::Step, Request::Import { .. }) if succeeded => streams.transfer(),
        (Purpose::Check { genuine: false }, _) => out_of_sequence(judge, at, event),
        (Purpose::Query, Request::Query { attribute, .. }) if event.expect.is_none() => {
            if succeeded {
                queried(judge, at, event, attribute, derived);
                return;
            }
            let rule = match attribute.as_str() {
                "names" => "user-name",
                "flags" => "flags",
                _ => "session-key",
            };
            let rule = judge.rule_of_package("context", rule);
            calls::status(judge, &rule, at, event, "SEC_E_OK");
        }
        _ => {}
    }
}

/// Without an AUTHENTICATE message that can be read there are no keys to hold anything against.
fn unknown_keys(judge: &mut Judge<'_>, at: usize, event: &Event) {
    if event.purpose == Purpose::Protect {
        judge.not_applicable(
            "message/ntlm/signature-checksum",
            at,
            "an AUTHENTICATE message that can be read",
        );
    }
}

/// What both sides must have derived once the initiator has made its last message.
fn derived(judge: &Judge<'_>, event: &Event) -> Option<Derived> {
    let made = matches!(event.purpose, Purpose::Leg(_)) && event.side == Role::Initiator;
    let message = Authenticate::parse(event.output().filter(|_| made)?).ok()?;
    let challenge = Challenge::parse(event.input()?).ok()?;
    let identity = judge.trace.world.identity.as_ref();
    let empty = Text::from("");
    let password = identity.and_then(|identity| identity.password.as_ref());
    recompute::derive(password.unwrap_or(&empty), &message, &challenge)
}

fn protected(
    judge: &mut Judge<'_>,
    at: usize,
    event: &Event,
    derived: &Derived,
    direction: &mut Direction,
    rule: Option<&'static str>,
) {
    let Some(protect) = event.protect() else { return };
    let sealed = matches!(event.request, Request::Seal(_));
    // Sealing without signing has no one meaning: senders either fill the signature or leave it a dummy.
    if !derived.flags.contains(NegotiateFlags::SIGN) {
        return;
    }
    let plain = trace::buffer(&protect.buffers, DATA).unwrap_or_default();
    let made = parts(event, plain);
    if event.expect.is_none() {
        calls::status(judge, "message/ntlm/protect-succeeds", at, event, "SEC_E_OK");
        judge.check("message/ntlm/protect-succeeds", at, made.is_some(), || {
            "there is no signature".to_owned()
        });
    }
    let Some((message, token)) = made else { return };
    unwritten(judge, at, event);
    direction.begin(protect.sequence);
    let number = direction.sequence();
    let read_only = protect.buffers.iter().find(|buffer| buffer.is_read_only());
    let covered = read_only
        .map(|buffer| buffer.bytes.as_slice())
        .unwrap_or_default();
    let expected = direction.next(plain, sealed, covered);
    let Ok(sent) = Signature::parse(&token) else {
        judge.check("message/ntlm/signature-checksum", at, false, || {
            format!("the signature has {} bytes", token.len())
        });
        return;
    };
    // Without extended session security the first four bytes behind the version are padding that nobody compares.
    let padding = if derived.flags.contains(NegotiateFlags::EXTENDED_SESSIONSECURITY) {
        0
    } else {
        4
    };
    if let Some(rule) = rule {
        let compared = 4 + padding..;
        let same = token.get(compared.clone()) == expected.token.get(compared);
        judge.check(rule, at, same && message == expected.message, || {
            format!(
                "message {number} has signature {}, the stream so far gives {}",
                hex::encode(&token),
                hex::encode(expected.token)
            )
        });
        return;
    }
    // The pages do not agree on the checksum of what may only be read (erratum M2).
    if read_only.is_some_and(|buffer| !buffer.is_signed()) {
        return;
    }
    signature(judge, at, &token, sent, (number, &expected.token, padding));
    if sealed {
        judge.check(
            "message/ntlm/sealed-message",
            at,
            message == expected.message,
            || {
                format!(
                    "the sealed message is {}, recomputed {}",
                    hex::encode(&message),
                    hex::encode(&expected.message)
                )
            },
        );
    }
}

/// Buffers that may only be read are as they were.
fn unwritten(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let read_only = |buffers: &[Buffer]| -> Vec<Buffer> {
        let found = buffers.iter().filter(|buffer| buffer.is_read_only());
        found.cloned().collect()
    };
    let before = event
        .protect()
        .map(|protect| read_only(&protect.buffers))
        .unwrap_or_default();
    let Some(outcome) = event.outcome().filter(|_| !before.is_empty()) else {
        return;
    };
    let after = read_only(&outcome.buffers);
    let same = before.len() == after.len()
        && before
            .iter()
            .zip(&after)
            .all(|(before, after)| before.bytes == after.bytes);
    judge.check("message/ntlm/read-only-not-written", at, same, || {
        let bytes = |buffers: &[Buffer]| {
            buffers
                .iter()
                .map(|buffer| hex::encode(&buffer.bytes))
                .collect::<Vec<_>>()
        };
        format!("the buffer was {:?} and is {:?}", bytes(&before), bytes(&after))
    });
}

/// The three parts of a signature against the expected ones.
fn signature(
    judge: &mut Judge<'_>,
    at: usize,
    token: &[u8],
    sent: Signature,
    (number, wanted, padding): (u32, &[u8; 16], usize),
) {
    judge.check_at(
        "message/ntlm/signature-version",
        at,
        Some(0..4),
        sent.version == 1,
        || format!("the signature has version {}", sent.version),
    );
    let [.., a, b, c, d] = *wanted;
    judge.check_at(
        "message/ntlm/signature-sequence",
        at,
        Some(12..16),
        sent.sequence == [a, b, c, d],
        || {
            format!(
                "message {number} of its direction has sequence field {}, expected {}",
                hex::encode(sent.sequence),
                hex::encode([a, b, c, d])
            )
        },
    );
    let compared = 4 + padding..12;
    let wanted = wanted.get(compared.clone()).unwrap_or_default();
    let found = token.get(compared.clone()).unwrap_or_default();
    judge.check_at(
        "message/ntlm/signature-checksum",
        at,
        Some(compared),
        wanted == found,
        || {
            format!(
                "the checksum is {}, recomputed {}",
                hex::encode(found),
                hex::encode(wanted)
            )
        },
    );
}

/// A message that nothing happened to is accepted, and comes out as it went in.
fn genuine(judge: &mut Judge<'_>, at: usize, event: &Event, rule: Option<&'static str>) {
    let buffers = event.protect().map(|protect| protect.buffers.as_slice());
    let plain_read_only = |buffer: &Buffer| buffer.is_read_only() && !buffer.is_signed();
    let rule = match rule {
        None if buffers.unwrap_or_default().iter().any(plain_read_only) => "message/ntlm/read-only-plain",
        None => "message/ntlm/genuine-message-accepted",
        Some(rule) => rule,
    };
    calls::status(judge, rule, at, event, "SEC_E_OK");
    let came_out = judge
        .meaning(event)
        .is_some_and(|meaning| meaning.class == Class::Ok);
    if came_out {
        unwritten(judge, at, event);
    }
    if !matches!(event.request, Request::Unseal(_)) || !came_out {
        return;
    }
    let before = judge.trace.events.get(..at).unwrap_or_default();
    let made = before
        .iter()
        .rev()
        .find(|event| event.purpose == Purpose::Protect);
    let plain = made
        .and_then(Event::protect)
        .and_then(|protect| trace::buffer(&protect.buffers, DATA));
    let found = event
        .outcome()
        .and_then(|outcome| trace::buffer(&outcome.buffers, DATA));
    let Some(plain) = plain else { return };
    judge.check(rule, at, found == Some(plain), || {
        let found = found.map_or_else(|| "nothing".to_owned(), hex::encode);
        format!(
            "the message came out as {found}, went in as {}",
            hex::encode(plain)
        )
    });
}

/// A message that comes again, or after one that was lost, is told apart from an altered one.
fn out_of_sequence(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let sequence_rules = [
        "message/ntlm/replayed-refused",
        "message/ntlm/lost-message-noticed",
    ];
    let about = event
        .expect
        .as_ref()
        .is_some_and(|expect| sequence_rules.contains(&expect.rule.as_str()));
    if about
        && judge
            .meaning(event)
            .is_some_and(|meaning| meaning.class == Class::Failure)
    {
        calls::status(
            judge,
            "message/ntlm/out-of-sequence-told",
            at,
            event,
            "SEC_E_OUT_OF_SEQUENCE",
        );
    }
}

/// The attributes by query are those of the last leg.
fn flags_queried(judge: &mut Judge<'_>, at: usize, event: &Event, answer: Option<&str>) {
    let legs = judge
        .trace
        .legs()
        .filter(|(place, leg)| *place < at && leg.side == event.side);
    let Some(granted) = legs.last().and_then(|(_, leg)| leg.attributes()) else {
        return;
    };
    let expected = format!("0x{:08x}", granted.bits);
    let rule = judge.rule_of_package("context", "flags");
    judge.check(&rule, at, answer == Some(&expected), || {
        format!(
            "the flags are {}, the last leg reported {expected}",
            answer.unwrap_or("nothing")
        )
    });
}

fn queried(judge: &mut Judge<'_>, at: usize, event: &Event, attribute: &str, derived: &Derived) {
    // The acceptor knows a guest by no name and no key of its own.
    if event.side == Role::Acceptor && judge.trace.world.makes_guest() && attribute != "flags" {
        return;
    }
    let values = event.outcome().map(|outcome| &outcome.values);
    let value = |name: &str| values.and_then(|values| values.get(name)).and_then(readable);
    match attribute {
        "session-key" => {
            let expected = hex::encode(derived.session_key);
            let found = value("session-key").unwrap_or_default();
            let rule = judge.rule_of_package("context", "session-key");
            judge.check(&rule, at, found == expected, || {
                format!("the session key is {found:?}, recomputed {expected}")
            });
        }
        "flags" => flags_queried(judge, at, event, value("flags")),
        "names" => {
            let identity = judge.trace.world.identity.clone();
            let part = |text: Option<Text>| text.map(|text| text.text).unwrap_or_default();
            let (user, domain) = identity.map_or_else(Default::default, |identity| {
                (part(identity.user), part(identity.domain))
            });
            let expected = if domain.is_empty() {
                user
            } else {
                format!("{domain}\\{user}")
            };
            let found = value("user").unwrap_or_default();
            let rule = judge.rule_of_package("context", "user-name");
            judge.check(&rule, at, found.to_lowercase() == expected.to_lowercase(), || {
                format!("the user is called {found:?}, expected {expected:?}")
            });
        }
        _ => {}
    }
}
