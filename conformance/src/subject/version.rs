//! Another version of a subject: a copy of its adapter's folder beside it, in which the version is another one.
//!
//! `PATH@VERSION` names it. The copy is a folder of that name, at the same depth, so that relative paths hold. Files that
//! pin the version (`pins`, and `subject.yaml` itself) have the other one wherever the first stands; what a setup made is
//! not copied. Known deviations and mapping rows are those of the original folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::description::{Description, Located};

/// Folders that setups and builds make.
const MADE: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// A folder and the version that is asked for, of `PATH@VERSION`; none if the path as a whole is there, or names none.
#[must_use]
pub fn split(path: &Path) -> Option<(PathBuf, String)> {
    let name = path.file_name()?.to_str()?;
    let (base, version) = name.rsplit_once('@')?;
    let folder = path.with_file_name(base);
    let named = !base.is_empty() && !version.is_empty() && !version.contains(['/', '\\']);
    (named && folder.join("subject.yaml").is_file()).then(|| (folder, version.to_owned()))
}

/// The subject in another version. Its folder is made, or brought up to date with the original.
///
/// # Errors
/// The description names no version, or the copy cannot be written.
pub fn other(original: &Located, version: &str) -> Result<Located, String> {
    let Description {
        version: Some(own),
        pins,
        name,
        ..
    } = &original.description
    else {
        return Err("subject.yaml names no `version`, so no other can be chosen".to_owned());
    };
    if own == version {
        return Ok(original.clone());
    }
    let folder = beside(&original.folder, version)?;
    let copied = copy(&original.folder, &folder, &|file, text| {
        let pinned = file == "subject.yaml" || pins.iter().any(|pin| pin == file);
        pinned.then(|| text.replace(own.as_str(), version))
    });
    copied.map_err(|error| format!("{name}@{version}: {}: {error}", folder.display()))?;
    let mut description = original.description.clone();
    let replaced = |line: &Vec<String>| {
        line.iter()
            .map(|word| word.replace(own.as_str(), version))
            .collect()
    };
    description.setup = description.setup.iter().map(replaced).collect();
    description.command = replaced(&description.command);
    description.version = Some(version.to_owned());
    Ok(Located {
        description,
        folder,
        ..original.clone()
    })
}

fn beside(folder: &Path, version: &str) -> Result<PathBuf, String> {
    let whole = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let name = whole.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("{} has no name", folder.display()))?;
    Ok(whole.with_file_name(format!("{name}@{version}")))
}

/// Copies a folder. A file whose text is there already is left alone, so that builds see what has changed.
fn copy(from: &Path, to: &Path, pinned: &dyn Fn(&str, &str) -> Option<String>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let target = to.join(&name);
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && !MADE.contains(&name.as_str()) {
                copy(&entry.path(), &target, &|_, _| None)?;
            }
            continue;
        }
        let bytes = fs::read(entry.path())?;
        let text = std::str::from_utf8(&bytes).ok();
        let bytes = match text.and_then(|text| pinned(&name, text)) {
            Some(text) => text.into_bytes(),
            None => bytes,
        };
        // What a setup rewrites, such as a lock file, is the copy's own from then on.
        let keep = name.ends_with(".lock") && target.is_file();
        if !keep && fs::read(&target).ok().as_deref() != Some(&bytes) {
            fs::write(&target, bytes)?;
            fs::set_permissions(&target, entry.metadata()?.permissions())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn original(folder: &Path) -> Located {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("subject.yaml", "name: a\nversion: \"1.2\"\n");
        write("requirements.txt", "a==1.2\n");
        write("adapter.py", "# written for 1.2\n");
        write("part/more.py", "1.2\n");
        write(".venv/made", "1.2\n");
        write("target/made", "1.2\n");
        Located {
            description: Description {
                name: "a".to_owned(),
                version: Some("1.2".to_owned()),
                pins: vec!["requirements.txt".to_owned()],
                setup: vec![vec!["install".to_owned(), "a==1.2".to_owned()]],
                ..Description::default()
            },
            folder: folder.to_path_buf(),
            home: folder.to_path_buf(),
            ..Located::default()
        }
    }

    #[test]
    fn a_version_has_a_folder_of_its_own() {
        let whole = tempfile::tempdir().unwrap();
        let folder = whole.path().join("a");
        let original = original(&folder);
        let old = other(&original, "1.1").unwrap();
        let read = |name: &str| fs::read_to_string(old.folder.join(name)).ok();
        assert_eq!(old.folder, whole.path().join("a@1.1"));
        assert_eq!(read("requirements.txt").as_deref(), Some("a==1.1\n"));
        assert_eq!(
            read("subject.yaml").as_deref(),
            Some("name: a\nversion: \"1.1\"\n")
        );
        assert_eq!(read("adapter.py").as_deref(), Some("# written for 1.2\n"));
        assert_eq!(read("part/more.py").as_deref(), Some("1.2\n"));
        assert_eq!((read(".venv/made"), read("target/made")), (None, None));
        assert_eq!(old.description.setup, [["install", "a==1.1"]]);
        assert_eq!(old.expectations(), folder.join("expectations.yaml"));
        assert_eq!(other(&original, "1.2").unwrap().folder, folder);
    }

    #[test]
    fn a_path_names_a_version_only_behind_a_subject() {
        let whole = tempfile::tempdir().unwrap();
        let folder = whole.path().join("a");
        original(&folder);
        let named = |name: &str| split(&whole.path().join(name));
        assert_eq!(named("a@1.1"), Some((folder, "1.1".to_owned())));
        assert_eq!(
            (named("a"), named("b@1.1"), named("a@"), named("@1")),
            (None, None, None, None)
        );
    }
}
