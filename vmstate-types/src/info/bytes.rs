//! Bytes with a length prefix: QEMU's `GByteArray`.

use alloc::format;
use alloc::vec::Vec;

use super::{Info, varray};
use crate::error::{LoadError, SaveError};
use crate::wire::{Reader, Writer};

/// `#[vmstate(byte_array(max = N))]`: a 32-bit length and at most `MAX` bytes.
#[derive(Debug)]
pub struct ByteArray<const MAX: usize>;

impl<const MAX: usize> Info<Vec<u8>> for ByteArray<MAX> {
    const NAME: &'static str = "GByteArray";

    fn put(bytes: &Vec<u8>, to: &mut Writer) -> Result<(), SaveError> {
        // The limit also applies to saves: a longer array could never be loaded again.
        let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MAX);
        to.u32(length.ok_or_else(|| {
            SaveError::out_of_range(format!("expected at most {MAX} bytes (max = {MAX}), found {}", bytes.len()))
        })?);
        to.bytes(bytes);
        Ok(())
    }

    fn get(bytes: &mut Vec<u8>, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let length = from.u32()?;
        match usize::try_from(length) {
            Ok(length) if length <= MAX => varray::load_buffer(bytes, length, from),
            _ => Err(LoadError::malformed(format!("at most {MAX} bytes (max = {MAX})"), length)),
        }
    }
}
