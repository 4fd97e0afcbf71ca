//! Commands between the sections.

use arbitrary::{Arbitrary, Unstructured};
use vmstate::machine::LoadOptions;
use vmstate::prelude::*;
use vmstate::stream::{Command, DiscardRange, PostcopyAdvice, SectionHeader, StreamItem, StreamReader, StreamWriter};

use super::Target;

/// The target.
pub const TARGET: Target = Target { name: "commands", run, seeds, fixed: 1 << 20, per_byte: 64 };

/// A command, and then the rest of a stream.
#[derive(Debug, Arbitrary)]
struct Input<'a> {
    number: u8,
    value: u32,
    words: [u64; 2],
    block: &'a str,
    ranges: Vec<(u64, u64)>,
    refuses: u8,
    rest: &'a [u8],
}

fn run(bytes: &[u8]) {
    read_and_write(bytes);
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let mut out = Writer::new();
    let command = input.command();
    if StreamWriter::new(&mut out).command(&command).is_err() {
        assert!(matches!(command, Command::RamDiscard { .. }) && out.pending().is_empty(), "{command:?}");
        return;
    }
    let written = out.take();
    let read = StreamReader::without_header(&mut Reader::from_slice(&written)).next_item().expect("it was written");
    assert_eq!(read, Some(StreamItem::Command(command)));
    load(&[&written, input.rest].concat(), input.refuses);
    load(bytes, input.refuses);
}

impl Input<'_> {
    fn command(&self) -> Command {
        let block = self.block.get(..self.block.floor_char_boundary(255)).unwrap_or_default().to_owned();
        let ranges = self.ranges.iter().map(|(start, length)| DiscardRange::new(*start, *length)).collect();
        let [page_size_summary, target_page_size] = self.words;
        match self.number % 15 {
            0 => Command::OpenReturnPath,
            1 => Command::Ping(self.value),
            2 => Command::PostcopyAdvise(None),
            3 => Command::PostcopyAdvise(Some(PostcopyAdvice::new(page_size_summary, target_page_size))),
            4 => Command::PostcopyListen,
            5 => Command::PostcopyRun,
            6 => Command::RamDiscard { block, ranges },
            7 => Command::Packaged { length: self.value },
            8 => Command::EnableColo,
            9 => Command::PostcopyResume,
            10 => Command::RecvBitmap(block),
            11 => Command::SwitchoverStart,
            12 => Command::Session(page_size_summary),
            13 => Command::Run,
            _ => Command::Revoke(block),
        }
    }
}

/// Commands that are read are written as the same bytes.
fn read_and_write(bytes: &[u8]) {
    let mut reader = Reader::from_slice(bytes);
    let mut stream = StreamReader::without_header(&mut reader);
    let mut out = Writer::new();
    while let Ok(Some(StreamItem::Command(command))) = stream.next_item() {
        StreamWriter::new(&mut out).command(&command).expect("a decoded command can be encoded");
        assert_eq!(bytes.get(..out.pending().len()), Some(out.pending()), "{command:?}");
        let end = usize::try_from(stream.offset()).expect("an offset in a slice");
        assert_eq!(out.pending().len(), end, "{command:?}");
    }
}

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "latch")]
struct Latch {
    level: u16,
    is_on: bool,
}

/// A machine loads the stream or rolls back.
fn load(stream: &[u8], mut patience: u8) {
    let before = Latch { level: 7, is_on: true };
    let mut latch = before.clone();
    let mut machine = Machine::new();
    machine.register("latch", &mut latch).expect("a name for it");
    let options = LoadOptions::new().without_header();
    let loaded = machine.load_with_commands(&mut Reader::from_slice(stream), options, |command| {
        let left = patience.checked_sub(1);
        patience = left.ok_or_else(|| LoadError::rejected("no more commands", format!("{command:?}")))?;
        Ok(())
    });
    drop(machine);
    match loaded {
        Ok(loaded) => assert!(loaded.missing.is_empty() && loaded.bytes <= stream.len() as u64),
        Err(error) => assert_eq!(latch, before, "{error}"),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let commands = [
        Command::OpenReturnPath,
        Command::Ping(1),
        Command::PostcopyAdvise(Some(PostcopyAdvice::new(0x1000, 0x1000))),
        Command::RamDiscard { block: "pc.ram".to_owned(), ranges: vec![DiscardRange::new(0x1000, 0x2000)] },
        Command::RecvBitmap("pc.ram".to_owned()),
        Command::Packaged { length: 34 },
        Command::Session(0x0123_4567_89ab_cdef),
        Command::Run,
        Command::Revoke("cancelled".to_owned()),
    ];
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    for command in &commands {
        stream.command(command).expect("short commands");
    }
    stream.begin_section(&SectionHeader::full(1, "latch", 0, 1));
    stream.payload().u16(3);
    stream.payload().u8(1);
    stream.end_section();
    stream.eof();
    stream.eof();
    vec![out.take()]
}
