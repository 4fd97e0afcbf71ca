//! Memory that is mapped from the file.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use rustix::fs::{SeekFrom, seek, tell};
use rustix::io::Errno;
use vmstate_types::LoadError;

use super::source::LazySource;
use crate::memory::{DirtyBitmap, DirtyLog, Layout, MemoryError, PageSize, RamBlock, SharedBlock, WriteProtect};
use crate::ram::PagesInFile;
use crate::snapshot::error::shown;
use crate::snapshot::{StoreError, StoreErrorKind};

/// A gap of zeros is not mapped from the file if it is at least as long: writes to it need no copy of a page of the file.
const LONG_GAP: u64 = 2 << 20;
/// The most parts of a file that are mapped. Linux permits 65530 mappings in a process.
const MAX_PARTS: usize = 8192;
/// The mappings that other threads, and the system in between, may need.
const SPARE: usize = 64;

/// The blocks to map, and the log of their writes.
pub(super) struct MappedRam {
    blocks: Vec<MappedBlock>,
    log: Option<WriteProtect>,
}

struct MappedBlock {
    block: SharedBlock,
    /// The place of the block in the file.
    place: u64,
    /// The ranges of the block, in bytes, that are mapped. The others are zero.
    parts: Vec<Range<u64>>,
}

impl MappedRam {
    /// Checks that the places can be mapped. The memory is unchanged.
    pub(super) fn new(
        source: &LazySource,
        page_size: PageSize,
        logged: bool,
        blocks: &[SharedBlock],
        places: &[PagesInFile],
    ) -> Result<Self, LoadError> {
        let file = source.whole_file().ok_or_else(|| {
            unusable("the file of a complete snapshot", "an incremental snapshot")
                .with_advice("merge the snapshot first")
        })?;
        let file = OpenFile::new(file).map_err(LoadError::io)?;
        let mut found = Vec::new();
        for pages in places {
            let Some(block) = blocks.get(pages.block) else { continue };
            found.push(MappedBlock::new(&file, page_size.bytes(), block.clone(), pages)?);
        }
        let parts: usize = found.iter().map(|block| block.parts.len()).sum();
        if parts > MAX_PARTS {
            return Err(unusable(format!("at most {MAX_PARTS} parts of a file to map"), parts.to_string()));
        }
        check_room(parts + found.len())?;
        let log = || {
            WriteProtect::probe()?;
            let layout = Layout::new(page_size, blocks).map_err(MemoryError::custom)?;
            WriteProtect::new(&layout, blocks.to_vec())
        };
        Ok(Self { blocks: found, log: if logged { Some(log()?) } else { None } })
    }

    /// Maps the file in the place of the memory, and starts the log.
    pub(super) fn start(self, source: &LazySource) -> Result<Option<Arc<WriteProtect>>, StoreError> {
        let failed = |error: MemoryError| {
            let message = format!("cannot map the memory to restore from `{}`", source.path().display());
            StoreError::new(StoreErrorKind::Load, message).with_source(error)
        };
        let Some(file) = source.whole_file() else { return Ok(None) };
        self.blocks.iter().try_for_each(|block| block.map(file)).map_err(failed)?;
        self.log.iter().try_for_each(WriteProtect::start).map_err(failed)?;
        Ok(self.log.map(Arc::new))
    }
}

impl MappedBlock {
    fn new(file: &OpenFile<'_>, page_size: u64, block: SharedBlock, pages: &PagesInFile) -> Result<Self, LoadError> {
        let (name, host) = (shown(block.idstr()), block.host_page_size());
        if block.private_memory().is_none() {
            let found = format!("shared memory or huge pages in RAM block `{name}`");
            return Err(unusable("private memory to map a file", found));
        }
        if !page_size.is_multiple_of(host) || !pages.place.is_multiple_of(host) {
            let found = format!("pages of {page_size} bytes at {:#x} for RAM block `{name}`", pages.place);
            return Err(unusable(format!("whole host pages of {host} bytes"), found));
        }
        let end = pages.present.runs().last().map_or(0, |run| run.end * page_size);
        if end > 0 && pages.place.checked_add(end).is_none_or(|end| end > file.length) {
            let expected = format!("{end:#x} bytes of RAM block `{name}` at {:#x} of the file", pages.place);
            return Err(LoadError::malformed(expected, format!("a file of {:#x} bytes", file.length)));
        }
        let is_hole = |gap: &Range<u64>| file.is_hole(pages.place + gap.start..pages.place + gap.end);
        let parts = parts(&pages.present, page_size, is_hole);
        Ok(Self { block, place: pages.place, parts })
    }

    fn map(&self, file: &File) -> Result<(), MemoryError> {
        let Some(memory) = self.block.private_memory() else { return Ok(()) };
        memory.clear()?;
        self.parts.iter().try_for_each(|part| {
            memory.map(part.start, part.end - part.start, file, self.place.saturating_add(part.start))
        })
    }
}

fn unusable(expected: impl Into<std::borrow::Cow<'static, str>>, found: impl std::fmt::Display) -> LoadError {
    LoadError::misuse(expected, found).or_advice("restore the snapshot without mapping its file")
}

