//! Records from a stream.

use std::collections::HashMap;

use vmstate_types::{LoadError, Reader};

use super::record::{BlockHeader, CONTINUE, MAPPED_VERSION, Mapped, RamOptions, Record, RecordKind, XBZRLE_ENCODING};
use crate::memory::PageSize;
use crate::stream::Decoded;
use crate::stream::decode::{Context, Cursor, Stop, decode, read, unsupported_version};
use crate::stream::wire_enum::alternatives;

/// Decodes the records of all "ram" sections of one stream.
///
/// The content of pages is not part of the records: the caller reads or skips it. After [`Decoded::Need`] and after an
/// error the reader is unchanged.
///
/// ```
/// use vmstate::memory::PageSize;
/// use vmstate::ram::{Record, RecordReader, RamOptions};
/// use vmstate::stream::Decoded;
///
/// let mut records = RecordReader::new(PageSize::DEFAULT, RamOptions::default());
/// let list = b"\0\0\0\0\0\0\x10\x04\x06pc.ram\0\0\0\0\0\0\x10\0";
/// assert_eq!(records.decode(list, 0)?, Decoded::Item(Record::BlockList(0x1000), 8));
/// assert!(matches!(records.decode(&list[8..12], 8)?, Decoded::Need(more) if more.get() == 3));
/// assert!(matches!(records.decode(&list[8..], 8)?, Decoded::Item(Record::Block(_), 15)));
///
/// let zero = b"\0\0\0\0\0\0\0\x02\x06pc.ram\0";
/// let record = Record::Zero { offset: 0, same_block: false, fill: 0 };
/// assert_eq!(records.decode(zero, 23)?, Decoded::Item(record, 16));
/// # Ok::<(), vmstate::LoadError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordReader {
    page_size: PageSize,
    options: RamOptions,
    /// The bytes of blocks that the list still has to name.
    unlisted: u64,
    /// The size of the file region that belongs to the mapped block that was listed last.
    space: Option<u64>,
    blocks: Vec<BlockHeader>,
    /// The indices of the blocks by name; of several with one name, the first.
    indices: HashMap<String, usize>,
    /// The block that CONTINUE refers to.
    current: Option<usize>,
    /// The word of the last record that does not belong to a page.
    word: u64,
}

