//! A section's fields as a tree of rows.

use crate::dynamic::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, FoundItem, ScalarKind,
};
use crate::schema::vmdesc::{self, Nested};

use super::{MAX_ELEMENTS, MAX_NAME, MAX_VALUE, cut};

/// A row of the tree.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) type_name: String,
    /// The offset in the stream.
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) text: String,
    /// The encoding of values of a fixed size.
    pub(super) kind: Option<ScalarKind>,
    /// The size of an element in bytes, if the value is an array of values of fixed size.
    pub(super) unit: usize,
    pub(super) inside: Vec<Self>,
    /// The number of rows that are left out in it.
    pub(super) hidden: u64,
}

/// The number of rows that the page may still have. All sections share it.
pub(super) struct Budget {
    pub(super) left: usize,
}

impl Budget {
    fn take(&mut self) -> bool {
        let has = self.left > 0;
        self.left = self.left.saturating_sub(1);
        has
    }

    /// Creates rows for at most `most` items. Returns them with the number of omitted rows.
    fn rows<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        most: usize,
        mut make: impl FnMut(&mut Self, T) -> Node,
    ) -> (Vec<Node>, u64) {
        let count = items.len();
        let mut rows = Vec::new();
        for item in items.take(most) {
            if !self.take() {
                break;
            }
            rows.push(make(self, item));
        }
        let hidden = count - rows.len();
        (rows, hidden as u64)
    }

    /// Returns the rows of a section, and the number of omitted rows.
    pub(super) fn section(&mut self, section: &DecodedSection) -> (Vec<Node>, u64) {
        let (mut rows, hidden) = section.state().map(|state| self.structure(state)).unwrap_or_default();
        if let Some((offset, bytes)) = section.opaque()
            && self.take()
        {
            rows.push(opaque(section, offset, bytes));
        }
        (rows, hidden)
    }

    fn structure(&mut self, inner: &DecodedStruct) -> (Vec<Node>, u64) {
        let groups = groups(inner);
        let (mut rows, hidden) = self.rows(groups.iter(), usize::MAX, |budget, group| budget.group(group));
        let (subsections, more) = self.rows(inner.subsections.iter(), usize::MAX, Self::subsection);
        rows.extend(subsections);
        (rows, hidden + more)
    }

    fn subsection(&mut self, inner: &DecodedStruct) -> Node {
        let header = inner.header_size();
        let text = format!("version {}", inner.version);
        let offset = inner.offset.saturating_sub(header);
        let node = Node::new(&inner.vmsd_name, "subsection", offset, inner.size() + header, &text);
        self.with_inside(node, inner)
    }

    fn with_inside(&mut self, mut node: Node, inner: &DecodedStruct) -> Node {
        (node.inside, node.hidden) = self.structure(inner);
        node
    }

    /// Returns the row of a field, or of all entries of an array.
    fn group(&mut self, group: &[(Option<u64>, &DecodedField)]) -> Node {
        let Some(((first, field), others)) = group.split_first() else { return Node::new("", "", 0, 0, "") };
        let is_whole = first.is_none_or(|first| first == 0 && is_array(&field.value));
        if others.is_empty() && is_whole {
            return self.value(&field.name, &field.type_name, field.offset, &field.value, 0);
        }
        let count = group.iter().map(|(_, field)| field.value.count()).fold(0, u64::saturating_add);
        let size = group.iter().map(|(_, field)| field.value.size()).fold(0, u64::saturating_add);
        let text = format!("{count} element{}", if count == 1 { "" } else { "s" });
        let mut node = Node::new(&field.name, &format!("{}[{count}]", field.type_name), field.offset, size, &text);
        (node.inside, node.hidden) = self.rows(group.iter(), MAX_ELEMENTS, |budget, (first, field)| {
            let first = first.unwrap_or(0);
            let name = if is_array(&field.value) {
                format!("[{first}..{}]", first.saturating_add(field.value.count()))
            } else {
                format!("[{first}]")
            };
            budget.value(&name, &field.type_name, field.offset, &field.value, first)
        });
        node
    }

    /// Adds a value with its parts. `first` is the index of the first element of an array.
    fn value(&mut self, name: &str, type_name: &str, offset: u64, value: &DecodedValue, first: u64) -> Node {
        let array = format!("{type_name}[{}]", value.count());
        let type_name = if is_array(value) { &array } else { type_name };
        let mut node = Node::new(name, type_name, offset, value.size(), &value.to_string());
        match value {
            DecodedValue::Scalar(value) => node.kind = Some(value.kind),
            DecodedValue::Scalars(values) => (node.kind, node.unit) = (Some(values.kind()), values.kind().width()),
            DecodedValue::Bytes(_) => node.unit = 1,
            DecodedValue::ByteArray(_) | DecodedValue::Capability(_) | DecodedValue::Bitmap(_) => {}
            DecodedValue::Struct(inner) => (node.inside, node.hidden) = self.structure(inner),
            DecodedValue::List(elements) => {
                (node.inside, node.hidden) =
                    self.rows(elements.iter().enumerate(), MAX_ELEMENTS, |budget, (index, inner)| {
                        budget.element(&format!("[{index}]"), inner)
                    });
            }
            DecodedValue::Tree(tree) => (node.inside, node.hidden) = self.tree(tree),
            DecodedValue::Array(values) => (node.inside, node.hidden) = self.array(offset, values, first),
        }
        node
    }

    fn element(&mut self, name: &str, inner: &DecodedStruct) -> Node {
        let node = Node::new(name, "struct", inner.offset, inner.size(), &FoundItem::Struct(inner).to_string());
        self.with_inside(node, inner)
    }

    fn array(&mut self, mut offset: u64, values: &[DecodedValue], first: u64) -> (Vec<Node>, u64) {
        let indexed = values.iter().enumerate();
        self.rows(indexed, MAX_ELEMENTS, |budget, (index, value)| {
            let name = format!("[{}]", first.saturating_add(index as u64));
            let node = budget.value(&name, "", offset, value, 0);
            offset = offset.saturating_add(value.size());
            node
        })
    }

    fn tree(&mut self, tree: &DecodedTree) -> (Vec<Node>, u64) {
        match tree {
            DecodedTree::Direct(nodes) => {
                self.rows(nodes.iter().enumerate(), MAX_ELEMENTS, |budget, (index, (key, value))| {
                    // A numeric key of eight bytes precedes the value.
                    let offset = value.offset.saturating_sub(8);
                    let mut node = Node::new(&format!("[{index}]"), "", offset, 8 + value.size(), "");
                    let mut key = Node::new("key", "uint64", offset, 8, &format!("{key} ({key:#x})"));
                    key.kind = Some(ScalarKind::Uint64);
                    node.inside = vec![key, budget.element("value", value)];
                    node
                })
            }
            DecodedTree::Keyed(nodes) => {
                self.rows(nodes.iter().enumerate(), MAX_ELEMENTS, |budget, (index, (key, value))| {
                    let mut node = Node::new(&format!("[{index}]"), "", key.offset, key.size() + value.size(), "");
                    node.inside = vec![budget.element("key", key), budget.element("value", value)];
                    node
                })
            }
        }
    }
}

