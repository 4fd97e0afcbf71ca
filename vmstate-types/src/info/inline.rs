//! Structs whose members are fields of the parent: `VMSTATE_UINT32(eeprom.tick, Device)`, selected by
//! `#[vmstate(inline)]`.

use super::sealed::Seal;
use crate::description::{Description, Field, Form, Kind};
use crate::error::{LoadError, SaveError};
use crate::sink::{FieldRef, Sink};
use crate::state::VmState;
use crate::walk;
use crate::wire::Reader;

/// A struct whose fields can be fields of its parent.
#[diagnostic::on_unimplemented(
    message = "the fields of `{Self}` cannot be fields of this struct",
    label = "expected a struct that derives `VmState`",
    note = "for a struct of this crate, add `#[derive(VmState)]`",
    note = "for a part of an array, as in QEMU's `channels[0].level`, add `#[vmstate(field(\"channels[0].level\": u8 = channels[0].level))]`"
)]
pub trait Inline {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The form of the field.
    const FORM: Form;

    /// Set if the struct has only fields, whose gates refer to the version of the parent.
    const HAS_ONLY_FIELDS: bool;

    /// Saves the fields at the version of the parent, a struct or a subsection.
    ///
    /// # Errors
    /// Returns an error if a field cannot be saved.
    fn save<S: Sink>(&mut self, version: u32, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// The reason why the fields cannot be saved through a shared reference, if one exists.
    const EXCLUSIVE: Option<&'static str>;

    /// Saves the fields through a shared reference.
    ///
    /// # Errors
    /// Returns an error if a field cannot be saved.
    fn share<S: Sink>(&self, version: u32, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads the fields as they were at the version of the parent.
    ///
    /// # Errors
    /// Returns an error if a field cannot be loaded.
    fn load(&mut self, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<T: VmState> Inline for T {
    const SEAL: Seal = Seal;
    // A size would make the field a part of runs, which know only the parent's own fields.
    const FORM: Form = Form::new(Kind::Inline(T::DESCRIPTION), None);
    const HAS_ONLY_FIELDS: bool = has_only_fields(T::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = <T as VmState>::EXCLUSIVE;

    fn save<S: Sink>(&mut self, version: u32, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        sink.begin_inline(at);
        self.save_fields(sink, walk::nested_version(T::DESCRIPTION, version))?;
        sink.end_inline();
        Ok(())
    }

    fn share<S: Sink>(&self, version: u32, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        sink.begin_inline(at);
        self.share_fields(sink, walk::nested_version(T::DESCRIPTION, version))?;
        sink.end_inline();
        Ok(())
    }

    fn load(&mut self, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        self.load_fields(reader, walk::nested_version(T::DESCRIPTION, version))
    }
}

/// Returns whether the struct has nothing that belongs to a description in QEMU, and no gates that refer to its own
/// version.
const fn has_only_fields(description: &Description) -> bool {
    let is_plain = description.subsections.is_empty() && !description.hooks.any() && !description.conditional;
    is_plain
        && description.oldest_version.is_none()
        && (description.inherits || !description.bequeaths() && !has_version_gates(description.fields))
}

const fn has_version_gates(mut fields: &[Field]) -> bool {
    while let Some((first, rest)) = fields.split_first() {
        if first.since > 1 || first.until.is_some() {
            return true;
        }
        fields = rest;
    }
    false
}
