//! Values that must not exceed the local value: QEMU's `int32 le`.

use alloc::format;

use super::Info;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::wire::{Reader, Writer};

/// `#[vmstate(le)]`: accepted only from zero up to the local value.
///
/// `le` means "less or equal"; the value is big-endian like all others.
#[derive(Debug)]
pub struct LessOrEqual;

impl Info<i32> for LessOrEqual {
    const NAME: &'static str = "int32 le";
    const SIZE: Option<usize> = Some(4);

    fn put(value: &i32, to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(&value.to_be_bytes());
        Ok(())
    }

    fn share_elements<S: Sink>(
        value: &i32,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        sink.begin_element(at, element);
        sink.bytes(&value.to_be_bytes());
        sink.end_element();
        Ok(())
    }

    fn get(value: &mut i32, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let incoming = i32::from_be_bytes(from.array()?);
        // A failed load may have lowered the local value; the checkpoint is restored regardless.
        if (0..=*value).contains(&incoming) || from.is_checkpoint() {
            *value = incoming;
            return Ok(());
        }
        Err(LoadError::incompatible(format!("0 to {value}, the local value"), incoming)
            .with_qemu_message(format!("Invalid value {incoming} expecting positive value <= {value}")))
    }
}
