//! Errors of stores.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use vmstate_types::text::{OneLine, printable, shortened};
use vmstate_types::{LoadError, SaveError};

/// The kind of a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// No snapshot has this name or id.
    NotFound,
    /// A snapshot of this name exists.
    Exists,
    /// Other snapshots contain only the changes since this one.
    InUse,
    /// The name or the comment is not permitted.
    InvalidName,
    /// The machine was not saved.
    Save,
    /// The machine was not loaded.
    Load,
    /// The machine was loaded, and cannot run on this host.
    NotRunnable,
    /// The store cannot be read or written.
    Io,
    /// The store contains an invalid or incomplete snapshot.
    Damaged,
    /// The store has a format or a feature that is not supported.
    Unsupported,
}

/// The error of a [`Store`](super::Store).
///
/// The text names the snapshot and, if the store was changed, the change.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The number of names in the message about a missing snapshot.
const MAX_NAMES: usize = 8;

/// Returns a text of a file for a message.
pub(super) fn shown(text: &str) -> String {
    shortened(&printable(text))
}

impl StoreError {
    /// Creates an error, for implementations of [`Store`](super::Store).
    #[must_use]
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the cause, which the text contains.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns the error of the load, if the machine was not loaded.
    #[must_use]
    pub fn load_error(&self) -> Option<&LoadError> {
        self.source.as_ref()?.downcast_ref()
    }

    /// Returns the error of the save, if the machine was not saved.
    #[must_use]
    pub fn save_error(&self) -> Option<&SaveError> {
        self.source.as_ref()?.downcast_ref()
    }

    /// Creates the error of a missing name or id. `known` are the names of all snapshots.
    pub(super) fn not_found(key: &str, known: &[&str]) -> Self {
        let names: Vec<_> = known.iter().take(MAX_NAMES).map(|name| format!("`{}`", shown(name))).collect();
        let others = match (names.is_empty(), known.len() > MAX_NAMES) {
            (true, _) => "the store is empty".to_owned(),
            (false, false) => format!("the snapshots are {}", names.join(", ")),
            (false, true) => format!("the snapshots are {} and others", names.join(", ")),
        };
        Self::new(StoreErrorKind::NotFound, format!("snapshot `{}` does not exist; {others}", shown(key)))
    }

    pub(super) fn exists(name: &str) -> Self {
        let message =
            format!("snapshot `{}` already exists; delete it, replace it, or select another name", shown(name));
        Self::new(StoreErrorKind::Exists, message)
    }

    /// Creates the error of a snapshot that is the base of `others`.
    pub(super) fn in_use(name: &str, others: &[&str]) -> Self {
        let others: Vec<_> = others.iter().take(MAX_NAMES).map(|name| format!("`{}`", shown(name))).collect();
        let message = format!("snapshot `{}` is the base of {}; merge them first", shown(name), others.join(", "));
        Self::new(StoreErrorKind::InUse, message)
    }

    pub(super) fn invalid_name(name: &str) -> Self {
        let message = format!("expected a name of 1 to 255 bytes without control characters, found `{}`", shown(name));
        Self::new(StoreErrorKind::InvalidName, message)
    }

    pub(super) fn long_comment(name: &str, length: usize, most: usize) -> Self {
        let message =
            format!("expected a comment of at most {most} bytes for snapshot `{}`, found {length}", shown(name));
        Self::new(StoreErrorKind::InvalidName, message)
    }

    pub(super) fn not_saved(name: &str, error: SaveError) -> Self {
        let message = format!("snapshot `{}` was not saved, and the store is unchanged", shown(name));
        Self::new(StoreErrorKind::Save, message).with_source(error)
    }

    pub(super) fn not_loaded(name: &str, error: LoadError) -> Self {
        Self::new(StoreErrorKind::Load, format!("snapshot `{}` was not loaded", shown(name))).with_source(error)
    }

    /// Creates the error of a file operation, such as `cannot read`.
    pub(super) fn io(operation: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let message = format!("{operation} `{}`", path.display());
        move |error| Self::new(StoreErrorKind::Io, message).with_source(error)
    }

    /// Adds a clause about the state of the store, in front of the message.
    pub(super) fn after(mut self, clause: impl fmt::Display) -> Self {
        self.message = format!("{clause}: {}", self.message);
        self
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        // The cause can contain the reply of a server.
        self.source.as_ref().map_or(Ok(()), |source| write!(f, ": {}", OneLine(source)))
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
