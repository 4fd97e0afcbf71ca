//! Tests with a guest that KVM runs. They require `/dev/kvm`; `VMSTATE_REQUIRE_KVM` turns its absence into a failure.

use std::iter::once;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kvm_bindings::kvm_userspace_memory_region;
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};

use super::kvm::KvmSlot;
use crate::memory::kvm_log::Protection;
use crate::memory::{
    DirtyBitmap, DirtyLog, KvmLog, Layout, Mapping, MappingOptions, MemoryError, PageSize, RamBlock, WriteProtect,
};

/// Real mode code: `again: mov [bx], al; add bx, dx; loop again; hlt`.
const CODE: [u8; 7] = [0x88, 0x07, 0x01, 0xd3, 0xe2, 0xfa, 0xf4];
/// The page with the code, which is the first one.
const PAGE: u64 = 4096;
/// Two slots with more pages than a word of their bitmaps has.
const SLOT: u64 = 80 * PAGE;
const SIZE: u64 = 2 * SLOT;
const PAGES: u64 = SIZE / PAGE;

struct Guest {
    ram: Arc<Mapping>,
    vm: Arc<VmFd>,
    vcpu: VcpuFd,
}

impl Guest {
    /// Creates a guest, or reports that the system has no KVM.
    fn new() -> Option<Self> {
        let kvm = match Kvm::new() {
            Ok(kvm) => kvm,
            Err(error) => {
                assert!(std::env::var_os("VMSTATE_REQUIRE_KVM").is_none(), "/dev/kvm: {error}");
                eprintln!("NOT TESTED: /dev/kvm: {error}");
                return None;
            }
        };
        let vm = Arc::new(kvm.create_vm().unwrap());
        let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE).unwrap());
        ram.write(0, &CODE).unwrap();
        let guest = Self { vcpu: vm.create_vcpu(0).unwrap(), ram, vm };
        (0..2).for_each(|slot| guest.set_slot(slot, SLOT).unwrap());
        Some(guest)
    }

    fn region(&self, slot: u32, size: u64) -> kvm_userspace_memory_region {
        let start = u64::from(slot) * SLOT;
        let userspace_addr = self.ram.memory().as_ptr().addr() as u64 + start;
        kvm_userspace_memory_region { slot, guest_phys_addr: start, memory_size: size, userspace_addr, flags: 0 }
    }

    fn set_slot(&self, slot: u32, size: u64) -> Result<(), kvm_ioctls::Error> {
        // SAFETY: the memory is mapped while the vCPU exists.
        unsafe { self.vm.set_user_memory_region(self.region(slot, size)) }
    }

    fn layout(&self) -> Layout {
        Layout::new(PageSize::DEFAULT, [&self.ram]).unwrap()
    }

    fn log(&self) -> KvmLog {
        // SAFETY: the VM has the regions.
        let slot = |slot: u32| unsafe { KvmSlot::new(0, u64::from(slot) * SLOT, self.region(slot, SLOT)) };
        KvmLog::new(&self.layout(), self.vm.clone(), vec![slot(0), slot(1)]).unwrap()
    }

    /// Has the guest write `value` to each page of a range, at most 16 pages.
    fn write(&mut self, pages: Range<u64>, value: u8) {
        let mut sregs = self.vcpu.get_sregs().unwrap();
        (sregs.cs.base, sregs.cs.selector) = (0, 0);
        // The segment is the only way to more than 64 KiB in real mode.
        sregs.ds.base = pages.start * PAGE + 0x800;
        self.vcpu.set_sregs(&sregs).unwrap();
        let mut regs = self.vcpu.get_regs().unwrap();
        (regs.rip, regs.rflags, regs.rax) = (0, 2, value.into());
        (regs.rbx, regs.rcx, regs.rdx) = (0, pages.end - pages.start, PAGE);
        self.vcpu.set_regs(&regs).unwrap();
        assert!(matches!(self.vcpu.run().unwrap(), VcpuExit::Hlt));
    }
}

fn collected(log: &dyn DirtyLog, pages: Range<u64>) -> Vec<Range<u64>> {
    let dirty = DirtyBitmap::new(PAGES);
    log.collect(0, pages, &dirty).unwrap();
    dirty.runs().collect()
}

/// Starts a log in the way that newer and older kernels support.
fn start(log: &KvmLog, manual: bool) {
    if manual { log.start().unwrap() } else { log.start_with(|_| Protection::Automatic).unwrap() }
}

#[test]
fn each_page_of_a_guest_is_reported_once() {
    for manual in [true, false] {
        let Some(mut guest) = Guest::new() else { return };
        let log = guest.log();
        guest.write(1..5, 1);
        start(&log, manual);
        assert_eq!(collected(&log, 0..PAGES), []);
        guest.write(3..7, 2);
        guest.write(78..83, 2);
        guest.write(159..160, 2);
        // Only some pages of a word.
        assert_eq!(collected(&log, 0..5), Vec::from_iter(once(3..5)));
        assert_eq!(collected(&log, 0..81), [5..7, 78..81]);
        guest.write(4..5, 3);
        assert_eq!(collected(&log, 0..u64::MAX), [4..5, 81..83, 159..160], "manual: {manual}");
        assert_eq!(collected(&log, 0..PAGES), []);
        assert_eq!(guest.ram.memory().load(82 * 4096 + 0x800), Some([2]));
    }
}

