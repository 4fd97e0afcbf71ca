//! Bitmaps: QEMU's `bitmap`.

use alloc::format;

use super::container::{self, Counted};
use super::sealed::Seal;
use super::varray;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// The bits of a word on the wire, regardless of the size of `long` on the source (`put_bitmap` in QEMU's
/// `migration/vmstate-types.c`).
const BITS: usize = 64;

/// A container of 64-bit words, as required by `bitmap`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a bitmap type",
    label = "expected 64-bit words",
    note = "`bitmap` requires `Vec<u64>`, `VecDeque<u64>`, `Box<[u64]>` or an array of `u64`"
)]
pub trait Words {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The maximum number of bits; `None` if the container grows.
    const CAPACITY: Option<usize>;

    /// Saves the first `bits` bits as big-endian 64-bit words, lowest bits first.
    ///
    /// # Errors
    /// Returns an error if the container has fewer words, or more and can grow.
    fn save<S: Sink>(&self, bits: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Loads `bits` bits. The excess bits of the last word are stored as received, as in QEMU (`get_bitmap`).
    ///
    /// # Errors
    /// Returns an error if the stream is truncated.
    fn load(&mut self, bits: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<C: Counted<Item = u64>> Words for C {
    const SEAL: Seal = Seal;
    const CAPACITY: Option<usize> = match <C as Counted>::CAPACITY {
        // Saturating: the capacity is only an upper bound for counts.
        Some(words) => Some(words.saturating_mul(BITS)),
        None => None,
    };

    fn save<S: Sink>(&self, bits: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        let count = bits.div_ceil(BITS);
        let parts = container::to_share(self, count, sink).ok_or_else(|| {
            SaveError::out_of_range(format!("the container does not have {count} words, which {bits} bits need"))
        })?;
        sink.begin_element(at, ElementIndex::ONLY);
        for words in parts {
            Wire::put_all(words, sink.reserve(size_of_val(words)));
        }
        sink.end_element();
        Ok(())
    }

    fn load(&mut self, bits: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        varray::load(self, bits.div_ceil(BITS), reader)
    }
}
