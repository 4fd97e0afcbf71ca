//! The engine of [`VmState`]: saves and loads a struct in QEMU's order of hooks, fields and subsections.
//!
//! The derive macro generates the parts that differ between structs; this module contains the rest, once. It mirrors
//! `vmstate_save_state_v` and `vmstate_load_state` in QEMU's `migration/vmstate.c`.
//!
//! This module and [`crate::state`] depend on each other: the provided methods of the trait call its engine, and the
//! engine is generic over the trait. It is the only import cycle of the crate.

mod ambiguity;
mod checkpoint;
mod run;
mod subsection;

use alloc::format;

pub use ambiguity::{is_ambiguous, is_subsection_name};
pub use checkpoint::{check_save_hook, checkpoint, restore, restore_fields, run_load_hook, run_restore_hooks};
pub(crate) use checkpoint::{load_isolated, save_isolated};
pub(crate) use run::fixed_size;
pub use run::{
    RunBlock, blocks, end_block, load_block, load_run, load_struct, run_size, save_struct, save_view, share_struct,
    share_view, sum,
};
pub use subsection::{end_of_subsections, missing_subsection, save_subsection};

use crate::description::{Description, Field, Kind};
use crate::error::{LoadError, LoadErrorKind, SaveError};
use crate::hook::Access;
use crate::sink::Sink;
use crate::state::VmState;
use crate::wire::Reader;
use subsection::{end_subsections, load_subsections};

/// Saves `value` at `version`.
///
/// # Errors
/// Returns an error if a hook fails, a nested struct cannot be saved, or a value does not fit its wire type.
#[inline]
pub fn save<T: VmState, S: Sink>(value: &mut T, sink: &mut S, version: u32) -> Result<(), SaveError> {
    save_version(value, sink, version)
}

/// Saves `value` at `version` through a shared reference.
///
/// # Errors
/// Returns the same errors as [`save`], and an error if a hook needs exclusive access.
#[inline]
pub fn share<T: VmState, S: Sink>(value: &T, sink: &mut S, version: u32) -> Result<(), SaveError> {
    save_version(value, sink, version)
}

/// A reference to a struct that is saved.
trait Source {
    type Struct: VmState;

    fn access(&mut self) -> Access<'_, Self::Struct>;
    fn fields<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError>;
    fn subsections<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError>;
}

impl<T: VmState> Source for &mut T {
    type Struct = T;

    #[inline]
    fn access(&mut self) -> Access<'_, T> {
        Access::Exclusive(self)
    }

    #[inline]
    fn fields<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        self.save_fields(sink, version)
    }

    #[inline]
    fn subsections<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        self.save_subsections(sink, version)
    }
}

impl<T: VmState> Source for &T {
    type Struct = T;

    #[inline]
    fn access(&mut self) -> Access<'_, T> {
        Access::Shared(self)
    }

    #[inline]
    fn fields<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        self.share_fields(sink, version)
    }

    #[inline]
    fn subsections<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        self.share_subsections(sink, version)
    }
}

#[inline]
fn save_version<V: Source, S: Sink>(value: V, sink: &mut S, version: u32) -> Result<(), SaveError> {
    if const { !V::Struct::DESCRIPTION.bequeaths() } {
        return save_contents(value, sink, version);
    }
    let outer = sink.out().set_version(version);
    let saved = save_contents(value, sink, version);
    sink.out().set_version(outer);
    saved
}

#[inline]
fn save_contents<V: Source, S: Sink>(mut value: V, sink: &mut S, version: u32) -> Result<(), SaveError> {
    // The tests of `DESCRIPTION` are constants: a struct without hooks or subsections contains no code for them.
    if const { V::Struct::DESCRIPTION.hooks.pre_save } {
        let before = V::Struct::pre_save(value.access(), version);
        check_save_hook(sink, before)?;
    }
    sink.begin_struct(V::Struct::DESCRIPTION, version);
    let saved = match value.fields(sink, version) {
        Ok(()) if const { !V::Struct::DESCRIPTION.subsections.is_empty() } => {
            let saved = value.subsections(sink, version);
            saved.map(|()| end_subsections(sink))
        }
        done => done,
    };
    sink.end_struct();
    if const { !V::Struct::DESCRIPTION.hooks.post_save } {
        return saved;
    }
    // As in QEMU, post_save also runs after a failure, because it may undo changes of pre_save. The first error counts.
    let after = V::Struct::post_save(value.access(), version);
    match saved {
        Ok(()) => check_save_hook(sink, after),
        failed => failed,
    }
}

