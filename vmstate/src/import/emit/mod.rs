//! Writes types as Rust source.
//!
//! The output is formatted as rustfmt would format it, so that a port's first `cargo fmt` changes nothing. Tests
//! compare both. Generated code does not depend on rustfmt, because the command line tool also runs where Rust is not
//! installed.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::names::{self, TypeNames};
use super::observed::{Count, Element, Field, Role, Shapes, Target, Type, TypeId};
use super::{Origin, Use};
use crate::dynamic::ScalarKind;
use crate::dynamic::counter::is_counter;

mod header;
mod infos;
mod sections;
mod struct_field;

use infos::Infos;
use struct_field::{COUNTER, FieldText};

/// The longest line: rustfmt's default `max_width`.
const WIDTH: usize = 100;
/// The longest list of attributes on one line: rustfmt's default `attr_fn_like_width`.
const ATTRIBUTES: usize = 70;
/// The longest struct expression on one line: rustfmt's default `struct_lit_width`.
const LITERAL: usize = 18;

/// Writes a file.
pub(super) struct Emitter<'s> {
    shapes: &'s Shapes,
    origin: &'s Origin,
    sections: &'s [Use],
    /// The types in the order of the file.
    order: Vec<TypeId>,
    names: HashMap<TypeId, String>,
    /// The sections of each type.
    uses: HashMap<TypeId, Vec<&'s Use>>,
    /// For each type, the types with a field of it.
    parents: HashMap<TypeId, Vec<TypeId>>,
    infos: Infos,
    /// The temporaries of the struct that is being written.
    temporaries: Vec<TypeId>,
    uses_boxed: bool,
    uses_tree: bool,
    uses_unknown: bool,
}

impl<'s> Emitter<'s> {
    pub(super) fn new(shapes: &'s Shapes, origin: &'s Origin, sections: &'s [Use]) -> Self {
        let mut order = Vec::new();
        let mut reached = HashSet::new();
        sections.iter().filter_map(|section| section.ty).for_each(|id| reach(shapes, id, &mut order, &mut reached));
        let mut given = TypeNames::new();
        let names = order.iter().map(|&id| (id, given.give(&shapes.get(id).name, "State"))).collect();
        let infos = Infos::new(shapes, &order, &mut given);
        let mut uses: HashMap<_, Vec<_>> = HashMap::new();
        for section in sections {
            section.ty.into_iter().for_each(|id| uses.entry(id).or_default().push(section));
        }
        let mut parents: HashMap<_, Vec<_>> = HashMap::new();
        for &parent in &order {
            inner(&shapes.get(parent).fields).for_each(|id| parents.entry(id).or_default().push(parent));
        }
        Self {
            shapes,
            origin,
            sections,
            order,
            names,
            uses,
            parents,
            infos,
            temporaries: Vec::new(),
            uses_boxed: false,
            uses_tree: false,
            uses_unknown: false,
        }
    }

    /// Returns the whole file, which is a program if `with_main`.
    pub(super) fn file(mut self, with_main: bool) -> String {
        // The header imports only names that the code uses, so the code comes first.
        let order = std::mem::take(&mut self.order);
        let types = order.iter().map(|&id| self.type_text(id)).collect::<Vec<_>>().join("\n");
        let program = if with_main { sections::program(&self) } else { String::new() };
        let parts = [types, program, self.infos.text(), self.helpers()];
        let parts = parts.iter().map(|part| part.trim_matches('\n')).filter(|part| !part.is_empty());
        let code = parts.collect::<Vec<_>>().join("\n\n") + "\n";
        let header = header::text(&self, &code, with_main);
        if code == "\n" { header.trim_end().to_owned() + "\n" } else { header + "\n" + &code }
    }

    fn type_name(&self, id: TypeId) -> String {
        self.names.get(&id).cloned().unwrap_or_default()
    }

