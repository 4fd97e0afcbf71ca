//! Tests of comparing memory and other live devices.

use crate::dynamic::StreamDecoder;
use crate::dynamic::diff::{PageChange, PageKind, Snapshot, StateDifference, compare};
use crate::ram::{BlockHeader, Mapped, Record, VERSION, write_record};
use crate::stream::{Configuration, SectionHeader, SectionKind, StreamWriter};
use crate::{Reader, Writer};

const PAGE: u64 = 4096;

/// A stream with one block of `size` bytes and these records, each with the bytes that belong to it.
fn ram(size: u64, records: &[(Record, &[u8])]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    stream.header();
    let header = SectionHeader::full(2, "ram", 0, VERSION).of_kind(SectionKind::Start);
    stream.begin_section(&header);
    write_record(stream.payload(), &Record::BlockList(size), "");
    write_record(stream.payload(), &Record::Block(BlockHeader::new("pc.ram", size)), "");
    for (record, bytes) in records {
        write_record(stream.payload(), record, "pc.ram");
        stream.payload().bytes(bytes);
    }
    write_record(stream.payload(), &Record::EndOfSection, "");
    stream.end_section();
    stream.eof();
    out.take()
}

fn snapshot(bytes: &[u8]) -> Snapshot {
    let mut reader = Reader::from_read(bytes);
    Snapshot::read(&mut StreamDecoder::new(&mut reader, None).unwrap()).unwrap()
}

fn zero(page: u64) -> (Record, &'static [u8]) {
    (Record::Zero { offset: page * PAGE, same_block: false, fill: 0 }, &[])
}

fn data(page: u64, bytes: &[u8; 4096]) -> (Record, &[u8]) {
    (Record::Page { offset: page * PAGE, same_block: false }, bytes)
}

