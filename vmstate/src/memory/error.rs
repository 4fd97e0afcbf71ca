//! Errors of guest memory.

use std::io;

use vmstate_types::{LoadError, SaveError};

/// The error for guest memory that cannot be mapped, accessed or tracked.
///
/// The guest and its memory are unharmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// An access exceeds the block.
    #[error(
        "expected a range within the {size:#x} bytes of RAM block `{idstr}`, found {length:#x} bytes at {offset:#x}"
    )]
    OutOfRange {
        /// The name of the block.
        idstr: String,
        /// The size of the block.
        size: u64,
        /// The offset of the access.
        offset: u64,
        /// The number of bytes.
        length: u64,
    },
    /// The size of a mapping is zero or not a multiple of the host's pages.
    #[error("expected a multiple of the host page size {host_page_size}, found {size} bytes for RAM block `{idstr}`")]
    PartialPage {
        /// The name of the block.
        idstr: String,
        /// The size.
        size: u64,
        /// The size of the host's pages.
        host_page_size: u64,
    },
    /// The number of a block is not in the layout.
    #[error("expected a block number below {blocks}, found {block}")]
    UnknownBlock {
        /// The number.
        block: usize,
        /// The number of blocks.
        blocks: usize,
    },
    /// The log was not started, or was stopped.
    #[error("the dirty log is not running; start it first")]
    NotStarted,
    /// The log is running already.
    #[error("the dirty log is already running; stop it first")]
    AlreadyStarted,
    /// The block has no address in the host's memory.
    #[error("RAM block `{idstr}` has no address in host memory; use a `Mapping`")]
    NoAddress {
        /// The name of the block.
        idstr: String,
    },
    /// The system lacks a feature.
    #[error("{operation} requires {requirement}; {remedy}")]
    Unsupported {
        /// The operation.
        operation: &'static str,
        /// The missing feature.
        requirement: &'static str,
        /// The advice.
        remedy: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// The log, or the handler of page faults, was started before a fork.
    #[error("the dirty log or fault handler was started by another process; start one in this process")]
    OtherProcess,
    /// The system rejected an operation.
    #[error("{operation} of RAM block `{idstr}` failed; {remedy}")]
    System {
        /// The operation.
        operation: &'static str,
        /// The name of the block.
        idstr: String,
        /// The advice.
        remedy: &'static str,
        /// The error of the system.
        source: io::Error,
    },
    /// A custom block or log failed.
    #[error("{0}")]
    Custom(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MemoryError {
    /// Creates the error for an access that exceeds a block.
    #[must_use]
    pub fn out_of_range(idstr: impl Into<String>, size: u64, offset: u64, length: usize) -> Self {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Self::OutOfRange { idstr: idstr.into(), size, offset, length }
    }

    /// Creates the error for an operation that the system rejected.
    #[cfg(all(target_os = "linux", feature = "mapping"))]
    pub(super) fn system(operation: &'static str, idstr: &str, remedy: &'static str, source: io::Error) -> Self {
        Self::System { operation, idstr: idstr.to_owned(), remedy, source }
    }

    /// Creates an error of a custom block or log.
    #[must_use]
    pub fn custom(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Custom(error.into())
    }
}

/// Formats an error with its cause, for errors that keep only a text.
fn with_cause(error: &MemoryError) -> String {
    match error {
        MemoryError::System { source, .. } | MemoryError::Unsupported { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    }
}

impl From<MemoryError> for SaveError {
    fn from(error: MemoryError) -> Self {
        Self::misuse(with_cause(&error))
    }
}

impl From<MemoryError> for LoadError {
    fn from(error: MemoryError) -> Self {
        Self::rejected("accessible guest memory", with_cause(&error))
    }
}
