//! The files that make up a suite: compiled in, or read from a folder.

use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
};

use crate::yaml::Located;

/// Folders of a suite.
const FOLDERS: [&str; 5] = ["mappings", "models", "requirements", "rules", "scenarios"];

/// Files beside the folders.
const FILES: [&str; 4] = [
    "bug-classes.yaml",
    "errata.yaml",
    "profiles.yaml",
    "saboteurs.yaml",
];

/// The compiled-in files: path and text.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/suite.rs"));

/// A file with its path from the suite's root, forward slashes on every system.
#[derive(Clone, Debug)]
pub(super) struct SuiteFile {
    /// Path from the root of the suite.
    pub(super) path: String,
    /// What it is called in messages.
    pub(super) shown: String,
    /// The text.
    pub(super) text: Cow<'static, str>,
}

impl SuiteFile {
    /// The path below a folder without its extension, if it is in that folder: `rules/isc/ntlm.yaml` below
    /// `rules` is `isc/ntlm`.
    pub(super) fn place_below(&self, folder: &str) -> Option<&str> {
        self.path
            .strip_prefix(folder)?
            .strip_prefix('/')?
            .strip_suffix(".yaml")
    }
}

/// The compiled-in files.
pub(super) fn embedded() -> Vec<SuiteFile> {
    EMBEDDED
        .iter()
        .map(|(path, text)| SuiteFile {
            path: (*path).to_owned(),
            shown: (*path).to_owned(),
            text: Cow::Borrowed(text),
        })
        .collect()
}

/// The files below a folder. What cannot be read becomes an error; the rest is still read.
pub(super) fn below(root: &Path) -> (Vec<SuiteFile>, Vec<Located>) {
    let mut errors = Vec::new();
    let mut paths = Vec::new();
    if !root.is_dir() {
        errors.push(Located::whole_file(&root.display().to_string(), "no such folder"));
    }
    for folder in FOLDERS {
        let folder = root.join(folder);
        if folder.is_dir() {
            collect(&folder, &mut paths, &mut errors);
        }
    }
    paths.extend(
        FILES
            .iter()
            .map(|file| root.join(file))
            .filter(|file| file.is_file()),
    );
    paths.sort();
    let files = paths
        .iter()
        .filter_map(|path| read(root, path, &mut errors))
        .collect();
    (files, errors)
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>, errors: &mut Vec<Located>) {
    let entries: io::Result<Vec<_>> = fs::read_dir(folder).and_then(Iterator::collect);
    match entries {
        Err(error) => errors.push(Located::whole_file(
            &folder.display().to_string(),
            error.to_string(),
        )),
        Ok(entries) => {
            for path in entries.iter().map(fs::DirEntry::path) {
                if path.is_dir() {
                    collect(&path, into, errors);
                } else if path.extension().is_some_and(|extension| extension == "yaml") {
                    into.push(path);
                }
            }
        }
    }
}

fn read(root: &Path, path: &Path, errors: &mut Vec<Located>) -> Option<SuiteFile> {
    let shown = path.display().to_string();
    let below = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    match fs::read_to_string(path) {
        Ok(text) => Some(SuiteFile {
            path: parts.join("/"),
            shown,
            text: Cow::Owned(text),
        }),
        Err(error) => {
            errors.push(Located::whole_file(&shown, error.to_string()));
            None
        }
    }
}
