//! The law for devices that are ported from QEMU: they load and save a real stream.

use vmstate_types::{LoadError, Reader, VmState};

use super::{Laws, name, save};
use crate::dynamic::{StreamDecoder, StreamEvent};
use crate::schema::compare::first_difference;
use crate::schema::vmdesc::{self, Document, SentBody};
use crate::stream::SectionHeader;

impl<T: VmState> Laws<T> {
    /// Every section `section` of a real stream loads to its end, and is saved as the bytes that it was.
    ///
    /// For ported devices: the stream comes from a QEMU with the original device. If a section does not load, the
    /// message names the first field at which the stream's description differs from the device.
    ///
    /// ```no_run
    /// # use vmstate::prelude::*;
    /// # #[derive(VmState, Default)] struct Serial { divider: u16 }
    /// use vmstate::laws::Laws;
    ///
    /// let stream = std::fs::read("tests/vm.state").expect("a stream of QEMU's");
    /// Laws::new(|_| Serial::default()).matches_stream(&stream, "serial");
    /// ```
    ///
    /// # Panics
    /// Panics if the law does not hold, or if the stream has no such section.
    pub fn matches_stream(&self, stream: &[u8], section: &str) {
        let found = match payloads(stream, section) {
            Ok(found) => found,
            Err(error) => panic!("{}: the stream cannot be read\n{error:#}", name::<T>()),
        };
        assert!(!found.is_empty(), "{}: the stream has no section \"{section}\"", name::<T>());
        let described = Document::from_stream(stream).ok().flatten();
        for (header, payload) in found {
            let theirs = described.as_ref().and_then(|document| state_of(document, &header));
            self.same_as(&header, payload, theirs);
        }
    }

    fn same_as(&self, header: &SectionHeader, payload: &[u8], theirs: Option<&vmdesc::SentStruct>) {
        let mut device = self.fresh();
        let mut reader = Reader::from_slice(payload);
        let loaded = device.load(&mut reader, header.version).and_then(|()| {
            if reader.at_end()? {
                return Ok(());
            }
            let expected = format!("the end of {} bytes", payload.len());
            Err(LoadError::malformed(expected, "fewer").at_offset(reader.offset()))
        });
        let SectionHeader { name: section, instance_id, .. } = header;
        if let Err(error) = loaded {
            let difference = theirs.and_then(|theirs| first_difference(T::DESCRIPTION, header.version, theirs));
            let error = match difference {
                Some(difference) => error.with_diagnosis(difference.to_string()),
                None => error,
            };
            panic!("{}: \"{section}\", instance {instance_id}, does not load\n{error:#}", name::<T>());
        }
        let saved = save(&mut device, header.version);
        let what = format!("a round trip of \"{section}\", instance {instance_id},");
        assert!(saved == payload, "{}", self.changed(&what, None, payload, &saved));
    }
}

/// Returns the description of the state in one section.
fn state_of<'d>(document: &'d Document, header: &SectionHeader) -> Option<&'d vmdesc::SentStruct> {
    let is_it =
        |device: &&vmdesc::SentSection| *device.name == *header.name && device.instance_id == header.instance_id;
    match &document.devices.iter().rfind(is_it)?.body {
        SentBody::State(state) => Some(state),
        _ => None,
    }
}

/// The sections `name` of a stream, with their payloads.
fn payloads<'s>(stream: &'s [u8], name: &str) -> Result<Vec<(SectionHeader, &'s [u8])>, LoadError> {
    let mut reader = Reader::from_slice(stream);
    let mut walk = StreamDecoder::new(&mut reader, Document::from_stream(stream)?)?;
    let mut found = Vec::new();
    while let Some(event) = walk.next_event()? {
        let StreamEvent::Section { header, section, .. } = event else { continue };
        let range = usize::try_from(section.offset).ok().zip(usize::try_from(section.size()).ok());
        let payload = range.and_then(|(start, size)| stream.get(start..)?.get(..size));
        if let Some(payload) = payload.filter(|_| header.name == name) {
            found.push((header, payload));
        }
    }
    Ok(found)
}
