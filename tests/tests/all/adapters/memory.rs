//! Guest memory of `vm-memory`.

#![cfg(target_pointer_width = "64")]

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use vm_memory::bitmap::{AtomicBitmap, Bitmap};
use vm_memory::mmap::MmapRegionBuilder;
// The trait that `GuestMemoryMmap::iter` needs depends on the version: `GuestMemory` or `GuestMemoryBackend`.
use vm_memory::*;
use vmstate::adapters::vm_memory::{BitmapLog, GuestBlock, SyncDirtyLog};
use vmstate::machine::SaveOptions;
use vmstate::memory::{CombinedLog, DirtyBitmap, DirtyLog, Layout, Marked, MemoryError, PageSize, RamBlock};
use vmstate::prelude::*;
use vmstate::ram::Ram;
use vmstate::registry::Registration;
use vmstate::section::Output;

/// `PROT_READ` and `PROT_WRITE` of `mmap`.
const READ: i32 = 1;
const WRITE: i32 = 2;

/// Regions of these sizes.
fn memory<B: mmap::NewBitmap>(sizes: &[usize]) -> GuestMemoryMmap<B> {
    let range = |(number, size): (u64, &usize)| (GuestAddress(number << 32), *size);
    GuestMemoryMmap::from_ranges(&(0..).zip(sizes).map(range).collect::<Vec<_>>()).unwrap()
}

fn region(size: usize, page_size: usize) -> GuestRegionMmap<AtomicBitmap> {
    let bitmap = AtomicBitmap::new(size, NonZeroUsize::new(page_size).unwrap());
    let mapping = MmapRegionBuilder::new_with_bitmap(size, bitmap).with_mmap_prot(READ | WRITE).build().unwrap();
    GuestRegionMmap::new(mapping, GuestAddress(0)).unwrap()
}

/// Collects the dirty pages of 256 bytes of the only block, as ranges of bytes.
fn dirty(log: &impl DirtyLog) -> Vec<Range<u64>> {
    let dirty = DirtyBitmap::new(0x180);
    log.collect(0, 0..0x180, &dirty).unwrap();
    dirty.runs().map(|pages| pages.start << 8..pages.end << 8).collect()
}

#[test]
fn page_can_span_regions() {
    let memory = memory::<()>(&[0x1000, 0x2000, 0x1000]);
    let block = GuestBlock::new("ram", memory.iter());
    assert_eq!((block.idstr(), block.size()), ("ram", 0x4000));
    let page: Vec<u8> = (0..0x4000_u32).map(|number| (number / 5) as u8).collect();
    block.write(0, &page).unwrap();
    let mut read = vec![0; 0x3000];
    block.read(0x800, &mut read).unwrap();
    assert!(read == page[0x800..0x3800]);
    assert_eq!(memory.read_obj::<u8>(GuestAddress(1 << 32)).unwrap(), page[0x1000]);
    assert_eq!(memory.read_obj::<u8>(GuestAddress((2 << 32) + 0xfff)).unwrap(), page[0x3fff]);

    for (offset, length) in [(0x3001, 0x1000), (0x4000, 1), (u64::MAX, 2)] {
        for error in [block.read(offset, &mut vec![0; length]), block.write(offset, &vec![0; length])] {
            assert!(matches!(error, Err(MemoryError::OutOfRange { offset: found, .. }) if found == offset));
        }
    }
}

#[test]
fn dirty_pages_are_reported_once() {
    for page_size in [1, 512, 1000, 4096, 0x10000] {
        let [first, second] = [region(0x10000, page_size), region(0x8000, page_size)];
        let block = GuestBlock::new("ram", [&first, &second]);
        let layout = Layout::new(PageSize::new(256).unwrap(), [&block]).unwrap();
        let log = BitmapLog::new(&layout, vec![block]);
        first.write_obj(1_u8, MemoryRegionAddress(3)).unwrap();
        log.start().unwrap();
        assert_eq!(dirty(&log), []);
        first.write_obj(1_u8, MemoryRegionAddress(0xffff)).unwrap();
        second.write_obj(1_u8, MemoryRegionAddress(0x4321)).unwrap();
        let page = page_size as u64;
        let around = |start: u64, end: u64, place: u64| {
            let first = start + place / page * page;
            // A page of the bitmap that is larger than the region is as large as the region.
            first >> 8 << 8..(first + page).min(end).next_multiple_of(256)
        };
        let expected = [around(0, 0x18000, 0xffff), around(0x10000, 0x18000, 0x4321)];
        let merged = DirtyBitmap::new(0x180);
        for bytes in &expected {
            merged.insert_range(bytes.start >> 8..bytes.end >> 8);
        }
        let merged: Vec<_> = merged.runs().map(|pages| pages.start << 8..pages.end << 8).collect();
        assert_eq!(dirty(&log), merged, "pages of {page}");
        assert_eq!(dirty(&log), []);
    }
    let none = region(0x1000, 4096);
    MmapRegion::bitmap(&none).mark_dirty(0, 1);
    let mut taken = 0;
    Some(MmapRegion::bitmap(&none).clone()).sync_dirty_log(&mut |_| taken += 1);
    Option::<AtomicBitmap>::None.sync_dirty_log(&mut |_| taken += 1);
    assert_eq!(taken, 1);
}

