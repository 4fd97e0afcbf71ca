//! What a stream can make a load hold: never more than twice what has come, and a fixed amount.

#[path = "bounds/allocations.rs"]
mod allocations;
#[path = "bounds/allocator.rs"]
mod allocator;
#[path = "bounds/time.rs"]
mod time;
#[path = "bounds/tools.rs"]
mod tools;

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read};

use allocator::Since;
use vmstate::machine::{LoadOptions, Repeated, Rules, SaveOptions, Trailer, Unknown};
use vmstate::prelude::*;
use vmstate::ram::{BlockHeader, PageSize, Record, VecBlock, write_record};
use vmstate::stream::{SectionHeader, SectionKind, StreamWriter};

/// What a load may hold besides twice what has come: most of it is the reader's buffer.
const FIXED: u64 = 96 * 1024;
/// The same for a load that passes over sections that nobody knows, or takes some twice: what it holds of each of them,
/// of which there can be 16384.
const FIXED_LENIENT: u64 = 8 << 20;

/// Everything whose length a stream says.
#[derive(VmState, Default)]
#[vmstate(name = "dev")]
struct Greedy {
    kind: u8,
    words: u32,
    #[vmstate(len = words, max = 0x4000_0000)]
    array: Vec<u64>,
    structs: u32,
    #[vmstate(len = structs, max = 0x4000_0000)]
    requests: Box<[Request]>,
    size: u32,
    #[vmstate(buffer(len = size, max = 0x4000_0000))]
    buffer: Vec<u8>,
    #[vmstate(byte_array(max = 0x4000_0000))]
    bytes: Vec<u8>,
    bits: u64,
    #[vmstate(bitmap(bits = bits, max = 0x4000_0000))]
    bitmap: Vec<u64>,
    #[vmstate(list(max = 0x4000_0000))]
    list: VecDeque<Request>,
    #[vmstate(tree(direct, max = 0x4000_0000, version = 1))]
    tree: BTreeMap<u32, Request>,
}

#[derive(VmState, Default, Clone)]
#[vmstate(name = "request")]
struct Request {
    tag: u64,
}

/// A stream whose every byte is made when it is asked for. Between reads, it looks at what is held.
struct Hostile<'s> {
    start: &'s [u8],
    rest: &'s (dyn Fn(usize) -> u8 + Sync),
    sent: usize,
    length: usize,
    fixed: u64,
    since: Since,
}

impl Hostile<'_> {
    fn check(&self) {
        let (peak, bound) = (self.since.peak(), 2 * self.sent as u64 + self.fixed);
        assert!(peak <= bound, "{peak} bytes are held after {} have come", self.sent);
    }
}

impl Read for Hostile<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.check();
        let count = into.len().min(self.length - self.sent);
        for byte in &mut into[..count] {
            let place = self.sent;
            *byte = self.start.get(place).copied().unwrap_or_else(|| (self.rest)(place - self.start.len()));
            self.sent += 1;
        }
        Ok(count)
    }
}

/// Loads a stream of `length` bytes that begins with `start` and continues with `rest`. Every command is accepted.
fn load(
    machine: &mut Machine<'_>,
    options: LoadOptions,
    start: &[u8],
    rest: &(dyn Fn(usize) -> u8 + Sync),
    length: usize,
    fixed: u64,
) -> Result<(), String> {
    let since = Since::now();
    let mut source = Hostile { start, rest, sent: 0, length, fixed, since };
    let loaded = machine.load_with_commands(&mut Reader::from_read(&mut source), options, |_| Ok(()));
    let outcome = loaded.map(drop).map_err(|error| error.to_string());
    source.check();
    outcome
}

/// The bytes of `pattern`, again and again.
fn again(pattern: &[u8]) -> impl Fn(usize) -> u8 {
    move |place| pattern[place % pattern.len()]
}

fn header(out: &mut Writer) -> StreamWriter<'_> {
    let mut frame = StreamWriter::new(out);
    frame.header();
    frame
}

/// The start of a section of the device, up to the field whose length is announced.
fn announcing(field: &str) -> Vec<u8> {
    let mut out = Writer::new();
    header(&mut out).begin_section(&SectionHeader::full(1, "dev", 0, 1));
    out.u8(0);
    let many = 0x3fff_ffff_u32;
    for (name, wide) in
        [("array", false), ("requests", false), ("buffer", false), ("bytes", false), ("bitmap", true), ("list", false)]
    {
        match (name == field, wide) {
            (true, true) => out.u64(u64::from(many)),
            (false, true) => out.u64(0),
            (true, false) if name != "list" => out.u32(many),
            (false, false) if name != "list" => out.u32(0),
            (true, false) => {}
            (false, false) => out.u8(0),
        }
        if name == field {
            return out.take();
        }
    }
    out.u32(many);
    out.take()
}

