//! The records that a "ram" section is made of.
//!
//! Each begins with a big-endian word that is an address and, in the bits below the page size, a flag. Small pages
//! have no room for the flags that came late: with AVR's 256 bytes, 0x100 and 0x200 are part of the address.
//! (QEMU: `RAM_SAVE_FLAG_*` and `ram_load_precopy` in `migration/ram.c`.)

use std::collections::HashMap;

use vmstate_types::{LoadError, Reader, Writer};

mod flag {
    pub(super) const ZERO: u64 = 0x02;
    pub(super) const MEM_SIZE: u64 = 0x04;
    pub(super) const PAGE: u64 = 0x08;
    pub(super) const EOS: u64 = 0x10;
    pub(super) const CONTINUE: u64 = 0x20;
    pub(super) const XBZRLE: u64 = 0x40;
    pub(super) const COMPRESS_PAGE: u64 = 0x100;
    pub(super) const MULTIFD_FLUSH: u64 = 0x200;
}

/// What begins an XBZRLE record's data (`ENCODING_FLAG_XBZRLE`).
const XBZRLE_ENCODING: u8 = 0x01;
/// The version of a mapped-ram header.
const MAPPED_VERSION: u32 = 1;

/// The size of a target page: a power of two from 256 bytes to 2 MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PageSize(u32);

impl PageSize {
    /// 4096 bytes, those of most targets.
    pub const DEFAULT: Self = Self(4096);

    /// The page size of `bytes` bytes.
    ///
    /// # Errors
    /// When no target can have pages of that size: flags would not fit below the address, or pages not into memory.
    pub fn new(bytes: u64) -> Result<Self, LoadError> {
        match u32::try_from(bytes) {
            Ok(size @ 0x100..=0x20_0000) if size.is_power_of_two() => Ok(Self(size)),
            _ => Err(LoadError::misuse("a target page size: a power of two from 256 to 2097152", bytes)),
        }
    }

    /// The size in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.0)
    }

    /// The bits of a record's first word that are flags.
    fn flags(self) -> u64 {
        self.bytes() - 1
    }
}

/// What the stream's configuration says about its RAM records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RamOptions {
    /// Shared memory is left out, and each block says where it lies (capability `x-ignore-shared`).
    pub ignore_shared: bool,
    /// Pages lie at fixed places of a file (capability `mapped-ram`).
    pub mapped: bool,
}

impl RamOptions {
    /// The options that a configuration's capabilities mean.
    #[must_use]
    pub fn from_capabilities(capabilities: &[String]) -> Self {
        let has = |name: &str| capabilities.iter().any(|capability| capability == name);
        Self { ignore_shared: has("x-ignore-shared"), mapped: has("mapped-ram") }
    }
}

/// One block in the list at the start of a "ram" section.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BlockHeader {
    /// The block's name.
    pub idstr: String,
    /// How many of its bytes are used.
    pub size: u64,
    /// Where it lies in the guest, if shared memory is left out.
    pub address: Option<u64>,
    /// Where its pages lie in the file: offsets of their bitmap and of themselves.
    pub mapped: Option<Mapped>,
}

/// Where the pages of a mapped block lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mapped {
    /// The size of its pages.
    pub page_size: u64,
    /// Where the bitmap of pages that are there begins.
    pub bitmap: u64,
    /// Where the first page begins.
    pub pages: u64,
}

impl BlockHeader {
    /// A block of `size` bytes.
    #[must_use]
    pub fn new(idstr: impl Into<String>, size: u64) -> Self {
        Self { idstr: idstr.into(), size, address: None, mapped: None }
    }
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// The list of blocks follows, which together have so many bytes.
    BlockList(u64),
    /// One block of the list.
    Block(BlockHeader),
    /// So many bytes of the file belong to the pages of the mapped block before: the caller must read or skip them.
    Space(u64),
    /// A page whose bytes are all `fill`, which is 0 but in streams of 2009.
    Zero {
        /// The page's offset in its block.
        offset: u64,
        /// Whether the block is that of the record before (the flag CONTINUE); else it was named.
        same_block: bool,
        /// Every byte of the page.
        fill: u8,
    },
    /// A page, whose bytes the caller must read or skip.
    Page {
        /// The page's offset in its block.
        offset: u64,
        /// Whether the block is that of the record before (the flag CONTINUE); else it was named.
        same_block: bool,
    },
    /// What has changed in a page since it was sent, in so many bytes that the caller must read or skip.
    Xbzrle {
        /// The page's offset in its block.
        offset: u64,
        /// Whether the block is that of the record before (the flag CONTINUE); else it was named.
        same_block: bool,
        /// The number of bytes.
        length: u16,
    },
    /// A page, compressed to so many bytes that the caller must read or skip (QEMU before 9.1).
    Compressed {
        /// The page's offset in its block.
        offset: u64,
        /// Whether the block is that of the record before (the flag CONTINUE); else it was named.
        same_block: bool,
        /// The number of bytes.
        length: u32,
    },
    /// All channels have to come to this point.
    MultifdFlush,
    /// The end of the section's payload.
    EndOfSection,
}

