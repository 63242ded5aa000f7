//! The description of a subject: `subject.yaml` in its adapter's folder.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::isolation::Limits;

/// Memory that an adapter may use where its description says nothing, in bytes.
const MEMORY: u64 = 2 << 30;

/// Processor time of a process that plays one case, in seconds. One that lives for a whole run has no such bound: each
/// of its calls has a deadline.
const CPU_OF_A_CASE: u64 = 60;

/// A subject and how its adapter is set up and started.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Description {
    /// Name of the implementation.
    pub name: String,
    /// Version of the implementation that the setup installs. `PATH@VERSION` on the command line chooses another one.
    #[serde(default)]
    pub version: Option<String>,
    /// What must be installed on the machine before the setup.
    #[serde(default)]
    pub needs: Needs,
    /// Files of the folder that name the version beside this one, such as `requirements.txt`.
    #[serde(default)]
    pub pins: Vec<String>,
    /// Command line of the adapter; paths are relative to the folder.
    pub command: Vec<String>,
    /// Commands that set the adapter up, run in the folder.
    #[serde(default)]
    pub setup: Vec<Vec<String>>,
    /// Home page of the implementation.
    #[serde(default)]
    pub homepage: Option<String>,
    /// Language that the implementation is written in.
    #[serde(default)]
    pub language: Option<String>,
    /// Start a fresh process for every case.
    #[serde(default)]
    pub isolate: bool,
    /// A command line that the adapter's is put behind, such as that of a memory checker.
    #[serde(default)]
    pub wrapper: Vec<String>,
    /// Whether the adapter is built with a sanitizer. Such a build needs more memory than can be bounded.
    #[serde(default)]
    pub sanitized: bool,
    /// Whether the library that steers randomness and clock is of use to the adapter. A sanitized build does not start
    /// with it; it does nothing to programs that enter the system by themselves, such as those of Go, Java and node.
    #[serde(default)]
    pub preload: Option<bool>,
    /// What a process may use.
    #[serde(default)]
    pub limits: LimitChoices,
    /// Exception classes that the implementation documents as its errors.
    #[serde(default)]
    pub documented_errors: Vec<String>,
}

/// Where an implementation comes from, as its description says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// Home page of the implementation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Language that it is written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// What must be installed on the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Needs {
    /// Packages of Debian by name, or `name=version`.
    #[serde(default)]
    pub debian: Vec<String>,
    /// Programs that must be on the path, on any system.
    #[serde(default)]
    pub programs: Vec<String>,
}

/// What a process may use, as a description says it: a number with its unit, or `none`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LimitChoices {
    /// Memory that can be written to: `256 MiB`, `2 GiB`.
    #[serde(default, deserialize_with = "bytes")]
    #[schemars(with = "Option<String>")]
    pub memory: Option<LimitChoice>,
    /// Processor time of a process from its start to its end: `60 s`.
    #[serde(default, deserialize_with = "seconds")]
    #[schemars(with = "Option<String>")]
    pub cpu: Option<LimitChoice>,
    /// Memory by which a leg may raise the most that a process had so far.
    #[serde(default, deserialize_with = "bytes")]
    #[schemars(with = "Option<String>")]
    pub leg_memory: Option<LimitChoice>,
    /// Processor time of a leg.
    #[serde(default, deserialize_with = "seconds")]
    #[schemars(with = "Option<String>")]
    pub leg_cpu: Option<LimitChoice>,
}

/// A limit that a description chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitChoice {
    /// No limit.
    None,
    /// So many bytes or seconds.
    At(u64),
}

impl LimitChoice {
    fn limit(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::At(limit) => Some(limit),
        }
    }
}

fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<LimitChoice>, D::Error> {
    quantity(from, &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)])
}

fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<LimitChoice>, D::Error> {
    quantity(from, &[("s", 1), ("min", 60)])
}

fn quantity<'de, D: Deserializer<'de>>(
    from: D,
    units: &[(&str, u64)],
) -> Result<Option<LimitChoice>, D::Error> {
    let text = String::deserialize(from)?;
    if text == "none" {
        return Ok(Some(LimitChoice::None));
    }
    let split = text.split_once(' ');
    let known = split.and_then(|(number, unit)| {
        let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
        number.parse::<u64>().ok()?.checked_mul(*factor)
    });
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    let expected = || {
        D::Error::custom(format!(
            "`{text}` is neither `none` nor a number with a unit ({})",
            names.join(", ")
        ))
    };
    let limit = known.filter(|limit| *limit > 0).ok_or_else(expected)?;
    Ok(Some(LimitChoice::At(limit)))
}

