//! `userfaultfd`: write protection and page faults of registered ranges.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use linux_raw_sys::general::{
    UFFD_API, UFFD_EVENT_PAGEFAULT, UFFD_PAGEFAULT_FLAG_MINOR, UFFD_PAGEFAULT_FLAG_WRITE, UFFD_USER_MODE_ONLY,
    uffd_msg, uffdio_api, uffdio_continue, uffdio_copy, uffdio_range, uffdio_register, uffdio_writeprotect,
    uffdio_zeropage,
};
use rustix::ioctl::{Opcode, Updater, opcode};
use rustix::mm::{UserfaultfdFlags, userfaultfd};

use super::HostRange;

/// A userfaultfd. Closing it deregisters all ranges and wakes the threads that wait for a page.
#[derive(Debug)]
pub(in crate::memory) struct Userfault(OwnedFd);

/// A page fault that a thread waits for.
#[derive(Debug, Clone, Copy)]
pub(in crate::memory) struct FaultEvent {
    pub(in crate::memory) address: u64,
    pub(in crate::memory) is_write: bool,
    /// Set if the page is present in its file and only not mapped.
    pub(in crate::memory) is_minor: bool,
    /// The thread, if the feature was requested.
    pub(in crate::memory) thread: u32,
}

/// The group of the operations (`UFFDIO`).
const GROUP: u8 = 0xaa;

// The constants of linux-raw-sys have another type than rustix's operations if rustix calls libc.
const UFFDIO_API: Opcode = opcode::read_write::<uffdio_api>(GROUP, 0x3f);
const UFFDIO_REGISTER: Opcode = opcode::read_write::<uffdio_register>(GROUP, 0);
const UFFDIO_UNREGISTER: Opcode = opcode::read::<uffdio_range>(GROUP, 1);
const UFFDIO_WAKE: Opcode = opcode::read::<uffdio_range>(GROUP, 2);
const UFFDIO_COPY: Opcode = opcode::read_write::<uffdio_copy>(GROUP, 3);
const UFFDIO_ZEROPAGE: Opcode = opcode::read_write::<uffdio_zeropage>(GROUP, 4);
const UFFDIO_WRITEPROTECT: Opcode = opcode::read_write::<uffdio_writeprotect>(GROUP, 6);
const UFFDIO_CONTINUE: Opcode = opcode::read_write::<uffdio_continue>(GROUP, 7);

/// The mode of UFFDIO_WRITEPROTECT that protects (`UFFDIO_WRITEPROTECT_MODE_WP`).
const PROTECT: u64 = 1;
/// The mode of UFFDIO_COPY that protects the pages in the same step (`UFFDIO_COPY_MODE_WP`).
const COPY_PROTECTED: u64 = 2;

/// The most events that are read at once.
pub(in crate::memory) const MAX_EVENTS: usize = 64;

impl Userfault {
    /// Opens a userfaultfd with `features`. It gets faults of the kernel only if `kernel_faults` is set, which requires a
    /// privilege.
    pub(in crate::memory) fn open(features: u32, kernel_faults: bool) -> io::Result<Self> {
        let user_mode_only = UserfaultfdFlags::from_bits_retain(if kernel_faults { 0 } else { UFFD_USER_MODE_ONLY });
        // SAFETY: the descriptor only affects ranges that `register` gets, whose content may change at any time.
        let file = unsafe { userfaultfd(UserfaultfdFlags::CLOEXEC | UserfaultfdFlags::NONBLOCK | user_mode_only)? };
        let mut api = uffdio_api { api: UFFD_API.into(), features: features.into(), ioctls: 0 };
        // SAFETY: the operation takes this struct.
        unsafe { update::<UFFDIO_API, _>(&file, &mut api)? };
        Ok(Self(file))
    }

    /// Registers memory: its faults of the kinds in `mode` wait for this descriptor.
    pub(in crate::memory) fn register(&self, memory: HostRange<'_>, mode: u32) -> io::Result<()> {
        let mut argument = uffdio_register { range: range(memory), mode: mode.into(), ioctls: 0 };
        // SAFETY: the operation takes this struct, and changes only when threads continue after page faults.
        unsafe { update::<UFFDIO_REGISTER, _>(&self.0, &mut argument) }
    }

    /// Deregisters memory, and wakes all threads that wait for its pages.
    pub(in crate::memory) fn unregister(&self, memory: HostRange<'_>) -> io::Result<()> {
        // SAFETY: the operation takes this struct.
        unsafe { update::<UFFDIO_UNREGISTER, _>(&self.0, &mut range(memory)) }
    }

    /// Protects pages against writes, or removes the protection and wakes the threads that wait.
    pub(in crate::memory) fn write_protect(&self, memory: HostRange<'_>, protects: bool) -> io::Result<()> {
        let mode = if protects { PROTECT } else { 0 };
        let mut argument = uffdio_writeprotect { range: range(memory), mode };
        // SAFETY: the operation takes this struct, and changes only when threads continue after page faults.
        unsafe { update::<UFFDIO_WRITEPROTECT, _>(&self.0, &mut argument) }
    }

