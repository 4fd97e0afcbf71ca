//! Streams that a machine loads.

use std::collections::{BTreeMap, VecDeque};

use vmstate::machine::{LoadOptions, Repeated, Rules, Trailer, Unknown, Unread};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::stream::{SectionHeader, SectionKind, StreamWriter};

use super::streams::{described, sections_of};
use super::{Case, Outcome, refused};

pub(super) const CASES: &[Case] = &[
    Case { name: "load: sections that are kept", small: 1000, make: many, read: keep },
    Case { name: "load: sections that are passed over", small: 1000, make: many, read: skip },
    Case { name: "load: sections that come again and again", small: 500, make: again, read: replace },
    Case { name: "load: a section that is not read to its end", small: 8000, make: unread, read: pass_over },
    Case { name: "load: elements", small: 2000, make: elements, read: load },
    Case { name: "load: subsections", small: 1000, make: subsections, read: load },
    Case { name: "load: commands", small: 2000, make: commands, read: load },
    Case { name: "load: packages", small: 2000, make: packages, read: load },
    Case { name: "load: a description of a section that fails", small: 1000, make: failing, read: load },
    Case { name: "load: pages of many blocks", small: 2000, make: pages, read: load_memory },
    Case { name: "load: bytes one by one", small: 20_000, make: elements, read: load_slowly },
];

/// A device that grows with its stream.
#[derive(VmState, Default)]
#[vmstate(name = "dev")]
struct Greedy {
    words: u32,
    #[vmstate(len = words, max = 0x4000_0000)]
    array: Vec<u64>,
    #[vmstate(list(max = 0x4000_0000))]
    list: VecDeque<Element>,
    #[vmstate(tree(direct, max = 0x4000_0000, version = 1))]
    tree: BTreeMap<u32, Element>,
    #[vmstate(subsection("dev/more"))]
    more: Option<u8>,
}

#[derive(VmState, Default, Clone)]
#[vmstate(name = "element")]
struct Element {
    tag: u64,
}

fn many(count: usize) -> Vec<u8> {
    sections_of(count, |number| (format!("dev{number}"), 0))
}

/// The same section as often, the last one cut. All are described.
fn again(count: usize) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    for _ in 0..count {
        frame.begin_section(&SectionHeader::full(1, "dev", 0, 1));
        frame.payload().zeros(10);
        frame.end_section();
    }
    frame.begin_section(&SectionHeader::full(1, "dev", 0, 1));
    frame.payload().bytes(b"\xff\xff\xff\xff");
    let stream = many(count);
    let start = stream.windows(6).rposition(|window| window == b"{\"page").unwrap_or_default();
    described(out.pending(), &String::from_utf8_lossy(&stream[start..]))
}

fn unread(count: usize) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.begin_section(&SectionHeader::full(1, "dev", 0, 1));
    frame.payload().zeros(10);
    frame.payload().bytes(&b"\x7e\0\0\0\x01\x04\0\0\0\x02\xff".repeat(count));
    frame.end_section();
    described(out.pending(), "{}")
}

fn device(inside: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.header();
    frame.begin_section(&SectionHeader::full(1, "dev", 0, 1));
    inside(frame.payload());
    frame.end_section();
    frame.eof();
    out.take()
}

fn elements(count: usize) -> Vec<u8> {
    let wire_count = u32::try_from(count).unwrap_or(u32::MAX);
    device(|out| {
        out.u32(wire_count);
        out.zeros(8 * count);
        (0..count).for_each(|_| out.bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 2]));
        out.u8(0);
        out.u32(wire_count);
        for key in 0..count as u64 {
            out.u8(1);
            out.u64(key);
            out.u64(3);
        }
        out.u8(0);
    })
}

fn subsections(count: usize) -> Vec<u8> {
    device(|out| {
        out.zeros(10);
        (0..count).for_each(|_| out.bytes(b"\x05\x08dev/more\0\0\0\x01\x07"));
    })
}

fn commands(count: usize) -> Vec<u8> {
    [b"QEVM\0\0\0\x03", &*b"\x08\0\x02\0\x04\0\0\0\x07".repeat(count), b"\0"].concat()
}

