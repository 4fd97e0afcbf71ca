//! Machines with one additional device each: their streams are rewritten byte for byte.
//!
//! `VMSTATE_DEVICES=all` tries each device type of QEMU on each machine, instead of a few.

mod requirements;

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fmt;

use vmstate::dynamic::Rewriter;
use vmstate::prelude::*;
use vmstate::schema::vmdesc::Document;
use vmstate_tests::frame::split;
use vmstate_tests::qemu::Qemu;

use requirements::{BACKENDS, DeviceType};

/// The latest release, whose device types are tried.
const VERSION: &str = "11.1";

/// The machines, with the architecture and QEMU's arguments.
const MACHINES: [(&str, &str, &[&str]); 3] = [
    ("pc", "x86_64", &["-M", "pc", "-m", "16M,slots=2,maxmem=512M"]),
    ("q35", "x86_64", &["-M", "q35", "-m", "16M,slots=2,maxmem=512M"]),
    ("virt", "riscv64", &["-M", "virt", "-m", "16M", "-bios", "none"]),
];

/// Device types for each run: each has a construct that is rare in streams, or changed in 11.1.
const SOME: [&str; 12] = [
    "AC97",
    "am53c974",
    "hda-duplex",
    "igb",
    "isa-ipmi-kcs",
    "isa-vga",
    "megasas",
    "nvme",
    "scsi-hd",
    "sd-card",
    "usb-storage",
    "virtio-gpu-pci",
];

/// The fewest streams with a section of an additional device, if all types are tried.
const FEWEST: usize = 100;

/// The result of one device type on one machine.
enum Attempt {
    /// The stream has sections that the stream of the machine lacks.
    Additional,
    /// The device has no section.
    Nothing,
    /// QEMU does not start with this device, or does not save it.
    Impossible(String),
    /// The stream is not rewritten byte for byte.
    Differs(String),
}

/// The results on one machine.
#[derive(Default)]
struct Tally {
    additional: Vec<String>,
    nothing: Vec<String>,
    impossible: BTreeMap<String, Vec<String>>,
    different: Vec<String>,
}

impl Tally {
    fn add(&mut self, name: &str, attempt: Attempt) {
        match attempt {
            Attempt::Additional => self.additional.push(name.to_owned()),
            Attempt::Nothing => self.nothing.push(name.to_owned()),
            Attempt::Impossible(why) => self.impossible.entry(why).or_default().push(name.to_owned()),
            Attempt::Differs(how) => self.different.push(format!("{name}: {how}")),
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} streams with additional sections: {}", self.additional.len(), self.additional.join(", "))?;
        writeln!(f, "{} devices without a section: {}", self.nothing.len(), self.nothing.join(", "))?;
        let impossible: usize = self.impossible.values().map(Vec::len).sum();
        writeln!(f, "{impossible} devices that QEMU does not start or save:")?;
        self.impossible.iter().try_for_each(|(why, names)| writeln!(f, "    {}: {why}", names.join(", ")))
    }
}

#[test]
fn streams_with_an_additional_device_are_rewritten() {
    let all = env::var("VMSTATE_DEVICES").is_ok_and(|value| value == "all");
    let (mut total, mut different) = (0, Vec::new());
    for (machine, arch, args) in MACHINES {
        let tally = try_types(arch, args, all);
        println!("{machine}: {tally}");
        total += tally.additional.len();
        different.extend(tally.different.into_iter().map(|how| format!("{machine} with {how}")));
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(total >= if all { FEWEST } else { SOME.len() }, "only {total} streams");
}

fn try_types(arch: &str, args: &[&str], all: bool) -> Tally {
    let mut plain = Plain { arch, args, sections: HashMap::new() };
    let mut tally = Tally::default();
    for device in device_types(arch).iter().filter(|device| all || SOME.contains(&&*device.name)) {
        tally.add(&device.name, attempt(&mut plain, device));
    }
    tally
}

/// A machine without the additional device.
struct Plain<'a> {
    arch: &'a str,
    args: &'a [&'a str],
    /// The sections of the machine with the parents of a device.
    sections: HashMap<&'static [&'static str], Vec<String>>,
}

impl Plain<'_> {
    fn save_with(&self, devices: &[&str]) -> Result<Vec<u8>, String> {
        let args = [self.args, &["-S", "-nodefaults", "-vga", "none"], BACKENDS, devices].concat();
        Qemu::try_start(VERSION, self.arch, &args)?.try_save()
    }

    fn sections_with(&mut self, parents: &'static [&'static str]) -> Vec<String> {
        if let Some(known) = self.sections.get(parents) {
            return known.clone();
        }
        // A device can be saved without its parent's section, such as a namespace with its controller.
        let found = self.save_with(parents).map(|stream| sections(&stream)).unwrap_or_default();
        self.sections.insert(parents, found.clone());
        found
    }
}

/// Returns the device types that a user can add. Types of processors are parts of machines.
fn device_types(arch: &str) -> Vec<DeviceType> {
    let listing = Qemu::start(VERSION, arch, &["-M", "none"]).monitor("info qdm");
    let types = listing.lines().filter_map(DeviceType::of_listing);
    let types: Vec<_> = types.filter(|device| !device.name.ends_with("-cpu")).collect();
    assert!(!types.is_empty(), "no device types: {listing}");
    types
}

fn attempt(plain: &mut Plain<'_>, device: &DeviceType) -> Attempt {
    let (parents, option) = (device.parents(), device.option());
    let stream = match plain.save_with(&[parents, &["-device", &option]].concat()) {
        Ok(stream) => stream,
        Err(what) => return Attempt::Impossible(reason(&what, &device.name)),
    };
    match rewritten(&stream) {
        Ok(bytes) if bytes == stream && sections(&stream) == plain.sections_with(parents) => Attempt::Nothing,
        Ok(bytes) if bytes == stream => Attempt::Additional,
        Ok(bytes) => {
            let same = bytes.iter().zip(&stream).take_while(|(one, other)| one == other).count();
            Attempt::Differs(format!("the first difference is at {same:#x}"))
        }
        Err(error) => Attempt::Differs(error.to_string()),
    }
}

/// Returns the last line of QEMU's output or the error of its monitor, without the name of the device.
fn reason(output: &str, name: &str) -> String {
    let line = match output.split_once("\nQEMU printed: nothing") {
        Some((answer, _)) => answer.rsplit_once("\"desc\":\"").map_or(answer, |(_, description)| description),
        None => output.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default(),
    };
    let line = line.split("\"}").next().unwrap_or(line);
    line.rsplit_once(": ").map_or(line, |(_, end)| end).replace(name, "it")
}

fn rewritten(stream: &[u8]) -> Result<Vec<u8>, LoadError> {
    let document = document(stream);
    let (mut reader, mut out) = (Reader::from_slice(stream), Writer::new());
    let mut rewriter = Rewriter::new(&mut reader, Some(document), &mut out)?;
    while rewriter.step(&mut out)? {}
    Ok(out.pending().to_vec())
}

/// Returns the names of a stream's sections, sorted.
fn sections(stream: &[u8]) -> Vec<String> {
    let devices = document(stream).devices;
    let mut names: Vec<_> = devices.iter().map(|device| format!("{} {}", device.name, device.instance_id)).collect();
    names.sort();
    names
}

fn document(stream: &[u8]) -> Document {
    let (before, text) = split(stream);
    Document::parse(text, before.len() as u64).unwrap()
}
