//! The traits of types that can be saved and loaded.
//!
//! [`VmState`] is implemented by described structs: devices and their parts. [`Wire`] is implemented by every value
//! with a built-in wire format: integers, arrays, structs. `#[derive(VmState)]` implements both; the order of a
//! struct's hooks, fields and subsections is in [`crate::walk`].

mod wire_format;

use alloc::format;

use crate::description::Description;
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::hook::Access;
use crate::sink::{Sink, SliceSink};
use crate::walk;
use crate::wire::{Reader, Writer};
pub use wire_format::Wire;

/// A device, a part of a device, or a subsection: a struct with a [`Description`] that can be saved and loaded.
///
/// Implement it with `#[derive(VmState)]`, and call [`save`](Self::save) and [`load`](Self::load). All other methods
/// are hidden: they belong to the derive macro and can change in any release.
///
/// ```
/// use vmstate_types::{Reader, VmState, Writer};
///
/// #[derive(VmState, Default)]
/// struct Latch {
///     enabled: bool,
///     counters: [u16; 3],
/// }
///
/// let mut latch = Latch { enabled: true, counters: [0x42, 0x43, 0x44] };
/// let mut writer = Writer::new();
/// latch.save(&mut writer)?;
/// assert_eq!(writer.pending(), [1, 0, 0x42, 0, 0x43, 0, 0x44]);
///
/// let mut other = Latch::default();
/// other.load(&mut Reader::from_slice(writer.pending()), 1)?;
/// assert_eq!(other.counters, latch.counters);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `VmState`",
    label = "expected a struct that derives `VmState`",
    note = "for a struct of this crate, add `#[derive(VmState)]`",
    note = "an integer or another single value is not a struct: put it into a struct with one field"
)]
pub trait VmState {
    /// The description of the struct.
    const DESCRIPTION: &'static Description;

    /// The reason why the struct cannot be saved through a shared reference, if one exists.
    #[doc(hidden)]
    const EXCLUSIVE: Option<&'static str> = None;

