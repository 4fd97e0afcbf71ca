//! Shows how to save and load a machine built with rust-vmm crates: guest memory, a serial port with QEMU's wire
//! format, a console with virtqueues, and the registers of a vCPU.
//!
//! ```sh
//! cargo run -p vmstate-examples --features rust-vmm --example rust_vmm
//! ```

use std::error::Error;

#[cfg(target_arch = "x86_64")]
use kvm_bindings::{kvm_regs, kvm_sregs};
use virtio_queue::{Queue, QueueState, QueueT};
use vm_memory::bitmap::AtomicBitmap;
use vm_memory::{Bytes, GuestAddress, GuestMemoryBackend, GuestMemoryMmap};
use vm_superio::serial::NoEvents;
use vm_superio::{SerialState, Trigger};
#[cfg(target_arch = "x86_64")]
use vmstate::adapters::kvm_bindings::{Regs, Sregs};
use vmstate::adapters::virtio_queue::VirtQueue;
use vmstate::adapters::vm_memory::GuestBlock;
use vmstate::adapters::vm_superio::QemuSerial;
use vmstate::info::array::Each;
use vmstate::memory::PageSize;
use vmstate::prelude::*;

/// A serial port on the ISA bus, compatible with QEMU's section `serial`.
#[derive(VmState)]
#[vmstate(name = "serial", version = 3, minimum_version = 2, pre_save = Self::copy_state, post_load = Self::rebuild)]
struct Com1 {
    #[vmstate(name = "state", with = QemuSerial)]
    state: SerialState,
    #[vmstate(skip = "rebuilt from its state")]
    port: vm_superio::Serial<Line, NoEvents, Vec<u8>>,
}

impl Com1 {
    fn new() -> Self {
        Self { state: SerialState::default(), port: vm_superio::Serial::new(Line, Vec::new()) }
    }

    fn copy_state(&mut self) {
        self.state = self.port.state();
    }

    fn rebuild(&mut self) -> Result<(), vm_superio::serial::Error<std::io::Error>> {
        self.port = vm_superio::Serial::from_state(&self.state, Line, NoEvents, Vec::new())?;
        Ok(())
    }
}

/// The interrupt line of the port. A VMM would write to an `EventFd`.
struct Line;

impl Trigger for Line {
    type E = std::io::Error;

    fn trigger(&self) -> Result<(), Self::E> {
        Ok(())
    }
}

/// The two queues of a virtio console.
#[derive(VmState)]
#[vmstate(name = "console", pre_save = Self::copy_states, post_load = Self::rebuild)]
struct Console {
    #[vmstate(with = Each<VirtQueue>)]
    states: [QueueState; 2],
    #[vmstate(skip = "rebuilt from their states")]
    queues: [Queue; 2],
}

impl Console {
    fn new() -> Result<Self, virtio_queue::Error> {
        Ok(Self { states: Default::default(), queues: [Queue::new(256)?, Queue::new(256)?] })
    }

    fn copy_states(&mut self) {
        self.states = self.queues.each_ref().map(Queue::state);
    }

    fn rebuild(&mut self) -> Result<(), virtio_queue::Error> {
        let [input, output] = self.states;
        self.queues = [input.try_into()?, output.try_into()?];
        Ok(())
    }
}

/// The state of a vCPU. With KVM, `pre_save` calls `get_regs` and `get_sregs`, and `post_load` calls `set_sregs` and
/// `set_regs`.
#[cfg(target_arch = "x86_64")]
#[derive(VmState, Default)]
#[vmstate(name = "vcpu")]
struct Vcpu {
    #[vmstate(with = Regs)]
    regs: kvm_regs,
    #[vmstate(with = Sregs)]
    sregs: kvm_sregs,
}

struct Vmm {
    memory: GuestMemoryMmap<AtomicBitmap>,
    com1: Com1,
    console: Console,
    #[cfg(target_arch = "x86_64")]
    vcpu: Vcpu,
}

impl Vmm {
    /// Creates a machine with memory below and above 4 GiB.
    fn new() -> Result<Self, Box<dyn Error>> {
        let ranges = [(GuestAddress(0), 4 << 20), (GuestAddress(1 << 32), 4 << 20)];
        Ok(Self {
            memory: GuestMemoryMmap::from_ranges(&ranges)?,
            com1: Com1::new(),
            console: Console::new()?,
            #[cfg(target_arch = "x86_64")]
            vcpu: Vcpu::default(),
        })
    }

    fn machine(&mut self) -> Result<Machine<'_>, Box<dyn Error>> {
        let mut machine = Machine::with_type("rust-vmm-1.0");
        machine.register_ram(PageSize::DEFAULT, [GuestBlock::new("pc.ram", self.memory.iter())])?;
        machine.register("serial", &mut self.com1)?;
        machine.register("console", &mut self.console)?;
        #[cfg(target_arch = "x86_64")]
        machine.register("vcpu", &mut self.vcpu)?;
        Ok(machine)
    }
}

/// The address of a string in the memory above 4 GiB.
const GREETING: GuestAddress = GuestAddress((1 << 32) + 0x1234);

fn main() -> Result<(), Box<dyn Error>> {
    let mut source = Vmm::new()?;
    source.memory.write_slice(b"hello", GREETING)?;
    source.com1.port.enqueue_raw_bytes(b"ls\n")?;
    source.console.queues[1].set_next_avail(7);
    #[cfg(target_arch = "x86_64")]
    (source.vcpu.regs.rip = 0xfff0);

    let mut stream = Vec::new();
    let saved = source.machine()?.save(&mut stream)?;
    println!("saved  {} bytes", saved.bytes);

    let mut destination = Vmm::new()?;
    let loaded = destination.machine()?.load(&stream[..])?;
    println!("loaded {} sections", loaded.sections);

    let mut greeting = [0; 5];
    destination.memory.read_slice(&mut greeting, GREETING)?;
    let read: Vec<u8> = (0..3).map(|_| destination.com1.port.read(0)).collect();
    assert_eq!((&greeting, &*read, destination.console.queues[1].next_avail()), (b"hello", &b"ls\n"[..], 7));
    #[cfg(target_arch = "x86_64")]
    assert_eq!(destination.vcpu.regs.rip, 0xfff0);
    println!("memory, serial port, queues and registers are equal");
    Ok(())
}
