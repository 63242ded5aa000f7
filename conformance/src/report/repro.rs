//! A folder that replays one case: what was asked of the judged side, line by line as an adapter reads it, what came of
//! it, and the tokens decoded. The adapter's input holds no expectation.

use std::fmt::Write as _;

use serde_json::json;

use crate::{
    check::Verdict,
    inspect,
    protocol::{Request, RequestLine, Role, VERSION},
    render,
    rules_command::wrap,
    run::{
        layer,
        trace::{DATA, Event, Purpose, TOKEN, Trace},
    },
    runner::CaseResult,
    subject::Answer,
};

use super::{Run, answer_json, evidence, harmless, operation, status_name, text::push_line};

/// A file of the folder: path and text.
pub type RecordedFile = (String, String);

/// The files that replay a result.
#[must_use]
pub fn files(run: &Run<'_>, result: &CaseResult) -> Vec<RecordedFile> {
    let mut files = vec![
        ("README.md".to_owned(), readme(run, result)),
        ("case.json".to_owned(), case(run, result)),
        ("trace.jsonl".to_owned(), trace(run, result)),
    ];
    for role in &result.judged {
        let lines = requests(&result.trace, *role);
        files.push((format!("requests-{}.jsonl", role.name()), lines));
    }
    files.extend(tokens(&result.trace));
    files
}

/// The requests of a side as lines of the adapter protocol, from `hello` to `bye`.
#[must_use]
pub fn requests(trace: &Trace, role: Role) -> String {
    let mut all = vec![Request::Hello { protocol: VERSION }];
    for event in trace.events.iter().filter(|event| event.side == role) {
        all.push(layer::outgoing(event.layer, &trace.package, &event.request).into_owned());
        all.extend(completion(event));
    }
    all.push(Request::Bye);
    let mut text = String::new();
    for (seq, request) in (1u64..).zip(all) {
        // Requests are numbered from the reset, which is the second line.
        let request = match request {
            Request::FreeBuffers { of } => Request::FreeBuffers {
                of: of.saturating_add(1),
            },
            other => other,
        };
        push_line(&mut text, &json!(RequestLine { seq, request }).to_string());
    }
    text
}

/// The CompleteAuthToken that followed a leg.
fn completion(event: &Event) -> Option<Request> {
    event.completed.as_ref()?;
    let buffers = event
        .outcome()
        .map(|outcome| outcome.buffers.clone())
        .unwrap_or_default();
    Some(Request::Complete {
        context: event.leg()?.new_context,
        buffers,
    })
}

fn readme(run: &Run<'_>, result: &CaseResult) -> String {
    let mut text = format!("# {}\n\n", result.key());
    if let Some(case) = run.case(result) {
        wrap(&mut text, &case.entry.scenario.text, 0);
        text.push('\n');
    }
    let subject = harmless(&format!("{} {}", run.who.name, run.who.version));
    let programs: Vec<String> = result
        .judged
        .iter()
        .map(|role| format!("    ADAPTER < requests-{}.jsonl", role.name()))
        .collect();
    let lines = [
        &format!("Subject: {}. Verdict: {}.", subject.trim(), result.verdict.name()),
        "",
        "Replay with the harness:",
        "",
        &format!("    {}", run.repro(result)),
        "",
        "Replay without it, in a debugger for instance (ADAPTER is the adapter's program). An implementation that draws",
        "its own random numbers answers the later requests otherwise; `trace.jsonl` has what it answered then.",
        "",
        &programs.join("\n"),
        "",
        "| file | holds |",
        "|---|---|",
        "| `case.json` | scenario, axes, seed and clock |",
        "| `requests-*.jsonl` | what the judged side was asked, as its adapter reads it |",
        "| `trace.jsonl` | every call of both sides, with its answer |",
        "| `tokens/` | every token, decoded |",
    ];
    for line in lines {
        push_line(&mut text, line);
    }
    findings(&mut text, run, result);
    text
}

