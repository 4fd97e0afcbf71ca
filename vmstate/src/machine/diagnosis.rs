//! Finds the reason for which a section did not load: the first field that the stream describes differently.
//!
//! QEMU's streams end with a description of the sent fields. When a section fails, the local device is described as a
//! save would send it now, and the two descriptions are compared. A missing footer alone does not show which field
//! differs.

use std::borrow::Cow;
use std::collections::HashMap;

use vmstate_types::error::{Blame, Location};
use vmstate_types::{LoadError, Reader, Writer};

use super::received::Section;
use crate::checksum;
use crate::memory::PageSize;
use crate::registry::{Entry, Handle, SectionHandler, Threading};
use crate::schema::compare::{first_difference, first_difference_from_sent};
use crate::schema::vmdesc::{self, Document, Located, MAX_TEXT_OF_LOAD, SentBody};
use crate::schema::{DescriptionWriter, Release};
use crate::stream::SectionHeader;

/// Finds the first field that explains `error`, if one of the received sections differs from its description in
/// `document`.
pub(super) fn find<T: Threading>(
    error: &LoadError,
    entries: &mut [Entry<'_, T>],
    sections: &[Section],
    document: &Document,
) -> Option<String> {
    // In reverse, so the map keeps the first of several devices with a name.
    let devices = document.devices.iter().rev();
    let devices = devices.map(|device| ((&*device.name, device.instance_id), (device, device.wire_size())));
    let devices: HashMap<_, _> = devices.collect();
    sections.iter().find_map(|section| {
        let entry = entries.get_mut(section.entry)?;
        let header = section.header(entry);
        let (theirs, size) = *devices.get(&(&*header.name, header.instance_id))?;
        let difference = is_suspect(section, error, size).then(|| compare(entry, &header, theirs, document)).flatten();
        with_progress(difference, progress(section, size).filter(|_| failed(section, error)))
    })
}

/// Returns how far the device has read, if that is not the end of its section.
fn progress(section: &Section, described: Option<u64>) -> Option<String> {
    match (section.read?, described?) {
        (read, length) if read < length => Some(format!("the device stopped reading at byte {read} of {length}")),
        (read, length) if read > length => Some(format!("the device read {read} bytes of a section of {length}")),
        _ => None,
    }
}

/// Joins the reasons. Without a difference of the descriptions, a counter or a predicate of the device differs.
fn with_progress(difference: Option<String>, progress: Option<String>) -> Option<String> {
    match (difference, progress) {
        (Some(difference), Some(progress)) => Some(format!("{difference}; {progress}")),
        (difference, progress) => difference.or(progress),
    }
}

/// Returns whether the error occurred in the section or at its end.
fn failed(section: &Section, error: &LoadError) -> bool {
    matches!(error.location(), Some(Location::Section { start, .. }) if *start == section.payload)
}

/// Returns the stream's description if it can explain `error`: it is known in advance, was received at the end of the
/// stream, or is found in the rest of it.
pub(super) fn document<'k>(
    error: &LoadError,
    known: Option<&'k Document>,
    received: Option<&str>,
    reader: Option<&mut Reader<'_>>,
    read_on: bool,
) -> Option<Cow<'k, Document>> {
    if !matches!(error.blame(), Blame::Bytes | Blame::Peer) {
        return None;
    }
    if let Some(known) = known {
        return Some(Cow::Borrowed(known));
    }
    if let Some(received) = received {
        return parse_short(received.as_bytes()).map(Cow::Owned);
    }
    let reader = reader?;
    let found =
        at_the_end(reader).or_else(|| if read_on { after_reading_on(reader) } else { parse(reader.buffered()) });
    found.map(Cow::Owned)
}

/// Parses a description that is the end of `tail`.
fn parse(tail: &[u8]) -> Option<Document> {
    let tail = checksum::contents(tail);
    match vmdesc::locate(tail) {
        Located::At(start) => parse_short(tail.get(start..)?),
        Located::More | Located::Absent => None,
    }
}

