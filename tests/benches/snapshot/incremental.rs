//! Incremental snapshots of which each has 1 % of the pages.

use std::time::Instant;

use vmstate::machine::{Machine, SaveOptions};
use vmstate::memory::{Changes, DirtyLog, Layout, Marked, PageSize};
use vmstate::snapshot::{Details, Folder, Store};

use crate::guest::{PAGE, filled, pages, save, sizes};

pub(crate) fn measure() {
    println!("\nincremental snapshots with 1 % written pages, compared with complete ones");
    println!(
        "  {:12} {:>16} {:>16} {:>8} {:>12} {:>12}",
        "", "complete (B)", "changes (B)", "", "save (ms)", "save (ms)"
    );
    for mib in sizes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, ram) = (Folder::open(folder.path()).expect("a folder"), filled(mib << 20));
        let start = Instant::now();
        save(&store, &ram);
        let complete = start.elapsed().as_secs_f64() * 1e3;
        let boot = store.find("boot").expect("a snapshot");
        let layout = Layout::new(PageSize::DEFAULT, [&ram]).expect("whole pages");
        let (log, mut changes) = (Marked::new(&layout), Changes::new(&layout));
        log.start().expect("a log");
        for page in (0..pages(&ram)).step_by(100) {
            ram.memory().store(page * PAGE + 8, [1; 8]).expect("a page");
            log.mark(0, (page * PAGE) as u64, 16);
        }
        let start = Instant::now();
        changes.collect(&log).expect("a running log");
        let mut machine = Machine::with_type("board");
        machine.register_ram(PageSize::DEFAULT, [ram.clone()]).expect("one section");
        let details = Details::new("changes").changes_since(&boot, changes);
        let saved = machine.save_snapshot(&store, details, SaveOptions::new()).expect("a snapshot");
        let taken = start.elapsed().as_secs_f64() * 1e3;
        let percent = saved.size as f64 * 100.0 / boot.size as f64;
        println!(
            "  {:12} {:16} {:16} {percent:6.2} % {complete:12.1} {taken:12.1}",
            format!("{mib} MiB"),
            boot.size,
            saved.size
        );
    }
}
