//! Several threads write and read a file.

use super::*;
use crate::migration::Compression;
use crate::migration::drive::multifd::{Receiving, Sending};
use crate::ram::Ram;
use crate::section::{LiveSection, Output};

/// Returns a file and a second handle of it, which can only be read.
fn file_and_reader(folder: &Folder) -> (File, File) {
    let file = File::create(folder.path("guest")).unwrap();
    (file, File::open(folder.path("guest")).unwrap())
}

#[test]
fn guest_moves_over_any_numbers_of_channels() {
    let folder = tempfile();
    for channels in [[1, 0], [0, 1], [1, 1], [3, 2], [2, 7], [16, 0]] {
        // Among them are the last pages, which follow all pages of the file.
        let mut source = Board { writes: 3, clears: 472..512, ..Board::source() };
        let ram = save_over(&mut source, &uri(&folder), channels[0]).ram.unwrap();
        assert_eq!((ram.normal, ram.duplicate), (512, 43), "509 and 3 pages, then 3 and 40");
        assert!((512 * 4096..513 * 4096).contains(&ram.transferred), "{}", ram.transferred);
        let over_channels = if channels[0] > 0 { 512 * 4096 } else { 0 };
        assert_eq!(ram.multifd_bytes, over_channels);
        let mut destination = Board::destination();
        load_over(&mut destination, &uri(&folder), channels[1]).unwrap();
        assert!(destination.ram.to_vec() == source.ram.to_vec(), "{channels:?}");
        assert!(destination.runs && destination.register == 42);
    }
}

#[test]
fn file_does_not_depend_on_the_number_of_channels() {
    let folder = tempfile();
    let written = |channels| {
        save_over(&mut Board { writes: 3, clears: 100..140, ..Board::source() }, &uri(&folder), channels);
        let bytes = fs::read(folder.path("guest")).unwrap();
        assert_eq!(number(&bytes, header(&bytes) + 20), 1 << 20);
        bytes[OFFSET as usize..3 << 20].to_vec()
    };
    let expected = written(0);
    // A page that becomes zero keeps its outdated content, but not its bit.
    assert_eq!(expected[(1 << 20) - OFFSET as usize + 100 * 4096], 100);
    for channels in [1, 5] {
        assert!(written(channels) == expected, "{channels}");
    }
}

#[test]
fn compression_is_rejected_on_both_sides() {
    let parameters = Parameters { multifd_compression: Compression::Zlib, ..Parameters::default() };
    let folder = tempfile();
    let mut source = Board::source();
    let mut config = Outgoing::default_config(&source, &uri(&folder), parameters.clone());
    config.capabilities.set(Capability::MappedRam, true);
    config.capabilities.set(Capability::Multifd, true);
    let capabilities = config.capabilities;
    let error = Outgoing::start_with(&mut source, &uri(&folder), config).err().unwrap();
    let expected = "Cannot use compression with mapped-ram";
    assert_eq!(error.reason(), expected);
    let config = DestinationConfig { capabilities, parameters, ..DestinationConfig::default() };
    assert_eq!(load_with(&mut Board::destination(), &uri(&folder), config).unwrap_err(), expected);
}

#[test]
fn failed_write_of_a_channel_fails_the_section() {
    let folder = tempfile();
    let (file, reader) = file_and_reader(&folder);
    let memory = Board::source().memory();
    let sending = Sending::to_file(&reader, 2, &memory, None).unwrap();
    let mut ram = Ram::new(memory.page_size, memory.blocks).save_channels(sending.shared().clone(), sending.points());
    let mut writer = Writer::new();
    let mut out = Output::to_mapped_file(&mut writer, &file, 0);
    ram.save_setup(&mut out).unwrap();
    let error = ram.save_iterate(&mut out, u64::MAX).unwrap_err().to_string();
    assert!(error.contains("data channel") && error.contains("Bad file descriptor"), "{error}");
}

#[test]
fn failed_read_of_a_channel_fails_the_section() {
    let folder = tempfile();
    let (file, reader) = file_and_reader(&folder);
    let mut writer = Writer::new();
    let mut saved = Ram::new(PageSize::DEFAULT, vec![Board::source().ram]);
    let mut out = Output::to_mapped_file(&mut writer, &file, 0);
    saved.save_setup(&mut out).unwrap();
    saved.save_complete(&mut out).unwrap();
    out.flush().unwrap();

    let destination = Board::destination();
    let memory = destination.memory();
    // A handle that can only be written.
    let receiving = Receiving::from_file(&file, 2, &memory, None, Duration::from_secs(60)).unwrap();
    let mut ram = Ram::new(memory.page_size, memory.blocks).load_channels(receiving.shared().clone());
    let mut configuration = Configuration::new("board");
    configuration.capabilities = Some(vec!["mapped-ram".to_owned()]);
    ram.load_format(&configuration);
    ram.load_setup(true).unwrap();
    let mut input = Reader::from_file_at(reader, 0).unwrap();
    let error = ram.load(&mut input, crate::stream::SectionKind::Start, 4).unwrap_err().to_string();
    assert!(error.contains("data channel") && error.contains("Bad file descriptor"), "{error}");
    ram.load_undo().unwrap();
    ram.load_cleanup();
    assert!(destination.ram.to_vec() == vec![0xaa; SIZE]);
}
