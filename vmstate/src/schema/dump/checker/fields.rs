//! The comparison of the fields of two descriptions, as in QEMU's checker (`check_fields_match` and `check_fields`).

use super::{Checker, Section};
use crate::schema::dump::DumpField;

impl Section<'_> {
    /// Compares fields one by one, until there are no more in the source or one has a name that is not understood.
    pub(super) fn fields(&mut self, source: &[DumpField], destination: &[DumpField], description: &str) {
        let mut walk = Walk { source: Side::new(source), destination: Side::new(destination), padding: 0 };
        while let Some(step) = walk.next(self, description) {
            match step {
                Step::Again => {}
                Step::Pair(one, other) => self.pair(one, other, description),
            }
        }
    }

    fn pair(&mut self, source: &DumpField, destination: &DumpField, description: &str) {
        self.versions(source.into(), destination.into(), Some(description));
        let field = &source.field;
        if source.description.is_none() && source.size != destination.size {
            let (one, other) = (source.size, destination.size);
            self.problem(format_args!(
                " Description \"{description}\" Field \"{field}\" size mismatch: {one} , {other}"
            ));
        }
        match (&source.description, &destination.description) {
            (Some(one), Some(other)) => self.descriptions(one, other),
            (Some(_), None) => {
                self.problem(format_args!(", Description \"{description}\", Field \"{field}\": missing description"));
            }
            (None, _) => {}
        }
    }

    fn field_problem(&mut self, description: &str, text: std::fmt::Arguments<'_>) {
        self.problem(format_args!(", Description \"{description}\": {text}"));
    }
}

/// The result of one step of the comparison.
enum Step<'d> {
    /// Nothing yet.
    Again,
    /// Two corresponding fields.
    Pair(&'d DumpField, &'d DumpField),
}

/// The two sides, and how much padding is still to be made up for.
struct Walk<'d> {
    source: Side<'d>,
    destination: Side<'d>,
    padding: i128,
}

/// One side: where it is, and the structs that it is in.
struct Side<'d> {
    fields: std::slice::Iter<'d, DumpField>,
    outer: Vec<std::slice::Iter<'d, DumpField>>,
    item: Option<&'d DumpField>,
    /// Set if the next step stays at the same field.
    stays: bool,
}

impl<'d> Walk<'d> {
    /// Takes the next step; `None` at the end.
    fn next(&mut self, section: &mut Section<'_>, description: &str) -> Option<Step<'d>> {
        if !self.source.stays {
            if !self.source.advance() {
                return self.source.leave().then_some(Step::Again);
            }
        } else if self.padding == 0 {
            self.source.stays = false;
        }
        let one = self.source.item?;
        if !self.destination.stays {
            if !self.destination.advance() {
                if self.destination.leave() {
                    self.source.stays = true;
                    return Some(Step::Again);
                }
                let field = &one.field;
                section.field_problem(
                    description,
                    format_args!("expected field \"{field}\", while dest has no further fields"),
                );
                return None;
            }
        } else if self.padding == 0 {
            self.destination.stays = false;
        }
        let other = self.destination.item?;
        let is_padding = if section.checker == Checker::Newer { self.padding != 0 } else { self.padding > 0 };
        if is_padding && (self.destination.stays || self.source.stays) {
            return self.make_up(section, one, other, description);
        }
        if section.checker.is_same_name(description, &one.field, &other.field) {
            return Some(Step::Pair(one, other));
        }
        self.strangers(section, one, other, description)
    }

    /// Counts the next field of the side that goes on for the padding of the side that stays.
    fn make_up(
        &mut self,
        section: &mut Section<'_>,
        one: &DumpField,
        other: &DumpField,
        description: &str,
    ) -> Option<Step<'d>> {
        let (staying, field) =
            if self.destination.stays { (&mut self.destination, one) } else { (&mut self.source, other) };
        self.padding -= i128::from(field.size);
        if self.padding == 0 {
            staying.stays = false;
        }
        if self.padding < 0 {
            let name = &field.field;
            section.field_problem(description, format_args!("unused size mismatch near \" {name}\""));
            return None;
        }
        Some(Step::Again)
    }

    /// Two fields of different names: perhaps one is a struct that begins with the other, or padding.
    fn strangers(
        &mut self,
        section: &mut Section<'_>,
        one: &'d DumpField,
        other: &'d DumpField,
        description: &str,
    ) -> Option<Step<'d>> {
        if section.checker.begins_with(other, &one.field) {
            self.destination.enter(other);
            self.source.stays = true;
        } else if section.checker.begins_with(one, &other.field) {
            self.source.enter(one);
            self.destination.stays = true;
        } else if one.field == "unused" || other.field == "unused" {
            let (size, size_of_other) = (section.checker.size(one), section.checker.size(other));
            if size == size_of_other {
                return Some(Step::Again);
            }
            if other.field == "unused" {
                self.destination.stays = true;
                self.padding = size_of_other - size;
            } else {
                self.source.stays = true;
                self.padding = size - size_of_other;
            }
        } else {
            let (name, got) = (&one.field, &other.field);
            section.field_problem(description, format_args!("expected field \"{name}\", got \"{got}\"; skipping rest"));
            return None;
        }
        Some(Step::Again)
    }
}

impl<'d> Side<'d> {
    fn new(fields: &'d [DumpField]) -> Self {
        Self { fields: fields.iter(), outer: Vec::new(), item: None, stays: false }
    }

    fn advance(&mut self) -> bool {
        let next = self.fields.next();
        self.item = next.or(self.item);
        next.is_some()
    }

    fn enter(&mut self, field: &'d DumpField) {
        let inner = field.description.as_ref().and_then(|inner| inner.fields.as_deref()).unwrap_or(&[]);
        self.outer.push(std::mem::replace(&mut self.fields, inner.iter()));
    }

    /// Returns to the surrounding struct. Returns whether one exists.
    fn leave(&mut self) -> bool {
        let outer = self.outer.pop();
        let is_inside = outer.is_some();
        if let Some(outer) = outer {
            self.fields = outer;
        }
        is_inside
    }
}

impl Checker {
    /// Returns whether the field is a struct whose first field has this name.
    fn begins_with(self, field: &DumpField, name: &str) -> bool {
        field.description.as_ref().is_some_and(|inner| {
            let first = inner.fields.as_deref().and_then(<[DumpField]>::first);
            first.is_some_and(|first| self.is_same_name(&inner.name, &first.field, name))
        })
    }

    fn size(self, field: &DumpField) -> i128 {
        let count = if self == Self::Newer { field.num.unwrap_or(1) } else { 1 };
        i128::from(field.size) * i128::from(count)
    }
}
