//! Values that must be equal on source and destination: QEMU's `uint8 equal` and its family.

use alloc::format;

use super::Info;
use crate::error::{LoadError, SaveError};
use crate::wire::{Reader, Writer};

/// `#[vmstate(equal)]`: a load compares the value with the local one, which never changes.
///
/// Use it for values that are part of a device's configuration: queue counts, sizes, identifiers.
#[derive(Debug)]
pub struct Equal;

macro_rules! equal {
    ($($type:ident $name:literal;)*) => {$(
        impl Info<$type> for Equal {
            const NAME: &'static str = $name;
            const SIZE: Option<usize> = Some(size_of::<$type>());

            fn put(value: &$type, to: &mut Writer) -> Result<(), SaveError> {
                to.bytes(&value.to_be_bytes());
                Ok(())
            }

            fn get(value: &mut $type, from: &mut Reader<'_>) -> Result<(), LoadError> {
                let incoming = $type::from_be_bytes(from.array()?);
                // A checkpoint needs no exception: the local value never changes, so that it always matches.
                if incoming == *value {
                    return Ok(());
                }
                Err(LoadError::incompatible(format!("{value} ({value:#x}), the local value"), format!("{incoming} ({incoming:#x})"))
                    .or_advice("use the same configuration on source and destination")
                    .with_qemu_message(format!("{value:x} != {incoming:x}")))
            }
        }
    )*};
}

equal! {
    u8 "uint8 equal";
    u16 "uint16 equal";
    u32 "uint32 equal";
    // The name is a mistake in QEMU's vmstate_info_uint64_equal (migration/vmstate-types.c) that streams depend on.
    u64 "int64 equal";
    i32 "int32 equal";
}