#[test]
fn pages_put_back_and_a_restart() {
    let Some(mut guest) = Guest::new() else { return };
    let log = guest.log();
    assert!(matches!(log.collect(0, 0..1, &DirtyBitmap::new(1)), Err(MemoryError::NotStarted)));
    log.start().unwrap();
    assert!(matches!(log.start(), Err(MemoryError::AlreadyStarted)));
    let pages = DirtyBitmap::new(PAGES);
    pages.insert_range(100..103);
    log.put_back(0, &pages).unwrap();
    assert_eq!(collected(&log, 0..PAGES), Vec::from_iter(once(100..103)));
    assert!(matches!(log.put_back(1, &pages), Err(MemoryError::UnknownBlock { block: 1, blocks: 1 })));
    log.stop().unwrap();
    guest.write(8..9, 1);
    log.start().unwrap();
    assert_eq!(collected(&log, 0..PAGES), []);
    guest.write(9..10, 1);
    assert_eq!(collected(&log, 0..PAGES), Vec::from_iter(once(9..10)));
}

/// The other log of a guest's writes.
#[test]
fn write_protection_reports_pages_of_a_guest() {
    let Some(mut guest) = Guest::new() else { return };
    if let Err(error) = WriteProtect::probe() {
        eprintln!("NOT TESTED: {error}");
        return;
    }
    let log = WriteProtect::new(&guest.layout(), vec![guest.ram.clone()]).unwrap();
    log.start().unwrap();
    guest.write(78..83, 1);
    assert_eq!(collected(&log, 0..PAGES), Vec::from_iter(once(78..83)));
}

#[test]
fn deleted_slot_is_an_error_that_names_the_remedy() {
    for manual in [true, false] {
        let Some(mut guest) = Guest::new() else { return };
        let log = guest.log();
        start(&log, manual);
        guest.set_slot(1, 0).unwrap();
        let error = log.collect(0, 0..PAGES, &DirtyBitmap::new(PAGES)).unwrap_err().to_string();
        assert!(error.contains("RAM block `ram` failed; its memory slot or its log was removed"), "{error}");
        // The guest runs, and a new slot is logged after a restart.
        guest.write(2..4, 7);
        assert_eq!(guest.ram.memory().load(3 * 4096 + 0x800), Some([7]));
        guest.set_slot(1, SLOT).unwrap();
        log.stop().unwrap();
        start(&log, manual);
        guest.write(90..91, 7);
        assert_eq!(collected(&log, 0..PAGES), Vec::from_iter(once(90..91)));
    }
}

#[test]
fn slot_outside_of_its_block_is_rejected() {
    let Some(guest) = Guest::new() else { return };
    for (block, offset) in [(0, SIZE - PAGE), (0, u64::MAX), (1, 0)] {
        // SAFETY: the VM has the region; its place in the block is wrong.
        let slot = unsafe { KvmSlot::new(block, offset, guest.region(0, SLOT)) };
        assert!(KvmLog::new(&guest.layout(), guest.vm.clone(), vec![slot]).is_err());
    }
}

/// The copy that a collector keeps up to date equals the memory when the guest has stopped.
#[test]
fn concurrent_writes_of_a_guest_are_not_lost() {
    for manual in [true, false] {
        let Some(mut guest) = Guest::new() else { return };
        let (log, ram, stop) = (guest.log(), guest.ram.clone(), AtomicBool::new(false));
        let mut copy = ram.memory().to_vec();
        start(&log, manual);
        let mut round = || {
            let dirty = DirtyBitmap::new(PAGES);
            log.collect(0, 0..70, &dirty).unwrap();
            log.collect(0, 70..PAGES, &dirty).unwrap();
            while let Some(page) = dirty.take_from(0) {
                let start = usize::try_from(page * PAGE).unwrap();
                ram.memory().read(start, &mut copy[start..start + 4096]).unwrap();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in (1_u8..=250).cycle() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let first = 1 + u64::from(number) * 13 % (PAGES - 17);
                    guest.write(first..first + 1 + u64::from(number % 16), number);
                }
            });
            (0..200).for_each(|_| round());
            stop.store(true, Ordering::Relaxed);
        });
        round();
        assert!(ram.memory().to_vec() == copy, "manual: {manual}");
    }
}

/// KVM serves only the process that has created the VM.
#[test]
fn child_process_is_told_to_use_its_parent() {
    let Some(mut guest) = Guest::new() else { return };
    let log = guest.log();
    log.start().unwrap();
    guest.write(6..7, 1);
    // SAFETY: the child only calls functions that allocate, which glibc allows after a fork, and ends without unwinding.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let error = log.collect(0, 0..PAGES, &DirtyBitmap::new(PAGES)).map_err(|error| error.to_string());
        let is_rejected = error.is_err_and(|error| error.contains("in the process that has created the VM"));
        // SAFETY: it ends the process.
        unsafe { libc::_exit(i32::from(!is_rejected)) };
    }
    let mut status = 0;
    // SAFETY: `status` is a valid place.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "the child was rejected");
    assert_eq!(collected(&log, 0..PAGES), Vec::from_iter(once(6..7)));
}
