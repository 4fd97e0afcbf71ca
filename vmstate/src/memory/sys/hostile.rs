//! Tests of logs and faults whose memory changes in ways that only unsafe code can cause.

use std::iter::once;
use std::ops::Range;
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags};

use super::HostRange;
use crate::memory::{
    DirtyBitmap, DirtyLog, Layout, Mapping, MappingOptions, MemoryError, MissingFaults, PageSize, Placed, RamBlock,
    WriteProtect,
};

const SIZE: u64 = 16 * 4096;

fn started() -> Option<(Arc<Mapping>, WriteProtect)> {
    if let Err(error) = WriteProtect::probe() {
        eprintln!("NOT TESTED: {error}");
        return None;
    }
    let ram = Arc::new(MappingOptions::anonymous().prefault(true).map("ram", SIZE).unwrap());
    let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
    let log = WriteProtect::new(&layout, vec![ram.clone()]).unwrap();
    log.start().unwrap();
    Some((ram, log))
}

fn collect(log: &WriteProtect) -> Result<Vec<Range<u64>>, MemoryError> {
    let dirty = DirtyBitmap::new(16);
    log.collect(0, 0..16, &dirty)?;
    Ok(dirty.runs().collect())
}

fn page(ram: &Mapping, number: usize) -> HostRange<'_> {
    ram.memory().get(number * 4096..(number + 1) * 4096).unwrap()
}

#[test]
fn memory_that_is_mapped_again_is_an_error() {
    let Some((ram, log)) = started() else { return };
    let (address, flags) = (page(&ram, 5).as_ptr().cast(), MapFlags::PRIVATE | MapFlags::FIXED);
    // SAFETY: the page belongs to `ram`, and keeps being mapped.
    unsafe { rustix::mm::mmap_anonymous(address, 4096, ProtFlags::READ | ProtFlags::WRITE, flags).unwrap() };
    ram.write(5 * 4096, &[1]).unwrap();
    let error = collect(&log).unwrap_err();
    assert!(error.to_string().contains("start the log again and send all pages"), "{error}");
    // The memory is usable, and so is the log after a restart.
    log.stop().unwrap();
    log.start().unwrap();
    ram.write(5 * 4096, &[2]).unwrap();
    assert_eq!(collect(&log).unwrap(), Vec::from_iter(once(5..6)));
}

#[test]
fn unmapped_memory_is_an_error() {
    let Some((ram, log)) = started() else { return };
    // SAFETY: nothing accesses the page, and `ram` may unmap it again.
    unsafe { rustix::mm::munmap(page(&ram, 7).as_ptr().cast(), 4096).unwrap() };
    let error = collect(&log).unwrap_err();
    assert!(error.to_string().contains("unmapped, remapped or deregistered"), "{error}");
}

#[test]
fn discarded_pages_count_as_written() {
    let Some((ram, log)) = started() else { return };
    // SAFETY: it changes the content of guest memory, as any write does.
    unsafe { rustix::mm::madvise(page(&ram, 3).as_ptr().cast(), 4096, rustix::mm::Advice::LinuxDontNeed).unwrap() };
    assert_eq!(collect(&log).unwrap(), Vec::from_iter(once(3..4)));
}

/// Missing memory that a thread places pages of value 9 in.
fn missing() -> Option<(Arc<Mapping>, MissingFaults)> {
    if let Err(error) = WriteProtect::probe() {
        eprintln!("NOT TESTED: {error}");
        return None;
    }
    let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE).unwrap());
    let missing = MissingFaults::start(vec![ram.clone()], |pages, faults| {
        faults.iter().for_each(|fault| drop(pages.place(0, fault.offset, &[9; 4096])));
    });
    Some((ram, missing.unwrap()))
}

#[test]
fn pages_are_not_placed_in_other_memory() {
    let Some((ram, missing)) = missing() else { return };
    let (address, flags) = (page(&ram, 5).as_ptr().cast(), MapFlags::PRIVATE | MapFlags::FIXED);
    // SAFETY: the page belongs to `ram`, and keeps being mapped.
    unsafe { rustix::mm::mmap_anonymous(address, 4096, ProtFlags::READ | ProtFlags::WRITE, flags).unwrap() };
    // SAFETY: nothing accesses the page, and `ram` may unmap it again.
    unsafe { rustix::mm::munmap(page(&ram, 7).as_ptr().cast(), 4096).unwrap() };
    for number in [5, 7] {
        let error = missing.pages().place(0, number * 4096, &[1; 4096]).unwrap_err().to_string();
        assert!(error.contains("unmapped or deregistered; give up the migration"), "{error}");
    }
    // The other pages arrive.
    assert_eq!(missing.pages().place(0, 6 * 4096, &[1; 4096]).unwrap(), Placed::Now);
    assert_eq!([5, 6, 8].map(|number| page(&ram, number).load(0).unwrap()), [[0], [1], [9]]);
}

/// Runs `test` in a child process. Returns whether it succeeded.
fn succeeds_in_child(test: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child only calls functions that allocate, which glibc allows after a fork, and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let succeeded = test();
        // SAFETY: it ends the process.
        unsafe { libc::_exit(i32::from(!succeeded)) };
    }
    let mut status = 0;
    // SAFETY: `status` is a valid place.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status == 0
}

/// Without the check, the child would place a page in the memory of its parent, stop the parent's thread, and wait for it.
#[test]
fn child_process_does_not_handle_faults_of_its_parent() {
    let Some((ram, missing)) = missing() else { return };
    let mut missing = Some(missing);
    assert!(succeeds_in_child(|| {
        let handler = missing.take().unwrap();
        let placed = handler.pages().place(0, 0, &[1; 4096]);
        drop(handler);
        matches!(placed, Err(MemoryError::OtherProcess))
    }));
    assert_eq!([0, 3].map(|number| page(&ram, number).load(0).unwrap()), [[9], [9]]);
}

#[test]
fn child_process_cannot_take_the_pages_of_its_parent() {
    let Some((ram, log)) = started() else { return };
    ram.write(2 * 4096, &[1]).unwrap();
    assert!(succeeds_in_child(|| matches!(collect(&log), Err(MemoryError::OtherProcess))));
    assert_eq!(collect(&log).unwrap(), Vec::from_iter(once(2..3)));
}
