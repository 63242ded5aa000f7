//! `cargo xtask site check`: the static site in a browser.
//!
//! Without a folder a site is made of what is here: the reference, an adapter that says yes to everything and one that
//! says no, each run over a part of the suite and paired. The browser and Python are not installed by this task; it says
//! which of them is missing.

use std::path::Path;

use crate::conformance::legwork;
use crate::process::{TaskError, TaskResult, program, root, run as run_program};

/// The script that drives the browser.
const SCRIPT: &str = "conformance/tests/site/check.py";

/// Adapters that misbehave, so that there is something to show.
const SUBJECTS: [&str; 2] = [
    "conformance/tests/zoo/always_success.py",
    "conformance/tests/zoo/always_failed.py",
];

/// Runs the task.
pub(crate) fn run(arguments: &[&str]) -> TaskResult {
    match arguments {
        ["check"] => {
            let site = staged()?;
            check(&site, &format!("{site}-pictures"))
        }
        ["check", site] => check(site, &format!("{site}-pictures")),
        ["check", site, pictures] => check(site, pictures),
        _ => Err(TaskError::Usage("site check [SITE [PICTURES]]".to_owned())),
    }
}

fn check(site: &str, pictures: &str) -> TaskResult {
    run_program(program("python3", &[SCRIPT, site, pictures]))?;
    println!("pictures: {pictures}");
    Ok(())
}

/// Makes a site below the build folder; its path.
fn staged() -> Result<String, TaskError> {
    let folder = root().join("target/site");
    std::fs::create_dir_all(&folder)
        .map_err(|error| TaskError::Failed(format!("{}: {error}", folder.display())))?;
    let below = |name: &str| folder.join(name).display().to_string();
    let mut logs = vec![below("reference.log")];
    finds(&[
        "run",
        "--filter",
        "ntlm/good/**",
        "--log",
        &below("reference.log"),
    ])?;
    for subject in SUBJECTS {
        let name = Path::new(subject).with_extension("log");
        let log = below(&name.file_name().unwrap_or_default().display().to_string());
        let filters = ["--filter", "ntlm/good/**", "--filter", "ntlm/mic/**"];
        finds(&[&["run", "--subject", subject, "--log", &log], filters.as_slice()].concat())?;
        logs.push(log);
    }
    let (matrix, site) = (below("matrix.json"), below("pages"));
    finds(&[&["pairs", "--json", &matrix], SUBJECTS.as_slice()].concat())?;
    let logs: Vec<&str> = logs.iter().map(String::as_str).collect();
    run_program(legwork(
        &[&["site", "--out", &site, "--matrix", &matrix], logs.as_slice()].concat(),
    ))?;
    Ok(site)
}

/// Runs the harness; that something under test is not as it should be is what is wanted.
fn finds(arguments: &[&str]) -> TaskResult {
    let mut command = legwork(arguments);
    command.stdout(std::process::Stdio::null());
    match run_program(command) {
        Err(TaskError::Exit(1)) => Ok(()),
        other => other,
    }
}
