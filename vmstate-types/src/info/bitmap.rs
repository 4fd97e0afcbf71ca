//! Bitmaps: QEMU's `bitmap`.

use alloc::format;

use super::varray::{CountField, Counted, limited};
use crate::error::{LoadError, SaveError};
use crate::sink::{At, Element, Sink};
use crate::wire::Reader;

/// The bits of a word on the wire, whatever a `long` is on the machine that writes it.
const BITS: usize = 64;

/// The number of bits that a field says, which may not be more than `max` nor than the words of `C` have.
///
/// # Errors
/// When it is negative or more.
pub fn bits_to_load<C: Counted>(field: &impl CountField, max: Option<usize>) -> Result<usize, LoadError> {
    limited(C::CAPACITY.map(|words| words.saturating_mul(BITS)), field, 1, max)
}

/// Saves the first `bits` bits: as 64-bit words, the lowest bits first, each word big-endian.
///
/// # Errors
/// When there are fewer words, or, if their number can grow, more.
pub fn save<C, S>(words: &mut C, bits: usize, sink: &mut S, at: At) -> Result<(), SaveError>
where
    C: Counted<Item = u64>,
    S: Sink,
{
    let count = bits.div_ceil(BITS);
    let words = words
        .items(count)
        .ok_or_else(|| SaveError::new(format!("{bits} bits take {count} words, which it does not hold")))?;
    sink.begin_element(at, Element::ONLY);
    for word in words {
        sink.out().u64(*word);
    }
    sink.end_element();
    Ok(())
}

/// Loads `bits` bits. Those of the last word beyond them are kept as they come, as in QEMU.
///
/// # Errors
/// When the stream ends before the last of them.
pub fn load<C>(words: &mut C, bits: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    C: Counted<Item = u64>,
{
    super::varray::load(words, bits.div_ceil(BITS), reader)
}
