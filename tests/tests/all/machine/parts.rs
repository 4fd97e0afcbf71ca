//! Parts of one struct as separate sections: trait objects, and a view of the rest.

use vmstate::prelude::*;
use vmstate::registry::Device;

/// A mapper is any device with the methods of the bus.
trait Mapper: Device + Send {
    fn read(&self, address: u16) -> u8;
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "mmc1")]
struct Mmc1 {
    shift: u8,
}

impl Mapper for Mmc1 {
    fn read(&self, _: u16) -> u8 {
        self.shift
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "mmc3")]
struct Mmc3 {
    bank: u16,
}

impl Mapper for Mmc3 {
    fn read(&self, address: u16) -> u8 {
        (self.bank ^ address) as u8
    }
}

struct Console {
    cycles: u64,
    ram: Vec<u8>,
    mapper: Box<dyn Mapper>,
}

/// The state of the console except for its mapper.
#[derive(VmState)]
#[vmstate(name = "console")]
struct ConsoleState<'c> {
    cycles: &'c mut u64,
    #[vmstate(count("ram_size": u32), max = 0x1_0000)]
    ram: &'c mut [u8],
}

impl Console {
    fn new(mapper: impl Mapper + 'static, ram: usize) -> Self {
        Self { cycles: 0, ram: vec![0; ram], mapper: Box::new(mapper) }
    }

    /// Returns a machine with both parts, which are borrowed at the same time.
    fn machine(&mut self) -> Machine<'_> {
        let Self { cycles, ram, mapper } = self;
        let mut machine = Machine::new();
        machine.register("console", ConsoleState { cycles, ram }).unwrap();
        machine.register("mapper", &mut **mapper).unwrap();
        machine
    }
}

fn saved(console: &mut Console) -> Vec<u8> {
    let mut stream = Vec::new();
    console.machine().save(&mut stream).unwrap();
    stream
}

#[test]
fn mapper_and_the_console_around_it_are_two_sections() {
    let mut console = Console::new(Mmc1 { shift: 5 }, 4);
    console.cycles = 7;
    console.ram[2] = 9;
    let stream = saved(&mut console);

    let mut other = Console::new(Mmc1::default(), 4);
    other.machine().load(&stream[..]).unwrap();
    assert_eq!((other.cycles, &other.ram[..], other.mapper.read(0)), (7, &[0, 0, 9, 0][..], 5));
    assert_eq!(saved(&mut other), stream);
}

#[test]
fn memory_of_another_size_is_rejected() {
    let stream = saved(&mut Console::new(Mmc1::default(), 4));
    let mut other = Console::new(Mmc1 { shift: 3 }, 5);
    other.cycles = 1;
    let error = other.machine().load(&stream[..]).unwrap_err();
    assert!(error.to_string().contains("5, the length of the slice"), "{error}");
    assert_eq!((other.cycles, other.mapper.read(0)), (1, 3), "nothing changed");
}

#[test]
fn boxed_mapper_can_be_moved_into_a_machine() {
    let mapper: Box<dyn Mapper> = Box::new(Mmc3 { bank: 1 });
    let mut machine = Machine::new();
    machine.register("mapper", mapper).unwrap();
    let mut stream = Vec::new();
    machine.save(&mut stream).unwrap();
    assert!(stream.windows(6).any(|window| window == b"mapper"));
}
