//! Reading a stream with no devices at hand, by the description that the stream itself carries.
//!
//! [`Section::decode`] turns a section's payload into values by its [`Device`] description; [`Section::encode`] writes
//! the payload again and [`Section::describe`] the description, both from the values alone. Where nothing was changed,
//! both are what was read.
//!
//! ```
//! use vmstate::dynamic::{Item, Section};
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
//! let section = Section::decode(device, &mut Reader::from_slice(&payload), None)?;
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
//! [`StreamDecoder`] does this for a whole stream, item by item; [`Rewriter`] writes the stream again, and [`rewrite`] does that
//! with sections that the caller changes. [`edit`] changes values and names. [`diff`] compares two.
//!
//! QEMU's descriptions are not always exact: of an array that is described by its first element, the others may take
//! other sizes (NULL pointers, counted arrays inside). Where the payload's end is known and shows that, the section is
//! decoded up to the field in question and the rest kept as bytes: [`Body::Partly`]. A description that is wrong in
//! any other way is an error.

use crate::Writer;
use crate::schema::vmdesc::{self, Device, Name};

mod configuration;
pub(crate) mod counter;
mod decode;
mod describe;
pub mod diff;
mod display;
pub mod edit;
mod encode;
mod exact;
mod form;
mod path;
mod reload;
mod rewrite;
mod scalar;
mod stream;
mod strip;
#[cfg(test)]
mod tests;
mod value;

pub use crate::schema::kind::Kind;
pub use path::{Found, Item, Leaf};
pub use rewrite::{Rewriter, rewrite};
pub use scalar::{Scalar, Scalars};
pub use stream::{Event, StreamDecoder};
pub use strip::Stripper;
pub use value::{Field, Struct, Tree, Value};

/// A section's payload as values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The section's idstr.
    pub name: Name,
    /// Its instance id.
    pub instance_id: u32,
    /// The offset in the stream at which the payload was read.
    pub offset: u64,
    /// The state.
    pub body: Body,
}

/// What could be made of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// All of it, as fields.
    Described(Struct),
    /// Fields up to where the description is exact.
    Partly(Struct, Rest),
    /// What a handler of the old style wrote, of which QEMU describes nothing but the size.
    OldStyle(Vec<u8>),
    /// Bytes without any description.
    Undescribed(Vec<u8>),
}

/// The end of a payload whose description is not exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// The offset in the stream at which it was read.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What the description says about the fields in them.
    pub fields: Vec<vmdesc::Field>,
    /// What it says about the subsections after those.
    pub subsections: Vec<vmdesc::Struct>,
}

impl Section {
    /// A section of which nothing but its bytes is known.
    #[must_use]
    pub fn undescribed(name: impl Into<Name>, instance_id: u32, offset: u64, bytes: Vec<u8>) -> Self {
        Self { name: name.into(), instance_id, offset, body: Body::Undescribed(bytes) }
    }

    /// The decoded fields, if there are any.
    #[must_use]
    pub fn state(&self) -> Option<&Struct> {
        match &self.body {
            Body::Described(state) | Body::Partly(state, _) => Some(state),
            Body::OldStyle(_) | Body::Undescribed(_) => None,
        }
    }

    /// The bytes that could not be decoded, and the offset in the stream at which they were read.
    ///
    /// What a handler of the old style wrote is among them: it is described, but only as bytes.
    #[must_use]
    pub fn opaque(&self) -> Option<(u64, &[u8])> {
        match &self.body {
            Body::Described(_) => None,
            Body::Partly(_, rest) => Some((rest.offset, &rest.bytes)),
            Body::OldStyle(bytes) | Body::Undescribed(bytes) => Some((self.offset, bytes)),
        }
    }

    /// The bytes of the payload.
    #[must_use]
    pub fn size(&self) -> u64 {
        let state = self.state().map_or(0, Struct::size);
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

    /// Describes the payload, from the values. `None` for one that no description can be made of.
    #[must_use]
    pub fn describe(&self) -> Option<Device> {
        let body = match &self.body {
            Body::Described(state) => vmdesc::Body::State(state.describe()),
            Body::Partly(state, rest) => {
                let mut described = state.describe();
                described.fields.extend_from_slice(&rest.fields);
                described.subsections.extend_from_slice(&rest.subsections);
                vmdesc::Body::State(described)
            }
            Body::OldStyle(bytes) => vmdesc::Body::OldStyle(bytes.len() as u64),
            Body::Undescribed(_) => return None,
        };
        Some(Device { name: self.name.clone(), instance_id: self.instance_id, body })
    }
}
