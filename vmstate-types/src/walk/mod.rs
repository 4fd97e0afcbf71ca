//! The two walks over a described struct, in QEMU's order of hooks, fields and subsections.
//!
//! What differs from struct to struct is generated; what is the same for all is here, once.
//! (QEMU: `vmstate_save_state_v` and `vmstate_load_state` in `migration/vmstate.c`.)

mod ambiguity;
mod run;
mod subsection;

use alloc::format;

pub use ambiguity::{is_ambiguous, is_subsection_name};
pub(crate) use run::fixed_size;
pub use run::{Block, blocks, end_block, load_block, load_run, load_struct, run_size, save_struct, save_view, sum};
pub use subsection::{end_of_subsection, end_of_subsections, missing_subsection, save_subsection};

use crate::description::Description;
use crate::error::{LoadError, LoadErrorKind, SaveError};
use crate::sink::Sink;
use crate::state::VmState;
use crate::wire::{Reader, Writer};
use subsection::{load_subsections, save_subsections};

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
            Err(error) => Err(error.at_offset(start)),
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
        false => load_subsections(value, reader)?,
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
    if reader.is_checkpoint() { Ok(()) } else { Err(error.at_offset(reader.offset())) }
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
    unsupported(description, version).at_offset(reader.offset())
}

/// The error for a version that cannot be loaded.
#[cold]
#[inline(never)]
fn unsupported(description: &Description, version: u32) -> LoadError {
    let Description { name, version: local, minimum_version: minimum, .. } = *description;
    let kind = LoadErrorKind::UnsupportedVersion { found: version, oldest: minimum, newest: local };
    if version > local {
        return LoadError::new(kind, format!("at most version {local} of `{name}`"), format!("version {version}"))
            .or_advice("save on the other side at an older version, or load with a newer release")
            .with_qemu_message(format!(
                "{name}: incoming version_id {version} is too new for local version_id {local}"
            ));
    }
    LoadError::new(kind, format!("at least version {minimum} of `{name}`"), format!("version {version}"))
        .or_advice("load it with an older release and save again there")
        .with_qemu_message(format!(
            "{name}: incoming version_id {version} is too old for local minimum version_id {minimum}"
        ))
}
