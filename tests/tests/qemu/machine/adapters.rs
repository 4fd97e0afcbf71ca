//! Devices and memory of rust-vmm's crates that take the place of QEMU's, and give it back.

use std::sync::Arc;

use vm_memory::bitmap::AtomicBitmap;
use vm_memory::{
    Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap, GuestRegionMmap, MemoryRegionAddress, MmapRegion,
};
use vm_superio::serial::NoEvents;
use vm_superio::{SerialState, Trigger};
use vmstate::adapters::vm_memory::GuestBlock;
use vmstate::adapters::vm_superio::QemuSerial;
use vmstate_tests::qemu::VERSIONS;

use super::*;

type Memory = GuestMemoryMmap<AtomicBitmap>;
type Block = GuestBlock<Arc<MmapRegion<AtomicBitmap>>>;

/// QEMU's `vmstate_isa_serial`, with a port of `vm-superio` in it.
#[derive(VmState, Default)]
#[vmstate(name = "serial", version = 3, minimum_version = 2)]
struct Com1 {
    #[vmstate(name = "state", with = QemuSerial)]
    port: SerialState,
}

impl Com1 {
    /// Lets the port that has this state do something.
    fn run(&mut self, what: impl FnOnce(&mut vm_superio::Serial<Line, NoEvents, Vec<u8>>)) {
        let mut port = vm_superio::Serial::from_state(&self.port, Line, NoEvents, Vec::new()).unwrap();
        what(&mut port);
        self.port = port.state();
    }
}

/// An interrupt line that leads nowhere.
struct Line;

impl Trigger for Line {
    type E = std::convert::Infallible;

    fn trigger(&self) -> Result<(), Self::E> {
        Ok(())
    }
}

/// Memory for the blocks of a stream. The first of them, the machine's main memory, consists of two regions.
fn memory_for(blocks: &[VecBlock]) -> (Memory, Vec<Block>) {
    let half = blocks[0].to_vec().len() / 2;
    let sizes = [half, half].into_iter().chain(blocks[1..].iter().map(|block| block.to_vec().len()));
    let ranges: Vec<_> = (0_u64..).map(|number| GuestAddress(number << 32)).zip(sizes).collect();
    let memory = Memory::from_ranges(&ranges).unwrap();
    let block = |(index, block): (usize, &VecBlock)| {
        let (first, count) = if index == 0 { (0, 2) } else { (index + 1, 1) };
        let regions = memory.iter().skip(first).take(count);
        GuestBlock::new(block.idstr(), regions.map(GuestRegionMmap::get_mmap))
    };
    let blocks = blocks.iter().enumerate().map(block).collect();
    (memory, blocks)
}

/// Returns the address in [`memory_for`] of an address of the main memory.
fn address(of: u64) -> GuestAddress {
    let half = 8 << 20;
    GuestAddress(((of / half) << 32) + of % half)
}

#[test]
fn adapters_load_from_qemu_and_save_to_it() {
    // 115200 baud, FIFOs on, interrupts for data and transmitter.
    let setup = [(0x3fb, 0x83), (0x3f8, 1), (0x3f9, 0), (0x3fb, 3), (0x3fa, 1), (0x3f9, 3), (0x3ff, 0x5a)];
    for version in VERSIONS {
        let stream = saved_by_qemu(version, &PC, |qemu| output(qemu, &setup));
        let mut blocks = blocks_of(&stream);
        let (memory, parts) = memory_for(&blocks);
        let com1 = shared(Com1::default());
        let mut machine = registry_with(&stream, parts);
        machine.register("serial", com1.clone()).unwrap();
        load(&mut machine, &stream);

        let state = com1.borrow().port.clone();
        assert_eq!((state.baud_divisor_low, state.baud_divisor_high, state.scratch), (1, 0, 0x5a), "{version}");
        assert_eq!((state.interrupt_enable, state.interrupt_identification), (3, 2), "{version}");
        assert_memory(&memory, &mut blocks, &stream);

        com1.borrow_mut().run(|port| {
            port.enqueue_raw_bytes(b"hi").unwrap();
            port.write(7, 0x77).unwrap();
        });
        memory.write_obj(0xdead_beef_u32.to_le(), address(0x8_0000)).unwrap();
        memory.write_obj(0x0bad_cafe_u32.to_le(), address(0xa0_0000)).unwrap();

        let mut qemu = started(version, &PC, &mut machine);
        assert_eq!(input(&mut qemu, 0x3ff), 0x77, "{version}");
        assert_eq!(input(&mut qemu, 0x3fa), 0xc4, "{version}: data is waiting");
        let read = [0x3fd, 0x3f8, 0x3fd, 0x3f8, 0x3fd].map(|port| input(&mut qemu, port));
        assert_eq!(read, [0x61, b'h', 0x61, b'i', 0x60], "{version}");
        assert_eq!(input(&mut qemu, 0x3fa), 0xc2, "{version}: the transmitter still is");
        assert_eq!(super::memory(&mut qemu, 0x8_0000), 0xdead_beef, "{version}");
        assert_eq!(super::memory(&mut qemu, 0xa0_0000), 0x0bad_cafe, "{version}");
    }
}

/// Asserts that the memory equals vectors that load the same stream.
fn assert_memory(memory: &Memory, blocks: &mut [VecBlock], stream: &[u8]) {
    load(&mut registry_with(stream, &mut *blocks), stream);
    let mut theirs = Vec::new();
    for region in memory.iter() {
        let start = theirs.len();
        theirs.resize(start + region.size(), 0);
        region.read_slice(&mut theirs[start..], MemoryRegionAddress(0)).unwrap();
    }
    let ours: Vec<_> = blocks.iter().flat_map(VecBlock::to_vec).collect();
    assert!(ours == theirs);
    assert!(ours.iter().filter(|byte| **byte != 0).count() > 100_000, "the firmware is in it");
}