/// Returns the first of the reasons why values cannot be saved through a shared reference.
#[doc(hidden)]
#[must_use]
pub const fn exclusive(mut reasons: &[Option<&'static str>]) -> Option<&'static str> {
    while let [first, rest @ ..] = reasons {
        if first.is_some() {
            return *first;
        }
        reasons = rest;
    }
    None
}

/// Checks that a struct can be saved through a shared reference.
///
/// # Panics
/// Panics at compile time with the reason why it cannot.
pub(crate) const fn assert_shareable(exclusive: Option<&'static str>) {
    if let Some(reason) = exclusive {
        panic!("{}", reason);
    }
}

/// Loads `value` as it was saved at `version`.
///
/// # Errors
/// Returns an error if the version is not supported, the bytes do not match the description, or a hook fails.
#[inline]
pub fn load<T: VmState>(value: &mut T, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
    let due = decode(value, reader, version)?;
    if const { T::DESCRIPTION.hooks.post_load } && due == PostLoad::Due {
        run_load_hook(reader, || finish(value, version))?;
    }
    Ok(())
}

/// The result of [`decode`]: whether the hook `post_load` is still to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PostLoad {
    /// The caller must run the hook with [`finish`].
    Due,
    /// The struct has no such hook, or its old loader has replaced it.
    None,
}

/// Loads `value` as it was saved at `version`, except for its `post_load` hook.
///
/// The hook can then be deferred until the rest of the machine is loaded. The hooks of nested structs and of
/// subsections run as usual.
///
/// # Errors
/// Returns the same errors as [`load`].
#[inline]
pub fn decode<T: VmState>(value: &mut T, reader: &mut Reader<'_>, version: u32) -> Result<PostLoad, LoadError> {
    if const { !T::DESCRIPTION.bequeaths() } {
        return decode_contents(value, reader, version);
    }
    let outer = reader.set_version(version);
    let decoded = decode_contents(value, reader, version);
    reader.set_version(outer);
    decoded
}

#[inline]
fn decode_contents<T: VmState>(value: &mut T, reader: &mut Reader<'_>, version: u32) -> Result<PostLoad, LoadError> {
    if const { T::DESCRIPTION.oldest_version.is_some() } && is_old(T::DESCRIPTION, version) && !reader.is_checkpoint() {
        // The old loader replaces everything else, including hooks and subsections, as load_state_old did in QEMU's
        // vmstate_load_state (migration/vmstate.c).
        let start = reader.offset();
        return match value.load_old(reader, version) {
            Ok(()) => Ok(PostLoad::None),
            Err(error) => Err(error.at_offset(start)),
        };
    }
    // QEMU checks the version before any hook runs (vmstate_load_state), so that a rejected device is unchanged.
    if !is_supported(T::DESCRIPTION, version) {
        return Err(reject_version(T::DESCRIPTION, version, reader));
    }
    if const { T::DESCRIPTION.hooks.pre_load } {
        run_load_hook(reader, || value.pre_load(version))?;
    }
    value.load_fields(reader, version)?;
    if const { T::DESCRIPTION.subsections.is_empty() } {
        end_of_subsections(T::DESCRIPTION, reader)?;
    } else {
        load_subsections(value, reader)?;
    }
    Ok(if const { T::DESCRIPTION.hooks.post_load } { PostLoad::Due } else { PostLoad::None })
}

/// Runs the hook `post_load` of a struct that [`decode`] has loaded.
///
/// # Errors
/// Returns the error of the hook.
#[inline]
pub fn finish<T: VmState>(value: &mut T, version: u32) -> Result<(), LoadError> {
    value.post_load(version)
}

/// Checks that a struct saved at `version` can be loaded.
///
/// # Errors
/// Returns an error if the version is newer than the description's version, or older than its minimum.
pub fn check_version(description: &Description, version: u32) -> Result<(), LoadError> {
    if is_supported(description, version) { Ok(()) } else { Err(unsupported(description, version)) }
}

/// Returns whether the fields can be loaded as they were at `version`.
#[inline]
const fn is_supported(description: &Description, version: u32) -> bool {
    // The struct that the version belongs to has checked it.
    description.inherits || description.minimum_version <= version && version <= description.version
}

/// Returns the version of a struct in a field: its own regardless of its parent's, as in QEMU (`VMS_STRUCT`), or the
/// parent's if it inherits that.
#[inline]
#[doc(hidden)]
#[must_use]
pub const fn nested_version(description: &Description, parent: u32) -> u32 {
    if description.inherits { parent } else { description.version }
}

/// Returns whether `version` is one for the device's loader of old versions.
#[inline]
const fn is_old(description: &Description, version: u32) -> bool {
    match description.oldest_version {
        Some(oldest) => oldest <= version && version < description.minimum_version,
        None => false,
    }
}

/// Returns the newest version of the struct around `fields` that one of its nested structs refers to.
#[doc(hidden)]
#[must_use]
pub const fn newest_inherited(mut fields: &[Field]) -> u32 {
    let mut newest = 0;
    while let Some((first, rest)) = fields.split_first() {
        if let Kind::Struct(inner)
        | Kind::Inline(inner)
        | Kind::Temporary(inner)
        | Kind::List(_, inner)
        | Kind::Tree { value: inner, .. } = first.form.kind
            && inner.inherits
        {
            let nested = newest_inherited(inner.fields);
            newest = if inner.version > newest { inner.version } else { newest };
            newest = if nested > newest { nested } else { newest };
        }
        fields = rest;
    }
    newest
}

/// Creates the error for a version that cannot be loaded, at the offset of the first byte that was not read.
#[cold]
#[inline(never)]
fn reject_version(description: &Description, version: u32, reader: &Reader<'_>) -> LoadError {
    unsupported(description, version).at_offset(reader.offset())
}

/// Creates the error for a version that cannot be loaded.
#[cold]
#[inline(never)]
fn unsupported(description: &Description, version: u32) -> LoadError {
    let Description { name, version: local, minimum_version: minimum, .. } = *description;
    // QEMU's messages are in vmstate_load_state of migration/vmstate.c.
    let kind = LoadErrorKind::UnsupportedVersion { found: version, oldest: minimum, newest: local };
    if version > local {
        return LoadError::new(kind, format!("at most version {local} of `{name}`"), format!("version {version}"))
            .or_advice("save at an older version on the source, or load with a newer release")
            .with_qemu_message(format!(
                "{name}: incoming version_id {version} is too new for local version_id {local}"
            ));
    }
    LoadError::new(kind, format!("at least version {minimum} of `{name}`"), format!("version {version}"))
        .or_advice("load the stream with an older release, and save it again there")
        .with_qemu_message(format!(
            "{name}: incoming version_id {version} is too old for local minimum version_id {minimum}"
        ))
}
