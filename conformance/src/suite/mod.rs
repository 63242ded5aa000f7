//! The suite: rules, scenarios, saboteurs, errata, mapping tables, bug classes and models.
//!
//! All of it is data. The files are compiled in ([`Suite::embedded`]) or read from a folder
//! ([`Suite::from_dir`]); both ways pass the same checks. Every file is read even if another one is broken, and
//! all errors come back together, each with its place, whether the parser found it or a check afterwards.

pub mod bug_class;
mod check;
pub(crate) mod der_grammar;
pub mod errata;
pub mod expect;
mod files;
pub mod grammar;
pub mod map;
pub mod mapping;
pub mod model;
mod mutant;
pub mod names;
pub mod profile;
pub mod rule;
pub mod saboteur;
pub mod scenario;
pub mod step;
pub mod vectors;

use std::{collections::BTreeMap, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use self::{
    bug_class::{BugClass, BugClassFile},
    errata::{ErrataFile, Erratum},
    files::SuiteFile,
    map::UniqueMap,
    mapping::{AttributeFile, Mapping, MappingFile, SubjectMappingFile},
    model::Model,
    profile::{Profile, ProfileFile},
    rule::{Rule, RuleFile},
    saboteur::{Saboteur, SaboteurFile},
    scenario::{Scenario, ScenarioFile},
};
use crate::{
    protocol::Namespace,
    yaml::{Document, Located},
};

/// Everything that a run judges by.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// Rules by id.
    pub rules: BTreeMap<String, RuleEntry>,
    /// Scenarios in order of files and of writing.
    pub scenarios: Vec<ScenarioEntry>,
    /// Saboteurs by name.
    pub saboteurs: UniqueMap<Saboteur>,
    /// Errata by id.
    pub errata: UniqueMap<Erratum>,
    /// Classes of defects by id.
    pub bug_classes: UniqueMap<BugClass>,
    /// What any two implementations are paired by.
    pub profiles: UniqueMap<Profile>,
    /// What native codes mean.
    pub mapping: Mapping,
    /// Models by package.
    pub models: BTreeMap<String, Model>,
    /// Frozen sets of rule ids by version.
    pub requirements: BTreeMap<String, Vec<String>>,
}

/// A rule with what its file says about all its rules.
#[derive(Clone, Debug)]
pub struct RuleEntry {
    /// The rule.
    pub rule: Rule,
    /// The page that it comes from: its own, or else its file's.
    pub page: String,
    /// Title of the file.
    pub title: String,
    /// Path of the file from the suite's root.
    pub file: String,
    /// What is still to come before the rules of the file are held to be checked and proven.
    pub unfinished: Option<String>,
}

/// A scenario with its id.
#[derive(Clone, Debug)]
pub struct ScenarioEntry {
    /// Id: the place of the file and the key.
    pub id: String,
    /// The package that is driven.
    pub package: String,
    /// The scenario.
    pub scenario: Scenario,
    /// Path of the file from the suite's root.
    pub file: String,
}

/// One file of `requirements/`: a set of rule ids that a release was judged by.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequirementsFile {
    /// What the set is for.
    pub title: String,
    /// The rule ids.
    pub rules: Vec<String>,
}

impl Suite {
    /// The suite that is compiled in.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it. A test of this crate makes sure that there is nothing.
    pub fn embedded() -> Result<Self, Vec<Located>> {
        Self::assemble(&files::embedded(), Vec::new())
    }

    /// The suite in a folder.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of its files.
    pub fn from_dir(root: &Path) -> Result<Self, Vec<Located>> {
        let (files, errors) = files::below(root);
        Self::assemble(&files, errors)
    }

