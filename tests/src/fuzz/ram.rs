//! The memory of a machine, loaded with and without rollback.

use arbitrary::{Arbitrary, Unstructured};
use vmstate::dynamic::rewrite;
use vmstate::machine::{LoadOptions, LoadReport};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::stream::{SectionHeader, SectionKind, StreamWriter};

use super::Target;

/// The target.
pub const TARGET: Target = Target { name: "ram", run, seeds, fixed: 2 << 20, per_byte: 256 };

/// The blocks, and how many pages they have.
const BLOCKS: [(&str, u8); 2] = [("ram", 8), ("rom", 3)];

#[derive(Debug, Arbitrary)]
enum Step {
    /// A page of this byte.
    Page { block: bool, page: u8, byte: u8, same_block: bool },
    /// The same, as a record of one byte.
    Fill { block: bool, page: u8, byte: u8, same_block: bool },
    /// The end of a section, and the start of the next one.
    Part,
    /// Any record.
    Word(u64),
}

#[derive(Debug, Arbitrary)]
struct Input {
    /// The size of pages is 256 bytes, and this often twice as many.
    page_size: u8,
    /// The pages that are not zero before.
    filled: u8,
    /// Set if the device after the memory accepts its state.
    takes: bool,
    steps: Vec<Step>,
    /// The changed bytes of the stream, with their offsets.
    changes: Vec<(u16, u8)>,
}

/// The bytes are a stream, or instructions to generate one.
fn run(bytes: &[u8]) {
    if bytes.starts_with(b"QEVM") {
        let _ = load_both_ways(PageSize::new(256).expect("a page size"), 0x55, bytes);
        return;
    }
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let page_size = PageSize::new(256 << (input.page_size % 4)).expect("a page size");
    let mut stream = input.stream(page_size);
    let result = load_both_ways(page_size, input.filled, &stream);
    if let Some(expected) = input.expected(page_size) {
        match (result, expected.filter(|_| input.takes)) {
            (Ok(loaded), Some(expected)) => assert!(loaded == expected, "{input:?}"),
            (Err(_), None) => {}
            (result, _) => panic!("{result:?} of {input:?}"),
        }
    }
    for (place, bits) in &input.changes {
        let place = usize::from(*place) % stream.len();
        stream[place] ^= bits;
    }
    let _ = load_both_ways(page_size, input.filled, &stream);
}

impl Input {
    fn stream(&self, page_size: PageSize) -> Vec<u8> {
        let mut out = Writer::new();
        let ram = SectionHeader::full(2, "ram", 0, vmstate::ram::VERSION);
        StreamWriter::new(&mut out).header();
        StreamWriter::new(&mut out).begin_section(&ram.of_kind(SectionKind::Start));
        let size = |pages: u8| u64::from(pages) * page_size.bytes();
        write_record(&mut out, &Record::BlockList(BLOCKS.iter().map(|(_, pages)| size(*pages)).sum()), "");
        for (name, pages) in BLOCKS {
            write_record(&mut out, &Record::Block(BlockHeader::new(name, size(pages))), "");
        }
        for step in &self.steps {
            step.write(&mut out, page_size, &ram);
        }
        end_of_section(&mut out, &ram);
        StreamWriter::new(&mut out).begin_section(&ram.of_kind(SectionKind::End));
        end_of_section(&mut out, &ram);
        let mut stream = StreamWriter::new(&mut out);
        stream.begin_section(&SectionHeader::full(3, "judge", 0, 1));
        stream.payload().u8(self.takes.into());
        stream.eof();
        out.take()
    }

    /// Returns the memory after the load; `None` if it cannot be predicted, and `Some(None)` if the load must fail: for a
    /// page outside of its block, or a continued record without a block.
    fn expected(&self, page_size: PageSize) -> Option<Option<Vec<VecBlock>>> {
        let mut blocks = memory(page_size, self.filled);
        let mut last = None;
        for step in &self.steps {
            let (Step::Page { block, page, byte, same_block } | Step::Fill { block, page, byte, same_block }) = step
            else {
                match step {
                    Step::Part => continue,
                    _ => return None,
                }
            };
            let Some(block) = (if *same_block { last } else { Some(*block) }) else { return Some(None) };
            last = Some(block);
            let size = usize::try_from(page_size.bytes()).ok()?;
            let start = usize::from(*page) * size;
            let Some(page) = blocks[usize::from(block)].bytes().get_mut(start..start + size) else { return Some(None) };
            page.fill(*byte);
        }
        Some(Some(blocks))
    }
}

