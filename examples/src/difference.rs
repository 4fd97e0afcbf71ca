//! Compares two streams with the same layout, field by field.

use std::fmt;
use std::io::Cursor;
use std::ops::Range;

use vmstate::dynamic::{StreamDecoder, StreamEvent};
use vmstate::schema::vmdesc::{self, Document};
use vmstate::{Description, Reader};

/// A value that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path of the field, such as `cpu.env.r[24]`.
    pub path: String,
    /// The old value.
    pub old: u64,
    /// The new value.
    pub new: u64,
    /// The bytes of the value in both streams.
    pub bytes: Range<u64>,
}

/// Compares the values of the section `name`, whose fields all have fixed sizes, in two streams.
///
/// Needs only the device's description, which has the size of each field.
#[must_use]
pub fn changes(name: &str, description: &Description, old: &[u8], new: &[u8]) -> Vec<Change> {
    let mut changes = Vec::new();
    let Some(mut start) = payload(old, name) else { return changes };
    for field in description.fields {
        let (Some(size), Some(total)) = (field.form.size, field.form.total_size()) else { return changes };
        for index in 0..total / size.max(1) {
            let end = start + size as u64;
            if let (Some(old), Some(new)) = (number(old, start..end), number(new, start..end))
                && old != new
            {
                let element = if total > size { format!("[{index}]") } else { String::new() };
                let path = format!("{}.{}{element}", description.name, field.name);
                changes.push(Change { path, old, new, bytes: start..end });
            }
            start = end;
        }
    }
    changes
}

/// Returns the offset of the payload of the section `name`.
fn payload(stream: &[u8], name: &str) -> Option<u64> {
    let (offset, text) = vmdesc::locate_in(&mut Cursor::new(stream)).ok()??;
    let document = Document::parse(&text, offset).ok()?;
    let mut reader = Reader::from_slice(stream);
    let mut walk = StreamDecoder::new(&mut reader, Some(document)).ok()?;
    while let Some(event) = walk.next_event().ok()? {
        match event {
            StreamEvent::Section { header, .. } if header.name == name => return Some(header.payload),
            _ => {}
        }
    }
    None
}

/// Returns the big-endian number in these bytes, or its lowest eight bytes if it is longer.
fn number(stream: &[u8], bytes: Range<u64>) -> Option<u64> {
    let bytes = stream.get(usize::try_from(bytes.start).ok()?..usize::try_from(bytes.end).ok()?)?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, old, new, bytes } = self;
        write!(f, "{path}: {old:#04x} -> {new:#04x} (bytes {:#x} to {:#x})", bytes.start, bytes.end - 1)
    }
}