impl Description {
    /// Where the implementation comes from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            homepage: self.homepage.clone(),
            language: self.language.clone(),
        }
    }

    /// What a process of the adapter may use.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let memory = (!self.sanitized && self.wrapper.is_empty()).then_some(MEMORY);
        let cpu = self.isolate.then_some(CPU_OF_A_CASE);
        Limits {
            memory: self.limits.memory.map_or(memory, LimitChoice::limit),
            cpu: self.limits.cpu.map_or(cpu, LimitChoice::limit),
        }
    }

    /// Whether the adapter is started with the library that steers randomness and clock, where there is one.
    #[must_use]
    pub fn preloads(&self) -> bool {
        self.preload.unwrap_or(!self.sanitized)
    }

    /// What a leg may use.
    #[must_use]
    pub fn budget(&self) -> Limits {
        Limits {
            memory: self.limits.leg_memory.and_then(LimitChoice::limit),
            cpu: self.limits.leg_cpu.and_then(LimitChoice::limit),
        }
    }

    /// Whether somebody watches the adapter's memory and reports on its standard error.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.sanitized || !self.wrapper.is_empty()
    }
}

/// A description with the folder it stands in.
#[derive(Clone, Debug, Default)]
pub struct Located {
    /// The description.
    pub description: Description,
    /// The folder that the command is relative to.
    pub folder: PathBuf,
    /// The folder with known deviations and mapping rows: the same, unless this is another version.
    pub home: PathBuf,
    /// The library that the adapter is started with; see [`crate::control`].
    pub preload: Option<PathBuf>,
    /// What the harness can steer, where that is known better than the adapter says.
    pub controls: Option<Vec<String>>,
}

impl Located {
    /// One of the description's command lines as a command that starts in the folder.
    #[must_use]
    pub fn command(&self, line: &[String]) -> Command {
        let split = line.split_first();
        let (program, arguments) =
            split.map_or(("", line), |(program, arguments)| (program.as_str(), arguments));
        let mut command = Command::new(self.program(Path::new(program)));
        command
            .args(arguments)
            .current_dir(if self.folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                &self.folder
            });
        command
    }

    /// The command that starts the adapter.
    #[must_use]
    pub fn adapter(&self) -> Command {
        let plain = self.command(&self.description.command);
        if self.description.wrapper.is_empty() {
            return plain;
        }
        let mut wrapped = self.command(&self.description.wrapper);
        wrapped.arg(plain.get_program()).args(plain.get_args());
        wrapped
    }

    fn program(&self, program: &Path) -> PathBuf {
        let relative = program.components().count() > 1 && program.is_relative();
        if !relative {
            return program.to_path_buf();
        }
        // The child starts in the folder, so a relative program would be looked up there a second time.
        let program = self.folder.join(program);
        std::path::absolute(&program).unwrap_or(program)
    }

    /// Where known deviations stand unless the command line names another file.
    #[must_use]
    pub fn expectations(&self) -> PathBuf {
        self.home.join("expectations.yaml")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(text: &str) -> Result<LimitChoices, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn limits_have_units() {
        let chosen = limits(r#"{"memory": "256 MiB", "cpu": "2 min"}"#).ok();
        let expected = LimitChoices {
            memory: Some(LimitChoice::At(256 << 20)),
            cpu: Some(LimitChoice::At(120)),
            ..LimitChoices::default()
        };
        assert_eq!(chosen, Some(expected));
        for wrong in [
            "256",
            "256MiB",
            "0 MiB",
            "-1 MiB",
            "2 TiB",
            "99999999999999 GiB",
            "",
        ] {
            let error = limits(&format!(r#"{{"memory": "{wrong}"}}"#)).map_err(|error| error.to_string());
            assert!(error.is_err_and(|text| text.contains("KiB, MiB, GiB")), "{wrong}");
        }
    }

    #[test]
    fn what_watches_memory_needs_memory() {
        let plain = Description::default();
        assert_eq!((plain.limits().memory, plain.is_watched()), (Some(MEMORY), false));
        let sanitized = Description {
            sanitized: true,
            ..Description::default()
        };
        assert_eq!((sanitized.limits().memory, sanitized.is_watched()), (None, true));
        let told = LimitChoices {
            memory: Some(LimitChoice::None),
            cpu: Some(LimitChoice::At(3)),
            ..LimitChoices::default()
        };
        let told = Description {
            limits: told,
            ..Description::default()
        };
        assert_eq!(
            told.limits(),
            Limits {
                memory: None,
                cpu: Some(3)
            }
        );
    }
}
