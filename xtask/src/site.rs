//! `cargo xtask site check`: the static site in a browser.
//!
//! Without a folder a site is made of what is here: the reference, and the reference behind two adapters that make
//! mistakes, run over a part of the suite and paired. The browser and Python are not installed by this task; it says what
//! is missing.

use std::fs;
use std::path::Path;

use crate::conformance::legwork;
use crate::process::{TaskError, TaskResult, failed, program, root, run as run_program};

/// The script that drives the browser.
const SCRIPT: &str = "conformance/tests/site/check.py";

/// Adapters that make mistakes, so that there is something to show: folder, name, script and its arguments before the
/// command of a good adapter. Those of one name are versions, from old to new.
const SUBJECTS: [(&str, &str, &[&str]); 3] = [
    (
        "deviant-1",
        "deviant",
        &["conformance/tests/site/deviant.py", "1"],
    ),
    ("deviant", "deviant", &["conformance/tests/site/deviant.py", "2"]),
    (
        "swapping",
        "swapping",
        &["conformance/tests/planted/proxy.py", "SwapsBytesOfText"],
    ),
];

/// The cases that are run.
const FILTERS: [&str; 4] = ["--filter", "ntlm/good/**", "--filter", "ntlm/mic/**"];

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
    let below = |name: &str| folder.join(name).display().to_string();
    written(&folder)?;
    let mut logs = vec![below("reference.log")];
    finds(&[&["run", "--log", &below("reference.log")], FILTERS.as_slice()].concat())?;
    let mut subjects = Vec::new();
    for (place, name, script) in SUBJECTS {
        let (subject, log) = (below(place), below(&format!("{place}.log")));
        describe(&folder.join(place), name, script)?;
        finds(&[&["run", "--subject", &subject, "--log", &log], FILTERS.as_slice()].concat())?;
        logs.push(log);
        // Only the newest version is paired.
        if place == name {
            subjects.push(subject);
        }
    }
    let (matrix, site) = (below("matrix.json"), below("pages"));
    let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
    finds(&[&["pairs", "--json", &matrix], subjects.as_slice()].concat())?;
    let logs: Vec<&str> = logs.iter().map(String::as_str).collect();
    let arguments = [&["site", "--out", &site, "--matrix", &matrix], logs.as_slice()].concat();
    run_program(legwork(&arguments))?;
    Ok(site)
}

/// Writes the description of a subject: a script before the reference behind the protocol.
fn describe(folder: &Path, name: &str, script: &[&str]) -> TaskResult {
    let Ok(own) = std::env::current_exe() else {
        return failed("this program does not know where it lies");
    };
    let server = own.with_file_name(format!("legwork{}", std::env::consts::EXE_SUFFIX));
    let mut command = vec!["python3".to_owned(), "-B".to_owned()];
    let mut script = script.iter();
    command.extend(script.next().map(|file| root().join(file).display().to_string()));
    command.extend(script.map(|argument| (*argument).to_owned()));
    command.extend([server.display().to_string(), "serve".to_owned()]);
    written(folder)?;
    let text = format!(
        "name: {name}\nhomepage: https://example.org/{name}\nlanguage: Python\nisolate: false\ncommand: {command:?}\n"
    );
    let file = folder.join("subject.yaml");
    fs::write(&file, text).map_err(|error| TaskError::Failed(format!("{}: {error}", file.display())))
}

fn written(folder: &Path) -> TaskResult {
    let made = fs::create_dir_all(folder);
    made.map_err(|error| TaskError::Failed(format!("{}: {error}", folder.display())))
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
