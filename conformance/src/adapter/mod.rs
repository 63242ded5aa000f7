//! Help for those who write adapters: `legwork adapter check` looks at an adapter itself, not at its library, and
//! says what to mend; `legwork adapter new` writes one to begin with.

mod bench;
mod client;
mod conversation;
mod exchange;
mod liar;
pub mod report;
mod shape;
pub mod skeleton;

use std::time::Duration;

use report::{Finding, Report};

use crate::{subject::description::Located, suite::Suite};

use bench::{Bench, Seen};

/// One thing that is tried on an adapter.
struct Probe {
    name: &'static str,
    /// What to do if it fails.
    advice: &'static str,
    run: fn(&mut Bench<'_>) -> Seen,
}

/// All probes but the first, `hello`, without which there is nothing to look at. The order is that of the report;
/// those about all lines come after those that make lines.
const PROBES: [&[Probe]; 3] = [liar::PROBES, exchange::PROBES, conversation::PROBES];

/// Starts an adapter and tries everything on it that a good one answers well.
#[must_use]
pub fn check(suite: &Suite, located: &Located, deadline: Duration) -> Report {
    let mut bench = match Bench::start(suite, located, deadline) {
        Ok(bench) => bench,
        Err(message) => return Report::not_started(&message),
    };
    let mut findings = vec![finding(&conversation::HELLO, &mut bench)];
    for probe in PROBES.into_iter().flatten() {
        findings.push(finding(probe, &mut bench));
    }
    Report::new(&bench.hello, findings)
}

fn finding(probe: &Probe, bench: &mut Bench<'_>) -> Finding {
    let Seen { verdict, text } = (probe.run)(bench);
    Finding {
        probe: probe.name,
        verdict,
        text,
        advice: verdict.asks_for_work().then_some(probe.advice),
    }
}
