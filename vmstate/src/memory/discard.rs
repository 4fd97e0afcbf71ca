//! Discards pages, so that they are missing.

use std::ops::Range;

use rustix::io::Errno;

use super::sys::mapped::remove_pages;
use super::tracked::{SharedBlock, parts};
use super::{MemoryError, RamBlock};

/// Discards the host pages of `bytes` of a block: an access finds zeros, or a missing page if page faults are handled.
///
/// Pages of files and of memfds are removed from the file (`ram_block_discard_range` in QEMU's `system/physmem.c`).
///
/// # Errors
/// Returns an error if the range is outside of the block or not in whole host pages, or the memory is of a kind whose pages
/// cannot be discarded, as private mappings of files.
pub(crate) fn discard(block: &SharedBlock, bytes: &Range<u64>) -> Result<(), MemoryError> {
    let length = bytes.end.saturating_sub(bytes.start);
    block.range(bytes.start, usize::try_from(length).unwrap_or(usize::MAX))?;
    let page_size = block.host_page_size();
    if !bytes.start.is_multiple_of(page_size) || !bytes.end.is_multiple_of(page_size) {
        return Err(MemoryError::PartialPage {
            idstr: block.idstr().to_owned(),
            size: length,
            host_page_size: page_size,
        });
    }
    let is_huge = page_size > rustix::param::page_size() as u64;
    for part in parts(&**block)?.iter().filter_map(|part| part.intersect(bytes, page_size)) {
        remove_pages(part.memory, is_huge).map_err(|error| {
            let remedy = match Errno::from_io_error(&error) {
                Some(Errno::ACCESS) => "use an anonymous mapping, or a shared mapping of a memfd",
                _ => "select memory whose pages can be discarded: anonymous or memfd",
            };
            MemoryError::system("discarding pages", block.idstr(), remedy, error)
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::memory::MappingOptions;

    #[test]
    fn discarded_pages_are_zero() {
        for options in [MappingOptions::anonymous(), MappingOptions::memfd()] {
            let block: SharedBlock = Arc::new(options.map("ram", 4 * 4096).unwrap());
            block.write(0, &[7; 4 * 4096]).unwrap();
            discard(&block, &(4096..3 * 4096)).unwrap();
            let mut bytes = [1; 4 * 4096];
            block.read(0, &mut bytes).unwrap();
            assert_eq!([bytes[0], bytes[4096], bytes[2 * 4096], bytes[3 * 4096]], [7, 0, 0, 7]);
        }
    }

    #[test]
    fn wrong_ranges_are_rejected() {
        let block: SharedBlock = Arc::new(MappingOptions::anonymous().map("ram", 2 * 4096).unwrap());
        block.write(0, &[7; 2 * 4096]).unwrap();
        for range in [1..4096, 0..100, 0..3 * 4096, u64::MAX - 4095..u64::MAX] {
            assert!(discard(&block, &range).is_err(), "{range:?}");
        }
        let mut bytes = [0; 2 * 4096];
        block.read(0, &mut bytes).unwrap();
        assert_eq!(bytes, [7; 2 * 4096]);
    }

    #[test]
    fn private_file_is_rejected() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        let block: SharedBlock = Arc::new(MappingOptions::private_file(file).map("ram", 4096).unwrap());
        let error = discard(&block, &(0..4096)).unwrap_err().to_string();
        assert!(error.contains("use an anonymous mapping"), "{error}");
    }
}
