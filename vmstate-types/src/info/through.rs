//! Values that a function of the struct returns and another one takes back: `#[vmstate(through(u32, get = ..., set = ...))]`.

use alloc::format;

use crate::error::{LoadError, SaveError};
use crate::hook::Outcome;
use crate::sink::Sink;
use crate::walk;
use crate::wire::Reader;

/// Saves the value that `get` returns.
///
/// # Errors
/// Returns the error of `save`.
pub fn save<T: ?Sized, V, S: Sink>(
    parent: &T,
    get: impl FnOnce(&T) -> V,
    sink: &mut S,
    save: impl FnOnce(&mut V, &mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    // Isolated, because `set` can reject the value, or panic, when a checkpoint is restored.
    walk::save_isolated(sink, |sink| save(&mut get(parent), sink))
}

/// Loads into the value that `get` returns, and passes it to `set`.
///
/// As with a [`Temporary`](super::tmp::Temporary), the value is the current one instead of a default: members that the
/// stream does not contain, and the local value of `equal`, are the parent's.
///
/// # Errors
/// Returns the errors of `load` and `set`.
pub fn load<T: ?Sized, V, R: Outcome>(
    parent: &mut T,
    get: impl FnOnce(&T) -> V,
    reader: &mut Reader<'_>,
    load: impl FnOnce(&mut V, &mut Reader<'_>) -> Result<(), LoadError>,
    set: impl FnOnce(&mut T, V) -> R,
) -> Result<(), LoadError> {
    walk::load_isolated(reader, |reader| {
        let start = reader.offset();
        let mut value = get(parent);
        load(&mut value, reader)?;
        let set = set(parent, value).or_reject(|reason| {
            LoadError::rejected("a value that `set` accepts", reason).with_summary(format!("`set` failed: {reason}"))
        });
        // The failure concerns the value as a whole, so that its offset is the first byte's.
        set.map_err(|error: LoadError| error.at_offset(start))
    })
}
