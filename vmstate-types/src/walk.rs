//! The two walks over a described struct, in QEMU's order of hooks, fields and subsections.
//!
//! What differs from struct to struct is generated; what is the same for all is here, once.
//! (QEMU: `vmstate_save_state_v` and `vmstate_load_state` in `migration/vmstate.c`.)

use alloc::format;
use core::ops::Range;

use crate::description::{Absent, Count, Description, Field, Form, Kind, Subsection};
use crate::error::{LoadError, SaveError};
use crate::sink::{At, Element, Sink};
use crate::state::{VmState, Wire};
use crate::wire::{Ahead, Reader, Writer};

/// The byte before each subsection (`QEMU_VM_SUBSECTION`).
const SUBSECTION: u8 = 0x05;

/// The byte after the last subsection of a checkpoint. Streams have none, which makes them ambiguous.
const END_OF_SUBSECTIONS: u8 = 0;

/// Saves `value` as it was at `version`.
///
/// # Errors
/// What a hook, a nested struct or a value that does not fit its wire type says.
#[inline]
pub fn save<T: VmState, S: Sink>(value: &mut T, sink: &mut S, version: u32) -> Result<(), SaveError> {
    if const { T::DESCRIPTION.hooks.pre_save } {
        let before = value.pre_save(version);
        heed_saving(sink, before)?;
    }
    sink.begin_struct(T::DESCRIPTION, version);
    let saved = match value.save_fields(sink, version) {
        Ok(()) if const { !T::DESCRIPTION.subsections.is_empty() } => save_subsections(value, sink, version),
        done => done,
    };
    sink.end_struct();
    if const { !T::DESCRIPTION.hooks.post_save } {
        return saved;
    }
    // Even after a failure, which is then what is reported.
    let after = value.post_save(version);
    match saved {
        Ok(()) => heed_saving(sink, after),
        failed => failed,
    }
}

#[inline]
fn save_subsections<T: VmState, S: Sink>(value: &mut T, sink: &mut S, version: u32) -> Result<(), SaveError> {
    value.save_subsections(sink, version)?;
    let out = sink.out();
    if out.is_checkpoint() {
        out.u8(END_OF_SUBSECTIONS);
    }
    Ok(())
}

/// Loads `value` as it was saved at `version`.
///
/// # Errors
/// When the version is not supported, the bytes are not what the description says, or a hook refuses.
#[inline]
pub fn load<T: VmState>(value: &mut T, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
    let due = decode(value, reader, version)?;
    if const { T::DESCRIPTION.hooks.post_load } && due == PostLoad::Due {
        let after = finish(value, version);
        heed_loading(reader, after)?;
    }
    Ok(())
}

/// Whether [`decode`] leaves the hook `post_load` to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostLoad {
    /// Call [`finish`].
    Due,
    /// There is none, or the old loader did all there is to do.
    None,
}

/// Loads `value` as it was saved at `version`, all but its own `post_load`: that can wait until it is known that the
/// rest of the machine loads too. The hooks of nested structs and of subsections run in their places.
///
/// # Errors
/// As [`load`].
#[inline]
pub fn decode<T: VmState>(value: &mut T, reader: &mut Reader<'_>, version: u32) -> Result<PostLoad, LoadError> {
    if const { T::DESCRIPTION.oldest_version.is_some() } && is_old(T::DESCRIPTION, version) {
        // QEMU leaves everything else to the old loader, the hooks included.
        let start = reader.offset();
        return match value.load_old(reader, version) {
            Ok(()) => Ok(PostLoad::None),
            Err(error) => Err(error.at(start)),
        };
    }
    if !is_supported(T::DESCRIPTION, version) {
        return Err(refuse_version(T::DESCRIPTION, version, reader));
    }
    if const { T::DESCRIPTION.hooks.pre_load } {
        let before = value.pre_load(version);
        heed_loading(reader, before)?;
    }
    value.load_fields(reader, version)?;
    match const { T::DESCRIPTION.subsections.is_empty() } {
        true => end_of_subsections(T::DESCRIPTION, reader)?,
        false => load_subsections(T::DESCRIPTION, &mut Own(value), reader)?,
    }
    Ok(if const { T::DESCRIPTION.hooks.post_load } { PostLoad::Due } else { PostLoad::None })
}

/// Runs the hook `post_load` of what [`decode`] has loaded.
///
/// # Errors
/// What the hook returns.
#[inline]
pub fn finish<T: VmState>(value: &mut T, version: u32) -> Result<(), LoadError> {
    value.post_load(version)
}

