//! The codec of RAM sections through the public API.

use vmstate::error::SaveErrorKind;
use vmstate::memory::{InvalidBlocks, Layout, PageSize, RamBlock, VecBlock};
use vmstate::ram::{RamLoader, RamSaver};

use super::*;

const PAGE: u64 = 0x1000;

/// Two blocks of four and of two pages.
fn blocks() -> [VecBlock; 2] {
    [VecBlock::new("pc.ram", vec![0x55; 0x4000]), VecBlock::new("vga.vram", vec![0x55; 0x2000])]
}

/// The list of these blocks and its end.
fn list(blocks: &[VecBlock]) -> Vec<u8> {
    let mut out = Writer::new();
    RamSaver::new(page_size(PAGE)).setup(blocks, &mut out).unwrap();
    out.take()
}

fn page_size(bytes: u64) -> PageSize {
    PageSize::new(bytes).unwrap()
}

fn word(word: u64) -> Vec<u8> {
    word.to_be_bytes().to_vec()
}

/// A word with the name of a block.
fn named(flags: u64, block: &str) -> Vec<u8> {
    [&word(flags)[..], &[u8::try_from(block.len()).unwrap()], block.as_bytes()].concat()
}

fn page(block: &str, offset: u64, byte: u8) -> Vec<u8> {
    [named(offset | 0x08, block), vec![byte; 0x1000]].concat()
}

fn zero(block: &str, offset: u64) -> Vec<u8> {
    [named(offset | 0x02, block), vec![0]].concat()
}

fn end() -> Vec<u8> {
    word(0x10)
}

/// Loads payloads in both ways into `blocks`.
#[track_caller]
fn load(size: u64, blocks: &mut [VecBlock], payloads: &[Vec<u8>]) -> Result<(), LoadError> {
    let bytes = payloads.concat();
    let mut others = blocks.to_vec();
    let result = load_with(size, blocks, payloads.len(), Reader::from_slice(&bytes));
    let other = load_with(size, &mut others, payloads.len(), Reader::from_read(OneByte(&bytes)));
    let text = |result: &Result<u64, LoadError>| result.as_ref().map_err(ToString::to_string).copied();
    assert_eq!(text(&result), text(&other));
    assert_eq!(blocks, others);
    result.map(|end| assert_eq!(end, bytes.len() as u64, "the end of the last payload"))
}

/// Loads `payloads` payloads and returns the end of the last one.
fn load_with(size: u64, blocks: &mut [VecBlock], payloads: usize, mut reader: Reader<'_>) -> Result<u64, LoadError> {
    let mut loader = RamLoader::new(page_size(size));
    (0..payloads).try_for_each(|_| loader.load(blocks, &mut reader))?;
    Ok(reader.offset())
}

/// Loads a part after the list of [`blocks`], and expects an error at `offset` of the part.
#[track_caller]
fn refused(part: &[u8], blame: Blame, offset: u64, expected: &str, found: &str) -> LoadError {
    let list = list(&blocks());
    let start = list.len() as u64;
    let error = load(PAGE, &mut blocks(), &[list, part.to_vec()]).expect_err("the part is wrong");
    let essence = (error.blame(), error.offset(), error.expected(), error.found());
    assert_eq!(essence, (blame, Some(start + offset), expected, found), "{error}");
    error
}

#[test]
fn last_record_of_a_page_wins() {
    let mut blocks = blocks();
    let parts = [
        list(&blocks),
        [page("pc.ram", 0x1000, 1), page("pc.ram", 0x2000, 1), page("vga.vram", 0, 1), end()].concat(),
        [page("pc.ram", 0x1000, 2), end()].concat(),
        [zero("pc.ram", 0x2000), zero("pc.ram", 0x3000), page("pc.ram", 0x3000, 4), end()].concat(),
        [page("pc.ram", 0x1000, 3), end()].concat(),
    ];
    load(PAGE, &mut blocks, &parts).unwrap();
    let bytes = |block: usize| -> Vec<u8> { blocks[block].to_vec().into_iter().step_by(0x1000).collect() };
    assert_eq!((bytes(0), bytes(1)), (vec![0x55, 3, 0, 4], vec![1, 0x55]));
}

