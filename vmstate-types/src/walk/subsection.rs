//! Subsections: their headers, and the decision whether the bytes after a struct are one of its subsections.

use alloc::format;

use crate::description::{Absent, Description};
use crate::error::{LoadError, LoadErrorKind, SaveError};
use crate::sink::Sink;
use crate::state::VmState;
use crate::wire::{Ahead, Reader};

/// The byte before each subsection (`QEMU_VM_SUBSECTION`).
const SUBSECTION: u8 = 0x05;

/// The byte after the last subsection of a checkpoint. Streams have no such byte, which makes them ambiguous.
const END_OF_SUBSECTIONS: u8 = 0;

/// Ends the subsections of a struct that has at least one.
#[inline]
pub(super) fn end_subsections<S: Sink>(sink: &mut S) {
    let out = sink.out();
    if out.is_checkpoint() {
        out.u8(END_OF_SUBSECTIONS);
    }
}

/// Saves one subsection at `version`: its header, and the bytes that `body` writes.
///
/// # Errors
/// Returns the error of `body`.
#[doc(hidden)]
pub fn save_subsection<S: Sink>(
    sink: &mut S,
    description: &'static Description,
    version: u32,
    body: impl FnOnce(&mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    sink.begin_subsection();
    put_header(sink, description.name, version);
    body(sink)?;
    sink.end_subsection();
    Ok(())
}

/// Writes the header of the subsection `name`. The derive macro rejects longer names than a length byte can hold.
fn put_header<S: Sink>(sink: &mut S, name: &str, version: u32) {
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    let name = name.as_bytes().get(..usize::from(length)).unwrap_or_default();
    sink.bytes(&[SUBSECTION, length]);
    sink.bytes(name);
    sink.bytes(&version.to_be_bytes());
}

/// The subsections of a struct of any type, so that [`load_all`] is compiled once and not per type.
trait Subsections {
    /// Calls [`VmState::load_subsection`].
    fn load(&mut self, index: usize, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>;

    /// Calls [`VmState::subsection_absent`].
    fn absent(&mut self, index: usize, checkpoint: bool) -> Result<(), LoadError>;
}

/// The subsections of the struct `T`.
struct Own<'a, T>(&'a mut T);

impl<T: VmState> Subsections for Own<'_, T> {
    fn load(&mut self, index: usize, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        self.0.load_subsection(index, reader, version)
    }

    fn absent(&mut self, index: usize, checkpoint: bool) -> Result<(), LoadError> {
        self.0.subsection_absent(index, checkpoint)
    }
}

/// Loads the subsections of `value`, which has at least one.
#[inline]
pub(super) fn load_subsections<T: VmState>(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    load_all(T::DESCRIPTION, &mut Own(value), reader)
}

/// Loads subsections in any order, as QEMU does, and handles the absent ones.
fn load_all(parent: &'static Description, own: &mut dyn Subsections, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    // One bit per subsection; the derive macro rejects structs with more than 128.
    let mut seen = 0_u128;
    while let Some(header) = next_subsection(parent, reader)? {
        // Neither the order nor repetitions are checked, as in QEMU: the last copy of a subsection counts.
        seen |= 1 << (header.index % 128);
        let description = parent.subsections[header.index].description;
        own.load(header.index, reader, header.version).map_err(|error| error.in_subsection(description.name))?;
    }
    for (index, subsection) in parent.subsections.iter().enumerate() {
        let handled = subsection.absent != Absent::Keep || reader.is_checkpoint();
        if handled && seen >> (index % 128) & 1 == 0 {
            own.absent(index, reader.is_checkpoint()).map_err(|error| error.at_offset(reader.offset()))?;
        }
    }
    Ok(())
}

