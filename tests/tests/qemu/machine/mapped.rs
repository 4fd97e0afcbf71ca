//! Files with the memory at fixed places that move from one QEMU to vmstate and on to another QEMU.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use tempfile::TempDir;
use vmstate::ram::{BlockHeader, RamOptions, Record};

use super::*;

/// The versions with the capability.
const VERSIONS: [&str; 2] = ["10.0", "11.1"];
const PORTS: [(u16, u8); 3] = [(0x3ff, 0x5a), (0x2ff, 0xa5), (0xa1, 0x3c)];

fn set_mapped_ram(qemu: &mut Qemu) {
    let capabilities = json!([{ "capability": "mapped-ram", "state": true }]);
    qemu.execute("migrate-set-capabilities", json!({ "capabilities": capabilities }));
}

fn uri(folder: &TempDir, name: &str, start: u64) -> serde_json::Value {
    json!({ "uri": format!("file:{},offset={start}", folder.path().join(name).display()) })
}

/// Returns the blocks in a file, each with the bytes of its bitmap.
fn placed_blocks(file: &File, start: u64) -> Vec<(BlockHeader, Vec<u8>)> {
    let mut reader = Reader::from_file_at(file, start).unwrap();
    let mut items = StreamReader::new(&mut reader).unwrap();
    let capabilities = items.configuration().unwrap().capabilities.clone().unwrap();
    let Some(StreamItem::Section(_)) = items.next_item().unwrap() else { panic!("no section") };
    let mut records = RecordReader::new(PageSize::DEFAULT, RamOptions::from_capabilities(&capabilities));
    let reader = items.payload();
    let mut blocks: Vec<(BlockHeader, Vec<u8>)> = Vec::new();
    loop {
        match records.next_record(reader).unwrap() {
            Record::EndOfSection => return blocks,
            Record::Block(header) => blocks.push((header, Vec::new())),
            Record::Space(size) => {
                let (header, bitmap) = blocks.last_mut().unwrap();
                let length = (header.size / 4096).div_ceil(64) * 8;
                assert_eq!(reader.offset(), header.mapped.unwrap().bitmap);
                *bitmap = reader.take(length as usize).unwrap().to_vec();
                reader.skip(size - length).unwrap();
            }
            _ => {}
        }
    }
}

/// Returns the memory of a block in a file.
fn content(file: &File, (header, bitmap): &(BlockHeader, Vec<u8>)) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(header.size).unwrap()];
    for (number, page) in
        bytes.chunks_mut(4096).enumerate().filter(|(number, _)| bitmap[number / 8] >> (number % 8) & 1 == 1)
    {
        file.read_exact_at(page, header.mapped.unwrap().pages + 4096 * number as u64).unwrap();
    }
    bytes
}

/// Returns the first MiB of the guest's memory.
fn guest_memory(qemu: &mut Qemu, folder: &TempDir) -> Vec<u8> {
    let path = folder.path().join("memory");
    qemu.execute("pmemsave", json!({ "val": 0, "size": 1 << 20, "filename": path.display().to_string() }));
    fs::read(&path).unwrap()
}

#[test]
fn mapped_file_moves_from_qemu_to_vmstate_and_back() {
    for (version, start) in VERSIONS.into_iter().flat_map(|version| [0, 0x3000].map(|start| (version, start))) {
        let folder = TempDir::new().unwrap();
        let mut source = Qemu::start(version, "x86_64", &PC);
        source.execute("stop", json!({}));
        output(&mut source, &PORTS);
        set_mapped_ram(&mut source);
        source.execute("migrate", uri(&folder, "qemu", start));
        source.wait_for_migration();

        let from_qemu = File::open(folder.path().join("qemu")).unwrap();
        let blocks = placed_blocks(&from_qemu, start);
        let empty = |(header, _): &(BlockHeader, Vec<u8>)| {
            Arc::new(VecBlock::new(header.idstr.clone(), vec![0xaa; usize::try_from(header.size).unwrap()]))
        };
        let memory: Vec<_> = blocks.iter().map(empty).collect();
        let mut beginning = [0; 4096];
        from_qemu.read_exact_at(&mut beginning, start).unwrap();
        let mut machine = registry_with(&beginning, memory.clone());
        let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough));
        machine.load_file(&from_qemu, start, options).unwrap_or_else(|error| panic!("{version}: {error}"));
        for (block, placed) in memory.iter().zip(&blocks) {
            assert!(block.to_vec() == content(&from_qemu, placed), "{version}: {}", block.idstr());
        }

        let path = folder.path().join("vmstate");
        let ours = File::options().read(true).write(true).create_new(true).open(path).unwrap();
        machine.save_mapped(&ours, start, SaveOptions::new()).unwrap();
        assert_eq!(placed_blocks(&ours, start), placed_blocks(&from_qemu, start), "{version}");

        let mut loaded = Qemu::start(version, "x86_64", &[&PC[..], &["-incoming", "defer"]].concat());
        set_mapped_ram(&mut loaded);
        loaded.execute("migrate-incoming", uri(&folder, "vmstate", start));
        loaded.wait_for_migration();
        assert_eq!(loaded.status(), "paused");
        assert_eq!(PORTS.map(|(port, _)| input(&mut loaded, port)), PORTS.map(|(_, value)| value), "{version}");
        let (expected, found) = (guest_memory(&mut source, &folder), guest_memory(&mut loaded, &folder));
        assert!(expected == found, "{version}");
    }
}
