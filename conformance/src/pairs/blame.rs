//! Whose fault it is that two implementations do not understand each other.
//!
//! First the eavesdropper: if every token of one side is legal and the other refuses, the other is at fault, and the rule
//! is the one that makes the form legal. Then a second try confirms: the reference sends its own tokens with the options
//! of the side that was refused, and what counts is whether the same call refuses it. A try in which the reference has to
//! break the same rule proves nothing. What is left is decided by how each of the two fares beside the reference as it is, in
//! the other's wrapper where there is one.
//! What that does not decide stays undecided, with the rules on disputed evidence that the refused tokens break.
//!
//! Legs, protected messages and messages without a byte are three things: of a leg only tokens can be the reason, of a message
//! only signatures, and who refuses empty messages alone has understood the other.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Ending;
use crate::{
    check::{Finding, Verdict},
    protocol::{Form, Role},
    run::trace::{DATA, End, Event, Purpose},
    runner::CaseResult,
    suite::mapping::{Class, Mapping},
};

/// The rule about the checksum of a signature, which is recomputed from the secrets.
const CHECKSUM: &str = "message/ntlm/signature-checksum";

/// Rules about what follows from the keys alone.
const OF_KEYS: [&str; 2] = [CHECKSUM, "message/ntlm/sealed-message"];

/// The rule about the proof, which all keys follow from.
const PROOF: &str = "wire/ntlm/nt-proof";

/// Bytes of a signature (MS-NLMP section 2.2.2.9).
const SIGNATURE: usize = 16;

/// Whose fault it is, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Blame {
    /// The side at fault; none if that stays undecided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Role>,
    /// How it is known.
    pub by: By,
    /// Rules that the side broke, or that make the form legal which it refused; where nothing is decided, disputed ones.
    pub rules: Vec<String>,
    /// What happened.
    pub message: String,
}

/// How a fault is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Its process died, fell silent or broke the adapter protocol.
    Process,
    /// The eavesdropper saw what is not legal, or a refusal of what is, and the second try agrees.
    Legality,
    /// The reference's own tokens with the peer's options fare the same, or fare better.
    ReEmission,
    /// Beside the reference the one fails and the other does not.
    Substitution,
    /// Nothing tells.
    Undecided,
}

/// What of an exchange went otherwise than was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A leg.
    Exchange,
    /// A message that was to be protected or checked after a good exchange.
    Protection,
    /// Nothing but messages without a byte.
    EmptyMessage,
}

/// The first call that ended otherwise than was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Whose call.
    pub side: Role,
    /// What kind of call.
    pub stage: Stage,
    /// Number of it among the calls of which something is due: equal scripts have equal numbers.
    pub place: usize,
    /// Whether it refused what was to succeed.
    pub refused: bool,
    /// Its place in the trace.
    at: usize,
}

/// The same exchange with the reference on one side.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// What went wrong.
    pub mismatch: Option<Mismatch>,
    /// Whose process did not come to its end.
    pub died: Option<Role>,
    /// Rules that the reference broke in it because it imitates somebody.
    pub illegal: Vec<String>,
}

impl Trial {
    /// Of a result; none if the two cannot do it at all.
    #[must_use]
    pub fn of(mapping: &Mapping, result: &CaseResult, names: [&str; 2], reference: Role) -> Option<Self> {
        let mismatch = mismatch(mapping, result, names);
        let end = ending(mapping, result, names);
        let died = process(&result.trace.end).and_then(|blame| blame.side);
        let illegal = rules(result, |finding| finding.side == reference);
        (end != Ending::Unsupported).then_some(Self {
            mismatch,
            died,
            illegal,
        })
    }

    /// Whether the call at fault went wrong here as well; none if it was not reached.
    fn repeats(&self, first: &Mismatch) -> Option<bool> {
        match &self.mismatch {
            // To die of it is no better than to refuse it.
            _ if self.died == Some(first.side) => Some(true),
            Some(other) if other.place == first.place => (other.side == first.side).then_some(true),
            Some(other) if other.place < first.place => None,
            _ => Some(false),
        }
    }
}

/// How an exchange ended. Messages without a byte do not count: what refuses those alone breaks a rule, and understands the
/// other side.
#[must_use]
pub fn ending(mapping: &Mapping, result: &CaseResult, names: [&str; 2]) -> Ending {
    let spoilt = |mismatch: Mismatch| mismatch.stage != Stage::EmptyMessage;
    match &result.trace.end {
        End::Crash(..) | End::Hang(..) | End::AdapterFault(..) => Ending::Bad,
        _ if mismatch(mapping, result, names).is_some_and(spoilt) => Ending::Bad,
        End::Unsupported(..) | End::NotApplicable(_) | End::HarnessFault(_)
            if !completed(mapping, result, names) =>
        {
            Ending::Unsupported
        }
        _ if result
            .findings
            .iter()
            .any(|finding| finding.verdict == Verdict::Fail) =>
        {
            Ending::Deviant
        }
        _ => Ending::Good,
    }
}

