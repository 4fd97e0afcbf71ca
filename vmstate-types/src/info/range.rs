//! Values that may not exceed the local one: QEMU's `int32 le`.

use alloc::format;

use super::Info;
use crate::error::{LoadError, SaveError};
use crate::wire::{Reader, Writer};

/// `#[vmstate(le)]`: loaded only if it is not negative and not more than the local value.
///
/// `le` is "less or equal"; the bytes are big-endian like all others.
#[derive(Debug)]
pub struct LessOrEqual;

impl Info<i32> for LessOrEqual {
    const NAME: &'static str = "int32 le";
    const SIZE: Option<usize> = Some(4);

    fn put(value: &i32, to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(&value.to_be_bytes());
        Ok(())
    }

    fn get(value: &mut i32, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let incoming = i32::from_be_bytes(from.array()?);
        if (0..=*value).contains(&incoming) || from.is_checkpoint() {
            *value = incoming;
            return Ok(());
        }
        Err(LoadError::incompatible(format!("at least 0 and at most {value}, the value on this side"), incoming)
            .with_qemu_message(format!("Invalid value {incoming} expecting positive value <= {value}")))
    }
}
