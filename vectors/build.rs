//! Lists the data files, so that the crate can carry them in the compiled program.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=.");
    let mut paths = Vec::new();
    for folder in names(Path::new("."))? {
        if Path::new(&folder).is_dir() {
            let files = names(Path::new(&folder))?
                .into_iter()
                .filter(|name| name.ends_with(".json"));
            paths.extend(files.map(|name| format!("{folder}/{name}")));
        }
    }
    paths.sort();
    let mut list = String::from("&[\n");
    for path in paths {
        let text = format!("include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{path}\"))");
        let _ = writeln!(list, "    VectorFile {{ path: {path:?}, text: {text} }},");
    }
    list.push_str("]\n");
    let folder = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo gives OUT_DIR"))?;
    fs::write(Path::new(&folder).join("files.rs"), list)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}
