//! A host whose guest is a thread that writes memory.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use vmstate::machine::{LoadOptions, Machine};
use vmstate::memory::{DirtyLog, HugePages, Layout, Mapping, MappingOptions, Marked, PageSize, RamBlock};
use vmstate::migration::source::SourceConfig;
use vmstate::migration::{Host, HostError, HostMemory, Incoming, Outgoing, Parameters, Statistics, Uri};
use vmstate::prelude::*;
use vmstate::section::RawSection;
use vmstate::stream::Configuration;
use vmstate::{LoadError, SaveError, Writer};

pub(crate) const PAGE: u64 = 4096;
/// The devices: about as many and as large as in a small virtual machine.
const DEVICES: usize = 30;

/// Returns the pages that the guest writes in a call, from the time since its start.
pub(crate) type Pattern = Box<dyn FnMut(Duration) -> Vec<u64> + Send>;

pub(crate) struct Guest {
    memory: Arc<Mapping>,
    log: Arc<Marked>,
    /// The guest writes only while it holds the lock, and only if it runs.
    runs: Arc<Mutex<bool>>,
    devices: Vec<[u8; 256]>,
    /// The time to save and load the devices.
    device_time: Duration,
}

/// The time between two batches of writes.
const TICK: Duration = Duration::from_millis(1);

impl Guest {
    /// Creates a stopped guest with zero memory.
    pub(crate) fn new(size: usize) -> Self {
        let options = MappingOptions::anonymous().huge_pages(HugePages::Transparent).prefault(true);
        Self::with_memory(options.map("ram", size as u64).expect("memory"))
    }

    /// Creates a stopped guest.
    pub(crate) fn with_memory(memory: Mapping) -> Self {
        let memory = Arc::new(memory);
        let layout = Layout::new(PageSize::DEFAULT, [&*memory]).expect("a layout");
        let log = Arc::new(Marked::new(&layout));
        let (runs, devices) = (Arc::new(Mutex::new(false)), vec![[7; 256]; DEVICES]);
        let mut guest = Self { memory, log, runs, devices, device_time: Duration::ZERO };
        guest.device_time = guest.measure_devices();
        guest
    }

    fn measure_devices(&mut self) -> Duration {
        let start = Instant::now();
        self.with_machine(&mut |machine| {
            let mut stream = Vec::new();
            machine.save(&mut stream).expect("a saved machine");
            machine.load(&stream[..]).expect("a loaded machine");
        });
        start.elapsed()
    }

    /// Fills the memory with random numbers.
    pub(crate) fn randomize(&mut self) {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut page = [0; PAGE as usize];
        for number in 0..self.pages() {
            for word in page.as_chunks_mut().0 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *word = state.to_le_bytes();
            }
            self.memory.write(number * PAGE, &page).expect("a page");
        }
    }

    pub(crate) fn pages(&self) -> u64 {
        self.memory.size() / PAGE
    }

    /// Runs the guest. Its thread ends with the process.
    pub(crate) fn run(&self, mut pattern: Pattern) {
        let (memory, log, runs) = (self.memory.clone(), self.log.clone(), self.runs.clone());
        *runs.lock().expect("a lock") = true;
        thread::spawn(move || {
            let start = Instant::now();
            let mut counter = 0_u64;
            while Arc::strong_count(&runs) > 1 {
                let runs = runs.lock().expect("a lock");
                if *runs {
                    for page in pattern(start.elapsed()) {
                        counter += 1;
                        memory.write(page * PAGE, &counter.to_le_bytes()).expect("a page");
                        log.mark(0, page * PAGE, 8);
                    }
                }
                drop(runs);
                thread::sleep(TICK);
            }
        });
    }

    fn set_running(&self, running: bool) {
        *self.runs.lock().expect("a lock") = running;
    }

    pub(crate) fn memory_equals(&self, other: &Self) -> bool {
        let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
        (0..self.memory.size()).step_by(1 << 20).all(|offset| {
            self.memory.read(offset, &mut left).expect("memory");
            other.memory.read(offset, &mut right).expect("memory");
            left == right
        })
    }
}

struct Bytes<'b>(&'b mut [u8; 256]);

impl RawSection for Bytes<'_> {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.bytes(self.0);
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.0.copy_from_slice(reader.take(256)?);
        Ok(())
    }
}

impl Host for Guest {
    fn configuration(&self) -> Configuration {
        Configuration::new("bench")
    }

    fn memory(&self) -> HostMemory {
        let log: Arc<dyn DirtyLog> = self.log.clone();
        HostMemory::new(PageSize::DEFAULT, vec![self.memory.clone()], Some(log))
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        let mut machine = Machine::new();
        for (number, device) in self.devices.iter_mut().enumerate() {
            machine.register_raw(format!("device{number}"), 1, Bytes(device)).expect("a section");
        }
        use_machine(&mut machine);
    }

    fn device_time(&self) -> Option<Duration> {
        Some(self.device_time)
    }

    fn is_running(&self) -> bool {
        *self.runs.lock().expect("a lock")
    }

    fn stop(&mut self) -> Result<(), HostError> {
        self.set_running(false);
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        self.set_running(true);
        Ok(())
    }
}

/// An address of a socket in `folder`, or a TCP address.
pub(crate) fn address(transport: &str, folder: &Path) -> Uri {
    match transport {
        "unix" => Uri::Unix(folder.join("socket").display().to_string()),
        _ => "tcp:127.0.0.1:0".parse().expect("an address"),
    }
}

/// Moves the guest, which must arrive.
pub(crate) fn migrate(uri: &Uri, source: &mut Guest, destination: &mut Guest, parameters: Parameters) -> Statistics {
    let incoming = Incoming::listen(uri, Parameters::default()).expect("a listener");
    let incoming = incoming.load_options(LoadOptions::new().without_rollback());
    let address = incoming.address().clone();
    let mut config = SourceConfig::new(0, 1);
    config.parameters = parameters;
    thread::scope(|scope| {
        let loading = scope.spawn(|| incoming.run(destination));
        let statistics = Outgoing::start_with(source, &address, config).and_then(Outgoing::finish);
        loading.join().expect("a destination").expect("a loaded guest");
        statistics.expect("a completed migration")
    })
}