/// Copies the state of `value` to the end of `to`, so that [`restore`] can go back to it after a load has failed.
///
/// This is not what a stream has: subsections and removed fields are there whether they are needed or not, for a load
/// may change them. Hooks run as for a save, but cannot refuse; conditions (`must_exist`) are not looked at.
///
/// # Errors
/// When a value does not fit its wire type. The device cannot be saved at all then.
pub fn checkpoint<T: VmState>(value: &mut T, to: &mut Writer) -> Result<(), SaveError> {
    let before = to.set_checkpoint(true);
    let saved = save(value, to, T::DESCRIPTION.version);
    to.set_checkpoint(before);
    saved.map_err(|error| error.in_field(T::DESCRIPTION.name))
}

/// Makes `value` again what it was when `bytes` were made of it by [`checkpoint`].
///
/// Hooks run as for a load, so that what they derive from the state fits it again, but cannot refuse.
///
/// # Errors
/// When `bytes` are not from this device, or it is not as it was in a way that no load can cause.
pub fn restore<T: VmState>(value: &mut T, bytes: &[u8]) -> Result<(), LoadError> {
    load(value, &mut Reader::of_checkpoint(bytes), T::DESCRIPTION.version)
}

/// What a hook or a condition said counts, but not when a checkpoint is made.
///
/// # Errors
/// Those of `outcome`.
#[inline]
#[doc(hidden)]
pub fn heed_saving<S: Sink>(sink: &mut S, outcome: Result<(), SaveError>) -> Result<(), SaveError> {
    match outcome {
        Err(error) => heed_save_error(sink.out().is_checkpoint(), error),
        Ok(()) => Ok(()),
    }
}

#[cold]
#[inline(never)]
fn heed_save_error(is_checkpoint: bool, error: SaveError) -> Result<(), SaveError> {
    if is_checkpoint { Ok(()) } else { Err(error) }
}

/// What a hook or a condition said counts, but not on the way back to a checkpoint.
///
/// # Errors
/// Those of `outcome`, at this place of the stream.
#[inline]
#[doc(hidden)]
pub fn heed_loading(reader: &Reader<'_>, outcome: Result<(), LoadError>) -> Result<(), LoadError> {
    match outcome {
        Err(error) => heed_load_error(reader, error),
        Ok(()) => Ok(()),
    }
}

#[cold]
#[inline(never)]
fn heed_load_error(reader: &Reader<'_>, error: LoadError) -> Result<(), LoadError> {
    if reader.is_checkpoint() { Ok(()) } else { Err(error.at(reader.offset())) }
}

/// Whether what was saved at `version` can be loaded.
///
/// # Errors
/// When it is newer than the description's version, or older than its minimum.
pub fn check_version(description: &Description, version: u32) -> Result<(), LoadError> {
    match is_supported(description, version) {
        true => Ok(()),
        false => Err(unsupported(description, version)),
    }
}

/// Whether the fields can be loaded as they were at `version`.
#[inline]
const fn is_supported(description: &Description, version: u32) -> bool {
    description.minimum_version <= version && version <= description.version
}

/// Whether the device's own loader of old versions is for `version`.
#[inline]
const fn is_old(description: &Description, version: u32) -> bool {
    match description.oldest_version {
        Some(oldest) => oldest <= version && version < description.minimum_version,
        None => false,
    }
}

/// The error for a version that cannot be loaded, with the place of the first byte that was not read.
#[cold]
#[inline(never)]
fn refuse_version(description: &Description, version: u32, reader: &Reader<'_>) -> LoadError {
    unsupported(description, version).at(reader.offset())
}

