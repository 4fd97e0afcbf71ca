//! Two hosts in one process, over real sockets and files.

mod doubt;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod handover;
#[cfg(feature = "mapping")]
mod huge_pages;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

mod mapped;
mod multifd;
mod rejected;
#[cfg(feature = "tls")]
mod tls;

use super::*;
use crate::machine::{LoadReport, Machine};
use crate::memory::{DirtyLog, Layout, Marked, PageSize, RamBlock, VecBlock};
use crate::migration::destination::DestinationConfig;
use crate::migration::source::SourceControl;
use crate::migration::{Event, MigrationStatus, Parameters, Statistics, Uri};
use crate::section::RawSection;
use crate::stream::Configuration;
use vmstate_types::{LoadError, Reader, SaveError, Writer};

/// A host with one block of memory and one register.
#[derive(Debug)]
pub(in crate::migration) struct Board {
    pub(in crate::migration) machine: &'static str,
    pub(in crate::migration) ram: Arc<VecBlock>,
    log: Arc<Marked>,
    pub(in crate::migration) register: u32,
    pub(in crate::migration) runs: bool,
    /// The number of pages that the guest writes at each stop, in place of vCPUs.
    writes: u64,
    /// The pages that the guest clears at each stop.
    clears: std::ops::Range<u64>,
    pub(in crate::migration) uuid: [u8; 16],
    /// Set if a loaded machine cannot run here.
    pub(in crate::migration) rejects: bool,
}

struct Register<'r>(&'r mut u32);

impl RawSection for Register<'_> {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.u32(*self.0);
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        *self.0 = reader.u32()?;
        Ok(())
    }
}

const SIZE: usize = 2 << 20;

impl Board {
    fn new(bytes: Vec<u8>, runs: bool) -> Self {
        let ram = Arc::new(VecBlock::new("ram", bytes));
        let layout = Layout::new(PageSize::DEFAULT, [&*ram]).unwrap();
        let log = Arc::new(Marked::new(&layout));
        Self { machine: "board", ram, log, register: 0, runs, writes: 0, clears: 0..0, uuid: [0; 16], rejects: false }
    }

    pub(in crate::migration) fn source() -> Self {
        let bytes = (0..SIZE).map(|index| u8::try_from(index / 4096 % 251).unwrap()).collect();
        Self { register: 42, ..Self::new(bytes, true) }
    }

    pub(in crate::migration) fn destination() -> Self {
        Self::new(vec![0xaa; SIZE], false)
    }
}

impl Host for Board {
    fn configuration(&self) -> Configuration {
        Configuration::new(self.machine)
    }

