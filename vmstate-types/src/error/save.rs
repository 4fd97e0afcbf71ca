//! The error of a save.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use super::context::Context;
use super::thin_box::ThinBox;
use super::{Blame, Cause, Location, SaveErrorKind};
use crate::text::shortened;

/// The reason why a device or a machine cannot be saved, and the location of the failure.
///
/// ```
/// use vmstate_types::error::{SaveError, SaveErrorKind};
///
/// let error = SaveError::out_of_range("300 does not fit into 8 bits").in_field("divider").in_field("serial");
/// assert_eq!(error.kind(), SaveErrorKind::OutOfRange);
/// assert_eq!(error.to_string(), "field serial.divider: 300 does not fit into 8 bits");
/// ```
pub struct SaveError(pub(super) ThinBox<SaveDetails>);

pub(super) struct SaveDetails {
    kind: SaveErrorKind,
    reason: String,
    pub(super) context: Context,
    cause: Option<Cause>,
}

impl SaveError {
    /// Creates an error of any kind. The constructors named after a kind are shorter.
    #[must_use]
    pub fn new(kind: SaveErrorKind, reason: impl fmt::Display) -> Self {
        Self::from_text(kind, shortened(&reason))
    }

    /// Compiled once, unlike its generic caller.
    fn from_text(kind: SaveErrorKind, reason: String) -> Self {
        Self(ThinBox::new(SaveDetails { kind, reason, context: Context::default(), cause: None }))
    }

    /// Creates an error of kind [`Rejected`](SaveErrorKind::Rejected).
    #[must_use]
    pub fn rejected(reason: impl fmt::Display) -> Self {
        Self::new(SaveErrorKind::Rejected, reason)
    }

    /// Creates an error of kind [`OutOfRange`](SaveErrorKind::OutOfRange).
    #[must_use]
    pub fn out_of_range(reason: impl fmt::Display) -> Self {
        Self::new(SaveErrorKind::OutOfRange, reason)
    }

    /// Creates an error of kind [`Misuse`](SaveErrorKind::Misuse).
    #[must_use]
    pub fn misuse(reason: impl fmt::Display) -> Self {
        Self::new(SaveErrorKind::Misuse, reason)
    }

    /// Creates an error of kind [`Io`](SaveErrorKind::Io) with the failure of the destination as its cause.
    #[must_use]
    pub fn io(cause: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let mut error = Self::new(SaveErrorKind::Io, format_args!("cannot write the stream: {cause}"));
        error.0.cause = Some(cause);
        error
    }

    /// Adds a field to the path, inner fields first.
    #[must_use]
    pub fn in_field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.context.push_field(name.into());
        self
    }

    /// Adds an array index to the path.
    #[must_use]
    pub fn in_element(mut self, index: usize) -> Self {
        self.0.context.push_element(index);
        self
    }

    /// Sets the part of the stream, unless it is set already.
    #[must_use]
    pub fn in_location(mut self, location: impl FnOnce() -> Location) -> Self {
        self.0.context.or_location(location);
        self
    }

    /// Returns the category of the error.
    #[must_use]
    pub fn kind(&self) -> SaveErrorKind {
        self.0.kind
    }

    /// Returns the party that has to change something, which follows from the kind.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.0.kind.blame()
    }

    /// Returns the part of the stream, once the framing has set it.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        self.0.context.location()
    }

    /// Returns the path to the value, such as `serial.recv_fifo.data[3]`; empty outside of devices.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.context.path()
    }

    /// Returns the reason without its location.
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
