//! `cargo xtask tidy`: house rules of the source tree, each with its reason.
//!
//! The rules also run as a test, so that `cargo test` finds what they find. Every rule has a test that shows it firing on
//! a bad sample: a rule that cannot fail is worth nothing.

mod content;
mod engine;
mod layout;
mod paths;
mod source;

use std::fs;
use std::path::Path;

use crate::process::{TaskError, TaskResult, failed, root};
use source::SourceFile;

/// A rule about single files.
struct Rule {
    name: &'static str,
    /// Why the rule exists; printed when it fails.
    reason: &'static str,
    check: fn(&SourceFile) -> Vec<Finding>,
}

/// Something a rule does not like about a file.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// Counted from 1.
    line: usize,
    message: String,
}

impl Finding {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self {
            line,
            message: message.into(),
        }
    }
}

/// Folders that hold nothing of ours: build results, generated corpora, installed packages.
const FOREIGN_FOLDERS: [&str; 9] = [
    "target",
    ".git",
    "corpus",
    "artifacts",
    "coverage",
    ".venv",
    "__pycache__",
    "node_modules",
    "build",
];

const TEXT_SUFFIXES: [&str; 14] = [
    "rs", "toml", "yaml", "yml", "json", "md", "sh", "py", "c", "h", "html", "css", "js", "jsonl",
];

/// Checks the whole tree.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    if let Some(argument) = arguments.first() {
        return Err(TaskError::Usage(format!(
            "tidy takes no argument, not {argument:?}"
        )));
    }
    let (files, report) = check_tree(&root())?;
    if report.is_empty() {
        println!("{files} files are tidy");
        return Ok(());
    }
    for line in &report {
        eprintln!("{line}");
    }
    failed("the tree is not tidy")
}

fn rules() -> Vec<Rule> {
    let mut rules = layout::rules();
    rules.extend(content::rules());
    rules.extend(engine::rules());
    rules
}

/// Number of files seen, and the lines of the report: for each broken rule its name and reason, then the places.
fn check_tree(folder: &Path) -> Result<(usize, Vec<String>), TaskError> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)
        .map_err(|error| TaskError::Failed(format!("cannot read the source tree: {error}")))?;
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut report = layout::check_top_level(&names_in(folder)?);
    for rule in rules() {
        let mut places = Vec::new();
        for file in &files {
            for finding in (rule.check)(file) {
                places.push(format!("  {}:{}: {}", file.path, finding.line, finding.message));
            }
        }
        if !places.is_empty() {
            report.push(format!("{}: {}", rule.name, rule.reason));
            report.append(&mut places);
        }
    }
    Ok((files.len(), report))
}

fn names_in(folder: &Path) -> Result<Vec<String>, TaskError> {
    let entries = fs::read_dir(folder)
        .map_err(|error| TaskError::Failed(format!("cannot list {}: {error}", folder.display())))?;
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Reads all text files below a folder.
fn collect(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}/{name}")
        };
        if entry.file_type()?.is_dir() {
            let scratch = prefix.is_empty() && name.starts_with("legwork-");
            if !FOREIGN_FOLDERS.contains(&name.as_str()) && !scratch {
                collect(&entry.path(), &path, files)?;
            }
        } else if is_text(&path)
            && let Ok(text) = fs::read_to_string(entry.path())
        {
            files.push(SourceFile::new(path, text));
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    let suffix = path.rsplit_once('.').map(|(_, suffix)| suffix);
    path == ".ci/run" || suffix.is_some_and(|suffix| TEXT_SUFFIXES.contains(&suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the rule of this name finds in a file of this content.
    pub(super) fn findings(rule: &str, path: &str, text: &str) -> Vec<Finding> {
        let rule = rules()
            .into_iter()
            .find(|known| known.name == rule)
            .expect("a rule of this name");
        (rule.check)(&SourceFile::new(path.to_owned(), text.to_owned()))
    }

    #[test]
    fn the_tree_is_tidy() {
        let (files, report) = check_tree(&root()).unwrap();
        assert!(files > 20, "only {files} files were seen");
        assert!(report.is_empty(), "\n{}", report.join("\n"));
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_and_a_reason() {
        let mut names: Vec<_> = rules().iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rules().len());
        assert!(rules().iter().all(|rule| rule.reason.len() > 20));
    }

    #[test]
    fn a_bad_file_in_a_tree_is_reported_with_rule_reason_and_place() {
        let folder = std::env::temp_dir().join(format!("xtask-tidy-{}", std::process::id()));
        fs::create_dir_all(folder.join("engine").join("src")).unwrap();
        fs::write(
            folder.join("engine").join("src").join("status.rs"),
            "fn f() {} \n",
        )
        .unwrap();
        let (files, report) = check_tree(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(files, 1);
        assert!(
            report.iter().any(|line| line.starts_with("trailing-space: ")),
            "{report:#?}"
        );
        assert!(
            report
                .iter()
                .any(|line| line.starts_with("  engine/src/status.rs:1: ")),
            "{report:#?}"
        );
    }
}
