//! The board is rewound to its recent states.

use std::time::{Duration, Instant};

use serde_json::json;
use vmstate::memory::{DirtyLog, Layout, PageSize};
use vmstate::migration::Host;
use vmstate::schema::Release;
use vmstate::snapshot::{Details, Folder};
use vmstate_examples::virt::{BoardHost, BoardRewind};
use vmstate_tests::board::BoardProcess;

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

/// Rewinds through all states, newest first.
fn assert_rewinds(rewind: &mut BoardRewind, board: &mut Board, states: Vec<(u64, u64, Vec<u8>)>) {
    assert_eq!(rewind.len(), states.len());
    for (number, expected) in states.into_iter().enumerate().rev() {
        assert!(rewind.pop(board).unwrap());
        assert!(state(board) == expected, "state {number}");
    }
}

/// Loads and programs change memory without the guest.
#[test]
fn states_contain_memory_that_was_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let (mut board, mut rewind, mut states) = (board(HASHER), BoardRewind::new(32 << 20), Vec::new());
    board.run_until(SECOND / 10);
    let mut push = |board: &mut Board| {
        rewind.push(board).unwrap();
        states.push(state(board));
    };
    push(&mut board);
    board.save_snapshot(&store, Details::new("early"), Release::Qemu11_1).unwrap();
    for _ in 0..2 {
        board.run_until(board.nanoseconds() + SECOND / 10);
        push(&mut board);
        board.run_until(board.nanoseconds() + SECOND / 10);
        board.load_snapshot_in_place(&store, "early").unwrap();
        push(&mut board);
        board.run_until(board.nanoseconds() + SECOND / 10);
        push(&mut board);
        board.load_snapshot(&store, "early").unwrap();
        push(&mut board);
    }
    board.load_image(&[0x5a; 20_000]).unwrap();
    push(&mut board);
    assert_rewinds(&mut rewind, &mut board, states);
}

/// The log of the writes belongs to one history.
#[test]
fn two_histories_of_a_board_are_complete() {
    let mut board = board(HASHER);
    let mut histories = [0, 1].map(|_| (BoardRewind::new(8 << 20), Vec::new()));
    for step in 1..=12 {
        board.run_until(SECOND / 10 * step);
        // The second one at every third step.
        for (rewind, states) in histories.iter_mut().take(if step % 3 == 0 { 2 } else { 1 }) {
            rewind.push(&mut board).unwrap();
            states.push(state(&board));
        }
    }
    for (mut rewind, states) in histories {
        assert_rewinds(&mut rewind, &mut board, states);
    }
}

#[test]
fn history_and_migration_find_the_same_writes() {
    let (mut board, mut rewind) = (board(HASHER), BoardRewind::new(8 << 20));
    board.run_until(SECOND / 10);
    rewind.push(&mut board).unwrap();
    let first = state(&board);
    let log = board.bus.memory.dirty_log().clone();
    log.start().unwrap();
    board.run_until(SECOND / 5);
    rewind.push(&mut board).unwrap();
    let dirty = Layout::new(PageSize::DEFAULT, board.bus.memory.blocks(true)).unwrap().bitmaps();
    log.collect(2, 0..dirty[2].pages(), &dirty[2]).unwrap();
    let pages = first.2.chunks(4096).zip(state(&board).2.chunks(4096).map(<[u8]>::to_vec).collect::<Vec<_>>());
    let changed = pages.enumerate().filter(|(_, (old, new))| *old != new.as_slice()).map(|(page, _)| page as u64);
    assert!(changed.clone().count() > 0 && changed.clone().all(|page| dirty[2].contains(page)));
    let second = state(&board);
    assert_rewinds(&mut rewind, &mut board, vec![first, second]);
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
    host.keep_states(8 << 20);
    host.push_state().unwrap();
    host.resume().unwrap();
    wait_for_output(&vcpu);
    host.push_state().unwrap();
    assert!(host.is_running());
    assert_eq!(host.rewind().unwrap(), 1);
    assert!(host.is_running());
    host.stop().unwrap();
    let clock = host.guest_clock();
    assert!(clock > Duration::ZERO);
    assert_eq!(host.rewind().unwrap(), 0);
    assert!(!host.is_running());
    assert_eq!(host.guest_clock(), Duration::ZERO, "the state before the start");
    assert_eq!(host.rewind().unwrap_err().to_string(), "the guest has no earlier state");
    host.resume().unwrap();
    wait_for_output(&vcpu);
}

/// The guest checks its memory after each rewind, and continues, stops and moves as any other guest.
#[test]
fn client_of_the_monitor_rewinds() {
    let mut board = BoardProcess::running(&["--rewind", "16M"]);
    rewind_in_time(&mut board);
    assert_eq!(board.status(), "running");
    board.assert_right();
    let start = Instant::now();
    loop {
        board.execute("stop", json!({}));
        match rewind(&mut board) {
            Ok(_) => break,
            Err(error) => assert_eq!(error, "the guest has no earlier state"),
        }
        assert!(start.elapsed() < PATIENCE);
        board.execute("cont", json!({}));
        std::thread::sleep(Duration::from_millis(1100));
    }
    assert_eq!(board.status(), "paused");
    board.execute("cont", json!({}));
    board.assert_right();
    let (mut destination, uri) = BoardProcess::awaiting(&[]);
    board.execute("migrate", json!({ "uri": uri }));
    destination.wait_for(&["completed"]);
    // The source learns it later.
    board.wait_for(&["completed"]);
    assert_eq!(rewind(&mut board).unwrap_err(), "the guest cannot be rewound in the state postmigrate");
    let missing = rewind(&mut destination).unwrap_err();
    assert_eq!(missing, "no states are kept; start with `--rewind SIZE`");
    destination.assert_right();
}

/// Rewinds as soon as a state is kept: one for each second.
fn rewind_in_time(board: &mut BoardProcess) {
    let start = Instant::now();
    while let Err(error) = rewind(board) {
        assert_eq!(error, "the guest has no earlier state");
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn rewind(board: &mut BoardProcess) -> Result<u64, String> {
    board.try_execute("x-rewind", &json!({})).map(|reply| reply["states"].as_u64().unwrap())
}
