//! Whether memory is zero, as fast as memory can be read.

/// Whether all of `bytes` are zero.
///
/// From memory that no cache holds, this is as fast as the processor reads it: with AVX2 where there is AVX2.
///
/// ```
/// let mut page = vec![0; 4096];
/// assert!(vmstate::ram::is_zero(&page));
/// page[4095] = 1;
/// assert!(!vmstate::ram::is_zero(&page));
/// ```
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    // Without optimization the loops take fifty times as long, and the C library's comparison does not.
    if cfg!(debug_assertions) { compare(bytes) } else { scan(bytes) }
}

/// Whether all of `bytes` are `fill`.
pub(super) fn is_filled(bytes: &[u8], fill: u8) -> bool {
    if fill == 0 { is_zero(bytes) } else { bytes.iter().all(|byte| *byte == fill) }
}

fn compare(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "asks the processor what it has, and uses it: an eighth more than the baseline's SSE2")]
fn scan(bytes: &[u8]) -> bool {
    #[target_feature(enable = "avx2")]
    fn with_avx2(bytes: &[u8]) -> bool {
        or_all(bytes)
    }
    match is_x86_feature_detected!("avx2") {
        // SAFETY: `with_avx2` is a safe function, which asks for nothing but a processor with AVX2; this one says that it
        // has it.
        true => unsafe { with_avx2(bytes) },
        false => or_all(bytes),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn scan(bytes: &[u8]) -> bool {
    or_all(bytes)
}

/// Looks at eight cache lines between branches: the compiler makes as many vectors of that as the caller may use.
#[inline(always)]
fn or_all(bytes: &[u8]) -> bool {
    let or = |bytes: &[u8]| bytes.iter().fold(0, |all, byte| all | byte) == 0;
    let (chunks, rest) = bytes.as_chunks::<512>();
    chunks.iter().all(|chunk| or(chunk)) && or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_counts() {
        for length in [0, 1, 31, 256, 511, 512, 513, 4096, 4097, 9000] {
            let mut bytes = vec![0; length];
            let all = |bytes: &[u8]| [is_zero(bytes), compare(bytes), scan(bytes), or_all(bytes)];
            assert_eq!(all(&bytes), [true; 4]);
            for place in 0..length {
                bytes[place] = 0x80 >> (place % 8);
                assert_eq!(all(&bytes), [false; 4], "{place} of {length}");
                bytes[place] = 0;
            }
        }
        assert!(is_filled(&[3; 700], 3) && !is_filled(&[3; 700], 0) && is_filled(&[0; 700], 0));
    }
}
