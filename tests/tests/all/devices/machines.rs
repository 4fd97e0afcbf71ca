//! Machines of derived structs load whole streams of QEMU and save them again, the same to the last byte.

use std::collections::HashSet;

use vmstate::ram::{Loader, PageSize, Saver};
use vmstate::schema::vmdesc::{Located, locate};
use vmstate::schema::{DescriptionWriter, Release};
use vmstate::stream::{Command, Item, SectionHeader, SectionKind, StreamReader, StreamWriter};
use vmstate::{Reader, Writer};
use vmstate_examples::devices::slirp;
use vmstate_examples::machines::Machine;
use vmstate_examples::machines::isapc::IsaPc;
use vmstate_examples::machines::microvm::MicroVm;
use vmstate_examples::machines::pc::Pc;
use vmstate_examples::machines::q35::Q35;
use vmstate_examples::machines::spike::Spike;
use vmstate_examples::machines::virt::Virt;
use vmstate_tests::streams;

/// The bytes of a page of all these machines.
const PAGE: u64 = 4096;

#[test]
fn spike() {
    check::<Spike>("spike");
}

#[test]
fn virt() {
    check::<Virt>("virt");
}

#[test]
fn isapc() {
    check::<IsaPc>("isapc");
}

#[test]
fn microvm() {
    check::<MicroVm>("microvm");
}

#[test]
fn pc() {
    check::<Pc>("pc");
}

#[test]
fn q35() {
    check::<Q35>("q35");
}

/// Loads both releases' streams of a machine and saves it.
fn check<M: Machine>(name: &str) {
    for (version, release) in [("7.2", Release::Qemu7_2), ("10.0", Release::Qemu10_0)] {
        let stream = streams::named(&format!("qemu-{version}-{name}"));
        let mut machine = M::new(release);
        let frame = Frame::load(&mut machine, release, &stream.bytes);
        let saved = frame.save(&mut machine);
        // The description's length stands before it and tells little: the description first.
        let ((theirs, their_text), (ours, our_text)) = (split(&stream.bytes), split(&saved));
        assert_same(their_text, our_text, &stream.name);
        assert_same(theirs, ours, &stream.name);
    }
}

/// A stream's bytes, and the description behind them.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Located::At(text) = locate(bytes) else { panic!("no description") };
    bytes.split_at(text)
}

/// Fails with what stands around the first byte that differs.
fn assert_same(theirs: &[u8], ours: &[u8], name: &str) {
    let differs = theirs.iter().zip(ours).position(|(theirs, ours)| theirs != ours);
    let near = |at: usize| {
        [theirs, ours].map(|bytes| bytes[at.saturating_sub(150)..bytes.len().min(at + 100)].escape_ascii().to_string())
    };
    assert_eq!((differs, ours.len()), (None, theirs.len()), "{name}: {:#?}", differs.map(near));
}

/// A stream without the machine's state.
struct Frame {
    release: Release,
    configuration: vmstate::stream::Configuration,
    items: Vec<Item>,
}

impl Frame {
    /// Loads `machine`, all sections of which must come, and none that it lacks.
    fn load(machine: &mut impl Machine, release: Release, bytes: &[u8]) -> Self {
        let mut reader = Reader::from_slice(bytes);
        let mut stream = StreamReader::new(&mut reader).unwrap();
        let mut ram = Loader::new(PageSize::new(PAGE).unwrap());
        let (mut items, mut loaded) = (Vec::new(), HashSet::new());
        while let Some(item) = stream.next_item().unwrap() {
            if let Item::Section(section) = &item {
                match section.name.as_str() {
                    "ram" => ram.load(machine.ram(), stream.payload()).unwrap(),
                    _ => {
                        let index = find(machine, section, &loaded);
                        let device = &mut machine.sections()[index].device;
                        device.load(stream.payload(), section.version).unwrap_or_else(|error| panic!("{error}"));
                        loaded.insert(index);
                    }
                }
            }
            items.push(item);
        }
        assert_eq!(loaded.len(), machine.sections().len());
        assert_eq!(items.contains(&Item::Command(Command::SwitchoverStart)), release == Release::Qemu10_0);
        Self { release, configuration: stream.configuration().unwrap().clone(), items }
    }

    fn save(&self, machine: &mut impl Machine) -> Vec<u8> {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        let mut description = DescriptionWriter::new(self.release, PAGE, Some(&self.configuration));
        let mut ram = Saver::new(PageSize::new(PAGE).unwrap());
        let mut saved = HashSet::new();
        stream.header();
        stream.configuration(&self.configuration);
        for item in &self.items {
            match item {
                Item::Section(section) => {
                    stream.begin_section(section);
                    match section.name.as_str() {
                        "ram" => save_ram(machine, section.kind, &mut ram, stream.payload()),
                        _ => {
                            let index = find(machine, section, &saved);
                            saved.insert(index);
                            save(machine, index, section, &mut description, stream.payload());
                        }
                    }
                }
                Item::Command(command) => stream.command(command).unwrap(),
                _ => {}
            }
        }
        stream.eof();
        stream.description(&description.finish());
        out.take()
    }
}

/// The first of the machine's sections of this name that is not among `done`: some isapc have one twice.
fn find(machine: &mut impl Machine, section: &SectionHeader, done: &HashSet<usize>) -> usize {
    let sections = machine.sections();
    let is_it = |index: &usize| {
        let own = &sections[*index];
        (own.name, own.instance_id) == (section.name.as_str(), section.instance_id) && !done.contains(index)
    };
    (0..sections.len())
        .find(is_it)
        .unwrap_or_else(|| panic!("no section {} (instance {})", section.name, section.instance_id))
}

fn save(
    machine: &mut impl Machine,
    index: usize,
    section: &SectionHeader,
    description: &mut DescriptionWriter,
    out: &mut Writer,
) {
    let (name, instance_id) = (section.name.as_str(), section.instance_id);
    let device = &mut machine.sections()[index].device;
    if name == "slirp" {
        let mut unused = DescriptionWriter::new(Release::Qemu10_0, PAGE, None);
        device.save(section.version, (name, instance_id), &mut unused, out).unwrap();
        description.opaque(name, instance_id, slirp::IDLE_SIZE);
    } else {
        device.save(section.version, (name, instance_id), description, out).unwrap();
    }
}

fn save_ram(machine: &mut impl Machine, kind: SectionKind, ram: &mut Saver, out: &mut Writer) {
    match kind {
        SectionKind::Start => ram.setup(machine.ram(), out).unwrap(),
        SectionKind::Part => drop(ram.iterate(machine.ram(), u64::MAX, out).unwrap()),
        SectionKind::End | SectionKind::Full => ram.complete(machine.ram(), out).unwrap(),
    }
}
