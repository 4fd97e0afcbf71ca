//! Copies from and to memory that other threads change at the same time.
//!
//! Words are copied with relaxed atomic operations, as in the proposed atomic `memcpy` for Rust. A thread may access the
//! same memory with another size at the same time, such as a vCPU that writes a byte of a word. Rust does not define such
//! races yet. The compiler's own model does: "atomic" in LLVM's reference applies to each byte, so the result is a
//! mixture of bytes. Miri rejects them, so bytes are copied one by one there, except in the tests of this module.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};

#[cfg(all(target_arch = "x86_64", not(miri)))]
use super::wide;

/// The size of a word.
const WORD: usize = size_of::<usize>();
/// The number of bytes that a loop copies in each iteration, as separate instructions.
const CHUNK: usize = 8 * WORD;

/// Returns the number of bytes that are copied one by one before the first word.
fn head(address: *const u8, length: usize) -> usize {
    if cfg!(miri) { length } else { unaligned(address, length) }
}

/// Returns the number of bytes up to the first word.
fn unaligned(address: *const u8, length: usize) -> usize {
    address.align_offset(WORD).min(length)
}

/// Copies the memory at `from` into `into`.
///
/// # Safety
/// The bytes at `from` are readable, and others access them as the module requires.
pub(super) unsafe fn load(from: *const u8, into: &mut [u8]) {
    let head = head(from, into.len());
    // SAFETY: the word after the head is aligned.
    unsafe { load_words(from, into, head) };
}

/// Copies words after the first `head` bytes.
///
/// # Safety
/// As for [`load`], and `head` is at most the length of `into`, and the address after it is aligned unless it is the end.
unsafe fn load_words(from: *const u8, into: &mut [u8], head: usize) {
    let (head, rest) = into.split_at_mut(head);
    // SAFETY: all parts are within the readable bytes, and `from + head.len()` is aligned unless `rest` is empty.
    unsafe {
        load_bytes(from, head);
        let from = from.add(head.len());
        let (chunks, tail) = rest.as_chunks_mut::<CHUNK>();
        let after = from.add(chunks.len() * CHUNK);
        for (index, chunk) in chunks.iter_mut().enumerate() {
            for (number, word) in chunk.as_chunks_mut::<WORD>().0.iter_mut().enumerate() {
                *word = load_word(from.add(index * CHUNK + number * WORD)).to_ne_bytes();
            }
        }
        load_bytes(after, tail);
    }
}

/// Copies `from` into the memory at `to`.
///
/// # Safety
/// The bytes at `to` are writable, and others access them as the module requires.
pub(super) unsafe fn store(to: *mut u8, from: &[u8]) {
    let head = head(to, from.len());
    // SAFETY: the word after the head is aligned.
    unsafe { store_words(to, from, head) };
}

/// Copies words after the first `head` bytes.
///
/// # Safety
/// As for [`store`], and as for [`load_words`].
unsafe fn store_words(to: *mut u8, from: &[u8], head: usize) {
    let (head, rest) = from.split_at(head);
    // SAFETY: all parts are within the writable bytes, and `to + head.len()` is aligned unless `rest` is empty.
    unsafe {
        store_bytes(to, head);
        let to = to.add(head.len());
        let (chunks, tail) = rest.as_chunks::<CHUNK>();
        for (index, chunk) in chunks.iter().enumerate() {
            for (number, word) in chunk.as_chunks::<WORD>().0.iter().enumerate() {
                let to = to.add(index * CHUNK + number * WORD);
                AtomicUsize::from_ptr(to.cast()).store(usize::from_ne_bytes(*word), Relaxed);
            }
        }
        store_bytes(to.add(chunks.len() * CHUNK), tail);
    }
}

/// Returns whether `length` bytes are zero.
///
/// # Safety
/// As for [`load`].
pub(super) unsafe fn is_zero(from: *const u8, length: usize) -> bool {
    // Most pages with content begin with it, so that one cache line tells.
    // SAFETY: the first byte is readable.
    if length > 0 && unsafe { AtomicU8::from_ptr(from.cast_mut()).load(Relaxed) } != 0 {
        return false;
    }
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if length >= wide::CHUNK && is_x86_feature_detected!("avx2") {
        let chunks = length / wide::CHUNK;
        let rest = chunks * wide::CHUNK;
        // SAFETY: the chunks and the rest are within the readable bytes, and the processor supports AVX2.
        return unsafe { wide::are_zero(from, chunks) && words_are_zero(from.add(rest), length - rest) };
    }
    // SAFETY: as required from the caller.
    unsafe { words_are_zero(from, length) }
}

/// Returns whether `length` bytes are zero.
///
/// # Safety
/// As for [`load`].
unsafe fn words_are_zero(from: *const u8, length: usize) -> bool {
    let head = head(from, length);
    // SAFETY: the word after the head is aligned.
    unsafe { are_words_zero(from, length, head) }
}

