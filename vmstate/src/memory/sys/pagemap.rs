//! `PAGEMAP_SCAN`: finds written pages and protects them again.

use std::fs::File;
use std::io;
use std::ops::Range;

use linux_raw_sys::general::{PAGE_IS_WRITTEN, PM_SCAN_CHECK_WPASYNC, PM_SCAN_WP_MATCHING, page_region, pm_scan_arg};

use rustix::mm::{MsyncFlags, msync};

use super::HostRange;

/// The number of the operation, which linux-raw-sys lacks: `_IOWR('f', 16, struct pm_scan_arg)`.
const PAGEMAP_SCAN: rustix::ioctl::Opcode = rustix::ioctl::opcode::read_write::<pm_scan_arg>(b'f', 16);

/// The regions that one call returns: more calls cost less than a larger array here.
const REGIONS: usize = 512;

/// Calls `found` with the offsets of each range of written pages of `memory`, and protects these pages again in the same
/// step, so that no write is lost in between.
pub(in crate::memory) fn take_written(
    pagemap: &File,
    memory: HostRange<'_>,
    mut found: impl FnMut(Range<u64>),
) -> io::Result<()> {
    let base = memory.as_ptr().addr() as u64;
    let end = base + memory.len() as u64;
    check_mapped(memory)?;
    let mut regions = [page_region { start: 0, end: 0, categories: 0 }; REGIONS];
    let mut start = base;
    while start < end {
        let (count, walked) = scan(pagemap, start..end, &mut regions)?;
        regions.iter().take(count).for_each(|region| found(region.start - base..region.end - base));
        // The kernel stops when the array is full.
        if walked <= start {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        start = walked;
    }
    Ok(())
}

/// Returns an error if a part of `memory` is unmapped, which a scan would skip.
fn check_mapped(memory: HostRange<'_>) -> io::Result<()> {
    // SAFETY: it only checks the addresses: the kernel ignores ASYNC otherwise.
    unsafe { msync(memory.as_ptr().cast(), memory.len(), MsyncFlags::ASYNC)? };
    Ok(())
}

/// Scans once. Returns the number of regions, and the address at which the scan stopped.
fn scan(pagemap: &File, addresses: Range<u64>, regions: &mut [page_region; REGIONS]) -> io::Result<(usize, u64)> {
    let mut argument = pm_scan_arg {
        size: size_of::<pm_scan_arg>() as u64,
        // Without CHECK_WPASYNC a range that lost its registration would count as clean.
        flags: u64::from(PM_SCAN_WP_MATCHING | PM_SCAN_CHECK_WPASYNC),
        start: addresses.start,
        end: addresses.end,
        walk_end: 0,
        vec: regions.as_mut_ptr().addr() as u64,
        vec_len: REGIONS as u64,
        max_pages: 0,
        category_inverted: 0,
        category_mask: u64::from(PAGE_IS_WRITTEN),
        category_anyof_mask: 0,
        return_mask: u64::from(PAGE_IS_WRITTEN),
    };
    // SAFETY: the operation takes this struct, writes at most `vec_len` regions, and changes only the protection of pages.
    let count = unsafe { rustix::ioctl::ioctl(pagemap, Scan(&mut argument))? };
    Ok((count, argument.walk_end))
}

/// The operation, whose result is a number.
struct Scan<'a>(&'a mut pm_scan_arg);

// SAFETY: the number and the direction of the operation belong to `pm_scan_arg`.
unsafe impl rustix::ioctl::Ioctl for Scan<'_> {
    type Output = usize;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> rustix::ioctl::Opcode {
        PAGEMAP_SCAN
    }

    fn as_ptr(&mut self) -> *mut std::ffi::c_void {
        std::ptr::from_mut(self.0).cast()
    }

    unsafe fn output_from_ptr(
        count: rustix::ioctl::IoctlOutput,
        _: *mut std::ffi::c_void,
    ) -> rustix::io::Result<usize> {
        usize::try_from(count).map_err(|_| rustix::io::Errno::INVAL)
    }
}
