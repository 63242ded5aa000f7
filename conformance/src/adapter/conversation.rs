//! Probes about the conversation itself: hello, the form of every line, the end, and the time it takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    Probe,
    bench::{Bench, Seen, told},
    client::About,
    shape,
};
use crate::{
    protocol::{Drive, Role, VERSION},
    run::{case, demand, layer},
    subject::Answer,
    suite::vectors::{self, TokenKind},
};

/// How long an adapter may take to end.
const GRACE: Duration = Duration::from_secs(5);

const OPERATIONS: [&str; 15] = [
    "acquire",
    "free-credential",
    "initialize",
    "accept",
    "complete",
    "export",
    "import",
    "delete",
    "free-buffers",
    "query",
    "sign",
    "verify",
    "seal",
    "unseal",
    "bye",
];

const OBSERVABLES: [&str; 10] = [
    "token",
    "status",
    "final-status",
    "attributes",
    "session-key",
    "peer-name",
    "per-message",
    "handles",
    "buffers",
    "buffer-attributes",
];

const CONTROLS: [&str; 5] = ["clock", "randomness", "host", "account-state", "package-list"];

pub(super) const HELLO: Probe = Probe {
    name: "hello",
    advice: "the words of hello are those of the tables in PROTOCOL.md; a word that is not there counts as absent",
    run: hello,
};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        name: "messages",
        advice: "write replies as schema/protocol.json has them; a misspelt field counts as absent",
        run: |bench| remarks(bench, About::Message, "replies are of the protocol"),
    },
    Probe {
        name: "statuses",
        advice: "`status` is {namespace, code}: sspi and ntstatus `0x…`, return `continue` or `complete`, exception the class; list exceptions that are answers as `documented-errors` in subject.yaml",
        run: statuses,
    },
    Probe {
        name: "seq",
        advice: "copy the number `seq` of the request into its reply",
        run: |bench| {
            remarks(
                bench,
                About::Sequence,
                "every reply has the number of its request",
            )
        },
    },
    Probe {
        name: "one-reply",
        advice: "write one line for each request and none without one",
        run: |bench| remarks(bench, About::Surplus, "one reply to each request"),
    },
    Probe {
        name: "output",
        advice: "give the standard output to the protocol alone: send what the library prints to the standard error",
        run: output,
    },
    Probe {
        name: "bye",
        advice: "answer `bye` with an empty outcome, then end; end too when the standard input closes",
        run: bye,
    },
    Probe {
        name: "timing",
        advice: "",
        run: timing,
    },
];

fn hello(bench: &mut Bench<'_>) -> Seen {
    let hello = &bench.hello;
    let mut wrong = Vec::new();
    if hello.protocol != VERSION {
        wrong.push(format!("speaks protocol {}, not {VERSION}", hello.protocol));
    }
    if hello.name.is_empty() || hello.version.is_empty() {
        wrong.push("name or version of the implementation is empty".to_owned());
    }
    let strange = |names: &[String], known: &[&str], what: &str| -> Vec<String> {
        let strange = names.iter().filter(|name| !known.contains(&name.as_str()));
        strange.map(|name| format!("`{name}` is no {what}")).collect()
    };
    wrong.extend(strange(&hello.controls, &CONTROLS, "control"));
    let mut places = BTreeSet::new();
    for drive in &hello.drives {
        let place = format!("{} {}", drive.package, drive.role.name());
        wrong.extend(strange(&drive.operations, &OPERATIONS, "operation"));
        wrong.extend(strange(&drive.observables, &OBSERVABLES, "observable"));
        let honoured = drive.honours.iter().flatten();
        let unknown = honoured.filter(|name| !demand::is_setting(name));
        wrong.extend(unknown.map(|name| format!("`{name}` is nothing that `honours` has a name for")));
        // What vectors can judge has their names, for packages that there are vectors of.
        let functions = Vec::from_iter(vectors::functions(&drive.package));
        let of_package = TokenKind::ALL
            .iter()
            .filter(|token| token.package() == drive.package);
        let tokens: Vec<&str> = of_package.map(|token| token.name()).collect();
        if !tokens.is_empty() {
            wrong.extend(strange(&drive.decode, &tokens, "token of the vectors"));
            wrong.extend(strange(&drive.encode, &tokens, "token of the vectors"));
            wrong.extend(strange(&drive.derive, &functions, "function of the vectors"));
        }
        wrong.extend(
            contradictions(drive)
                .into_iter()
                .map(|said| format!("{place}: {said}")),
        );
        if !places.insert(place.clone()) {
            wrong.push(format!("{place} is listed twice"));
        }
    }
    if wrong.is_empty() && hello.drives.is_empty() {
        return Seen::warn("drives nothing yet: `drives` wants an entry for each package and role");
    }
    let protects = |drive: &&Drive| {
        drive
            .observables
            .iter()
            .any(|name| name == "attributes" || name == "per-message")
    };
    if wrong.is_empty()
        && hello
            .drives
            .iter()
            .filter(protects)
            .any(|drive| drive.requirements == 0)
    {
        return Seen::warn("`requirements` is 0: only cases that ask for nothing can run");
    }
    Seen::unless(&wrong, "all its words are known")
}

