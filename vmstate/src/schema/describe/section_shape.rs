//! The shape of a section, recorded while it is saved. It determines the description of the section.

use std::ops::Range;

use vmstate_types::Description;
use vmstate_types::sink::{ElementIndex, FieldRef, PointerRun};

/// The calls of a sink in order; for arrays that are described once, only the calls for the first element.
///
/// A section that is saved again usually has the same shape. Its events are then only compared with the recorded ones,
/// and the previous text is reused: writing the text takes longer than saving the section.
#[derive(Debug, Default)]
pub(super) struct SectionShape {
    events: Vec<ShapeEvent>,
}

/// A call of a sink. Offsets count from the section's first byte.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ShapeEvent {
    /// Fields of fixed sizes.
    Fixed { parent: Of, first: usize, end: usize },
    /// A number of elements of fixed size.
    FixedArray { parent: Of, field: usize, count: usize },
    /// The next element is one of these pointers, or the target of one.
    Pointer(PointerRun),
    /// An element begins.
    ElementIndex { parent: Of, field: usize, element: ElementIndex, offset: u64 },
    /// It ends.
    EndElement { offset: u64 },
    /// The fields of an inline struct begin.
    Inline { parent: Of, field: usize },
    /// They end.
    EndInline,
    /// A struct begins.
    Struct { description: Of, version: u32 },
    /// It ends.
    EndStruct,
    /// A subsection begins.
    Subsection,
    /// It ends.
    EndSubsection,
    /// A number of bytes without a description.
    Opaque { size: u64 },
}

/// A description. Two of them are equal if they have the same address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of(pub(super) &'static Description);

impl PartialEq for Of {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl ShapeEvent {
    pub(super) fn fixed(parent: &'static Description, fields: Range<usize>) -> Self {
        Self::Fixed { parent: Of(parent), first: fields.start, end: fields.end }
    }

    pub(super) fn fixed_array(at: FieldRef, count: usize) -> Self {
        Self::FixedArray { parent: Of(at.parent), field: at.field, count }
    }

    pub(super) fn element(at: FieldRef, element: ElementIndex, offset: u64) -> Self {
        Self::ElementIndex { parent: Of(at.parent), field: at.field, element, offset }
    }
}

impl SectionShape {
    pub(super) fn events(&self) -> &[ShapeEvent] {
        &self.events
    }

    /// Returns the size of the memory that the events use.
    pub(super) fn size(&self) -> usize {
        self.events.capacity() * size_of::<ShapeEvent>()
    }

    pub(super) fn clear(&mut self) {
        self.events.clear();
    }

    /// Begins the comparison of a section with the recorded shape.
    pub(super) fn look_again(&mut self) -> Look<'_> {
        Look { events: &mut self.events, next: 0, changed: false }
    }
}

/// A comparison of a section with the recorded shape, in progress.
#[derive(Debug)]
pub(super) struct Look<'s> {
    events: &'s mut Vec<ShapeEvent>,
    /// The number of the next event.
    next: usize,
    changed: bool,
}

impl Look<'_> {
    #[inline]
    pub(super) fn see(&mut self, event: ShapeEvent) {
        if self.events.get(self.next) != Some(&event) {
            self.note(event);
        }
        self.next += 1;
    }

    #[cold]
    fn note(&mut self, event: ShapeEvent) {
        self.events.truncate(self.next);
        self.events.push(event);
        self.changed = true;
    }

    /// Returns whether the shape of the section differs from the previous one.
    pub(super) fn end(self) -> bool {
        let shorter = self.next < self.events.len();
        self.events.truncate(self.next);
        self.changed || shorter
    }
}
