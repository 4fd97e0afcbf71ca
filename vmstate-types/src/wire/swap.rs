//! Bulk conversion between arrays of numbers and the wire.
//!
//! On x86-64 the byte order of the wire differs from the processor's. Baseline instructions swap about 30 GB/s; with
//! AVX2, which nearly all processors have, the conversion is as fast as a copy. A second loop is therefore compiled
//! with AVX2, and the processor is queried once whether it supports it. The call of that loop is the only `unsafe` code
//! of this crate.
#![allow(unsafe_code)]

use byteorder::{BigEndian, ByteOrder};

/// A number that is converted in bulk.
pub(crate) trait Swap: Sized {
    /// Writes `values` into `out`, whose length is the size of `values`.
    fn store(values: &[Self], out: &mut [u8]);

    /// Reads `values` from `from`, whose length is the size of `values`.
    fn load(values: &mut [Self], from: &[u8]);
}

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(avx2, "avx2");

macro_rules! swap {
    ($($number:ident $write:ident $read:ident;)*) => {$(
        const _: () = {
            #[inline]
            fn store_each(values: &[$number], out: &mut [u8]) {
                BigEndian::$write(values, out);
            }

            #[inline]
            fn load_each(values: &mut [$number], from: &[u8]) {
                BigEndian::$read(from, values);
            }

            // Not by byteorder, whose checks of the lengths make arrays of some 30 numbers 10 % slower.
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn store_avx2(values: &[$number], out: &mut [u8]) {
                for (value, out) in values.iter().zip(out.as_chunks_mut().0) {
                    *out = value.to_be_bytes();
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn load_avx2(values: &mut [$number], from: &[u8]) {
                for (value, from) in values.iter_mut().zip(from.as_chunks().0) {
                    *value = $number::from_be_bytes(*from);
                }
            }

            // Not inlined: the failure paths of the checks would burden the caller, which only selects a version.
            #[inline(never)]
            fn store_portable(values: &[$number], out: &mut [u8]) {
                store_each(values, out);
            }

            #[inline(never)]
            fn load_portable(values: &mut [$number], from: &[u8]) {
                load_each(values, from);
            }

            fn store_many(values: &[$number], out: &mut [u8]) {
                #[cfg(target_arch = "x86_64")]
                if avx2::get() {
                    // SAFETY: the function is safe except that it requires AVX2, and `avx2::get` has just confirmed
                    // that the processor and the operating system support it.
                    return unsafe { store_avx2(values, out) };
                }
                store_portable(values, out);
            }

            fn load_many(values: &mut [$number], from: &[u8]) {
                #[cfg(target_arch = "x86_64")]
                if avx2::get() {
                    // SAFETY: as in `store_many`.
                    return unsafe { load_avx2(values, from) };
                }
                load_portable(values, from);
            }

            impl Swap for $number {
                #[inline]
                fn store(values: &[Self], out: &mut [u8]) {
                    if size_of_val(values) < MANY { store_each(values, out) } else { store_many(values, out) }
                }

                #[inline]
                fn load(values: &mut [Self], from: &[u8]) {
                    if size_of_val(values) < MANY { load_each(values, from) } else { load_many(values, from) }
                }
            }
        };
    )*};
}

/// The size in bytes from which a call is faster than inline code.
const MANY: usize = 64;

swap! {
    u16 write_u16_into read_u16_into;
    u32 write_u32_into read_u32_into;
    u64 write_u64_into read_u64_into;
    i16 write_i16_into read_i16_into;
    i32 write_i32_into read_i32_into;
    i64 write_i64_into read_i64_into;
    f32 write_f32_into read_f32_into;
    f64 write_f64_into read_f64_into;
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;
    use core::fmt::Debug;

    use super::*;

    /// The lengths to check: all around vector widths and unrolled loops. Miri would need minutes for all of them.
    const COUNTS: &[usize] = if cfg!(miri) { &[0, 1, 2, 8, 17, 65] } else { &[127, 128, 129, 1000] };
    /// All shorter lengths are checked, too.
    const SHORT: usize = if cfg!(miri) { 0 } else { 70 };
    /// The offsets of the bytes: all within a vector.
    const OFFSETS: usize = if cfg!(miri) { 2 } else { 33 };

    fn check<T: Swap + Copy + Default + PartialEq + Debug, const N: usize>(
        to: fn(T) -> [u8; N],
        from: fn([u8; N]) -> T,
    ) {
        for count in (0..SHORT).chain(COUNTS.iter().copied()) {
            for offset in 0..OFFSETS {
                let bytes: Vec<u8> = (0..offset + count * N + 1).map(|index| (index * 167 % 251) as u8).collect();
                let wire = &bytes[offset..offset + count * N];
                let values: Vec<T> = wire.as_chunks().0.iter().map(|bytes| from(*bytes)).collect();

                let mut loaded = vec![T::default(); count];
                T::load(&mut loaded, wire);
                assert_eq!(loaded, values, "{count} at {offset}");

                let mut stored = vec![0xee; bytes.len()];
                T::store(&values, &mut stored[offset..offset + count * N]);
                assert_eq!(stored[offset..offset + count * N], *wire, "{count} at {offset}");
                assert!(stored[..offset].iter().chain(&stored[offset + count * N..]).all(|&byte| byte == 0xee));
                assert!(values.iter().flat_map(|&value| to(value)).eq(wire.iter().copied()));
            }
        }
    }

    #[test]
    fn bulk_conversion_equals_single_conversion() {
        check(u16::to_be_bytes, u16::from_be_bytes);
        check(u32::to_be_bytes, u32::from_be_bytes);
        check(u64::to_be_bytes, u64::from_be_bytes);
        check(i16::to_be_bytes, i16::from_be_bytes);
        check(i32::to_be_bytes, i32::from_be_bytes);
        check(i64::to_be_bytes, i64::from_be_bytes);
    }

    #[test]
    fn floats_keep_their_bits() {
        let bits: Vec<u64> = (0..99).map(|index| 0x7ff0_0000_0000_0001_u64.rotate_left(index)).collect();
        let values: Vec<f64> = bits.iter().map(|&bits| f64::from_bits(bits)).collect();
        let mut wire = vec![0; 99 * 8];
        let mut loaded = vec![0.0; 99];
        f64::store(&values, &mut wire);
        assert!(bits.iter().flat_map(|bits| bits.to_be_bytes()).eq(wire.iter().copied()));
        f64::load(&mut loaded, &wire);
        assert!(loaded.iter().map(|value| value.to_bits()).eq(bits));
    }
}
