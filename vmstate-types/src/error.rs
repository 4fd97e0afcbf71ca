//! What can go wrong while loading and saving, and where.
//!
//! An error is made where it happens, with what was expected and found, and gathers coordinates on its way up: each
//! field adds its name, each array the element, the framing adds the section. On the way of success nothing is recorded.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::description::{Field, Form, Kind};

mod display;
#[doc(hidden)]
pub mod field;

/// Why a stream could not be loaded: what was expected and found, and where.
///
/// `Display` tells people; the accessors tell programs.
///
/// ```
/// use vmstate_types::error::{Blame, LoadError};
///
/// let error = LoadError::malformed("at most 16 (max = 16)", 4096)
///     .at(0x58241)
///     .in_field("count")
///     .in_field("recv_fifo")
///     .in_field("serial");
/// assert_eq!(error.path(), "serial.recv_fifo.count");
/// assert_eq!(error.blame(), Blame::Bytes);
/// assert!(error.to_string().contains("expected  at most 16 (max = 16)"));
/// ```
#[derive(Debug)]
pub struct LoadError(Box<Details>);

/// Who has to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blame {
    /// The bytes are not what the format says: the stream is corrupt, cut, or not a migration stream.
    Bytes,
    /// The bytes are fine, but the machine that wrote them is not like ours: another version, another layout.
    Peer,
    /// A device's own hook or custom info refused the state.
    Device,
    /// The source of the bytes failed, or their destination: a file, a socket.
    Source,
    /// The caller asked for something that cannot be.
    Usage,
}

#[derive(Debug)]
struct Details {
    blame: Blame,
    /// For a stream that ended too early: how many bytes were there.
    available: Option<u64>,
    expected: Cow<'static, str>,
    found: String,
    advice: Option<Cow<'static, str>>,
    /// What QEMU prints for the same condition.
    qemu: Option<String>,
    /// Innermost first.
    path: Vec<Step>,
    offset: Option<u64>,
    place: Option<Place>,
    diagnosis: Option<String>,
    cause: Option<Cause>,
}

/// What another library reported.
type Cause = Box<dyn core::error::Error + Send + Sync>;

/// One step of the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(Cow<'static, str>),
    Element(usize),
    Subsection(Cow<'static, str>),
}

/// The part of the stream in which a load failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// Anything that has no name of its own in the format, such as `the header` or `the description`.
    Part(Cow<'static, str>),
    /// A section.
    Section {
        /// The section's idstr.
        name: String,
        /// Its instance id.
        instance_id: u32,
        /// Its id in this stream.
        section_id: u32,
        /// The version it was saved at.
        version: u32,
        /// The offset in the stream of the first byte after its header.
        start: u64,
    },
}