#[test]
fn oversized_length_allocates_nothing() {
    // An element, which for lists and trees has a mark; the keys of a tree count.
    let element = |place: usize| match (place % 17, place / 17) {
        (0, _) => 1,
        (byte @ 1..9, number) => (number as u64).to_be_bytes()[byte - 1],
        _ => 0,
    };
    for field in ["array", "requests", "buffer", "bytes", "bitmap", "list", "tree"] {
        let rest = |place: usize| match field {
            "tree" => element(place),
            _ => u8::from(place.is_multiple_of(9)),
        };
        for length in [200, 3_000, 70_000, 1 << 20, 9 << 20] {
            let mut machine = Machine::new();
            machine.register("dev", Greedy::default()).unwrap();
            let error = load(&mut machine, LoadOptions::new(), &announcing(field), &rest, length, FIXED).unwrap_err();
            assert!(error.contains("the end of the stream"), "{field}, {length} bytes: {error}");
        }
    }
}

#[test]
fn oversized_configuration_allocates_nothing() {
    let header = b"QEVM\0\0\0\x03";
    for (start, what) in [
        (&b"\x07\x3f\xff\xff\xff"[..], "the machine's name"),
        (b"\x07\0\0\0\x01m\x05\x1aconfiguration/capabilities\0\0\0\x01\x3f\xff\xff\xff", "capabilities"),
        (b"\x04\0\0\0\x01\xff", "a section's name"),
        (b"\x08\0\x06\xff\xff", "a command's data"),
    ] {
        for length in [100, 1 << 20] {
            let mut machine = Machine::new();
            let start = [&header[..], start].concat();
            let outcome = load(&mut machine, LoadOptions::new(), &start, &again(b"\x01a"), length, FIXED);
            assert!(outcome.is_err(), "{what}");
        }
    }
}

#[test]
fn oversized_description_allocates_nothing() {
    let start = b"QEVM\0\0\0\x03\0\x06\xff\xff\xff\xff";
    for length in [100, 70_000, 5 << 20] {
        let options = LoadOptions::new().trailer(Trailer::Required);
        let loaded = load(&mut Machine::new(), options, start, &again(b"[{\"name"), length, FIXED);
        loaded.expect("the machine, which has no devices, is complete without it");
    }
}

/// The bytes of a section, with its footer.
fn section(kind: SectionKind, section_id: u32, name: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.begin_section(&SectionHeader::full(section_id, name, 0, 1).of_kind(kind));
    frame.payload().bytes(payload);
    frame.end_section();
    out.take()
}

/// A stream of sections that differ in four bytes, at `places` of each.
fn numbered(section: Vec<u8>, places: Vec<usize>) -> impl Fn(usize) -> u8 {
    move |place| {
        let (number, byte) = (u32::try_from(place / section.len()).unwrap(), place % section.len());
        match places.iter().find(|start| (**start..**start + 4).contains(&byte)) {
            Some(start) => (number + 2).to_be_bytes()[byte - start],
            None => section[byte],
        }
    }
}

#[test]
fn number_of_sections_is_limited() {
    let header = b"QEVM\0\0\0\x03";
    let name = "n".repeat(255);
    for (rule, name) in
        [(Unknown::Skip, "x"), (Unknown::PassThrough, "x"), (Unknown::Skip, &name), (Unknown::PassThrough, &name)]
    {
        for kind in [SectionKind::Full, SectionKind::Start] {
            let section = section(kind, 1, name, b"payload");
            // Its id, at its start and in its footer.
            let places = vec![1, section.len() - 4];
            let length = header.len() + 20_000 * section.len();
            let rest = numbered(section, places);
            let options = LoadOptions::new().rules(Rules::default().unknown(rule));
            let mut machine = Machine::new();
            let error = load(&mut machine, options, header, &rest, length, FIXED_LENIENT).unwrap_err();
            let kept = rule == Unknown::PassThrough && kind == SectionKind::Start;
            let expected = if kept { "a section that comes whole" } else { "at most 16384 sections with a name" };
            assert!(error.contains(expected), "{error}");
        }
    }
    let section = section(SectionKind::Full, 1, "one", b"\0");
    let length = header.len() + 20_000 * section.len();
    let options = LoadOptions::new().rules(Rules::default().repeated(Repeated::Replace));
    let mut machine = Machine::new();
    machine.register("one", One::default()).unwrap();
    let error = load(&mut machine, options, header, &again(&section), length, FIXED_LENIENT).unwrap_err();
    assert!(error.contains("at most 16384"), "{error}");
}