impl RecordReader {
    /// Creates a reader of records with pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize, options: RamOptions) -> Self {
        let (blocks, indices) = (Vec::new(), HashMap::new());
        Self { page_size, options, unlisted: 0, space: None, blocks, indices, current: None, word: 0 }
    }

    /// Returns the blocks that were listed so far.
    #[must_use]
    pub fn blocks(&self) -> &[BlockHeader] {
        &self.blocks
    }

    /// Returns the index of the block to which the last page record belongs.
    #[must_use]
    pub fn current_block(&self) -> Option<usize> {
        self.current
    }

    /// Changes the page size, before the first page.
    #[cfg(all(unix, feature = "migration"))]
    pub(crate) fn set_page_size(&mut self, page_size: PageSize) {
        self.page_size = page_size;
    }

    /// Continues on a new connection, whose first page names its block.
    #[cfg(any(
        all(unix, feature = "migration", feature = "schema"),
        all(target_os = "linux", feature = "migration", feature = "mapping")
    ))]
    pub(crate) fn restart(&mut self) {
        self.current = None;
    }

    /// Returns the first word of the last record that does not belong to a page. Its address bits, which QEMU ignores, can
    /// be set.
    #[cfg(feature = "schema")]
    pub(crate) fn word(&self) -> u64 {
        self.word
    }

    /// Reads one record. The page content that the record announces follows in `reader`.
    ///
    /// # Errors
    /// Returns an error if the record is of an unknown kind, names a block that was not listed, or has an offset outside
    /// of its block.
    #[inline]
    pub fn next_record(&mut self, reader: &mut Reader<'_>) -> Result<Record, LoadError> {
        read(reader, |cursor| self.record(cursor))
    }

    /// Decodes one record from the bytes that have arrived, the first of which is at `offset` of the stream. The page
    /// content that the record announces follows it.
    ///
    /// # Errors
    /// As [`next_record`](Self::next_record).
    pub fn decode(&mut self, bytes: &[u8], offset: u64) -> Result<Decoded<Record>, LoadError> {
        decode(bytes, offset, |cursor| self.record(cursor))
    }

    /// Parses one record. The state changes only at its end.
    #[inline]
    fn record(&mut self, cursor: &mut Cursor<'_>) -> Result<Record, Stop> {
        if let Some(space) = self.space.take() {
            return Ok(Record::Space(space));
        }
        if self.unlisted > 0 {
            return self.listed_block(cursor).map(Record::Block).context(|error| error.in_field("block"));
        }
        let word = self.word_of_record(cursor)?;
        let record = match word.kind {
            RecordKind::MemSize => Record::BlockList(word.offset),
            RecordKind::MultifdFlush => Record::MultifdFlush,
            RecordKind::Eos => Record::EndOfSection,
            RecordKind::Zero | RecordKind::Page | RecordKind::Xbzrle | RecordKind::CompressPage => {
                return self.page(cursor, &word);
            }
        };
        if let Record::BlockList(total) = record {
            self.unlisted = total;
        }
        self.word = word.value;
        Ok(record)
    }

    #[inline]
    fn word_of_record(&self, cursor: &mut Cursor<'_>) -> Result<Word, Stop> {
        let start = cursor.offset();
        let value = cursor.u64()?;
        let flags = value & self.page_size.flag_bits();
        match RecordKind::from_number(flags & !CONTINUE) {
            Some(kind) => Ok(Word { start, value, kind, offset: value - flags, same_block: flags & CONTINUE != 0 }),
            None => Err(unknown(flags, value).at_offset(start).into()),
        }
    }

    /// Parses the rest of a record that belongs to a page, except for the content of the page.
    #[inline]
    fn page(&mut self, cursor: &mut Cursor<'_>, word: &Word) -> Result<Record, Stop> {
        let index = self.find_block(cursor, word)?;
        self.check_offset(index, word.offset).map_err(|error| error.at_offset(word.start))?;
        let &Word { offset, same_block, .. } = word;
        let record = match word.kind {
            RecordKind::Zero => Record::Zero { offset, same_block, fill: cursor.u8()? },
            RecordKind::Xbzrle => Record::Xbzrle { offset, same_block, length: xbzrle_length(cursor)? },
            RecordKind::CompressPage => Record::Compressed { offset, same_block, length: cursor.u32()? },
            _ => Record::Page { offset, same_block },
        };
        self.current = Some(index);
        Ok(record)
    }

    /// Returns the index of the record's block, whose name precedes the first page of a run of pages.
    #[inline]
    fn find_block(&self, cursor: &mut Cursor<'_>, word: &Word) -> Result<usize, Stop> {
        if word.same_block {
            return self.current.ok_or_else(|| no_block_before().at_offset(word.start).into());
        }
        let start = cursor.offset();
        let idstr = cursor.counted_str()?;
        self.indices.get(idstr).copied().ok_or_else(|| unlisted(idstr).at_offset(start).into())
    }

    #[inline]
    fn check_offset(&self, index: usize, offset: u64) -> Result<(), LoadError> {
        match self.blocks.get(index) {
            Some(block) if offset >= block.size => Err(outside(block, offset)),
            _ => Ok(()),
        }
    }

    /// Parses a block of the list.
    fn listed_block(&mut self, cursor: &mut Cursor<'_>) -> Result<BlockHeader, Stop> {
        let idstr = cursor.counted_str()?;
        let in_block = |error: LoadError| error.in_field(idstr.to_owned());
        let mut block = BlockHeader::new(idstr, self.block_size(cursor).context(in_block)?);
        if self.options.ignore_shared {
            block.address = Some(cursor.u64().context(in_block)?);
        }
        let mut space = None;
        if self.options.mapped {
            let start = cursor.offset();
            let mapped = block.mapped.insert(mapped(cursor).context(in_block)?);
            let checked = space_of(mapped, block.size, cursor.offset());
            space = checked.map_err(|error| in_block(error.at_offset(start)))?;
        }
        // From here on nothing fails, so a record that arrives in parts is parsed again from an unchanged state.
        self.unlisted -= block.size;
        self.space = space;
        self.indices.entry(block.idstr.clone()).or_insert(self.blocks.len());
        self.blocks.push(block.clone());
        Ok(block)
    }

    fn block_size(&self, cursor: &mut Cursor<'_>) -> Result<u64, Stop> {
        let start = cursor.offset();
        let size = cursor.u64()?;
        if size > self.unlisted {
            let expected = format!("at most {:#x}, the rest of the list", self.unlisted);
            return Err(LoadError::malformed(expected, format!("{size:#x}")).at_offset(start).into());
        }
        Ok(size)
    }
}