/// Returns whether `length` bytes are zero, of which the first `head` are compared one by one.
///
/// # Safety
/// As for [`load_words`].
unsafe fn are_words_zero(from: *const u8, length: usize, head: usize) -> bool {
    let chunks = (length - head) / CHUNK;
    let tail = head + chunks * CHUNK;
    // SAFETY: all offsets are below `length`, and the words are aligned.
    let byte = |offset| unsafe { AtomicU8::from_ptr(from.add(offset).cast_mut()).load(Relaxed) == 0 };
    // SAFETY: as above.
    let word = |offset| unsafe { load_word(from.add(offset)) };
    (0..head).all(byte)
        && (0..chunks).all(|chunk| {
            let start = head + chunk * CHUNK;
            (0..CHUNK / WORD).fold(0, |all, number| all | word(start + number * WORD)) == 0
        })
        && (tail..length).all(byte)
}

/// Loads a value with one access if its size and address allow it, as guests expect.
///
/// # Safety
/// As for [`load`].
#[inline]
pub(super) unsafe fn load_value<const N: usize>(from: *const u8) -> [u8; N] {
    let mut value = [0; N];
    let from = from.cast_mut();
    // SAFETY: the bytes are readable, and aligned where that is required.
    unsafe {
        match N {
            _ if cfg!(miri) || !from.addr().is_multiple_of(N) => load_bytes(from, &mut value),
            1 => value.copy_from_slice(&AtomicU8::from_ptr(from).load(Relaxed).to_ne_bytes()),
            2 => value.copy_from_slice(&AtomicU16::from_ptr(from.cast()).load(Relaxed).to_ne_bytes()),
            4 => value.copy_from_slice(&AtomicU32::from_ptr(from.cast()).load(Relaxed).to_ne_bytes()),
            8 => value.copy_from_slice(&AtomicU64::from_ptr(from.cast()).load(Relaxed).to_ne_bytes()),
            _ => load_bytes(from, &mut value),
        }
    }
    value
}

/// Stores a value with one access if its size and address allow it, as guests expect.
///
/// # Safety
/// As for [`store`].
#[inline]
pub(super) unsafe fn store_value<const N: usize>(to: *mut u8, value: [u8; N]) {
    // SAFETY: the bytes are writable, and aligned where that is required.
    unsafe {
        match *value.as_slice() {
            _ if cfg!(miri) || !to.addr().is_multiple_of(N) => store_bytes(to, &value),
            [a] => AtomicU8::from_ptr(to).store(a, Relaxed),
            [a, b] => AtomicU16::from_ptr(to.cast()).store(u16::from_ne_bytes([a, b]), Relaxed),
            [a, b, c, d] => AtomicU32::from_ptr(to.cast()).store(u32::from_ne_bytes([a, b, c, d]), Relaxed),
            [a, b, c, d, e, f, g, h] => {
                AtomicU64::from_ptr(to.cast()).store(u64::from_ne_bytes([a, b, c, d, e, f, g, h]), Relaxed);
            }
            _ => store_bytes(to, &value),
        }
    }
}

unsafe fn load_word(from: *const u8) -> usize {
    // SAFETY: the caller passes the address of a readable, aligned word.
    unsafe { AtomicUsize::from_ptr(from.cast_mut().cast()).load(Relaxed) }
}

unsafe fn load_bytes(from: *const u8, into: &mut [u8]) {
    for (index, byte) in into.iter_mut().enumerate() {
        // SAFETY: the caller's bytes are readable.
        *byte = unsafe { AtomicU8::from_ptr(from.add(index).cast_mut()).load(Relaxed) };
    }
}

unsafe fn store_bytes(to: *mut u8, from: &[u8]) {
    for (index, byte) in from.iter().enumerate() {
        // SAFETY: the caller's bytes are writable.
        unsafe { AtomicU8::from_ptr(to.add(index)).store(*byte, Relaxed) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector;
    use super::*;

    #[test]
    fn words_hold_the_same_bytes() {
        let content: Vec<u8> = (1..=200).collect();
        for start in 0..WORD {
            for length in [0, 1, WORD, CHUNK - 1, CHUNK, CHUNK + WORD, 2 * CHUNK + 3] {
                let memory = vector::share(vec![0; 256]);
                let place = memory.as_ptr().cast::<u8>().cast_mut().wrapping_add(start);
                let (head, mut copy) = (unaligned(place, length), vec![0; length]);
                // SAFETY: the memory is shared and longer, and `head` ends before a word.
                let zero = unsafe {
                    store_words(place, &content[..length], head);
                    load_words(place, &mut copy, head);
                    let before = unaligned(memory.as_ptr().cast(), start);
                    assert!(are_words_zero(memory.as_ptr().cast(), start, before));
                    are_words_zero(place, length, head)
                };
                assert_eq!((&copy[..], zero), (&content[..length], length == 0));
                assert_eq!(memory[start + length].load(Relaxed), 0);
            }
        }
    }
}
