//! Service times of page faults.

use std::sync::Arc;
use std::time::Instant;

use vmstate::memory::{Mapping, MappingOptions, MinorFaults, MissingFaults};

use crate::plain::{Plain, alternate, table};

const PAGES: usize = 8192;
const PAGE: usize = 4096;
const CONTENT: [u8; PAGE] = {
    let mut content = [0; PAGE];
    content[0] = 1;
    content
};

pub(crate) fn measure() {
    let plain = Plain::compile("fault");
    for (name, ours) in [("missing", missing as fn() -> Vec<f64>), ("minor", minor)] {
        let arguments = [name.to_owned(), PAGES.to_string()];
        let times = alternate(9, || plain.run(&arguments), ours);
        let times = times.map(|times| times.iter().map(|time| time / 1e3).collect());
        table(&format!("{name} faults (us)"), ["C", "vmstate"], &["median", "99th percentile"], &times);
    }
}

fn missing() -> Vec<f64> {
    let ram = Arc::new(MappingOptions::anonymous().map("ram", (PAGES * PAGE) as u64).expect("memory"));
    let missing = MissingFaults::start(vec![ram.clone()], |pages, faults| {
        for fault in faults {
            pages.place(fault.block, fault.offset, &CONTENT).expect("a missing page");
        }
    });
    let _missing = missing.expect("a registration");
    touch(&ram)
}

fn minor() -> Vec<f64> {
    let ram = Arc::new(MappingOptions::memfd().map("ram", (PAGES * PAGE) as u64).expect("memory"));
    let minor = MinorFaults::start(vec![ram.clone()], |pages, faults| {
        for fault in faults {
            pages.place(fault.block, fault.offset, &CONTENT).expect("a missing page");
        }
    });
    let _minor = minor.expect("a registration");
    touch(&ram)
}

/// Reads each page, and returns the median and the 99th percentile of the times in nanoseconds.
fn touch(ram: &Mapping) -> Vec<f64> {
    let memory = ram.memory();
    let mut times: Vec<_> = (0..PAGES)
        .map(|page| {
            let start = Instant::now();
            assert_eq!(memory.load(page * PAGE), Some([1]));
            start.elapsed().as_nanos() as f64
        })
        .collect();
    times.sort_by(f64::total_cmp);
    vec![times[PAGES / 2], times[PAGES * 99 / 100]]
}
