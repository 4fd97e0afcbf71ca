//! The encoder.

use super::MAX_RUN;
use super::difference::{self, CHUNK};

/// The result of [`encode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding<'o> {
    /// The pages are equal.
    Unchanged,
    /// The changes.
    Delta(&'o [u8]),
    /// The changes do not fit: the page is sent as it is.
    Overflow,
}

/// Encodes the changes from `old` to `new`, which have the same length, into `out`.
///
/// This uses AVX2 if the processor supports it. The result is [`Overflow`](Encoding::Overflow) if the changes may need more
/// bytes than `out` has, if one of their lengths exceeds 14 bits, or if the pages have different lengths.
/// (QEMU: `xbzrle_encode_buffer` in `migration/xbzrle.c`.)
#[must_use]
pub fn encode<'o>(old: &[u8], new: &[u8], out: &'o mut [u8]) -> Encoding<'o> {
    if old.len() != new.len() {
        return Encoding::Overflow;
    }
    match dispatch(old, new, out) {
        Some(0) => Encoding::Unchanged,
        Some(length) => out.get(..length).map_or(Encoding::Overflow, Encoding::Delta),
        None => Encoding::Overflow,
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "AVX2 is several times as fast as words, and needs a function with a target feature")]
fn dispatch(old: &[u8], new: &[u8], out: &mut [u8]) -> Option<usize> {
    #[target_feature(enable = "avx2")]
    fn with_avx2(old: &[u8], new: &[u8], out: &mut [u8]) -> Option<usize> {
        encode_with(old, new, out, |old, new| difference::avx2(old, new))
    }
    if is_x86_feature_detected!("avx2") {
        // SAFETY: `with_avx2` is a safe function that requires only AVX2, which the processor supports.
        unsafe { with_avx2(old, new, out) }
    } else {
        encode_with(old, new, out, difference::portable)
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn dispatch(old: &[u8], new: &[u8], out: &mut [u8]) -> Option<usize> {
    encode_with(old, new, out, difference::portable)
}

/// Returns the length of the encoding: 0 if nothing has changed, `None` if it does not fit.
#[inline(always)]
fn encode_with(
    old: &[u8],
    new: &[u8],
    out: &mut [u8],
    mask: impl Fn(&[u8; CHUNK], &[u8; CHUNK]) -> u64,
) -> Option<usize> {
    let mut runs = Runs { new, out, length: 0, unchanged: 0, changed: None };
    let (old_chunks, old_rest) = old.as_chunks::<CHUNK>();
    let (new_chunks, new_rest) = new.as_chunks::<CHUNK>();
    for (index, (old, new)) in old_chunks.iter().zip(new_chunks).enumerate() {
        runs.chunk(index * CHUNK, mask(old, new))?;
    }
    if !old_rest.is_empty() {
        let pad = |rest: &[u8]| std::array::from_fn(|index| rest.get(index).copied().unwrap_or(0));
        runs.chunk(old_chunks.len() * CHUNK, mask(&pad(old_rest), &pad(new_rest)))?;
    }
    runs.finish()
}

/// The runs of a page, as far as it was compared.
struct Runs<'e> {
    new: &'e [u8],
    out: &'e mut [u8],
    /// The bytes of `out` that were written.
    length: usize,
    /// The start of the current run of unchanged bytes.
    unchanged: usize,
    /// The start of the changed bytes after it.
    changed: Option<usize>,
}

impl Runs<'_> {
    /// Adds the bytes from `start` on. Bit `i` of `mask` is set if byte `start + i` has changed.
    #[inline(always)]
    fn chunk(&mut self, start: usize, mask: u64) -> Option<()> {
        let mut at = 0;
        while at < CHUNK {
            let rest = mask >> at;
            if let Some(first) = self.changed {
                at += rest.trailing_ones() as usize;
                if at < CHUNK {
                    self.write(first, start + at)?;
                }
            } else if rest == 0 {
                break;
            } else {
                at += rest.trailing_zeros() as usize;
                self.changed = Some(start + at);
            }
        }
        Some(())
    }

    /// Writes the unchanged bytes up to `start` and the changed ones up to `end`.
    #[inline(always)]
    fn write(&mut self, start: usize, end: usize) -> Option<()> {
        self.run_length(start - self.unchanged)?;
        self.run_length(end - start)?;
        let bytes = self.new.get(start..end)?;
        self.out.get_mut(self.length..self.length + bytes.len())?.copy_from_slice(bytes);
        self.length += bytes.len();
        (self.unchanged, self.changed) = (end, None);
        Some(())
    }

    /// Writes a length. Like QEMU, it needs room for two bytes even if it has one: otherwise, more pages would be encoded.
    #[inline(always)]
    fn run_length(&mut self, run: usize) -> Option<()> {
        let room = self.out.get_mut(self.length..self.length + 2)?;
        let low = (run & 0x7f) as u8;
        if run > MAX_RUN {
            return None;
        } else if run < 0x80 {
            room[0] = low;
            self.length += 1;
        } else {
            room.copy_from_slice(&[low | 0x80, (run >> 7) as u8]);
            self.length += 2;
        }
        Some(())
    }

    fn finish(mut self) -> Option<usize> {
        let end = self.new.len();
        if let Some(start) = self.changed {
            self.write(start, end)?;
        }
        // QEMU requires room for one more length before it detects that only unchanged bytes follow.
        let full = self.unchanged < end && self.length + 2 > self.out.len();
        (!full).then_some(self.length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decode;
    use super::*;

    /// An independent encoder, byte by byte.
    fn simple(old: &[u8], new: &[u8], room: usize) -> Option<Vec<u8>> {
        let leb =
            |run: usize| if run < 128 { vec![run as u8] } else { vec![(run & 127) as u8 | 128, (run >> 7) as u8] };
        let (mut out, mut at) = (Vec::new(), 0);
        while at < new.len() {
            if out.len() + 2 > room {
                return None;
            }
            let equal = (at..new.len()).take_while(|index| old[*index] == new[*index]).count();
            if at + equal == new.len() {
                break;
            }
            out.extend(leb(equal));
            at += equal;
            let changed = (at..new.len()).take_while(|index| old[*index] != new[*index]).count();
            if out.len() + 2 > room {
                return None;
            }
            out.extend(leb(changed));
            if out.len() + changed > room {
                return None;
            }
            out.extend(&new[at..at + changed]);
            at += changed;
        }
        Some(out)
    }

    fn check(old: &[u8], new: &[u8], room: usize) {
        let expected = simple(old, new, room);
        let mut out = vec![0; room];
        let portable = encode_with(old, new, &mut out, difference::portable);
        assert_eq!(portable.map(|length| out[..length].to_vec()), expected);
        let found = match encode(old, new, &mut out) {
            Encoding::Unchanged => Some(Vec::new()),
            Encoding::Delta(delta) => Some(delta.to_vec()),
            Encoding::Overflow => None,
        };
        assert_eq!(found, expected);
        if let Some(delta) = expected {
            let mut page = old.to_vec();
            decode(&delta, &mut page).unwrap();
            assert_eq!(page, new);
        }
    }

    /// Changes to a page: places, lengths and values.
    fn changes() -> impl Strategy<Value = Vec<(usize, usize, u8)>> {
        prop::collection::vec((0..4096_usize, prop_oneof![1..4_usize, 1..600_usize], any::<u8>()), 0..40)
    }

    #[test]
    fn short_pages_equal_simple_encoder() {
        let old = [7; 200];
        for places in [&[][..], &[0], &[31, 32], &[63, 64, 65], &[127, 128, 199], &[128], &[199]] {
            let mut new = old;
            places.iter().for_each(|place: &usize| new[*place] ^= 0x80);
            (0..12).chain([200]).for_each(|room| check(&old, &new, room));
        }
    }

    proptest! {
        #[test]
        #[cfg_attr(miri, ignore = "too slow")]
        fn equals_simple_encoder(changes in changes(), size in prop_oneof![Just(4096_usize), 1..4097_usize], room in 0..4097_usize) {
            let old: Vec<u8> = (0..size).map(|index| (index % 7) as u8).collect();
            let mut new = old.clone();
            for (start, length, value) in changes {
                let end = (start + length).min(size);
                new[start.min(size)..end].fill(value % 8);
            }
            check(&old, &new, size);
            check(&old, &new, room);
        }

        #[test]
        #[cfg_attr(miri, ignore = "too slow")]
        fn dense_changes_equal_simple_encoder(bits in prop::collection::vec(any::<u64>(), 64), room in 3000..4097_usize) {
            let old = vec![0; 4096];
            let new: Vec<u8> = (0..4096).map(|index| ((bits[index / 64] >> (index % 64)) & 1) as u8).collect();
            check(&old, &new, room);
            check(&old, &new, 4096);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too slow")]
    fn long_runs_and_lengths_overflow() {
        let (old, mut new) = (vec![0; 0x1_0000], vec![0; 0x1_0000]);
        new[MAX_RUN] = 1;
        check(&old, &new, 0x1_0000);
        new[MAX_RUN] = 0;
        new[MAX_RUN + 1] = 1;
        assert_eq!(encode(&old, &new, &mut [0; 100]), Encoding::Overflow);
        assert_eq!(encode(&old, &new[1..], &mut [0; 100]), Encoding::Overflow);
        assert_eq!(encode(&[0; 4096], &[1; 4096], &mut [0; 4096]), Encoding::Overflow);
    }
}
