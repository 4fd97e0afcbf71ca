//! Files in which guest memory has fixed places.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use proptest::prelude::*;
use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::memory::{MappingOptions, PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;

const PAGE: usize = 4096;
const MIB: u64 = 1 << 20;

#[derive(VmState, Debug, Default, PartialEq)]
#[vmstate(name = "serial", version = 1)]
struct Serial {
    divider: u16,
}

/// A block whose pages have these bytes.
fn block(name: &str, pages: &[u8]) -> VecBlock {
    VecBlock::new(name, pages.iter().flat_map(|byte| [*byte; PAGE]).collect())
}

fn blocks() -> Vec<VecBlock> {
    let mut pages = vec![0; 300];
    (pages[0], pages[1], pages[70], pages[299]) = (1, 2, 3, 4);
    pages[128..228].fill(5);
    vec![block("pc.ram", &pages), block("pc.rom", &[0]), block("vga.vram", &[6, 0, 7])]
}

fn machine<'m, B: RamBlock + Send + 'm>(memory: &'m mut [B], serial: &'m mut Serial) -> Machine<'m> {
    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, memory).unwrap();
    machine.register("serial", serial).unwrap();
    machine
}

fn save<B: RamBlock + Send>(memory: &mut [B], start: u64) -> File {
    let file = tempfile::tempfile().unwrap();
    let saved = machine(memory, &mut Serial { divider: 12 }).save_mapped(&file, start, SaveOptions::new()).unwrap();
    assert_eq!(start + saved.bytes, file.metadata().unwrap().len());
    file
}

fn load<B: RamBlock + Send>(memory: &mut [B], file: &File, start: u64) -> Result<Serial, LoadError> {
    let mut serial = Serial::default();
    machine(memory, &mut serial).load_file(file, start, LoadOptions::new())?;
    Ok(serial)
}

fn read(file: &File, place: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    file.read_exact_at(&mut bytes, place).unwrap();
    bytes
}

