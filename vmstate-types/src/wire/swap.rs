//! Arrays of numbers, between memory and the wire, in bulk.
//!
//! On x86-64 the wire's order of bytes is not the processor's. What every such processor can do swaps about 30 GB/s; with
//! AVX2, which nearly all have, it is as fast as a copy. So the same loop is compiled twice, and the processor is asked,
//! once, which of the two it can run. That call is the only `unsafe` code of this crate.
#![allow(unsafe_code)]

/// Numbers of one type.
pub(crate) trait Swap: Sized {
    /// Writes `values` into `out`, which has room for just as many.
    fn store(values: &[Self], out: &mut [u8]);

    /// Reads `values` from `from`, which has just as many.
    fn load(values: &mut [Self], from: &[u8]);
}

#[cfg(target_arch = "x86_64")]
cpufeatures::new!(avx2, "avx2");

macro_rules! swap {
    ($($number:ident)*) => {$(
        const _: () = {
            #[inline(always)]
            fn store_each(values: &[$number], out: &mut [u8]) {
                for (value, out) in values.iter().zip(out.as_chunks_mut().0) {
                    *out = value.to_be_bytes();
                }
            }

            #[inline(always)]
            fn load_each(values: &mut [$number], from: &[u8]) {
                for (value, from) in values.iter_mut().zip(from.as_chunks().0) {
                    *value = $number::from_be_bytes(*from);
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn store_avx2(values: &[$number], out: &mut [u8]) {
                store_each(values, out);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn load_avx2(values: &mut [$number], from: &[u8]) {
                load_each(values, from);
            }

            fn store_many(values: &[$number], out: &mut [u8]) {
                #[cfg(target_arch = "x86_64")]
                if avx2::get() {
                    // SAFETY: undefined is "executing code compiled with platform features that the current platform
                    // does not support". The function is compiled with AVX2, which the processor and the system have:
                    // they were just asked. It is a safe function but for that.
                    return unsafe { store_avx2(values, out) };
                }
                store_each(values, out);
            }

            fn load_many(values: &mut [$number], from: &[u8]) {
                #[cfg(target_arch = "x86_64")]
                if avx2::get() {
                    // SAFETY: as in `store_many`.
                    return unsafe { load_avx2(values, from) };
                }
                load_each(values, from);
            }

            impl Swap for $number {
                #[inline]
                fn store(values: &[Self], out: &mut [u8]) {
                    match size_of_val(values) < MANY {
                        true => store_each(values, out),
                        false => store_many(values, out),
                    }
                }

                #[inline]
                fn load(values: &mut [Self], from: &[u8]) {
                    match size_of_val(values) < MANY {
                        true => load_each(values, from),
                        false => load_many(values, from),
                    }
                }
            }
        };
    )*};
}

/// From so many bytes on a call is worth it.
const MANY: usize = 64;

swap!(u16 u32 u64 i16 i32 i64 f32 f64);

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;
    use core::fmt::Debug;

    use super::*;

    /// All lengths around the widths of vectors and of what a compiler unrolls, at all offsets in a vector.
    fn check<T: Swap + Copy + Default + PartialEq + Debug, const N: usize>(
        to: fn(T) -> [u8; N],
        from: fn([u8; N]) -> T,
    ) {
        for count in (0..70).chain([127, 128, 129, 1000]) {
            for offset in 0..33 {
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
    fn many_are_swapped_as_one_is() {
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
        let (mut wire, mut loaded) = (vec![0; 99 * 8], vec![0.0; 99]);
        f64::store(&values, &mut wire);
        assert!(bits.iter().flat_map(|bits| bits.to_be_bytes()).eq(wire.iter().copied()));
        f64::load(&mut loaded, &wire);
        assert!(loaded.iter().map(|value| value.to_bits()).eq(bits));
    }
}
