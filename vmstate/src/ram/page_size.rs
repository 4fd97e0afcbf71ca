//! The target page size of a stream whose description has not arrived: it follows from the distance of two records.

use vmstate_types::{LoadError, Reader};

use super::record::{BlockHeader, CONTINUE, RecordKind};
use crate::memory::PageSize;

/// The page sizes of QEMU's targets.
const SIZES: [u64; 9] = [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];
/// The bits of a record's first word that are flags with each page size.
const FLAGS: u64 = 0xff;
/// The tag of a section's footer.
const FOOTER: u8 = crate::stream::tag::FOOTER;

/// Returns the page size in the header of the first block, whose pages have fixed places. Nothing is consumed.
pub(super) fn mapped_page_size(reader: &mut Reader<'_>) -> Result<PageSize, LoadError> {
    let start = reader.offset();
    // The total size, the name, the size of the block, and the version of the header precede it.
    let length = reader.peek(9)?.get(8).copied().map_or(0, usize::from);
    let place = 9 + length + 8 + 4;
    let found = word(reader.peek(place + 8)?, place).unwrap_or(0);
    PageSize::new(found).map_err(|error| LoadError::malformed("a mapped-ram header", error).at_offset(start))
}

/// Finds the page size in the records of pages that come next, of which the first one names its block. Returns `None` if
/// no pages come. Nothing is consumed.
pub(super) fn find_page_size(reader: &mut Reader<'_>, blocks: &[BlockHeader]) -> Result<Option<PageSize>, LoadError> {
    let start = reader.offset();
    let Some(first) = word(reader.peek(8)?, 0) else { return Ok(None) };
    if first == RecordKind::Eos.number() {
        return Ok(None);
    }
    let length = reader.peek(9)?.get(8).copied().map_or(0, usize::from);
    let header = 9 + length;
    let found = match RecordKind::from_number(first & FLAGS) {
        Some(RecordKind::Zero) => distance(first, word(reader.peek(header + 9)?, header + 1)),
        Some(RecordKind::Page) => after_page(reader, first, header, blocks)?,
        _ => None,
    };
    let usual = || blocks.iter().all(|block| block.size.is_multiple_of(4096)).then_some(4096);
    match found.or_else(usual).map(PageSize::new) {
        Some(Ok(page_size)) => Ok(Some(page_size)),
        _ => Err(LoadError::malformed("pages of a known size", format!("{first:#018x}"))
            .at_offset(start)
            .or_advice("set the target page size")),
    }
}

/// Returns the distance of two zero pages, if it is a page size of less than 4 KiB. A larger one can be several pages.
fn distance(first: u64, next: Option<u64>) -> Option<u64> {
    let distance = next.filter(|next| next & CONTINUE != 0)?.checked_sub(first)? & !FLAGS;
    (SIZES.contains(&distance) && distance < 4096).then_some(distance)
}

/// Returns the size of a page, whose record begins with `first`, by the record that follows it.
fn after_page(
    reader: &mut Reader<'_>,
    first: u64,
    header: usize,
    blocks: &[BlockHeader],
) -> Result<Option<u64>, LoadError> {
    loop {
        let bytes = reader.buffered();
        let found = page_in(bytes, first, header, blocks);
        // A source that waits for an answer sends nothing more, so no more is read than needed.
        if found.is_some() || is_enough(bytes, header) || !reader.read_ahead()? {
            return Ok(found);
        }
    }
}

/// Returns the size of a page in bytes that have arrived, if the record after it has arrived, too.
fn page_in(bytes: &[u8], first: u64, header: usize, blocks: &[BlockHeader]) -> Option<u64> {
    let page = |size: &u64| usize::try_from(*size).ok().and_then(|size| bytes.get(header + size..));
    let next = |size: &u64| page(size).is_some_and(|rest| is_next_page(rest, first, *size));
    let other = |size: &u64| page(size).is_some_and(|rest| is_end(rest, blocks));
    SIZES.iter().copied().find(next).or_else(|| SIZES.iter().copied().find(other))
}

/// Returns whether the record after a page of any size has arrived.
fn is_enough(bytes: &[u8], header: usize) -> bool {
    bytes.len() > header + (SIZES[SIZES.len() - 1] as usize) + 9
}

/// The result of a search for the page size in bytes that have arrived.
#[cfg(feature = "schema")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageSizeSearch {
    /// More bytes are required.
    Need,
    /// No pages come next.
    NoPages,
    /// The pages do not contain their size, such as zero pages of 4 KiB or more.
    Unknown,
    Found(PageSize),
}

