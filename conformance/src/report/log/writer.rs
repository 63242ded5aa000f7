//! Writes the run log.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::{Known, Line, Record, SCHEMA};
use crate::{
    check::{Finding, Verdict},
    expectations::Expectations,
    protocol::Hello,
    report::{Who, answer_json, summary},
    run::{
        case::Case,
        trace::{End, Event, Purpose},
    },
    runner::CaseResult,
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
    /// Seed of all randomness that the harness controls.
    pub seed: u64,
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
            written: BTreeMap::new(),
        };
        let ids = plan.cases.iter().map(|case| case.id.as_str());
        writer.record(
            "run",
            Record::Run {
                run: summary::id(&plan.who.label, plan.seed, ids),
                subject: plan.who.label.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                seed: plan.seed,
                cases: plan.keys.to_vec(),
            },
        );
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        writer.record(
            "run",
            Record::Timing {
                started: since.ok().map(|since| since.as_secs()),
                milliseconds: None,
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
    pub fn subject(&mut self, hello: &Hello) {
        let key = format!("subject {}", hello.name);
        self.record(
            &key,
            Record::Subject {
                hello: Box::new(hello.clone()),
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
            },
        );
        let known = self.known(result);
        if !known.contains(&Some(Known::Withheld)) {
            for (at, event) in result.trace.events.iter().enumerate() {
                self.call(&key, at, event);
            }
        }
        for (number, (finding, known)) in result.findings.iter().zip(&known).enumerate() {
            self.check(&key, number, finding, *known);
        }
        self.end(result);
        self.flush();
    }

    /// Writes what was found only when all cases had ended, and the end of the run.
    ///
    /// # Errors
    /// The first error of all that was written.
    pub fn finish(mut self, results: &[CaseResult], good: bool, elapsed: Duration) -> io::Result<()> {
        for result in results {
            self.late(result);
        }
        let mut cases = BTreeMap::new();
        for result in results {
            let count: &mut usize = cases.entry(result.verdict.name().to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        self.record(
            "run",
            Record::Timing {
                started: None,
                milliseconds: u64::try_from(elapsed.as_millis()).ok(),
                microseconds: None,
                cpu_milliseconds: None,
                peak_memory: None,
                process: None,
                path: None,
            },
        );
        self.record("run", Record::RunEnd { cases, good });
        self.flush();
        self.failed.map_or(Ok(()), Err)
    }

    fn late(&mut self, result: &CaseResult) {
        let key = result.key();
        let Some((written, verdict)) = self.written.get(&key).copied() else {
            return;
        };
        if result.findings.len() > written {
            let known = self.known(result);
            let all = result.findings.iter().zip(&known).enumerate();
            for (number, (finding, known)) in all.skip(written) {
                self.check(&key, number, finding, *known);
            }
        }
        if verdict != result.verdict {
            self.end(result);
        }
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
        if let Purpose::Leg(_) = event.purpose {
            self.leg_timing(&format!("{case} call {call}"), event);
        }
    }

    fn leg_timing(&mut self, key: &str, event: &Event) {
        self.record(
            key,
            Record::Timing {
                started: None,
                milliseconds: None,
                microseconds: u64::try_from(event.took.as_micros()).ok(),
                cpu_milliseconds: event
                    .usage
                    .and_then(|usage| usage.cpu.as_millis().try_into().ok()),
                peak_memory: event.usage.map(|usage| usage.peak_memory),
                process: None,
                path: None,
            },
        );
    }

    fn check(&mut self, case: &str, number: usize, finding: &Finding, known: Option<Known>) {
        let open = known != Some(Known::Withheld);
        self.record(
            &format!("{case} check {}", number.saturating_add(1)),
            Record::Check {
                case: case.to_owned(),
                rule: open.then(|| finding.rule.clone()),
                side: finding.side,
                verdict: finding.verdict,
                call: finding.event.filter(|_| open).map(|at| at.saturating_add(1)),
                message: if open {
                    finding.message.clone()
                } else {
                    String::new()
                },
                range: finding
                    .range
                    .as_ref()
                    .filter(|_| open)
                    .map(|range| [range.start, range.end]),
                known,
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

    /// What was known of each finding of a result.
    fn known(&self, result: &CaseResult) -> Vec<Option<Known>> {
        let outcome = self.plan.expectations.judge(std::slice::from_ref(result), false);
        let expected = |number| outcome.expected.iter().any(|(_, finding, _)| *finding == number);
        let unexpected = |number| outcome.unexpected.iter().any(|(_, finding)| *finding == number);
        let one = |(number, finding): (usize, &Finding)| match finding.verdict {
            Verdict::HarnessFault => None,
            verdict if verdict < Verdict::Warn || unexpected(number) => None,
            _ if expected(number) => Some(Known::Expected),
            _ => Some(Known::Withheld),
        };
        result.findings.iter().enumerate().map(one).collect()
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