/// The error for a version that cannot be loaded.
#[cold]
#[inline(never)]
fn unsupported(description: &Description, version: u32) -> LoadError {
    let Description { name, version: local, minimum_version: minimum, .. } = *description;
    if version > local {
        return LoadError::incompatible(format!("at most version {local} of `{name}`"), format!("version {version}"))
            .advise("save on the other side at an older version, or load with a newer release")
            .qemu_says(format!("{name}: incoming version_id {version} is too new for local version_id {local}"));
    }
    LoadError::incompatible(format!("at least version {minimum} of `{name}`"), format!("version {version}"))
        .advise("load it with an older release and save again there")
        .qemu_says(format!("{name}: incoming version_id {version} is too old for local minimum version_id {minimum}"))
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

/// Loads the subsections that follow, as far as they are those of `parent`, a description that has some.
fn load_subsections(
    parent: &'static Description,
    own: &mut dyn Subsections,
    reader: &mut Reader<'_>,
) -> Result<(), LoadError> {
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
            own.absent(index, reader.is_checkpoint()).map_err(|error| error.at(reader.offset()))?;
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
        Some(name) => Err(unknown_subsection(parent, name).at(start)),
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
        None => return Err(unknown_subsection(parent, name).at(start)),
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
    LoadError::incompatible(format!("a subsection that `{}` has", parent.name), format!("\"{name}\""))
        .advise("the other side is newer or has an option on that this side lacks")
        .qemu_says(format!("VM subsection '{name}' in '{}' does not exist", parent.name))
}

/// Saves a struct that stands in a field, at its own version whatever the parent's is (QEMU's `VMS_STRUCT`).
///
/// # Errors
/// Those of [`save`].
#[inline]
#[doc(hidden)]
pub fn save_struct<T: VmState + Wire, S: Sink>(
    value: &mut T,
    sink: &mut S,
    at: At,
    element: Element,
) -> Result<(), SaveError> {
    if const { T::FIXED.is_none() } {
        return save_view(value, sink, at, element);
    }
    let size = const { fixed_size(T::FIXED) };
    if element.count == 1 {
        value.put(sink.out().claim(size));
        sink.fixed(at.parent, at.field..at.field + 1);
        return Ok(());
    }
    sink.begin_element(at, element);
    sink.begin_struct(T::DESCRIPTION, T::DESCRIPTION.version);
    value.put(sink.out().claim(size));
    sink.fixed(T::DESCRIPTION, 0..T::DESCRIPTION.fields.len());
    sink.end_struct();
    sink.end_element();
    Ok(())
}

/// Loads a struct that stands in a field, at its own version.
///
/// # Errors
/// Those of [`load`].
#[inline]
#[doc(hidden)]
pub fn load_struct<T: VmState + Wire>(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    if const { T::FIXED.is_none() } {
        return load(value, reader, T::DESCRIPTION.version);
    }
    let size = const { fixed_size(T::FIXED) };
    value.get(load_run(reader, size, T::DESCRIPTION, 0..T::DESCRIPTION.fields.len())?);
    Ok(())
}

/// The bytes that a value takes; 0 if that is not fixed.
pub(crate) const fn fixed_size(fixed: Option<usize>) -> usize {
    match fixed {
        Some(size) => size,
        None => 0,
    }
}

/// Saves a value of another crate, which `view` shows as a struct, in a field.
///
/// # Errors
/// Those of [`save`].
#[doc(hidden)]
pub fn save_view<T: VmState, S: Sink>(view: &mut T, sink: &mut S, at: At, element: Element) -> Result<(), SaveError> {
    sink.begin_element(at, element);
    save(view, sink, T::DESCRIPTION.version)?;
    sink.end_element();
    Ok(())
}

/// Claims the bytes of the fixed-size fields number `fields` of `parent` in one go: `size` bytes.
///
/// # Errors
/// When the stream ends before the last of them; the error names the field in which it does.
#[doc(hidden)]
#[inline]
pub fn load_run<'r>(
    reader: &'r mut Reader<'_>,
    size: usize,
    parent: &'static Description,
    fields: Range<usize>,
) -> Result<&'r [u8], LoadError> {
    reader.claim_run(size, parent.fields, fields)
}

/// The bytes that the `count` fields from number `first` on take, all of which have fixed sizes.
#[doc(hidden)]
#[must_use]
pub const fn run_size(parent: &Description, first: usize, count: usize) -> usize {
    let mut size = 0;
    let mut index = first;
    while index < first + count {
        if let Some(field) = parent.fields[index].form.total_size() {
            size += field;
        }
        index += 1;
    }
    size
}

/// A part of a run of neighbours: fields of fixed size, up to one that has none.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// The bytes of the block.
    pub size: usize,
    /// The number of its first field.
    first: usize,
    /// The number of the field behind its last one.
    until: usize,
}

/// For each of the `N` fields from number `first` on, the block that it is in or ends. Their descriptions say how large
/// they are, but for the fields that `types` has by their indices, counted from the first: whether those have a fixed size
/// only their types say.
#[doc(hidden)]
#[must_use]
pub const fn blocks<const N: usize>(
    parent: &Description,
    first: usize,
    mut types: &[(usize, Option<usize>)],
) -> [Block; N] {
    let mut blocks = [Block { size: 0, first, until: first }; N];
    let (mut begin, mut index, mut bytes) = (0, 0, 0);
    while index < N {
        let size = match types {
            [(typed, size), rest @ ..] if *typed == index => {
                types = rest;
                *size
            }
            _ => Some(run_size(parent, first + index, 1)),
        };
        bytes += fixed_size(size);
        index += 1;
        if size.is_none() || index == N {
            let until = if size.is_none() { index - 1 } else { N };
            let block = Block { size: bytes, first: first + begin, until: first + until };
            while begin < index {
                blocks[begin] = block;
                begin += 1;
            }
            bytes = 0;
        }
    }
    blocks
}

