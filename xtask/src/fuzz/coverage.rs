//! `cargo xtask fuzz coverage`: lines of ours that the seeds of a target reach, and that its corpus reaches after runs.
//!
//! cargo-fuzz builds the target with the compiler's own coverage; `llvm-cov` and `llvm-profdata` of the same toolchain
//! read it (`rustup component add --toolchain nightly llvm-tools`).

use std::path::{Path, PathBuf};

use super::{BASELINE, cargo_fuzz, has_nightly, require_target, targets, write_seeds};
use crate::process::{TaskError, TaskResult, failed, output_of, program, root, run as run_program};

/// What is not ours, and what judges: neither counts.
const NOT_COUNTED: &str = r"(\.cargo|rustc|rustlib|toolchains)/|/(fuzz|vectors)/(src|targets)/";

/// Prints lines reached and lines in the program, by seeds alone and by the corpus, of some targets or of all.
pub(super) fn run(chosen: &[&str]) -> TaskResult {
    for target in chosen {
        require_target(target)?;
    }
    let seeds = root().join("target").join("fuzz-seeds");
    let folder = seeds.to_string_lossy().into_owned();
    write_seeds(&[&folder])?;
    println!("{:<24} {:>7} {:>7} {:>7}", "target", "lines", "seeds", "corpus");
    for target in targets()? {
        if target == BASELINE || !(chosen.is_empty() || chosen.contains(&target.as_str())) {
            continue;
        }
        let (lines, by_seeds) = reached(&target, &seeds.join(&target))?;
        let (_, by_corpus) = reached(&target, &root().join("fuzz").join("corpus").join(&target))?;
        println!("{target:<24} {lines:>7} {by_seeds:>7} {by_corpus:>7}");
    }
    Ok(())
}

/// Lines in the program, and those of them that a corpus reaches.
fn reached(target: &str, corpus: &Path) -> Result<(u64, u64), TaskError> {
    let corpus = corpus.to_string_lossy().into_owned();
    let mut command = cargo_fuzz("coverage", target, &[&corpus]);
    command.stderr(std::process::Stdio::null());
    run_program(command)?;
    let tools = tools()?;
    let triple = tools.triple.as_str();
    let built = ["target", triple, "coverage", triple, "release", target];
    let binary = built.iter().fold(root(), |path, part| path.join(part));
    let profile = root()
        .join("fuzz")
        .join("coverage")
        .join(target)
        .join("coverage.profdata");
    let profile = format!("-instr-profile={}", profile.display());
    let ignored = format!("-ignore-filename-regex={NOT_COUNTED}");
    let binary = binary.to_string_lossy().into_owned();
    let arguments = ["export", "-summary-only", &profile, &ignored, &binary];
    let summary = output_of(program(tools.llvm_cov, &arguments));
    let Some(lines) = summary.as_deref().and_then(lines) else {
        return failed(format!("llvm-cov has nothing to say of {target}"));
    };
    Ok(lines)
}

/// Lines in all and lines that are covered, of the totals at the end of a summary.
fn lines(summary: &str) -> Option<(u64, u64)> {
    let totals = summary.rsplit_once("\"totals\":")?.1;
    let lines = totals.split_once("\"lines\":{")?.1;
    let number = |name: &str| {
        let after = lines.split_once(&format!("\"{name}\":"))?.1;
        after.split([',', '}']).next()?.trim().parse().ok()
    };
    Some((number("count")?, number("covered")?))
}

struct Tools {
    triple: String,
    llvm_cov: PathBuf,
}

/// The tools beside the compiler that builds the targets.
fn tools() -> Result<Tools, TaskError> {
    let rustc = |arguments: &[&str]| {
        if has_nightly() {
            let mut all = vec!["run", "nightly", "rustc"];
            all.extend(arguments);
            return output_of(program("rustup", &all));
        }
        output_of(program("rustc", arguments))
    };
    let (Some(version), Some(sysroot)) = (rustc(&["-vV"]), rustc(&["--print", "sysroot"])) else {
        return failed("the compiler does not say where it lies");
    };
    let triple = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    let folder = Path::new(sysroot.trim())
        .join("lib")
        .join("rustlib")
        .join(triple)
        .join("bin");
    let llvm_cov = folder.join(format!("llvm-cov{}", std::env::consts::EXE_SUFFIX));
    if llvm_cov.is_file() {
        return Ok(Tools {
            triple: triple.to_owned(),
            llvm_cov,
        });
    }
    failed("no llvm-cov: rustup component add --toolchain nightly llvm-tools")
}

#[cfg(test)]
mod tests {
    #[test]
    fn totals_are_read() {
        let summary = r#"{"data":[{"files":[{"lines":{"count":1,"covered":1}}],"totals":{"functions":{"count":9,"covered":8},"lines":{"count":40,"covered":30,"percent":75}}}]}"#;
        assert_eq!(super::lines(summary), Some((40, 30)));
    }
}