    /// Returns a struct and its implementations.
    fn type_text(&mut self, id: TypeId) -> String {
        let shapes = self.shapes;
        let ty = shapes.get(id);
        let name = self.type_name(id);
        let described = ty.fields.iter().map(|field| &*field.name);
        let subsections = ty.subsections.iter().map(|id| self.subsection_name(ty, *id)).collect::<Vec<_>>();
        let members = names::members(&described.chain(subsections.iter().map(String::as_str)).collect::<Vec<_>>());
        let mut fields = ty.fields.iter().map(|field| self.field(field)).collect::<Vec<_>>();
        name_counters(ty, &mut fields, &members);

        let mut text = self.heading(id);
        text.push_str(&self.derives(ty, &fields));
        text.push_str(&attribute("", &struct_attributes(ty, &name)));
        if members.is_empty() {
            let _ = writeln!(text, "pub struct {name} {{}}");
            return text;
        }
        let _ = writeln!(text, "pub struct {name} {{");
        for (index, (field, member)) in fields.iter().zip(&members).enumerate() {
            text.push_str(&self.member(ty, index, field, member));
        }
        let (_, subsection_members) = members.split_at(fields.len());
        for (&subsection, member) in ty.subsections.iter().zip(subsection_members) {
            let _ = writeln!(text, "    #[vmstate(subsection)]");
            let _ = writeln!(text, "    pub {member}: Option<{}>,", self.type_name(subsection));
        }
        text.push_str("}\n");
        text.push_str(&default_impl(&name, &fields, &members));
        text.push_str(&self.conditions(ty, &name, &members));
        text.push_str(&self.temporaries_of(ty, &name, &members));
        text
    }

    /// Returns the name of a subsection's member, without the parent's name: `recv_fifo` for `serial/recv_fifo`.
    fn subsection_name(&self, parent: &Type, id: TypeId) -> String {
        let name = &*self.shapes.get(id).name;
        let rest = name.strip_prefix(&*parent.name).unwrap_or(name);
        rest.trim_start_matches(['/', '-', '_']).to_owned()
    }

    fn member(&mut self, ty: &Type, index: usize, text: &FieldText, member: &str) -> String {
        let field = &ty.fields[index];
        let mut attributes = Vec::new();
        // The macro calls a member of type `Unused` `unused`, as QEMU's VMSTATE_UNUSED does. An array of them keeps its
        // member's name.
        let plain = if matches!(field.element, Element::Unused(_)) && !text.ty.starts_with('[') {
            "unused"
        } else {
            member.strip_prefix("r#").unwrap_or(member)
        };
        if *field.name != *plain {
            attributes.push(format!("name = {:?}", &*field.name));
        }
        let minimum = ty.minimum_version.unwrap_or(0).max(1);
        // QEMU ignores the version of a field with `field_exists`, and the macro rejects a version that every stream
        // has (`vmstate_field_exists` in migration/vmstate.c).
        if (minimum.saturating_add(1)..=ty.version).contains(&field.gate.since) && !field.gate.conditional {
            attributes.push(format!("since = {}", field.gate.since));
        }
        attributes.extend_from_slice(&text.attributes);
        let mut checks = text.checks.clone();
        if self.shapes.needs_condition(field) {
            attributes.push("when = Self::is_sent".to_owned());
            checks.push("QEMU describes it element by element, so it has a condition.".to_owned());
        }
        if let Some(by) = &field.condition {
            attributes.push(format!("when = Self::{}", condition_name(member)));
            checks.push(format!("here, it is present if `{by}` is not zero."));
        }
        if self.origin.is_dump && matches!(field.element, Element::Buffer(_)) {
            checks.push("the dump contains neither its type nor its size.".to_owned());
        }
        if field.gate.conditional {
            checks.push("QEMU has a condition (`when = ...`).".to_owned());
        }
        if self.is_ambiguous(ty, index) {
            attributes.push("ambiguous = \"QEMU's layout\"".to_owned());
        }
        checks.extend(self.count_hint(ty, index));
        let mut member_text = String::new();
        for check in checks {
            member_text.push_str(&header::comment("    //", &format!("Check: {check}")));
        }
        member_text.push_str(&attribute("    ", &attributes));
        let _ = writeln!(member_text, "    pub {member}: {},", text.ty);
        member_text
    }

    /// Names the field that may count the elements of an array: an earlier field with that value and the name of a
    /// counter, such as `num_regs`.
    fn count_hint(&self, ty: &Type, index: usize) -> Option<String> {
        let field = &ty.fields[index];
        // A stream does not describe empty arrays, so this is the only trace of one.
        if let Element::Scalar(kind, _) = field.element
            && field.count == Count::One
            && !matches!(kind, ScalarKind::Bool | ScalarKind::Double | ScalarKind::Timer | ScalarKind::Marker)
            && field.seen.only() == Some(0)
            && is_counter(&field.name)
        {
            return Some("it is 0 here. If it counts an array, the array is missing in the stream.".to_owned());
        }
        let length = i128::from(Some(field.count.elements()).filter(|&length| length > 1 && field.counter.is_none())?);
        let counter = ty.fields[..index].iter().rev().find(|counter| {
            matches!(counter.element, Element::Scalar(..))
                && counter.seen.only() == Some(length)
                && is_counter(&counter.name)
        })?;
        Some(format!("`{}` is {length} here, and may count this (`len = ...`).", counter.name))
    }

