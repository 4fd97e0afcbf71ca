//! Detection of zero pages, at the speed of memory.

/// Returns whether all of `bytes` are zero.
///
/// This is as fast as the processor reads uncached memory. It uses AVX2 if the processor supports it.
///
/// ```
/// let mut page = vec![0; 4096];
/// assert!(vmstate::ram::is_zero(&page));
/// page[4095] = 1;
/// assert!(!vmstate::ram::is_zero(&page));
/// ```
#[must_use]
pub fn is_zero(bytes: &[u8]) -> bool {
    // Most pages with content begin with it, so that one cache line tells.
    if bytes.first().is_some_and(|first| *first != 0) {
        return false;
    }
    // Without optimization `scan` takes fifty times as long as `memcmp`, which is compiled with optimization anyway.
    if cfg!(debug_assertions) { compare(bytes) } else { scan(bytes) }
}

/// Returns whether all of `bytes` are `fill`.
pub(super) fn is_filled(bytes: &[u8], fill: u8) -> bool {
    if fill == 0 { is_zero(bytes) } else { bytes.iter().all(|byte| *byte == fill) }
}

fn compare(bytes: &[u8]) -> bool {
    static ZEROS: [u8; 4096] = [0; 4096];
    bytes.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "AVX2 is an eighth faster than the baseline's SSE2, and needs a function with a target feature"
)]
fn scan(bytes: &[u8]) -> bool {
    #[target_feature(enable = "avx2")]
    fn with_avx2(bytes: &[u8]) -> bool {
        or_all(bytes)
    }
    if is_x86_feature_detected!("avx2") {
        // SAFETY: `with_avx2` is a safe function that requires only AVX2, which the processor supports.
        unsafe { with_avx2(bytes) }
    } else {
        or_all(bytes)
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn scan(bytes: &[u8]) -> bool {
    or_all(bytes)
}

/// Checks eight cache lines between branches, which the compiler vectorizes for the features of the caller.
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
    fn every_nonzero_byte_is_found() {
        // Miri needs minutes for all places.
        let (lengths, step): (&[usize], _) =
            if cfg!(miri) { (&[0, 1, 31, 513], 29) } else { (&[0, 1, 31, 256, 511, 512, 513, 4096, 4097, 9000], 1) };
        for &length in lengths {
            let mut bytes = vec![0; length];
            let all = |bytes: &[u8]| [is_zero(bytes), compare(bytes), scan(bytes), or_all(bytes)];
            assert_eq!(all(&bytes), [true; 4]);
            for place in (0..length).step_by(step) {
                bytes[place] = 0x80 >> (place % 8);
                assert_eq!(all(&bytes), [false; 4], "{place} of {length}");
                bytes[place] = 0;
            }
        }
        assert!(is_filled(&[3; 700], 3) && !is_filled(&[3; 700], 0) && is_filled(&[0; 700], 0));
    }
}
