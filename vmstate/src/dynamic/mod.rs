//! Reading, comparing and editing of streams without device definitions, by the descriptions that streams contain.
//!
//! [`DecodedSection::decode`] turns a section's payload into values by its [`SentSection`] description.
//! [`DecodedSection::encode`] and [`DecodedSection::describe`] turn the values into the payload and its description
//! again; without changes, both equal the originals.
//!
//! ```
//! use vmstate::dynamic::{FoundItem, DecodedSection};
//! use vmstate::schema::vmdesc::Document;
//! use vmstate::{Reader, Writer};
//!
//! let text = concat!(
//!     r#"{"page_size": 4096, "devices": [{"name": "serial", "instance_id": 0, "vmsd_name": "serial", "version": 3, "#,
//!     r#""fields": [{"name": "divider", "type": "uint16", "size": 2}]}]}"#,
//! );
//! let description = Document::parse(text.as_bytes(), 0)?;
//! let device = &description.devices[0];
//!
//! let payload = [0x01, 0x80];
//! let section = DecodedSection::decode(device, &mut Reader::from_slice(&payload), None)?;
//! let divider = section.get("divider").unwrap();
//! assert_eq!(divider.item.to_string(), "384 (0x180)");
//!
//! let mut out = Writer::new();
//! section.encode(&mut out);
//! assert_eq!(out.pending(), payload);
//! assert_eq!(section.describe().as_ref(), Some(device));
//! # Ok::<(), vmstate::LoadError>(())
//! ```
//!
//! [`StreamDecoder`] does this for a whole stream, item by item; [`Rewriter`] writes the stream again, and [`rewrite`]
//! does that with sections that the caller changes. [`edit`] changes values and names. [`diff`] compares two.
//!
//! QEMU's descriptions are not always exact: of an array that is described by its first element, the others may take
//! other sizes (NULL pointers, counted arrays inside). Where the payload's end is known and shows that, the section is
//! decoded up to the field in question and the rest kept as bytes: [`DecodedBody::Partly`]. A description that is wrong
//! in any other way is an error.

use crate::Writer;
use crate::schema::vmdesc::{self, Name, SentSection};

pub(crate) mod counter;
mod decode;
mod decode_configuration;
pub mod diff;
mod display;
pub mod edit;
mod encode;
mod exact;
mod field_form;
mod path;
mod reload;
mod rewrite;
mod scalar;
mod stream;
mod strip;
#[cfg(test)]
mod tests;
mod to_vmdesc;
mod value;

pub use crate::schema::scalar_kind::ScalarKind;
pub use path::{Found, FoundItem, Leaf};
pub use rewrite::{Rewriter, rewrite};
pub use scalar::{Scalar, Scalars};
pub use stream::{StreamDecoder, StreamEvent};
pub use strip::Stripper;
pub use value::{DecodedField, DecodedStruct, DecodedTree, DecodedValue};

/// A section's payload as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedSection {
    /// The section's idstr.
    pub name: Name,
    /// Its instance id.
    pub instance_id: u32,
    /// The offset in the stream at which the payload was read.
    pub offset: u64,
    /// The state.
    pub body: DecodedBody,
}

/// The decoded content of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodedBody {
    /// All of it, as fields.
    Described(DecodedStruct),
    /// Fields up to where the description is exact.
    Partly(DecodedStruct, UndecodedRest),
    /// The output of an old-style handler, of which QEMU describes only the size.
    OldStyle(Vec<u8>),
    /// Bytes without any description.
    Undescribed(Vec<u8>),
}

/// The end of a payload whose description is not exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndecodedRest {
    /// The offset in the stream at which it was read.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The descriptions of the fields in them.
    pub fields: Vec<vmdesc::SentField>,
    /// The descriptions of the subsections after these fields.
    pub subsections: Vec<vmdesc::SentStruct>,
}

impl DecodedSection {
    /// Creates a section without a description, whose fields are unknown.
    #[must_use]
    pub fn undescribed(name: impl Into<Name>, instance_id: u32, offset: u64, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), instance_id, offset, body: DecodedBody::Undescribed(bytes) }
    }

    /// Returns the decoded fields, or `None` if no field is known.
    #[must_use]
    pub fn state(&self) -> Option<&DecodedStruct> {
        match &self.body {
            DecodedBody::Described(state) | DecodedBody::Partly(state, _) => Some(state),
            DecodedBody::OldStyle(_) | DecodedBody::Undescribed(_) => None,
        }
    }

    /// Returns the bytes that could not be decoded, and their offset in the stream.
    ///
    /// This includes the output of old-style handlers, which is described only as bytes.
    #[must_use]
    pub fn opaque(&self) -> Option<(u64, &[u8])> {
        match &self.body {
            DecodedBody::Described(_) => None,
            DecodedBody::Partly(_, rest) => Some((rest.offset, &rest.bytes)),
            DecodedBody::OldStyle(bytes) | DecodedBody::Undescribed(bytes) => Some((self.offset, bytes)),
        }
    }

    /// Returns the number of bytes of the payload.
    #[must_use]
    pub fn size(&self) -> u64 {
        let state = self.state().map_or(0, DecodedStruct::size);
        state + self.opaque().map_or(0, |(_, bytes)| bytes.len() as u64)
    }

    /// Writes the payload, from the values.
    pub fn encode(&self, out: &mut Writer) {
        if let Some(state) = self.state() {
            state.encode(out);
        }
        if let Some((_, bytes)) = self.opaque() {
            out.bytes(bytes);
        }
    }

    /// Describes the payload, from the values. Returns `None` if the payload has no description.
    #[must_use]
    pub fn describe(&self) -> Option<SentSection> {
        let body = match &self.body {
            DecodedBody::Described(state) => vmdesc::SentBody::State(state.describe()),
            DecodedBody::Partly(state, rest) => {
                let mut described = state.describe();
                described.fields.extend_from_slice(&rest.fields);
                described.subsections.extend_from_slice(&rest.subsections);
                vmdesc::SentBody::State(described)
            }
            DecodedBody::OldStyle(bytes) => vmdesc::SentBody::OldStyle(bytes.len() as u64),
            DecodedBody::Undescribed(_) => return None,
        };
        Some(SentSection { name: self.name.clone(), instance_id: self.instance_id, body })
    }
}
