//! The guest's memory as digests of its pages.
//!
//! A page that is not zero is kept as a digest of 64 bits. Its key is random for each process (std's `RandomState`), so
//! no stream can be crafted in which different pages have equal digests. The probability that two different pages have
//! the same digest is 1 in 2^64.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use vmstate_types::LoadError;

use super::elements::segments;
use super::pair::pairs;
use crate::dynamic::StreamDecoder;
use crate::memory::PageSize;
use crate::ram::{BlockHeader, Mapped, Record};
use crate::stream::SectionHeader;

mod run;

pub(super) use run::hasher;
use run::{Page, Run};

/// The bytes of a section's footer.
const FOOTER: u64 = 5;
/// The number of bytes that are skipped at once.
const CHUNK: usize = 1 << 16;

/// The guest's memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryDigest {
    page_size: Option<PageSize>,
    blocks: Vec<MemoryBlock>,
    /// The size of all payloads so far.
    sent: u64,
    /// The start of the current section's payload.
    start: u64,
}

/// A block of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryBlock {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Runs that do not overlap, by the number of their first page.
    runs: BTreeMap<u64, Run>,
}

/// The kind of a page's contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageKind {
    /// Zeros.
    Zero,
    /// Other contents.
    Data,
    /// Encoded contents, which are not decoded: compressed, or a difference from earlier contents (XBZRLE).
    Packed,
}

/// Consecutive pages with the same kind of difference.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageRange {
    /// Offsets in the block, in bytes.
    pub range: Range<u64>,
    /// The kind of difference.
    pub change: PageChange,
}

/// The kind of difference between two pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PageChange {
    /// Other contents.
    Changed,
    /// Contents, then zeros.
    Zeroed,
    /// Zeros, then contents.
    Filled,
    /// Sent on the new side only.
    Added,
    /// Sent on the old side only.
    Removed,
    /// Unknown, because one of the pages is encoded or the page sizes differ.
    Unknown,
}

/// A block that differs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BlockDifference<'a> {
    /// The block's name.
    pub name: &'a str,
    /// The old block, if it exists.
    pub old: Option<&'a MemoryBlock>,
    /// The new block, if it exists.
    pub new: Option<&'a MemoryBlock>,
    /// The size of a page in bytes.
    pub page_size: u64,
    /// The pages that differ, in ascending order.
    pub pages: Vec<PageRange>,
}

impl MemoryDigest {
    /// Creates memory without blocks.
    #[must_use]
    pub fn new(page_size: PageSize) -> Self {
        Self { page_size: Some(page_size), ..Self::default() }
    }

    /// Returns the size of a page in bytes, or `None` for the memory of an empty snapshot.
    #[must_use]
    pub fn page_size(&self) -> Option<u64> {
        self.page_size.map(PageSize::bytes)
    }

    /// Returns the blocks, in the order of the stream.
    #[must_use]
    pub fn blocks(&self) -> &[MemoryBlock] {
        &self.blocks
    }

    /// Returns the size of the sections' payloads in the stream.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Begins a section of memory.
    pub(super) fn begin(&mut self, header: &SectionHeader) {
        self.start = header.payload;
    }

    /// Adds a record, the last one from `walk`.
    pub(super) fn record(&mut self, record: &Record, walk: &mut StreamDecoder<'_, '_>) -> Result<(), LoadError> {
        match record {
            Record::Block(header) => self.blocks.push(MemoryBlock::new(header)),
            Record::Space(_) => self.mapped(walk)?,
            Record::Zero { offset, fill, .. } => self.put(walk, *offset, Page::Fill(*fill)),
            Record::Page { offset, .. } => {
                let page = Page::from_bytes(walk.data(usize::MAX)?);
                self.put(walk, *offset, page);
            }
            Record::Xbzrle { offset, .. } => {
                let before = self.page(walk, *offset);
                self.packed(walk, *offset, before)?;
            }
            Record::Compressed { offset, .. } => self.packed(walk, *offset, None)?,
            Record::EndOfSection => self.end(walk),
            Record::BlockList(_) | Record::MultifdFlush => {}
        }
        Ok(())
    }

    fn end(&mut self, walk: &StreamDecoder<'_, '_>) {
        let footer = if walk.has_footers() == Some(true) { FOOTER } else { 0 };
        let size = walk.offset().saturating_sub(self.start).saturating_sub(footer);
        self.sent = self.sent.saturating_add(size);
    }

    /// Returns the number of the page at `offset` of the current block, and the block.
    fn place(&mut self, walk: &StreamDecoder<'_, '_>, offset: u64) -> Option<(u64, &mut MemoryBlock)> {
        let block = self.blocks.get_mut(walk.ram().current_block()?)?;
        Some((offset / self.page_size?.bytes(), block))
    }

