//! The records of a "ram" section.
//!
//! Each record begins with a big-endian word: an address and, in the bits below the page size, flags. Small pages have no
//! room for the flags that were added last: with AVR's pages of 256 bytes, 0x100 and 0x200 are part of the address.
//! (QEMU: `RAM_SAVE_FLAG_*` and `ram_load_precopy` in `migration/ram.c`.)

use vmstate_types::Writer;

use crate::stream::wire_enum::wire_enum;

wire_enum! {
    /// The records: flags and names (`RAM_SAVE_FLAG_*` in QEMU's `migration/ram.h`).
    ///
    /// FULL (0x01) and HOOK (0x80) are left out: QEMU has not sent the first since 2009, and only RDMA uses the second.
    pub(super) enum RecordKind: u64 {
        Zero = 0x02, "ZERO";
        MemSize = 0x04, "MEM_SIZE";
        Page = 0x08, "PAGE";
        Eos = 0x10, "EOS";
        Xbzrle = 0x40, "XBZRLE";
        CompressPage = 0x100, "COMPRESS_PAGE";
        MultifdFlush = 0x200, "MULTIFD_FLUSH";
    }
}

/// The flag of records about a page of the same block as the page before (`RAM_SAVE_FLAG_CONTINUE`).
pub(super) const CONTINUE: u64 = 0x20;
/// The first byte of an XBZRLE record's data (`ENCODING_FLAG_XBZRLE`).
pub(super) const XBZRLE_ENCODING: u8 = 0x01;
/// The version of a mapped-ram header (`MAPPED_RAM_HDR_VERSION`).
pub(super) const MAPPED_VERSION: u32 = 1;

/// The format of RAM records, which depends on the capabilities of the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RamOptions {
    /// Shared memory is left out, and each block has its guest address (capability `x-ignore-shared`).
    pub ignore_shared: bool,
    /// Pages are at fixed places of a file (capability `mapped-ram`).
    pub mapped: bool,
}

impl RamOptions {
    /// Returns the options that are set in either of both.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        Self { ignore_shared: self.ignore_shared || other.ignore_shared, mapped: self.mapped || other.mapped }
    }

    /// Creates the options from the capabilities of a configuration.
    #[must_use]
    pub fn from_capabilities(capabilities: &[String]) -> Self {
        let has = |name: &str| capabilities.iter().any(|capability| capability == name);
        Self { ignore_shared: has("x-ignore-shared"), mapped: has("mapped-ram") }
    }
}

/// A block of the list at the start of a "ram" section.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BlockHeader {
    /// The name of the block.
    pub idstr: String,
    /// The used size in bytes (`used_length` in QEMU).
    pub size: u64,
    /// The guest address, if shared memory is left out.
    pub address: Option<u64>,
    /// The position of its pages in the file, if they are mapped.
    pub mapped: Option<Mapped>,
}

/// The position of a mapped block's pages in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Mapped {
    /// The page size.
    pub page_size: u64,
    /// The offset of the bitmap of the pages that the file contains.
    pub bitmap: u64,
    /// The offset of the first page.
    pub pages: u64,
}

impl Mapped {
    /// Creates a position, with the offsets of the bitmap and of the first page.
    #[must_use]
    pub fn new(page_size: u64, bitmap: u64, pages: u64) -> Self {
        Self { page_size, bitmap, pages }
    }
}

impl BlockHeader {
    /// Creates a block of `size` bytes.
    #[must_use]
    pub fn new(idstr: impl Into<String>, size: u64) -> Self {
        Self { idstr: idstr.into(), size, address: None, mapped: None }
    }
}

/// A record of a "ram" section.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// The total size of all blocks. Their list follows.
    BlockList(u64),
    /// A block of the list.
    Block(BlockHeader),
    /// The size of the file region with the pages of the mapped block before, which the caller must read or skip.
    Space(u64),
    /// A page whose bytes are all `fill`, which is 0 except in streams before 2009.
    Zero {
        /// The page's offset in its block.
        offset: u64,
        /// Set if the page is in the block of the page before (flag CONTINUE). Otherwise the record has a name.
        same_block: bool,
        /// The value of all bytes.
        fill: u8,
    },
    /// A page, whose content the caller must read or skip.
    Page {
        /// The page's offset in its block.
        offset: u64,
        /// Set if the page is in the block of the page before (flag CONTINUE). Otherwise the record has a name.
        same_block: bool,
    },
    /// The changes to a page since it was sent, which the caller must read or skip.
    Xbzrle {
        /// The page's offset in its block.
        offset: u64,
        /// Set if the page is in the block of the page before (flag CONTINUE). Otherwise the record has a name.
        same_block: bool,
        /// The length in bytes.
        length: u16,
    },
    /// A compressed page, which the caller must read or skip (QEMU before 9.1).
    Compressed {
        /// The page's offset in its block.
        offset: u64,
        /// Set if the page is in the block of the page before (flag CONTINUE). Otherwise the record has a name.
        same_block: bool,
        /// The length in bytes.
        length: u32,
    },
    /// A synchronization point of all multifd channels.
    MultifdFlush,
    /// The end of a section's payload.
    EndOfSection,
}

