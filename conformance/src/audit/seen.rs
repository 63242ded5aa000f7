//! Which statuses, flags and arguments the checks of a run saw.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
};

use legwork_engine::flags::{AcceptAttributes, AcceptRequirements, InitAttributes, InitRequirements};
use serde_json::Value;

use crate::{
    caller::{self, Entry},
    check::Verdict,
    protocol::{Leg, Namespace, Outcome, Request, Role, Status},
    report::log::{self, ReadError, Record},
    run::trace::Event,
    runner::CaseResult,
    subject::Answer,
    suite::{Suite, mapping::Mapping},
};

/// What the checks of each rule saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    rules: BTreeMap<String, BTreeMap<String, Sight>>,
}

/// How often checks of a rule saw a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// Checks at calls that had the value.
    pub checks: usize,
    /// Cases with such a check.
    pub cases: BTreeSet<String>,
}

impl Seen {
    /// What checks saw in a run, and in the traces of programs.
    #[must_use]
    pub fn of(suite: &Suite, results: &[CaseResult]) -> Self {
        let mut seen = Self::of_traces(suite);
        for result in results {
            let mut values: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
            let decided = result
                .findings
                .iter()
                .filter(|finding| finding.verdict >= Verdict::Pass);
            for finding in decided {
                let Some((at, event)) = finding
                    .event
                    .and_then(|at| Some((at, result.trace.events.get(at)?)))
                else {
                    continue;
                };
                let values = values
                    .entry(at)
                    .or_insert_with(|| of_event(&suite.mapping, event));
                seen.add(&finding.rule, &result.case, values);
            }
        }
        seen
    }

    /// What checks saw by a run log, and in the traces of programs.
    ///
    /// # Errors
    ///
    /// The log cannot be read.
    pub fn of_log(suite: &Suite, input: impl BufRead) -> Result<Self, ReadError> {
        let mut seen = Self::of_traces(suite);
        let mut calls: BTreeMap<(String, usize), BTreeSet<String>> = BTreeMap::new();
        log::each(input, |record| match record {
            Record::CaseStart { .. } => calls.clear(),
            Record::Call {
                case,
                call,
                side,
                request,
                reply,
                completed,
                ..
            } => {
                let outcomes = [Some(reply), completed].into_iter().flatten();
                let outcomes: Vec<Outcome> = outcomes.filter_map(outcome).collect();
                if let Ok(request) = serde_json::from_value(request) {
                    let values = of_call(&suite.mapping, side, &request, outcomes.iter());
                    calls.insert((case, call), values);
                }
            }
            Record::Check(check) if check.verdict >= Verdict::Pass => {
                let values = check.call.and_then(|call| calls.get(&(check.case.clone(), call)));
                if let (Some(rule), Some(values)) = (&check.rule, values) {
                    seen.add(rule, &check.case, values);
                }
            }
            _ => {}
        })?;
        Ok(seen)
    }

    fn of_traces(suite: &Suite) -> Self {
        let mut seen = Self::default();
        for vector in caller::traces() {
            let Ok(trace) = &vector.trace else { continue };
            for check in caller::judge(suite, trace) {
                let call = trace.entries.iter().find_map(|entry| match entry {
                    Entry::Call(call) if call.line == check.line => Some(call),
                    _ => None,
                });
                // What is looked at without a call was returned by the last one.
                let before = || {
                    trace.entries.iter().rev().find_map(|entry| match entry {
                        Entry::Call(call) if call.line < check.line => Some(call),
                        _ => None,
                    })
                };
                if let Some(call) = call.or_else(before) {
                    let side = side(&call.request);
                    let values = of_call(&suite.mapping, side, &call.request, call.outcome.iter());
                    seen.add(check.rule, &vector.id, &values);
                }
            }
        }
        seen
    }

    fn add(&mut self, rule: &str, case: &str, values: &BTreeSet<String>) {
        let known = self.rules.entry(rule.to_owned()).or_default();
        for value in values {
            let sight = known.entry(value.clone()).or_default();
            sight.checks = sight.checks.saturating_add(1);
            if !sight.cases.contains(case) {
                sight.cases.insert(case.to_owned());
            }
        }
    }

    /// How often the checks of a rule saw a value.
    #[must_use]
    pub fn sight(&self, rule: &str, value: &str) -> Sight {
        let sight = self.rules.get(rule).and_then(|values| values.get(value));
        sight.cloned().unwrap_or_default()
    }
}