    /// Returns whether the macro rejects a struct here, because the following bytes may look like its subsection.
    ///
    /// QEMU looks for subsections after each struct, and recognizes them by a byte and a prefix of the name
    /// (`vmstate_subsection_load` in migration/vmstate.c). The streams exist nevertheless, so the import keeps the
    /// layout.
    fn is_ambiguous(&self, ty: &Type, index: usize) -> bool {
        let Element::Struct(id) = ty.fields[index].element else { return false };
        let inner = self.shapes.get(id);
        if ty.fields[index].count.elements() > 1 {
            return self.ends_in_subsections(inner);
        }
        match ty.fields.get(index + 1) {
            Some(_) => self.ends_in_subsections(inner),
            None => ty.subsections.iter().any(|id| self.shapes.get(*id).name.starts_with(&*inner.name)),
        }
    }

    fn ends_in_subsections(&self, ty: &Type) -> bool {
        !ty.subsections.is_empty()
            || match ty.fields.last().map(|field| &field.element) {
                Some(Element::Struct(id)) => self.ends_in_subsections(self.shapes.get(*id)),
                _ => false,
            }
    }

    fn derives(&self, ty: &Type, fields: &[FieldText]) -> String {
        let default = if fields.iter().all(|field| field.derives_default) { ", Default" } else { "" };
        let order = if ty.role == Role::Key { ", Eq, PartialOrd, Ord" } else { "" };
        format!("#[derive(VmState, Debug, Clone, PartialEq{order}{default})]\n")
    }

    /// Returns the methods that decide about conditional fields, guessed from the stream.
    fn conditions(&self, ty: &Type, name: &str, members: &[String]) -> String {
        let mut methods = Vec::new();
        if ty.fields.iter().any(|field| self.shapes.needs_condition(field)) {
            methods.push(IS_SENT.to_owned());
        }
        for (field, member) in ty.fields.iter().zip(members) {
            let decider =
                ty.fields.iter().zip(members).find(|(other, _)| field.condition.as_ref() == Some(&other.name));
            let Some((decider, by)) = decider else { continue };
            let is_bool = matches!(decider.element, Element::Scalar(ScalarKind::Bool, _));
            let test = if is_bool { format!("self.{by}") } else { format!("self.{by} != 0") };
            let method = condition_name(member);
            methods.push(format!("    fn {method}(&self, _version: u32) -> bool {{\n        {test}\n    }}\n"));
        }
        match methods.as_slice() {
            [] => String::new(),
            methods => format!("\nimpl {name} {{\n{}}}\n", methods.join("\n")),
        }
    }

    /// Returns the implementations of a struct's temporaries.
    ///
    /// QEMU computes a temporary from the parent (VMSTATE_WITH_TMP). The stream does not contain that computation, so
    /// the parent keeps the temporary as a member.
    fn temporaries_of(&mut self, ty: &Type, name: &str, members: &[String]) -> String {
        let mut text = String::new();
        let own = std::mem::take(&mut self.temporaries);
        let fields = ty.fields.iter().zip(members).filter(|(field, _)| matches!(field.element, Element::Temporary(_)));
        for (id, (_, member)) in own.into_iter().zip(fields) {
            let temporary = self.type_name(id);
            let _ = write!(
                text,
                "\nimpl Temporary<{name}> for {temporary} {{\n    fn from_parent(parent: &{name}) -> Self {{\n        \
                 parent.{member}.clone()\n    }}\n\n    fn apply(self, parent: &mut {name}) -> Result<(), LoadError> {{\n        \
                 parent.{member} = self;\n        Ok(())\n    }}\n}}\n"
            );
        }
        text
    }

    /// Returns the items that several structs use.
    fn helpers(&self) -> String {
        let unknown = if self.uses_unknown { UNKNOWN } else { "" };
        let boxed = if self.uses_boxed { BOXED } else { "" };
        format!("{unknown}{boxed}")
    }
}

const IS_SENT: &str = "    /// Returns whether the conditional field is sent. Check: here, it always is.
    fn is_sent(&self, _version: u32) -> bool {
        true
    }
