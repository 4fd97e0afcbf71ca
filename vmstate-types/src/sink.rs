//! Destinations of saved state: the wire alone, or the wire with a record of which field wrote which bytes.
//!
//! Generated code is generic over [`Sink`]. A [`Writer`] is the sink that only takes bytes: its field markers are empty
//! and compile away. The sink that also writes a stream's JSON description is in the crate `vmstate`.

mod slice;

use core::ops::Range;

use crate::description::Description;
use crate::wire::Writer;

pub use slice::SliceSink;

/// A reference to a field of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldRef {
    /// The description of the struct that contains the field.
    pub parent: &'static Description,
    /// The field's index in it.
    pub field: usize,
}

impl FieldRef {
    /// Creates a reference to the field at index `field` of `parent`.
    #[must_use]
    pub const fn new(parent: &'static Description, field: usize) -> Self {
        Self { parent, field }
    }
}

/// The position of an element in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElementIndex {
    /// The index from 0, over all dimensions of the array.
    pub index: usize,
    /// The total number of elements of the field.
    pub count: usize,
}

impl ElementIndex {
    /// The only element of a field that is not an array.
    pub const ONLY: Self = Self { index: 0, count: 1 };

    /// Creates the index of element `index` of `count`.
    #[must_use]
    pub const fn new(index: usize, count: usize) -> Self {
        Self { index, count }
    }

    /// Returns the index of element `index` of `count` of an inner array, which is this element.
    #[must_use]
    pub const fn within(self, index: usize, count: usize) -> Self {
        // Row-major: QEMU treats a nested array as a single one (VMSTATE_2DARRAY in include/migration/vmstate.h).
        Self { index: self.index * count + index, count: self.count * count }
    }
}

/// A run of adjacent pointers in an array that are all null or all valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PointerRun {
    /// Set if the pointers are null.
    pub null: bool,
    /// The index of the first pointer.
    pub start: usize,
    /// The index after the last pointer.
    pub end: usize,
    /// True if a marker precedes each target (`VMS_ARRAY_OF_POINTER_AUTO_ALLOC`).
    pub marked: bool,
}

/// A destination of saved state that is notified of the beginning and the end of fields.
///
/// Calls nest as the state does: `begin_element`, optionally `begin_struct` and `end_struct`, `end_element`; within a
/// struct, all elements precede all subsections. The default methods ignore the notifications.
///
/// ```
/// use vmstate_types::description::Description;
/// use vmstate_types::sink::{ElementIndex, FieldRef};
/// use vmstate_types::{Sink, VmState, Writer};
///
/// /// Prints the fields that are written one by one.
/// struct Trace(Writer);
///
/// impl Sink for Trace {
///     fn out(&mut self) -> &mut Writer {
///         &mut self.0
///     }
///
///     fn begin_element(&mut self, at: FieldRef, element: ElementIndex) {
///         println!("{:#x} {}[{}]", self.0.offset(), at.parent.fields[at.field].name, element.index);
///     }
/// }
/// ```
pub trait Sink {
    /// Returns the writer of the bytes.
    fn out(&mut self) -> &mut Writer;

    /// Appends `count` bytes with unspecified contents and returns them. The caller must overwrite all of them.
    ///
    /// A sink of a slice returns a part of the slice, where [`out`](Self::out) needs a buffer.
    #[inline]
    fn reserve(&mut self, count: usize) -> &mut [u8] {
        self.out().reserve(count)
    }

    /// Appends `bytes`.
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len()).copy_from_slice(bytes);
    }

    /// Called after the `fields` of `parent` are written at once. They have fixed sizes, so that their descriptions
    /// specify their layout completely.
    #[inline]
    fn fixed(&mut self, parent: &'static Description, fields: Range<usize>) {
        let _ = (parent, fields);
    }

    /// Called after an array of `count` elements of fixed size is written.
    #[inline]
    fn fixed_array(&mut self, at: FieldRef, count: usize) {
        let _ = (at, count);
    }

    /// Called before a pointer or its target is written as the next element.
    #[inline]
    fn pointer(&mut self, run: PointerRun) {
        let _ = run;
    }

    /// Called before an element of a field is written.
    #[inline]
    fn begin_element(&mut self, at: FieldRef, element: ElementIndex) {
        let _ = (at, element);
    }

    /// Called after the element is written.
    #[inline]
    fn end_element(&mut self) {}

    /// Called before the fields of a struct are written as fields of its parent, whose names begin with the name of the
    /// field `at`.
    #[inline]
    fn begin_inline(&mut self, at: FieldRef) {
        let _ = at;
    }

    /// Called after the fields of the inline struct are written.
    #[inline]
    fn end_inline(&mut self) {}

    /// Called before the fields of a struct are written at `version`. The struct is the current element or subsection,
    /// or the whole section.
    #[inline]
    fn begin_struct(&mut self, description: &'static Description, version: u32) {
        let _ = (description, version);
    }

    /// Called after the fields and subsections of the struct are written.
    #[inline]
    fn end_struct(&mut self) {}

    /// Called before a subsection of the current struct is written, header included.
    #[inline]
    fn begin_subsection(&mut self) {}

    /// Called after the subsection is written.
    #[inline]
    fn end_subsection(&mut self) {}
}

impl Sink for Writer {
    #[inline]
    fn out(&mut self) -> &mut Writer {
        self
    }
}
