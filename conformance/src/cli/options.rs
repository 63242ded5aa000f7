//! Arguments that several commands share: the suite, the choice of cases, and the subject.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use legwork::{
    protocol::Role,
    run::case::{self, Case},
    runner::Options,
    subject::{
        description::{Description, Located},
        isolation, version,
    },
    suite::Suite,
    yaml::{self, Document},
};

use serde::de::DeserializeOwned;

use super::console::{self, Failure};

/// Which suite.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SuiteChoice {
    /// A folder with rules, scenarios, mappings, errata and saboteurs instead of the suite that is compiled in
    #[arg(long, value_name = "DIR")]
    pub(crate) suite: Option<PathBuf>,
}

impl SuiteChoice {
    pub(crate) fn load(&self) -> Result<Suite, Failure> {
        let loaded = match &self.suite {
            Some(folder) => Suite::from_dir(folder),
            None => Suite::embedded(),
        };
        let suite = loaded.map_err(Failure::Broken)?;
        match &self.suite {
            Some(folder) if suite.scenarios.is_empty() => Err(Failure::Usage(format!(
                "there is no scenario in {}",
                folder.display()
            ))),
            _ => Ok(suite),
        }
    }
}

/// A side, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum RoleName {
    /// The side that calls InitializeSecurityContext
    Initiator,
    /// The side that calls AcceptSecurityContext
    Acceptor,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Initiator => Self::Initiator,
            RoleName::Acceptor => Self::Acceptor,
        }
    }
}

/// The implementation under test.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SubjectChoice {
    /// The implementation under test: a folder with subject.yaml, that file, or an adapter's program; FOLDER@VERSION is
    /// another version of it
    #[arg(long, value_name = "PATH")]
    pub(crate) subject: Option<PathBuf>,
    /// Seconds that an adapter may take to answer a request
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) deadline: u64,
    /// Start a fresh process of the adapter for every case
    #[arg(long, requires = "subject")]
    pub(crate) isolate: bool,
    /// The library that brings an adapter's randomness and clock under control (`cargo xtask adapters setup` builds it);
    /// the default is what LEGWORK_PRELOAD names
    #[arg(long, value_name = "FILE", requires = "subject")]
    pub(crate) preload: Option<PathBuf>,
    /// Seed of all randomness that the harness controls
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}

impl SubjectChoice {
    /// The description of the subject and the folder that it stands in, if there is one.
    pub(crate) fn load(&self) -> Result<Option<Located>, Failure> {
        let mut located = self.subject.as_deref().map(describe).transpose()?;
        if let Some(located) = &mut located {
            located.description.isolate |= self.isolate;
            preload(located, self.preload.as_deref())?;
            isolation::shortcoming().into_iter().for_each(console::note);
        }
        Ok(located)
    }

    /// The subject as the command line names it.
    pub(crate) fn argument(&self) -> Option<String> {
        self.subject.as_ref().map(|path| path.display().to_string())
    }

    /// How to run.
    pub(crate) fn options(&self) -> Options {
        Options {
            seed: self.seed,
            deadline: Duration::from_secs(self.deadline),
            ..Options::default()
        }
    }
}

/// Has a subject started with the library that the command line or LEGWORK_PRELOAD names, if there is one and it makes
/// sense for the subject.
pub(crate) fn preload(located: &mut Located, path: Option<&Path>) -> Result<(), Failure> {
    if located.description.preloads() {
        located.preload = library(path)?;
    }
    Ok(())
}

/// The library that adapters are started with, if there is one and the system can.
fn library(path: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let variable = std::env::var_os("LEGWORK_PRELOAD").filter(|path| !path.is_empty());
    let Some(path) = path
        .map(Path::to_path_buf)
        .or_else(|| variable.map(PathBuf::from))
    else {
        return Ok(None);
    };
    if !isolation::PRELOADS {
        console::note("this system cannot preload: randomness and clock of adapters are their own");
        return Ok(None);
    }
    let shown = path.display().to_string();
    let path = std::path::absolute(&path).map_err(|error| Failure::Usage(error.to_string()))?;
    if !path.is_file() {
        return Err(Failure::Usage(format!("there is no library at {shown}")));
    }
    match path.to_str() {
        Some(text) if !text.contains([' ', ':']) => Ok(Some(path)),
        _ => Err(Failure::Usage(format!(
            "{shown}: the loader takes no path with a blank or a colon"
        ))),
    }
}

pub(crate) fn describe(path: &Path) -> Result<Located, Failure> {
    if let Some((folder, version)) = version::split(path) {
        return version::other(&describe(&folder)?, &version).map_err(Failure::Usage);
    }
    let file = if path.is_dir() {
        path.join("subject.yaml")
    } else {
        path.to_path_buf()
    };
    if !file.is_file() {
        return Err(Failure::Usage(format!(
            "there is no subject at {}",
            file.display()
        )));
    }
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let is_yaml = file
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml");
    let description = if is_yaml { read(&file)? } else { of_program(&file)? };
    let home = folder.clone();
    Ok(Located {
        description,
        folder,
        home,
        ..Located::default()
    })
}

pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    Document::new(&file.display().to_string(), &text(file)?)
        .read()
        .map_err(|error| Failure::Broken(vec![*error]))
}

fn text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::Broken(vec![yaml::Located::whole_file(
            &file.display().to_string(),
            format!("cannot be read: {error}"),
        )])
    })
}

/// Tells the suite what a subject's own errors mean: its documented classes, and the rows of `mapping.yaml` beside
/// its description.
pub(crate) fn teach(suite: &mut Suite, located: &Located) -> Result<(), Failure> {
    let Description {
        name,
        documented_errors,
        ..
    } = &located.description;
    let mapping = std::mem::take(&mut suite.mapping);
    suite.mapping = mapping.with_documented_errors(name, documented_errors.clone());
    let file = located.home.join("mapping.yaml");
    if file.is_file() {
        suite
            .add_subject_mapping(name, &file.display().to_string(), &text(&file)?)
            .map_err(Failure::Broken)?;
    }
    Ok(())
}

/// The description of a bare program, which needs none of what a description can say.
fn of_program(file: &Path) -> Result<Description, Failure> {
    let program = std::path::absolute(file).map_err(|error| Failure::Usage(error.to_string()))?;
    let name = file
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(Description {
        name,
        command: vec![program.to_string_lossy().into_owned()],
        ..Description::default()
    })
}

/// The cases that any of the patterns matches; all without a pattern. A pattern may be a case's key with its role.
pub(crate) fn choose<'a>(suite: &'a Suite, patterns: &[String]) -> Result<Vec<Case<'a>>, Failure> {
    let cases = case::expand(suite);
    let patterns: Vec<&str> = patterns.iter().map(|pattern| split_key(pattern).0).collect();
    for pattern in &patterns {
        if !cases.iter().any(|case| case::matches(pattern, &case.id)) {
            return Err(Failure::Usage(format!(
                "no case matches `{pattern}`; try `legwork list`"
            )));
        }
    }
    let chosen =
        |case: &Case<'_>| patterns.is_empty() || patterns.iter().any(|it| case::matches(it, &case.id));
    Ok(cases.into_iter().filter(chosen).collect())
}

/// The id of a case and the role, if the key names one.
pub(crate) fn split_key(key: &str) -> (&str, Option<Role>) {
    match key.rsplit_once('@') {
        Some((id, "initiator")) => (id, Some(Role::Initiator)),
        Some((id, "acceptor")) => (id, Some(Role::Acceptor)),
        _ => (key, None),
    }
}
