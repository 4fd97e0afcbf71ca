//! The search for the description after a failed load, and for the section that it describes.

use std::io::{self, Read};

use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::prelude::*;
use vmstate::registry::Registration;

#[derive(VmState, Default)]
#[vmstate(name = "dev")]
struct Shorter {
    first: u16,
}

#[derive(VmState, Default)]
#[vmstate(name = "dev")]
struct Longer {
    first: u16,
    second: u16,
}

#[test]
fn section_with_an_old_name_is_diagnosed() {
    let (mut source, mut stream) = (Machine::new(), Vec::new());
    source.register("dev", Longer { first: 1, second: 0x1111 }).unwrap();
    source.save(&mut stream).unwrap();
    let mut machine = Machine::new();
    machine.add(Registration::device("dev", Shorter::default()).device_path("0000:00:01.3")).unwrap();
    let error = machine.load(&stream[..]).unwrap_err();
    let diagnosis = error.diagnosis().unwrap_or_else(|| panic!("{error}"));
    assert!(diagnosis.starts_with("`dev.second`: the stream has uint16 of 2 bytes"), "{diagnosis}");
}

/// Bytes without end, of which it counts the read ones.
struct Endless<'c> {
    begin: &'c [u8],
    read: &'c mut usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = if self.begin.is_empty() { into.len() } else { self.begin.read(into)? };
        *self.read += count;
        Ok(count)
    }
}

#[test]
fn search_for_the_description_ends_after_64_mib() {
    let (mut source, mut stream) = (Machine::new(), Vec::new());
    source.register("dev", Longer { first: 1, second: 0x1111 }).unwrap();
    source.save_with(&mut stream, SaveOptions::new().description(None)).unwrap();
    let mut machine = Machine::new();
    machine.register("dev", Shorter::default()).unwrap();
    let mut read = 0;
    let mut reader = Reader::from_read(Endless { begin: &stream, read: &mut read });
    let error = machine.load_with(&mut reader, LoadOptions::new().read_on_after_error()).unwrap_err();
    assert_eq!(error.diagnosis(), None);
    drop(reader);
    assert!((64 << 20..65 << 20).contains(&read), "{read} bytes");
}
