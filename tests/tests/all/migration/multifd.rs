//! Recorded sources with several channels, replayed to the destination: whole, cut, and with channels that do not belong
//! to them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::ZlibDecoder;
use vmstate::machine::{LoadOptions, Rules, Unknown};
use vmstate::memory::PageSize;
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::{Capabilities, Capability, Compression, Incoming, Uri};
use vmstate::prelude::*;
use vmstate::ram::{Record, RecordReader};
use vmstate::stream::{StreamItem, StreamReader};
use vmstate_tests::conversations::source;

use super::destination::Recorded;
use super::recordings::COMPLETED;

const NAMES: [&str; 3] = ["qemu-7.2-multifd", "qemu-10.0-multifd", "qemu-11.1-multifd"];
const UUID: [u8; 16] = *b"\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\0";
const PAGE: usize = 4096;

/// The bytes of the main channel and of the data channels.
#[derive(Clone)]
struct Channels {
    main: Vec<u8>,
    data: Vec<Vec<u8>>,
}

impl Channels {
    fn new(name: &str, channels: u32) -> Self {
        Self { main: source(name, 0), data: (1..=channels).map(|number| source(name, number)).collect() }
    }
}

type Pages = HashMap<(String, u64), Vec<u8>>;

/// Returns the pages of a data channel, split at synchronization points: an independent decoder.
fn epochs(mut bytes: &[u8]) -> Vec<Pages> {
    bytes = &bytes[64..];
    let mut decompressed = decompressed(bytes);
    let mut epochs = vec![Pages::new()];
    while !bytes.is_empty() {
        let (normal, zero) = (number(bytes, 16) as usize, number(bytes, 32) as usize);
        let block = bytes[64..320].split(|byte| *byte == 0).next().unwrap();
        let block = String::from_utf8(block.to_vec()).unwrap();
        let pages = epochs.last_mut().unwrap();
        for index in 0..normal + zero {
            let offset = u64::from_be_bytes(bytes[320 + 8 * index..328 + 8 * index].try_into().unwrap());
            let content = match index < normal {
                true if bytes[11] & 2 != 0 => decompressed.drain(..PAGE).collect(),
                true => bytes[1344 + index * PAGE..][..PAGE].to_vec(),
                false => vec![0; PAGE],
            };
            pages.insert((block.clone(), offset), content);
        }
        if bytes[11] & 1 != 0 {
            epochs.push(Pages::new());
        }
        bytes = &bytes[1344 + content_size(bytes)..];
    }
    epochs
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Returns the size of the content of a packet.
fn content_size(head: &[u8]) -> usize {
    if number(head, 16) == 0 { 0 } else { number(head, 20) as usize }
}

/// Returns the decompressed content of all packets with zlib: the packets are parts of one stream, which has no end.
fn decompressed(mut packets: &[u8]) -> Vec<u8> {
    let mut stream = Vec::new();
    while let Some(head) = packets.get(..1344) {
        let content = &packets[1344..][..content_size(head)];
        if head[11] & 2 != 0 {
            stream.extend(content);
        }
        packets = &packets[1344 + content.len()..];
    }
    let (mut decoder, mut content, mut page) = (ZlibDecoder::new(&stream[..]), Vec::new(), [0; PAGE]);
    while decoder.read_exact(&mut page).is_ok() {
        content.extend(page);
    }
    content
}

/// Returns the memory after the migration: the pages of each epoch of both channels and the zero pages of the main channel.
fn expected(recording: &Channels) -> Pages {
    let channels: Vec<_> = recording.data.iter().map(|bytes| epochs(bytes)).collect();
    let (mut pages, mut epoch) = (Pages::new(), 0);
    let mut synchronize = |pages: &mut Pages| {
        channels.iter().for_each(|channel| pages.extend(channel[epoch].clone()));
        epoch += 1;
    };
    let mut reader = Reader::from_slice(&recording.main);
    let mut items = StreamReader::new(&mut reader).unwrap();
    let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
    let mut flushes = false;
    while let Some(item) = items.next_item().unwrap() {
        let StreamItem::Section(section) = item else { continue };
        if section.name != "ram" {
            break;
        }
        loop {
            match records.next_record(items.payload()).unwrap() {
                Record::EndOfSection => break,
                Record::MultifdFlush => {
                    flushes = true;
                    synchronize(&mut pages);
                }
                Record::Zero { offset, .. } => {
                    let block = &records.blocks()[records.current_block().unwrap()];
                    pages.insert((block.idstr.clone(), offset), vec![0; PAGE]);
                }
                _ => {}
            }
        }
        if !flushes {
            synchronize(&mut pages);
        }
        items.end_section().unwrap();
    }
    assert!(epoch > 2 && pages.len() >= 1040, "{epoch} synchronizations, {} pages", pages.len());
    pages
}

fn host(recording: &Channels) -> Recorded {
    let mut host = Recorded::new(&recording.main);
    host.uuid = UUID;
    host
}

fn content(host: &Recorded) -> Pages {
    let pages = host.blocks.iter().flat_map(|block| (0..block.size() / 4096).map(move |page| (block, page * 4096)));
    let read = |(block, offset): (&std::sync::Arc<dyn vmstate::memory::RamBlock + Send + Sync>, u64)| {
        let mut page = vec![0; PAGE];
        block.read(offset, &mut page).unwrap();
        ((block.idstr().to_owned(), offset), page)
    };
    pages.map(read).collect()
}

/// A connection of the replayed source: its bytes, and whether it is kept open after them.
type Connection = (Vec<u8>, bool);

/// Replays connections in this order. Returns the answers on the `main` one, and the result.
fn replay(
    connections: Vec<Connection>,
    main: usize,
    (channels, compression): (u8, Compression),
    host: &mut Recorded,
) -> (Vec<u8>, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let uri = Uri::Unix(path.to_str().unwrap().to_owned());
    let mut config = DestinationConfig::default();
    config.capabilities = Capabilities::default().with(Capability::Multifd);
    config.parameters.multifd_channels = channels;
    config.parameters.multifd_compression = compression;
    config.parameters.answer_timeout = Duration::from_secs(2);
    config.parameters.progress_timeout = Duration::from_secs(2);
    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough));
    let incoming = Incoming::listen_with(&uri, config).unwrap().load_options(options);
    let threads: Vec<_> = connections
        .into_iter()
        .map(|(bytes, open)| {
            let mut socket = UnixStream::connect(&path).unwrap();
            thread::spawn(move || {
                let sent = socket.write_all(&bytes);
                if !open && sent.is_ok() {
                    let _ = socket.shutdown(Shutdown::Write);
                }
                let mut answer = Vec::new();
                let mut buffer = [0; 256];
                while let Ok(count @ 1..) = socket.read(&mut buffer) {
                    answer.extend(&buffer[..count]);
                    if answer.len() >= COMPLETED.len() {
                        let _ = socket.shutdown(Shutdown::Write);
                    }
                }
                answer
            })
        })
        .collect();
    let loaded = incoming.run(host).map_err(|error| error.reason().to_owned());
    let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    (answers.into_iter().nth(main).unwrap_or_default(), loaded)
}

