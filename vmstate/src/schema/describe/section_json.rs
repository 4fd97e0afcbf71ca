//! Writes QEMU's text for the shape of a section.

use std::fmt::Write;

use vmstate_types::Description;
use vmstate_types::description::{Count, Field, Kind};
use vmstate_types::sink::{ElementIndex, PointerRun};

use super::Release;
use super::describing_sink::{compresses, described_run};
use super::section_shape::{Of, ShapeEvent};
use crate::schema::vmdesc::quote;
use vmstate_types::walk::nested_version;

/// Appends the object that describes the section `name` of this shape.
pub(super) fn section(json: &mut String, release: Release, name: &str, instance_id: u32, events: &[ShapeEvent]) {
    json.push_str("{\"name\": ");
    quote(json, name);
    push(json, format_args!(", \"instance_id\": {instance_id}"));
    let mut text = Text { json, release, open: Vec::new(), pointer: None };
    events.iter().for_each(|event| text.event(event));
    text.json.push('}');
}

/// The type of a null pointer, and of the byte before a target, in QEMU 11.1.
const MARKER: &str = "ptr-marker";

struct Text<'j> {
    json: &'j mut String,
    release: Release,
    /// The open objects and lists, the innermost last.
    open: Vec<Open>,
    /// The announcement of the next element, if it is a pointer.
    pointer: Option<PointerRun>,
}

/// An open part of the text.
#[derive(Debug)]
enum Open {
    /// An element: the offset of its first byte, and whether a struct in it is a separate object.
    ElementIndex { start: u64, wraps: bool },
    /// A struct's list of fields, or of subsections.
    Struct { wrapped: bool, items: usize, in_subsections: bool, version: u32 },
    /// The fields of an inline struct, in the list of the struct around it: the beginning of their names.
    Inline { path: String },
    /// A subsection.
    Subsection,
}