#[test]
fn continued_records_belong_to_the_block_before() {
    let mut blocks = blocks();
    let same = |offset: u64, byte: u8| [word(offset | 0x08 | 0x20), vec![byte; 0x1000]].concat();
    // The block stays the same from one part to the next.
    let parts = [
        list(&blocks),
        [page("vga.vram", 0, 1), same(0x1000, 2), end()].concat(),
        [same(0, 3), page("pc.ram", 0, 4), same(0x3000, 5), end()].concat(),
    ];
    load(PAGE, &mut blocks, &parts).unwrap();
    assert_eq!((blocks[1].bytes()[0], blocks[1].bytes()[0x1fff]), (3, 2));
    assert_eq!((blocks[0].bytes()[0], blocks[0].bytes()[0x1000], blocks[0].bytes()[0x3fff]), (4, 0x55, 5));
}

#[test]
fn one_byte_pages_have_any_value() {
    let mut blocks = blocks();
    let filled = [named(0x2000 | 0x02, "pc.ram"), vec![0x41]].concat();
    let parts = [list(&blocks), [filled, end()].concat()];
    load(PAGE, &mut blocks, &parts).unwrap();
    assert_eq!(blocks[0].bytes()[0x2000..0x3000], [0x41; 0x1000]);
}

#[test]
fn continue_without_a_block_before() {
    let part = [word(0x08 | 0x20), vec![0; 0x1000]].concat();
    let error = refused(&part, Blame::Bytes, 0, "a block's name with the first page", "the flag CONTINUE");
    assert_eq!(error.qemu_message(), Some("Ack, bad migration stream!"));
}

#[test]
fn pages_of_unlisted_blocks() {
    let expected = "the name of a listed block";
    let error = refused(&zero("rom", 0), Blame::Bytes, 8, expected, "\"rom\"");
    assert_eq!(error.qemu_message(), Some("Can't find block rom"));
}

#[test]
fn pages_outside_of_their_block() {
    let error = refused(&zero("vga.vram", 0x2000), Blame::Bytes, 0, "an offset below 0x2000", "0x2000");
    assert_eq!((error.path().as_str(), error.qemu_message()), ("vga.vram", Some("Illegal RAM offset 2000")));
    let far = 0xffff_ffff_ffff_f000;
    refused(&page("pc.ram", far, 1), Blame::Bytes, 0, "an offset below 0x4000", "0xfffffffffffff000");
}

#[test]
fn unknown_flags_are_rejected() {
    let expected = "a record of a known kind: 0x2, 0x4, 0x8, 0x10, 0x40, 0x100 or 0x200";
    for flags in (0..0x1000).filter(|flags| ![0x2, 0x4, 0x8, 0x10, 0x40, 0x100, 0x200].contains(&(flags & !0x20))) {
        let part = named(0x1000 | flags, "pc.ram");
        let found = format!("flags {:#x} in {:#018x}", flags & !0x20, 0x1000 | flags);
        refused(&part, Blame::Bytes, 0, expected, &found);
    }
}

#[test]
fn flags_do_not_fit_small_pages() {
    // With pages of 256 bytes 0x100 and 0x200 are addresses: a zero page at 0x300 is not two flags.
    let mut blocks = [VecBlock::new("sram", vec![0x55; 0x800])];
    let parts = [list_of_sram(), [zero("sram", 0x300), end()].concat()];
    load(0x100, &mut blocks, &parts).unwrap();
    assert_eq!(blocks[0].bytes()[0x300..0x400], [0; 0x100]);
    assert_eq!((blocks[0].bytes()[0x2ff], blocks[0].bytes()[0x400]), (0x55, 0x55));
    // The flag MULTIFD_FLUSH of larger pages is unknown with these.
    let error = load(0x100, &mut blocks, &[list_of_sram(), [word(0x200), end()].concat()]).unwrap_err();
    assert_eq!(error.found(), "flags 0x0 in 0x0000000000000200");
    load(0x1000, &mut [VecBlock::new("sram", vec![0; 0x1000])], &[word(0x10)]).unwrap();
}

