//! A dump as text: one field per line, indented by nesting.

use std::fmt::{Display, Write};

use vmstate::dynamic::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, FoundItem,
};

use super::selected::{FoundField, OLD_STYLE, Selected, undecoded_names};
use crate::survey::SectionRow;
use crate::survey_text::{ram_blocks, summary};
use crate::terminal::Align::{Left, Right};
use crate::terminal::{HEADING, Table, plain};

/// The widths of the columns for names and types.
const NAME: usize = 40;
const TYPE: usize = 14;

/// Renders the summary and the sections of a stream.
pub(super) fn stream(selected: &Selected<'_>) -> String {
    let mut lines = Lines { text: summary(selected.survey), depth: 0 };
    if let Some(section) = selected.configuration {
        lines.heading(section.offset, section.size(), "configuration");
        lines.nested(|lines| lines.body(section));
    }
    for (row, section) in selected.sections {
        lines.section(row, section.as_ref());
    }
    if selected.has_ram() {
        lines.text.push('\n');
        lines.text.push_str(&ram_blocks(&selected.survey.ram));
    }
    lines.text
}

/// Renders the fields selected with `--field`.
pub(super) fn fields(found: &[FoundField<'_>]) -> String {
    let mut table = Table::new([
        ("OFFSET", Right),
        ("SIZE", Right),
        ("SECTION", Left),
        ("FIELD", Left),
        ("TYPE", Left),
        ("VALUE", Left),
    ]);
    for FoundField { section, path, found } in found {
        table.row([
            format!("{:#x}", found.offset),
            found.size.to_string(),
            format!("{}:{}", plain(&section.name), section.instance_id),
            plain(path),
            plain(found.type_name),
            found.item.to_string(),
        ]);
    }
    table.render()
}

struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    fn section(&mut self, row: &SectionRow, section: Option<&DecodedSection>) {
        let SectionRow { kind, section_id, name, instance_id, version, offset, size, .. } = row;
        let name = plain(name);
        let ids = format!("instance {instance_id}, section id {section_id}, version {version}");
        self.heading(*offset, *size, &format!("{kind} \"{name}\" ({ids})"));
        if let Some(section) = section {
            self.nested(|lines| lines.body(section));
        }
    }

    fn heading(&mut self, offset: u64, size: u64, text: &str) {
        self.push(format_args!("\n{HEADING}{offset:#010x} {size:>8}  {text}{HEADING:#}"));
    }

    fn body(&mut self, section: &DecodedSection) {
        if let Some(state) = section.state() {
            self.structure(state);
        }
        let Some((offset, bytes)) = section.opaque() else { return };
        let (name, type_name) = match &section.body {
            DecodedBody::OldStyle(_) => (OLD_STYLE, "buffer"),
            DecodedBody::Partly(..) => ("(not decoded)", "bytes"),
            _ => ("(not described)", "bytes"),
        };
        self.line(offset, bytes.len() as u64, name, type_name, DecodedValue::Bytes(bytes.to_vec()));
        for name in undecoded_names(section) {
            self.push(format_args!("{:>10} {:>8}  {:6}{}", "?", "?", "", plain(name)));
        }
    }

    fn structure(&mut self, inner: &DecodedStruct) {
        for (first, field) in inner.entries() {
            self.field(first, field);
        }
        for subsection in &inner.subsections {
            let header = subsection.header_size();
            let offset = subsection.offset.saturating_sub(header);
            let size = subsection.size() + header;
            let name = plain(&subsection.vmsd_name);
            self.line(offset, size, &name, "subsection", format_args!("version {}", subsection.version));
            self.nested(|lines| lines.structure(subsection));
        }
    }

    fn field(&mut self, first: Option<u64>, field: &DecodedField) {
        let name = plain(&field.name);
        let count = field.value.count();
        let is_array = matches!(field.value, DecodedValue::Scalars(_) | DecodedValue::Array(_));
        let name = match first {
            None => name,
            Some(first) if is_array => format!("{name}[{first}..{}]", first.saturating_add(count)),
            Some(index) => format!("{name}[{index}]"),
        };
        let mut type_name = plain(&field.type_name);
        if is_array {
            type_name.push_str(&format!("[{count}]"));
        }
        self.value(field.offset, &name, &type_name, &field.value, first.unwrap_or(0));
    }

    /// Writes a value and its nested values. `first` is the index of the first element of an array.
    fn value(&mut self, offset: u64, name: &str, type_name: &str, value: &DecodedValue, first: u64) {
        self.line(offset, value.size(), name, type_name, value);
        self.nested(|lines| match value {
            DecodedValue::Struct(inner) => lines.structure(inner),
            DecodedValue::Array(values) => lines.array(offset, values, first),
            DecodedValue::List(elements) => elements.iter().enumerate().for_each(|(index, inner)| {
                lines.element(&format!("[{index}]"), inner);
            }),
            DecodedValue::Tree(tree) => lines.tree(tree),
            _ => {}
        });
    }

    fn array(&mut self, mut offset: u64, values: &[DecodedValue], first: u64) {
        for (index, value) in (first..).zip(values) {
            self.value(offset, &format!("[{index}]"), "", value, 0);
            offset = offset.saturating_add(value.size());
        }
    }

    fn tree(&mut self, tree: &DecodedTree) {
        match tree {
            DecodedTree::Direct(nodes) => nodes.iter().enumerate().for_each(|(index, (key, value))| {
                let offset = value.offset.saturating_sub(8);
                self.line(offset, 8, &format!("[{index}].key"), "uint64", format_args!("{key} ({key:#x})"));
                self.element(&format!("[{index}].value"), value);
            }),
            DecodedTree::Keyed(nodes) => nodes.iter().enumerate().for_each(|(index, (key, value))| {
                self.element(&format!("[{index}].key"), key);
                self.element(&format!("[{index}].value"), value);
            }),
            _ => {}
        }
    }

    fn element(&mut self, name: &str, inner: &DecodedStruct) {
        self.line(inner.offset, inner.size(), name, "struct", FoundItem::Struct(inner));
        self.nested(|lines| lines.structure(inner));
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self)) {
        self.depth += 1;
        inside(self);
        self.depth -= 1;
    }

    fn line(&mut self, offset: u64, size: u64, name: &str, type_name: &str, value: impl Display) {
        let indent = 2 * self.depth;
        let width = NAME.saturating_sub(indent);
        self.push(format_args!("{offset:#010x} {size:>8}  {:indent$}{name:<width$} {type_name:<TYPE$} {value}", ""));
    }

    fn push(&mut self, line: impl Display) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}
