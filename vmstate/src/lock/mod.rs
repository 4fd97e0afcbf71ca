//! Lock files: a test that compares devices with their committed wire layouts.
//!
//! A crate commits one file for each device, which contains its wire layout, and has one test:
//!
//! ```no_run
//! # mod devices {
//! #     use vmstate::prelude::*;
//! #     #[derive(VmState)] #[vmstate(name = "serial")] pub struct Serial { rbr: u8 }
//! #     #[derive(VmState)] #[vmstate(name = "fifo")] pub struct Fifo<const N: usize> { data: [u8; N] }
//! # }
//! # use devices::{Fifo, Serial};
//! vmstate::lock!("schema/", [Serial, Fifo<16> as "fifo-16"]);
//! # fn main() {}
//! ```
//!
//! The test fails if a device differs from its file. If streams between releases would no longer load, the message
//! names the field, the direction that breaks, and a safe change. If nothing breaks, `VMSTATE_BLESS=1 cargo test`
//! writes the files, and their diff is part of the review. `VMSTATE_BLESS=breaking` accepts intended breaks.
//!
//! ```text
//! serial (schema/serial.json)
//!   break  field-extra at `rbr`: the writer sends a field that the reader does not expect
//!          affects: older streams in this release
//!          old: uint8 of 1 byte, new: nothing
//!          safe: keep the bytes: replace a removed field with `unused`, or ...
//! ```
//!
//! The severity of differences (break, risk, note) is defined in [`compare`](crate::schema::compare), and the file
//! format in `vmstate/docs/schema.md`. The name of a device is its QEMU name, or the name after `as` if two devices
//! share one.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use vmstate_types::Description;
use vmstate_types::text::{OneLine, printable};

use crate::schema::compare::{CompareOptions, Finding, Severity, compare};
use crate::schema::{Schema, SchemaError};

mod message;

/// The variable that has the lock accept changes.
const BLESS: &str = "VMSTATE_BLESS";

/// Makes the test that holds devices to their files: `lock!("schema/", [Serial, Timer])`.
///
/// The folder is in the folder of the crate's manifest. See [`lock`](mod@crate::lock).
#[macro_export]
macro_rules! lock {
    ($folder:literal, [$($device:ty $(as $name:literal)?),* $(,)?]) => {
        #[test]
        fn schema_lock() {
            let folder = ::std::path::Path::new(::std::env!("CARGO_MANIFEST_DIR")).join($folder);
            $crate::lock::Lock::new(folder)
                $(.device(
                    ::std::option::Option::None::<&str>$(.or(::std::option::Option::Some($name)))?,
                    <$device as $crate::VmState>::DESCRIPTION,
                ))*
                .test();
        }
    };
    ($($other:tt)*) => {
        ::std::compile_error!("expected a folder and a list of devices, as in `lock!(\"schema/\", [Serial, Timer])`");
    };
}

/// Devices, and the folder with their files.
///
/// ```
/// use vmstate::lock::{Accept, Lock};
/// use vmstate::prelude::*;
///
/// # let folder = std::env::temp_dir().join(format!("vmstate-lock-{}", std::process::id()));
/// #[derive(VmState)]
/// #[vmstate(name = "latch")]
/// struct Latch {
///     open: bool,
/// }
///
/// let lock = Lock::new(&folder).device(None, Latch::DESCRIPTION);
/// assert_eq!(lock.check()?.len(), 1); // no file yet
/// lock.bless(Accept::Safe)?;
/// assert!(lock.check()?.is_empty());
///
/// /// A later release.
/// #[derive(VmState)]
/// #[vmstate(name = "latch")]
/// struct Newer {
///     open: bool,
///     level: u16,
/// }
///
/// let changes = Lock::new(&folder).device(None, Newer::DESCRIPTION).check()?;
/// assert!(changes[0].is_breaking());
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lock {
    folder: PathBuf,
    schema: Schema,
    /// Names that were given twice.
    repeated: BTreeSet<String>,
}

/// Which changes are written to the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Accept {
    /// Changes without breaks.
    Safe,
    /// All.
    Breaking,
}

/// A device that differs from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockChange {
    /// The name of the device in the lock.
    pub device: String,
    /// Its file.
    pub file: PathBuf,
    /// The kind of difference.
    pub kind: LockChangeKind,
}

/// The kind of difference between a device and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockChangeKind {
    /// It has no file yet.
    Added,
    /// There is a file, and no such device any more.
    Removed,
    /// The layout differs. Without findings, only the text of the file or properties without effect on the wire differ.
    Changed(Vec<Finding>),
}

impl LockChange {
    /// Returns whether streams of other releases no longer load.
    #[must_use]
    pub fn is_breaking(&self) -> bool {
        match &self.kind {
            LockChangeKind::Added => false,
            LockChangeKind::Removed => true,
            LockChangeKind::Changed(findings) => findings.iter().any(|finding| finding.severity() == Severity::Break),
        }
    }
}