fn list_of_sram() -> Vec<u8> {
    [word(0x800 | 0x04), b"\x04sram".to_vec(), word(0x800), end()].concat()
}

#[test]
fn page_encodings_need_capabilities() {
    let compressed = [named(0x100, "pc.ram"), vec![0, 0, 0, 1, 0]].concat();
    for (part, name) in [(compressed, "COMPRESS_PAGE"), (word(0x200), "MULTIFD_FLUSH")] {
        let error = load(PAGE, &mut blocks(), &[list(&blocks()), part]).unwrap_err();
        let expected = "zero pages, plain pages and their changes (XBZRLE)";
        assert_eq!((error.kind(), error.expected()), (LoadErrorKind::Unsupported, expected));
        assert_eq!(error.found(), name);
    }
}

#[test]
fn unknown_block_is_rejected() {
    let theirs = [VecBlock::new("pc.bios", vec![0; 0x1000])];
    let error = load(PAGE, &mut blocks(), &[list(&theirs)]).unwrap_err();
    assert_eq!((error.blame(), error.offset()), (Blame::Peer, Some(8)));
    assert_eq!((error.expected(), error.found()), ("one of the registered blocks `pc.ram`, `vga.vram`", "\"pc.bios\""));

    let theirs = [VecBlock::new("pc.ram", vec![0; 0x8000])];
    let error = load(PAGE, &mut blocks(), &[list(&theirs)]).unwrap_err();
    assert_eq!((error.blame(), error.offset()), (Blame::Peer, Some(8)));
    assert_eq!((error.expected(), error.found()), ("0x4000 bytes of `pc.ram`", "0x8000"));
    assert_eq!(error.qemu_message(), Some("Size mismatch: pc.ram: 0x8000 != 0x4000: Invalid argument"));

    // Blocks that the stream lacks keep their contents, as in QEMU.
    let mut ours = blocks();
    let second = list(&ours[1..]);
    load(PAGE, &mut ours, &[second]).unwrap();
    assert_eq!(ours, blocks());
}

#[test]
fn block_list_is_bounded() {
    let bytes = [word(0x1000 | 0x04), b"\x06pc.ram".to_vec(), word(0x4000)].concat();
    let error = load(PAGE, &mut blocks(), &[bytes]).unwrap_err();
    assert_eq!((error.blame(), error.offset(), error.path().as_str()), (Blame::Bytes, Some(15), "block.pc.ram"));
    assert_eq!((error.expected(), error.found()), ("at most 0x1000, the rest of the list", "0x4000"));
}

#[test]
fn partial_page_in_a_block_is_misuse() {
    let mut blocks = [VecBlock::new("odd", vec![0; 0x1080])];
    let error = load(PAGE, &mut blocks, &[[word(0x2000 | 0x04), b"\x03odd".to_vec(), word(0x1080)].concat()]);
    assert_eq!(error.unwrap_err().blame(), Blame::Usage);
    let error = RamSaver::new(page_size(PAGE)).setup(&blocks, &mut Writer::new()).unwrap_err();
    let text = "expected a multiple of the page size 4096, found 4224 bytes in RAM block `odd`";
    assert_eq!(error.to_string(), text);
}

#[test]
fn invalid_blocks_write_nothing() {
    let setup = |blocks: &[VecBlock]| {
        let mut out = Writer::new();
        let error = RamSaver::new(page_size(PAGE)).setup(blocks, &mut out).unwrap_err();
        assert_eq!((error.kind(), out.offset()), (SaveErrorKind::Misuse, 0));
        let invalid = Layout::new(page_size(PAGE), blocks).unwrap_err();
        assert_eq!(error.to_string(), invalid.to_string());
        invalid
    };
    let good = VecBlock::new("good", vec![0; 0x1000]);
    let empty = setup(&[good.clone(), VecBlock::new("none", Vec::new())]);
    assert_eq!(empty, InvalidBlocks::Empty { idstr: "none".into() });
    let idstr = "x".repeat(256);
    assert_eq!(setup(&[good, VecBlock::new(&*idstr, vec![0; 0x1000])]), InvalidBlocks::NameTooLong { idstr });
}

