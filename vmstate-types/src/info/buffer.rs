//! Raw bytes: QEMU's `buffer`.

use alloc::boxed::Box;

use super::Info;
use crate::error::{LoadError, SaveError};
use crate::wire::{Reader, Writer};

/// `#[vmstate(buffer)]`: raw bytes, described as one value and not as an array of numbers.
#[derive(Debug)]
pub struct Buffer;

impl<const N: usize> Info<[u8; N]> for Buffer {
    const NAME: &'static str = "buffer";
    const SIZE: Option<usize> = Some(N);

    fn put(bytes: &[u8; N], to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(bytes);
        Ok(())
    }

    fn get(bytes: &mut [u8; N], from: &mut Reader<'_>) -> Result<(), LoadError> {
        // `fill` and not `take`: a large buffer is read directly into the device.
        from.fill(bytes)
    }

    const FIXED: bool = true;

    #[inline]
    fn put_fixed(bytes: &[u8; N], out: &mut [u8]) {
        out.copy_from_slice(bytes);
    }

    #[inline]
    fn get_fixed(bytes: &mut [u8; N], from: &[u8]) {
        bytes.copy_from_slice(from);
    }
}

impl<const N: usize> Info<Box<[u8; N]>> for Buffer {
    const NAME: &'static str = <Self as Info<[u8; N]>>::NAME;
    const SIZE: Option<usize> = <Self as Info<[u8; N]>>::SIZE;

    fn put(bytes: &Box<[u8; N]>, to: &mut Writer) -> Result<(), SaveError> {
        <Self as Info<[u8; N]>>::put(bytes, to)
    }

    fn get(bytes: &mut Box<[u8; N]>, from: &mut Reader<'_>) -> Result<(), LoadError> {
        <Self as Info<[u8; N]>>::get(bytes, from)
    }
}
