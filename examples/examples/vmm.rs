//! A virtual machine monitor: a vCPU in a thread, a migration while it runs, a snapshot, and a lazy restore.
//!
//! ```text
//! the destination runs, and its counters agree
//! the snapshot is saved
//! the restored guest runs, and its counters agree
//! ```

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use vmstate::machine::{LoadOptions, LoadReport};
use vmstate::memory::{Layout, Mapping, MappingOptions, Marked, PageSize, RamBlock};
use vmstate::migration::{Host, HostError, HostMemory, Incoming, Outgoing, Parameters};
use vmstate::prelude::*;
use vmstate::snapshot::{Details, Folder, LazyRam};
use vmstate::stream::Configuration;

/// The type of the machine, in migrations and in snapshots.
const MACHINE: &str = "counting-board";
/// The place of the counter in memory.
const COUNTER: u64 = 0x1000;

#[derive(VmState, Default)]
#[vmstate(name = "cpu")]
struct Cpu {
    counter: u64,
    registers: [u32; 4],
}

#[derive(VmState, Default)]
#[vmstate(name = "timer")]
struct Timer {
    #[vmstate(timer)]
    deadline: Option<u64>,
    expired: u32,
}

/// Everything that the vCPU uses. The devices have locks, because the machine saves them from another thread.
struct Board {
    cpu: Arc<Mutex<Cpu>>,
    timer: Arc<Mutex<Timer>>,
    ram: Arc<Mapping>,
    log: Arc<Marked>,
}

impl Board {
    fn new() -> Result<Self, HostError> {
        let ram = Arc::new(MappingOptions::anonymous().map("ram", 4 << 20)?);
        let log = Arc::new(Marked::new(&Layout::new(PageSize::DEFAULT, [&*ram])?));
        Ok(Self { cpu: Arc::default(), timer: Arc::default(), ram, log })
    }

    fn store(&self, address: u64, value: u64) {
        self.ram.write(address, &value.to_le_bytes()).expect("an address in the block");
        self.log.mark(0, address, 8); // after the store
    }

    /// The guest: it counts in a device, in memory, and in a page that changes.
    fn step(&self) {
        let mut cpu = self.cpu.lock().expect("no vCPU has panicked");
        cpu.counter += 1;
        self.store(COUNTER, cpu.counter);
        self.store((cpu.counter % 64) << 12 | 0x8_0000, cpu.counter);
        let mut timer = self.timer.lock().expect("no vCPU has panicked");
        if timer.deadline.is_none_or(|deadline| deadline <= cpu.counter) {
            timer.deadline = Some(cpu.counter + 1000);
            timer.expired += 1;
        }
    }

    /// Returns the counter of the stopped guest, which is the same in the device and in memory.
    fn counter(&self) -> Result<u64, HostError> {
        let mut bytes = [0; 8];
        self.ram.read(COUNTER, &mut bytes)?;
        let counter = self.cpu.lock().expect("no vCPU has panicked").counter;
        match u64::from_le_bytes(bytes) == counter {
            true => Ok(counter),
            false => Err("the device and the memory are of different moments".into()),
        }
    }

    fn register(&self, machine: &mut Machine<'_>) -> Result<(), HostError> {
        machine.register("cpu", self.cpu.clone())?;
        machine.register("timer", self.timer.clone())?;
        Ok(())
    }
}

struct Vmm {
    board: Arc<Board>,
    /// The thread of the vCPU, and the flag that ends it, while the guest runs.
    vcpu: Option<(JoinHandle<()>, Arc<AtomicBool>)>,
}

impl Vmm {
    fn new() -> Result<Self, HostError> {
        Ok(Self { board: Arc::new(Board::new()?), vcpu: None })
    }

    /// Waits until the guest has counted on, and stops it. Returns its counter.
    fn run_beyond(&mut self, counter: u64) -> Result<u64, HostError> {
        while self.board.cpu.lock().expect("no vCPU has panicked").counter <= counter {
            thread::sleep(Duration::from_millis(1));
        }
        self.stop()?;
        self.board.counter()
    }

    fn restore_lazily(&mut self, store: &Folder, name: &str) -> Result<(), HostError> {
        let lazy = LazyRam::new(store.lazy_source(name)?, PageSize::DEFAULT, vec![self.board.ram.clone()]);
        let mut machine = Machine::with_type(MACHINE);
        self.board.register(&mut machine)?;
        machine.add(lazy.registration())?;
        let report = machine.load_file(lazy.source().file(), 0, LoadOptions::new())?;
        let restore = lazy.start(|error| eprintln!("the guest must stop: {error}"))?;
        self.loaded(&report)?;
        self.resume()?;
        // From here on, the guest runs. A program keeps `restore`, and migrates the guest after it is complete.
        restore.wait()?;
        Ok(())
    }
}

impl Host for Vmm {
    fn configuration(&self) -> Configuration {
        Configuration::new(MACHINE)
    }

    fn memory(&self) -> HostMemory {
        HostMemory::new(PageSize::DEFAULT, vec![self.board.ram.clone()], Some(self.board.log.clone()))
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        let mut machine = Machine::new();
        self.board.register(&mut machine).expect("unique names");
        use_machine(&mut machine);
    }

    fn loaded(&mut self, _: &LoadReport) -> Result<(), HostError> {
        self.board.counter().map(drop) // an error: the guest stays on the source
    }

    fn is_running(&self) -> bool {
        self.vcpu.is_some()
    }

    fn stop(&mut self) -> Result<(), HostError> {
        let Some((vcpu, end)) = self.vcpu.take() else { return Ok(()) };
        end.store(true, Ordering::Release);
        vcpu.join().map_err(|_| "the vCPU has panicked".into())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        let (board, end) = (self.board.clone(), Arc::new(AtomicBool::new(false)));
        let ended = end.clone();
        let vcpu = thread::spawn(move || {
            while !ended.load(Ordering::Acquire) {
                board.step();
            }
        });
        self.vcpu = Some((vcpu, end));
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let address = format!("unix:{}", folder.path().join("socket").display()).parse()?;

    // The destination would be another process, or another host with the address `tcp:HOST:PORT`.
    let (mut source, mut destination) = (Vmm::new()?, Vmm::new()?);
    source.resume()?;
    let incoming = Incoming::listen(&address, Parameters::default())?;
    thread::scope(|scope| {
        let arrival = scope.spawn(|| incoming.run(&mut destination));
        Outgoing::start(&mut source, &address, Parameters::default())?.finish()?;
        arrival.join().expect("the thread has not panicked")
    })?;
    assert!(destination.is_running() && !source.is_running());
    let counter = destination.run_beyond(source.board.counter()?)?;
    println!("the destination runs, and its counters agree");

    let store = Folder::create(folder.path().join("snapshots"))?;
    destination.save_snapshot(&store, Details::new("boot"))?;
    println!("the snapshot is saved");

    let mut restored = Vmm::new()?;
    if restored.restore_lazily(&store, "boot").is_err() {
        // The system does not permit userfaultfd. The failed restore has changed nothing.
        restored.load_snapshot(&store, "boot")?;
        restored.resume()?;
    }
    restored.run_beyond(counter)?;
    println!("the restored guest runs, and its counters agree");
    Ok(())
}
