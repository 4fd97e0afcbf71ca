//! The laws, and the tools without a device, for forms that depend on a number on the wire or on the section's version.

use vmstate::dynamic::Rewriter;
use vmstate::import::Importer;
use vmstate::laws::Choices;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::schema::vmdesc::Document;

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "console", version = 3, minimum_version = 2)]
struct Console {
    cpu: Cpu,
    mapper: Mapper,
    slots: [Mapper; 2],
    #[vmstate(option)]
    controller: Option<u16>,
    #[vmstate(option(always))]
    light_gun: Option<Sprite>,
    #[vmstate(versioned(was(..=2 => 1)))]
    timer: Timer,
    #[vmstate(count("sprite_count": u8), max = 3)]
    sprites: Vec<Sprite>,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "cpu", versions = parent)]
struct Cpu {
    pc: u16,
    #[vmstate(since = 3)]
    delayed: bool,
    address: Address,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(wire = u32)]
struct Address(usize);

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "sprite", versions = parent)]
struct Sprite {
    x: u8,
    #[vmstate(since = 3)]
    mask: u8,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "timer", version = 2)]
struct Timer {
    count: u8,
    #[vmstate(since = 2)]
    reload: u8,
}

#[derive(VmState, Clone, Debug, Default, PartialEq)]
#[vmstate(name = "mapper", repr = u8, versions = parent)]
enum Mapper {
    #[default]
    Nrom,
    Mmc1 {
        shift: u8,
        #[vmstate(since = 3)]
        count: u8,
    },
    Uxrom(u16),
}

fn mapper(choices: &mut Choices) -> Mapper {
    match choices.below(3) {
        0 => Mapper::Nrom,
        1 => Mapper::Mmc1 { shift: choices.byte(), count: choices.byte() },
        _ => Mapper::Uxrom(choices.byte().into()),
    }
}

fn make(choices: &mut Choices) -> Console {
    let sprite = |choices: &mut Choices| Sprite { x: choices.byte(), mask: choices.byte() };
    Console {
        mapper: mapper(choices),
        slots: [mapper(choices), mapper(choices)],
        controller: choices.flip().then(|| choices.byte().into()),
        light_gun: choices.flip().then(|| sprite(choices)),
        sprites: (0..choices.below(4)).map(|_| sprite(choices)).collect(),
        ..Console::default()
    }
}

vmstate::laws!(console: Console, with = make);

fn full() -> Console {
    Console {
        cpu: Cpu { pc: 1, delayed: true, address: Address(2) },
        mapper: Mapper::Mmc1 { shift: 3, count: 4 },
        slots: [Mapper::Uxrom(5), Mapper::Nrom],
        controller: Some(6),
        light_gun: Some(Sprite { x: 7, mask: 8 }),
        timer: Timer { count: 9, reload: 10 },
        sprites: vec![Sprite { x: 11, mask: 12 }],
    }
}

fn stream(release: Release) -> Vec<u8> {
    let mut console = full();
    let mut machine = Machine::new();
    machine.register("console", &mut console).unwrap();
    let mut stream = Vec::new();
    machine.save_with(&mut stream, vmstate::machine::SaveOptions::new().description(Some(release))).unwrap();
    stream
}

#[test]
fn streams_are_rewritten_from_their_values() {
    for release in [Release::Qemu7_2, Release::Qemu10_0] {
        let stream = stream(release);
        let (mut reader, mut out) = (Reader::from_slice(&stream), Writer::new());
        let mut rewriter = Rewriter::new(&mut reader, Document::from_stream(&stream).unwrap(), &mut out).unwrap();
        while rewriter.step(&mut out).unwrap() {}
        assert_eq!(out.take(), stream);
    }
}

#[test]
fn streams_are_imported() {
    let stream = stream(Release::Qemu10_0);
    let mut importer = Importer::new("console");
    importer.stream(&mut Reader::from_slice(&stream), Document::from_stream(&stream).unwrap().unwrap()).unwrap();
    let source = importer.source();
    for part in ["tag: u8", "Mmc1.shift", "has_controller: bool"] {
        assert!(source.contains(part), "{part}\n{source}");
    }
}
