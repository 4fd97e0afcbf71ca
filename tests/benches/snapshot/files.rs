//! Saves and loads of whole memories, compared with plain files in alternating runs.

use std::env::temp_dir;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vmstate::machine::{LoadOptions, Machine};
use vmstate::memory::{Mapping, PageSize};
use vmstate::snapshot::{Folder, Store};

use crate::guest::{PAGE, map, save, sizes};

const MIB: usize = 1 << 20;
const RUNS: usize = 5;

pub(crate) fn measure() {
    let mib = sizes().filter(|mib| *mib <= 1024).max().unwrap_or(64);
    println!("\n{mib} MiB, all of which has content; with fsync; median of {RUNS} runs");
    println!("  {:44} {:>12} {:>12} {:>12}", "(ms)", "plain file", "snapshot", "speed");
    let ram = full(mib << 20);
    for (place, folder) in [("tmpfs", Path::new("/dev/shm")), ("disk", &*temp_dir())] {
        let folder = TempDir::new_in(folder).expect("a folder");
        let (store, plain) = (Folder::open(folder.path()).expect("a folder"), folder.path().join("plain"));
        let content = ram.memory().to_vec();
        row(
            &format!("{place}: save"),
            || {
                let _ = std::fs::remove_file(&plain);
                time(|| write(&plain, &content))
            },
            || {
                let _ = store.delete("boot");
                time(|| save(&store, &ram))
            },
        );
        let mut buffer = vec![1; content.len()];
        row(
            &format!("{place}: load"),
            || time(|| File::open(&plain).and_then(|mut file| file.read_exact(&mut buffer)).expect("a file")),
            || load(&store, &map(mib << 20), &ram),
        );
    }
}

/// Returns memory without zero pages.
fn full(size: usize) -> Arc<Mapping> {
    let ram = map(size);
    for start in (0..size).step_by(PAGE) {
        ram.memory().store(start, (start as u64 + 1).to_ne_bytes()).expect("a page");
    }
    ram
}

/// Writes a new file as a store does: to another name, durable, then renamed.
fn write(path: &Path, content: &[u8]) {
    let part = path.with_extension("part-of-plain");
    let mut file = File::create(&part).expect("a file");
    content.chunks(MIB).for_each(|chunk| file.write_all(chunk).expect("a write"));
    file.sync_all().expect("a file on the disk");
    std::fs::rename(part, path).expect("a file");
}

fn load(store: &Folder, to: &Arc<Mapping>, from: &Mapping) -> Duration {
    // The baseline reads into memory that is allocated.
    to.memory().write(0, &vec![1; from.memory().len()]).expect("pages");
    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, [to.clone()]).expect("one section");
    let taken = time(|| {
        machine.load_snapshot(store, "boot", LoadOptions::new().without_rollback()).expect("a load");
    });
    assert!(to.memory().to_vec() == from.memory().to_vec(), "the memory has come");
    taken
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn row(name: &str, mut plain: impl FnMut() -> Duration, mut snapshot: impl FnMut() -> Duration) {
    let (mut plains, mut snapshots) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        plains.push(plain());
        snapshots.push(snapshot());
    }
    let [plain, snapshot] = [plains, snapshots].map(|mut times| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e3
    });
    println!("  {name:44} {plain:12.1} {snapshot:12.1} {:12.2}", plain / snapshot);
}
