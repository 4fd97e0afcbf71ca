//! Machines move to QEMUs and from them with capabilities that change how memory is sent.
//!
//! Here, the devices are passed through, and a dirty log that writes memory is in the place of the guest: each pass has
//! pages to send. QEMU's guest is stopped, so that its memory can be compared.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use vmstate::machine::{LoadOptions, Machine, Rules, Unknown};
use vmstate::memory::{DirtyBitmap, DirtyLog, Layout, Marked, MemoryError, PageSize, RamBlock, VecBlock};
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::source::{SourceConfig, SourceControl};
use vmstate::migration::{
    Capability, Compression, Host, HostError, HostMemory, Incoming, MachineSwitches, Outgoing, OutgoingControl,
    Parameters, Policy, QemuRelease, Statistics, Uri, ZeroPages,
};
use vmstate::prelude::*;
use vmstate::stream::Configuration;
use vmstate_tests::qemu::{Qemu, VERSIONS};
use vmstate_tests::streams;

const MACHINE: [&str; 4] = ["-M", "microvm", "-m", "16M"];

/// Capabilities and parameters of a QEMU.
type Settings<'s> = (&'s [(&'s str, bool)], Value);

/// A machine with the devices of a recorded stream.
struct Relay {
    machine: Machine<'static>,
    blocks: Vec<Arc<VecBlock>>,
    guest: Arc<Guest>,
}

/// The guest, which writes a few bytes of some pages whenever its log is synchronized.
struct Guest {
    memory: Arc<VecBlock>,
    log: Marked,
    runs: AtomicBool,
    writes: AtomicU64,
}

impl Guest {
    fn write(&self) {
        for page in 1000..1040 {
            let number = self.writes.fetch_add(1, Ordering::SeqCst);
            let offset = page * 4096 + 8 * (number % 50);
            self.memory.write(offset, &number.to_le_bytes()).unwrap();
            self.log.mark(0, offset, 8);
        }
    }
}

impl DirtyLog for Guest {
    fn start(&self) -> Result<(), MemoryError> {
        self.log.start()
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        if block == 0 && self.runs.load(Ordering::SeqCst) {
            self.write();
        }
        self.log.collect(block, pages, dirty)
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        self.log.put_back(block, pages)
    }

    fn stop(&self) -> Result<(), MemoryError> {
        self.log.stop()
    }
}

fn options() -> LoadOptions {
    LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough))
}

impl Relay {
    /// A machine from the stream of a QEMU, with some content in its memory.
    fn new(version: &str) -> Self {
        let stream = streams::named(&format!("qemu-{version}-microvm")).bytes;
        let (blocks, machine) = loaded(&stream);
        let mut state = 1_u64;
        for block in &blocks {
            // QEMU does not clear a zero page that it gets over a data channel for the first time, although its own
            // firmware is at some places (`multifd_recv_zero_page_process` in `migration/multifd-zero-page.c`).
            for page in (0..block.size() / 4096).filter(|page| *page < 512 || page % 3 != 0) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(page);
                block.write(page * 4096 + page % 4000, &state.to_le_bytes()).unwrap();
            }
        }
        Self::with(machine, blocks)
    }

    fn with(machine: Machine<'static>, blocks: Vec<Arc<VecBlock>>) -> Self {
        let log = Marked::new(&Layout::new(PageSize::DEFAULT, &blocks).unwrap());
        let memory = Arc::clone(&blocks[0]);
        let guest = Guest { memory, log, runs: AtomicBool::new(false), writes: AtomicU64::new(0) };
        Self { machine, blocks, guest: Arc::new(guest) }
    }

    /// Moves the machine to a QEMU, and checks its memory. `control` runs meanwhile.
    fn send_to(
        &mut self,
        version: &str,
        config: SourceConfig,
        (capabilities, parameters): Settings<'_>,
        control: impl FnOnce(&OutgoingControl) + Send,
    ) -> Statistics {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("socket").display().to_string();
        let mut qemu = Qemu::start(version, "x86_64", &[&MACHINE[..], &["-incoming", "defer"]].concat());
        set(&mut qemu, capabilities, parameters);
        qemu.execute("migrate-incoming", json!({ "uri": format!("unix:{path}") }));
        self.guest.runs.store(true, Ordering::SeqCst);
        let outgoing = Outgoing::start_with(self, &Uri::Unix(path), config).unwrap();
        let handle = outgoing.control();
        let statistics = thread::scope(|scope| {
            scope.spawn(|| control(&handle));
            outgoing.finish()
        });
        let statistics = statistics.unwrap_or_else(|error| panic!("{version}: {error}"));
        qemu.wait_for_migration();
        set(&mut qemu, &[("multifd", false)], json!({}));
        let (blocks, _) = loaded(&qemu.save());
        for (theirs, ours) in blocks.iter().zip(&self.blocks) {
            let (theirs, ours) = (theirs.to_vec(), ours.to_vec());
            let differs = theirs.chunks(4096).zip(ours.chunks(4096)).position(|(theirs, ours)| theirs != ours);
            assert_eq!(differs, None, "{version}: the first page that differs");
        }
        statistics
    }
}