/// Searches for the page size in the records that come next.
#[cfg(feature = "schema")]
pub(crate) fn search_page_size(bytes: &[u8], blocks: &[BlockHeader]) -> PageSizeSearch {
    let Some(first) = word(bytes, 0) else { return PageSizeSearch::Need };
    let kind = RecordKind::from_number(first & FLAGS);
    if !matches!(kind, Some(RecordKind::Zero | RecordKind::Page)) {
        return PageSizeSearch::NoPages;
    }
    let Some(header) = bytes.get(8).map(|length| 9 + usize::from(*length)) else { return PageSizeSearch::Need };
    let found = if kind == Some(RecordKind::Page) {
        page_in(bytes, first, header, blocks).ok_or_else(|| is_enough(bytes, header))
    } else {
        let next = word(bytes, header + 1);
        distance(first, next).ok_or(next.is_some())
    };
    match found.map(PageSize::new) {
        Ok(Ok(size)) => PageSizeSearch::Found(size),
        Err(false) => PageSizeSearch::Need,
        _ => PageSizeSearch::Unknown,
    }
}

/// Returns whether the record of the next page of the same block follows.
fn is_next_page(rest: &[u8], first: u64, size: u64) -> bool {
    let kinds = [RecordKind::Page, RecordKind::Zero].map(|kind| kind.number() | CONTINUE);
    word(rest, 0).is_some_and(|next| kinds.map(|flags| (first & !FLAGS).wrapping_add(size) | flags).contains(&next))
}

/// Returns whether the section ends, or the record of a page of another block follows.
fn is_end(rest: &[u8], blocks: &[BlockHeader]) -> bool {
    let Some(next) = word(rest, 0) else { return false };
    if next == RecordKind::Eos.number() {
        return rest.get(8) == Some(&FOOTER);
    }
    let kinds = [RecordKind::Page, RecordKind::Zero].map(RecordKind::number);
    let name = rest.get(8).and_then(|length| rest.get(9..9 + usize::from(*length)));
    kinds.contains(&next) && name.is_some_and(|name| blocks.iter().any(|block| block.idstr.as_bytes() == name))
}

/// Returns the big-endian word at an index.
fn word(bytes: &[u8], index: usize) -> Option<u64> {
    bytes.get(index..)?.first_chunk().map(|word| u64::from_be_bytes(*word))
}

#[cfg(test)]
mod tests {
    use vmstate_types::Writer;

    use super::*;
    use crate::memory::VecBlock;
    use crate::ram::RamSaver;

    /// The records of a block of pages, some of which are zero.
    fn records(size: u64, is_zero: impl Fn(u64) -> bool) -> (Vec<u8>, Vec<BlockHeader>) {
        let page = usize::try_from(size).unwrap();
        let bytes = (0..64).flat_map(|number| vec![u8::from(!is_zero(number)); page]).collect();
        let blocks = [VecBlock::new("sram", bytes), VecBlock::new("rom", vec![3; page])];
        let mut saver = RamSaver::new(PageSize::new(size).unwrap());
        saver.setup(&blocks, &mut Writer::new()).unwrap();
        let mut out = Writer::new();
        saver.complete(&blocks, &mut out).unwrap();
        out.u8(FOOTER);
        (out.take(), vec![BlockHeader::new("sram", 64 * size), BlockHeader::new("rom", size)])
    }

    #[test]
    #[cfg_attr(miri, ignore = "too slow")]
    fn page_size_follows_from_the_first_records() {
        for size in SIZES {
            for zeros in [0_u64, 1, 2] {
                let (bytes, blocks) = records(size, |page| (zeros >> page.min(8)) & 1 == 1);
                let found = find_page_size(&mut Reader::from_read(&bytes[..]), &blocks).unwrap().unwrap();
                // Larger pages after a zero page look like gaps.
                let expected = if zeros == 1 { size.min(4096) } else { size };
                assert_eq!(found.bytes(), expected, "{size}, {zeros}");
            }
        }
    }

