//! Machines that move from one QEMU to vmstate and on to another QEMU.
//!
//! Each test registers the memory and the devices that it examines. All other sections are passed through.

mod adapters;
mod checksum;
mod forms;
mod mapped;
mod migration;
mod names;
mod snapshots;
mod subsections;
mod versions;

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::json;
use vmstate::machine::{LoadOptions, LocalMachine, Rules, SaveOptions, Unknown};
use vmstate::memory::{PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;
use vmstate::ram::RecordReader;
use vmstate::registry::{EntryId, Threading};
use vmstate::stream::{StreamItem, StreamReader};
use vmstate_tests::qemu::Qemu;

/// A PC with the devices of its board and two serial ports.
const PC: [&str; 7] = ["-M", "pc", "-m", "16M", "-nodefaults", "-serial", "null"];

/// Starts a QEMU, stops it, calls `prepare` and returns the saved stream.
fn saved_by_qemu(version: &str, args: &[&str], prepare: impl FnOnce(&mut Qemu)) -> Vec<u8> {
    let mut qemu = Qemu::start(version, "x86_64", args);
    qemu.execute("stop", json!({}));
    prepare(&mut qemu);
    qemu.save()
}

/// Starts a QEMU that loads `machine`.
fn started(version: &str, args: &[&str], machine: &mut LocalMachine<'_>) -> Qemu {
    Qemu::load(version, "x86_64", args, &saved(machine, SaveOptions::new()))
}

/// Reads a byte from an I/O port of the guest.
fn input(qemu: &mut Qemu, port: u16) -> u8 {
    let answer = qemu.monitor(&format!("i /xb {port:#x}"));
    let value = answer.trim().rsplit("0x").next().and_then(|digits| u8::from_str_radix(digits, 16).ok());
    value.unwrap_or_else(|| panic!("port {port:#x}: {answer}"))
}

/// Writes bytes to I/O ports of the guest.
fn output(qemu: &mut Qemu, writes: &[(u16, u8)]) {
    for (port, value) in writes {
        let answer = qemu.monitor(&format!("o /b {port:#x} {value:#x}"));
        assert_eq!(answer, "", "port {port:#x}");
    }
}

/// Reads 32 bits of the guest's memory, or of a device there.
fn memory(qemu: &mut Qemu, address: u64) -> u32 {
    let answer = qemu.monitor(&format!("xp /1xw {address:#x}"));
    let value = answer.trim().rsplit("0x").next().and_then(|digits| u32::from_str_radix(digits, 16).ok());
    value.unwrap_or_else(|| panic!("address {address:#x}: {answer}"))
}

/// Returns whether QEMU printed a message. QEMU 11.1 omits the word `savevm` of older releases.
fn is_printed(message: &str, printed: &str) -> bool {
    let plain = |text: &str| text.replace("savevm: ", "").replace("savevm ", "");
    plain(printed).contains(&plain(message))
}

/// A device that a machine and a test have in common.
fn shared<T>(device: T) -> Rc<RefCell<T>> {
    Rc::new(RefCell::new(device))
}

/// A machine with the configuration of a stream and memory for it.
fn registry_for(stream: &[u8]) -> LocalMachine<'static> {
    registry_with(stream, blocks_of(stream))
}

/// A machine with the configuration of a stream and this memory.
fn registry_with<'m, B: RamBlock + 'm>(stream: &[u8], memory: impl AsRef<[B]> + AsMut<[B]> + 'm) -> LocalMachine<'m> {
    let mut machine = LocalMachine::new_local();
    let mut reader = Reader::from_slice(stream);
    if let Some(configuration) = StreamReader::new(&mut reader).unwrap().configuration() {
        machine.set_configuration(configuration.clone());
    }
    machine.register_ram(PageSize::DEFAULT, memory).unwrap();
    machine
}

/// Memory blocks as a stream lists them, all zero.
pub(crate) fn blocks_of(stream: &[u8]) -> Vec<VecBlock> {
    let mut reader = Reader::from_slice(stream);
    let mut items = StreamReader::new(&mut reader).unwrap();
    let Some(StreamItem::Section(first)) = items.next_item().unwrap() else { panic!("no section") };
    assert_eq!(first.name, "ram");
    let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
    while records.next_record(items.payload()).unwrap() != vmstate::ram::Record::EndOfSection {}
    let block = |header: &vmstate::ram::BlockHeader| {
        VecBlock::new(header.idstr.clone(), vec![0; usize::try_from(header.size).unwrap()])
    };
    records.blocks().iter().map(block).collect()
}

/// Loads a stream of QEMU, with unregistered sections passed through.
fn load(machine: &mut LocalMachine<'_>, stream: &[u8]) {
    try_load(machine, stream).unwrap_or_else(|error| panic!("{error}"));
}

fn try_load(machine: &mut LocalMachine<'_>, stream: &[u8]) -> Result<(), LoadError> {
    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough));
    machine.load_with(&mut Reader::from_slice(stream), options).map(drop)
}

fn saved<T: Threading>(machine: &mut Machine<'_, T>, options: SaveOptions) -> Vec<u8> {
    let mut stream = Vec::new();
    machine.save_with(&mut stream, options).unwrap_or_else(|error| panic!("{error}"));
    stream
}

/// Registers a device under another name than before.
fn rename<T: VmState + 'static>(machine: &mut LocalMachine<'static>, id: EntryId, name: &str, device: &Rc<RefCell<T>>) {
    assert!(machine.unregister(id));
    machine.register(name, device.clone()).unwrap();
}

#[test]
fn passed_through_sections_are_unchanged() {
    for version in vmstate_tests::qemu::VERSIONS {
        let stream = saved_by_qemu(version, &PC, |qemu| output(qemu, &[(0x3ff, 0x5a), (0x2ff, 0xa5), (0xa1, 0x3c)]));
        let mut machine = registry_for(&stream);
        load(&mut machine, &stream);
        let mut qemu = started(version, &PC, &mut machine);
        assert_eq!(qemu.status(), "paused");
        let ports = [0x3ff, 0x2ff, 0xa1].map(|port| input(&mut qemu, port));
        assert_eq!(ports, [0x5a, 0xa5, 0x3c], "{version}");
    }
}
