//! Random memory over a Unix socket, from one thread to another.

use std::cell::RefCell;
use std::fs;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use vmstate::machine::LoadOptions;

use crate::guest::Memory;
use crate::measure::{Way, compare, size};

const PAGE: usize = 4096;
const MIB: usize = 1 << 20;
/// The pages that the prototype passes to one call.
const PAGES: usize = 128;

pub(crate) type Send = fn(&mut Memory, &mut UnixStream);
pub(crate) type Receive = fn(&mut Memory, &mut UnixStream);

/// The compared implementations.
const WAYS: &[(&str, Send, Receive)] = &[
    ("plain 1 MiB writes and reads", plain_send, plain_receive),
    ("prototype: 128 pages a call, both sides", vectored_send, vectored_receive),
    (OURS[0].0, save, OURS[0].1),
    (OURS[1].0, save, OURS[1].1),
    ("both with memory that cannot be borrowed", save_copies, load_copies),
];

/// vmstate's two kinds of loads.
pub(crate) const OURS: [(&str, Receive); 2] =
    [("save, load with rollback", load), ("save, load in place", load_in_place)];

pub(crate) fn measure() {
    let (from, to) = (RefCell::new(Memory::random(size())), RefCell::new(Memory::zero(size())));
    let way = |&(name, send, receive): &(&'static str, Send, Receive)| {
        let (from, to) = (&from, &to);
        Way::new(name, move || {
            let (from, to) = (&mut from.borrow_mut(), &mut to.borrow_mut());
            let taken = carry(from, to, send, receive);
            assert!(from.bytes() == to.bytes(), "the memory has come");
            taken
        })
    };
    let drained = Way::new("save, plain reads", || carry(&mut from.borrow_mut(), &mut to.borrow_mut(), save, drain));
    compare(size(), 7, WAYS.iter().map(way).chain([drained]).collect());
}

/// Measures the memory of a save and a load in addition to the guest's.
pub(crate) fn measure_memory() {
    let (mut from, mut to) = (Memory::random(size()), Memory::zero(size()));
    for (name, receive) in OURS {
        fs::write("/proc/self/clear_refs", "5").expect("the peak is forgotten");
        let before = status("VmRSS:");
        carry(&mut from, &mut to, save, receive);
        let held = status("VmHWM:").saturating_sub(before);
        println!("  {name}: {held} KiB in addition to {} MiB", size() / MIB);
    }
}

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
}

/// Has one thread send and another receive.
pub(crate) fn carry(from: &mut Memory, to: &mut Memory, send: Send, receive: Receive) -> Duration {
    to.bytes().fill(0);
    let (mut out, mut input) = UnixStream::pair().expect("two sockets");
    let start = Instant::now();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            send(from, &mut out);
            drop(out);
        });
        receive(to, &mut input);
        sender.join().expect("the sender is well");
    });
    start.elapsed()
}

pub(crate) fn save(from: &mut Memory, out: &mut UnixStream) {
    from.save(out);
}

fn load(to: &mut Memory, input: &mut UnixStream) {
    to.load(input, LoadOptions::new());
}

fn load_in_place(to: &mut Memory, input: &mut UnixStream) {
    to.load(input, LoadOptions::new().without_rollback());
}

fn save_copies(from: &mut Memory, out: &mut UnixStream) {
    from.lends = false;
    from.save(out);
    from.lends = true;
}

fn load_copies(to: &mut Memory, input: &mut UnixStream) {
    to.lends = false;
    to.load(input, LoadOptions::new());
    to.lends = true;
}

/// Reads all there is, and leaves it.
fn drain(_: &mut Memory, input: &mut UnixStream) {
    let mut buffer = vec![0; MIB];
    while input.read(&mut buffer).expect("bytes") > 0 {}
}

fn plain_send(from: &mut Memory, out: &mut UnixStream) {
    from.bytes().chunks(MIB).for_each(|chunk| out.write_all(chunk).expect("a write"));
}

fn plain_receive(to: &mut Memory, input: &mut UnixStream) {
    to.bytes().chunks_mut(MIB).for_each(|chunk| input.read_exact(chunk).expect("a read"));
}

/// Sends pages with the header of a RAM section before each of them, and nothing else.
fn vectored_send(from: &mut Memory, out: &mut UnixStream) {
    let mut words = [[0; 8]; PAGES];
    for (number, batch) in from.bytes().chunks(PAGES * PAGE).enumerate() {
        for (page, word) in words.iter_mut().enumerate() {
            *word = (((number * PAGES + page) * PAGE) as u64 | 0x28).to_be_bytes();
        }
        let records = words.iter().zip(batch.chunks(PAGE));
        let mut slices: Vec<_> = records.flat_map(|(word, page)| [IoSlice::new(word), IoSlice::new(page)]).collect();
        let mut slices = &mut slices[..];
        while !slices.is_empty() {
            let count = out.write_vectored(slices).expect("a write");
            IoSlice::advance_slices(&mut slices, count);
        }
    }
}

/// Receives the pages of [`vectored_send`], in their known order.
fn vectored_receive(to: &mut Memory, input: &mut UnixStream) {
    let mut words = [[0; 8]; PAGES];
    for batch in to.bytes().chunks_mut(PAGES * PAGE) {
        let records = words.iter_mut().zip(batch.chunks_mut(PAGE));
        let mut slices: Vec<_> =
            records.flat_map(|(word, page)| [IoSliceMut::new(word), IoSliceMut::new(page)]).collect();
        let mut slices = &mut slices[..];
        while !slices.is_empty() {
            let count = input.read_vectored(slices).expect("a read");
            IoSliceMut::advance_slices(&mut slices, count);
        }
    }
}
