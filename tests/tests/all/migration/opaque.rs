//! Guests whose devices are unknown: kept byte for byte, sent on, and rejected if something else than devices and memory
//! is in the stream.

use std::io::Cursor;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tempfile::TempDir;
use vmstate::machine::SaveOptions;
use vmstate::memory::PageSize;
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::{Capability, Incoming, Kept, OpaqueGuest, Outgoing, Parameters, Uri};
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::schema::vmdesc::{Document, locate_in};
use vmstate::section::Output;
use vmstate::stream::{Command, Configuration, SectionHeader, SectionKind, StreamItem, StreamReader, StreamWriter};
use vmstate::{Reader, Writer};
use vmstate_tests::streams;

fn new() -> OpaqueGuest {
    OpaqueGuest::new(tempfile::tempfile().unwrap())
}

fn loaded(stream: &[u8]) -> OpaqueGuest {
    let mut guest = new();
    guest.load(&mut Reader::from_slice(stream)).unwrap();
    guest
}

fn rejection(stream: &[u8]) -> String {
    new().load(&mut Reader::from_slice(stream)).unwrap_err().to_string()
}

fn saved(guest: &mut OpaqueGuest) -> Vec<u8> {
    let mut stream = Vec::new();
    guest.save(Output::new(&mut Writer::new(), Some(&mut stream)), SaveOptions::new()).unwrap();
    stream
}

fn document(stream: &[u8]) -> Document {
    let (offset, text) = locate_in(&mut Cursor::new(stream)).unwrap().unwrap();
    Document::parse(&text, offset).unwrap()
}

/// Returns the device sections with their headers, except for the ids, which QEMU does not compare.
fn sections(stream: &[u8]) -> Vec<(String, u32, u32, Vec<u8>)> {
    let document = document(stream);
    let mut devices = document.devices.iter();
    let mut reader = Reader::from_slice(stream);
    let mut items = StreamReader::new(&mut reader).unwrap();
    let mut found = Vec::new();
    while let Some(item) = items.next_item().unwrap() {
        let StreamItem::Section(header) = item else { continue };
        if header.kind == SectionKind::Full {
            let size = devices.next().unwrap().wire_size().unwrap();
            let end = vmstate::stream::section_end::find_end(items.payload(), header.section_id, Some(size)).unwrap();
            let length = usize::try_from(end.unwrap() - items.offset()).unwrap();
            let payload = items.payload().take(length).unwrap().to_vec();
            found.push((header.name, header.instance_id, header.version, payload));
        } else {
            // The records of memory end with EOS and a footer of the section.
            let end = vmstate::stream::section_end::find_end(items.payload(), header.section_id, None).unwrap();
            let length = end.unwrap() - items.offset();
            items.payload().skip(length).unwrap();
        }
    }
    found
}

#[test]
fn devices_of_all_machines_are_kept_byte_for_byte() {
    for stream in streams::all().into_iter().filter(|stream| !stream.name.ends_with("-none")) {
        let mut guest = loaded(&stream.bytes);
        let again = saved(&mut guest);
        assert_eq!(sections(&again), sections(&stream.bytes), "{}", stream.name);
        assert_eq!(document(&again).devices, document(&stream.bytes).devices, "{}", stream.name);
        assert_eq!(document(&again).page_size, document(&stream.bytes).page_size, "{}", stream.name);
        assert!(saved(&mut loaded(&again)) == again, "{}: the streams differ", stream.name);
    }
}

/// A stream of guest memory with a device, whose payload is `device`.
fn stream(memory: &[(SectionKind, Vec<u8>)], device: &[u8]) -> Vec<u8> {
    let size = device.len();
    let text = format!(
        r#"{{"page_size": 4096, "devices": [{{"name": "nic", "instance_id": 0, "vmsd_name": "nic", "version": 1, "fields": [{{"name": "fifo", "type": "buffer", "size": {size}}}]}}]}}"#
    );
    let mut out = Writer::new();
    begin(&mut out, memory);
    let mut frame = StreamWriter::new(&mut out);
    frame.begin_section(&SectionHeader::full(9, "nic", 0, 1));
    frame.payload().bytes(device);
    frame.end_section();
    frame.eof();
    frame.description(&text);
    out.take()
}

fn begin(out: &mut Writer, memory: &[(SectionKind, Vec<u8>)]) {
    let mut frame = StreamWriter::new(out);
    frame.header();
    frame.configuration(&Configuration::new("board"));
    for (kind, payload) in memory {
        let mut header = SectionHeader::full(2, "ram", 0, 4);
        header.kind = *kind;
        frame.begin_section(&header);
        frame.payload().bytes(payload);
        frame.end_section();
    }
}