    fn put(&mut self, walk: &StreamDecoder<'_, '_>, offset: u64, page: Page) {
        if let Some((number, block)) = self.place(walk, offset) {
            block.put(number, page);
        }
    }

    fn page(&mut self, walk: &StreamDecoder<'_, '_>, offset: u64) -> Option<Page> {
        let (number, block) = self.place(walk, offset)?;
        block.page(number)
    }

    /// Adds an encoded page, whose contents also depend on the page `before`. The digest covers both: equal histories
    /// give equal contents, and different histories may.
    fn packed(&mut self, walk: &mut StreamDecoder<'_, '_>, offset: u64, before: Option<Page>) -> Result<(), LoadError> {
        let mut digest = hasher();
        before.hash(&mut digest);
        digest.write(walk.data(usize::MAX)?);
        self.put(walk, offset, Page::Packed(digest.finish()));
        Ok(())
    }

    /// Reads pages at fixed file positions, after the bitmap of pages with contents.
    fn mapped(&mut self, walk: &mut StreamDecoder<'_, '_>) -> Result<(), LoadError> {
        let start = walk.offset();
        let header = walk.ram().blocks().last().and_then(|block| Some((block.mapped?, block.size)));
        let (Some((mapped, size)), Some(block)) = (header, self.blocks.last_mut()) else { return Ok(()) };
        let page_size = walk.page_size().bytes();
        if mapped.page_size != page_size {
            let expected = format!("pages of {page_size} bytes");
            return Err(LoadError::incompatible(expected, mapped.page_size)
                .at_offset(start)
                .in_field(block.name.clone()));
        }
        let bitmap =
            bitmap(walk, &mapped, size.div_ceil(page_size)).map_err(|error| error.in_field(block.name.clone()))?;
        // The file has holes or stale bytes where the bitmap has no bit: such pages are zero
        // (`read_ramblock_mapped_ram` in migration/ram.c).
        for number in 0..size.div_ceil(page_size) {
            let rest = size.saturating_sub(number.saturating_mul(page_size)).min(page_size);
            let bytes = walk.data(usize::try_from(rest).unwrap_or(usize::MAX))?;
            block.put(number, if is_set(&bitmap, number) { Page::from_bytes(bytes) } else { Page::Fill(0) });
        }
        Ok(())
    }

    /// Lists the blocks that differ.
    pub fn compare<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = BlockDifference<'a>> {
        let page_size = self.page_size.or(new.page_size).map_or(1, PageSize::bytes);
        let comparable = self.page_size.is_none() || new.page_size.is_none() || self.page_size == new.page_size;
        pairs(&self.blocks, &new.blocks, |block| &block.name).into_iter().filter_map(move |pair| {
            let (old, new) = pair.sides();
            let name = &old.or(new)?.name;
            let pages = match (old, new) {
                (Some(old), Some(new)) if comparable => old.compare(new, page_size),
                (Some(old), Some(new)) => {
                    vec![PageRange { range: 0..old.size.max(new.size), change: PageChange::Unknown }]
                }
                _ => Vec::new(),
            };
            let same = pages.is_empty() && old.map(|block| block.size) == new.map(|block| block.size);
            (!same).then_some(BlockDifference { name, old, new, page_size, pages })
        })
    }
}

/// Reads the bitmap of a mapped block, up to its first page.
fn bitmap(walk: &mut StreamDecoder<'_, '_>, mapped: &Mapped, pages: u64) -> Result<Vec<u8>, LoadError> {
    let start = walk.offset();
    // QEMU writes the bitmap in words (`mapped_ram_setup_ramblock` in migration/ram.c).
    let size = pages.div_ceil(64).saturating_mul(8);
    let before = mapped.bitmap.checked_sub(start);
    let between = mapped.bitmap.checked_add(size).and_then(|end| mapped.pages.checked_sub(end));
    let (Some(before), Some(between)) = (before, between) else {
        let expected = format!("a bitmap of {size} bytes between {start:#x} and {:#x}", mapped.pages);
        return Err(LoadError::malformed(expected, format!("one at {:#x}", mapped.bitmap)).at_offset(start));
    };
    pass(walk, before)?;
    let bitmap = walk.data(usize::try_from(size).unwrap_or(usize::MAX))?.to_vec();
    pass(walk, between)?;
    Ok(bitmap)
}

fn pass(walk: &mut StreamDecoder<'_, '_>, mut count: u64) -> Result<(), LoadError> {
    while count > 0 {
        let chunk = usize::try_from(count).unwrap_or(usize::MAX).min(CHUNK);
        match walk.data(chunk)?.len() {
            0 => return Ok(()),
            passed => count = count.saturating_sub(passed as u64),
        }
    }
    Ok(())
}

