//! `cargo xtask adapters`: what adapters need before they can be run.

use std::{fs, path::PathBuf};

use crate::{
    conformance::legwork,
    process::{TaskError, TaskResult, failed, program, root, run as run_program},
};

/// Source of the library that steers randomness and clock of adapters.
const SOURCE: &str = "conformance/sdk/preload/preload.c";

/// Where the library is built, from the workspace folder.
const LIBRARY: &str = "target/preload/liblegwork_preload.so";

/// The variable that names the library to `legwork`.
const VARIABLE: &str = "LEGWORK_PRELOAD";

/// The variable that names a folder with files of expectations that are not public: `NAME.yaml`.
const PRIVATE: &str = "LEGWORK_PRIVATE";

/// Runs the task that the arguments name.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    match arguments {
        ["setup", names @ ..] => setup(names),
        ["test", names @ ..] => test(names),
        _ => Err(TaskError::Usage("adapters setup|test [NAME …]".to_owned())),
    }
}

/// What `legwork` is told of the library: nothing unless it has been built, or where the caller names another.
pub(crate) fn preload() -> Option<(&'static str, PathBuf)> {
    let library = root().join(LIBRARY);
    let chosen = std::env::var_os(VARIABLE).is_some();
    (!chosen && library.is_file()).then_some((VARIABLE, library))
}

/// Builds the library and sets adapters up: those named, or all.
fn setup(names: &[&str]) -> TaskResult {
    build_library()?;
    for folder in folders(names)? {
        println!("{}", folder.display());
        run_program(legwork(&[
            "adapter",
            "setup",
            "--install",
            &folder.to_string_lossy(),
        ]))?;
    }
    Ok(())
}

/// Runs adapters through the suite: those named, or all. What must not be public is counted and not told, unless the
/// variable names a folder with the files that know of it.
fn test(names: &[&str]) -> TaskResult {
    let private = std::env::var_os(PRIVATE).map(PathBuf::from);
    let mut wrong = Vec::new();
    for folder in folders(names)? {
        println!("\n{}", folder.display());
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut command = legwork(&["run", "--subject", &folder.to_string_lossy()]);
        let file = private.as_ref().map(|folder| folder.join(format!("{name}.yaml")));
        match file.filter(|file| file.is_file()) {
            Some(file) => command.arg("--private-expectations").arg(file),
            None => command.arg("--withhold"),
        };
        command.envs(preload());
        if let Err(error) = run_program(command) {
            if let TaskError::Usage(_) = error {
                return Err(error);
            }
            wrong.push(name);
        }
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => failed(format!("otherwise than known: {}", wrong.join(", "))),
    }
}

/// Folders of the adapters that are named, or of all; other versions of subjects are none.
fn folders(names: &[&str]) -> Result<Vec<PathBuf>, TaskError> {
    let all = root().join("conformance/adapters");
    if !names.is_empty() {
        return Ok(names.iter().map(|name| all.join(name)).collect());
    }
    let entries =
        fs::read_dir(&all).map_err(|error| TaskError::Failed(format!("{}: {error}", all.display())))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let version = |path: &PathBuf| path.to_string_lossy().contains('@');
    let mut folders: Vec<PathBuf> = paths
        .filter(|path| path.join("subject.yaml").is_file() && !version(path))
        .collect();
    folders.sort();
    Ok(folders)
}

fn build_library() -> TaskResult {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        println!("no library to preload on this system: randomness and clock of adapters are their own");
        return Ok(());
    }
    let compiler = program("cc", &["--version"]).output();
    if compiler.is_err() {
        return failed(format!(
            "there is no C compiler `cc`, which {SOURCE} needs: install gcc or clang"
        ));
    }
    let library = root().join(LIBRARY);
    if let Some(Err(error)) = library.parent().map(fs::create_dir_all) {
        return failed(format!("{}: {error}", library.display()));
    }
    let flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-Wall", "-Wextra"];
    let mut compile = program("cc", &flags);
    compile.args([SOURCE, "-o", LIBRARY]);
    run_program(compile)?;
    println!("{LIBRARY}");
    Ok(())
}
