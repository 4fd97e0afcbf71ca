//! Subsections: what is written before them, and whether what follows a struct is one of its own.

use alloc::format;

use crate::description::{Absent, Description};
use crate::error::{LoadError, LoadErrorKind, SaveError};
use crate::sink::Sink;
use crate::state::VmState;
use crate::wire::{Ahead, Reader};

/// The byte before each subsection (`QEMU_VM_SUBSECTION`).
const SUBSECTION: u8 = 0x05;

/// The byte after the last subsection of a checkpoint. Streams have none, which makes them ambiguous.
const END_OF_SUBSECTIONS: u8 = 0;

/// Saves all subsections of `value`, which has some.
///
/// # Errors
/// What a subsection says.
#[inline]
pub(super) fn save_subsections<T: VmState, S: Sink>(
    value: &mut T,
    sink: &mut S,
    version: u32,
) -> Result<(), SaveError> {
    value.save_subsections(sink, version)?;
    let out = sink.out();
    if out.is_checkpoint() {
        out.u8(END_OF_SUBSECTIONS);
    }
    Ok(())
}

/// Saves one subsection at `version`: its header, and what `body` writes.
///
/// # Errors
/// Those of `body`.
#[doc(hidden)]
pub fn save_subsection<S: Sink>(
    sink: &mut S,
    description: &'static Description,
    version: u32,
    body: impl FnOnce(&mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    sink.begin_subsection();
    let out = sink.out();
    out.u8(SUBSECTION);
    out.counted_str(description.name);
    out.u32(version);
    body(sink)?;
    sink.end_subsection();
    Ok(())
}

/// The subsections of a struct, whatever its type: so what is done with them is compiled once.
trait Subsections {
    /// As [`VmState::load_subsection`].
    fn load(&mut self, index: usize, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>;

    /// As [`VmState::subsection_absent`].
    fn absent(&mut self, index: usize, checkpoint: bool) -> Result<(), LoadError>;
}

/// A struct's own subsections.
struct Own<'a, T>(&'a mut T);

impl<T: VmState> Subsections for Own<'_, T> {
    fn load(&mut self, index: usize, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        self.0.load_subsection(index, reader, version)
    }

    fn absent(&mut self, index: usize, checkpoint: bool) -> Result<(), LoadError> {
        self.0.subsection_absent(index, checkpoint)
    }
}

/// Loads the subsections that follow, as far as they are those of `value`, which has some.
#[inline]
pub(super) fn load_subsections<T: VmState>(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    load_all(T::DESCRIPTION, &mut Own(value), reader)
}

/// The same for any type.
fn load_all(parent: &'static Description, own: &mut dyn Subsections, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    // The derive refuses structs with more subsections than bits.
    let mut seen = 0_u128;
    while let Some(header) = next_subsection(parent, reader)? {
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

/// Whether what follows a struct without subsections, or a subsection, is not one of its own, which it does not have.
///
/// # Errors
/// When it is: QEMU takes any subsection whose name begins with the struct's for one of its own.
#[inline]
pub fn end_of_subsections(parent: &'static Description, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    match reader.may_begin_with(SUBSECTION) && !reader.is_checkpoint() {
        true => refuse_subsection(parent, reader.ahead()),
        false => Ok(()),
    }
}

#[cold]
#[inline(never)]
fn refuse_subsection(parent: &Description, mut ahead: Ahead<'_, '_>) -> Result<(), LoadError> {
    let start = ahead.offset();
    match subsection_name(parent, &mut ahead)? {
        Some(name) => Err(unknown_subsection(parent, name).at_offset(start)),
        None => Ok(()),
    }
}

/// The name of the subsection that comes next, if one does whose name begins with the name of `parent`.
fn subsection_name<'n>(parent: &Description, ahead: &'n mut Ahead<'_, '_>) -> Result<Option<&'n [u8]>, LoadError> {
    let &[SUBSECTION, length] = ahead.peek(2)? else { return Ok(None) };
    let length = usize::from(length);
    if length <= parent.name.len() {
        return Ok(None);
    }
    let name = ahead.peek(2 + length)?.get(2..2 + length);
    Ok(name.filter(|name| name.starts_with(parent.name.as_bytes())))
}

/// A subsection that begins in the stream and is one of ours.
struct SubsectionHeader {
    index: usize,
    version: u32,
}

/// Consumes the next subsection's header if it is one of `parent`'s.
///
/// The decision is QEMU's (`vmstate_subsection_load`), its faults included: bytes that do not look like a subsection
/// whose name begins with the parent's belong to somebody else and are left alone; one that does and is not known
/// is an error; the version is cut to its low byte.
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
        .or_advice("the other side is newer or has an option on that this side lacks")
        .with_qemu_message(format!("VM subsection '{name}' in '{}' does not exist", parent.name))
}

/// Whether the subsection that was just loaded is followed by one of its own, which it does not have.
///
/// # Errors
/// When it is: QEMU takes any subsection whose name begins with this one's for one of its own.
#[doc(hidden)]
pub fn end_of_subsection(description: &Description, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    next_subsection(description, reader).map(drop)
}

/// The error for a subsection that is not in the stream but must be.
#[doc(hidden)]
#[must_use]
pub fn missing_subsection(description: &Description) -> LoadError {
    LoadError::new(LoadErrorKind::Subsection, format!("the subsection \"{}\"", description.name), "none")
        .or_advice("the other side is older, or has an option off that this side needs")
}
