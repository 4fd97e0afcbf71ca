//! Memory that both sides share: it is handed over, or left out.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::*;
use crate::memory::{Mapping, MappingOptions};
use crate::migration::capability::Capability;
use crate::migration::parameter::Mode;
use crate::migration::source::SourceConfig;

const PATIENCE: Duration = Duration::from_secs(60);
const BLOCK: u64 = 1 << 20;

/// A guest with blocks of any kind and one register. Its memory has no dirty log.
#[derive(Debug)]
struct Guest {
    blocks: Vec<Arc<Mapping>>,
    register: u32,
    runs: bool,
    uuid: [u8; 16],
}

impl Guest {
    fn source(blocks: Vec<Mapping>) -> Self {
        let guest = Self { register: 42, runs: true, ..Self::destination(blocks) };
        for (number, block) in guest.blocks.iter().enumerate() {
            block.write(4096, &[7, u8::try_from(number).unwrap()]).unwrap();
        }
        guest
    }

    fn destination(blocks: Vec<Mapping>) -> Self {
        Self { blocks: blocks.into_iter().map(Arc::new).collect(), register: 0, runs: false, uuid: [0; 16] }
    }
}

impl Host for Guest {
    fn configuration(&self) -> Configuration {
        Configuration::new("board")
    }

    fn uuid(&self) -> [u8; 16] {
        self.uuid
    }

    fn memory(&self) -> HostMemory {
        let share = |block: &Arc<Mapping>| -> Arc<dyn RamBlock + Send + Sync> { block.clone() };
        HostMemory::new(PageSize::DEFAULT, self.blocks.iter().map(share).collect(), None)
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
        Ok(())
    }
}

fn memfd(name: &str) -> Mapping {
    MappingOptions::memfd().map(name, BLOCK).unwrap()
}

fn private(name: &str) -> Mapping {
    MappingOptions::anonymous().map(name, BLOCK).unwrap()
}

/// Returns the value that [`Guest::source`] has written.
fn written(block: &Mapping) -> [u8; 2] {
    block.memory().load(4096).unwrap()
}

fn with_mode(mode: Mode) -> Parameters {
    Parameters { mode, ..Parameters::default() }
}

/// Sends a guest, whose descriptors go to an address.
fn send(source: &mut Guest, uri: &Uri, descriptors: Option<&Uri>) -> Result<Statistics, MigrationError> {
    let mode = if descriptors.is_some() { Mode::CprTransfer } else { Mode::Normal };
    let config = Outgoing::default_config(source, uri, with_mode(mode));
    let config = SourceConfig { descriptors: descriptors.cloned(), ..config };
    Outgoing::start_with(source, uri, config)?.finish()
}

#[test]
fn memory_is_handed_over() {
    let folder = tempfile();
    let (descriptors, uri) = (Uri::Unix(folder.path("descriptors")), Uri::Unix(folder.path("guest")));
    let (waits, listens) = (descriptors.clone(), uri.clone());
    let loading = thread::spawn(move || {
        let mut files = HandedOver::receive(&waits, PATIENCE).unwrap();
        assert_eq!(files.names().collect::<Vec<_>>(), ["vram", "ram"], "the last block first");
        let take = |name: &str| MappingOptions::handed_over(files.take(name).unwrap()).map(name, BLOCK).unwrap();
        let mut destination = Guest::destination(["ram", "vram"].map(take).into());
        assert!(files.take("ram").is_none());
        let incoming = Incoming::listen(&listens, with_mode(Mode::CprTransfer)).unwrap();
        drop(files);
        incoming.run(&mut destination).map(|()| destination)
    });
    let mut source = Guest::source(vec![memfd("ram"), memfd("vram")]);
    wait_for_socket(&descriptors);
    let statistics = send(&mut source, &uri, Some(&descriptors)).unwrap();
    let destination = loading.join().unwrap().unwrap();
    assert!(destination.runs && !source.runs && destination.register == 42);
    let ram = statistics.ram.unwrap();
    assert_eq!((ram.total, ram.normal, ram.duplicate), (0, 0, 0));
    assert!(ram.transferred < 1000, "{ram:?}");
    assert_eq!([0, 1].map(|block| written(&destination.blocks[block])), [[7, 0], [7, 1]]);
    destination.blocks[1].write(4096, &[9, 9]).unwrap();
    assert_eq!(written(&source.blocks[1]), [9, 9], "both map the same memory");
}

