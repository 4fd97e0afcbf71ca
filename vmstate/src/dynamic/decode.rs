//! Decodes bytes into values by a description.
//!
//! A description is as untrusted as the bytes. It can describe much with few bytes: an array of a million elements
//! without fields is a line of JSON. Nodes are therefore counted before they are allocated.

use vmstate_types::{LoadError, Reader};

use super::exact::{Certain, Gap};
use super::field_form::{self, Form, MAX_DEPTH};
use super::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, Scalar, ScalarKind, Scalars,
    UndecodedRest,
};
use crate::schema::vmdesc::{self, ArrayPart, SentSection};
use crate::stream::tag;

/// The highest number of structs, fields and elements in a section, apart from integers in arrays. Each takes a few
/// hundred bytes.
const MAX_NODES: usize = 1 << 20;
/// The number of nodes that a section may have for each node of its description.
const NODES_PER_DESCRIBED: usize = 2;
/// The number of nodes for each byte of the payload. It leaves room for structs around a field of one byte.
const NODES_PER_BYTE: u64 = 8;
/// The number of nodes that a section may have in any case, for elements that take no bytes.
const FREE_NODES: usize = 1024;

impl DecodedSection {
    /// Reads a section's payload by its description.
    ///
    /// `end` is the offset in the stream of the payload's end, if it is known: in streams with footers,
    /// [`section_end`](crate::stream::section_end) finds it. With it, fields are decoded up to the first inexact
    /// description. Without it, the description must be exact.
    ///
    /// # Errors
    /// Returns an error if the description contradicts itself, its sizes do not lead to `end`, the payload does not
    /// match it, or the stream ends early. The error contains the field's path and offset; the caller adds the section.
    pub fn decode(device: &SentSection, reader: &mut Reader<'_>, end: Option<u64>) -> Result<Self, LoadError> {
        let offset = reader.offset();
        let body = match &device.body {
            vmdesc::SentBody::OldStyle(size) => old_style(*size, reader, end)?,
            vmdesc::SentBody::State(state) => Decoder::new(reader, state).body(state, end)?,
        };
        Ok(Self { name: device.name.clone(), instance_id: device.instance_id, offset, body })
    }
}

fn old_style(size: u64, reader: &mut Reader<'_>, end: Option<u64>) -> Result<DecodedBody, LoadError> {
    match end {
        Some(end) if end.saturating_sub(reader.offset()) != size => Err(wrong_size(reader.offset(), size, end)),
        _ => take(reader, size).map(DecodedBody::OldStyle),
    }
}

fn wrong_size(start: u64, described: u64, end: u64) -> LoadError {
    let found = end.saturating_sub(start);
    LoadError::malformed(format!("{described} bytes, as the stream describes them"), format!("{found} to the footer"))
        .at_offset(start)
        .or_advice("the description and the state are not of the same stream, or one of them is corrupt")
}

/// Reads `size` bytes. Allocates only memory for bytes that have arrived.
fn take(reader: &mut Reader<'_>, size: u64) -> Result<Vec<u8>, LoadError> {
    reader.take(usize::try_from(size).unwrap_or(usize::MAX)).map(<[u8]>::to_vec)
}

struct Decoder<'r, 'a> {
    reader: &'r mut Reader<'a>,
    depth: usize,
    nodes: usize,
    /// The number of remaining nodes that take no bytes.
    free: usize,
    /// The offset in the stream at which the payload begins.
    start: u64,
}

impl<'r, 'a> Decoder<'r, 'a> {
    fn new(reader: &'r mut Reader<'a>, state: &vmdesc::SentStruct) -> Self {
        let free = FREE_NODES.saturating_add(field_form::nodes(state).saturating_mul(NODES_PER_DESCRIBED));
        let start = reader.offset();
        Self { reader, depth: 0, nodes: 0, free, start }
    }
}

