//! The file by which the library of `sdk/preload` is told what an adapter's processes draw and what time it is for them.

use std::{
    env,
    ffi::OsString,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::Command,
};

use super::isolation;
use crate::{protocol::Environment, run::world::DEFAULT_CLOCK};

/// The variable that names the file to the library.
const VARIABLE: &str = "LEGWORK_CONTROL";

/// The variable that names libraries to the system's loader.
const LOADER: &str = "LD_PRELOAD";

const MAGIC: &[u8; 8] = b"LEGWORK1";

// Where the fields of the library's `struct control` stand.
const GENERATION: u64 = 8;
const SEED: u64 = 16;
const COUNTS: u64 = 40;
const SIZE: u64 = 56;

/// How often the processes of an adapter drew random bytes and read the clock, by way of the library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Draws.
    pub draws: u64,
    /// Reads of the clock.
    pub clock_reads: u64,
}

impl Counts {
    /// What came since an earlier count.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            draws: self.draws.saturating_sub(earlier.draws),
            clock_reads: self.clock_reads.saturating_sub(earlier.clock_reads),
        }
    }
}

/// What is told to the processes of one adapter. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct ControlFile {
    file: File,
    path: PathBuf,
    library: PathBuf,
    generation: u64,
}

impl ControlFile {
    /// A file for adapters that are started with a library.
    ///
    /// # Errors
    /// The system has no such file.
    pub(super) fn new(library: &Path) -> io::Result<Self> {
        let (mut file, path) = isolation::shared_file()?;
        file.set_len(SIZE)?;
        file.write_all(MAGIC)?;
        Ok(Self {
            file,
            path,
            library: library.to_path_buf(),
            generation: 0,
        })
    }

    /// Tells a command of the library and the file.
    pub(super) fn give(&self, command: &mut Command) {
        let mut libraries = OsString::from(&self.library);
        if let Some(others) = env::var_os(LOADER).filter(|others| !others.is_empty()) {
            libraries.push(":");
            libraries.push(others);
        }
        command.env(LOADER, libraries).env(VARIABLE, &self.path);
    }

    /// Begins the stream of an environment; without one, that of a process which has been told of none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn begin(&mut self, environment: Option<&Environment>) -> io::Result<()> {
        let mut fields = [0; 24];
        let (seed, clock) = environment.map_or((&[][..], DEFAULT_CLOCK), |environment| {
            (environment.seed.as_slice(), environment.clock)
        });
        let clock = clock.to_ne_bytes();
        let bytes = seed.iter().take(16);
        fields
            .iter_mut()
            .zip(bytes)
            .for_each(|(field, byte)| *field = *byte);
        let last = fields.iter_mut().skip(16).zip(clock);
        last.for_each(|(field, byte)| *field = byte);
        self.generation = self.generation.wrapping_add(1);
        self.write(SEED, &fields)?;
        self.write(GENERATION, &self.generation.to_ne_bytes())
    }

    /// What was counted up to now.
    pub(super) fn counts(&self) -> Option<Counts> {
        let mut fields = [[0; 8]; 2];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(COUNTS)).ok()?;
        file.read_exact(fields.as_flattened_mut()).ok()?;
        let [draws, clock_reads] = fields.map(u64::from_ne_bytes);
        Some(Counts { draws, clock_reads })
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }
}