/// Reads records, through all sections of one stream.
#[derive(Debug)]
pub struct RecordReader {
    page_size: PageSize,
    options: RamOptions,
    /// The bytes of blocks that the list still has to name.
    unlisted: u64,
    /// What the mapped block that was just listed takes in the file.
    space: Option<u64>,
    blocks: Vec<BlockHeader>,
    /// Where the blocks are in the list, by their names; of several with one name, the first.
    places: HashMap<String, usize>,
    /// The block that CONTINUE refers to.
    current: Option<usize>,
    /// What the last record that is none of a block began with.
    word: u64,
}

impl RecordReader {
    /// Reads records with pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize, options: RamOptions) -> Self {
        let (blocks, places) = (Vec::new(), HashMap::new());
        Self { page_size, options, unlisted: 0, space: None, blocks, places, current: None, word: 0 }
    }

    /// The blocks that were listed so far.
    #[must_use]
    pub fn blocks(&self) -> &[BlockHeader] {
        &self.blocks
    }

    /// The index of the block that the last page record belongs to.
    #[must_use]
    pub fn current_block(&self) -> Option<usize> {
        self.current
    }

    /// The word that the last record began with, if it is none of a block: with what means nothing in it, as an address
    /// where a section ends.
    #[cfg(feature = "schema")]
    pub(crate) fn word(&self) -> u64 {
        self.word
    }

    /// Reads one record; what it says that the caller must read or skip comes next.
    ///
    /// # Errors
    /// When the record is of no known kind, names no known block, or points outside of its block.
    pub fn next_record(&mut self, reader: &mut Reader<'_>) -> Result<Record, LoadError> {
        if let Some(space) = self.space.take() {
            return Ok(Record::Space(space));
        }
        if self.unlisted > 0 {
            return self.read_block(reader).map(Record::Block).map_err(|error| error.in_field("block"));
        }
        let start = reader.offset();
        let word = reader.u64()?;
        self.word = word;
        let flags = word & self.page_size.flags();
        let offset = word & !(self.page_size.bytes() - 1);
        let same_block = flags & flag::CONTINUE != 0;
        match flags & !flag::CONTINUE {
            flag::MEM_SIZE => {
                self.unlisted = offset;
                Ok(Record::BlockList(offset))
            }
            flag::EOS => Ok(Record::EndOfSection),
            flag::MULTIFD_FLUSH => Ok(Record::MultifdFlush),
            kind @ (flag::ZERO | flag::PAGE | flag::XBZRLE | flag::COMPRESS_PAGE) => {
                self.find_block(reader, same_block, start)?;
                self.check_offset(offset, start)?;
                read_page(reader, kind, offset, same_block)
            }
            other => Err(LoadError::malformed(
                "a record of a known kind: 0x2, 0x4, 0x8, 0x10, 0x40, 0x100 or 0x200",
                format!("flags {other:#x} in {word:#018x}"),
            )
            .at_offset(start)
            .or_advice("the page size may be wrong, or the stream uses RDMA or another channel")),
        }
    }

    fn read_block(&mut self, reader: &mut Reader<'_>) -> Result<BlockHeader, LoadError> {
        let idstr = reader.counted_str()?;
        let start = reader.offset();
        let mut block = BlockHeader::new(idstr, reader.u64()?);
        let Some(unlisted) = self.unlisted.checked_sub(block.size) else {
            let expected = format!("at most {:#x}, what the list has left", self.unlisted);
            return Err(LoadError::malformed(expected, format!("{:#x}", block.size))
                .at_offset(start)
                .in_field(block.idstr));
        };
        self.unlisted = unlisted;
        if self.options.ignore_shared {
            block.address = Some(reader.u64()?);
        }
        if self.options.mapped {
            self.read_mapped(reader, &mut block).map_err(|error| error.in_field(block.idstr.clone()))?;
        }
        self.places.entry(block.idstr.clone()).or_insert(self.blocks.len());
        self.blocks.push(block.clone());
        Ok(block)
    }

    /// Reads where the pages of a mapped block lie. Blocks of shared memory that is left out have none.
    fn read_mapped(&mut self, reader: &mut Reader<'_>, block: &mut BlockHeader) -> Result<(), LoadError> {
        let start = reader.offset();
        let version = reader.u32()?;
        if version != MAPPED_VERSION {
            let expected = format!("version {MAPPED_VERSION} of the mapped-ram header");
            return Err(LoadError::incompatible(expected, version).at_offset(start));
        }
        let mapped = Mapped { page_size: reader.u64()?, bitmap: reader.u64()?, pages: reader.u64()? };
        block.mapped = Some(mapped);
        if mapped.pages == 0 {
            return Ok(());
        }
        let here = reader.offset();
        match mapped.pages.checked_add(block.size).and_then(|end| end.checked_sub(here)) {
            Some(space) if mapped.pages >= here => self.space = Some(space),
            _ => {
                let found = format!("{:#x} for {:#x} bytes", mapped.pages, block.size);
                return Err(LoadError::malformed(format!("pages after {here:#x}"), found).at_offset(start));
            }
        }
        Ok(())
    }

    /// Reads the name of the record's block, unless it is the one before.
    fn find_block(&mut self, reader: &mut Reader<'_>, same_block: bool, start: u64) -> Result<(), LoadError> {
        if same_block {
            return match self.current {
                Some(_) => Ok(()),
                None => Err(LoadError::malformed("a block's name with the first page", "the flag CONTINUE")
                    .at_offset(start)
                    .with_qemu_message("Ack, bad migration stream!")),
            };
        }
        let start = reader.offset();
        let idstr = reader.counted_str()?;
        self.current = self.places.get(&idstr).copied();
        match self.current {
            Some(_) => Ok(()),
            None => Err(LoadError::malformed("the name of a block that was listed", format!("{idstr:?}"))
                .at_offset(start)
                .with_qemu_message(format!("Can't find block {idstr}"))),
        }
    }

    fn check_offset(&self, offset: u64, start: u64) -> Result<(), LoadError> {
        let Some(block) = self.current.and_then(|index| self.blocks.get(index)) else { return Ok(()) };
        match offset < block.size {
            true => Ok(()),
            false => Err(LoadError::malformed(format!("an offset below {:#x}", block.size), format!("{offset:#x}"))
                .at_offset(start)
                .in_field(block.idstr.clone())
                .with_qemu_message(format!("Illegal RAM offset {offset:x}"))),
        }
    }
}

