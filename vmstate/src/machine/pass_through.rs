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
    /// Reads the payload of an unknown section, up to its footer. `described` is its size in the description, if that is
    /// known.
    pub(super) fn read(
        header: &SectionHeader,
        described: Option<u64>,
        reader: &mut Reader<'_>,
    ) -> Result<Self, LoadError> {
        let length = length(header, described, reader)?;
        let payload = reader.take(length)?.to_vec();
        Ok(Self { header: header.clone(), payload, description: None })
    }

    /// Returns the name and the instance id.
    #[cfg(any(feature = "migration", feature = "schema"))]
    pub(super) fn name(&self) -> (&str, u32) {
        (&self.header.name, self.header.instance_id)
    }

    /// Returns the offset of the section in its stream.
    #[cfg(feature = "migration")]
    pub(super) fn offset(&self) -> u64 {
        self.header.offset
    }

    /// Returns the size of the payload in bytes.
    pub(super) fn size(&self) -> u64 {
        self.payload.len() as u64
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

/// Checks that a description lists exactly these sections, in their order, and keeps their objects. Returns the page size.
///
/// Only a footer marks the end of an unknown section, and a guest can write bytes that look like one into the state of a
/// device. QEMU reads such a stream correctly, because it knows the sizes.
#[cfg(all(feature = "migration", feature = "schema"))]
pub(super) fn describe_all(kept: &mut [PassThrough], text: &str) -> Result<Option<u64>, LoadError> {
    use crate::schema::vmdesc::Document;

    let document = Document::parse(text.as_bytes(), 0)?;
    let title = |section: Option<(&str, u32)>| match section {
        Some((name, instance_id)) => format!("section `{}` {instance_id}", name.escape_debug()),
        None => "no section".to_owned(),
    };
    for index in 0..kept.len().max(document.devices.len()) {
        let listed = document.devices.get(index).map(|device| (&*device.name, device.instance_id));
        let found = kept.get(index).map(PassThrough::name);
        if listed != found {
            return Err(LoadError::malformed(format!("{}, as described", title(listed)), title(found))
                .or_advice("the state of a device contains bytes that look like another section"));
        }
    }
    for (section, device) in kept.iter_mut().zip(&document.devices) {
        section.description = Some(device.to_text());
    }
    Ok(Some(document.page_size))
}

/// Parsing the description needs the feature `schema`. Without it the sections are not compared.
#[cfg(all(feature = "migration", not(feature = "schema")))]
pub(super) fn describe_all(_kept: &mut [PassThrough], _text: &str) -> Result<Option<u64>, LoadError> {
    Ok(None)
}

/// Keeps the objects of these sections in the description `text`.
#[cfg(feature = "schema")]
pub(super) fn describe(kept: &mut [PassThrough], text: &str) {
    use std::collections::{HashMap, VecDeque};

    use crate::schema::vmdesc::{Document, MAX_TEXT_OF_LOAD};

    // A hostile description must not cost more memory than the sections that it describes.
    if kept.is_empty() || text.len() > MAX_TEXT_OF_LOAD {
        return;
    }
    let Ok(document) = Document::parse(text.as_bytes(), 0) else { return };
    // A machine can have several sections of one name and instance, such as the IDE controllers of `isapc`.
    let mut devices: HashMap<_, VecDeque<_>> = HashMap::new();
    for device in document.devices {
        devices.entry((device.name.to_string(), device.instance_id)).or_default().push_back(device);
    }
    for section in kept {
        let devices = devices.get_mut(&(section.header.name.clone(), section.header.instance_id));
        let described = devices.and_then(VecDeque::pop_front);
        section.description = described.map(|device| device.to_text());
    }
}

/// Parsing the description needs the feature `schema`. Without it the sections are sent on as opaque ones, which a
/// reader cannot tell apart: QEMU skips the description.
#[cfg(not(feature = "schema"))]
pub(super) fn describe(_kept: &mut [PassThrough], _text: &str) {}

/// Skips the rest of a payload, up to the footer.
pub(super) fn skip(header: &SectionHeader, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    let length = length(header, None, reader)?;
    reader.skip(length as u64)
}

/// Returns the number of bytes before the section's footer.
fn length(header: &SectionHeader, described: Option<u64>, reader: &mut Reader<'_>) -> Result<usize, LoadError> {
    let start = reader.offset();
    let end = section_end::find_end(reader, header.section_id, described)?;
    let length = end.and_then(|end| usize::try_from(end - start).ok());
    length.ok_or_else(|| {
        LoadError::malformed(format!("the footer 0x7e of section {} somewhere", header.section_id), "none")
            .at_offset(start)
            .or_advice("only a footer marks the end of an unknown section")
    })
}

#[cfg(all(test, feature = "schema"))]
mod tests {
    use super::*;
    use crate::schema::vmdesc::MAX_TEXT_OF_LOAD;

    const BEGIN: &str = r#"{"page_size": 4096, "devices": [{"name": "dev", "instance_id": 0, "vmsd_name": "#;

    fn kept() -> [PassThrough; 1] {
        let header = SectionHeader::full(7, "dev", 0, 1);
        let reader = &mut Reader::from_slice(&[1, 2, 3, 0x7e, 0, 0, 0, 7]);
        [PassThrough::read(&header, None, reader).unwrap()]
    }

    /// Returns a description of `length` bytes, with spaces in front.
    fn text(length: usize) -> String {
        let text = format!(r#"{BEGIN}"type", "version": 1, "fields": []}}]}}"#);
        " ".repeat(length.saturating_sub(text.len())) + &text
    }

    #[test]
    fn kept_section_has_the_object_of_its_stream() {
        let mut kept = kept();
        assert_eq!(kept[0].size(), 3);
        assert!(kept[0].describe(Release::Qemu10_0).contains("\"size\": 3"));
        describe(&mut kept, &text(MAX_TEXT_OF_LOAD + 1));
        assert!(!kept[0].describe(Release::Qemu10_0).contains("\"vmsd_name\": \"type\""), "the text is too long");
        describe(&mut kept, &text(MAX_TEXT_OF_LOAD));
        assert!(kept[0].describe(Release::Qemu10_0).contains("\"vmsd_name\": \"type\""));
    }

    #[cfg(feature = "migration")]
    #[test]
    fn listed_sections_keep_their_objects() {
        let mut kept = kept();
        assert_eq!(describe_all(&mut kept, &text(0)).unwrap(), Some(4096));
        assert!(kept[0].describe(Release::Qemu10_0).contains("\"vmsd_name\": \"type\""));
        let other = text(0).replace("\"dev\"", "\"other\"");
        let error = describe_all(&mut kept, &other).unwrap_err();
        assert_eq!((error.expected(), error.found()), ("section `other` 0, as described", "section `dev` 0"));
    }
}
