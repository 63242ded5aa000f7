//! What a context that was negotiated tells of itself when it is asked.

use legwork_engine::negotiate::messages::Oid;
use serde_json::Value;

use super::named;
use crate::{
    check::{Judge, readable},
    protocol::{Request, Role},
    run::trace::Event,
    suite::mapping::Class,
};

/// The answers to queries of all contexts.
pub(super) fn check(judge: &mut Judge<'_>) {
    let trace = judge.trace;
    for (at, event) in trace.events.iter().enumerate() {
        let class = judge.meaning(event).map(|meaning| meaning.class);
        let Request::Query { attribute, .. } = &event.request else {
            continue;
        };
        if class != Some(Class::Ok) {
            continue;
        }
        match attribute.as_str() {
            "negotiation-info" => negotiation(judge, at, event),
            "sizes" => sizes(judge, at, event),
            "lifespan" => lifespan(judge, at, event),
            "native-names" => native_names(judge, at, event),
            _ => {}
        }
    }
}

fn value<'e>(event: &'e Event, name: &str) -> Option<&'e Value> {
    event.outcome()?.values.get(name)
}

/// The package that was chosen, and how far the negotiation has come.
fn negotiation(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let legs = judge
        .trace
        .legs()
        .filter(|(place, leg)| *place < at && leg.side == event.side);
    let last = legs.last().and_then(|(_, leg)| judge.meaning(leg));
    let done = last.is_some_and(|meaning| meaning.class == Class::Ok);
    if let Some(state) = value(event, "state").and_then(Value::as_u64) {
        judge.check(
            "context/negotiate/negotiation-state",
            at,
            (state == 0) == done,
            || format!("the state is {state}, complete: {done}"),
        );
    }
    if let (Some(package), true) = (value(event, "package").and_then(readable), done) {
        let ntlm = named(&Oid::NTLM);
        judge.check(
            "context/negotiate/negotiation-info",
            at,
            package.eq_ignore_ascii_case(&ntlm),
            || format!("the package is {package:?}, {ntlm} was chosen"),
        );
    }
}

/// There is room for the longest token that the side has made, and for a signature of the mechanism. What the answer does
/// not have is not judged.
fn sizes(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let number = |name: &str| value(event, name).and_then(Value::as_u64);
    let made = judge.trace.legs().filter(|(_, leg)| leg.side == event.side);
    let longest = made.filter_map(|(_, leg)| leg.output()).map(<[u8]>::len).max();
    let longest = u64::try_from(longest.unwrap_or_default()).unwrap_or(u64::MAX);
    let (room, signature) = (number("max-token"), number("max-signature"));
    if room.or(signature).is_none() {
        judge.not_applicable("context/negotiate/sizes", at, "max-token, max-signature");
        return;
    }
    let fits = room.is_none_or(|room| room >= longest) && signature.is_none_or(|size| size == 16);
    judge.check("context/negotiate/sizes", at, fits, || {
        format!("room for tokens is {room:?}, the longest had {longest}; for signatures {signature:?}, NTLM's have 16")
    });
}

/// The end of the context's life is the one that the last leg reported.
fn lifespan(judge: &mut Judge<'_>, at: usize, event: &Event) {
    let legs = judge
        .trace
        .legs()
        .filter(|(place, leg)| *place < at && leg.side == event.side);
    let reported = legs
        .last()
        .and_then(|(_, leg)| leg.outcome())
        .and_then(|outcome| outcome.expiry);
    let Some(reported) = reported else {
        judge.not_applicable("context/negotiate/lifespan", at, "expiry");
        return;
    };
    let told = value(event, "expiry").and_then(Value::as_u64);
    judge.check("context/negotiate/lifespan", at, told == Some(reported), || {
        format!("the lifespan is {told:?}, the last leg reported {reported}")
    });
}

/// The initiator's target is the one that its calls named. An acceptor does not know what it was called.
fn native_names(judge: &mut Judge<'_>, at: usize, event: &Event) {
    if event.side == Role::Acceptor {
        return;
    }
    let target = judge.trace.world.target.as_ref().map(|text| text.text.clone());
    let told = value(event, "target").and_then(readable).map(str::to_owned);
    let same = told.clone().unwrap_or_default() == target.clone().unwrap_or_default();
    judge.check("context/negotiate/native-names", at, same, || {
        format!("the target is called {told:?}, and was named {target:?}")
    });
}
