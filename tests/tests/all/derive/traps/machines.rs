//! Traps of whole machines: the sections, their order and the framing between them.

use super::*;

/// Writes a stream of sections of one byte each, which is their number.
fn stream(footers: bool, sections: &[SectionHeader]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out).footers(footers);
    stream.header();
    for (section, number) in sections.iter().zip(0..) {
        stream.begin_section(section);
        stream.payload().u8(number);
        stream.end_section();
    }
    stream.eof();
    out.take()
}

/// The items of such a stream.
#[derive(Debug, PartialEq)]
struct Sections {
    /// The name, the kind and the payload of each.
    found: Vec<(String, SectionKind, u8)>,
    footers: Option<bool>,
}

fn sections(bytes: &[u8]) -> Result<Sections, LoadError> {
    let mut reader = Reader::from_slice(bytes);
    let mut stream = StreamReader::new(&mut reader)?;
    let mut found = Vec::new();
    while let Some(item) = stream.next_item()? {
        let StreamItem::Section(section) = item else { panic!("{item:?} is not a section") };
        found.push((section.name, section.kind, stream.payload().u8()?));
    }
    assert_eq!(stream.description()?, None);
    Ok(Sections { found, footers: stream.has_footers() })
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "early", early_setup)]
struct Early {
    value: u8,
}

/// They are whole, although live sections are yet to start.
#[test]
fn trap_12_early_sections_precede_ram() {
    assert!(Early::DESCRIPTION.early_setup && !Holder::DESCRIPTION.early_setup);
    let ram = |kind| SectionHeader::full(2, "ram", 0, 4).of_kind(kind);
    let early = SectionHeader::full(40, "early", 0, Early::DESCRIPTION.version);
    let bytes = stream(true, &[early, ram(SectionKind::Start), ram(SectionKind::End)]);
    let found = sections(&bytes).unwrap().found;
    let kinds: Vec<_> = found.iter().map(|(name, kind, _)| (name.as_str(), *kind)).collect();
    let expected = [("early", SectionKind::Full), ("ram", SectionKind::Start), ("ram", SectionKind::End)];
    assert_eq!(kinds, expected);

    let (mut early, mut memory) = (Early { value: 7 }, [VecBlock::new("ram", vec![1; 4096])]);
    let mut machine = Machine::new();
    machine.register("late", Holder::default()).unwrap();
    machine.register("early", &mut early).unwrap();
    machine.register_ram(PageSize::DEFAULT, &mut memory[..]).unwrap();
    let stream = whole(&mut machine, SaveOptions::new());
    let kinds: Vec<_> = headers(&stream).into_iter().map(|header| (header.name, header.kind)).collect();
    let named = |(name, kind): (&str, SectionKind)| (name.to_owned(), kind);
    assert_eq!(
        kinds,
        [&expected[..], &[("late", SectionKind::Full)]].concat().into_iter().map(named).collect::<Vec<_>>()
    );
    machine.load(&stream[..]).unwrap();
}

#[derive(VmState, Default)]
#[vmstate(name = "elements")]
struct Elements {
    asked: [Asked; 2],
    #[vmstate(pointer)]
    slots: [Option<Box<u8>>; 3],
}