/// The payload of a section of memory.
fn records(records: &[Record], page: u8) -> Vec<u8> {
    let mut out = Writer::new();
    for record in records {
        write_record(&mut out, record, "ram");
        if matches!(record, Record::Page { .. }) {
            out.bytes(&[page; 4096]);
        }
    }
    write_record(&mut out, &Record::EndOfSection, "");
    out.take()
}

fn list(blocks: &[(&str, u64)]) -> (SectionKind, Vec<u8>) {
    let mut list = vec![Record::BlockList(blocks.iter().map(|(_, size)| size).sum())];
    list.extend(blocks.iter().map(|(idstr, size)| Record::Block(BlockHeader::new(*idstr, *size))));
    (SectionKind::Start, records(&list, 0))
}

fn page(offset: u64, first: bool) -> Record {
    Record::Page { offset, same_block: !first }
}

/// Memory of four pages, of which the first two are sent twice.
fn memory() -> Vec<(SectionKind, Vec<u8>)> {
    let zero = |offset| Record::Zero { offset, same_block: true, fill: 0 };
    let first = records(&[page(0, true), page(4096, false), page(8192, false), zero(12288)], 1);
    let again = records(&[page(0, true), zero(4096)], 2);
    vec![list(&[("ram", 4 * 4096)]), (SectionKind::Part, first), (SectionKind::End, again)]
}

#[test]
fn last_copy_of_each_page_is_saved_once() {
    let again = saved(&mut loaded(&stream(&memory(), b"state")));
    let zero = |offset| Record::Zero { offset, same_block: true, fill: 0 };
    let mut pages = records(&[page(0, true)], 2);
    pages.truncate(pages.len() - 8);
    let rest = records(&[zero(4096), page(8192, false), zero(12288)], 1);
    let expected = [pages, rest].concat();
    assert!(again.windows(expected.len()).any(|part| part == expected));
    assert!(again.len() < 3 * 4096, "{} bytes", again.len());
}

#[test]
fn saved_forms_are_loaded_again() {
    let plain = stream(&memory(), b"state");
    let mut guest = loaded(&plain);
    let expected = saved(&mut guest);
    let file = tempfile::tempfile().unwrap();
    guest.save(Output::to_mapped_file(&mut Writer::new(), &file, 0), SaveOptions::new()).unwrap();
    let mut mapped = new();
    mapped.load(&mut Reader::from_file_at(&file, 0).unwrap()).unwrap();
    assert!(saved(&mut mapped) == expected, "the streams differ");
    let mut described = new();
    described.load_described(&mut Reader::from_slice(&plain), document(&plain)).unwrap();
    assert!(saved(&mut described) == expected, "the streams differ");
}

#[test]
fn forged_frames_in_a_device_are_detected() {
    // The end of the device's section, and another section.
    let forged = b"\x7e\0\0\0\x09\x04\0\0\0\x0a\x05timer\0\0\0\0\0\0\0\x01".to_vec();
    let message = rejection(&stream(&memory(), &forged));
    assert!(message.contains("\"timer\""), "{message}");
    let complete = [&forged[..], b"\x7e\0\0\0\x0a\x04\0\0\0\x09\x03nic\0\0\0\x01\0\0\0\x01"].concat();
    let message = rejection(&stream(&memory(), &complete));
    assert!(message.contains("expected no section, as described, found section `timer` 0"), "{message}");
    // With the description, the sizes are known.
    let bytes = stream(&memory(), &forged);
    let mut guest = new();
    guest.load_described(&mut Reader::from_slice(&bytes), document(&bytes)).unwrap();
    assert_eq!(sections(&saved(&mut guest))[0].3, forged);
}

#[test]
fn forged_end_of_the_stream_is_detected() {
    let inner = r#"{"page_size": 4096, "devices": [{"name": "nic", "instance_id": 0, "vmsd_name": "nic", "version": 1, "fields": []}]}"#;
    let mut forged = b"\x7e\0\0\0\x09\0\x06\0\0".to_vec();
    forged.extend(u16::try_from(inner.len()).unwrap().to_be_bytes());
    forged.extend(inner.as_bytes());
    let error = receive(&stream(&memory(), &forged), |_| panic!("the guest is kept")).unwrap_err();
    assert!(error.contains("expected the end of the stream, found more"), "{error}");
}

