//! `legwork rules`.

use std::{fs, path::PathBuf, process::ExitCode};

use legwork::{
    audit, kill,
    report::{coverage::Coverage, kill_matrix},
    rules_command,
    run::case,
    runner::{self, Options},
};

use super::{
    console::{self, Done, Failure},
    options::SuiteChoice,
    progress,
};

/// What the suite judges by, and how well that is proven.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// The rules by file, with level, subject, effect and evidence
    List {
        /// A part of the id, or a pattern with `*`
        filter: Option<String>,
        #[command(flatten)]
        suite: SuiteChoice,
    },
    /// One rule: text, source, errata, saboteurs and scenarios
    Show {
        /// Id of the rule
        id: String,
        #[command(flatten)]
        suite: SuiteChoice,
    },
    /// What checks each rule, read off a run of the reference
    Coverage {
        /// Only the rules of a package
        #[arg(long, value_name = "NAME")]
        package: Option<String>,
        #[command(flatten)]
        suite: SuiteChoice,
    },
    /// Run every saboteur: each must be caught by the check of its own rule, and each checked rule must catch one
    KillMatrix {
        /// Write JSON
        #[arg(long)]
        json: bool,
        /// Show every saboteur
        #[arg(long, short)]
        verbose: bool,
        #[command(flatten)]
        suite: SuiteChoice,
    },
    /// Hold documentation pages against the rules: each status and flag that a page names needs a rule or an erratum
    Audit {
        /// Markdown or HTML in any language
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        #[command(flatten)]
        suite: SuiteChoice,
    },
}

pub(crate) fn run(command: &Command) -> Done {
    match command {
        Command::List { filter, suite } => told(rules_command::list(&suite.load()?, filter.as_deref())),
        Command::Show { id, suite } => told(rules_command::show(&suite.load()?, id)),
        Command::Coverage { package, suite } => coverage(suite, package.as_deref()),
        Command::KillMatrix { json, verbose, suite } => matrix(suite, *json, *verbose),
        Command::Audit { files, suite } => pages(suite, files),
    }
}

fn told(text: Result<String, rules_command::RulesError>) -> Done {
    console::print(&text.map_err(|error| Failure::Usage(error.to_string()))?)?;
    Ok(ExitCode::SUCCESS)
}

fn coverage(choice: &SuiteChoice, package: Option<&str>) -> Done {
    let suite = choice.load()?;
    let cases = case::expand(&suite);
    let bar = progress::bar(cases.len(), "cases");
    let results = runner::run_reference(&suite, &cases, &Options::default(), |_| bar.inc(1));
    bar.finish_and_clear();
    let coverage = Coverage::of(&suite, &results, package);
    if let (true, Some(package)) = (coverage.files.is_empty(), package) {
        return Err(Failure::Usage(format!(
            "no rule is of package `{package}`; try `legwork rules list`"
        )));
    }
    console::print(&coverage.text())?;
    Ok(console::verdict(coverage.is_good()))
}

fn matrix(choice: &SuiteChoice, json: bool, verbose: bool) -> Done {
    let suite = choice.load()?;
    let cases = case::expand(&suite);
    let bar = progress::bar(suite.saboteurs.len(), "saboteurs");
    let matrix = kill::matrix(&suite, &cases, &Options::default(), |_| bar.inc(1));
    bar.finish_and_clear();
    if json {
        let text = serde_json::to_string_pretty(&kill_matrix::json(&matrix)).unwrap_or_default();
        console::print(&format!("{text}\n"))?;
    } else {
        console::print(&kill_matrix::text(&matrix, verbose))?;
    }
    Ok(console::verdict(matrix.is_full()))
}

fn pages(choice: &SuiteChoice, files: &[PathBuf]) -> Done {
    let suite = choice.load()?;
    let mut pages = Vec::new();
    for path in files {
        let shown = path.display().to_string();
        let read =
            fs::read(path).map_err(|error| Failure::Usage(format!("{shown}: cannot be read: {error}")))?;
        pages.push(audit::audit(&suite, &shown, &String::from_utf8_lossy(&read)));
    }
    console::print(&audit::text(&pages))?;
    Ok(console::verdict(pages.iter().all(audit::Page::is_good)))
}
