//! Structs at a version that their field specifies: QEMU's `VMS_VSTRUCT`.

use crate::description::{Description, Form, Kind};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::VmState;
use crate::walk;
use crate::wire::Reader;

/// A struct or an array of structs, as required by `#[vmstate(versioned = 2)]`. The version is not on the wire.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `VmState`",
    label = "expected a struct that derives `VmState`",
    note = "for a struct of this crate, add `#[derive(VmState)]`"
)]
pub trait Versioned {
    /// The description of the struct.
    const STRUCT: &'static Description;
    /// The number of structs; `None` for a single struct outside of an array.
    const COUNT: Option<usize>;

    /// Writes the struct at `version`, as `element` of the field `at`.
    ///
    /// # Errors
    /// Returns the same errors as [`walk::save`].
    fn save<S: Sink>(
        &mut self,
        version: u32,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError>;

    /// The reason why the struct cannot be saved through a shared reference, if one exists.
    const EXCLUSIVE: Option<&'static str>;

    /// Writes the struct through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    fn share<S: Sink>(&self, version: u32, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError>;

    /// Reads the struct as it was saved at `version`.
    ///
    /// # Errors
    /// Returns the same errors as [`walk::load`].
    fn load(&mut self, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<T: VmState> Versioned for T {
    const STRUCT: &'static Description = T::DESCRIPTION;
    const COUNT: Option<usize> = None;
    const EXCLUSIVE: Option<&'static str> = <T as VmState>::EXCLUSIVE;

    fn save<S: Sink>(
        &mut self,
        version: u32,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let version = version_to_save::<T, S>(version, sink);
        sink.begin_element(at, element);
        walk::save(self, sink, version)?;
        sink.end_element();
        Ok(())
    }

    fn share<S: Sink>(&self, version: u32, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        let version = version_to_save::<T, S>(version, sink);
        sink.begin_element(at, element);
        walk::share(self, sink, version)?;
        sink.end_element();
        Ok(())
    }

    fn load(&mut self, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let version = if reader.is_checkpoint() { T::DESCRIPTION.version } else { version };
        walk::load(self, reader, version)
    }
}

/// Returns the version to save at. A load sets members that `version` lacks to their defaults, so that a checkpoint needs
/// all of them.
fn version_to_save<T: VmState, S: Sink>(version: u32, sink: &mut S) -> u32 {
    if sink.out().is_checkpoint() { T::DESCRIPTION.version } else { version }
}

impl<T: Versioned, const N: usize> Versioned for [T; N] {
    const STRUCT: &'static Description = T::STRUCT;
    const COUNT: Option<usize> = match T::COUNT {
        Some(inner) => Some(inner * N),
        None => Some(N),
    };
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;

    fn save<S: Sink>(
        &mut self,
        version: u32,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        for (index, value) in self.iter_mut().enumerate() {
            value.save(version, sink, at, element.within(index, N)).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    fn share<S: Sink>(&self, version: u32, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        for (index, value) in self.iter().enumerate() {
            value.share(version, sink, at, element.within(index, N)).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    fn load(&mut self, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        for (index, value) in self.iter_mut().enumerate() {
            value.load(version, reader).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }
}

/// Creates the wire format of `count` structs at `version`, or of a single one.
#[must_use]
pub const fn form(structure: &'static Description, count: Option<usize>, version: u32) -> Form {
    let form = Form::new(Kind::Versioned(structure, version), None);
    match count {
        Some(count) => form.times(count),
        None => form,
    }
}
