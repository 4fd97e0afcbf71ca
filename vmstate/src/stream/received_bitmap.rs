//! The bitmap of received pages, with which an interrupted postcopy continues.

use vmstate_types::{LoadError, Writer};

use super::decode::{Context, Cursor, Decoded, Stop, decode, in_part, part};

/// The pages of a RAM block that the destination has received, after
/// [`RECV_BITMAP`](super::ReturnPathMessage::RecvBitmap) on the return path.
///
/// The source sends the other pages again. (QEMU: `ramblock_recv_bitmap_send` and `ram_dirty_bitmap_reload` in
/// `migration/ram.c`.)
///
/// ```
/// use vmstate::Writer;
/// use vmstate::stream::{Decoded, ReceivedBitmap};
///
/// let mut received = ReceivedBitmap::new(16);
/// received.insert(1);
/// let mut out = Writer::new();
/// received.encode(&mut out);
/// assert_eq!(out.pending(), b"\0\0\0\0\0\0\0\x08\x02\0\0\0\0\0\0\0\x01\x23\x45\x67\x89\xab\xcd\xef");
/// assert_eq!(ReceivedBitmap::decode(out.pending(), 0, 16)?, Decoded::Item(received, 24));
/// # Ok::<(), vmstate::LoadError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReceivedBitmap {
    /// One bit for each target page, little endian on all hosts.
    bits: Vec<u8>,
}

/// The bytes after the bitmap (`RAMBLOCK_RECV_BITMAP_ENDING`).
const END_MARK: u64 = 0x0123_4567_89ab_cdef;

impl ReceivedBitmap {
    /// Creates an empty bitmap for a block of `pages` target pages.
    #[must_use]
    pub fn new(pages: u64) -> Self {
        Self { bits: vec![0; usize::try_from(size_for(pages)).unwrap_or(0)] }
    }

    /// Adds a page. Pages outside of the block are ignored.
    pub fn insert(&mut self, page: u64) {
        let (index, bit) = position(page);
        if let Some(byte) = self.bits.get_mut(index) {
            *byte |= bit;
        }
    }

    /// Returns whether a page was received.
    #[must_use]
    pub fn contains(&self, page: u64) -> bool {
        let (index, bit) = position(page);
        self.bits.get(index).is_some_and(|byte| byte & bit != 0)
    }

    /// Decodes the bitmap of a block of `pages` target pages from the bytes that have arrived, the first of which is at
    /// `offset` of the return path.
    ///
    /// # Errors
    /// Returns an error if the bitmap is not of the size that the block's has, or its end mark is wrong.
    pub fn decode(bytes: &[u8], offset: u64, pages: u64) -> Result<Decoded<Self>, LoadError> {
        let parse = |cursor: &mut Cursor<'_>| Self::parse(cursor, size_for(pages));
        decode(bytes, offset, |cursor| parse(cursor).context(in_part(part::RETURN_PATH)))
    }

    fn parse(cursor: &mut Cursor<'_>, expected: u64) -> Result<Self, Stop> {
        let start = cursor.offset();
        let size = cursor.u64()?;
        if size != expected {
            return Err(LoadError::incompatible(format!("a bitmap of {expected} bytes"), size).at_offset(start).into());
        }
        let bits = cursor.take(usize::try_from(size).unwrap_or(usize::MAX))?.to_vec();
        let start = cursor.offset();
        match cursor.u64()? {
            END_MARK => Ok(Self { bits }),
            other => {
                let expected = format!("the bitmap's end mark {END_MARK:#018x}");
                Err(LoadError::malformed(expected, format!("{other:#018x}")).at_offset(start).into())
            }
        }
    }

    /// Writes the bitmap.
    pub fn encode(&self, out: &mut Writer) {
        out.u64(self.bits.len() as u64);
        out.bytes(&self.bits);
        out.u64(END_MARK);
    }
}

/// Returns the size of a bitmap in bytes: QEMU rounds up to whole 64-bit words, so that hosts of both word sizes agree.
fn size_for(pages: u64) -> u64 {
    pages.div_ceil(64) * 8
}

fn position(page: u64) -> (usize, u8) {
    (usize::try_from(page / 8).unwrap_or(usize::MAX), 1 << (page % 8))
}
