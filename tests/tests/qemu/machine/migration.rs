//! Live migrations from QEMU to vmstate and on to another QEMU, over Unix sockets with a return path.

use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vmstate::migration::source::SourceConfig;
use vmstate::migration::{HostMemory, Incoming, Outgoing, Parameters, StoppedGuest, Uri};

use super::*;

/// Creates a guest with the machine type and the memory blocks of a stream, and without devices.
fn guest(stream: &[u8]) -> StoppedGuest<'static> {
    let mut reader = Reader::from_slice(stream);
    let mut machine = Machine::new();
    machine.set_configuration(StreamReader::new(&mut reader).unwrap().configuration().unwrap().clone());
    let mut blocks: Vec<Arc<dyn RamBlock + Send + Sync>> = Vec::new();
    for block in blocks_of(stream) {
        blocks.push(Arc::new(block));
    }
    StoppedGuest::new(machine, HostMemory::new(PageSize::DEFAULT, blocks, None))
}

fn uri(folder: &TempDir, name: &str) -> Uri {
    Uri::Unix(folder.path().join(name).to_str().unwrap().to_owned())
}

/// Waits until a QEMU listens.
fn wait_for(uri: &Uri) {
    let Uri::Unix(path) = uri else { return };
    let start = Instant::now();
    while !Path::new(path).exists() {
        assert!(start.elapsed() < Duration::from_secs(30), "nothing listens at {path}");
        sleep(Duration::from_millis(10));
    }
}

const PORTS: [(u16, u8); 3] = [(0x3ff, 0x5a), (0x2ff, 0xa5), (0xa1, 0x3c)];

#[test]
fn guest_moves_from_qemu_to_vmstate_and_back() {
    for version in vmstate_tests::qemu::VERSIONS {
        let folder = TempDir::new().unwrap();
        let mut host = guest(&saved_by_qemu(version, &PC, |_| {}));

        let mut source = Qemu::start(version, "x86_64", &PC);
        source.execute("stop", json!({}));
        output(&mut source, &PORTS);
        let return_path = json!([{ "capability": "return-path", "state": true }]);
        source.execute("migrate-set-capabilities", json!({ "capabilities": return_path }));
        let here = uri(&folder, "here");
        let rules = Rules::default().unknown(Unknown::PassThrough);
        let incoming = Incoming::listen(&here, Parameters::default()).unwrap();
        let incoming = incoming.load_options(LoadOptions::new().rules(rules));
        source.execute("migrate", json!({ "uri": here.to_string() }));
        incoming.run(&mut host).unwrap_or_else(|error| panic!("{version}: {error}"));
        source.wait_for_migration();

        let there = uri(&folder, "there");
        let incoming = there.to_string();
        let mut destination = Qemu::start(version, "x86_64", &[&PC[..], &["-incoming", &incoming]].concat());
        wait_for(&there);
        let mut config = SourceConfig::new(0, 1);
        config.switchover_start = version != "7.2";
        let statistics = Outgoing::start_with(&mut host, &there, config).unwrap().finish();
        let statistics = statistics.unwrap_or_else(|error| panic!("{version}: {error}"));
        destination.wait_for_migration();
        assert_eq!(destination.status(), "paused", "{version}");
        let ports = PORTS.map(|(port, _)| (port, input(&mut destination, port)));
        assert_eq!(ports, PORTS, "{version}");
        assert!(statistics.ram.unwrap().normal > 0);
    }
}