#[derive(VmState, Default)]
#[vmstate(name = "one")]
struct One {
    value: u8,
}

#[test]
fn nested_packages_allocate_nothing() {
    for pattern in [&b"\x08\0\x07\0\x04\xff\xff\xff\xff"[..], b"\x08\0\x03\0\x04\0\0\0\x01", b"\x08\0\x05\0\0"] {
        let start = b"QEVM\0\0\0\x03";
        load(&mut Machine::new(), LoadOptions::new(), start, &again(pattern), 1 << 20, FIXED).unwrap_err();
    }
}

/// A start of memory `r`, of `pages` pages, up to the first page's record.
fn ram_start(pages: usize) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = header(&mut out);
    frame.begin_section(&SectionHeader::full(1, "ram", 0, 4).of_kind(SectionKind::Start));
    let size = pages as u64 * PageSize::DEFAULT.bytes();
    write_record(frame.payload(), &Record::BlockList(size), "");
    write_record(frame.payload(), &Record::Block(BlockHeader::new("r", size)), "");
    write_record(frame.payload(), &Record::Zero { offset: 0, same_block: false, fill: 0 }, "r");
    out.take()
}

#[test]
fn repeated_or_zero_pages_allocate_nothing() {
    const PAGES: usize = 4096;
    // One bit or two for each page, and the buffers for a page.
    let fixed = FIXED + PAGES as u64 / 2 + 3 * 4096;
    let zero = |place: usize| {
        let record = (place as u64 / 9 % PAGES as u64 * 4096) | 0x22;
        if place % 9 == 8 { 0 } else { record.to_be_bytes()[place % 9] }
    };
    let data = |place: usize| {
        let (number, byte) = (place as u64 / (8 + 4096) % PAGES as u64, place % (8 + 4096));
        if byte < 8 { ((number * 4096) | 0x28).to_be_bytes()[byte] } else { 0x77 }
    };
    let size = PAGES as u64 * 4096;
    let list = [&(size | 4).to_be_bytes()[..], b"\x01r", &size.to_be_bytes()].concat();
    let list = again(&list);
    let every: [(&(dyn Fn(usize) -> u8 + Sync), usize); 3] = [(&zero, 100_000), (&data, 40 << 20), (&list, 1 << 20)];
    for (rest, length) in every {
        let mut ram = [VecBlock::new("r", vec![0x55; PAGES * 4096])];
        let mut machine = Machine::new();
        machine.register_ram(PageSize::DEFAULT, &mut ram[..]).unwrap();
        load(&mut machine, LoadOptions::new(), &ram_start(PAGES), rest, length, fixed).unwrap_err();
        drop(machine);
        assert!(ram[0].bytes.iter().all(|byte| *byte == 0x55));
    }
}

/// A device with `N` structs of fields of many kinds.
#[derive(VmState)]
#[vmstate(name = "many")]
struct Many<const N: usize> {
    each: [Mixed; N],
}

#[derive(VmState, Default)]
#[vmstate(name = "mixed")]
struct Mixed {
    a: u8,
    b: i64,
    c: [u16; 3],
    d: bool,
    #[vmstate(timer)]
    e: Option<u64>,
    #[vmstate(buffer)]
    f: [u8; 5],
    g: Request,
    #[vmstate(len = a)]
    h: [u32; 2],
}

/// How often a load of such a device allocates.
fn allocations<const N: usize>() -> u64 {
    let mut many = Many::<N> { each: std::array::from_fn(|_| Mixed::default()) };
    let mut machine = Machine::new();
    machine.register("many", &mut many).unwrap();
    let (mut stream, options) = (Writer::new(), SaveOptions::new().description(None));
    machine.save_into(&mut stream, options).unwrap();
    let since = Since::now();
    machine.load_with(&mut Reader::from_slice(stream.pending()), LoadOptions::new()).unwrap();
    since.allocations()
}

#[test]
fn fields_need_no_allocations() {
    let in_place = |mut one: One| {
        let mut machine = Machine::new();
        machine.register("one", &mut one).unwrap();
        let stream = [&b"QEVM\0\0\0\x03"[..], &section(SectionKind::Full, 1, "one", b"\x07"), b"\0"].concat();
        let since = Since::now();
        machine.load_with(&mut Reader::from_slice(&stream), LoadOptions::new().without_rollback()).unwrap();
        since.allocations()
    };
    let least = in_place(One::default());
    // The copy that is made to go back to grows a few times.
    let (few, many) = (allocations::<2>(), allocations::<1000>());
    assert!(least < 20 && few < least + 10 && many < few + 30, "{least}, {few} and {many} allocations");
}
