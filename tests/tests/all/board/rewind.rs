//! The board is rewound to its recent states.

use std::time::{Duration, Instant};

use vmstate::memory::{DirtyLog, Layout, PageSize};
use vmstate::migration::Host;
use vmstate::schema::Release;
use vmstate_examples::virt::{BoardHost, BoardRewind};

use super::*;

const PATIENCE: Duration = Duration::from_secs(120);

/// The parts of a board's state that its guest changes all the time.
fn state(board: &Board) -> (u64, u64, Vec<u8>) {
    (board.nanoseconds(), board.hart.regs.pc, board.bus.memory.ram().to_vec())
}

#[test]
fn board_rewinds_state_by_state() {
    let (mut board, mut rewind, mut states) = (board(HASHER), BoardRewind::new(8 << 20), Vec::new());
    for step in 1..=10 {
        board.run_until(SECOND / 10 * step);
        rewind.push(&mut board).unwrap();
        states.push(state(&board));
    }
    board.run_until(SECOND + SECOND / 20);
    assert_eq!(rewind.len(), 10);
    while let Some(expected) = states.pop() {
        assert!(rewind.pop(&mut board).unwrap());
        assert!(state(&board) == expected, "{} {}", board.nanoseconds(), expected.0);
    }
    assert!(!rewind.pop(&mut board).unwrap() && rewind.is_empty());
    assert_eq!(board.nanoseconds(), SECOND / 10);
    // The guest has its own hash of its memory, and continues as before.
    board.run_until(SECOND);
    let verdict = verdict(&mut board);
    assert!(verdict.starts_with("right: "), "{verdict}");
}

#[test]
fn oldest_states_are_dropped() {
    let (mut board, mut rewind) = (board(HASHER), BoardRewind::new(32 << 10));
    for step in 1..=40 {
        board.run_until(SECOND / 20 * step);
        rewind.push(&mut board).unwrap();
    }
    assert!((2..40).contains(&rewind.len()), "{}", rewind.len());
    for left in (0..rewind.len()).rev() {
        assert!(rewind.pop(&mut board).unwrap());
        assert_eq!(rewind.len(), left);
    }
    assert!(board.nanoseconds() > SECOND / 20, "the first state was dropped");
}

#[test]
fn changed_pages_are_in_the_dirty_log() {
    let (mut board, mut rewind) = (board(HASHER), BoardRewind::new(8 << 20));
    board.run_until(SECOND / 10);
    rewind.push(&mut board).unwrap();
    let before = board.bus.memory.ram().to_vec();
    board.run_until(SECOND / 2);
    let after = board.bus.memory.ram().to_vec();
    let log = board.bus.memory.dirty_log().clone();
    log.start().unwrap();
    assert!(rewind.pop(&mut board).unwrap());
    let dirty = Layout::new(PageSize::DEFAULT, board.bus.memory.blocks(true)).unwrap().bitmaps();
    log.collect(2, 0..dirty[2].pages(), &dirty[2]).unwrap();
    let pages = before.chunks(4096).zip(after.chunks(4096)).enumerate();
    let changed: Vec<u64> = pages.filter(|(_, (old, new))| old != new).map(|(page, _)| page as u64).collect();
    assert!(!changed.is_empty());
    assert_eq!(dirty[2].runs().flatten().collect::<Vec<_>>(), changed);
}

/// Waits until the running guest has printed something.
fn wait_for_output(vcpu: &vmstate_examples::virt::Vcpu) {
    let start = Instant::now();
    while vcpu.progress().is_none_or(|progress| progress.output.is_empty()) {
        assert!(start.elapsed() < PATIENCE, "no output");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn running_board_rewinds() {
    let (mut host, vcpu) = BoardHost::new(board(HASHER), Release::Qemu11_1);
    let mut rewind = BoardRewind::new(8 << 20);
    host.push_state(&mut rewind).unwrap();
    host.resume().unwrap();
    wait_for_output(&vcpu);
    host.push_state(&mut rewind).unwrap();
    assert!(host.is_running() && rewind.len() == 2);
    assert!(host.pop_state(&mut rewind).unwrap());
    assert!(host.is_running());
    host.stop().unwrap();
    let clock = host.guest_clock();
    assert!(clock > Duration::ZERO);
    assert!(host.pop_state(&mut rewind).unwrap() && !host.is_running());
    assert_eq!(host.guest_clock(), Duration::ZERO, "the state before the start");
    assert!(!host.pop_state(&mut rewind).unwrap());
    host.resume().unwrap();
    wait_for_output(&vcpu);
}
