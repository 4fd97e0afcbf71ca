//! The traits of everything that can be saved and loaded.
//!
//! [`Wire`] is for every value: integers, arrays, structs. [`VmState`] is for described structs: devices and their
//! parts. Both are implemented by `#[derive(VmState)]`; the walks over a struct are in [`crate::walk`].

use crate::description::{Description, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::walk;
use crate::wire::{Reader, Writer};

/// A device, a part of one, or a subsection: a struct with a [`Description`] that saves and loads itself by it.
///
/// `#[derive(VmState)]` implements it; nothing else should. Users call [`save`](Self::save) and [`load`](Self::load).
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
    note = "for a struct of this crate, add `#[derive(VmState)]`"
)]
pub trait VmState {
    /// The shape of the struct.
    const DESCRIPTION: &'static Description;

    /// Writes the fields that a struct at `version` has.
    ///
    /// # Errors
    /// When a value does not fit its wire type, or a nested struct refuses.
    fn save_fields<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError>;

    /// Reads the fields that a struct at `version` has.
    ///
    /// # Errors
    /// When the bytes are not what the description says, or a nested struct refuses.
    fn load_fields(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>;

    /// Reads a struct at a version below the minimum, which the description's `oldest_version` allows.
    ///
    /// # Errors
    /// What the device's function returns.
    #[inline]
    fn load_old(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        let _ = reader;
        walk::check_version(Self::DESCRIPTION, version)
    }

    /// Writes the subsections that a struct at `version` needs.
    ///
    /// # Errors
    /// As [`Self::save_fields`].
    #[inline]
    fn save_subsections<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError> {
        let _ = (sink, version);
        Ok(())
    }

    /// Reads subsection number `index` of the description, saved at `version`.
    ///
    /// # Errors
    /// As [`Self::load_fields`].
    #[inline]
    fn load_subsection(&mut self, index: usize, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        let _ = (index, reader, version);
        Ok(())
    }

    /// Does what is to be done about subsection number `index`, which is not in the stream, or not in a `checkpoint`.
    ///
    /// # Errors
    /// When it may not be absent.
    #[inline]
    fn subsection_absent(&mut self, index: usize, checkpoint: bool) -> Result<(), LoadError> {
        let _ = (index, checkpoint);
        Ok(())
    }

    /// Whether the whole section is sent (QEMU's `needed` of a top-level description).
    #[inline]
    fn needed(&self) -> bool {
        true
    }

    /// Runs before the first field is saved.
    ///
    /// # Errors
    /// What the device's hook returns. Nothing is written then, and `post_save` does not run.
    #[inline]
    fn pre_save(&mut self, version: u32) -> Result<(), SaveError> {
        let _ = version;
        Ok(())
    }

    /// Runs after saving, even if it failed.
    ///
    /// # Errors
    /// What the device's hook returns.
    #[inline]
    fn post_save(&mut self, version: u32) -> Result<(), SaveError> {
        let _ = version;
        Ok(())
    }

    /// Runs before the first field is loaded.
    ///
    /// # Errors
    /// What the device's hook returns.
    #[inline]
    fn pre_load(&mut self, version: u32) -> Result<(), LoadError> {
        let _ = version;
        Ok(())
    }

    /// Runs after the last subsection was loaded.
    ///
    /// # Errors
    /// What the device's hook returns.
    #[inline]
    fn post_load(&mut self, version: u32) -> Result<(), LoadError> {
        let _ = version;
        Ok(())
    }

    /// Saves the struct into any sink as it was at `version`: hooks, fields, subsections.
    ///
    /// # Errors
    /// As [`Self::save`]; without the struct's name, which the field has that it stands in.
    #[inline]
    fn save_at<S: Sink>(&mut self, sink: &mut S, version: u32) -> Result<(), SaveError>
    where
        Self: Sized,
    {
        walk::save(self, sink, version)
    }

    /// Loads the struct as [`Self::load`] does, but without its name in errors, which the field has that it stands in.
    ///
    /// # Errors
    /// As [`Self::load`].
    #[inline]
    fn load_at(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>
    where
        Self: Sized,
    {
        walk::load(self, reader, version)
    }

    /// Saves the struct at its own version: hooks, fields, subsections.
    ///
    /// # Errors
    /// When a hook refuses or a value does not fit its wire type. What was written is then of no use.
    #[inline]
    fn save(&mut self, sink: &mut Writer) -> Result<(), SaveError>
    where
        Self: Sized,
    {
        walk::save(self, sink, Self::DESCRIPTION.version).in_field(Self::DESCRIPTION.name)
    }

    /// Loads the struct as it was saved at `version`: hooks, fields, subsections.
    ///
    /// A load that fails may leave the struct with some fields loaded. Bytes that are no subsection of the struct's are
    /// left in `reader`, a cut subsection header among them: who knows that nothing follows asks
    /// [`Reader::at_end`] afterwards, and the framing finds out by the footer.
    ///
    /// # Errors
    /// When `version` is not supported, the bytes are not what the description says, or a hook refuses.
    #[inline]
    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>
    where
        Self: Sized,
    {
        walk::load(self, reader, version).in_field(Self::DESCRIPTION.name)
    }
}

/// A value with a wire form of its own: what a field can be without any attribute.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no wire form",
    label = "expected a type that implements `Wire`",
    note = "for a type of this crate, add `#[derive(VmState)]` to it",
    note = "for `usize` and other integers, add `#[vmstate(wire = u32)]` to the field",
    note = "for a custom encoding, add `#[vmstate(with = MyInfo)]`, where `MyInfo` implements `vmstate::Info`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait Wire {
    /// What it is on the wire.
    const FORM: Form;

    /// The bytes it takes, if all values take the same, all bytes are accepted, and [`put`](Self::put) and
    /// [`get`](Self::get) work.
    const FIXED: Option<usize> = None;

    /// Writes the value into `out`, which is `FIXED` bytes long.
    #[inline]
    fn put(&self, out: &mut [u8]) {
        let _ = out;
    }

    /// Reads the value from `from`, which is `FIXED` bytes long.
    #[inline]
    fn get(&mut self, from: &[u8]) {
        let _ = from;
    }

    /// Writes the value into the first `FIXED` bytes of `out`, and lends the rest.
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

    /// Writes `values` one after the other into `out`, which is `FIXED` times their number bytes long.
    #[inline]
    fn put_all(values: &[Self], out: &mut [u8])
    where
        Self: Sized,
    {
        for (value, out) in values.iter().zip(out.chunks_exact_mut(Self::FIXED.unwrap_or(1))) {
            value.put(out);
        }
    }

    /// Reads `values` one after the other from `from`, which is `FIXED` times their number bytes long.
    #[inline]
    fn get_all(values: &mut [Self], from: &[u8])
    where
        Self: Sized,
    {
        for (value, from) in values.iter_mut().zip(from.chunks_exact(Self::FIXED.unwrap_or(1))) {
            value.get(from);
        }
    }

    /// Writes the value, which is `element` of the field `at`, or an array that stands in its place.
    ///
    /// # Errors
    /// When the value does not fit its wire type, or a struct's hook refuses.
    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError>;

    /// Reads the value.
    ///
    /// # Errors
    /// When the bytes are not what the form says, or a struct's hook refuses.
    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}