impl Record {
    /// Returns QEMU's name of the record's flag, such as `XBZRLE`, or `None` if the record has no flag.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        let kind = match self {
            Self::BlockList(_) => RecordKind::MemSize,
            Self::Zero { .. } => RecordKind::Zero,
            Self::Page { .. } => RecordKind::Page,
            Self::Xbzrle { .. } => RecordKind::Xbzrle,
            Self::Compressed { .. } => RecordKind::CompressPage,
            Self::MultifdFlush => RecordKind::MultifdFlush,
            Self::EndOfSection => RecordKind::Eos,
            Self::Block(_) | Self::Space(_) => return None,
        };
        Some(kind.name())
    }
}

/// Writes one record. The content that the record announces must be written next.
///
/// `block` is the name of the block, which only the records of pages have.
#[inline]
pub fn write_record(out: &mut Writer, record: &Record, block: &str) {
    match record {
        Record::BlockList(total) => out.u64(total | RecordKind::MemSize.number()),
        Record::Block(header) => write_block(out, header),
        Record::Space(_) => {}
        Record::Zero { offset, same_block: true, fill: 0 } => out.bytes(&zero_record(*offset)),
        Record::Zero { offset, same_block, fill } => {
            write_word(out, *offset, RecordKind::Zero, *same_block, block);
            out.u8(*fill);
        }
        Record::Page { offset, same_block } => write_word(out, *offset, RecordKind::Page, *same_block, block),
        Record::Xbzrle { offset, same_block, length } => {
            write_word(out, *offset, RecordKind::Xbzrle, *same_block, block);
            out.u8(XBZRLE_ENCODING);
            out.u16(*length);
        }
        Record::Compressed { offset, same_block, length } => {
            write_word(out, *offset, RecordKind::CompressPage, *same_block, block);
            out.u32(*length);
        }
        Record::MultifdFlush => out.u64(RecordKind::MultifdFlush.number()),
        Record::EndOfSection => out.u64(RecordKind::Eos.number()),
    }
}

/// Writes the encoded record of a page of `block`, after the page before it was left out or another one was inserted: the
/// record has a name unless the page that was written last is in the same block.
#[cfg(all(unix, feature = "migration", feature = "schema"))]
pub(crate) fn rewrite_block(out: &mut Writer, record: &[u8], block: &str, same_block: bool) {
    let Some((word, rest)) = record.split_first_chunk() else { return };
    let word = u64::from_be_bytes(*word);
    let is_named = word & CONTINUE == 0;
    match (is_named, same_block) {
        (true, true) => {
            out.u64(word | CONTINUE);
            out.bytes(rest.get(1 + block.len()..).unwrap_or_default());
        }
        (false, false) => {
            out.u64(word - CONTINUE);
            out.counted_str(block);
            out.bytes(rest);
        }
        _ => out.bytes(record),
    }
}

/// The size of the record of a zero page after a page of the same block.
pub(super) const ZERO_RECORD: usize = 9;

/// Returns the record of a zero page after a page of the same block.
#[inline]
pub(super) fn zero_record(offset: u64) -> [u8; ZERO_RECORD] {
    let mut record = [0; ZERO_RECORD];
    record[..8].copy_from_slice(&(offset | RecordKind::Zero.number() | CONTINUE).to_be_bytes());
    record
}

fn write_block(out: &mut Writer, header: &BlockHeader) {
    out.counted_str(&header.idstr);
    out.u64(header.size);
    if let Some(address) = header.address {
        out.u64(address);
    }
    if let Some(mapped) = &header.mapped {
        out.u32(MAPPED_VERSION);
        out.u64(mapped.page_size);
        out.u64(mapped.bitmap);
        out.u64(mapped.pages);
    }
}

#[inline]
fn write_word(out: &mut Writer, offset: u64, kind: RecordKind, same_block: bool, block: &str) {
    if same_block {
        out.u64(offset | kind.number() | CONTINUE);
        return;
    }
    out.u64(offset | kind.number());
    out.counted_str(block);
}

#[cfg(all(test, unix, feature = "migration", feature = "schema"))]
mod tests {
    use super::*;

    #[test]
    fn rewritten_records_name_their_block_where_needed() {
        let record = |same_block: bool| {
            let mut out = Writer::new();
            write_record(&mut out, &Record::Xbzrle { offset: 0x3000, same_block, length: 2 }, "ram");
            out.bytes(&[8, 9]);
            out.take()
        };
        for (was, is) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut out = Writer::new();
            rewrite_block(&mut out, &record(was), "ram", is);
            assert_eq!(out.take(), record(is), "{was} {is}");
        }
    }
}