/// Reads the rest of a record about a page, as far as it is not the page itself.
fn read_page(reader: &mut Reader<'_>, kind: u64, offset: u64, same_block: bool) -> Result<Record, LoadError> {
    Ok(match kind {
        flag::ZERO => Record::Zero { offset, same_block, fill: reader.u8()? },
        flag::PAGE => Record::Page { offset, same_block },
        flag::COMPRESS_PAGE => Record::Compressed { offset, same_block, length: reader.u32()? },
        _ => {
            let (start, encoding) = (reader.offset(), reader.u8()?);
            if encoding != XBZRLE_ENCODING {
                return Err(LoadError::malformed("encoding 0x01 (XBZRLE)", format!("{encoding:#04x}")).at_offset(start));
            }
            Record::Xbzrle { offset, same_block, length: reader.u16()? }
        }
    })
}

/// Writes one record; what it says that the reader must read comes from the caller, next.
///
/// `block` is the name of the record's block, for records about pages.
#[inline]
pub fn write_record(out: &mut Writer, record: &Record, block: &str) {
    match record {
        Record::BlockList(total) => out.u64(total | flag::MEM_SIZE),
        Record::Block(header) => write_block(out, header),
        Record::Space(_) => {}
        Record::Zero { offset, same_block, fill } => {
            write_word(out, *offset, flag::ZERO, *same_block, block);
            out.u8(*fill);
        }
        Record::Page { offset, same_block } => write_word(out, *offset, flag::PAGE, *same_block, block),
        Record::Xbzrle { offset, same_block, length } => {
            write_word(out, *offset, flag::XBZRLE, *same_block, block);
            out.u8(XBZRLE_ENCODING);
            out.u16(*length);
        }
        Record::Compressed { offset, same_block, length } => {
            write_word(out, *offset, flag::COMPRESS_PAGE, *same_block, block);
            out.u32(*length);
        }
        Record::MultifdFlush => out.u64(flag::MULTIFD_FLUSH),
        Record::EndOfSection => out.u64(flag::EOS),
    }
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
fn write_word(out: &mut Writer, offset: u64, kind: u64, same_block: bool, block: &str) {
    match same_block {
        true => out.u64(offset | kind | flag::CONTINUE),
        false => {
            out.u64(offset | kind);
            out.counted_str(block);
        }
    }
}
