//! Mappings of memory and files.

use std::ffi::c_void;
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicBool;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
#[cfg(feature = "snapshot")]
use rustix::mm::{MremapFlags, mremap_fixed};

use super::HostRange;

/// Memory that is mapped until it is dropped.
#[derive(Debug)]
pub(in crate::memory) struct Mapped {
    start: NonNull<u8>,
    length: usize,
    /// Set if no other mapping or process has the memory.
    is_private: AtomicBool,
}

// SAFETY: the memory belongs to no thread, and is accessed through `HostRange`, which is `Send` and `Sync`.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps zeros.
    pub(in crate::memory) fn anonymous(length: usize, flags: MapFlags) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // Miri supports no other flags.
        let flags = if cfg!(miri) { MapFlags::empty() } else { flags };
        // SAFETY: without an address, the kernel selects one where nothing is mapped.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), length, protection, MapFlags::PRIVATE | flags)? };
        Self::new(start, length, true)
    }

    /// Maps a file from its beginning.
    ///
    /// Other processes may change a shared file at any time, as a `HostRange` expects. Accesses to memory after
    /// the end of the file kill the process with SIGBUS; that is not undefined behavior.
    pub(in crate::memory) fn file(file: BorrowedFd<'_>, length: usize, flags: MapFlags) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: without an address, the kernel selects one where nothing is mapped.
        let start = unsafe { mmap(std::ptr::null_mut(), length, protection, flags, file, 0)? };
        Self::new(start, length, false)
    }

    fn new(start: *mut c_void, length: usize, is_private: bool) -> io::Result<Self> {
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { start, length, is_private: AtomicBool::new(is_private) })
    }

    /// Returns the memory.
    #[inline]
    pub(in crate::memory) fn range(&self) -> HostRange<'_> {
        // SAFETY: it is mapped, readable and writable while `self` is borrowed, and only this module creates a reference
        // to it: in `exclusive`, which borrows `self` exclusively.
        unsafe { HostRange::from_raw_parts(self.start, self.length) }
    }

    /// Returns private memory to its only owner. Files may have other mappings.
    pub(in crate::memory) fn exclusive(&mut self) -> Option<&mut [u8]> {
        // SAFETY: the memory is mapped and initialized, and the exclusive borrow rules out other accesses.
        (*self.is_private.get_mut())
            .then(|| unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) })
    }

    /// Replaces whole pages by a private mapping of a file from `place` on, or by zeros, in one step for other threads. Changes of
    /// such pages stay in memory; accesses after the end of the file kill the process with SIGBUS.
    ///
    /// The memory must be a private mapping.
    #[cfg(feature = "snapshot")]
    pub(in crate::memory) fn replace(
        &self,
        part: std::ops::Range<usize>,
        file: Option<(BorrowedFd<'_>, u64)>,
    ) -> io::Result<()> {
        let is_whole = |offset: usize| offset.is_multiple_of(rustix::param::page_size());
        let memory = self.range().get(part.clone()).filter(|_| is_whole(part.start) && is_whole(part.end));
        let memory = memory.filter(|memory| !memory.is_empty()).ok_or(io::ErrorKind::InvalidInput)?;
        if file.is_some() {
            // The pages change if others write to the file, so nothing may have a reference to them from here on.
            self.is_private.store(false, std::sync::atomic::Ordering::Relaxed);
        }
        let (start, length) = (memory.as_ptr().cast(), memory.len());
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // At another address first: a failure leaves the memory as it is.
        // SAFETY: the system chooses an unused address.
        let new = unsafe {
            match file {
                Some((file, place)) => mmap(std::ptr::null_mut(), length, protection, flags, file, place)?,
                None => mmap_anonymous(std::ptr::null_mut(), length, protection, flags)?,
            }
        };
        // SAFETY: nothing refers to the new pages. They replace a part of this mapping, which stays mapped, readable and writable.
        // References to it do not exist: `exclusive` borrows `self` exclusively, and all others expect that its content changes at
        // any time.
        if unsafe { mremap_fixed(new, length, length, MremapFlags::MAYMOVE, start) }.is_err() {
            // The memory may have a gap, in which another thread maps something else.
            std::process::abort();
        }
        Ok(())
    }

    /// Gives the kernel an advice that does not change the content: huge pages, or allocation.
    pub(in crate::memory) fn advise(&self, advice: Advice) -> io::Result<()> {
        debug_assert!(!matches!(advice, Advice::LinuxDontNeed | Advice::LinuxRemove | Advice::LinuxFree));
        // SAFETY: the range is mapped, and the callers' kinds of advice keep its content.
        unsafe { madvise(self.start.as_ptr().cast(), self.length, advice)? };
        Ok(())
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: nothing borrows the memory anymore. Failure is impossible for a range that was mapped as a whole.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.length) };
    }
}

