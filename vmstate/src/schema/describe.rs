//! Saving with a record of which field wrote what: the JSON description at the end of QEMU's streams.
//!
//! [`DescriptionWriter`] collects the text while sections are saved through its sinks. The text is QEMU's to the
//! letter: its keys, their order, the spacing. (QEMU: `vmsd_desc_field_start` and `vmstate_save_state_v` in
//! `migration/vmstate.c`, `qemu_savevm_state_complete_precopy` in `migration/savevm.c`.)

use std::fmt::Write;
use std::ops::Range;

use vmstate_types::description::{Count, Field, Kind};
use vmstate_types::sink::{At, Element, PointerRun};
use vmstate_types::{Description, SaveError, Sink, VmState, Writer, walk};

use super::vmdesc::{self, Array, Nested, Struct, quote};
use crate::stream::Configuration;

/// Whose form of the description is written. Loading ignores the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Release {
    /// QEMU 7.2, and the others up to 9.2: elements that are described one by one are numbered.
    Qemu7_2,
    /// QEMU 10.0: the last of such elements is not numbered, and the configuration is described.
    #[default]
    Qemu10_0,
}

/// Collects the description of a stream while its sections are saved.
///
/// ```
/// use vmstate::prelude::*;
/// use vmstate::schema::{DescriptionWriter, Release};
///
/// #[derive(VmState)]
/// #[vmstate(name = "latch", version = 2)]
/// struct Latch {
///     open: bool,
///     levels: [u16; 4],
/// }
///
/// let mut latch = Latch { open: true, levels: [1, 2, 3, 4] };
/// let mut out = Writer::new();
/// let mut description = DescriptionWriter::new(Release::Qemu7_2, 4096, None);
/// description.section("0000:00:04.0/latch", 0, &mut latch, &mut out)?;
/// assert_eq!(
///     description.finish(),
///     r#"{"page_size": 4096, "devices": [{"name": "0000:00:04.0/latch", "instance_id": 0, "vmsd_name": "latch", "#
///         .to_owned()
///         + r#""version": 2, "fields": [{"name": "open", "type": "bool", "size": 1}, "#
///         + r#"{"name": "levels", "array_len": 4, "type": "uint16", "size": 2}]}]}"#
/// );
/// # Ok::<(), SaveError>(())
/// ```
#[derive(Debug)]
pub struct DescriptionWriter {
    release: Release,
    json: String,
    devices: usize,
}

impl DescriptionWriter {
    /// Begins the description of a stream with pages of `page_size` bytes.
    ///
    /// A release that describes the configuration needs it, if the stream has one.
    #[must_use]
    pub fn new(release: Release, page_size: u64, configuration: Option<&Configuration>) -> Self {
        let mut json = String::from("{");
        if let (Release::Qemu10_0, Some(configuration)) = (release, configuration) {
            push(&mut json, format_args!("\"configuration\": {}, ", describe_configuration(configuration).to_text()));
        }
        push(&mut json, format_args!("\"page_size\": {page_size}, \"devices\": ["));
        Self { release, json, devices: 0 }
    }

    /// Saves `device` into `out` as the payload of a section, and describes it.
    ///
    /// # Errors
    /// Those of the device. The description then lacks the section.
    pub fn section<T: VmState>(
        &mut self,
        name: &str,
        instance_id: u32,
        device: &mut T,
        out: &mut Writer,
    ) -> Result<(), SaveError> {
        self.section_at(T::DESCRIPTION.version, name, instance_id, device, out)
    }

    /// Saves `device` as it was at `version`, for a peer that is older, and describes it so.
    ///
    /// # Errors
    /// Those of the device. The description then lacks the section.
    pub fn section_at<T: VmState>(
        &mut self,
        version: u32,
        name: &str,
        instance_id: u32,
        device: &mut T,
        out: &mut Writer,
    ) -> Result<(), SaveError> {
        self.section_by(name, instance_id, out, |sink| {
            walk::save(device, sink, version).map_err(|error| error.in_field(T::DESCRIPTION.name))
        })
    }

