//! Unknown sections, kept as bytes and sent again by the next save.

use vmstate_types::{LoadError, Reader};

use crate::registry::{Entry, Threading};
use crate::schema::{Release, SectionText};
use crate::stream::section_end;
use crate::stream::{SectionHeader, StreamWriter};

/// An unknown section.
#[derive(Debug, Clone)]
pub(crate) struct PassThrough {
    header: SectionHeader,
    payload: Vec<u8>,
    /// The section's object in the description of the stream that it came with.
    description: Option<String>,
}

impl PassThrough {
    /// Reads the payload of an unknown section, up to its footer.
    pub(super) fn read(header: &SectionHeader, reader: &mut Reader<'_>) -> Result<Self, LoadError> {
        let length = length(header, reader)?;
        let payload = reader.take(length)?.to_vec();
        Ok(Self { header: header.clone(), payload, description: None })
    }

    /// Returns whether `entry` loads the section.
    pub(super) fn is_for<T: Threading>(&self, entry: &Entry<'_, T>) -> bool {
        entry.answers_to(&self.header.name, self.header.instance_id)
    }

    /// Writes the section with another section id.
    pub(super) fn write(&self, section_id: u32, frame: &mut StreamWriter<'_>) {
        frame.begin_section(&SectionHeader { section_id, ..self.header.clone() });
        frame.payload().bytes(&self.payload);
        frame.end_section();
    }

    /// Returns the section's object for a description: the original one if it is known, and an opaque one otherwise.
    pub(super) fn describe(&self, release: Release) -> String {
        if let Some(original) = &self.description {
            return original.clone();
        }
        let mut text = SectionText::default();
        text.describe_opaque(release, &self.header.name, self.header.instance_id, self.payload.len() as u64);
        text.as_str().to_owned()
    }
}

/// Keeps the objects of these sections in the description `text`.
#[cfg(feature = "schema")]
pub(super) fn describe(kept: &mut [PassThrough], text: &str) {
    use std::collections::HashMap;

    use crate::schema::vmdesc::{Document, MAX_TEXT_OF_LOAD};

    // A hostile description must not cost more memory than the sections that it describes.
    if kept.is_empty() || text.len() > MAX_TEXT_OF_LOAD {
        return;
    }
    let Ok(document) = Document::parse(text.as_bytes(), 0) else { return };
    let devices = document.devices.into_iter().map(|device| ((device.name.to_string(), device.instance_id), device));
    let mut devices: HashMap<_, _> = devices.collect();
    for section in kept {
        let described = devices.remove(&(section.header.name.clone(), section.header.instance_id));
        section.description = described.map(|device| device.to_text());
    }
}

/// Parsing the description needs the feature `schema`. Without it the sections are sent on as opaque ones, which a
/// reader cannot tell apart: QEMU skips the description.
#[cfg(not(feature = "schema"))]
pub(super) fn describe(_kept: &mut [PassThrough], _text: &str) {}

/// Skips the rest of a payload, up to the footer.
pub(super) fn skip(header: &SectionHeader, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    let length = length(header, reader)?;
    reader.skip(length as u64)
}

/// Returns the number of bytes before the section's footer.
fn length(header: &SectionHeader, reader: &mut Reader<'_>) -> Result<usize, LoadError> {
    let start = reader.offset();
    let end = section_end::find_end(reader, header.section_id, None)?;
    let length = end.and_then(|end| usize::try_from(end - start).ok());
    length.ok_or_else(|| {
        LoadError::malformed(format!("the footer 0x7e of section {} somewhere", header.section_id), "none")
            .at_offset(start)
            .or_advice("only a footer marks the end of an unknown section")
    })
}