impl Lock {
    /// A lock whose files are in `folder`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), schema: Schema::from_devices(None, []), repeated: BTreeSet::new() }
    }

    /// Adds a device, under `name` or else its own.
    #[must_use]
    pub fn device<'a>(mut self, name: impl Into<Option<&'a str>>, device: &Description) -> Self {
        let name = name.into().unwrap_or(device.name).to_owned();
        if self.schema.devices.insert(name.clone(), device.into()).is_some() {
            self.repeated.insert(name);
        }
        self
    }

    /// Compares the devices with their files.
    ///
    /// # Errors
    /// Returns an error if the files cannot be read, or two devices have one name.
    pub fn check(&self) -> Result<Vec<LockChange>, LockError> {
        if let Some(name) = self.repeated.first() {
            return Err(LockError::Repeated(name.clone()));
        }
        let mut changes = Vec::new();
        let mut files = BTreeSet::new();
        for name in self.schema.devices.keys() {
            let file = self.file(name);
            if !files.insert(file.clone()) {
                return Err(LockError::Repeated(name.clone()));
            }
            let kind = self.changed(name, &file)?;
            changes.extend(kind.map(|kind| LockChange { device: name.clone(), file, kind }));
        }
        for file in self.files()?.into_iter().filter(|file| !files.contains(file)) {
            let device = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            changes.push(LockChange { device, file, kind: LockChangeKind::Removed });
        }
        Ok(changes)
    }

    /// Writes the files, and returns the changes that were not accepted.
    ///
    /// # Errors
    /// Returns the errors of [`check`](Self::check), and an error if a file cannot be written.
    pub fn bless(&self, accept: Accept) -> Result<Vec<LockChange>, LockError> {
        let (accepted, refused) =
            self.check()?.into_iter().partition(|change| accept == Accept::Breaking || !change.is_breaking());
        let accepted: Vec<LockChange> = accepted;
        for LockChange { device, file, kind } in &accepted {
            let written = match kind {
                LockChangeKind::Removed => fs::remove_file(file),
                _ => {
                    let text = self.text(device, file)?;
                    fs::create_dir_all(&self.folder).and_then(|()| fs::write(file, text))
                }
            };
            written.map_err(|error| LockError::File(file.clone(), error))?;
        }
        Ok(refused)
    }

    /// Runs the test of [`lock!`](crate::lock!): checks, or writes the files if `VMSTATE_BLESS` is set.
    ///
    /// # Panics
    /// Panics if a device differs from its file. The message names breaks and safe changes.
    pub fn test(&self) {
        let accept = match std::env::var(BLESS).as_deref() {
            Err(_) | Ok("" | "0") => None,
            Ok("breaking") => Some(Accept::Breaking),
            Ok(_) => Some(Accept::Safe),
        };
        let changes = accept.map_or_else(|| self.check(), |accept| self.bless(accept));
        match changes {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => panic!("{}", message::message(&changes)),
            Err(error) => panic!("{error}"),
        }
    }

    fn changed(&self, name: &str, file: &Path) -> Result<Option<LockChangeKind>, LockError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(LockChangeKind::Added)),
            Err(error) => return Err(LockError::File(file.to_owned(), error)),
        };
        // A checkout may have changed the line breaks.
        if text.replace("\r\n", "\n") == self.text(name, file)? {
            return Ok(None);
        }
        let locked = Schema::from_text(&text).map_err(|error| LockError::Schema(file.to_owned(), error))?;
        let findings = match (locked.devices.get(name), self.schema.devices.get(name)) {
            (Some(old), Some(new)) => compare(old, new, CompareOptions::default()),
            _ => return Ok(Some(LockChangeKind::Added)),
        };
        Ok(Some(LockChangeKind::Changed(findings)))
    }

    /// Returns the text of a device's file.
    fn text(&self, name: &str, file: &Path) -> Result<String, LockError> {
        let device = self.schema.devices.get_key_value(name);
        let devices = device.map(|(name, shape)| (name.clone(), shape.clone())).into_iter().collect();
        let text = Schema { devices, ..Schema::from_devices(None, []) }.to_text();
        text.map_err(|error| LockError::Schema(file.to_owned(), error))
    }

    /// Returns the path of a device's file. Characters that some file systems reject are replaced.
    fn file(&self, name: &str) -> PathBuf {
        let safe = |char: char| if char.is_ascii_alphanumeric() || "._-".contains(char) { char } else { '_' };
        self.folder.join(name.chars().map(safe).collect::<String>() + ".json")
    }

    /// Returns the existing files.
    fn files(&self) -> Result<Vec<PathBuf>, LockError> {
        let failed = |error| LockError::File(self.folder.clone(), error);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<BTreeSet<_>, _>>();
        let paths = paths.map_err(failed)?;
        Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect())
    }
}

/// An error of checking or writing lock files.
#[derive(Debug)]
#[non_exhaustive]
pub enum LockError {
    /// A file could not be read or written.
    File(PathBuf, io::Error),
    /// A file is not a schema, or a device cannot be written as one.
    Schema(PathBuf, SchemaError),
    /// Two devices have the same name, or names with the same file.
    Repeated(String),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "cannot read or write `{}`: {error}", OneLine(path.display())),
            Self::Schema(path, error) => write!(f, "`{}`: {error}", OneLine(path.display())),
            Self::Repeated(name) => {
                let name = printable(name);
                write!(f, "duplicate device name `{name}`; rename one, as in `Device as \"name\"`")
            }
        }
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File(_, error) => Some(error),
            Self::Schema(_, error) => Some(error),
            Self::Repeated(_) => None,
        }
    }
}