impl Decoder<'_, '_> {
    fn body(&mut self, described: &vmdesc::SentStruct, end: Option<u64>) -> Result<DecodedBody, LoadError> {
        let (Some(end), Some(size)) = (end, described.wire_size()) else {
            return self.structure(described).map(DecodedBody::Described);
        };
        let start = self.reader.offset();
        let found = end.saturating_sub(start);
        if size == found {
            return self.structure(described).map(DecodedBody::Described);
        }
        // An inexact description is used in part. The unused part must not contradict itself either, because it is
        // kept and written again.
        field_form::check(described, 0).map_err(|error| error.at_offset(start))?;
        let payload = self.reader.peek(usize::try_from(found).unwrap_or(usize::MAX))?;
        match Gap::new(size, payload).certain(described) {
            Some(certain) => self.partly(described, certain, end),
            None => Err(wrong_size(start, size, end)),
        }
    }

    fn partly(&mut self, described: &vmdesc::SentStruct, certain: Certain, end: u64) -> Result<DecodedBody, LoadError> {
        let (fields, inexact) = described.fields.split_at(certain.fields);
        let (subsections, inexact_subsections) = described.subsections.split_at(certain.subsections);
        let state = self.parts(described, fields, subsections)?;
        let offset = self.reader.offset();
        // The fields may have lists of another length than described, so their end is only known now.
        let Some(size) = end.checked_sub(offset) else {
            return Err(wrong_size(state.offset, offset - state.offset, end));
        };
        let bytes = take(self.reader, size)?;
        let (fields, subsections) = (inexact.to_vec(), inexact_subsections.to_vec());
        Ok(DecodedBody::Partly(state, UndecodedRest { offset, bytes, fields, subsections }))
    }

