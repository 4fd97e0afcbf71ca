//! Why a device or a machine could not be saved.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::outlined::Outlined;
use super::{Blame, Cause, Location, PathSegment, path_text};

/// Why a device or a machine could not be saved, and where.
///
/// A device says no when a hook refuses, a value does not fit its wire type, or a `must_exist` check does not hold.
/// Apart from that only the destination of the bytes can fail.
pub struct SaveError(pub(super) Outlined<SaveDetails>);

#[derive(Debug)]
pub(super) struct SaveDetails {
    pub(super) blame: Blame,
    pub(super) reason: String,
    /// Innermost first.
    pub(super) path: Vec<PathSegment>,
    pub(super) place: Option<Location>,
    pub(super) cause: Option<Cause>,
}

impl SaveError {
    /// A device refuses to be saved, for `reason`.
    #[must_use]
    pub fn new(reason: impl fmt::Display) -> Self {
        Self::blaming(Blame::Device, reason)
    }

    /// The caller asked for something that cannot be.
    #[must_use]
    pub fn misuse(reason: impl fmt::Display) -> Self {
        Self::blaming(Blame::Usage, reason)
    }

    /// The destination of the bytes failed: a file, a socket.
    #[must_use]
    pub fn destination_failed(cause: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let mut error = Self::blaming(Blame::Transport, format!("the bytes cannot be written: {cause}"));
        error.0.cause = Some(cause);
        error
    }

    fn blaming(blame: Blame, reason: impl fmt::Display) -> Self {
        let (reason, path) = (reason.to_string(), Vec::new());
        Self(Outlined::new(SaveDetails { blame, reason, path, place: None, cause: None }))
    }

    /// Says that the error happened inside the field `name`. Inner fields are added first.
    #[must_use]
    pub fn in_field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.path.push(PathSegment::Field(name.into()));
        self
    }

    /// Says that the error happened inside element `index` of an array.
    #[must_use]
    pub fn in_element(mut self, index: usize) -> Self {
        self.0.path.push(PathSegment::Element(index));
        self
    }

    /// Says in which part of the stream, unless that is known already.
    #[must_use]
    pub fn in_location(mut self, place: impl FnOnce() -> Location) -> Self {
        self.0.place.get_or_insert_with(place);
        self
    }

    /// Who has to change something.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// The part of the stream, once the framing has said so.
    #[must_use]
    pub fn place(&self) -> Option<&Location> {
        self.0.place.as_ref()
    }

    /// The way to the value, such as `serial.recv_fifo.data[3]`; empty outside of devices.
    #[must_use]
    pub fn path(&self) -> String {
        path_text(&self.0.path)
    }

    /// What the device said, or what else is wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

impl core::error::Error for SaveError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}
