//! The search for the description after a failed load, and for the section that it describes.

use std::io::{self, Cursor, Read};

use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::prelude::*;
use vmstate::registry::Registration;
use vmstate::schema::vmdesc::{Document, SentBody};

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

/// As `Shorter`, with a description that differs.
#[derive(VmState, Default)]
#[vmstate(name = "dev")]
struct Signed {
    first: i16,
}

/// Returns a stream of the devices `a` and `b`, whose last footer is wrong, and its description.
fn with_wrong_footer() -> (Vec<u8>, Document) {
    let (mut source, mut stream, mut described) = (Machine::new(), Vec::new(), Vec::new());
    source.register("a", Shorter { first: 1 }).unwrap();
    source.register("b", Longer { first: 2, second: 3 }).unwrap();
    source.save(&mut described).unwrap();
    source.save_with(&mut stream, SaveOptions::new().description(None)).unwrap();
    // The footer's section id precedes the end of the stream.
    let id = stream.len() - 2;
    stream[id] ^= 1;
    (stream, Document::from_stream(&described).unwrap().unwrap())
}

fn diagnosis(machine: &mut Machine<'_>, stream: &[u8], description: Document) -> Option<String> {
    let options = LoadOptions::new().description(description);
    let error = machine.load_with(&mut Reader::from_slice(stream), options).unwrap_err();
    error.diagnosis().map(str::to_owned)
}

#[test]
fn section_of_the_described_size_is_not_blamed() {
    let (stream, description) = with_wrong_footer();
    let mut machine = Machine::new();
    // The description of `a` differs, but its footer is right. `b` is as described, and its footer is wrong.
    machine.register("a", Signed::default()).unwrap();
    machine.register("b", Longer::default()).unwrap();
    assert_eq!(diagnosis(&mut machine, &stream, description.clone()), None);

    let mut endless = description;
    let SentBody::State(state) = &mut endless.devices[0].body else { panic!("fields") };
    state.fields[0].size = u64::MAX;
    state.fields.push(state.fields[0].clone());
    assert_eq!(endless.devices[0].wire_size(), None, "the sum overflows");
    assert_eq!(diagnosis(&mut machine, &stream, endless), None);
}

#[test]
fn device_that_reads_too_much_is_diagnosed() {
    let (mut stream, description) = with_wrong_footer();
    stream.extend([0; 8]);
    // A counter that is not a part of the section is too large.
    #[derive(VmState)]
    #[vmstate(name = "dev")]
    struct Counted {
        first: u16,
        #[vmstate(len = count, max = 8)]
        second: Vec<u16>,
        #[vmstate(skip = "a property of the device")]
        count: u8,
    }
    let mut machine = Machine::new();
    machine.register("a", Shorter::default()).unwrap();
    machine.register("b", Counted { first: 0, second: Vec::new(), count: 3 }).unwrap();
    let diagnosis = diagnosis(&mut machine, &stream, description).unwrap();
    assert!(diagnosis.ends_with("the device read 8 bytes of a section of 4"), "{diagnosis}");
}

/// Returns the diagnosis of a stream whose description is followed by spaces.
fn diagnosis_of_text(length: usize) -> Option<String> {
    let (mut source, mut stream) = (Machine::new(), Vec::new());
    source.register("dev", Longer { first: 1, second: 0x1111 }).unwrap();
    source.save(&mut stream).unwrap();
    let start = stream.len() - Document::from_stream(&stream).unwrap().unwrap().to_text().len();
    stream.resize(start + length, b' ');
    stream[start - 4..start].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    let mut machine = Machine::new();
    machine.register("dev", Shorter::default()).unwrap();
    let error = machine.load(Cursor::new(stream)).unwrap_err();
    error.diagnosis().map(str::to_owned)
}

#[test]
fn description_of_more_than_1_mib_is_not_parsed() {
    for length in [1000, 64 << 10, 256 << 10, 1 << 20] {
        let diagnosis = diagnosis_of_text(length).unwrap_or_else(|| panic!("{length} bytes"));
        assert!(diagnosis.starts_with("`dev.second`: the stream has uint16"), "{diagnosis}");
    }
    // The longest one is not read to its beginning.
    for length in [(1 << 20) + 1, (1 << 20) + 16, 3 << 20] {
        assert_eq!(diagnosis_of_text(length), None, "{length} bytes");
    }
}