fn wait_for_socket(uri: &Uri) {
    let Uri::Unix(path) = uri else { panic!("{uri}") };
    let start = std::time::Instant::now();
    while !std::path::Path::new(path).exists() {
        assert!(start.elapsed() < PATIENCE, "{path} does not exist");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A destination whose machine does not fit has the descriptors, but never runs the guest.
#[test]
fn guest_continues_if_the_new_process_fails() {
    let folder = tempfile();
    let (descriptors, uri) = (Uri::Unix(folder.path("descriptors")), Uri::Unix(folder.path("guest")));
    let waits = descriptors.clone();
    let receiving = thread::spawn(move || HandedOver::receive(&waits, PATIENCE).map(drop));
    let mut source = Guest::source(vec![memfd("ram")]);
    wait_for_socket(&descriptors);
    let error = send(&mut source, &uri, Some(&descriptors)).unwrap_err();
    receiving.join().unwrap().unwrap();
    assert!(error.reason().contains("No such file"), "{error}");
    assert!(source.runs && written(&source.blocks[0]) == [7, 0]);
}

/// The guest is stopped meanwhile. Bytes have no meaning, and do not extend the wait.
#[test]
fn source_waits_for_the_new_process_in_time() {
    let folder = tempfile();
    let descriptors = Uri::Unix(folder.path("descriptors"));
    let listener = std::os::unix::net::UnixListener::bind(folder.path("descriptors")).unwrap();
    let holding = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        while socket.write_all(&[0]).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut source = Guest::source(vec![memfd("ram")]);
    let parameters = Parameters { progress_timeout: Duration::from_millis(200), ..with_mode(Mode::CprTransfer) };
    let uri = Uri::Unix(folder.path("guest"));
    let mut config = Outgoing::default_config(&source, &uri, parameters);
    config.descriptors = Some(descriptors);
    let start = std::time::Instant::now();
    let error = Outgoing::start_with(&mut source, &uri, config).unwrap().finish().unwrap_err();
    assert!(error.reason().contains("does not listen for the guest in time"), "{error}");
    assert!(start.elapsed() < PATIENCE && source.runs);
    holding.join().unwrap();
}

#[test]
fn private_memory_is_not_handed_over() {
    let folder = tempfile();
    let descriptors = Uri::Unix(folder.path("descriptors"));
    let waits = descriptors.clone();
    let receiving = thread::spawn(move || HandedOver::receive(&waits, PATIENCE).map(drop));
    let mut source = Guest::source(vec![private("ram")]);
    wait_for_socket(&descriptors);
    let error = send(&mut source, &Uri::Unix(folder.path("guest")), Some(&descriptors)).unwrap_err();
    assert!(error.reason().contains("block `ram` belongs to this process only"), "{error}");
    assert!(source.runs);
    let error = receiving.join().unwrap().unwrap_err();
    assert!(error.reason().contains("found the end of the stream"), "{error}");
}

#[test]
fn modes_are_checked_before_the_start() {
    let uri = Uri::Unix("/run/guest".to_owned());
    let mut source = Guest::source(vec![memfd("ram")]);
    let mut rejection = |mode, capability: Option<Capability>, descriptors| {
        let mut config = Outgoing::default_config(&source, &uri, with_mode(mode));
        config.descriptors = descriptors;
        capability.into_iter().for_each(|capability| config.capabilities.set(capability, true));
        Outgoing::start_with(&mut source, &uri, config).unwrap_err().reason().to_owned()
    };
    assert_eq!(rejection(Mode::CprTransfer, None, None), "missing 'cpr' migration channel");
    let postcopy = Some(Capability::PostcopyRam);
    assert_eq!(rejection(Mode::CprReboot, postcopy, None), "Cannot use postcopy with CPR");
    assert_eq!(rejection(Mode::CprTransfer, postcopy, Some(uri.clone())), "Cannot use postcopy with CPR");
    let background = Some(Capability::BackgroundSnapshot);
    assert!(rejection(Mode::CprReboot, background, None).ends_with("Cannot use background snapshot with CPR"));
    for capability in [Capability::XIgnoreShared, Capability::MappedRam] {
        let reason = rejection(Mode::CprTransfer, Some(capability), Some(uri.clone()));
        assert!(!reason.is_empty(), "{capability}");
    }
    assert!(rejection(Mode::CprExec, None, None).contains("`mode`"));
}

/// A guest that is saved to reboot its host stops first: its memory needs no dirty log.
#[test]
fn guest_stops_before_a_reboot() {
    let folder = tempfile();
    let file = Uri::File { path: folder.path("guest"), offset: 0 };
    let mut source = Guest::source(vec![private("ram")]);
    let error = Outgoing::start(&mut source, &file, Parameters::default()).unwrap_err();
    assert!(error.reason().contains("dirty log"), "{error}");
    let mut outgoing = Outgoing::start(&mut source, &file, with_mode(Mode::CprReboot)).unwrap();
    let events: Vec<_> = outgoing.events().collect();
    let place = |wanted: Event| events.iter().position(|event| *event == wanted).unwrap();
    assert!(place(Event::Stopped) < place(Event::Status(MigrationStatus::Active)), "{events:?}");
    drop(outgoing);
    let mut destination = Guest::destination(vec![private("ram")]);
    Incoming::listen(&file, Parameters::default()).unwrap().run(&mut destination).unwrap();
    assert!(!source.runs && destination.runs && written(&destination.blocks[0]) == [7, 0]);
}

/// The stream of a source that hands its memory over would load an empty guest.
#[test]
fn stream_without_pages_is_rejected() {
    let folder = tempfile();
    let (descriptors, uri) = (Uri::Unix(folder.path("descriptors")), Uri::Unix(folder.path("guest")));
    let (waits, listens) = (descriptors.clone(), uri.clone());
    let loading = thread::spawn(move || {
        let files = HandedOver::receive(&waits, PATIENCE).unwrap();
        let incoming = Incoming::listen(&listens, Parameters::default()).unwrap();
        drop(files);
        incoming.run(&mut Guest::destination(vec![private("ram")])).unwrap_err().to_string()
    });
    let mut source = Guest::source(vec![memfd("ram")]);
    wait_for_socket(&descriptors);
    send(&mut source, &uri, Some(&descriptors)).unwrap_err();
    let error = loading.join().unwrap();
    assert!(error.contains("expected pages of memory, found none"), "{error}");
    assert!(source.runs);
}

fn file(folder: &Folder, name: &str) -> std::fs::File {
    let file = std::fs::File::options().read(true).write(true).create(true).truncate(false).open(folder.path(name));
    let file = file.unwrap();
    file.set_len(BLOCK).unwrap();
    file
}

/// Moves a guest with a private block and one in a file, at these addresses on both sides.
fn move_with_file(folder: &Folder, addresses: [u64; 2]) -> (Guest, Result<Guest, MigrationError>, Statistics) {
    let shared = |address| {
        MappingOptions::shared_file(file(folder, "memory")).guest_address(address).map("shared", BLOCK).unwrap()
    };
    let uri = Uri::Unix(folder.path("guest"));
    let mut config = DestinationConfig::default();
    config.capabilities.set(Capability::XIgnoreShared, true);
    let incoming = Incoming::listen_with(&uri, config).unwrap();
    let mut destination = Guest::destination(vec![private("ram"), shared(addresses[1])]);
    let loading = thread::spawn(move || incoming.run(&mut destination).map(|()| destination));
    let mut source = Guest::source(vec![private("ram"), shared(addresses[0])]);
    source.runs = false;
    let mut config = Outgoing::default_config(&source, &uri, Parameters::default());
    config.capabilities.set(Capability::XIgnoreShared, true);
    let mut outgoing = Outgoing::start_with(&mut source, &uri, config).unwrap();
    outgoing.events().for_each(drop);
    let statistics = outgoing.statistics();
    drop(outgoing);
    (source, loading.join().unwrap(), statistics)
}

#[test]
fn shared_file_is_left_out() {
    let folder = tempfile();
    let (source, destination, statistics) = move_with_file(&folder, [0x8000_0000; 2]);
    let destination = destination.unwrap();
    let ram = statistics.ram.unwrap();
    assert_eq!((ram.total, ram.normal + ram.duplicate), (BLOCK, BLOCK / 4096));
    assert_eq!([0, 1].map(|block| written(&destination.blocks[block])), [[7, 0], [7, 1]]);
    destination.blocks[1].write(4096, &[9, 9]).unwrap();
    assert_eq!(written(&source.blocks[1]), [9, 9]);
}

#[test]
fn shared_file_has_the_same_address_on_both_sides() {
    let folder = tempfile();
    let (_, destination, statistics) = move_with_file(&folder, [0x8000_0000, 0x4000_0000]);
    let error = destination.err().unwrap().to_string();
    assert!(error.contains("expected `shared` at 0x40000000, found 0x80000000"), "{error}");
    assert_eq!(statistics.status, MigrationStatus::Failed);
}

#[test]
fn uuids_are_compared_if_the_source_sends_its_own() {
    let folder = tempfile();
    for (validates, ours, theirs, accepted) in
        [(true, 1, 1, true), (true, 1, 2, false), (true, 1, 0, true), (true, 0, 2, true), (false, 1, 2, true)]
    {
        let uri = Uri::Unix(folder.path("guest"));
        let incoming = Incoming::listen(&uri, Parameters::default()).unwrap();
        let mut destination = Guest { uuid: [theirs; 16], ..Guest::destination(vec![private("ram")]) };
        let loading = thread::spawn(move || incoming.run(&mut destination));
        let mut source = Guest { uuid: [ours; 16], runs: false, ..Guest::source(vec![private("ram")]) };
        let mut config = Outgoing::default_config(&source, &uri, Parameters::default());
        config.capabilities.set(Capability::ValidateUuid, validates);
        let sent = Outgoing::start_with(&mut source, &uri, config).unwrap().finish();
        let loaded = loading.join().unwrap();
        assert_eq!((sent.is_ok(), loaded.is_ok()), (accepted, accepted), "{validates} {ours} {theirs}: {loaded:?}");
        if let Err(error) = loaded {
            assert!(error.to_string().contains("expected UUID 02020202-"), "{error}");
        }
    }
}

#[test]
fn descriptors_are_received_in_time_and_complete() {
    let folder = tempfile();
    let rejection = |uri: &Uri, patience| HandedOver::receive(uri, patience).unwrap_err().reason().to_owned();
    let tcp = "tcp:127.0.0.1:0".parse().unwrap();
    assert!(rejection(&tcp, PATIENCE).contains("use `unix:PATH`"));
    let uri = Uri::Unix(folder.path("descriptors"));
    assert!(rejection(&uri, Duration::from_millis(10)).contains("no source has connected in time"));
    let entry = b"QCPR\0\0\0\x01\x01\0\0\0\x02m\0\0\0\0\0\x20\0";
    for (bytes, closes, patience, expected) in [
        (&entry[..], true, PATIENCE, "0 descriptors for 1 entries"),
        (b"QEVM\0\0\0\x03", true, PATIENCE, "connect the channel `cpr` here"),
        (&entry[..10], true, PATIENCE, "found the end of the stream"),
        (&entry[..10], false, Duration::from_millis(500), ""),
    ] {
        let (path, bytes) = (folder.path("descriptors"), bytes.to_vec());
        let sending = thread::spawn(move || {
            wait_for_socket(&Uri::Unix(path.clone()));
            let mut socket = UnixStream::connect(path).unwrap();
            socket.write_all(&bytes).unwrap();
            if closes {
                socket.shutdown(std::net::Shutdown::Write).unwrap();
            }
            drop(socket.read(&mut [0]));
        });
        let found = rejection(&uri, patience);
        assert!(found.contains(expected), "{found}");
        sending.join().unwrap();
    }
}
