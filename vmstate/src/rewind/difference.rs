//! The difference between two states: the runs of bytes that have changed.
//!
//! A difference is a sequence of numbers and bytes: the length of the older state, then for each run the distance from
//! the previous run, its length, and the older bytes. Numbers take 7 bits per byte, the lowest first.

use std::ops::Range;

/// The number of equal bytes that end a run. A new run costs about two bytes, so that shorter gaps are copied.
const GAP: usize = 4;

/// The number of bytes that are compared at once in equal parts, which are most of a state.
const BLOCK: usize = 64;

/// The number of bytes that are compared at once in a block with a difference.
const WORD: usize = 8;

/// The number of bytes that are compared at once in parts that differ.
const PART: usize = 16;

/// Writes the difference that turns `newer` into `older` to `out`, which is cleared before.
pub(super) fn encode(older: &[u8], newer: &[u8], out: &mut Vec<u8>) {
    out.clear();
    put(out, older.len());
    let common = older.len().min(newer.len());
    let mut done = 0;
    while let Some(run) = next_run(&older[..common], &newer[..common], done) {
        put_run(out, older, done, run.clone());
        done = run.end;
    }
    // The part that only the older state has.
    if older.len() > common {
        put_run(out, older, done, common..older.len());
    }
}

/// Changes `state` into a state of `length` bytes with these parts, and writes the difference that turns it back to `out`, which is
/// cleared before.
pub(super) fn encode_parts<P: AsRef<[u8]>>(
    state: &mut Vec<u8>,
    length: usize,
    parts: &[(usize, P)],
    out: &mut Vec<u8>,
) {
    out.clear();
    put(out, state.len());
    let (common, mut done) = (state.len().min(length), 0);
    for (start, part) in parts {
        let (older, newer) = (state[..common].get(*start..).unwrap_or_default(), part.as_ref());
        let size = older.len().min(newer.len());
        let mut from = 0;
        while let Some(run) = next_run(&older[..size], &newer[..size], from) {
            from = run.end;
            put_run(out, state, done, start + run.start..start + run.end);
            done = start + run.end;
        }
    }
    if state.len() > common {
        put_run(out, state, done, common..state.len());
    }
    state.resize(length, 0);
    for (start, part) in parts {
        if let Some(place) = state.get_mut(*start..).and_then(|rest| rest.get_mut(..part.as_ref().len())) {
            place.copy_from_slice(part.as_ref());
        }
    }
}

/// Turns the newer state into the older one. Returns `None` if `difference` does not belong to `state`.
pub(super) fn apply(state: &mut Vec<u8>, mut difference: &[u8]) -> Option<()> {
    let length = take(&mut difference)?;
    state.resize(length, 0);
    let mut done = 0;
    while !difference.is_empty() {
        let start = take(&mut difference)?.checked_add(done)?;
        let bytes = take(&mut difference)?;
        let (run, rest) = difference.split_at_checked(bytes)?;
        done = start.checked_add(bytes)?;
        state.get_mut(start..done)?.copy_from_slice(run);
        difference = rest;
    }
    Some(())
}

fn put_run(out: &mut Vec<u8>, older: &[u8], done: usize, run: Range<usize>) {
    put(out, run.start - done);
    put(out, run.len());
    out.extend_from_slice(&older[run]);
}

/// Returns the next bytes from `from` on that differ, or whose gaps are too short to leave out.
fn next_run(older: &[u8], newer: &[u8], from: usize) -> Option<Range<usize>> {
    let start = first_difference(older, newer, from)?;
    Some(start..end_of_run(older, newer, start + 1))
}

/// Returns the end of a run whose last known byte is before `end`.
fn end_of_run(older: &[u8], newer: &[u8], mut end: usize) -> usize {
    loop {
        // Rewritten pages differ in most bytes, so parts that differ completely are skipped at once.
        end += different(&older[end..], &newer[end..]);
        let mut after = older[end..].iter().zip(&newer[end..]).take(GAP);
        match after.position(|(older, newer)| older != newer) {
            Some(equal) => end += equal + 1,
            None => return end,
        }
    }
}

