//! `legwork rules`.

use std::{
    collections::BTreeSet,
    fs,
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
};

use legwork::{
    audit::{self, Seen},
    cells, kill,
    report::{
        bug_classes::{self, BugClasses},
        cells::Cells,
        coverage::Coverage,
        kill_matrix,
    },
    rules_command,
    run::case,
    runner::{self, CaseResult, Options},
    suite::Suite,
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
    /// What catches each class of defects, in either role, read off a run of the reference
    BugClasses {
        /// Only the classes of a package
        #[arg(long, value_name = "NAME")]
        package: Option<String>,
        /// Write JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        suite: SuiteChoice,
    },
    /// The cells of a package's model, state by message by part, and how many cases reach each
    Model {
        /// Only the model of a package
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
    /// Hold documentation pages against the rules: each status, flag and argument that a page names needs a rule or an
    /// erratum, and a check that saw it
    Audit {
        /// Markdown or HTML in any language
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What checks saw is read off this run log, not off a run of the reference
        #[arg(long, value_name = "FILE")]
        log: Option<PathBuf>,
        #[command(flatten)]
        suite: SuiteChoice,
    },
}

pub(crate) fn run(command: &Command) -> Done {
    match command {
        Command::List { filter, suite } => told(rules_command::list(&suite.load()?, filter.as_deref())),
        Command::Show { id, suite } => told(rules_command::show(&suite.load()?, id)),
        Command::Coverage { package, suite } => coverage(suite, package.as_deref()),
        Command::BugClasses { package, json, suite } => classes(suite, package.as_deref(), *json),
        Command::Model { package, suite } => model(suite, package.as_deref()),
        Command::KillMatrix { json, verbose, suite } => matrix(suite, *json, *verbose),
        Command::Audit { files, log, suite } => pages(suite, files, log.as_deref()),
    }
}

fn told(text: Result<String, rules_command::RulesError>) -> Done {
    console::print(&text.map_err(|error| Failure::Usage(error.to_string()))?)?;
    Ok(ExitCode::SUCCESS)
}

fn coverage(choice: &SuiteChoice, package: Option<&str>) -> Done {
    let suite = choice.load()?;
    let results = results(&suite);
    let coverage = Coverage::of(&suite, &results, package);
    if let (true, Some(package)) = (coverage.files.is_empty(), package) {
        return Err(Failure::Usage(format!(
            "no rule is of package `{package}`; try `legwork rules list`"
        )));
    }
    console::print(&coverage.text())?;
    Ok(console::verdict(coverage.is_good()))
}

/// All cases of the suite, played by the reference.
fn results(suite: &Suite) -> Vec<CaseResult> {
    let cases = case::expand(suite);
    let bar = progress::bar(cases.len(), "cases");
    let results = runner::run_reference(suite, &cases, &Options::default(), |_| bar.inc(1));
    bar.finish_and_clear();
    results
}

/// The packages to tell of: the one that is asked for, or all that scenarios drive and whose rules are finished.
fn packages<'a>(suite: &'a Suite, package: Option<&'a str>) -> Vec<&'a str> {
    let driven = suite.scenarios.iter().map(|entry| entry.package.as_str());
    let driven: BTreeSet<&str> = driven.collect();
    let (finished, others): (Vec<&str>, Vec<&str>) =
        driven.into_iter().partition(|package| suite.is_finished(package));
    match package {
        Some(package) => vec![package],
        None => {
            for package in others {
                console::note(&format!("{package} is left out: its rules are not finished"));
            }
            finished
        }
    }
}

fn classes(choice: &SuiteChoice, package: Option<&str>, json: bool) -> Done {
    let suite = choice.load()?;
    let results = results(&suite);
    let packages = packages(&suite, package).into_iter();
    let tables: Vec<BugClasses> = packages
        .map(|package| BugClasses::of(&suite, &results, package))
        .collect();
    if let Some(table) = tables.iter().find(|table| table.classes.is_empty()) {
        let package = &table.package;
        return Err(Failure::Usage(format!(
            "no class of defects can occur in package `{package}`"
        )));
    }
    if json {
        console::print(&pretty(&bug_classes::json(&tables)))?;
    } else {
        tables
            .iter()
            .try_for_each(|table| console::print(&table.text()))?;
    }
    Ok(console::verdict(tables.iter().all(BugClasses::is_good)))
}

fn model(choice: &SuiteChoice, package: Option<&str>) -> Done {
    let suite = choice.load()?;
    let results = results(&suite);
    let mut good = true;
    let named = package.map_or_else(
        || suite.models.keys().map(String::as_str).collect(),
        |package| vec![package],
    );
    for package in named {
        let Some(model) = suite.models.get(package) else {
            return Err(Failure::Usage(format!(
                "there is no model of package `{package}`"
            )));
        };
        let reached = cells::reached(package, model, &suite.mapping, &results);
        let table = Cells::of(package, model, &reached);
        good &= table.is_good();
        console::print(&table.text())?;
    }
    Ok(console::verdict(good))
}

fn matrix(choice: &SuiteChoice, json: bool, verbose: bool) -> Done {
    let suite = choice.load()?;
    let cases = case::expand(&suite);
    let bar = progress::bar(suite.saboteurs.len(), "saboteurs");
    let matrix = kill::matrix(&suite, &cases, &Options::default(), |_| bar.inc(1));
    bar.finish_and_clear();
    if json {
        console::print(&pretty(&kill_matrix::json(&matrix)))?;
    } else {
        console::print(&kill_matrix::text(&matrix, verbose))?;
    }
    Ok(console::verdict(matrix.is_full()))
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn pages(choice: &SuiteChoice, files: &[PathBuf], log: Option<&Path>) -> Done {
    let suite = choice.load()?;
    let read = |path: &Path| {
        let shown = path.display().to_string();
        let read = fs::read(path);
        let read = read.map_err(|error| Failure::Usage(format!("{shown}: cannot be read: {error}")))?;
        Ok((shown, String::from_utf8_lossy(&read).into_owned()))
    };
    let texts: Vec<(String, String)> = files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let seen = match log {
        Some(path) => seen(&suite, path)?,
        None => Seen::of(&suite, &results(&suite)),
    };
    let pages = texts
        .iter()
        .map(|(file, text)| audit::audit(&suite, &seen, file, text));
    let pages: Vec<audit::Page> = pages.collect();
    console::print(&audit::text(&pages))?;
    Ok(console::verdict(pages.iter().all(audit::Page::is_good)))
}

/// What checks saw by a run log.
fn seen(suite: &Suite, path: &Path) -> Result<Seen, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", path.display()));
    let file = fs::File::open(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    Seen::of_log(suite, BufReader::new(file)).map_err(|error| wrong(&error))
}
