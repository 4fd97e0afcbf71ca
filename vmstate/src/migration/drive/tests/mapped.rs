//! Files in which memory has fixed places.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

#[cfg(target_os = "linux")]
mod direct;
mod several;

use super::*;
use crate::migration::capability::{Capabilities, Capability};

/// The offset of the stream in files.
const OFFSET: u64 = 0x3000;

/// The numbers of data channels of a destination, without the capability `multifd` if it is 0.
const CHANNELS: [u8; 3] = [0, 1, 3];

fn uri(folder: &Folder) -> Uri {
    Uri::File { path: folder.path("guest"), offset: OFFSET }
}

/// Sets the capabilities of a migration with places, and with this number of data channels.
fn set_up(channels: u8, capabilities: &mut Capabilities, parameters: &mut Parameters) {
    capabilities.set(Capability::MappedRam, true);
    capabilities.set(Capability::Multifd, channels > 0);
    parameters.multifd_channels = channels.max(1);
}

fn save_over(source: &mut Board, uri: &Uri, channels: u8) -> Statistics {
    let mut config = Outgoing::default_config(source, uri, Parameters::default());
    set_up(channels, &mut config.capabilities, &mut config.parameters);
    Outgoing::start_with(source, uri, config).unwrap().finish().unwrap()
}

fn save(source: &mut Board, uri: &Uri) -> Statistics {
    save_over(source, uri, 0)
}

fn load_with(destination: &mut Board, uri: &Uri, config: DestinationConfig) -> Result<(), String> {
    let incoming = Incoming::listen_with(uri, config).map_err(|error| error.reason().to_owned())?;
    incoming.run(destination).map_err(|error| error.reason().to_owned())
}

fn load_over(destination: &mut Board, uri: &Uri, channels: u8) -> Result<(), String> {
    let mut config = DestinationConfig::default();
    set_up(channels, &mut config.capabilities, &mut config.parameters);
    load_with(destination, uri, config)
}

fn load(destination: &mut Board, uri: &Uri) -> Result<(), String> {
    load_over(destination, uri, 0)
}

/// Loads a file that is rejected, and returns the reason.
#[track_caller]
fn rejection_with(load: impl FnOnce(&mut Board) -> Result<(), String>) -> String {
    let mut destination = Board::destination();
    let reason = load(&mut destination).unwrap_err();
    assert!(!destination.runs && destination.register == 0);
    assert!(destination.ram.to_vec() == vec![0xaa; SIZE], "{reason}");
    reason
}

/// Loads a file that is rejected over this number of data channels, and returns the reason.
#[track_caller]
fn rejection(uri: &Uri, channels: u8) -> String {
    rejection_with(|destination| load_over(destination, uri, channels))
}

/// Writes a file with a guest, and returns its bytes.
fn saved(folder: &Folder) -> Vec<u8> {
    save(&mut Board::source(), &uri(folder));
    fs::read(folder.path("guest")).unwrap()
}

fn place_of(bytes: &[u8], text: &[u8]) -> usize {
    bytes.windows(text.len()).position(|window| window == text).unwrap()
}

/// Returns the place of the header of the block, which the place of the bitmap follows after 12 bytes.
fn header(bytes: &[u8]) -> usize {
    // The name, and the size.
    place_of(bytes, b"\x03ram\0\0\0\0\0\x20\0\0") + 4 + 8
}

fn number(bytes: &[u8], place: usize) -> usize {
    usize::try_from(u64::from_be_bytes(bytes[place..place + 8].try_into().unwrap())).unwrap()
}

#[test]
fn guest_moves_through_a_file_with_places() {
    let folder = tempfile();
    fs::write(folder.path("guest"), vec![0xab; 8 << 20]).unwrap();
    // The pages that are written and cleared after they were saved once.
    let mut source = Board { writes: 3, clears: 100..140, ..Board::source() };
    let statistics = save(&mut source, &uri(&folder));
    let ram = statistics.ram.unwrap();
    assert_eq!((ram.normal, ram.duplicate), (512, 43), "509 and 3 pages, then 3 and 40");
    assert!((512 * 4096..513 * 4096).contains(&ram.transferred), "{}", ram.transferred);

    let mut destination = Board::destination();
    load(&mut destination, &uri(&folder)).unwrap();
    assert!(destination.ram.to_vec() == source.ram.to_vec());
    assert!(destination.runs && !source.runs && destination.register == 42);

    let file = File::open(folder.path("guest")).unwrap();
    let mut before = [0; OFFSET as usize];
    file.read_exact_at(&mut before, 0).unwrap();
    assert!(before.iter().all(|byte| *byte == 0xab), "bytes before the stream are kept");
    let length = file.metadata().unwrap().len();
    assert!(length > 3 << 20 && length < 4 << 20, "the rest of the old file is replaced: {length}");
}