fn findings(text: &mut String, run: &Run<'_>, result: &CaseResult) {
    let mut failed = result
        .findings
        .iter()
        .filter(|finding| finding.verdict >= Verdict::Warn)
        .peekable();
    if failed.peek().is_some() {
        push_line(text, "\n## What failed");
    }
    for finding in failed {
        push_line(
            text,
            &format!("\n### {} ({})", finding.rule, finding.verdict.name()),
        );
        text.push('\n');
        if let Some((_, entry)) = run.suite.rule(&finding.rule) {
            wrap(text, &entry.rule.text, 0);
            wrap(
                text,
                &format!("Source: {}; {}.", entry.page, entry.rule.source.section),
                0,
            );
            text.push('\n');
        }
        push_line(text, &format!("At: {}.", evidence::place(run, result, finding)));
        push_line(text, &format!("Found: {}.", harmless(&finding.message)));
        for (heading, paragraph) in evidence::paragraphs(run, result, finding) {
            push_line(
                text,
                &format!("\n{heading}:\n\n```\n{}\n```", paragraph.trim_end()),
            );
        }
    }
}

fn case(run: &Run<'_>, result: &CaseResult) -> String {
    let case = run.case(result);
    let axes: serde_json::Map<String, serde_json::Value> = case
        .iter()
        .flat_map(|case| &case.values)
        .map(|value| (value.axis.to_owned(), json!(value.value)))
        .collect();
    let described = json!({
        "case": result.case,
        "judged": result.judged,
        "scenario": case.map(|case| &case.entry.id),
        "text": case.map(|case| case.entry.scenario.text.trim()),
        "file": case.map(|case| &case.entry.file),
        "axes": axes,
        "seed": run.options.seed,
        "clock": result.trace.clock,
        "subject": { "name": run.who.name, "version": run.who.version },
        "version": env!("CARGO_PKG_VERSION"),
    });
    let text = serde_json::to_string_pretty(&described).unwrap_or_default();
    format!("{text}\n")
}

fn trace(run: &Run<'_>, result: &CaseResult) -> String {
    let mut text = String::new();
    for (at, event) in result.trace.events.iter().enumerate() {
        let line = json!({
            "call": at.saturating_add(1),
            "side": event.side,
            "request": event.request,
            "reply": answer_json(&event.answer),
            "completed": event.completed.as_ref().map(answer_json),
            "status": status_name(run.suite, event),
            "altered-input": event.altered_input,
            "altered-output": event.altered_output,
        });
        push_line(&mut text, &line.to_string());
    }
    text
}

/// Every token with its tree and its bytes.
fn tokens(trace: &Trace) -> Vec<RecordedFile> {
    let mut files = Vec::new();
    for (at, event) in trace.events.iter().enumerate() {
        if !matches!(
            event.purpose,
            Purpose::Leg(_) | Purpose::Protect | Purpose::Step | Purpose::Vector(_)
        ) {
            continue;
        }
        if let Some(token) = output(event).filter(|token| !token.is_empty()) {
            let call = at.saturating_add(1);
            let name = format!(
                "tokens/{call:02}-{}-{}.txt",
                event.side.name(),
                operation(&event.request)
            );
            files.push((name, annotated(event, token)));
        }
    }
    files
}

/// The token that came out, or the bytes of a form that has no token apart.
fn output(event: &Event) -> Option<&[u8]> {
    let data = || {
        let outcome = event.answer.outcome().filter(|_| event.protect().is_some())?;
        let kinds = |kind| outcome.buffers.iter().find(move |buffer| buffer.kind == kind);
        kinds(TOKEN)
            .or_else(|| kinds(DATA))
            .map(|buffer| buffer.bytes.as_slice())
    };
    event.output().or_else(data)
}

fn annotated(event: &Event, token: &[u8]) -> String {
    let kind = evidence::kind(event, token).unwrap_or_else(|| inspect::inspect(token).kind);
    let mut text = render::tree_as(kind, token);
    let marks: Vec<(std::ops::Range<usize>, &str)> = Vec::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\n{}\n{}\n",
        render::annotated_hex(token, &marks),
        hex::encode(token)
    );
    if let Answer::Outcome(outcome) = &event.answer
        && let Some(status) = &outcome.status
    {
        push_line(&mut text, &format!("\nstatus {}", status.code));
    }
    text
}
