//! Guest memory: how fast pages that are zero are found, and how fast the others are carried, beside the best plain code
//! in the same run and, with the feature `qemu`, beside real QEMUs.
//!
//!     cargo bench -p vmstate-tests --bench ram [-- zero | socket | files | memory | qemu]
//!
//! `VMSTATE_BENCH_MIB` is the size of the memory, 1024 if unset.

mod files;
mod guest;
mod measure;
#[cfg(feature = "qemu")]
mod qemu;
mod socket;
mod zero;

use std::env;

/// What is measured if its name is among the arguments, or if there is none.
const SUBJECTS: &[(&str, fn())] = &[
    ("zero", zero::measure),
    ("socket", socket::measure),
    ("files", files::measure),
    ("memory", socket::measure_memory),
    #[cfg(feature = "qemu")]
    ("qemu", qemu::measure),
];

fn main() {
    // Cargo says `--bench`.
    let asked: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, measure) in SUBJECTS {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            println!("\n{name}");
            measure();
        }
    }
}