";

const UNKNOWN: &str = "
/// An element type that the stream does not describe, because the array is empty.
#[derive(VmState, Debug, Clone, PartialEq, Default)]
pub struct Unknown {}
";

const BOXED: &str = "
/// A large array, with `element` in each place.
fn boxed<T: Clone, const N: usize>(element: T) -> Box<[T; N]> {
    let elements = vec![element; N].try_into();
    elements.unwrap_or_else(|_| unreachable!(\"it is of this length\"))
}
";

/// Inserts the names of counters into the attributes of the buffers that they count.
fn name_counters(ty: &Type, texts: &mut [FieldText], members: &[String]) {
    for (field, text) in ty.fields.iter().zip(texts) {
        let by = if let Element::Sized(by) = &field.element { Some(by) } else { field.counter.as_ref() };
        let Some(by) = by else { continue };
        let counter = ty.fields.iter().zip(members).find(|(other, _)| other.name == *by);
        let Some((_, counter)) = counter else { continue };
        text.attributes.iter_mut().for_each(|attribute| *attribute = attribute.replace(COUNTER, counter));
    }
}

/// Returns the name of the method that decides whether a member is sent.
fn condition_name(member: &str) -> String {
    format!("has_{}", member.trim_start_matches("r#"))
}

/// Appends `id` to `order`, followed by the types of its fields and subsections. `reached` contains the types in
/// `order`.
///
/// The recursion is as deep as the structs, whose depth the decoder has limited.
fn reach(shapes: &Shapes, id: TypeId, order: &mut Vec<TypeId>, reached: &mut HashSet<TypeId>) {
    if !reached.insert(id) {
        return;
    }
    order.push(id);
    let ty = shapes.get(id);
    inner(&ty.fields).for_each(|id| reach(shapes, id, order, reached));
    ty.subsections.iter().for_each(|&id| reach(shapes, id, order, reached));
}

/// Returns the types of fields.
fn inner(fields: &[Field]) -> impl Iterator<Item = TypeId> {
    let of_field = |field: &Field| match &field.element {
        Element::Struct(id) | Element::Versioned(id) | Element::Temporary(id) => [Some(*id), None],
        Element::List { item, .. } => [*item, None],
        Element::Tree { key, value } => [*key, *value],
        Element::Pointers { target: Target::Struct(id), .. } => [Some(*id), None],
        _ => [None, None],
    };
    fields.iter().flat_map(of_field).flatten()
}

fn struct_attributes(ty: &Type, name: &str) -> Vec<String> {
    let mut attributes = Vec::new();
    if *ty.name != *name {
        attributes.push(format!("name = {:?}", &*ty.name));
    }
    if ty.role != Role::OldStyle && ty.version != 1 {
        attributes.push(format!("version = {}", ty.version));
    }
    if let Some(minimum) = ty.minimum_version.filter(|&minimum| minimum != 1.min(ty.version)) {
        attributes.push(format!("minimum_version = {minimum}"));
    }
    attributes
}

/// Returns `#[vmstate(...)]`, or nothing without attributes.
fn attribute(indent: &str, attributes: &[String]) -> String {
    let line = attributes.join(", ");
    if attributes.is_empty() {
        return String::new();
    }
    if line.len() <= ATTRIBUTES && indent.len() + line.len() + 12 <= WIDTH {
        return format!("{indent}#[vmstate({line})]\n");
    }
    let separator = format!(",\n{indent}    ");
    format!("{indent}#[vmstate(\n{indent}    {}\n{indent})]\n", attributes.join(&separator))
}

/// Returns the `Default` of a struct that cannot derive it.
fn default_impl(name: &str, fields: &[FieldText], members: &[String]) -> String {
    if fields.iter().all(|field| field.derives_default) {
        return String::new();
    }
    let defaults = fields.iter().map(|field| field.default.as_str()).chain(std::iter::repeat("None"));
    let values = members.iter().zip(defaults).map(|(member, default)| format!("{member}: {default}"));
    let values = values.collect::<Vec<_>>();
    let line = values.join(", ");
    let literal = if line.len() <= LITERAL {
        format!("Self {{ {line} }}")
    } else {
        let lines = values.iter().map(|value| format!("            {value},\n")).collect::<String>();
        format!("Self {{\n{lines}        }}")
    };
    format!("\nimpl Default for {name} {{\n    fn default() -> Self {{\n        {literal}\n    }}\n}}\n")
}
