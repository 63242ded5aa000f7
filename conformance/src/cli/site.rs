//! `legwork site`.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Component, Path, PathBuf},
    process::ExitCode,
};

use legwork::{
    report::{
        diff,
        matrix::{MatrixSummary, SCHEMA},
        site::{self, Site, Subject, Upgrade},
    },
    suite::Suite,
    words::counted,
};
use rayon::prelude::*;

use super::{
    console::{self, Done, Failure},
    diff::open,
    options::SuiteChoice,
};

/// The file of a site that names all its files.
const CONTENTS: &str = "contents.txt";

/// Write a static site of run logs and a matrix.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run logs of subjects (`legwork run --subject … --log FILE`)
    #[arg(value_name = "LOG", required_unless_present = "matrix")]
    logs: Vec<PathBuf>,
    /// What came of pairing (`legwork pairs … --json FILE`)
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
    /// The folder of the site: a new one, an empty one, or that of an earlier site, which is replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    suite: SuiteChoice,
}

pub(crate) fn run(arguments: &Arguments) -> Done {
    let suite = arguments.suite.load()?;
    let logs = arguments.logs.par_iter();
    let mut subjects: Vec<Subject> = logs.map(|path| subject(&suite, path)).collect::<Result<_, _>>()?;
    let matrix = arguments.matrix.as_deref().map(matrix).transpose()?;
    let upgrades = upgrades(&mut subjects, &arguments.logs)?;
    let site =
        Site::new(&suite, subjects, upgrades, matrix).map_err(|error| Failure::Usage(error.to_string()))?;
    let out = &arguments.out;
    let shown = out.display().to_string();
    let former = former(out).map_err(Failure::Usage)?;
    let files = write(&site, out, &former).map_err(|error| Failure::Output(shown.clone(), error))?;
    console::print(&format!("{shown}: {}\n", counted(files, "file")))?;
    Ok(ExitCode::SUCCESS)
}

fn subject(suite: &Suite, path: &Path) -> Result<Subject, Failure> {
    let wrong = |error| Failure::Usage(format!("{}: {error}", path.display()));
    Subject::read(suite, &mut open(path)?).map_err(wrong)
}

/// What differs between the versions of each subject, with a page for a case of each kind of difference. Each of the
/// subjects is of the log at the same place.
fn upgrades(subjects: &mut [Subject], logs: &[PathBuf]) -> Result<Vec<Upgrade>, Failure> {
    let successions = site::successions(subjects);
    let mut upgrades = Vec::new();
    for places in successions {
        let ends = [places.0, places.1].map(|place| subjects.get(place).zip(logs.get(place)));
        let [Some((old, old_log)), Some((new, new_log))] = ends else {
            continue;
        };
        let wrong = |log: &Path, error| Failure::Usage(format!("{}: {error}", log.display()));
        let diff = diff::diff(&mut open(old_log)?, &mut open(new_log)?)
            .map_err(|(which, error)| wrong(if which == 0 { old_log } else { new_log }, error))?;
        let upgrade = Upgrade::new(old, new, diff);
        let examples = upgrade.examples();
        for ((place, log), keys) in [(places.0, old_log), (places.1, new_log)]
            .into_iter()
            .zip(&examples)
        {
            if let Some(subject) = subjects.get_mut(place) {
                let shown = subject.show(keys, &mut open(log)?);
                shown.map_err(|error| wrong(log, error))?;
            }
        }
        upgrades.push(upgrade);
    }
    Ok(upgrades)
}

fn matrix(path: &Path) -> Result<MatrixSummary, Failure> {
    let wrong = |message: String| Failure::Usage(format!("{}: {message}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let matrix: MatrixSummary = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    match matrix.schema {
        SCHEMA => Ok(matrix),
        other => Err(wrong(format!("format {other}, not {SCHEMA}"))),
    }
}

/// The files of the site that a folder holds. A folder with anything else is not ours to write into.
fn former(out: &Path) -> Result<BTreeSet<String>, String> {
    let is_empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    if is_empty {
        return Ok(BTreeSet::new());
    }
    let none = |_| format!("{} is neither empty nor an earlier site", out.display());
    let text = fs::read_to_string(out.join(CONTENTS)).map_err(none)?;
    Ok(text
        .lines()
        .filter(|line| is_below(line))
        .map(str::to_owned)
        .collect())
}

/// Whether a path stays below the folder that it is relative to.
fn is_below(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    parts.all(|part| matches!(part, Component::Normal(_)))
}

/// Writes the files, and removes those of the earlier site that this one does not have.
fn write(site: &Site<'_>, out: &Path, former: &BTreeSet<String>) -> io::Result<usize> {
    fs::create_dir_all(out)?;
    let mut written = BTreeSet::new();
    site.write(&mut |path, text| {
        let file = out.join(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        written.insert(path.to_owned());
        fs::write(file, text)
    })?;
    for path in former.difference(&written) {
        match fs::remove_file(out.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let contents: String = written.iter().map(|path| format!("{path}\n")).collect();
    fs::write(out.join(CONTENTS), contents)?;
    Ok(written.len())
}