/// Parses a description, unless it is so long that parsing it would cost more memory than the diagnosis is worth.
fn parse_short(text: &[u8]) -> Option<Document> {
    if text.len() > MAX_TEXT_OF_LOAD {
        return None;
    }
    Document::parse(text, 0).ok()
}

/// Reads the description at the end of a source that can be read ahead of time.
fn at_the_end(reader: &mut Reader<'_>) -> Option<Document> {
    let mut goal = 64 * 1024;
    loop {
        let tail = reader.peek_last(goal).ok()??;
        match vmdesc::locate(checksum::contents(&tail)) {
            Located::More if tail.len() == goal && goal < TAIL => goal = TAIL.min(4 * goal),
            _ => return parse(&tail),
        }
    }
}

/// Upper bound on the bytes read after an error. The devices of the largest machines have some MiB, so a description
/// farther away follows guest memory, which takes longer to read than the diagnosis is worth.
const READ_ON: usize = 64 << 20;

/// Upper bound on the bytes at the end of a stream that are searched for the description.
const TAIL: usize = MAX_TEXT_OF_LOAD + 16;

/// Reads the rest of the source, which is declared not to block.
fn after_reading_on(reader: &mut Reader<'_>) -> Option<Document> {
    let mut tail = Vec::new();
    let mut left = READ_ON;
    while left > 0 {
        let chunk = reader.peek(1).ok().map(<[u8]>::len)?;
        if chunk == 0 {
            return parse(&tail);
        }
        let count = reader.buffered().len().min(left);
        tail.extend_from_slice(reader.take(count).ok()?);
        left -= count;
        // Twice the bound is kept before the front is removed, so that removing costs one move per byte.
        if tail.len() > 2 * TAIL {
            tail.drain(..tail.len() - TAIL);
        }
    }
    None
}

/// Returns whether the section can be the cause: it failed, or its size differs from the described size.
fn is_suspect(section: &Section, error: &LoadError, described: Option<u64>) -> bool {
    failed(section, error) || (section.read.is_some() && described.is_some() && section.read != described)
}

/// Finds the first difference between the stream's description of a section and the description that the local device
/// would send, or else the definition of the device.
fn compare<T: Threading>(
    entry: &mut Entry<'_, T>,
    header: &SectionHeader,
    theirs: &vmdesc::SentSection,
    document: &Document,
) -> Option<String> {
    let SentBody::State(theirs) = &theirs.body else { return None };
    let (version, local) = (header.version, entry.description);
    let sent = our_description(entry, header, document);
    let sent = sent.as_ref().and_then(|document| document.devices.first()).map(|device| &device.body);
    // The sent description comes first, because its conditions and counts are decided.
    let difference = match sent {
        Some(SentBody::State(ours)) => first_difference_from_sent(ours, version, theirs),
        _ => None,
    };
    let difference = difference.or_else(|| first_difference(local?, version, theirs));
    difference.map(|difference| difference.to_string())
}

/// Describes the local device in the form of the stream's description.
fn our_description<T: Threading>(
    entry: &mut Entry<'_, T>,
    header: &SectionHeader,
    document: &Document,
) -> Option<Document> {
    let SectionHandler::Device(handle) = &mut entry.handler else { return None };
    // Both releases describe arrays of null pointers differently, which must not look like a difference of devices.
    let mut description = DescriptionWriter::new(Release::of(document), PageSize::DEFAULT.bytes(), None);
    let mut out = Writer::new();
    let described = handle.with(|device| {
        let (name, instance_id) = (&header.name, header.instance_id);
        description.section_by(name, instance_id, &mut out, |sink| device.describe_section(sink, header.version))
    });
    described.ok()?.ok()?;
    Document::parse(description.finish().as_bytes(), 0).ok()
}
