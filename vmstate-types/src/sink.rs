//! Where saved state goes: to the wire alone, or to the wire with a record of which field wrote what.
//!
//! The generated code is written once, over [`Sink`]. A [`Writer`] is the sink that only takes bytes: its field marks
//! are empty and compile away. The sink that also writes a stream's JSON description lives in the crate `vmstate`.

use core::ops::Range;

use crate::description::Description;
use crate::wire::Writer;

/// One field of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldRef {
    /// The description of the struct that has the field.
    pub parent: &'static Description,
    /// The field's index in it.
    pub field: usize,
}

impl FieldRef {
    /// Field number `field` of `parent`.
    #[must_use]
    pub const fn new(parent: &'static Description, field: usize) -> Self {
        Self { parent, field }
    }
}

/// The position of an element in its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ElementIndex {
    /// Counted from 0, over all dimensions of the array.
    pub index: usize,
    /// How many elements the field has in all.
    pub count: usize,
}

impl ElementIndex {
    /// The only element of a field that is no array.
    pub const ONLY: Self = Self { index: 0, count: 1 };

    /// ElementIndex `index` of `count`.
    #[must_use]
    pub const fn new(index: usize, count: usize) -> Self {
        Self { index, count }
    }

    /// What stands in the place of this element is itself an array: its element `index` of `count`.
    #[must_use]
    pub const fn within(self, index: usize, count: usize) -> Self {
        Self { index: self.index * count + index, count: self.count * count }
    }
}

/// Neighbours in an array of pointers that are all null, or all not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PointerRun {
    /// Whether they are null.
    pub null: bool,
    /// The first of them.
    pub start: usize,
    /// The one after the last of them.
    pub end: usize,
}

/// Takes the bytes of saved state, and is told where fields begin and end.
///
/// Calls nest as the state does: `begin_element` .. (`begin_struct` .. `end_struct`)? .. `end_element`, and inside of a
/// struct all elements before all subsections.
pub trait Sink {
    /// Where the bytes go.
    fn out(&mut self) -> &mut Writer;

    /// The fields number `fields` of `parent` have just been written whole. They have fixed sizes, so that their
    /// descriptions say all there is to say about them.
    #[inline]
    fn fixed(&mut self, parent: &'static Description, fields: Range<usize>) {
        let _ = (parent, fields);
    }

    /// An array of `count` elements of fixed size has just been written.
    #[inline]
    fn fixed_array(&mut self, at: FieldRef, count: usize) {
        let _ = (at, count);
    }

    /// The next element is a pointer, or what it points to.
    #[inline]
    fn pointer(&mut self, run: PointerRun) {
        let _ = run;
    }

    /// The bytes that follow belong to one element of a field.
    #[inline]
    fn begin_element(&mut self, at: FieldRef, element: ElementIndex) {
        let _ = (at, element);
    }

    /// The element is complete.
    #[inline]
    fn end_element(&mut self) {}

    /// What follows are the fields of a struct, saved at `version`: of the element or the subsection that has begun, or
    /// of the whole section.
    #[inline]
    fn begin_struct(&mut self, description: &'static Description, version: u32) {
        let _ = (description, version);
    }

    /// The struct's fields are complete, and its subsections.
    #[inline]
    fn end_struct(&mut self) {}

    /// The bytes that follow, up to the end of the next struct, belong to a subsection of the struct that has begun.
    #[inline]
    fn begin_subsection(&mut self) {}

    /// The subsection is complete.
    #[inline]
    fn end_subsection(&mut self) {}
}

impl Sink for Writer {
    #[inline]
    fn out(&mut self) -> &mut Writer {
        self
    }
}
