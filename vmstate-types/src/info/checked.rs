//! Values of which some bit patterns are invalid: `char` and `Duration`.

use alloc::format;
use core::time::Duration;

use super::members;
use crate::description::{Description, Field, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

// FIXED is not set for either type: a run does not validate its values.

#[diagnostic::do_not_recommend]
impl Wire for char {
    const FORM: Form = u32::FORM;

    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        u32::from(*self).share_elements(sink, at, element)
    }

    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let start = reader.offset();
        let code = reader.u32()?;
        let invalid = || LoadError::malformed("a Unicode scalar value", format!("{code:#x}")).at_offset(start);
        *self = Self::from_u32(code).ok_or_else(invalid)?;
        Ok(())
    }
}

const DURATION: &Description =
    &Description::new("duration").fields(const { &[Field::new("secs", u64::FORM), Field::new("nanos", u32::FORM)] });

const NANOS_PER_SEC: u32 = 1_000_000_000;

#[diagnostic::do_not_recommend]
impl Wire for Duration {
    const FORM: Form = Form::structure(DURATION);

    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        members::save(DURATION, sink, at, element, |sink| {
            self.as_secs().share_elements(sink, FieldRef::new(DURATION, 0), ElementIndex::ONLY)?;
            self.subsec_nanos().share_elements(sink, FieldRef::new(DURATION, 1), ElementIndex::ONLY)
        })
    }

    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let secs = reader.u64().in_field("secs")?;
        *self = Self::new(secs, nanos(reader).in_field("nanos")?);
        Ok(())
    }
}

/// Reads a number of nanoseconds that is less than a second, so that `Duration::new` cannot overflow.
fn nanos(reader: &mut Reader<'_>) -> Result<u32, LoadError> {
    let start = reader.offset();
    match reader.u32()? {
        nanos if nanos < NANOS_PER_SEC => Ok(nanos),
        nanos => Err(LoadError::malformed("less than 1000000000 nanoseconds", nanos).at_offset(start)),
    }
}
