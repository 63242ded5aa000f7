//! A page for a case: what was found, the exchange drawn, its tokens, and what differs.

use std::{io, ops::Range};

use askama::Template;

use super::{
    Page, Sink, Site, Subject, escape,
    exchange::Call,
    matrix::Cited,
    page, place,
    ran::Kept,
    sequence::{Marked, Sequence},
    token::{Diff, Token},
};
use crate::{
    protocol::{Request, Role},
    report::operation,
    run::trace::{Event, Trace},
    runner::{self, Options, Saboteurs},
};

/// The page.
#[derive(Debug, Template)]
#[template(path = "case.html")]
struct CasePage {
    page: Page,
    key: String,
    subject: String,
    subject_href: String,
    judged: String,
    text: String,
    end: String,
    axes: Vec<(String, String)>,
    repro: String,
    sequence: String,
    findings: Vec<Found>,
    calls: Vec<Shown>,
    /// Calls that are not shown.
    more: usize,
}

/// A failed check.
#[derive(Debug)]
struct Found {
    number: usize,
    rule: Cited,
    anomaly: String,
    side: &'static str,
    verdict: &'static str,
    is_known: bool,
    message: String,
    /// Number of the call.
    call: Option<usize>,
    range: String,
}

/// A call.
#[derive(Debug)]
struct Shown {
    number: usize,
    side: &'static str,
    operation: String,
    status: String,
    remark: String,
    facts: Vec<(&'static str, String)>,
    findings: Vec<usize>,
    token: Option<Token>,
    diffs: Vec<Diff>,
}

impl CasePage {
    /// The key as markup that may be broken between its parts.
    fn breakable(&self) -> String {
        escape::breakable(&self.key)
    }
}

/// Writes the pages of a subject's cases.
pub(super) fn write(site: &Site<'_>, subject: &Subject, out: &mut Sink<'_>) -> io::Result<()> {
    for kept in &subject.kept {
        out(
            &place::case(&subject.slug, &kept.key),
            &page(&case_page(site, subject, kept)?)?,
        )?;
    }
    Ok(())
}

fn case_page(site: &Site<'_>, subject: &Subject, kept: &Kept) -> io::Result<CasePage> {
    let findings = findings(site, subject, kept);
    let marks: Vec<Marked> = findings
        .iter()
        .filter_map(|found| Some((found.call?, found.number, found.rule.id.clone())))
        .collect();
    let twin = twin(site, subject, kept);
    let calls: Vec<Shown> = (0..)
        .zip(&kept.calls)
        .filter(|(_, call)| call.is_leg() || marks.iter().any(|(at, ..)| *at == call.number))
        .map(|(at, call)| shown(site, kept, twin.as_ref(), (at, call), &marks))
        .collect();
    let scenario = site.suite.scenario(&kept.scenario);
    Ok(CasePage {
        page: Page::new("../../", "index", format!("{} with {}", kept.key, subject.title)),
        key: kept.key.clone(),
        subject: subject.title.clone(),
        subject_href: place::subject(&subject.slug),
        judged: super::judged(&kept.judged),
        text: scenario
            .map(|entry| entry.scenario.text.clone())
            .unwrap_or_default(),
        end: kept.end.clone(),
        axes: kept.axes.clone().into_iter().collect(),
        repro: subject.repro(&kept.key),
        sequence: page(&Sequence::new(site.suite, &kept.calls, &marks))?,
        findings,
        more: kept.calls.len().saturating_sub(calls.len()),
        calls,
    })
}

fn findings(site: &Site<'_>, subject: &Subject, kept: &Kept) -> Vec<Found> {
    let all = (1..).zip(&kept.failed);
    let found = all.map(|(number, failed)| Found {
        number,
        rule: site.cite(&failed.rule),
        anomaly: place::anomaly(&subject.slug, &failed.rule, failed.side),
        side: failed.side.name(),
        verdict: failed.verdict.name(),
        is_known: failed.is_known,
        message: failed.message.clone(),
        call: failed
            .call
            .filter(|at| kept.calls.iter().any(|call| call.number == *at)),
        range: match &failed.range {
            Some(range) => format!("bytes {:#x}–{:#x} of its token", range.start, range.end),
            None => String::new(),
        },
    });
    found.collect()
}

/// The reference in the same case, if the suite has it.
fn twin(site: &Site<'_>, subject: &Subject, kept: &Kept) -> Option<Trace> {
    let case = site.cases.get(kept.key.split('@').next()?)?;
    let options = Options {
        seed: subject.seed,
        ..Options::default()
    };
    let run = || runner::run_sabotaged(site.suite, case, &options, &Saboteurs::default()).trace;
    let needed = kept.failed.iter().any(|failed| failed.range.is_some());
    (subject.foreign && needed).then(run)
}

fn shown(
    site: &Site<'_>,
    kept: &Kept,
    twin: Option<&Trace>,
    (at, call): (usize, &Call),
    marks: &[Marked],
) -> Shown {
    let here = kept
        .failed
        .iter()
        .filter(|failed| failed.call == Some(call.number));
    let ranges: Vec<Range<usize>> = here.filter_map(|failed| failed.range.clone()).collect();
    let id = format!("call-{}", call.number);
    let token = call
        .token()
        .map(|bytes| Token::new(&id, call.kind(bytes), bytes, &ranges));
    let tampered = tampered(kept, at, call);
    let beside = twin
        .filter(|_| !ranges.is_empty())
        .and_then(|twin| beside(kept, twin, at, call, &ranges));
    Shown {
        number: call.number,
        side: call.side.name(),
        operation: call.operation.clone(),
        status: call.status(site.suite).unwrap_or_default(),
        remark: call.remark().unwrap_or_default().to_owned(),
        facts: facts(call),
        findings: marks
            .iter()
            .filter(|(at, ..)| *at == call.number)
            .map(|(_, number, _)| *number)
            .collect(),
        token,
        diffs: tampered.into_iter().chain(beside).collect(),
    }
}

/// What was asked and granted, as far as it is a word of bits.
fn facts(call: &Call) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(Request::Initialize(leg) | Request::Accept(leg)) = &call.request {
        facts.push(("requirements", format!("{:#010x}", leg.requirements)));
        if let Some(target) = &leg.target {
            facts.push(("target", target.text.clone()));
        }
        if leg.bindings.is_some() {
            facts.push(("channel bindings", "given".to_owned()));
        }
    }
    let outcome = call.answer.outcome();
    if let Some(attributes) = outcome.and_then(|outcome| outcome.attributes.as_ref()) {
        facts.push(("attributes", format!("{:#010x}", attributes.bits)));
    }
    facts
}