/// Says that the fields of the block have been written.
#[doc(hidden)]
#[inline]
pub fn end_block<S: Sink>(sink: &mut S, parent: &'static Description, block: &Block) {
    if block.first < block.until {
        sink.fixed(parent, block.first..block.until);
    }
}

/// Claims the bytes of the block.
///
/// # Errors
/// Those of [`load_run`].
#[doc(hidden)]
#[inline]
pub fn load_block<'r>(
    reader: &'r mut Reader<'_>,
    parent: &'static Description,
    block: &Block,
) -> Result<&'r [u8], LoadError> {
    load_run(reader, block.size, parent, block.first..block.until)
}

/// The bytes that values of fixed size take together; `None` if one of them has no fixed size.
#[doc(hidden)]
#[must_use]
pub const fn sum(sizes: &[Option<usize>]) -> Option<usize> {
    let mut sum = 0;
    let mut index = 0;
    while index < sizes.len() {
        match sizes[index] {
            Some(size) => sum += size,
            None => return None,
        }
        index += 1;
    }
    Some(sum)
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
    LoadError::incompatible(format!("the subsection \"{}\"", description.name), "none")
        .advise("the other side is older, or has an option off that this side needs")
}

/// Whether what follows field number `index` of `parent` can look like a subsection of the struct in that field, which
/// has the form `form`.
///
/// The format does not say where a struct ends. A reader that has read the fields of one takes for a subsection of it
/// whatever begins with the byte 0x05, a length, and the struct's name.
#[doc(hidden)]
#[must_use]
pub const fn is_ambiguous(form: Form, parent: &Description, index: usize) -> bool {
    let Form { kind: Kind::Struct(inner), count, .. } = form else { return false };
    if !matches!(count, Count::One | Count::Fixed(0 | 1)) {
        return ends_in_subsections(inner) && may_begin_like_subsection(inner.fields);
    }
    match parent.fields.split_at(index + 1).1 {
        [] => takes_subsections(inner, parent.subsections),
        next => ends_in_subsections(inner) && may_begin_like_subsection(next),
    }
}

/// Whether the last bytes of the struct can be a subsection.
const fn ends_in_subsections(description: &Description) -> bool {
    if !description.subsections.is_empty() {
        return true;
    }
    match description.fields.last() {
        Some(Field { form: Form { kind: Kind::Struct(last), .. }, .. }) => ends_in_subsections(last),
        _ => false,
    }
}

/// Whether the first byte of the fields can be that of a subsection.
const fn may_begin_like_subsection(fields: &[Field]) -> bool {
    let Some((first, rest)) = fields.split_first() else { return true };
    let can = match first.form.kind {
        // Nothing but 0 and 1 is written for a bool, and nothing but 0 for padding.
        Kind::Info(name) => !is_same(name.as_bytes(), b"bool") && !is_same(name.as_bytes(), b"unused_buffer"),
        Kind::Struct(inner) => may_begin_like_subsection(inner.fields),
        _ => true,
    };
    can || (first.is_gated() && may_begin_like_subsection(rest))
}

/// Whether a subsection of a struct whose last field is `inner` has a name that begins with the name of `inner`.
const fn takes_subsections(inner: &Description, mut subsections: &[Subsection]) -> bool {
    while let Some((first, rest)) = subsections.split_first() {
        if is_subsection_name(first.description.name, inner.name) {
            return true;
        }
        subsections = rest;
    }
    false
}

/// Whether `name` begins with `parent`'s name and goes on, which is what makes a subsection the parent's.
///
/// QEMU's own names go on with a slash, all but a few (`or-irq-extras`).
#[doc(hidden)]
#[must_use]
pub const fn is_subsection_name(name: &str, parent: &str) -> bool {
    match name.as_bytes().split_at_checked(parent.len()) {
        Some((start, rest)) => is_same(start, parent.as_bytes()) && !rest.is_empty(),
        None => false,
    }
}

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    let mut index = 0;
    while index < left.len() && index < right.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    left.len() == right.len()
}