    fn structure(&mut self, described: &vmdesc::SentStruct) -> Result<DecodedStruct, LoadError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(field_form::too_deep());
        }
        let decoded = self.parts(described, &described.fields, &described.subsections)?;
        self.depth -= 1;
        Ok(decoded)
    }

    /// Reads these fields and subsections of a struct.
    fn parts(
        &mut self,
        described: &vmdesc::SentStruct,
        fields: &[vmdesc::SentField],
        subsections: &[vmdesc::SentStruct],
    ) -> Result<DecodedStruct, LoadError> {
        self.count(1 + fields.len())?;
        let offset = self.reader.offset();
        let fields = fields.iter().map(|field| self.field(field)).collect::<Result<_, _>>()?;
        let subsections = subsections.iter().map(|inner| self.subsection(inner)).collect::<Result<_, _>>()?;
        let (vmsd_name, version) = (described.vmsd_name.clone(), described.version);
        Ok(DecodedStruct { vmsd_name, version, offset, fields, subsections })
    }

    fn subsection(&mut self, described: &vmdesc::SentStruct) -> Result<DecodedStruct, LoadError> {
        let start = self.reader.offset();
        self.subsection_header(described)
            .and_then(|()| self.structure(described))
            .map_err(|error| error.at_offset(start).in_subsection(field_form::owned(&described.vmsd_name)))
    }

    /// Reads the header of a subsection, and checks that it is the described one.
    fn subsection_header(&mut self, described: &vmdesc::SentStruct) -> Result<(), LoadError> {
        let tag = self.reader.u8()?;
        if tag != tag::SUBSECTION {
            let expected = format!("0x05, the beginning of subsection \"{}\"", described.vmsd_name.escape_debug());
            return Err(LoadError::malformed(expected, format!("{tag:#04x}")));
        }
        let (name, version) = (self.reader.counted_str()?, self.reader.u32()?);
        if *name != *described.vmsd_name || version != described.version {
            let text = |name: &str, version| format!("\"{}\" at version {version}", name.escape_debug());
            let expected = format!("subsection {}, as described", text(&described.vmsd_name, described.version));
            return Err(LoadError::malformed(expected, text(&name, version)));
        }
        Ok(())
    }

    fn field(&mut self, described: &vmdesc::SentField) -> Result<DecodedField, LoadError> {
        let offset = self.reader.offset();
        match self.value(described) {
            Ok(value) => Ok(DecodedField {
                name: described.name.clone(),
                index: index(described),
                type_name: described.type_name.clone(),
                value,
                offset,
                size: self.reader.offset() - offset,
            }),
            Err(error) => {
                let element = index(described).and_then(|index| usize::try_from(index).ok());
                let error = element.into_iter().fold(error.at_offset(offset), LoadError::in_element);
                Err(error.in_field(field_form::owned(&described.name)))
            }
        }
    }

    fn value(&mut self, described: &vmdesc::SentField) -> Result<DecodedValue, LoadError> {
        let size = described.size;
        match (Form::from_field(described)?, described.array) {
            (Form::Scalar(kind), ArrayPart::Len(_)) => self.scalars(kind, described).map(DecodedValue::Scalars),
            (form, ArrayPart::Len(count)) => self.array(form, size, count).map(DecodedValue::Array),
            (form, ArrayPart::None | ArrayPart::Index(_)) => self.element(form, size),
        }
    }

    fn scalars(&mut self, kind: ScalarKind, described: &vmdesc::SentField) -> Result<Scalars, LoadError> {
        let start = self.reader.offset();
        let bytes = take(self.reader, described.wire_size().unwrap_or(u64::MAX))?;
        if kind == ScalarKind::Marker {
            for (index, (&byte, offset)) in bytes.iter().zip(start..).enumerate() {
                marker(byte).map_err(|error| error.at_offset(offset).in_element(index))?;
            }
        }
        Ok(Scalars::from_bytes(kind, bytes))
    }

    fn array(&mut self, form: Form<'_>, size: u64, count: u64) -> Result<Vec<DecodedValue>, LoadError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let nodes = self.nodes.saturating_add(count);
        if nodes > MAX_NODES {
            return Err(LoadError::malformed(format!("at most {MAX_NODES} fields and elements"), nodes));
        }
        let element = |index| {
            let counted = self.count(1).and_then(|()| self.element(form, size));
            counted.map_err(|error| error.in_element(index))
        };
        (0..count).map(element).collect()
    }

    fn element(&mut self, form: Form<'_>, size: u64) -> Result<DecodedValue, LoadError> {
        Ok(match form {
            Form::Scalar(kind) => DecodedValue::Scalar(self.scalar(kind)?),
            Form::Struct(inner) => DecodedValue::Struct(Box::new(self.structure(inner)?)),
            Form::List(elements) => DecodedValue::List(self.list(elements)?),
            Form::DirectTree(values) => DecodedValue::Tree(self.direct_tree(values)?),
            Form::KeyedTree(structs) => DecodedValue::Tree(self.keyed_tree(structs)?),
            Form::Bitmap => DecodedValue::Bitmap(words(&take(self.reader, size)?)),
            Form::ByteArray => DecodedValue::ByteArray(self.byte_array(size)?),
            Form::Capability => DecodedValue::Capability(self.capability(size)?),
            Form::Bytes => DecodedValue::Bytes(take(self.reader, size)?),
        })
    }

    fn scalar(&mut self, kind: ScalarKind) -> Result<Scalar, LoadError> {
        let value = Scalar::from_bytes(kind, self.reader.take(kind.width())?);
        if let (ScalarKind::Marker, Ok(byte)) = (kind, u8::try_from(value.bits)) {
            marker(byte)?;
        }
        Ok(value)
    }

    fn list(&mut self, described: &[vmdesc::SentStruct]) -> Result<Vec<DecodedStruct>, LoadError> {
        let mut elements = Vec::new();
        for (index, inner) in described.iter().enumerate() {
            let element = self.expect(1, "before another element").and_then(|()| self.structure(inner));
            elements.push(element.map_err(|error| error.in_element(index))?);
        }
        self.expect(0, "after the last element")?;
        Ok(elements)
    }

    fn direct_tree(&mut self, values: &[vmdesc::SentStruct]) -> Result<DecodedTree, LoadError> {
        self.tree_count(values.len())?;
        let mut nodes = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let node = self.direct_node(value).map_err(|error| error.in_element(index))?;
            nodes.push(node);
        }
        self.expect(0, "after the last node")?;
        Ok(DecodedTree::Direct(nodes))
    }

    fn direct_node(&mut self, value: &vmdesc::SentStruct) -> Result<(u64, DecodedStruct), LoadError> {
        self.expect(1, "before another node")?;
        let key = self.reader.u64()?;
        Ok((key, self.structure(value).map_err(|error| error.in_field("value"))?))
    }

    fn keyed_tree(&mut self, structs: &[vmdesc::SentStruct]) -> Result<DecodedTree, LoadError> {
        let (pairs, _) = structs.as_chunks::<2>();
        self.tree_count(pairs.len())?;
        let mut nodes = Vec::new();
        for (index, [key, value]) in pairs.iter().enumerate() {
            let node = self.keyed_node(key, value).map_err(|error| error.in_element(index))?;
            nodes.push(node);
        }
        self.expect(0, "after the last node")?;
        Ok(DecodedTree::Keyed(nodes))
    }

    fn keyed_node(
        &mut self,
        key: &vmdesc::SentStruct,
        value: &vmdesc::SentStruct,
    ) -> Result<(DecodedStruct, DecodedStruct), LoadError> {
        self.expect(1, "before another node")?;
        let key = self.structure(key).map_err(|error| error.in_field("key"))?;
        Ok((key, self.structure(value).map_err(|error| error.in_field("value"))?))
    }

    fn tree_count(&mut self, described: usize) -> Result<(), LoadError> {
        let start = self.reader.offset();
        match self.reader.u32()? {
            count if usize::try_from(count) == Ok(described) => Ok(()),
            count => {
                let expected = format!("a tree of {described} nodes, as described");
                Err(LoadError::malformed(expected, count).at_offset(start))
            }
        }
    }

    fn byte_array(&mut self, size: u64) -> Result<Vec<u8>, LoadError> {
        let length = self.reader.u32()?;
        self.counted(size.saturating_sub(4), u64::from(length))
    }

    fn capability(&mut self, size: u64) -> Result<Vec<u8>, LoadError> {
        let length = self.reader.u8()?;
        self.counted(size.saturating_sub(1), u64::from(length))
    }

    fn counted(&mut self, described: u64, length: u64) -> Result<Vec<u8>, LoadError> {
        if length != described {
            return Err(LoadError::malformed(format!("a length of {described}, as described"), length));
        }
        take(self.reader, length)
    }

    /// Reads the byte between the elements of lists and trees: 1 before an element, 0 at the end (`put_qtailq` in
    /// migration/vmstate-types.c).
    fn expect(&mut self, byte: u8, place: &str) -> Result<(), LoadError> {
        let start = self.reader.offset();
        match self.reader.u8()? {
            found if found == byte => Ok(()),
            found => {
                Err(LoadError::malformed(format!("{byte:#04x} {place}"), format!("{found:#04x}")).at_offset(start))
            }
        }
    }

    /// Counts nodes before they are allocated.
    fn count(&mut self, nodes: usize) -> Result<(), LoadError> {
        self.nodes = self.nodes.saturating_add(nodes);
        let bytes = self.reader.offset().saturating_sub(self.start);
        let paid = usize::try_from(bytes.saturating_mul(NODES_PER_BYTE)).unwrap_or(usize::MAX);
        let most = self.free.saturating_add(paid).min(MAX_NODES);
        if self.nodes > most {
            let expected = format!("at most {most} fields and elements in {bytes} bytes");
            return Err(LoadError::malformed(expected, self.nodes));
        }
        Ok(())
    }
}

fn index(described: &vmdesc::SentField) -> Option<u64> {
    match described.array {
        ArrayPart::Index(index) => Some(index),
        ArrayPart::None | ArrayPart::Len(_) => None,
    }
}

fn marker(byte: u8) -> Result<(), LoadError> {
    match byte {
        b'0' | b'1' => Ok(()),
        _ => Err(LoadError::malformed("the marker of a pointer, 0x30 or 0x31", format!("{byte:#04x}"))
            .or_advice("QEMU describes arrays of pointers inexactly; the section's end must be known to read on")
            .with_qemu_message(format!("Unexpected ptr marker: {byte}"))),
    }
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|word| u64::from_be_bytes(*word)).collect()
}

#[cfg(test)]
mod tests;
