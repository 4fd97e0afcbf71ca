//! Aligns the fields of the written struct with the fields of the struct that reads it.
//!
//! The wire has no names, so only the positions of bytes count. Names serve as anchors by which the comparison finds
//! its position again after a difference, so that one additional field is one finding and not one for each field after
//! it.
//!
//! The order of the attempts in `fields` and `strangers` decides which explanation wins when several fit; the rules in
//! `tests/tests/all/check/changes.rs` pin it. QEMU's checker gives up at the first difference instead
//! (`check_fields_match` in `scripts/vmstate-static-checker.py`).

use super::field::{extra, is_same, missing, pair};
use super::finder::Finder;
use super::leaf::{self, is_unused, may_be_absent};
use super::queue::{Item, Queue};
use super::regroup::{is_before_padding, regroup};
use super::rule::Rule;
use super::side::{Side, contains, has, inline};
use super::subsection;
use crate::schema::shape::{Shape, ShapeField};

/// Compares the fields and subsections of two structs.
pub(super) fn structs(finder: &mut Finder<'_>, written: Side<'_>, read: Side<'_>) {
    Walk { written: Queue::new(written), read: Queue::new(read) }.run(finder);
}

/// The two sides, as far as they have not been compared.
struct Walk<'s> {
    written: Queue<'s>,
    read: Queue<'s>,
}

impl<'s> Walk<'s> {
    fn run(mut self, finder: &mut Finder<'_>) {
        while !finder.is_full() {
            match (self.written.front(), self.read.front()) {
                (None, None) => break,
                (Some(Item::Field(written)), Some(Item::Field(read))) => self.fields(finder, written, read),
                (Some(Item::Field(written)), None) => self.skip_written(finder, written),
                (None, Some(Item::Field(read))) => self.skip_read(finder, read),
                (Some(Item::Field(written)), Some(Item::Subsections(read))) => {
                    // If the subsections of this struct are still to come in the written fields, the field is
                    // additional.
                    if self.written.has_subsections_of(read) {
                        self.skip_written(finder, written);
                    } else {
                        self.subsections(finder, None, Some(read));
                    }
                }
                (Some(Item::Subsections(written)), Some(Item::Field(read))) => {
                    if self.read.has_subsections_of(written) {
                        self.skip_read(finder, read);
                    } else {
                        self.subsections(finder, Some(written), None);
                    }
                }
                (Some(Item::Subsections(written)), None) => self.subsections(finder, Some(written), None),
                (None, Some(Item::Subsections(read))) => self.subsections(finder, None, Some(read)),
                (Some(Item::Subsections(written)), Some(Item::Subsections(read))) => {
                    self.subsections(finder, Some(written), Some(read));
                }
            }
        }
    }

    /// Compares the subsections in front, which one side may not have at this place.
    fn subsections(&mut self, finder: &mut Finder<'_>, written: Option<&Shape>, read: Option<&Shape>) {
        if written.is_some() {
            self.written.pop();
        }
        if read.is_some() {
            self.read.pop();
        }
        subsection::compare(finder, written, read, structs);
    }

    /// Skips the field in front, which is written and not read.
    fn skip_written(&mut self, finder: &mut Finder<'_>, written: &ShapeField) {
        self.written.pop();
        extra(finder, written);
    }

    /// Skips the field in front, which is read and not written.
    fn skip_read(&mut self, finder: &mut Finder<'_>, read: &ShapeField) {
        self.read.pop();
        missing(finder, read);
    }

    /// Compares the two fields in front, or decides which of them exists on one side only.
    fn fields(&mut self, finder: &mut Finder<'_>, written: &'s ShapeField, read: &'s ShapeField) {
        if !is_unused(written) && !is_unused(read) && self.written.key() == self.read.key() {
            return self.same_name(finder, written, read);
        }
        let written_is_known = !is_unused(written) && self.read.has(&self.written.key());
        let read_is_known = !is_unused(read) && self.written.has(&self.read.key());
        match (written_is_known, read_is_known) {
            (false, false) => self.strangers(finder, written, read),
            (true, false) if self.unfold_for(read) => {}
            (true, false) => self.skip_read(finder, read),
            (false, true) if self.unfold_for(written) => {}
            (false, true) => self.skip_written(finder, written),
            (true, true) => self.reordered(finder, written),
        }
    }

    fn same_name(&mut self, finder: &mut Finder<'_>, written: &'s ShapeField, read: &'s ShapeField) {
        match (inline(written), inline(read)) {
            // A wrapper struct may have the name of a field in it. Nested structs of one kind have the same names, too.
            (Some(_), None) if contains(written, &read.name) && !has(read, &read.name) => self.written.unfold(),
            (None, Some(_)) if contains(read, &written.name) && !has(written, &written.name) => self.read.unfold(),
            // A buffer that became several fields, the first of which kept the name, has the same bytes.
            _ if leaf::has_other_size(written, read) && regroup(finder, &mut self.written, &mut self.read) => {}
            _ => {
                self.pop_both();
                pair(finder, written, read, structs);
            }
        }
    }

    /// Compares two fields whose names occur only on their sides.
    ///
    /// Explanations without an effect on the bytes are tried first: fields that may be absent, padding, other fields of
    /// the same bytes, another name, a struct around the fields.
    fn strangers(&mut self, finder: &mut Finder<'_>, written: &'s ShapeField, read: &'s ShapeField) {
        let is_left_out = finder.is_sent() && may_be_absent(read);
        if is_left_out || is_before_padding(&self.written, &self.read) {
            self.skip_read(finder, read);
        } else if is_before_padding(&self.read, &self.written) {
            self.skip_written(finder, written);
        } else if regroup(finder, &mut self.written, &mut self.read) {
            // They take the same bytes.
        } else if is_same(written, read) {
            self.pop_both();
            if !(is_unused(written) && is_unused(read)) {
                finder.at_both(written, read).report(Rule::Renamed, &written.name, &read.name);
            }
            pair(finder, written, read, structs);
        } else if inline(written).is_some() {
            self.written.unfold();
        } else if inline(read).is_some() {
            self.read.unfold();
        } else if read.conditional && !written.conditional {
            self.skip_read(finder, read);
        } else if written.conditional {
            self.skip_written(finder, written);
        } else {
            self.skip_written(finder, written);
            self.skip_read(finder, read);
        }
    }

    /// Unfolds the struct in front on the side that does not know `stranger` if it contains the field sought. Returns
    /// whether it did.
    fn unfold_for(&mut self, stranger: &ShapeField) -> bool {
        let (Some(Item::Field(written)), Some(Item::Field(read))) = (self.written.front(), self.read.front()) else {
            return false;
        };
        if std::ptr::eq(stranger, read) && inline(read).is_some() && contains(read, &written.name) {
            self.read.unfold();
        } else if std::ptr::eq(stranger, written) && inline(written).is_some() && contains(written, &read.name) {
            self.written.unfold();
        } else {
            return false;
        }
        true
    }

    /// Compares a written field that is read later.
    fn reordered(&mut self, finder: &mut Finder<'_>, written: &'s ShapeField) {
        let key = self.written.key();
        let before = self.read.key();
        self.written.pop();
        finder.at(&written.name).report(Rule::Order, format!("before `{before}`"), format!("after `{before}`"));
        if let Some(read) = self.read.remove(&key) {
            pair(finder, written, read, structs);
        }
    }

    fn pop_both(&mut self) {
        self.written.pop();
        self.read.pop();
    }
}
