//! Pages between one connection and data channels, with destinations that process channels in another order.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::migration::conversation::{Forward, PageKind, Position, Seen};
use crate::migration::release::QemuRelease;
use crate::ram::{BlockHeader, Record, write_record};
use crate::stream::{Command, Configuration, SectionHeader, SectionKind, StreamWriter};
use crate::{Reader, Writer};

const PAGE: u64 = 4096;
/// The names and the numbers of pages of the blocks.
const BLOCKS: [(&str, u64); 2] = [("ram", 300), ("vga", 4)];
/// The machine types of the three conversations, with their synchronization at the ends of sections.
const MACHINES: [(&str, bool); 3] = [("pc-i440fx-7.2", true), ("pc-i440fx-8.1", false), ("pc-i440fx-10.0", false)];

/// A page that is sent: its block, its number, and the value of all bytes.
type Sent = (usize, u64, u8);
/// The values of pages.
type Memory = BTreeMap<Position, u8>;

fn place((block, page, _): Sent) -> Position {
    (block, page * PAGE)
}

/// A stream of a source with one connection.
fn stream(machine: &str, sections: &[Vec<Sent>]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut writer = StreamWriter::new(&mut out);
    writer.header();
    // Otherwise the page size is searched for in the first 64 KiB of pages.
    writer.configuration(&Configuration { target_page_bits: Some(12), ..Configuration::new(machine) });
    writer.command(&Command::OpenReturnPath).unwrap();
    let start = SectionHeader { kind: SectionKind::Start, ..SectionHeader::full(2, "ram", 0, 4) };
    writer.begin_section(&start);
    let total = BLOCKS.iter().map(|(_, pages)| pages * PAGE).sum();
    write_record(writer.payload(), &Record::BlockList(total), "");
    for (name, pages) in BLOCKS {
        write_record(writer.payload(), &Record::Block(BlockHeader::new(name, pages * PAGE)), "");
    }
    write_record(writer.payload(), &Record::EndOfSection, "");
    for (index, pages) in sections.iter().enumerate() {
        let kind = if index + 1 == sections.len() { SectionKind::End } else { SectionKind::Part };
        writer.begin_section(&SectionHeader { kind, ..start.clone() });
        let mut last = None;
        for page in pages {
            let (same_block, offset) = (last.replace(page.0) == Some(page.0), place(*page).1);
            let record = match page.2 {
                0 => Record::Zero { offset, same_block, fill: 0 },
                _ => Record::Page { offset, same_block },
            };
            write_record(writer.payload(), &record, BLOCKS[page.0].0);
            if page.2 > 0 {
                writer.payload().bytes(&[page.2; 4096]);
            }
        }
        write_record(writer.payload(), &Record::EndOfSection, "");
    }
    writer.begin_section(&SectionHeader::full(3, "serial", 0, 3));
    writer.payload().bytes(b"\x7e\0\0\0\x03 is no footer");
    writer.eof();
    out.take()
}

/// A stream over several channels: the main connection, and the packets between two synchronization points.
struct Divided {
    main: Vec<u8>,
    packets: Vec<Vec<PageBatch>>,
}

fn split(stream: &[u8], piece: usize) -> Result<Divided, RelayError> {
    let mut splitter = PageSplitter::new(QemuRelease::V10_0);
    let (mut main, mut packets) = (Vec::new(), vec![Vec::new()]);
    for mut piece in stream.chunks(piece) {
        while let Some(task) = splitter.advance(&mut piece)? {
            match task {
                SplitTask::Send(batch) => packets.last_mut().unwrap().push(batch),
                SplitTask::Synchronize => packets.push(Vec::new()),
            }
        }
        main.extend(splitter.main().take());
    }
    Ok(Divided { main, packets })
}

/// The zero pages of a main connection between two synchronization points.
fn zeros(main: &[u8], at_section_ends: bool) -> Vec<Vec<Position>> {
    let (mut forward, mut found) = (Forward::new(), vec![Vec::new()]);
    forward.input.push(main);
    loop {
        let (was_in_memory, mut synchronizes) = (forward.is_in_memory(), false);
        let mut seen = Vec::new();
        let more = forward.step(&mut |item| seen.push(item)).unwrap();
        for item in seen {
            match item {
                Seen::Page(PageKind::Zero, place) => found.last_mut().unwrap().push(place),
                Seen::Page(..) => panic!("content in the main connection"),
                Seen::Flush => synchronizes = true,
                _ => {}
            }
        }
        if synchronizes || at_section_ends && was_in_memory && !forward.is_in_memory() {
            found.push(Vec::new());
        }
        if !more {
            return found;
        }
    }
}