/// Whose fault a bad ending is.
///
/// `again` is the exchange with the reference in the place of a side, and that side's options; `alone` the one of a side with the
/// reference as it is, but for the wrapper.
#[must_use]
pub fn blame(
    mapping: &Mapping,
    result: &CaseResult,
    names: [&str; 2],
    again: &dyn Fn(Role) -> Option<Trial>,
    alone: &dyn Fn(Role) -> Option<Trial>,
) -> Blame {
    if let Some(blame) = process(&result.trace.end) {
        return blame;
    }
    let Some(first) = mismatch(mapping, result, names) else {
        return undecided("nothing went wrong", Vec::new());
    };
    let Mismatch { side, at, .. } = first;
    let own = rules_at(result, at, side);
    let fault = |side, by, rules| Blame {
        side: Some(side),
        by,
        rules,
        message: message(result, at, first.side),
    };
    let calls_peer = result.trace.events.get(at).is_some_and(takes_from_peer);
    if !first.refused || !calls_peer {
        return fault(side, By::Legality, own);
    }
    let illegal = illegal_before(result, &first);
    // The bytes of a signature follow from the keys: there is no other form that a second try could show.
    if first.stage != Stage::Exchange && (was_recomputed(result, &first) || !illegal.is_empty()) {
        return match illegal.is_empty() {
            true => fault(side, By::Legality, own),
            false => fault(side.peer(), By::Legality, illegal),
        };
    }
    let trial = again(side.peer());
    // Where the reference has to break the same rules to imitate the peer, its trial proves nothing.
    let pure = trial.filter(|trial| !trial.illegal.iter().any(|rule| illegal.contains(rule)));
    match (illegal.is_empty(), pure.and_then(|trial| trial.repeats(&first))) {
        (true, Some(true)) => fault(side, By::Legality, own),
        (false, Some(true)) => fault(side, By::ReEmission, own),
        (false, Some(false)) => fault(side.peer(), By::Legality, illegal),
        (_, _) => {
            let fails = |role| alone(role).and_then(|trial| trial.repeats(&first));
            match (fails(side), fails(side.peer())) {
                (Some(true), Some(false)) => fault(side, By::Substitution, own),
                (Some(false), Some(true)) => fault(side.peer(), By::Substitution, illegal),
                // The one gets on with the reference as it is, the other breaks rules.
                (Some(false), _) if !illegal.is_empty() => fault(side.peer(), By::Substitution, illegal),
                _ => undecided(&message(result, at, side), disputed(result, at, side.peer())),
            }
        }
    }
}

/// The fault of a process that did not come to its end.
fn process(end: &End) -> Option<Blame> {
    let (role, message) = match end {
        End::Crash(role, message) => (role, format!("crash: {message}")),
        End::Hang(role, message) => (role, format!("hang: {message}")),
        End::AdapterFault(role, message) => (role, format!("adapter-fault: {message}")),
        _ => return None,
    };
    Some(Blame {
        side: Some(*role),
        by: By::Process,
        rules: Vec::new(),
        message,
    })
}

/// Whether a call is given something that the peer made.
fn takes_from_peer(event: &Event) -> bool {
    match event.purpose {
        Purpose::Leg(_) => event.input().is_some(),
        Purpose::Protect => false,
        _ => true,
    }
}

fn undecided(message: &str, rules: Vec<String>) -> Blame {
    Blame {
        side: None,
        by: By::Undecided,
        rules,
        message: message.to_owned(),
    }
}

/// The first call that ended otherwise than was due. Those about messages without a byte come last.
#[must_use]
pub fn mismatch(mapping: &Mapping, result: &CaseResult, names: [&str; 2]) -> Option<Mismatch> {
    let calls = result.trace.events.iter().enumerate();
    let due = calls.filter(|(_, event)| {
        matches!(
            event.purpose,
            Purpose::Leg(_) | Purpose::Protect | Purpose::Check { genuine: true }
        ) && event.outcome().is_some()
    });
    let wrong = |(place, (at, event)): (usize, (usize, &Event))| {
        let refused = class(mapping, event, names)? == Class::Failure;
        (refused == success_due(mapping, event)).then_some(Mismatch {
            side: event.side,
            stage: stage(event),
            place,
            refused,
            at,
        })
    };
    let wrong: Vec<Mismatch> = due.enumerate().filter_map(wrong).collect();
    let spoilt = wrong
        .iter()
        .find(|mismatch| mismatch.stage != Stage::EmptyMessage);
    spoilt.or_else(|| wrong.first()).copied()
}

fn stage(event: &Event) -> Stage {
    let Some(protect) = event.protect() else {
        return Stage::Exchange;
    };
    let data = protect.buffers.iter().filter(|buffer| buffer.kind == DATA);
    let bytes: usize = data.map(|buffer| buffer.bytes.len()).sum();
    // To check, the form `whole` has the signature before the message.
    let checks = matches!(event.purpose, Purpose::Check { .. });
    let signature = usize::from(checks && protect.form == Form::Whole) * SIGNATURE;
    match bytes <= signature {
        true => Stage::EmptyMessage,
        false => Stage::Protection,
    }
}

