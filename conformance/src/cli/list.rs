//! `legwork list`.

use std::{collections::BTreeMap, fmt::Write as _, process::ExitCode};

use legwork::{dead_axes, run::case::Case, words::counted};

use super::{
    console::{self, Done},
    options::{self, SuiteChoice},
};

/// List the cases and what each shows.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only cases whose id matches
    #[arg(value_name = "GLOB")]
    filter: Option<String>,
    /// List the values of axes that change nothing instead; there must be none
    #[arg(long)]
    dead_axes: bool,
    #[command(flatten)]
    suite: SuiteChoice,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let suite = arguments.suite.load()?;
    let patterns: Vec<String> = arguments.filter.iter().cloned().collect();
    let chosen = options::choose(&suite, &patterns)?;
    if !arguments.dead_axes {
        console::print(&cases(&chosen))?;
        return Ok(ExitCode::SUCCESS);
    }
    let dead = dead_axes::find(&suite, &chosen);
    let mut text = String::new();
    for axis in &dead {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{}: {}:{} behaves as {}:{}",
            axis.scenario, axis.axis, axis.value, axis.axis, axis.same_as
        );
    }
    let _ = match dead.len() {
        0 => writeln!(
            text,
            "every value of every axis makes a difference ({} cases)",
            chosen.len()
        ),
        count => writeln!(text, "{} of axes: nothing changes", counted(count, "value")),
    };
    console::print(&text)?;
    Ok(console::verdict(dead.is_empty()))
}

/// The cases by scenario, with the scenario's text.
pub(crate) fn cases(cases: &[Case<'_>]) -> String {
    let mut text = String::new();
    let mut scenarios: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        let count = scenarios.entry(&case.entry.id).or_default();
        if *count == 0 {
            let scenario = &case.entry.scenario;
            let _ = writeln!(text, "{}\n    {}", case.entry.id, scenario.text.trim());
            if let Some(source) = &scenario.source {
                let _ = writeln!(text, "    {}", source.trim());
            }
        }
        *count = count.saturating_add(1);
        if !case.values.is_empty() {
            let _ = writeln!(text, "  {}", case.id);
        }
    }
    let (cases, scenarios) = (counted(cases.len(), "case"), counted(scenarios.len(), "scenario"));
    let _ = writeln!(text, "{cases} of {scenarios}");
    text
}