/// Returns the length of the start of two slices of one length that differs in each byte, in whole parts of some bytes.
fn different(older: &[u8], newer: &[u8]) -> usize {
    let (older, newer) = (older.as_chunks::<PART>().0, newer.as_chunks::<PART>().0);
    // Without an early end in a part, so that it is compared at once.
    let differs = |(older, newer): &(&[u8; PART], &[u8; PART])| {
        older.iter().zip(*newer).fold(true, |all, (older, newer)| all & (older != newer))
    };
    older.iter().zip(newer).take_while(differs).count() * PART
}

fn first_difference(older: &[u8], newer: &[u8], from: usize) -> Option<usize> {
    let (older, newer) = (&older[from..], &newer[from..]);
    let block = equal::<BLOCK>(older, newer);
    let start = block + equal::<WORD>(&older[block..], &newer[block..]);
    let found = older[start..].iter().zip(&newer[start..]).position(|(older, newer)| older != newer)?;
    Some(from + start + found)
}

/// Returns the length of the equal start of two slices of one length, in whole parts of `N` bytes.
fn equal<const N: usize>(older: &[u8], newer: &[u8]) -> usize {
    let (older, newer) = (older.as_chunks::<N>().0, newer.as_chunks::<N>().0);
    older.iter().zip(newer).take_while(|(older, newer)| older == newer).count() * N
}

fn put(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(from: &mut &[u8]) -> Option<usize> {
    let mut number = 0_usize;
    let mut shift = 0;
    loop {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        number |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(number);
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn difference_has_only_the_changed_bytes() {
        let older = [0; 300];
        let mut newer = older;
        (newer[10], newer[12], newer[200]) = (1, 1, 1);
        let mut out = Vec::new();
        encode(&older, &newer, &mut out);
        assert_eq!(out, [0xac, 2, 10, 3, 0, 0, 0, 0xbb, 1, 1, 0]);
        encode(&older, &older, &mut out);
        assert_eq!(out, [0xac, 2]);
    }

    #[test]
    fn damaged_difference_is_rejected() {
        for difference in [&[][..], &[0x80], &[2, 0, 3, 0, 0, 0], &[2, 5, 1, 0], &[2, 0, 9, 0], &[0xff; 12]] {
            assert_eq!(apply(&mut vec![1, 2], difference), None, "{difference:?}");
        }
    }

    proptest! {
        #[test]
        fn difference_restores_the_older_state(
            older in prop::collection::vec(any::<u8>(), 0..300),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
            length in 0_usize..400,
        ) {
            let mut newer = older.clone();
            newer.resize(length, 7);
            for (index, byte) in changes {
                if !newer.is_empty() {
                    let index = index.index(newer.len());
                    newer[index] = byte;
                }
            }
            let mut out = vec![1, 2, 3];
            encode(&older, &newer, &mut out);
            apply(&mut newer, &out).unwrap();
            prop_assert_eq!(newer, older);
        }

        /// Parts give the same difference as the whole state, apart from the ends of their runs.
        #[test]
        fn parts_change_a_state_and_restore_it(
            older in prop::collection::vec(0_u8..3, 0..300),
            lengths in prop::collection::vec((0_usize..40, prop::collection::vec(0_u8..3, 0..40)), 0..10),
            more in 0_usize..40,
        ) {
            let (mut parts, mut end) = (Vec::new(), 0);
            for (gap, part) in lengths {
                parts.push((end + gap, part.clone()));
                end += gap + part.len();
            }
            let (length, mut state, mut out) = (end + more, older.clone(), vec![1, 2, 3]);
            let mut expected = older.clone();
            expected.resize(length, 0);
            parts.iter().for_each(|(start, part)| expected[*start..start + part.len()].copy_from_slice(part));
            encode_parts(&mut state, length, &parts, &mut out);
            prop_assert_eq!(&state, &expected);
            apply(&mut state, &out).unwrap();
            prop_assert_eq!(state, older);
        }

        #[test]
        fn any_difference_is_rejected_or_applied(difference in prop::collection::vec(0_u8..8, 0..20)) {
            let mut state = vec![0; 4];
            let _ = apply(&mut state, &difference);
            prop_assert!(state.len() < 8);
        }
    }
}