impl Node {
    fn new(name: &str, type_name: &str, offset: u64, size: u64, text: &str) -> Self {
        Self {
            name: cut(name, MAX_NAME),
            type_name: cut(type_name, MAX_NAME),
            offset,
            size,
            text: cut(text, MAX_VALUE),
            kind: None,
            unit: 0,
            inside: Vec::new(),
            hidden: 0,
        }
    }
}

fn is_array(value: &DecodedValue) -> bool {
    matches!(value, DecodedValue::Scalars(_) | DecodedValue::Array(_))
}

/// Groups the fields of a struct: the entries of an array form a group.
fn groups(inner: &DecodedStruct) -> Vec<Vec<(Option<u64>, &DecodedField)>> {
    let mut groups: Vec<Vec<(Option<u64>, &DecodedField)>> = Vec::new();
    for (index, field) in inner.entries() {
        let same = |group: &&mut Vec<(Option<u64>, &DecodedField)>| {
            group.last().is_some_and(|(before, last)| before.is_some() && index.is_some() && last.name == field.name)
        };
        match groups.last_mut().filter(same) {
            Some(group) => group.push((index, field)),
            None => groups.push(vec![(index, field)]),
        }
    }
    groups
}

/// Adds bytes that are not fields, with the names of the fields in them.
fn opaque(section: &DecodedSection, offset: u64, bytes: &[u8]) -> Node {
    let (name, text) = match &section.body {
        DecodedBody::OldStyle(_) => ("data", String::new()),
        DecodedBody::Partly(_, rest) => ("(not decoded)", format!("has {}", names(&rest.fields, &rest.subsections))),
        DecodedBody::Described(_) | DecodedBody::Undescribed(_) => ("(not described)", String::new()),
    };
    let text = if text.is_empty() { DecodedValue::Bytes(bytes.to_vec()).to_string() } else { text };
    let mut node = Node::new(name, "bytes", offset, bytes.len() as u64, &text);
    node.unit = 1;
    node
}

/// Lists the names of fields and subsections with their parts, up to a limit.
fn names(fields: &[vmdesc::SentField], subsections: &[vmdesc::SentStruct]) -> String {
    let mut names = Vec::new();
    fields.iter().for_each(|field| field_names(field, &mut names));
    names.extend(subsections.iter().map(|inner| &*inner.vmsd_name).take(MAX_VALUE));
    names.truncate(MAX_VALUE);
    names.join(", ")
}

fn field_names<'a>(field: &'a vmdesc::SentField, names: &mut Vec<&'a str>) {
    if names.len() >= MAX_VALUE {
        return;
    }
    names.push(&field.name);
    if let Nested::Struct(inner) = &field.nested {
        inner.fields.iter().for_each(|field| field_names(field, names));
    }
}
