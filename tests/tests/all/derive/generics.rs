//! Generic structs: inferred bounds, `bound`, constants, associated types, lifetimes.

use std::fmt::Debug;
use std::marker::PhantomData;

use vmstate::info::array::Each;
use vmstate::prelude::*;
use vmstate::{Info, Wire};

use super::{loaded, save};

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "generic")]
struct Generic<T, S, const N: usize>
where
    [T; N]: Default,
{
    one: T,
    array: [T; N],
    #[vmstate(count("n": u8), max = 4)]
    counted: Vec<T>,
    #[vmstate(option)]
    option: Option<T>,
    #[vmstate(list(max = 4))]
    list: Vec<S>,
    #[vmstate(pointer(alloc))]
    pointers: [Option<Box<T>>; 1],
    marker: PhantomData<fn() -> T>,
}

#[derive(VmState, Debug, Default, PartialEq, Clone)]
struct Part {
    value: u8,
}

#[test]
fn parameters_get_the_bounds_of_their_forms() {
    let mut device = Generic::<u16, Part, 2> {
        one: 1,
        array: [2, 3],
        counted: vec![4],
        option: Some(5),
        list: vec![Part { value: 6 }],
        pointers: [Some(Box::new(7))],
        marker: PhantomData,
    };
    let bytes = save(&mut device);
    assert_eq!(bytes, [0, 1, 0, 2, 0, 3, 1, 0, 4, 1, 0, 5, 1, 6, 0, 0x31, 0, 7]);
    assert_eq!(loaded(Generic::default(), &bytes), device);
}

/// A CPU as emulators define it: with the types of its bus.
trait Bus {
    type Address;
    type Timer;
}

#[derive(Debug, Default, PartialEq)]
struct Nes;

impl Bus for Nes {
    type Address = u16;
    type Timer = Part;
}

#[derive(VmState)]
#[vmstate(name = "cpu")]
struct Cpu<B: Bus> {
    pc: B::Address,
    stack: [B::Address; 2],
    timer: <B as Bus>::Timer,
    #[vmstate(skip = "wired by the board")]
    bus: B,
}

#[test]
fn associated_types_get_bounds() {
    let mut cpu = Cpu { pc: 1, stack: [2, 3], timer: Part { value: 4 }, bus: Nes };
    assert_eq!(save(&mut cpu), [0, 1, 0, 2, 0, 3, 4]);
    let other = loaded(Cpu { pc: 0, stack: [0; 2], timer: Part::default(), bus: Nes }, &save(&mut cpu));
    assert_eq!((other.timer, other.bus), (cpu.timer, cpu.bus));
}

/// A custom form, which determines no bound.
struct Half;

impl<T: Copy + Into<u16> + From<u8>> Info<T> for Half {
    const NAME: &'static str = "half";

    fn put(value: &T, to: &mut Writer) -> Result<(), SaveError> {
        let value: u16 = (*value).into();
        to.u8((value / 2) as u8);
        Ok(())
    }

    fn get(value: &mut T, from: &mut Reader<'_>) -> Result<(), LoadError> {
        *value = from.u8()?.into();
        Ok(())
    }
}

#[derive(VmState)]
#[vmstate(name = "bound", bound = "T: Copy + Into<u16> + From<u8>, U: Wire")]
struct Bound<T, U> {
    #[vmstate(with = Half)]
    half: T,
    #[vmstate(with = Each<Half>)]
    halves: [T; 2],
    other: U,
}

#[test]
fn explicit_bounds_replace_inferred_ones() {
    assert_eq!(save(&mut Bound { half: 8_u16, halves: [10, 12], other: true }), [4, 5, 6, 1]);
}

#[derive(VmState)]
#[vmstate(repr = u8)]
enum Choice<T> {
    Empty,
    Full(T),
}

#[derive(VmState, Default)]
#[vmstate(transparent)]
struct Wrapper<T>(T);

#[derive(VmState)]
struct Both<T: Default> {
    choice: Choice<Wrapper<T>>,
}

#[test]
fn enums_and_newtypes_can_be_generic() {
    let mut both = Both { choice: Choice::Full(Wrapper(0x0102_u16)) };
    assert_eq!(save(&mut both), [1, 1, 2]);
    both.choice = Choice::Empty;
    assert_eq!(save(&mut both), [0]);
}

/// Borrows its memory.
#[derive(VmState)]
#[vmstate(name = "video")]
struct Video<'m> {
    line: u8,
    counter: &'m mut u32,
    #[vmstate(skip = "the screen")]
    screen: &'m str,
}

#[test]
fn borrowed_values_are_saved_and_loaded() {
    let (mut counter, mut other) = (7, 0);
    let bytes = save(&mut Video { line: 1, counter: &mut counter, screen: "a" });
    assert_eq!(bytes, [1, 0, 0, 0, 7]);
    assert_eq!(loaded(Video { line: 0, counter: &mut other, screen: "b" }, &bytes).screen, "b");
    assert_eq!(other, 7);
}
