//! The downtime of a guest whose memory is handed over to another host of this process.

use std::path::Path;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use vmstate::memory::MappingOptions;
use vmstate::migration::source::SourceConfig;
use vmstate::migration::{HandedOver, Incoming, Mode, Outgoing, Parameters, Uri};

use crate::host::Guest;
use crate::idle::{Row, print_downtimes};

/// The sizes in GiB. The guests use only a part of their memory, which is not copied in any case.
const SIZES: [u64; 4] = [1, 4, 8, 16];
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure() {
    let row = |size: u64| -> Row<'_> { (format!("{size} GiB"), Box::new(move || hand_over(size << 30))) };
    print_downtimes(SIZES.map(row).into());
}

fn hand_over(size: u64) -> Duration {
    let folder = TempDir::new().expect("a folder");
    let uri = |name: &str| Uri::Unix(folder.path().join(name).display().to_string());
    let (descriptors, guest) = (uri("descriptors"), uri("guest"));
    let mut source = Guest::with_memory(MappingOptions::memfd().map("ram", size).expect("memory"));
    source.run(Box::new(|_| vec![0]));
    let mut parameters = Parameters::default();
    parameters.mode = Mode::CprTransfer;
    thread::scope(|scope| {
        let loading = scope.spawn(|| take_over(&descriptors, &guest, size, parameters.clone()));
        wait_for(&descriptors);
        let mut config = SourceConfig::new(0, 1);
        (config.parameters, config.descriptors) = (parameters.clone(), Some(descriptors.clone()));
        let statistics = Outgoing::start_with(&mut source, &guest, config).and_then(Outgoing::finish);
        loading.join().expect("a destination");
        statistics.expect("a completed migration").downtime.expect("a downtime")
    })
}

fn take_over(descriptors: &Uri, guest: &Uri, size: u64, parameters: Parameters) {
    let mut files = HandedOver::receive(descriptors, PATIENCE).expect("descriptors");
    let memory = MappingOptions::handed_over(files.take("ram").expect("a block")).map("ram", size);
    let mut destination = Guest::with_memory(memory.expect("memory"));
    let incoming = Incoming::listen(guest, parameters).expect("a listener");
    drop(files);
    incoming.run(&mut destination).expect("a loaded guest");
}

fn wait_for(uri: &Uri) {
    let Uri::Unix(path) = uri else { return };
    while !Path::new(path).exists() {
        thread::sleep(Duration::from_millis(1));
    }
}
