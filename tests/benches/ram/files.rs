//! Random memory to files and back, where files are memory (tmpfs) and where they are on a disk.

use std::cell::RefCell;
use std::env::temp_dir;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use vmstate::machine::LoadOptions;

use crate::guest::Memory;
use crate::measure::{Way, compare, size, time};

const MIB: usize = 1 << 20;

pub(crate) fn measure() {
    let (from, to) = (RefCell::new(Memory::random(size())), RefCell::new(Memory::zero(size())));
    for (place, folder) in [("tmpfs", Path::new("/dev/shm")), ("disk", &temp_dir())] {
        let folder = TempDir::new_in(folder).expect("a folder");
        let (plain, saved) = (&folder.path().join("plain"), &folder.path().join("saved"));
        println!(" {place}");
        compare(
            size(),
            5,
            vec![
                Way::new("plain 1 MiB writes", || write(plain, |file| plain_write(&mut from.borrow_mut(), file))),
                Way::new("save", || write(saved, |mut file| from.borrow_mut().save(&mut file))),
            ],
        );
        compare(
            size(),
            5,
            vec![
                Way::new("plain 1 MiB reads", || read(&from, &to, plain, plain_read)),
                Way::new("load with rollback", || {
                    read(&from, &to, saved, |to, file| to.load(file, LoadOptions::new()))
                }),
            ],
        );
    }
}

/// Writes a new file, without waiting for the disk, which would be measured otherwise.
fn write(path: &Path, write: impl FnOnce(&File)) -> Duration {
    // An old file would be truncated within the measurement.
    let _ = std::fs::remove_file(path);
    let file = File::create(path).expect("a file");
    let taken = time(|| write(&file));
    file.sync_all().expect("a file on the disk");
    taken
}

/// Reads a file that has just been written, so that the host has it in memory.
fn read(from: &RefCell<Memory>, to: &RefCell<Memory>, path: &Path, read: impl FnOnce(&mut Memory, &File)) -> Duration {
    let mut to = to.borrow_mut();
    to.bytes().fill(0);
    let file = File::open(path).expect("a file");
    let taken = time(|| read(&mut to, &file));
    assert!(from.borrow_mut().bytes() == to.bytes(), "the memory has come");
    taken
}

fn plain_write(from: &mut Memory, mut file: &File) {
    from.bytes().chunks(MIB).for_each(|chunk| file.write_all(chunk).expect("a write"));
}

fn plain_read(to: &mut Memory, mut file: &File) {
    to.bytes().chunks_mut(MIB).for_each(|chunk| file.read_exact(chunk).expect("a read"));
}
