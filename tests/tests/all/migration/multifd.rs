//! Recorded sources with several channels, replayed to the destination: whole, cut, and with channels that do not belong
//! to them.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use vmstate::machine::{LoadOptions, Rules, Unknown};
use vmstate::memory::PageSize;
use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::{Capabilities, Capability, Incoming, Uri};
use vmstate::prelude::*;
use vmstate::ram::{Record, RecordReader};
use vmstate::stream::{StreamItem, StreamReader};
use vmstate_tests::conversations::source;

use super::destination::Recorded;
use super::recordings::COMPLETED;

const NAMES: [&str; 3] = ["qemu-7.2-multifd", "qemu-10.0-multifd", "qemu-11.1-multifd"];
const UUID: [u8; 16] = *b"\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\0";
const PAGE: usize = 4096;

/// The bytes of the main channel and of both data channels.
#[derive(Clone)]
struct Recorded3 {
    main: Vec<u8>,
    data: Vec<Vec<u8>>,
}

impl Recorded3 {
    fn new(name: &str) -> Self {
        Self { main: source(name, 0), data: (1..=2).map(|number| source(name, number)).collect() }
    }
}

type Pages = HashMap<(String, u64), Vec<u8>>;

/// Returns the pages of a data channel, split at synchronization points: an independent decoder.
fn epochs(mut bytes: &[u8]) -> Vec<Pages> {
    let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    bytes = &bytes[64..];
    let mut epochs = vec![Pages::new()];
    while !bytes.is_empty() {
        let (normal, zero) = (number(bytes, 16) as usize, number(bytes, 32) as usize);
        let block = bytes[64..320].split(|byte| *byte == 0).next().unwrap();
        let block = String::from_utf8(block.to_vec()).unwrap();
        let pages = epochs.last_mut().unwrap();
        for index in 0..normal + zero {
            let offset = u64::from_be_bytes(bytes[320 + 8 * index..328 + 8 * index].try_into().unwrap());
            let content = if index < normal { &bytes[1344 + index * PAGE..][..PAGE] } else { &[0; PAGE] };
            pages.insert((block.clone(), offset), content.to_vec());
        }
        if bytes[11] & 1 != 0 {
            epochs.push(Pages::new());
        }
        bytes = &bytes[1344 + normal * PAGE..];
    }
    epochs
}

/// Returns the memory after the migration: the pages of each epoch of both channels and the zero pages of the main channel.
fn expected(recording: &Recorded3) -> Pages {
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
    assert!(epoch > 2 && pages.len() == 1040, "{epoch} synchronizations, {} pages", pages.len());
    pages
}

fn host(recording: &Recorded3) -> Recorded {
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
    channels: u8,
    host: &mut Recorded,
) -> (Vec<u8>, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let uri = Uri::Unix(path.to_str().unwrap().to_owned());
    let mut config = DestinationConfig::default();
    config.capabilities = Capabilities::default().with(Capability::Multifd);
    config.parameters.multifd_channels = channels;
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
        let recording = Recorded3::new(name);
        let expected = expected(&recording);
        let bytes = [&recording.main, &recording.data[0], &recording.data[1]];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0], [1, 2, 0]] {
            let connections = order.iter().map(|index| (bytes[*index].clone(), true)).collect();
            let main = order.iter().position(|index| *index == 0).unwrap();
            let mut host = host(&recording);
            let (answer, loaded) = replay(connections, main, 2, &mut host);
            assert_eq!((loaded, host.started), (Ok(()), true), "{name} {order:?}");
            assert_eq!(answer, COMPLETED, "{name} {order:?}");
            assert!(content(&host) == expected, "{name} {order:?}: the memory differs");
        }
    }
}

/// Replays a recording that must fail in time, and checks that nothing has changed. Returns the reason.
fn refused(recording: &Recorded3, connections: Vec<Connection>, channels: u8, uuid: [u8; 16]) -> String {
    let mut host = host(recording);
    host.uuid = uuid;
    let (before, start) = (content(&host), Instant::now());
    let (answer, loaded) = replay(connections, 0, channels, &mut host);
    assert!(!host.started && content(&host) == before, "the memory has changed: {loaded:?}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(!answer.ends_with(b"\0\x01\0\x04\0\0\0\0"), "SHUT 0: {answer:?}");
    loaded.unwrap_err()
}

/// Returns the end of the last synchronization point of a data channel.
fn last_synchronization(bytes: &[u8]) -> usize {
    let (mut at, mut last) = (64, 0);
    while let Some(head) = bytes.get(at..at + 1344) {
        at += 1344 + u32::from_be_bytes(head[16..20].try_into().unwrap()) as usize * PAGE;
        if head[11] & 1 != 0 {
            last = at;
        }
    }
    last
}

#[test]
fn cut_channels_roll_back() {
    for name in NAMES {
        let recording = Recorded3::new(name);
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
fn channels_that_do_not_belong_are_rejected() {
    let recording = Recorded3::new("qemu-10.0-multifd");
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

#[test]
fn damaged_packets_are_rejected() {
    let recording = Recorded3::new("qemu-10.0-multifd");
    let heads = |bytes: &[u8]| {
        let mut at = 64;
        std::iter::from_fn(|| {
            let head = bytes.get(at..at + 1344)?;
            let normal = u32::from_be_bytes(head[16..20].try_into().unwrap()) as usize;
            let start = at;
            at += 1344 + normal * PAGE;
            (normal > 0).then_some(start).or(Some(0))
        })
        .find(|start| *start > 0)
        .unwrap()
    };
    let first = heads(&recording.data[0]);
    for (at, value, expected) in [
        (0, 0x12, "magic"),
        (7, 2, "version 1"),
        (11, 2, "zlib"),
        (11, 4, "zstd"),
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
    let recording = Recorded3::new("qemu-10.0-multifd");
    let mut data = recording.data.clone();
    // Without its first packet, a synchronization point, the channel begins with pages.
    data[0].drain(64..64 + 1344);
    let connections = [&recording.main, &data[0], &data[1]].map(|bytes| (bytes.clone(), true)).to_vec();
    let reason = refused(&recording, connections, 2, UUID);
    assert!(reason.contains("the list of blocks before the first page"), "{reason}");
}