/// What happened to the input on its way.
fn tampered(kept: &Kept, at: usize, call: &Call) -> Option<Diff> {
    let before = kept.calls.get(..at)?.iter().rev();
    let mut sent = before.filter(|earlier| earlier.side != call.side && earlier.is_leg());
    let (sent, received) = (sent.find_map(Call::token)?, call.input()?);
    let changed = call.altered_input && sent != received;
    changed.then_some(())?;
    let title = "The input changed on its way";
    let kind = call.kind(sent);
    Diff::new(
        title,
        ("as it was sent", "as it came"),
        kind,
        (sent, received),
        &[],
    )
}

/// What the reference has in its place, in the bytes that findings are about.
fn beside(kept: &Kept, twin: &Trace, at: usize, call: &Call, ranges: &[Range<usize>]) -> Option<Diff> {
    let token = call.token()?;
    let same = |side: Role, name: &str| side == call.side && name == call.operation;
    let before = kept.calls.get(..at)?.iter();
    let number = before
        .filter(|earlier| same(earlier.side, &earlier.operation))
        .count();
    let alike = |event: &&Event| same(event.side, operation(&event.request));
    let its = twin.events.iter().filter(alike).nth(number)?.output()?;
    let title = "The reference in its place";
    let sides = ("the reference", "the subject");
    Diff::new(title, sides, call.kind(token), (its, token), ranges)
}
