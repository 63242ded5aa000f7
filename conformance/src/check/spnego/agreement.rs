//! Two sides that are complete have seen the same: the promise of Negotiate, also where somebody stands in between.

use legwork_engine::ntlm::messages::NegotiateFlags;
use serde_json::Value;

use super::{View, named};
use crate::{
    check::{Judge, readable},
    protocol::{Request, Role},
    run::trace::Event,
    suite::mapping::Class,
};

const RULE: &str = "context/negotiate/same-view";

/// What both must have in common, and which code covers it.
pub(super) fn check(judge: &mut Judge<'_>, views: &[View; 2]) {
    let [initiator, acceptor] = views;
    if !(initiator.complete && acceptor.complete) || initiator.raw || acceptor.raw {
        return;
    }
    let trace = judge.trace;
    for role in Role::BOTH {
        let Some((at, _)) = trace.legs().filter(|(_, event)| event.side == role).last() else {
            continue;
        };
        for (what, ours, theirs) in differences(judge, views) {
            judge.check(RULE, at, ours == theirs, || {
                format!("both are complete; the initiator has {what} {ours}, the acceptor {theirs}")
            });
        }
    }
}

/// Each thing that is covered, as either side has it.
fn differences(judge: &Judge<'_>, [initiator, acceptor]: &[View; 2]) -> Vec<(&'static str, String, String)> {
    let mut seen = Vec::new();
    let chosen = |view: &View| {
        let first = view.offered.first();
        let oid = view.chosen.as_ref().or(first);
        oid.map_or_else(|| "none".to_owned(), named)
    };
    let heard = !judge.trace.legs().any(|(_, event)| event.altered_output);
    // The acceptor knows what it sent, and codes tell the initiator whether that arrived.
    if heard && (initiator.codes == [true, true] || acceptor.codes == [true, true]) {
        seen.push(("the mechanism", chosen(initiator), chosen(acceptor)));
        let list = |view: &View| view.offered.iter().map(named).collect::<Vec<_>>().join(" ");
        seen.push(("the list", list(initiator), list(acceptor)));
    }
    let protected = NegotiateFlags::SIGN | NegotiateFlags::SEAL;
    if let (true, Some((ours, _)), Some((theirs, _))) =
        (heard && initiator.announced, initiator.agreed, acceptor.agreed)
    {
        let shown = |flags: NegotiateFlags| format!("{:?}", flags & protected);
        seen.push(("the protection", shown(ours), shown(theirs)));
    }
    for (attribute, name) in [("session-key", "session-key"), ("negotiation-info", "package")] {
        let value = |role| answered(judge, role, attribute, name);
        if let (Some(ours), Some(theirs)) = (value(Role::Initiator), value(Role::Acceptor)) {
            seen.push((attribute, ours, theirs));
        }
    }
    seen
}

/// What a side that is complete says when it is asked.
fn answered(judge: &Judge<'_>, role: Role, attribute: &str, name: &str) -> Option<String> {
    let asked = |event: &&Event| {
        let this = matches!(&event.request, Request::Query { attribute: asked, .. } if asked == attribute);
        let answers = judge.meaning(event).map(|meaning| meaning.class) == Some(Class::Ok);
        event.side == role && this && answers
    };
    let event = judge.trace.events.iter().rfind(asked)?;
    let value = event.outcome()?.values.get(name)?;
    Some(readable(value).map_or_else(|| Value::to_string(value), str::to_owned))
}
