//! The sink that describes a section while it is saved.

use std::ops::Range;

use vmstate_types::description::{Field, Kind};
use vmstate_types::sink::{ElementIndex, FieldRef, PointerRun};
use vmstate_types::{Description, Sink, Writer};

use super::Release;
use super::section_shape::{Look, ShapeEvent};

/// The sink of a section that is described while it is saved.
#[derive(Debug)]
pub struct DescribingSink<'d> {
    out: &'d mut Writer,
    /// The offset of the section's first byte.
    start: u64,
    release: Release,
    look: Look<'d>,
    /// The nesting depth since an element that a compressed array does not describe; 0 outside of such elements.
    muted: usize,
    /// The announcement of the next element, if it is a pointer.
    pointer: Option<PointerRun>,
    /// The last result of [`compresses`](Self::compresses), which each element of an array requests. Computing it
    /// visits all nested structs.
    asked: Option<(FieldRef, bool)>,
}

impl<'d> DescribingSink<'d> {
    pub(super) fn new(out: &'d mut Writer, release: Release, look: Look<'d>) -> Self {
        let start = out.offset();
        Self { out, start, release, look, muted: 0, pointer: None, asked: None }
    }

    /// Returns whether the shape of the section differs from the previous one.
    pub(super) fn end(self) -> bool {
        self.look.end()
    }

    fn offset(&self) -> u64 {
        self.out.offset() - self.start
    }

    /// Returns whether the array is described once, regardless of its elements.
    fn compresses(&mut self, at: FieldRef) -> bool {
        match self.asked {
            Some((asked, answer)) if std::ptr::eq(asked.parent, at.parent) && asked.field == at.field => answer,
            _ => {
                let answer = compresses(&at.parent.fields[at.field]);
                self.asked = Some((at, answer));
                answer
            }
        }
    }
}

impl Sink for DescribingSink<'_> {
    #[inline]
    fn out(&mut self) -> &mut Writer {
        self.out
    }

    #[inline]
    fn fixed(&mut self, parent: &'static Description, fields: Range<usize>) {
        self.pointer = None;
        if self.muted == 0 {
            self.look.see(ShapeEvent::fixed(parent, fields));
        }
    }

    #[inline]
    fn fixed_array(&mut self, at: FieldRef, count: usize) {
        if self.muted == 0 && count > 0 {
            self.look.see(ShapeEvent::fixed_array(at, count));
        }
    }

    #[inline]
    fn pointer(&mut self, run: PointerRun) {
        self.pointer = Some(run);
    }

    #[inline]
    fn begin_element(&mut self, at: FieldRef, element: ElementIndex) {
        let run = self.pointer.take();
        // Elements nested in an element without description are not described either.
        if self.muted > 0 {
            self.muted += 1;
            return;
        }
        let first = run.map_or(0, |run| described_run(self.release, run, element).first);
        if element.index > first && self.compresses(at) {
            self.muted = 1;
            return;
        }
        if let Some(run) = run {
            self.look.see(ShapeEvent::Pointer(run));
        }
        self.look.see(ShapeEvent::element(at, element, self.offset()));
    }

    #[inline]
    fn end_element(&mut self) {
        match self.muted {
            0 => self.look.see(ShapeEvent::EndElement { offset: self.offset() }),
            _ => self.muted -= 1,
        }
    }

    #[inline]
    fn begin_inline(&mut self, at: FieldRef) {
        if self.muted == 0 {
            self.look.see(ShapeEvent::Inline { parent: super::section_shape::Of(at.parent), field: at.field });
        }
    }

    #[inline]
    fn end_inline(&mut self) {
        if self.muted == 0 {
            self.look.see(ShapeEvent::EndInline);
        }
    }

    #[inline]
    fn begin_struct(&mut self, description: &'static Description, version: u32) {
        if self.muted == 0 {
            self.look.see(ShapeEvent::Struct { description: super::section_shape::Of(description), version });
        }
    }

    #[inline]
    fn end_struct(&mut self) {
        if self.muted == 0 {
            self.look.see(ShapeEvent::EndStruct);
        }
    }

    #[inline]
    fn begin_subsection(&mut self) {
        if self.muted == 0 {
            self.look.see(ShapeEvent::Subsection);
        }
    }

    #[inline]
    fn end_subsection(&mut self) {
        if self.muted == 0 {
            self.look.see(ShapeEvent::EndSubsection);
        }
    }
}

/// Returns whether an array of such elements is described once, regardless of its elements (`vmsd_can_compress` in
/// `migration/vmstate.c`).
///
/// QEMU has no `until`: a field with `until` in the struct of an array has a predicate there. An array that is written
/// at an older version has no predicate in the older release.
pub(super) fn compresses(field: &Field) -> bool {
    let is_plain = |inner: &Field| inner.until.is_none() && compresses(inner);
    !field.conditional
        && match field.form.kind {
            Kind::Struct(inner) => inner.subsections.is_empty() && inner.fields.iter().all(is_plain),
            Kind::Inline(inner) => inner.fields.iter().all(is_plain),
            _ => true,
        }
}

/// Elements of an array of pointers that are described together.
pub(super) struct DescribedRun {
    /// The index of the first element.
    pub(super) first: usize,
    /// The number of elements in their description.
    pub(super) count: usize,
}

/// Returns the elements of an array of pointers that are described together with `element`, which is in `run`.
///
/// QEMU 7.2 describes the first element as if all elements were alike, even if it is null. QEMU 10.0 starts a new
/// description at each change between null and non-null elements, but describes a non-null run at the start as the
/// whole array (`vmstate_save_state_v` in `migration/vmstate.c`: the element before the first one counts as not
/// null). QEMU 11.1 describes pointers with markers one by one.
pub(super) fn described_run(release: Release, run: PointerRun, element: ElementIndex) -> DescribedRun {
    match release {
        Release::Qemu7_2 => DescribedRun { first: 0, count: element.count },
        Release::Qemu11_1 if run.marked => DescribedRun { first: element.index, count: 1 },
        _ if run.start == 0 && !run.null => DescribedRun { first: 0, count: element.count },
        _ => DescribedRun { first: run.start, count: run.end - run.start },
    }
}
