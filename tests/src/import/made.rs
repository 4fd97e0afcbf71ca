//! A stream with the kinds of fields that the committed streams lack, saved by derived structs.

use std::collections::BTreeMap;

use crate::streams::Stream;
use vmstate::info::array::Each;
use vmstate::prelude::*;
use vmstate::schema::{DescriptionWriter, Release};
use vmstate::stream::{Configuration, SectionHeader, StreamWriter};
use vmstate::{Info, Temporary};

/// Returns the stream as `release` would write it.
///
/// # Panics
/// If a struct cannot be saved.
#[must_use]
pub fn stream(release: Release) -> Stream {
    let configuration = Configuration::new("made");
    let mut out = Writer::new();
    let mut description = DescriptionWriter::new(release, 4096, Some(&configuration));
    let mut stream = StreamWriter::new(&mut out);
    stream.header();
    stream.configuration(&configuration);
    let mut made = Made { description, next: 0 };
    made.section(&mut stream, "names", &mut Names::default());
    made.section(&mut stream, "numbers", &mut Numbers::new());
    made.section(&mut stream, "containers", &mut Containers::new());
    made.section(&mut stream, "structs", &mut Structs::new());
    made.section(&mut stream, "large", &mut Large::default());
    made.section(&mut stream, "pointers", &mut Pointers::new());
    made.section(&mut stream, "store", &mut Store::new());
    // Two of a kind that were not built alike.
    made.section(&mut stream, "gate", &mut Gate { pins: 4, lines: 2, extra: None });
    made.section(&mut stream, "gate", &mut Gate { pins: 8, lines: -1, extra: Some(GateExtra { level: true }) });
    stream.begin_section(&SectionHeader::full(made.next, "old", 0, 7));
    stream.payload().bytes(b"nobody knows");
    stream.end_section();
    made.description.opaque("old", 0, 12);
    description = made.description;
    stream.eof();
    stream.description(&description.finish());
    Stream { name: format!("made-{release}"), bytes: out.take() }
}

/// The stream so far.
struct Made {
    description: DescriptionWriter,
    /// The next section's id, which is its instance too.
    next: u32,
}

impl Made {
    fn section<T: VmState>(&mut self, stream: &mut StreamWriter<'_>, name: &str, device: &mut T) {
        stream.begin_section(&SectionHeader::full(self.next, name, self.next, T::DESCRIPTION.version));
        self.description.section(name, self.next, device, stream.payload()).unwrap();
        stream.end_section();
        self.next += 1;
    }
}

/// Names that are invalid or not distinct in Rust. A struct named `Vec` must not hide the real one.
#[derive(VmState, Default)]
#[vmstate(name = "Vec", version = 0)]
struct Names {
    r#type: u8,
    #[vmstate(name = "self")]
    own: u8,
    #[vmstate(name = "4th")]
    fourth: u8,
    #[vmstate(name = "a.b")]
    dotted: u8,
    #[vmstate(name = "a_b")]
    underscored: u8,
    #[vmstate(name = "A[b]")]
    bracketed: u8,
    #[vmstate(name = "\"\\'")]
    quoted: u8,
    #[vmstate(name = "mac_reg[0]")]
    first: u32,
    #[vmstate(name = "mac_reg[1]")]
    second: u32,
    #[vmstate(name = "a name that goes on for so long that it does not fit into a line of one hundred characters")]
    long: [u16; 3],
    #[vmstate(name = "unused[1]")]
    unused: Unused<3>,
    #[vmstate(name = "2d")]
    padding: [Unused<2>; 4],
    #[vmstate(subsection)]
    r#in: Option<Keyword>,
}

#[derive(VmState, Default)]
#[vmstate(name = "Vec/in", version = 3)]
struct Keyword {
    r#fn: bool,
}

/// Three bytes of nobody's.
struct Three;

impl Info<[u8; 3]> for Three {
    const NAME: &'static str = "three bytes";

    fn put(bytes: &[u8; 3], to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(bytes);
        Ok(())
    }

    fn get(bytes: &mut [u8; 3], from: &mut Reader<'_>) -> Result<(), LoadError> {
        from.fill(bytes)
    }
}

/// A number that QEMU describes as bytes; a bool that is 2.
struct Odd<const BOOL: bool>;

impl<const BOOL: bool> Info<u8> for Odd<BOOL> {
    const NAME: &'static str = if BOOL { "bool" } else { "Option" };

    fn put(byte: &u8, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(*byte);
        Ok(())
    }

    fn get(byte: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *byte = from.u8()?;
        Ok(())
    }
}