#[test]
fn recorded_channels_are_loaded_in_any_order() {
    for name in NAMES {
        let recording = Channels::new(name, 2);
        let expected = expected(&recording);
        let bytes = [&recording.main, &recording.data[0], &recording.data[1]];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
            let connections = order.iter().map(|index| (bytes[*index].clone(), true)).collect();
            let main = order.iter().position(|index| *index == 0).unwrap();
            let mut host = host(&recording);
            let (answer, loaded) = replay(connections, main, (2, Compression::None), &mut host);
            assert_eq!((loaded, host.started), (Ok(()), true), "{name} {order:?}");
            assert_eq!(answer, COMPLETED, "{name} {order:?}");
            assert!(content(&host) == expected, "{name} {order:?}: the memory differs");
        }
    }
}

/// Replays a recording that must fail in time, and checks that nothing has changed. Returns the reason.
fn refused(recording: &Channels, connections: Vec<Connection>, channels: u8, uuid: [u8; 16]) -> String {
    refused_with(recording, connections, (channels, Compression::None), uuid)
}

/// Replays a recording with a compression, as [`refused`].
fn refused_with(
    recording: &Channels,
    connections: Vec<Connection>,
    (channels, compression): (u8, Compression),
    uuid: [u8; 16],
) -> String {
    let mut host = host(recording);
    host.uuid = uuid;
    let (before, start) = (content(&host), Instant::now());
    let (answer, loaded) = replay(connections, 0, (channels, compression), &mut host);
    assert!(!host.started && content(&host) == before, "the memory has changed: {loaded:?}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(!answer.ends_with(b"\0\x01\0\x04\0\0\0\0"), "SHUT 0: {answer:?}");
    loaded.unwrap_err()
}

/// Returns the end of the last synchronization point of a data channel.
fn last_synchronization(bytes: &[u8]) -> usize {
    let (mut at, mut last) = (64, 0);
    while let Some(head) = bytes.get(at..at + 1344) {
        at += 1344 + content_size(head);
        if head[11] & 1 != 0 {
            last = at;
        }
    }
    last
}

#[test]
fn cut_channels_roll_back() {
    for name in NAMES {
        let recording = Channels::new(name, 2);
        for id in 0..2 {
            // QEMU 7.2 sends a packet without pages after the last synchronization point.
            let end = last_synchronization(&recording.data[id]);
            for cut in [70, 64 + 1344, 64 + 1344 + 320, 64 + 2 * 1344 + 5, end / 2, end - 1344, end - 1] {
                let mut connections: Vec<_> = [&recording.main, &recording.data[0], &recording.data[1]]
                    .map(|bytes| (bytes.clone(), true))
                    .to_vec();
                connections[1 + id].0.truncate(cut);
                connections[1 + id].1 = false;
                let reason = refused(&recording, connections, 2, UUID);
                println!("{name} {id} {cut}: {reason}");
                assert!(reason.contains("data channel"), "{name} {id} {cut}: {reason}");
            }
        }
    }
}

#[test]
fn channel_that_stops_rolls_back() {
    let recording = Channels::new("qemu-10.0-multifd", 2);
    for id in 0..2 {
        let mut connections: Vec<_> =
            [&recording.main, &recording.data[0], &recording.data[1]].map(|bytes| (bytes.clone(), true)).to_vec();
        connections[1 + id].0.truncate(last_synchronization(&recording.data[id]) / 2);
        let reason = refused(&recording, connections, 2, UUID);
        assert!(reason.contains("data channel"), "{id}: {reason}");
    }
}

#[test]
fn channels_that_do_not_belong_are_rejected() {
    let recording = Channels::new("qemu-10.0-multifd", 2);
    let main = (recording.main.clone(), true);
    let [first, second] = [0, 1].map(|id: usize| (recording.data[id].clone(), true));
    let stranger = |bytes: &[u8]| (bytes.to_vec(), true);
    let missing = "expected 3 data channels, found 2; set `multifd` and `multifd-channels`";
    let uuids = "received uuid '11223344-5566-7788-99aa-bbccddeeff00' and expected uuid '00000000-0000-0000-0000-";
    for (connections, channels, uuid, expected) in [
        (vec![main.clone(), first.clone(), second.clone()], 3, UUID, missing),
        (vec![main.clone(), first.clone(), second.clone()], 1, UUID, "unexpected data channel"),
        (vec![main.clone(), second.clone()], 1, UUID, "unexpected data channel 1 of 1"),
        (vec![main.clone(), first.clone(), first.clone()], 2, UUID, "unexpected a second data channel 0"),
        (vec![main.clone(), main.clone()], 2, UUID, "unexpected a second main channel"),
        (vec![main.clone(), first.clone(), second.clone()], 2, [0; 16], uuids),
        (vec![main.clone(), stranger(b"GET / HTTP/1.1\r\n")], 2, UUID, "connection that begins with [47, 45, 54, 20]"),
        (vec![main.clone(), stranger(b"")], 2, UUID, "a connection sends nothing"),
        (vec![main.clone(), stranger(&[0x11, 0x22, 0x33, 0x44, 0])], 2, UUID, "a connection sends nothing"),
        (vec![main.clone(), (Vec::new(), false)], 2, UUID, "ends before its first bytes"),
        (vec![first.clone(), second.clone()], 2, UUID, "the main channel is missing"),
    ] {
        let reason = refused(&recording, connections, channels, uuid);
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}

/// Returns the place of the first packet with normal pages.
fn first_pages(bytes: &[u8]) -> usize {
    let mut at = 64;
    while number(&bytes[at..], 16) == 0 {
        at += 1344;
    }
    at
}

#[test]
fn damaged_packets_are_rejected() {
    let recording = Channels::new("qemu-10.0-multifd", 2);
    let first = first_pages(&recording.data[0]);
    for (at, value, expected) in [
        (0, 0x12, "magic"),
        (7, 2, "version 1"),
        (11, 2, "expected pages with compression `none`, found `zlib`"),
        (11, 4, "set `multifd-compression` to the same value on both sides"),
        (11, 8, "known flags"),
        (16, 0xff, "at most 128 pages"),
        (32, 0xff, "at most 128 pages"),
        (20, 1, "bytes of pages"),
        (64, b'x', "the name of a block"),
        (64, 0xff, "the name of a block"),
        (320, 0xff, "the offset of a page"),
        (327, 1, "the offset of a page"),
    ] {
        let mut damaged = recording.data[0].clone();
        damaged[first + at] = value;
        let connections = vec![(recording.main.clone(), true), (damaged, true), (recording.data[1].clone(), true)];
        let reason = refused(&recording, connections, 2, UUID);
        assert!(reason.contains(expected), "{at}: {reason}");
    }
}

#[test]
fn pages_before_the_list_of_blocks_are_rejected() {
    let recording = Channels::new("qemu-10.0-multifd", 2);
    let mut data = recording.data.clone();
    // Without its first packet, a synchronization point, the channel begins with pages.
    data[0].drain(64..64 + 1344);
    let connections = [&recording.main, &data[0], &data[1]].map(|bytes| (bytes.clone(), true)).to_vec();
    let reason = refused(&recording, connections, 2, UUID);
    assert!(reason.contains("the list of blocks before the first page"), "{reason}");
}

/// A source without return path, with one channel.
fn compressed() -> Channels {
    Channels::new("qemu-10.0-multifd-zlib", 1)
}

#[test]
fn recorded_compressed_channel_is_loaded() {
    let recording = compressed();
    let expected = expected(&recording);
    let connections = vec![(recording.main.clone(), false), (recording.data[0].clone(), true)];
    let mut host = host(&recording);
    host.uuid = [0; 16];
    let (answer, loaded) = replay(connections, 0, (1, Compression::Zlib), &mut host);
    assert_eq!((loaded, host.started, &answer[..]), (Ok(()), true, &[][..]));
    assert!(content(&host) == expected, "the memory differs");
}

#[test]
fn damaged_compressed_packets_are_rejected() {
    let recording = compressed();
    let first = first_pages(&recording.data[0]);
    let size = content_size(&recording.data[0][first..]);
    let normal = recording.data[0][first + 19];
    for (changes, expected) in [
        (&[(11, 0)][..], "expected pages with compression `zlib`, found `none`"),
        (&[(20, 0xff)], "1 to 0x100000 bytes of compressed pages"),
        (&[(19, normal + 1), (35, 0)], "ends within its pages"),
        (&[(19, normal - 1)], "exceeds its pages"),
        (&[(1344, 0xff)], "malformed zlib data"),
    ] {
        let mut damaged = recording.data[0].clone();
        changes.iter().for_each(|(at, value)| damaged[first + at] = *value);
        let connections = vec![(recording.main.clone(), true), (damaged, true)];
        let reason = refused_with(&recording, connections, (1, Compression::Zlib), [0; 16]);
        assert!(reason.contains(expected), "{changes:?}: {reason}");
    }
    for (cut, expected) in [(size - 1, "ends in the pages of a packet"), (0, "ends in the pages of a packet")] {
        let mut damaged = recording.data[0].clone();
        damaged.truncate(first + 1344 + cut);
        let connections = vec![(recording.main.clone(), true), (damaged, false)];
        let reason = refused_with(&recording, connections, (1, Compression::Zlib), [0; 16]);
        assert!(reason.contains(expected), "{cut}: {reason}");
    }
}