    /// Has `save` write the payload of a section through a sink that describes it.
    pub(crate) fn section_by(
        &mut self,
        name: &str,
        instance_id: u32,
        out: &mut Writer,
        save: impl FnOnce(&mut Described<'_>) -> Result<(), SaveError>,
    ) -> Result<(), SaveError> {
        let before = self.json.len();
        self.begin_device(name, instance_id);
        let mut sink =
            Described { out, release: self.release, json: &mut self.json, open: Vec::new(), muted: 0, pointer: None };
        match save(&mut sink) {
            Ok(()) => {
                self.json.push('}');
                self.devices += 1;
                Ok(())
            }
            Err(error) => {
                self.json.truncate(before);
                Err(error)
            }
        }
    }

    /// Describes a section of `size` bytes that was written by hand (QEMU's old-style `save_state` handlers).
    pub fn opaque(&mut self, name: &str, instance_id: u32, size: u64) {
        self.begin_device(name, instance_id);
        push(&mut self.json, format_args!(", \"size\": {size}, \"fields\": [{{\"name\": \"data\", "));
        push(&mut self.json, format_args!("\"size\": {size}, \"type\": \"buffer\"}}]}}"));
        self.devices += 1;
    }

    /// Adds what another stream said about a section.
    pub(crate) fn described(&mut self, device: &vmdesc::Device) {
        if self.devices > 0 {
            self.json.push_str(", ");
        }
        self.json.push_str(&device.to_text());
        self.devices += 1;
    }

    /// Ends the description and returns its text.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.json.push_str("]}");
        self.json
    }

    fn begin_device(&mut self, name: &str, instance_id: u32) {
        if self.devices > 0 {
            self.json.push_str(", ");
        }
        self.json.push_str("{\"name\": ");
        quote(&mut self.json, name);
        push(&mut self.json, format_args!(", \"instance_id\": {instance_id}"));
    }
}

/// The sink of one section that is described while it is saved.
#[derive(Debug)]
pub struct Described<'d> {
    out: &'d mut Writer,
    release: Release,
    json: &'d mut String,
    /// What has begun and not ended, the innermost last.
    open: Vec<Open>,
    /// How many elements have begun since one that a compressed array does not describe.
    muted: usize,
    /// What was said about the next element, if it is a pointer.
    pointer: Option<PointerRun>,
}

/// Something that has begun in the text.
#[derive(Debug)]
enum Open {
    /// An element: the offset of its first byte, and whether a struct in it is an object of its own.
    Element { start: u64, wraps: bool },
    /// A struct's list of fields, or of subsections.
    Struct { wrapped: bool, items: usize, in_subsections: bool },
    /// A subsection.
    Subsection,
}