fn class(mapping: &Mapping, event: &Event, names: [&str; 2]) -> Option<Class> {
    let [initiator, acceptor] = names;
    let name = if event.side == Role::Initiator {
        initiator
    } else {
        acceptor
    };
    // What no table knows is no success.
    event.status().map(|status| {
        mapping
            .meaning(status, name)
            .map_or(Class::Failure, |meaning| meaning.class)
    })
}

fn success_due(mapping: &Mapping, event: &Event) -> bool {
    let Some(expect) = event.expect.as_ref().filter(|expect| !expect.status.is_empty()) else {
        return true;
    };
    expect.status.iter().any(|name| !mapping.is_refusal(name))
}

/// Whether the legs of both sides came to their end.
fn completed(mapping: &Mapping, result: &CaseResult, names: [&str; 2]) -> bool {
    Role::BOTH.into_iter().all(|role| {
        let last = result.trace.legs().filter(|(_, event)| event.side == role).last();
        let class = last.and_then(|(_, event)| class(mapping, event, names));
        matches!(class, Some(Class::Ok | Class::Complete | Class::Silent))
    })
}

/// Rules that a side broke at a call: what the scenario says of the call, if it says anything, else those of all checks.
fn rules_at(result: &CaseResult, at: usize, side: Role) -> Vec<String> {
    let expect = result
        .trace
        .events
        .get(at)
        .and_then(|event| event.expect.as_ref());
    let here = |finding: &Finding| finding.side == side && finding.event == Some(at);
    let all = rules(result, here);
    match expect.map(|expect| expect.rule.clone()) {
        Some(rule) if all.contains(&rule) => vec![rule],
        _ => all,
    }
}

/// Rules that the peer of a mismatch broke before it, and that show: those of tokens if it is a leg, those of signatures if it is
/// a protected message. What a side tells its own caller is nothing to the other. Where both made their keys of the same wrong
/// proof, the eavesdropper's are none of theirs, and a checksum says nothing.
fn illegal_before(result: &CaseResult, first: &Mismatch) -> Vec<String> {
    let other_keys = result
        .findings
        .iter()
        .any(|finding| finding.rule == PROOF && finding.verdict == Verdict::Fail);
    let about = match first.stage {
        Stage::Exchange => "wire/",
        Stage::Protection | Stage::EmptyMessage => "message/",
    };
    rules(result, |finding| {
        finding.side == first.side.peer()
            && finding.rule.starts_with(about)
            && !(other_keys && OF_KEYS.contains(&finding.rule.as_str()))
            && finding.event.is_some_and(|event| event < first.at)
    })
}

/// Whether the eavesdropper found the signature that was refused to be what it should be.
fn was_recomputed(result: &CaseResult, first: &Mismatch) -> bool {
    let events = result.trace.events.get(..first.at).unwrap_or_default();
    let made = events
        .iter()
        .rposition(|event| event.side != first.side && event.purpose == Purpose::Protect);
    result.findings.iter().any(|finding| {
        finding.event.is_some()
            && finding.event == made
            && finding.rule == CHECKSUM
            && finding.verdict == Verdict::Pass
    })
}

/// Rules on disputed evidence, and those that are no duty, that a side broke in its tokens before a call.
fn disputed(result: &CaseResult, at: usize, side: Role) -> Vec<String> {
    let warned = result.findings.iter().filter(|finding| {
        finding.verdict == Verdict::Warn
            && finding.side == side
            && finding.rule.starts_with("wire/")
            && finding.event.is_some_and(|event| event < at)
    });
    let rules: BTreeSet<&String> = warned.map(|finding| &finding.rule).collect();
    rules.into_iter().cloned().collect()
}

fn rules(result: &CaseResult, of: impl Fn(&Finding) -> bool) -> Vec<String> {
    let failed = result
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail && of(finding));
    let rules: BTreeSet<&String> = failed.map(|finding| &finding.rule).collect();
    rules.into_iter().cloned().collect()
}

fn message(result: &CaseResult, at: usize, side: Role) -> String {
    let here = |finding: &&Finding| {
        finding.side == side && finding.event == Some(at) && finding.verdict >= Verdict::Warn
    };
    // Of several findings the one about the status says what happened.
    let mut found: Vec<&Finding> = result.findings.iter().filter(here).collect();
    found.sort_by_key(|finding| !finding.message.starts_with("expected "));
    let said = found.first().map(|finding| finding.message.clone());
    said.unwrap_or_else(|| {
        let event = result.trace.events.get(at);
        let status = event.and_then(Event::status);
        let text = status.map(|status| {
            format!(
                "{} {}",
                status.code,
                status.message.as_deref().unwrap_or_default()
            )
        });
        format!("the {} answers {}", side.name(), text.unwrap_or_default().trim())
    })
}
