//! Live migrations between two hosts of this process, compared with plain writes in the same run and, with the feature
//! `qemu`, with QEMU.
//!
//!     cargo bench -p vmstate-tests --all-features --bench migration [-- idle | random | zero | patterns | handover | relay]
//!
//! `VMSTATE_BENCH_MIB` is the size of the memory, 1024 if unset.

mod handover;
mod host;
mod idle;
#[path = "../ram/measure.rs"]
mod measure;
mod memory;
mod patterns;
#[cfg(feature = "qemu")]
mod qemu;
#[cfg(feature = "qemu")]
mod relay;

use std::env;

/// The measurements, selected by their names in the arguments; all if none is named.
const SUBJECTS: &[(&str, fn())] = &[
    ("idle", idle::measure),
    ("random", memory::random),
    ("zero", memory::zero),
    ("patterns", patterns::measure),
    ("handover", handover::measure),
    #[cfg(feature = "qemu")]
    ("relay", relay::measure),
];

fn main() {
    // Cargo passes `--bench`.
    let asked: Vec<_> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    for (name, measure) in SUBJECTS {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            println!("\n{name}");
            measure();
        }
    }
}
