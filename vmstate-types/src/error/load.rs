//! The error of a load.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use super::context::Context;
use super::thin_box::ThinBox;
use super::{Blame, Cause, LoadErrorKind, Location};
use crate::text::{shortened, shortened_cow};

/// The reason why a stream cannot be loaded: the expected and the found value, and their location.
///
/// Programs match on [`kind`](Self::kind). `Display` writes one line for logs, and [`report`](Self::report) writes a
/// table with advice and QEMU's message for people.
///
/// ```
/// use vmstate_types::error::{LoadError, LoadErrorKind};
///
/// let error = LoadError::malformed("at most 16", 4096)
///     .at_offset(0x58241)
///     .in_field("count")
///     .in_field("recv_fifo")
///     .in_field("serial");
/// assert_eq!(error.kind(), LoadErrorKind::Malformed);
/// assert_eq!(error.path(), "serial.recv_fifo.count");
/// assert_eq!(error.to_string(), "field serial.recv_fifo.count: expected at most 16, found 4096 (byte 0x58241 of the input)");
/// ```
pub struct LoadError(pub(super) ThinBox<Details>);

pub(super) struct Details {
    pub(super) kind: LoadErrorKind,
    /// Set for a truncated item.
    pub(super) shortage: Option<Shortage>,
    pub(super) expected: Cow<'static, str>,
    pub(super) found: String,
    /// Replaces `expected .., found ..` where these do not make a sentence.
    pub(super) summary: Option<String>,
    pub(super) advice: Option<Cow<'static, str>>,
    pub(super) qemu: Option<String>,
    pub(super) offset: Option<u64>,
    pub(super) context: Context,
    pub(super) diagnosis: Option<String>,
    pub(super) unrestored: Option<String>,
    pub(super) cause: Option<Cause>,
}

/// The bytes of a truncated item.
#[derive(Clone, Copy)]
pub(super) struct Shortage {
    /// The number of present bytes.
    pub(super) available: u64,
    /// The minimum number of further bytes.
    pub(super) missing: u64,
}

impl LoadError {
    /// Creates an error of any kind. The constructors named after a kind are shorter.
    ///
    /// `expected` and `found` complete the sentence "expected .., found ..". Like all texts of an error, they are
    /// truncated to [`MAX_SHOWN`](crate::text::MAX_SHOWN) bytes.
    #[must_use]
    pub fn new(kind: LoadErrorKind, expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::from_text(kind, shortened_cow(expected.into()), shortened(&found))
    }

    /// Compiled once, unlike its generic caller.
    fn from_text(kind: LoadErrorKind, expected: Cow<'static, str>, found: String) -> Self {
        Self(ThinBox::new(Details {
            kind,
            shortage: None,
            expected,
            found,
            summary: None,
            advice: None,
            qemu: None,
            offset: None,
            context: Context::default(),
            diagnosis: None,
            unrestored: None,
            cause: None,
        }))
    }

    /// Creates an error of kind [`Malformed`](LoadErrorKind::Malformed).
    #[must_use]
    pub fn malformed(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(LoadErrorKind::Malformed, expected, found)
    }

    /// Creates an error of kind [`Incompatible`](LoadErrorKind::Incompatible).
    #[must_use]
    pub fn incompatible(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(LoadErrorKind::Incompatible, expected, found)
    }

    /// Creates an error of kind [`Rejected`](LoadErrorKind::Rejected).
    #[must_use]
    pub fn rejected(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(LoadErrorKind::Rejected, expected, found)
    }

    /// Creates an error of kind [`Misuse`](LoadErrorKind::Misuse).
    #[must_use]
    pub fn misuse(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(LoadErrorKind::Misuse, expected, found)
    }

    /// Creates an error of kind [`Io`](LoadErrorKind::Io) with the failure of the byte source as its cause.
    #[must_use]
    pub fn io(cause: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let error = Self::new(LoadErrorKind::Io, "more of the stream", &cause);
        let mut error = error.with_summary(format!("cannot read the stream: {cause}"));
        error.0.cause = Some(cause);
        error
    }

    /// Sets the stream offset of the value, unless it is set already.
    #[must_use]
    pub fn at_offset(mut self, offset: u64) -> Self {
        // The innermost caller knows the value itself; outer callers only know where their part begins.
        self.0.offset.get_or_insert(offset);
        self
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

    /// Adds a subsection. The path leaves it out, because its fields belong to the struct.
    #[must_use]
    pub fn in_subsection(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.context.push_subsection(name.into());
        self
    }

    /// Sets the part of the stream, unless it is set already.
    #[must_use]
    pub fn in_location(mut self, location: impl FnOnce() -> Location) -> Self {
        self.0.context.or_location(location);
        self
    }

    /// Sets the text that replaces "expected .., found .." in the one-line form.
    #[must_use]
    pub fn with_summary(mut self, summary: impl Into<String>) -> Self {
        self.0.summary = Some(shortened(&summary.into()));
        self
    }

    /// Sets the advice, unless it is set already.
    #[must_use]
    pub fn or_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice.get_or_insert_with(|| shortened_cow(advice.into()));
        self
    }

    /// Replaces the advice.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(shortened_cow(advice.into()));
        self
    }

    /// Replaces the advice if [`Blame::Peer`] applies.
    #[must_use]
    pub fn with_peer_advice(self, advice: impl Into<Cow<'static, str>>) -> Self {
        if self.blame() == Blame::Peer { self.with_advice(advice) } else { self }
    }

    /// Sets the message that QEMU prints for the same condition, unless it is set already.
    #[must_use]
    pub fn with_qemu_message(mut self, message: impl Into<String>) -> Self {
        self.0.qemu.get_or_insert_with(|| shortened(&message.into()));
        self
    }

    /// Sets the root cause found in the stream's description, unless it is set already.
    #[must_use]
    pub fn with_diagnosis(mut self, diagnosis: impl Into<String>) -> Self {
        self.0.diagnosis.get_or_insert_with(|| shortened(&diagnosis.into()));
        self
    }

    /// Sets the devices that the rollback could not restore, with the reasons.
    #[must_use]
    pub fn with_unrestored(mut self, devices: impl Into<String>) -> Self {
        self.0.unrestored = Some(shortened(&devices.into()));
        self
    }

    /// Returns the category of the error.
    #[must_use]
    pub fn kind(&self) -> LoadErrorKind {
        self.0.kind
    }

    /// Returns the party that has to change something, which follows from the kind.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.0.kind.blame()
    }

    /// Returns whether the stream ended too early, so that more bytes might help.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.0.kind == LoadErrorKind::Truncated
    }

    /// Returns the absolute stream offset of the value.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
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

    /// Returns the innermost subsection that the value belongs to.
    #[must_use]
    pub fn subsection(&self) -> Option<&str> {
        self.0.context.subsection()
    }

    /// Returns a description of the expected value.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// Returns a description of the found value.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// Returns advice on how to fix the error, if there is a known remedy.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// Returns the root cause found in the stream's description: the first field whose layouts differ.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&str> {
        self.0.diagnosis.as_deref()
    }

    /// Returns the devices that the rollback could not restore, with the reasons; `None` if the machine is unchanged.
    #[must_use]
    pub fn unrestored(&self) -> Option<&str> {
        self.0.unrestored.as_deref()
    }

    /// Returns the message that QEMU prints for the same condition, to search for.
    #[must_use]
    pub fn qemu_message(&self) -> Option<&str> {
        self.0.qemu.as_deref()
    }
}

impl core::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}
