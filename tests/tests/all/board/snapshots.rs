//! Snapshots of the board.

use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use vmstate::schema::Release;
use vmstate::snapshot::{Details, Folder, StoreErrorKind};

use super::*;

#[test]
fn board_continues_from_a_snapshot() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let mut board = board(HASHER);
    board.run_until(SECOND / 2);
    let saved = board.save_snapshot(&store, Details::new("half"), Release::Qemu11_1).unwrap();
    assert_eq!(saved.guest_clock.as_nanos(), u128::from(board.nanoseconds()));
    let mut restored = Board::new(MEMORY);
    restored.load_snapshot(&store, "half").unwrap();
    assert_eq!(restored.nanoseconds(), board.nanoseconds());
    assert_eq!((restored.hart.regs.pc, restored.hart.regs.gpr), (board.hart.regs.pc, board.hart.regs.gpr));
    assert!(restored.bus.memory.ram().to_vec() == board.bus.memory.ram().to_vec());
    restored.run_until(SECOND);
    for board in [&mut board, &mut restored] {
        let verdict = verdict(board);
        assert!(verdict.starts_with("right: "), "{verdict}");
    }
}

/// Returns whether page faults can be handled. `VMSTATE_REQUIRE_USERFAULTFD` turns a missing feature into a failure.
#[cfg(target_os = "linux")]
fn handles_page_faults() -> bool {
    let started = vmstate::memory::MissingFaults::start(Vec::new(), |_, _| ());
    if let Err(error) = &started {
        assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
        eprintln!("NOT TESTED: {error}");
    }
    started.is_ok()
}

#[cfg(not(target_os = "linux"))]
fn handles_page_faults() -> bool {
    false
}

/// All writes from the first instruction on are in the dirty log.
#[cfg(target_os = "linux")]
#[test]
fn board_runs_while_its_memory_is_read() {
    use vmstate::memory::{DirtyLog, Layout, PageSize};

    if !handles_page_faults() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let mut original = board(HASHER);
    original.run_until(SECOND / 2);
    original.save_snapshot(&store, Details::new("half"), Release::Qemu10_0).unwrap();
    for _ in 0..2 {
        let mut restored = Board::new(MEMORY);
        let restore = restored.load_snapshot_lazily(&store, "half", |error| panic!("{error}")).unwrap();
        let memory = &restored.bus.memory;
        let (log, layout) = (memory.dirty_log().clone(), Layout::new(PageSize::DEFAULT, memory.blocks(true)).unwrap());
        log.start().unwrap();
        let verdict = verdict(&mut restored);
        assert!(verdict.starts_with("right: "), "{verdict}");
        restore.wait().unwrap();
        let dirty = layout.bitmaps();
        for (number, dirty) in dirty.iter().enumerate() {
            log.collect(number, 0..dirty.pages(), dirty).unwrap();
            let [before, after] =
                [&original, &restored].map(|board| board.bus.memory.blocks(true)[number].memory().to_vec());
            let pages = before.chunks(4096).zip(after.chunks(4096)).zip(0..);
            let unknown: Vec<u64> = pages
                .filter(|((before, after), page)| before != after && !dirty.contains(*page))
                .map(|(_, page)| page)
                .collect();
            assert!(unknown.is_empty(), "pages {unknown:?} of block {number} have changed");
        }
        assert!(dirty.iter().any(|dirty| !dirty.is_empty()), "the guest writes");
    }
}

