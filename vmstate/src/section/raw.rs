//! Sections that are written and read by hand.

use vmstate_types::{LoadError, Reader, SaveError, Writer};

/// A section that is written and read by hand: QEMU's old-style handlers (`SaveVMHandlers.save_state`, `load_state`).
///
/// QEMU still has some, such as `slirp`. New devices derive [`VmState`](crate::VmState) instead.
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
    /// When there is a state that cannot be saved.
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError>;

    /// Reads a payload that was saved at `version`, to its end.
    ///
    /// What [`save`](Self::save) wrote must load at any time: a failed load is rolled back with it.
    ///
    /// # Errors
    /// When the bytes are not what they should be.
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