impl LoadError {
    fn new(blame: Blame, expected: impl Into<Cow<'static, str>>, found: String) -> Self {
        Self(Box::new(Details {
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
        let mut error = Self::new(Blame::Source, "more of the stream", cause.to_string());
        error.0.cause = Some(cause);
        error
    }

    /// The stream ended after `available` of the `needed` bytes that begin at `offset`.
    #[cold]
    #[must_use]
    pub fn truncated(offset: u64, needed: usize, available: usize) -> Self {
        Self::truncated_u64(offset, needed as u64, available as u64)
    }

    #[cold]
    pub(crate) fn truncated_u64(offset: u64, needed: u64, available: u64) -> Self {
        let mut error = Self::malformed(plural(needed, "byte"), format!("the end of the stream after {available}"));
        error.0.available = Some(available);
        error.0.offset = Some(offset);
        error
    }

    /// Says where in the stream, unless that is known already.
    #[must_use]
    pub fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Says that the error happened inside the field `name`. Inner fields are added first.
    #[must_use]
    pub fn in_field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.path.push(Step::Field(name.into()));
        self
    }

    /// Says that the error happened inside element `index` of an array.
    #[must_use]
    pub fn in_element(mut self, index: usize) -> Self {
        self.0.path.push(Step::Element(index));
        self
    }

    /// Says that the error happened inside the subsection `name`. Paths leave it out: its fields belong to the parent.
    #[must_use]
    pub fn in_subsection(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.path.push(Step::Subsection(name.into()));
        self
    }

    /// Names the field, of a run of fixed-size ones that were claimed together, in which the stream ended.
    #[cold]
    #[must_use]
    pub fn in_run(self, fields: &[Field]) -> Self {
        let (Some(available), Some(start)) = (self.0.available, self.0.offset) else { return self };
        let mut offset = 0;
        for field in fields {
            let size = field.form.total_size().unwrap_or(0) as u64;
            if offset + size > available {
                return Self::truncated_in(field, start + offset, size, available - offset);
            }
            offset += size;
        }
        self
    }

    /// Names the element, of an array of fixed-size elements like those of `form` that were claimed together from number
    /// `first` on, in which the stream ended.
    #[cold]
    #[must_use]
    pub fn in_array(self, form: &Form, first: usize) -> Self {
        let (Some(available), Some(start)) = (self.0.available, self.0.offset) else { return self };
        let (index, error) = Self::truncated_among(form, start, available);
        error.in_element(first.saturating_add(index))
    }

    /// The stream ended after `available` of the `size` bytes of `field`, which begins at `start`.
    fn truncated_in(field: &Field, start: u64, size: u64, available: u64) -> Self {
        let (index, error) = Self::truncated_among(&field.form, start, available);
        match field.form.size {
            Some(element) if (element as u64) < size => error.in_element(index).in_field(field.name),
            _ => error.in_field(field.name),
        }
    }

    /// The stream ended after `available` bytes of elements like those of `form`: the element's index, and the error.
    fn truncated_among(form: &Form, start: u64, available: u64) -> (usize, Self) {
        let size = form.size.unwrap_or(0).max(1) as u64;
        let index = available / size;
        let error = Self::truncated_u64(start + index * size, size, available % size);
        let error = match form.kind {
            Kind::Struct(description) => error.in_run(description.fields),
            _ => error,
        };
        (usize::try_from(index).unwrap_or(usize::MAX), error)
    }

    /// Says in which part of the stream, unless that is known already.
    #[must_use]
    pub fn in_place(mut self, place: impl FnOnce() -> Place) -> Self {
        self.0.place.get_or_insert_with(place);
        self
    }

    /// Says what to do about it, unless that was said already.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice.get_or_insert_with(|| advice.into());
        self
    }

    /// Says what to do about it, instead of what was said already.
    #[must_use]
    pub fn advise_instead(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    /// Says what to do about a peer that is not like us, instead of what was said already.
    #[must_use]
    pub fn hint(self, advice: impl Into<Cow<'static, str>>) -> Self {
        if self.0.blame == Blame::Peer { self.advise_instead(advice) } else { self }
    }

    /// Says what QEMU prints for the same condition, for those who search for it.
    #[must_use]
    pub fn qemu_says(mut self, text: impl Into<String>) -> Self {
        self.0.qemu.get_or_insert_with(|| text.into());
        self
    }

    /// Says what is behind it, as far as the stream's own description of its devices tells.
    #[must_use]
    pub fn diagnosed(mut self, diagnosis: impl Into<String>) -> Self {
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
    pub fn place(&self) -> Option<&Place> {
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
            Step::Subsection(name) => Some(&**name),
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

/// Why a device or a machine could not be saved, and where.
///
/// A device says no when a hook refuses, a value does not fit its wire type, or a `must_exist` check does not hold.
/// Apart from that only the destination of the bytes can fail.
#[derive(Debug)]
pub struct SaveError(Box<SaveDetails>);

#[derive(Debug)]
struct SaveDetails {
    blame: Blame,
    reason: String,
    /// Innermost first.
    path: Vec<Step>,
    place: Option<Place>,
    cause: Option<Cause>,
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
        let mut error = Self::blaming(Blame::Source, format!("the bytes cannot be written: {cause}"));
        error.0.cause = Some(cause);
        error
    }

    fn blaming(blame: Blame, reason: impl fmt::Display) -> Self {
        let (reason, path) = (reason.to_string(), Vec::new());
        Self(Box::new(SaveDetails { blame, reason, path, place: None, cause: None }))
    }

    /// Says that the error happened inside the field `name`. Inner fields are added first.
    #[must_use]
    pub fn in_field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.path.push(Step::Field(name.into()));
        self
    }

    /// Says that the error happened inside element `index` of an array.
    #[must_use]
    pub fn in_element(mut self, index: usize) -> Self {
        self.0.path.push(Step::Element(index));
        self
    }

    /// Says in which part of the stream, unless that is known already.
    #[must_use]
    pub fn in_place(mut self, place: impl FnOnce() -> Place) -> Self {
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
    pub fn place(&self) -> Option<&Place> {
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

/// `serial.recv_fifo.data[3]`, from steps that stand innermost first.
fn path_text(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps.iter().rev() {
        match step {
            Step::Field(name) if path.is_empty() => path.push_str(name),
            Step::Field(name) => path.extend([".", name]),
            Step::Element(index) => path.push_str(&format!("[{index}]")),
            Step::Subsection(_) => {}
        }
    }
    path
}

/// `1 byte`, `2 bytes`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
