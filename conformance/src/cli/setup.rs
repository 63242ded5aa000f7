//! What an adapter needs before it can be started: packages of the machine, and the setup of its description.

use std::process::{Command, Stdio};

use legwork::subject::description::Located;

use super::console::{self, Failure};

/// Looks for what a description needs, installs it if that is wanted, and runs the setup commands in its folder.
pub(crate) fn set_up(located: &Located, install: bool) -> Result<(), Failure> {
    let missing = missing_packages(located)?;
    if !missing.is_empty() {
        let line = [
            &["install", "--yes", "--no-install-recommends"],
            missing.as_slice(),
        ]
        .concat();
        if !install {
            return Err(failed(
                located,
                format!("not installed: apt-get {}", line.join(" ")),
            ));
        }
        let mut command = Command::new("apt-get");
        command.args(&line).env("DEBIAN_FRONTEND", "noninteractive");
        run(located, command, &format!("apt-get {}", line.join(" ")))?;
    }
    let needed = located.description.needs.programs.iter();
    let absent: Vec<&str> = needed
        .map(String::as_str)
        .filter(|name| !is_program(name))
        .collect();
    if !absent.is_empty() {
        return Err(failed(located, format!("not on the path: {}", absent.join(", "))));
    }
    for line in located.description.setup.iter().filter(|line| !line.is_empty()) {
        run(located, located.command(line), &line.join(" "))?;
    }
    Ok(())
}

fn failed(located: &Located, what: String) -> Failure {
    Failure::Failed(format!("setup of {}: {what}", located.description.name))
}

fn run(located: &Located, mut command: Command, shown: &str) -> Result<(), Failure> {
    let status = command
        .status()
        .map_err(|error| failed(located, format!("cannot start `{shown}`: {error}")))?;
    match status.success() {
        true => Ok(()),
        false => Err(failed(located, format!("`{shown}` ends with {status}"))),
    }
}

/// Packages of Debian that are not installed, or not in the version that is wanted.
fn missing_packages(located: &Located) -> Result<Vec<&str>, Failure> {
    let wanted: Vec<&str> = located
        .description
        .needs
        .debian
        .iter()
        .map(String::as_str)
        .collect();
    if wanted.is_empty() {
        return Ok(wanted);
    }
    if !is_program("dpkg-query") {
        console::note(&format!(
            "not a Debian system; needed are its packages {}",
            wanted.join(", ")
        ));
        return Ok(Vec::new());
    }
    Ok(wanted
        .into_iter()
        .filter(|package| !is_installed(package))
        .collect())
}

fn is_installed(package: &str) -> bool {
    let (name, version) = match package.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (package, None),
    };
    let format = "--showformat=${db:Status-Status} ${Version}";
    let output = Command::new("dpkg-query")
        .args(["--show", format, name])
        .stderr(Stdio::null())
        .output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = said.unwrap_or_default();
    said.strip_prefix("installed ")
        .is_some_and(|found| version.is_none_or(|version| found == version))
}

fn is_program(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths)
        .any(|folder| folder.join(name).is_file() || folder.join(format!("{name}.exe")).is_file())
}