impl PageBatch {
    fn apply(&self, memory: &mut Memory) {
        let block = BLOCKS.iter().position(|(name, _)| *name == self.block).unwrap();
        assert!((1..=128).contains(&self.len()) && self.content.len() == self.normal.len() * 4096);
        for (offset, content) in self.normal.iter().zip(self.content.chunks(4096)) {
            assert!(content.iter().all(|byte| *byte == content[0]));
            memory.insert((block, *offset), content[0]);
        }
        memory.extend(self.zero.iter().map(|offset| ((block, *offset), 0)));
    }
}

/// The memory of a destination with data channels, which processes the bytes between two synchronization points in one of
/// four orders.
fn received(divided: &Divided, at_section_ends: bool, order: u8) -> Memory {
    let (mut memory, zeros) = (Memory::new(), zeros(&divided.main, at_section_ends));
    assert_eq!(zeros.len(), divided.packets.len(), "synchronization points of the main connection and of the channels");
    for (zeros, packets) in zeros.iter().zip(&divided.packets) {
        let mut zero = zeros.iter().map(|place| (*place, 0)).collect::<Memory>();
        if order & 1 == 0 {
            memory.append(&mut zero);
        }
        let mut packets: Vec<_> = packets.iter().collect();
        if order & 2 == 0 {
            packets.reverse();
        }
        packets.iter().for_each(|packet| packet.apply(&mut memory));
        memory.append(&mut zero);
    }
    assert!(divided.packets.last().unwrap().is_empty(), "pages after the last synchronization point");
    memory
}

fn sent(sections: &[Vec<Sent>]) -> Memory {
    sections.iter().flatten().map(|page| (place(*page), page.2)).collect()
}

fn merge(divided: &Divided, piece: usize) -> Vec<u8> {
    let (mut merger, mut out, mut packets) = (PageMerger::new(), Writer::new(), divided.packets.iter());
    for mut piece in divided.main.chunks(piece) {
        while merger.advance(&mut piece, &mut out).unwrap() == MergeStep::Synchronize {
            for batch in packets.next().unwrap() {
                assert!(merger.insert(batch.pages(), &mut out).unwrap());
            }
        }
    }
    out.take()
}

/// Loads the stream, and checks everything but memory.
fn loaded(bytes: &[u8]) -> Memory {
    use crate::memory::{PageSize, VecBlock};
    use crate::ram::RamLoader;
    use crate::stream::{StreamItem, StreamReader};

    let mut blocks =
        BLOCKS.map(|(name, pages)| VecBlock::new(name, vec![0xff; usize::try_from(pages * PAGE).unwrap()]));
    let mut reader = Reader::from_slice(bytes);
    let (mut stream, mut loader) = (StreamReader::new(&mut reader).unwrap(), RamLoader::new(PageSize::DEFAULT));
    let mut devices = 0;
    while let Some(item) = stream.next_item().unwrap() {
        match item {
            StreamItem::Section(section) if section.name == "ram" => {
                loader.load(&mut blocks, stream.payload()).unwrap();
            }
            StreamItem::Section(_) => {
                assert_eq!(stream.payload().take(18).unwrap(), b"\x7e\0\0\0\x03 is no footer");
                devices += 1;
            }
            _ => {}
        }
    }
    assert_eq!(devices, 1);
    let mut memory = Memory::new();
    for (index, block) in blocks.iter_mut().enumerate() {
        let pages = block.bytes().chunks(4096).enumerate().filter(|(_, page)| page[0] != 0xff);
        memory.extend(pages.map(|(page, content)| ((index, page as u64 * PAGE), content[0])));
    }
    memory
}

/// Pages in the order of a source, which continues at the beginning.
fn lap(pages: &[Sent], first: usize) -> Vec<Sent> {
    let places: BTreeMap<_, _> = pages.iter().map(|page| (place(*page), *page)).collect();
    let mut pages: Vec<_> = places.into_values().collect();
    let first = first.min(pages.len());
    pages.rotate_left(first);
    pages
}

