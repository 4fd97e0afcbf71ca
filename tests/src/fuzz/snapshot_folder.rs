//! Folders with snapshots: properties, memory at fixed places, and the changes since a base.

use std::fs::{self, File};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use tempfile::TempDir;
use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::memory::{Changes, DirtyLog, Layout, Marked, PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::snapshot::{Details, Folder, SnapshotInfo, Store, StoreError};

use super::Target;

/// The target.
pub const TARGET: Target = Target { name: "snapshot_folder", run, seeds, fixed: 16 << 20, per_byte: 64 };

/// The files: a snapshot, one with the changes since then, and a working set.
const FILES: [&str; 5] = ["1.json", "1.state", "2.json", "2.0.incremental", "1.working-set"];
/// The size of memory.
const SIZE: usize = 64 << 10;
/// The largest offset of a piece: the memory of a snapshot begins after 1 MiB.
const LARGEST: u32 = 2 << 20;
/// The beginning of a random text in the properties.
const IDENTITY: &str = "\"identity\": \"";
/// The bytes of a piece, besides its content: the number of the file, the offset, and the length.
const HEAD: usize = 7;

#[derive(VmState, Debug, Clone, PartialEq)]
#[vmstate(name = "dev")]
struct Dev {
    level: u32,
}

/// The state of a machine.
#[derive(Debug, Clone, PartialEq)]
struct State {
    dev: Dev,
    memory: Vec<u8>,
}

/// The bytes are pieces of the files, with holes between them.
fn run(bytes: &[u8]) {
    let folder = folder();
    put(folder.path(), bytes);
    let store = Folder::open(folder.path()).expect("a folder");
    let _ = checked(store.verify());
    for snapshot in checked(store.list()).unwrap_or_default() {
        load(&store, &snapshot);
    }
    let mut state = State { dev: Dev { level: 3 }, memory: vec![7; SIZE] };
    let Some(saved) = checked(state.with_machine(|machine| machine.save_snapshot(&store, "new", SaveOptions::new())))
    else {
        return;
    };
    assert_eq!(load(&store, &saved), Some(state), "a folder with damaged files keeps new snapshots");
}

/// Loads a snapshot, if that is possible. An error leaves the machine unchanged.
fn load(store: &Folder, snapshot: &SnapshotInfo) -> Option<State> {
    let before = State { dev: Dev { level: 5 }, memory: vec![0x55; SIZE] };
    let mut state = before.clone();
    let key = snapshot.id.as_str();
    let loaded = checked(state.with_machine(|machine| machine.load_snapshot(store, key, LoadOptions::new())));
    match loaded {
        Some(_) => Some(state),
        None => {
            assert!(state == before, "a failed load of {key} has changed the machine");
            None
        }
    }
}

impl State {
    fn with_machine<R>(&mut self, run: impl FnOnce(&mut Machine<'_>) -> R) -> R {
        let mut ram = [VecBlock::new("ram", std::mem::take(&mut self.memory))];
        let mut machine = Machine::with_type("board");
        machine.register("dev", &mut self.dev).expect("a free name");
        machine.register_ram(PageSize::DEFAULT, &mut ram[..]).expect("a free name");
        let result = run(&mut machine);
        drop(machine);
        let [ram] = ram;
        self.memory = ram.to_vec();
        result
    }
}

fn checked<T>(result: Result<T, StoreError>) -> Option<T> {
    let text = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    assert!(text.len() < 16 << 10 && !text.contains(char::is_control), "{text}");
    result.ok()
}

/// Returns a folder in memory.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").expect("a folder in memory")
}

/// Writes the pieces to the files of the folder.
fn put(folder: &Path, mut bytes: &[u8]) {
    while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
        let number =
            |range: Range<usize>| head[range].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let (content, rest) = rest.split_at(rest.len().min(number(5..7) as usize));
        let path = folder.join(FILES[usize::from(head[0]) % FILES.len()]);
        let file = File::options().create(true).truncate(false).write(true).open(path).expect("a file in memory");
        file.write_all_at(content, (number(1..5) % LARGEST).into()).expect("a file in memory");
        bytes = rest;
    }
}

/// Replaces the random texts that identify snapshots, so that the seeds are always the same.
fn identify(folder: &Path) {
    for name in [FILES[0], FILES[2]] {
        let Ok(text) = fs::read_to_string(folder.join(name)) else { continue };
        let mut parts = text.split(IDENTITY);
        let mut fixed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (_, rest) = part.split_once('"').expect("the end of the text");
            fixed.extend([IDENTITY, "0\"", rest]);
        }
        fs::write(folder.join(name), fixed).expect("a file in memory");
    }
}

/// Returns the pieces of the files in a folder that are not zero.
fn pieces(folder: &Path) -> Vec<u8> {
    const PIECE: usize = 256;
    let mut pieces = Vec::new();
    for (number, name) in (0_u8..).zip(FILES) {
        let Ok(bytes) = fs::read(folder.join(name)) else { continue };
        for (offset, piece) in (0_u32..).step_by(PIECE).zip(bytes.chunks(PIECE)) {
            let is_last = offset as usize + piece.len() == bytes.len();
            if is_last || piece.iter().any(|byte| *byte != 0) {
                pieces.push(number);
                pieces.extend(offset.to_be_bytes());
                pieces.extend(u16::try_from(piece.len()).expect("a short piece").to_be_bytes());
                pieces.extend(piece);
            }
        }
    }
    pieces
}

/// An empty folder, one with a snapshot, and one with the changes since then, too.
fn seeds() -> Vec<Vec<u8>> {
    let (folder, mut seeds) = (folder(), vec![Vec::new()]);
    let store = Folder::create(folder.path()).expect("a folder");
    let mut state = State { dev: Dev { level: 1 }, memory: vec![0; SIZE] };
    state.memory[0x3000..0x3005].copy_from_slice(b"guest");
    let mut save = |state: &mut State, details: Details| {
        let details = details.date(UNIX_EPOCH);
        let saved = state.with_machine(|machine| machine.save_snapshot(&store, details, SaveOptions::new()));
        identify(folder.path());
        seeds.push(pieces(folder.path()));
        saved.expect("a snapshot")
    };
    save(&mut state, Details::new("full"));
    let full = store.find("full").expect("a snapshot");
    state.memory[0x8000] = 9;
    let layout = Layout::new(PageSize::DEFAULT, [&VecBlock::new("ram", vec![0; SIZE])]).expect("one block");
    let (log, mut changes) = (Marked::new(&layout), Changes::new(&layout));
    log.start().expect("a stopped log");
    log.mark(0, 0x8000, 1);
    changes.collect(&log).expect("a running log");
    save(&mut state, Details::new("later").comment("of a seed").changes_since(&full, changes));
    seeds
}