#[test]
fn guest_memory_is_written_while_it_is_sent() {
    // The bitmap has a bit for 16 KiB, and pages of 4 KiB are sent.
    let guest = Arc::new(region(64 << 12, 4 << 12));
    let block = GuestBlock::new("ram", [guest.clone()]);
    let layout = Layout::new(PageSize::DEFAULT, [&block]).unwrap();
    // In the place of KVM's log.
    let vcpu = Arc::new(Marked::new(&layout));
    let log = CombinedLog::new(vec![Arc::new(BitmapLog::new(&layout, vec![block.clone()])), vcpu.clone()]);
    let write = |page: u64, value: u8| guest.write_obj(value, MemoryRegionAddress((page << 12) + 5)).unwrap();
    (0..64).for_each(|page| write(page, 1));

    let mut machine = Machine::new();
    let ram = Ram::new(PageSize::DEFAULT, [block]).dirty_log(Arc::new(log));
    machine.add(Registration::live("ram", vmstate::ram::VERSION, ram)).unwrap();
    let (mut writer, mut stream) = (Writer::new(), Vec::new());
    let mut saving = machine.start_saving(Output::new(&mut writer, Some(&mut stream)), SaveOptions::new()).unwrap();
    assert!(saving.iterate(u64::MAX).unwrap().complete);
    write(9, 2);
    // A vCPU bypasses the bitmap, but KVM logs its writes.
    VolatileMemory::as_volatile_slice(&**guest).write_obj(3_u8, 40 << 12).unwrap();
    MmapRegion::bitmap(&guest).reset_addr_range(40 << 12, 1);
    vcpu.mark(0, 40 << 12, 1);
    assert_eq!(saving.pending_exact().total(), 5 << 12, "a bit of the bitmap, and a page of KVM's");
    saving.complete().unwrap();

    let copy = memory::<AtomicBitmap>(&[32 << 12, 32 << 12]);
    let mut other = Machine::new();
    other.register_ram(PageSize::DEFAULT, [GuestBlock::new("ram", copy.iter())]).unwrap();
    other.load(&stream[..]).unwrap();
    let mut theirs = vec![0; 64 << 12];
    guest.read_slice(&mut theirs, MemoryRegionAddress(0)).unwrap();
    let mut ours = vec![0; 32 << 12];
    for (half, theirs) in copy.iter().zip(theirs.chunks(32 << 12)) {
        half.read_slice(&mut ours, MemoryRegionAddress(0)).unwrap();
        assert!(ours == theirs);
    }
}

#[test]
fn failed_load_leaves_memory_unchanged() {
    let sender = memory::<()>(&[0x4000]);
    (0..4_u64).for_each(|page| sender.write_obj(page + 1, GuestAddress(page << 12)).unwrap());
    let mut machine = Machine::new();
    machine.register_ram(PageSize::DEFAULT, [GuestBlock::new("ram", sender.iter())]).unwrap();
    let mut stream = Vec::new();
    machine.save(&mut stream).unwrap();

    let receiver = memory::<()>(&[0x4000]);
    receiver.write_obj(77_u64, GuestAddress(0x1008)).unwrap();
    let before = bytes(&receiver);
    let mut other = Machine::new();
    other.register_ram(PageSize::DEFAULT, [GuestBlock::new("ram", receiver.iter())]).unwrap();
    for length in (0..stream.len()).step_by(997) {
        other.load(&stream[..length]).unwrap_err();
        assert!(bytes(&receiver) == before, "cut at {length}");
    }
    other.load(&stream[..]).unwrap();
    assert!(bytes(&receiver) == bytes(&sender));
}

fn bytes(memory: &GuestMemoryMmap) -> Vec<u8> {
    let mut bytes = vec![0; 0x4000];
    memory.read_slice(&mut bytes, GuestAddress(0)).unwrap();
    bytes
}