impl Step {
    fn write(&self, out: &mut Writer, page_size: PageSize, ram: &SectionHeader) {
        let name = |block: bool| BLOCKS[usize::from(block)].0;
        let offset = |page: u8| u64::from(page) * page_size.bytes();
        match *self {
            Self::Page { block, page, byte, same_block } => {
                write_record(out, &Record::Page { offset: offset(page), same_block }, name(block));
                out.bytes(&vec![byte; usize::try_from(page_size.bytes()).expect("a small page")]);
            }
            Self::Fill { block, page, byte, same_block } => {
                write_record(out, &Record::Zero { offset: offset(page), same_block, fill: byte }, name(block));
            }
            Self::Part => {
                end_of_section(out, ram);
                StreamWriter::new(out).begin_section(&ram.of_kind(SectionKind::Part));
            }
            Self::Word(word) => out.u64(word),
        }
    }
}

fn end_of_section(out: &mut Writer, ram: &SectionHeader) {
    write_record(out, &Record::EndOfSection, "");
    out.u8(0x7e);
    out.u32(ram.section_id);
}

/// Every page whose bit is set is full of its number.
fn memory(page_size: PageSize, filled: u8) -> Vec<VecBlock> {
    let page = |page: u8| {
        let byte = if filled >> (page % 8) & 1 == 1 { page + 1 } else { 0 };
        vec![byte; usize::try_from(page_size.bytes()).expect("a small page")]
    };
    BLOCKS.iter().map(|(name, pages)| VecBlock::new(*name, (0..*pages).flat_map(page).collect())).collect()
}

/// A device after the memory, which accepts or rejects its state. If it rejects it, the memory has to be rolled back.
#[derive(VmState, Default)]
#[vmstate(name = "judge", post_load = Self::judge)]
struct Judge {
    takes: u8,
}

impl Judge {
    fn judge(&mut self) -> Result<(), &'static str> {
        if self.takes == 0 { Err("no") } else { Ok(()) }
    }
}

/// Loads with and without rollback, and returns the memory or the error, which have to be the same.
fn load_both_ways(page_size: PageSize, filled: u8, stream: &[u8]) -> Result<Vec<VecBlock>, String> {
    let before = memory(page_size, filled);
    let (mut undone, mut in_place) = (before.clone(), before.clone());
    let options = || LoadOptions::new().ignore_machine_type();
    let loaded = load(page_size, &mut undone, stream, options());
    let other = load(page_size, &mut in_place, stream, options().without_rollback());
    let text = |loaded: &Result<LoadReport, LoadError>| loaded.as_ref().map_err(ToString::to_string).cloned();
    assert_eq!(text(&loaded), text(&other));
    if let Ok(again) = rewrite(stream, |_, _| Ok(())) {
        assert_eq!(stream.get(..again.len()), Some(&again[..]));
    }
    match loaded {
        Ok(_) => {
            assert_eq!(undone, in_place);
            Ok(undone)
        }
        Err(error) => {
            assert!(undone == before, "after {error}");
            Err(error.to_string())
        }
    }
}

fn load(
    page_size: PageSize,
    blocks: &mut [VecBlock],
    stream: &[u8],
    options: LoadOptions,
) -> Result<LoadReport, LoadError> {
    let mut judge = Judge::default();
    let mut machine = Machine::new();
    machine.register_ram(page_size, blocks).expect("blocks of whole pages");
    machine.register("judge", &mut judge).expect("a name for it");
    machine.load_with(&mut Reader::from_slice(stream), options)
}

fn seeds() -> Vec<Vec<u8>> {
    let page = |page: u8, byte: u8| Step::Page { block: false, page, byte, same_block: false };
    let steps = vec![
        page(1, 7),
        Step::Fill { block: false, page: 2, byte: 0, same_block: true },
        Step::Part,
        Step::Fill { block: true, page: 1, byte: 9, same_block: false },
        page(1, 0),
    ];
    let stream = |steps, takes| {
        let input = Input { page_size: 0, filled: 0x55, takes, steps, changes: Vec::new() };
        input.stream(PageSize::new(256).expect("a page size"))
    };
    let ways = orders().into_iter().flat_map(|order| {
        // A nonzero page and a zero page.
        [(0, true), (0, false), (1, true), (1, false)].map(|(page, takes)| stream(of(page, &order), takes))
    });
    let others = [stream(steps, true), (0..200).collect(), vec![0; 100], vec![0xff; 100]];
    others.into_iter().chain(ways).collect()
}

/// All orders of up to three ways in which a page can come: as data or as a record of one byte, zero or not.
fn orders() -> Vec<Vec<(bool, u8)>> {
    let ways = [(true, 7), (true, 0), (false, 9), (false, 0)];
    let longer = |order: &Vec<(bool, u8)>| ways.map(|way| [&order[..], &[way]].concat());
    let one: Vec<_> = longer(&Vec::new()).into();
    let two: Vec<_> = one.iter().flat_map(longer).collect();
    let three = two.iter().flat_map(longer).collect();
    [one, two, three].concat()
}

fn of(page: u8, order: &[(bool, u8)]) -> Vec<Step> {
    let step = |(data, byte): &(bool, u8)| {
        if *data {
            Step::Page { block: false, page, byte: *byte, same_block: false }
        } else {
            Step::Fill { block: false, page, byte: *byte, same_block: false }
        }
    };
    order.iter().map(step).collect()
}
