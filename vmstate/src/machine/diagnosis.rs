//! Why a section did not load: the first field in which the stream's own description of it differs from ours.
//!
//! QEMU's streams end with a description of what was sent. When a section fails, our device is described as it would be
//! sent now, and the two are compared. This finds what a missing footer never says: which field the two sides disagree on.

use std::borrow::Cow;

use vmstate_types::error::{Blame, Place};
use vmstate_types::{LoadError, Reader, Writer};

use super::load::Section;
use crate::ram::PageSize;
use crate::registry::{Entry, Handler};
use crate::schema::vmdesc::{self, Array, Document, Field, Located, Nested, Struct};
use crate::schema::{DescriptionWriter, Release};

/// Finds what is behind `error`, if the stream's description tells.
pub(super) fn find(
    error: &LoadError,
    entries: &mut [Entry<'_>],
    sections: &[Section],
    known: Option<&Document>,
    reader: &mut Reader<'_>,
) -> Option<String> {
    if !matches!(error.blame(), Blame::Bytes | Blame::Peer) {
        return None;
    }
    let read;
    let document = match known {
        Some(document) => document,
        None => {
            read = at_the_end(reader)?;
            &read
        }
    };
    let suspects = sections.iter().filter(|section| is_suspect(section, error, document));
    suspects.filter_map(|section| compare(entries.get_mut(section.entry)?, section, document)).next()
}

/// The description at the end of the stream, if the end can be had.
fn at_the_end(reader: &mut Reader<'_>) -> Option<Document> {
    let mut goal = 64 * 1024;
    loop {
        let tail = reader.tail(goal).ok()??;
        match vmdesc::locate(&tail) {
            Located::At(start) => return Document::parse(tail.get(start..)?, 0).ok(),
            Located::More if tail.len() == goal => goal *= 4,
            Located::More | Located::Absent => return None,
        }
    }
}

/// Whether the section may be at fault: it is the one that failed, or has not the size that is described.
fn is_suspect(section: &Section, error: &LoadError, document: &Document) -> bool {
    let failed = matches!(error.place(), Some(Place::Section { start, .. }) if *start == section.header.payload);
    let described = described(section, document).and_then(vmdesc::Device::wire_size);
    failed || (section.read.is_some() && described.is_some() && section.read != described)
}

fn described<'d>(section: &Section, document: &'d Document) -> Option<&'d vmdesc::Device> {
    let header = &section.header;
    document.devices.iter().find(|device| *device.name == *header.name && device.instance_id == header.instance_id)
}

/// The first difference between what the stream says a section has, and what we would send.
fn compare(entry: &mut Entry<'_>, section: &Section, document: &Document) -> Option<String> {
    let theirs = described(section, document)?;
    let ours = our_description(entry, section, document)?;
    let ours = ours.devices.first()?;
    match (&ours.body, &theirs.body) {
        (vmdesc::Body::State(ours), vmdesc::Body::State(theirs)) => structs(&ours.vmsd_name, ours, theirs),
        _ => None,
    }
}

/// How our device describes itself, in the form of the stream's description.
fn our_description(entry: &mut Entry<'_>, section: &Section, document: &Document) -> Option<Document> {
    let Handler::Device(handle) = &mut entry.handler else { return None };
    let release = if document.configuration.is_some() { Release::Qemu10_0 } else { Release::Qemu7_2 };
    let mut description = DescriptionWriter::new(release, PageSize::DEFAULT.bytes(), None);
    let (header, mut out) = (&section.header, Writer::new());
    let mut saved = None;
    let lent = handle.lend(&mut |device| {
        let (name, instance_id) = (&header.name, header.instance_id);
        let described =
            description.section_by(name, instance_id, &mut out, |sink| device.describe_section(sink, header.version));
        saved = described.ok();
    });
    lent.ok()?;
    saved?;
    Document::parse(description.finish().as_bytes(), 0).ok()
}