    fn uuid(&self) -> [u8; 16] {
        self.uuid
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

    fn loaded(&mut self, _: &LoadReport) -> Result<(), HostError> {
        if self.rejects { Err("no such feature".into()) } else { Ok(()) }
    }

    fn is_running(&self) -> bool {
        self.runs
    }

    fn stop(&mut self) -> Result<(), HostError> {
        self.runs = false;
        for page in 0..self.writes {
            self.ram.write(page * 4096, b"written last").unwrap();
            self.log.mark(0, page * 4096, 12);
        }
        for page in self.clears.clone() {
            self.ram.write(page * 4096, &[0; 4096]).unwrap();
            self.log.mark(0, page * 4096, 4096);
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        self.runs = true;
        Ok(())
    }
}

/// The results of both sides.
struct Ended {
    source: (Board, Vec<Event>, MigrationStatus),
    destination: (Board, Result<(), MigrationError>),
}

fn migrate(listen: &Uri, config: DestinationConfig, mut source: Board, mut destination: Board) -> Ended {
    let incoming = Incoming::listen_with(listen, config).unwrap();
    let address = incoming.address().clone();
    let loading = thread::spawn(move || {
        let loaded = incoming.run(&mut destination);
        (destination, loaded)
    });
    let mut outgoing = Outgoing::start(&mut source, &address, Parameters::default()).unwrap();
    let events: Vec<_> = outgoing.events().collect();
    let status = outgoing.statistics().status;
    drop(outgoing);
    Ended { source: (source, events, status), destination: loading.join().unwrap() }
}

fn check_moved(ended: &Ended) {
    let ((source, events, status), (destination, loaded)) = (&ended.source, &ended.destination);
    assert!(loaded.is_ok(), "{loaded:?}");
    assert_eq!(*status, MigrationStatus::Completed, "{events:?}");
    assert!(!source.runs && destination.runs);
    assert_eq!(destination.register, 42);
    assert_eq!(destination.ram.to_vec(), source.ram.to_vec());
}

#[test]
fn guest_moves_over_sockets() {
    let folder = tempfile();
    for uri in [Uri::Unix(folder.path("socket")), "tcp:127.0.0.1:0".parse().unwrap()] {
        for without_handshake in [false, true] {
            let config = DestinationConfig { without_handshake, ..DestinationConfig::default() };
            let source = Board { writes: 3, ..Board::source() };
            let ended = migrate(&uri, config, source, Board::destination());
            check_moved(&ended);
            assert!(ended.destination.0.ram.to_vec().starts_with(b"written last"));
            assert_eq!(ended.source.1.contains(&Event::OwnPeer), !without_handshake);
        }
    }
}

/// Moves a guest from a source to a destination at two addresses.
fn move_between(save: &Uri, load: &Uri, source: Board) -> Board {
    let incoming = Incoming::listen(load, Parameters::default()).unwrap();
    let loading = thread::spawn(move || {
        let mut destination = Board::destination();
        incoming.run(&mut destination).map(|()| destination)
    });
    let mut source = source;
    Outgoing::start(&mut source, save, Parameters::default()).unwrap().finish().unwrap();
    let destination = loading.join().unwrap().unwrap();
    assert_eq!(destination.ram.to_vec(), source.ram.to_vec());
    assert!(destination.runs && !source.runs && destination.register == 42);
    destination
}

fn fd(descriptor: &impl std::os::fd::AsRawFd) -> Uri {
    Uri::Fd(descriptor.as_raw_fd().to_string())
}

#[test]
fn guest_moves_over_descriptors() {
    let (left, right) = std::os::unix::net::UnixStream::pair().unwrap();
    move_between(&fd(&left), &fd(&right), Board::source());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let left = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (right, _) = listener.accept().unwrap();
    move_between(&fd(&left), &fd(&right), Board::source());
    let (reader, writer) = std::io::pipe().unwrap();
    let sender = fd(&writer);
    let source = thread::spawn(move || {
        let mut source = Board::source();
        Outgoing::start(&mut source, &sender, Parameters::default()).unwrap().finish().unwrap();
        // The duplicate in this process would keep the pipe open.
        drop(writer);
        source
    });
    let mut destination = Board::destination();
    Incoming::listen(&fd(&reader), Parameters::default()).unwrap().run(&mut destination).unwrap();
    assert_eq!(destination.ram.to_vec(), source.join().unwrap().ram.to_vec());
}

#[test]
fn listening_descriptor_accepts_a_source() {
    let folder = tempfile();
    let path = folder.path("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    move_between(&Uri::Unix(path), &fd(&listener), Board::source());
}

#[test]
fn deferred_address_is_not_an_address() {
    let error = Incoming::listen(&Uri::Defer, Parameters::default()).unwrap_err();
    assert!(error.to_string().contains("migrate-incoming"), "{error}");
}

/// Virtual machines often have no loopback of `vsock:`. The kernel then reports that the peer is unreachable.
#[cfg(all(target_os = "linux", feature = "vsock"))]
#[test]
fn guest_moves_over_vsock() {
    // VMADDR_CID_ANY and VMADDR_PORT_ANY, VMADDR_CID_LOCAL.
    let any = Uri::Vsock { cid: u32::MAX.to_string(), port: u32::MAX.to_string() };
    let incoming = Incoming::listen(&any, Parameters::default()).unwrap();
    let Uri::Vsock { port, .. } = incoming.address().clone() else { panic!("{:?}", incoming.address()) };
    assert_ne!(port, u32::MAX.to_string());
    let local = Uri::Vsock { cid: "1".to_owned(), port };
    let control = incoming.control();
    let loading = thread::spawn(move || incoming.run(&mut Board::destination()));
    let mut source = Board::source();
    let ended = Outgoing::start(&mut source, &local, Parameters::default()).unwrap().finish();
    match ended {
        Ok(_) => loading.join().unwrap().unwrap(),
        Err(error) => {
            println!("NOT TESTED: the kernel has no loopback of vsock: {error}");
            control.cancel();
            assert!(loading.join().unwrap().is_err() && source.runs);
        }
    }
}

#[test]
fn silent_program_times_out() {
    let progress_timeout = Duration::from_millis(50);
    let parameters = Parameters { progress_timeout, ..Parameters::default() };
    let start = std::time::Instant::now();
    let sleeping = Uri::command("sleep 60");
    let error = Incoming::listen(&sleeping, parameters.clone()).unwrap().run(&mut Board::destination()).unwrap_err();
    assert!(error.reason().contains("sends nothing"), "{error}");
    let mut source = Board::source();
    Outgoing::start(&mut source, &sleeping, parameters).unwrap().finish().unwrap_err();
    assert!(source.runs && start.elapsed() < Duration::from_secs(30));
}

#[test]
fn guest_moves_through_files_and_programs() {
    let folder = tempfile();
    let path = folder.path("stream");
    let file = Uri::File { path: path.clone(), offset: 4096 };
    for (save, load) in
        [(file.clone(), file), (Uri::command(format!("cat > {path}")), Uri::command(format!("cat {path}")))]
    {
        let mut source = Board::source();
        let statistics = Outgoing::start(&mut source, &save, Parameters::default()).unwrap().finish().unwrap();
        let ram = statistics.ram.unwrap();
        assert_eq!((ram.normal, ram.duplicate), (509, 3), "pages 0, 251 and 502 are zero");
        let mut destination = Board::destination();
        Incoming::listen(&load, Parameters::default()).unwrap().run(&mut destination).unwrap();
        assert_eq!(destination.ram.to_vec(), source.ram.to_vec());
        assert!(destination.runs);
    }
}

#[test]
fn wrong_machine_leaves_both_sides_unchanged() {
    let folder = tempfile();
    let destination = Board { machine: "other", ..Board::destination() };
    let ended = migrate(&Uri::Unix(folder.path("socket")), DestinationConfig::default(), Board::source(), destination);
    assert_eq!(ended.source.2, MigrationStatus::Failed);
    assert!(ended.source.0.runs && !ended.destination.0.runs);
    assert!(ended.destination.1.unwrap_err().to_string().contains("machine type"));
    let Some(Event::Ended { reason: Some(reason), .. }) = ended.source.1.last() else { panic!("{:?}", ended.source.1) };
    assert!(reason.contains("machine type") && reason.contains("other"), "{reason}");
    assert_eq!(ended.destination.0.ram.to_vec(), vec![0xaa; SIZE]);
}

/// QEMU closes its socket as soon as the source has connected. A source in doubt connects once more.
#[test]
fn address_stays_until_the_end() {
    let folder = tempfile();
    let path = folder.path("socket");
    let uri = Uri::Unix(path.clone());
    let incoming = Incoming::listen(&uri, Parameters::default()).unwrap();
    let loading = thread::spawn(move || incoming.run(&mut Board::destination()));
    let mut source = Board::source();
    let mut outgoing = Outgoing::start(&mut source, &uri, Parameters::default()).unwrap();
    let exists = || std::path::Path::new(&path).exists();
    let stopped = outgoing.events().any(|event| event == Event::Stopped && exists());
    assert!(stopped, "the address exists when the guest stops");
    outgoing.finish().unwrap();
    loading.join().unwrap().unwrap();
    assert!(!exists());
}

#[test]
fn cancelled_guest_continues() {
    let folder = tempfile();
    let uri = Uri::Unix(folder.path("socket"));
    let incoming = Incoming::listen(&uri, Parameters::default()).unwrap();
    let loading = thread::spawn(move || incoming.run(&mut Board::destination()));
    let mut source = Board::source();
    let mut outgoing = Outgoing::start(&mut source, &uri, Parameters::default()).unwrap();
    let control = outgoing.control();
    for event in outgoing.events() {
        if event == Event::Status(MigrationStatus::Active) {
            control.send(SourceControl::Cancel);
        }
    }
    assert_eq!(outgoing.statistics().status, MigrationStatus::Cancelled);
    drop(outgoing);
    assert!(source.runs);
    assert!(loading.join().unwrap().is_err());
}

#[test]
fn dropped_migration_resumes_the_guest() {
    let folder = tempfile();
    let uri = Uri::Unix(folder.path("socket"));
    let incoming = Incoming::listen(&uri, Parameters::default()).unwrap();
    let loading = thread::spawn(move || incoming.run(&mut Board::destination()));
    let mut source = Board::source();
    let mut outgoing = Outgoing::start(&mut source, &uri, Parameters::default()).unwrap();
    assert!(outgoing.events().any(|event| event == Event::Stopped));
    drop(outgoing);
    assert!(source.runs);
    assert!(loading.join().unwrap().is_err());
}

#[test]
fn missing_listener_fails_at_once() {
    let folder = tempfile();
    let mut source = Board::source();
    let uri = Uri::Unix(folder.path("missing"));
    let error = Outgoing::start(&mut source, &uri, Parameters::default()).unwrap().finish().unwrap_err();
    assert!(error.reason().contains("No such file"), "{error}");
    assert!(source.runs);
}

/// A folder that is removed when it is dropped.
struct Folder(std::path::PathBuf);

fn tempfile() -> Folder {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("vmstate-drive-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder).unwrap();
    Folder(folder)
}

impl Folder {
    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