#[test]
fn invalid_page_sizes_are_rejected() {
    for bytes in [0, 1, 128, 255, 257, 0x1800, 0x40_0000, 1 << 32, u64::MAX] {
        let error = PageSize::new(bytes).unwrap_err();
        let text = format!("expected a target page size, a power of two from 256 to 2097152, found {bytes}");
        assert_eq!(error.to_string(), text);
        assert_eq!(LoadError::from(error).blame(), Blame::Usage);
    }
}

#[test]
fn truncated_ram_payload_is_rejected() {
    let payload = [list(&blocks()), page("pc.ram", 0, 1), zero("vga.vram", 0x1000), end()].concat();
    for length in 0..payload.len() {
        // After the list's end the payload may end too.
        let payloads = if length < list(&blocks()).len() { 1 } else { 2 };
        for reader in [Reader::from_slice(&payload[..length]), Reader::from_read(OneByte(&payload[..length]))] {
            let error = load_with(PAGE, &mut blocks(), payloads, reader).unwrap_err();
            assert!(error.is_truncated() && error.offset().unwrap() <= length as u64, "{length}: {error}");
        }
    }
}

/// A block of one to five pages, most of whose bytes are zero.
fn any_block(page: usize) -> impl Strategy<Value = Vec<u8>> {
    let page = prop_oneof![
        Just(vec![0; page]),
        (0..page, any::<u8>()).prop_map(move |(at, byte)| {
            let mut bytes = vec![0; page];
            bytes[at] = byte;
            bytes
        }),
        any::<u8>().prop_map(move |byte| vec![byte; page]),
    ];
    prop::collection::vec(page, 1..6).prop_map(|pages| pages.concat())
}

fn any_memory() -> impl Strategy<Value = (u64, Vec<Vec<u8>>)> {
    prop::sample::select(vec![0x100, 0x1000, 0x1_0000])
        .prop_flat_map(|size| (Just(size as u64), prop::collection::vec(any_block(size), 1..4)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn saved_memory_is_loaded((size, memory) in any_memory(), limit in 1_u64..0x2_0000) {
        let named = |(index, bytes): (usize, &Vec<u8>)| VecBlock::new(format!("block{index}"), bytes.clone());
        let blocks: Vec<_> = memory.iter().enumerate().map(named).collect();
        let payloads = save(size, &blocks, limit);
        // The old contents must be overwritten: zero pages are sent, too.
        let filled = |block: &VecBlock| VecBlock::new(block.idstr(), vec![0xff; block.to_vec().len()]);
        let mut loaded: Vec<_> = blocks.iter().map(filled).collect();
        load(size, &mut loaded, &payloads).unwrap();
        prop_assert_eq!(loaded, blocks);
    }

    #[test]
    fn no_bytes_make_the_loader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 8_u32..=16) {
        let _ = load_with(1 << size, &mut blocks(), 1, Reader::from_slice(&bytes));
        let bytes = [list(&blocks()), bytes].concat();
        let _ = load_with(PAGE, &mut blocks(), 2, Reader::from_slice(&bytes));
    }
}

/// The payloads of a start, of parts of about `limit` bytes, and of an end.
fn save(size: u64, blocks: &[VecBlock], limit: u64) -> Vec<Vec<u8>> {
    let (mut saver, mut out) = (RamSaver::new(page_size(size)), Writer::new());
    saver.setup(blocks, &mut out).unwrap();
    let mut payloads = vec![out.take()];
    while !saver.iterate(blocks, limit, &mut out).unwrap() {
        payloads.push(out.take());
    }
    payloads.push(out.take());
    saver.complete(blocks, &mut out).unwrap();
    payloads.push(out.take());
    payloads
}