/// Loads a stream of QEMU.
fn loaded(stream: &[u8]) -> (Vec<Arc<VecBlock>>, Machine<'static>) {
    let blocks: Vec<_> = crate::machine::blocks_of(stream).into_iter().map(Arc::new).collect();
    let mut machine = Machine::with_type("microvm");
    let memory = machine.register_ram(PageSize::DEFAULT, blocks.clone()).unwrap();
    machine.load_with(&mut Reader::from_slice(stream), options()).unwrap();
    machine.unregister(memory);
    (blocks, machine)
}

fn set(qemu: &mut Qemu, capabilities: &[(&str, bool)], parameters: Value) {
    let change = |(name, on): &(&str, bool)| json!({ "capability": name, "state": on });
    let changes = capabilities.iter().map(change).collect::<Vec<_>>();
    qemu.execute("migrate-set-capabilities", json!({ "capabilities": changes }));
    qemu.execute("migrate-set-parameters", parameters);
}

fn release(version: &str) -> QemuRelease {
    match version {
        "7.2" => QemuRelease::V7_2,
        "10.0" => QemuRelease::V10_0,
        _ => QemuRelease::V11_1,
    }
}

fn config(version: &str, capability: Capability, parameters: Parameters) -> SourceConfig {
    let mut config = SourceConfig::new(0, 1).switches(MachineSwitches::new("microvm", release(version)));
    config.release = release(version);
    config.capabilities.set(capability, true);
    config.parameters = parameters;
    config
}

impl Host for Relay {
    fn configuration(&self) -> Configuration {
        Configuration::new("microvm")
    }

    fn memory(&self) -> HostMemory {
        let blocks = self.blocks.iter().map(|block| Arc::clone(block) as Arc<dyn RamBlock + Send + Sync>);
        HostMemory::new(PageSize::DEFAULT, blocks.collect(), Some(self.guest.clone()))
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        use_machine(&mut self.machine);
    }

    fn is_running(&self) -> bool {
        self.guest.runs.load(Ordering::SeqCst)
    }

    fn stop(&mut self) -> Result<(), HostError> {
        self.guest.runs.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        self.guest.runs.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Waits until `done`, and lets the migration end.
fn end_after(done: impl Fn(&Statistics) -> bool, mut parameters: Parameters) -> impl FnOnce(&OutgoingControl) {
    (parameters.downtime_limit, parameters.avail_switchover_bandwidth) = (Duration::from_secs(2), 1 << 30);
    move |control| {
        let start = Instant::now();
        while !done(&control.statistics()) && start.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(1));
        }
        control.send(SourceControl::Set(Box::new(parameters)));
    }
}

/// Parameters with which the migration of a running guest does not end.
fn endless() -> Parameters {
    let mut parameters = Parameters::default();
    (parameters.policy, parameters.avail_switchover_bandwidth) = (Policy::Predict, 1);
    parameters
}

impl Relay {
    /// Moves the machine of a QEMU here, and returns it.
    fn receive_from(version: &str, path: &str, qemu: &mut Qemu, parameters: Parameters) -> Self {
        let stream = streams::named(&format!("qemu-{version}-microvm")).bytes;
        let blocks = crate::machine::blocks_of(&stream).into_iter().map(Arc::new).collect();
        let mut relay = Self::with(Machine::with_type("microvm"), blocks);
        let mut config = DestinationConfig::default();
        config.capabilities.set(Capability::Multifd, true);
        config.parameters = parameters;
        let incoming = Incoming::listen_with(&Uri::Unix(path.to_owned()), config).unwrap().load_options(options());
        let loading = thread::spawn(move || incoming.run(&mut relay).map(|()| relay));
        qemu.execute("migrate", json!({ "uri": format!("unix:{path}") }));
        let relay = loading.join().unwrap().unwrap_or_else(|error| panic!("{version}: {error}"));
        qemu.wait_for_migration();
        relay
    }
}

