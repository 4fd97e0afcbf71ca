//! Bytes with a length prefix: QEMU's `GByteArray`.

use alloc::format;
use alloc::vec::Vec;

use super::{Info, varray};
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::wire::{Reader, Writer};

/// `#[vmstate(byte_array(max = N))]`: a 32-bit length and at most `MAX` bytes.
#[derive(Debug)]
pub struct ByteArray<const MAX: usize>;

impl<const MAX: usize> Info<Vec<u8>> for ByteArray<MAX> {
    const NAME: &'static str = "GByteArray";

    fn put(bytes: &Vec<u8>, to: &mut Writer) -> Result<(), SaveError> {
        to.u32(Self::length(bytes)?);
        to.bytes(bytes);
        Ok(())
    }

    fn get(bytes: &mut Vec<u8>, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let length = from.u32()?;
        match usize::try_from(length) {
            Ok(length) if length <= MAX => varray::load_bytes(bytes, length, from),
            _ => Err(LoadError::malformed(format!("at most {MAX} bytes (max = {MAX})"), length)),
        }
    }

    const FORM: Form = Form::info("GByteArray", None).limit(MAX.saturating_add(4));

    fn share_elements<S: Sink>(
        bytes: &Vec<u8>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let length = Self::length(bytes)?;
        sink.begin_element(at, element);
        sink.bytes(&length.to_be_bytes());
        sink.bytes(bytes);
        sink.end_element();
        Ok(())
    }
}

impl<const MAX: usize> ByteArray<MAX> {
    fn length(bytes: &[u8]) -> Result<u32, SaveError> {
        // The limit also applies to saves: a longer array could never be loaded again.
        u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MAX).ok_or_else(|| {
            SaveError::out_of_range(format!("expected at most {MAX} bytes (max = {MAX}), found {}", bytes.len()))
        })
    }
}
