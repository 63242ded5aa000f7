//! Writes the run log.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::{Check, Expectation, Finish, Known, Line, Record, SCHEMA, Start, Unique};
use crate::{
    check::{Finding, Verdict, severity},
    control::Control,
    expectations::{Counts, Expectations, Taken},
    protocol::Hello,
    report::{Run, Who, answer_json, summary},
    run::{
        case::Case,
        trace::{Cost, End, Event},
    },
    runner::{CaseResult, Options, repeated},
    suite::Suite,
};

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Who.
    pub who: &'a Who,
    /// The cases.
    pub cases: &'a [Case<'a>],
    /// The keys of the cases; a case has one for each role that is judged by itself.
    pub keys: &'a [String],
    /// What was judged by.
    pub suite: &'a Suite,
    /// How.
    pub options: &'a Options,
    /// Whether a warning is a failure.
    pub strict: bool,
    /// Whether it is the whole suite.
    pub whole: bool,
    /// What is known of the subject.
    pub expectations: &'a Expectations,
}

/// Writes a log, case by case. After an error nothing more is written.
#[derive(Debug)]
pub struct Writer<'a, W: Write> {
    out: W,
    plan: Plan<'a>,
    /// The cases by id.
    cases: BTreeMap<&'a str, &'a Case<'a>>,
    failed: Option<io::Error>,
    /// What each expectation matches, without the checks that come after all cases.
    counts: Vec<Counts>,
    /// Number of checks and the verdict of each case that was written.
    written: BTreeMap<String, (usize, Verdict)>,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Begins a log.
    #[must_use]
    pub fn begin(out: W, plan: Plan<'a>) -> Self {
        let mut writer = Self {
            out,
            plan,
            cases: plan.cases.iter().map(|case| (case.id.as_str(), case)).collect(),
            failed: None,
            counts: plan.expectations.no_counts(),
            written: BTreeMap::new(),
        };
        let ids = plan.cases.iter().map(|case| case.id.as_str());
        let start = Start {
            run: summary::id(&plan.who.label, plan.options.seed, ids),
            subject: plan.who.label.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: plan.options.seed,
            strict: plan.strict,
            whole: plan.whole,
            shard: plan.options.shard,
            cases: plan.keys.to_vec(),
        };
        writer.record("run", Record::Run(Box::new(start)));
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        writer.record(
            "run",
            Record::Timing {
                started: since.ok().map(|since| since.as_secs()),
                milliseconds: None,
                subject_milliseconds: None,
                harness_milliseconds: None,
                microseconds: None,
                cpu_milliseconds: None,
                peak_memory: None,
                process: Some(std::process::id()),
                path: plan.who.argument.clone(),
            },
        );
        writer.flush();
        writer
    }

    /// Writes who is under test.
    pub fn subject(&mut self, hello: &Hello, control: &Control) {
        let key = format!("subject {}", hello.name);
        self.record(
            &key,
            Record::Subject {
                hello: Box::new(hello.clone()),
                control: Box::new(control.clone()),
                origin: Box::new(self.plan.who.origin.clone()),
            },
        );
        self.flush();
    }

    /// Writes a case that has ended.
    pub fn case(&mut self, result: &CaseResult) {
        let key = result.key();
        let case = self.cases.get(result.case.as_str()).copied();
        let axes = |case: &Case<'_>| {
            case.values
                .iter()
                .map(|value| (value.axis.to_owned(), value.value.to_owned()))
                .collect()
        };
        self.record(
            &key,
            Record::CaseStart {
                scenario: case.map(|case| case.entry.id.clone()).unwrap_or_default(),
                axes: case.map(axes).unwrap_or_default(),
                judged: result.judged.clone(),
                undeclared: result.undeclared.clone(),
            },
        );
        let taken = self.plan.expectations.count(result, &mut self.counts);
        let known: Vec<Option<Known>> = taken.into_iter().map(|taken| self.known(taken)).collect();
        let secret = known.contains(&Some(Known::Withheld));
        if !secret {
            for (at, event) in result.trace.events.iter().enumerate() {
                self.call(&key, at, event);
            }
        }
        let mut numbers = BTreeMap::new();
        for (finding, known) in result.findings.iter().zip(known) {
            let check = check(&key, finding, known, secret);
            let number: &mut usize = numbers.entry((check.rule.clone(), check.side)).or_default();
            *number = number.saturating_add(1);
            self.record(&check.key(*number), Record::Check(Box::new(check)));
        }
        self.unique(&key, result);
        self.end(result);
        self.flush();
    }

    /// Writes what was found only when all cases had ended, and the end of the run.
    ///
    /// # Errors
    /// The first error of all that was written.
    pub fn finish(mut self, run: &Run<'_>) -> io::Result<()> {
        for result in run.results {
            self.late(result);
        }
        if self.plan.whole {
            self.expectations();
        }
        let mut cases = BTreeMap::new();
        for result in run.results {
            let count: &mut usize = cases.entry(result.verdict.name().to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        self.record(
            "run",
            Record::Timing {
                started: None,
                milliseconds: milliseconds(run.elapsed),
                subject_milliseconds: run.spent.and_then(|spent| milliseconds(spent.subject)),
                harness_milliseconds: run.spent.and_then(|spent| milliseconds(spent.harness())),
                microseconds: None,
                cpu_milliseconds: None,
                peak_memory: None,
                process: None,
                path: None,
            },
        );
        let end = Finish {
            cases,
            unexpected: run
                .unforeseen()
                .filter(|(_, finding)| run.counts(finding))
                .count(),
            complaints: run.outcome.complaints.clone(),
            good: run.is_good(),
        };
        self.record("run", Record::RunEnd(Box::new(end)));
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }

    fn late(&mut self, result: &CaseResult) {
        let key = result.key();
        let Some((written, verdict)) = self.written.get(&key).copied() else {
            return;
        };
        for finding in result.findings.iter().skip(written) {
            let known = self.known(self.plan.expectations.taken(&result.case, finding));
            let check = check(&key, finding, known, false);
            self.record(&check.late_key(), Record::Check(Box::new(check)));
        }
        if verdict != result.verdict {
            self.end(result);
        }
    }

    fn expectations(&mut self) {
        for (at, counts) in std::mem::take(&mut self.counts).into_iter().enumerate() {
            let entry = self.plan.expectations.entry(at);
            if !entry.is_some_and(crate::expectations::Entry::is_a_claim) {
                continue;
            }
            let private = self.plan.expectations.is_private(at);
            let number = at.saturating_add(1);
            let expectation = Expectation {
                number,
                count: entry.filter(|_| private).and_then(|entry| entry.count),
                flaky: private && entry.is_some_and(|entry| entry.flaky),
                entry: entry.filter(|_| !private).cloned(),
                counts,
            };
            let key = format!("expectation {number}");
            self.record(&key, Record::Expectation(Box::new(expectation)));
        }
    }

    /// Writes the value that no other case may have, and what is known of a check that finds it again.
    fn unique(&mut self, key: &str, result: &CaseResult) {
        let Some(unique) = result.unique() else { return };
        if self.plan.suite.rule(unique.rule).is_none() {
            return;
        }
        let verdict = severity(self.plan.suite, unique.rule);
        let again = Finding::new(
            unique.rule,
            unique.side,
            verdict,
            Some(unique.event),
            repeated(""),
        );
        let taken = self.plan.expectations.taken(&result.case, &again);
        let record = Unique {
            case: key.to_owned(),
            rule: unique.rule.to_owned(),
            side: unique.side,
            call: unique.event.saturating_add(1),
            range: [unique.range.start, unique.range.end],
            value: unique.value,
            verdict,
            known: self.known(taken),
            expectation: match taken {
                Taken::By(number) => Some(number.saturating_add(1)),
                Taken::Passes | Taken::Nobody => None,
            },
        };
        self.record(
            &format!("{key} unique {}", unique.rule),
            Record::Unique(Box::new(record)),
        );
    }

    fn call(&mut self, case: &str, at: usize, event: &Event) {
        let call = at.saturating_add(1);
        self.record(
            &format!("{case} call {call}"),
            Record::Call {
                case: case.to_owned(),
                call,
                side: event.side,
                request: json!(event.request),
                reply: answer_json(&event.answer),
                completed: event.completed.as_ref().map(answer_json),
                altered_input: event.altered_input,
                altered_output: event.altered_output,
            },
        );
        if let Some(cost) = event.cost {
            self.cost(&format!("{case} call {call}"), cost);
        }
    }

    fn cost(&mut self, key: &str, Cost { time, usage }: Cost) {
        self.record(
            key,
            Record::Timing {
                started: None,
                milliseconds: None,
                subject_milliseconds: None,
                harness_milliseconds: None,
                microseconds: u64::try_from(time.as_micros()).ok(),
                cpu_milliseconds: usage.and_then(|usage| milliseconds(usage.cpu)),
                peak_memory: usage.map(|usage| usage.peak_memory),
                process: None,
                path: None,
            },
        );
    }

    fn end(&mut self, result: &CaseResult) {
        let key = result.key();
        self.record(
            &key,
            Record::CaseEnd {
                verdict: result.verdict,
                end: end(&result.trace.end).to_owned(),
            },
        );
        self.written.insert(key, (result.findings.len(), result.verdict));
    }

    fn known(&self, taken: Taken) -> Option<Known> {
        match taken {
            Taken::By(number) if self.plan.expectations.is_private(number) => Some(Known::Withheld),
            Taken::By(_) => Some(Known::Expected),
            Taken::Passes | Taken::Nobody => None,
        }
    }

    fn record(&mut self, key: &str, record: Record) {
        if self.failed.is_some() {
            return;
        }
        let line = Line {
            schema: SCHEMA,
            key: key.to_owned(),
            record,
        };
        let text = serde_json::to_string(&line).map_err(io::Error::other);
        let written = text.and_then(|text| writeln!(self.out, "{text}"));
        self.failed = written.err();
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.out.flush().err();
        }
    }
}