    #[cfg(feature = "schema")]
    #[test]
    #[cfg_attr(miri, ignore = "too slow")]
    fn page_size_is_found_in_pieces() {
        for size in [256, 1024, 4096] {
            for zeros in [0_u64, 3] {
                let (bytes, blocks) = records(size, |page| (zeros >> page.min(8)) & 1 == 1);
                let pieces = (0..bytes.len()).map(|length| search_page_size(&bytes[..length], &blocks));
                let found = pieces.into_iter().find(|found| *found != PageSizeSearch::Need).unwrap();
                // The distance of zero pages of 4 KiB can be several pages.
                let is_known = zeros == 0 || size < 4096;
                let expected = PageSize::new(size).map(PageSizeSearch::Found).unwrap();
                assert_eq!(found, if is_known { expected } else { PageSizeSearch::Unknown }, "{size}, {zeros}");
            }
        }
        let end = b"\0\0\0\0\0\0\0\x10";
        assert_eq!(search_page_size(&end[..7], &[]), PageSizeSearch::Need);
        assert_eq!(search_page_size(end, &[]), PageSizeSearch::NoPages);
    }

    #[test]
    fn page_size_follows_from_the_end_of_a_block() {
        let blocks = [BlockHeader::new("sram", 512), BlockHeader::new("rom", 256)];
        let page = [&b"\0\0\0\0\0\0\x01\x08\x04sram"[..], &[7; 256]].concat();
        for after in [&b"\0\0\0\0\0\0\0\x08\x03rom"[..], b"\0\0\0\0\0\0\0\x10\x7e"] {
            let bytes = [&page, after].concat();
            let found = find_page_size(&mut Reader::from_slice(&bytes), &blocks).unwrap().unwrap();
            assert_eq!(found.bytes(), 256);
        }
        let error = find_page_size(&mut Reader::from_slice(&page), &blocks).unwrap_err();
        assert!(error.to_string().contains("expected pages of a known size"), "{error}");
        let end = b"\0\0\0\0\0\0\0\x10";
        assert_eq!(find_page_size(&mut Reader::from_slice(end), &blocks).unwrap(), None);
    }

    fn found(bytes: &[u8], blocks: &[BlockHeader]) -> Option<u64> {
        find_page_size(&mut Reader::from_slice(bytes), blocks).unwrap().map(PageSize::bytes)
    }

    #[test]
    fn zero_pages_of_one_block_have_a_distance() {
        let blocks = [BlockHeader::new("sram", 4096), BlockHeader::new("rom", 4096)];
        let first = b"\0\0\0\0\0\0\0\x02\x04sram\0";
        let next = [&first[..], b"\0\0\0\0\0\0\x01\x22\0"].concat();
        assert_eq!(found(&next, &blocks), Some(256));
        let other = [&first[..], b"\0\0\0\0\0\0\x01\x02\x03rom\0"].concat();
        assert_eq!(found(&other, &blocks), Some(4096), "the usual size");
    }

    #[test]
    fn content_of_a_page_is_not_a_record() {
        let blocks = [BlockHeader::new("sram", 512), BlockHeader::new("rom", 512)];
        let first = b"\0\0\0\0\0\0\0\x08\x04sram";
        let last = b"\0\0\0\0\0\0\0\x08\x03rom";
        // A flag without a listed name, and a name without a flag.
        for content in [&b"\0\0\0\0\0\0\0\x08\x03ram"[..], b"\0\0\0\0\0\0\0\x07\x03rom"] {
            let mut page = vec![7; 512];
            page[256..256 + content.len()].copy_from_slice(content);
            assert_eq!(found(&[&first[..], &page, last].concat(), &blocks), Some(512));
        }
    }

    /// Fails when more is read than `bytes`.
    struct Waiting<'b>(&'b [u8]);

    impl std::io::Read for Waiting<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if self.0.is_empty() {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            self.0.read(into)
        }
    }

    #[test]
    fn no_more_is_read_than_needed() {
        let header = b"\0\0\0\0\0\0\0\x08\x04sram";
        let needed = header.len() + 65_536 + 9;
        let bytes = [&header[..], &[7; 65_536 + 10]].concat();
        assert!(!is_enough(&bytes[..needed], header.len()) && is_enough(&bytes[..=needed], header.len()));
        // Blocks of whole pages of the usual size are not known.
        let blocks = [BlockHeader::new("sram", 65_537)];
        let error = find_page_size(&mut Reader::from_read(Waiting(&bytes)), &blocks).unwrap_err();
        assert!(error.to_string().contains("expected pages of a known size"), "{error}");
        let error = find_page_size(&mut Reader::from_read(Waiting(&bytes[..9000])), &blocks).unwrap_err();
        assert!(!error.to_string().contains("expected pages of a known size"), "{error}");
    }
}