#[test]
fn zero_pages_are_holes() {
    let folder = tempfile();
    let mut source = Board::new(vec![0; SIZE], false);
    save(&mut source, &uri(&folder));
    let found = fs::metadata(folder.path("guest")).unwrap();
    assert!(found.len() > SIZE as u64 && found.blocks() * 512 < SIZE as u64 / 2, "{} blocks", found.blocks());
}

#[test]
fn capability_must_match_the_file() {
    let folder = tempfile();
    save(&mut Board::source(), &uri(&folder));
    let load_plain = |destination: &mut _| load_with(destination, &uri(&folder), DestinationConfig::default());
    let reason = rejection_with(load_plain);
    assert!(reason.contains("expected no capabilities, found the capabilities mapped-ram"), "{reason}");
    Outgoing::start(&mut Board::source(), &uri(&folder), Parameters::default()).unwrap().finish().unwrap();
    for channels in CHANNELS {
        let reason = rejection(&uri(&folder), channels);
        assert!(reason.contains("expected the capabilities mapped-ram, found no capabilities"), "{reason}");
    }
    load_plain(&mut Board::destination()).unwrap();
}

#[test]
fn incomplete_file_leaves_the_machine_unchanged() {
    let folder = tempfile();
    let bytes = saved(&folder);
    // The name, the instance, the version, the payload, the footer, and the end of the stream.
    let end = place_of(&bytes, b"\x08register") + 9 + 4 + 4 + 4 + 5 + 1;
    let near = |place: usize| place - 9..place + 9;
    let places = [near(header(&bytes)), near(1 << 20), near(3 << 20), near(end - 9)];
    let ends = (OFFSET as usize..end).step_by(0x1_8421);
    for length in places.into_iter().flatten().chain(ends) {
        fs::write(folder.path("guest"), &bytes[..length]).unwrap();
        for channels in CHANNELS {
            let reason = rejection(&uri(&folder), channels);
            assert!(reason.contains("the file is incomplete"), "{length:#x}: {reason}");
        }
    }
    // Only the description is missing, which QEMU does not require, either.
    fs::write(folder.path("guest"), &bytes[..end]).unwrap();
    load(&mut Board::destination(), &uri(&folder)).unwrap();
}

#[test]
fn damaged_places_leave_the_machine_unchanged() {
    let folder = tempfile();
    let bytes = saved(&folder);
    let header = header(&bytes);
    for (place, value, expected) in [
        (header, 2_u32.to_be_bytes().to_vec(), "version"),
        (header + 4, 8192_u64.to_be_bytes().to_vec(), "4096"),
        (header + 12, 0_u64.to_be_bytes().to_vec(), "bitmap"),
        (header + 12, u64::MAX.to_be_bytes().to_vec(), "bitmap"),
        (header + 12, (1_u64 << 20).to_be_bytes().to_vec(), "bitmap"),
        (header + 20, 0x10_1000_u64.to_be_bytes().to_vec(), "0x100000"),
        (header + 20, (1_u64 << 60).to_be_bytes().to_vec(), "the file is incomplete"),
        (header + 20, (2_u64 << 20).to_be_bytes().to_vec(), "ram"),
    ] {
        let mut damaged = bytes.clone();
        damaged[place..place + value.len()].copy_from_slice(&value);
        fs::write(folder.path("guest"), &damaged).unwrap();
        for channels in CHANNELS {
            let reason = rejection(&uri(&folder), channels);
            assert!(reason.contains(expected) && reason.contains("0x"), "{place:#x}, {value:x?}: {reason}");
        }
    }
    let bitmap = number(&bytes, header + 12);
    assert_eq!(bytes[bitmap], 0xfe, "page 0 is zero");
}

#[test]
fn file_of_a_cancelled_migration_is_rejected() {
    let folder = tempfile();
    for channels in CHANNELS {
        let mut source = Board::source();
        let mut config = Outgoing::default_config(&source, &uri(&folder), Parameters::default());
        set_up(channels, &mut config.capabilities, &mut config.parameters);
        let mut outgoing = Outgoing::start_with(&mut source, &uri(&folder), config).unwrap();
        let control = outgoing.control();
        for event in outgoing.events() {
            if event == Event::Status(MigrationStatus::Active) {
                control.send(SourceControl::Cancel);
            }
        }
        assert_eq!(outgoing.statistics().status, MigrationStatus::Cancelled);
        drop(outgoing);
        assert!(source.runs);
        let reason = rejection(&uri(&folder), channels);
        assert!(reason.contains("the file is incomplete"), "{reason}");
    }
}

#[test]
fn file_that_cannot_be_written_leaves_the_guest() {
    for channels in CHANNELS {
        let mut source = Board::source();
        let full = Uri::File { path: "/dev/full".to_owned(), offset: 0 };
        let mut config = Outgoing::default_config(&source, &full, Parameters::default());
        set_up(channels, &mut config.capabilities, &mut config.parameters);
        let error = Outgoing::start_with(&mut source, &full, config).unwrap().finish().unwrap_err();
        assert!(error.reason().contains("No space left"), "{error}");
        assert!(source.runs);
    }
}
