//! The host's ranges of blocks, for userfaultfd.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use rustix::io::Errno;

use super::{HostRange, MemoryError, RamBlock};

/// A block that other threads use at the same time.
pub type SharedBlock = Arc<dyn RamBlock + Send + Sync>;

/// A contiguous part of a block.
pub(super) struct Part<'m> {
    /// The offset in the block.
    pub(super) offset: u64,
    pub(super) memory: HostRange<'m>,
}

/// Returns the parts of a block.
pub(super) fn parts(block: &dyn RamBlock) -> Result<Vec<Part<'_>>, MemoryError> {
    let (mut parts, mut offset) = (Vec::new(), 0);
    while offset < block.size() {
        let rest = usize::try_from(block.size() - offset).unwrap_or(usize::MAX);
        let page_size = block.host_page_size();
        let is_whole = |memory: &HostRange<'_>| {
            let (address, length) = (memory.as_ptr().addr() as u64, memory.len() as u64);
            length > 0 && address.is_multiple_of(page_size) && length.is_multiple_of(page_size)
        };
        let memory = block.host_range(offset, rest).filter(is_whole);
        let memory = memory.ok_or_else(|| MemoryError::NoAddress { idstr: block.idstr().to_owned() })?;
        parts.push(Part { offset, memory });
        offset += memory.len() as u64;
    }
    Ok(parts)
}

impl<'m> Part<'m> {
    /// Returns the part of `bytes` of the block that is in here, widened to whole host pages.
    pub(super) fn intersect(&self, bytes: &Range<u64>, page_size: u64) -> Option<Self> {
        let end = self.offset + self.memory.len() as u64;
        let start = (bytes.start / page_size * page_size).max(self.offset);
        let end = bytes.end.min(end).next_multiple_of(page_size);
        let index = |offset: u64| usize::try_from(offset.checked_sub(self.offset)?).ok();
        let memory = self.memory.get(index(start)?..index(end)?).filter(|memory| !memory.is_empty())?;
        Some(Self { offset: start, memory })
    }
}

/// Returns the error for a userfaultfd that cannot be opened.
pub(super) fn unsupported(operation: &'static str, requirement: &'static str, source: io::Error) -> MemoryError {
    let remedy = match Errno::from_io_error(&source) {
        Some(Errno::PERM | Errno::ACCESS) => {
            "allow `userfaultfd` and /proc/self/pagemap in the seccomp filter or container"
        }
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => "close files or free memory",
        _ => "update the kernel, or use another method",
    };
    MemoryError::Unsupported { operation, requirement, remedy, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_the_system_names_its_remedy() {
        let text = |errno: Errno| unsupported("tracking", "Linux 6.7", errno.into()).to_string();
        assert_eq!(
            text(Errno::PERM),
            "tracking requires Linux 6.7; allow `userfaultfd` and /proc/self/pagemap in the seccomp filter or container"
        );
        assert_eq!(text(Errno::MFILE), "tracking requires Linux 6.7; close files or free memory");
        for old_kernel in [Errno::NOSYS, Errno::INVAL, Errno::NOTTY] {
            assert_eq!(text(old_kernel), "tracking requires Linux 6.7; update the kernel, or use another method");
        }
    }
}
