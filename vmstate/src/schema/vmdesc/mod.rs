//! The JSON description at the end of a stream (QEMU's "vmdesc"), as typed data without loss.
//!
//! [`Document::parse`] and [`Document::to_text`] are inverse to each other for all descriptions of QEMU: they keep the
//! order of keys, repeated keys in one object (lists of two or more elements), and QEMU's escapes. Anything else is an
//! error with its location; nothing is dropped.
//!
//! ```
//! use vmstate::schema::vmdesc::Document;
//!
//! let text = concat!(
//!     r#"{"page_size": 4096, "devices": [{"name": "serial", "instance_id": 0, "vmsd_name": "serial", "version": 3, "#,
//!     r#""fields": [{"name": "divider", "type": "uint16", "size": 2}]}]}"#,
//! );
//! let document = Document::parse(text.as_bytes(), 0)?;
//! assert_eq!(&*document.devices[0].name, "serial");
//! assert_eq!(document.devices[0].wire_size(), Some(2));
//! assert_eq!(document.to_text(), text);
//! # Ok::<(), vmstate::LoadError>(())
//! ```

use std::sync::Arc;

mod json_value;
mod locate;
#[cfg(feature = "schema")]
mod parse;
#[cfg(feature = "schema")]
mod parse_json;
mod to_json;

pub use json_value::Json;
pub use locate::{Located, locate, locate_in};
pub(super) use to_json::quote;

/// The longest description that is parsed. QEMU's descriptions have a few hundred kilobytes.
///
/// Parsing takes at most 24 times the memory of the text, and because of [`MAX_VALUES`] never more than 256 MiB.
pub const MAX_TEXT: usize = 64 << 20;
/// The longest description that a load parses: to explain an error, or for sections that it passes through. Longer ones
/// are ignored. The description of a machine with 300 devices has 400 KiB.
pub const MAX_TEXT_OF_LOAD: usize = 1 << 20;
/// The highest number of JSON values in a description. QEMU's descriptions have some tens of thousands.
pub const MAX_VALUES: usize = 1 << 21;
/// The number of bytes for each JSON value, on average, so that a short text cannot have many values. The fields of
/// QEMU's descriptions have ten bytes for each value.
pub const MIN_BYTES_PER_VALUE: usize = 6;
/// The longest name and the longest type of a field, in bytes. QEMU's are C expressions of a few dozen bytes.
pub const MAX_NAME: usize = 1024;

/// A name in a description. They are shared, because decoded state repeats them.
pub type Name = Arc<str>;

/// The whole description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The configuration section, which QEMU describes since 10.0.
    pub configuration: Option<SentStruct>,
    /// The size of a page of guest memory in bytes.
    pub page_size: u64,
    /// The sections with device state, in stream order. Live sections such as `ram` are not described.
    pub devices: Vec<SentSection>,
    /// Keys that no known QEMU writes.
    pub extra: Vec<Extra>,
}

/// An unknown top-level key, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The known key after it, or `None` after the last one.
    pub before: Option<&'static str>,
    /// The key.
    pub key: String,
    /// Its value.
    pub value: Json<'static>,
}

/// A section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentSection {
    /// The section's idstr.
    pub name: Name,
    /// Its instance id.
    pub instance_id: u32,
    /// Its content.
    pub body: SentBody,
}

/// The description of a section's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SentBody {
    /// Fields.
    State(SentStruct),
    /// The number of bytes that an old-style handler wrote, which are not described.
    OldStyle(u64),
}

/// A struct, section or subsection as it was sent (QEMU's `VMStateDescription`, without fields and subsections that
/// were not sent).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentStruct {
    /// Its name.
    pub vmsd_name: Name,
    /// The version at which it was sent.
    pub version: u32,
    /// The fields that were sent, in order.
    pub fields: Vec<SentField>,
    /// The subsections that were sent.
    pub subsections: Vec<Self>,
}

/// A field, or an element or run of elements of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentField {
    /// The field's name. Elements that are described one by one share it.
    pub name: Name,
    /// Its place in an array.
    pub array: ArrayPart,
    /// The info type, or the kind of nesting (`struct`, `vstruct`).
    pub type_name: Name,
    /// The structs in it.
    pub nested: Nested,
    /// The size of an element in bytes.
    pub size: u64,
}

/// The position of an entry in an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArrayPart {
    /// Not a part of an array, or the last element of one: QEMU 10 omits its index.
    None,
    /// The element with this `index`.
    Index(u64),
    /// A number of elements (`array_len`), the first of which is described.
    Len(u64),
}

/// The structs in a field's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Nested {
    /// No struct.
    None,
    /// `"struct": {}`, which QEMU 7.2 writes if the first of an array of pointers to structs is NULL.
    Empty,
    /// A nested object.
    Struct(SentStruct),
    /// Structs whose keys are in the field's own entry: one for a `tmp` or `vstruct`, any number for a list or tree.
    Inline(Vec<SentStruct>),
}

impl SentSection {
    /// Returns the described size of the payload in bytes, or `None` if the sum overflows.
    #[must_use]
    pub fn wire_size(&self) -> Option<u64> {
        match &self.body {
            SentBody::State(state) => state.wire_size(),
            SentBody::OldStyle(size) => Some(*size),
        }
    }
}

impl SentStruct {
    /// Returns the described size of all fields and subsections in bytes, or `None` if the sum overflows.
    #[must_use]
    pub fn wire_size(&self) -> Option<u64> {
        let fields = self.fields.iter().map(SentField::wire_size);
        let subsections = self.subsections.iter().map(Self::subsection_size);
        fields.chain(subsections).try_fold(0, |sum: u64, size| sum.checked_add(size?))
    }

    /// Returns the size of a subsection in bytes: tag, counted name, version, and [`wire_size`](Self::wire_size).
    fn subsection_size(&self) -> Option<u64> {
        let header = 1 + 1 + self.vmsd_name.len() as u64 + 4;
        self.wire_size()?.checked_add(header)
    }
}

impl SentField {
    /// Returns the number of elements that the entry describes.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self.array {
            ArrayPart::Len(count) => count,
            ArrayPart::None | ArrayPart::Index(_) => 1,
        }
    }

    /// Returns the described size of all elements in bytes, or `None` if the product overflows.
    #[must_use]
    pub fn wire_size(&self) -> Option<u64> {
        self.size.checked_mul(self.count())
    }
}
