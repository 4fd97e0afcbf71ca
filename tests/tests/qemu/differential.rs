//! Damaged streams, loaded by QEMU and by vmstate.
//!
//! vmstate has to reject the streams that QEMU rejects, and to save the same state as QEMU after loading the others.
//! [`known`] lists the differences with their reasons; any other difference fails.
//!
//! `VMSTATE_MUTANTS` is the number of streams of each machine (default: a few), and `VMSTATE_SEED` selects them.

mod known;
mod mutant;
mod random;

use std::collections::BTreeMap;
use std::env;

use vmstate::dynamic::StreamDecoder;
use vmstate::dynamic::diff::{FieldChange, SectionDifference, Snapshot, StateDifference, compare};
use vmstate::machine::LoadOptions;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate::schema::vmdesc::Document;
use vmstate_examples::machines::isapc::IsaPc;
use vmstate_examples::machines::microvm::MicroVm;
use vmstate_examples::machines::pc::Pc;
use vmstate_examples::machines::q35::Q35;
use vmstate_examples::machines::spike::Spike;
use vmstate_examples::machines::virt::Virt;
use vmstate_examples::machines::{Board, assemble};
use vmstate_tests::frame::{Frame, split};
use vmstate_tests::qemu::{Outcome, Qemu};
use vmstate_tests::releases;
use vmstate_tests::streams;

use known::Finding;
use mutant::{Map, Mutant};
use random::Random;

/// The default number of damaged streams of each machine.
const MUTANTS: usize = 8;

macro_rules! machines {
    ($($name:ident: $machine:ty, $version:literal, $arch:literal, $type:literal, $devices:expr;)*) => {$(
        #[test]
        fn $name() {
            check::<$machine>($version, $arch, $type, $devices);
        }
    )*};
}

const VIRT_DEVICES: &[&str] = &[
    "-blockdev",
    "driver=null-co,node-name=disk,size=1048576",
    "-device",
    "virtio-blk-device,drive=disk",
    "-device",
    "virtio-net-device",
    "-device",
    "virtio-rng-pci",
];
const PC_DEVICES: &[&str] = &["-usb", "-device", "usb-tablet"];
const Q35_DEVICES: &[&str] = &[
    "-blockdev",
    "driver=null-co,node-name=disk,size=1048576",
    "-device",
    "pcie-root-port,id=root0",
    "-device",
    "virtio-blk-pci,bus=root0,drive=disk",
    "-device",
    "qemu-xhci",
    "-device",
    "usb-kbd",
];

// Of `isapc` in QEMU 7.2, two sections have the same names: it cannot load its own streams right.
machines! {
    spike_7_2: Spike, "7.2", "riscv64", "spike", &[];
    spike_10_0: Spike, "10.0", "riscv64", "spike", &[];
    spike_11_1: Spike, "11.1", "riscv64", "spike", &[];
    virt_7_2: Virt, "7.2", "riscv64", "virt", VIRT_DEVICES;
    virt_10_0: Virt, "10.0", "riscv64", "virt", VIRT_DEVICES;
    virt_11_1: Virt, "11.1", "riscv64", "virt", VIRT_DEVICES;
    microvm_7_2: MicroVm, "7.2", "x86_64", "microvm", &[];
    microvm_10_0: MicroVm, "10.0", "x86_64", "microvm", &[];
    microvm_11_1: MicroVm, "11.1", "x86_64", "microvm", &[];
    isapc_10_0: IsaPc, "10.0", "x86_64", "isapc", &[];
    isapc_11_1: IsaPc, "11.1", "x86_64", "isapc", &[];
    pc_7_2: Pc, "7.2", "x86_64", "pc", PC_DEVICES;
    pc_10_0: Pc, "10.0", "x86_64", "pc", PC_DEVICES;
    pc_11_1: Pc, "11.1", "x86_64", "pc", PC_DEVICES;
    q35_7_2: Q35, "7.2", "x86_64", "q35", Q35_DEVICES;
    q35_10_0: Q35, "10.0", "x86_64", "q35", Q35_DEVICES;
    q35_11_1: Q35, "11.1", "x86_64", "q35", Q35_DEVICES;
}

/// Returns the number in an environment variable.
fn environment(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
}

/// The results of the streams of one machine.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    same: usize,
    /// The occurrences of each known difference.
    known: BTreeMap<&'static str, usize>,
    unknown: Vec<String>,
}

/// Tries streams of one machine.
fn check<M: Board>(version: &str, arch: &str, machine: &str, devices: &[&str]) {
    let mut stream = streams::named(&format!("qemu-{version}-{machine}")).bytes;
    mutant::forget_patches(&mut stream);
    let release = releases::release(version);
    let (frame, map) = (Frame::of(&stream, release), Map::of(&stream));
    let args = [&["-M", machine, "-m", "16M"], devices].concat();
    let mut random = Random(environment("VMSTATE_SEED").unwrap_or(1));
    let mutants = environment("VMSTATE_MUTANTS").map_or(MUTANTS, |count| usize::try_from(count).unwrap());
    let unchanged = Mutant { what: "nothing".to_owned(), bytes: stream };
    let mutants = std::iter::once(unchanged).chain((0..mutants).map(|_| map.mutant(&mut random)));

    let mut tally = Tally::default();
    let qemu = |stream: &[u8]| Qemu::load_and_save(version, arch, &args, stream);
    for mutant in mutants {
        let theirs = qemu(&mutant.bytes);
        let ours = load_and_save::<M>(&frame, release, &mutant.bytes);
        tally.take(&format!("{version} {machine}: {}", mutant.what), findings(theirs, ours, qemu));
    }
    println!("{version} {machine}: {} rejected by both, {} equal, {:#?}", tally.refused, tally.same, tally.known);
    assert!(
        tally.unknown.is_empty(),
        "{} of these are not known:\n{}",
        tally.unknown.len(),
        tally.unknown.join("\n\n")
    );
}

