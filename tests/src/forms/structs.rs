//! Enums, options, versions of nested structs, attributes on types, and values of functions.

use vmstate::Info;
use vmstate::info::Sequence;
use vmstate::laws::Choices;
use vmstate::prelude::*;

use super::{MAX, forms, some, word};

#[derive(VmState, Debug, Default, Clone, Copy)]
#[repr(u8)]
enum Mode {
    #[default]
    Off,
    On = 7,
}

#[derive(VmState, Debug, Default, Clone, Copy)]
#[vmstate(repr = u16)]
enum Region {
    #[default]
    Japan,
    Europe = 300,
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "mapper", repr = u8)]
enum Mapper {
    #[default]
    Nrom,
    Mmc1 {
        shift: u8,
        #[vmstate(with = Sequence<MAX>)]
        writes: Vec<u64>,
    },
    Uxrom(u16, #[vmstate(option)] Option<u8>),
}

/// The kind of a slot is a part of the machine's configuration.
#[derive(VmState, Debug)]
#[vmstate(name = "slot", repr = u8, variant(fixed))]
enum Slot {
    Empty,
    Full { bank: u16 },
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "part")]
struct Part {
    x: u8,
    y: u16,
}

/// A struct at the version of its parent.
#[derive(VmState, Debug, Default)]
#[vmstate(name = "sprite", versions = parent)]
struct Sprite {
    x: u8,
    #[vmstate(since = 3)]
    mask: u8,
}

/// A struct with a version that its parent selects.
#[derive(VmState, Debug, Default)]
#[vmstate(name = "timer", version = 2)]
struct Timer {
    count: u8,
    #[vmstate(since = 2)]
    reload: u8,
}

/// Flags as a type of the crate `bitflags` has them.
#[derive(VmState, Debug, Default, Clone, Copy)]
#[vmstate(bits = u16)]
struct Status(u16);

impl Status {
    fn bits(&self) -> u16 {
        self.0
    }

    fn from_bits(bits: u16) -> Option<Self> {
        (bits <= 0xff).then_some(Self(bits))
    }
}

#[derive(VmState, Debug, Default)]
#[vmstate(wire = u32)]
struct Address(usize);

#[derive(VmState, Debug, Default)]
#[vmstate(with = Packed)]
struct Pair(u8, u8);

/// Two numbers in one byte.
struct Packed;

impl Info<Pair> for Packed {
    const NAME: &'static str = "packed";
    const SIZE: Option<usize> = Some(1);

    fn put(pair: &Pair, to: &mut Writer) -> Result<(), SaveError> {
        to.u8(pair.0 << 4 | pair.1);
        Ok(())
    }

    fn get(pair: &mut Pair, from: &mut Reader<'_>) -> Result<(), LoadError> {
        let byte = from.u8()?;
        *pair = Pair(byte >> 4, byte & 15);
        Ok(())
    }
}

/// Memory that is only accessible through functions.
#[derive(Debug, Default)]
struct Memory(Vec<u64>);

fn mapper(choices: &mut Choices) -> Mapper {
    match choices.below(3) {
        0 => Mapper::Nrom,
        1 => Mapper::Mmc1 { shift: choices.byte(), writes: some(choices, Choices::next) },
        _ => Mapper::Uxrom(word(choices), choices.flip().then_some(5)),
    }
}

fn part(choices: &mut Choices) -> Part {
    Part { x: choices.byte(), y: word(choices) }
}

