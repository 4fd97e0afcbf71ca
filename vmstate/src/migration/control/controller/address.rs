//! Addresses, with the descriptors that clients have passed.

use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;

use super::super::super::Uri;

/// An address that the drivers know, and the descriptor that it names.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) uri: Uri,
    /// Set if the destination can answer.
    pub(super) can_answer: bool,
    /// Open until the migration has ended.
    _descriptor: Option<OwnedFd>,
}

impl Address {
    pub(super) fn new(uri: Uri) -> Self {
        Self { uri, can_answer: true, _descriptor: None }
    }

    /// Returns the address of a descriptor that a client has passed.
    pub(super) fn of_descriptor(descriptor: OwnedFd) -> Self {
        let file = File::from(descriptor);
        let can_answer = file.metadata().is_ok_and(|found| found.file_type().is_socket());
        Self { uri: Uri::Fd(file.as_raw_fd().to_string()), can_answer, _descriptor: Some(file.into()) }
    }
}