/// The guest goes on while its memory is saved, and both the guest and the snapshot are right.
#[cfg(target_os = "linux")]
#[test]
fn board_is_saved_while_it_runs() {
    use std::thread;
    use std::time::Duration;

    use vmstate::migration::Host;
    use vmstate::snapshot::{BackgroundRam, Store};
    use vmstate_examples::virt::BoardHost;

    if !handles_page_faults() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    for release in [Release::Qemu7_2, Release::Qemu11_1] {
        let (mut host, _vcpu) = BoardHost::new(board(HASHER), release);
        host.resume().unwrap();
        let memory = host.memory();
        let memory = BackgroundRam::start(memory.page_size, memory.blocks).unwrap();
        host.stop().unwrap();
        let clock = host.guest_clock();
        store
            .save(&Details::new(format!("{release:?}")).guest_clock(clock), &mut |out| {
                let saved = host.save_devices(out, &memory);
                host.resume().map_err(vmstate::SaveError::misuse)?;
                saved?;
                // The guest writes before the background has saved anything.
                thread::sleep(Duration::from_millis(50));
                memory.finish()
            })
            .unwrap();
        assert_eq!(memory.waits(), 0, "the hart saves the pages that it writes");
        host.end_background();
        host.stop().unwrap();
        assert!(host.guest_clock() >= clock);
        host.save_snapshot(&store, Details::new(format!("{release:?}, later"))).unwrap();
    }
    for snapshot in store.list().unwrap() {
        let mut restored = Board::new(MEMORY);
        restored.load_snapshot(&store, &snapshot.name).unwrap();
        assert_eq!(u128::from(restored.nanoseconds()), snapshot.guest_clock.as_nanos());
        restored.run_until(restored.nanoseconds() + SECOND / 2);
        let verdict = verdict(&mut restored);
        assert!(verdict.starts_with("right: "), "{}: {verdict}", snapshot.name);
    }
}

#[test]
fn board_is_unchanged_after_a_failed_load() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    Board::new(2 * MEMORY).save_snapshot(&store, Details::new("other size"), Release::Qemu10_0).unwrap();
    let mut board = board(HASHER);
    let pc = board.hart.regs.pc;
    let error = board.load_snapshot(&store, "other size").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Load);
    assert_eq!(board.hart.regs.pc, pc);
    board.run_until(SECOND);
    assert!(String::from_utf8(board.take_output()).unwrap().starts_with("hasher: "));
}

#[test]
fn program_continues_from_a_snapshot() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let mut board = board(HASHER);
    board.run_until(SECOND / 2);
    board.save_snapshot(&store, Details::new("half"), Release::Qemu10_0).unwrap();
    let run = |key: &str, option: Option<&str>| {
        let mut command = Command::new(vmstate_tests::board::binary());
        let restore = format!("{}#{key}", folder.path().display());
        command.args(["run", "--memory", "1M", "--restore", &restore]);
        command.args(option);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A guest that was not restored does not read it.
        let _ = child.stdin.take().unwrap().write_all(b"vq");
        child.wait_with_output().unwrap()
    };
    let lazy = handles_page_faults().then_some(Some("--lazy"));
    let mapped = cfg!(target_os = "linux").then_some(Some("--mapped"));
    for option in [None].into_iter().chain(lazy).chain(mapped) {
        let output = run("half", option);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && printed.contains("right: "), "{printed}");
        assert!(!printed.contains("hasher: "), "it started again: {printed}");
        let missing = run("none", option);
        assert_eq!(missing.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&missing.stderr).contains("snapshot `none` does not exist"));
    }
}

/// The board's dirty log has all pages that an incremental snapshot needs.
#[test]
fn board_continues_from_an_incremental_snapshot() {
    use vmstate::memory::{Changes, DirtyLog, Layout, PageSize};

    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let mut board = board(HASHER);
    board.run_until(SECOND / 4);
    let mut parent = board.save_snapshot(&store, Details::new("full"), Release::Qemu10_0).unwrap();
    let log = board.bus.memory.dirty_log().clone();
    log.start().unwrap();
    let layout = Layout::new(PageSize::DEFAULT, board.bus.memory.blocks(true)).unwrap();
    let mut changes = Changes::new(&layout);
    for quarter in 2..4_u64 {
        board.run_until(SECOND / 4 * quarter);
        changes.collect(&*log).unwrap();
        let details = Details::new(format!("quarter {quarter}")).changes_since(&parent, changes.clone());
        parent = board.save_snapshot(&store, details, Release::Qemu10_0).unwrap();
        changes.clear();
    }
    for name in ["quarter 2", "quarter 3"] {
        let mut restored = Board::new(MEMORY);
        restored.load_snapshot(&store, name).unwrap();
        if name == "quarter 3" {
            assert!(restored.bus.memory.ram().to_vec() == board.bus.memory.ram().to_vec());
        }
        restored.run_until(restored.nanoseconds() + SECOND / 4);
        let verdict = verdict(&mut restored);
        assert!(verdict.starts_with("right: "), "{name}: {verdict}");
    }
}