fn pages() -> impl Strategy<Value = Vec<Sent>> {
    let page = prop_oneof![(Just(0), 0..300_u64, 0..4_u8), (0..2_usize, 0..4_u64, 0..4_u8)];
    prop::collection::vec(page, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Also if pages are sent in any order.
    #[test]
    fn order_of_channels_does_not_matter(
        sections in prop::collection::vec(pages(), 1..5),
        first in 0..40_usize,
        piece in prop_oneof![Just(usize::MAX), 1000..20_000_usize, 1..30_usize],
    ) {
        for (machine, at_section_ends) in MACHINES {
            let laps: Vec<_> = sections.iter().map(|pages| lap(pages, first)).collect();
            let sections = if at_section_ends { &laps } else { &sections };
            let stream = stream(machine, sections);
            let divided = split(&stream, piece).unwrap();
            for order in 0..4 {
                prop_assert_eq!(received(&divided, at_section_ends, order), sent(sections), "{} {}", machine, order);
            }
            prop_assert_eq!(loaded(&merge(&divided, piece)), sent(sections), "{}", machine);
        }
    }
}

/// A source that walks over its memory in order has one synchronization point for each walk.
#[test]
fn walks_synchronize_once() {
    let walk = |value| (0..300).map(move |page| (0, page, value)).chain((0..4).map(move |page| (1, page, value)));
    let whole: Vec<_> = walk(1).chain(walk(2)).chain(walk(3)).collect();
    let sections: Vec<_> = whole.chunks(70).map(<[_]>::to_vec).collect();
    let divided = split(&stream("pc-i440fx-10.0", &sections), usize::MAX).unwrap();
    // At the start, after two walks, and at the end.
    let filled: Vec<_> =
        divided.packets.iter().map(|packets| packets.iter().map(PageBatch::len).sum::<usize>()).collect();
    assert_eq!(filled, [0, 304, 304, 304, 0]);
    let divided = split(&stream("pc-i440fx-7.2", &sections), usize::MAX).unwrap();
    assert_eq!(divided.packets.len(), sections.len() + 2);
}

#[test]
fn zero_pages_are_sent_as_the_destination_expects() {
    let sections = [vec![(0, 1, 0), (0, 2, 7), (0, 3, 0)], vec![]];
    for (machine, at_section_ends) in MACHINES {
        let divided = split(&stream(machine, &sections), usize::MAX).unwrap();
        let [batch] = &divided.packets.concat()[..] else { panic!("{machine}") };
        let in_main = zeros(&divided.main, at_section_ends).concat();
        match machine {
            "pc-i440fx-10.0" => assert_eq!((batch.zero.as_slice(), in_main.len()), (&[PAGE, 3 * PAGE][..], 0)),
            _ => assert_eq!((batch.zero.len(), in_main), (0, vec![(0, PAGE), (0, 3 * PAGE)]), "{machine}"),
        }
    }
}

#[test]
fn unversioned_machine_depends_on_the_release() {
    let stream = stream("virt", &[vec![(0, 1, 1)], vec![]]);
    for (release, at_section_ends) in [(QemuRelease::V7_2, true), (QemuRelease::V11_1, false)] {
        let mut splitter = PageSplitter::new(release);
        let (mut bytes, mut synchronized) = (stream.as_slice(), 0);
        while let Some(task) = splitter.advance(&mut bytes).unwrap() {
            synchronized += usize::from(task == SplitTask::Synchronize);
        }
        assert_eq!(synchronized, if at_section_ends { 3 } else { 2 }, "{release}");
        assert_eq!(zeros(splitter.main().pending(), at_section_ends).len(), synchronized + 1);
    }
}

fn split_error(stream: &[u8]) -> String {
    split(stream, usize::MAX).err().expect("an error").to_string()
}

#[test]
fn streams_that_cannot_be_split_are_named() {
    let repeated = [vec![(0, 1, 1), (0, 1, 2)], vec![]];
    let error = split_error(&stream("pc-i440fx-7.2", &repeated));
    assert!(error.contains("each page at most once in a section") && error.contains("0x1000 again"), "{error}");
    split(&stream("pc-i440fx-10.0", &repeated), usize::MAX).unwrap();

    let stream = stream("pc-i440fx-10.0", &[vec![(0, 1, 0)], vec![]]);
    let place = stream.windows(8).position(|word| word == (PAGE | 2).to_be_bytes()).unwrap();
    // XBZRLE, and a record of a source with data channels.
    for (flags, message) in [(0x40_u64, "`xbzrle`"), (0x200, "switch `multifd` off")] {
        let record = match flags {
            0x200 => flags.to_be_bytes().to_vec(),
            _ => [&(PAGE | flags).to_be_bytes()[..], b"\x03ram\x01\0\x02"].concat(),
        };
        let error = split_error(&[&stream[..place], &record].concat());
        assert!(error.contains(message), "{error}");
    }
}

/// The main connection and the packets of a source with data channels.
fn divided() -> Divided {
    split(&stream("pc-i440fx-10.0", &[vec![(0, 1, 1)], vec![(0, 2, 2)], vec![]]), usize::MAX).unwrap()
}

/// Returns the place of the first section after the list of blocks.
fn part_of(main: &[u8]) -> usize {
    main.windows(5).position(|bytes| bytes == b"\x02\0\0\0\x02").unwrap()
}

#[test]
fn pages_get_a_section_between_two() {
    let (divided, mut merger, mut out) = (divided(), PageMerger::new(), Writer::new());
    let page = Pages::new("vga", &[], &[0], &[]);
    // Each byte of the main connection is followed by a page, if it may be.
    let (mut inserted, mut synchronized, mut places) = (0, 0, BTreeSet::new());
    for byte in &divided.main {
        let mut bytes = std::slice::from_ref(byte);
        while merger.advance(&mut bytes, &mut out).unwrap() == MergeStep::Synchronize {
            synchronized += 1;
        }
        if let Ok(true) = merger.insert(page, &mut out) {
            inserted += 1;
            places.insert(out.pending().last().copied());
        }
    }
    assert_eq!(synchronized, 2);
    // The last byte of a footer, and of the page.
    assert!(inserted > 20 && places == BTreeSet::from([Some(2), Some(0)]), "{inserted} {places:?}");
    let memory = loaded(&out.take());
    assert_eq!(memory, Memory::from([((1, 0), 0)]));
    assert!(merger.insert(page, &mut out).unwrap_err().to_string().contains("pages before the end of memory"));
}

/// QEMU sends the footer of a section with the next one, after pages of its channels.
#[test]
fn pages_do_not_wait_for_a_footer() {
    for machine in ["pc-i440fx-7.2", "pc-i440fx-10.0"] {
        let divided = split(&stream(machine, &[vec![(0, 1, 1)], vec![]]), usize::MAX).unwrap();
        let (mut merger, mut out) = (PageMerger::new(), Writer::new());
        let (mut start, mut rest) = divided.main.split_at(part_of(&divided.main) - 5);
        while merger.advance(&mut start, &mut out).unwrap() == MergeStep::Synchronize {}
        assert!(merger.insert(divided.packets[1][0].pages(), &mut out).unwrap(), "{machine}");
        while merger.advance(&mut rest, &mut out).unwrap() == MergeStep::Synchronize {}
        assert_eq!(loaded(&out.take()), Memory::from([((0, PAGE), 1)]), "{machine}");
    }
}

#[test]
fn malformed_packets_are_rejected() {
    let (divided, mut merger, mut out) = (divided(), PageMerger::new(), Writer::new());
    let page = [7; 4096];
    assert!(!merger.insert(Pages::new("ram", &[0], &[], &page), &mut out).unwrap());
    let mut start = &divided.main[..part_of(&divided.main)];
    while merger.advance(&mut start, &mut out).unwrap() == MergeStep::Synchronize {}
    out.clear();
    for (pages, message) in [
        (Pages::new("rom", &[0], &[], &page), "the name of a listed block, found \"rom\""),
        (Pages::new("ram", &[8], &[], &page), "the offset of a page in the 0x12c000 bytes of `ram`, found 0x8"),
        (Pages::new("ram", &[], &[0x12c000], &[]), "found 0x12c000"),
        (Pages::new("ram", &[0], &[u64::MAX], &page), "found 0xffffffffffffffff"),
        (Pages::new("ram", &[0], &[], &page[1..]), "1 pages of 4096 bytes, found 4095 bytes"),
    ] {
        let error = merger.insert(pages, &mut out).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
        assert!(out.pending().is_empty());
    }
}

/// The rule of the first section holds for all.
#[test]
fn late_synchronization_records_are_rejected() {
    let divided = split(&stream("pc-i440fx-7.2", &[vec![], vec![]]), usize::MAX).unwrap();
    let mut merger = PageMerger::new();
    let part = part_of(&divided.main);
    let late = [&divided.main[..part + 5], &0x200_u64.to_be_bytes()].concat();
    let (mut bytes, mut out) = (late.as_slice(), Writer::new());
    let error = loop {
        match merger.advance(&mut bytes, &mut out) {
            Ok(step) => assert_eq!(step, MergeStep::Synchronize),
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("synchronization at the ends of sections, found a record (MULTIFD_FLUSH)"), "{error}");
}