/// Checks that `parent`, a struct without subsections, is not followed by one.
///
/// # Errors
/// Returns an error if a subsection follows whose name begins with the struct's name: QEMU attributes such a subsection
/// to the struct and fails as well (`vmstate_subsection_load` in `migration/vmstate.c`).
#[inline]
pub fn end_of_subsections(parent: &'static Description, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    if reader.may_begin_with(SUBSECTION) && !reader.is_checkpoint() {
        return reject_subsection(parent, reader.ahead());
    }
    Ok(())
}

#[cold]
#[inline(never)]
fn reject_subsection(parent: &Description, mut ahead: Ahead<'_, '_>) -> Result<(), LoadError> {
    let start = ahead.offset();
    match subsection_name(parent, &mut ahead)? {
        Some(name) => Err(unknown_subsection(parent, name).at_offset(start)),
        None => Ok(()),
    }
}

/// Returns the name of the next subsection, if one follows whose name begins with the name of `parent`.
fn subsection_name<'n>(parent: &Description, ahead: &'n mut Ahead<'_, '_>) -> Result<Option<&'n [u8]>, LoadError> {
    // Only peeked: the bytes belong to the next field or section unless they name a subsection of `parent`.
    let &[SUBSECTION, length] = ahead.peek(2)? else { return Ok(None) };
    let length = usize::from(length);
    // QEMU requires at least one byte more than the parent's name, usually the slash.
    if length <= parent.name.len() {
        return Ok(None);
    }
    let name = ahead.peek(2 + length)?.get(2..2 + length);
    Ok(name.filter(|name| name.starts_with(parent.name.as_bytes())))
}

/// The header of a known subsection.
struct SubsectionHeader {
    index: usize,
    version: u32,
}

/// Consumes the header of the next subsection of `parent`, if one follows.
///
/// The decision matches `vmstate_subsection_load` in QEMU's `migration/vmstate.c`, including its quirks: bytes that
/// do not look like a subsection whose name begins with the parent's name are left to the next reader, an unknown name
/// with that prefix is an error, and only the low byte of the version counts, because QEMU stores it in a `uint8_t`.
fn next_subsection(parent: &Description, reader: &mut Reader<'_>) -> Result<Option<SubsectionHeader>, LoadError> {
    if reader.is_checkpoint() && is_end_of_subsections(reader)? {
        return Ok(None);
    }
    let mut ahead = reader.ahead();
    let start = ahead.offset();
    let Some(name) = subsection_name(parent, &mut ahead)? else { return Ok(None) };
    let length = name.len();
    let index = match parent.subsections.iter().position(|own| own.description.name.as_bytes() == name) {
        Some(index) => index,
        None => return Err(unknown_subsection(parent, name).at_offset(start)),
    };
    reader.skip(2 + length as u64)?;
    // From here on the name has decided that it is a subsection, so that a missing version is an error.
    let version = reader.array::<4>().map_err(|error| error.in_subsection(parent.subsections[index].description.name));
    let [.., version] = version?;
    Ok(Some(SubsectionHeader { index, version: u32::from(version) }))
}

fn is_end_of_subsections(reader: &mut Reader<'_>) -> Result<bool, LoadError> {
    let ends = reader.peek(1)? == [END_OF_SUBSECTIONS];
    if ends {
        reader.skip(1)?;
    }
    Ok(ends)
}

fn unknown_subsection(parent: &Description, name: &[u8]) -> LoadError {
    let name = name.escape_ascii();
    LoadError::new(LoadErrorKind::Subsection, format!("a subsection that `{}` has", parent.name), format!("\"{name}\""))
        .or_advice("the source is newer, or has an option enabled that the destination lacks")
        .with_qemu_message(format!("VM subsection '{name}' in '{}' does not exist", parent.name))
}

/// Creates the error for a required subsection that is missing.
#[doc(hidden)]
#[must_use]
pub fn missing_subsection(description: &Description) -> LoadError {
    LoadError::new(LoadErrorKind::Subsection, format!("the subsection \"{}\"", description.name), "none")
        .or_advice("the source is older, or has an option disabled that the destination needs")
}