fn structs(path: &str, ours: &Struct, theirs: &Struct) -> Option<String> {
    fields(path, &ours.fields, &theirs.fields).or_else(|| {
        let names = |own: &Struct| own.subsections.iter().map(|sub| sub.vmsd_name.clone()).collect::<Vec<_>>();
        let (local, received) = (names(ours), names(theirs));
        // Subsections that both have; that one side lacks one is no mistake by itself.
        ours.subsections
            .iter()
            .find_map(|sub| {
                let other = theirs.subsections.iter().find(|other| other.vmsd_name == sub.vmsd_name)?;
                structs(path, sub, other)
            })
            .or_else(|| {
                let unknown = received.iter().find(|name| !local.contains(name))?;
                Some(format!("the stream has the subsection `{unknown}`, which this side does not have, or not now"))
            })
    })
}

fn fields(path: &str, ours: &[Field], theirs: &[Field]) -> Option<String> {
    let mut pairs = ours.iter().zip(theirs).enumerate();
    let different = pairs.find_map(|(index, (local, received))| {
        let inside = format!("{path}.{}", local.name);
        if local.name == received.name {
            return field(&inside, local, received);
        }
        let later = |fields: &[Field], name: &str| fields.iter().skip(index).any(|field| *field.name == *name);
        if later(theirs, &local.name) {
            Some(extra_there(path, received))
        } else if later(ours, &received.name) {
            Some(extra_here(path, local))
        } else {
            // Perhaps it only has another name.
            field(&inside, local, received)
        }
    });
    let (shorter, longer) = (ours.len().min(theirs.len()), ours.len().max(theirs.len()));
    different.or_else(|| match longer > shorter {
        true if ours.len() == longer => ours.get(shorter).map(|field| extra_here(path, field)),
        true => theirs.get(shorter).map(|field| extra_there(path, field)),
        false => None,
    })
}

fn extra_here(path: &str, field: &Field) -> String {
    format!(
        "this side expects the field `{path}.{}` ({}), which the stream does not have: it is new here and has no gate, or \
         its condition says the wrong thing",
        field.name,
        form(field)
    )
}

fn extra_there(path: &str, field: &Field) -> String {
    format!(
        "the stream has the field `{path}.{}` ({}), which this side does not expect: it was removed here, or its \
         condition says the wrong thing",
        field.name,
        form(field)
    )
}

/// Compares two fields that stand in the same place.
fn field(path: &str, ours: &Field, theirs: &Field) -> Option<String> {
    match (&ours.nested, &theirs.nested) {
        (Nested::Struct(local), Nested::Struct(received)) => {
            if let Some(inside) = structs(path, local, received) {
                return Some(inside);
            }
        }
        (Nested::Inline(local), Nested::Inline(received)) => {
            if let Some(inside) =
                local.iter().zip(received).find_map(|(local, received)| structs(path, local, received))
            {
                return Some(inside);
            }
        }
        _ => {}
    }
    let (local, received) = (form(ours), form(theirs));
    let reason = match (local == received, count(ours) == count(theirs)) {
        (true, _) => return None,
        (false, false) => "the count comes from elsewhere, or is another one in that version",
        (false, true) => "it has another type there",
    };
    let name = if ours.name == theirs.name { String::new() } else { format!(" (`{}` there)", theirs.name) };
    Some(format!("the field `{path}`{name} is {local} on this side and {received} in the stream: {reason}"))
}

fn count(field: &Field) -> Option<u64> {
    match field.array {
        Array::Len(count) => Some(count),
        Array::None | Array::Index(_) => None,
    }
}

/// `16 x uint8 of 1 byte`.
fn form(field: &Field) -> String {
    let plural = if field.size == 1 { "" } else { "s" };
    let count = count(field).map_or(Cow::Borrowed(""), |count| Cow::Owned(format!("{count} x ")));
    format!("{count}{} of {} byte{plural}", field.type_name, field.size)
}
