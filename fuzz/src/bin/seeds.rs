//! Writes the corpora: `seeds` makes a file of every vector, and of every token and script that an exchange yields,
//! below `fuzz/corpus` of the current folder, or below the folder that is given.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use legwork_fuzz::{oracle::TARGETS, seeds};

fn main() -> ExitCode {
    let folder = std::env::args_os().nth(1).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"),
        PathBuf::from,
    );
    match write(&folder) {
        Ok(count) => {
            println!("{count} seeds in {} corpora", TARGETS.len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<usize> {
    let mut count: usize = 0;
    for (target, _) in TARGETS {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        for seed in seeds::of(target) {
            fs::write(folder.join(seed.name), seed.bytes)?;
            count = count.saturating_add(1);
        }
    }
    Ok(count)
}
