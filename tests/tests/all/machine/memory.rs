//! Guest memory: borrowed without copies, and written partially.

use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

use proptest::prelude::*;
use vmstate::machine::{LoadOptions, SaveOptions, SaveSession};
use vmstate::memory::{MemoryError, PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;
use vmstate::section::{Output, SentPages};

const PAGE: usize = 4096;

/// Memory that counts how often it is copied.
#[derive(Clone, PartialEq, Debug)]
struct Counted {
    memory: VecBlock,
    /// Set if it can be borrowed.
    exclusive: bool,
    /// The number of copied pages.
    copied: Cell<usize>,
}

impl Counted {
    fn new(name: &str, bytes: Vec<u8>, exclusive: bool) -> Self {
        Self { memory: VecBlock::new(name, bytes), exclusive, copied: Cell::new(0) }
    }

    fn count(&self) {
        self.copied.set(self.copied.get() + 1);
    }
}

impl RamBlock for Counted {
    fn idstr(&self) -> &str {
        self.memory.idstr()
    }

    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), MemoryError> {
        self.count();
        self.memory.read(offset, page)
    }

    fn write(&self, offset: u64, page: &[u8]) -> Result<(), MemoryError> {
        self.count();
        self.memory.write(offset, page)
    }

    fn exclusive(&mut self) -> Option<&mut [u8]> {
        self.exclusive.then(|| self.memory.bytes())
    }
}

/// Two blocks with these pages: zero, all of one byte, or of many.
fn blocks(pages: &[u8], page: usize, exclusive: bool) -> Vec<Counted> {
    let fill = |(number, kind): (usize, &u8)| match kind {
        0 => vec![0; page],
        1 => vec![u8::try_from(number % 255).unwrap() + 1; page],
        _ => (0..page).map(|place| ((place * 7 + number) % 256) as u8).collect(),
    };
    let bytes: Vec<u8> = pages.iter().enumerate().flat_map(fill).collect();
    vec![Counted::new("pc.ram", bytes, exclusive), Counted::new("vga.vram", vec![3; 2 * page], exclusive)]
}

/// Saves `blocks` to `out` and returns the number of copied pages.
fn save(blocks: &mut [Counted], page: usize, out: &mut (dyn Write + Send)) -> Result<u64, SaveError> {
    let mut machine = Machine::new();
    machine.register_ram(PageSize::new(page as u64).unwrap(), blocks).unwrap();
    machine.save_with(out, SaveOptions::new()).map(|saved| saved.bytes)
}

/// Returns the stream of a save that copies every page into one buffer.
fn expected(blocks: &[Counted], page: usize) -> Vec<u8> {
    let mut blocks: Vec<_> = blocks.iter().cloned().map(|block| Counted { exclusive: false, ..block }).collect();
    let mut machine = Machine::new();
    machine.register_ram(PageSize::new(page as u64).unwrap(), &mut blocks[..]).unwrap();
    let mut writer = Writer::new();
    machine.save_into(&mut writer, SaveOptions::new()).unwrap();
    writer.take()
}

/// Takes bytes in bites of these sizes, each time from as many slices as they are in; 0 is an interruption.
#[derive(Default)]
struct Bites {
    bites: Vec<usize>,
    calls: usize,
    taken: Vec<u8>,
    /// The most slices that were offered at a time.
    offered: usize,
    /// When so many bytes are taken, this is all that comes.
    refuses: Option<(usize, ErrorKind)>,
}