/// 7.2 numbers elements that are described one by one; 10.0 has no number for the last, and a type for null pointers.
/// 11.1 numbers none, and calls that type `ptr-marker`.
#[test]
fn trap_13_descriptions_differ_by_release() {
    let fields =
        r#""struct": {"vmsd_name": "asked", "version": 3, "fields": [{"name": "has", "type": "bool", "size": 1}]}"#;
    let asked = |index: &str| format!(r#"{{"name": "asked"{index}, "type": "struct", {fields}, "size": 1}}"#);
    let begin = r#""vmsd_name": "elements", "version": 1, "fields": ["#;
    let mut device = Elements { slots: [None, None, Some(Box::new(1))], ..Elements::default() };
    let (first, second) = (asked(r#", "index": 0"#), asked(r#", "index": 1"#));
    let slots = r#"{"name": "slots", "array_len": 3, "type": "uint8", "size": 1}"#;
    assert_eq!(described(&mut device, Release::Qemu7_2), format!("{begin}{first}, {second}, {slots}]"));
    let second = asked("");
    let null = r#"{"name": "slots", "array_len": 2, "type": "nullptr", "size": 1}"#;
    let slot = r#"{"name": "slots", "type": "uint8", "size": 1}"#;
    assert_eq!(described(&mut device, Release::Qemu10_0), format!("{begin}{first}, {second}, {null}, {slot}]"));
    let null = null.replace("nullptr", "ptr-marker");
    assert_eq!(described(&mut device, Release::Qemu11_1), format!("{begin}{second}, {second}, {null}, {slot}]"));
}

/// They are a counter of the process that saved: a link inside of a stream, and nothing beyond.
#[test]
fn trap_14_section_ids_are_arbitrary() {
    let of_ids = |ram: u32, timer: u32| {
        let ram = |kind| SectionHeader::full(ram, "ram", 0, 4).of_kind(kind);
        let timer = SectionHeader::full(timer, "timer", 0, 2);
        let ram = [SectionKind::Start, SectionKind::Part, SectionKind::End].map(ram);
        sections(&stream(true, &[&ram[..], &[timer]].concat())).unwrap()
    };
    let expected = of_ids(2, 3);
    assert_eq!(expected.found.len(), 4);
    for (ram, timer) in [(3, 2), (0, u32::MAX), (77, 0), (5, 5)] {
        assert_eq!(of_ids(ram, timer), expected, "ids {ram} and {timer}");
    }
}

#[derive(VmState, Debug, Default)]
#[vmstate(name = "bus", priority = PciBus)]
struct Bus {
    lines: u8,
}

/// A machine's devices, registered in this order with these section ids.
fn machine(order: [(&str, u32); 3]) -> Vec<u8> {
    let mut machine = Machine::new();
    for (name, id) in order {
        let registration = match name {
            "bus" => Registration::device(name, Bus { lines: 3 }),
            name => Registration::device(name, Holder { last: name.as_bytes()[0], ..Holder::default() }),
        };
        machine.add(registration.section_id(id)).unwrap();
    }
    whole(&mut machine, SaveOptions::new())
}

/// Only sections of a higher priority come first.
#[test]
fn trap_14_sections_are_found_by_name_and_instance() {
    let streams = [machine([("a", 0), ("b", 1), ("bus", 2)]), machine([("bus", 9), ("b", 77), ("a", 7)])];
    let found = streams
        .each_ref()
        .map(|stream| headers(stream).into_iter().map(|header| (header.name, header.section_id)).collect::<Vec<_>>());
    let named = |order: [(&str, u32); 3]| order.map(|(name, id)| (name.to_owned(), id)).to_vec();
    let expected = [[("bus", 2), ("a", 0), ("b", 1)], [("bus", 9), ("b", 77), ("a", 7)]];
    assert_eq!(found, expected.map(named));
    for stream in streams {
        let (mut bus, mut a, mut b) = (Bus::default(), Holder::default(), Holder::default());
        let mut machine = Machine::new();
        machine.register("b", &mut b).unwrap();
        machine.register("bus", &mut bus).unwrap();
        machine.register("a", &mut a).unwrap();
        machine.load(&stream[..]).unwrap();
        drop(machine);
        assert_eq!((bus.lines, a.last, b.last), (3, b'a', b'b'));
    }
}

/// Only a machine type knows if there are any; a stream shows it with its first section.
#[test]
fn trap_15_footers_are_all_or_nothing() {
    let two = [SectionHeader::full(0, "first", 0, 1), SectionHeader::full(1, "second", 0, 1)];
    let (with, without) = (stream(true, &two), stream(false, &two));
    assert_eq!(with.len(), without.len() + 10);
    assert_eq!(sections(&with).unwrap().footers, Some(true));
    assert_eq!(sections(&without).unwrap().footers, Some(false));
    // The second one's is missing: all but its five bytes, and the stream's end.
    let cut = [&with[..with.len() - 6], &[0]].concat();
    assert_eq!(sections(&cut).unwrap_err().qemu_message(), Some("Missing section footer for second"));

    let mut machine = Machine::new();
    machine.register("first", Holder::default()).unwrap();
    machine.register("second", Holder::default()).unwrap();
    for agreed in [false, true] {
        let options = SaveOptions::new();
        let stream = whole(&mut machine, if agreed { options } else { options.without_footers() });
        let mut load = |footers| {
            let options = LoadOptions::new();
            let options = if footers { options.with_footers() } else { options.without_footers() };
            machine.load_with(&mut Reader::from_slice(&stream), options).map(drop)
        };
        load(agreed).unwrap();
        load(!agreed).unwrap_err();
        machine.load(&stream[..]).unwrap();
    }
}

/// It is written as 1 again.
#[test]
fn trap_16_any_byte_but_zero_is_true() {
    for byte in 0..=u8::MAX {
        let mut device = Maybe::default();
        load(&mut device, &[byte], 1).unwrap();
        assert_eq!(device.on, byte != 0);
        assert_eq!(save(&mut device), [u8::from(byte != 0)]);
    }
}

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "bits")]
struct Bits {
    #[vmstate(bitmap(bits = 8))]
    words: [u64; 1],
    #[vmstate(bitmap(bits = 65))]
    more: [u64; 2],
}

/// Eight bits are one word, not eight; 65 are two.
#[test]
fn trap_17_bitmap_size_is_in_bits() {
    let mut device = Bits { words: [0x80], more: [1, 1] };
    let wire = hex("0000000000000080 0000000000000001 0000000000000001");
    assert_eq!(save(&mut device), wire);
    let mut loaded = Bits::default();
    load(&mut loaded, &wire, 1).unwrap();
    assert_eq!(loaded, device);
}

/// A machine type may have it suppressed; a stream ends well without.
#[test]
fn trap_18_a_stream_needs_no_description() {
    let bytes = stream(true, &[SectionHeader::full(0, "only", 0, 1)]);
    assert!(bytes.ends_with(&[0x7e, 0, 0, 0, 0, 0]), "nothing comes after the end");
    assert_eq!(sections(&bytes).unwrap().found.len(), 1);

    let mut device = Holder { last: 7, ..Holder::default() };
    let mut machine = Machine::new();
    machine.register("holder", &mut device).unwrap();
    let with = whole(&mut machine, SaveOptions::new());
    let without = whole(&mut machine, SaveOptions::new().description(None));
    assert!(with.starts_with(&without) && with.len() > without.len());
    assert!(machine.load(&with[..]).unwrap().description.is_some());
    assert_eq!(machine.load(&without[..]).unwrap().description, None);
}

/// The start of a bitmap in a `dirty-bitmap` section.
#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "start")]
struct Start {
    flags: u8,
    #[vmstate(count("device_length": u8), max = 255, when = |start| start.flags & 0x08 != 0, default)]
    device: Vec<u8>,
    #[vmstate(count("name_length": u8), max = 255)]
    name: Vec<u8>,
    granularity: u32,
    enabled: bool,
}

/// A comment in QEMU claims 64 bits. These bytes are from QEMU 7.2, with two bitmaps of 4096 bytes per bit, the first of
/// them disabled.
#[test]
fn trap_19_dirty_bitmap_granularity_has_32_bits() {
    let section = hex("1c 01 64 03 74776f 00001000 00 14 03 6f6e65 00001000 01 01");
    let mut reader = Reader::from_slice(&section);
    let mut bitmaps = [Start::default(), Start::default()];
    bitmaps.iter_mut().for_each(|bitmap| bitmap.load(&mut reader, 1).unwrap());
    assert_eq!(reader.u8().unwrap(), 1, "the end of the section");
    assert!(reader.at_end().unwrap());
    let start = |flags, device: &[u8], name: &[u8], enabled| Start {
        flags,
        device: device.into(),
        name: name.into(),
        granularity: 4096,
        enabled,
    };
    assert_eq!(bitmaps, [start(0x1c, b"d", b"two", false), start(0x14, b"", b"one", true)]);
}

/// QEMU's process ends, when it registers the second one. Here it is an error, and the first one stays.
#[test]
fn trap_20_duplicate_registration_is_an_error() {
    let mut machine = Machine::new();
    machine.register("holder", Holder { last: 7, ..Holder::default() }).unwrap();
    let error = machine.add(Registration::device("holder", Holder::default()).instance_id(0)).unwrap_err();
    assert_eq!(error, RegisterError::Duplicate { name: "holder".into(), instance_id: 0 });
    assert_eq!(headers(&whole(&mut machine, SaveOptions::new())).len(), 1);
    // An entry without an instance id gets the next one.
    machine.register("holder", Holder::default()).unwrap();
    assert_eq!(machine.sections().collect::<Vec<_>>(), [("holder", 0), ("holder", 1)]);
}
