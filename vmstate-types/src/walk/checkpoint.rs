//! Checkpoints: copies of a device's state that a failed load restores.

use crate::error::{LoadError, SaveError};
use crate::sink::Sink;
use crate::state::VmState;
use crate::wire::{Hooks, Reader, Writer};

/// Appends a checkpoint of `value` to `to`, which [`restore`] can return to after a failed load.
///
/// A checkpoint differs from a stream: it contains everything that a load can write. That includes subsections that are
/// not needed, fields whose `when` predicate does not hold, fields of older versions, and elements beyond a count.
/// Hooks run as for a save, but their errors are ignored; `must_exist` conditions are not checked.
///
/// # Errors
/// Returns an error if a value does not fit its wire type. Such a device cannot be saved either.
pub fn checkpoint<T: VmState>(value: &mut T, to: &mut Writer) -> Result<(), SaveError> {
    // The previous setting is restored instead of cleared, because the writer may already belong to a checkpoint.
    let before = to.set_checkpoint(true);
    let saved = super::save(value, to, T::DESCRIPTION.version);
    to.set_checkpoint(before);
    saved.map_err(|error| error.in_field(T::DESCRIPTION.name))
}

/// Restores `value` to a state saved by [`checkpoint`]: first all fields ([`restore_fields`]), then everything that hooks
/// derive from them ([`run_restore_hooks`]).
///
/// # Errors
/// Returns the errors of both.
pub fn restore<T: VmState>(value: &mut T, bytes: &[u8]) -> Result<(), LoadError> {
    let fields = restore_fields(value, bytes);
    fields.and(run_restore_hooks(value, bytes))
}

/// Restores the fields of `value` without running a hook, so that no hook can keep a field from its restore.
///
/// # Errors
/// Returns an error if `bytes` are not a checkpoint of this device, if an info rejects the value that it has written, or
/// if a shared value is borrowed. The other fields are restored nevertheless.
pub fn restore_fields<T: VmState>(value: &mut T, bytes: &[u8]) -> Result<(), LoadError> {
    load(value, bytes, Hooks::Skip)
}

/// Restores the fields of `value` again, with its hooks in their places as in any load, so that derived state matches
/// again. The hooks' errors are ignored.
///
/// # Errors
/// Returns the errors of [`restore_fields`], and an error if a hook panics. With the feature `std`, the panic does not
/// keep the other hooks from running.
pub fn run_restore_hooks<T: VmState>(value: &mut T, bytes: &[u8]) -> Result<(), LoadError> {
    load(value, bytes, Hooks::Run)
}

fn load<T: VmState>(value: &mut T, bytes: &[u8], hooks: Hooks) -> Result<(), LoadError> {
    let mut reader = Reader::from_checkpoint(bytes, hooks);
    super::load(value, &mut reader, T::DESCRIPTION.version)?;
    if reader.is_incomplete() { Err(incomplete(hooks)) } else { Ok(()) }
}

#[cold]
fn incomplete(hooks: Hooks) -> LoadError {
    match hooks {
        Hooks::Skip => {
            LoadError::rejected("a restore of all fields", "a field that is borrowed, or rejects its own value")
        }
        Hooks::Run => LoadError::rejected("hooks that can run during a rollback", "a panic"),
    }
}

/// Returns the result of a hook, ignoring an error while a checkpoint is saved.
///
/// # Errors
/// Returns the error of `outcome`.
#[inline]
#[doc(hidden)]
pub fn check_save_hook<S: Sink>(sink: &mut S, outcome: Result<(), SaveError>) -> Result<(), SaveError> {
    match outcome {
        Err(error) => pass_save_error(sink.out().is_checkpoint(), error),
        Ok(()) => Ok(()),
    }
}

#[cold]
#[inline(never)]
fn pass_save_error(is_checkpoint: bool, error: SaveError) -> Result<(), SaveError> {
    if is_checkpoint { Ok(()) } else { Err(error) }
}

/// Runs a `pre_load` or `post_load` hook. While a checkpoint is restored, the hook is skipped, or its failure is confined
/// to it.
///
/// # Errors
/// Returns the error of the hook with the reader's offset.
#[inline]
#[doc(hidden)]
pub fn run_load_hook(reader: &mut Reader<'_>, hook: impl FnOnce() -> Result<(), LoadError>) -> Result<(), LoadError> {
    if !reader.is_checkpoint() {
        return hook().map_err(|error| error.at_offset(reader.offset()));
    }
    let mut hook = Some(hook);
    run_restore_hook(reader, &mut || drop(hook.take().map(|hook| hook())));
    Ok(())
}

/// Not generic, so that it is compiled once and not per hook.
#[cold]
#[inline(never)]
fn run_restore_hook(reader: &mut Reader<'_>, hook: &mut dyn FnMut()) {
    if reader.runs_hooks() && confine(hook).is_none() {
        reader.set_incomplete();
    }
}

/// Saves a value whose restore can fail. In a checkpoint, the length of the value precedes it, so that the values after
/// it can be restored nevertheless.
///
/// # Errors
/// Returns the error of `save`.
#[inline]
pub(crate) fn save_isolated<S: Sink>(
    sink: &mut S,
    save: impl FnOnce(&mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    if !sink.out().is_checkpoint() {
        return save(sink);
    }
    sink.out().u32(0);
    let start = sink.out().pending().len();
    save(sink)?;
    let out = sink.out();
    let length = u32::try_from(out.pending().len() - start)
        .map_err(|_| SaveError::out_of_range("a value of more than 4 GiB in a checkpoint"))?;
    out.overwrite(start - size_of::<u32>(), &length.to_be_bytes());
    Ok(())
}

/// Loads a value that [`save_isolated`] has saved. In a checkpoint, an error or a panic is confined to the value.
///
/// # Errors
/// Returns the error of `load`.
#[inline]
pub(crate) fn load_isolated(
    reader: &mut Reader<'_>,
    load: impl FnOnce(&mut Reader<'_>) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    if !reader.is_checkpoint() {
        return load(reader);
    }
    let mut load = Some(load);
    restore_isolated(reader, &mut |reader| load.take().map_or(Ok(()), |load| load(reader)))
}

#[cold]
#[inline(never)]
fn restore_isolated(
    reader: &mut Reader<'_>,
    load: &mut dyn FnMut(&mut Reader<'_>) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let length = usize::try_from(reader.u32()?).unwrap_or(usize::MAX);
    let mut part = reader.part(length)?;
    let loaded = confine(|| load(&mut part));
    if !matches!(loaded, Some(Ok(()))) || part.is_incomplete() {
        reader.set_incomplete();
    }
    Ok(())
}

/// Calls `run`. Returns `None` if it panics.
#[cfg(feature = "std")]
fn confine<R>(run: impl FnOnce() -> R) -> Option<R> {
    // The panic may leave the value inconsistent. The rollback goes on with other values and reports this one.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).ok()
}

/// Calls `run`. Without `std`, panics cannot be caught.
#[cfg(not(feature = "std"))]
fn confine<R>(run: impl FnOnce() -> R) -> Option<R> {
    Some(run())
}