#[derive(VmState)]
#[vmstate(name = "numbers")]
struct Numbers {
    signed: [i64; 2],
    small: i8,
    float: f64,
    floats: [f64; 40],
    #[vmstate(timer)]
    timers: [Option<u64>; 2],
    #[vmstate(timer)]
    many_timers: [Option<u64>; 33],
    #[vmstate(with = Odd<true>)]
    odd_bool: u8,
    #[vmstate(with = Odd<false>)]
    odd: u8,
    #[vmstate(with = Each<Odd<false>>)]
    odds: [u8; 3],
    #[vmstate(with = Three)]
    three: [u8; 3],
    #[vmstate(with = Each<Three>)]
    threes: [[u8; 3]; 2],
    #[vmstate(equal)]
    same: u64,
    #[vmstate(with = Each<vmstate::info::equal::Equal>)]
    sames: [u16; 2],
    #[vmstate(le)]
    less: i32,
    #[vmstate(buffer)]
    buffers: [[u8; 2]; 3],
    #[vmstate(buffer)]
    empty: [u8; 0],
    #[vmstate(when = Self::always)]
    conditional: [u16; 3],
}

impl Numbers {
    fn new() -> Self {
        Self {
            signed: [-1, i64::MIN],
            small: -5,
            float: -0.5,
            floats: [f64::MAX; 40],
            timers: [Some(5), None],
            many_timers: [None; 33],
            odd_bool: 2,
            odd: 3,
            odds: [4, 5, 6],
            three: *b"abc",
            threes: [*b"def", *b"ghi"],
            same: u64::MAX,
            sames: [7, 8],
            less: 9,
            buffers: [*b"jk", *b"lm", *b"no"],
            empty: [],
            conditional: [1, 2, 3],
        }
    }

    fn always(&self, _: u32) -> bool {
        true
    }
}

#[derive(VmState, Default)]
#[vmstate(name = "entry", version = 2)]
struct Entry {
    id: u32,
    #[vmstate(subsection)]
    extra: Option<EntryExtra>,
}

#[derive(VmState, Default)]
#[vmstate(name = "entry/extra")]
struct EntryExtra {
    level: bool,
}

impl Entry {
    fn new(id: u32, extra: Option<bool>) -> Self {
        Self { id, extra: extra.map(|level| EntryExtra { level }) }
    }
}

#[derive(VmState, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[vmstate(name = "interval", version = 2)]
struct Interval {
    low: u64,
    high: u64,
}

#[derive(VmState)]
#[vmstate(name = "containers")]
struct Containers {
    #[vmstate(list(max = 8))]
    list: Vec<Entry>,
    #[vmstate(list(qlist, max = 8))]
    qlist: Vec<Entry>,
    #[vmstate(list(max = 8))]
    no_list: Vec<Entry>,
    #[vmstate(tree(max = 8))]
    tree: BTreeMap<Interval, Entry>,
    #[vmstate(tree(direct, max = 8))]
    direct: BTreeMap<u64, Entry>,
    #[vmstate(tree(max = 8))]
    no_tree: BTreeMap<Interval, Entry>,
    #[vmstate(pointer)]
    pointers: [Option<Box<Interval>>; 5],
    #[vmstate(pointer)]
    numbers: [Option<Box<u32>>; 4],
    #[vmstate(pointer)]
    nothing: [Option<Box<Interval>>; 3],
    #[vmstate(bitmap(bits = 100))]
    bits: [u64; 2],
    #[vmstate(byte_array(max = 16))]
    bytes: Vec<u8>,
}

impl Containers {
    fn new() -> Self {
        let intervals = [(0, 5), (0, 6), (7, 7)].map(|(low, high)| Interval { low, high });
        let interval = |there: bool| there.then(|| Box::new(Interval { low: 0x3030, high: 0x30 }));
        Self {
            list: vec![Entry::new(1, None), Entry::new(2, Some(true))],
            qlist: vec![Entry::new(3, Some(false))],
            no_list: Vec::new(),
            tree: intervals.into_iter().map(|key| (key, Entry::new(4, None))).collect(),
            direct: [(9, Entry::new(5, None)), (u64::MAX, Entry::new(6, Some(true)))].into(),
            no_tree: BTreeMap::new(),
            // The first one is not null, because QEMU 7.2 describes an array by its first element.
            pointers: [true, true, true, true, true].map(interval),
            numbers: [1, 2, 3, 4].map(|number| Some(Box::new(number))),
            nothing: [None, None, None],
            bits: [u64::MAX, 1],
            bytes: b"some".to_vec(),
        }
    }
}

#[derive(VmState, Default, Clone)]
#[vmstate(name = "point", version = 3)]
struct Point {
    x: i16,
    #[vmstate(since = 2)]
    y: i16,
}

/// Two points as one temporary.
#[derive(VmState, Default)]
#[vmstate(name = "sum")]
struct Sum {
    x: i16,
    y: i16,
}

impl Temporary<Structs> for Sum {
    fn from_parent(parent: &Structs) -> Self {
        Self { x: parent.point.x.wrapping_add(parent.old.x), y: parent.sum }
    }

    fn apply(self, _: &mut Structs) -> Result<(), LoadError> {
        Ok(())
    }
}

