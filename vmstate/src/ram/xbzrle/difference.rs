//! The bytes in which two pages differ, as bit masks.

/// The bytes that one mask describes.
pub(super) const CHUNK: usize = 64;

/// Returns a mask with bit `i` set if `old[i]` and `new[i]` differ.
#[inline(always)]
pub(super) fn portable(old: &[u8; CHUNK], new: &[u8; CHUNK]) -> u64 {
    if old == new {
        return 0;
    }
    let (old, _) = old.as_chunks::<8>();
    let (new, _) = new.as_chunks::<8>();
    let masks =
        old.iter().zip(new).map(|(old, new)| nonzero_bytes(u64::from_le_bytes(*old) ^ u64::from_le_bytes(*new)));
    masks.rev().fold(0, |mask, next| (mask << 8) | next)
}

/// Returns a mask with bit `i` set if byte `i` of the little-endian `word` is not zero.
#[inline(always)]
fn nonzero_bytes(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // The top bit of each byte that is not zero, moved to its lowest bit.
    let ones = ((((word & LOW) + LOW) | word) & !LOW) >> 7;
    // Each factor moves bit 8 i to bit 56 + i; all partial products are distinct, so nothing carries.
    ones.wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Returns the same mask as [`portable`], with two comparisons of 32 bytes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
pub(super) fn avx2(old: &[u8; CHUNK], new: &[u8; CHUNK]) -> u64 {
    use std::arch::x86_64::{_mm256_cmpeq_epi8, _mm256_movemask_epi8};

    let equal = |at: usize| {
        let equal = _mm256_cmpeq_epi8(load(old, at), load(new, at));
        u64::from(_mm256_movemask_epi8(equal).cast_unsigned())
    };
    !(equal(0) | (equal(32) << 32))
}

/// Loads 32 bytes. The compiler merges the four loads into one.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
#[inline]
fn load(bytes: &[u8; CHUNK], at: usize) -> std::arch::x86_64::__m256i {
    let (words, _) = bytes.as_chunks::<8>();
    let word = |index: usize| i64::from_le_bytes(words[at / 8 + index]);
    std::arch::x86_64::_mm256_set_epi64x(word(3), word(2), word(1), word(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_the_bits_of_differing_bytes() {
        for place in 0..CHUNK {
            for flip in [1, 0x80, 0xff] {
                let old: [u8; CHUNK] = std::array::from_fn(|index| (index * 5) as u8);
                let mut new = old;
                new[place] ^= flip;
                new[CHUNK - 1 - place] ^= 0x10;
                let expected = (0..CHUNK).fold(0, |mask, index| mask | (u64::from(old[index] != new[index]) << index));
                assert_eq!(portable(&old, &new), expected);
                assert_eq!(portable(&old, &old), 0);
            }
        }
    }
}