/// The pages that differ, with how.
fn pages(old: &Snapshot, new: &Snapshot) -> Vec<(u64, u64, PageChange)> {
    let differences: Vec<_> = compare(old, new).collect();
    match differences.as_slice() {
        [] => Vec::new(),
        [StateDifference::Block(block)] => {
            let pages = block.pages.iter();
            pages.map(|pages| (pages.range.start / PAGE, pages.range.end / PAGE, pages.change)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn memory_is_compared_by_pages() {
    let (one, two) = (&[1; 4096], &[2; 4096]);
    let old = snapshot(&ram(8 * PAGE, &[data(0, one), data(1, one), zero(2), zero(3), data(4, one), zero(5), zero(7)]));
    let new = snapshot(&ram(8 * PAGE, &[data(0, one), data(1, two), data(2, two), zero(3), zero(4), zero(6), zero(7)]));
    assert_eq!(
        pages(&old, &new),
        [
            (1, 2, PageChange::Changed),
            (2, 3, PageChange::Filled),
            (4, 5, PageChange::Zeroed),
            (5, 6, PageChange::Removed),
            (6, 7, PageChange::Added)
        ]
    );
    assert_eq!(pages(&old, &old.clone()), []);
    let kinds: Vec<_> = old.memory.blocks()[0].pages().collect();
    assert_eq!(kinds[..2], [(0..2, PageKind::Data), (2..4, PageKind::Zero)]);
}

#[test]
fn last_record_of_a_page_counts() {
    let (one, two) = (&[1; 4096], &[2; 4096]);
    let once = snapshot(&ram(6 * PAGE, &[data(0, one), zero(1), data(2, two), zero(3), zero(4), data(5, one)]));
    let often = snapshot(&ram(
        6 * PAGE,
        &[
            data(5, two),
            data(3, two),
            zero(0),
            zero(1),
            zero(2),
            data(1, one),
            zero(3),
            zero(4),
            data(0, one),
            data(2, one),
            data(4, &[0; 4096]),
            zero(1),
            data(2, two),
            data(5, one),
        ],
    ));
    assert_eq!(pages(&once, &often), []);
}

#[test]
fn any_order_of_pages_gives_the_same_memory() {
    // The last contents of each page, and a long history that ends with them.
    let mut state = 12345_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let contents: Vec<[u8; 4096]> = (0..3).map(|byte| [byte; 4096]).collect();
    // Miri needs many minutes for a history.
    let (rounds, length) = if cfg!(miri) { (1, 30) } else { (20, 300) };
    for _ in 0..rounds {
        let history: Vec<_> = (0..length).map(|_| (random(40), random(4))).collect();
        let record = |&(page, content): &(u64, u64)| match usize::try_from(content).ok().and_then(|at| contents.get(at))
        {
            Some(bytes) => data(page, bytes),
            None => zero(page),
        };
        let mut last: Vec<_> = (0..40).filter_map(|page| history.iter().rfind(|(other, _)| *other == page)).collect();
        last.sort();
        let all: Vec<_> = history.iter().map(record).collect();
        let needed: Vec<_> = last.into_iter().map(record).collect();
        assert_eq!(pages(&snapshot(&ram(40 * PAGE, &all)), &snapshot(&ram(40 * PAGE, &needed))), []);
    }
}

#[test]
fn encoded_pages_are_equal_or_unknown() {
    let base = data(0, &[1; 4096]);
    let delta = (Record::Xbzrle { offset: 0, same_block: false, length: 3 }, b"\x01\x01\x05".as_slice());
    let other = (Record::Xbzrle { offset: 0, same_block: false, length: 3 }, b"\x01\x01\x06".as_slice());
    let changed = snapshot(&ram(PAGE, &[base.clone(), delta.clone()]));
    assert_eq!(pages(&changed, &snapshot(&ram(PAGE, &[base.clone(), delta.clone()]))), []);
    for records in [vec![base.clone()], vec![base.clone(), other], vec![data(0, &[2; 4096]), delta], vec![zero(0)]] {
        assert_eq!(pages(&changed, &snapshot(&ram(PAGE, &records))), [(0, 1, PageChange::Unknown)]);
    }
}

/// A stream whose pages are at fixed positions after their bitmap.
fn mapped(bitmap: u64, pages: &[[u8; 4096]]) -> Vec<u8> {
    let size = PAGE * pages.len() as u64;
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    stream.header();
    let mut configuration = Configuration::new("none");
    configuration.capabilities = Some(vec!["mapped-ram".into()]);
    stream.configuration(&configuration);
    stream.begin_section(&SectionHeader::full(2, "ram", 0, VERSION).of_kind(SectionKind::Start));
    write_record(stream.payload(), &Record::BlockList(size), "");
    let here = stream.payload().offset() + 7 + 8 + 4 + 3 * 8;
    let mut header = BlockHeader::new("pc.ram", size);
    header.mapped = Some(Mapped { page_size: PAGE, bitmap: here + 5, pages: here + 100 });
    write_record(stream.payload(), &Record::Block(header), "");
    assert_eq!(stream.payload().offset(), here);
    stream.payload().zeros(5);
    stream.payload().bytes(&bitmap.to_le_bytes());
    stream.payload().zeros(100 - 5 - 8);
    pages.iter().for_each(|page| stream.payload().bytes(page));
    write_record(stream.payload(), &Record::EndOfSection, "");
    stream.end_section();
    stream.eof();
    out.take()
}

#[test]
fn mapped_pages_without_a_bit_are_zero() {
    let stale = [7; 4096];
    let placed = mapped(0b101, &[[1; 4096], stale, [2; 4096]]);
    let sent = ram(3 * PAGE, &[data(0, &[1; 4096]), zero(1), data(2, &[2; 4096])]);
    let (placed, mut sent) = (snapshot(&placed), snapshot(&sent));
    sent.configuration = placed.configuration.clone();
    assert_eq!(pages(&placed, &sent), []);
    assert_eq!(pages(&placed, &snapshot(&mapped(0b111, &[[1; 4096], stale, [2; 4096]]))), [(1, 2, PageChange::Filled)]);
    // A bitmap that is not before its pages.
    let mut bytes = mapped(0b101, &[[1; 4096]]);
    let at = bytes.windows(6).position(|window| window == b"pc.ram").unwrap() + 6 + 8 + 4 + 8;
    bytes[at..at + 8].copy_from_slice(&u64::MAX.to_be_bytes());
    let mut reader = Reader::from_slice(&bytes);
    let error = Snapshot::read(&mut StreamDecoder::new(&mut reader, None).unwrap()).unwrap_err();
    assert!(error.expected().starts_with("a bitmap of 8 bytes between"), "{error}");
}

#[test]
fn live_sections_are_the_same_or_not() {
    let live = |payloads: &[&[u8]]| {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        let start = SectionHeader::full(3, "bitmaps", 0, 1).of_kind(SectionKind::Start);
        stream.begin_section(&start);
        stream.end_section();
        for payload in payloads {
            stream.begin_section(&start.of_kind(SectionKind::Part));
            stream.payload().bytes(payload);
            stream.end_section();
        }
        stream.eof();
        snapshot(&out.take())
    };
    let same = |one: &[&[u8]], other: &[&[u8]]| compare(&live(one), &live(other)).next().is_none();
    assert!(same(&[b"ab", b"c"], &[b"ab", b"c"]));
    assert!(!same(&[b"ab", b"c"], &[b"a", b"bc"]));
    assert!(!same(&[b"ab"], &[b"ac"]));
    let (old, new) = (live(&[b"ab"]), live(&[b"abc", b"d"]));
    let differences: Vec<_> = compare(&old, &new).collect();
    let [StateDifference::Live { old: Some(old), new: Some(new) }] = differences.as_slice() else { panic!() };
    assert_eq!(((old.sections, old.bytes), (new.sections, new.bytes)), ((2, 2), (3, 4)));
}