/// Checks that the process has room for `parts` mappings. A mapping that fails halfway ends the process, because another thread
/// may use the gap in the memory.
fn check_room(parts: usize) -> Result<(), LoadError> {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").ok().and_then(|text| text.trim().parse().ok());
    let used = fs::read("/proc/self/maps").ok().map(|maps| maps.iter().filter(|byte| **byte == b'\n').count());
    match used.zip(limit) {
        Some((used, limit)) if !has_room(parts, used, limit) => {
            let expected = format!("room for {parts} parts of a file to map");
            let advice = "raise the limit `vm.max_map_count`, or restore the snapshot without mapping its file";
            Err(LoadError::misuse(expected, format!("{used} of {limit} mappings in use")).with_advice(advice))
        }
        // Without `/proc`, the numbers are unknown.
        _ => Ok(()),
    }
}

/// Each part is a mapping, and divides another one into two.
fn has_room(parts: usize, used: usize, limit: usize) -> bool {
    limit.saturating_sub(used) >= 2 * parts + SPARE
}

/// Returns the ranges of a block, in bytes, that are mapped from the file: its present pages, and short gaps between them that
/// are holes in the file. A page that is not present can have outdated bytes in the file, because it has become zero.
fn parts(present: &DirtyBitmap, page_size: u64, is_hole: impl Fn(&Range<u64>) -> bool) -> Vec<Range<u64>> {
    let mut parts: Vec<Range<u64>> = Vec::new();
    for run in present.runs() {
        let run = run.start * page_size..run.end * page_size;
        match parts.last_mut() {
            Some(last) if run.start - last.end < LONG_GAP && is_hole(&(last.end..run.start)) => last.end = run.end,
            _ => parts.push(run),
        }
    }
    parts
}

/// A file whose holes are searched. The reader of the stream uses its position.
struct OpenFile<'f> {
    file: &'f File,
    length: u64,
    position: u64,
}

impl<'f> OpenFile<'f> {
    fn new(file: &'f File) -> io::Result<Self> {
        Ok(Self { file, length: file.metadata()?.len(), position: tell(file)? })
    }

    /// Returns whether a range of the file has no data. Some file systems do not report holes.
    fn is_hole(&self, range: Range<u64>) -> bool {
        match seek(self.file, SeekFrom::Data(range.start)) {
            Ok(data) => data >= range.end,
            Err(error) => error == Errno::NXIO,
        }
    }
}

impl Drop for OpenFile<'_> {
    fn drop(&mut self) {
        // It was a position of this file before.
        let _ = seek(self.file, SeekFrom::Start(self.position));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MappingOptions;

    /// An access after the end of the file would kill the process.
    #[test]
    fn pages_after_the_end_of_the_file_are_rejected() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let block: SharedBlock = Arc::new(MappingOptions::anonymous().map("ram", 4 * 4096).unwrap());
        let source = LazySource::open(file.path()).unwrap();
        let mapped = |pages: Range<u64>, place: u64| {
            let present = DirtyBitmap::new(4);
            present.insert_range(pages);
            let places = [PagesInFile { block: 0, place, present }];
            MappedRam::new(&source, PageSize::DEFAULT, false, std::slice::from_ref(&block), &places).map(drop)
        };
        file.as_file().set_len(3 * 4096).unwrap();
        mapped(0..3, 0).and(mapped(1..2, 4096)).and(mapped(0..0, 1 << 20)).unwrap();
        for (pages, place) in [(3..4, 0), (2..3, 4096), (0..1, 3 * 4096), (0..4, u64::MAX - 4095)] {
            let error = mapped(pages, place).unwrap_err().to_string();
            assert!(error.contains("a file of 0x3000 bytes"), "{error}");
        }
        file.as_file().set_len(3 * 4096 - 1).unwrap();
        assert!(mapped(0..3, 0).is_err());
    }

    #[test]
    fn parts_need_room_for_mappings() {
        check_room(MAX_PARTS).unwrap();
        let error = check_room(usize::MAX / 4).unwrap_err();
        assert!(error.found().ends_with("mappings in use"), "{error}");
        assert!(error.advice().unwrap().contains("vm.max_map_count"), "{error}");
        let (used, limit) = (65_000, 65_530);
        assert!(has_room(233, used, limit) && !has_room(234, used, limit));
        assert!(!has_room(0, limit, limit) && !has_room(0, limit + 1, limit));
    }

    #[test]
    fn short_holes_are_mapped_and_stale_pages_are_not() {
        let present = DirtyBitmap::new(2000);
        for run in [0..2, 3..5, 6..8, 1000..1001] {
            present.insert_range(run);
        }
        let page = |pages: Range<u64>| pages.start * 4096..pages.end * 4096;
        let found = parts(&present, 4096, |gap| *gap != page(5..6));
        assert_eq!(found, [0..5, 6..8, 1000..1001].map(page));
        assert_eq!(parts(&present, 4096, |_| false), [0..2, 3..5, 6..8, 1000..1001].map(page));
        assert_eq!(parts(&DirtyBitmap::new(9), 4096, |_| true), []);
    }
}
