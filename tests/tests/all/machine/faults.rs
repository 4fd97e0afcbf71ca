//! Everything that can go wrong with a load, and that it then changes nothing.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate::error::Blame;
use vmstate::machine::LoadOptions;
use vmstate::prelude::*;

use super::devices::Board;

/// Loads `stream` into a copy of `board`. The copy must be unchanged, or save a stream that loads again.
fn nothing_or_all(board: &Board, before: &[u8], stream: &[u8], what: &str) -> bool {
    let mut tried = board.copy();
    let loaded = tried.machine().load(stream);
    match loaded {
        Err(_) => {
            assert_eq!(tried, *board, "{what}: the load failed and changed something");
            assert_eq!(tried.saved(), before, "{what}: the load failed and changed the state");
            false
        }
        Ok(_) => {
            let again = tried.saved();
            let mut third = board.copy();
            third.machine().load(&again[..]).unwrap_or_else(|error| panic!("{what}: not a valid state\n{error}"));
            assert_eq!(third.saved(), again, "{what}: not a valid state");
            true
        }
    }
}

#[test]
fn truncated_stream_rolls_back() {
    let (board, stream) = (Board::other(), Board::busy().saved());
    let before = board.copy().saved();
    let loaded =
        (0..stream.len()).filter(|&end| nothing_or_all(&board, &before, &stream[..end], &format!("cut {end}")));
    let loaded: Vec<_> = loaded.collect();
    println!("{} positions cut, {} of them after the end", stream.len(), loaded.len());
    let end = stream.len() - description_length(&stream);
    assert_eq!(loaded, (end..stream.len()).collect::<Vec<_>>(), "a description that is cut does not matter");
}

/// The bytes after the stream's end.
fn description_length(stream: &[u8]) -> usize {
    let text = stream.windows(14).position(|window| window == b"{\"configuratio").unwrap();
    stream.len() - text + 5
}

#[test]
fn flipped_bit_rolls_back_or_loads() {
    let (board, stream) = (Board::other(), Board::busy().saved());
    let before = board.copy().saved();
    let end = stream.len() - description_length(&stream);
    let (mut tried, mut loaded) = (0, 0);
    for place in 0..end {
        for mask in [0x01, 0x80, 0xff] {
            let mut flipped = stream.clone();
            flipped[place] ^= mask;
            tried += 1;
            // The hook panics for one value, and that is not the value that is flipped.
            loaded += usize::from(nothing_or_all(&board, &before, &flipped, &format!("byte {place} ^ {mask:#x}")));
        }
    }
    println!("{tried} bytes flipped at {end} positions: {loaded} gave another valid state, the others nothing");
    assert!(loaded > 500 && tried - loaded > 500, "{loaded} of {tried}");
}

#[test]
fn last_hook_failing_rolls_back() {
    let mut source = Board::busy();
    source.uarts[1].divider = 0xdead;
    let stream = source.saved();
    let mut board = Board::other();
    let before = (board.copy(), board.saved());
    let error = board.machine().load(&stream[..]).unwrap_err();
    assert_eq!((error.blame(), error.found()), (Blame::Device, "an unsupported divider"));
    assert!(error.to_string().starts_with("section \"serial\" (instance 1): "), "{error}");
    assert_eq!((board.copy(), board.saved()), before);
}

#[test]
fn panicking_hook_rolls_back_and_unwinds() {
    let mut source = Board::busy();
    source.uarts[1].divider = 0xbeef;
    let stream = source.saved();
    let mut board = Board::other();
    let before = (board.copy(), board.saved());
    let outcome = catch_unwind(AssertUnwindSafe(|| board.machine().load(&stream[..]).map(drop)));
    let panic = outcome.expect_err("the panic comes through");
    assert!(panic.downcast_ref::<String>().unwrap().contains("makes the hook panic"));
    assert_eq!((board.copy(), board.saved()), before);
}

#[test]
fn failing_after_load_hook_rolls_back() {
    let stream = Board::busy().saved();
    let mut board = Board::other();
    let before = (board.copy(), board.saved());
    let (mut calls, pic) = (0, board.pic.clone());
    let mut machine = board.machine();
    machine.after_load(|| {
        calls += 1;
        let pic = pic.lock().unwrap();
        if pic.used == 3 { Err("three lines are in use") } else { Ok(()) }
    });
    let error = machine.load(&stream[..]).unwrap_err();
    assert_eq!((error.blame(), error.found()), (Blame::Device, "three lines are in use"));
    drop(machine);
    assert_eq!((board.copy(), board.saved(), calls), (before.0, before.1, 1));
}

/// Delivers a stream in bites, and fails at one of them.
struct Failing<'s> {
    stream: &'s [u8],
    bite: usize,
    reads: usize,
}

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reads = self.reads.checked_sub(1).ok_or(io::ErrorKind::ConnectionReset)?;
        let bite = self.bite;
        self.stream.read(into.split_at_mut(bite.min(into.len())).0)
    }
}

#[test]
fn failing_source_rolls_back() {
    let stream = Board::busy().saved();
    let board = Board::other();
    let before = board.copy().saved();
    let mut source = Failing { stream: &stream[..stream.len() - description_length(&stream)], bite: 7, reads: 100_000 };
    board.copy().machine().load(&mut source).unwrap();
    let reads = 100_000 - source.reads;
    for reads in 0..reads {
        let mut tried = board.copy();
        let error =
            tried.machine().load(&mut Failing { stream: &stream, bite: 7, reads }).expect_err(&reads.to_string());
        assert_eq!(error.blame(), Blame::Transport, "{error}");
        let cause = std::error::Error::source(&error).and_then(|cause| cause.downcast_ref::<io::Error>());
        assert_eq!(cause.map(io::Error::kind), Some(io::ErrorKind::ConnectionReset));
        assert_eq!(tried, board);
        assert_eq!(tried.saved(), before);
    }
    println!("{reads} reads failed, one after the other");
    board.copy().machine().load(&mut Failing { stream: &stream, bite: 7, reads }).unwrap();
}

#[test]
fn load_without_rollback_keeps_changes() {
    let stream = Board::busy().saved();
    let mut board = Board::other();
    let before = board.copy();
    let cut = &stream[..stream.len() - description_length(&stream) - 1];
    board.machine().load_with(&mut Reader::from_slice(cut), LoadOptions::new().without_rollback()).unwrap_err();
    assert_ne!(board, before);
}

/// A device with a value that may not fit its wire type.
#[derive(VmState)]
#[vmstate(name = "narrow")]
struct Narrow {
    first: u8,
    #[vmstate(wire = u8)]
    length: usize,
}

#[test]
fn device_without_checkpoint_is_not_loaded() {
    let mut device = Narrow { first: 1, length: 2 };
    let mut stream = Vec::new();
    let mut machine = Machine::new();
    machine.register("narrow", &mut device).unwrap();
    machine.save(&mut stream).unwrap();
    drop(machine);

    let mut device = Narrow { first: 9, length: 1000 };
    let mut machine = Machine::new();
    machine.register("narrow", &mut device).unwrap();
    let error = machine.load(&stream[..]).unwrap_err();
    assert!(error.to_string().contains("a device whose state can be copied"), "{error}");
    let mut reader = Reader::from_slice(&stream);
    machine.load_with(&mut reader, LoadOptions::new().without_rollback()).unwrap();
    drop(machine);
    assert_eq!((device.first, device.length), (1, 2));
}
