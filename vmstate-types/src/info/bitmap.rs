//! Bitmaps: QEMU's `bitmap`.

use alloc::format;

use super::varray::{self, Counted};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// The bits of a word on the wire, whatever a `long` is on the machine that writes it.
const BITS: usize = 64;

/// A container of 64-bit words: what `bitmap` can stand on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a bitmap type",
    label = "expected 64-bit words",
    note = "`bitmap` requires `Vec<u64>`, `VecDeque<u64>`, `Box<[u64]>` or an array of `u64`"
)]
pub trait Words {
    /// How many bits it can ever hold; `None` if it grows.
    const CAPACITY: Option<usize>;

    /// Saves the first `bits` bits: as 64-bit words, the lowest bits first, each word big-endian.
    ///
    /// # Errors
    /// When there are fewer words, or, if their number can grow, more.
    fn save<S: Sink>(&mut self, bits: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads `bits` bits. Those of the last word beyond them are kept as they come, as in QEMU.
    ///
    /// # Errors
    /// When the stream ends before the last of them.
    fn load(&mut self, bits: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<C: Counted<Item = u64>> Words for C {
    const CAPACITY: Option<usize> = match <C as Counted>::CAPACITY {
        Some(words) => Some(words.saturating_mul(BITS)),
        None => None,
    };

    fn save<S: Sink>(&mut self, bits: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        let count = bits.div_ceil(BITS);
        let words = self.items(count).ok_or_else(|| {
            SaveError::out_of_range(format!("{bits} bits take {count} words, which it does not hold"))
        })?;
        sink.begin_element(at, ElementIndex::ONLY);
        Wire::put_all(words, sink.out().reserve(size_of_val(words)));
        sink.end_element();
        Ok(())
    }

    fn load(&mut self, bits: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        varray::load(self, bits.div_ceil(BITS), reader)
    }
}