forms! {
    unit_enum: "structs" "Enums",
        [] [Mode; 2],
        |choices| [if choices.flip() { Mode::On } else { Mode::Off }, Mode::On],
        [Mode::On, Mode::Off] => [7, 0],
        counts [];
    repr: "structs" "repr",
        [] Region,
        |choices| if choices.flip() { Region::Europe } else { Region::Japan },
        Region::Europe => [1, 44],
        counts [];
    variant: "structs" "Enums with fields",
        [] Mapper,
        mapper,
        Mapper::Mmc1 { shift: 3, writes: vec![4] } => [1, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4],
        counts [[1, 3]];
    variants: "structs" "Enums with fields",
        [] [Mapper; 3],
        |choices| [mapper(choices), mapper(choices), mapper(choices)],
        [Mapper::Uxrom(5, Some(6)), Mapper::Nrom, Mapper::Uxrom(7, None)] => [2, 0, 5, 1, 6, 0, 2, 0, 7, 0],
        counts [[0, 1, 3]];
    fixed_variant: "structs" "variant",
        [] [Slot; 2],
        |choices| [Slot::Full { bank: word(choices) }, Slot::Empty],
        [Slot::Full { bank: 9 }, Slot::Empty] => [1, 0, 9, 0],
        counts [];
    option: "values" "option",
        [] #[vmstate(option)] Option<Part>,
        |choices| choices.flip().then(|| part(choices)),
        Some(Part { x: 1, y: 2 }) => [1, 1, 0, 2],
        counts [];
    option_of_nothing: "values" "option",
        [] #[vmstate(option)] Option<u16>,
        |choices| choices.flip().then(|| word(choices)),
        None => [0],
        counts [];
    option_always: "values" "option",
        [] #[vmstate(option(always))] Option<[Part; 2]>,
        |choices| choices.flip().then(|| [part(choices), part(choices)]),
        Some([Part { x: 1, y: 2 }, Part { x: 3, y: 4 }]) => [1, 1, 0, 2, 3, 0, 4],
        counts [];
    option_of_sequence: "values" "option",
        [] #[vmstate(option, with = Sequence<MAX>)] Option<Vec<u64>>,
        |choices| choices.flip().then(|| some(choices, Choices::next)),
        Some(vec![5]) => [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5],
        counts [[1]];
    versions_of_parent: "structs" "versions",
        [vmstate(version = 3, minimum_version = 2)] [Sprite; 2],
        |choices| [Sprite { x: choices.byte(), mask: choices.byte() }, Sprite::default()],
        [Sprite { x: 1, mask: 2 }, Sprite { x: 3, mask: 4 }] => [1, 2, 3, 4],
        counts [];
    versioned: "values" "versioned",
        [vmstate(version = 3)] #[vmstate(versioned(was(..=2 => 1)))] Timer,
        |choices| Timer { count: choices.byte(), reload: choices.byte() },
        Timer { count: 1, reload: 2 } => [1, 2],
        counts [];
    bits: "structs" "Attributes on the type",
        [] [Status; 2],
        |choices| [Status(choices.byte().into()), Status(5)],
        [Status(0x81), Status(2)] => [0, 0x81, 0, 2],
        counts [];
    wire: "structs" "Attributes on the type",
        [] #[vmstate(with = Sequence<MAX>)] Vec<Address>,
        |choices| some(choices, |choices| Address(choices.byte().into())),
        vec![Address(5)] => [0, 0, 0, 1, 0, 0, 0, 5],
        counts [[]] times 2;
    with: "structs" "Attributes on the type",
        [] [Pair; 2],
        |choices| [Pair(choices.byte() >> 4, 1), Pair(2, choices.byte() >> 4)],
        [Pair(1, 2), Pair(3, 4)] => [0x12, 0x34],
        counts [];
    through: "values" "through",
        [] #[vmstate(
            through(Vec<u64>, get = |form| form.value.0.clone(), set = |form, words| form.value.0 = words),
            with = Sequence<MAX>
        )] Memory,
        |choices| Memory(some(choices, Choices::next)),
        Memory(vec![6]) => [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 6],
        counts [[]];
    through_number: "values" "through",
        [] #[vmstate(through(u16, get = |form| form.value, set = |form, value| form.value = value))] u16,
        word,
        0x0102 => [1, 2],
        counts [];
    inline: "places" "inline",
        [] #[vmstate(inline)] Part,
        part,
        Part { x: 1, y: 2 } => [1, 0, 2],
        counts [];
}
