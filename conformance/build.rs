//! Lists the suite's data files, so that the compiled program carries them.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

/// Folders with YAML files, and single files, beside this script.
const PLACES: [&str; 9] = [
    "bug-classes.yaml",
    "errata.yaml",
    "mappings",
    "models",
    "profiles.yaml",
    "requirements",
    "rules",
    "saboteurs.yaml",
    "scenarios",
];

fn main() -> io::Result<()> {
    let mut paths = Vec::new();
    for place in PLACES {
        println!("cargo:rerun-if-changed={place}");
        collect(Path::new(place), &mut paths)?;
    }
    paths.sort();
    let mut list = String::from("&[\n");
    for path in paths {
        let text = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{path}\"))");
        let _ = writeln!(list, "    ({path:?}, {text}),");
    }
    list.push_str("]\n");
    let folder = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo gives OUT_DIR"))?;
    fs::write(Path::new(&folder).join("suite.rs"), list)
}

/// Adds the YAML files at and below a path, with forward slashes on every system.
fn collect(path: &Path, into: &mut Vec<String>) -> io::Result<()> {
    if path.is_dir() {
        println!("cargo:rerun-if-changed={}", path.display());
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), into)?;
        }
    } else if path.is_file() && path.extension().is_some_and(|extension| extension == "yaml") {
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        into.push(parts.join("/"));
    }
    Ok(())
}
