//! A state is saved to a slice without allocations, and its maximum size is known.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use vmstate::info::{Map, Maybe, Sequence, Text};
use vmstate::rewind::{Rewind, RunAhead};
use vmstate_tests::forms::{Form, Property, check};

use super::*;

/// A console with all kinds of fields that have no custom encoding.
#[derive(VmState, Default)]
#[vmstate(name = "console")]
struct Console {
    registers: [u16; 8],
    #[vmstate(wire = u32)]
    program_counter: usize,
    #[vmstate(timer)]
    deadline: Option<u64>,
    #[vmstate(count("nlines": u32), max = 8)]
    lines: Vec<u8>,
    #[vmstate(byte_array(max = 16))]
    cartridge: Vec<u8>,
    #[vmstate(with = Sequence<4, Sequence<4>>)]
    banks: Vec<Vec<u8>>,
    #[vmstate(with = Map<4>)]
    levels: BTreeMap<u8, u16>,
    #[vmstate(with = Text<8>)]
    title: String,
    #[vmstate(with = Maybe)]
    dma: Option<(u16, u16)>,
    #[vmstate(list(max = 4))]
    events: VecDeque<Event>,
    #[vmstate(equal)]
    hash: [u8; 32],
    #[vmstate(subsection("console/sound", needed = |console| console.registers[0] != 0))]
    sound: u64,
}

#[derive(VmState, Default)]
#[vmstate(name = "event")]
struct Event {
    at: u32,
}

impl Console {
    fn new() -> Self {
        Self {
            registers: [1; 8],
            lines: vec![1, 2],
            cartridge: vec![3; 16],
            banks: vec![vec![4; 4], vec![]],
            dma: Some((5, 6)),
            events: VecDeque::from([Event { at: 7 }]),
            levels: BTreeMap::from([(8, 9)]),
            title: "Go".to_owned(),
            ..Self::default()
        }
    }
}

#[test]
fn saving_to_a_slice_allocates_nothing() {
    let mut console = Console::new();
    let mut writer = Writer::new();
    console.save(&mut writer).unwrap();
    let mut slice = [0; 512];
    let since = Since::now();
    let size = console.save_to_slice(&mut slice).unwrap();
    assert_eq!(since.allocations(), 0);
    assert_eq!(&slice[..size], writer.pending());
    assert_eq!(console.saved_size().unwrap(), size);
}

/// The forms whose save allocates: for sorting, or in a custom info type or function.
const ALLOCATING: [&str; 6] = ["hashed_set", "hashed_map", "heap", "with", "bound", "through"];

struct Slices;

impl Property for Slices {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        let mut device = (form.example)();
        let mut slice = vec![0; form.bytes.len()];
        let since = Since::now();
        device.save_to_slice(&mut slice).unwrap();
        let exclusive = since.allocations();
        let since = Since::now();
        device.save_shared_to_slice(&mut slice).unwrap();
        let found = [exclusive, since.allocations()];
        let expected = ALLOCATING.contains(&form.name);
        assert_eq!(found.map(|count| count > 0), [expected; 2], "{found:?} allocations");
    }
}

#[test]
fn saving_a_form_to_a_slice_allocates_nothing() {
    check(&Slices);
}

#[test]
fn maximum_size_is_reached_and_not_exceeded() {
    const MAX: usize = Console::DESCRIPTION.max_size().unwrap();
    let mut largest = Console {
        lines: vec![0; 8],
        cartridge: vec![0; 16],
        banks: vec![vec![0; 4]; 4],
        levels: (0..4).map(|key| (key, 0)).collect(),
        title: "12345678".to_owned(),
        events: (0..4).map(|at| Event { at }).collect(),
        ..Console::new()
    };
    assert_eq!(largest.saved_size().unwrap(), MAX);
    assert_eq!(largest.save_to_slice(&mut [0; MAX]).unwrap(), MAX);
    let error = largest.save_to_slice(&mut [0; MAX - 1]).unwrap_err();
    let expected = format!("field console: expected a slice of at least {MAX} bytes, found {}", MAX - 1);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn rewinding_and_running_ahead_allocate_nothing_again() {
    let mut console = Console::new();
    let mut rewind = Rewind::new(4096);
    let mut run_ahead = RunAhead::new(1);
    let mut frame = |console: &mut Console| {
        rewind.push(console).unwrap();
        run_ahead.frame(console, |console, _| console.program_counter += 1).unwrap();
    };
    for _ in 0..10 {
        frame(&mut console);
    }
    let since = Since::now();
    for _ in 0..1000 {
        frame(&mut console);
    }
    // A load replaces the events of the list.
    assert!(since.allocations() <= 1000 * 4, "{}", since.allocations());
    assert!(rewind.memory() < 4096 + 4 * 512);
    assert_eq!(console.program_counter, 1010);
}
