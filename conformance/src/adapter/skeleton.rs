//! Adapters to begin with: they run, drive nothing yet, and say so.

use std::{fs, io, path::Path};

use clap::ValueEnum;

/// A language that a skeleton is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// Rust, with the module of the SDK
    Rust,
    /// Python, one file without dependencies
    Python,
    /// C, with the source of the SDK
    C,
    /// Go, one file without dependencies
    Go,
    /// Java 17, one file without dependencies
    Java,
    /// C#, .NET 8
    #[value(name = "csharp", alias = "c#")]
    CSharp,
    /// JavaScript for Node.js, one file without dependencies
    #[value(name = "javascript", alias = "js")]
    JavaScript,
}

/// What a skeleton consists of.
struct Skeleton {
    /// Name in `subject.yaml`.
    language: &'static str,
    /// Command line of the adapter, as YAML.
    command: &'static str,
    /// Command lines that build it, as YAML.
    setup: &'static str,
    /// Files by path.
    files: &'static [(&'static str, &'static str)],
}

macro_rules! text {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sdk/", $path))
    };
}

impl Language {
    fn skeleton(self) -> Skeleton {
        let (language, command, setup, files): (_, _, _, &'static [_]) = match self {
            Self::Rust => (
                "Rust",
                "[target/release/NAME]",
                "[[cargo, build, --release, --target-dir, target]]",
                &[
                    ("Cargo.toml", text!("skeleton/Cargo.toml.in")),
                    ("src/main.rs", text!("rust/skeleton.rs")),
                    ("src/legwork_adapter.rs", text!("rust/legwork_adapter.rs")),
                ],
            ),
            Self::Python => (
                "Python",
                "[python3, adapter.py]",
                "[]",
                &[("adapter.py", text!("skeleton/adapter.py"))],
            ),
            Self::C => (
                "C",
                "[./adapter]",
                "[[make]]",
                &[
                    ("Makefile", text!("skeleton/Makefile")),
                    ("adapter.c", text!("skeleton/adapter.c")),
                    ("legwork_adapter.c", text!("c/legwork_adapter.c")),
                    ("legwork_adapter.h", text!("c/legwork_adapter.h")),
                ],
            ),
            Self::Go => (
                "Go",
                "[./adapter]",
                "[[go, build, -o, adapter, .]]",
                &[
                    ("go.mod", text!("skeleton/go.mod")),
                    ("adapter.go", text!("skeleton/adapter.go")),
                ],
            ),
            Self::Java => (
                "Java",
                "[java, Adapter.java]",
                "[]",
                &[("Adapter.java", text!("skeleton/Adapter.java"))],
            ),
            Self::CSharp => (
                "C#",
                "[dotnet, out/adapter.dll]",
                "[[dotnet, build, --nologo, -o, out]]",
                &[
                    ("adapter.csproj", text!("skeleton/adapter.csproj")),
                    ("Adapter.cs", text!("skeleton/Adapter.cs")),
                ],
            ),
            Self::JavaScript => (
                "JavaScript",
                "[node, adapter.js]",
                "[]",
                &[("adapter.js", text!("skeleton/adapter.js"))],
            ),
        };
        Skeleton {
            language,
            command,
            setup,
            files,
        }
    }
}

/// Writes a skeleton into a folder, which must not exist or be empty; the folder's name becomes the subject's. Returns
/// the paths that were written.
///
/// # Errors
/// The folder holds something, its name is not of letters, digits, `-`, `_` and `.`, or a file cannot be written.
pub fn write(language: Language, folder: &Path) -> io::Result<Vec<String>> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.filter(|name| {
        name.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
    });
    let Some(name) = name else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the folder's name becomes the subject's: letters, digits, `-`, `_` and `.`",
        ));
    };
    fs::create_dir_all(folder)?;
    if fs::read_dir(folder)?.next().is_some() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the folder is not empty",
        ));
    }
    let skeleton = language.skeleton();
    let description = format!(
        "name: {name}\nlanguage: \"{}\"\ncommand: {}\nsetup: {}\n",
        skeleton.language, skeleton.command, skeleton.setup
    );
    let mut written = Vec::new();
    let files = skeleton.files.iter().copied();
    for (path, text) in files.chain([("subject.yaml", description.as_str())]) {
        let to = folder.join(path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&to, text.replace("NAME", &name))?;
        written.push(to.display().to_string());
    }
    Ok(written)
}