fn contents(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

/// Other memory of the same size.
fn dirty() -> Vec<VecBlock> {
    vec![block("pc.ram", &[9; 300]), block("pc.rom", &[0]), block("vga.vram", &[8; 3])]
}

#[test]
fn pages_have_the_places_of_qemu() {
    let file = save(&mut blocks(), 0);
    // The header, the configuration with the capability, and the section header.
    let list = 8 + 1 + 4 + 5 + (1 + 27 + 4 + 4 + 11) + (1 + 4 + 4 + 4 + 4) + 8;
    assert_eq!(read(&file, list - 8, 8), ((304 * PAGE as u64) | 4).to_be_bytes());
    assert_eq!(read(&file, list, 15), b"\x06pc.ram\0\0\0\0\0\x12\xc0\0");
    let bitmap = list + 15 + 28;
    let header = [&1_u32.to_be_bytes()[..], &4096_u64.to_be_bytes(), &bitmap.to_be_bytes(), &MIB.to_be_bytes()];
    assert_eq!(read(&file, list + 15, 28), header.concat());
    let mut bits = [0; 40];
    (bits[0], bits[8], bits[37]) = (0b11, 1 << 6, 1 << 3);
    bits[16..28].fill(0xff);
    bits[28] = 0b1111;
    assert_eq!(read(&file, bitmap, 40), bits);
    assert_eq!(read(&file, MIB + 70 * PAGE as u64, PAGE), [3; PAGE]);
    // The next block follows the pages, and its own pages begin at a multiple of 1 MiB.
    assert_eq!(read(&file, MIB + 300 * PAGE as u64, 7), b"\x06pc.rom");
    assert_eq!(read(&file, 4 * MIB, PAGE), [6; PAGE]);
    assert_eq!(read(&file, 4 * MIB + 3 * PAGE as u64, 9), b"\0\0\0\0\0\0\0\x10\x7e");
}

#[test]
fn zero_pages_are_holes() {
    let mut memory = [block("pc.ram", &vec![0; 16 * 1024])];
    memory[0].bytes()[PAGE] = 1;
    let file = save(&mut memory, 0);
    assert!(file.metadata().unwrap().blocks() * 512 < 64 * 1024, "{}", file.metadata().unwrap().blocks());
    assert!(file.metadata().unwrap().len() > 64 * MIB);
}

#[test]
fn saved_memory_is_loaded_over_any_other() {
    for start in [0, 0x3000, 7 * MIB + 1] {
        let file = save(&mut blocks(), start);
        let mut memory = dirty();
        assert_eq!(load(&mut memory, &file, start).unwrap(), Serial { divider: 12 });
        assert_eq!(memory, blocks());
    }
}

#[test]
fn bytes_before_the_start_are_kept() {
    let mut file = file_of(&[0x55; 5000]);
    machine(&mut blocks(), &mut Serial::default()).save_mapped(&file, 5000, SaveOptions::new()).unwrap();
    assert_eq!(&contents(&file)[..5000], [0x55; 5000]);
    // The cursor is not used.
    assert_eq!(file.stream_position().unwrap(), contents(&file).len() as u64);
}

#[test]
fn outdated_pages_of_the_file_are_ignored() {
    let file = file_of(&vec![0xee; 5 * MIB as usize]);
    machine(&mut blocks(), &mut Serial::default()).save_mapped(&file, 0, SaveOptions::new()).unwrap();
    let mut memory = dirty();
    load(&mut memory, &file, 0).unwrap();
    assert_eq!(memory, blocks());
}

#[test]
fn mappings_and_shared_blocks_equal_owned_blocks() {
    let expected = contents(&save(&mut blocks(), 0));
    let mut shared: Vec<_> = blocks().into_iter().map(Arc::new).collect();
    let _others = shared.clone();
    assert!(contents(&save(&mut shared, 0)) == expected);
    let mapping = |block: VecBlock| {
        let mapping = MappingOptions::anonymous().map(block.idstr(), block.size()).unwrap();
        mapping.write(0, &block.to_vec()).unwrap();
        Arc::new(mapping)
    };
    let mut mapped: Vec<_> = blocks().into_iter().map(mapping).collect();
    let file = save(&mut mapped, 0);
    assert!(contents(&file) == expected);
    let mut loaded: Vec<_> = dirty().into_iter().map(mapping).collect();
    load(&mut loaded, &file, 0).unwrap();
    for (loaded, block) in loaded.iter().zip(blocks()) {
        assert!(loaded.memory().to_vec() == block.to_vec(), "{}", block.idstr());
    }
}

#[test]
fn file_is_loaded_in_order_without_seeking() {
    let file = save(&mut blocks(), 0);
    let (mut memory, mut serial) = (dirty(), Serial::default());
    let bytes = contents(&file);
    let options = LoadOptions::new().mapped_ram();
    machine(&mut memory, &mut serial).load_with(&mut Reader::from_read(&bytes[..]), options).unwrap();
    assert_eq!((memory, serial.divider), (blocks(), 12));
}

#[test]
fn plain_load_rejects_the_capability_as_qemu_does() {
    let bytes = contents(&save(&mut blocks(), 0));
    let error = machine(&mut dirty(), &mut Serial::default()).load(&bytes[..]).unwrap_err();
    let message = "Capability mapped-ram is off, but received capability is on";
    assert_eq!(error.qemu_message(), Some(message));
}

#[test]
fn plain_stream_in_a_file_is_loaded() {
    let mut file = tempfile::tempfile().unwrap();
    machine(&mut blocks(), &mut Serial { divider: 12 }).save(&mut file).unwrap();
    let mut memory = dirty();
    assert_eq!(load(&mut memory, &file, 0).unwrap(), Serial { divider: 12 });
    assert_eq!(memory, blocks());
}

#[test]
fn machine_without_type_is_not_saved() {
    let mut machine = Machine::new();
    machine.register_ram(PageSize::DEFAULT, blocks()).unwrap();
    let error = machine.save_mapped(&tempfile::tempfile().unwrap(), 0, SaveOptions::new()).unwrap_err();
    assert!(error.to_string().contains("set the machine type"), "{error}");
}

#[test]
fn later_plain_saves_lack_the_capability() {
    let (mut memory, mut serial) = (blocks(), Serial::default());
    let mut machine = machine(&mut memory, &mut serial);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    machine.save(&mut before).unwrap();
    machine.save_mapped(&tempfile::tempfile().unwrap(), 0, SaveOptions::new()).unwrap();
    machine.save(&mut after).unwrap();
    assert!(before == after);
}

/// The offset of the header of the first block, after its size.
const HEADER: u64 = 8 + 1 + 4 + 5 + (1 + 27 + 4 + 4 + 11) + (1 + 4 + 4 + 4 + 4) + 8 + 15;

/// Returns the error of a load after a change of the file, which must leave the memory as it was.
fn error_after(change: impl FnOnce(&File)) -> LoadError {
    let file = save(&mut blocks(), 0);
    change(&file);
    let mut memory = dirty();
    let error = load(&mut memory, &file, 0).unwrap_err();
    assert_eq!(memory, dirty());
    error
}

#[test]
fn malformed_headers_are_rejected() {
    let put = |place: u64, value: u64| move |file: &File| file.write_all_at(&value.to_be_bytes(), place).unwrap();
    let version = error_after(|file| file.write_all_at(&2_u32.to_be_bytes(), HEADER).unwrap());
    assert!(version.to_string().contains("mapped-ram header"), "{version}");
    let page_size = error_after(put(HEADER + 4, 8192));
    let message = "Migration mapped-ram header has invalid page_size 8192 (expected 4096)";
    assert_eq!(page_size.qemu_message(), Some(message));
    let unaligned = error_after(put(HEADER + 20, MIB + 0x1000));
    let message = "Error reading ramblock pc.ram pages, region has bad alignment";
    assert_eq!(unaligned.qemu_message(), Some(message));
    for bitmap in [0, HEADER, MIB - 39, MIB, u64::MAX, u64::MAX - 39] {
        let error = error_after(put(HEADER + 12, bitmap));
        assert!(error.to_string().contains("a bitmap of 40 bytes between"), "{error}");
    }
    for pages in [u64::MAX << 20, 1 << 63, 0x100 << 20] {
        error_after(put(HEADER + 20, pages));
    }
}

#[test]
fn truncated_files_are_rejected() {
    let length = contents(&save(&mut blocks(), 0)).len() as u64;
    let description = 400;
    for length in (0..length - description).step_by(40_961).chain([HEADER, HEADER + 28, HEADER + 67, MIB]) {
        error_after(|file| file.set_len(length).unwrap());
    }
}

#[test]
fn failed_load_restores_memory_after_its_pages() {
    error_after(|file| {
        let bytes = contents(file);
        let serial = bytes.windows(7).position(|window| window == b"\x06serial").unwrap();
        file.write_all_at(b"X", serial as u64 + 1).unwrap();
    });
}

proptest! {
    #[test]
    fn any_memory_is_loaded_again(
        old in prop::collection::vec(0..3_u8, 1..200),
        new in prop::collection::vec((0..400_usize, 0..3_u8), 0..20),
        start in 0..3 * MIB,
    ) {
        let mut pages = vec![0; old.len()];
        for (place, byte) in new {
            let place = place % pages.len();
            pages[place..].fill(byte);
        }
        let mut memory = [block("ram", &old)];
        let file = save(&mut [block("ram", &pages)], start);
        load(&mut memory, &file, start).unwrap();
        prop_assert_eq!(&memory[0], &block("ram", &pages));
    }

    #[test]
    fn flipped_bytes_never_panic(place in 0..HEADER as usize + 80, byte in any::<u8>()) {
        let file = save(&mut blocks(), 0);
        file.write_all_at(&[byte], place as u64).unwrap();
        let mut memory = dirty();
        if load(&mut memory, &file, 0).is_err() {
            prop_assert_eq!(memory, dirty());
        }
    }
}
