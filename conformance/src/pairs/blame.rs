//! Whose fault it is that two implementations do not understand each other.
//!
//! First the eavesdropper: if every token of one side is legal and the other refuses, the other is at fault, and the rule
//! is the one that makes the form legal. Then a second try confirms: the reference sends its own tokens with the options
//! of the side that was refused. What is left is decided by how each of the two fares beside the reference. What that does
//! not decide stays undecided.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Ending;
use crate::{
    check::{Finding, Verdict},
    protocol::Role,
    run::trace::{End, Event, Purpose},
    runner::CaseResult,
    suite::mapping::{Class, Mapping},
};

/// Whose fault it is, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Blame {
    /// The side at fault; none if that stays undecided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Role>,
    /// How it is known.
    pub by: By,
    /// Rules that the side broke, or that make the form legal which it refused.
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

/// How an exchange ended.
#[must_use]
pub fn ending(mapping: &Mapping, result: &CaseResult, names: [&str; 2]) -> Ending {
    match &result.trace.end {
        End::Crash(..) | End::Hang(..) | End::AdapterFault(..) => Ending::Bad,
        _ if mismatch(mapping, result, names).is_some() => Ending::Bad,
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
#[must_use]
pub fn blame(
    mapping: &Mapping,
    result: &CaseResult,
    names: [&str; 2],
    again: &dyn Fn(Role) -> Option<Ending>,
    alone: &dyn Fn(Role) -> Option<Ending>,
) -> Blame {
    let process = match &result.trace.end {
        End::Crash(role, message) => Some((role, format!("crash: {message}"))),
        End::Hang(role, message) => Some((role, format!("hang: {message}"))),
        End::AdapterFault(role, message) => Some((role, format!("adapter-fault: {message}"))),
        _ => None,
    };
    if let Some((role, message)) = process {
        return Blame {
            side: Some(*role),
            by: By::Process,
            rules: Vec::new(),
            message,
        };
    }
    let Some((at, event, refused)) = mismatch(mapping, result, names) else {
        return undecided("nothing went wrong");
    };
    let side = event.side;
    let message = message(result, at, side);
    if !refused {
        let rules = rules_at(result, at, side);
        return Blame {
            side: Some(side),
            by: By::Legality,
            rules,
            message,
        };
    }
    let illegal = illegal_before(result, at, side.peer());
    let fault = |side, by, rules| Blame {
        side: Some(side),
        by,
        rules,
        message: message.clone(),
    };
    match (illegal.is_empty(), again(side.peer())) {
        (true, Some(Ending::Bad)) => fault(side, By::Legality, rules_at(result, at, side)),
        (false, Some(Ending::Bad)) => fault(side, By::ReEmission, rules_at(result, at, side)),
        (false, Some(Ending::Good | Ending::Deviant)) => fault(side.peer(), By::Legality, illegal),
        (_, _) => match (alone(side), alone(side.peer())) {
            (Some(Ending::Bad), Some(Ending::Good | Ending::Deviant)) => {
                fault(side, By::Substitution, rules_at(result, at, side))
            }
            (Some(Ending::Good | Ending::Deviant), Some(Ending::Bad)) => {
                fault(side.peer(), By::Substitution, illegal)
            }
            _ => undecided(&message),
        },
    }
}

fn undecided(message: &str) -> Blame {
    Blame {
        side: None,
        by: By::Undecided,
        rules: Vec::new(),
        message: message.to_owned(),
    }
}

/// The first call that ended otherwise than was due: its place, and whether it refused what was to succeed.
fn mismatch<'r>(
    mapping: &Mapping,
    result: &'r CaseResult,
    names: [&str; 2],
) -> Option<(usize, &'r Event, bool)> {
    let calls = result.trace.events.iter().enumerate();
    let mut due = calls.filter(|(_, event)| {
        matches!(
            event.purpose,
            Purpose::Leg(_) | Purpose::Protect | Purpose::Check { genuine: true }
        ) && event.outcome().is_some()
    });
    due.find_map(|(at, event)| {
        let refused = class(mapping, event, names)? == Class::Failure;
        (refused == success_due(mapping, event)).then_some((at, event, refused))
    })
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

/// Rules that a side's failed checks at a call are of.
fn rules_at(result: &CaseResult, at: usize, side: Role) -> Vec<String> {
    rules(result, |finding| {
        finding.side == side && finding.event == Some(at)
    })
}

/// Rules that a side broke before a call.
fn illegal_before(result: &CaseResult, at: usize, side: Role) -> Vec<String> {
    rules(result, |finding| {
        finding.side == side && finding.event.is_some_and(|event| event < at)
    })
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
    let said = result
        .findings
        .iter()
        .find(here)
        .map(|finding| finding.message.clone());
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