fn packages(count: usize) -> Vec<u8> {
    [b"QEVM\0\0\0\x03", &*b"\x08\0\x07\0\x04\0\0\0\x01\0".repeat(count), b"\0"].concat()
}

/// A section that fails, in a stream that describes it with many fields.
fn failing(count: usize) -> Vec<u8> {
    let field = |number| format!("{{\"name\": \"f{number}\", \"type\": \"uint8\", \"size\": 1}}");
    let fields = (0..count).map(field).collect::<Vec<_>>().join(", ");
    let device = format!(
        "{{\"name\": \"dev\", \"instance_id\": 0, \"vmsd_name\": \"dev\", \"version\": 1, \"fields\": [{fields}]}}"
    );
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.begin_section(&SectionHeader::full(1, "dev", 0, 1));
    frame.payload().zeros(count);
    frame.end_section();
    described(out.pending(), &format!("{{\"page_size\": 4096, \"devices\": [{device}]}}"))
}

/// The block of this number, of a page.
fn block(number: usize) -> BlockHeader {
    BlockHeader::new(format!("block{number}"), PageSize::DEFAULT.bytes())
}

/// The number of the machine's blocks.
const BLOCKS: usize = 500;

fn pages(count: usize) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.header();
    frame.begin_section(&SectionHeader::full(1, "ram", 0, 4).of_kind(SectionKind::Start));
    let ram = frame.payload();
    write_record(ram, &Record::BlockList(BLOCKS as u64 * PageSize::DEFAULT.bytes()), "");
    (0..BLOCKS).for_each(|number| write_record(ram, &Record::Block(block(number)), ""));
    write_record(ram, &Record::EndOfSection, "");
    frame.end_section();
    frame.begin_section(&SectionHeader::full(1, "ram", 0, 4).of_kind(SectionKind::End));
    for number in 0..count {
        let name = block(BLOCKS - 1 - number % BLOCKS).idstr;
        write_record(frame.payload(), &Record::Zero { offset: 0, same_block: false, fill: 0 }, &name);
    }
    write_record(frame.payload(), &Record::EndOfSection, "");
    frame.end_section();
    frame.eof();
    out.take()
}

/// Loads a stream into a machine with a device `dev` that grows with its stream. Every command is accepted.
///
/// # Errors
/// Returns the error of the load.
pub fn load_into_greedy(reader: &mut Reader<'_>, options: LoadOptions) -> Outcome {
    let mut machine = Machine::new();
    machine.register("dev", Greedy::default()).map_err(refused)?;
    machine.load_with_commands(reader, options, |_| Ok(())).map(drop).map_err(refused)
}

fn load_with(reader: &mut Reader<'_>, rules: Rules) -> Outcome {
    load_into_greedy(reader, LoadOptions::new().rules(rules).trailer(Trailer::Required))
}

fn load(stream: &[u8]) -> Outcome {
    load_with(&mut Reader::from_slice(stream), Rules::default())
}

fn keep(stream: &[u8]) -> Outcome {
    load_with(&mut Reader::from_slice(stream), Rules::QEMU.unknown(Unknown::PassThrough))
}

fn skip(stream: &[u8]) -> Outcome {
    load_with(&mut Reader::from_read(stream), Rules::QEMU.unknown(Unknown::Skip))
}

fn replace(stream: &[u8]) -> Outcome {
    load_with(&mut Reader::from_slice(stream), Rules::QEMU.repeated(Repeated::Replace))
}

fn pass_over(stream: &[u8]) -> Outcome {
    load_with(&mut Reader::from_read(stream), Rules::default().unread(Unread::Skip))
}

/// Bytes come one by one.
struct Slow<'s>(&'s [u8]);

impl std::io::Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(1);
        self.0.read(&mut into[..count])
    }
}

fn load_slowly(stream: &[u8]) -> Outcome {
    load_with(&mut Reader::from_read(Slow(stream)), Rules::default())
}

fn load_memory(stream: &[u8]) -> Outcome {
    let blocks: Vec<_> = (0..BLOCKS).map(|number| VecBlock::new(block(number).idstr, vec![1; 4096])).collect();
    let mut machine = Machine::new();
    machine.register_ram(PageSize::DEFAULT, blocks).map_err(refused)?;
    machine.load(stream).map(drop).map_err(refused)
}