/// Removes whole host pages: from the file of a shared mapping, and otherwise from anonymous memory, with huge pages if
/// `is_huge`.
#[cfg(any(feature = "migration", feature = "snapshot"))]
pub(in crate::memory) fn remove_pages(memory: HostRange<'_>, is_huge: bool) -> io::Result<()> {
    let (start, length) = (memory.as_ptr().cast(), memory.len());
    // SAFETY: the memory is mapped, readable and writable while the range is borrowed, and its readers expect that others
    // change it at any time.
    match unsafe { madvise(start, length, Advice::LinuxRemove) } {
        // The mapping has no file.
        Err(rustix::io::Errno::INVAL) => {}
        // Private huge pages have a file, which contains none of them.
        Err(rustix::io::Errno::ACCESS) if is_huge => {}
        result => return Ok(result?),
    }
    // SAFETY: as above.
    Ok(unsafe { madvise(start, length, Advice::LinuxDontNeed) }?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_the_owner_use_private_memory() {
        let mut memory = Mapped::anonymous(1 << 16, MapFlags::empty()).unwrap();
        assert!(memory.range().is_zero());
        std::thread::scope(|scope| {
            for thread in 1..4 {
                let range = memory.range();
                scope.spawn(move || range.write(usize::from(thread) * 100, &[thread; 100]).unwrap());
            }
        });
        let bytes = memory.exclusive().unwrap();
        assert_eq!((bytes[99], bytes[100], bytes[399], bytes[400]), (0, 1, 3, 0));
        bytes[400] = 4;
        assert_eq!(memory.range().load(399), Some([3, 4]));
    }

    #[test]
    #[cfg(feature = "snapshot")]
    #[cfg_attr(miri, ignore = "Miri maps no files")]
    fn replaced_pages_are_private_to_the_mapping() {
        use std::os::fd::AsFd;
        use std::os::unix::fs::FileExt;

        const PAGE: usize = 4096;
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[5; 3 * PAGE], 0).unwrap();
        let mut memory = Mapped::anonymous(8 * PAGE, MapFlags::empty()).unwrap();
        memory.range().write(0, &[1; 8 * PAGE]).unwrap();
        memory.replace(2 * PAGE..4 * PAGE, Some((file.as_fd(), PAGE as u64))).unwrap();
        memory.replace(6 * PAGE..7 * PAGE, None).unwrap();
        let first = |page: usize| memory.range().load::<1>(page * PAGE).unwrap()[0];
        assert_eq!([1, 2, 3, 4, 5, 6, 7].map(first), [1, 5, 5, 1, 1, 0, 1]);
        memory.range().write(2 * PAGE, &[9]).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, PAGE as u64).unwrap();
        assert_eq!((byte, memory.range().load(2 * PAGE)), ([5], Some([9])));
        // Not at a page, outside of the memory, and a file that cannot be mapped: the memory is still mapped.
        let socket = std::os::unix::net::UnixStream::pair().unwrap().0;
        for (part, file, place) in [
            (1..PAGE + 1, file.as_fd(), 0),
            (7 * PAGE..9 * PAGE, file.as_fd(), 0),
            (0..PAGE, file.as_fd(), 1),
            (0..PAGE, socket.as_fd(), 0),
        ] {
            assert!(memory.replace(part.clone(), Some((file, place))).is_err(), "{part:?}");
        }
        memory.range().write(0, &[3; 8 * PAGE]).unwrap();
        assert!(memory.exclusive().is_none());
    }
}