impl Write for Bites {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.offered = self.offered.max(slices.len());
        let mut bite = self.bites.get(self.calls % self.bites.len().max(1)).copied().unwrap_or(usize::MAX);
        self.calls += 1;
        if let Some((at, kind)) = self.refuses {
            bite = bite.min(at - self.taken.len());
            if bite == 0 {
                return if kind == ErrorKind::WriteZero { Ok(0) } else { Err(kind.into()) };
            }
        }
        if bite == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        let before = self.taken.len();
        for slice in slices {
            let left = bite - (self.taken.len() - before);
            self.taken.extend_from_slice(&slice[..slice.len().min(left)]);
        }
        Ok(self.taken.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn borrowed_pages_are_sent_like_copied_ones(
        pages in prop::collection::vec(0..3_u8, 1..300),
        page in prop::sample::select(vec![256, PAGE, 4 * PAGE]),
        // One bite is large, or this would take as many calls as there are bytes.
        mut bites in prop::collection::vec(prop_oneof![Just(0), 1..20_usize, 4000..5000_usize], 0..9),
    ) {
        bites.push(600_000);
        let mut blocks = blocks(&pages, page, true);
        let expected = expected(&blocks, page);
        let mut out = Bites { bites, ..Bites::default() };
        prop_assert_eq!(save(&mut blocks, page, &mut out).unwrap(), expected.len() as u64);
        prop_assert!(out.taken == expected);
        prop_assert_eq!(blocks.iter().map(|block| block.copied.get()).sum::<usize>(), 0);
    }
}

/// The size of each part, and the pages that it sent.
type Parts = Vec<(u64, SentPages)>;

/// Saves `blocks` in parts of about `limit` bytes.
fn save_in_parts(blocks: &mut [Counted], limit: u64) -> (Vec<u8>, Parts) {
    let mut machine = Machine::new();
    machine.register_ram(PageSize::new(PAGE as u64).unwrap(), blocks).unwrap();
    let (mut writer, mut parts) = (Writer::new(), Vec::new());
    let mut out = Output::new(&mut writer, None);
    let mut session = SaveSession::begin(&mut machine, &mut out, SaveOptions::new()).unwrap();
    loop {
        let part = session.iterate(&mut machine, &mut out, limit).unwrap();
        parts.push((part.bytes, session.sent_pages(&mut machine)));
        if part.complete {
            break;
        }
    }
    session.complete_live(&mut machine, &mut out).unwrap();
    session.finish(&mut machine, &mut out).unwrap();
    (writer.take(), parts)
}

/// Zero pages of memory that can be borrowed are sent in batches, which must end where the part does.
#[test]
fn parts_do_not_depend_on_the_access_to_memory() {
    let zeros: Vec<u8> = [[0; 150].as_slice(), &[2], &[0; 3], &[1, 1], &[0; 70]].concat();
    // A record of a zero page has 9 bytes.
    for limit in (1..30).chain([63 * 9, 64 * 9 - 1, 64 * 9, 65 * 9, PAGE as u64, u64::MAX]) {
        let (borrowed, parts) = save_in_parts(&mut blocks(&zeros, PAGE, true), limit);
        let (copied, others) = save_in_parts(&mut blocks(&zeros, PAGE, false), limit);
        assert!(borrowed == copied, "{limit}");
        assert_eq!(parts, others, "{limit}");
        let sent = parts.last().unwrap().1;
        assert_eq!((sent.zero, sent.normal), (223, 5), "{limit}");
    }
}

#[test]
fn short_write_continues_at_any_byte() {
    let mut blocks = blocks(&[1, 0, 2], PAGE, true);
    let expected = expected(&blocks, PAGE);
    for split in 1..expected.len() {
        let mut out = Bites { bites: vec![split, usize::MAX], ..Bites::default() };
        save(&mut blocks, PAGE, &mut out).unwrap();
        assert!(out.taken == expected, "{split}");
    }
}

#[test]
fn failing_output_leaves_memory_unchanged() {
    let mut blocks = blocks(&[1, 0, 2, 1], PAGE, true);
    let expected = expected(&blocks, PAGE);
    for kind in [ErrorKind::BrokenPipe, ErrorKind::WriteZero] {
        for at in (0..expected.len()).step_by(61) {
            let before = blocks.clone();
            let mut out = Bites { refuses: Some((at, kind)), ..Bites::default() };
            let error = save(&mut blocks, PAGE, &mut out).unwrap_err().to_string();
            let said = io::Error::from(kind).to_string();
            assert!(error.contains(&said), "{error}");
            assert!(out.taken == expected[..at] && blocks == before, "{at}");
        }
    }
    let mut again = Vec::new();
    save(&mut blocks, PAGE, &mut again).unwrap();
    assert!(again == expected);
}

#[test]
fn pages_are_written_in_batches() {
    let mut blocks = blocks(&[2; 1000], PAGE, true);
    let mut out = Bites::default();
    save(&mut blocks, PAGE, &mut out).unwrap();
    assert!(out.calls < 1002 / 128 + 4, "{} calls", out.calls);
    assert!(out.offered <= 257, "{} slices at a time", out.offered);
}

/// Writes one slice at a time, like a writer that does not implement `write_vectored`.
#[derive(Default)]
struct OneByOne {
    taken: Vec<u8>,
    calls: usize,
}

impl Write for OneByOne {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        self.taken.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn writer_without_vectored_io_gets_copies() {
    let mut blocks = blocks(&[2; 2000], PAGE, true);
    let mut out = OneByOne::default();
    save(&mut blocks, PAGE, &mut out).unwrap();
    assert!(out.taken == expected(&blocks, PAGE));
    assert!(out.calls < 2 * 128 + 2000 * PAGE / (256 << 10) + 4, "{} calls", out.calls);
}

/// Reports more written bytes than it was given.
struct Boastful;

impl Write for Boastful {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(usize::MAX)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn writer_reporting_too_many_bytes_is_bounded() {
    let mut blocks = blocks(&[2; 10], PAGE, true);
    let length = expected(&blocks, PAGE).len() as u64;
    assert_eq!(save(&mut blocks, PAGE, &mut Boastful).unwrap(), length);
}

/// Delivers bytes in bites of these sizes; 0 is an interruption.
struct Delivered<'b> {
    bytes: &'b [u8],
    bites: &'b [usize],
    calls: usize,
}

impl Read for Delivered<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bite = self.bites[self.calls % self.bites.len()].min(into.len());
        self.calls += 1;
        if bite == 0 {
            return Err(ErrorKind::Interrupted.into());
        }
        self.bytes.read(&mut into[..bite])
    }
}

