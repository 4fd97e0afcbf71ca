//! Why a stream could not be loaded.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::outlined::Outlined;
use super::{Blame, Cause, Location, PathSegment, path_text};

/// Why a stream could not be loaded: what was expected and found, and where.
///
/// `Display` tells people; the accessors tell programs.
///
/// ```
/// use vmstate_types::error::{Blame, LoadError};
///
/// let error = LoadError::malformed("at most 16 (max = 16)", 4096)
///     .at_offset(0x58241)
///     .in_field("count")
///     .in_field("recv_fifo")
///     .in_field("serial");
/// assert_eq!(error.path(), "serial.recv_fifo.count");
/// assert_eq!(error.blame(), Blame::Bytes);
/// assert!(error.to_string().contains("expected  at most 16 (max = 16)"));
/// ```
pub struct LoadError(pub(super) Outlined<Details>);

#[derive(Debug)]
pub(super) struct Details {
    pub(super) blame: Blame,
    /// For a stream that ended too early: how many bytes were there.
    pub(super) available: Option<u64>,
    pub(super) expected: Cow<'static, str>,
    pub(super) found: String,
    pub(super) advice: Option<Cow<'static, str>>,
    /// What QEMU prints for the same condition.
    pub(super) qemu: Option<String>,
    /// Innermost first.
    pub(super) path: Vec<PathSegment>,
    pub(super) offset: Option<u64>,
    pub(super) place: Option<Location>,
    pub(super) diagnosis: Option<String>,
    pub(super) cause: Option<Cause>,
}

impl LoadError {
    fn new(blame: Blame, expected: impl Into<Cow<'static, str>>, found: String) -> Self {
        Self(Outlined::new(Details {
            blame,
            available: None,
            expected: expected.into(),
            found,
            advice: None,
            qemu: None,
            path: Vec::new(),
            offset: None,
            place: None,
            diagnosis: None,
            cause: None,
        }))
    }

    /// The bytes are not what the format says.
    #[must_use]
    pub fn malformed(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(Blame::Bytes, expected, found.to_string())
    }

    /// The machine that wrote the stream is not like ours.
    #[must_use]
    pub fn incompatible(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(Blame::Peer, expected, found.to_string())
    }

    /// A hook or a custom info refused the state.
    #[must_use]
    pub fn refused(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(Blame::Device, expected, found.to_string())
    }

    /// The caller asked for something that cannot be.
    #[must_use]
    pub fn misuse(expected: impl Into<Cow<'static, str>>, found: impl fmt::Display) -> Self {
        Self::new(Blame::Usage, expected, found.to_string())
    }

    /// The source of the bytes failed.
    #[must_use]
    pub fn source_failed(cause: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let mut error = Self::new(Blame::Transport, "more of the stream", cause.to_string());
        error.0.cause = Some(cause);
        error
    }

    /// Says where in the stream, unless that is known already.
    #[must_use]
    pub fn at_offset(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
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

    /// Says that the error happened inside the subsection `name`. Paths leave it out: its fields belong to the parent.
    #[must_use]
    pub fn in_subsection(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.path.push(PathSegment::Subsection(name.into()));
        self
    }

    /// Says in which part of the stream, unless that is known already.
    #[must_use]
    pub fn in_location(mut self, place: impl FnOnce() -> Location) -> Self {
        self.0.place.get_or_insert_with(place);
        self
    }

    /// Says what to do about it, unless that was said already.
    #[must_use]
    pub fn or_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice.get_or_insert_with(|| advice.into());
        self
    }

    /// Says what to do about it, instead of what was said already.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Says what to do about a peer that is not like us, instead of what was said already.
    #[must_use]
    pub fn with_peer_advice(self, advice: impl Into<Cow<'static, str>>) -> Self {
        if self.0.blame == Blame::Peer { self.with_advice(advice) } else { self }
    }

    /// Says what QEMU prints for the same condition, for those who search for it.
    #[must_use]
    pub fn with_qemu_message(mut self, text: impl Into<String>) -> Self {
        self.0.qemu.get_or_insert_with(|| text.into());
        self
    }

    /// Says what is behind it, as far as the stream's own description of its devices tells.
    #[must_use]
    pub fn with_diagnosis(mut self, diagnosis: impl Into<String>) -> Self {
        self.0.diagnosis.get_or_insert_with(|| diagnosis.into());
        self
    }

    /// Who has to change something.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.0.blame
    }

    /// Whether the stream ended too early. More bytes might have helped.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.0.available.is_some()
    }

    /// The absolute offset in the stream of the value that was refused.
    #[must_use]
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
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

    /// The innermost subsection that the value belongs to, if it belongs to one.
    #[must_use]
    pub fn subsection(&self) -> Option<&str> {
        self.0.path.iter().find_map(|step| match step {
            PathSegment::Subsection(name) => Some(&**name),
            _ => None,
        })
    }

    /// What would have been right.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.0.expected
    }

    /// What there was.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.0.found
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.advice.as_deref()
    }

    /// What is behind it, where the stream's own description of its devices tells: the first field in which the two
    /// sides differ.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&str> {
        self.0.diagnosis.as_deref()
    }

    /// What QEMU prints for the same condition, where it has a text for it.
    #[must_use]
    pub fn qemu_text(&self) -> Option<&str> {
        self.0.qemu.as_deref()
    }
}

impl core::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}
