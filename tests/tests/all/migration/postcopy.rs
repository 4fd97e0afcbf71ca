//! Recorded sources of postcopy: their devices and pages are loaded, also over a second connection, and odd input stops the
//! migration at the right side.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use vmstate::machine::Machine;
use vmstate::memory::{MappingOptions, MemoryError, MissingFaults, PageSize, RamBlock};
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::{
    Capability, Event, Host, HostError, HostMemory, Incoming, IncomingControl, MigrationStatus, Uri,
};
use vmstate::prelude::*;
use vmstate::ram::{Record, RecordReader};
use vmstate::registry::Registration;
use vmstate::section::RawSection;
use vmstate::stream::{Command, Configuration, SectionKind, StreamItem, StreamReader};
use vmstate_tests::conversations::source;

type Block = Arc<dyn RamBlock + Send + Sync>;

/// Returns whether the system handles page faults in user space.
fn is_supported() -> bool {
    let block = Arc::new(MappingOptions::anonymous().map("ram", 4096).unwrap());
    match MissingFaults::start(vec![block], |_, _| {}) {
        Ok(_) => true,
        Err(error @ MemoryError::Unsupported { .. }) => {
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// A device of the package: its name, instance and version, and the length of its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: String,
    instance: u32,
    version: u32,
    length: usize,
}

/// Returns the offset of the package's first byte, and its length.
fn package(stream: &[u8]) -> (usize, usize) {
    let at = stream.windows(5).position(|bytes| bytes == b"\x08\0\x07\0\x04").expect("PACKAGED");
    let length = u32::from_be_bytes(stream[at + 5..at + 9].try_into().unwrap());
    (at + 9, usize::try_from(length).unwrap())
}

/// Splits the package by its footers: without a description, no section has a length.
fn parts(stream: &[u8]) -> Vec<Part> {
    let (start, length) = package(stream);
    let package = &stream[start..start + length];
    let word = |at: usize| u32::from_be_bytes(package[at..at + 4].try_into().unwrap());
    // LISTEN is first.
    let (mut at, mut parts) = (5, Vec::new());
    while package[at] == 4 {
        let name_end = at + 6 + usize::from(package[at + 5]);
        let footer = [&[0x7e], &package[at + 1..at + 5]].concat();
        let payload = name_end + 8;
        let is_footer = |end: &usize| package[*end..].starts_with(&footer) && [4, 8].contains(&package[end + 5]);
        let end = (payload..package.len()).find(is_footer).expect("a footer");
        let name = String::from_utf8(package[at + 6..name_end].to_vec()).unwrap();
        let (instance, version) = (word(name_end), word(name_end + 4));
        parts.push(Part { name, instance, version, length: end - payload });
        at = end + 5;
    }
    parts
}

/// A device that keeps its bytes.
struct Bytes(Vec<u8>);

impl RawSection for Bytes {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.bytes(&self.0);
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        reader.fill(&mut self.0)
    }
}

/// The machine of a recording.
struct Microvm {
    parts: Vec<Part>,
    blocks: Vec<Block>,
    started: Arc<Mutex<bool>>,
}

impl Microvm {
    fn new(stream: &[u8]) -> Self {
        let mut reader = Reader::from_slice(stream);
        let mut items = StreamReader::new(&mut reader).unwrap();
        while !matches!(items.next_item().unwrap(), Some(StreamItem::Section(_))) {}
        let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
        while records.next_record(items.payload()).unwrap() != Record::EndOfSection {}
        let block = |idstr: &str, size: u64| Arc::new(MappingOptions::anonymous().map(idstr, size).unwrap()) as Block;
        let blocks: Vec<_> = records.blocks().iter().map(|header| block(&header.idstr, header.size)).collect();
        // Pages that are discarded and come as zeros must not keep this.
        blocks.iter().for_each(|block| block.write(0, &vec![0x55; block.size() as usize]).unwrap());
        Self { parts: parts(stream), blocks, started: Arc::default() }
    }
}

impl Host for Microvm {
    fn configuration(&self) -> Configuration {
        Configuration::new("microvm")
    }

    fn memory(&self) -> HostMemory {
        HostMemory::new(PageSize::DEFAULT, self.blocks.clone(), None)
    }

    fn with_machine(&mut self, use_machine: &mut dyn FnMut(&mut Machine<'_>)) {
        let mut machine = Machine::new();
        for part in &self.parts {
            let device = Registration::raw(part.name.clone(), part.version, Bytes(vec![0; part.length]));
            machine.add(device.instance_id(part.instance)).unwrap();
        }
        use_machine(&mut machine);
    }

    fn is_running(&self) -> bool {
        *self.started.lock().unwrap()
    }

    fn stop(&mut self) -> Result<(), HostError> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), HostError> {
        *self.started.lock().unwrap() = true;
        Ok(())
    }
}

/// A destination on a thread.
struct Destination {
    path: std::path::PathBuf,
    control: IncomingControl,
    started: Arc<Mutex<bool>>,
    blocks: Vec<Block>,
    events: Receiver<Event>,
    thread: thread::JoinHandle<Result<(), String>>,
    _folder: tempfile::TempDir,
}

impl Destination {
    fn start(stream: &[u8]) -> Self {
        Self::start_with(stream, |_| {})
    }

    fn start_with(stream: &[u8], observe: impl Fn(&Event) + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let mut config = DestinationConfig::default();
        config.capabilities.set(Capability::PostcopyRam, true);
        let uri = Uri::Unix(path.to_str().unwrap().to_owned());
        let incoming = Incoming::listen_with(&uri, config).unwrap();
        let mut host = Microvm::new(stream);
        let (control, started, blocks) = (incoming.control(), host.started.clone(), host.blocks.clone());
        let (sender, events) = mpsc::channel();
        let thread = thread::spawn(move || {
            let loaded = incoming.run_with_events(&mut host, |event| {
                observe(&event);
                drop(sender.send(event));
            });
            loaded.map_err(|error| error.to_string())
        });
        Self { path, control, started, blocks, events, thread, _folder: folder }
    }

    /// Sends bytes over a new connection, which is cut after them if `cut` is set. Reads the answers up to a SHUT or the end.
    fn connect(&self, stream: &[u8], cut: bool) -> Vec<u8> {
        let mut socket = UnixStream::connect(&self.path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A destination that rejects the stream closes the connection before its end.
        let _ = socket.write_all(stream);
        if cut {
            let _ = socket.shutdown(Shutdown::Write);
        }
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        while !answer.ends_with(b"\0\x01\0\x04\0\0\0\0") {
            match socket.read(&mut buffer) {
                Ok(count @ 1..) => answer.extend(&buffer[..count]),
                _ => break,
            }
        }
        answer
    }

    fn wait_for(&self, status: MigrationStatus) {
        while self.events.recv_timeout(Duration::from_secs(60)).expect("another state") != Event::Status(status) {}
    }
}

/// The memory after a stream, decoded without the library's loader.
struct Expected {
    memory: Vec<(String, Vec<u8>)>,
    records: RecordReader,
}

impl Expected {
    fn new(stream: &[u8]) -> Self {
        let (mut memory, devices) = (Vec::new(), parts(stream));
        let mut reader = Reader::from_slice(stream);
        let mut items = StreamReader::new(&mut reader).unwrap();
        let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
        let mut device = devices.iter();
        // A stream that was cut ends in an error.
        while let Ok(Some(item)) = items.next_item() {
            let StreamItem::Section(header) = item else { continue };
            if header.kind == SectionKind::Full {
                items.payload().skip(device.next().expect("a device").length as u64).unwrap();
            } else if !Self::section(&mut memory, &mut records, items.payload()) {
                break;
            }
            if items.end_section().is_err() {
                break;
            }
        }
        Self { memory, records }
    }

    /// Continues with the stream of a second connection.
    fn resume(&mut self, stream: &[u8]) {
        let at = stream.windows(5).position(|bytes| bytes == b"\x08\0\x09\0\0").expect("RESUME") + 5;
        let mut rest = &stream[at..];
        while let [2 | 3, ..] = rest {
            let mut reader = Reader::from_slice(&rest[5..]);
            Self::section(&mut self.memory, &mut self.records, &mut reader);
            rest = &rest[5 + usize::try_from(reader.offset()).unwrap() + 5..];
        }
        assert_eq!(rest, [0]);
    }

    fn section(memory: &mut Vec<(String, Vec<u8>)>, records: &mut RecordReader, reader: &mut Reader<'_>) -> bool {
        loop {
            let Ok(record) = records.next_record(reader) else { return false };
            let page = match record {
                Record::EndOfSection => return true,
                Record::Block(header) => {
                    memory.push((header.idstr, vec![0; usize::try_from(header.size).unwrap()]));
                    continue;
                }
                Record::Zero { offset, .. } => Some((offset, vec![0; 4096])),
                Record::Page { offset, .. } => {
                    let mut page = vec![0; 4096];
                    if reader.fill(&mut page).is_err() {
                        return false;
                    }
                    Some((offset, page))
                }
                _ => None,
            };
            let Some((offset, page)) = page else { continue };
            let offset = usize::try_from(offset).unwrap();
            let (_, bytes) = &mut memory[records.current_block().expect("a block")];
            bytes[offset..offset + 4096].copy_from_slice(&page);
        }
    }

    #[track_caller]
    fn assert_loaded(&self, blocks: &[Block]) {
        assert_eq!(blocks.len(), self.memory.len());
        for (block, (idstr, expected)) in blocks.iter().zip(&self.memory) {
            let mut found = vec![0; expected.len()];
            block.read(0, &mut found).unwrap();
            let different =
                found.chunks(4096).zip(expected.chunks(4096)).position(|(found, expected)| found != expected);
            assert_eq!((block.idstr(), different), (idstr.as_str(), None), "the first different page");
        }
    }
}

/// Returns the numbers of the PONGs, sorted: PINGs in the package and after it are answered in any order.
fn pongs(mut answer: &[u8]) -> Vec<u32> {
    let mut pongs = Vec::new();
    while let Some(&[_, number, high, low]) = answer.first_chunk::<4>() {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if number == 2 {
            pongs.push(u32::from_be_bytes(answer[4..8].try_into().unwrap()));
        }
        answer = &answer[4 + length..];
    }
    pongs.sort_unstable();
    pongs
}

#[test]
fn recorded_sources_are_loaded_by_postcopy() {
    if !is_supported() {
        return;
    }
    // 11.1 sends one more PING.
    for (name, expected) in [("qemu-10.0-postcopy", &[1, 2, 3, 4][..]), ("qemu-11.1-postcopy", &[1, 2, 3, 4, 66])] {
        let stream = source(name, 0);
        let destination = Destination::start(&stream);
        let answer = destination.connect(&stream, false);
        assert_eq!(destination.thread.join().unwrap(), Ok(()), "{name}");
        assert_eq!(pongs(&answer), expected, "{name}");
        assert!(*destination.started.lock().unwrap(), "{name}");
        Expected::new(&stream).assert_loaded(&destination.blocks);
    }
}

/// The bitmaps equal the recorded bitmaps of QEMU's destination, byte for byte.
#[test]
fn recorded_source_continues_on_a_second_connection() {
    if !is_supported() {
        return;
    }
    let (first, second) = (source("qemu-10.0-recovered", 0), source("qemu-10.0-recovered", 1));
    let destination = Destination::start(&first);
    destination.connect(&first, true);
    destination.wait_for(MigrationStatus::PostcopyPaused);
    let mut socket = UnixStream::connect(&destination.path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("return-path/qemu-10.0-recovered.bin");
    let recorded = std::fs::read(path).unwrap();
    let acknowledged = recorded.windows(4).position(|bytes| bytes == b"\0\x06\0\x04").expect("RESUME_ACK") + 8;
    // The pages follow when the source has the bitmaps.
    let pages = second.windows(5).position(|bytes| bytes == b"\x08\0\x09\0\0").expect("RESUME") + 5;
    socket.write_all(&second[..pages]).unwrap();
    let mut answer = vec![0; acknowledged];
    socket.read_exact(&mut answer).unwrap();
    assert_eq!(answer, recorded[..acknowledged]);
    socket.write_all(&second[pages..]).unwrap();
    assert_eq!(destination.thread.join().unwrap(), Ok(()));
    let mut expected = Expected::new(&first);
    expected.resume(&second);
    expected.assert_loaded(&destination.blocks);
}

/// Zeros in place of missing pages would destroy the guest.
#[test]
fn guest_of_a_panicking_driver_waits_for_its_pages() {
    if !is_supported() {
        return;
    }
    let stream = source("qemu-10.0-recovered", 0);
    let panics = |event: &Event| assert_ne!(*event, Event::Status(MigrationStatus::PostcopyActive), "on purpose");
    let destination = Destination::start_with(&stream, panics);
    destination.connect(&stream, true);
    destination.thread.join().unwrap_err();
    let (sender, done) = mpsc::channel();
    let blocks = destination.blocks;
    thread::spawn(move || {
        blocks.iter().for_each(|block| block.read(0, &mut vec![0; block.size() as usize]).unwrap());
        let _ = sender.send(());
    });
    let read = done.recv_timeout(Duration::from_secs(1));
    assert_eq!(read, Err(mpsc::RecvTimeoutError::Timeout), "a missing page was read");
}

/// Replaces the first occurrence of `from`, after `start`.
fn replaced(stream: &[u8], start: usize, from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = start + stream[start..].windows(from.len()).position(|bytes| bytes == from).expect("a place");
    [&stream[..at], to, &stream[at + from.len()..]].concat()
}

#[test]
fn odd_input_before_the_guest_runs_is_rejected() {
    if !is_supported() {
        return;
    }
    let stream = source("qemu-10.0-postcopy", 0);
    let (start, length) = package(&stream);
    let advise = b"\x08\0\x03\0\x10\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x10\0";
    let discard = stream.windows(3).position(|bytes| bytes == b"\x08\0\x06").expect("RAM_DISCARD");
    let range = discard + 7 + usize::from(stream[discard + 6]) + 1;
    let changed = |at: usize, bytes: &[u8]| [&stream[..at], bytes, &stream[at + bytes.len()..]].concat();
    let rows = [
        (
            "huge pages",
            replaced(&stream, 0, advise, b"\x08\0\x03\0\x10\0\0\0\0\0\x20\x10\0\0\0\0\0\0\0\x10\0"),
            "page sizes",
        ),
        (
            "other target pages",
            replaced(&stream, 0, advise, b"\x08\0\x03\0\x10\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x20\0"),
            "target page",
        ),
        ("no ADVISE", replaced(&stream, 0, advise, b""), "RAM_DISCARD"),
        ("ADVISE twice", replaced(&stream, 0, advise, &[advise, &advise[..]].concat()), "POSTCOPY_ADVISE once"),
        ("discard of a part of a page", changed(range, &1_u64.to_be_bytes()), "page"),
        ("discard outside of the block", changed(range, &(1_u64 << 40).to_be_bytes()), "range"),
        ("discard beyond 64 bits", changed(range, &(!0_u64 - 4095).to_be_bytes()), "discard"),
        ("discard of an unknown block", changed(discard + 7, b"x"), "unknown RAM block"),
        ("package without LISTEN", changed(start, b"\x08\0\x02\0\0"), "PING"),
        ("package that ends early", changed(start - 4, &[0, 0, 0, 40]), ""),
        ("package of 4 GiB", changed(start - 4, &[0xff; 4]), ""),
        ("package without RUN", changed(start + length - 5, b"\x08\0\x0b\0\0"), "SWITCHOVER_START"),
        ("truncated package", stream[..start + 100].to_vec(), ""),
    ];
    for (name, bytes, text) in rows {
        let destination = Destination::start(&stream);
        let socket = UnixStream::connect(&destination.path).unwrap();
        let mut writer = socket.try_clone().unwrap();
        // Ends the stream, so that nothing waits for the rest of a package.
        let sender = thread::spawn(move || {
            let _ = writer.write_all(&bytes);
            let _ = writer.shutdown(Shutdown::Write);
        });
        let error = destination.thread.join().unwrap().expect_err(name);
        assert!(error.contains(text), "{name}: {error}");
        assert!(!*destination.started.lock().unwrap(), "{name}: the guest runs");
        drop(socket);
        sender.join().unwrap();
    }
}

/// The guest runs already: the migration pauses and waits for a source that continues it.
#[test]
fn odd_input_while_the_guest_runs_pauses() {
    if !is_supported() {
        return;
    }
    let first = source("qemu-10.0-recovered", 0);
    let (start, length) = package(&first);
    // PING 4 follows the package.
    let after = start + length + 9;
    let insert = |bytes: &[u8]| [&first[..after], bytes, &first[after..]].concat();
    let id = &first[after + 1..after + 5];
    let rows = [
        ("a section of a device", insert(b"\x04\0\0\0\x63\x05timer\0\0\0\0\0\0\0\x02")),
        ("an unknown section type", insert(b"\x09\0\0\0\0")),
        ("a second package", insert(b"\x08\0\x07\0\x04\0\0\0\x05")),
        ("a page of an unknown block", insert(&[b"\x02", id, b"\0\0\0\0\0\0\0\x08\x03ram"].concat())),
        ("a page outside of its block", insert(&[b"\x02", id, b"\0\0\0\x10\0\0\0\x08\x0bmicrovm.ram"].concat())),
        ("changes to a page", insert(&[b"\x02", id, b"\0\0\0\0\0\0\0\x40\x0bmicrovm.ram\x01\0\x02\0\0"].concat())),
        ("the end with missing pages", insert(b"\0")),
    ];
    for (name, bytes) in rows {
        let destination = Destination::start(&first);
        destination.connect(&bytes, true);
        destination.wait_for(MigrationStatus::PostcopyPaused);
        assert!(*destination.started.lock().unwrap(), "{name}");
        destination.control.cancel();
        // A recovery that fails, too.
        destination.connect(b"\x08\0\x0a\0\x0c\x0bmicrovm.ram\xff", true);
        destination.wait_for(MigrationStatus::PostcopyPaused);
        assert!(!destination.thread.is_finished(), "{name}: a running guest was given up");
    }
}

/// Another source is answered, and does not replace the interrupted one.
#[test]
fn unknown_source_does_not_continue() {
    if !is_supported() {
        return;
    }
    let first = source("qemu-10.0-recovered", 0);
    let destination = Destination::start(&first);
    destination.connect(&first, true);
    destination.wait_for(MigrationStatus::PostcopyPaused);
    let mut command = Writer::new();
    vmstate::stream::StreamWriter::new(&mut command).command(&Command::Session(7)).unwrap();
    let mut socket = UnixStream::connect(&destination.path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket.write_all(command.pending()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    assert!(!answer.is_empty(), "an answer, and then the end");
    assert!(!destination.thread.is_finished());
}