fn side(request: &Request) -> Role {
    match request {
        Request::Accept(_) => Role::Acceptor,
        _ => Role::Initiator,
    }
}

fn of_event(mapping: &Mapping, event: &Event) -> BTreeSet<String> {
    let outcomes = [Some(&event.answer), event.completed.as_ref()];
    let outcomes = outcomes.into_iter().flatten().filter_map(Answer::outcome);
    of_call(mapping, event.side, &event.request, outcomes)
}

/// The values that a call had, by the names that documentation has for them.
fn of_call<'a>(
    mapping: &Mapping,
    side: Role,
    request: &Request,
    outcomes: impl Iterator<Item = &'a Outcome>,
) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    let leg = match request {
        Request::Initialize(leg) | Request::Accept(leg) => Some(leg),
        _ => None,
    };
    if let Some(leg) = leg {
        arguments(&mut values, side, leg);
        flags(&mut values, side, "REQ", leg.requirements);
    }
    for outcome in outcomes {
        statuses(&mut values, mapping, outcome.status.as_ref());
        let attributes = outcome.attributes.as_ref();
        if let (Some(leg), Some(attributes)) =
            (leg, attributes.filter(|word| word.namespace == Namespace::Sspi))
        {
            values.insert("pfContextAttr".to_owned());
            // An attribute that was asked for and is not there was looked for.
            flags(&mut values, side, "RET", attributes.bits | leg.requirements);
        }
        if leg.is_some() && outcome.expiry.is_some() {
            values.insert(expiry(side).to_owned());
        }
    }
    values
}

fn expiry(side: Role) -> &'static str {
    match side {
        Role::Initiator => "ptsExpiry",
        Role::Acceptor => "ptsTimeStamp",
    }
}

fn statuses(values: &mut BTreeSet<String>, mapping: &Mapping, status: Option<&Status>) {
    if let Some(meaning) = status.and_then(|status| mapping.row(status.namespace, &status.code)) {
        values.insert(meaning.name.clone());
        values.extend(meaning.also.iter().cloned());
    }
}

/// The arguments that a leg had. Those that are numbers it always has.
fn arguments(values: &mut BTreeSet<String>, side: Role, leg: &Leg) {
    let given = [
        ("phCredential", leg.credential.is_some()),
        ("phContext", leg.context.is_some()),
        ("pszTargetName", side == Role::Initiator && leg.target.is_some()),
        ("fContextReq", true),
        ("Reserved1", side == Role::Initiator),
        ("TargetDataRep", true),
        ("pInput", !leg.input.is_empty()),
        ("Reserved2", side == Role::Initiator),
        ("phNewContext", true),
        ("pOutput", !leg.output.is_empty()),
    ];
    let given = given.into_iter().filter(|(_, given)| *given);
    values.extend(given.map(|(name, _)| name.to_owned()));
}

/// The flags of a word.
fn flags(values: &mut BTreeSet<String>, side: Role, word: &str, bits: u32) {
    let mut add = |prefix: &str, named: &mut dyn Iterator<Item = (&'static str, u32)>| {
        let set = named.filter(|(_, bit)| bits & bit != 0);
        values.extend(set.map(|(name, _)| format!("{prefix}{name}")));
    };
    match (side, word) {
        (Role::Initiator, "REQ") => {
            let named = InitRequirements::NAMED
                .iter()
                .map(|(name, flag)| (*name, flag.bits()));
            add(InitRequirements::PREFIX, &mut named.into_iter());
        }
        (Role::Initiator, _) => {
            let named = InitAttributes::NAMED
                .iter()
                .map(|(name, flag)| (*name, flag.bits()));
            add(InitAttributes::PREFIX, &mut named.into_iter());
        }
        (Role::Acceptor, "REQ") => {
            let named = AcceptRequirements::NAMED
                .iter()
                .map(|(name, flag)| (*name, flag.bits()));
            add(AcceptRequirements::PREFIX, &mut named.into_iter());
        }
        (Role::Acceptor, _) => {
            let named = AcceptAttributes::NAMED
                .iter()
                .map(|(name, flag)| (*name, flag.bits()));
            add(AcceptAttributes::PREFIX, &mut named.into_iter());
        }
    }
}

/// The outcome in a reply of a log.
fn outcome(reply: Value) -> Option<Outcome> {
    match reply {
        Value::Object(mut reply) => serde_json::from_value(reply.remove("outcome")?).ok(),
        _ => None,
    }
}
