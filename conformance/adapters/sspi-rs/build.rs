//! Tells the adapter which version of the library it is built with: the one that the lock file resolves to.

use std::{env, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let folder = env::var_os("CARGO_MANIFEST_DIR").expect("Cargo names the package's folder");
    let lock =
        fs::read_to_string(Path::new(&folder).join("Cargo.lock")).expect("Cargo writes the lock file first");
    println!("cargo::rustc-env=SSPI_VERSION={}", version_of("sspi", &lock));
}

/// The version of a package by the text of a lock file: the line behind its name's.
fn version_of<'a>(package: &str, lock: &'a str) -> &'a str {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    let version = lines.next().and_then(|line| line.strip_prefix("version = "));
    version.expect("the lock file has the package").trim_matches('"')
}