impl Text<'_> {
    fn event(&mut self, event: &ShapeEvent) {
        match *event {
            ShapeEvent::Fixed { parent: Of(parent), first, end } => self.fixed(parent, first, end),
            ShapeEvent::FixedArray { parent: Of(parent), field, count } => self.fixed_array(parent, field, count),
            ShapeEvent::Pointer(run) => self.pointer = Some(run),
            ShapeEvent::ElementIndex { parent: Of(parent), field, element, offset } => {
                self.begin_element(parent, field, element, offset);
            }
            ShapeEvent::EndElement { offset } => self.end_element(offset),
            ShapeEvent::Inline { parent: Of(parent), field } => self.begin_inline(parent, field),
            ShapeEvent::EndInline => {
                self.open.pop();
            }
            ShapeEvent::Struct { description: Of(description), version } => self.begin_struct(description, version),
            ShapeEvent::EndStruct => self.end_struct(),
            ShapeEvent::Subsection => self.begin_subsection(),
            ShapeEvent::EndSubsection => {
                self.open.pop();
                self.json.push('}');
            }
            ShapeEvent::Opaque { size } => self.opaque(size),
        }
    }

    fn fixed(&mut self, parent: &Description, first: usize, end: usize) {
        for index in first..end {
            self.fixed_array(parent, index, fixed_count(&parent.fields[index]));
        }
    }

    fn fixed_array(&mut self, parent: &Description, field: usize, count: usize) {
        if count == 0 {
            return;
        }
        if count == 1 || compresses(&parent.fields[field]) {
            self.separate();
            let version = self.version();
            describe_fixed(self.json, path(&self.open), (parent, version), field, Place::whole(count));
            return;
        }
        for index in 0..count {
            self.separate();
            let place = self.element_place(ElementIndex::new(index, count));
            let version = self.version();
            describe_fixed(self.json, path(&self.open), (parent, version), field, place);
        }
    }

    fn begin_element(&mut self, parent: &Description, index: usize, element: ElementIndex, start: u64) {
        let field = &parent.fields[index];
        let run = self.pointer.take();
        let count = run.map_or(element.count, |run| described_run(self.release, run, element).count);
        self.separate();
        self.json.push_str("{\"name\": ");
        push_name(self.json, path(&self.open), parent, index);
        let null = run.is_some_and(|run| run.null);
        if run.is_some_and(|run| run.marked && !run.null) && self.release >= Release::Qemu11_1 {
            self.marker(parent, index);
        }
        let place = if compresses(field) { Place::whole(count) } else { self.element_place(element) };
        place.push(self.json);
        match self.release {
            Release::Qemu10_0 if null => push_type_name(self.json, "nullptr"),
            Release::Qemu11_1 if null => push_type_name(self.json, MARKER),
            _ => push_type(self.json, field.form.kind),
        }
        let wraps = matches!(field.form.kind, Kind::Struct(_));
        if null && wraps && self.release == Release::Qemu7_2 {
            self.json.push_str(", \"struct\": {}");
        }
        self.open.push(Open::ElementIndex { start, wraps });
    }

    /// Describes the marker of a pointer, whose entry has begun, and begins the entry of its target.
    fn marker(&mut self, parent: &Description, index: usize) {
        push_type_name(self.json, MARKER);
        self.json.push_str(", \"size\": 1}");
        self.separate();
        self.json.push_str("{\"name\": ");
        push_name(self.json, path(&self.open), parent, index);
    }

    fn end_element(&mut self, offset: u64) {
        if let Some(Open::ElementIndex { start, .. }) = self.open.pop() {
            push(self.json, format_args!(", \"size\": {}}}", offset - start));
        }
    }

    fn begin_inline(&mut self, parent: &Description, index: usize) {
        let path = format!("{}{}.", path(&self.open), parent.fields[index].name);
        self.open.push(Open::Inline { path });
    }

    fn begin_struct(&mut self, description: &Description, version: u32) {
        let wrapped = matches!(self.open.last(), Some(Open::ElementIndex { wraps: true, .. }));
        self.json.push_str(match self.open.last() {
            Some(Open::ElementIndex { wraps: true, .. }) => ", \"struct\": {",
            Some(Open::Subsection) => "",
            // Lists, trees and temporaries put the keys of all their structs into the element's own object.
            Some(Open::ElementIndex { .. } | Open::Struct { .. } | Open::Inline { .. }) | None => ", ",
        });
        push_struct(self.json, description, version);
        self.open.push(Open::Struct { wrapped, items: 0, in_subsections: false, version });
    }

    fn end_struct(&mut self) {
        if let Some(Open::Struct { wrapped, .. }) = self.open.pop() {
            self.json.push_str(if wrapped { "]}" } else { "]" });
        }
    }

    fn begin_subsection(&mut self) {
        if let Some(Open::Struct { items, in_subsections, .. }) = self.open.last_mut()
            && !*in_subsections
        {
            (*items, *in_subsections) = (0, true);
            self.json.push_str("], \"subsections\": [");
        }
        self.separate();
        self.json.push('{');
        self.open.push(Open::Subsection);
    }

    fn opaque(&mut self, size: u64) {
        push(self.json, format_args!(", \"size\": {size}, \"fields\": [{{\"name\": \"data\", "));
        push(self.json, format_args!("\"size\": {size}, \"type\": \"buffer\"}}]"));
    }

    /// Returns the version of the innermost struct.
    fn version(&self) -> u32 {
        let versions = self.open.iter().rev().filter_map(|open| match open {
            Open::Struct { version, .. } => Some(*version),
            _ => None,
        });
        versions.clone().next().unwrap_or_default()
    }

    /// Returns the place of an element that is described separately.
    ///
    /// QEMU 10.0 omits the index of the last element: it passes the number of remaining elements to
    /// `vmsd_desc_field_start`, which takes 1 for a field that is not an array. QEMU 11.1 always passes 1.
    fn element_place(&self, element: ElementIndex) -> Place {
        let is_last = element.index + 1 == element.count;
        match self.release {
            _ if element.count == 1 => Place::Only,
            Release::Qemu10_0 if is_last => Place::Only,
            Release::Qemu11_1 => Place::Only,
            _ => Place::Index(element.index),
        }
    }

    /// Writes the comma between two items of the innermost list.
    fn separate(&mut self) {
        let list = self.open.iter_mut().rev().find(|open| !matches!(open, Open::Inline { .. }));
        if let Some(Open::Struct { items, .. }) = list {
            if *items > 0 {
                self.json.push_str(", ");
            }
            *items += 1;
        }
    }
}

