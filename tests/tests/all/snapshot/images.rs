//! Images of QEMU 10.0 and 11.1 with two snapshots each.

use std::fs;

use tempfile::TempDir;
use vmstate::machine::{LoadOptions, Rules, Unknown};
use vmstate::memory::{PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;
use vmstate::ram::{Record, RecordReader};
use vmstate::snapshot::{Details, Folder, Qcow2, Store, StoreErrorKind};
use vmstate::stream::{StreamItem, StreamReader};
use vmstate_tests::qcow2;

use super::{Guest, names};

fn open(folder: &TempDir, name: &str) -> Qcow2 {
    let image = folder.path().join(format!("{name}.qcow2"));
    fs::write(&image, qcow2::captured(name)).unwrap();
    Qcow2::open(image).unwrap()
}

fn extracted(store: &dyn Store, key: &str) -> Vec<u8> {
    let mut stream = Vec::new();
    store.extract(key, &mut stream).unwrap();
    stream
}

/// Creates the memory blocks that a stream lists.
fn blocks(stream: &[u8]) -> Vec<VecBlock> {
    let mut reader = Reader::from_slice(stream);
    let mut items = StreamReader::new(&mut reader).unwrap();
    while !matches!(items.next_item().unwrap(), Some(StreamItem::Section(_))) {}
    let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
    while records.next_record(items.payload()).unwrap() != Record::EndOfSection {}
    let block = |idstr: &str, size: u64| VecBlock::new(idstr, vec![0x55; size as usize]);
    records.blocks().iter().map(|header| block(&header.idstr, header.size)).collect()
}

/// Loads the memory of a snapshot, and returns the words of the guest at 0x8000.
fn load(store: &dyn Store, key: &str) -> [u32; 2] {
    let mut memory = blocks(&extracted(store, key));
    let mut machine = Machine::with_type("microvm");
    machine.register_ram(PageSize::DEFAULT, &mut memory[..]).unwrap();
    let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::Skip));
    machine.load_snapshot(store, key, options).unwrap_or_else(|error| panic!("{key}: {error}"));
    drop(machine);
    let ram = memory.iter().find(|block| block.idstr() == "microvm.ram").unwrap().to_vec();
    [0x8000, 0x8004].map(|place| u32::from_le_bytes(ram[place..place + 4].try_into().unwrap()))
}

#[test]
fn snapshots_of_qemu_are_listed() {
    let folder = TempDir::new().unwrap();
    let expected = [
        [("2026-11-28T16:54:30Z", 327_168_887), ("2026-11-28T16:54:31Z", 16_586_637)],
        [("2026-11-28T17:58:35Z", 319_609_608), ("2026-11-28T17:58:36Z", 11_669_366)],
    ];
    for ((name, expected), size) in qcow2::CAPTURED.into_iter().zip(expected).zip([1_097_283, 1_097_278]) {
        let listed = open(&folder, name).list().unwrap();
        let found: Vec<_> = listed.iter().map(|found| (found.utc_date(), found.guest_clock.as_nanos())).collect();
        assert_eq!(found, expected.map(|(date, clock)| (date.to_owned(), clock)), "{name}");
        let ids: Vec<_> = listed.iter().map(|found| (found.id.as_str(), found.name.as_str(), found.size)).collect();
        assert_eq!(ids, [("3", "second snapshot", size), ("4", "first", size)], "{name}");
    }
}

#[test]
fn snapshots_of_qemu_are_extracted_and_loaded() {
    let folder = TempDir::new().unwrap();
    for name in qcow2::CAPTURED {
        let store = open(&folder, name);
        for snapshot in store.list().unwrap() {
            let stream = extracted(&store, &snapshot.name);
            assert_eq!(stream.len() as u64, snapshot.size, "{name}");
            let [counter, marker] = load(&store, &snapshot.id);
            assert!(counter > 0 && counter < 1000 && marker == 0x600d, "{name}: {counter} {marker:#x}");
        }
    }
}

#[test]
fn images_of_qemu_are_modified() {
    let folder = TempDir::new().unwrap();
    for name in qcow2::CAPTURED {
        let store = open(&folder, name);
        let (first, second) = (extracted(&store, "first"), extracted(&store, "second snapshot"));
        assert!(first != second, "{name}");
        store.insert(&Details::new("copy"), &mut &second[..]).unwrap();
        store.delete("second snapshot").unwrap();
        Guest::new(3).save(&store, "ours").unwrap();
        store.insert(&Details::new("first").replace(), &mut &first[..]).unwrap();
        let found = names(&store);
        let found: Vec<_> = found.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
        assert_eq!(found, [("5", "copy"), ("6", "ours"), ("7", "first")], "{name}");
        assert!(extracted(&store, "copy") == second && extracted(&store, "first") == first, "{name}");
        let mut guest = Guest::new(0);
        guest.load(&store, "ours").unwrap();
        assert_eq!(guest, Guest::new(3));
        assert_eq!(load(&store, "copy")[1], 0x600d);
        assert_eq!(store.delete("second snapshot").unwrap_err().kind(), StoreErrorKind::NotFound);

        // A folder keeps the stream of QEMU as it is.
        let copies = Folder::create(folder.path().join(format!("{name}-copies"))).unwrap();
        copies.insert(&Details::new("of QEMU"), &mut &second[..]).unwrap();
        assert!(extracted(&copies, "of QEMU") == second, "{name}");
        assert_eq!(load(&copies, "of QEMU"), load(&store, "copy"));
    }
}