/// Returns bit `number`, counted from the lowest bit of the first byte: the bitmap is little-endian in the file.
fn is_set(bitmap: &[u8], number: u64) -> bool {
    let byte = usize::try_from(number / 8).ok().and_then(|place| bitmap.get(place));
    byte.is_some_and(|byte| byte >> (number % 8) & 1 == 1)
}

impl PageChange {
    fn between(old: Option<Page>, new: Option<Page>) -> Option<Self> {
        let (old, new) = match (old, new) {
            _ if old == new => return None,
            (Some(old), Some(new)) => (old, new),
            (None, _) => return Some(Self::Added),
            (_, None) => return Some(Self::Removed),
        };
        Some(match (old.kind(), new.kind()) {
            (PageKind::Packed, _) | (_, PageKind::Packed) => Self::Unknown,
            (_, PageKind::Zero) => Self::Zeroed,
            (PageKind::Zero, _) => Self::Filled,
            _ => Self::Changed,
        })
    }
}

impl MemoryBlock {
    fn new(header: &BlockHeader) -> Self {
        Self { name: header.idstr.clone(), size: header.size, runs: BTreeMap::new() }
    }

    /// Iterates over runs of pages that were sent: the page numbers, and the kind of their contents.
    pub fn pages(&self) -> impl Iterator<Item = (Range<u64>, PageKind)> {
        self.runs.iter().map(|(&first, run)| {
            let kind = run.get(0).map_or(PageKind::Zero, Page::kind);
            (first..first.saturating_add(run.len()), kind)
        })
    }

    fn page(&self, number: u64) -> Option<Page> {
        let (first, run) = self.runs.range(..=number).next_back()?;
        run.get(number - first)
    }

    fn put(&mut self, number: u64, page: Page) {
        let next = self.runs.range(number..).next().map(|(&first, _)| first);
        if let Some((&first, run)) = self.runs.range_mut(..=number).next_back() {
            let index = number - first;
            let is_next = index == run.len() && next != Some(number);
            if run.replace(index, page) || is_next && run.push(page) {
                return;
            }
            if index < run.len() {
                let rest = run.split(index);
                self.remove_page(first, number, rest);
            }
        }
        self.runs.insert(number, Run::new(page));
    }

    /// Removes page `number` from the run that begins at `first`. `split` is the part of the run from that page on.
    fn remove_page(&mut self, first: u64, number: u64, mut split: Run) {
        // The run was split at its first page, so nothing of it is left.
        if first == number {
            self.runs.remove(&first);
        }
        let rest = split.split(1);
        if rest.len() > 0 {
            self.runs.insert(number.saturating_add(1), rest);
        }
    }

    fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        self.pages().map(|(range, _)| range)
    }

    fn compare(&self, new: &Self, page_size: u64) -> Vec<PageRange> {
        let mut changes = Changes { page_size, found: Vec::new() };
        for range in segments(self.ranges(), new.ranges()) {
            let (old, new) = (self.from(range.start), new.from(range.start));
            // Filled runs are compared as a whole: a machine's memory is mostly zero, in runs of millions of pages.
            if let (Some((Run::Fill(_, _), _)) | None, Some((Run::Fill(_, _), _)) | None) = (old, new) {
                let get = |run: Option<(&Run, u64)>| run.and_then(|(run, index)| run.get(index));
                changes.add(range, PageChange::between(get(old), get(new)));
                continue;
            }
            for number in range.clone() {
                let get = |run: Option<(&Run, u64)>| run.and_then(|(run, index)| run.get(index + number - range.start));
                changes.add(number..number + 1, PageChange::between(get(old), get(new)));
            }
        }
        changes.found
    }

    /// Returns the run with page `number`, and the page's index in it.
    fn from(&self, number: u64) -> Option<(&Run, u64)> {
        let (first, run) = self.runs.range(..=number).next_back()?;
        let index = number - first;
        (index < run.len()).then_some((run, index))
    }
}

/// Collects ranges of pages.
struct Changes {
    page_size: u64,
    found: Vec<PageRange>,
}

impl Changes {
    fn add(&mut self, pages: Range<u64>, change: Option<PageChange>) {
        let Some(change) = change else { return };
        let range = pages.start.saturating_mul(self.page_size)..pages.end.saturating_mul(self.page_size);
        match self.found.last_mut() {
            Some(last) if last.change == change && last.range.end == range.start => last.range.end = range.end,
            _ => self.found.push(PageRange { range, change }),
        }
    }
}

impl BlockDifference<'_> {
    /// Returns the number of pages with this difference.
    #[must_use]
    pub fn count(&self, change: PageChange) -> u64 {
        let ranges = self.pages.iter().filter(|pages| pages.change == change);
        ranges.map(|pages| (pages.range.end - pages.range.start).div_ceil(self.page_size)).sum()
    }
}
