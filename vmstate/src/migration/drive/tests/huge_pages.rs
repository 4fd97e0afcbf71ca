//! Postcopy of a guest whose memory is in huge pages.

use super::*;
use crate::memory::{HugePages, Mapping, MappingOptions, MissingFaults};
use crate::migration::capability::{Capabilities, Capability};

const HUGE: u64 = 2 << 20;
const PAGES: u64 = 4;

/// A host with memory in huge pages. Its vCPU verifies the memory from the end to the start.
struct HugeHost {
    ram: Arc<Mapping>,
    log: Arc<Marked>,
    register: u32,
    vcpu: Option<thread::JoinHandle<()>>,
    runs: bool,
}

/// Returns the bytes at an offset. One of the huge pages is zero.
fn content(offset: u64) -> [u8; 8] {
    if offset / HUGE == 2 { [0; 8] } else { (offset + 1).to_ne_bytes() }
}

/// Returns memory in huge pages, which root reserves, or `None` with a message on a system without them.
fn huge(options: fn() -> MappingOptions) -> Option<Arc<Mapping>> {
    let _ = std::fs::write("/proc/sys/vm/nr_hugepages", "32");
    match options().huge_pages(HugePages::Of2Mib).map("ram", PAGES * HUGE) {
        Ok(ram) => Some(Arc::new(ram)),
        Err(error) => {
            assert!(std::env::var_os("VMSTATE_REQUIRE_HUGE_PAGES").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            None
        }
    }
}

impl HugeHost {
    fn new(ram: Arc<Mapping>, runs: bool) -> Self {
        let log = Arc::new(Marked::new(&Layout::new(PageSize::DEFAULT, [&*ram]).unwrap()));
        Self { ram, log, register: u32::from(runs), vcpu: None, runs }
    }
}

impl Host for HugeHost {
    fn configuration(&self) -> Configuration {
        Configuration::new("board")
    }

    fn memory(&self) -> HostMemory {
        let log: Arc<dyn DirtyLog> = self.log.clone();
        HostMemory::new(PageSize::DEFAULT, vec![self.ram.clone()], Some(log))
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        let mut machine = Machine::new();
        machine.register_raw("register", 1, Register(&mut self.register)).unwrap();
        use_machine(&mut machine);
    }

    fn is_running(&self) -> bool {
        self.runs
    }

    fn stop(&mut self) -> Result<(), HostError> {
        self.runs = false;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        self.runs = true;
        let ram = self.ram.clone();
        self.vcpu = Some(thread::spawn(move || {
            for offset in (0..PAGES * HUGE / 4096).rev().map(|page| page * 4096) {
                let found = ram.memory().load(usize::try_from(offset).unwrap());
                assert_eq!(found, Some(content(offset)), "at {offset:#x}");
            }
        }));
        Ok(())
    }
}

#[test]
fn guest_in_huge_pages_moves_by_postcopy() {
    for (options, preempt) in [
        (MappingOptions::anonymous as fn() -> MappingOptions, false),
        (MappingOptions::memfd, false),
        (MappingOptions::anonymous, true),
        (MappingOptions::memfd, true),
    ] {
        let (Some(here), Some(there)) = (huge(options), huge(options)) else { return };
        if let Err(error) = MissingFaults::start(vec![there.clone()], |_, _| {}) {
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            return;
        }
        (0..PAGES * HUGE).step_by(4096).for_each(|offset| here.write(offset, &content(offset)).unwrap());
        there.write(0, &vec![0xaa; usize::try_from(PAGES * HUGE).unwrap()]).unwrap();
        let (mut source, mut destination) = (HugeHost::new(here, true), HugeHost::new(there, false));
        let folder = tempfile();
        let mut capabilities = Capabilities::default();
        capabilities.set(Capability::PostcopyRam, true);
        capabilities.set(Capability::PostcopyPreempt, preempt);
        let config = DestinationConfig { capabilities, ..DestinationConfig::default() };
        let incoming = Incoming::listen_with(&Uri::Unix(folder.path("socket")), config).unwrap();
        let address = incoming.address().clone();
        let loading = thread::spawn(move || {
            let loaded = incoming.run_with_events(&mut destination, |event| println!("{event:?}"));
            (destination, loaded)
        });
        // Slow enough that most of the memory is left.
        let parameters = Parameters { max_bandwidth: 100_000, ..Parameters::default() };
        let mut config = Outgoing::default_config(&source, &address, parameters);
        config.capabilities = capabilities;
        let mut outgoing = Outgoing::start_with(&mut source, &address, config).unwrap();
        let control = outgoing.control();
        let start = |event: &Event| {
            if *event == Event::Status(MigrationStatus::Active) {
                control.send(SourceControl::StartPostcopy);
            }
            let interrupted = Event::Status(MigrationStatus::PostcopyPaused);
            assert_ne!(*event, interrupted, "{:?}", control.statistics().error);
        };
        let events: Vec<_> = outgoing.events().inspect(start).collect();
        let statistics = outgoing.statistics();
        assert_eq!(statistics.status, MigrationStatus::Completed, "{events:?} {:?}", statistics.error);
        assert!(events.contains(&Event::Status(MigrationStatus::PostcopyActive)), "{events:?}");
        let (mut destination, loaded) = loading.join().unwrap();
        loaded.unwrap();
        assert_eq!((destination.register, destination.runs), (1, true));
        destination.vcpu.take().unwrap().join().expect("the vCPU finds its memory");
        let requests = statistics.ram.unwrap().postcopy_requests;
        assert!(requests <= PAGES, "each huge page is requested at most once: {requests}");
    }
}
