//! Compares the subsections of two structs. Unlike fields, they have names and versions on the wire, so their order
//! does not matter for the comparison.

use std::collections::HashMap;

use vmstate_types::description::Absent;

use super::finder::{Direction, Finder, Nesting};
use super::rule::Rule;
use super::side::{CompareStructs, Side};
use crate::schema::shape::{Shape, ShapeSubsection};

/// Compares the subsections of a written struct with the subsections of the struct that reads it. A side without
/// subsections at this position is `None`.
pub(super) fn compare(finder: &mut Finder<'_>, written: Option<&Shape>, read: Option<&Shape>, structs: CompareStructs) {
    let written = written.map_or(&[][..], |shape| &shape.subsections);
    let read = read.map_or(&[][..], |shape| &shape.subsections);
    let (written_by_name, read_by_name) = (by_name(written), by_name(read));
    for one in written {
        match read_by_name.get(&*one.shape.name) {
            Some(other) => both(finder, &one.shape, &other.shape, structs),
            None => unknown(finder, &one.shape),
        }
    }
    for other in read.iter().filter(|other| other.absent == Absent::Error) {
        let sent = match written_by_name.get(&*other.shape.name) {
            Some(one) if finder.is_sent() || !one.shape.conditional => continue,
            Some(_) => "sent when needed",
            None => "nothing",
        };
        finder.at(&other.shape.name).report(Rule::SubsectionRequired, sent, "required");
    }
}

/// Returns the subsections by name. QEMU loads a subsection into the first one of its name
/// (`vmstate_get_subsection` in migration/vmstate.c).
fn by_name(all: &[ShapeSubsection]) -> HashMap<&str, &ShapeSubsection> {
    all.iter().rev().map(|subsection| (&*subsection.shape.name, subsection)).collect()
}

fn unknown(finder: &mut Finder<'_>, written: &Shape) {
    let rule = match finder.direction() {
        _ if finder.reads_sent() => Rule::SubsectionAdded,
        _ if finder.is_sent() || !written.conditional => Rule::SubsectionAlways,
        Direction::OldToNew if finder.guesses() => Rule::SubsectionGone,
        Direction::OldToNew => Rule::SubsectionRemoved,
        Direction::NewToOld => Rule::SubsectionAdded,
    };
    finder.at(&written.name).report(rule, "a subsection", "no such subsection");
}

fn both(finder: &mut Finder<'_>, written: &Shape, read: &Shape, structs: CompareStructs) {
    let mut finder = finder.at(&written.name);
    // The header of a subsection contains its version.
    finder.set_nesting(Nesting { own_versions: false, ..finder.nesting() });
    if let Some(version) = version(&mut finder, written, read) {
        structs(&mut finder, Side { shape: written, version }, Side { shape: read, version });
    }
}

/// Returns the version at which the reader loads the written struct, or `None` if it does not load it by its fields.
pub(super) fn version(finder: &mut Finder<'_>, written: &Shape, read: &Shape) -> Option<u32> {
    let version = written.version;
    if version > read.version {
        finder.report(Rule::VersionTooNew, format!("version {version}"), format!("at most {}", read.version));
        return None;
    }
    match read.oldest_loaded() {
        Some(oldest) if version < oldest => {
            finder.report(Rule::VersionTooOld, format!("version {version}"), format!("at least {oldest}"));
            None
        }
        // `load_old` reads this version, by code whose layout is unknown.
        Some(_) if read.minimum_version.is_some_and(|minimum| version < minimum) => None,
        _ => Some(version),
    }
}
