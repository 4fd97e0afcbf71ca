//! Threads that bypass the page cache.

use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;

use super::*;
use crate::migration::drive::multifd::handles;

/// Returns whether the file system of a folder has direct I/O.
fn has_direct_io(folder: &Folder) -> bool {
    let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap();
    let opened =
        File::options().write(true).create(true).truncate(false).custom_flags(flags).open(folder.path("probe"));
    if opened.is_err() {
        println!("NOT TESTED: the file system of {} has no direct I/O", folder.path(""));
    }
    opened.is_ok()
}

fn save_directly(source: &mut Board, uri: &Uri, direct_io: bool) -> Result<Statistics, MigrationError> {
    let parameters = Parameters { direct_io, ..Parameters::default() };
    let mut config = Outgoing::default_config(source, uri, parameters);
    set_up(2, &mut config.capabilities, &mut config.parameters);
    Outgoing::start_with(source, uri, config).unwrap().finish()
}

fn load_directly(destination: &mut Board, uri: &Uri) -> Result<(), String> {
    let parameters = Parameters { direct_io: true, ..Parameters::default() };
    let mut config = DestinationConfig { parameters, ..DestinationConfig::default() };
    set_up(3, &mut config.capabilities, &mut config.parameters);
    load_with(destination, uri, config)
}

#[test]
fn guest_moves_past_the_page_cache() {
    let folder = tempfile();
    let mut source = Board { writes: 3, clears: 100..140, ..Board::source() };
    let saved = save_directly(&mut source, &uri(&folder), true);
    if !has_direct_io(&folder) {
        let error = saved.unwrap_err();
        assert!(error.reason().contains("switch `direct-io` off") && source.runs, "{error}");
        return;
    }
    let ram = saved.unwrap().ram.unwrap();
    assert_eq!((ram.normal, ram.duplicate, ram.multifd_bytes), (512, 43, 512 * 4096));
    let mut destination = Board::destination();
    load_directly(&mut destination, &uri(&folder)).unwrap();
    assert!(destination.ram.to_vec() == source.ram.to_vec());
    // Both sides decide independently.
    load_over(&mut Board::destination(), &uri(&folder), 0).unwrap();
}

#[test]
fn incomplete_file_is_rejected_past_the_page_cache() {
    let folder = tempfile();
    let bytes = saved(&folder);
    if !has_direct_io(&folder) {
        let reason = rejection_with(|destination| load_directly(destination, &uri(&folder)));
        assert!(reason.contains("switch `direct-io` off"), "{reason}");
        return;
    }
    let ends = ((1 << 20)..(3 << 20)).step_by(0x8421);
    for length in ends.chain([1 << 20, 2 << 20, (2 << 20) + 4096, (2 << 20) + 512, (3 << 20) - 1]) {
        fs::write(folder.path("guest"), &bytes[..length]).unwrap();
        let reason = rejection_with(|destination| load_directly(destination, &uri(&folder)));
        assert!(reason.contains("the file is incomplete"), "{length:#x}: {reason}");
    }
}

#[test]
fn handles_of_direct_io_bypass_the_page_cache() {
    let folder = tempfile();
    let file = File::create(folder.path("guest")).unwrap();
    let path = folder.path("guest");
    let flags = |file: &File| rustix::fs::fcntl_getfl(file).unwrap();
    let plain = handles(&file, 2, None, PageSize::DEFAULT).unwrap();
    assert!(plain.len() == 2 && plain.iter().all(|file| !flags(file).contains(OFlags::DIRECT)));
    if has_direct_io(&folder) {
        let direct = handles(&file, 3, Some(&path), PageSize::DEFAULT).unwrap();
        assert!(direct.len() == 3 && direct.iter().all(|file| flags(file).contains(OFlags::DIRECT | OFlags::WRONLY)));
        let reader = File::open(&path).unwrap();
        let direct = handles(&reader, 1, Some(&path), PageSize::DEFAULT).unwrap();
        assert!(flags(&direct[0]).contains(OFlags::DIRECT) && !flags(&direct[0]).contains(OFlags::WRONLY));
        let other = folder.path("probe");
        let error = handles(&file, 1, Some(&other), PageSize::DEFAULT).unwrap_err().to_string();
        assert!(error.contains("was replaced"), "{error}");
    }
    let error = handles(&file, 1, Some(&path), PageSize::new(1024).unwrap()).unwrap_err().to_string();
    assert!(error.contains("4096") && error.contains("switch `direct-io` off"), "{error}");
}

/// No character device of memory has direct I/O.
#[test]
fn missing_direct_io_names_the_remedy() {
    let null = Uri::File { path: "/dev/null".to_owned(), offset: 0 };
    let mut source = Board::source();
    let error = save_directly(&mut source, &null, true).unwrap_err();
    assert!(error.reason().contains("`/dev/null` has no direct I/O; switch `direct-io` off"), "{error}");
    assert!(source.runs);
    save_directly(&mut source, &null, false).unwrap();
}