    /// Adds the text of a subject's `mapping.yaml`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn add_subject_mapping(&mut self, subject: &str, file: &str, text: &str) -> Result<(), Vec<Located>> {
        let document = Document::new(file, text);
        let parsed: SubjectMappingFile = document.read().map_err(|error| vec![*error])?;
        let errors = check::subject_mapping(self, &document, &parsed);
        if errors.is_empty() {
            self.mapping.insert_subject(subject, parsed);
            Ok(())
        } else {
            Err(errors)
        }
    }

    /// A rule by its id or a former id.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<(&str, &RuleEntry)> {
        let same = self.rules.get_key_value(id);
        let found = same.or_else(|| self.rules.iter().find(|(_, entry)| entry.has_alias(id)));
        found.map(|(id, entry)| (id.as_str(), entry))
    }

    /// Whether every file with rules of a package is finished.
    #[must_use]
    pub fn is_finished(&self, package: &str) -> bool {
        let of_package = |id: &str| id.split('/').nth(1) == Some(package);
        let mut rules = self.rules.iter().filter(|(id, _)| of_package(id));
        rules.all(|(_, entry)| entry.unfinished.is_none())
    }

    /// A scenario by its id.
    #[must_use]
    pub fn scenario(&self, id: &str) -> Option<&ScenarioEntry> {
        self.scenarios.iter().find(|entry| entry.id == id)
    }

    fn assemble(files: &[SuiteFile], mut errors: Vec<Located>) -> Result<Self, Vec<Located>> {
        let mut suite = Self::default();
        let mut broken = Vec::new();
        for file in files {
            if let Err(error) = suite.add(file) {
                errors.push(*error);
                broken.push(file.path.split('/').next().unwrap_or_default());
            }
        }
        errors.extend(check::all(&suite, files, &broken));
        if errors.is_empty() { Ok(suite) } else { Err(errors) }
    }

    fn add(&mut self, file: &SuiteFile) -> Result<(), Box<Located>> {
        match file.path.split_once('/') {
            Some(("rules", _)) => self.add_rules(file),
            Some(("scenarios", _)) => self.add_scenarios(file),
            Some(("mappings", _)) => self.add_mapping(file),
            Some(("models", _)) => self.add_model(file),
            Some(("requirements", _)) => self.add_requirements(file),
            _ => self.add_single(file),
        }
    }

    /// Adds a file that stands beside the folders.
    fn add_single(&mut self, file: &SuiteFile) -> Result<(), Box<Located>> {
        match file.path.as_str() {
            "bug-classes.yaml" => self.bug_classes = read::<BugClassFile>(file)?.classes,
            "profiles.yaml" => self.profiles = read::<ProfileFile>(file)?.profiles,
            "errata.yaml" => self.errata = read::<ErrataFile>(file)?.errata,
            _ => self.saboteurs = read::<SaboteurFile>(file)?.saboteurs,
        }
        Ok(())
    }

    fn add_rules(&mut self, file: &SuiteFile) -> Result<(), Box<Located>> {
        let parsed: RuleFile = read(file)?;
        for (key, rule) in parsed.rules.iter() {
            let entry = RuleEntry {
                rule: rule.clone(),
                page: rule.source.page.clone().unwrap_or_else(|| parsed.page.clone()),
                title: parsed.title.clone(),
                file: file.path.clone(),
                unfinished: parsed.unfinished.clone(),
            };
            self.rules.insert(id(file, "rules", key), entry);
        }
        Ok(())
    }

    fn add_scenarios(&mut self, file: &SuiteFile) -> Result<(), Box<Located>> {
        let parsed: ScenarioFile = read(file)?;
        for (key, scenario) in parsed.scenarios.iter() {
            self.scenarios.push(ScenarioEntry {
                id: id(file, "scenarios", key),
                package: parsed.package.clone(),
                scenario: parsed.resolved(scenario),
                file: file.path.clone(),
            });
        }
        Ok(())
    }

    fn add_mapping(&mut self, file: &SuiteFile) -> Result<(), Box<Located>> {
        let place = file.place_below("mappings").unwrap_or_default();
        match place.split_once('/') {
            Some(("attributes", of)) => {
                let namespace = namespace(file, of)?;
                self.mapping
                    .insert_attributes(namespace, read::<AttributeFile>(file)?);
            }
            Some(("exception", subject)) => {
                self.mapping
                    .insert_exceptions(subject, read::<MappingFile>(file)?.rows);
            }
            Some(("gss-minor", _)) => self.mapping.insert_minors(read(file)?),
            _ => {
                let namespace = namespace(file, place)?;
                self.mapping.insert(namespace, read::<MappingFile>(file)?.rows);
            }
        }
        Ok(())
    }

    fn add_model(&mut self, file: &SuiteFile) -> Result<(), Box<Located>> {
        let package = file.place_below("models").unwrap_or_default();
        self.models.insert(package.to_owned(), read(file)?);
        Ok(())
    }

    fn add_requirements(&mut self, file: &SuiteFile) -> Result<(), Box<Located>> {
        let parsed: RequirementsFile = read(file)?;
        let version = file.place_below("requirements").unwrap_or_default();
        self.requirements.insert(version.to_owned(), parsed.rules);
        Ok(())
    }
}

impl ScenarioEntry {
    /// The rules that its expectations name, in order, each as often as it is named.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        check::expectations(&self.scenario)
            .into_iter()
            .map(|expect| expect.rule.as_str())
    }

    /// The statuses that its expectations name, each with the rule that says so.
    pub fn statuses(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = check::expectations(&self.scenario).into_iter();
        all.flat_map(|expect| {
            expect
                .status
                .iter()
                .map(|status| (expect.rule.as_str(), status.as_str()))
        })
    }

    /// Number of its cases: the axes multiplied.
    #[must_use]
    pub fn case_count(&self) -> usize {
        self.scenario
            .axes
            .iter()
            .map(|(_, values)| values.len())
            .product()
    }
}

impl RuleEntry {
    /// Whether something must be able to find a break of this rule.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.rule.unchecked.is_none()
    }

    fn has_alias(&self, id: &str) -> bool {
        self.rule.aliases.iter().any(|alias| alias == id)
    }
}

fn read<T: DeserializeOwned>(file: &SuiteFile) -> Result<T, Box<Located>> {
    Document::new(&file.shown, &file.text).read()
}

/// The id of an entry: the place of its file below a folder, and its key.
fn id(file: &SuiteFile, folder: &str, key: &str) -> String {
    format!("{}/{key}", file.place_below(folder).unwrap_or_default())
}

/// The namespace whose codes a file holds.
fn namespace(file: &SuiteFile, name: &str) -> Result<Namespace, Box<Located>> {
    Ok(match name {
        "sspi" => Namespace::Sspi,
        "gss" => Namespace::Gss,
        "ntstatus" => Namespace::Ntstatus,
        "sasl" => Namespace::Sasl,
        "exit" => Namespace::Exit,
        "return" => Namespace::Return,
        _ => {
            let message = format!("no namespace is called `{name}`");
            return Err(Box::new(Located::whole_file(&file.shown, message)));
        }
    })
}