/// The key that assigns an object to an element or to several elements.
#[derive(Debug, Clone, Copy)]
enum Place {
    Only,
    Index(usize),
    Len(usize),
}

impl Place {
    /// Returns the place of all `count` elements.
    fn whole(count: usize) -> Self {
        if count > 1 { Self::Len(count) } else { Self::Only }
    }

    fn push(self, json: &mut String) {
        match self {
            Self::Only => {}
            Self::Index(index) => push(json, format_args!(", \"index\": {index}")),
            Self::Len(count) => push(json, format_args!(", \"array_len\": {count}")),
        }
    }
}

/// Returns the beginning of the names of the next fields, which are in an inline struct.
fn path(open: &[Open]) -> &str {
    match open.last() {
        Some(Open::Inline { path }) => path,
        _ => "",
    }
}

/// Describes a field whose elements are alike, regardless of their values. Its name follows `path`.
fn describe_fixed(json: &mut String, path: &str, (parent, version): (&Description, u32), index: usize, place: Place) {
    let field = &parent.fields[index];
    json.push_str("{\"name\": ");
    push_name(json, path, parent, index);
    place.push(json);
    push_type(json, field.form.kind);
    if let Kind::Struct(description) = field.form.kind {
        json.push_str(", \"struct\": {");
        let version = nested_version(description, version);
        push_struct(json, description, version);
        for (index, field) in description.fields.iter().enumerate() {
            json.push_str(if index > 0 { ", " } else { "" });
            describe_fixed(json, "", (description, version), index, Place::whole(fixed_count(field)));
        }
        json.push_str("]}");
    }
    push(json, format_args!(", \"size\": {}}}", field.form.size.unwrap_or(0)));
}

/// Returns the number of elements of a field with a fixed number, and 1 for others.
fn fixed_count(field: &Field) -> usize {
    match field.form.count {
        Count::Fixed(count) => count,
        _ => 1,
    }
}

/// Begins a struct's keys, up to the bracket of its fields.
fn push_struct(json: &mut String, description: &Description, version: u32) {
    json.push_str("\"vmsd_name\": ");
    quote(json, description.name);
    push(json, format_args!(", \"version\": {version}, \"fields\": ["));
}

fn push_type(json: &mut String, kind: Kind) {
    push_type_name(
        json,
        match kind {
            Kind::Info(name) | Kind::List(name, _) => name,
            Kind::Versioned(..) => "vstruct",
            Kind::Temporary(_) => "tmp",
            Kind::Tree { .. } => "gtree",
            _ => "struct",
        },
    );
}

fn push_type_name(json: &mut String, name: &str) {
    json.push_str(", \"type\": ");
    quote(json, name);
}

/// Writes a field's name. A name that a struct contains more than once is numbered (`vmfield_name_num`).
///
/// In QEMU, no two fields exclude each other by version: when a field changes, each release lists only its version of
/// it. Such fields therefore do not count here.
fn push_name(json: &mut String, path: &str, parent: &Description, index: usize) {
    let this = &parent.fields[index];
    let name = this.name;
    let is_same = |field: &&Field| field.name == name && !field.excludes(this);
    let same = |fields: &[Field]| fields.iter().filter(is_same).count();
    match same(parent.fields) {
        1 if path.is_empty() => quote(json, name),
        1 => quote(json, &format!("{path}{name}")),
        _ => quote(json, &format!("{path}{name}[{}]", same(&parent.fields[..index]))),
    }
}

fn push(json: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = json.write_fmt(text);
}
