//! Generated code causes no warnings in a crate that enables all lints.
#![deny(warnings, missing_docs, unused, unreachable_pub, unused_qualifications, elided_lifetimes_in_paths)]
#![deny(missing_debug_implementations, single_use_lifetimes, trivial_casts, unsafe_code, let_underscore_drop)]
#![deny(variant_size_differences, unused_results, non_ascii_idents, keyword_idents, unused_lifetimes)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]

use std::collections::{BTreeMap, VecDeque};

use vmstate::info::array::Each;
use vmstate::{Info, LoadError, Reader, SaveError, Temporary, Unused, VmState, Wire, Writer};

/// Struct attributes, gates and subsections.
#[derive(VmState, Debug, Default)]
#[vmstate(
    name = "dev",
    version = 3,
    minimum_version = 2,
    priority = Iommu,
    needed = Self::holds,
    pre_save = Self::hook,
    post_save = Self::hook,
    pre_load = Self::hook,
    post_load = Self::hook,
    subsection("dev/group", version = 2, needed = Self::holds, absent = default, post_save = Self::hook),
    subsection("dev/latched", empty, needed = Self::holds)
)]
#[deprecated]
pub struct Device {
    /// Documented.
    pub number: u8,
    #[vmstate(since = 3, default)]
    #[deprecated]
    array: [[u16; 2]; 3],
    #[vmstate(until = 2, default = zero)]
    old: u8,
    #[vmstate(when = Self::holds)]
    some: u8,
    #[vmstate(with = Byte)]
    byte: u8,
    #[vmstate(buffer, unused(before = 2, after = 1))]
    buffer: [u8; 3],
    #[vmstate(equal = "hint")]
    equal: u8,
    #[vmstate(le)]
    level: i32,
    #[vmstate(timer)]
    timer: Option<u64>,
    unused: Unused<4>,
    inner: Inner,
    #[vmstate(inline)]
    inline: Inline,
    #[vmstate(in = "dev/group")]
    grouped: u8,
    #[vmstate(subsection("dev/single", needed = Self::holds))]
    single: u8,
    #[vmstate(subsection("dev/option"))]
    option: Option<u8>,
    #[vmstate(subsection(always))]
    own: Own,
    #[vmstate(subsection)]
    own_option: Option<OwnOption>,
    #[vmstate(skip = "not needed", reset = zero)]
    skipped: u8,
}

#[allow(deprecated)]
impl Device {
    const fn holds(&self) -> bool {
        self.number == 0
    }

    const fn hook(&mut self) {
        self.number = 1;
    }
}

const fn zero() -> u8 {
    0
}

/// A byte.
#[derive(Debug)]
pub struct Byte;

impl Info<u8> for Byte {
    const NAME: &'static str = "byte";

    fn put(value: &u8, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(*value);
        Ok(())
    }

    fn get(value: &mut u8, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = from.u8()?;
        Ok(())
    }
}

#[derive(VmState, Debug, Default)]
struct Inner {
    value: i64,
}

#[derive(VmState, Debug, Default)]
struct Inline {
    value: i64,
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "dev/own")]
struct Own;

#[derive(VmState, Debug, Default)]
#[vmstate(name = "dev/own_option")]
struct OwnOption {
    real: f64,
}

/// Type, constant and lifetime parameters.
#[derive(VmState, Debug)]
pub struct Generic<'a, T: Wire + Copy, const N: usize> {
    values: [T; N],
    #[vmstate(skip = "borrowed")]
    name: &'a str,
}

/// Arrays, buffers and collections.
#[derive(VmState, Debug, Default)]
#[vmstate(name = "collections", crate = ::vmstate)]
pub struct Collections {
    count: u8,
    #[vmstate(len = count * 2, max = 8)]
    numbers: Vec<u16>,
    #[vmstate(len = count, must_exist("few", |many| many.count < 3))]
    front: [Inner; 2],
    #[vmstate(len = count * Self::WORDS)]
    words: [u16; 4],
    #[vmstate(len = count, max = 8, wire = u32)]
    sizes: Vec<usize>,
    #[vmstate(count("nmore": u16), max = 8)]
    more: VecDeque<i8>,
    #[vmstate(range = 1..3)]
    part: [u8; 4],
    #[vmstate(buffer, range = ..2)]
    bytes: Box<[u8; 4]>,
    #[vmstate(buffer(len = count, multiply = 2, max = 8))]
    sized: Vec<u8>,
    #[vmstate(bitmap(bits = count, max = 128))]
    bits: Vec<u64>,
    #[vmstate(bitmap(bits = 64))]
    fixed_bits: [u64; 1],
    #[vmstate(byte_array(max = 8))]
    own_length: Vec<u8>,
    #[vmstate(list(max = 8))]
    list: VecDeque<Inner>,
    #[vmstate(list(qlist, max = 8, version = 1))]
    qlist: Vec<Inner>,
    #[vmstate(tree(max = 8))]
    tree: BTreeMap<Key, Inner>,
    #[vmstate(tree(direct, max = 8, version = 1))]
    direct: BTreeMap<u32, Inner>,
    #[vmstate(pointer)]
    slots: [Option<Box<Inner>>; 2],
    #[vmstate(pointer(alloc), len = count, max = 8)]
    marked: Vec<Option<Box<Inner>>>,
    #[vmstate(unused(before = count * 2, max = 8))]
    last: u8,
}

impl Collections {
    const WORDS: usize = 2;
}

#[derive(VmState, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    low: u64,
}