#[test]
fn everything_but_devices_and_memory_is_rejected() {
    let end = (SectionKind::End, records(&[], 0));
    let total = |blocks: &[(&str, u64)]| stream(&[list(blocks), end.clone()], b"");
    for (bytes, expected) in [
        (total(&[("ram", 1 << 41)]), "found more; raise the limit"),
        (total(&[("ram", u64::MAX - 4095)]), "found more; raise the limit"),
        (total(&[("ram", 4096), ("ram", 4096)]), "duplicate block `ram`"),
        (stream(&memory()[1..], b""), "a section that has started"),
        (stream(&[], b""), "expected section \"ram\""),
        (stream(&memory()[..1], b""), "found only its first parts"),
    ] {
        let message = rejection(&bytes);
        assert!(message.contains(expected), "{message}");
    }
    let mut endless = vec![Record::BlockList(4096)];
    endless.extend((0..5000).map(|number| Record::Block(BlockHeader::new(format!("b{number}"), 0))));
    let message = rejection(&stream(&[(SectionKind::Start, records(&endless, 0)), end], b""));
    assert!(message.contains("at most 4096 blocks"), "{message}");
}

/// All pages have arrived, as in a background snapshot.
#[test]
fn memory_without_an_end_is_complete() {
    let mut guest = loaded(&stream(&memory()[..2], b"state"));
    assert!(saved(&mut guest).len() > 3 * 4096);
}

#[test]
fn other_live_sections_and_early_devices_are_rejected() {
    let mut out = Writer::new();
    begin(&mut out, &[]);
    let mut header = SectionHeader::full(3, "dirty-bitmap", 0, 1);
    header.kind = SectionKind::Start;
    StreamWriter::new(&mut out).begin_section(&header);
    let message = rejection(out.pending());
    assert!(message.contains("dirty-bitmap") && message.contains("a live section"), "{message}");

    let mut out = Writer::new();
    begin(&mut out, &[]);
    let mut frame = StreamWriter::new(&mut out);
    frame.begin_section(&SectionHeader::full(3, "virtio-mem-device-early", 0, 1));
    frame.payload().u32(7);
    frame.end_section();
    let mut rest = Writer::new();
    begin(&mut rest, &memory());
    let start = rest.pending().windows(8).position(|bytes| bytes == b"\x01\0\0\0\x02\x03ra").unwrap();
    out.bytes(&rest.pending()[start..]);
    let text = r#"{"page_size": 4096, "devices": [{"name": "virtio-mem-device-early", "instance_id": 0, "size": 4}]}"#;
    let mut frame = StreamWriter::new(&mut out);
    frame.eof();
    frame.description(text);
    let message = rejection(out.pending());
    assert!(message.contains("device sections after the memory"), "{message}");

    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.header();
    let mut configuration = Configuration::new("board");
    configuration.capabilities = Some(vec!["x-ignore-shared".to_owned()]);
    frame.configuration(&configuration);
    let mut header = SectionHeader::full(2, "ram", 0, 4);
    header.kind = SectionKind::Start;
    frame.begin_section(&header);
    let message = rejection(out.pending());
    assert!(message.contains("expected a stream with all memory"), "{message}");
}

#[test]
fn page_size_of_the_description_is_compared() {
    let mut guest = new().page_size(PageSize::new(256).unwrap());
    let stream = stream(&[list(&[("ram", 4096)]), (SectionKind::End, records(&[], 0))], b"");
    let error = guest.load(&mut Reader::from_slice(&stream)).unwrap_err().to_string();
    assert!(error.contains("pages of 4096 bytes, as described"), "{error}");
}

/// Receives the guest of a source that sends `stream` and closes the connection at the end.
fn receive(stream: &[u8], keep: impl FnOnce(&mut OpaqueGuest)) -> Result<Kept, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket").display().to_string();
    let incoming = Incoming::listen(&Uri::Unix(path.clone()), Parameters::default()).unwrap();
    let mut keep = Some(keep);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut socket = UnixStream::connect(path).unwrap();
            // The destination closes the connection early when it rejects the stream.
            let _ = std::io::Write::write_all(&mut socket, stream);
            let _ = socket.shutdown(std::net::Shutdown::Write);
            let _ = std::io::Read::read_to_end(&mut socket, &mut Vec::new());
        });
        let kept = new().receive(incoming, |guest| {
            keep.take().into_iter().for_each(|keep| keep(guest));
            Ok(())
        });
        kept.map_err(|error| error.to_string())
    })
}

#[test]
fn source_without_return_path_does_not_confirm() {
    let bytes = stream(&memory(), b"state");
    let mut received = Vec::new();
    let kept = receive(&bytes, |guest| received = saved(guest)).unwrap();
    assert_eq!(kept, Kept::Unconfirmed);
    assert!(received == saved(&mut loaded(&bytes)), "the streams differ");
}

#[test]
fn stream_that_ends_early_is_not_kept() {
    let bytes = stream(&memory(), b"state");
    let end = bytes.windows(5).position(|part| part == b"state").unwrap();
    for length in [0, 8, 100, 5000, end + 3, end + 10] {
        receive(&bytes[..length], |_| panic!("the guest is kept")).unwrap_err();
    }
}

