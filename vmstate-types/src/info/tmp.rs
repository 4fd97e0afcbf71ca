//! State that is stored in another form than it is sent: QEMU's `VMSTATE_WITH_TMP`.

use super::sealed::Seal;
use crate::description::Description;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::VmState;
use crate::walk;
use crate::wire::Reader;

/// A temporary struct that represents a part of its parent on the wire, selected by `#[vmstate(tmp = Type)]`.
///
/// A save creates the temporary from the parent. A load creates one, loads into it, and applies it to the parent.
///
/// ```
/// use vmstate_types::{LoadError, Reader, Temporary, VmState, Writer};
///
/// /// Stores the end of a window, while the stream contains its size.
/// #[derive(VmState, Default)]
/// struct Window {
///     start: u32,
///     #[vmstate(tmp = Size)]
///     end: u32,
/// }
///
/// #[derive(VmState)]
/// struct Size {
///     size: u32,
/// }
///
/// impl Temporary<Window> for Size {
///     fn from_parent(window: &Window) -> Self {
///         Self { size: window.end.saturating_sub(window.start) }
///     }
///
///     fn apply(self, window: &mut Window) -> Result<(), LoadError> {
///         let end = window.start.checked_add(self.size);
///         window.end = end.ok_or_else(|| LoadError::rejected("a window below 4 GiB", self.size))?;
///         Ok(())
///     }
/// }
///
/// let mut window = Window::default();
/// window.load(&mut Reader::from_slice(&[0, 0, 0, 4, 0, 0, 0, 8]), 1)?;
/// assert_eq!(window.end, 12);
/// # Ok::<(), LoadError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a temporary of `{Parent}`",
    label = "expected a struct that implements `Temporary<{Parent}>`",
    note = "derive `VmState` for `{Self}`, and implement `vmstate::Temporary<{Parent}>` with `from_parent` and `apply`"
)]
pub trait Temporary<Parent>: VmState {
    /// Creates the temporary for a save.
    fn from_parent(parent: &Parent) -> Self;

    /// Creates the temporary for a load.
    ///
    /// The parent is loaded up to this field; later fields have their previous values. The default calls
    /// [`from_parent`](Self::from_parent), so that members that the stream does not contain (older versions, skipped
    /// members), and the local values of `equal` fields, are the parent's. In QEMU, the temporary is
    /// uninitialized memory that its description's `pre_load` hook fills (`get_tmp` in `migration/vmstate-types.c`). If
    /// `from_parent` cannot handle a partially loaded parent, return another value, such as `Self::default()`.
    fn for_load(parent: &Parent) -> Self
    where
        Self: Sized,
    {
        Self::from_parent(parent)
    }

    /// Applies the loaded temporary to the parent.
    ///
    /// # Errors
    /// Returns an error if the values are invalid for this parent.
    fn apply(self, parent: &mut Parent) -> Result<(), LoadError>;
}

/// The form of a temporary. Generated code uses only this trait, so that a type that is not a temporary causes one error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a temporary of `{Parent}`",
    label = "expected a struct that implements `Temporary<{Parent}>`",
    note = "derive `VmState` for `{Self}`, and implement `vmstate::Temporary<{Parent}>` with `from_parent` and `apply`"
)]
pub trait TemporaryForm<Parent> {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The description of the temporary.
    const TEMPORARY: &'static Description;

    /// Saves a temporary of `parent`.
    ///
    /// # Errors
    /// Returns an error if the temporary cannot be saved.
    fn save<S: Sink>(parent: &Parent, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads a temporary at the field's version, as QEMU's `get_tmp` does, and applies it.
    ///
    /// # Errors
    /// Returns an error if the temporary cannot be loaded, or its values are invalid for the parent.
    fn load(parent: &mut Parent, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<T: Temporary<P>, P> TemporaryForm<P> for T {
    const SEAL: Seal = Seal;
    const TEMPORARY: &'static Description = T::DESCRIPTION;

    fn save<S: Sink>(parent: &P, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        let version = walk::nested_version(T::DESCRIPTION, sink.out().version());
        walk::save_isolated(sink, |sink| {
            sink.begin_element(at, ElementIndex::ONLY);
            walk::save(&mut T::from_parent(parent), sink, version)?;
            sink.end_element();
            Ok(())
        })
    }

    fn load(parent: &mut P, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let version = walk::nested_version(T::DESCRIPTION, reader.version());
        walk::load_isolated(reader, |reader| {
            let start = reader.offset();
            let mut temporary = T::for_load(parent);
            walk::load(&mut temporary, reader, version)?;
            // The failure concerns the temporary as a whole, so that its offset is the first byte's.
            temporary.apply(parent).map_err(|error| error.at_offset(start))
        })
    }
}
