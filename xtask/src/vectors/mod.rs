//! `cargo xtask vectors`: upkeep of the data files.

mod add;
mod lint;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::process::{TaskError, TaskResult, failed, root};

/// Runs the task named by the first argument.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    match arguments {
        ["lint"] => lint_all(),
        ["lint", "--fix"] => lint::fix(&files()?).and_then(|()| lint_all()),
        ["export"] => export(),
        ["add", rest @ ..] => add::run(rest),
        _ => Err(TaskError::Usage(
            "vectors lint [--fix], vectors add PACKAGE TOKEN FILE or vectors export".to_owned(),
        )),
    }
}

/// A data file as it lies on the disk.
#[derive(Debug)]
pub(super) struct DataFile {
    /// Where it is.
    pub(super) place: PathBuf,
    /// Path below the folder of the vectors, without suffix: the first part of its ids.
    pub(super) stem: String,
    /// What is in it.
    pub(super) text: String,
}

fn lint_all() -> TaskResult {
    let files = files()?;
    let findings = lint::check(&files);
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("{} vector files are in order", files.len());
        Ok(())
    } else {
        failed(format!("{} findings in the vector files", findings.len()))
    }
}

/// Prints every vector with the source of its group, one JSON object per line.
fn export() -> TaskResult {
    for file in files()? {
        let data = parse(&file)?;
        for group in members(&data, "groups") {
            for vector in members(group, "vectors") {
                println!("{}", exported(&data, group, vector));
            }
        }
    }
    Ok(())
}

fn exported(document: &Value, group: &Value, vector: &Value) -> Value {
    let mut line = Map::new();
    for (name, holder) in [
        ("package", document),
        ("token", document),
        ("source", group),
        ("authority", group),
    ] {
        line.insert(name.to_owned(), holder.get(name).cloned().unwrap_or(json!(null)));
    }
    line.extend(vector.as_object().cloned().unwrap_or_default());
    Value::Object(line)
}

/// All data files, ordered by path: JSON one folder below the crate.
fn files() -> Result<Vec<DataFile>, TaskError> {
    let mut files = Vec::new();
    for folder in entries(&root().join("vectors"))?
        .into_iter()
        .filter(|place| place.is_dir())
    {
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        for place in entries(&folder)? {
            if place.extension().is_some_and(|suffix| suffix == "json") {
                files.push(read(&name, &place)?);
            }
        }
    }
    files.sort_by(|left, right| left.stem.cmp(&right.stem));
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let list = fs::read_dir(folder)
        .map_err(|error| TaskError::Failed(format!("cannot list {}: {error}", folder.display())))?;
    Ok(list.flatten().map(|entry| entry.path()).collect())
}

fn read(folder: &str, place: &Path) -> Result<DataFile, TaskError> {
    let text = fs::read_to_string(place)
        .map_err(|error| TaskError::Failed(format!("cannot read {}: {error}", place.display())))?;
    let name = place.file_stem().unwrap_or_default().to_string_lossy();
    Ok(DataFile {
        place: place.to_owned(),
        stem: format!("{folder}/{name}"),
        text,
    })
}

fn parse(file: &DataFile) -> Result<Value, TaskError> {
    serde_json::from_str(&file.text)
        .map_err(|error| TaskError::Failed(format!("vectors/{}.json:{}: {error}", file.stem, error.line())))
}

/// The items of a list inside an object; none if there is no such list.
pub(super) fn members<'a>(holder: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    holder.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The one form a data file is written in: two spaces of indent, members in their order, a line end at the end.
pub(super) fn canonical(data: &Value) -> String {
    let mut text = serde_json::to_string_pretty(data).unwrap_or_default();
    text.push('\n');
    text
}