/// A saved machine, and the sections that were missing in its stream.
struct Saved {
    stream: Vec<u8>,
    missing: Vec<(String, u32)>,
}

/// Loads a stream as QEMU does, and saves the machine again.
fn load_and_save<M: Board>(frame: &Frame, release: Release, stream: &[u8]) -> Result<Saved, String> {
    let mut machine = M::new(release);
    let mut registry = assemble(&mut machine, &frame.headers).unwrap();
    registry.set_configuration(frame.configuration.clone());
    let loaded = registry.load_with(&mut Reader::from_slice(stream), LoadOptions::qemu_defaults());
    let missing = loaded.map_err(|error| error.to_string())?.missing;
    drop(registry);
    let stream = frame.try_save(&mut machine).map_err(|error| error.to_string())?;
    Ok(Saved { stream, missing })
}

impl Tally {
    fn take(&mut self, what: &str, findings: Option<Vec<Finding>>) {
        let Some(findings) = findings else {
            self.refused += 1;
            return;
        };
        self.same += usize::from(findings.is_empty());
        for finding in findings {
            match known::why(&finding) {
                Some(why) => *self.known.entry(why).or_default() += 1,
                None => self.unknown.push(format!("{what}\n  {finding}")),
            }
        }
    }
}

/// Compares the results of QEMU and of vmstate. Returns `None` if both reject the stream. `qemu` loads another stream.
fn findings(theirs: Outcome, ours: Result<Saved, String>, qemu: impl Fn(&[u8]) -> Outcome) -> Option<Vec<Finding>> {
    match (theirs, ours) {
        (Outcome::Refused(_), Err(_)) => None,
        (Outcome::Refused(words), Ok(_)) => Some(vec![Finding::OnlyQemuRefuses(words)]),
        (Outcome::Died(words), _) => Some(vec![Finding::QemuDies(words)]),
        (Outcome::Stuck, Err(error)) => Some(vec![Finding::QemuHangs(error)]),
        (Outcome::Stuck, Ok(_)) => Some(vec![Finding::QemuHangs("nothing".to_owned())]),
        (Outcome::Saved(_), Err(error)) => Some(vec![Finding::OnlyWeRefuse(error)]),
        (Outcome::Saved(theirs), Ok(ours)) => Some(match snapshot(&theirs) {
            Ok(saved) => differences(&saved, &ours),
            Err(error) => vec![unreadable(&error, qemu(&theirs))],
        }),
    }
}

/// Returns the finding for a stream of QEMU that vmstate cannot read, after offering it to QEMU.
fn unreadable(error: &LoadError, theirs: Outcome) -> Finding {
    match theirs {
        Outcome::Refused(words) => Finding::QemuRefusesItsOwn(words),
        theirs => {
            Finding::OnlyWeRefuse(format!("the stream saved by QEMU\n{error}\nwhich QEMU loads as {theirs:.300?}"))
        }
    }
}

fn snapshot(stream: &[u8]) -> Result<Snapshot, LoadError> {
    let (before, text) = split(stream);
    let document = Document::parse(text, before.len() as u64)?;
    let mut reader = Reader::from_slice(stream);
    Snapshot::read(&mut StreamDecoder::new(&mut reader, Some(document))?)
}

/// Compares the streams of QEMU and of vmstate. A load does not determine the state of devices whose section was missing.
fn differences(theirs: &Snapshot, ours: &Saved) -> Vec<Finding> {
    let saved = snapshot(&ours.stream).unwrap();
    let findings = compare(theirs, &saved).flat_map(|difference| match difference {
        StateDifference::Section(section) if ours.missing.iter().any(|(name, _)| name == section.name) => Vec::new(),
        StateDifference::Block(block) => {
            vec![Finding::Differs { place: format!("the memory {:?}", block.name), values: format!("{block:.300?}") }]
        }
        StateDifference::Section(section) => fields(&section),
        other => vec![Finding::Differs { place: format!("{other:.200?}"), values: String::new() }],
    });
    findings.collect()
}

fn fields(section: &SectionDifference<'_>) -> Vec<Finding> {
    let name = section.name;
    if section.old.is_none() || section.new.is_none() || section.versions().is_some() {
        let only = if section.old.is_none() { "only ours" } else { "only QEMU's, or of another version" };
        return vec![Finding::Differs { place: name.to_owned(), values: only.to_owned() }];
    }
    let differs = |field: &vmstate::dynamic::diff::FieldDifference<'_>| Finding::Differs {
        place: format!("{name}: {}", field.path),
        values: match &field.change {
            FieldChange::Value { old, new } => format!("QEMU: {}, vmstate: {}", old.item, new.item),
            FieldChange::Elements(elements) => format!("{elements:.300?}"),
            FieldChange::Added(_) => "only ours".to_owned(),
            FieldChange::Removed(_) => "only QEMU's".to_owned(),
            other => format!("{other:?}"),
        },
    };
    section.fields.iter().map(differs).collect()
}
