//! Encodes values into bytes.

use super::{DecodedStruct, DecodedTree, DecodedValue};
use crate::Writer;
use crate::stream::tag;

impl DecodedStruct {
    /// Writes the fields and subsections.
    pub fn encode(&self, out: &mut Writer) {
        for field in &self.fields {
            field.value.encode(out);
        }
        for subsection in &self.subsections {
            out.u8(tag::SUBSECTION);
            out.counted_str(&subsection.vmsd_name);
            out.u32(subsection.version);
            subsection.encode(out);
        }
    }

    /// Returns the number of bytes that [`encode`](Self::encode) writes.
    #[must_use]
    pub fn size(&self) -> u64 {
        let fields: u64 = self.fields.iter().map(|field| field.value.size()).sum();
        fields + self.subsections.iter().map(|subsection| subsection.header_size() + subsection.size()).sum::<u64>()
    }

    /// Returns the number of bytes before the fields of a subsection: its tag, its name and its version.
    #[must_use]
    pub fn header_size(&self) -> u64 {
        1 + 1 + self.vmsd_name.len() as u64 + 4
    }
}

impl DecodedValue {
    /// Writes the value.
    pub fn encode(&self, out: &mut Writer) {
        match self {
            Self::Scalar(value) => value.with_bytes(|bytes| out.bytes(bytes)),
            Self::Scalars(values) => out.bytes(values.as_bytes()),
            Self::Bytes(bytes) => out.bytes(bytes),
            Self::ByteArray(bytes) => {
                out.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                out.bytes(bytes);
            }
            Self::Capability(name) => {
                out.u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
                out.bytes(name);
            }
            Self::Bitmap(words) => words.iter().for_each(|&word| out.u64(word)),
            Self::Struct(inner) => inner.encode(out),
            Self::List(elements) => encode_list(elements, out),
            Self::Tree(tree) => tree.encode(out),
            Self::Array(values) => values.iter().for_each(|value| value.encode(out)),
        }
    }

    /// Returns the number of bytes that [`encode`](Self::encode) writes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Scalar(value) => value.kind.width() as u64,
            Self::Scalars(values) => values.as_bytes().len() as u64,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::ByteArray(bytes) => 4 + bytes.len() as u64,
            Self::Capability(name) => 1 + name.len() as u64,
            Self::Bitmap(words) => 8 * words.len() as u64,
            Self::Struct(inner) => inner.size(),
            Self::List(elements) => elements.iter().map(|element| 1 + element.size()).sum::<u64>() + 1,
            Self::Tree(tree) => tree.size(),
            Self::Array(values) => values.iter().map(Self::size).sum(),
        }
    }
}

fn encode_list(elements: &[DecodedStruct], out: &mut Writer) {
    for element in elements {
        out.u8(1);
        element.encode(out);
    }
    out.u8(0);
}

impl DecodedTree {
    /// Returns the number of nodes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Direct(nodes) => nodes.len(),
            Self::Keyed(nodes) => nodes.len(),
        }
    }

    /// Returns whether the tree has no nodes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn encode(&self, out: &mut Writer) {
        out.u32(u32::try_from(self.len()).unwrap_or(u32::MAX));
        match self {
            Self::Direct(nodes) => nodes.iter().for_each(|(key, value)| {
                out.u8(1);
                out.u64(*key);
                value.encode(out);
            }),
            Self::Keyed(nodes) => nodes.iter().for_each(|(key, value)| {
                out.u8(1);
                key.encode(out);
                value.encode(out);
            }),
        }
        out.u8(0);
    }

    fn size(&self) -> u64 {
        let nodes: u64 = match self {
            Self::Direct(nodes) => nodes.iter().map(|(_, value)| 1 + 8 + value.size()).sum(),
            Self::Keyed(nodes) => nodes.iter().map(|(key, value)| 1 + key.size() + value.size()).sum(),
        };
        4 + nodes + 1
    }
}