impl Sink for Described<'_> {
    fn out(&mut self) -> &mut Writer {
        self.out
    }

    fn fixed(&mut self, parent: &'static Description, fields: Range<usize>) {
        self.pointer = None;
        if self.muted > 0 {
            return;
        }
        for index in fields {
            self.fixed_array(At::new(parent, index), fixed_count(&parent.fields[index]));
        }
    }

    fn fixed_array(&mut self, at: At, count: usize) {
        if self.muted > 0 || count == 0 {
            return;
        }
        if count == 1 || compresses(&at.parent.fields[at.field]) {
            self.separate();
            describe_fixed(self.json, at.parent, at.field, &array_len(count));
            return;
        }
        for index in 0..count {
            self.separate();
            describe_fixed(self.json, at.parent, at.field, &self.element_index(Element::new(index, count)));
        }
    }

    fn pointer(&mut self, run: PointerRun) {
        self.pointer = Some(run);
    }

    fn begin_element(&mut self, at: At, element: Element) {
        let field = &at.parent.fields[at.field];
        let run = self.pointer.take().map(|run| self.described_run(run, element));
        let array = run.as_ref().map_or(element, |run| run.array);
        let compressed = compresses(field);
        if self.muted > 0 || (compressed && array.index > 0) {
            self.muted += 1;
            return;
        }
        self.separate();
        self.json.push_str("{\"name\": ");
        push_name(self.json, at.parent, at.field);
        let place = if compressed { array_len(array.count) } else { self.element_index(element) };
        self.json.push_str(&place);
        match run {
            Some(DescribedRun { type_name: Some(name), .. }) => push_type_name(self.json, name),
            _ => push_type(self.json, field.form.kind),
        }
        if run.is_some_and(|run| run.empty_struct) && matches!(field.form.kind, Kind::Struct(_)) {
            self.json.push_str(", \"struct\": {}");
        }
        let wraps = matches!(field.form.kind, Kind::Struct(_));
        self.open.push(Open::Element { start: self.out.offset(), wraps });
    }

    fn end_element(&mut self) {
        if self.muted > 0 {
            self.muted -= 1;
            return;
        }
        if let Some(Open::Element { start, .. }) = self.open.pop() {
            push(self.json, format_args!(", \"size\": {}}}", self.out.offset() - start));
        }
    }

    fn begin_struct(&mut self, description: &'static Description, version: u32) {
        if self.muted > 0 {
            return;
        }
        let wrapped = matches!(self.open.last(), Some(Open::Element { wraps: true, .. }));
        self.json.push_str(match self.open.last() {
            Some(Open::Element { wraps: true, .. }) => ", \"struct\": {",
            Some(Open::Subsection) => "",
            // Lists, trees and temporaries put the keys of all their structs into the element's own object.
            Some(Open::Element { .. } | Open::Struct { .. }) | None => ", ",
        });
        push_struct(self.json, description, version);
        self.open.push(Open::Struct { wrapped, items: 0, in_subsections: false });
    }

    fn end_struct(&mut self) {
        if self.muted > 0 {
            return;
        }
        if let Some(Open::Struct { wrapped, .. }) = self.open.pop() {
            self.json.push_str(if wrapped { "]}" } else { "]" });
        }
    }

    fn begin_subsection(&mut self) {
        if self.muted > 0 {
            return;
        }
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

    fn end_subsection(&mut self) {
        if self.muted > 0 {
            return;
        }
        self.open.pop();
        self.json.push('}');
    }
}

/// How neighbours in an array of pointers are described.
struct DescribedRun {
    /// The element as one of those that are described together.
    array: Element,
    /// The type to write, where it is not the field's.
    type_name: Option<&'static str>,
    /// Whether a struct is written that has nothing in it.
    empty_struct: bool,
}

impl Described<'_> {
    /// How an element of an array of pointers is described.
    ///
    /// QEMU 7.2 describes the first element as if it stood for all, even a null one. 10.0 begins anew where null ones
    /// follow others or the other way round, but takes a run at the very beginning that is not null for the whole array.
    fn described_run(&self, run: PointerRun, element: Element) -> DescribedRun {
        match self.release {
            Release::Qemu7_2 => DescribedRun { array: element, type_name: None, empty_struct: run.null },
            Release::Qemu10_0 => {
                let whole = run.start == 0 && !run.null;
                let count = if whole { element.count } else { run.end - run.start };
                let array = Element::new(element.index - run.start, count);
                DescribedRun { array, type_name: run.null.then_some("nullptr"), empty_struct: false }
            }
        }
    }

    /// The key that says which of several elements it is, if they are described one by one.
    fn element_index(&self, element: Element) -> String {
        let last = element.index + 1 == element.count;
        match element.count > 1 && !(self.release == Release::Qemu10_0 && last) {
            true => format!(", \"index\": {}", element.index),
            false => String::new(),
        }
    }

    /// Writes the comma between two items of the innermost list.
    fn separate(&mut self) {
        if let Some(Open::Struct { items, .. }) = self.open.last_mut() {
            if *items > 0 {
                self.json.push_str(", ");
            }
            *items += 1;
        }
    }
}

