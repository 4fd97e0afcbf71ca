//! The memory of the guest, and its snapshots.

use std::sync::Arc;

use vmstate::machine::{Machine, SaveOptions};
use vmstate::memory::{Mapping, MappingOptions, PageSize, RamBlock};
use vmstate::snapshot::Store;

pub(crate) const PAGE: usize = 4096;
/// The most bytes with content.
const MOST: usize = 2 << 30;

pub(crate) fn map(size: usize) -> Arc<Mapping> {
    Arc::new(MappingOptions::anonymous().map("ram", size as u64).expect("address space"))
}

/// Returns the number of pages with content: half of the memory, at most 2 GiB.
pub(crate) fn pages(ram: &Mapping) -> usize {
    (ram.size() as usize / 2).min(MOST) / PAGE
}

/// Returns memory whose first pages have content, each another one.
pub(crate) fn filled(size: usize) -> Arc<Mapping> {
    let ram = map(size);
    for start in (0..pages(&ram)).map(|page| page * PAGE) {
        ram.memory().store(start, (start as u64 + 1).to_ne_bytes()).expect("a page");
    }
    ram
}

/// Saves a snapshot `boot`.
pub(crate) fn save(store: &dyn Store, ram: &Arc<Mapping>) {
    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, [ram.clone()]).expect("one section");
    machine.save_snapshot(store, "boot", SaveOptions::new()).expect("a snapshot");
}

/// Returns the sizes of memory in MiB.
pub(crate) fn sizes() -> impl Iterator<Item = usize> {
    let most = std::env::var("VMSTATE_BENCH_MIB").map_or(4096, |text| text.parse().expect("a number of MiB"));
    [64, 256, 1024, 4096, 16384].into_iter().filter(move |mib| *mib <= most)
}
