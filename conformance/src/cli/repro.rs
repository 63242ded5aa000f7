//! `legwork repro`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use legwork::{
    expectations::Expectations,
    protocol::Role,
    report::{Run, Who, repro, text},
    run::case::{self, Case},
    runner::{self, CaseResult, Options},
    subject::description::Located,
    suite::Suite,
};

use super::{
    console::{self, Done, Failure},
    options::{self, SubjectChoice, SuiteChoice},
};

/// Write a folder that replays one case.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Key of the case as the report has it, such as ntlm/good/default@acceptor
    key: String,
    #[command(flatten)]
    subject: SubjectChoice,
    #[command(flatten)]
    suite: SuiteChoice,
    /// The folder; the default is legwork-repro-KEY
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let mut suite = arguments.suite.load()?;
    let located = arguments.subject.load()?;
    if let Some(located) = &located {
        options::teach(&mut suite, located)?;
    }
    let (id, role) = options::split_key(&arguments.key);
    let cases: Vec<Case<'_>> = case::expand(&suite)
        .into_iter()
        .filter(|case| case.id == id)
        .collect();
    let Some(case) = cases.first() else {
        return Err(Failure::Usage(format!("no case `{id}`; try `legwork list`")));
    };
    if role.is_some_and(|role| !case.judges(role)) {
        return Err(Failure::Usage(format!("{id} judges the other side only")));
    }
    let options = arguments.subject.options();
    let started = Instant::now();
    let (who, results) = play(arguments, &suite, &cases, &options, located.as_ref(), role)?;
    let (expectations, elapsed) = (Expectations::default(), started.elapsed());
    let outcome = expectations.judge(&results, false);
    let run = Run {
        suite: &suite,
        cases: &cases,
        options: &options,
        who: &who,
        results: &results,
        expectations: &expectations,
        outcome: &outcome,
        strict: false,
        elapsed,
        spent: None,
    };
    for result in &results {
        let folder = arguments
            .out
            .clone()
            .unwrap_or_else(|| default_folder(&result.key()));
        let folder = if results.len() > 1 {
            folder.join(role_of(result))
        } else {
            folder
        };
        write(&folder, &repro::files(&run, result))?;
        console::note(&format!("written to {}", folder.display()));
    }
    let style = text::Style {
        colour: console::colour(),
        verbose: true,
    };
    console::print(&text::report(&run, style))?;
    Ok(ExitCode::SUCCESS)
}

fn play(
    arguments: &Arguments,
    suite: &Suite,
    cases: &[Case<'_>],
    options: &Options,
    located: Option<&Located>,
    role: Option<Role>,
) -> Result<(Who, Vec<CaseResult>), Failure> {
    let Some(located) = located else {
        return Ok((
            Who::reference(),
            runner::run_reference(suite, cases, options, |_| {}),
        ));
    };
    let roles = role.map_or_else(|| Role::BOTH.to_vec(), |role| vec![role]);
    let argument = arguments.subject.argument();
    let run = runner::run_foreign(suite, cases, options, located, &roles, |_| {});
    let run = run.map_err(Failure::Failed)?;
    let who = Who {
        control: run.control,
        ..Who::of(&located.description.name, &run.hello, argument)
    };
    Ok((who, run.results))
}

fn default_folder(key: &str) -> PathBuf {
    let plain: String = key
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        })
        .collect();
    PathBuf::from(format!("legwork-repro-{plain}"))
}

fn role_of(result: &CaseResult) -> &'static str {
    result.judged.first().map_or("nobody", |role| role.name())
}

fn write(folder: &Path, files: &[repro::RecordedFile]) -> Result<(), Failure> {
    for (name, content) in files {
        let path = folder.join(name);
        let made = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, content));
        made.map_err(|error| Failure::Output(path.display().to_string(), error))?;
    }
    Ok(())
}