/// What cannot be true of a drive.
fn contradictions(drive: &Drive) -> Vec<String> {
    let does = |name: &str| drive.operations.iter().any(|known| known == name);
    let shows = |name: &str| drive.observables.iter().any(|known| known == name);
    let call = match drive.role {
        Role::Initiator => "initialize",
        Role::Acceptor => "accept",
    };
    let protects = ["sign", "verify", "seal", "unseal"].iter().any(|name| does(name));
    [
        (
            !does("acquire"),
            "no operation `acquire`, without which nothing begins".to_owned(),
        ),
        (
            !does(call),
            format!("no operation `{call}`, without which nothing can be driven"),
        ),
        (
            (shows("session-key") || shows("peer-name")) && !does("query"),
            "`session-key` and `peer-name` show through `query`, which is no operation of it".to_owned(),
        ),
        (
            shows("per-message") && (!protects || drive.forms.is_empty()),
            "`per-message` wants the operations and `forms`".to_owned(),
        ),
        (
            !layer::is_spoken(drive.layer),
            format!(
                "tokens of the layer `{}`, which this harness does not speak",
                drive.layer.name()
            ),
        ),
        (
            protects && drive.forms.is_empty(),
            "per-message operations and no `forms`".to_owned(),
        ),
    ]
    .into_iter()
    .filter_map(|(wrong, said)| wrong.then_some(said))
    .collect()
}

fn remarks(bench: &mut Bench<'_>, about: About, good: &str) -> Seen {
    let client = bench.client();
    let mut wrong: Vec<String> = Vec::new();
    for remark in client.remarks.iter().filter(|remark| remark.about == about) {
        let said = match about {
            // The number differs from reply to reply; one example is enough.
            About::Sequence if !wrong.is_empty() => continue,
            _ => format!("{}: {}", remark.operation, remark.text),
        };
        if !wrong.contains(&said) {
            wrong.push(said);
        }
    }
    Seen::unless(&wrong, good)
}

fn statuses(bench: &mut Bench<'_>) -> Seen {
    let form = remarks(bench, About::Status, "");
    if form.verdict.asks_for_work() {
        return form;
    }
    let client = bench.client();
    if client.statuses.is_empty() {
        return Seen::not_applicable("no call was made");
    }
    let mut unknown = BTreeMap::new();
    for (operation, status) in &client.statuses {
        if bench.class(status).is_none() {
            let code = format!("{} {}", shape::namespace(status), status.code);
            unknown.entry(code).or_insert(operation.as_str());
        }
    }
    match unknown.iter().next() {
        Some((code, operation)) => Seen::warn(format!(
            "no table says what {code} (from `{operation}`) means{}",
            match unknown.len() {
                1 => String::new(),
                count => format!("; {} more codes like it", count - 1),
            }
        )),
        None => Seen::pass("every code is one that the tables know"),
    }
}

fn output(bench: &mut Bench<'_>) -> Seen {
    let hidden = remarks(bench, About::Output, "nothing but replies");
    let noise = bench.client().noise;
    if !hidden.verdict.asks_for_work() && noise > 0 {
        return Seen::warn(format!(
            "{noise} lines that are no replies, which are passed over"
        ));
    }
    hidden
}

fn bye(bench: &mut Bench<'_>) -> Seen {
    let mut client = bench.client();
    // A process of its own: the probes before may have left the last one dead.
    if client.start().outcome().is_none() {
        return Seen::fail("does not start a second time");
    }
    let (answer, ended) = client.bye(GRACE);
    let Answer::Outcome(_) = answer else {
        return Seen::fail(format!("`bye`: {}", told(&answer)));
    };
    let Some(status) = ended else {
        return Seen::fail(format!("still runs {} s after `bye`", GRACE.as_secs()));
    };
    client.start();
    if client.close(GRACE).is_none() {
        return Seen::fail(format!(
            "still runs {} s after its standard input was closed",
            GRACE.as_secs()
        ));
    }
    match status.as_str() {
        "exit status: 0" => Seen::pass("ends when told, and with its standard input"),
        other => Seen::warn(format!("ends after `bye` with {other}")),
    }
}

/// For information: nothing is judged by it.
fn timing(bench: &mut Bench<'_>) -> Seen {
    let client = bench.client();
    let mut times: Vec<Duration> = client.times.iter().map(|(_, time)| *time).collect();
    times.sort();
    let Some(&middle) = times.get(times.len() / 2) else {
        return Seen::not_applicable("nothing was asked");
    };
    let slowest = client.times.iter().max_by_key(|(_, time)| *time);
    let slowest = slowest.map_or_else(String::new, |(operation, time)| {
        format!(", the slowest (`{operation}`) {}", milliseconds(*time))
    });
    let calls = bench.smoke.iter().map(|(_, trace)| trace.events.len()).max();
    let whole = calls.map_or_else(String::new, |calls| {
        let cases = case::expand(bench.suite).len().saturating_mul(bench.smoke.len());
        let calls = u32::try_from(calls.saturating_mul(cases)).unwrap_or(u32::MAX);
        format!(
            "; all {cases} cases of the suite about {} s",
            middle.saturating_mul(calls).as_secs()
        )
    });
    Seen::pass(format!("a call takes {}{slowest}{whole}", milliseconds(middle)))
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
