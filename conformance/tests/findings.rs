//! `FINDINGS.md` is what the expectations of the adapters say.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

use std::{fs, path::Path, process::Command};

#[test]
fn the_page_of_findings_is_current() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = fs::read_dir(here.join("adapters")).unwrap();
    let mut folders: Vec<_> = folders.map(|entry| entry.unwrap().path()).collect();
    // Other versions of a subject are copies of its folder.
    folders.retain(|folder| {
        folder.join("expectations.yaml").is_file() && !folder.to_string_lossy().contains('@')
    });
    folders.sort();
    assert!(!folders.is_empty());
    let output = Command::new(env!("CARGO_BIN_EXE_legwork"))
        .arg("findings")
        .args(folders)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let page = String::from_utf8(output.stdout).unwrap();
    let file = here.join("FINDINGS.md");
    if std::env::var_os("LEGWORK_REWRITE").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "FINDINGS.md is not what the expectations say; LEGWORK_REWRITE=1 rewrites it"
    );
}