/// The word that a record begins with.
struct Word {
    /// The offset of the word in the stream.
    start: u64,
    value: u64,
    kind: RecordKind,
    /// The address: the offset of a page in its block, or the size of all blocks.
    offset: u64,
    same_block: bool,
}

fn xbzrle_length(cursor: &mut Cursor<'_>) -> Result<u16, Stop> {
    let start = cursor.offset();
    match cursor.u8()? {
        XBZRLE_ENCODING => cursor.u16(),
        other => {
            let expected = format!("encoding {XBZRLE_ENCODING:#04x} (XBZRLE)");
            Err(LoadError::malformed(expected, format!("{other:#04x}")).at_offset(start).into())
        }
    }
}

/// Parses the header of a mapped block (`MappedRamHeader` in QEMU's `migration/ram.c`).
fn mapped(cursor: &mut Cursor<'_>) -> Result<Mapped, Stop> {
    let start = cursor.offset();
    let version = cursor.u32()?;
    if version != MAPPED_VERSION {
        return Err(unsupported_version(MAPPED_VERSION, version).at_offset(start).in_field("mapped-ram header").into());
    }
    Ok(Mapped::new(cursor.u64()?, cursor.u64()?, cursor.u64()?))
}

/// Returns the size of the region from `here`, the end of the header, to the end of the block's pages. Blocks of shared
/// memory that the source left out do not have such a region.
fn space_of(mapped: &Mapped, size: u64, here: u64) -> Result<Option<u64>, LoadError> {
    if mapped.pages == 0 {
        return Ok(None);
    }
    match mapped.pages.checked_add(size).and_then(|end| end.checked_sub(here)) {
        Some(space) if mapped.pages >= here => Ok(Some(space)),
        _ => {
            let found = format!("{:#x} for {size:#x} bytes", mapped.pages);
            Err(LoadError::malformed(format!("pages after {here:#x}"), found))
        }
    }
}

fn unknown(flags: u64, word: u64) -> LoadError {
    let known: Vec<_> = RecordKind::NUMBERS.iter().map(|number| format!("{number:#x}")).collect();
    let expected = format!("a record of a known kind: {}", alternatives(&known));
    LoadError::malformed(expected, format!("flags {:#x} in {word:#018x}", flags & !CONTINUE))
        .or_advice("the page size may be wrong, or the stream uses RDMA or another channel")
}

fn no_block_before() -> LoadError {
    LoadError::malformed("a block's name with the first page", "the flag CONTINUE")
        .with_qemu_message("Ack, bad migration stream!")
}

fn unlisted(idstr: &str) -> LoadError {
    LoadError::malformed("the name of a listed block", format!("{idstr:?}"))
        .with_qemu_message(format!("Can't find block {idstr}"))
}

fn outside(block: &BlockHeader, offset: u64) -> LoadError {
    LoadError::malformed(format!("an offset below {:#x}", block.size), format!("{offset:#x}"))
        .in_field(block.idstr.clone())
        .with_qemu_message(format!("Illegal RAM offset {offset:x}"))
}

#[cfg(test)]
mod tests {
    use vmstate_types::Writer;

    use super::*;
    use crate::ram::record::write_record;

    #[test]
    fn pages_with_places_follow_their_header() {
        let options = RamOptions { mapped: true, ..RamOptions::default() };
        for (pages, space) in [(100, Some(4096)), (101, Some(4097)), (99, None)] {
            let mut reader = RecordReader::new(PageSize::DEFAULT, options);
            let mut out = Writer::new();
            write_record(&mut out, &Record::BlockList(4096), "");
            let mut header = BlockHeader::new("a", 4096);
            header.mapped = Some(Mapped::new(4096, 0, pages));
            write_record(&mut out, &Record::Block(header), "");
            let bytes = out.take();
            // The header ends at offset 100.
            let start = 100 - bytes.len() as u64;
            reader.decode(&bytes, start).unwrap();
            let block = reader.decode(&bytes[8..], start + 8);
            assert_eq!(block.is_ok(), space.is_some(), "{block:?}");
            if let Some(space) = space {
                assert_eq!(reader.decode(&[], 100).unwrap(), Decoded::Item(Record::Space(space), 0));
            }
        }
    }
}