fn load(blocks: &mut [Counted], page: usize, in_place: bool, input: Delivered<'_>) -> Result<(), LoadError> {
    let mut machine = Machine::new();
    machine.register_ram(PageSize::new(page as u64).unwrap(), blocks).unwrap();
    let options = LoadOptions::new();
    let options = if in_place { options.without_rollback() } else { options };
    machine.load_with(&mut Reader::from_read(input), options).map(drop)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn pages_are_read_into_borrowed_memory(
        (theirs, ours) in (1..200_usize).prop_flat_map(|count| {
            let pages = || prop::collection::vec(0..3_u8, count);
            (pages(), pages())
        }),
        page in prop::sample::select(vec![256, PAGE]),
        in_place: bool,
        mut bites in prop::collection::vec(prop_oneof![Just(0), 1..20_usize, 4000..5000_usize], 0..9),
        cut: prop::sample::Index,
    ) {
        bites.push(60_000);
        let theirs = blocks(&theirs, page, true);
        let stream = expected(&theirs, page);
        let mut ours = blocks(&ours, page, true);
        let before = ours.clone();
        let memory = |blocks: &[Counted]| blocks.iter().map(|block| block.memory.clone()).collect::<Vec<_>>();

        // The description, which comes last, is not missed.
        let end = stream.len() - 200;
        let cut = Delivered { bytes: &stream[..cut.index(end)], bites: &bites, calls: 0 };
        prop_assert!(load(&mut ours, page, false, cut).is_err());
        prop_assert!(memory(&ours) == memory(&before));

        ours.iter().for_each(|block| block.copied.set(0));
        load(&mut ours, page, in_place, Delivered { bytes: &stream, bites: &bites, calls: 0 }).unwrap();
        prop_assert!(memory(&ours) == memory(&theirs));
    }
}

#[test]
fn pages_over_zeros_are_not_checkpointed() {
    for in_place in [true, false] {
        let stream = expected(&blocks(&[2; 100], PAGE, true), PAGE);
        let mut ours = blocks(&[0; 100], PAGE, true);
        ours[1].memory.bytes().fill(0);
        load(&mut ours, PAGE, in_place, Delivered { bytes: &stream, bites: &[1 << 20], calls: 0 }).unwrap();
        assert_eq!(ours.iter().map(|block| block.copied.get()).sum::<usize>(), 0);
    }
}
