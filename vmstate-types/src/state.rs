//! The traits of types that can be saved and loaded.
//!
//! [`VmState`] is implemented by described structs: devices and their parts. [`Wire`] is implemented by every value
//! with a built-in wire format: integers, arrays, structs. `#[derive(VmState)]` implements both; the order of a
//! struct's hooks, fields and subsections is in [`crate::walk`].

use alloc::format;

use crate::description::{Description, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink, SliceSink};
use crate::walk;
use crate::wire::{Reader, Writer};

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

    /// Writes the fields of the struct at `version`.
    ///
    /// # Errors
    /// Returns an error if a value does not fit its wire type, or a nested struct cannot be saved.
    #[doc(hidden)]
    fn save_fields<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError>;

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
    fn pre_save(&mut self, version: u32) -> Result<(), SaveError> {
        let _ = version;
        Ok(())
    }

    /// Runs after saving, even after a failure.
    ///
    /// # Errors
    /// Returns the error of the device's hook.
    #[doc(hidden)]
    #[inline]
    fn post_save(&mut self, version: u32) -> Result<(), SaveError> {
        let _ = version;
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
    /// It is for buffers of fixed size that another program provides, such as a libretro front end. Only a custom
    /// [`Info`](crate::Info) or `opaque` field allocates.
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
        let room = slice.len();
        let mut sink = SliceSink::new(slice);
        walk::save(self, &mut sink, Self::DESCRIPTION.version).in_field(Self::DESCRIPTION.name)?;
        sink.finish().map_err(|size| too_small(size, room)).in_field(Self::DESCRIPTION.name)
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
        if let Some(size) = Self::DESCRIPTION.size() {
            return Ok(size);
        }
        let mut sink = SliceSink::new(&mut []);
        walk::save(self, &mut sink, Self::DESCRIPTION.version).in_field(Self::DESCRIPTION.name)?;
        let (Ok(size) | Err(size)) = sink.finish();
        Ok(size)
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

#[cold]
fn too_small(size: usize, room: usize) -> SaveError {
    SaveError::out_of_range(format!("expected a slice of at least {size} bytes, found {room}"))
}

/// A type with a built-in wire format; fields of such a type need no attribute.
///
/// It is implemented for integers, floats, `bool`, atomics, arrays, boxes, cells and locks of them, and by
/// `#[derive(VmState)]` for structs, newtypes and enums. Its methods are hidden: they belong to the derive macro and
/// can change in any release. For a custom wire format, implement [`Info`](crate::Info).
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no wire form",
    label = "expected a type that implements `Wire`",
    note = "for a type of this crate, add `#[derive(VmState)]` to it",
    note = "for `usize`, or an array or counted collection of it, add `#[vmstate(wire = u32)]` to the field; inside of other types, use an integer of fixed size, such as `u32`",
    note = "for a custom encoding, add `#[vmstate(with = MyInfo)]`, where `MyInfo` implements `vmstate::Info`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait Wire {
    /// The wire format of the type.
    const FORM: Form;

    /// The wire format of a value that must be equal on both sides: QEMU has an info for some integers.
    #[doc(hidden)]
    const EQUAL: Form = Self::FORM;

    /// The size in bytes, if it is the same for all values, all bytes are valid, and [`put`](Self::put) and
    /// [`get`](Self::get) are implemented.
    #[doc(hidden)]
    const FIXED: Option<usize> = None;

    /// Writes the value into `out`, which is `FIXED` bytes long.
    #[doc(hidden)]
    #[inline]
    fn put(&self, out: &mut [u8]) {
        let _ = out;
    }

    /// Reads the value from `from`, which is `FIXED` bytes long.
    #[doc(hidden)]
    #[inline]
    fn get(&mut self, from: &[u8]) {
        let _ = from;
    }

    /// Writes the value into the first `FIXED` bytes of `out`, and returns the rest.
    #[doc(hidden)]
    #[inline]
    fn put_front<'o>(&self, out: &'o mut [u8]) -> &'o mut [u8] {
        let (front, rest) = out.split_at_mut(const { walk::fixed_size(Self::FIXED) });
        self.put(front);
        rest
    }

    /// Reads the value from the first `FIXED` bytes of `from`, and returns the rest.
    #[doc(hidden)]
    #[inline]
    fn get_front<'f>(&mut self, from: &'f [u8]) -> &'f [u8] {
        let (front, rest) = from.split_at(const { walk::fixed_size(Self::FIXED) });
        self.get(front);
        rest
    }

    /// Writes `values` in order into `out`, which is `FIXED` bytes long for each.
    #[doc(hidden)]
    #[inline]
    fn put_all(values: &[Self], out: &mut [u8])
    where
        Self: Sized,
    {
        // `max(1)`: chunks of zero bytes would panic, and a value without bytes has nothing to write.
        for (value, out) in values.iter().zip(out.chunks_exact_mut(Self::FIXED.unwrap_or(1).max(1))) {
            value.put(out);
        }
    }

    /// Reads `values` in order from `from`, which is `FIXED` bytes long for each.
    #[doc(hidden)]
    #[inline]
    fn get_all(values: &mut [Self], from: &[u8])
    where
        Self: Sized,
    {
        for (value, from) in values.iter_mut().zip(from.chunks_exact(Self::FIXED.unwrap_or(1).max(1))) {
            value.get(from);
        }
    }

    /// Writes the value, which is `element` of the field `at`. An array writes several elements in its place.
    ///
    /// # Errors
    /// Returns an error if the value does not fit its wire type, or a struct's hook fails.
    #[doc(hidden)]
    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError>;

    /// Reads the value.
    ///
    /// # Errors
    /// Returns an error if the bytes do not match the wire format, or a struct's hook fails.
    #[doc(hidden)]
    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}
