//! Floating point: QEMU's `CPU_Double_U`, and `f32` as the bits it is kept in there.

use super::int::fixed;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{At, Element, Sink};
use crate::state::Wire;
use crate::wire::Reader;
use crate::wire::swap::Swap;

// The upper and the lower half, each big-endian (VMSTATE_CPUDOUBLE): together the big-endian double.
fixed!(f64, "CPU_Double_U", 8, {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.to_bits().to_be_bytes());
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        *self = Self::from_bits(u64::from_be_bytes(from.try_into().unwrap_or_default()));
    }

    #[inline]
    fn put_all(values: &[Self], out: &mut [u8]) {
        Swap::store(values, out);
    }

    #[inline]
    fn get_all(values: &mut [Self], from: &[u8]) {
        Swap::load(values, from);
    }
});

fixed!(f32, "uint32", 4, {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.to_bits().to_be_bytes());
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        *self = Self::from_bits(u32::from_be_bytes(from.try_into().unwrap_or_default()));
    }

    #[inline]
    fn put_all(values: &[Self], out: &mut [u8]) {
        Swap::store(values, out);
    }

    #[inline]
    fn get_all(values: &mut [Self], from: &[u8]) {
        Swap::load(values, from);
    }
});
