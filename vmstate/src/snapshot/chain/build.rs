//! Combines the files of a chain.

use std::fs::File;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::bits::Bits;
use super::{Chain, Content, INCREMENTAL_MAGIC, MAGIC, Part, Region};
use crate::section::RecordedBlock;

/// The most snapshots of a chain.
pub(in crate::snapshot) const MAX_LENGTH: usize = 64;
/// The most memory of a snapshot in a chain: bitmaps take 32 MiB for each file.
const MAX_MEMORY: u64 = 1 << 40;

/// The places of a block of memory in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::snapshot) struct BlockPlaces {
    name: String,
    size: u64,
    page_size: u64,
    /// The place of the bitmap of the pages that the file contains.
    bitmap: u64,
    /// The place of the first page.
    pages: u64,
    /// The place of the bitmap of the pages about which the file decides. Without it, these are all pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    covered: Option<u64>,
}

impl BlockPlaces {
    pub(in crate::snapshot) fn new(block: &RecordedBlock, covered: Option<u64>) -> Self {
        let RecordedBlock { idstr, size, page_size, bitmap, pages, .. } = block;
        let (size, page_size, bitmap, pages) = (*size, *page_size, *bitmap, *pages);
        Self { name: idstr.clone(), size, page_size, bitmap, pages, covered }
    }

    /// Returns the places with another place for the covered pages.
    pub(in crate::snapshot) fn covered_at(&self, covered: Option<u64>) -> Self {
        Self { covered, ..self.clone() }
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.name, self.size, self.page_size) == (&other.name, other.size, other.page_size)
    }

    fn page_count(&self) -> u64 {
        self.size / self.page_size.max(1)
    }

    fn bitmap_size(&self) -> u64 {
        self.page_count().div_ceil(64).saturating_mul(8)
    }
}

/// A file of a chain.
#[derive(Debug)]
pub(in crate::snapshot) struct Link {
    pub(in crate::snapshot) file: File,
    /// The length of the stream in an incremental file.
    pub(in crate::snapshot) stream: Option<u64>,
    pub(in crate::snapshot) blocks: Vec<BlockPlaces>,
}

/// The pages about which several files decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::snapshot) enum Pages {
    /// All pages.
    All,
    /// The changes since another snapshot.
    Changes,
}

/// Checks that an incremental file can have this base.
pub(in crate::snapshot) fn check_blocks(blocks: &[BlockPlaces], base: &[BlockPlaces]) -> Result<(), String> {
    match blocks.iter().find(|block| !base.iter().any(|other| other.is_like(block))) {
        Some(block) => Err(format!("RAM block `{}` has another size in the base", block.name.escape_debug())),
        None => Ok(()),
    }
}

impl Chain {
    /// Combines files, of which the last one is the first of `links`. Returns the covered pages of each block, too.
    pub(in crate::snapshot) fn new(links: Vec<Link>, pages: Pages) -> Result<(Self, Vec<Vec<u8>>), String> {
        let Some(last) = links.first() else { return Err("a chain without files".to_owned()) };
        let end = last.file.metadata().map_err(|error| error.to_string())?.len();
        let length = last.stream.unwrap_or(end);
        let mut regions = Vec::new();
        if links.iter().any(|link| link.stream.is_some()) {
            let magic = if pages == Pages::All { MAGIC } else { INCREMENTAL_MAGIC };
            regions.push(Region { range: 0..4, content: Content::Bytes(magic.to_vec()) });
        }
        let mut covered = Vec::new();
        for block in &last.blocks {
            check(block)?;
            let combined = Combined::new(block, &links)?;
            if pages == Pages::All && !combined.open.is_empty() {
                return Err(format!("no base contains all pages of RAM block `{}`", block.name.escape_debug()));
            }
            covered.push(combined.covered().to_bytes());
            regions.extend(combined.into_regions(block));
        }
        regions.sort_by_key(|region| region.range.start);
        check_regions(&regions, length)?;
        Ok((Self { files: links.into_iter().map(|link| link.file).collect(), length, regions }, covered))
    }
}

/// Checks the numbers of a block, which come from a file.
fn check(block: &BlockPlaces) -> Result<(), String> {
    let is_valid = block.page_size.is_power_of_two()
        && (256..=1 << 30).contains(&block.page_size)
        && block.size.is_multiple_of(block.page_size)
        && block.size <= MAX_MEMORY;
    let name = block.name.escape_debug();
    if is_valid { Ok(()) } else { Err(format!("RAM block `{name}` has an invalid size, or more than 1 TiB")) }
}

fn check_regions(regions: &[Region], length: u64) -> Result<(), String> {
    let mut end = 0;
    for Region { range, .. } in regions {
        if range.start < end || range.end < range.start || range.end > length {
            return Err(format!("memory at {:#x} overlaps other memory, or exceeds the file", range.start));
        }
        end = range.end;
    }
    Ok(())
}

/// The pages of a block in all files.
struct Combined {
    parts: Vec<Part>,
    present: Bits,
    /// The pages about which no file has decided.
    open: Bits,
}

impl Combined {
    fn new(block: &BlockPlaces, links: &[Link]) -> Result<Self, String> {
        let pages = block.page_count();
        let mut combined = Self { parts: Vec::new(), present: Bits::empty(pages), open: Bits::full(pages) };
        for (file, link) in links.iter().enumerate() {
            let same = link.blocks.iter().find(|other| other.is_like(block));
            let same = same.ok_or_else(|| format!("a base lacks RAM block `{}`", block.name.escape_debug()))?;
            combined.add(file, link, same).map_err(|error| format!("cannot read a bitmap of pages: {error}"))?;
            if combined.open.is_empty() {
                break;
            }
        }
        Ok(combined)
    }

    fn add(&mut self, file: usize, link: &Link, block: &BlockPlaces) -> std::io::Result<()> {
        let pages = block.page_count();
        let mut present = Bits::read(&link.file, block.bitmap, pages)?;
        let covered = match block.covered {
            Some(place) => Bits::read(&link.file, place, pages)?,
            None => Bits::full(pages),
        };
        present.intersect(&self.open);
        present.intersect(&covered);
        self.open.subtract(&covered);
        self.present.add(&present);
        if !present.is_empty() {
            self.parts.push(Part { file, place: block.pages, present: present.to_bitmap() });
        }
        Ok(())
    }

    fn covered(&self) -> Bits {
        let mut covered = Bits::full(self.open.pages());
        covered.subtract(&self.open);
        covered
    }

    fn into_regions(self, block: &BlockPlaces) -> [Region; 2] {
        let range = |start: u64, size: u64| -> Range<u64> { start..start.saturating_add(size) };
        [
            Region {
                range: range(block.bitmap, block.bitmap_size()),
                content: Content::Bytes(self.present.to_bytes()),
            },
            Region { range: range(block.pages, block.size), content: Content::Pages(block.page_size, self.parts) },
        ]
    }
}
