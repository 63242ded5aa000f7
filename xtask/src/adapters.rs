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

/// Runs the task that the arguments name.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    match arguments {
        ["setup", names @ ..] => setup(names),
        _ => Err(TaskError::Usage("adapters setup [NAME …]".to_owned())),
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
    let all = root().join("conformance/adapters");
    let mut folders: Vec<PathBuf> = match names {
        [] => match fs::read_dir(&all) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => return failed(format!("{}: {error}", all.display())),
        },
        names => names.iter().map(|name| all.join(name)).collect(),
    };
    folders.sort();
    build_library()?;
    for folder in folders {
        println!("{}", folder.display());
        run_program(legwork(&["adapter", "setup", &folder.to_string_lossy()]))?;
    }
    Ok(())
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
