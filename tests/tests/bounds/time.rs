//! A stream of four times as many things takes about four times as long.

use std::time::{Duration, Instant};

use vmstate::schema::{DescriptionWriter, Release};

use super::*;

/// The repetitions of a measurement. The minimum counts, because the machine has other load.
const REPEATED: usize = 3;
/// The most that four times as much may take. Squares would be 16.
const MOST: u32 = 10;

fn fastest(mut run: impl FnMut() -> Duration) -> Duration {
    (0..REPEATED).map(|_| run()).min().unwrap_or_default()
}

/// Loads `stream` into a new machine that passes unknown sections through.
fn load(stream: &[u8], make: &dyn Fn() -> Machine<'static>) -> Duration {
    let mut machine = make();
    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough));
    let start = Instant::now();
    machine.load_with(&mut Reader::from_slice(stream), options).unwrap_or_else(|error| panic!("{error}"));
    start.elapsed()
}

fn check(what: &str, small: usize, stream: impl Fn(usize) -> Vec<u8>, make: &dyn Fn() -> Machine<'static>) {
    let (short, long) = (stream(small), stream(4 * small));
    compare(what, small, (fastest(|| load(&short, make)), fastest(|| load(&long, make))));
}

fn compare(what: &str, small: usize, times: (Duration, Duration)) {
    assert!(times.1 < times.0 * MOST, "{what}: {times:?} for {small} of them, and for four times as many");
}

/// A stream of `count` sections, which it describes.
fn sections(count: usize) -> Vec<u8> {
    let (mut out, mut description) = (Writer::new(), DescriptionWriter::new(Release::Qemu7_2, 4096, None));
    let mut frame = header(&mut out);
    for number in 0..u32::try_from(count).unwrap() {
        frame.begin_section(&SectionHeader::full(number + 1, format!("dev{number}"), number, 1));
        frame.payload().u64(u64::MAX);
        description.opaque(&format!("dev{number}"), number, 8);
    }
    frame.eof();
    frame.description(&description.finish());
    out.take()
}

/// A stream of the device, with `count` elements where they are counted by marks or in advance.
fn device(count: usize) -> Vec<u8> {
    let mut greedy = Greedy {
        words: u32::try_from(count).unwrap(),
        array: vec![1; count],
        structs: u32::try_from(count).unwrap(),
        requests: vec![Request { tag: 2 }; count].into(),
        list: vec![Request { tag: 3 }; count].into(),
        tree: (0..u32::try_from(count).unwrap()).map(|key| (key, Request { tag: 4 })).collect(),
        ..Greedy::default()
    };
    let mut out = Writer::new();
    let mut machine = Machine::new();
    machine.register("dev", &mut greedy).unwrap();
    machine.save_into(&mut out, SaveOptions::new().description(None)).unwrap();
    out.take()
}

/// A stream of memory whose pages come `count` times, in as many sections.
fn parts(count: usize) -> Vec<u8> {
    let mut out = Writer::new();
    out.bytes(&ram_start(16));
    write_record(&mut out, &Record::EndOfSection, "");
    // The footer.
    out.u8(0x7e);
    out.u32(1);
    let mut frame = StreamWriter::new(&mut out);
    for number in 0..=count {
        let kind = if number == count { SectionKind::End } else { SectionKind::Part };
        frame.begin_section(&SectionHeader::full(1, "ram", 0, 4).of_kind(kind));
        let offset = (number as u64 % 16) * 4096;
        write_record(frame.payload(), &Record::Zero { offset, same_block: true, fill: 0 }, "r");
        write_record(frame.payload(), &Record::EndOfSection, "");
    }
    frame.eof();
    out.take()
}

#[test]
fn saving_and_loading_take_linear_time() {
    check("unknown sections", 4_000, sections, &Machine::new);
    check("elements", 10_000, device, &|| {
        let mut machine = Machine::new();
        machine.register("dev", Greedy::default()).unwrap();
        machine
    });
    check("parts of memory", 20_000, parts, &|| {
        let mut machine = Machine::new();
        machine.register_ram(PageSize::DEFAULT, vec![VecBlock::new("r", vec![0x55; 16 * 4096])]).unwrap();
        machine
    });
}

/// A new machine with `count` devices.
fn register(count: usize) -> Duration {
    let start = Instant::now();
    let mut machine = Machine::new();
    for number in 0..count {
        machine.register(format!("dev{number}"), Request { tag: 1 }).unwrap();
    }
    start.elapsed()
}

#[test]
fn registering_takes_linear_time() {
    let small = 4_000;
    compare("devices", small, (fastest(|| register(small)), fastest(|| register(4 * small))));
}