/// Nested structs, places and removed fields.
#[derive(VmState, Debug, Default)]
#[vmstate(
    name = "structs",
    version = 3,
    minimum_version = 2,
    early_setup,
    unmigratable,
    needed = |device| device.size == 0,
    pre_save = |device, _| device.size = 0,
    must_exist("small", |device| device.size < 10),
    load_old(min = 1, with = Self::load_old),
    removed("old": u8, until = 2, with = |device, old| device.size = old.into(), from = Self::old),
    field("array[1]": u16 = array[1], default = 7, since = 3),
    field("mode[0]": Mode = nested.modes[0], when = |device, version| version > 2 && device.size == 0)
)]
pub struct Structs {
    #[vmstate(versioned = 1)]
    versioned: [Inner; 2],
    #[vmstate(tmp = Negated)]
    negated: i64,
    #[vmstate(through(u32, get = |device| device.seed, set = |device, seed| device.seed = seed))]
    seed: u32,
    #[vmstate(opaque = "inner")]
    opaque: Inner,
    #[vmstate(wire = u32)]
    size: usize,
    #[vmstate(bits = u8)]
    flags: Flags,
    #[vmstate(with = Each<Definition>)]
    foreigners: [Foreign; 2],
    #[vmstate(with = Definition, ambiguous = "the next field never starts with a 5")]
    foreign: Foreign,
    level: Level,
    #[vmstate(field("array[0]": u16 = array[0]))]
    pair: Pair,
    #[vmstate(skip = "sent in parts")]
    array: [u16; 2],
    nested: Nested,
    #[vmstate(subsection("structs/was", always, version = 2, was(..=2 => 1)))]
    was: u8,
}

impl Structs {
    fn load_old(&mut self, reader: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
        self.size = reader.u8()?.into();
        Ok(())
    }

    fn old(&self) -> u8 {
        u8::try_from(self.size).unwrap_or(u8::MAX)
    }
}

#[derive(VmState, Debug, Default)]
struct Negated {
    value: i64,
}

impl Temporary<Structs> for Negated {
    fn from_parent(parent: &Structs) -> Self {
        Self { value: -parent.negated }
    }

    fn for_load(_: &Structs) -> Self {
        Self::default()
    }

    fn apply(self, parent: &mut Structs) -> Result<(), LoadError> {
        parent.negated = -self.value;
        Ok(())
    }
}

#[derive(VmState, Clone, Copy, Debug, Default)]
#[repr(u8)]
enum Mode {
    #[default]
    Off,
    On,
}

#[derive(VmState, Debug, Default)]
#[vmstate(version = 2)]
struct Nested {
    modes: [Mode; 2],
    slot: Slot,
    #[vmstate(versioned(was(..=1 => 1)))]
    old: Inherits,
    #[vmstate(option)]
    level: Option<Level>,
    #[vmstate(option(always))]
    always: Option<u8>,
}

/// Is an integer of another type on the wire.
#[derive(VmState, Debug, Default)]
#[vmstate(wire = u32)]
pub struct Address(usize);

/// Has explicit bounds.
#[derive(VmState, Debug, Default)]
#[vmstate(bound = "T: vmstate::Wire")]
pub struct Bounded<T> {
    value: T,
}

/// Has the version of its parent.
#[derive(VmState, Debug, Default)]
#[vmstate(versions = parent)]
pub struct Inherits {
    #[vmstate(since = 2)]
    value: u8,
}

/// Has all kinds of variants.
#[derive(VmState, Debug, Default)]
#[vmstate(repr = u8)]
pub enum Slot {
    /// Has no fields.
    #[default]
    Empty,
    /// Has fields without names.
    Tuple(u8, u16),
    /// Has named fields.
    Named {
        /// The number of items.
        count: u8,
        /// Some items.
        #[vmstate(len = count, max = 4)]
        items: Vec<u8>,
        /// Is not migrated.
        #[vmstate(skip = "local", reset = 5)]
        local: u8,
    },
}

/// Keeps its variant.
#[derive(VmState, Debug)]
#[vmstate(repr = u16, variant(fixed))]
pub enum Fixed {
    /// Has a field.
    Only(u8),
}

#[derive(Debug, Default)]
struct Flags(u8);

impl Flags {
    const fn bits(&self) -> u8 {
        self.0
    }

    const fn from_bits(bits: u8) -> Option<Self> {
        if bits < 8 { Some(Self(bits)) } else { None }
    }
}

#[derive(VmState, Debug, Default)]
#[vmstate(transparent)]
struct Level(u8);

#[derive(VmState, Debug, Default)]
struct Pair(u8, #[vmstate(timer)] Option<u64>);

/// Represents a type of another crate.
#[derive(Debug, Default)]
pub struct Foreign {
    value: u8,
    kept: u8,
}

#[derive(VmState, Debug)]
#[vmstate(remote = Foreign)]
struct Definition {
    value: u8,
}

#[allow(deprecated)]
fn main() {
    let mut device = Device::default();
    assert!(device.save(&mut Writer::new()).is_ok());
    assert!(Collections::default().save(&mut Writer::new()).is_ok());
    let mut structs = Structs { foreign: Foreign { value: 1, kept: 2 }, ..Structs::default() };
    structs.flags = Flags(3);
    structs.nested.modes = [Mode::Off, Mode::On];
    assert!(structs.save(&mut Writer::new()).is_ok() && structs.foreign.kept == 2);
    let mut generic = Generic { values: [1_u8, 2], name: "two" };
    assert!(generic.save(&mut Writer::new()).is_ok() && !generic.name.is_empty());
}