    /// Wakes all threads that wait for pages of `memory`.
    pub(in crate::memory) fn wake(&self, memory: HostRange<'_>) -> io::Result<()> {
        // SAFETY: the operation takes this struct.
        unsafe { update::<UFFDIO_WAKE, _>(&self.0, &mut range(memory)) }
    }

    /// Copies bytes into missing pages, which are protected against writes if `protects` is set, and wakes the threads that wait
    /// for them. Returns the number of bytes, or an error if it is zero.
    pub(in crate::memory) fn copy(&self, memory: HostRange<'_>, bytes: &[u8], protects: bool) -> io::Result<usize> {
        let (dst, src) = (memory.as_ptr().addr() as u64, bytes.as_ptr().addr() as u64);
        let len = memory.len().min(bytes.len()) as u64;
        let mode = if protects { COPY_PROTECTED } else { 0 };
        let mut argument = uffdio_copy { dst, src, len, mode, copy: 0 };
        // SAFETY: the operation takes this struct, reads `len` bytes of `bytes`, and writes as many bytes of `memory`.
        let copied = unsafe { update::<UFFDIO_COPY, _>(&self.0, &mut argument) };
        progress(copied, argument.copy)
    }

    /// Maps zeros for missing pages. Returns the number of bytes as [`copy`](Self::copy) does.
    pub(in crate::memory) fn zero(&self, memory: HostRange<'_>) -> io::Result<usize> {
        let mut argument = uffdio_zeropage { range: range(memory), mode: 0, zeropage: 0 };
        // SAFETY: the operation takes this struct and fills pages of `memory`.
        let zeroed = unsafe { update::<UFFDIO_ZEROPAGE, _>(&self.0, &mut argument) };
        progress(zeroed, argument.zeropage)
    }

    /// Maps pages that are present in the file. Returns the number of bytes as [`copy`](Self::copy) does.
    pub(in crate::memory) fn resume(&self, memory: HostRange<'_>) -> io::Result<usize> {
        let mut argument = uffdio_continue { range: range(memory), mode: 0, mapped: 0 };
        // SAFETY: the operation takes this struct and maps pages of `memory`.
        let mapped = unsafe { update::<UFFDIO_CONTINUE, _>(&self.0, &mut argument) };
        progress(mapped, argument.mapped)
    }

    /// Reads the faults that wait, at most [`MAX_EVENTS`].
    pub(in crate::memory) fn events(&self, events: &mut Vec<FaultEvent>) -> io::Result<()> {
        const SIZE: usize = size_of::<uffd_msg>();
        let mut buffer = [0; MAX_EVENTS * SIZE];
        let length = rustix::io::read(&self.0, &mut buffer)?;
        for message in buffer.get(..length).unwrap_or_default().as_chunks::<SIZE>().0 {
            // SAFETY: the kernel's message consists of integers, for which all bytes are valid.
            let message = unsafe { std::mem::transmute_copy::<[u8; SIZE], uffd_msg>(message) };
            if u32::from(message.event) == UFFD_EVENT_PAGEFAULT {
                events.push(FaultEvent::new(&message));
            }
        }
        Ok(())
    }
}

impl AsFd for Userfault {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl FaultEvent {
    fn new(message: &uffd_msg) -> Self {
        // SAFETY: all members of the unions are integers, for which all bytes are valid.
        let (fault, thread) = unsafe { (message.arg.pagefault, message.arg.pagefault.feat.ptid) };
        Self {
            address: fault.address,
            is_write: fault.flags & u64::from(UFFD_PAGEFAULT_FLAG_WRITE) != 0,
            is_minor: fault.flags & u64::from(UFFD_PAGEFAULT_FLAG_MINOR) != 0,
            thread,
        }
    }
}

/// Runs an operation that reads and updates a struct.
///
/// # Safety
/// The operation takes a `T`, and its effect on the memory that the struct names is allowed.
pub(super) unsafe fn update<const OPCODE: Opcode, T>(file: impl AsFd, argument: &mut T) -> io::Result<()> {
    // SAFETY: as the caller guarantees.
    unsafe { rustix::ioctl::ioctl(file, Updater::<OPCODE, T>::new(argument))? };
    Ok(())
}

fn range(memory: HostRange<'_>) -> uffdio_range {
    uffdio_range { start: memory.as_ptr().addr() as u64, len: memory.len() as u64 }
}

/// Returns the number of processed bytes. The kernel sets it even if the operation fails after some pages.
fn progress(result: io::Result<()>, done: i64) -> io::Result<usize> {
    match usize::try_from(done) {
        Ok(done @ 1..) => Ok(done),
        _ => result.map(|()| 0),
    }
}