    /// Writes the fields of the struct at `version`.
    ///
    /// # Errors
    /// Returns an error if a value does not fit its wire type, or a nested struct cannot be saved.
    #[doc(hidden)]
    #[inline]
    fn save_fields<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        self.share_fields(sink, version)
    }

    /// Writes the fields of the struct at `version` through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::save_fields`].
    #[doc(hidden)]
    fn share_fields<S: Sink>(&self, sink: &mut S, version: u32) -> Result<(), SaveError>;

    /// Reads the fields of the struct at `version`.
    ///
    /// # Errors
    /// Returns an error if the bytes do not match the description, or a nested struct cannot be loaded.
    #[doc(hidden)]
    fn load_fields(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>;

    /// Reads a struct at a version below the minimum, down to the description's `oldest_version`.
    ///
    /// # Errors
    /// Returns the error of the device's function.
    #[doc(hidden)]
    #[inline]
    fn load_old(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        let _ = reader;
        walk::check_version(Self::DESCRIPTION, version)
    }

    /// Writes the needed subsections of the struct at `version`.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::save_fields`].
    #[doc(hidden)]
    #[inline]
    fn save_subsections<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        self.share_subsections(sink, version)
    }

    /// Writes the needed subsections of the struct at `version` through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::save_fields`].
    #[doc(hidden)]
    #[inline]
    fn share_subsections<S: Sink>(&self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        let _ = (sink, version);
        Ok(())
    }

    /// Reads the subsection at `index` of the description, saved at `version`.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::load_fields`].
    #[doc(hidden)]
    #[inline]
    fn load_subsection(&mut self, index: usize, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        let _ = (index, reader, version);
        Ok(())
    }

    /// Handles the absence of the subsection at `index` from the stream, or from a `checkpoint`.
    ///
    /// # Errors
    /// Returns an error if the subsection is required.
    #[doc(hidden)]
    #[inline]
    fn subsection_absent(&mut self, index: usize, checkpoint: bool) -> Result<(), LoadError> {
        let _ = (index, checkpoint);
        Ok(())
    }

    /// Returns whether the section is sent (QEMU's `needed` of a top-level description).
    #[doc(hidden)]
    #[inline]
    fn needed(&self) -> bool {
        true
    }

    /// Runs before the first field is saved.
    ///
    /// # Errors
    /// Returns the error of the device's hook. Nothing is written then, and `post_save` does not run.
    #[doc(hidden)]
    #[inline]
    fn pre_save(this: Access<'_, Self>, version: u32) -> Result<(), SaveError> {
        let _ = (this, version);
        Ok(())
    }

    /// Runs after saving, even after a failure.
    ///
    /// # Errors
    /// Returns the error of the device's hook.
    #[doc(hidden)]
    #[inline]
    fn post_save(this: Access<'_, Self>, version: u32) -> Result<(), SaveError> {
        let _ = (this, version);
        Ok(())
    }

    /// Runs before the first field is loaded.
    ///
    /// # Errors
    /// Returns the error of the device's hook.
    #[doc(hidden)]
    #[inline]
    fn pre_load(&mut self, version: u32) -> Result<(), LoadError> {
        let _ = version;
        Ok(())
    }

    /// Runs after the last subsection is loaded.
    ///
    /// # Errors
    /// Returns the error of the device's hook.
    #[doc(hidden)]
    #[inline]
    fn post_load(&mut self, version: u32) -> Result<(), LoadError> {
        let _ = version;
        Ok(())
    }

    /// Saves the struct at `version` into any sink: hooks, fields, subsections.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::save`], without the struct's name: the caller adds the field's name.
    #[doc(hidden)]
    #[inline]
    fn save_at<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError>
    where
        Self: Sized,
    {
        walk::save(self, sink, version)
    }

    /// Saves the struct at `version` into any sink through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::save_at`].
    #[doc(hidden)]
    #[inline]
    fn share_at<S: Sink>(&self, sink: &mut S, version: u32) -> Result<(), SaveError>
    where
        Self: Sized,
    {
        walk::share(self, sink, version)
    }

    /// Loads the struct as [`Self::load`] does.
    ///
    /// # Errors
    /// Returns the same errors as [`Self::load`], without the struct's name: the caller adds the field's name.
    #[doc(hidden)]
    #[inline]
    fn load_at(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>
    where
        Self: Sized,
    {
        walk::load(self, reader, version)
    }

    /// Saves the struct at its current version: hooks, fields, subsections.
    ///
    /// # Errors
    /// Returns an error if a hook fails or a value does not fit its wire type. The written bytes are then incomplete.
    #[inline]
    fn save(&mut self, sink: &mut Writer) -> Result<(), SaveError>
    where
        Self: Sized,
    {
        walk::save(self, sink, Self::DESCRIPTION.version).in_field(Self::DESCRIPTION.name)
    }

    /// Saves the struct at its current version into the front of `slice`, and returns the number of bytes.
    ///
    /// It is for buffers of fixed size that another program provides, such as a libretro front end. A save allocates only
    /// for a custom [`Info`](crate::Info), an `opaque` field, the order of a `HashMap`, `HashSet` or `BinaryHeap`, and copies
    /// of map keys and items of sets that allocate themselves, such as strings.
    ///
    /// ```
    /// use vmstate_types::VmState;
    ///
    /// #[derive(VmState)]
    /// struct Latch {
    ///     counters: [u16; 2],
    /// }
    ///
    /// let mut latch = Latch { counters: [0x42, 0x43] };
    /// let mut buffer = [0xff; 6];
    /// assert_eq!(latch.save_to_slice(&mut buffer)?, 4);
    /// assert_eq!(buffer, [0, 0x42, 0, 0x43, 0xff, 0xff]);
    /// # Ok::<(), vmstate_types::SaveError>(())
    /// ```
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save), or an error with the required size if the slice is too small. The
    /// contents of the slice are then unspecified.
    fn save_to_slice(&mut self, slice: &mut [u8]) -> Result<usize, SaveError>
    where
        Self: Sized,
    {
        fill(slice, |sink| walk::save(self, sink, Self::DESCRIPTION.version)).in_field(Self::DESCRIPTION.name)
    }

    /// Returns the size in bytes of the current state.
    ///
    /// A struct of fixed size is not saved to measure it.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    fn saved_size(&mut self) -> Result<usize, SaveError>
    where
        Self: Sized,
    {
        measure(Self::DESCRIPTION, |sink| walk::save(self, sink, Self::DESCRIPTION.version))
    }

    /// Saves the struct as [`save`](Self::save) does, through a shared reference.
    ///
    /// It is for callers without exclusive access: an [`Info`](crate::Info) that contains a derived struct, a thread that
    /// shares the device, or a save while a reference to the device exists. A struct that needs exclusive access to be
    /// saved, because it or a struct in it has a `pre_save` or `post_save` hook with `&mut self`, is rejected when the
    /// call is compiled.
    ///
    /// ```
    /// use vmstate_types::{Info, LoadError, Reader, SaveError, VmState, Writer};
    ///
    /// #[derive(VmState, Default)]
    /// struct Fifo {
    ///     data: [u8; 2],
    /// }
    ///
    /// /// A FIFO after a byte with its length, as older releases of this emulator have it.
    /// struct WithLength;
    ///
    /// impl Info<Fifo> for WithLength {
    ///     const NAME: &'static str = "fifo with length";
    ///
    ///     fn put(fifo: &Fifo, to: &mut Writer) -> Result<(), SaveError> {
    ///         to.u8(2);
    ///         fifo.save_shared(to)
    ///     }
    ///
    ///     fn get(fifo: &mut Fifo, from: &mut Reader<'_>) -> Result<(), LoadError> {
    ///         from.u8()?;
    ///         fifo.load(from, 1)
    ///     }
    /// }
    ///
    /// #[derive(VmState, Default)]
    /// struct Uart {
    ///     #[vmstate(with = WithLength)]
    ///     fifo: Fifo,
    /// }
    ///
    /// let uart = Uart { fifo: Fifo { data: [7, 8] } };
    /// let mut writer = Writer::new();
    /// uart.save_shared(&mut writer)?;
    /// assert_eq!(writer.pending(), [2, 7, 8]);
    /// # Ok::<(), SaveError>(())
    /// ```
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save), and an error if a `RefCell` or a lock in the struct is borrowed.
    #[inline]
    fn save_shared(&self, sink: &mut Writer) -> Result<(), SaveError>
    where
        Self: Sized,
    {
        const { walk::assert_shareable(Self::EXCLUSIVE) };
        walk::share(self, sink, Self::DESCRIPTION.version).in_field(Self::DESCRIPTION.name)
    }

    /// Saves the struct as [`save_to_slice`](Self::save_to_slice) does, through a shared reference.
    ///
    /// # Errors
    /// Returns the errors of [`save_to_slice`](Self::save_to_slice) and [`save_shared`](Self::save_shared).
    fn save_shared_to_slice(&self, slice: &mut [u8]) -> Result<usize, SaveError>
    where
        Self: Sized,
    {
        const { walk::assert_shareable(Self::EXCLUSIVE) };
        fill(slice, |sink| walk::share(self, sink, Self::DESCRIPTION.version)).in_field(Self::DESCRIPTION.name)
    }

    /// Returns the size in bytes of the current state, as [`saved_size`](Self::saved_size) does, through a shared
    /// reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save_shared`](Self::save_shared).
    fn saved_size_shared(&self) -> Result<usize, SaveError>
    where
        Self: Sized,
    {
        const { walk::assert_shareable(Self::EXCLUSIVE) };
        measure(Self::DESCRIPTION, |sink| walk::share(self, sink, Self::DESCRIPTION.version))
    }

    /// Loads the struct as it was saved at `version`: hooks, fields, subsections.
    ///
    /// A failed load may leave some fields loaded. Bytes that do not begin a subsection of the struct remain in
    /// `reader`, as in QEMU; that includes a truncated subsection header. A caller that expects nothing more checks
    /// [`Reader::at_end`], and the framing of a section checks its footer.
    ///
    /// # Errors
    /// Returns an error if `version` is not supported, the bytes do not match the description, or a hook fails.
    #[inline]
    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>
    where
        Self: Sized,
    {
        walk::load(self, reader, version).in_field(Self::DESCRIPTION.name)
    }
}

/// Fills the front of `slice` with the bytes that `save` writes, and returns their number.
fn fill(slice: &mut [u8], save: impl FnOnce(&mut SliceSink<'_>) -> Result<(), SaveError>) -> Result<usize, SaveError> {
    let room = slice.len();
    let mut sink = SliceSink::new(slice);
    save(&mut sink)?;
    sink.finish().map_err(|size| too_small(size, room))
}

/// Returns the number of bytes that `save` writes.
fn measure(
    description: &Description,
    save: impl FnOnce(&mut SliceSink<'_>) -> Result<(), SaveError>,
) -> Result<usize, SaveError> {
    if let Some(size) = description.size() {
        return Ok(size);
    }
    let mut sink = SliceSink::new(&mut []);
    save(&mut sink).in_field(description.name)?;
    let (Ok(size) | Err(size)) = sink.finish();
    Ok(size)
}

#[cold]
fn too_small(size: usize, room: usize) -> SaveError {
    SaveError::out_of_range(format!("expected a slice of at least {size} bytes, found {room}"))
}