#[test]
fn data_channels_are_loaded_by_qemu() {
    for version in VERSIONS {
        for (channels, zero) in
            [(1, ZeroPages::Multifd), (3, ZeroPages::Legacy), (4, ZeroPages::Multifd), (2, ZeroPages::None)]
        {
            let mut relay = Relay::new(version);
            let mut parameters = endless();
            (parameters.multifd_channels, parameters.zero_page_detection) = (channels, zero);
            let enough = |found: &Statistics| found.ram.is_some_and(|ram| ram.dirty_sync_count > 5);
            let control = end_after(enough, parameters.clone());
            let set = json!({ "multifd-channels": channels });
            let config = config(version, Capability::Multifd, parameters);
            let found = relay.send_to(version, config, (&[("multifd", true)], set), control).ram.unwrap();
            assert!(found.multifd_bytes > 4096 * 3000, "{version}: {found:?}");
            println!("{version}, {channels} channels, {zero}: {found:?}");
        }
    }
}

/// Compressions and their levels.
const COMPRESSIONS: [(Compression, u8); 2] = [(Compression::Zlib, 9), (Compression::Zstd, 1)];

fn compressed(compression: Compression, level: u8, channels: u8) -> (Parameters, Value) {
    let mut parameters = endless();
    (parameters.multifd_channels, parameters.multifd_compression) = (channels, compression);
    (parameters.multifd_zlib_level, parameters.multifd_zstd_level) = (level.min(9), level);
    let names = json!({
        "multifd-channels": channels,
        "multifd-compression": compression.to_string(),
        format!("multifd-{compression}-level"): level,
    });
    (parameters, names)
}

#[test]
fn compressed_packets_are_loaded_by_qemu() {
    for version in VERSIONS {
        for (compression, level) in COMPRESSIONS {
            let (mut parameters, set) = compressed(compression, level, 2);
            parameters.zero_page_detection = if level > 1 { ZeroPages::Legacy } else { ZeroPages::Multifd };
            let enough = |found: &Statistics| found.ram.is_some_and(|ram| ram.dirty_sync_count > 5);
            let control = end_after(enough, parameters.clone());
            let config = config(version, Capability::Multifd, parameters);
            let found = Relay::new(version).send_to(version, config, (&[("multifd", true)], set), control);
            let ram = found.ram.unwrap();
            assert!(ram.multifd_bytes > 4096 && ram.multifd_bytes < ram.normal * 1024, "{version}: {ram:?}");
            println!("{version}, {compression} {level}: {ram:?}");
        }
    }
}

/// Moves a machine with some content from a QEMU here.
fn data_channels_of(version: &str, parameters: Parameters, names: Value) -> Relay {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket").display().to_string();
    let image = folder.path().join("image");
    let bytes: Vec<u8> = (0..2_u32 << 20).flat_map(|word| (word / 3 * 3).to_le_bytes()).collect();
    std::fs::write(&image, &bytes).unwrap();
    let loader = format!("loader,file={},addr=0x400000,force-raw=on", image.display());
    let mut qemu = Qemu::start(version, "x86_64", &[&MACHINE[..], &["-S", "-device", &loader]].concat());
    set(&mut qemu, &[("multifd", true), ("return-path", true)], names);
    let relay = Relay::receive_from(version, &path, &mut qemu, parameters);
    let memory = relay.blocks.iter().find(|block| block.size() == 16 << 20).unwrap().to_vec();
    assert!(memory[4 << 20..12 << 20] == bytes, "{version}: the memory differs");
    relay
}

#[test]
fn data_channels_of_qemu_are_loaded() {
    for version in VERSIONS {
        for channels in [1, 4] {
            let mut parameters = Parameters::default();
            parameters.multifd_channels = channels;
            let set = json!({ "multifd-channels": channels });
            let mut relay = data_channels_of(version, parameters.clone(), set.clone());
            // And on to another QEMU, which gets the devices, too.
            let config = config(version, Capability::Multifd, parameters);
            relay.send_to(version, config, (&[("multifd", true)], set), |_| {});
        }
    }
}

#[test]
fn compressed_packets_of_qemu_are_loaded() {
    for version in VERSIONS {
        for (channels, (compression, level)) in (1..).zip(COMPRESSIONS) {
            let (parameters, names) = compressed(compression, level, channels);
            data_channels_of(version, parameters, names);
        }
    }
}

#[test]
fn changes_to_pages_are_loaded_by_qemu() {
    for version in VERSIONS {
        let mut relay = Relay::new(version);
        let mut parameters = endless();
        parameters.xbzrle_cache_size = 1 << 20;
        let enough = |found: &Statistics| found.xbzrle.is_some_and(|xbzrle| xbzrle.pages > 200);
        let control = end_after(enough, parameters.clone());
        let found = relay.send_to(version, config(version, Capability::Xbzrle, parameters), (&[], json!({})), control);
        let xbzrle = found.xbzrle.unwrap();
        assert!(xbzrle.pages > 200 && xbzrle.bytes < 200 * xbzrle.pages, "{version}: {xbzrle:?}");
        println!("{version}: {xbzrle:?}");
    }
}