fn milliseconds(time: Duration) -> Option<u64> {
    u64::try_from(time.as_millis()).ok()
}

/// The record of a finding. Beside a check that is withheld, those that pass do not say of which rule they are: the
/// rule that is missing among them would be the one that is withheld.
fn check(case: &str, finding: &Finding, known: Option<Known>, secret: bool) -> Check {
    let open = known != Some(Known::Withheld);
    let told = open && !(secret && finding.verdict <= Verdict::Pass);
    let range = finding.range.as_ref().filter(|_| told);
    Check {
        case: case.to_owned(),
        rule: told.then(|| finding.rule.clone()),
        side: finding.side,
        verdict: finding.verdict,
        call: finding.event.filter(|_| told).map(|at| at.saturating_add(1)),
        message: if told {
            finding.message.clone()
        } else {
            String::new()
        },
        range: range.map(|range| [range.start, range.end]),
        known,
    }
}

/// How an exchange ended, in a word.
fn end(end: &End) -> &'static str {
    match end {
        End::Done => "done",
        End::Stopped => "stopped",
        End::Unsupported(..) => "unsupported",
        End::NotApplicable(_) => "not-applicable",
        End::Crash(..) => "crash",
        End::Hang(..) => "hang",
        End::AdapterFault(..) => "adapter-fault",
        End::HarnessFault(_) => "harness-fault",
    }
}
