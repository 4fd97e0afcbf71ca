//! Sections without a description, which are saved and loaded by handwritten code.

use vmstate_types::{LoadError, Reader, SaveError, Writer};

/// A section that handwritten code saves and loads, like QEMU's old-style handlers (`SaveVMHandlers.save_state` and
/// `load_state`).
///
/// QEMU still has a few of them, such as `slirp`. New devices derive [`VmState`](crate::VmState) instead.
///
/// ```
/// use vmstate::prelude::*;
/// use vmstate::section::RawSection;
///
/// #[derive(Default)]
/// struct Nat {
///     next_port: u16,
/// }
///
/// impl RawSection for Nat {
///     fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
///         out.u16(self.next_port);
///         Ok(())
///     }
///
///     fn load(&mut self, reader: &mut Reader<'_>, _version: u32) -> Result<(), LoadError> {
///         self.next_port = reader.u16()?;
///         Ok(())
///     }
/// }
///
/// let mut nat = Nat { next_port: 1024 };
/// let mut machine = Machine::new();
/// machine.register_raw("slirp", 4, &mut nat)?;
/// let mut stream = Vec::new();
/// machine.save(&mut stream)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait RawSection {
    /// Writes the payload.
    ///
    /// # Errors
    /// Returns an error if the state cannot be saved.
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError>;

    /// Reads the whole payload, which was saved at `version`.
    ///
    /// The output of [`save`](Self::save) must load at any time, because the rollback of a failed load uses it.
    ///
    /// # Errors
    /// Returns an error if the payload is malformed, or does not fit this machine.
    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError>;
}

impl<T: RawSection + ?Sized> RawSection for &mut T {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        (**self).save(out)
    }

    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        (**self).load(reader, version)
    }
}
