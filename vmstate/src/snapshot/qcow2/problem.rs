//! The reasons why an image cannot be read or changed.

use std::io;
use std::path::Path;

use crate::snapshot::{StoreError, StoreErrorKind};

/// The reason why an image cannot be read or changed.
#[derive(Debug)]
pub(super) enum Problem {
    Io(io::Error),
    Other(StoreErrorKind, String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(super) fn damaged(reason: impl Into<String>) -> Problem {
    Problem::Other(StoreErrorKind::Damaged, reason.into())
}

pub(super) fn unsupported(reason: impl Into<String>) -> Problem {
    Problem::Other(StoreErrorKind::Unsupported, reason.into())
}

pub(super) fn changed() -> Problem {
    Problem::Other(StoreErrorKind::Io, "another process has changed the image meanwhile; try again".to_owned())
}

impl Problem {
    /// Adds the image and the attempted operation, such as `cannot read`.
    pub(super) fn in_image(self, operation: &str, path: &Path) -> StoreError {
        match self {
            Self::Io(error) => StoreError::io(operation, path)(error),
            Self::Other(kind, reason) => StoreError::new(kind, format!("{operation} `{}`: {reason}", path.display())),
        }
    }
}