/// Describes a field whose elements are the same whatever their values are. `place` is the key that says which of them.
fn describe_fixed(json: &mut String, parent: &Description, index: usize, place: &str) {
    let field = &parent.fields[index];
    json.push_str("{\"name\": ");
    push_name(json, parent, index);
    json.push_str(place);
    push_type(json, field.form.kind);
    if let Kind::Struct(description) = field.form.kind {
        json.push_str(", \"struct\": {");
        push_struct(json, description, description.version);
        for (index, field) in description.fields.iter().enumerate() {
            json.push_str(if index > 0 { ", " } else { "" });
            describe_fixed(json, description, index, &array_len(fixed_count(field)));
        }
        json.push_str("]}");
    }
    push(json, format_args!(", \"size\": {}}}", field.form.size.unwrap_or(0)));
}

/// The number of elements of a field that always has as many.
fn fixed_count(field: &Field) -> usize {
    match field.form.count {
        Count::Fixed(count) => count,
        _ => 1,
    }
}

/// Whether an array of such elements is described once, whatever its elements are (`vmsd_can_compress`).
///
/// QEMU has no `until`. Where a struct that stands in an array still has such a field, QEMU has a predicate. An array that
/// is itself written at an older version is one that the older release has without one.
fn compresses(field: &Field) -> bool {
    let is_plain = |inner: &Field| inner.until.is_none() && compresses(inner);
    !field.conditional
        && match field.form.kind {
            Kind::Struct(inner) => inner.subsections.is_empty() && inner.fields.iter().all(is_plain),
            _ => true,
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

/// Writes a field's name. Those that a struct has more than once are numbered (`vmfield_name_num`).
///
/// QEMU has no fields that exclude each other by version: where one became another, each release lists its own.
fn push_name(json: &mut String, parent: &Description, index: usize) {
    let this = &parent.fields[index];
    let name = this.name;
    let is_same = |field: &&Field| field.name == name && !field.excludes(this);
    let same = |fields: &[Field]| fields.iter().filter(is_same).count();
    match same(parent.fields) {
        1 => quote(json, name),
        _ => quote(json, &format!("{name}[{}]", same(&parent.fields[..index]))),
    }
}

/// The description of the configuration section, which is no device but is described like one.
pub(crate) fn describe_configuration(configuration: &Configuration) -> Struct {
    let mut subsections = Vec::new();
    if configuration.target_page_bits.is_some() {
        subsections.push(("configuration/target-page-bits", vec![plain("target_page_bits", 1, "uint32", 4)]));
    }
    if let Some(capabilities) = &configuration.capabilities {
        // The length byte and the name of the first stand for all; without any, the array is not described.
        let names =
            capabilities.first().map(|first| plain("capabilities", capabilities.len(), "capability", 1 + first.len()));
        let fields = [plain("caps_count", 1, "uint32", 4)].into_iter().chain(names).collect();
        subsections.push(("configuration/capabilities", fields));
    }
    if configuration.uuid.is_some() {
        subsections.push(("configuration/uuid", vec![plain("uuid.data", 16, "uint8", 1)]));
    }
    let structure = |name: &str, fields| Struct { vmsd_name: name.into(), version: 1, fields, subsections: Vec::new() };
    let name = plain("name", 1, "buffer", configuration.machine.len());
    let mut described = structure("configuration", vec![plain("len", 1, "uint32", 4), name]);
    described.subsections = subsections.into_iter().map(|(name, fields)| structure(name, fields)).collect();
    described
}

/// A field without a struct inside, or an array of `count` of them.
fn plain(name: &str, count: usize, type_name: &str, size: usize) -> vmdesc::Field {
    let array = if count > 1 { Array::Len(count as u64) } else { Array::None };
    let nested = Nested::None;
    vmdesc::Field { name: name.into(), array, type_name: type_name.into(), nested, size: size as u64 }
}

/// The key that says how many elements a field has, unless it is one.
fn array_len(count: usize) -> String {
    if count > 1 { format!(", \"array_len\": {count}") } else { String::new() }
}

fn push(json: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = json.write_fmt(text);
}