/// A drive like IDE's: half of its fields are conditional on a disk.
#[derive(VmState, Default)]
#[vmstate(name = "drive")]
struct Drive {
    disk: bool,
    #[vmstate(buffer, when = Self::has_disk)]
    label: [u8; 4],
    sectors: u16,
}

impl Drive {
    fn has_disk(&self, _: u32) -> bool {
        self.disk
    }
}

#[derive(VmState)]
#[vmstate(name = "structs")]
struct Structs {
    point: Point,
    #[vmstate(versioned = 1)]
    old: Point,
    points: [Point; 40],
    #[vmstate(when = Self::always)]
    conditional: [Point; 3],
    #[vmstate(tmp = Sum)]
    sum: i16,
    #[vmstate(ambiguous = "made so")]
    entry: Entry,
    #[vmstate(ambiguous = "made so")]
    entries: [Entry; 3],
    drives: [Drive; 2],
    other_drives: [Drive; 2],
}

impl Structs {
    fn new() -> Self {
        let point = Point { x: 1, y: -2 };
        let points = std::array::from_fn(|_| point.clone());
        let drive = |disk| Drive { disk, label: *b"disk", sectors: 63 };
        Self {
            point: point.clone(),
            old: point,
            points,
            conditional: std::array::from_fn(|_| Point { x: 3, y: 4 }),
            sum: 5,
            entry: Entry::new(1, Some(true)),
            entries: [Entry::new(2, None), Entry::new(3, Some(true)), Entry::new(4, None)],
            drives: [drive(true), drive(false)],
            other_drives: [drive(false), drive(false)],
        }
    }

    fn always(&self, _: u32) -> bool {
        true
    }
}

/// The first pointer is null, so that QEMU 7.2 does not describe the others.
#[derive(VmState)]
#[vmstate(name = "pointers")]
struct Pointers {
    #[vmstate(pointer)]
    slots: [Option<Box<Interval>>; 6],
    behind: u8,
}

impl Pointers {
    fn new() -> Self {
        let interval = |index| (index == 3).then(|| Box::new(Interval { low: 1, high: 0x3030_3031 }));
        Self { slots: std::array::from_fn(interval), behind: b'0' }
    }
}

/// Variables with their lengths.
#[derive(VmState)]
#[vmstate(name = "store")]
struct Store {
    #[vmstate(list(max = 8))]
    variables: Vec<Variable>,
}

#[derive(VmState, Default)]
#[vmstate(name = "variable")]
struct Variable {
    kind: u8,
    #[vmstate(name = "value.size")]
    size: u16,
    #[vmstate(name = "value", buffer(len = size, max = 100))]
    value: Vec<u8>,
}

impl Store {
    fn new() -> Self {
        let variable =
            |value: &[u8]| Variable { kind: 4, size: value.len().try_into().unwrap(), value: value.to_vec() };
        Self { variables: vec![variable(b"none"), variable(b""), variable(b"many of them")] }
    }
}

/// A struct that is too large for many copies on a stack.
#[derive(VmState)]
#[vmstate(name = "large")]
struct Large {
    #[vmstate(buffer)]
    buffer: Box<[u8; 0x10000]>,
    numbers: Box<[u32; 0x8000]>,
    points: Box<[Point; 0x800]>,
    #[vmstate(with = LargeInfo)]
    own: Vec<u8>,
}

impl Default for Large {
    fn default() -> Self {
        Self {
            buffer: Box::new([1; 0x10000]),
            numbers: Box::new([2; 0x8000]),
            points: Box::new(std::array::from_fn(|_| Point { x: 3, y: 4 })),
            own: vec![5; 0x2000],
        }
    }
}

struct LargeInfo;

impl Info<Vec<u8>> for LargeInfo {
    const NAME: &'static str = "large info";

    fn put(bytes: &Vec<u8>, to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(bytes);
        Ok(())
    }

    fn get(bytes: &mut Vec<u8>, from: &mut Reader<'_>) -> Result<(), LoadError> {
        from.fill(bytes)
    }
}

#[derive(VmState)]
#[vmstate(name = "gate")]
struct Gate {
    #[vmstate(equal)]
    pins: u8,
    #[vmstate(with = Negative)]
    lines: i32,
    #[vmstate(subsection)]
    extra: Option<GateExtra>,
}

#[derive(VmState, Default)]
#[vmstate(name = "gate/extra")]
struct GateExtra {
    level: bool,
}

/// An `int32 le` that is below zero, which no load accepts.
struct Negative;

impl Info<i32> for Negative {
    const NAME: &'static str = "int32 le";

    fn put(value: &i32, to: &mut Writer) -> Result<(), SaveError> {
        to.bytes(&value.to_be_bytes());
        Ok(())
    }

    fn get(value: &mut i32, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = i32::from_be_bytes(from.array()?);
        Ok(())
    }
}
