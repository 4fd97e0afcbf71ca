//! Generic structs.

use std::fmt::Debug;

use vmstate::Info;
use vmstate::info::Sequence;
use vmstate::prelude::*;

use super::{MAX, forms, some, word};

#[derive(VmState, Debug)]
#[vmstate(name = "fifo")]
struct Fifo<T: Default, const N: usize> {
    data: [T; N],
    #[vmstate(with = Sequence<MAX>)]
    more: Vec<T>,
}

/// The types of a machine, as emulators define them.
trait Bus {
    type Address;
}

#[derive(Debug)]
struct Nes;

impl Bus for Nes {
    type Address = u16;
}

#[derive(VmState)]
#[vmstate(name = "cpu")]
struct Cpu<B: Bus> {
    pc: B::Address,
    stack: [<B as Bus>::Address; 2],
}

impl<B: Bus<Address: Debug>> Debug for Cpu<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpu").field("pc", &self.pc).field("stack", &self.stack).finish()
    }
}

/// A form that determines no bound.
struct Low;

impl<T: Copy + Into<u16> + From<u8>> Info<T> for Low {
    const NAME: &'static str = "low";
    const SIZE: Option<usize> = Some(1);

    fn put(value: &T, to: &mut Writer) -> Result<(), SaveError> {
        let [_, low] = (*value).into().to_be_bytes();
        to.u8(low);
        Ok(())
    }

    fn get(value: &mut T, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = from.u8()?.into();
        Ok(())
    }
}

#[derive(VmState, Debug)]
#[vmstate(name = "bound", bound = "T: Copy + Into<u16> + From<u8>")]
struct Bound<T> {
    #[vmstate(with = Low)]
    low: T,
}

#[derive(VmState, Debug, Default)]
#[vmstate(repr = u8)]
enum Choice<T> {
    #[default]
    Empty,
    Full(T),
}

forms! {
    parameters: "structs" "Generics",
        [] Fifo<u16, 2>,
        |choices| Fifo { data: [word(choices), 1], more: some(choices, word) },
        Fifo { data: [1, 2], more: vec![3] } => [0, 1, 0, 2, 0, 0, 0, 1, 0, 3],
        counts [[0, 1, 0, 2]];
    associated_type: "structs" "Generics",
        [] Cpu<Nes>,
        |choices| Cpu { pc: word(choices), stack: [word(choices), 1] },
        Cpu { pc: 1, stack: [2, 3] } => [0, 1, 0, 2, 0, 3],
        counts [];
    bound: "structs" "bound",
        [] [Bound<u16>; 2],
        |choices| [Bound { low: choices.byte().into() }, Bound { low: 1 }],
        [Bound { low: 8 }, Bound { low: 9 }] => [8, 9],
        counts [];
    generic_enum: "structs" "Generics",
        [] [Choice<u16>; 2],
        |choices| [if choices.flip() { Choice::Full(word(choices)) } else { Choice::Empty }, Choice::Empty],
        [Choice::Full(0x0102), Choice::Empty] => [1, 1, 2, 0],
        counts [];
    lifetime: "structs" "Generics",
        [] &'static mut u32,
        |choices| Box::leak(Box::new(choices.byte().into())),
        Box::leak(Box::new(7)) => [0, 0, 0, 7],
        counts [];
}