#[test]
fn source_that_may_use_postcopy_is_declined() {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.header();
    frame.configuration(&Configuration::new("board"));
    frame.command(&Command::OpenReturnPath).unwrap();
    frame.command(&Command::PostcopyAdvise(None)).unwrap();
    let error = receive(out.pending(), |_| panic!("the guest is kept")).unwrap_err();
    assert!(error.contains("switch `postcopy-ram` off at the source"), "{error}");
}

/// Sends a guest from one process to another, over data channels if there are some.
fn move_guest(
    guest: &mut OpaqueGuest,
    channels: u8,
    fails: bool,
) -> (Result<(), String>, Result<Kept, String>, Vec<u8>) {
    let folder = TempDir::new().unwrap();
    let uri = Uri::Unix(folder.path().join("socket").display().to_string());
    let mut config = DestinationConfig::default();
    let mut source = Outgoing::default_config(guest, &uri, Parameters::default());
    if channels > 0 {
        config.capabilities.set(Capability::Multifd, true);
        source.capabilities.set(Capability::Multifd, true);
        (config.parameters.multifd_channels, source.parameters.multifd_channels) = (channels, channels);
    }
    let incoming = Incoming::listen_with(&uri, config).unwrap();
    let (mut other, mut received) = (new(), Vec::new());
    thread::scope(|scope| {
        let sending = scope.spawn(|| Outgoing::start_with(guest, &uri, source).unwrap().finish());
        let kept = other.receive(incoming, |guest| {
            received = saved(guest);
            if fails { Err("the disk is full".into()) } else { Ok(()) }
        });
        let sent = sending.join().unwrap().map(drop).map_err(|error| error.to_string());
        (sent, kept.map_err(|error| error.to_string()), received)
    })
}

#[test]
fn guest_moves_over_any_number_of_channels() {
    let bytes = stream(&memory(), b"state");
    for channels in [0, 1, 3] {
        let mut guest = loaded(&bytes).uuid([7; 16]);
        let (sent, kept, received) = move_guest(&mut guest, channels, false);
        assert_eq!((sent, kept), (Ok(()), Ok(Kept::Confirmed)));
        assert!(received == saved(&mut guest), "{channels}: the streams differ");
    }
}

#[test]
fn source_learns_that_the_guest_was_not_kept() {
    let (sent, kept, _) = move_guest(&mut loaded(&stream(&memory(), b"state")), 0, true);
    assert!(sent.unwrap_err().contains("the disk is full"));
    assert!(kept.unwrap_err().contains("the disk is full"));
}

#[test]
fn lost_confirmation_leaves_the_guest_in_doubt() {
    let mut bytes = stream(&memory(), b"state");
    let start = bytes.windows(8).position(|part| part == b"\x01\0\0\0\x02\x03ra").unwrap();
    bytes.splice(start..start, *b"\x08\0\x01\0\0");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("socket").display().to_string();
    let incoming = Incoming::listen(&Uri::Unix(path.clone()), Parameters::default()).unwrap();
    let kept = thread::scope(|scope| {
        let (closed, wait) = std::sync::mpsc::channel();
        scope.spawn(move || {
            let mut socket = UnixStream::connect(path).unwrap();
            std::io::Write::write_all(&mut socket, &bytes).unwrap();
            socket.shutdown(std::net::Shutdown::Both).unwrap();
            closed.send(()).unwrap();
        });
        // The source has closed the connection when the guest is confirmed.
        new().receive(incoming, |_| Ok(wait.recv()?)).unwrap()
    });
    assert!(matches!(kept, Kept::InDoubt(_)), "{kept:?}");
}

#[test]
fn full_disk_is_an_error() {
    let full = std::fs::File::options().read(true).write(true).open("/dev/full").unwrap();
    let mut guest = OpaqueGuest::new(full);
    let error = guest.load(&mut Reader::from_slice(&stream(&memory(), b""))).unwrap_err().to_string();
    assert!(error.contains("writing of RAM block `ram` failed; free space"), "{error}");
}

#[test]
fn missing_state_is_an_error() {
    let error = new().save(Output::new(&mut Writer::new(), None), SaveOptions::new()).unwrap_err();
    assert!(error.to_string().contains("the guest has no state"), "{error}");
}

proptest! {
    /// Damaged streams are loaded or rejected, in bounded time.
    #[test]
    fn damaged_streams_do_not_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = stream(&memory(), b"state");
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let start = Instant::now();
        if let Ok(()) = new().load(&mut Reader::from_slice(&bytes)) {
            loaded(&bytes);
        }
        prop_assert!(start.elapsed() < Duration::from_secs(60));
    }
}
